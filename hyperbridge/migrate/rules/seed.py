"""fmin's ``rstate`` becomes a sampler's seed. Source: hyperopt.fmin; numpy.random."""

from __future__ import annotations

import ast

from hyperbridge.migrate.search import Search, is_none

_GENERATORS = ("numpy.random.default_rng", "numpy.random.RandomState")


def read(search: Search) -> None:
    """Read the seed, or how to draw one from the generator that is used."""
    rstate = search.arguments.get("rstate")
    if rstate is None or is_none(rstate):
        return
    made = rstate
    binding = search.module.names.only_binding(rstate)
    if binding is not None and binding.value is not None:
        made = binding.value
    if isinstance(made, ast.Call) and search.module.names.dotted(made.func) in _GENERATORS:
        given = [*made.args, *(keyword.value for keyword in made.keywords)]
        if not given:
            return
        if len(given) == 1 and (made is rstate or isinstance(given[0], ast.Constant | ast.Name)):
            search.settings.seed = search.module.text(given[0])
            return
    search.settings.seed = f"int({search.module.text(rstate)}.integers(2**31 - 1))"
    search.remark(rstate, "the seed is drawn from the generator, so it must be a numpy Generator")
