"""Write a search space as native source code: a function of an Optuna trial.

The code imports neither hyperopt nor hyperbridge. It needs no engine to be written.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from hyperbridge.space.model import Space
from hyperbridge.space.nodes import Node
from hyperbridge.translate.source_choices import Categories
from hyperbridge.translate.source_helpers import helpers, imports
from hyperbridge.translate.source_optuna import OptunaWriter
from hyperbridge.translate.source_text import Texts
from hyperbridge.translate.source_values import UnwritableError

__all__ = ["SpaceCode", "UnwritableError", "optuna_code"]


@dataclass(frozen=True, slots=True)
class SpaceCode:
    """Native code for one space.

    Attributes:
        body: The lines of the function's body, without the indentation of the function.
        imports: Import statements that it needs.
        needs: The helper functions that it needs, and which of their branches.
        remarks: What is not exactly as in hyperopt, by label.
        categories: How the options of each choice are called, by label.
        latent: Labels under which the study holds something else than the value.
    """

    body: tuple[str, ...]
    imports: tuple[str, ...]
    needs: frozenset[str]
    remarks: dict[str, str]
    categories: dict[str, Categories]
    latent: frozenset[str]

    def function(self, name: str) -> str:
        """Return the source of a function that returns the point for a trial."""
        lines = [f"def {name}(trial):", *(f"    {line}" if line else "" for line in self.body)]
        return "\n".join(lines) + "\n"

    def program(self, name: str) -> str:
        """Return the function with its imports and helpers before it."""
        parts = ["\n".join(self.imports)] if self.imports else []
        parts += [helper.rstrip("\n") for helper in helpers(self.needs)]
        parts.append(self.function(name).rstrip("\n"))
        return "\n\n\n".join(parts) + "\n"


def optuna_code(
    space: Space | Node, *, texts: Texts | None = None, taken: Collection[str] = ()
) -> SpaceCode:
    """Write a space as the body of ``def suggest(trial): ...`` for Optuna.

    Args:
        space: The space, or its root.
        texts: The user's own words for values in it, when it was read from source.
        taken: Names that the body must not use for variables.

    Raises:
        UnwritableError: Something in it cannot be said in source code.

    Examples:
        >>> from hyperbridge.space.distributions import Uniform
        >>> from hyperbridge.space.nodes import Parameter
        >>> print(optuna_code(Parameter("x", Uniform(0, 1))).function("suggest"), end="")
        def suggest(trial):
            return trial.suggest_float("x", 0, 1)
    """
    root = space.root if isinstance(space, Space) else space
    writer = OptunaWriter(Texts() if texts is None else texts, set(taken))
    body = writer.body(root)
    written = writer.written
    needed = written.imports | imports(written.needs)
    return SpaceCode(
        tuple(body),
        tuple(sorted(needed, key=lambda line: (line.startswith("from"), line))),
        frozenset(written.needs),
        written.remarks,
        written.categories,
        frozenset(written.latent),
    )
