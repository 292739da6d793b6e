"""The verb ``migrate``: rewrite programs in the own terms of another engine."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperbridge.cli.remark_options import (
    add_options,
    prepare_to_read,
    selection_of,
    write_messages,
)
from hyperbridge.cli.verbs import add_verb

if TYPE_CHECKING:
    from hyperbridge.migrate.file_plan import FilePlan
    from hyperbridge.migrate.formats import Message
    from hyperbridge.migrate.live import Command
    from hyperbridge.migrate.migrate_output import Row
    from hyperbridge.migrate.module import Module
    from hyperbridge.migrate.package_plan import PackagePlan

_DESCRIPTION = """\
Rewrite programs that use hyperopt as native code, with neither hyperopt nor hyperbridge
in it. A folder is one program: imports between its files are followed. Prints a diff, and
a table with what becomes of each file on stderr; --write applies it. What the source does
not tell is left as it is, with a remark on stderr. Exit code 1 when a person must look at
something.
"""
_EXAMPLES = """\
examples:
  hyperbridge migrate train.py --to optuna
  hyperbridge migrate src notebooks/tune.ipynb --to optuna --write
  hyperbridge migrate src --to optuna --exact           # what stays the same search
  hyperbridge migrate train.py --to optuna --run --args='--data small.csv'
  hyperbridge migrate src --to optuna --check           # in CI: 1 when something would change
  hyperbridge explain HB204                             # what a remark means
"""

_PATIENCE_S = 600


def add_parser(verbs: argparse._SubParsersAction[Any]) -> None:
    """Add the verb to the command line."""
    summary = "rewrite programs as native Optuna or Ray Tune code"
    parser = add_verb(verbs, "migrate", run, summary, _DESCRIPTION, _EXAMPLES)
    parser.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="a file or a folder")
    parser.add_argument(
        "--to", required=True, choices=("optuna", "ray", "spark"), help="the new engine"
    )
    parser.add_argument(
        "--run",
        action="store_true",
        dest="run_program",
        help="run the programs before and after, and write nothing where a search is another one",
    )
    add_run_options(parser)
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--write", action="store_true", help="change the files")
    action.add_argument("--check", action="store_true", help="print only which would change")
    parser.add_argument(
        "--exact",
        action="store_true",
        help="leave searches whose results would change",
    )
    parser.add_argument(
        "--normals",
        choices=("exact", "bounded"),
        help="hp.normal and its kin for Optuna: as they are, by quantiles (default), or as a plain"
        " suggest_float between their 0.1 %% and 99.9 %% quantiles",
    )
    parser.add_argument(
        "--no-requirements",
        action="store_true",
        help="leave requirements files, pyproject.toml and the like, and lines that run pip",
    )
    add_options(parser)


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how a program is run."""
    parser.add_argument(
        "--args",
        metavar="TEXT",
        help="arguments of a program that is run: --args='--data small.csv'",
    )
    parser.add_argument(
        "--run-timeout",
        metavar="SECONDS",
        type=float,
        help=f"kill a program that takes longer (default: {_PATIENCE_S})",
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
    from hyperbridge.migrate.discover import program_files
    from hyperbridge.migrate.file_plan import PlanOptions
    from hyperbridge.migrate.module import Module
    from hyperbridge.migrate.package_plan import plan_packages, with_packages
    from hyperbridge.migrate.planning import plan_modules
    from hyperbridge.migrate.sources import UnreadableFileError, source_of

    if args.run_program:
        command_of(args.paths[0], args)  # what is wrong with the options shows before any change
    elif args.args is not None or args.run_timeout is not None:
        args.parser.error("--args and --run-timeout say how a program is run: give --run too")
    if args.normals is not None and args.to == "ray":
        args.parser.error("--normals is for studies of Optuna's: Ray Tune has normals of its own")
    report = _Report(args)
    prepare_to_read()
    found = program_files(args.paths)
    report.looked_at = found.looked_at
    for path, text in found.unread:
        report.unreadable(path, text)
    modules: list[Module] = []
    for path, content in found.files:
        try:
            modules.append(Module(source_of(path, content)))
        except UnreadableFileError as exc:
            report.unreadable(path, str(exc))
    options = PlanOptions(exact=args.exact, bounds_normals=args.normals == "bounded")
    plans = plan_modules(modules, args.to, options)
    if not args.no_requirements:
        plans = with_packages(plans, args.to)
    if args.run_program:
        plans = report.prove(modules, plans)
    for plan in plans:
        report.add(plan)
    unread = [path for path, _ in report.unread]
    for path in () if args.no_requirements else found.lists:
        try:
            packages = plan_packages(path, plans, unread, args.to)
            if packages is not None:
                report.add_packages(packages)
        except UnreadableFileError as exc:
            report.unreadable(path, str(exc))
    report.finish()
    return report.code


class _Report:
    """What is told, as it comes, and the exit code."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.selection = selection_of(args)
        self.code = 0
        self.looked_at = 0
        self.is_held_back = False
        self.unread: list[tuple[Path, str]] = []
        self.messages: list[Message] = []
        self.rows: list[Row] = []
        self.files: list[dict[str, Any]] = []

    @property
    def writes(self) -> bool:
        """Whether files are changed."""
        return bool(self.args.write) and not self.is_held_back

    def unreadable(self, path: Path, text: str) -> None:
        """Tell that a file cannot be read or written."""
        from hyperbridge.migrate.formats import Message

        if self.selection.takes("HB001"):
            self.code = 1
            self.unread.append((path, text))
            self.messages.append(Message(path, "HB001", "error", text))
            if self.args.format == "text":
                print(f"hyperbridge: HB001 {text}", file=sys.stderr)

    def prove(self, modules: list[Module], plans: list[FilePlan]) -> list[FilePlan]:
        """Run the programs before and after; where a search is another one, write nothing."""
        from hyperbridge.cli.proving import proven
        from hyperbridge.verify.collect import Settings

        command = command_of(self.args.paths[0], self.args)
        settings = Settings(command.arguments, timeout_s=command.timeout_s)
        plans = proven(modules, plans, settings)
        if any(note.code in ("HB241", "HB242") for plan in plans for note in plan.notes):
            self.code = 1
            if self.args.write:
                self.is_held_back = True
                print("hyperbridge: nothing is written: see the remarks", file=sys.stderr)
        return plans

    def add(self, plan: FilePlan) -> None:
        """Tell what becomes of a file, and write it where that is asked for."""
        from hyperbridge.migrate.migrate_output import diff, messages, row
        from hyperbridge.migrate.sources import UnreadableFileError, with_cells, write_aside

        source = plan.source
        try:
            if plan.is_changed and self.writes:
                write_aside(source.path, with_cells(source, plan.texts))
        except UnreadableFileError as exc:
            self.unreadable(source.path, str(exc))
            return
        patch = diff(source.path, source.text, plan.new_text) if plan.is_changed else ""
        self._tell(row(plan), messages(plan, self.selection), patch)

    def add_packages(self, plan: PackagePlan) -> None:
        """Tell what becomes of a file that asks for packages, and write it."""
        from hyperbridge.migrate.formats import Message
        from hyperbridge.migrate.migrate_output import Row, diff
        from hyperbridge.migrate.sources import write_aside

        path = plan.path
        if plan.is_changed and self.writes:
            write_aside(path, plan.new_text.encode())
        said = [
            Message(path, note.code, "note", note.text, note.line, place=str(note.line))
            for note in plan.notes
            if self.selection.takes(note.code)
        ]
        patch = diff(path, plan.text, plan.new_text) if plan.is_changed else ""
        self._tell(Row(path, (), plan.is_changed, plan.why), said, patch)

    def _tell(self, row: Row, said: list[Message], patch: str) -> None:
        from hyperbridge.migrate.migrate_output import file_data

        args = self.args
        if any(message.level != "note" for message in said) or (args.check and row.is_changed):
            self.code = 1
        self.messages += said
        self.rows.append(row)
        self.files.append(file_data(row, said, patch))
        if args.format == "text":
            for message in said:
                word = "note" if message.level == "note" else "to do"
                place = f"{row.path}:{message.place}"
                print(f"{place}: {message.code} {word}: {message.text}", file=sys.stderr)
            if row.is_changed and args.check:
                print(f"would change {row.path}")
            elif row.is_changed and not args.write:
                sys.stdout.write(patch)

    def finish(self) -> None:
        """Tell the rest."""
        from hyperbridge.migrate import migrate_output

        args = self.args
        if args.format == "text":
            sys.stdout.flush()
            sys.stderr.write(migrate_output.as_table(self.rows, self.looked_at))
        elif args.format == "json":
            unread = [text for _, text in self.unread]
            print(migrate_output.as_json(args.to, self.files, unread, self.looked_at))
        else:
            write_messages(args.format, self.messages, is_complete=not self.unread)
