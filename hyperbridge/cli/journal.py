"""The verb ``journal``: what a journal says, and whether it is whole."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from hyperbridge.cli.verbs import add_verb

if TYPE_CHECKING:
    from hyperbridge.documents import Document
    from hyperbridge.journal.contents import Contents

_DESCRIPTION = """\
Show or check the journal of a search (fmin's argument journal, HYPERBRIDGE_JOURNAL,
or 'hyperbridge run --journal'). The file is read, not changed, and nothing in it is run;
another process may be writing to it.
"""
_EXAMPLES = """\
examples:
  hyperbridge journal show run.journal             # the calls, and a table of the trials
  hyperbridge journal show --json run.journal      # a JSON object for each trial
  hyperbridge journal check run.journal            # exit code 1 when it is damaged
"""


def add_parser(verbs: argparse._SubParsersAction[Any]) -> None:
    """Add the verb to the command line."""
    summary = "show or check the journal of a search"
    parser = add_verb(verbs, "journal", run, summary, _DESCRIPTION, _EXAMPLES)
    parser.add_argument(
        "action",
        choices=("show", "check"),
        metavar="show|check",
        help="show: its calls and trials. check: exit code 0 when it is whole, 1 when it is "
        "damaged or its last record was cut off, with the line",
    )
    parser.add_argument("file", metavar="FILE", help="the journal")
    parser.add_argument("--json", action="store_true", help="show: one JSON object for each trial")


def run(args: argparse.Namespace) -> int:
    """Show or check a journal.

    Args:
        args: The verb's options.

    Returns:
        0; 1 for one that is damaged, or no journal. A file that cannot be read is bad usage.
    """
    from hyperbridge.errors import InvalidArgumentError
    from hyperbridge.journal.file import read_journal

    if args.action == "check" and args.json:
        args.parser.error("--json is for show")
    try:
        contents = read_journal(args.file)
    except OSError as exc:
        args.parser.error(f"{args.file}: {exc.strerror or exc}")
    except InvalidArgumentError as exc:
        print(exc)
        return 1
    if args.action == "check":
        return _check(contents)
    if args.json:
        for document in contents.documents:
            print(json.dumps(_as_json(document, contents), allow_nan=False))
    else:
        print("\n".join(_report(contents)))
    return 0


def _check(contents: Contents) -> int:
    n_ended = sum(document["state"] > 1 for document in contents.documents)
    counts = f"{len(contents.documents)} trials, {n_ended} of them final"
    if contents.torn is None:
        print(f"whole: {counts}")
        return 0
    print(
        f"line {contents.torn.number}: its end is missing; {contents.torn.length} bytes of it are "
        f"there. The search that goes on drops them. Before it: {counts}"
    )
    return 1


def _report(contents: Contents) -> Iterator[str]:
    """Return the lines of the report for people."""
    for call in contents.calls:
        closed = call.get("closed")
        end = "not ended, or killed"
        if closed is not None:
            end = f"ended {_when(closed['at'])} ({closed['reason']})"
        yield f"call of {call['objective']['name']}, {_when(call['at'])}: {end}"
        host, _, rest = call["process"].rpartition(":")[0].rpartition(":")
        yield f"    {call['algo']} on {call['backend']}, process {rest} on {host}"
    for name, value in contents.tracking.items():
        yield f"mlflow {name}: {value}"
    if contents.torn is not None:
        yield f"line {contents.torn.number} was cut off and is not shown"
    if contents.documents:
        yield ""
        yield from _table(contents)


def _table(contents: Contents) -> Iterator[str]:
    head = ("tid", "state", "loss", "seconds", "parameters")
    rows = [head, *(_row(document, contents) for document in contents.documents)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head) - 1)]
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=False)]
        yield "  ".join([*cells, row[-1]])


def _row(document: Document, contents: Contents) -> tuple[str, ...]:
    found = _as_json(document, contents)
    loss = "" if found["loss"] is None else _short(found["loss"])
    seconds = "" if found["seconds"] is None else f"{found['seconds']:.3f}"
    parameters = " ".join(f"{label}={_short(value)}" for label, value in found["params"].items())
    return str(found["tid"]), found["state"], loss, seconds, parameters


def _as_json(document: Document, contents: Contents) -> dict[str, Any]:
    """Return what is shown of a trial."""
    from hyperbridge.history.history import state_of

    misc, result = document["misc"], document["result"]
    reports = contents.reports.get(document["tid"]) or misc.get("reports")
    reports = reports if isinstance(reports, list) else []
    found = {
        "tid": _plain(document["tid"]),
        "state": state_of(document),
        "loss": _plain(result.get("loss")),
        "params": {
            label: _plain(values[0]) for label, values in misc["vals"].items() if len(values)
        },
        "seconds": _seconds(document),
        "started": _time(document["book_time"]),
        "reports": [
            [_plain(part) for part in each[:2]]
            for each in reports
            if isinstance(each, list | tuple)
        ],
    }
    if "error" in misc:
        error = misc["error"] if isinstance(misc["error"], list | tuple) else [misc["error"]]
        found["error"] = [str(part) for part in error]
    return found


def _seconds(document: Document) -> float | None:
    began, ended = document["book_time"], document["refresh_time"]
    if document["state"] < 2 or not isinstance(began, datetime) or not isinstance(ended, datetime):
        return None
    return (ended - began).total_seconds()


def _time(value: Any) -> str | None:
    return f"{value.isoformat()}Z" if isinstance(value, datetime) else None


def _when(at_ms: int) -> str:
    moment = datetime.fromtimestamp(at_ms / 1000, timezone.utc)
    return moment.isoformat(" ", "seconds").replace("+00:00", " UTC")


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; a text for what JSON does not have."""
    if value is None or type(value) in (bool, int, str):
        return value
    try:
        number = value.item() if hasattr(value, "item") else value
    except ValueError:  # an array
        return str(value)
    if isinstance(number, float):
        return number if math.isfinite(number) else str(number)
    return number if type(number) in (bool, int, str) else str(number)
