"""One column of a table: numbers, moments or text, from cells of any kind. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cetrack.domain import IntArray
from cetrack.precisions import find_precision
from cetrack.readers.numbers import float_of, is_missing, is_number, number_in_text
from cetrack.readers.times import parse_time

_FORMATS = frozenset({"precision", "dtype"})
_COUNTED = frozenset({"fold", "cv_fold", "seed"})


@dataclass(frozen=True, eq=False)
class Column:
    """The cells that are not empty: ``rows`` int64[k] rising, ``cells`` float64[k] or text[k]."""

    rows: IntArray
    cells: npt.NDArray[Any]
    unit: str | None = None

    @property
    def is_number(self) -> bool:
        """True for numbers, False for text."""
        return self.cells.dtype.kind == "f"

    def split(self, codes: IntArray, place: IntArray, count: int) -> list[Column]:
        """One column per group: ``codes`` is the group of every row, ``place`` its row in it."""
        mine = codes[self.rows]
        order = np.argsort(mine, kind="stable")
        bounds = np.searchsorted(mine[order], np.arange(1, count))
        rows, cells = place[self.rows[order]], self.cells[order]
        parts = zip(np.split(rows, bounds), np.split(cells, bounds), strict=True)
        return [Column(index, values, self.unit) for index, values in parts]


@dataclass(frozen=True, slots=True)
class Problem:
    """What was wrong with cells of a column; ``row`` is the first of them."""

    row: int
    text: str


def settled(rows: IntArray, cells: Sequence[Any]) -> tuple[Column | None, Problem | None]:
    """The column that cells make: of numbers where at least half of them are, else of text."""
    numbers = _plain_numbers(cells)
    if numbers is not None:
        return Column(rows, numbers), None
    parsed = [_number(cell) for cell in cells]
    found = [index for index, item in enumerate(parsed) if item is not None]
    said = [index for index, cell in enumerate(cells) if isinstance(cell, (str, bool))]
    missing = [i for i in said if isinstance(cells[i], str) and is_missing(cells[i])]
    bad = np.setdiff1d(np.arange(len(cells)), found)
    first = int(rows[bad[0]]) if len(bad) else 0
    units = {item[1] for item in parsed if item is not None}
    if len(units) == 1 and len(found) * 2 >= len(cells) - len(missing):
        values = np.array([item[0] for item in parsed if item is not None], np.float64)
        problem = Problem(first, f"{len(bad)} cells are no numbers: left out") if len(bad) else None
        return Column(rows[found], values, units.pop() or None), problem
    if len(missing) == len(cells):
        return None, Problem(first, "no number in it: left out")
    if len(said) < len(cells):
        return None, Problem(first, "neither numbers nor text: left out")
    return Column(rows, _objects([_written(cell) for cell in cells])), None


def moments(rows: IntArray, cells: Sequence[Any]) -> Column | None:
    """Seconds since the epoch, when every cell states a moment."""
    seconds = []
    for cell in cells:
        moment = parse_time(cell)
        if moment is None:
            return None
        seconds.append(moment.timestamp())
    return Column(rows, np.array(seconds, np.float64))


def texts(rows: IntArray, cells: Sequence[Any], name: str) -> Column | None:
    """Labels of a column that tells runs apart; None when it holds something else.

    A precision of 0.89 is a classification metric, and no number format.
    """
    labels = [_label(cell) if name in _COUNTED else _written(cell) for cell in cells]
    if name in _FORMATS and not all(map(_is_format, set(labels))):
        return None
    scalar = all(isinstance(cell, (str, int, float)) for cell in cells)
    return Column(rows, _objects(labels)) if scalar else None


def _is_format(label: str) -> bool:
    return find_precision(label) is not None or number_in_text(label) is None


def _plain_numbers(cells: Sequence[Any]) -> npt.NDArray[np.float64] | None:
    """All cells as numbers, the quick way; None when some are not."""
    if any(isinstance(cell, (bool, list, dict)) for cell in cells):
        return None
    if any(isinstance(cell, str) and "_" in cell for cell in cells):  # 1_000 is a name
        return None
    try:
        return np.array([float(cell) for cell in cells], np.float64)
    except (ValueError, OverflowError):
        return None


def _number(cell: Any) -> tuple[float, str] | None:
    if isinstance(cell, str):
        return number_in_text(cell)
    return (float_of(cell), "") if is_number(cell) else None


def _written(cell: Any) -> str:
    return str(cell).lower() if isinstance(cell, bool) else str(cell)


def _label(cell: Any) -> str:
    """A number of a fold or a seed: 3, 3.0 and "3" are the same."""
    parsed = None if isinstance(cell, int) else _number(cell)
    if parsed is None or parsed[1] or not parsed[0].is_integer() or abs(parsed[0]) >= 2**53:
        return _written(cell)
    return str(int(parsed[0]))


def _objects(labels: Sequence[str]) -> npt.NDArray[Any]:
    cells = np.empty(len(labels), object)
    cells[:] = labels
    return cells
