"""Searches made up at random do on the local backend what they do in hyperopt, bit for bit."""

from __future__ import annotations

import pytest
from random_searches import compare, make_search

_CHUNK = 10


def check(seeds: range) -> None:
    """Compare searches with hyperopt's; fail with all that differ."""
    wrong = []
    for seed in seeds:
        search = make_search(seed)
        verdict, theirs, ours = compare(search)
        if verdict not in ("same", "earlier", "goes on"):
            raised = f"hyperopt raised {theirs.raised!r}, we {ours.raised!r}"
            wrong.append(f"{verdict} differs: {search.text}; {raised}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(first, marks=[pytest.mark.slow] if first else [])
        for first in range(0, 150, _CHUNK)
    ],
)
def test_a_search_made_up_at_random_is_hyperopts(first: int) -> None:
    check(range(first, first + _CHUNK))


@pytest.mark.long
@pytest.mark.parametrize("first", range(150, 1500, _CHUNK))
def test_more_searches_made_up_at_random_are_hyperopts(first: int) -> None:
    check(range(first, first + _CHUNK))
