"""Which runs meet in one cell of a table, and what they say together.

A cell is one series: several seeds of it are repetitions, two devices are not. Pure; runs are
rows of the ``runs`` view.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cetrack.errors import UsageError
from cetrack.identity import SERIES_FIELDS
from cetrack.report.table import Spread
from cetrack.selecting import Value
from cetrack.store import RunRow
from cetrack.tables.choosing import Selection

Key = tuple[Any, ...]  # a value per field
Place = tuple[Key, Key, str]  # of the row, of the column, metric

_FOR_COLUMNS = ("method", "kind", "variant")
# what makes cells of one series each where nobody has said how, in this order
_TELLING = ("method", "kind", *(f for f in SERIES_FIELDS if f not in _FOR_COLUMNS), "variant")
_SHOWN = 4  # so many values of a field are named


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Every filled cell with its runs, by start; ``mixed`` are the fields that differ in cells of
    several series."""

    row_fields: tuple[str, ...]
    column_fields: tuple[str, ...]
    runs: Mapping[Place, tuple[RunRow, ...]]
    mixed: tuple[str, ...] = ()

    @property
    def fields(self) -> tuple[str, ...]:
        """Of rows and columns."""
        return self.row_fields + self.column_fields

    def row_keys(self) -> list[Key]:
        """Each once, as they come."""
        return list(dict.fromkeys(row for row, _, _ in self.runs))

    def column_keys(self) -> list[Key]:
        """Each once, as they come."""
        return list(dict.fromkeys(column for _, column, _ in self.runs))


def grid_of(selection: Selection, *, allow_mixed: bool = False) -> Grid:
    """The cells of a selection.

    Where rows or columns were left open they are the models and the precisions, and further fields
    where a cell would else hold several series. Raises UsageError with the fields that differ where
    it still does, unless ``allow_mixed``.
    """
    rows = selection.row_fields or _usual("model", "precision", without=selection.column_fields)
    columns = selection.column_fields or _usual("precision", without=rows)
    while True:
        grid = _filled(selection, rows, columns)
        mixed = _mixed_cells(grid)
        differing = [field for field in _TELLING if any(_differ(c, field) for c in mixed.values())]
        if not mixed:
            return grid
        if allow_mixed:
            return replace(grid, mixed=tuple(differing) or ("series_key",))
        addable = _addable(selection, differing)
        if addable is None:
            raise _mixed_error(mixed)
        if addable in _FOR_COLUMNS and not selection.column_fields:
            columns += (addable,)
        else:
            rows += (addable,)


def _usual(*fields: str, without: Sequence[str]) -> tuple[str, ...]:
    """The first of the fields that is not taken."""
    return tuple(field for field in fields if field not in without)[:1]


def _addable(selection: Selection, differing: Sequence[str]) -> str | None:
    """The first field that may be added to rows or columns that were left open."""
    for field in differing:
        is_open = not (selection.column_fields if field in _FOR_COLUMNS else selection.row_fields)
        if is_open:
            return field
    return None


def _filled(selection: Selection, rows: Sequence[str], columns: Sequence[str]) -> Grid:
    runs: dict[Place, list[RunRow]] = defaultdict(list)
    for run in selection.runs:
        row, column = _key(run, rows), _key(run, columns)
        for metric in selection.metrics:
            if (run["run_id"], metric.name) in selection.values:
                runs[row, column, metric.name].append(run)
    return Grid(
        row_fields=tuple(rows),
        column_fields=tuple(columns),
        runs={place: tuple(found) for place, found in runs.items()},
    )


def _key(run: RunRow, fields: Sequence[str]) -> Key:
    return tuple(run[field] for field in fields)


def _mixed_cells(grid: Grid) -> dict[Place, tuple[RunRow, ...]]:
    return {
        place: runs
        for place, runs in grid.runs.items()
        if any(run["series_key"] != runs[0]["series_key"] for run in runs)
    }


def _differ(runs: Iterable[RunRow], field: str) -> bool:
    return len({run[field] for run in runs}) > 1


def _mixed_error(mixed: Mapping[Place, tuple[RunRow, ...]]) -> UsageError:
    (row, column, metric), runs = next(iter(mixed.items()))
    fields = [field for field in _TELLING if _differ(runs, field)] or ["series_key"]
    where = " ".join(str(value) for value in (*row, *column) if value is not None)
    differences = "; ".join(f"{field}: {_some({run[field] for run in runs})}" for field in fields)
    names = ",".join(fields)
    return UsageError(
        f"{metric} of {where or 'all runs'} would be a mean over several series ({differences})",
        hint=f"add {names} to --rows or --columns, filter by one, or insist with --allow-mixed",
    )


def _some(values: Iterable[Any]) -> str:
    texts = sorted("unknown" if value is None else str(value) for value in values)
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return f"{', '.join(texts[:_SHOWN])}{more}"


# --- what runs say together --------------------------------------------------------------------


def together(values: Sequence[Value]) -> float | Spread:
    """One value as it is, with the spread of its own repetitions where there is one; of several
    their mean and standard deviation (n-1)."""
    if len(values) == 1:
        only = values[0]
        return only.value if only.std is None else Spread(only.value, only.std, only.n)
    numbers = np.array([value.value for value in values], np.float64)
    with np.errstate(invalid="ignore"):  # infinities have no spread
        mean, std = float(np.mean(numbers)), float(np.std(numbers, ddof=1))
    return Spread(mean, std if np.isfinite(std) else None, len(values))


def central(cell: float | Spread) -> float:
    """The number to compare by."""
    return cell.mean if isinstance(cell, Spread) else cell


# --- order -------------------------------------------------------------------------------------


def in_order(
    keys: Iterable[Key], fields: Sequence[str], runs: Iterable[RunRow], baseline: str
) -> list[Key]:
    """Keys as people expect them: the baseline and then more bits first, what is plain before what
    is qualified, text by the alphabet, numbers by size."""
    bits = {run["precision"]: run["weight_bits"] or 0.0 for run in runs}

    def rank(field: str, value: Any) -> tuple[Any, ...]:
        if value is None:
            return (0,)
        if field == "precision":
            return (1, value != baseline, -bits.get(value, 0.0), value)
        return (1, value.casefold(), value) if isinstance(value, str) else (1, value)

    def ranks(key: Key) -> Iterator[tuple[Any, ...]]:
        return (rank(field, value) for field, value in zip(fields, key, strict=True))

    return sorted(keys, key=lambda key: tuple(ranks(key)))
