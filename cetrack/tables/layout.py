"""A grid of runs as a table: columns with their headings, cells, and the best of them. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cetrack.report.json import iso
from cetrack.report.measures import metric_label
from cetrack.report.table import Cell, Column, Kind, Spread, Table, arrange
from cetrack.selecting import MetricFacts
from cetrack.table_request import Best, Order, Show, TableRequest
from cetrack.tables.baselines import Compared, Numbers, change
from cetrack.tables.choosing import Selection
from cetrack.tables.grid import Grid, Key, central, in_order, together

SIGNS = {Show.VALUE: "", Show.DELTA: "Δ", Show.DELTA_PCT: "Δ%", Show.RATIO: "ratio"}
_TELL_THEMSELVES = frozenset({"model", "library", "category", "precision", "method", "kind"})


@dataclass(frozen=True, slots=True)
class Measure:
    """A column of numbers: what of which metric it shows, and under which values of the fields."""

    metric: MetricFacts
    key: Key
    show: Show


def laid_out(
    request: TableRequest, selection: Selection, grid: Grid, compared: Compared | None
) -> tuple[Table, Numbers]:
    """The table without notes, and the number behind every place.

    Its rows are in the usual order unless the request sorts them. Raises UsageError for a column
    to sort by that is not there.
    """
    numbers: Numbers = {
        place: together([selection.values[run["run_id"], place[2]] for run in runs])
        for place, runs in grid.runs.items()
    }
    baseline = selection.baseline
    rows = in_order(grid.row_keys(), grid.row_fields, selection.runs, baseline)
    keys = in_order(grid.column_keys(), grid.column_fields, selection.runs, baseline)
    changes = _changes(request, numbers, compared)
    shown = list(_measures(request, selection, keys, numbers, changes))
    fields = [
        _field_column(field, [row[i] for row in rows]) for i, field in enumerate(grid.row_fields)
    ]
    columns = _columns(request, selection, grid, shown, taken=grid.row_fields)
    cells = [(*row, *(_cell(measure, row, numbers, changes) for measure in shown)) for row in rows]
    table = Table(columns=(*fields, *columns), rows=tuple(cells))
    table = replace(arrange(table, sort=request.sort), total=None)
    measures: list[Measure | None] = [*(None for _ in fields), *shown]
    return replace(table, best=_best(table, measures, request.best)), numbers


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


# --- headings ----------------------------------------------------------------------------------


def _field_column(field: str, cells: Sequence[Any]) -> Column:
    known = [cell for cell in cells if cell is not None]
    if field.endswith("uid"):
        kind = Kind.UID
    elif known and all(isinstance(cell, datetime) for cell in known):
        kind = Kind.TIME
    else:
        is_number = known and all(isinstance(cell, int | float) for cell in known)
        kind = Kind.NUMBER if is_number else Kind.TEXT
    return Column(name=field, kind=kind, title=field.replace("_", " ").capitalize())


def _columns(
    request: TableRequest,
    selection: Selection,
    grid: Grid,
    shown: Sequence[Measure],
    *,
    taken: Sequence[str],
) -> list[Column]:
    parts = _titles(grid.column_fields, list(dict.fromkeys(measure.key for measure in shown)))
    several = {(m.metric.name, m.key) for m in shown if m.show is not Show.VALUE}
    found = []
    for measure in shown:
        alone = (measure.metric.name, measure.key) not in several
        column = _column(measure, parts[measure.key], request.order, alone=alone)
        places = selection.digits.get(measure.metric.name)
        found.append(replace(column, places=places if measure.show is Show.VALUE else None))
    names = _distinct([column.name for column in found], taken)
    return [replace(column, name=name) for column, name in zip(found, names, strict=True)]


def _column(measure: Measure, parts: Sequence[str], order: Order, *, alone: bool) -> Column:
    metric, show = measure.metric, measure.show
    label, unit = metric_label(metric.name, metric.unit)
    heading, sign = " ".join(parts), SIGNS[show]
    group, title = (label, heading) if order is Order.METRIC else (heading, label)
    if not heading:
        group, title = ("", label) if alone else (label, sign or "value")
    elif sign:
        title = f"{title} {sign}"
    return Column(
        name=".".join([metric.name, *parts, *([] if show is Show.VALUE else [show.value])]),
        kind=Kind.NUMBER,
        unit=unit if show in (Show.VALUE, Show.DELTA) else None,
        title=title,
        group=group or None,
        direction=metric.direction,
    )


def _titles(fields: Sequence[str], keys: Sequence[Key]) -> dict[Key, tuple[str, ...]]:
    """What tells each key of the columns from the others."""
    short = {key: _parts(fields, key) for key in keys}
    shared = Counter(short.values())
    return {
        key: parts if shared[parts] == 1 else _parts(fields, key, all_named=True)
        for key, parts in short.items()
    }


def _parts(fields: Sequence[str], key: Key, *, all_named: bool = False) -> tuple[str, ...]:
    known = [(field, value) for field, value in zip(fields, key, strict=True) if value is not None]
    if not known:
        return tuple(f"no {field}" for field in fields)
    return tuple(
        str(_text(value))
        if field in _TELL_THEMSELVES and not all_named
        else f"{field}={_text(value)}"
        for field, value in known
    )


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return iso(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _distinct(names: Sequence[str], taken: Sequence[str]) -> list[str]:
    """The names, those that are taken numbered."""
    found = list(taken)
    for name in names:
        number, candidate = 1, name
        while candidate in found:
            number += 1
            candidate = f"{name}_{number}"
        found.append(candidate)
    return found[len(taken) :]


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
    """All that share the best value; none where there is nothing to be better than."""
    values = {place: _number(table.rows[place[0]][place[1]]) for place in places}
    known = [value for value in values.values() if value == value]
    if len(known) < 2:
        return []
    winner = min(known) if direction == "lower" else max(known)
    return [place for place, value in values.items() if value == winner]


def _number(cell: Cell) -> float:
    assert isinstance(cell, int | float | Spread), "not a number"
    return central(cell)
