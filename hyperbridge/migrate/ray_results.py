"""Have an objective return what Ray Tune takes for a result: a dict with a loss.

Source: Ray Tune reference, "Training in Tune"; hyperopt.base.Domain.
"""

from __future__ import annotations

import ast

from hyperbridge.migrate.module import Module
from hyperbridge.migrate.rules.objective import Objective, own_returns
from hyperbridge.migrate.writing import Writing


def returned(text: str, objective: Objective) -> list[str]:
    """Return statements that return the result of an expression as a dict with a loss."""
    if objective.returned == "number":
        return [f'return {{"loss": {text}}}']
    lines = [f"result = {text}"]
    if objective.returned == "unknown":
        lines += ["if not isinstance(result, dict):", '    return {"loss": result}']
    if objective.fails:
        lines.append('return {"loss": float("nan"), **result}')
    elif len(lines) == 1:
        return [f"return {text}"]
    else:
        lines.append("return result")
    return lines


def rewrite_returns(writing: Writing, function: ast.FunctionDef) -> None:
    """Have every return give a dict with a loss."""
    module = writing.search.module
    asks_status = any('"status"' in replacement.text for replacement in writing.replacements)
    results = {result.node: result for result in writing.objective.results}
    for node in own_returns(function):
        if node.value is None:
            continue
        result = results.get(node)
        if result is None:
            text = f'{{"loss": {writing.bracketed(node.value)}}}'
            module.edits.replace(*module.span(node.value), text)
        elif result.status == "fail":
            extras = "".join(f', "{key}": {module.text(value)}' for key, value in result.extras)
            text = f'{{"loss": float("nan"), "status": "fail"{extras}}}'
            module.edits.replace(*module.span(node.value), text)
        elif not asks_status:
            drop_status(module, node.value)


def drop_status(module: Module, value: ast.expr) -> None:
    """Take ``"status": STATUS_OK`` out of a dict: a result of Ray's has none."""
    if isinstance(value, ast.Dict):
        entries = [
            (key, entry, isinstance(key, ast.Constant) and key.value == "status")
            for key, entry in zip(value.keys, value.values, strict=True)
            if key is not None
        ]
        spans = [(module.span(k)[0], module.span(v)[1], gone) for k, v, gone in entries]
    else:
        assert isinstance(value, ast.Call)
        spans = [(*module.span(k), k.arg == "status") for k in value.keywords]
    for position, (start, end, gone) in enumerate(spans):
        if gone and position + 1 < len(spans):
            module.edits.replace(start, spans[position + 1][0], "")
        elif gone and position > 0:
            module.edits.replace(spans[position - 1][1], end, "")
