"""What belongs to runs → the database: aggregates, points, parameters, tags, samples, artifacts.

Speaks SQL; opens no transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection

from cetrack.aggregates import Aggregates, aggregate, aggregate_one, of_number
from cetrack.db.engine import dialect_of
from cetrack.db.rows import bound
from cetrack.domain import MetricSeries, NormalRun
from cetrack.interning import Interner
from cetrack.models import (
    Artifact,
    Base,
    Param,
    RunMetric,
    Sample,
    Tag,
)
from cetrack.plain import Layout, PlainMetrics
from cetrack.series import first_points, single_points, write_points

RunRow = Mapping[str, Any]


def insert_rows(
    connection: Connection, table: type[Base], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert rows, all with the same columns, that do not exist yet."""
    if rows:
        names = list(rows[0])
        values = bound(connection, table.__table__, names, [tuple(row.values()) for row in rows])
        dialect_of(connection).insert_rows(connection, table.__table__, names, values)


def insert_belongings(
    connection: Connection, interner: Interner, runs: Sequence[tuple[int, NormalRun]]
) -> None:
    """Store what belongs to runs that have nothing yet."""
    metric_id = interner.metric
    plain: list[tuple[int, PlainMetrics]] = []
    keyed: list[tuple[int, int, MetricSeries]] = []
    for run_id, run in runs:
        if isinstance(run.series, PlainMetrics):
            plain.append((run_id, run.series))
        else:
            keyed += [(run_id, metric_id(item.metric), item) for item in run.series]
    _insert_plain(connection, interner, plain)
    keyed.sort(key=lambda series: series[:2])
    single = [series for series in keyed if len(series[2].steps) == 1]
    long = [series for series in keyed if len(series[2].steps) != 1]
    _insert_series(connection, single, long)
    for table, rows in belongings(interner, runs).items():
        insert_rows(connection, table, rows)


def _insert_series(
    connection: Connection,
    single: Sequence[tuple[int, int, MetricSeries]],
    long: Sequence[tuple[int, int, MetricSeries]],
) -> None:
    """Store new series, those of a single point apart: they are most, and need no arrays each."""
    dialect = dialect_of(connection)
    rows = _aggregate_rows(long)
    if single:
        points = single_points(single)
        rows += _single_rows(single, points.step.tolist(), points.value.tolist())
    dialect.insert_rows(connection, RunMetric.__table__, _AGGREGATES, rows)
    if single:
        dialect.write_points(connection, points, new=True)
    write_points(connection, long, new=True)


def _insert_plain(
    connection: Connection, interner: Interner, runs: Sequence[tuple[int, PlainMetrics]]
) -> None:
    """Store the numbers of plain runs: a row of aggregates and a point at step 0 for each."""
    if not runs:
        return
    about: dict[Layout, list[tuple[int, int, tuple[Any, ...]]]] = {}
    rows: list[tuple[Any, ...]] = []
    metric_ids: list[int] = []
    values: list[float] = []
    for run_id, series in runs:
        layout = series.layout
        if layout not in about:
            origins = zip(layout.source_names, layout.source_units, layout.scales, strict=True)
            ids = interner.metric_ids(layout)
            # by the key of the tables, so that rows are appended to them
            about[layout] = sorted(zip(ids, range(len(ids)), origins, strict=True))
        for metric_id, at, origin in about[layout]:
            value = series.values[at]
            values.append(value)
            metric_ids.append(metric_id)
            rows.append((run_id, metric_id, *of_number(0, value), *origin))
    dialect = dialect_of(connection)
    dialect.insert_rows(connection, RunMetric.__table__, _AGGREGATES, rows)
    run_ids = np.repeat([run_id for run_id, _ in runs], [len(series) for _, series in runs])
    points = first_points(run_ids, metric_ids, values)
    dialect.write_points(connection, points, new=True)


def _single_rows(
    series: Sequence[tuple[int, int, MetricSeries]], steps: list[int], values: list[float]
) -> list[tuple[Any, ...]]:
    """Rows of ``run_metric`` for series of a single point."""
    return [
        _metric_row(run_id, metric_id, aggregate_one(step, value, item.spread), item)
        for (run_id, metric_id, item), step, value in zip(series, steps, values, strict=True)
    ]


def belongings(
    interner: Interner, runs: Sequence[tuple[int, NormalRun]]
) -> dict[type[Base], list[dict[str, Any]]]:
    """The rows of all that belongs to runs, but their metrics."""
    params = [
        {"run_id": run_id, "key": key, **param_columns(value)}
        for run_id, run in runs
        for key, value in run.params.items()
    ]
    tags = [
        {"run_id": run_id, "key": key, "value": value}
        for run_id, run in runs
        for key, value in run.tags.items()
    ]
    samples = [
        {
            "run_id": run_id,
            "metric_id": interner.metric(sample.metric),
            "step": 0,
            "kind": "values",
            "count": len(sample.values),
            "values": json_numbers(sample.values.tolist()),
        }
        for run_id, run in runs
        for sample in run.samples
    ]
    artifacts = [
        {
            "run_id": run_id,
            "name": item.name,
            "kind": item.kind,
            "uri": item.uri,
            "sha256": item.sha256,
            "size_bytes": item.size_bytes,
            "content": item.content,
        }
        for run_id, run in runs
        for item in run.record.artifacts
    ]
    return {Param: params, Tag: tags, Sample: samples, Artifact: artifacts}


def write_aggregates(
    connection: Connection, interner: Interner, keyed: Sequence[tuple[int, int, MetricSeries]]
) -> None:
    """Store the aggregates of (run id, metric id, whole series), in place of what was there."""
    rows = [dict(zip(_AGGREGATES, row, strict=True)) for row in _aggregate_rows(keyed)]
    if rows:
        connection.execute(interner.upsert(RunMetric, ["run_id", "metric_id"]), rows)


_AGGREGATES = ("run_id", "metric_id", *Aggregates._fields, "source_name", "source_unit", "scale")


def _aggregate_rows(keyed: Sequence[tuple[int, int, MetricSeries]]) -> list[tuple[Any, ...]]:
    """Rows of ``run_metric``; a NaN is None in them already."""
    return [
        _metric_row(run_id, metric_id, aggregate(item.steps, item.values, item.spread), item)
        for run_id, metric_id, item in keyed
    ]


def _metric_row(
    run_id: int, metric_id: int, found: Aggregates, item: MetricSeries
) -> tuple[Any, ...]:
    return (run_id, metric_id, *found, item.source_name, item.source_unit, item.scale)


def param_columns(value: Any) -> dict[str, Any]:
    """A parameter as text and, where it is one, as number."""
    if value is None:
        return {"text": None, "number": None}
    if isinstance(value, bool):
        return {"text": "true" if value else "false", "number": None}
    text = value if isinstance(value, str) else repr(value)
    try:
        number = float(text)
    except (ValueError, OverflowError):
        number = None
    return {"text": text, "number": number}


def json_numbers(values: Sequence[float]) -> list[float | str | None]:
    """Numbers that strict JSON can hold: NaN as null, infinities as text."""
    return [
        value if abs(value) < float("inf") else None if value != value else _infinity(value)
        for value in values
    ]


def _infinity(value: float) -> str:
    return "Infinity" if value > 0 else "-Infinity"
