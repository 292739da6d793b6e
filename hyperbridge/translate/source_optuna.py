"""Write a search space as the body of a function that asks an Optuna trial for its values.

Source: Optuna reference, ``optuna.trial.Trial.suggest_float`` and its siblings. Optuna's
parameters are bounded and its steps are counted from the lower end; what therefore differs
from hyperopt's space is recorded as a remark.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hyperbridge.space.nodes import (
    Call,
    Choice,
    ComputedDistribution,
    Constant,
    DictNode,
    Node,
    Parameter,
    SequenceNode,
    cast_of,
    iterate,
)
from hyperbridge.translate.source_choices import Categories, categories_of
from hyperbridge.translate.source_parameters import suggestion
from hyperbridge.translate.source_text import Expression, Group, flat, render
from hyperbridge.translate.source_values import (
    UnwritableError,
    constant,
    identifier,
    literal,
    quoted,
)

_INFIX = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "truediv": "/",
    "floordiv": "//",
    "pow": "**",
    "eq": "==",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
}
_RANKS = {"add": 1, "sub": 1, "mul": 2, "truediv": 2, "floordiv": 2, "neg": 2, "pow": 3}
"""How closely operators bind; comparisons have 0."""

_FUNCTIONS = {
    "int": "int",
    "float": "float",
    "len": "len",
    "max": "max",
    "min": "min",
    "minimum": "min",
    "maximum": "max",
    "range": "range",
    "list": "list",
    "sum": "sum",
    "exp": "math.exp",
    "log": "math.log",
    "sin": "math.sin",
    "cos": "math.cos",
    "tan": "math.tan",
    "sqrt": "math.sqrt",
}


@dataclass(slots=True, eq=False)
class Written:
    """What is gathered while a space is written.

    Attributes:
        imports: Import statements that the code needs.
        needs: What it needs of `source_helpers`.
        remarks: What is not exactly hyperopt's, by label.
    """

    imports: set[str] = field(default_factory=set)
    needs: set[str] = field(default_factory=set)
    remarks: dict[str, str] = field(default_factory=dict)


class OptunaWriter:
    """Writes one function body."""

    def __init__(self) -> None:
        self._taken = {"trial", "math", "np", "optuna"}
        self._known: dict[str, Categories] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._lines: list[str] = []
        self._indent = 0
        self.written = Written()

    def body(self, root: Node) -> list[str]:
        """Return the lines of a body that returns the point, without indentation.

        Raises:
            UnwritableError: Something in the space cannot be said in source code.
        """
        self._finish(root, "return ")
        return self._lines

    def _emit(self, expression: Expression, prefix: str = "", suffix: str = "") -> None:
        self._lines += render(expression, indent=4 * self._indent, prefix=prefix, suffix=suffix)

    def _finish(self, node: Node, prefix: str) -> None:
        """Write statements that return a node's value or assign it, as the prefix says."""
        if isinstance(node, Choice) and self._branches(node):
            self._choose(node, lambda option: self._finish(option, prefix))
            return
        self._emit(self.expression(node), prefix)

    def _choose(self, node: Choice, write_option: Callable[[Node], None]) -> None:
        parameter = node.parameter
        assert parameter is not None
        names = self._categories(node)
        variable = self._variable(parameter.label, "")
        self._emit(self._categorical(parameter.label, names), f"{variable} = ")
        last = len(node.options) - 1
        for position, option in enumerate(node.options):
            if position == last and position > 0:
                self._emit("else:")
            else:
                word = "if" if position == 0 else "elif"
                self._emit(f"{word} {variable} == {names.texts[position]}:")
            self._indent += 1
            write_option(option)
            self._indent -= 1

    def _variable(self, label: str, suffix: str) -> str:
        key = (label, suffix)
        if key not in self._names:
            base = identifier(label) + suffix
            name, count = base, 2
            while name in self._taken:
                name, count = f"{base}_{count}", count + 1
            self._taken.add(name)
            self._names[key] = name
        return self._names[key]

    def _categories(self, node: Choice) -> Categories:
        parameter = node.parameter
        assert parameter is not None
        known = self._known.get(parameter.label)
        if known is None:
            known = self._known[parameter.label] = categories_of(node, self.written.imports)
            if known.remark is not None:
                self.written.remarks[parameter.label] = known.remark
        return known

    def _categorical(self, label: str, names: Categories) -> Expression:
        if names.integers is not None:
            low, high, step = names.integers
            parts = [("", quoted(label)), ("", str(low)), ("", str(high))]
            parts += [("step=", str(step))] if step != 1 else []
            return Group("trial.suggest_int(", parts, ")")
        listed = Group("[", [("", text) for text in names.allowed], "]")
        return Group("trial.suggest_categorical(", [("", quoted(label)), ("", listed)], ")")

    def _branches(self, node: Choice) -> bool:
        """Tell whether the options of a choice have parameters of their own."""
        return any(_has_parameters(option) for option in node.options)

    def expression(self, node: Node) -> Expression:
        """Return the expression for a node; statements it needs are written before."""
        if not _has_parameters(node):
            return constant(node, self.written.imports)
        if isinstance(node, Choice):
            return self._choice(node)
        if isinstance(node, DictNode):
            return Group("{", self._entries(node), "}")
        if isinstance(node, SequenceNode):
            parts = [("", self.expression(item)) for item in node.items]
            return Group("(", parts, ",)" if len(parts) == 1 else ")")
        casts: list[str] = []
        inner = node
        while (cast := cast_of(inner)) is not None:
            casts.append(cast[0])
            inner = cast[1]
        if isinstance(inner, Parameter):
            return suggestion(inner, casts, self.written, self._argument)
        assert isinstance(node, Call)
        return self._call(node)

    def _entries(self, node: DictNode) -> list[tuple[str, Expression]]:
        return [
            (f"{literal(key, self.written.imports)}: ", self.expression(value))
            for key, value in zip(node.keys, node.values, strict=True)
        ]

    def _argument(self, node: Node) -> str:
        return flat(self.expression(node))

    def _choice(self, node: Choice) -> Expression:
        parameter = node.parameter
        if parameter is None:
            raise UnwritableError("a scope.switch whose index is computed")
        if isinstance(parameter.distribution, ComputedDistribution):
            raise UnwritableError(f"choice {parameter.label!r} has a computed number of options")
        if self._branches(node):
            variable = self._variable(parameter.label, "_params")
            self._choose(node, lambda option: self._finish(option, f"{variable} = "))
            return variable
        names = self._categories(node)
        asked = self._categorical(parameter.label, names)
        if names.are_values:
            return asked
        options = [constant(o, self.written.imports) for o in node.options]
        pairs = [(f"{name}: ", option) for name, option in zip(names.texts, options, strict=True)]
        return Group("{", pairs, f"}}[{flat(asked)}]")

    def _call(self, node: Call) -> Expression:
        if not node.is_standard or node.kwargs:
            raise UnwritableError(f"scope.{node.name} is a function of your own")
        if node.name in _INFIX and len(node.args) == 2:
            rank = _RANKS.get(node.name, 0)
            left = self._operand(node.args[0], rank + (node.name == "pow"))
            right = self._operand(node.args[1], rank + (node.name != "pow"))
            return f"{left} {_INFIX[node.name]} {right}"
        if node.name == "neg":
            return f"-{self._operand(node.args[0], 3)}"
        if node.name == "getitem" and len(node.args) == 2:
            container, key = (flat(self.expression(arg)) for arg in node.args)
            return f"{container}[{key}]"
        if node.name not in _FUNCTIONS:
            raise UnwritableError(f"scope.{node.name} has no counterpart that is written")
        function = _FUNCTIONS[node.name]
        if function.startswith("math."):
            self.written.imports.add("import math")
        return Group(f"{function}(", [("", self.expression(arg)) for arg in node.args], ")")

    def _operand(self, node: Node, rank: int) -> str:
        """Return an operand, in brackets when its operator binds more loosely than a rank."""
        text = flat(self.expression(node))
        if isinstance(node, Constant):
            return f"({text})" if not text.replace(".", "").isalnum() else text
        if isinstance(node, Call) and (node.name in _INFIX or node.name == "neg"):
            return f"({text})" if _RANKS.get(node.name, 0) < rank else text
        return text


def _has_parameters(node: Node) -> bool:
    return any(isinstance(part, Parameter | Choice | Call) for part in iterate(node))
