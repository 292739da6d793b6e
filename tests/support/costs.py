"""Which test files take long, so that they are begun first and both processes end together.

The table is a hint: seconds on a busy machine, as `python tests/support/costs.py LOG` writes them
from what pytest printed with ``--durations=0``. A file that is not in it costs nothing.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

TABLE = Path(__file__).with_name("costs.txt")
LEAST_S = 4
"""Files that took less are left out."""

LINE = re.compile(r"([0-9.]+)s (?:call|setup|teardown) +tests/(.+?)::")


def recorded() -> dict[str, int]:
    """Return the seconds of the long files, by their path below tests/."""
    rows = (line.split() for line in TABLE.read_text(encoding="utf-8").splitlines())
    return {path: int(seconds) for path, seconds in rows}


def main(log: Path) -> None:
    """Write the table from what pytest printed."""
    costs: Counter[str] = Counter()
    for line in log.read_text(encoding="utf-8").splitlines():
        if found := LINE.match(line):
            costs[found[2]] += float(found[1])  # type: ignore[assignment]
    rows = [f"{path} {seconds:.0f}\n" for path, seconds in costs.most_common()]
    TABLE.write_text("".join(row for row in rows if int(row.split()[1]) >= LEAST_S), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
