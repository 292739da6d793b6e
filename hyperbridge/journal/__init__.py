"""The journal of a search: an append-only log in plain data, one line for each event.

The format is in ``migration_guides/nothing_is_lost.md``. `lines` has the checksums, `values` what
JSON does not know, `documents` the trials, `events` the records, `contents` what they come to, and
`file` the file that a kill at any instant leaves readable.
"""
