"""What each distribution of hyperopt's becomes as a call of a trial's ``suggest`` methods.

`translate.optuna_table` says which call it is and what it gets; this writes the arguments.
Source: hyperopt.pyll_utils; Optuna reference, ``Trial.suggest_float``, ``suggest_int``.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from dataclasses import dataclass, field

from hyperbridge.migrate.module import Module
from hyperbridge.migrate.syntax import operand
from hyperbridge.migrate.values import NotConstantError, evaluate
from hyperbridge.translate.counterparts import Arguments, Row, multiples
from hyperbridge.translate.optuna_table import OPTUNA

SIGNATURES: dict[str, tuple[str, ...]] = {
    "uniform": ("label", "low", "high"),
    "loguniform": ("label", "low", "high"),
    "quniform": ("label", "low", "high", "q"),
    "qloguniform": ("label", "low", "high", "q"),
    "normal": ("label", "mu", "sigma"),
    "lognormal": ("label", "mu", "sigma"),
    "qnormal": ("label", "mu", "sigma", "q"),
    "qlognormal": ("label", "mu", "sigma", "q"),
    "randint": ("label", "low", "high"),
    "uniformint": ("label", "low", "high", "q"),
    "choice": ("label", "options"),
    "pchoice": ("label", "p_options"),
}
_OTHER_NAMES = {"lower": "low", "upper": "high", "loc": "mu", "scale": "sigma"}
LATENT = ("normal", "lognormal", "qnormal", "qlognormal", "qloguniform")
BOUNDS = "0.1 % and 99.9 %"
_DEVIATIONS = "3.09"
"""So many standard deviations from the mean are the quantiles of `BOUNDS`."""
_LOGS = ("numpy.log", "math.log")


class UnreadableCallError(ValueError):
    """A call of ``hp`` does not have the arguments that it takes; the message says why."""


@dataclass(slots=True)
class Needs:
    """What the code of one file needs besides itself.

    Attributes:
        imports: Import statements.
        helpers: Names of helper functions; see `helpers`.
        taken: Names that something in the file has.
        named: The names of the helpers in the file.
        bounds_normals: Whether a normal becomes a plain range between two of its quantiles.
    """

    imports: set[str] = field(default_factory=set)
    helpers: set[str] = field(default_factory=set)
    taken: set[str] = field(default_factory=set)
    named: dict[str, str] = field(default_factory=dict)
    bounds_normals: bool = False

    def helper(self, name: str) -> str:
        """Have a helper in the file, and return the name that it has there."""
        self.helpers.add(name)
        if name not in self.named:
            self.named[name] = self.unused(name)
        return self.named[name]

    def unused(self, name: str) -> str:
        """Return a name that nothing in the file has, and take it."""
        found, count = name, 2
        while found in self.taken:
            found, count = f"{name}_{count}", count + 1
        self.taken.add(found)
        return found


def arguments_of(call: ast.Call, kind: str) -> dict[str, ast.expr]:
    """Return the arguments of ``hp.<kind>`` by name.

    Raises:
        UnreadableCallError: They do not fit.
    """
    names = SIGNATURES.get(kind)
    if names is None:
        raise UnreadableCallError(f"hp.{kind} is not a distribution that is known")
    if any(isinstance(arg, ast.Starred) for arg in call.args) or any(
        k.arg is None for k in call.keywords
    ):
        raise UnreadableCallError(f"hp.{kind} is called with * or **: write its arguments out")
    given = dict(zip(names, call.args, strict=False))
    for keyword in call.keywords:
        name = str(keyword.arg)
        given[_OTHER_NAMES.get(name, name)] = keyword.value
    needed = [n for n in names if n != "q" or kind.startswith("q")]
    needed = needed[:2] if kind == "randint" else needed
    if kind == "uniformint":  # hyperopt has it that q is 1, whatever is given
        given.pop("q", None)
    if kind == "randint" and "low" not in given and "high" in given:
        given["low"] = given.pop("high")
    if len(call.args) > len(names) or not set(needed) <= set(given) <= set(names):
        raise UnreadableCallError(f"hp.{kind} takes {', '.join(names)}")
    return given


def number(module: Module, expr: ast.expr) -> int | float | None:
    """Return the value of an expression that is a number in the source; else None."""
    try:
        value = evaluate(module, expr, is_number=True)
    except NotConstantError:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if isinstance(value, float) else value


def wrong_in(module: Module, kind: str, given: dict[str, ast.expr]) -> str | None:
    """Return why hyperopt or the new engine refuses these arguments; None when neither does."""
    label = given["label"]
    shown = repr(label.value) if isinstance(label, ast.Constant) else f"hp.{kind}"
    if isinstance(label, ast.Constant) and not isinstance(label.value, str):
        return f"{shown}: a label must be a text"
    values = {name: number(module, expr) for name, expr in given.items() if name != "label"}
    low, high = values.get("low"), values.get("high")
    if low is not None and high is not None and low >= high:
        return f"{shown}: low must be less than high, not {low:g} and {high:g}"
    if kind == "randint" and "high" not in given and low is not None and low <= 0:
        return f"{shown}: high must be positive, not {low:g}"
    for name, what in (("q", "q"), ("sigma", "sigma")):
        value = values.get(name)
        if value is not None and value <= 0:
            return f"{shown}: {what} must be positive, not {value:g}"
    return None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """How one parameter is asked for.

    Attributes:
        text: The expression.
        remark: The code and the text of what is not as it was; None for nothing.
    """

    text: str
    remark: tuple[str, str] | None = None


@dataclass(slots=True)
class Written:
    """Writes the arguments that an engine's table asks for, for one file.

    Args:
        module: The file.
        needs: Gets what the code needs.
        text: Gives the source of an argument.
    """

    module: Module
    needs: Needs
    text: Callable[[ast.expr], str]

    def ends(self, row: Row, given: dict[str, ast.expr], *, whole: bool) -> list[str] | None:
        """Return the source of the two ends of a range; None where the source does not tell.

        Args:
            row: What the engine has for the distribution.
            given: hyperopt's arguments.
            whole: Whether the engine's range is one of integers.
        """
        if "high" not in given:  # of randint
            low, high = None, given["low"]
        else:
            low, high = given["low"], given["high"]
        if row.arguments is Arguments.MULTIPLES:
            return self._whole_multiples(given) if whole else self._multiples(given)
        if row.arguments in (Arguments.EXP, Arguments.EXP_EXCLUDED):
            assert low is not None
            return self._whole_exps(row, low, high) if whole else [self._exp(low), self._exp(high)]
        last = self.text(high)
        if row.arguments is Arguments.INCLUDED:
            value = number(self.module, high)
            is_plain = isinstance(high, ast.Constant) and isinstance(value, int | float)
            last = str(int(value or 0) - 1) if is_plain else f"{operand(last)} - 1"
        return ["0" if low is None else self.text(low), last]

    def _multiples(self, given: dict[str, ast.expr]) -> list[str] | None:
        low, high, q = (number(self.module, given[n]) for n in ("low", "high", "q"))
        if low is None or high is None or not q:
            return None
        ends = []
        for count, value, name in zip(
            multiples(low, high, q), (low, high), ("low", "high"), strict=True
        ):
            rounded = count * q
            is_one = abs(rounded - value) < 1e-9 * max(1, abs(value))
            shown = rounded if isinstance(rounded, int) else float(f"{rounded:.12g}")
            ends.append(self.text(given[name]) if is_one else repr(shown))
        return ends

    def _whole_multiples(self, given: dict[str, ast.expr]) -> list[str] | None:
        low, high = (number(self.module, given[n]) for n in ("low", "high"))
        if "q" in given:
            q = number(self.module, given["q"])
            if low is None or high is None or not q or int(q) != q:
                return None
            if round(low / q) * q != low or round(high / q) * q != high:
                return None
        elif low is not None and high is not None and not low == int(low) < int(high) == high:
            return [str(count) for count in multiples(low, high, 1)]
        return [self.whole(given["low"]), self.whole(given["high"])]

    def _whole_exps(self, row: Row, low: ast.expr, high: ast.expr) -> list[str] | None:
        values = [number(self.module, end) for end in (low, high)]
        if any(value is None or value > 700 for value in values):
            return None
        first, last = (round(math.exp(value or 0)) for value in values)
        further = row.arguments is Arguments.EXP_EXCLUDED
        return None if first < 1 else [str(first), str(last + further)]

    def step(self, given: dict[str, ast.expr], *, whole: bool) -> str | None:
        """Return the source of a step; None for steps of 1, where the range is of integers."""
        if not whole:
            return self.text(given["q"])
        if "q" not in given or number(self.module, given["q"]) == 1:
            return None
        return self.whole(given["q"])

    def whole(self, expr: ast.expr) -> str:
        """Return the source of a number that is an integer."""
        value = number(self.module, expr)
        return str(int(value)) if isinstance(value, float) else self.text(expr)

    def _exp(self, expr: ast.expr) -> str:
        """Return the source of e to the power of an expression."""
        if isinstance(expr, ast.Call) and (self.module.names.dotted(expr.func) or "") in _LOGS:
            return self.text(expr.args[0])
        if number(self.module, expr) == 0:
            return "1"
        self.needs.imports.add("import math")
        return f"math.exp({self.text(expr)})"


@dataclass(slots=True)
class Asking(Written):
    """Writes calls of ``suggest`` for one file."""

    def suggest(self, kind: str, given: dict[str, ast.expr], trial: str) -> Suggestion:
        """Return how a parameter that is no choice is asked for."""
        label = self.text(given["label"])
        if kind == "uniformint":
            return Suggestion(self._integers(given, trial, label))
        row = OPTUNA[kind]
        if row.arguments is Arguments.QUANTILES:
            return self._normal(kind, given, trial, label)
        ends = self.ends(row, given, whole=False)
        if row.after:  # the value is computed from what is asked for
            assert ends is not None
            return self._log_steps(given, trial, label, ends)
        if ends is None:
            name = self.needs.helper("suggest_rounded")
            texts = ", ".join(self.text(given[n]) for n in ("low", "high", "q"))
            return Suggestion(f"{name}({trial}, {label}, {texts})")
        return Suggestion(self._call(row, trial, label, ends, given, whole=False))

    def integer(self, kind: str, given: dict[str, ast.expr], trial: str) -> Suggestion | None:
        """Return how the integer of a quantized parameter is asked for; None where it cannot be."""
        if kind in ("randint", "uniformint"):
            return self.suggest(kind, given, trial)
        row = OPTUNA.get(f"{kind} as int")
        if row is None or (kind == "qloguniform" and number(self.module, given["q"]) != 1):
            return None
        ends = self.ends(row, given, whole=True)
        if ends is None:
            return None
        label = self.text(given["label"])
        return Suggestion(self._call(row, trial, label, ends, given, whole=True))

    def _call(
        self,
        row: Row,
        trial: str,
        label: str,
        ends: list[str],
        given: dict[str, ast.expr],
        *,
        whole: bool,
    ) -> str:
        step = self.step(given, whole=whole) if row.step else None
        more = "" if step is None else f", step={step}"
        more += ", log=True" if row.log else ""
        return f"{trial}.{row.call}({label}, {', '.join(ends)}{more})"

    def _integers(self, given: dict[str, ast.expr], trial: str, label: str) -> str:
        row = OPTUNA["quniform as int"]
        ends = self.ends(row, given, whole=True)
        assert ends is not None  # steps of 1
        return self._call(row, trial, label, ends, given, whole=True)

    def _log_steps(
        self, given: dict[str, ast.expr], trial: str, label: str, ends: list[str]
    ) -> Suggestion:
        name = self.needs.helper("suggest_log_steps")
        return Suggestion(
            f"{name}({trial}, {label}, {', '.join(ends)}, step={self.text(given['q'])})",
            (
                "HB228",
                "Optuna has no steps on a logarithmic scale: the study holds the number before"
                " rounding, a user attribute of the trial the rounded one",
            ),
        )

    def _bounded(self, kind: str, given: dict[str, ast.expr], trial: str, label: str) -> Suggestion:
        """Return the range between the quantiles of a normal that `BOUNDS` names."""
        is_log = "log" in kind
        ends = [self._end(given, sign, is_log=is_log) for sign in "-+"]
        shape = "log-uniform" if is_log else "uniform"
        remark = "HB238", f"a {shape} range between the {BOUNDS} quantiles takes its normal's place"
        if kind == "qlognormal":
            name = self.needs.helper("suggest_log_steps")
            step = self.text(given["q"])
            return Suggestion(f"{name}({trial}, {label}, {', '.join(ends)}, step={step})", remark)
        if kind == "qnormal":
            name = self.needs.helper("suggest_rounded")
            step = self.text(given["q"])
            return Suggestion(f"{name}({trial}, {label}, {', '.join(ends)}, {step})", remark)
        log = ", log=True" if is_log else ""
        return Suggestion(f"{trial}.suggest_float({label}, {', '.join(ends)}{log})", remark)

    def _end(self, given: dict[str, ast.expr], sign: str, *, is_log: bool) -> str:
        """Return the source of one end of a normal's range."""
        mu, sigma = number(self.module, given["mu"]), number(self.module, given["sigma"])
        if mu is not None and sigma is not None:
            value = mu + float(f"{sign}{_DEVIATIONS}") * sigma
            if not is_log or abs(value) < 700:
                return repr(float(f"{math.exp(value) if is_log else value:.6g}"))
        mean, width = operand(self.text(given["mu"])), operand(self.text(given["sigma"]))
        text = f"{mean} {sign} {_DEVIATIONS} * {width}"
        if is_log:
            self.needs.imports.add("import math")
        return f"math.exp({text})" if is_log else text

    def _normal(self, kind: str, given: dict[str, ast.expr], trial: str, label: str) -> Suggestion:
        if self.needs.bounds_normals:
            return self._bounded(kind, given, trial, label)
        name = self.needs.helper("suggest_normal")
        options = ""
        if "log" in kind:
            self.needs.helpers.add("suggest_normal, log")
            options += ", log=True"
        if kind.startswith("q"):
            self.needs.helpers.add("suggest_normal, step")
            options += f", step={self.text(given['q'])}"
        mu, sigma = self.text(given["mu"]), self.text(given["sigma"])
        return Suggestion(
            f"{name}({trial}, {label}, {mu}, {sigma}{options})",
            (
                "HB223",
                "Optuna has no unbounded parameters: the study holds a quantile, a user attribute"
                " of the trial the value; TPE draws it 1.5 times as wide at first",
            ),
        )
