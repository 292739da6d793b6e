"""Write a search space as native source code: a function of an Optuna trial.

The code imports neither hyperopt nor hyperbridge. It needs no engine to be written.
"""

from __future__ import annotations

from hyperbridge.space.nodes import Node
from hyperbridge.translate.source_helpers import helpers, imports
from hyperbridge.translate.source_optuna import OptunaWriter
from hyperbridge.translate.source_values import UnwritableError

__all__ = ["UnwritableError", "optuna_program"]


def optuna_program(root: Node, name: str) -> tuple[str, dict[str, str]]:
    """Write a space as a function of a trial, with its imports and helpers before it.

    Args:
        root: The root of the space.
        name: What to call the function.

    Returns:
        The source, and what is not exactly as in hyperopt, by label.

    Raises:
        UnwritableError: Something in it cannot be said in source code.

    Examples:
        >>> from hyperbridge.space.distributions import Uniform
        >>> from hyperbridge.space.nodes import Parameter
        >>> print(optuna_program(Parameter("x", Uniform(0, 1)), "suggest")[0], end="")
        def suggest(trial):
            return trial.suggest_float("x", 0, 1)
    """
    writer = OptunaWriter()
    body = writer.body(root)
    written = writer.written
    needed = written.imports | imports(written.needs)
    heads = sorted(needed, key=lambda line: (line.startswith("from"), line))
    lines = [f"def {name}(trial):", *(f"    {line}" if line else "" for line in body)]
    parts = ["\n".join(heads)] if heads else []
    parts += [helper.rstrip("\n") for helper in helpers(written.needs)]
    return "\n\n\n".join([*parts, "\n".join(lines)]) + "\n", written.remarks
