"""Change points: what other detectors' tests expect, laws, and the test against scipy's."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from time import process_time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from cetrack.analysis.changes import change_points
from cetrack.domain import FloatArray
from cetrack.errors import UsageError
from tests.analysis.public_series import (
    PUBLIC,
    TIGERBEETLE,
    TIGERBEETLE_SMALLER,
    Public,
    asv_regressions,
)


def places(values: FloatArray, **options: float) -> list[int]:
    return [step.index for step in change_points(values, **options)]  # type: ignore[arg-type]


# --- series of other projects -------------------------------------------------------------------


@pytest.mark.parametrize("series", PUBLIC, ids=lambda series: series.origin)
def test_a_public_series_has_the_steps_that_its_project_expects(series: Public) -> None:
    assert places(series.values) == list(series.steps)


@pytest.mark.parametrize("seed", [1234, 5678, 8901, 2345])
def test_the_regressions_of_asv_are_found(seed: int) -> None:
    series = asv_regressions(seed)
    first, *others = places(series.values)
    assert abs(first - series.steps[0]) <= 10
    assert others == list(series.steps[1:])


def test_the_history_of_a_database_has_the_steps_that_otava_finds_at_every_level() -> None:
    steps = change_points(TIGERBEETLE.values)
    large = [it.index for it in steps if abs(it.after / it.before - 1) > 0.05]
    assert large == list(TIGERBEETLE.steps)
    assert {*TIGERBEETLE.steps, *TIGERBEETLE_SMALLER} <= {it.index for it in steps}
    assert 10 not in {it.index for it in steps}  # one night of half the throughput


# --- laws ---------------------------------------------------------------------------------------

unhurried = settings(
    database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)  # busy machines
levels = st.integers(-1000, 1000)
series_of_integers = st.lists(levels, min_size=0, max_size=40).map(
    lambda found: np.array(found, np.float64)
)


@unhurried
@given(series_of_integers, st.integers(-10_000, 10_000), st.integers(-30, 30))
def test_shifting_or_scaling_moves_no_step(values: FloatArray, shift: int, power: int) -> None:
    moved = np.ldexp(values + shift, power)
    assert places(moved) == places(values)


@unhurried
@given(st.integers(0, 2**32 - 1), st.floats(1e-9, 1e9), st.floats(-100, 100))
def test_noise_hides_no_step_at_another_scale(seed: int, factor: float, shift: float) -> None:
    values = np.random.default_rng(seed).standard_normal(60)
    values[25:] += 9
    expected = change_points(values)
    found = change_points((values + shift) * factor)
    assert [it.index for it in found] == [it.index for it in expected]
    np.testing.assert_allclose(
        [it.p_value for it in found], [it.p_value for it in expected], rtol=1e-3
    )


@unhurried
@given(
    st.lists(st.tuples(levels, st.integers(3, 30)), min_size=1, max_size=6).filter(
        lambda found: all(a[0] != b[0] for a, b in pairwise(found))
    )
)
def test_noiseless_steps_are_found_exactly(stairs: list[tuple[int, int]]) -> None:
    heights, sizes = (list(column) for column in zip(*stairs, strict=True))
    steps = change_points(np.repeat(np.array(heights) / 10, sizes))
    assert [it.index for it in steps] == list(np.cumsum(sizes)[:-1])
    assert [(it.before, it.after) for it in steps] == list(pairwise(np.array(heights) / 10))
    assert [(it.n_before, it.n_after) for it in steps] == list(pairwise(sizes))
    assert {it.p_value for it in steps} <= {0.0}


@unhurried
@given(series_of_integers, st.sets(st.integers(0, 45), max_size=20))
def test_gaps_move_indexes_and_nothing_else(values: FloatArray, gaps: set[int]) -> None:
    at = [place for place in range(len(values) + len(gaps)) if place not in gaps][: len(values)]
    with_gaps = np.full(max([*at, *gaps], default=-1) + 1, np.nan)
    with_gaps[at] = values
    assert places(with_gaps) == [at[index] for index in places(values)]


@unhurried
@given(st.lists(st.floats(width=64), max_size=40), st.integers(2, 6))
def test_any_floats_give_steps_that_are_in_order_and_long_enough(
    numbers: list[float], min_size: int
) -> None:
    values = np.array(numbers, np.float64)
    steps = change_points(values, min_size=min_size)
    known = np.isfinite(values)
    edges = [0, *(it.index for it in steps), len(values)]
    counts = [int(known[a:b].sum()) for a, b in pairwise(edges)]
    if steps:
        assert min(counts) >= min_size
    assert [(it.n_before, it.n_after) for it in steps] == (list(pairwise(counts)) if steps else [])
    for step in steps:
        assert 0 <= step.p_value < 0.01
        assert np.isfinite([step.before, step.after]).all()


# --- noise --------------------------------------------------------------------------------------

NOISE = {
    "normal": lambda draws, count: draws.standard_normal(count),
    "log-normal": lambda draws, count: draws.lognormal(sigma=0.5, size=count),
    "student, 3 degrees": lambda draws, count: draws.standard_t(3, count),
    "whole numbers": lambda draws, count: np.round(draws.standard_normal(count) * 0.6),
}


@pytest.mark.parametrize("count", [10, 30, 100])
@pytest.mark.parametrize("kind", NOISE)
def test_noise_shows_steps_in_at_most_three_of_a_hundred_series(kind: str, count: int) -> None:
    alarms = [bool(places(NOISE[kind](np.random.default_rng(seed), count))) for seed in range(200)]
    assert sum(alarms) <= 6


def test_a_step_of_five_deviations_is_found_three_nights_after() -> None:
    found = 0
    for seed in range(100):
        values = np.random.default_rng(seed).standard_normal(33)
        values[30:] += 5
        found += places(values) == [30]
    assert found >= 95


def test_one_or_two_slow_nights_are_no_step_and_hide_none() -> None:
    values = 10 + 0.1 * np.random.default_rng(1).standard_normal(60)
    values[40:] += 1
    values[[10, 50, 51]] = [5000.0, 300.0, 400.0]
    (step,) = change_points(values)
    assert step.index == 40
    assert step.before == pytest.approx(10, abs=0.1)
    assert step.after == pytest.approx(11, abs=0.1)


def test_a_smaller_alpha_keeps_fewer_steps() -> None:
    values = np.random.default_rng(3).standard_normal(40)
    values[20:] += 3
    (step,) = change_points(values)
    assert places(values, alpha=step.p_value) == []


def test_what_is_worse_by_rounding_only_is_no_step() -> None:
    assert places(np.repeat([0.1 + 0.2, 0.3], 20)) == []


# --- the edges ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "numbers",
    [
        [],
        [1.0],
        [np.nan],
        [1.0, 2.0],
        [1.0, 1.0, 9.0, 9.0, 9.0],
        [np.nan] * 20,
        [np.inf, -np.inf] * 10,
        [0.0] * 20,
        [7.0] * 20,
        [1e300] * 20,
        [5e-324] * 20,
        [1.0] * 10 + [np.inf] * 10,
    ],
    ids=str,
)
def test_no_step_where_there_is_none(numbers: list[float]) -> None:
    assert change_points(np.array(numbers)) == []


@pytest.mark.parametrize("scale", [5e-320, 1e-300, 1e-12, 1.0, 1e12, 1e300])
def test_magnitudes_do_not_matter(scale: float) -> None:
    steps = change_points(np.repeat([1.0, 2.0], 8) * scale)
    assert [it.index for it in steps] == [8]
    assert (steps[0].before, steps[0].after) == (scale, 2 * scale)


def test_infinities_are_gaps() -> None:
    values = np.repeat([1.0, 2.0], 6)
    values[[2, 9]] = np.inf, -np.inf
    (step,) = change_points(values)
    assert (step.index, step.n_before, step.n_after) == (6, 5, 5)


def test_the_p_value_is_that_of_scipy_times_the_places() -> None:
    values = np.array([3.0, 1.0, 2.0, 3.0, 1.0, 2.0, 9.0, 7.0, 8.0, 9.0, 7.0, 8.0])
    (step,) = change_points(values)  # neighbours are unlike: no memory that would count
    student = stats.ttest_ind(values[:6], values[6:])
    assert step.p_value == pytest.approx(student.pvalue * (12 - 2 * 3 + 1))


def test_ten_thousand_values_take_about_a_second() -> None:
    values = np.random.default_rng(0).standard_normal(10_000)
    change_points(values[:100])  # loads the libraries
    began = process_time()
    change_points(values)
    assert process_time() - began < 5  # the machine may be slow and busy


def test_without_the_extra_it_is_said_what_to_install() -> None:
    """In a process of its own, in which ruptures cannot be imported."""
    code = """
import sys
sys.modules["ruptures"] = None
import numpy as np
from cetrack.analysis.changes import change_points
from cetrack.errors import UsageError
try:
    change_points(np.zeros(9))
except UsageError as error:
    print(error.message, error.hint)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'need ruptures and scipy pip install "cetrack[stats]"' in done.stdout
    assert UsageError.exit_code == 2
