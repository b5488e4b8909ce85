"""A series as one line of characters."""

from __future__ import annotations

import math

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cetrack.report.sparkline import BLOCKS, PLAIN, sparkline

unhurried = settings(
    database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)  # busy machines


def test_the_lowest_and_the_highest_value_are_the_ends_of_the_ramp() -> None:
    assert sparkline([1, 2, 3, 4, 5, 6, 7, 8]) == BLOCKS
    assert sparkline([1, 8], ramp=PLAIN) == "_#"


def test_gaps_are_blank_and_equal_values_half_high() -> None:
    assert sparkline([1.0, math.nan, 2.0, math.inf, -math.inf, 1.0]) == "▁ █  ▁"
    assert sparkline([3.0, 3.0]) == "▄▄"
    assert sparkline([math.nan]) == " "
    assert sparkline([]) == ""


def test_neighbours_share_a_character_where_room_is_short() -> None:
    assert sparkline([0, 2, 9, 9, 4, 6], width=3) == "▁█▅"
    assert len(sparkline(range(1000), width=60)) == 60


@unhurried
@given(st.lists(st.floats(), max_size=80), st.integers(1, 60))
def test_any_floats_are_drawn(values: list[float], width: int) -> None:
    drawn = sparkline(values, width=width)
    assert len(drawn) == min(len(values), width)
    assert set(drawn) <= {*BLOCKS, " "}
