"""What a kind of remark is: a stable code, and the page that explains it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Exactness = Literal["exact", "changes results", "left", "use"]

_MEANING: dict[Exactness, str] = {
    "exact": "The rewritten search stays the same search.",
    "changes results": "The search is rewritten, and its results are not the same.",
    "left": "The code is left as it is.",
    "use": "A use of hyperopt; nothing changes because of the remark.",
}


@dataclass(frozen=True, slots=True)
class Remark:
    """One kind of remark.

    Attributes:
        code: Its stable code, such as ``HB204``.
        title: What it says, in a line.
        what: What was found.
        why: Why it matters, and what to do.
        before: Lines of a program that gets it; empty where there is nothing to show.
        after: What becomes of them, or what a person writes instead.
        exactness: Whether code is rewritten, and stays the same search.
    """

    code: str
    title: str
    what: str
    why: str
    before: str = ""
    after: str = ""
    exactness: Exactness = "left"

    @property
    def meaning(self) -> str:
        """What its exactness means, in a sentence."""
        return _MEANING[self.exactness]


def matches(code: str, prefixes: Iterable[str]) -> bool:
    """Tell whether a code begins with one of some prefixes, as in ruff.

    Examples:
        >>> matches("HB204", ["HB2"]), matches("HB204", ["HB21", "HB3"]), matches("HB204", [])
        (True, False, False)
    """
    return any(code.startswith(prefix) for prefix in prefixes)
