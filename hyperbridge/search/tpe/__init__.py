"""hyperopt's TPE and random search, rebuilt for speed and equal to them bit for bit.

A search space is compiled once into a `plan.Plan` (which labels are drawn, in which order, under
which condition); finished trials are kept in columns (`columns.History`), grown as they come in
by a `ledger.Ledger`; `engine` proposes points from the two.
"""
