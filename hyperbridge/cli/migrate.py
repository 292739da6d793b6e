"""The verb ``migrate``: rewrite programs as native Optuna or Ray Tune code."""

from __future__ import annotations

import argparse
import difflib
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hyperbridge.migrate.live import Command
    from hyperbridge.migrate.plan import Plan
    from hyperbridge.migrate.planning import FilePlan
    from hyperbridge.translate.to_source import SpaceCode

_DESCRIPTION = """\
Rewrite programs that use hyperopt as native code, with neither hyperopt nor hyperbridge
in it. Prints a diff; --write applies it. What the source does not tell is left as it is,
with a note on stderr. Exit code 1 when a person must look at something.
"""
_EXAMPLES = """\
examples:
  hyperbridge migrate train.py --to optuna
  hyperbridge migrate src/*.py notebooks/tune.ipynb --to optuna --write
  hyperbridge migrate train.py --to optuna --run       # for spaces built in loops
  hyperbridge migrate train.py --to optuna --run --args='--data small.csv'
  hyperbridge migrate src/*.py --to optuna --check     # in CI: 1 when something would change
"""

_PATIENCE_S = 600


def add_parser(verbs: argparse._SubParsersAction[Any]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "migrate",
        help="rewrite programs as native Optuna or Ray Tune code",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(parser=parser, run=run)
    parser.add_argument("files", metavar="FILE", nargs="+", type=Path)
    parser.add_argument(
        "--to", required=True, choices=("optuna", "ray", "spark"), help="the new engine"
    )
    parser.add_argument(
        "--run",
        action="store_true",
        dest="run_program",
        help="run a program up to its call of fmin where its source does not tell the space",
    )
    add_run_options(parser)
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--write", action="store_true", help="change the files")
    action.add_argument("--check", action="store_true", help="print only which would change")


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how a program is run for its live space."""
    parser.add_argument(
        "--args",
        metavar="TEXT",
        help="the program's own arguments when it is run: --args='--data small.csv'",
    )
    parser.add_argument(
        "--run-timeout",
        metavar="SECONDS",
        type=float,
        help=f"kill the program when it has not come to fmin by then (default: {_PATIENCE_S})",
    )


def command_of(path: Path, args: argparse.Namespace) -> Command:
    """Return how to run a program, as these options say."""
    from hyperbridge.migrate.live import Command

    try:
        arguments = shlex.split(args.args or "")
    except ValueError as exc:
        args.parser.error(f"--args: {exc}")
    timeout_s = _PATIENCE_S if args.run_timeout is None else args.run_timeout
    if not timeout_s > 0:
        args.parser.error(f"--run-timeout must be positive, not {timeout_s:g}")
    return Command(path, arguments, timeout_s)


def run(args: argparse.Namespace) -> int:
    """Migrate the files.

    Args:
        args: The verb's options.

    Returns:
        1 when something was left to a person, could not be read or written, or, with
        ``--check``, would change; else 0.
    """
    if args.run_program:
        command_of(args.files[0], args)  # what is wrong with the options shows before any change
    elif args.args is not None or args.run_timeout is not None:
        args.parser.error("--args and --run-timeout say how a program is run: give --run too")
    if args.run_program and args.to != "ray":
        args.parser.error(
            f"--to {args.to} rewrites spaces where they are built, so no program is run: leave"
            " --run out"
        )
    if args.to == "ray":
        return max([_migrate(path, args) for path in args.files])
    return _migrate_program(args)


def _migrate_program(args: argparse.Namespace) -> int:
    from hyperbridge.migrate.discover import program_files
    from hyperbridge.migrate.module import Module
    from hyperbridge.migrate.planning import plan_modules
    from hyperbridge.migrate.sources import UnreadableFileError, source_of

    worst = 0
    modules: list[Module] = []
    for path, content in program_files(args.files, _unreadable):
        if content is None:
            worst = 1
            continue
        try:
            modules.append(Module(source_of(path, content)))
        except UnreadableFileError as exc:
            _unreadable(str(exc))
            worst = 1
    for result in plan_modules(modules, args.to):
        worst = max(worst, _report(result, args))
    return worst


def _unreadable(text: str) -> None:
    print(f"hyperbridge: {text}", file=sys.stderr)


def _report(result: FilePlan | Plan, args: argparse.Namespace) -> int:
    from hyperbridge.migrate.sources import UnreadableFileError, with_cells, write_aside

    source = result.source
    path = source.path
    try:
        if result.is_changed and args.write:
            write_aside(path, with_cells(source, result.texts))
    except UnreadableFileError as exc:
        _unreadable(str(exc))
        return 1
    for note in result.notes:
        word = "to do" if note.needs_person else "note"
        print(f"{path}:{source.place(note.line)}: {word}: {note.text}", file=sys.stderr)
    if result.is_changed and args.check:
        print(f"would change {path}")
    elif result.is_changed and not args.write:
        sys.stdout.writelines(_diff(path, source.text, result.new_text))
    needs_person = any(note.needs_person for note in result.notes)
    return 1 if needs_person or (args.check and result.is_changed) else 0


def _migrate(path: Path, args: argparse.Namespace) -> int:
    from hyperbridge.migrate.discover import mentions_hyperopt
    from hyperbridge.migrate.plan import plan
    from hyperbridge.migrate.sources import UnreadableFileError, read_content, source_of

    try:
        content = read_content(path)
        if not mentions_hyperopt(content):
            return 0
        source = source_of(path, content)
        result = plan(source, args.to)
        if args.run_program and result.untold:
            result = plan(source, args.to, live=_live_spaces(command_of(path, args), result))
    except UnreadableFileError as exc:
        _unreadable(str(exc))
        return 1
    return _report(result, args)


def _live_spaces(command: Command, result: Plan) -> dict[int, SpaceCode]:
    """Return the native code for each space that the source does not tell, by line."""
    from hyperbridge.migrate.live import LiveSpaceError, code_of_call

    found: dict[int, SpaceCode] = {}
    for first, last in result.untold:
        try:
            found[first] = code_of_call(command, first, last)
        except LiveSpaceError as exc:
            print(f"hyperbridge: {exc}", file=sys.stderr)
    return found


def _diff(path: Path, before: str, after: str) -> list[str]:
    lines = difflib.unified_diff(
        before.splitlines(keepends=True),
        after.splitlines(keepends=True),
        f"a/{path}",
        f"b/{path}",
    )
    return [
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    ]
