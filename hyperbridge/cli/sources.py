"""The options of verbs that read the history of a search."""

from __future__ import annotations

import argparse
import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from hyperbridge.cli.verbs import add_verb

if TYPE_CHECKING:
    from hyperbridge.history.history import History
    from hyperbridge.history.kinds import Options


def add_source_verb(
    verbs: argparse._SubParsersAction[Any],
    name: str,
    run: Callable[[argparse.Namespace], int],
    summary: str,
    description: str,
    examples: str,
    *,
    title: str = "sources",
) -> argparse.ArgumentParser:
    """Add a verb that reads the history of a search; its help has the kinds of history.

    Args:
        verbs: As for `add_verb`, like the next five.
        name: See there.
        run: See there.
        summary: See there.
        description: See there.
        examples: See there.
        title: What stands above the kinds.

    Returns:
        Its parser, with the source and what may be said about it, for further options.
    """
    is_asked_for = not verbs.choices  # else the kinds, and hyperopt with them, are not imported
    parser = add_verb(verbs, name, run, summary, description, examples)
    if is_asked_for:
        parser.epilog = _kinds_text(title) + examples
    parser.add_argument("source", metavar="SOURCE", help="a file, folder or address, see below")
    parser.add_argument(
        "--space", metavar="FILE:NAME", help="the search space, as in train.py:space"
    )
    parser.add_argument(
        "--allow-pickle", action="store_true", help="load a pickle, which runs code"
    )
    parser.add_argument(
        "--study",
        metavar="NAME",
        help="the name of the study in a storage, or of one of several Trials in a pickled dict",
    )
    parser.add_argument("--experiment", metavar="NAME", help="the MLflow experiment")
    parser.add_argument("--tracking-uri", metavar="URI", help="where MLflow's runs are")
    parser.add_argument(
        "--metric", metavar="NAME", help="the loss, of MLflow runs or a Ray Tune experiment"
    )
    parser.add_argument("--mode", choices=("min", "max"), help="whether less or more of it is good")
    return parser


def _kinds_text(title: str) -> str:
    """Return a line for each kind of history, under a title; hyperopt is imported."""
    from hyperbridge.history.kinds import lines_of_kinds

    return f"{title}:\n" + "\n".join(lines_of_kinds()) + "\n\n"


def options_of(args: argparse.Namespace) -> Options:
    """Return what the user said about the source.

    Raises:
        InvalidArgumentError: The space cannot be had.
        SystemExit: With code 2, when ``--space`` is no FILE:NAME.
    """
    from hyperbridge.cli.space_file import is_space_name, load_space
    from hyperbridge.history.kinds import Options

    if args.space is not None and not is_space_name(args.space):
        args.parser.error(f"--space {args.space!r}: give FILE:NAME, such as train.py:space")
    return Options(
        space=None if args.space is None else load_space(args.space),
        study=args.study,
        experiment=args.experiment,
        tracking_uri=args.tracking_uri,
        metric=args.metric,
        mode=args.mode,
        allow_pickle=args.allow_pickle,
    )


def history_of(args: argparse.Namespace) -> History:
    """Return the history that the source is.

    Raises:
        HyperbridgeError: It cannot be read; the message says what to do.
    """
    from dataclasses import replace

    from hyperbridge.history.kinds import read_history

    options = options_of(args)
    history = read_history(args.source, options)
    return history if options.space is None else replace(history, space=options.space)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Suppress what Optuna and MLflow say of what they do."""
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(before)
