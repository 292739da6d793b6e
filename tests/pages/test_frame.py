"""The frame of a page: escaping, tables, figures, the policy that forbids requests."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import pytest

from hyperbridge.pages import frame
from hyperbridge.pages.frame import Html, Section, escape, figure_text, script_json

pytest.importorskip("plotly")

HOSTILE = "</script><img src=x onerror=\"a()\">\u202e\x00 & 'b' <!--"


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


class Rude:
    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_a_text_has_no_markup_and_no_hidden_characters() -> None:
    shown = escape(HOSTILE)
    assert Tags(shown).tags == []
    assert "\u202e" not in shown
    assert "\x00" not in shown
    assert "\\u202e\\x00" in shown


def test_joined_emoji_stay_whole() -> None:
    assert escape("👩‍🔬 ❤️") == "👩‍🔬 ❤️"


def test_a_lone_surrogate_can_be_written() -> None:
    assert escape("\ud800").encode("utf-8") == b"\\ud800"


def test_markup_is_escaped_once() -> None:
    assert escape(escape("<")) == "&lt;"
    assert isinstance(escape("x"), Html)


def test_an_object_without_a_text_is_shown() -> None:
    assert "RuntimeError" in escape(Rude())


def test_a_very_long_text_is_cut_and_says_so() -> None:
    assert "23 more characters" in escape("x" * 100_023)


@pytest.mark.parametrize("text", [HOSTILE, "<!--<script>", "]]>", "\u2028"])
def test_json_in_a_script_cannot_end_it(text: str) -> None:
    written = script_json({text: [text]})
    assert not set("<>&") & set(written)
    assert json.loads(written) == {text: [text]}


def test_every_part_of_a_page_escapes() -> None:
    figure = {"data": [{"name": HOSTILE}], "layout": {"title": HOSTILE}}
    body = frame.join(
        [
            frame.paragraph(HOSTILE),
            frame.bullets([HOSTILE]),
            frame.facts([(HOSTILE, HOSTILE)]),
            frame.badge(HOSTILE, "bad"),
            frame.table([HOSTILE], [[HOSTILE]], caption=HOSTILE, numeric=[0]),
            frame.folded(HOSTILE, frame.preformatted(HOSTILE)),
            frame.grid([frame.figure(figure, title=HOSTILE, caption=HOSTILE)]),
            HOSTILE,
        ]
    )
    tags = Tags(frame.page(HOSTILE, [Section(HOSTILE, body)], lead=HOSTILE))
    assert "img" not in tags.tags
    assert tags.tags.count("script") == 3  # Plotly's, the page's, the figure's data
    assert not [name for name, _ in tags.attributes if name.startswith("on")]


def test_a_page_may_ask_nobody_for_anything() -> None:
    page = frame.page("x", [Section("a", frame.paragraph("b"))])
    assert "default-src 'none'" in page
    assert "<script" not in page  # nothing to draw, so nothing to run
    assert not [value for name, value in Tags(page).attributes if name == "src"]


def test_only_programs_for_the_gpu_are_compiled() -> None:
    def page(kind: str) -> str:
        drawing = {"data": [{"type": kind}], "layout": {}}
        return frame.page("x", [Section("a", frame.figure(drawing, title="f"))])

    assert "'unsafe-eval'" not in page("scatter").partition("</head>")[0]
    assert "'unsafe-eval'" in page("parcoords").partition("</head>")[0]


def test_plotly_reads_no_markup_and_no_template_in_a_text() -> None:
    text = figure_text("<b>%{x}</b> &lt;")
    assert text == "&lt;b&gt;%&#123;x}&lt;/b&gt; &amp;lt;"
    assert len(figure_text("x" * 500)) == 60


def test_a_table_names_its_rows_and_columns_for_screen_readers() -> None:
    table = frame.table(["a", "b"], [[1, 2]], caption="c", numeric=[1])
    assert '<th scope="col">a</th><th scope="col" class="number">b</th>' in table
    assert '<th scope="row">1</th><td class="number">2</td>' in table
    assert 'tabindex="0"' in table  # it scrolls by the keyboard
