"""Are two programs the same search? Both are run up to it, and what they ask for is compared.

`collect` runs a program in a child process (`child`), which writes an `evidence.Evidence`;
`compare` turns two of those into findings; `report` shows them.
"""
