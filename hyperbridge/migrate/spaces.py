"""Write search spaces as code that asks a trial, in the place of the code that builds them."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from hyperbridge.migrate.demand import CHOICES, Roles, is_parameter, options_of
from hyperbridge.migrate.distributions import (
    LATENT,
    Asking,
    Needs,
    UnreadableCallError,
    arguments_of,
    wrong_in,
)
from hyperbridge.migrate.elements import container_of
from hyperbridge.migrate.module import Module
from hyperbridge.migrate.nodes import COMPREHENSIONS, FUNCTIONS, Function, walk
from hyperbridge.migrate.program import Program, Slot
from hyperbridge.migrate.syntax import (
    compose,
    indented,
    operand,
    quoted,
    reindented,
    split_lines,
)
from hyperbridge.migrate.values import NotConstantError, evaluate

_SCOPE = {
    "int": "int",
    "float": "float",
    "len": "len",
    "max": "max",
    "min": "min",
    "maximum": "max",
    "minimum": "min",
    "str": "str",
    "sum": "sum",
    "range": "range",
    "abs": "abs",
    "pow": "pow",
    "round": "round",
    "log": "math.log",
    "exp": "math.exp",
    "sqrt": "math.sqrt",
    "sin": "math.sin",
    "cos": "math.cos",
    "tan": "math.tan",
    "ceil": "math.ceil",
    "floor": "math.floor",
}
_PLAIN = (str, int, float, bool, type(None))
_MOST_OPTIONS = 1000
_NOTHING: Mapping[ast.AST, str] = MappingProxyType({})


class UnwritableSpaceError(ValueError):
    """Something in a space has no counterpart; the message says what.

    Attributes:
        node: Where it is.
    """

    def __init__(self, node: ast.AST, message: str) -> None:
        super().__init__(message)
        self.node = node


@dataclass(slots=True)
class SpaceWriter:
    """Writes expressions that are evaluated with a trial.

    Args:
        program: The program.
        roles: What becomes of its places.
        needs: Gets what each file needs.
        by_index: The choices that the study holds by the index of the option.
        needs_index: Those of them whose index the program looks at.
        names: The new names of variables that are called otherwise.
    """

    program: Program
    roles: Roles
    needs: dict[Module, Needs]
    by_index: set[ast.Call] = field(default_factory=set)
    names: dict[Slot, str] = field(default_factory=dict)
    remarks: dict[ast.Call, tuple[str, str]] = field(default_factory=dict)
    needs_index: set[ast.Call] = field(default_factory=set)
    looks: Callable[[ast.AST], str | None] = lambda _: None
    """Gives the text of a look at the Trials of an earlier search."""
    _tuples: set[ast.AST] = field(default_factory=set)
    direct: set[Slot] = field(default_factory=set)
    """Variables that hold values where something is being written."""
    elsewhere: set[ast.AST] = field(default_factory=set)
    """Attributes of that name which other objects have, and which hold no values there."""

    def text(self, node: ast.AST, trial: str) -> str:
        """Return the source of a node that is evaluated with a trial."""
        module = self.program.home[node]
        return compose(module, node, lambda n: self._rule(n, trial), span=_span(module, node))

    def function(self, expr: ast.expr, trial: str) -> str:
        """Return a lambda that gives a space for a trial."""
        return self._later(expr, trial)

    def _later(self, expr: ast.expr, trial: str) -> str:
        trial = trial if trial.isidentifier() else "trial"  # not what makes one
        text = self.value(expr, trial)
        given = "".join(f", {name}={name}" for name in self.captured([expr]))
        head = text.removesuffix(f"({trial})")
        is_bare = isinstance(expr, ast.Call) and not expr.args and not expr.keywords
        if head.isidentifier() and (isinstance(expr, ast.Name) or is_bare):
            return head
        return f"lambda {trial}{given}: {text}"

    def value(self, expr: ast.expr, trial: str) -> str:
        """Return the source of a space's value; a list becomes a tuple, as in hyperopt."""
        if isinstance(expr, ast.List | ast.ListComp):
            return self._tuple(expr, trial)
        return self.text(expr, trial)

    def called(self, expr: ast.expr, trial: str) -> str:
        """Return the value of an expression that takes part in a space, for a trial."""
        if expr in self.roles.roots:
            return self.value(expr, trial)
        if isinstance(expr, ast.Call) and self._builders(expr):
            return self.text(expr, trial)
        if isinstance(expr, ast.Name | ast.Attribute):
            return self.text(expr, trial)
        return f"{operand(self.bare(expr, trial))}({trial})"

    def bare(self, expr: ast.expr, trial: str) -> str:
        """Return the source of an expression that gives a function of the trial."""
        module = self.program.home[expr]
        return compose(module, expr, lambda n: self.flow_rule(n, trial), span=module.span(expr))

    def flow_rule(self, node: ast.AST, trial: str) -> str | None:
        """Return the text of what gives a function of the trial, outside of one."""
        if node in self.roles.roots:
            assert isinstance(node, ast.expr)
            text = self.function(node, trial)
            is_chosen = isinstance(self.program.parent_of.get(node), ast.IfExp | ast.BoolOp)
            return f"({text})" if is_chosen and text.startswith("lambda") else text
        if isinstance(node, ast.Name | ast.Attribute):
            slot = self.program.slot(node)
            if slot is not None and slot in self.names and not isinstance(node, ast.Attribute):
                return self.names[slot]
        return None

    def _builders(self, call: ast.Call) -> list[Function]:
        return [f for f in self.program.function(call.func) if f in self.roles.builders]

    def _gives(self, call: ast.Call) -> bool:
        return any(f in self.roles.givers for f in self.program.function(call.func))

    def _rule(self, node: ast.AST, trial: str) -> str | None:
        looked = self.looks(node)
        if looked is not None:
            return looked
        container = container_of(node)
        if container is not None:
            slot = self.program.slot(container)
            if slot in self.roles.containers and slot not in self.direct:
                return f"{self.bare(node, trial)}({trial})"  # type: ignore[arg-type]  # an expression
        if isinstance(node, ast.Call):
            return self._call(node, trial)
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            return self._place(node, trial)
        if isinstance(node, ast.List | ast.ListComp) and self._is_value(node):
            return self._tuple(node, trial)
        return None

    def _place(self, node: ast.Name | ast.Attribute, trial: str) -> str | None:
        slot = self.program.slot(node)
        if slot is None or slot in self.roles.local:
            return None
        if slot in self.direct and node not in self.elsewhere:
            return None
        module = self.program.home[node]
        text = self.names.get(slot) or self._of_class(node) or module.original(node)
        if slot not in self.roles.units and slot not in self.roles.holders:
            return text if text != module.original(node) else None
        return f"{text}({trial})"

    def _of_class(self, node: ast.Name | ast.Attribute) -> str | None:
        """Return how a function in a class reaches a name of the class's own body."""
        if not isinstance(node, ast.Name):
            return None
        scopes = {b.scope for b in self.program.bindings(node)}
        above = scopes.pop().node if len(scopes) == 1 else None
        parts = [node.id]
        while isinstance(above, ast.ClassDef):
            parts.insert(0, above.name)
            above = self.program.parent_of.get(above)
        return ".".join(parts) if len(parts) > 1 else None

    def _is_value(self, node: ast.List | ast.ListComp) -> bool:
        parent = self.program.parent_of.get(node)
        if isinstance(parent, ast.Return | ast.Lambda):
            return self.program.function_around(node) in self.roles.builders
        if isinstance(parent, ast.Dict):
            return node in parent.values
        if isinstance(parent, ast.Assign):  # space["sizes"] = [...]
            entries = [t.value for t in parent.targets if isinstance(t, ast.Subscript)]
            ours = self.roles.units | self.roles.local
            return any(self.program.slot(entry) in ours for entry in entries)
        if isinstance(parent, ast.keyword):
            call = self.program.parent_of.get(parent)
            return isinstance(call, ast.Call) and getattr(call.func, "id", "") == "dict"
        if not isinstance(parent, ast.List | ast.Tuple):
            return False
        above = self.program.parent_of.get(parent)
        if isinstance(above, ast.Call) and self.program.hyperopt(above.func) in CHOICES:
            return options_of(above) is parent
        return not isinstance(parent, ast.List) or parent in self._tuples or self._is_value(parent)

    def _tuple(self, node: ast.List | ast.ListComp, trial: str) -> str:
        self._tuples.add(node)
        module = self.program.home[node]
        start, end = module.span(node)
        rule = lambda n: None if n is node else self._rule(n, trial)  # noqa: E731
        inner = compose(module, node, rule, span=(start + 1, end - 1))
        if isinstance(node, ast.ListComp):
            return f"tuple({inner})"
        if len(node.elts) == 1 and not inner.rstrip().endswith(","):
            inner = f"{inner.rstrip()},"
        return f"({inner})"

    def _call(self, call: ast.Call, trial: str) -> str | None:
        name = self.program.hyperopt(call.func) or ""
        if is_parameter(name):
            return self._parameter(call, name.removeprefix("hp.").removeprefix("hp_"), trial)
        if name == "as_apply" and len(call.args) == 1:
            return self.text(call.args[0], trial)
        if name.startswith("scope."):
            return self._scope(call, name.removeprefix("scope."), trial)
        if self._builders(call):
            return self._with_trial(call, trial)
        given = (*call.args, *call.keywords)
        if self._gives(call) and not any(self._asks(each, elements=False) for each in given):
            return f"{self.bare(call, trial)}({trial})"
        return None

    def _with_trial(self, call: ast.Call, trial: str) -> str:
        """Return a call of a function of the trial."""
        function = self.program.home[call].original(call.func)
        given = (*call.args, *(k.value for k in call.keywords))
        later: dict[ast.AST, str] = {}
        later |= {arg: self.bare(arg, trial) for arg in given if arg in self.roles.waiting}
        inner = self._inner(call, trial, later)
        return _with_first(function, trial, inner) if inner.strip() else f"{function}({trial})"

    def _inner(self, call: ast.Call, trial: str, texts: Mapping[ast.AST, str] = _NOTHING) -> str:
        """Return what stands between the brackets of a call, some of it with texts given."""

        def rule(node: ast.AST) -> str | None:
            if node is call:
                return None
            return texts[node] if node in texts else self._rule(node, trial)

        module = self.program.home[call]
        return compose(module, call, rule, span=module.inside(call))

    def _asking(self, module: Module, trial: str) -> Asking:
        needs = self.needs[module]
        return Asking(module, needs, lambda e: self.text(e, trial))

    def _parameter(self, call: ast.Call, kind: str, trial: str) -> str:
        module = self.program.home[call]
        try:
            given = arguments_of(call, kind)
        except UnreadableCallError as exc:
            raise UnwritableSpaceError(call, str(exc)) from exc
        if kind in ("choice", "pchoice"):
            return self._choice(call, kind, given, trial)
        if (wrong := wrong_in(module, kind, given)) is not None:
            raise UnwritableSpaceError(call, wrong)
        found = self._asking(module, trial).suggest(kind, given, trial)
        if found.remark is not None:
            self.remarks[call] = found.remark
        return found.text

    def _scope(self, call: ast.Call, name: str, trial: str) -> str:
        module = self.program.home[call]
        if name == "int" and len(call.args) == 1 and isinstance(call.args[0], ast.Call):
            inner = call.args[0]
            kind = (self.program.hyperopt(inner.func) or "").removeprefix("hp.")
            if kind in ("quniform", "qloguniform", "randint", "uniformint"):
                try:
                    given = arguments_of(inner, kind)
                except UnreadableCallError as exc:
                    raise UnwritableSpaceError(inner, str(exc)) from exc
                found = self._asking(module, trial).integer(kind, given, trial)
                if found is not None:
                    return found.text
        if name == "switch" and call.args:
            index, *options = (self.text(arg, trial) for arg in call.args)
            branches = ", ".join(f"lambda: {option}" for option in options)
            return f"[{branches}][{index}]()"
        target = _SCOPE.get(name)
        if target is None:
            defined = [
                f
                for m in self.program.modules
                for f in m.walk()
                if isinstance(f, ast.FunctionDef) and f.name == name and self._is_defined(f)
            ]
            if not defined:
                raise UnwritableSpaceError(call, f"scope.{name} has no counterpart that is written")
            target = name
        if target.startswith("math."):
            self.needs[module].imports.add("import math")
        return f"{target}({self._inner(call, trial)})"

    def _is_defined(self, function: ast.FunctionDef) -> bool:
        for decorator in function.decorator_list:
            func = decorator.func if isinstance(decorator, ast.Call) else decorator
            if (self.program.hyperopt(func) or "").startswith("scope.define"):
                return True
        return False

    # choices

    def plain_options(self, call: ast.Call) -> list[object] | None:
        """Return the options when the study can hold them themselves; else None."""
        kind = "pchoice" if (self.program.hyperopt(call.func) or "").endswith("pchoice") else ""
        options = options_of(call)
        if options is None:
            return None
        try:
            found = evaluate(self.program.home[call], options)
            if kind:
                found = [option for _, option in found]
            if hasattr(found, "tolist"):
                found = found.tolist()
            found = list(found)
        except (NotConstantError, TypeError, ValueError):
            return None
        if not found or len(found) > _MOST_OPTIONS:
            return None
        if not all(type(option) in _PLAIN for option in found) or len(set(found)) < len(found):
            return None
        return found

    def _choice(self, call: ast.Call, kind: str, given: dict[str, ast.expr], trial: str) -> str:
        module = self.program.home[call]
        label = self.text(given["label"], trial)
        options = given["p_options" if kind == "pchoice" else "options"]
        if kind == "pchoice":
            self.remarks[call] = "HB233", "the options have no probabilities in the new engine"
        by_value = call not in self.by_index
        if isinstance(options, ast.List | ast.Tuple) and not any(
            isinstance(o, ast.Starred) for o in options.elts
        ):
            parts = self._written_out(options, kind)
            if by_value:
                return self._categorical(call, options, kind, label, trial)
            is_random = [self._asks(part) for part in parts]
            if any(is_random):
                helper = self.needs[module].helper("suggest_branch")
                listed = self._option_list(options, kind, trial, lazily=True)
                return self._laid_out(call, helper, options, listed, trial)
            helper = self.needs[module].helper("suggest_option")
            listed = self._option_list(options, kind, trial, lazily=False)
            return self._laid_out(call, helper, options, listed, trial)
        if by_value:
            return self._categorical(call, options, kind, label, trial)
        slot = self.program.slot(options)
        is_container = slot in self.roles.containers if slot is not None else self._holds(options)
        helper = self.needs[module].helper("suggest_branch" if is_container else "suggest_option")
        text = self.bare(options, trial) if is_container else self.text(options, trial)
        if kind == "pchoice":
            text = f"[option for _, option in {operand(text)}]"
        result = f"{helper}({trial}, {label}, {text})"
        return f"tuple({result})" if self._all_lists(options, module) else result

    def _laid_out(
        self, call: ast.Call, helper: str, options: ast.expr, listed: str, trial: str
    ) -> str:
        """Return the call of a helper in the layout that the call of ``hp`` has."""
        if call.keywords:
            label = self.text(arguments_of(call, "choice")["label"], trial)
            return f"{helper}({trial}, {label}, {listed})"
        return _with_first(helper, trial, self._inner(call, trial, {options: listed}))

    def _all_lists(self, options: ast.expr, module: Module) -> bool:
        try:
            found = evaluate(module, options)
            return bool(len(found)) and all(isinstance(option, list) for option in found)
        except (NotConstantError, TypeError):
            return False

    def _written_out(self, options: ast.List | ast.Tuple, kind: str) -> list[ast.expr]:
        if kind == "choice":
            return options.elts
        found: list[ast.expr] = []
        for pair in options.elts:
            if not isinstance(pair, ast.Tuple | ast.List) or len(pair.elts) != 2:
                raise UnwritableSpaceError(pair, "hp.pchoice takes pairs of odds and option")
            found.append(pair.elts[1])
        return found

    def _holds(self, expr: ast.expr) -> bool:
        """Tell whether the elements of what an expression gives are functions of the trial."""
        inner = {*walk(expr)}
        for call in [node for node in inner if isinstance(node, ast.Call)]:
            inner.update(n for f in self.program.function(call.func) for n in walk(f))
        return self._asks(expr) or bool(inner & self.roles.roots)

    def _asks(self, expr: ast.AST, *, elements: bool = True) -> bool:
        """Tell whether an expression asks the trial for something, or runs into one that does.

        Args:
            expr: The expression.
            elements: Whether a container does whose elements do.
        """
        roles = self.roles
        later = roles.units | roles.holders | (roles.containers if elements else set())
        for node in walk(expr):
            if isinstance(node, ast.Call):
                name = self.program.hyperopt(node.func) or ""
                if is_parameter(name) or name.startswith("scope."):
                    return True
                if self._builders(node) or self._gives(node):
                    return True
            elif isinstance(node, ast.Name | ast.Attribute):
                slot = self.program.slot(node)
                if slot in later:
                    return True
        return False

    def _option_list(
        self, options: ast.List | ast.Tuple, kind: str, trial: str, *, lazily: bool
    ) -> str:
        module = self.program.home[options]
        start, end = module.span(options)
        parts = self._written_out(options, kind)
        whole = options.elts

        def rule(node: ast.AST) -> str | None:
            if node in whole:
                part = parts[whole.index(node)]
                return self._later(part, trial) if lazily else self.value(part, trial)
            return None

        if module.source.code[start] not in "[(":
            return f"[{compose(module, options, rule, span=(start, end))}]"
        return f"[{compose(module, options, rule, span=(start + 1, end - 1))}]"

    def _categorical(
        self, call: ast.Call, options: ast.expr, kind: str, label: str, trial: str
    ) -> str:
        if kind == "pchoice" and isinstance(options, ast.List | ast.Tuple):
            text = self._option_list(options, kind, trial, lazily=False)
        elif kind == "pchoice":
            text = f"[option for _, option in {operand(self.text(options, trial))}]"
        else:
            text = self.text(options, trial)
            found = evaluate(self.program.home[call], options)
            if hasattr(found, "tolist"):
                text = f"{operand(text)}.tolist()"
            elif not isinstance(found, list | tuple | range):
                text = f"list({text})"
        if call.keywords:
            return f"{trial}.suggest_categorical({label}, {text})"
        return f"{trial}.suggest_categorical({self._inner(call, trial, {options: text})})"

    # branches that are written out

    def branches(self, call: ast.AST, trial: str, taken: set[str]) -> list[str] | None:
        """Return statements that return the option of a choice, by plain ifs.

        None where the call is no choice with parameters in options that are written out, or has
        comments between them that would be lost.
        """
        if not isinstance(call, ast.Call) or self.program.hyperopt(call.func) != "hp.choice":
            return None
        options = options_of(call)
        if not isinstance(options, ast.List | ast.Tuple) or len(options.elts) < 2:
            return None
        module = self.program.home[call]
        if not any(self._asks(o) for o in options.elts) or self._has_comments(options):
            return None
        if any(isinstance(o, ast.Starred) for o in options.elts) or call.keywords:
            return None
        label = self.text(call.args[0], trial)
        base = call.args[0].value if isinstance(call.args[0], ast.Constant) else "branch"
        name = re.sub(r"\W", "_", str(base))
        name = name if name.isidentifier() and name not in taken else "branch"
        if name in taken or keyword.iskeyword(name):
            return None
        names = None if call in self.needs_index else self._branch_names(options)
        keys = [quoted(n) for n in names] if names else [str(i) for i in range(len(options.elts))]
        lines = [f"{name} = {trial}.suggest_categorical({label}, [{', '.join(keys)}])"]
        for number, (key, option) in enumerate(zip(keys, options.elts, strict=True)):
            if number == len(keys) - 1:
                pad = ""
            else:
                lines.append(f"if {name} == {key}:")
                pad = "    "
            text = reindented(self.value(option, trial), len(module.indent(option)), 0)
            lines += indented(split_lines(f"return {text}"), pad)
        return lines

    def _has_comments(self, node: ast.expr) -> bool:
        module = self.program.home[node]
        return any(
            module.comment(line) is not None and not self._is_within(line, node)
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
        )

    def _is_within(self, line: int, node: ast.expr) -> bool:
        """Tell whether a comment's line is inside of one of the options."""
        assert isinstance(node, ast.List | ast.Tuple)
        return any(o.lineno <= line < (o.end_lineno or o.lineno) for o in node.elts)

    def _branch_names(self, options: ast.List | ast.Tuple) -> list[str] | None:
        """Return what tells the options apart: a constant text under a key that all have."""
        entries: list[dict[object, str]] = []
        for option in options.elts:
            value = self._value_of(option) if isinstance(option, ast.Name) else option
            if not isinstance(value, ast.Dict):
                return None
            entries.append(
                {
                    k.value: v.value
                    for k, v in zip(value.keys, value.values, strict=True)
                    if isinstance(k, ast.Constant)
                    and isinstance(v, ast.Constant)
                    and isinstance(v.value, str)
                }
            )
        for key in entries[0]:
            if all(key in entry for entry in entries):
                names = [entry[key] for entry in entries]
                if len(set(names)) == len(names):
                    return names
        return None

    def _value_of(self, name: ast.Name) -> ast.expr:
        slot = self.program.slot(name)
        flows = [] if slot is None else self.program.flows.get(slot, [])
        return flows[0].expr if len(flows) == 1 and not flows[0].path else name

    # variables

    def captured(self, nodes: Iterable[ast.AST]) -> list[str]:
        """Return the variables whose values a function must keep, for they change afterwards."""
        inside = {n for node in nodes for n in walk(node)}
        found: dict[str, None] = {}
        names = [n for n in inside if isinstance(n, ast.Name)]
        made = {self.program.slot(n) for n in names if isinstance(n.ctx, ast.Store)}
        for node in names:
            if not isinstance(node.ctx, ast.Load):
                continue
            slot = self.program.slot(node)
            if slot is None or slot in made or slot.scope is None or slot.scope.node in inside:
                continue
            if slot in self.direct:
                continue
            if self._changes(slot):
                found[self.names.get(slot, node.id)] = None
        return sorted(found)

    def _changes(self, slot: Slot) -> bool:
        assert slot.scope is not None
        bindings = slot.scope.bindings.get(slot.name, [])
        if any(b.kind in ("import", "def", "class") for b in bindings):
            return False
        if isinstance(slot.scope.node, COMPREHENSIONS) or len(bindings) > 1:
            return True
        flows = self.program.flows.get(slot, [])
        for binding in bindings:
            above: ast.AST | None = binding.node
            while above is not None and not isinstance(above, FUNCTIONS):
                if isinstance(above, ast.For | ast.While | ast.AsyncFor):
                    return True
                above = self.program.parent_of.get(above)
        return any(isinstance(f.node, ast.For | ast.AugAssign) for f in flows)


def is_latent(program: Program, call: ast.Call, *, bounds_normals: bool = False) -> bool:
    """Tell whether the study holds another number of a parameter than the objective gets."""
    kind = (program.hyperopt(call.func) or "").removeprefix("hp.")
    if kind not in LATENT or (bounds_normals and kind in ("normal", "lognormal", "qnormal")):
        return False
    parent = program.parent_of.get(call)
    if isinstance(parent, ast.Call) and program.hyperopt(parent.func) == "scope.int":
        try:
            given = arguments_of(call, kind)
        except UnreadableCallError:
            return True
        asking = Asking(program.home[call], Needs(), ast.unparse)
        return asking.integer(kind, given, "trial") is None
    return True


def _with_first(function: str, first: str, inner: str) -> str:
    """Return a call with an argument before what stands between its brackets, laid out alike."""
    lead = inner[: len(inner) - len(inner.lstrip())]
    separator = f",{lead}" if "\n" in lead else ", "
    return f"{function}({lead}{first}{separator}{inner.lstrip()})"


def _span(module: Module, node: ast.AST) -> tuple[int, int]:
    assert isinstance(node, ast.expr | ast.stmt)
    return module.span(node)
