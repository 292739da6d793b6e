"""Search spaces that are written as Ray Tune's ``param_space``, where they stand.

Only what Ray Tune and its Optuna searcher both take exactly is written so: dicts whose keys are the
labels, of bounded parameters, options and constants. Any other space becomes a function of an
Optuna trial, which Ray's searcher takes, too. `translate.tune_table` says which call it is.
Source: Ray Tune reference, "Search Space API"; ``ray.tune.search.optuna.OptunaSearch``.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hyperbridge.migrate.demand import is_parameter, options_of
from hyperbridge.migrate.distributions import (
    Needs,
    UnreadableCallError,
    Written,
    arguments_of,
    number,
    wrong_in,
)
from hyperbridge.migrate.nodes import walk
from hyperbridge.migrate.origins import origins
from hyperbridge.migrate.program import Slot
from hyperbridge.migrate.syntax import operand
from hyperbridge.migrate.values import NotConstantError, evaluate
from hyperbridge.translate.tune_table import TUNE

if TYPE_CHECKING:
    from hyperbridge.migrate.rewriting import Draft, Rewriting

_CHOICES = ("choice", "pchoice")
_WHOLE = ("randint", "uniformint")


@dataclass(eq=False)
class FlatSpace:
    """A space that stays a dict.

    Attributes:
        exprs: The dicts that make it.
        slots: The places that hold it.
        domains: What becomes a call of Tune's, with the call of ``hp`` in it.
        labels: The source of the label of each parameter.
        constants: Whether it has entries that are the same in each trial.
        lists: Constant lists, which hyperopt hands on as tuples.
    """

    exprs: set[ast.expr] = field(default_factory=set)
    slots: set[Slot] = field(default_factory=set)
    domains: dict[ast.expr, ast.Call] = field(default_factory=dict)
    labels: dict[str, ast.expr] = field(default_factory=dict)
    constants: bool = False
    lists: set[ast.List] = field(default_factory=set)


class _NotFlatError(Exception):
    pass


def flat_space(rewriting: Rewriting, draft: Draft) -> FlatSpace | None:
    """Return the space of a search as one that stays a dict; None when it cannot."""
    reader = _Reader(rewriting, draft)
    try:
        return reader.read()
    except _NotFlatError:
        return None


class _Reader:
    def __init__(self, rewriting: Rewriting, draft: Draft) -> None:
        self._rewriting = rewriting
        self._program = rewriting.program
        self._going = draft
        self._found = FlatSpace()
        self._read: set[ast.Dict] = set()

    def read(self) -> FlatSpace:
        found, draft = self._found, self._going
        found.exprs = self._whole(draft.search.arguments["space"])
        if not found.domains or set(found.domains.values()) != draft.roles.parameters:
            raise _NotFlatError
        points = draft.search.arguments.get("points_to_evaluate")
        if points is not None and not self._are_complete(points):
            raise _NotFlatError
        return found

    def _are_complete(self, points: ast.expr) -> bool:
        """Tell whether each point gives each parameter, which Tune checks."""
        if not isinstance(points, ast.List | ast.Tuple):
            return False
        labels = {getattr(label, "value", None) for label in self._found.labels.values()}
        return all(
            isinstance(point, ast.Dict)
            and {getattr(k, "value", self) for k in point.keys} == labels
            for point in points.elts
        )

    def _whole(self, space: ast.expr) -> set[ast.expr]:
        """Read the dicts that an expression may be; return them."""
        program = self._program
        made = origins(program, space)
        if not made.exprs:
            raise _NotFlatError
        for slot in made.slots:
            self._slot(slot)
        for expr in made.exprs:
            self._dict(expr)
        return set(made.exprs)

    def _slot(self, slot: Slot) -> None:
        program, found = self._program, self._found
        if slot in found.slots:
            return
        found.slots.add(slot)
        if any(isinstance(flow.node, ast.AugAssign) for flow in program.flows.get(slot, ())):
            raise _NotFlatError
        for flow in program.stores.get(slot, ()):
            node = flow.node
            if isinstance(node, ast.Assign) and not flow.path:
                for target in node.targets:
                    if not isinstance(target, ast.Subscript):
                        raise _NotFlatError
                    self._entry(target.slice, flow.expr)
            elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "update":
                named = [k for k in node.keywords if k.value is flow.expr and k.arg]
                if named:
                    self._entry(ast.Constant(named[0].arg), flow.expr)
                else:
                    self._spread(flow.expr)
            else:
                raise _NotFlatError

    def _spread(self, expr: ast.expr) -> None:
        if isinstance(expr, ast.Name | ast.Attribute | ast.Call | ast.IfExp):
            is_copy = isinstance(expr, ast.Call) and getattr(expr.func, "attr", "") == "copy"
            if is_copy and isinstance(expr, ast.Call) and isinstance(expr.func, ast.Attribute):
                self._spread(expr.func.value)
                return
            if not self._is_dict_call(expr):
                self._whole(expr)
                return
        self._dict(expr)

    def _is_dict_call(self, expr: ast.expr) -> bool:
        is_call = isinstance(expr, ast.Call) and getattr(expr.func, "id", "") == "dict"
        return is_call and self._program.slot(expr.func) is None  # type: ignore[attr-defined]  # a Call

    def _dict(self, expr: ast.expr) -> None:
        if isinstance(expr, ast.Dict):
            if expr in self._read:  # it grows from itself, in a loop
                raise _NotFlatError
            self._read.add(expr)
            for key, value in zip(expr.keys, expr.values, strict=True):
                if key is None:
                    self._spread(value)
                else:
                    self._entry(key, value)
            self._read.remove(expr)
        elif isinstance(expr, ast.DictComp):
            self._entry(expr.key, expr.value)
        elif isinstance(expr, ast.Call) and self._is_dict_call(expr):
            for arg in expr.args:
                self._spread(arg)
            for keyword in expr.keywords:
                if keyword.arg is None:
                    self._spread(keyword.value)
                else:
                    self._entry(ast.Constant(keyword.arg), keyword.value)
        elif isinstance(expr, ast.Call) and getattr(expr.func, "attr", "") == "copy":
            self._spread(expr)
        elif isinstance(expr, ast.BinOp) and isinstance(expr.op, ast.BitOr):
            self._spread(expr.left)
            self._spread(expr.right)
        else:
            raise _NotFlatError

    def _entry(self, key: ast.expr, value: ast.expr) -> None:
        texts = [n.value for n in walk(key) if isinstance(n, ast.Constant)]
        if any(not isinstance(t, str) or "/" in t for t in texts if t is not None):
            raise _NotFlatError  # Tune joins the keys of nested spaces with slashes
        if isinstance(key, ast.Constant) and not isinstance(key.value, str):
            raise _NotFlatError
        if isinstance(value, ast.Name | ast.Attribute) and self._rewriting.random.of(value):
            made = origins(self._program, value)
            if not made.exprs or not isinstance(key, ast.Constant):
                raise _NotFlatError
            for expr in made.exprs:
                self._parameter(key, expr)
            return
        if self._rewriting.random.of(value):
            self._parameter(key, value)
            return
        self._found.constants = True
        if isinstance(value, ast.List):
            self._found.lists.add(value)
        elif any(isinstance(n, ast.List | ast.Dict | ast.Lambda) for n in walk(value)):
            raise _NotFlatError
        if self._holds_list(value):
            raise _NotFlatError

    def _holds_list(self, value: ast.expr) -> bool:
        if isinstance(value, ast.List):
            return any(isinstance(n, ast.List | ast.Dict) for e in value.elts for n in walk(e))
        try:
            known = evaluate(self._program.home[value], value)
        except (NotConstantError, KeyError):
            return False
        return isinstance(known, list | dict)

    def _parameter(self, key: ast.expr, value: ast.expr) -> None:
        program = self._program
        call, whole = value, False
        if isinstance(value, ast.Call) and program.hyperopt(value.func) == "scope.int":
            if len(value.args) != 1 or value.keywords:
                raise _NotFlatError
            call, whole = value.args[0], True
        name = program.hyperopt(call.func) or "" if isinstance(call, ast.Call) else ""
        if not isinstance(call, ast.Call) or not is_parameter(name):
            raise _NotFlatError
        label = call.args[0] if call.args else None
        named = [k.value for k in call.keywords if k.arg == "label"]
        label = label if label is not None else (named[0] if named else None)
        if label is None or ast.dump(label) != ast.dump(key):
            raise _NotFlatError
        if domain(self._rewriting, call, whole=whole, needs=Needs()) is None:
            raise _NotFlatError
        self._found.domains[value] = call
        self._found.labels[ast.unparse(label)] = label


def domain(rewriting: Rewriting, call: ast.Call, *, whole: bool, needs: Needs) -> str | None:
    """Return the call of Tune's for a parameter; None where Tune or its searcher has none.

    Args:
        rewriting: The rewriting.
        call: The call of ``hp``.
        whole: Whether the space casts the value to int.
        needs: Gets what the code needs.
    """
    program, module = rewriting.program, rewriting.program.home[call]
    kind = (program.hyperopt(call.func) or "").removeprefix("hp.").removeprefix("hp_")
    try:
        given = arguments_of(call, kind)
    except UnreadableCallError:
        return None
    if kind in _CHOICES:
        return None if whole else _choice(rewriting, call, kind)
    if wrong_in(module, kind, given) is not None:
        return None
    if any(rewriting.random.of(expr) for expr in given.values()):
        return None
    whole = whole or kind in _WHOLE
    name = {"uniformint": "quniform"}.get(kind, kind)
    row = TUNE.get(f"{name} as int" if whole and kind != "randint" else name)
    is_exact = kind != "qloguniform" or (whole and number(module, given["q"]) == 1)
    if row is None or not is_exact or name not in _BOUNDED:
        return None
    written = Written(module, needs, rewriting.plain)
    ends = written.ends(row, given, whole=whole and kind != "randint")
    if ends is None:
        return None
    step = written.step(given, whole=whole) if row.step else None
    call_name = row.call
    if row.step and whole and step is None:  # steps of 1: Tune's upper end is not included then
        call_name = TUNE["randint"].call
        is_known = ends[1].lstrip("-").isdigit()
        ends[1] = str(int(ends[1]) + 1) if is_known else f"{operand(ends[1])} + 1"
    more = "" if step is None else f", {step}"
    return f"tune.{call_name}({', '.join(ends)}{more})"


_BOUNDED = ("uniform", "loguniform", "quniform", "qloguniform", "randint")


def _choice(rewriting: Rewriting, call: ast.Call, kind: str) -> str | None:
    spaces = rewriting.spaces
    if call in spaces.by_index or spaces.plain_options(call) is None:
        return None
    options = options_of(call)
    assert options is not None
    listed = isinstance(options, ast.List | ast.Tuple)
    if kind == "pchoice" and isinstance(options, ast.List | ast.Tuple):
        if not all(isinstance(o, ast.Tuple | ast.List) and len(o.elts) == 2 for o in options.elts):
            return None
        text = f"[{', '.join(rewriting.plain(o.elts[1]) for o in options.elts)}]"  # type: ignore[attr-defined]  # pairs
    elif kind == "pchoice":
        text = f"[option for _, option in {operand(rewriting.plain(options))}]"
    else:
        text = rewriting.plain(options)
        found = evaluate(rewriting.program.home[call], options)
        if hasattr(found, "tolist"):
            text = f"{operand(text)}.tolist()"
        elif not isinstance(found, list):
            text = f"[{text[1:-1]}]" if listed and text.startswith("(") else f"list({text})"
    return f"tune.{TUNE['choice'].call}({text})"
