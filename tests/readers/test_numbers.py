"""Numbers of any size, as text, with a unit, or missing."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cetrack.readers.numbers import (
    INT64_MAX,
    float_of,
    is_missing,
    is_number,
    is_numeric,
    number_in_text,
    param_of,
    shortened,
    whole_number,
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0.91", (0.91, "")),
        (" 0.91 ", (0.91, "")),
        ("+1.", (1.0, "")),
        ("-.5", (-0.5, "")),
        ("1e-3", (0.001, "")),
        ("1E5", (100000.0, "")),
        ("1e400", (math.inf, "")),
        ("inf", (math.inf, "")),
        ("-Infinity", (-math.inf, "")),
        ("91 %", (91.0, "%")),
        ("91%", (91.0, "%")),
        ("12.5ms", (12.5, "ms")),
        ("12.5 µs", (12.5, "µs")),
        ("479.452 qps", (479.452, "qps")),
        ("14.96 GB", (14.96, "GB")),
        ("7 B", (7.0, "B")),
        ("1.5 1/s", None),
        ("7B", None),
        ("3b", None),
        ("3x", None),
        ("12 parsecs", None),
        ("nano", None),
        ("info", None),
        ("nanometer", None),
        ("n/a", None),
        ("", None),
        ("-", None),
        ("1_000", None),
        ("1,5", None),
        ("0x10", None),
        ("1 2", None),
        ("+-0.0033", None),
        ("12x lower", None),
        ("9" * 5000, None),
    ],
    ids=lambda value: f"{value!r:.20}",
)
def test_a_number_in_text(text: str, found: tuple[float, str] | None) -> None:
    assert number_in_text(text) == found


def test_nan_is_a_number_in_text() -> None:
    for text in ("nan", "NaN", " nan "):
        found = number_in_text(text)
        assert found is not None
        assert math.isnan(found[0])


@settings(database=None, deadline=None)
@given(st.floats(allow_nan=False))
def test_a_float_written_by_python_is_read_back(number: float) -> None:
    assert number_in_text(repr(number)) == (number, "")


@settings(database=None, deadline=None)
@given(st.text())
def test_no_text_raises(text: str) -> None:
    number_in_text(text)
    is_missing(text)


@pytest.mark.parametrize(
    ("value", "whole"),
    [
        (3, 3),
        (3.0, 3),
        ("3", 3),
        (" 3 ", 3),
        (-7, -7),
        (INT64_MAX, INT64_MAX),
        (INT64_MAX + 1, None),
        (-INT64_MAX - 1, None),
        (1e300, None),
        (3.5, None),
        ("3.5", None),
        ("3.0", None),
        ("three", None),
        (math.nan, None),
        (math.inf, None),
        (10**400, None),
        ("9" * 5000, None),
        (None, None),
        ([], None),
        ({}, None),
    ],
    ids=lambda value: f"{value!r:.20}",
)
def test_a_whole_number_fits_64_bits(value: Any, whole: int | None) -> None:
    assert whole_number(value) == whole


@pytest.mark.parametrize(
    ("value", "is_it"),
    [(1, True), (1.5, True), (math.nan, True), (True, False), ("1", False), (None, False)],
)
def test_true_is_no_number(value: Any, is_it: bool) -> None:
    assert is_number(value) is is_it


@pytest.mark.parametrize(
    ("values", "are_they"),
    [
        ([1, 2.5], True),
        ([1, None], True),
        ([math.nan], True),
        ([], False),
        ([None], False),
        ([True], False),
        ([1, "2"], False),
        ([[1]], False),
    ],
)
def test_a_list_of_numbers(values: list[Any], are_they: bool) -> None:
    assert is_numeric(values) is are_they


@pytest.mark.parametrize("text", ["", " ", "-", "--", "n/a", "N/A", "None", "Unknown", "null"])
def test_missing_is_spelled_in_many_ways(text: str) -> None:
    assert is_missing(text)


def test_zero_and_nan_are_not_missing() -> None:
    assert not any(map(is_missing, ("0", "nan", "-1")))


def test_a_number_beyond_a_float_is_infinite() -> None:
    assert (float_of(10**400), float_of(-(10**400)), float_of(3)) == (math.inf, -math.inf, 3.0)


def test_a_parameter_beyond_64_bits_is_text() -> None:
    assert param_of(2**63) == "9223372036854775808"
    assert (param_of(2**63 - 1), param_of(0.5), param_of(1e300)) == (2**63 - 1, 0.5, 1e300)


def test_a_long_value_is_shortened() -> None:
    assert shortened("short") == "'short'"
    assert len(shortened("x" * 5000)) == 60
