"""Write a flat search space as Ray Tune's ``param_space``.

Only what Ray Tune and its Optuna searcher both take exactly is written so: a dict whose keys are
the labels, of bounded parameters and plain options. Anything else is better said as a function
of an Optuna trial, which Ray's searcher takes too.
Source: Ray Tune reference, "Search Space API"; ``ray.tune.search.optuna.OptunaSearch``.
"""

from __future__ import annotations

from hyperbridge.space.nodes import Call, Choice, DictNode, Node, Parameter, iterate, without_casts
from hyperbridge.translate.source_optuna import OptunaWriter
from hyperbridge.translate.source_text import Expression, Group, render
from hyperbridge.translate.source_values import UnwritableError, literal

_NAMES = {
    "trial.suggest_float": "tune.uniform",
    "trial.suggest_int": "tune.randint",
    "trial.suggest_categorical": "tune.choice",
}


def ray_param_space(root: Node) -> str | None:
    """Return a program that makes the ``param_space`` of a space.

    Returns:
        None when the space is not flat, or has a distribution that Ray cannot express.
    """
    if not isinstance(root, DictNode) or not all(isinstance(key, str) for key in root.keys):
        return None
    writer = OptunaWriter()
    entries: list[tuple[str, Expression]] = []
    for key, value in zip(root.keys, root.values, strict=True):
        expression = _entry(key, value, writer)
        if expression is None:
            return None
        entries.append((f"{literal(key, writer.written.imports)}: ", expression))
    imports = [*sorted(writer.written.imports), "from ray import tune"]
    lines = render(Group("{", entries, "}"), indent=0, prefix="param_space = ")
    return "\n".join([*imports, "", *lines]) + "\n"


def _entry(key: str, node: Node, writer: OptunaWriter) -> Expression | None:
    parameter = node.parameter if isinstance(node, Choice) else without_casts(node)
    is_constant = not any(isinstance(n, Parameter | Choice | Call) for n in iterate(node))
    if parameter is None and not is_constant:
        return None
    try:
        written = writer.expression(node)
    except UnwritableError:
        return None
    if is_constant:
        return written
    if not isinstance(parameter, Parameter) or parameter.label != key:
        return None
    if not isinstance(written, Group) or writer.written.needs:
        return None
    return _translated(written)


def _translated(written: Group) -> Group | None:
    """Turn ``trial.suggest_float("x", 0, 1, log=True)`` into ``tune.loguniform(0, 1)``."""
    name = _NAMES.get(written.opening.removesuffix("("))
    if name is None or written.closing != ")":
        return None
    _, *parts = written.parts
    options = {prefix: value for prefix, value in parts if prefix}
    ends = [part for part in parts if not part[0]]
    if name == "tune.choice":
        return Group("tune.choice(", ends, ")")
    if "log=" in options:
        name = {"tune.uniform": "tune.loguniform", "tune.randint": "tune.lograndint"}[name]
    if "step=" in options:
        name = {"tune.uniform": "tune.quniform", "tune.randint": "tune.qrandint"}[name]
        return Group(f"{name}(", [*ends, ("", options["step="])], ")")
    if name in ("tune.randint", "tune.lograndint"):  # Ray's upper end is not included
        low, high = ends
        return Group(f"{name}(", [low, ("", _next(str(high[1])))], ")")
    return Group(f"{name}(", ends, ")")


def _next(text: str) -> str:
    try:
        return str(int(text) + 1)
    except ValueError:
        return text.removesuffix(" - 1") if text.endswith(" - 1") else f"{text} + 1"
