"""What a program comes to on several backends, or before and after `migrate`, side by side.

`collect` runs the program in child processes (`child`), each of which writes a
`records.ProgramRecord`; `judge` turns those into tables of rows with a verdict each, by the test
in `rank_test`; `text` and `html` show them.
"""
