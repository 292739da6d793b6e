"""What an objective can no longer do when its trials run in processes of Ray's."""

from __future__ import annotations

from hyperbridge.migrate import driver_state, trial_folder, unsendable
from hyperbridge.migrate.notes import Note
from hyperbridge.migrate.program import Program
from hyperbridge.migrate.reading import Search


def notes(program: Program, search: Search) -> list[Note]:
    """Return what a person must know; what needs one leaves the search as it is."""
    if "fn" not in search.arguments:
        return []
    found = [
        *driver_state.notes(search),
        *unsendable.notes(program, search),
        *trial_folder.notes(search),
    ]
    return list(dict.fromkeys(found))
