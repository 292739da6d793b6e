"""Histories made by hypothesis, and how two are compared."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import numpy as np
from hypothesis import strategies as st

from hyperbridge.documents import misc_of, new_document
from hyperbridge.history.history import History

NUMBERS = st.integers(-(2**60), 2**60) | st.floats(allow_nan=False)
PLAIN: Any = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=8) | st.just(math.nan),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
TIMES = st.none() | st.datetimes(datetime(2001, 1, 1), datetime(2040, 1, 1))
LABELS = ("x", "a label, with a comma", "kind", "n", "$odd")


@st.composite
def documents(draw: Any, tid: int) -> Any:
    assignment: dict[str, Any] = {}
    for label in LABELS:
        if draw(st.booleans()):
            value = draw(NUMBERS)
            assignment[label] = np.float64(value) if draw(st.booleans()) else value
    document = new_document(
        tid, misc_of(tid, assignment, LABELS), draw(st.sampled_from([None, "e"]))
    )
    how = draw(st.sampled_from(["ok", "ok", "fail", "pruned", "error", "new", "running", "cancel"]))
    state = {"ok": 2, "fail": 2, "pruned": 2, "error": 3, "new": 0, "running": 1, "cancel": 4}[how]
    result: dict[str, Any] = {"status": "new"}
    if state == 2:
        extra = draw(
            st.dictionaries(st.sampled_from(["loss_variance", "note", "a b", "$x"]), PLAIN)
        )
        loss = draw(st.floats() | st.floats().map(np.float64))
        result = {**extra, "status": "ok" if how == "ok" else "fail", "loss": loss}
        if how == "pruned":
            result["pruned"] = True
    if how == "fail" and draw(st.booleans()):
        del result["loss"]
    if state == 3:
        document["misc"]["error"] = ("<class 'ValueError'>", draw(st.text(max_size=20)))
    if draw(st.booleans()):
        document["misc"]["reports"] = [[0, 0.5], [1, draw(st.floats())]]
    for key in ("attempts", "redrawn", "reused_from"):
        if draw(st.booleans()):
            document["misc"][key] = draw(st.integers(1, 5))
    if draw(st.booleans()):
        document["misc"]["warm_started_from"] = "old.pkl"
    document.update(
        state=state, result=result, book_time=draw(TIMES), refresh_time=draw(TIMES),
        owner=draw(st.sampled_from([None, "me"])),
    )  # fmt: skip
    return document


@st.composite
def histories(draw: Any) -> History:
    tids = draw(st.lists(st.integers(0, 99), min_size=1, max_size=5, unique=True))
    return History([draw(documents(tid)) for tid in tids], {}, "made up")


def normal(value: Any) -> Any:
    """Return something equal for what is the same: NaN, NumPy's numbers, the order of keys."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    if isinstance(value, dict):
        return {key: normal(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, *map(normal, value)]
    return type(value).__name__, value
