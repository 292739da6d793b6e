"""A value written as source evaluates to an equal value of the same type, or is refused."""

from __future__ import annotations

import enum
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from hyperbridge.translate.source_values import UnwritableError, literal


class Color(enum.Enum):
    RED = 1
    GREEN = float("nan")


class Level(enum.IntEnum):
    LOW = 1


class Switches(enum.Flag):
    A = 1
    B = 2


class Celsius(float):
    def __repr__(self) -> str:
        return f"{float(self)} °C"


class Name(str):
    pass


class Bag(dict):  # type: ignore[type-arg]
    pass


def evaluated(value: Any) -> Any:
    imports: set[str] = set()
    text = literal(value, imports)
    names: dict[str, Any] = {}
    exec("\n".join(imports), names)
    return eval(text, names)


def same(left: Any, right: Any) -> bool:
    """Equal and of the same type, with NaN equal to itself and -0.0 unlike 0.0."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return (math.isnan(left) and math.isnan(right)) or (
            left == right and math.copysign(1, left) == math.copysign(1, right)
        )
    if isinstance(left, complex):
        return same(left.real, right.real) and same(left.imag, right.imag)
    if isinstance(left, slice):
        return same([left.start, left.stop, left.step], [right.start, right.stop, right.step])
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return same(list(left), list(right)) and same(list(left.values()), list(right.values()))
    if isinstance(left, np.ndarray):
        return left.dtype == right.dtype and same(left.tolist(), right.tolist())
    return bool(left == right)


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers(allow_nan=True, allow_infinity=True)
    | st.text()
    | st.binary()
    | st.sampled_from([Color.RED, Color.GREEN, Level.LOW, Switches.B, math.sqrt, dict, math])
    | st.builds(slice, st.none() | st.integers(), st.floats())
)
keys = st.text() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(list(Color))
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(keys, inner, max_size=4)
    ),
    max_leaves=8,
)


@given(values)
def test_a_written_value_evaluates_to_an_equal_one(value: Any) -> None:
    assert same(evaluated(value), value)


@given(
    arrays.arrays(
        arrays.boolean_dtypes()
        | arrays.integer_dtypes(endianness="<")
        | arrays.floating_dtypes(endianness="<", sizes=(16, 32, 64))
        | arrays.complex_number_dtypes(endianness="<", sizes=(64, 128))
        | arrays.unicode_string_dtypes(endianness="<", max_len=4),
        arrays.array_shapes(min_dims=0, max_dims=3, max_side=3),
    )
)
def test_a_written_array_evaluates_to_an_equal_one(array: Any) -> None:
    found = evaluated(array)
    if array.ndim == 0:  # written as the number that hyperopt hands to the objective
        array = array.item()
    assert same(found, array)


@pytest.mark.parametrize(
    "value",
    [
        Celsius(3.0),
        Name("a"),
        Bag(a=1),
        Switches.A | Switches.B,
        object(),
        np.zeros(1000),
        np.array([object()]),
        np.ma.masked_array([1, 2]),
        {"deep": [Celsius(3.0)]},
        {Celsius(3.0): 1},
        lambda: None,
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_without_a_source_is_refused(value: Any) -> None:
    with pytest.raises(UnwritableError):
        literal(value, set())
