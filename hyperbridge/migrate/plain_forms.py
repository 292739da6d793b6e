"""What a program says in an unusual way, said in the usual one before it is read.

The new text means the same to hyperopt, and has as many lines.
"""

from __future__ import annotations

import ast
import dataclasses
import re

from hyperbridge.migrate.distributions import SIGNATURES
from hyperbridge.migrate.edits import Edits
from hyperbridge.migrate.module import Module
from hyperbridge.migrate.origins import origins
from hyperbridge.migrate.program import Program
from hyperbridge.migrate.reading import is_word
from hyperbridge.migrate.skips import skipped_lines
from hyperbridge.migrate.sources import Cell, Source
from hyperbridge.migrate.stepwise import names_of_spaces

Replacement = tuple[int, int, str]
_HOLDING = (
    *(ast.Dict, ast.List, ast.Tuple, ast.Set, ast.IfExp, ast.Assign, ast.Return, ast.Lambda),
    *(ast.Call, ast.keyword),
)


def plain_form(module: Module) -> Source | None:
    """Return a file in the usual form; None where it is in it, or a comment keeps lines of it."""
    found: set[Replacement] = names_of_spaces(module)
    for node in module.of_kind(ast.Call):
        name = module.hyperopt(node.func) or ""
        if name.startswith("hp."):
            found |= _without_star(module, node, name.removeprefix("hp."))
        elif name == "fmin":
            found |= _without_annotations(module, node)
        elif getattr(node.func, "id", "") == "getattr" and len(node.args) == 2:
            found |= _looked_up(module, node)
    for place in (*module.of_kind(ast.Name), *module.of_kind(ast.Attribute)):
        if (module.hyperopt(place) or "").partition(".")[0] == "hp":
            found |= _as_function(module, place)
    if not found or skipped_lines(module):
        return None
    return _changed(module.source, sorted(found))


def _changed(source: Source, replacements: list[Replacement]) -> Source:
    text, code = Edits(source.text), Edits(source.code)
    for start, end, new in replacements:
        text.replace(start, end, new)
        code.replace(start, end, new)
    cells: list[Cell] = []
    shift = 0
    for cell in source.cells:
        mine = [r for r in replacements if cell.start <= r[0] and r[1] <= cell.end]
        grown = sum(len(new) - (end - start) for start, end, new in mine)
        start = cell.start + shift
        shift += grown
        cells.append(dataclasses.replace(cell, start=start, end=cell.end + shift))
    return dataclasses.replace(
        source, text=text.rendered(0, len(source.text)), code=code.rendered(0, len(source.code)),
        cells=tuple(cells),
    )  # fmt: skip


def _without_star(module: Module, call: ast.Call, kind: str) -> set[Replacement]:
    """``hp.uniform("x", *bounds)``: the elements one by one."""
    names = SIGNATURES.get(kind, ())
    stars = [arg for arg in call.args if isinstance(arg, ast.Starred)]
    given = len(call.args) - 1 + len(call.keywords)
    if kind in ("randint", "uniformint") or len(stars) != 1 or call.args[-1] is not stars[0]:
        return set()
    value = stars[0].value
    if any(k.arg is None for k in call.keywords) or not isinstance(value, ast.Name | ast.Attribute):
        return set()
    text = module.original(value)
    elements = ", ".join(f"{text}[{number}]" for number in range(len(names) - given))
    return {(*module.span(stars[0]), elements)} if elements else set()


def _as_function(module: Module, node: ast.AST) -> set[Replacement]:
    """``{"float": hp.uniform}``: a function that calls it."""
    assert isinstance(node, ast.Name | ast.Attribute)
    kind, parent = (module.hyperopt(node) or "").removeprefix("hp."), module.names.parent_of[node]
    is_held = (
        isinstance(parent, _HOLDING)
        and node is not getattr(parent, "func", None)
        and node not in getattr(parent, "keys", ())
        and isinstance(node.ctx, ast.Load)
    )
    if kind not in SIGNATURES or not is_held:
        return set()
    text = _function_text(module.original(node), kind)
    return {(*module.span(node), f"({text})" if isinstance(parent, ast.IfExp) else text)}


def _function_text(called: str, kind: str) -> str:
    names = ", ".join(SIGNATURES[kind])
    if kind == "uniformint":
        return f"lambda label, low, high, q=1.0: {called}(label, low, high, q)"
    if kind == "randint":
        two = f"{called}(label, low) if high is None else {called}(label, low, high)"
        return f"lambda label, low, high=None: {two}"
    return f"lambda {names}: {called}({names})"


def _looked_up(module: Module, call: ast.Call) -> set[Replacement]:
    """``getattr(hp, kind)``: a table of the distributions that may be meant."""
    hp, name = call.args
    if module.hyperopt(hp) != "hp" or call.keywords:
        return set()
    called = module.original(hp)
    if is_word(name):
        return {(*module.span(call), f"{called}.{ast.literal_eval(name)}")}
    named = [getattr(e, "value", None) for e in origins(Program([module]), name).exprs]
    is_known = bool(named) and set(named) <= {*SIGNATURES}
    kinds = [kind for kind in SIGNATURES if kind in named or not is_known]
    entries = ", ".join(f'"{k}": {_function_text(f"{called}.{k}", k)}' for k in kinds)
    lines = "\n" * module.original(call).count("\n")
    return {(*module.span(call), f"{{{entries}}}[{module.original(name)}{lines}]")}


def _without_annotations(module: Module, call: ast.Call) -> set[Replacement]:
    """``fmin(fn, "annotated")``: the space as a dict, and a function that hands it on by name."""
    given = dict(zip(("fn", "space"), call.args, strict=False))
    given.update({str(k.arg): k.value for k in call.keywords})
    fn, space = given.get("fn"), given.get("space")
    if not (isinstance(space, ast.Constant) and space.value == "annotated"):
        return set()
    function = _function(module, fn, call) if isinstance(fn, ast.Name) else None
    if function is None or fn is None or function.returns is not None:
        return set()
    found: set[Replacement] = set()
    entries: list[str] = []
    arguments = function.args
    for arg in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        if arg.annotation is None:
            continue
        name_end = module.span(arg)[0] + len(arg.arg)
        end = module.span(arg.annotation)[1]
        text = module.original(arg.annotation)
        if "#" in text:
            return set()
        one_line = re.sub(r"\s*\n\s*", " ", text)
        entries.append(f'"{arg.arg}": {one_line}')
        found.add((name_end, end, "\n" * module.source.text[name_end:end].count("\n")))
    if not entries or arguments.posonlyargs or arguments.vararg or arguments.kwarg:
        return set()
    found.add((*module.span(space), f"{{{', '.join(entries)}}}"))
    found.add((*module.span(fn), f"lambda params: {module.original(fn)}(**params)"))
    return found


def _function(module: Module, name: ast.Name, call: ast.Call) -> ast.FunctionDef | None:
    """Return the function that a name stands for where fmin is called."""
    nodes = [binding.node for binding in module.names.bindings(name)]
    if len(nodes) > 1:  # one after the other, as the cells of a notebook have it
        parents = {module.names.parent_of.get(n) for n in (*nodes, module.names.statement(call))}
        nodes = [n for n in nodes if n.lineno < call.lineno]  # type: ignore[attr-defined]  # statements
        nodes = nodes[-1:] if parents == {module.tree} else []
    found = nodes[0] if nodes else None
    return found if isinstance(found, ast.FunctionDef) else None
