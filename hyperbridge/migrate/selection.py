"""Which remarks a user wants to hear: codes and beginnings of codes, as ruff takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hyperbridge.migrate.remarks import REMARKS

_ALWAYS = ("HB299",)


@dataclass(frozen=True, slots=True)
class Selection:
    """A choice of remarks; the longest beginning that fits a code decides.

    Attributes:
        select: Those that are wanted; empty for all.
        ignore: Those that are not.

    Examples:
        >>> some = Selection(("HB2",), ("HB20",))
        >>> some.takes("HB215"), some.takes("HB204"), some.takes("HB101"), some.takes("HB299")
        (True, False, False, True)
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    def takes(self, code: str) -> bool:
        """Tell whether a remark is wanted; a fault of this tool always is."""
        wanted = max((len(p) for p in self.select or ("",) if code.startswith(p)), default=-1)
        unwanted = max((len(p) for p in self.ignore if code.startswith(p)), default=-1)
        return code in _ALWAYS or wanted > unwanted


def parse(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the beginnings of codes in arguments such as ``HB2,HB101``.

    Raises:
        ValueError: No code begins so.
    """
    found = [part.strip().upper() for text in texts for part in text.split(",") if part.strip()]
    for prefix in found:
        if not any(code.startswith(prefix) for code in REMARKS):
            raise ValueError(f"no remark has a code like {prefix!r}: see hyperbridge explain --all")
    return tuple(found)
