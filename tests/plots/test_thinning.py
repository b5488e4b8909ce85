"""Long curves with no more points than can be seen."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cetrack.plots.thinning import thinned

VALUES = st.lists(st.one_of(st.just(float("nan")), st.floats(-1e6, 1e6)), min_size=2, max_size=400)


@given(VALUES, st.integers(1, 20), st.integers(1, 9))
def test_each_part_keeps_its_lowest_and_highest_value(
    numbers: list[float], bins: int, stride: int
) -> None:
    values = np.array(numbers)
    steps = np.arange(len(values), dtype=np.int64) * stride

    kept_steps, kept = thinned(steps, values, bins=bins)

    assert np.array_equal(kept, values[kept_steps // stride], equal_nan=True)
    assert np.all(np.diff(kept_steps) > 0)
    assert (kept_steps[0], kept_steps[-1]) == (steps[0], steps[-1])
    assert len(kept) <= max(2 * bins, 2 * bins + 2)
    if len(values) > 2 * bins:
        part = np.minimum((steps / steps[-1] * bins).astype(int), bins - 1)
        for number in range(bins):
            here = values[part == number]
            left = kept[np.isin(kept_steps, steps[part == number])]
            if np.isfinite(here).any():
                assert np.nanmax(left) == np.nanmax(here)
                assert np.nanmin(left) == np.nanmin(here)
            elif len(here):
                assert np.isnan(left).any()  # the gap is seen


def test_a_short_curve_stays_as_it_is() -> None:
    steps, values = np.arange(10), np.linspace(0, 1, 10)

    assert thinned(steps, values) == (steps, values)


def test_a_spike_among_a_million_points_is_kept() -> None:
    values = np.zeros(1_000_000)
    values[123_456] = 7.0

    steps, kept = thinned(np.arange(1_000_000), values)

    assert len(kept) < 1_300
    assert kept[steps == 123_456] == [7.0]
