"""Pages in a real browser: nothing of a user's runs, nothing is asked for, figures are drawn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import Chromium, Tab
from searches import HOSTILE, hostile

from hyperbridge.pages.report import report

pytest.importorskip("plotly")

pytestmark = pytest.mark.slow

TEXT = "Array.from(document.querySelectorAll('.main-svg text'), (t) => t.textContent)"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("pages") / "hostile.html"
    file.write_text(report(hostile()), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def tab(browser: Chromium, page: Path) -> Iterator[Tab]:
    """Return a tab with the page, as wide as a screen, in the light."""
    opened = Tab(browser, width=1280, dark=False)
    opened.open(page)
    yield opened
    opened.close()


def test_a_hostile_search_is_shown_and_does_nothing(tab: Tab, page: Path) -> None:
    assert tab.complaints() == []
    assert tab.requests() == [page.as_uri()]
    assert tab.evaluate("window.hacked === undefined") is True
    assert tab.evaluate("document.images.length") == 0


def test_a_request_would_be_seen_and_is_forbidden(browser: Chromium, tmp_path: Path) -> None:
    text = "<!DOCTYPE html><title>x</title><img src='http://127.0.0.1:9/x.png'>"
    (tmp_path / "asks.html").write_text(text)
    tab = Tab(browser)
    tab.open(tmp_path / "asks.html", figures=False)
    assert "http://127.0.0.1:9/x.png" in tab.requests()
    assert tab.complaints() != []
    tab.close()


def test_all_figures_are_drawn_with_titles_and_axes(tab: Tab) -> None:
    n = tab.evaluate("document.querySelectorAll('figure.drawing').length")
    assert n == 5 + len(HOSTILE)
    empty = """Array.from(document.querySelectorAll('figure.drawing')).filter((f) =>
      !f.querySelector('h3').textContent
      || !f.querySelector('.main-svg .trace, .main-svg .barlayer path')
      || !f.querySelector('.xtitle, .xtick')).length"""
    assert tab.evaluate(empty) == 0
    texts = tab.evaluate(TEXT)
    for text in ("Trial", "Loss", "Parameter", "Importance", "Step", "Reported loss", "Slot"):
        assert text in texts


def test_labels_stand_in_figures_as_they_are(tab: Tab) -> None:
    texts = tab.evaluate(TEXT)
    assert '<img src="http://192.0.2.1/x....' in texts
    assert any(text.startswith("%{x} %{customdata}") for text in texts)
    assert "\"it's\" [0]['a'] & <b>bold</b>..." in texts


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_is_readable(tab: Tab, width: int, dark: bool, tmp_path: Path) -> None:
    tab.evaluate("delete document.documentElement.dataset.drawn")
    changes = tab.evaluate(
        f"[matchMedia('(prefers-color-scheme: dark)').matches !== {str(dark).lower()},"
        f" matchMedia('(max-width: 600px)').matches !== {str(width < 600).lower()}]"
    )
    tab.look(width=width, dark=dark)
    if any(changes):  # it draws again by itself
        tab.wait("document.documentElement.dataset.drawn === 'yes'")
    assert tab.evaluate("document.documentElement.scrollWidth") == width
    # Of text and ground, also in figures: the contrast that WCAG asks for
    ratio = """(() => {
      const light = (c) => { const v = c.match(/[\\d.]+/g).slice(0, 3).map((x) => x / 255)
        .map((x) => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
        return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]; };
      const ratio = (a, b) => { const [p, q] = [light(a), light(b)].sort((x, y) => y - x);
        return (p + 0.05) / (q + 0.05); };
      const ground = getComputedStyle(document.querySelector('section')).backgroundColor;
      const found = ['p', 'h2', 'td', 'figcaption', 'dt', 'caption', 'summary'].map((name) =>
        ratio(getComputedStyle(document.querySelector(`section ${name}`)).color, ground));
      for (const t of document.querySelectorAll('.main-svg text'))
        if (t.textContent) found.push(ratio(getComputedStyle(t).fill, ground));
      return Math.min(...found); })()"""
    assert tab.evaluate(ratio) > 4.5
    tab.screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 50_000
    assert tab.complaints() == []


def test_the_keyboard_reaches_links_tables_and_tracebacks(tab: Tab) -> None:
    reached = tab.evaluate(
        "Array.from(document.querySelectorAll('a[href], summary, [tabindex=\"0\"]'),"
        " (e) => e.tagName + (e.getAttribute('role') || ''))"
    )
    assert {"A", "SUMMARY", "DIVregion", "PRE"} <= set(reached)
    unnamed = """Array.from(document.querySelectorAll('[role]'))
      .filter((e) => !e.getAttribute('aria-label') && !e.closest('.js-plotly-plot .svg-container'))
      .map((e) => e.outerHTML.slice(0, 100))"""
    assert tab.evaluate(unnamed) == []
    broken = """Array.from(document.querySelectorAll('nav a'))
      .filter((a) => !document.querySelector(a.getAttribute('href'))).length"""
    assert tab.evaluate(broken) == 0
