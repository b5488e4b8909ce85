"""Numbers on disk: what comes back, and what of it a series and another process see."""

from __future__ import annotations

import gc
import pickle

import numpy as np
import pytest

from cetrack.domain import Series, kept_values
from cetrack.readers.spool import Spool, Spooled, changed, picked

NUMBERS = np.array([0.0, -0.0, np.nan, np.inf, 5e-324, 1.7976931348623157e308])


def bits(values: np.ndarray) -> list[int]:
    """The numbers as they lie in memory: NaN and -0.0 too."""
    return values.view(np.uint64).tolist()


def test_numbers_come_back_bit_by_bit() -> None:
    spool = Spool()
    first, second, nothing = map(spool.put, (NUMBERS, NUMBERS[::-1], np.empty(0)))

    found = Spooled([second, nothing, first])

    assert bits(found.load()) == bits(np.concatenate([NUMBERS[::-1], NUMBERS]))


def test_columns_that_were_written_together_are_read_apart() -> None:
    spool = Spool()
    spool.put(NUMBERS)

    parts = list(spool.put_parts(np.arange(6.0), [1, 0, 3, 2]))

    assert [part.load().tolist() for part in parts] == [[0], [], [1, 2, 3], [4, 5]]


def test_what_is_derived_is_read_when_it_is_asked_for() -> None:
    kept = Spooled([Spool().put(np.arange(5.0))])

    found = picked(changed(kept, lambda values: values * 2), np.array([4, 0]))

    assert not isinstance(found, np.ndarray)
    assert found.load().tolist() == [8.0, 0.0]


@pytest.mark.parametrize("index", [None, np.array([1, 0])])
def test_an_array_stays_one(index: np.ndarray | None) -> None:
    found = picked(np.array([1.0, 2.0]), index)

    assert isinstance(found, np.ndarray)
    assert found.tolist() == ([1.0, 2.0] if index is None else [2.0, 1.0])


def test_a_series_does_not_hold_what_is_kept_elsewhere() -> None:
    kept = Spooled([Spool().put(NUMBERS)])

    series = Series(name="loss", steps=np.arange(len(NUMBERS)), values=kept)

    assert bits(series.values) == bits(NUMBERS)
    assert kept_values(series) is kept
    assert series.values is not series.values


def test_another_process_gets_the_numbers() -> None:
    kept = Spooled([Spool().put(NUMBERS)])
    series = Series(name="loss", steps=np.arange(len(NUMBERS)), values=kept)

    copy = pickle.loads(pickle.dumps(series))

    assert bits(copy.values) == bits(NUMBERS)
    assert isinstance(kept_values(copy), np.ndarray)


def test_the_file_is_gone_with_the_last_column() -> None:
    spool = Spool()
    closed = spool.close
    kept = Spooled([spool.put(NUMBERS)])
    del spool
    gc.collect()
    assert closed.alive

    del kept
    gc.collect()

    assert not closed.alive
