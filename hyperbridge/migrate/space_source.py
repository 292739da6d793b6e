"""Read a search space from source code into the neutral nodes, without running it.

The nodes are those that ``hyperbridge.translate.from_hyperopt`` makes of the live space. What
the source spells with names or function calls is remembered beside them, so that the code that
is written for them can say it in the user's own words.
"""

from __future__ import annotations

import ast
import dataclasses
from dataclasses import dataclass, field
from typing import Any

from hyperbridge.migrate.module import Module
from hyperbridge.migrate.scopes import Binding
from hyperbridge.migrate.space_parts import (
    UnreadableSpaceError,
    arguments_of,
    is_literal,
    node_of,
    returned_by,
    standard,
)
from hyperbridge.migrate.space_uses import uses_hyperopt
from hyperbridge.migrate.values import NotConstantError, evaluate, is_mutated
from hyperbridge.space.distributions import make_distribution
from hyperbridge.space.functions import STANDARD_FUNCTIONS
from hyperbridge.space.nodes import (
    Choice,
    ComputedDistribution,
    Constant,
    DictNode,
    Node,
    Parameter,
    SequenceNode,
)
from hyperbridge.translate.source_text import SourceExpression, Texts

_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "truediv",
    ast.FloorDiv: "floordiv",
    ast.Pow: "pow",
}
_INT_KINDS = ("randint", "uniformint")


@dataclass(slots=True, eq=False)
class SourceSpace:
    """A search space as read from source.

    Attributes:
        root: The node at the top.
        texts: The user's own words for values in it.
        bindings: The variables that hold the space or parts of it, outermost first.
        expressions: Every expression that was read.
        names: Every name that occurs in the user's own words.
    """

    root: Node
    texts: Texts
    bindings: list[Binding] = field(default_factory=list)
    expressions: list[ast.expr] = field(default_factory=list)
    names: set[str] = field(default_factory=set)


def read_space_source(module: Module, expr: ast.expr) -> SourceSpace:
    """Read the space that an expression, for example fmin's argument, stands for.

    Raises:
        UnreadableSpaceError: The source alone does not tell.
    """
    reader = _Reader(module)
    root = reader.read(expr)
    return SourceSpace(root, reader.texts, reader.bindings, reader.expressions, reader.words)


class _Reader:
    def __init__(self, module: Module) -> None:
        self._module = module
        self._nodes: dict[int, Node] = {}
        self._by_binding: dict[int, Node] = {}
        self._labels: dict[str, ast.AST] = {}
        self.texts = Texts()
        self.bindings: list[Binding] = []
        self.expressions: list[ast.expr] = []
        self.words: set[str] = set()

    def read(self, expr: ast.expr) -> Node:
        """Read an expression."""
        if not self.expressions and not uses_hyperopt(self._module, expr):
            told = "" if not isinstance(expr, ast.Name) else f" as {expr.id!r}"
            raise UnreadableSpaceError(expr, f"the space given{told} is not assigned in this file")
        self.expressions.append(expr)
        return self._read(expr)

    def _read(self, expr: ast.expr) -> Node:
        if not uses_hyperopt(self._module, expr):
            return self._constant(expr)
        if isinstance(expr, ast.Name):
            return self._named(expr)
        if isinstance(expr, ast.Dict):
            return self._dict(expr)
        if isinstance(expr, ast.List | ast.Tuple):
            self._refuse_stars(expr)
            items = tuple(self._read(item) for item in expr.elts)
            return SequenceNode(items, "list" if isinstance(expr, ast.List) else "tuple")
        if isinstance(expr, ast.Call):
            return self._call(expr)
        if isinstance(expr, ast.BinOp) and type(expr.op) in _OPERATORS:
            name = _OPERATORS[type(expr.op)]
            return standard(name, self._read(expr.left), self._read(expr.right))
        if isinstance(expr, ast.UnaryOp) and isinstance(expr.op, ast.USub):
            return standard("neg", self._read(expr.operand))
        if isinstance(expr, ast.ListComp | ast.DictComp | ast.GeneratorExp | ast.SetComp):
            raise UnreadableSpaceError(expr, "the space is built in a loop")
        raise UnreadableSpaceError(expr, "this part of the space is computed")

    def _refuse_stars(self, expr: ast.List | ast.Tuple) -> None:
        for item in expr.elts:
            if isinstance(item, ast.Starred):
                raise UnreadableSpaceError(item, "a part of the space is unpacked with *")

    def _named(self, expr: ast.Name) -> Node:
        binding = self._module.names.only_binding(expr)
        if binding is None:
            raise UnreadableSpaceError(expr, f"{expr.id!r} is assigned in several places")
        if binding.value is None:
            raise UnreadableSpaceError(expr, f"{expr.id!r} is not assigned in this file")
        if is_mutated(self._module, expr):
            raise UnreadableSpaceError(expr, f"{expr.id!r} is changed after it is assigned")
        known = self._by_binding.get(id(binding))
        if known is None:
            self.bindings.append(binding)
            known = self._by_binding[id(binding)] = self.read(binding.value)
        return known

    def _constant(self, expr: ast.expr) -> Node:
        """Read what has no parameter in it; containers become nodes, as in hyperopt."""
        if isinstance(expr, ast.List | ast.Tuple):
            self._refuse_stars(expr)
            items = tuple(self._constant(item) for item in expr.elts)
            return SequenceNode(items, "list" if isinstance(expr, ast.List) else "tuple")
        if isinstance(expr, ast.Dict) and expr.keys and None not in expr.keys:
            return self._dict(expr)
        if isinstance(expr, ast.Starred):
            raise UnreadableSpaceError(expr, "a part of the space is unpacked with *")
        try:
            value = evaluate(self._module, expr)
        except NotConstantError:
            return self._opaque(expr)
        node = node_of(value)
        if not is_literal(expr):
            self.texts.of_node[id(node)] = self._words_of(expr)
            self.texts.kept.append(node)
        return node

    def _opaque(self, expr: ast.expr) -> Constant:
        for part in ast.walk(expr):
            if isinstance(part, ast.Name):
                bindings = self._module.names.bindings(part)
                if any(isinstance(b.node, ast.comprehension) for b in bindings):
                    outside = not any(n is b.scope.node for b in bindings for n in ast.walk(expr))
                    if outside:
                        raise UnreadableSpaceError(expr, "the space is built in a loop")
        return Constant(SourceExpression(self._words_of(expr)))

    def _words_of(self, expr: ast.expr) -> str:
        self.words.update(part.id for part in ast.walk(expr) if isinstance(part, ast.Name))
        text = self._module.original(expr)
        return f"({text})" if "\n" in text else text

    def _dict(self, expr: ast.Dict) -> DictNode:
        entries: dict[Any, Node] = {}
        comments: dict[Any, tuple[tuple[str, ...], str | None]] = {}
        for key, value in zip(expr.keys, expr.values, strict=True):
            if key is None:
                inner = self._read(value)
                if not isinstance(inner, DictNode):
                    raise UnreadableSpaceError(value, "a part of the space is unpacked with **")
                entries.update(zip(inner.keys, inner.values, strict=True))
                continue
            name = self._key(key)
            entries[name] = self._read(value)
            lines = (key.lineno, value.end_lineno or value.lineno)
            if (found := self._comments(expr, *lines)) is not None:
                comments[name] = found
        node = self._sorted_dict(expr, entries)
        for name, found in comments.items():
            self.texts.comment_of[id(node), name] = found
        return node

    def _comments(
        self, expr: ast.Dict, first: int, last: int
    ) -> tuple[tuple[str, ...], str | None] | None:
        above: list[str] = []
        all_comments = self._module.comments
        line = first - 1
        while line > expr.lineno and line in all_comments and all_comments[line][0]:
            above.insert(0, all_comments[line][1])
            line -= 1
        behind = all_comments.get(last)
        if not above and behind is None:
            return None
        return tuple(above), None if behind is None else behind[1]

    def _sorted_dict(self, expr: ast.expr, entries: dict[Any, Node]) -> DictNode:
        try:
            keys = sorted(entries)
        except TypeError as exc:
            raise UnreadableSpaceError(expr, f"hyperopt cannot sort these keys: {exc}") from exc
        node = DictNode(tuple(keys), tuple(entries[key] for key in keys))
        self.texts.order_of[id(node)] = list(entries)
        self.texts.kept.append(node)
        return node

    def _key(self, key: ast.expr) -> Any:
        try:
            return evaluate(self._module, key)
        except NotConstantError as exc:
            raise UnreadableSpaceError(key, "a key of the space is computed") from exc

    def _call(self, expr: ast.Call) -> Node:
        name = self._module.hyperopt(expr.func)
        if name is None:
            return self._other_call(expr)
        home, _, function = name.rpartition(".")
        if home == "hp" or (not home and function.startswith("hp_")):
            return self._parameter(expr, function.removeprefix("hp_"))
        if home == "scope":
            return self._scope_call(expr, function)
        if name == "as_apply" and len(expr.args) == 1 and not expr.keywords:
            return self._read(expr.args[0])
        raise UnreadableSpaceError(expr, f"{name!r} is not a part of spaces that is known")

    def _other_call(self, expr: ast.Call) -> Node:
        func = expr.func
        if isinstance(func, ast.Name) and not self._module.names.bindings(func):
            if func.id == "dict" and not expr.args and all(k.arg for k in expr.keywords):
                entries = {str(k.arg): self._read(k.value) for k in expr.keywords}
                return self._sorted_dict(expr, entries)
            if func.id in ("list", "tuple") and len(expr.args) == 1 and not expr.keywords:
                inner = self._read(expr.args[0])
                if isinstance(inner, SequenceNode):
                    return dataclasses.replace(inner, written_as=func.id)  # type: ignore[arg-type]  # one of the two
        returned = returned_by(self._module, expr)
        if returned is None:
            raise UnreadableSpaceError(expr, "the space is built by a function")
        binding, value = returned
        if id(binding) in self._by_binding:
            raise UnreadableSpaceError(expr, "the function that builds the space is called twice")
        self.bindings.append(binding)
        node = self._by_binding[id(binding)] = self.read(value)
        return node

    def _scope_call(self, expr: ast.Call, function: str) -> Node:
        if function == "hyperopt_param":
            raise UnreadableSpaceError(expr, "scope.hyperopt_param is used directly")
        if function == "switch" and len(expr.args) > 1 and not expr.keywords:
            index, *options = (self._read(arg) for arg in expr.args)
            return Choice(index, tuple(options))
        if function not in STANDARD_FUNCTIONS:
            raise UnreadableSpaceError(expr, f"scope.{function} is a function of your own")
        if any(isinstance(arg, ast.Starred) for arg in expr.args) or expr.keywords:
            raise UnreadableSpaceError(expr, f"scope.{function} is called with names or stars")
        return standard(function, *(self._read(arg) for arg in expr.args))

    def _parameter(self, expr: ast.Call, kind: str) -> Node:
        arguments = arguments_of(expr, kind)
        label_expr = arguments.pop("label")
        try:
            label = evaluate(self._module, label_expr)
        except NotConstantError as exc:
            raise UnreadableSpaceError(label_expr, "the label is computed") from exc
        if not isinstance(label, str):
            raise UnreadableSpaceError(label_expr, f"the label {label!r} is not a string")
        if label in self._labels:
            raise UnreadableSpaceError(expr, f"label {label!r} is used by two parameters")
        self._labels[label] = expr
        if kind == "choice":
            return self._choice(expr, label, arguments["options"])
        if kind == "pchoice":
            return self._pchoice(expr, label, arguments["p_options"])
        parameter = self._distribution(expr, label, kind, arguments)
        if kind == "uniformint":
            return standard("int", standard("float", parameter))
        return standard("int" if kind == "randint" else "float", parameter)

    def _distribution(
        self, expr: ast.Call, label: str, kind: str, arguments: dict[str, ast.expr]
    ) -> Parameter:
        nodes = {name: self._read(value) for name, value in arguments.items()}
        if kind == "uniformint":
            kind = "quniform"
            nodes["q"] = Constant(1.0)  # hyperopt overrides what was given
        values = {
            name: node.value
            for name, node in nodes.items()
            if isinstance(node, Constant) and not isinstance(node.value, SourceExpression)
        }
        if len(values) < len(nodes):
            return Parameter(label, ComputedDistribution(kind, tuple(nodes.items())))
        try:
            parameter = Parameter(label, make_distribution(kind, values))
        except (ValueError, TypeError) as exc:
            raise UnreadableSpaceError(expr, f"label {label!r}: {exc}") from exc
        for name, value in arguments.items():
            self.texts.of_argument[id(parameter), name] = self._words_of(value)
        self.texts.kept.append(parameter)
        return parameter

    def _choice(self, expr: ast.Call, label: str, given: ast.expr) -> Node:
        options = self._options(given)
        if not options:
            raise UnreadableSpaceError(expr, f"label {label!r} has no options")
        index = Parameter(label, make_distribution("randint", {"low": len(options)}))
        choice = Choice(index, tuple(options))
        if not isinstance(given, ast.List | ast.Tuple) and not uses_hyperopt(self._module, given):
            self.texts.of_options[id(choice)] = self._words_of(given)
        self.texts.kept.append(choice)
        return choice

    def _options(self, given: ast.expr) -> list[Node]:
        if isinstance(given, ast.List | ast.Tuple):
            self._refuse_stars(given)
            return [self._read(item) for item in given.elts]
        if isinstance(given, ast.Name):
            binding = self._module.names.only_binding(given)
            if (
                binding is not None
                and isinstance(binding.value, ast.List | ast.Tuple)
                and not is_mutated(self._module, given)
            ):
                if uses_hyperopt(self._module, binding.value):
                    self.bindings.append(binding)
                    self.expressions.append(binding.value)
                return self._options(binding.value)
        if not uses_hyperopt(self._module, given):
            try:
                return [node_of(value) for value in evaluate(self._module, given)]
            except (NotConstantError, TypeError):
                pass
        raise UnreadableSpaceError(given, "the options of the choice are computed")

    def _pchoice(self, expr: ast.Call, label: str, given: ast.expr) -> Node:
        if isinstance(given, ast.Name):
            binding = self._module.names.only_binding(given)
            if binding is not None and binding.value is not None:
                if uses_hyperopt(self._module, binding.value):
                    self.bindings.append(binding)
                    self.expressions.append(binding.value)
                given = binding.value
        if not isinstance(given, ast.List | ast.Tuple):
            raise UnreadableSpaceError(given, "the options of the pchoice are computed")
        probabilities: list[Any] = []
        options: list[Node] = []
        for pair in given.elts:
            if not isinstance(pair, ast.Tuple | ast.List) or len(pair.elts) != 2:
                raise UnreadableSpaceError(pair, "an option of the pchoice is computed")
            try:
                probabilities.append(evaluate(self._module, pair.elts[0]))
            except NotConstantError as exc:
                raise UnreadableSpaceError(pair, "a probability is computed") from exc
            options.append(self._read(pair.elts[1]))
        try:
            distribution = make_distribution("categorical", {"p": tuple(probabilities)})
        except ValueError as exc:
            raise UnreadableSpaceError(expr, f"label {label!r}: {exc}") from exc
        index = Parameter(label, distribution)
        choice = Choice(index, tuple(options))
        self.texts.kept.append(choice)
        return choice
