"""The Pareto front against its definition, tried on every pair of rows."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cetrack.analysis.pareto import front

_NUMBER = st.one_of(
    st.integers(0, 4).map(float),  # many ties
    st.floats(-10, 10),
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0]),
)


@st.composite
def _tables(draw: st.DrawFn) -> tuple[np.ndarray, list[str]]:
    width = draw(st.integers(1, 4))
    rows = draw(st.lists(st.lists(_NUMBER, min_size=width, max_size=width), max_size=30))
    directions = draw(
        st.lists(st.sampled_from(["lower", "higher"]), min_size=width, max_size=width)
    )
    return np.array(rows, np.float64).reshape(len(rows), width), directions


def _beats(one: np.ndarray, other: np.ndarray, directions: list[str]) -> bool:
    """The definition, in plain Python."""
    better = False
    for ours, theirs, direction in zip(one, other, directions, strict=True):
        if math.isnan(ours) or math.isnan(theirs):
            return False
        if (ours > theirs) if direction == "lower" else (ours < theirs):
            return False
        better = better or ours != theirs
    return better


@settings(deadline=None)
@given(_tables())
def test_the_front_is_what_no_other_row_beats(table: tuple[np.ndarray, list[str]]) -> None:
    values, directions = table
    expected = [
        not any(math.isnan(number) for number in row)
        and not any(_beats(other, row, directions) for other in values)
        for row in values
    ]
    assert front(values, directions).tolist() == expected


@settings(deadline=None)
@given(_tables(), st.randoms())
def test_the_order_of_the_rows_does_not_matter(
    table: tuple[np.ndarray, list[str]], random: object
) -> None:
    values, directions = table
    order = list(range(len(values)))
    random.shuffle(order)  # type: ignore[attr-defined]
    assert front(values[order], directions).tolist() == front(values, directions)[order].tolist()


def test_equal_rows_are_on_the_front_together() -> None:
    values = np.array([[1.0, 0.9], [1.0, 0.9], [2.0, 0.9], [math.nan, 1.0]])
    assert front(values, ["lower", "higher"]).tolist() == [True, True, False, False]


def test_no_rows_have_no_front() -> None:
    assert front(np.empty((0, 2)), ["lower", "higher"]).tolist() == []


def test_another_direction_is_refused() -> None:
    with pytest.raises(KeyError, match="up"):
        front(np.zeros((1, 1)), ["up"])


def test_many_rows_take_no_time() -> None:
    """A million points: comparing all pairs would take hours."""
    values = np.random.default_rng(3).random((1_000_000, 2))
    found = values[front(values, ["lower", "higher"])]
    ordered = found[np.argsort(found[:, 0])]
    assert 1 < len(ordered) < 200
    assert all(before[1] < after[1] for before, after in pairwise(ordered))
