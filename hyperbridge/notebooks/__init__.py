"""The one reader of notebooks, for all who read them: `hyperbridge run`, `scan` and `migrate`.

`jupyter` and `databricks` read the cells of a file. `magics` finds what in a cell is IPython's or
Databricks' syntax and not Python: `find_magics` lists it, `masked` replaces it character by
character, so that the rest can be parsed and edited in its place. What becomes of a magic when the
notebook runs is said in `hyperbridge.cli.notebook_python`.

Cells that begin with `%%time`, `%%capture`, `%%timeit`, `%%prun` or `%%memit` are Python, and so is
what follows such a magic on one line.
"""
