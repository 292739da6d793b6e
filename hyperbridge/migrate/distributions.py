"""What each distribution of hyperopt's becomes as a call of a trial's ``suggest`` methods.

Source: hyperopt.pyll_utils; Optuna reference, ``Trial.suggest_float``, ``suggest_int``.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field

from hyperbridge.migrate.module import Module
from hyperbridge.migrate.syntax import operand
from hyperbridge.migrate.values import NotConstantError, evaluate

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
    """

    imports: set[str] = field(default_factory=set)
    helpers: set[str] = field(default_factory=set)
    taken: set[str] = field(default_factory=set)
    named: dict[str, str] = field(default_factory=dict)

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
    if kind == "randint" and "low" not in given and "high" in given:
        given["low"] = given.pop("high")
    if len(call.args) > len(names) or not set(needed) <= set(given) <= set(names):
        raise UnreadableCallError(f"hp.{kind} takes {', '.join(names)}")
    return given


def number(module: Module, expr: ast.expr) -> int | float | None:
    """Return the value of an expression that is a number in the source; else None."""
    try:
        value = evaluate(module, expr)
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
class Asking:
    """Writes calls of ``suggest`` for one file.

    Args:
        module: The file.
        needs: Gets what the code needs.
        text: Gives the source of an argument.
        width: How much wider a normal is drawn; see `helpers`.
    """

    module: Module
    needs: Needs
    text: Callable[[ast.expr], str]

    def suggest(self, kind: str, given: dict[str, ast.expr], trial: str) -> Suggestion:
        """Return how a parameter that is no choice is asked for."""
        label = self.text(given["label"])
        if kind == "uniform":
            low, high = self.text(given["low"]), self.text(given["high"])
            return Suggestion(f"{trial}.suggest_float({label}, {low}, {high})")
        if kind == "loguniform":
            low, high = self._exp(given["low"]), self._exp(given["high"])
            return Suggestion(f"{trial}.suggest_float({label}, {low}, {high}, log=True)")
        if kind == "quniform":
            return self._quniform(given, trial, label)
        if kind == "qloguniform":
            return self._qloguniform(given, trial, label)
        if kind == "randint":
            return self._randint(given, trial, label)
        if kind == "uniformint":
            return self._integer(given, trial, label)
        return self._normal(kind, given, trial, label)

    def integer(self, kind: str, given: dict[str, ast.expr], trial: str) -> Suggestion | None:
        """Return how the integer of a quantized parameter is asked for; None where it cannot be."""
        label = self.text(given["label"])
        if kind == "quniform":
            low, high, q = (number(self.module, given[n]) for n in ("low", "high", "q"))
            if None in (low, high, q) or int(q or 0) != q or not q:
                return None
            if self._rounded(low, q) != low or self._rounded(high, q) != high:
                return None
            step = "" if q == 1 else f", step={self._int(given['q'])}"
            ends = f"{self._int(given['low'])}, {self._int(given['high'])}"
            return Suggestion(f"{trial}.suggest_int({label}, {ends}{step})")
        if kind == "qloguniform" and number(self.module, given["q"]) == 1:
            low, high = (self._exp_value(given[n]) for n in ("low", "high"))
            if low is None or high is None or round(low) < 1:
                return None
            ends = f"{round(low)}, {round(high)}"
            return Suggestion(f"{trial}.suggest_int({label}, {ends}, log=True)")
        if kind in ("randint", "uniformint"):
            return self.suggest(kind, given, trial)
        return None

    @staticmethod
    def _rounded(value: float | None, q: float | None) -> float:
        assert value is not None
        assert q is not None
        return round(value / q) * q

    def _int(self, expr: ast.expr) -> str:
        value = number(self.module, expr)
        if isinstance(value, float):
            return str(int(value))
        return self.text(expr)

    def _exp_value(self, expr: ast.expr) -> float | None:
        import math

        value = number(self.module, expr)
        return None if value is None or value > 700 else math.exp(value)

    def _exp(self, expr: ast.expr) -> str:
        """Return the source of e to the power of an expression."""
        if isinstance(expr, ast.Call) and (self.module.names.dotted(expr.func) or "") in _LOGS:
            return self.text(expr.args[0])
        value = number(self.module, expr)
        if value == 0:
            return "1"
        self.needs.imports.add("import math")
        return f"math.exp({self.text(expr)})"

    def _quniform(self, given: dict[str, ast.expr], trial: str, label: str) -> Suggestion:
        low, high, q = (number(self.module, given[n]) for n in ("low", "high", "q"))
        texts = [self.text(given[n]) for n in ("low", "high", "q")]
        if low is None or high is None or not q:
            name = self.needs.helper("suggest_rounded")
            return Suggestion(f"{name}({trial}, {label}, {', '.join(texts)})")
        ends = []
        for value, text in ((low, texts[0]), (high, texts[1])):
            rounded = round(value / q) * q
            ends.append(text if abs(rounded - value) < 1e-9 * max(1, abs(value)) else repr(rounded))
        return Suggestion(f"{trial}.suggest_float({label}, {ends[0]}, {ends[1]}, step={texts[2]})")

    def _qloguniform(self, given: dict[str, ast.expr], trial: str, label: str) -> Suggestion:
        name = self.needs.helper("suggest_log_steps")
        low, high = self._exp(given["low"]), self._exp(given["high"])
        step = self.text(given["q"])
        return Suggestion(
            f"{name}({trial}, {label}, {low}, {high}, step={step})",
            (
                "HB228",
                "Optuna has no steps on a logarithmic scale: the study holds the number before"
                " rounding, a user attribute of the trial the rounded one",
            ),
        )

    def _randint(self, given: dict[str, ast.expr], trial: str, label: str) -> Suggestion:
        low, high = ("0", given["low"]) if "high" not in given else (None, given["high"])
        start = low if low is not None else self.text(given["low"])
        value = number(self.module, high)
        if isinstance(high, ast.Constant) and isinstance(value, int | float):
            last = str(int(value) - 1)
        else:
            last = f"{operand(self.text(high))} - 1"
        return Suggestion(f"{trial}.suggest_int({label}, {start}, {last})")

    def _integer(self, given: dict[str, ast.expr], trial: str, label: str) -> Suggestion:
        low, high = self._int(given["low"]), self._int(given["high"])
        step = ""
        if "q" in given and number(self.module, given["q"]) != 1:
            step = f", step={self._int(given['q'])}"
        return Suggestion(f"{trial}.suggest_int({label}, {low}, {high}{step})")

    def _normal(self, kind: str, given: dict[str, ast.expr], trial: str, label: str) -> Suggestion:
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
