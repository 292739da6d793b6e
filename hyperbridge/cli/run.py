"""The verb ``run``: options first, then a script, notebook or module with its own arguments."""

from __future__ import annotations

import argparse
import os
from typing import Any, NoReturn

from hyperbridge import config
from hyperbridge.cli.programs import load
from hyperbridge.cli.termination import terminable
from hyperbridge.errors import HyperbridgeError
from hyperbridge.journal.choice import IF_DIFFERENT
from hyperbridge.optional import MLFLOW

_USAGE = (
    "hyperbridge run [--backend NAME] [--parallelism N] [--tracking | --no-tracking]\n"
    "                       [--pruner NAME] [--trial-timeout SECONDS] [--repeats run|skip|reuse]\n"
    "                       [--journal FILE] [--journal-if-different refuse|continue]\n"
    "                       [--storage URL] [--widget NAME=VALUE]\n"
    "                       (SCRIPT | NOTEBOOK | -m MODULE) [ARG ...]"
)
_DESCRIPTION = """\
Run a Python script, a notebook (.ipynb, or a Databricks source file) or a module
unchanged. What it imports from hyperopt is hyperbridge's. Everything after its
name is its own, and so are its exit code and its tracebacks.
"""
_EXAMPLES = """\
examples:
  hyperbridge run train.py --epochs 3
  hyperbridge run --backend local --no-tracking train.py
  hyperbridge run --parallelism 8 -m package.train data.csv
  hyperbridge run notebooks/tune.ipynb
  hyperbridge run --journal run.journal train.py       # again, to go on after a kill
  hyperbridge run --widget env=prod --widget max_evals=50 tune_databricks.py
"""
_TAKES_VALUE = (
    "--backend",
    "--journal",
    "--journal-if-different",
    "--parallelism",
    "--pruner",
    "--repeats",
    "--storage",
    "--trial-timeout",
    "--widget",
)


def add_parser(verbs: argparse._SubParsersAction[Any]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "run",
        help="run a script or notebook that uses hyperopt, unchanged",
        usage=_USAGE,
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=_WithBackends,
        allow_abbrev=False,
    )
    parser.set_defaults(parser=parser)
    parser.add_argument(
        "--backend",
        metavar="NAME",
        help="where trials run, see below (default: spark for SparkTrials, local for Trials)",
    )
    parser.add_argument(
        "--parallelism",
        metavar="N",
        type=int,
        help="how many trials run at once (default: what the script or the backend says)",
    )
    parser.add_argument(
        "--tracking",
        action=argparse.BooleanOptionalAction,
        help="log the searches to MLflow, or not (default: yes, unless the backend is local)",
    )
    parser.add_argument(
        "--pruner",
        metavar="NAME",
        help="stop trials early that report poor losses: median, percentile, asha, hyperband or "
        "patient (default: none)",
    )
    parser.add_argument(
        "--trial-timeout",
        metavar="SECONDS",
        type=float,
        help="how long a trial may take, where the backend can stop it (default: no limit)",
    )
    parser.add_argument(
        "--repeats",
        choices=config.REPEATS,
        help="what becomes of a point that was evaluated before (default: run, as hyperopt)",
    )
    parser.add_argument(
        "--journal",
        metavar="FILE",
        help="keep what happens in a journal, and go on with the search in it; further searches of "
        "the program have FILE with .2, .3 before its suffix (default: none)",
    )
    parser.add_argument(
        "--journal-if-different",
        choices=IF_DIFFERENT,
        help="what to do with the journal of another space or objective (default: refuse)",
    )
    parser.add_argument(
        "--storage",
        metavar="URL",
        help="where Optuna studies are kept: a database URL or a file (default: in memory)",
    )
    parser.add_argument(
        "--widget",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="the value of a widget of a Databricks notebook; may be repeated "
        "(default: what the notebook says)",
    )


class _WithBackends(argparse.RawDescriptionHelpFormatter):
    """Lists the backends below the examples.

    Only when the help is shown: finding them imports what the other verbs do not need.
    """

    def add_text(self, text: str | None) -> None:
        """Add a text of the help."""
        if text == _EXAMPLES:
            from hyperbridge import backends

            lines = [f"  {name:<8} {line}" for name, line in backends.describe()]
            text = "\n".join([_EXAMPLES, "backends:", *lines])
        super().add_text(text)


def split(argv: list[str]) -> tuple[list[str], list[str]]:
    """Split the command line where the script's part begins.

    Args:
        argv: ``run`` and all that follows it.

    Returns:
        Our arguments, and the rest: ``[SCRIPT, ...]`` or ``["-m", MODULE, ...]``.

    Examples:
        >>> split(["run", "--backend", "spark", "train.py", "--backend", "x"])
        (['run', '--backend', 'spark'], ['train.py', '--backend', 'x'])
    """
    position = 1
    while position < len(argv):
        token = argv[position]
        if token == "--":
            return argv[:position], argv[position + 1 :]
        if not token.startswith("-"):
            return argv[:position], argv[position:]
        if token.startswith("-m"):
            glued = [token[2:]] if token != "-m" else []
            return argv[:position], ["-m", *glued, *argv[position + 1 :]]
        position += 2 if token in _TAKES_VALUE else 1
    return argv, []


def run(args: argparse.Namespace, target: list[str]) -> int:
    """Run the script; it ends this process's main thread as it would end its own.

    Args:
        args: The verb's options.
        target: From `split`.

    Returns:
        0, when the script came to its end.

    Raises:
        SystemExit: Code 2 for a mistake in the command line, 143 after SIGTERM.
        BaseException: What the script raised.
    """
    from hyperbridge import backends
    from hyperbridge.pruning import check_pruner

    parser: argparse.ArgumentParser = args.parser
    if not target or target == ["-m"]:
        _usage_error(parser, "give a SCRIPT, a NOTEBOOK or -m MODULE to run")
    if args.backend is not None and not args.backend.strip():
        _usage_error(parser, "--backend must not be empty")
    if args.journal is not None and not args.journal.strip():
        _usage_error(parser, "--journal must not be empty")
    if args.storage is not None and not args.storage.strip():
        _usage_error(parser, "--storage must not be empty")
    if args.parallelism is not None and args.parallelism < 1:
        _usage_error(parser, f"--parallelism must be at least 1, got {args.parallelism}")
    widgets = _widgets(parser, args.widget)
    _export(args)

    try:
        program = load(target, widgets=widgets)
        settings = config.resolve()
        if settings.backend is not None:
            backends.get(settings.backend)
        check_pruner(settings.pruner)
        if settings.tracking and not MLFLOW.is_installed():
            MLFLOW.require("Tracking (--tracking or HYPERBRIDGE_TRACKING)")
    except HyperbridgeError as exc:
        _usage_error(parser, str(exc))
    from hyperbridge.surface.shim import install

    install()
    with terminable():
        program.run()
    return 0


def _widgets(parser: argparse.ArgumentParser, given: list[str]) -> dict[str, str]:
    """Return the values of widgets by name."""
    found: dict[str, str] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not name or not equals:
            _usage_error(parser, f"--widget must be NAME=VALUE, got {each!r}")
        found[name] = value
    return found


def _export(args: argparse.Namespace) -> None:
    """Put the options into the environment, where the script and its child processes see them."""
    given = {variable: getattr(args, name) for name, variable in config.ENVIRONMENT.items()}
    given[config.STORAGE] = args.storage
    given[config.JOURNAL_IF_DIFFERENT] = args.journal_if_different
    if args.journal is not None:  # the program may go to another folder
        given[config.ENVIRONMENT["journal"]] = os.path.abspath(args.journal)
    for variable, value in given.items():
        if value is not None:
            os.environ[variable] = str(int(value)) if isinstance(value, bool) else str(value)


def _usage_error(parser: argparse.ArgumentParser, message: str) -> NoReturn:
    parser.exit(2, f"{parser.prog}: error: {message}\n")
    raise AssertionError  # exit() does not return
