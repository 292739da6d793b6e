"""The page of a comparison in a real browser: readable, and nothing of a program's runs in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from chromium import Chromium, Tab
from comparisons import column, search

from hyperbridge.compare.html import as_html
from hyperbridge.compare.judge import judge

HOSTILE = "<img src=http://192.0.2.1/x onerror=window.hacked=1>"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    base = [search([5.0, 1.0 + i / 10, 0.5]) for i in range(6)]
    far = [
        search([900.0, 30.0 + i, None], argmin={HOSTILE: "'</script>'"}, algo=HOSTILE,
               types={HOSTILE: "str"}, error=HOSTILE)
        for i in range(6)
    ]  # fmt: skip
    columns = [column("local", *base), column("ray", *far), column("spark"), column("optuna")]
    columns[1].runs[0].remarks.append(HOSTILE)
    columns[2].failure = f"RuntimeError: {HOSTILE}"
    file = tmp_path / "comparison.html"
    file.write_text(as_html(columns, judge(columns), {"ray:search"}), encoding="utf-8")
    return file


@pytest.mark.slow
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_a_comparison_is_readable_and_asks_for_nothing(
    browser: Chromium, page: Path, width: int, dark: bool
) -> None:
    tab = Tab(browser, width=width, dark=dark)
    try:
        tab.open(page, figures=False)
        assert tab.complaints() == []
        assert tab.requests() == [page.as_uri()]
        assert tab.evaluate("window.hacked === undefined && document.images.length === 0")
        assert tab.evaluate("document.documentElement.scrollWidth") == width
        words = tab.evaluate("Array.from(document.querySelectorAll('.badge'), (e) => e.innerText)")
        assert {"failed", "same", "worse", "different", "different (accepted)"} <= set(words)
        heads = tab.evaluate("Array.from(document.querySelectorAll('th'), (e) => e.innerText)")
        assert {"local", "ray", "spark", "optuna", "best loss", "of which dispatch"} <= set(heads)
        paths = "Array.from(document.querySelectorAll('figure .wide path'), (e) => e.getBBox())"
        boxes = tab.evaluate(f"{paths}.map((b) => [b.x, b.y, b.width, b.height])")
        assert len(boxes) == 2 * 12  # each repeat of each column, against trials and time
        for x, y, wide, high in boxes:
            assert x >= 60
            assert y >= 10
            assert x + wide <= 550
            assert y + high <= 260
    finally:
        tab.close()


def test_the_page_says_what_the_text_says(page: Path) -> None:
    text = page.read_text()
    assert "window.hacked" in text
    assert "<img" not in text
    assert "1 failed" in text
    assert "one-sided rank test" in text
