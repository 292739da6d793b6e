"""The verb ``translate``: native code for one live search space."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from hyperbridge.cli.migrate import add_run_options, command_of
from hyperbridge.cli.verbs import add_verb

_DESCRIPTION = """\
Run a program up to its first call of fmin, take the search space from one of its
variables, and print native code for it: a function of an Optuna trial, or for Ray Tune
a param_space where the space is flat, else the same function, for OptunaSearch. Remarks
about what is not exactly as in hyperopt go to stderr.
"""
_EXAMPLES = """\
example:
  hyperbridge translate train.py:space --to optuna
  hyperbridge translate train.py:space --to ray
"""


def add_parser(verbs: argparse._SubParsersAction[Any]) -> None:
    """Add the verb to the command line."""
    summary = "print native code for one search space"
    parser = add_verb(verbs, "translate", run, summary, _DESCRIPTION, _EXAMPLES)
    parser.add_argument("space", metavar="FILE:NAME", help="a program and a variable in it")
    parser.add_argument("--to", required=True, choices=("optuna", "ray"), help="the new engine")
    add_run_options(parser)


def run(args: argparse.Namespace) -> int:
    """Print the code.

    Args:
        args: The verb's options.

    Returns:
        0, or 1 when the space could not be had or written.
    """
    from hyperbridge.migrate.live import LiveSpaceError, program_of_variable

    file, _, name = args.space.rpartition(":")
    if not file or not name.isidentifier():
        args.parser.error(f"give FILE:NAME, for example train.py:space, not {args.space!r}")
    if not Path(file).is_file():
        args.parser.error(f"there is no file {file!r}")
    command = command_of(Path(file), args)
    try:
        program, remarks = program_of_variable(command, name, args.to)
    except LiveSpaceError as exc:
        print(f"hyperbridge: {exc}", file=sys.stderr)
        return 1
    for label, remark in remarks.items():
        print(f"note: {label!r}: {remark}", file=sys.stderr)
    sys.stdout.write(program)
    return 0
