"""One column of a table: numbers, moments or text, from cells of any kind. Pure.

Cells come block by block. What a cell is does not depend on its neighbours, and what its column is
only on how many cells of each kind there are: so it does not matter where a block ends.
"""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from cetrack.domain import FloatArray, IntArray, Kept
from cetrack.precisions import find_precision
from cetrack.readers.numbers import float_of, is_missing, is_number, number_in_text
from cetrack.readers.spool import Piece, Spool, Spooled
from cetrack.readers.times import parse_time

# not empty ones; an array holds numbers that were written as text
Cells = Sequence[Any] | FloatArray
_FORMATS = frozenset({"precision", "dtype"})
_COUNTED = frozenset({"fold", "cv_fold", "seed"})
# bytes that numbers in JSON and the text between them consist of
JSON_NUMBERS = b"0123456789+-.eE, \t\r\n"
# which orjson reads as the integer 0, and loses the sign
NEGATIVE_ZERO = re.compile(rb"-0(?![.0-9eE])")


@dataclass(frozen=True, eq=False)
class Column:
    """The cells that are not empty: ``rows`` int64[k] rising, ``kept`` float64[k] or text[k]."""

    rows: IntArray
    kept: npt.NDArray[Any] | Kept
    unit: str | None = None

    @property
    def cells(self) -> npt.NDArray[Any]:
        """The cells, read from where they are kept."""
        return self.kept if isinstance(self.kept, np.ndarray) else self.kept.load()

    @property
    def is_number(self) -> bool:
        """True for numbers, False for text."""
        return not isinstance(self.kept, np.ndarray) or self.kept.dtype.kind == "f"

    def split(self, parts: Parts) -> list[Column]:
        """One column per group of rows."""
        cells = self.cells[parts.order]
        spans = itertools.pairwise([0, *itertools.accumulate(map(len, parts.rows))])
        kept: list[npt.NDArray[Any] | Kept] = [cells[start:stop] for start, stop in spans]
        if isinstance(self.kept, Spooled):
            kept = list(self.kept.pieces[0].spool.put_parts(cells, map(len, parts.rows)))
        return [Column(*pair, self.unit) for pair in zip(parts.rows, kept, strict=True)]


@dataclass(frozen=True, eq=False)
class Parts:
    """How columns with the same rows fall into groups.

    ``order`` int64[k] sorts their cells by group, ``rows`` are those of the groups.
    """

    order: IntArray
    rows: list[IntArray]


def parts_of(rows: IntArray, codes: IntArray, place: IntArray, count: int) -> Parts:
    """The parts of columns with these rows: ``codes`` is the group of every row of the table,
    ``place`` its row in it."""
    mine = codes[rows]
    order = np.argsort(mine, kind="stable")
    bounds = np.searchsorted(mine[order], np.arange(1, count))
    return Parts(order, np.split(place[rows[order]], bounds))


@dataclass(frozen=True, slots=True)
class Problem:
    """What was wrong with cells of a column; ``row`` is the first of them."""

    row: int
    text: str


Settled = tuple[Column | None, Problem | None]


class OtherwiseError(Exception):
    """A column holds something else than it was taken for: its file is to be read again."""


# --- numbers ---------------------------------------------------------------------------------


@dataclass(eq=False)
class Numbers:
    """A column as numbers: what is none is counted and left out.

    ``rows`` are parts int64[k] that other columns share, or ranges of them, ``values`` float64[k]
    those which are not on disk yet.
    """

    rows: list[IntArray | range] = field(default_factory=list)
    values: list[FloatArray] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    units: set[str] = field(default_factory=set)
    total: int = 0
    found: int = 0
    missing: int = 0  # text that says so
    unsaid: int = 0  # neither text nor true or false
    first_bad: int | None = None

    def take(self, rows: IntArray, cells: Cells) -> int:
        """Add cells at their rows (an array: read from text); returns how many bytes that holds.

        Raises OtherwiseError where the first ones are text.
        """
        quick = plain_numbers(cells)
        if quick is None:
            rows, quick = self._sorted(rows, cells)
        else:
            self.units.add("")
            self.unsaid += 0 if isinstance(cells[0], (str, np.float64)) else len(quick)
        self.total += len(cells)
        self.found += len(quick)
        if not self.found and self.total == len(cells) > self.missing and not self.unsaid:
            raise OtherwiseError
        self.rows.append(rows)
        self.values.append(quick)
        return quick.nbytes

    def _sorted(self, rows: IntArray, cells: Cells) -> tuple[IntArray, FloatArray]:
        """(rows, values) of the cells that are numbers; the others are counted."""
        numbers: list[float] = []
        good: list[int] = []
        for index, cell in enumerate(cells):
            found = _number(cell)
            if found is not None:
                numbers.append(found[0])
                self.units.add(found[1])
                good.append(index)
            elif self.first_bad is None:
                self.first_bad = int(rows[index])
            said = isinstance(cell, (str, bool))
            self.unsaid += not said
            self.missing += said and found is None and is_missing(str(cell))
        return rows[good], np.array(numbers, np.float64)

    def flush(self, spool: Spool) -> None:
        """Put the values on disk."""
        if self.values:
            self.pieces.append(spool.put(np.concatenate(self.values)))
            self.values.clear()

    def settled(self, rows: IntArray) -> Settled:
        """The column, if it is one of numbers; ``rows`` are its parts in one.

        Raises OtherwiseError where it is text.
        """
        bad = self.total - self.found
        if len(self.units) == 1 and self.found * 2 >= self.total - self.missing:
            problem = Problem(self.first_bad or 0, f"{bad} cells are no numbers: left out")
            kept: FloatArray | Kept = Spooled(tuple(self.pieces))
            if not self.pieces:
                kept = self.values[0] if len(self.values) == 1 else np.concatenate(self.values)
            self.values.clear()  # of many columns no two are held twice
            return Column(rows, kept, next(iter(self.units)) or None), problem if bad else None
        first = self.first_bad or 0
        if self.missing == self.total:
            return None, Problem(first, "no number in it: left out")
        if self.unsaid:
            return None, Problem(first, "neither numbers nor text: left out")
        raise OtherwiseError


def settled(rows: IntArray, cells: Sequence[Any]) -> Settled:
    """The column that cells make: of numbers where at least half of them are, else of text."""
    numbers = Numbers()
    try:
        numbers.take(rows, cells)
        return numbers.settled(np.asarray(numbers.rows[0]))
    except OtherwiseError:
        return text_column(rows, [_written(cell) for cell in cells]), None


def plain_numbers(cells: Cells) -> FloatArray | None:
    """Cells that are all numbers, or all their text, the quick way; None when some are not."""
    if isinstance(cells, np.ndarray):
        return cells
    kinds = set(map(type, cells))
    if kinds == {str}:
        return _numbers_of_texts(cells)
    try:
        return np.fromiter(cells, np.float64, len(cells)) if kinds <= {float, int} else None
    except OverflowError:
        return None


def _numbers_of_texts(cells: Sequence[str]) -> FloatArray | None:
    joined = ",".join(cells).encode("utf-8", "surrogatepass")
    if not joined.translate(None, JSON_NUMBERS) and not NEGATIVE_ZERO.search(joined):
        try:
            numbers = orjson.loads(b"[%b]" % joined)
        except orjson.JSONDecodeError:  # +1, .5, 1e400
            numbers = []
        if len(numbers) == len(cells):
            return np.fromiter(numbers, np.float64, len(cells))
    if b"_" in joined:  # 1_000 is a name
        return None
    try:
        return np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        return None


def _number(cell: Any) -> tuple[float, str] | None:
    if not isinstance(cell, str):
        return (float_of(cell), "") if is_number(cell) else None
    found = number_in_text(cell)
    if found is not None or "_" in cell:
        return found
    try:
        return float(cell), ""
    except ValueError:
        return None


# --- text and moments ------------------------------------------------------------------------


def moments(cells: Cells) -> FloatArray | None:
    """Seconds since the epoch, float64[n], when every cell states a moment."""
    seconds = []
    for cell in cells:
        moment = parse_time(cell)
        if moment is None:
            return None
        seconds.append(moment.timestamp())
    return np.array(seconds, np.float64)


def labels(cells: Cells, name: str) -> list[str] | None:
    """Labels of a column that tells runs apart; None when it holds something else.

    A precision of 0.89 is a classification metric, and no number format.
    """
    known: dict[tuple[type, Any], str] = {}
    write = _label if name in _COUNTED else _written
    found = []
    for cell in cells:
        if not isinstance(cell, (str, int, float)):
            return None
        label = known.get((type(cell), cell))
        if label is None:
            label = known[type(cell), cell] = sys.intern(write(cell))
        found.append(label)
    if name in _FORMATS and not all(map(_is_format, set(known.values()))):
        return None
    return found


def _is_format(label: str) -> bool:
    return find_precision(label) is not None or number_in_text(label) is None


def _written(cell: Any) -> str:
    return str(cell).lower() if isinstance(cell, bool) else str(cell)


def _label(cell: Any) -> str:
    """A number of a fold or a seed: 3, 3.0 and "3" are the same."""
    parsed = None if isinstance(cell, int) else _number(cell)
    if parsed is None or parsed[1] or not parsed[0].is_integer() or abs(parsed[0]) >= 2**53:
        return _written(cell)
    return str(int(parsed[0]))


def text_column(rows: IntArray, texts: Sequence[str]) -> Column:
    """A column of text."""
    cells = np.empty(len(texts), object)
    cells[:] = texts
    return Column(rows, cells)
