"""Pages: what people look at after a search, each one self-contained HTML file.

`frame` knows nothing of searches: head, style, escaping, sections, tables, figures. `report` makes
the page of one history; `optuna_figures` has the figures that Optuna draws, `timeline` our own.
"""
