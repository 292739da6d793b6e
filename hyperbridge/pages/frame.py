"""The frame of a page: one HTML file with its style, its script and its figures inside.

A page asks nobody for anything: a policy in its head forbids the browser every request. Texts
become markup by `escape` alone; what is no `Html` is escaped wherever it is put.
"""

from __future__ import annotations

import functools
import html
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from hyperbridge.optional import Package
from hyperbridge.worker.frames import safe_text

PLOTLY: Final = Package("plotly", "Plotly", install="hyperbridge[report]", oldest="5.0")

_LONGEST = 100_000
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
)
"""Characters that show nothing, or turn the text around them."""


class Html(str):
    """Markup, as opposed to a text that is still to be escaped."""

    __slots__ = ()


def escape(value: Any) -> Html:
    """Return a value of anybody's as markup that shows its text; `Html` stays as it is.

    Characters that show nothing or change the direction of writing are shown by their codes, and
    a text that is very long is cut, with a note.

    Examples:
        >>> escape("<b>&</b>")
        '&lt;b&gt;&amp;&lt;/b&gt;'
    """
    if isinstance(value, Html):
        return value
    return Html(html.escape(visible(value)))


def visible(value: Any) -> str:
    r"""Return the text of a value, without characters that cannot be seen.

    Examples:
        >>> visible("a\x00b")
        'a\\x00b'
    """
    text = safe_text(value)
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}\n... and {len(text) - _LONGEST:,} more characters"
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")  # a lone surrogate is no UTF-8
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def script_json(value: Any) -> Html:
    r"""Return a value as JSON that can stand inside of a script element.

    Examples:
        >>> script_json(["</script>"])
        '["\\u003c/script\\u003e"]'
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Html(text)


def join(parts: Iterable[Any]) -> Html:
    """Return markup for things that follow each other."""
    return Html("".join(map(escape, parts)))


def paragraph(text: Any, kind: str = "") -> Html:
    """Return a paragraph.

    Args:
        text: A text, or markup.
        kind: ``"note"`` for a small remark, ``"empty"`` where there is nothing to show.
    """
    return Html(f"<p{_class(kind)}>{escape(text)}</p>")


def bullets(lines: Iterable[Any]) -> Html:
    """Return a list."""
    return Html(f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>")


def facts(pairs: Iterable[tuple[Any, Any]]) -> Html:
    """Return names with their values, as tiles."""
    tiles = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in pairs
    )
    return Html(f'<dl class="facts">{tiles}</dl>')


def badge(text: Any, kind: str) -> Html:
    """Return a word on a coloured ground.

    Args:
        text: The word.
        kind: ``good``, ``bad``, ``middling`` or ``plain``; the word says the same, so that the
            colour is not needed.
    """
    return Html(f'<span class="badge {kind}">{escape(text)}</span>')


def table(
    head: Sequence[Any],
    rows: Iterable[Sequence[Any]],
    *,
    caption: Any,
    numeric: Iterable[int] = (),
) -> Html:
    """Return a table that scrolls by itself where it is wider than the page.

    Args:
        head: The heads of the columns.
        rows: Texts or markup; the first of each is the head of its row.
        caption: What the table is.
        numeric: The positions of columns with numbers, which stand at the right.
    """
    right = frozenset(numeric)

    def kind(position: int) -> str:
        return _class("number" if position in right else "")

    heads = "".join(f'<th scope="col"{kind(i)}>{escape(h)}</th>' for i, h in enumerate(head))
    lines = []
    for row in rows:
        first, *others = row
        cells = "".join(f"<td{kind(i)}>{escape(c)}</td>" for i, c in enumerate(others, 1))
        lines.append(f'<tr><th scope="row"{kind(0)}>{escape(first)}</th>{cells}</tr>')
    return Html(
        f'<div class="wide" role="region" aria-label="{escape(caption)}" tabindex="0">'
        f"<table><caption>{escape(caption)}</caption><thead><tr>{heads}</tr></thead>"
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def folded(summary: Any, body: Any) -> Html:
    """Return something that is shown when one asks for it."""
    return Html(f"<details><summary>{escape(summary)}</summary>{escape(body)}</details>")


def preformatted(text: Any) -> Html:
    """Return a text whose lines and columns count, such as a traceback."""
    return Html(f'<pre tabindex="0">{escape(text)}</pre>')


def figure(
    drawing: dict[str, Any], *, title: Any, caption: Any = "", height: int = 380, width: int = 0
) -> Html:
    """Return a Plotly figure, drawn by the page's script in the colours of the page.

    Args:
        drawing: Its ``data`` and ``layout``, plain. Texts in it are markup of Plotly's: those of
            users must have passed `figure_text`.
        title: What it shows; it stands above the figure.
        caption: What else one should know.
        height: Pixels.
        width: The least width in pixels; where there is less, the figure scrolls. 0 for any.
    """
    shown = {"data": drawing["data"], "layout": drawing["layout"]}
    wide = f"min-width:{width}px;" if width else ""
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return Html(
        f'<figure class="drawing"><h3>{escape(title)}</h3><div class="wide" role="region" '
        f'aria-label="{escape(title)}" tabindex="0"><div class="canvas" role="img" '
        f'aria-label="{escape(title)}" style="{wide}height:{height}px"></div></div>'
        f'<script type="application/json">{script_json(shown)}</script>{below}</figure>'
    )


def figure_text(value: Any, longest: int = 60) -> str:
    """Return a text of anybody's for a Plotly figure, which reads some markup and templates.

    Examples:
        >>> figure_text("<b>%{x}")
        '&lt;b&gt;%&#123;x}'
    """
    text = visible(value)
    if len(text) > longest:
        text = f"{text[: longest - 3]}..."
    return html.escape(text, quote=False).replace("{", "&#123;")


def grid(parts: Iterable[Html]) -> Html:
    """Return figures side by side, as many as there is room for."""
    return Html(f'<div class="grid">{"".join(parts)}</div>')


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page.

    Attributes:
        title: Its heading.
        body: Its markup.
    """

    title: str
    body: Html


def page(title: Any, sections: Sequence[Section], *, lead: Any = "") -> str:
    """Return a whole page.

    Args:
        title: Its heading, also the window's title.
        sections: Its parts, in order.
        lead: What stands between heading and sections.

    Raises:
        MissingDependencyError: It has figures, and Plotly is not installed.
    """
    body = join(_section(n, each) for n, each in enumerate(sections, 1))
    links = join(
        Html(f'<li><a href="#s{n}">{escape(each.title)}</a></li>')
        for n, each in enumerate(sections, 1)
    )
    has_figures = 'class="drawing"' in body
    needs_eval = '"type":"parcoords"' in body  # Plotly compiles its programs for the GPU
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; script-src "
        f"'unsafe-inline'{' ' if needs_eval else ''}{_EVAL if needs_eval else ''}; "
        "base-uri 'none'; form-action 'none'"
    )
    scripts = [_plotly(), _part("page.js")] if has_figures else []
    return "".join(
        [
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            '<link rel="icon" href="data:,">',
            f"<title>{escape(title)}</title><style>{_part('page.css')}</style></head><body>",
            '<a class="skip" href="#main">Skip to the content</a>',
            f"<header><h1>{escape(title)}</h1>{escape(lead)}",
            f'<nav aria-label="Sections"><ul>{links}</ul></nav></header>',
            f'<main id="main" tabindex="-1">{body}</main>',
            *(f"<script>{script}</script>" for script in scripts),
            "</body></html>\n",
        ]
    )


_EVAL: Final = "'unsafe-eval'"


def _section(number: int, section: Section) -> Html:
    return Html(
        f'<section id="s{number}" aria-labelledby="h{number}">'
        f'<h2 id="h{number}">{escape(section.title)}</h2>{section.body}</section>'
    )


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


@functools.cache
def _part(name: str) -> str:
    return files("hyperbridge.pages").joinpath(name).read_text(encoding="utf-8")


def _plotly() -> str:
    PLOTLY.require("A page with figures")
    return str(PLOTLY.require("A page with figures", "offline").get_plotlyjs())
