"""Gathering the columns of a table block by block, with memory that does not grow with it.

What a column holds is decided from its first block. Where a later one says otherwise, the file is
read again with that column taken as something else: rare, and never wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np

from cetrack.domain import IntArray, Notice
from cetrack.errors import ReadError
from cetrack.readers.columns import (
    Cells,
    Numbers,
    OtherwiseError,
    Settled,
    labels,
    moments,
    settled,
    text_column,
)
from cetrack.readers.rows import GROUP_NAMES, TIME_NAMES, Rows
from cetrack.readers.spool import Spool

HELD_BYTES = 32 * 2**20


class _Collector(Protocol):
    rows: list[IntArray | range]

    def take(self, rows: IntArray, cells: Cells) -> int:
        """Add cells, an array only where they are numbers; returns how many bytes that holds.

        Raises OtherwiseError.
        """

    def flush(self, spool: Spool) -> None:
        """Put on disk what can be."""

    def settled(self, rows: IntArray) -> Settled:
        """The column and what was wrong with it. Raises OtherwiseError."""


class _Moments(Numbers):
    """A column of moments as seconds since the epoch."""

    def take(self, rows: IntArray, cells: Cells) -> int:
        seconds = moments(cells)
        if seconds is None:
            raise OtherwiseError
        return super().take(rows, seconds)


class _Whole:
    """Cells as they are, for a decision about all of them."""

    def __init__(self) -> None:
        self.rows: list[IntArray | range] = []
        self.cells: list[Any] = []
        self._same: dict[str, str] = {}

    def take(self, rows: IntArray, cells: Cells) -> int:
        same = self._same
        self.cells += [same.setdefault(x, x) if isinstance(x, str) else x for x in cells]
        self.rows.append(rows)
        return 0

    def flush(self, spool: Spool) -> None:
        """Nothing: texts stay in memory."""

    def settled(self, rows: IntArray) -> Settled:
        return settled(rows, self.cells)


class _Labels(_Whole):
    """Labels of a column that tells runs apart."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def take(self, rows: IntArray, cells: Cells) -> int:
        found = labels(cells, self._name)
        if found is None:
            raise OtherwiseError
        return super().take(rows, found)

    def settled(self, rows: IntArray) -> Settled:
        return text_column(rows, self.cells), None


class Gather:
    """The columns of one table while it is read.

    ``passed`` counts what a column was taken for in vain; ``held`` is how many bytes of numbers
    are kept in memory before they go to disk.
    """

    def __init__(self, passed: Counter[str], held: int = HELD_BYTES) -> None:
        self.notices: list[Notice] = []
        self._passed = passed
        self._limit = held
        self._held = 0
        self._lines: list[IntArray | range] = []
        self._rows, self._span = np.empty(0, np.int64), range(0)  # of the block
        self._count = 0
        self._columns: dict[str, _Collector] = {}
        self._first: dict[str, int] = {}
        self._spool: Spool | None = None

    def begin(self, lines: IntArray) -> IntArray:
        """Begin a block whose rows stand at ``lines`` of the file: their numbers, int64[n]."""
        start, self._count = self._count, self._count + len(lines)
        self._span = range(start, self._count)
        self._rows = np.arange(start, self._count, dtype=np.int64)
        self._lines.append(_compact(lines))
        return self._rows

    def takes_numbers(self, names: Sequence[str]) -> bool:
        """True when each of the columns is known as one of numbers: their text does not matter."""
        return all(type(self._columns.get(name)) is Numbers for name in names)

    def take(self, name: str, rows: IntArray, cells: Cells) -> None:
        """Add the cells of a column that are not empty, at their rows of the block.

        Raises OtherwiseError.
        """
        while len(rows):
            known = self._columns.get(name)
            collector = known or _kinds(name)[self._passed[name]]()
            try:
                self._held += collector.take(rows, cells)
            except OtherwiseError:
                self._passed[name] += 1
                if known is not None:
                    raise
                continue
            if collector.rows[-1] is self._rows:  # all of them: no array needed to say so
                collector.rows[-1] = self._span
            if known is None:
                self._columns[name] = collector
                self._first[name] = int(rows[0])
            break
        if self._held > self._limit:
            self._flush()

    def _flush(self) -> None:
        self._spool = self._spool or Spool()
        for collector in self._columns.values():
            collector.flush(self._spool)
        self._held = 0

    def table(self, names: Sequence[str] | None = None) -> Rows:
        """All rows; the columns in the order of ``names``, else in that of their first cells.

        Raises OtherwiseError.
        """
        if self._spool is not None:
            self._flush()
        self._join()
        table = Rows(_joined(self._lines), notices=self.notices)
        order = sorted(self._columns, key=self._first.__getitem__) if names is None else names
        otherwise = []
        for name in order:
            collector = self._columns.get(name)
            if collector is None:
                continue
            try:
                settled = collector.settled(_joined(collector.rows))
                _add(table, name, settled, moment=type(collector) is _Moments)
            except OtherwiseError:
                self._passed[name] += 1
                otherwise.append(name)
        if otherwise:
            raise OtherwiseError
        return table

    def _join(self) -> None:
        """Make one array of the parts of every column's rows, shared where the parts are."""
        self._lines[:] = [_joined(self._lines)]
        alike: dict[tuple[int, ...], list[_Collector]] = {}
        for collector in self._columns.values():
            alike.setdefault(tuple(map(id, collector.rows)), []).append(collector)
        for collectors in alike.values():
            rows = _joined(collectors[0].rows)
            for collector in collectors:
                collector.rows[:] = [rows]


def gathered(
    uri: str, fill: Callable[[Gather], Sequence[str] | None], held: int = HELD_BYTES
) -> Rows:
    """The table that ``fill`` reads, again where a column was not what it seemed to be.

    ``fill`` returns the order of the columns, None for that of their first cells. Raises ReadError.
    """
    passed: Counter[str] = Counter()
    while True:
        gather = Gather(passed, held)
        try:
            return gather.table(fill(gather))
        except OtherwiseError:
            continue
        except OSError as error:
            problem = f"no room for its columns on disk: {error.strerror or error}"
            raise ReadError(uri, problem, hint="set TMPDIR to a folder with more of it") from error


def _kinds(name: str) -> Sequence[Callable[[], _Collector]]:
    """What a column of that name is tried as, one after the other."""
    lowered = name.lower()
    if lowered in TIME_NAMES:
        return _Moments, Numbers, _Whole
    if lowered in GROUP_NAMES:
        return partial(_Labels, lowered), Numbers, _Whole
    return Numbers, _Whole


def _compact(lines: IntArray) -> IntArray | range:
    """Rising numbers; as a range where none is left out."""
    if len(lines) and lines[-1] - lines[0] == len(lines) - 1:
        return range(int(lines[0]), int(lines[-1]) + 1)
    return lines


def _joined(parts: Sequence[IntArray | range]) -> IntArray:
    """The parts, one after the other."""
    whole: list[IntArray | range] = []
    for part in parts:
        last = whole[-1] if whole else None
        if isinstance(part, range) and isinstance(last, range) and last.stop == part.start:
            whole[-1] = range(last.start, part.stop)
        else:
            whole.append(part)
    arrays = [
        np.arange(part.start, part.stop, dtype=np.int64) if isinstance(part, range) else part
        for part in whole
    ]
    return arrays[0] if len(arrays) == 1 else np.concatenate([np.empty(0, np.int64), *arrays])


def _add(table: Rows, name: str, settled: Settled, *, moment: bool) -> None:
    column, problem = settled
    if column is not None:
        (table.walls if moment else table.columns)[name] = column
    if problem is not None:
        place = f"row {table.lines[problem.row]}"
        table.notices.append(Notice(place, f"'{name}': {problem.text}"))
