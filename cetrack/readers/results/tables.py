"""Tables of results as rows: of CSV, with measurements in long form or repeated.

A table may have a row per run, one per measurement (a column with the metric's name beside one with
the value), or one per repetition; all become a row per run.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from cetrack.domain import Notice
from cetrack.readers.csv_text import csv_rows
from cetrack.readers.numbers import is_number, whole_number
from cetrack.readers.results.labels import is_measure, is_setting, slug
from cetrack.readers.rows import Rows
from cetrack.readers.source import Source

_METRIC_NAMES = frozenset({"measure", "measurement", "metric", "metric_name"})
_VALUE_NAMES = frozenset({"metric_value", "result", "score", "value"})
_REPETITIONS = frozenset(
    {
        "frame", "i", "idx", "index", "inference", "iter", "iteration", "query", "rep", "repeat",
        "repetition", "run", "run_id", "run_index", "sample", "sample_id", "trial",
    }
)  # fmt: skip


@dataclass
class ResultTable:
    """Rows of cells by heading, and where each stands in the file."""

    rows: list[dict[str, Any]]
    places: list[str]
    notices: list[Notice] = field(default_factory=list)


def table_cells(source: Source) -> ResultTable:
    """The rows of a CSV file as they are. Raises ReadError."""
    rows = csv_rows(source)
    lines = rows.lines.tolist()
    return ResultTable(_cells(rows), [f"row {line}" for line in lines], list(rows.notices))


def result_table(source: Source) -> ResultTable:
    """The runs of a CSV file, each a row. Raises ReadError."""
    return _without_repetitions(_from_long_form(table_cells(source)))


def _cells(rows: Rows) -> list[dict[str, Any]]:
    """Every row as an object of the cells that hold something."""
    found: list[dict[str, Any]] = [{} for _ in range(rows.count)]
    for name, column in rows.columns.items():
        for row, cell in zip(column.rows.tolist(), column.cells.tolist(), strict=True):
            value = _whole(cell) if isinstance(cell, float) else cell
            found[row][name] = value if column.unit is None else _with_unit(value, column.unit)
    for name, column in rows.walls.items():
        for row, seconds in zip(column.rows.tolist(), column.cells.tolist(), strict=True):
            found[row][name] = datetime.fromtimestamp(seconds, UTC).isoformat()
    return found


def _whole(cell: float) -> float | int:
    whole = whole_number(cell)
    return cell if whole is None or abs(whole) > 2**53 else whole


def _with_unit(value: Any, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit}


# --- long form -------------------------------------------------------------------------------


def _from_long_form(table: ResultTable) -> ResultTable:
    """A table with a row per measurement, as one with a row per run."""
    names = dict.fromkeys(name for row in table.rows for name in row)
    metric = next((name for name in names if slug(name) in _METRIC_NAMES), None)
    value = next((name for name in names if slug(name) in _VALUE_NAMES), None)
    unit = next((name for name in names if slug(name) in ("unit", "units")), None)
    named = [row.get(metric) for row in table.rows] if metric else []
    if metric is None or value is None or not all(isinstance(name, str) for name in named):
        return table
    runs: dict[tuple[Any, ...], dict[str, Any]] = {}
    places: dict[tuple[Any, ...], str] = {}
    for row, place in zip(table.rows, table.places, strict=True):
        rest = {name: cell for name, cell in row.items() if name not in (metric, value, unit)}
        key = tuple((name, repr(cell)) for name, cell in rest.items())
        run = runs.setdefault(key, rest)
        places.setdefault(key, place)
        if row[metric] in run:
            table.notices.append(Notice(place, f"second '{row[metric]}' of a run: left out"))
        elif value in row:
            stated = row.get(unit) if unit else None
            cell = row[value]
            run[row[metric]] = cell if stated is None else _with_unit(cell, str(stated))
    return ResultTable(list(runs.values()), list(places.values()), table.notices)


# --- repetitions -----------------------------------------------------------------------------


def _without_repetitions(table: ResultTable) -> ResultTable:
    """A table with a row per repetition, as one of their means, with the spread and the values."""
    names = list(dict.fromkeys(name for row in table.rows for name in row))
    counter = next((name for name in names if slug(name) in _REPETITIONS), None)
    if counter is None or any(not is_number(row.get(counter)) for row in table.rows):
        return table
    measured = [name for name in names if is_measure(name) and _is_numeric(table.rows, name)]
    groups: dict[tuple[Any, ...], list[int]] = {}
    for index, row in enumerate(table.rows):
        rest = [(n, repr(c)) for n, c in row.items() if n != counter and n not in measured]
        groups.setdefault(tuple(rest), []).append(index)
    if not measured or len(groups) * 2 > len(table.rows):
        return table
    notices = list(table.notices)
    rows = []
    for members in groups.values():
        rows.append(_mean_row([table.rows[index] for index in members], counter, measured))
        text = f"{len(members)} repetitions by '{counter}': their mean, spread and values are kept"
        notices.append(Notice(table.places[members[0]], text))
    places = [table.places[members[0]] for members in groups.values()]
    return ResultTable(rows, places, notices)


def _is_numeric(rows: Iterable[Mapping[str, Any]], name: str) -> bool:
    return not is_setting(name) and all(is_number(row.get(name, 0)) for row in rows)


def _mean_row(
    members: Sequence[Mapping[str, Any]], counter: str, measured: Sequence[str]
) -> dict[str, Any]:
    merged = {name: cell for name, cell in members[0].items() if name != counter}
    for name in measured:
        values = [float(row[name]) for row in members if name in row]
        if values:
            merged[name] = {**_spread([v for v in values if math.isfinite(v)]), "values": values}
    return merged


def _spread(finite: Sequence[float]) -> dict[str, float]:
    """The mean of the repetitions and their spread; those that are no number do not count."""
    if not finite:
        return {"mean": math.nan, "n": 0}
    with np.errstate(over="ignore"):
        std = float(np.std(finite, ddof=1)) if len(finite) > 1 else 0.0
        mean = float(np.mean(finite))
    return {"mean": mean, "std": std, "min": min(finite), "max": max(finite), "n": len(finite)}
