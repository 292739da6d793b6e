"""The verb ``explain``: what a remark of scan or migrate means."""

from __future__ import annotations

import argparse
import textwrap
from typing import TYPE_CHECKING, Any

from hyperbridge.cli.verbs import add_verb

if TYPE_CHECKING:
    from hyperbridge.migrate.remark import Remark

_DESCRIPTION = """\
Print the page of a remark: what was found, why it matters, an example before and after.
"""
_EXAMPLES = """\
examples:
  hyperbridge explain HB204
  hyperbridge explain HB2           # all that begin so
  hyperbridge explain --all         # the guide to all remarks, in Markdown
"""
_HEAD = """\
# All remarks of scan and migrate

Each remark has a code that stays. `hyperbridge explain HB204` prints its part of this page, and
`hyperbridge explain --all` the whole page. `--select` and `--ignore` take codes, or beginnings.

A rewrite is **exact** when the new program is the same search: the same parameters, ranges,
distributions, conditions, number of trials, stops and points to begin with, and the same answers
to what the program asks afterwards. Which points the engine's own sampler proposes is no part of
that, nor are the ends of a rounded range, which hyperopt draws half as often as the values between
them. Any other rewrite **changes results**, and has a remark that says how. `migrate --exact` takes
exact rewrites alone.

| code | says | |
| --- | --- | --- |
"""


def add_parser(verbs: argparse._SubParsersAction[Any]) -> None:
    """Add the verb to the command line."""
    summary = "say what a remark such as HB204 means"
    parser = add_verb(verbs, "explain", run, summary, _DESCRIPTION, _EXAMPLES)
    parser.add_argument("codes", metavar="CODE", nargs="*", help="a code, or how codes begin")
    parser.add_argument("--all", action="store_true", help="print the guide to all remarks")


def run(args: argparse.Namespace) -> int:
    """Print pages.

    Args:
        args: The verb's options.

    Returns:
        0; a code that no remark has is bad usage.
    """
    from hyperbridge.migrate.remark import matches
    from hyperbridge.migrate.remarks import REMARKS

    if args.all == bool(args.codes):
        args.parser.error("give codes, or --all")
    for code in args.codes:
        if not any(matches(known, [code.upper()]) for known in REMARKS):
            args.parser.error(f"there is no remark {code!r}: 'hyperbridge explain --all' lists all")
    if args.all:
        print(guide(), end="")
        return 0
    wanted = [code.upper() for code in args.codes]
    print("\n\n".join(page(r) for r in REMARKS.values() if matches(r.code, wanted)))
    return 0


def page(remark: Remark) -> str:
    """Return the page of a remark, for a terminal."""
    parts = [f"{remark.code}: {remark.title}", remark.meaning]
    parts += [textwrap.fill(text, 88) for text in (remark.what, remark.why)]
    parts += _examples(remark)
    return "\n\n".join(parts)


def guide() -> str:
    """Return the guide to all remarks, in Markdown."""
    from hyperbridge.migrate.remarks import REMARKS

    rows = [
        f"| [{r.code}](#{r.code.lower()}) | {r.title} | {r.exactness.replace('use', '')} |"
        for r in REMARKS.values()
    ]
    parts = [_HEAD + "\n".join(rows)]
    for r in REMARKS.values():
        parts += [f"## {r.code}", f"**{r.title}.** {r.meaning}"]
        parts += [textwrap.fill(text, 100) for text in (r.what, r.why)]
        parts += _examples(r)
    return "\n\n".join(parts) + "\n"


def _examples(remark: Remark) -> list[str]:
    found: list[str] = []
    for title, text in (("Before:", remark.before), ("After:", remark.after)):
        if text:
            found += [title, textwrap.indent(text, "    ")]
    return found
