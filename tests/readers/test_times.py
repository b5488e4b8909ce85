"""Moments as files state them."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cetrack.readers.times import parse_time, time_in_name

NINE = datetime(2026, 1, 31, 9, tzinfo=UTC)
DAY = datetime(2026, 1, 31, tzinfo=UTC)
FIRST, LAST = datetime.fromisoformat("1900-01-02"), datetime.fromisoformat("2999-12-30")


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-01-31T09:00:00Z", NINE),
        ("2026-01-31T09:00:00+00:00", NINE),
        ("2026-01-31T11:00:00+02:00", NINE),
        ("2026-01-31T09:00:00", NINE),
        ("2026-01-31 09:00:00", NINE),
        (" 2026-01-31 09:00 ", NINE),
        ("2026/01/31 09:00:00", NINE),
        ("2026-01-31 09:00:00,250", NINE + timedelta(seconds=0.25)),
        ("2026-01-31", DAY),
        ("20260131", DAY),
        (20260131, DAY),
        ("20260131T0900", NINE),
        ("20260131_090000", NINE),
        ("20260131-090000Z", NINE),
        (1769850000, NINE),
        (1769850000.25, NINE + timedelta(seconds=0.25)),
        ("1769850000", NINE),
        ("1.76985e+09", NINE),
        (1769850000000, NINE),
        (1769850000000000, NINE),
        (1769850000000000000, NINE),
        ("1970-01-01T00:00:00+00:00", datetime(1970, 1, 1, tzinfo=UTC)),
        ("1969-12-31", datetime(1969, 12, 31, tzinfo=UTC)),
    ],
)
def test_a_moment_is_found(value: Any, moment: datetime) -> None:
    found = parse_time(value)

    assert found == moment
    assert found is not None
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    "value",
    [
        None, True, "", "2026", "yesterday", "n/a", "31.01.2026", "01/31/2026", "2026-13-01",
        "20261399", "0001-01-01", "9999-12-31T23:59:59-12:00", 5, -1, 12345, 3.5, math.nan,
        math.inf, 1e300, 10**400, -(10**400), [], {}, "x" * 1000, "12:30:00", "00:12:00.5",
    ],
    ids=lambda value: f"{value!r:.20}",
)  # fmt: skip
def test_what_is_no_moment_is_none(value: Any) -> None:
    assert parse_time(value) is None


@settings(database=None, deadline=None)
@given(
    st.datetimes(min_value=FIRST, max_value=LAST),
    st.integers(-14, 14),
)
def test_what_python_writes_is_read_back(naive: datetime, hours: int) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(hours=hours)))

    assert parse_time(moment.isoformat()) == moment


@settings(database=None, deadline=None)
@given(st.one_of(st.text(max_size=40), st.floats(), st.integers(), st.binary()))
def test_nothing_raises(value: Any) -> None:
    found = parse_time(value)

    assert found is None or found.tzinfo is UTC


@pytest.mark.parametrize(
    ("name", "moment"),
    [
        ("results_2026-01-31.json", DAY),
        ("results_20260131_0900.json", NINE),
        ("2026-01-31T09-00-00_lenet.csv", NINE),
        ("nightly.2026.01.31.json", DAY),
        ("lenet_12345678.json", None),
        ("run_20261399.json", None),
        ("resnet50.json", None),
        ("120260131.json", None),
    ],
)
def test_a_date_in_a_name(name: str, moment: datetime | None) -> None:
    assert time_in_name(name) == moment
