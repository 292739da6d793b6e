"""The journal of a search, as ``fmin(journal=...)`` writes it."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, ClassVar

from hyperbridge.errors import InvalidArgumentError
from hyperbridge.history.absent import leave_out_absent
from hyperbridge.history.history import History
from hyperbridge.history.kinds import Kind, Options
from hyperbridge.history.targets import check_new_file, replace_by
from hyperbridge.journal import events
from hyperbridge.journal.file import FORMAT, read_journal, write_journal
from hyperbridge.journal.values import Loss, NotKept


class JournalKind(Kind):
    """A line for each event. One that is written here holds trials alone, and no call of fmin."""

    name: ClassVar[str] = "journal"
    help: ClassVar[str] = "a journal of hyperbridge"
    example: ClassVar[str] = "run.journal"
    reads: ClassVar[bool] = True
    writes: ClassVar[bool] = True
    suffixes: ClassVar[tuple[str, ...]] = (".journal",)

    @classmethod
    def recognises(cls, text: str) -> bool:
        """Tell whether a file begins as a journal does, or is named as one."""
        if not Path(text).is_file():
            return False
        with Path(text).open("rb") as file:
            return FORMAT.encode() in file.read(200) or cls.is_named_by(text)

    def read(self, source: Any, options: Options) -> History:  # noqa: ARG002
        """Return the trials of a journal, whether its search has ended or not."""
        try:
            contents = read_journal(source)
        except OSError as exc:
            raise InvalidArgumentError(f"{source!r} cannot be read: {exc}") from exc
        history = History(contents.documents, contents.attachments, source)
        if contents.calls:
            history.texts = dict(contents.calls[-1]["space"])
        for document in history.documents:
            reports = contents.reports.get(document["tid"])
            if reports:
                document["misc"]["reports"] = [[step, loss] for step, loss, _ in reports]
        if contents.torn is not None:
            history.remark(
                f"the end of the last record, in line {contents.torn.number}, is missing"
            )
        leave_out_absent(history, _name_of, lambda _: "the journal could not keep it")
        return history

    def write(self, history: History, target: str, options: Options) -> None:
        """Write the trials as such that a search brings from elsewhere."""
        check_new_file(target, options)
        lost: Counter[tuple[str, str]] = Counter()

        def on_loss(where: str, loss: Loss) -> None:
            what = "is left out" if loss.kept_as is None else f"becomes a {loss.kept_as}"
            lost[where, f"a {loss.type_name} {what}"] += 1

        own, other = _attachments_by_id(history)
        records = [
            events.brought(document, own.get(str(document["tid"]), {}), on_loss)
            for document in history.documents
        ]
        replace_by(target, lambda path: write_journal(path, records))
        for (where, what), n in lost.items():
            of = "1 trial" if n == 1 else f"{n} trials"
            history.remark(f"{where} of {of}: {what} in a journal")
        if other:
            history.remark(f"{other} attachments that are of no trial are left out")


def _name_of(value: Any) -> str | None:
    return value.type_name if isinstance(value, NotKept) else None


def _attachments_by_id(history: History) -> tuple[dict[str, dict[str, Any]], int]:
    """Return the attachments of each trial by its id and their names, and how many have none."""
    ids = {str(document["tid"]) for document in history.documents}
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    n_other = 0
    for name, value in history.attachments.items():
        parts = name.split("::", 2) if isinstance(name, str) else []
        if len(parts) == 3 and parts[0] == "ATTACH" and parts[1] in ids:
            found[parts[1]][parts[2]] = value
        else:
            n_other += 1
    return found, n_other
