"""Units of work in other processes: in order, and done again when a process dies."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from cetrack.errors import UsageError, WorkerError
from cetrack.parallel import crew


def backwards(number: int) -> tuple[int, int]:
    """The earlier unit takes longer."""
    time.sleep(0.05 * (4 - number % 4))
    return number, os.getpid()


def deadly_once(mark: Path) -> str:
    """Kills its process unless another one has died of it already."""
    if not mark.exists():
        mark.touch()
        os._exit(1)
    return mark.name


def deadly(number: int) -> int:
    os._exit(1)


def wrong(number: int) -> int:
    raise ValueError(f"unit {number}")


@pytest.mark.parametrize("others", [0, 1, 2])
def test_results_come_in_the_order_of_the_units(others: int) -> None:
    with crew(others=others) as hands:
        found = list(hands.ordered(backwards, range(12)))
    assert [number for number, _ in found] == list(range(12))
    elsewhere = {process for _, process in found} - {os.getpid()}
    assert bool(elsewhere) == (others > 0)


def test_only_a_few_units_are_asked_for_ahead() -> None:
    asked: list[int] = []

    def units() -> object:
        for number in range(100):
            asked.append(number)
            yield number

    with crew(others=2) as hands:
        results = hands.ordered(backwards, units())
        next(results)
    assert len(asked) < 10


def test_work_of_a_process_that_dies_is_done_again(tmp_path: Path) -> None:
    marks = [tmp_path / str(number) for number in range(6)]
    for mark in marks[:2] + marks[3:]:
        mark.touch()
    with crew(others=2) as hands:
        assert list(hands.ordered(deadly_once, marks)) == [mark.name for mark in marks]


def test_work_that_kills_every_process_is_given_up() -> None:
    with crew(others=2) as hands, pytest.raises(WorkerError, match="killed 3 times"):
        list(hands.ordered(deadly, range(3)))


def test_what_the_work_raises_is_raised_here() -> None:
    with crew(others=2) as hands, pytest.raises(ValueError, match="unit 0"):
        list(hands.ordered(wrong, range(3)))


def test_a_cluster_that_is_not_there_is_said() -> None:
    with (
        pytest.raises(UsageError, match="no Dask scheduler answers"),
        crew(cluster="not an address"),
    ):
        pass
