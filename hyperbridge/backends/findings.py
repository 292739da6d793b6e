"""What ``hyperbridge doctor`` finds about a backend: one `Finding` per thing looked at."""

from __future__ import annotations

import importlib.metadata
import re
from dataclasses import dataclass
from typing import Literal

from hyperbridge.optional import Package

Status = Literal["ok", "note", "missing", "broken"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The state of one thing.

    Attributes:
        subject: What was looked at: a backend's name, ``python``, ``hyperopt``, ``tracking``,
            or ``probe`` and a backend's name.
        status: ``ok``; ``note`` for what works with a limit; ``missing`` for what is not
            installed; ``broken`` for what is there and cannot work.
        detail: What was found, for people.
        fix: What to do about it; None when there is nothing to do.
        needed_by: The backend that cannot work without it; None when the subject says so.
    """

    subject: str
    status: Status
    detail: str
    fix: str | None = None
    needed_by: str | None = None

    @property
    def works(self) -> bool:
        """Whether the thing can be used."""
        return self.status in ("ok", "note")


def version_of(package: str) -> str | None:
    """Return the version of an installed distribution, None when it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def numbers_of(version: str) -> tuple[int, ...]:
    """Return the first two numbers of a version, to compare by.

    Examples:
        >>> numbers_of("4.1.2rc1")
        (4, 1)
    """
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def check_package(subject: str, package: Package) -> Finding:
    """Look whether a package is installed, and not older than what was tried.

    Args:
        subject: What the finding is about, such as the name of a backend.
        package: What to look for.
    """
    version = version_of(package.name)
    if version is None:
        return Finding(subject, "missing", "not installed", f"pip install '{package.install}'")
    if package.oldest is not None and numbers_of(version) < numbers_of(package.oldest):
        return Finding(
            subject,
            "broken",
            f"{package.name} {version} is older than {package.oldest}",
            f"pip install --upgrade '{package.install}'",
        )
    return Finding(subject, "ok", f"{package.name} {version}")
