"""A JSON file: all that is plain data, for other programs to read, and for us."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar, Final

from hyperbridge.errors import InvalidArgumentError
from hyperbridge.history.history import History
from hyperbridge.history.kinds import Kind, Options
from hyperbridge.history.plain_documents import documents_from, plain_documents
from hyperbridge.history.plain_values import from_strict_json, to_strict_json
from hyperbridge.history.targets import check_new_file, replace_file

_FORMAT: Final = "hyperbridge history"
_VERSION: Final = 1


class JsonKind(Kind):
    """A JSON object with the labels and a list of trials."""

    name: ClassVar[str] = "json"
    help: ClassVar[str] = "a JSON file; of JSON files only its own are read"
    example: ClassVar[str] = "trials.json"
    reads: ClassVar[bool] = True
    writes: ClassVar[bool] = True
    suffixes: ClassVar[tuple[str, ...]] = (".json",)

    @classmethod
    def recognises(cls, text: str) -> bool:
        """Tell whether a file begins as those begin that `write` makes."""
        if not Path(text).is_file():
            return False
        with Path(text).open("rb") as file:
            return f'"format": "{_FORMAT}"'.encode() in file.read(100)

    def read(self, source: Any, options: Options) -> History:  # noqa: ARG002
        """Return the trials of a file that `write` has made."""
        try:
            content = json.loads(Path(source).read_bytes())
        except (OSError, ValueError) as exc:
            raise InvalidArgumentError(f"{source!r} cannot be read as JSON: {exc}") from exc
        version = content.get("version")
        if version != _VERSION:
            raise InvalidArgumentError(
                f"{source!r} has version {version!r} of its format, and this hyperbridge reads "
                f"version {_VERSION}"
            )
        try:
            trials = from_strict_json(content["trials"])
            return History(documents_from(trials, content["labels"]), {}, source)
        except (LookupError, TypeError, InvalidArgumentError) as exc:
            raise InvalidArgumentError(f"{source!r} is damaged: {exc}") from exc

    def write(self, history: History, target: str, options: Options) -> None:
        """Write the trials, one to a line."""
        check_new_file(target, options)
        head = {"format": _FORMAT, "version": _VERSION, "source": history.source}
        lines = [
            json.dumps(to_strict_json(each), allow_nan=False)
            for each in plain_documents(history, "a JSON file")
        ]
        labels = json.dumps(history.labels())
        text = (
            json.dumps(head)[:-1] + f',\n"labels": {labels},\n"trials": [\n'
            + ",\n".join(lines) + "\n]}\n"
        )  # fmt: skip
        replace_file(target, text.encode())
