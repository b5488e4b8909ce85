"""A grid of runs as a table: columns with their headings, cells, and the best of them. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cetrack.metrics import canonical_name
from cetrack.report.table import Cell, Column, Spread, Table, arrange
from cetrack.selecting import MetricFacts
from cetrack.table_request import Best, Order, Show, TableRequest
from cetrack.tables.baselines import Compared, Numbers, change
from cetrack.tables.choosing import Selection
from cetrack.tables.grid import Grid, Key, central, in_order, together
from cetrack.tables.headings import Cells, Measure, field_column, measure_columns


def laid_out(
    request: TableRequest, selection: Selection, grid: Grid, compared: Compared | None
) -> tuple[Table, Numbers]:
    """The table without notes, and the number behind every place.

    Its rows are in the usual order unless the request sorts them. Raises UsageError for a column
    to sort by that is not there.
    """
    numbers = _numbers(selection, grid)
    baseline = selection.baseline
    rows = in_order(grid.row_keys(), grid.row_fields, selection.runs, baseline)
    keys = in_order(grid.column_keys(), grid.column_fields, selection.runs, baseline)
    changes = _changes(request, numbers, compared)
    shown = list(_measures(request, selection, keys, numbers, changes))
    cells = {measure: [_cell(measure, row, numbers, changes) for row in rows] for measure in shown}
    columns = _columns(request, selection, grid, rows, cells)
    filled = tuple((*row, *(cells[measure][i] for measure in shown)) for i, row in enumerate(rows))
    table = Table(columns=columns, rows=filled)
    measures: list[Measure | None] = [*(None for _ in grid.row_fields), *shown]
    keys_to_sort_by = [_sort_key(key, table, measures) for key in request.sort]
    table = replace(arrange(table, sort=keys_to_sort_by), total=None)
    return replace(table, best=_best(table, measures, request.best)), numbers


def _columns(
    request: TableRequest, selection: Selection, grid: Grid, rows: Sequence[Key], cells: Cells
) -> tuple[Column, ...]:
    fields = [
        field_column(name, [row[index] for row in rows])
        for index, name in enumerate(grid.row_fields)
    ]
    measures = measure_columns(
        cells,
        grid.column_fields,
        order=request.order,
        digits=selection.digits,
        taken=grid.row_fields,
    )
    return (*fields, *measures)


def _sort_key(key: str, table: Table, measures: Sequence[Measure | None]) -> str:
    """The column that a sort key means: the name of a metric stands for its first one."""
    sign, name = ("-", key[1:]) if key.startswith("-") else ("", key)
    if name in table.names:
        return key
    named = (canonical_name(name), name)
    for column, measure in zip(table.columns, measures, strict=True):
        if measure is not None and measure.metric.name in named:
            return f"{sign}{column.name}"
    return key


def _numbers(selection: Selection, grid: Grid) -> Numbers:
    """What the runs of every place say together; of a metric that no repetition changes, such as
    a size, without a spread."""
    found = {
        place: together([selection.values[run["run_id"], place[2]] for run in runs])
        for place, runs in grid.runs.items()
    }
    varying = {place[2] for place, cell in found.items() if isinstance(cell, Spread) and cell.std}
    return {place: cell if place[2] in varying else central(cell) for place, cell in found.items()}


# --- which columns -----------------------------------------------------------------------------

Changes = Mapping[tuple[Show, Key, Key, str], float]


def _changes(request: TableRequest, numbers: Numbers, compared: Compared | None) -> Changes:
    """Every difference to a baseline that can be told."""
    if compared is None:
        return {}
    shows = [show for show in shows_of(request) if show is not Show.VALUE]
    told = (
        ((show, *place), change(show, numbers[place], numbers[baseline]))
        for place, baseline in compared.baselines.items()
        for show in shows
    )
    return {place: found for place, found in told if found is not None}


def shows_of(request: TableRequest) -> tuple[Show, ...]:
    """What is shown of each metric: with a baseline also the change, unless told otherwise."""
    if request.show:
        return request.show
    return (Show.VALUE, Show.DELTA_PCT) if request.baseline else (Show.VALUE,)


def _measures(
    request: TableRequest,
    selection: Selection,
    keys: Sequence[Key],
    numbers: Numbers,
    changes: Changes,
) -> Iterator[Measure]:
    """The columns of numbers in their order; one that can say nothing but a value says that."""
    filled = {(metric, key) for _, key, metric in numbers}
    changed = {(show, metric, key) for show, _, key, metric in changes}
    by_metric = [(metric, key) for metric in selection.metrics for key in keys]
    by_column = [(metric, key) for key in keys for metric in selection.metrics]
    for metric, key in by_metric if request.order is Order.METRIC else by_column:
        if (metric.name, key) not in filled and _has_any(metric, filled):
            continue
        told = [
            show
            for show in shows_of(request)
            if show is Show.VALUE or (show, metric.name, key) in changed
        ]
        yield from (Measure(metric, key, show) for show in told or [Show.VALUE])


def _has_any(metric: MetricFacts, filled: Iterable[tuple[str, Key]]) -> bool:
    return any(name == metric.name for name, _ in filled)


def _cell(measure: Measure, row: Key, numbers: Numbers, changes: Changes) -> Cell:
    name = measure.metric.name
    if measure.show is Show.VALUE:
        return numbers.get((row, measure.key, name))
    return changes.get((measure.show, row, measure.key, name))


# --- the best ----------------------------------------------------------------------------------


def _best(
    table: Table, measures: Sequence[Measure | None], best: Best
) -> frozenset[tuple[int, int]]:
    """The cells that are the best of at least two that say the same of the same metric."""
    if best is Best.NONE:
        return frozenset()
    rivals: dict[Any, list[tuple[int, int]]] = defaultdict(list)
    for row, cells in enumerate(table.rows):
        for column, (measure, cell) in enumerate(zip(measures, cells, strict=True)):
            if measure is None or measure.metric.direction is None or cell is None:
                continue
            here = column if best is Best.COLUMN else (row, measure.metric.name, measure.show)
            rivals[here, measure.metric.direction].append((row, column))
    winners = (_winners(table, places, way) for (_, way), places in rivals.items())
    return frozenset(place for places in winners for place in places)


def _winners(
    table: Table, places: Sequence[tuple[int, int]], direction: str
) -> list[tuple[int, int]]:
    """All that share the best value; none where there is none that they are better than."""
    values = {place: _number(table.rows[place[0]][place[1]]) for place in places}
    known = {value for value in values.values() if not math.isnan(value)}
    if len(known) < 2:
        return []
    winner = min(known) if direction == "lower" else max(known)
    return [place for place, value in values.items() if value == winner]


def _number(cell: Cell) -> float:
    assert isinstance(cell, int | float | Spread), "not a number"
    return central(cell)
