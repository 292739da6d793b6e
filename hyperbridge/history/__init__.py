"""Histories of searches, in any of the forms in which they are kept: read, written, turned over.

`convert` turns one form into another; `kinds` has the table of the forms, one file for each.
"""
