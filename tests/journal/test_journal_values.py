"""Every value of hyperopt's documents comes back from a journal equal, and of the same type."""

from __future__ import annotations

import collections
import enum
import json
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as np_st
from same_values import is_same

from hyperbridge.journal.values import Loss, NotKept, decode, encode


def through_json(value: Any) -> tuple[Any, list[Loss]]:
    """Return what comes back of a value, and what it loses."""
    losses: list[Loss] = []
    text = json.dumps(encode(value, losses), allow_nan=False)
    assert text.isascii()
    assert "\n" not in text
    return json.loads(text, object_hook=decode), losses


ZONES = st.sampled_from(
    [None, timezone.utc, timezone(timedelta(hours=5, minutes=30)), ZoneInfo("Europe/Berlin")]
)
TEXTS = st.text(st.characters(), max_size=8)  # lone surrogates included
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**200), 2**200),
    st.floats(),
    st.complex_numbers(),
    TEXTS,
    st.binary(max_size=8),
    st.binary(max_size=8).map(bytearray),
    st.datetimes(timezones=ZONES, allow_imaginary=True),
    st.dates(),
    st.times(timezones=st.sampled_from([None, timezone.utc])),
    st.timedeltas(),
    st.decimals(),
    st.fractions(),
    st.uuids(),
    st.builds(range, st.integers(), st.integers(), st.integers(1)),
    st.floats().map(np.float64),
    st.floats(width=32).map(np.float32),
    st.integers(-(2**63), 2**63 - 1).map(np.int64),
    st.integers(0, 255).map(np.uint8),
    st.booleans().map(np.bool_),
    TEXTS.map(np.str_),
    st.binary(max_size=4).map(np.bytes_),
    st.integers(0, 10**9).map(lambda n: np.datetime64(n, "ms")),
)
DTYPES = st.one_of(
    np_st.floating_dtypes(),
    np_st.integer_dtypes(),
    np_st.boolean_dtypes(),
    np_st.complex_number_dtypes(),
    np_st.datetime64_dtypes(),
    np_st.unicode_string_dtypes(),
    np_st.array_dtypes(),
)
ARRAYS = np_st.arrays(DTYPES, np_st.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
HASHABLE = st.recursive(
    st.one_of(st.none(), st.integers(), TEXTS, st.just("$tuple"), st.floats(allow_nan=False)),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=4,
)
VALUES = st.recursive(
    st.one_of(SCALARS, ARRAYS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.sets(HASHABLE, max_size=3),
        st.frozensets(HASHABLE, max_size=3),
        st.dictionaries(TEXTS, inner, max_size=3),
        st.dictionaries(HASHABLE, inner, max_size=3),
        st.dictionaries(TEXTS, inner, max_size=3).map(collections.OrderedDict),
        st.lists(inner, min_size=2, max_size=2).map(lambda pair: _objects(pair)),
    ),
    max_leaves=12,
)


def _objects(parts: list[Any]) -> Any:
    array = np.empty((2, 1), dtype=object)
    array[0, 0], array[1, 0] = parts
    return array


@settings(max_examples=400, deadline=None)
@given(VALUES)
def test_a_value_comes_back_equal_and_of_the_same_type(value: Any) -> None:
    found, losses = through_json(value)
    assert losses == []
    assert is_same(value, found), (value, found)


@pytest.mark.parametrize(
    "value",
    [
        -0.0,
        {"$tuple": [1]},
        {"": 1},
        {"$": 1, "a": 2},
        {1: "a", "1": "b", (1,): "c", None: "d"},
        10**5000,
        float("nan"),
        np.float64("-inf"),
        [np.float64(0.1), 0.1],
        "\ud83d\ude00",
        datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
        datetime(2026, 10, 25, 2, 30, fold=1),
        np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")]),
        np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")])[0],
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array(3.5),
        np.longdouble("1.1"),
        Path("/models/best.pkl"),
        Fraction(1, 3),
        UUID(int=5),
        date(2026, 1, 1),
        time(1, 2, 3),
        Decimal("NaN"),
        {"deep": [[[[{"er": ({"x": b"\0"},)}]]]]},
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_a_special_value_comes_back(value: Any) -> None:
    found, losses = through_json(value)
    assert losses == []
    assert is_same(value, found), (value, found)


def test_what_two_uses_share_is_kept_twice() -> None:
    shared = [1.0]
    assert through_json({"a": shared, "b": [shared]}) == ({"a": [1.0], "b": [[1.0]]}, [])


class Model:
    def __repr__(self) -> str:
        raise AssertionError("nothing of a user's class is called")

    def __reduce__(self) -> Any:
        raise AssertionError("nothing is pickled")


class Color(enum.Enum):
    RED = 1


def test_an_object_is_marked_by_its_type_and_the_rest_is_kept() -> None:
    value = {"loss": 0.5, "model": Model(), "parts": [1, Color.RED, {"f": len}]}
    found, losses = through_json(value)
    assert found["loss"] == 0.5
    assert found["parts"][0] == 1
    assert found["model"].type_name == f"{__name__}.Model"
    assert found["parts"][1].type_name == f"{__name__}.Color"
    assert repr(found["parts"][2]["f"]) == "<not kept: builtin_function_or_method>"
    assert [loss.kept_as for loss in losses] == [None] * 3
    again, losses = through_json(found)  # the mark is kept as it is
    assert again["model"].type_name == f"{__name__}.Model"
    assert isinstance(again["model"], NotKept)
    assert losses == []


class Size(int, enum.Enum):
    SMALL = 3


class Label(str):
    def __str__(self) -> str:
        raise AssertionError("nothing of a user's class is called")


class Rows(np.ndarray):
    pass


class Zone(tzinfo):
    def utcoffset(self, moment: datetime | None) -> timedelta:
        return timedelta(hours=1)


EAST = timezone(timedelta(hours=1))
Pair = collections.namedtuple("Pair", "a b")


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (Size.SMALL, 3),
        (Label("x"), "x"),
        (Pair(1, np.float64(2)), (1, np.float64(2))),
        (collections.defaultdict(list, {"a": [1]}), {"a": [1]}),
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        (np.array([[1, 2]]).view(Rows), np.array([[1, 2]])),
        (datetime(2026, 1, 1, tzinfo=Zone()), datetime(2026, 1, 1, tzinfo=EAST)),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_of_a_derived_class_the_plain_content_is_kept(value: Any, kept: Any) -> None:
    found, losses = through_json(value)
    assert is_same(found, kept), found
    assert [loss.kept_as is not None for loss in losses] == [True]


@pytest.mark.parametrize(
    "value",
    [np.ma.masked_array([1, 2], [True, False]), Model, np.array([1]).dtype, object()],
    ids=["masked", "class", "dtype", "object"],
)
def test_what_has_no_plain_content_is_marked(value: Any) -> None:
    found, losses = through_json(value)
    assert isinstance(found, NotKept)
    assert [loss.kept_as for loss in losses] == [None]


def test_a_list_in_itself_and_one_that_is_too_deep_are_marked() -> None:
    loop: list[Any] = [1]
    loop += [loop, loop]
    found, _ = through_json(loop)
    assert found[0] == 1
    assert [each.type_name for each in found[1:]] == ["list (in itself)"] * 2
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    assert through_json(deep)[1][0].type_name == "list (nested deeper than 100 levels)"


@pytest.mark.parametrize(
    "text",
    [
        '{"$unknown": 1}',
        '{"$int64": "os.system"}',
        '{"$array": "AAAA"}',
        '{"$array": 7}',
        '{"$numpy": ["O", "AAAAAAAAAAA="]}',
        '{"$objects": [[2], [1]]}',
        '{"$datetime": "yesterday"}',
        '{"$set": [[1]]}',
        '{"$decimal": "one"}',
        '{"$range": ["1", "2", "0"]}',
    ],
)  # fmt: skip
def test_a_tag_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="value of the kind"):
        json.loads(text, object_hook=decode)


def test_a_pickle_in_an_array_is_not_loaded() -> None:
    import base64
    import io

    buffer = io.BytesIO()
    np.save(buffer, np.array([Model], dtype=object), allow_pickle=True)
    text = json.dumps({"$array": base64.b64encode(buffer.getvalue()).decode()})
    with pytest.raises(ValueError, match="allow_pickle"):
        json.loads(text, object_hook=decode)
