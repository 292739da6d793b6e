"""Write one parameter of a space as a call of an Optuna trial's ``suggest`` methods."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from hyperbridge.space.nodes import ComputedDistribution, Constant, Node, Parameter
from hyperbridge.translate.optuna_table import NORMAL_WIDTH
from hyperbridge.translate.source_helpers import (
    LOG_STEPS,
    NORMAL,
    NORMAL_LOG,
    NORMAL_STEP,
)
from hyperbridge.translate.source_text import Expression, Group
from hyperbridge.translate.source_values import UnwritableError, exponential, number, quoted

if TYPE_CHECKING:
    from hyperbridge.translate.source_optuna import Written

WIDER_REMARK = f"; TPE draws it {NORMAL_WIDTH:g} times as wide at first"
"""What is true of normals only where TPE chooses: at random they are drawn as they are."""


class _Arguments:
    """The arguments of a parameter's distribution, as numbers where known and as source."""

    def __init__(self, parameter: Parameter, write: Callable[[Node], str]) -> None:
        self._texts: dict[str, str] = {}
        self.values: dict[str, float | None] = {}
        distribution = parameter.distribution
        if not isinstance(distribution, ComputedDistribution):
            self.kind = type(distribution).__name__.lower()
            self.values.update(
                (e.name, getattr(distribution, e.name)) for e in fields(distribution)
            )
            return
        self.kind = distribution.kind
        for name, node in distribution.arguments:
            self.values[name] = node.value if isinstance(node, Constant) else None
            if not isinstance(node, Constant):
                self._texts[name] = write(node)
        has_high = self.values.get("high") is not None or "high" in self._texts
        if self.kind == "randint" and not has_high:
            self.values = {"low": 0, "high": self.values["low"]}
            if "low" in self._texts:
                self._texts = {"high": self._texts["low"]}

    def text(self, name: str) -> str:
        """Return the source of an argument."""
        if name in self._texts:
            return self._texts[name]
        value = self.values[name]
        assert value is not None
        return number(value)

    def words(self, name: str) -> str | None:
        """Return the source of an argument that is computed; None for a number."""
        return self._texts.get(name)


def suggestion(
    parameter: Parameter,
    casts: Sequence[str],
    written: Written,
    write: Callable[[Node], str],
) -> Expression:
    """Return the expression that suggests a parameter's value.

    Args:
        parameter: The parameter, its casts taken off.
        casts: ``int`` and ``float`` from the outside in.
        written: Takes imports, needs and remarks.
        write: Writes a node, for arguments that are expressions.

    Raises:
        UnwritableError: A pchoice's index is used outside of a pchoice, or a sigma is 0.
    """
    arguments = _Arguments(parameter, write)
    is_integer = "int" in casts
    writer = _WRITERS.get(arguments.kind)
    if writer is None:
        raise UnwritableError(f"{parameter.label!r}: {arguments.kind} outside of a choice")
    expression, gives_integer = writer(parameter.label, arguments, is_integer, written)
    if is_integer and not gives_integer:
        expression, gives_integer = Group("int(", [("", expression)], ")"), True
    if gives_integer and casts and casts[0] == "float":
        expression = Group("float(", [("", expression)], ")")
    return expression


_Result = tuple[Expression, bool]


def _call(method: str, label: str, *arguments: tuple[str, str]) -> Group:
    return Group(f"{method}(", [("", quoted(label)), *arguments], ")")


def _uniform(label: str, a: _Arguments, _is_integer: bool, _written: Written) -> _Result:
    ends = (("", a.text("low")), ("", a.text("high")))
    return _call("trial.suggest_float", label, *ends), False


def _loguniform(label: str, a: _Arguments, _is_integer: bool, written: Written) -> _Result:
    ends = [("", _exponential(a, name, written)) for name in ("low", "high")]
    return _call("trial.suggest_float", label, *ends, ("log=", "True")), False


def _exponential(a: _Arguments, name: str, written: Written) -> str:
    text, imports = exponential(a.values[name], a.words(name))
    written.imports |= imports
    return text


def _quniform(label: str, a: _Arguments, is_integer: bool, written: Written) -> _Result:
    low, high, q = (a.values[name] for name in ("low", "high", "q"))
    if low is None or high is None or q is None:
        written.remarks[label] = "both ends must be multiples of the step"
        ends = [("", a.text("low")), ("", a.text("high")), ("step=", a.text("q"))]
        integral = is_integer and q is not None and float(q).is_integer()
        method = "trial.suggest_int" if integral else "trial.suggest_float"
        return _call(method, label, *(ends[:2] if integral and q == 1 else ends)), integral
    texts = []
    # a value drawn exactly half-way between two multiples has no probability: look inwards
    steps = (math.floor(low / q + 0.5), math.ceil(high / q - 0.5))
    for name, end, count in (("low", low, steps[0]), ("high", high, steps[1])):
        rounded = count * q
        same = math.isclose(rounded, end, rel_tol=1e-12, abs_tol=1e-12)
        texts.append(("", a.text(name) if same else number(float(f"{rounded:.12g}"))))
        if not same:
            written.remarks[label] = (
                f"the ends are moved to multiples of {number(q)}, where hyperopt rounds them to"
            )
    if is_integer and float(q).is_integer():
        texts = [("", _integer(text)) for _, text in texts]
        step = [] if q == 1 else [("step=", _integer(a.text("q")))]
        return _call("trial.suggest_int", label, *texts, *step), True
    return _call("trial.suggest_float", label, *texts, ("step=", a.text("q"))), False


def _integer(text: str) -> str:
    """Return a literal such as ``5.0`` as ``5``; other expressions as they are."""
    try:
        return str(int(float(text)))
    except (ValueError, OverflowError):
        return text


def _qloguniform(label: str, a: _Arguments, is_integer: bool, written: Written) -> _Result:
    low, high, q = (a.values[name] for name in ("low", "high", "q"))
    if is_integer and q == 1 and low is not None and high is not None and low >= 0:
        ends = []
        for name, end in (("low", low), ("high", high)):
            text = _integer(_exponential(a, name, written))
            rounded = round(math.exp(end))
            ends.append(("", text if text == str(rounded) else str(rounded)))
        return _call("trial.suggest_int", label, *ends, ("log=", "True")), True
    written.needs.add(LOG_STEPS)
    ends = [("", _exponential(a, name, written)) for name in ("low", "high")]
    parts = [("", "trial"), ("", quoted(label)), *ends, ("step=", a.text("q"))]
    return Group("suggest_log_steps(", parts, ")"), False


def _normal(label: str, a: _Arguments, _is_integer: bool, written: Written) -> _Result:
    if a.values["sigma"] == 0:
        raise UnwritableError(f"{label!r}: a normal whose sigma is 0 has no quantiles")
    written.needs.add(NORMAL)
    written.remarks[label] = (
        "Optuna has no unbounded parameters: the study holds a quantile, the user attribute of"
        f" the same name the value{WIDER_REMARK}"
    )
    parts = [("", "trial"), ("", quoted(label)), ("", a.text("mu")), ("", a.text("sigma"))]
    if "log" in a.kind:
        written.needs.add(NORMAL_LOG)
        parts.append(("log=", "True"))
    if "q" in a.values:
        written.needs.add(NORMAL_STEP)
        parts.append(("step=", a.text("q")))
    return Group("suggest_normal(", parts, ")"), False


def _randint(label: str, a: _Arguments, _is_integer: bool, _written: Written) -> _Result:
    high = a.values["high"]
    words = a.words("high")
    try:
        last = number(float(words) - 1) if words is not None else number((high or 0) - 1)
    except ValueError:
        last = f"({words}) - 1" if " if " in str(words) else f"{words} - 1"
    return _call("trial.suggest_int", label, ("", _integer(a.text("low"))), ("", last)), True


_WRITERS: dict[str, Callable[[str, _Arguments, bool, Any], _Result]] = {
    "uniform": _uniform,
    "loguniform": _loguniform,
    "quniform": _quniform,
    "qloguniform": _qloguniform,
    "normal": _normal,
    "qnormal": _normal,
    "lognormal": _normal,
    "qlognormal": _normal,
    "randint": _randint,
}
