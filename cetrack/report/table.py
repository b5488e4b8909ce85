"""A table before anything is formatted: typed columns, cells as Python values.

Knows nothing of widths, digits, escaping or output formats.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from cetrack.errors import UsageError


@dataclass(frozen=True, slots=True)
class Spread:
    """A mean with the standard deviation (n-1) over ``n`` repetitions: ``0.912 ± 0.003``."""

    mean: float
    std: float | None = None
    n: int | None = None


Scalar = str | int | float | bool | datetime | None
Cell = Scalar | Spread
Row = tuple[Cell, ...]


ARROWS = {"lower": "↓", "higher": "↑"}


class Kind(StrEnum):
    """What a column holds, which decides its alignment and how a cell is shortened for people."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    UID = "uid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """``name`` is the key in machine formats; ``unit`` is shown unless the name says it already.

    The numbers of a column that is ``alike`` measure the same thing and share decimal places.
    A terminal too narrow for the whole table leaves out the columns of the highest ``rank``; those
    of rank 0 always stay. Text in it may be folded down to ``fold_at`` characters. People read
    ``title`` above the column (else its name), under the heading ``group`` that neighbours share,
    an arrow for the ``direction`` that is better (``lower`` or ``higher``), and numbers with
    ``places`` decimals; machine formats know nothing of these.
    """

    name: str
    kind: Kind = Kind.TEXT
    unit: str | None = None
    rank: int = 0
    alike: bool = True
    fold_at: int = 18
    title: str | None = None
    group: str | None = None
    direction: str | None = None
    places: int | None = None

    @property
    def heading(self) -> str:
        """What people read above the column, below its group."""
        return " ".join((self.title or self.name, *self.signs))

    @property
    def signs(self) -> tuple[str, ...]:
        """The unit and the arrow, unless the group ends in them."""
        unit = f"({self.unit})" if self.unit else ""
        said = tuple(filter(None, (unit, ARROWS.get(self.direction or "", ""))))
        return () if self.group and self.group.endswith(" ".join(said)) else said

    @property
    def header(self) -> str:
        """What people read above the column where all is in one line."""
        return f"{self.group} {self.heading}" if self.group else self.heading

    @property
    def is_numeric(self) -> bool:
        """True for columns that are aligned at the right."""
        return self.kind is Kind.NUMBER


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of cells under columns; ``total`` counts the rows that there are without a limit.

    ``best`` are the cells, by row and column, that are bold where there is bold; ``notes`` are
    sentences below the table; ``provenance`` are lines that say where the numbers come from, for
    a comment in formats that have one. ``caption`` is the title above the table, ``missing`` what
    people see in a cell without a value. Machine formats have none of these but provenance.
    """

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    total: int | None = None
    best: frozenset[tuple[int, int]] = frozenset()
    notes: tuple[str, ...] = ()
    provenance: tuple[str, ...] = ()
    caption: str = ""
    missing: str | None = None

    def __post_init__(self) -> None:
        """Every row has a cell for every column."""
        assert all(len(row) == len(self.columns) for row in self.rows), "ragged table"

    def cells(self, index: int) -> list[Cell]:
        """The cells of one column."""
        return [row[index] for row in self.rows]

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [column.name for column in self.columns]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A titled table of a longer answer. ``is_mapping``: two columns, a name and its value.

    ``key`` names it in JSON; a mapping without one gives its names to the whole.
    """

    key: str
    title: str
    table: Table
    is_mapping: bool = False


def first_table(sections: Sequence[Section], format: str) -> Table:
    """The first section that is a list, for a format that holds one table."""
    for section in sections:
        if not section.is_mapping:
            return section.table
    raise UsageError(f"there is no table for {format} in this answer", hint="use --format json")


def with_columns(table: Table, indices: Sequence[int]) -> Table:
    """The same rows with only these columns, in this order."""
    moved = {old: new for new, old in enumerate(indices)}
    return replace(
        table,
        columns=tuple(table.columns[index] for index in indices),
        rows=tuple(tuple(row[index] for index in indices) for row in table.rows),
        best=frozenset((row, moved[column]) for row, column in table.best if column in moved),
    )


def without_blank_columns(table: Table) -> Table:
    """The columns that any row has something in; all of them when there are no rows."""
    filled = [
        index
        for index in range(len(table.columns))
        if not table.rows or any(cell is not None for cell in table.cells(index))
    ]
    return with_columns(table, filled)


def arrange(
    table: Table, *, sort: Sequence[str] = (), columns: Sequence[str] = (), limit: int | None = None
) -> Table:
    """Sort by column names (``-name``: descending, blanks last), cut, and choose columns."""
    order = list(range(len(table.rows)))
    for key in reversed(sort):  # sorts are stable: the first key is applied last
        cells = table.cells(_index(table, key.removeprefix("-")))
        known = [row for row in order if cells[row] is not None]
        known.sort(key=lambda row: _order(cells[row]), reverse=key.startswith("-"))
        order = known + [row for row in order if cells[row] is None]
    arranged = _with_rows(table, order if limit is None else order[:limit])
    if not columns:
        return arranged
    return with_columns(arranged, [_index(table, name) for name in columns])


def _with_rows(table: Table, indices: Sequence[int]) -> Table:
    """Only these rows, in this order; ``total`` still counts all."""
    moved = {old: new for new, old in enumerate(indices)}
    return replace(
        table,
        rows=tuple(table.rows[index] for index in indices),
        total=len(table.rows),
        best=frozenset((moved[row], column) for row, column in table.best if row in moved),
    )


def _order(cell: Cell) -> tuple[Any, ...]:
    if isinstance(cell, str):
        return (cell.casefold(), cell)
    return (cell.mean if isinstance(cell, Spread) else cell,)


def _index(table: Table, name: str) -> int:
    if name not in table.names:
        raise unknown_column(name, table.names)
    return table.names.index(name)


def unknown_column(name: str, known: Sequence[str]) -> UsageError:
    """The error for a column that is not there, with the nearest ones or all of a few."""
    return unknown_name("column", name, known)


def unknown_name(
    what: str, name: str, known: Sequence[str], *, all_of: str | None = None
) -> UsageError:
    """The error for a name that is not there, with the nearest ones, all of a few, or ``all_of``:
    where to look."""
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    few = f"there are: {', '.join(known)}" if 0 < len(known) <= 12 else all_of
    hint = f"did you mean {' or '.join(near)}?" if near else few
    return UsageError(f"no {what} called '{name}'", hint=hint)
