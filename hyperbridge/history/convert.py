"""Turn one kind of history into another."""

from __future__ import annotations

from collections.abc import Sequence

from hyperbridge.errors import InvalidArgumentError
from hyperbridge.history.history import History
from hyperbridge.history.kinds import Kind, Options, kind_of_target, kinds, recognise


def convert(source: str, target: str, options: Options) -> History:
    """Read the trials of a source and write them to a target.

    Args:
        source: A path or an address.
        target: A path or an address of a kind that is written.
        options: What the user said about both.

    Returns:
        What was written; its remarks say what was dropped or assumed.

    Raises:
        InvalidArgumentError: One cannot be read, the other not written, or there is no trial;
            the message says what to do.
    """
    writer = kind_of_target(target)
    if source == target:
        raise InvalidArgumentError(f"{source!r} is source and target")
    reader = recognise(source)
    _check_heeded(options, reader, writer, reader.may_heed)
    history = reader.read(source, options)
    _check_heeded(options, reader, writer, history.heeded)
    if not history.documents:
        raise InvalidArgumentError(f"{source!r} holds no trials")
    if options.space is not None:
        history.space = options.space
        _compare(history)
    writer.write(history, target, options)
    return history


def _check_heeded(options: Options, reader: Kind, writer: Kind, also: Sequence[str]) -> None:
    """Refuse an option that neither kind looks at, apart from what is heeded in some sources.

    Raises:
        InvalidArgumentError: It is one.
    """
    heeded = {*reader.heeds, *writer.heeds, *also}
    for kind in kinds():
        for name in kind.heeds:
            if getattr(options, name) is not None and name not in heeded:
                raise InvalidArgumentError(
                    f"--{name.replace('_', '-')} means nothing for {reader.help} and {writer.help}"
                )


def _compare(history: History) -> None:
    """Say which labels the given space and the trials have not in common.

    Raises:
        InvalidArgumentError: There is no label that both have.
    """
    assert history.space is not None, "the caller has set it"
    labels = history.labels()
    known = history.space.parameters
    if labels and not any(label in known for label in labels):
        raise InvalidArgumentError(
            f"the trials of {history.source!r} are of another space: they have {_named(labels)}, "
            f"and the space has {_named(list(known))}"
        )
    unknown = [label for label in labels if label not in known]
    if unknown:
        history.remark(f"the space has no {_named(unknown)}, which trials have")
    missing = [label for label in known if label not in labels]
    if missing:
        history.remark(f"no trial has {_named(missing)}, which the space has")


def _named(labels: list[str]) -> str:
    return ", ".join(map(repr, labels)) or "none"
