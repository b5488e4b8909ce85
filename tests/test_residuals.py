"""How far a series scatters, against numpy and the definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cetrack.analysis.dominance import dominating
from cetrack.analysis.residuals import noise_of

relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
numbers = st.floats(-1e6, 1e6, allow_nan=False)


def array(*values: float) -> np.ndarray:
    return np.array(values, np.float64)


@relaxed
@given(st.lists(numbers, min_size=3, max_size=40), numbers)
def test_one_segment_is_median_and_mad(values: list[float], value: float) -> None:
    found = noise_of([np.array(values)])

    assert found is not None
    center = np.median(values)
    deviations = np.abs(np.array(values) - center)
    spread = 1.4826 * np.median(deviations) or 1.253314 * np.mean(deviations)
    assert (found.level, found.n) == (center, len(values))
    assert found.spread == pytest.approx(spread)
    if spread:
        assert found.z(value) == pytest.approx((value - center) / spread)


def test_of_much_normal_noise_it_is_the_standard_deviation() -> None:
    values = np.random.default_rng(0).normal(5.0, 0.3, 20_000)

    found = noise_of([values])

    assert found is not None
    assert found.level == pytest.approx(5.0, abs=0.01)
    assert found.spread == pytest.approx(np.std(values, ddof=1), rel=0.02)


def test_an_accepted_step_is_no_noise() -> None:
    before, after = array(5.0, 5.1, 4.9, 5.0, 5.1), array(8.0, 8.1, 7.9)

    found = noise_of([before, after])

    assert found is not None
    residuals = [0.0, 0.1, -0.1, 0.0, 0.1, 0.0, 0.1, -0.1]
    assert (found.level, found.n) == (8.0, 8)
    assert found.spread == pytest.approx(1.4826 * np.median(np.abs(residuals)))


def test_a_segment_of_two_says_where_the_level_is_and_no_more() -> None:
    found = noise_of([array(5.0, 5.1, 4.9), array(8.0, 8.2)])

    assert found is not None
    assert (found.level, found.n) == (8.1, 3)
    assert found.spread == pytest.approx(0.14826)


def test_nan_are_gaps() -> None:
    found = noise_of([array(math.nan, 1.0, 2.0, math.nan, 3.0), array(math.nan)])

    assert found is not None
    assert (found.level, found.n) == (2.0, 3)
    assert noise_of([array(math.nan), array()]) is None
    assert noise_of([]) is None


def test_nothing_scatters() -> None:
    found = noise_of([array(2.0, 2.0, 2.0)])

    assert found is not None
    assert found.spread == 0
    assert [found.z(value) for value in (2.0, 2.1, 1.9)] == [0.0, math.inf, -math.inf]


def test_most_are_equal_and_one_is_not() -> None:
    """The median of the deviations is 0, their mean is not."""
    found = noise_of([array(1.0, 1.0, 1.0, 1.0, 2.0)])

    assert found is not None
    assert found.spread == pytest.approx(1.253314 * 0.2)


# --- dominance -------------------------------------------------------------------------------


@relaxed
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3)), max_size=12),
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3)),
)
def test_dominance_by_its_definition(
    values: list[tuple[int, int, int]], own: tuple[int, int, int]
) -> None:
    signs = (-1, 1, -1)
    table = np.array(values, np.float64).reshape(-1, 3)

    found = dominating(table, np.array(own, np.float64), ("lower", "higher", "lower"))

    expected = []
    for row in values:
        gains = [sign * (a - b) for sign, a, b in zip(signs, row, own, strict=True)]
        expected.append(min(gains) >= 0 and max(gains) > 0)
    assert found.tolist() == expected


def test_slack_and_gaps() -> None:
    values = np.array([[98.0, 0.9], [97.0, 0.9], [50.0, 0.89], [math.nan, 0.99]])

    found = dominating(values, array(100.0, 0.9), ("lower", "higher"), slack_pct=2)

    assert found.tolist() == [False, True, False, False]
