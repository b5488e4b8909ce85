"""A table for programs: every cell is a scalar, a spread is three columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeGuard

from cetrack.report.table import Cell, Column, Row, Scalar, Spread, Table

Values = tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Flat:
    """Rows of scalars under columns."""

    columns: tuple[Column, ...]
    rows: tuple[Values, ...]

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [column.name for column in self.columns]


def flat(table: Table) -> Flat:
    """A column ``x`` in which any cell is a Spread becomes ``x``, ``x_std`` and ``x_n``.

    A number without a spread leaves the other two empty. Where such a name is taken by another
    column it is numbered, ``x_std_2``, and so is a name that the table has twice: no name hides
    another.
    """
    taken: set[str] = set()
    columns = tuple(replace(column, name=_free(column.name, taken)) for column in table.columns)
    if _is_plain(table.rows):
        return Flat(columns, table.rows)
    parts = [
        part
        for index, column in enumerate(columns)
        for part in _parts(column, table.cells(index), taken)
    ]
    rows = zip(*(values for _, values in parts), strict=True)
    return Flat(tuple(column for column, _ in parts), tuple(rows))


def _is_plain(rows: tuple[Row, ...]) -> TypeGuard[tuple[Values, ...]]:
    return not any(isinstance(cell, Spread) for row in rows for cell in row)


def _parts(
    column: Column, cells: Sequence[Cell], taken: set[str]
) -> Iterator[tuple[Column, Values]]:
    plain = tuple(cell for cell in cells if not isinstance(cell, Spread))
    if len(plain) == len(cells):
        yield column, plain
        return
    spreads = [cell if isinstance(cell, Spread) else None for cell in cells]
    yield column, tuple(cell.mean if isinstance(cell, Spread) else cell for cell in cells)
    std = replace(column, name=_free(f"{column.name}_std", taken), direction=None)
    yield std, tuple(spread.std if spread else None for spread in spreads)
    n = replace(column, name=_free(f"{column.name}_n", taken), direction=None, unit=None)
    yield n, tuple(spread.n if spread else None for spread in spreads)


def _free(name: str, taken: set[str]) -> str:
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        candidate = f"{name}_{number}"
    taken.add(candidate)
    return candidate
