"""What a migration has to tell a person."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """One remark about one place.

    Attributes:
        line: Line of the text, from 1.
        text: What is the matter and what to do.
        needs_person: True when something was left as it is and somebody must act; False when
            the code was rewritten and merely behaves a little differently.
        code: What kind of remark it is, such as ``HB204``; see `remarks`.
    """

    line: int
    text: str
    needs_person: bool
    code: str
