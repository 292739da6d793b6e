"""The command ``hyperbridge``: its verbs, ``--version`` and ``--help``."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

_EXAMPLE = """\
example:
  hyperbridge run train.py --epochs 3
      runs train.py unchanged; what it imports from hyperopt is hyperbridge's
  hyperbridge scan src/
      lists where hyperopt is used, and what to do about it
  hyperbridge migrate train.py --to optuna
      shows train.py as native Optuna code
  hyperbridge verify train.py train_optuna.py
      says whether both programs are the same search
  hyperbridge compare train.py --backends local,optuna
      shows what train.py comes to on each
  hyperbridge explain HB204
      says what a remark of scan or migrate means
  hyperbridge convert trials.pkl sqlite:///study.db --allow-pickle
      turns the history of a search into another kind
  hyperbridge journal show run.journal
      lists the trials of a search that was kept in a journal
  hyperbridge report sqlite:///study.db -o report.html
      makes a page that shows what came of a search
  hyperbridge dashboard trials.json
      opens optuna-dashboard on a search
  hyperbridge doctor
      says what can run here, and what to do about the rest

'hyperbridge VERB --help' says more.
"""

_VERBS = (
    *("run", "scan", "migrate", "explain", "translate", "verify", "compare"),
    *("convert", "journal", "report", "dashboard", "doctor"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Args:
        argv: The arguments without the program's name; None means those of the process.

    Returns:
        0 when done, 1 when something was found or failed. ``run`` ends as its script does.

    Raises:
        SystemExit: With code 2 on bad usage, 0 after ``--help`` and ``--version``; from
            ``run``, whatever its script raises.

    Examples:
        >>> main(["run", "no_such_script.py"])
        Traceback (most recent call last):
        ...
        SystemExit: 2
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(
        prog="hyperbridge",
        description="Run hyperopt code on Spark, Ray Tune or Optuna, with the same MLflow runs.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    verbs = parser.add_subparsers(metavar="VERB", required=True, title="verbs")
    wanted = [arguments[0]] if arguments[:1] and arguments[0] in _VERBS else list(_VERBS)
    for name in wanted:  # a verb's imports are for those who use it
        importlib.import_module(f"hyperbridge.cli.{name}").add_parser(verbs)
    target: list[str] = []
    if arguments[:1] == ["run"]:
        from hyperbridge.cli import run

        arguments, target = run.split(arguments)
    elif arguments[:1] == ["compare"]:
        from hyperbridge.cli import compare

        arguments, target = compare.split(arguments)
    args, unknown = parser.parse_known_args(arguments)
    if unknown:
        args.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    if arguments[:1] == ["run"]:
        from hyperbridge.cli import run

        return run.run(args, target)
    if target:
        args.arguments = target
    code: int = args.run(args)
    return code


class _Version(argparse.Action):
    """Print the version; looked up only when asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        import hyperbridge

        print(f"hyperbridge {hyperbridge.__version__}")
        parser.exit()
