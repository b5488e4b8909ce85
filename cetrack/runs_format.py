"""Writing runs back in cetrack's own format; ``readers.cetrack_runs`` reads it.

Lossless: ingesting the output into an empty database and exporting that gives the same text.
Sources are not written: they are what one database has seen, not what a run is.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from cetrack.aggregates import aggregate
from cetrack.domain import Spread
from cetrack.filter import Expr
from cetrack.inserting import json_numbers
from cetrack.metrics import catalogue
from cetrack.models import Artifact, Environment, Metric, Param, Run, RunMetric, Sample, Tag
from cetrack.readers.cetrack_runs import VERSION
from cetrack.series import StoredSeries, read_series
from cetrack.store import RunRow, Store, rows_where, select_runs

_CHUNK = 200
_TEXTS = (
    "experiment", "precision", "kind", "method", "name", "variant", "dataset", "split", "task",
    "seed", "batch_size", "status", "status_reason", "git_commit", "time_source",
)  # fmt: skip
_PLACES = ("device", "accelerator", "runtime", "runtime_version", "host", "os")


def export_runs(store: Store, where: Expr | None = None) -> Iterator[dict[str, Any]]:
    """Every matching run as an object of cetrack's own format, by start time and uid."""
    with store.read() as connection:
        runs = select_runs(connection, where)
        metrics = {
            row.id: dict(row._mapping) for row in connection.execute(select(*Metric.__table__.c))
        }
        for start in range(0, len(runs), _CHUNK):
            yield from _objects(connection, runs[start : start + _CHUNK], metrics)


def as_line(run: Mapping[str, Any]) -> str:
    """One line of strict JSON, keys sorted: equal runs give equal bytes."""
    return json.dumps(run, sort_keys=True, ensure_ascii=False, allow_nan=False)


def _objects(
    connection: Connection, runs: Sequence[RunRow], metrics: Mapping[int, Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    ids = [row["run_id"] for row in runs]
    series: dict[int, list[StoredSeries]] = defaultdict(list)
    for item in read_series(connection, ids):
        series[item.run_id].append(item)
    stored = {
        table: _by_run(connection, table, ids)
        for table in (RunMetric, Param, Tag, Sample, Artifact)
    }
    details = _details(connection, ids)
    for row in runs:
        run_id = row["run_id"]
        stats = {item.metric_id: item for item in stored[RunMetric][run_id]}
        found = {
            "cetrack": VERSION,
            "uid": row["uid"],
            **{name: row[name] for name in _TEXTS},
            "started_at": row["started_at"].isoformat(),
            "finished_at": row["finished_at"].isoformat() if row["finished_at"] else None,
            "model": _model(row),
            "environment": _environment(row, details.get(run_id)),
            "baseline": _baseline(row),
            "parent": row["parent_uid"],
            "metrics": {
                metrics[item.metric_id]["name"]: _metric(
                    item, stats[item.metric_id], metrics[item.metric_id]
                )
                for item in series[run_id]
            },
            "samples": {
                metrics[item.metric_id]["name"]: {
                    **_definition(metrics[item.metric_id]),
                    "values": item.values,
                }
                for item in stored[Sample][run_id]
            },
            "params": {item.key: _param(item) for item in stored[Param][run_id]},
            "tags": {item.key: item.value for item in stored[Tag][run_id]},
            "artifacts": [_artifact(item) for item in stored[Artifact][run_id]],
        }
        yield {key: value for key, value in found.items() if value not in (None, {}, [])}


def _by_run(connection: Connection, table: Any, ids: Sequence[int]) -> dict[int, list[Any]]:
    columns = list(table.__table__.c)
    found: dict[int, list[Any]] = defaultdict(list)
    order = [column.name for column in table.__table__.primary_key.columns]
    rows = rows_where(connection, columns, table.run_id, ids)
    for row in sorted(rows, key=lambda row: [getattr(row, name) for name in order]):
        found[row.run_id].append(row)
    return found


def _details(connection: Connection, ids: Sequence[int]) -> dict[int, Any]:
    query = select(Run.id, Environment.details).select_from(Run)
    query = query.join(Environment, Environment.id == Run.environment_id)
    found: dict[int, Any] = {}
    for start in range(0, len(ids), _CHUNK):
        part = ids[start : start + _CHUNK]
        found.update(
            (row.id, row.details) for row in connection.execute(query.where(Run.id.in_(part)))
        )
    return found


def _model(row: RunRow) -> dict[str, Any]:
    found = {
        "name": row["model"],
        "library": row["library"],
        "category": row["category"],
        "input_shape": row["input_shape"],
        "description": row["model_description"],
    }
    return {key: value for key, value in found.items() if value is not None}


def _environment(row: RunRow, details: Any) -> dict[str, Any]:
    found = {name: row[name] for name in _PLACES if row[name] is not None}
    return {**found, "details": details} if details else found


def _baseline(row: RunRow) -> dict[str, Any] | None:
    if row["baseline_uid"] is None:
        return None
    return {"uid": row["baseline_uid"], "rule": row["baseline_rule"] or "explicit"}


def _metric(series: StoredSeries, stats: Any, metric: Mapping[str, Any]) -> dict[str, Any]:
    origin = {
        "source_name": stats.source_name or metric["name"],
        "source_unit": stats.source_unit,
        "scale": stats.scale if stats.scale != 1 else None,
    }
    stated = _spread(series, stats)
    found = {**_definition(metric), **origin, **stated, **_values(series)}
    return {key: value for key, value in found.items() if value is not None or key == "value"}


def _values(series: StoredSeries) -> dict[str, Any]:
    values = json_numbers(series.values.tolist())
    walls = json_numbers(series.wall_times.tolist())
    timed = any(wall is not None for wall in walls)
    if len(values) == 1 and int(series.steps[0]) == 0 and not timed:
        return {"value": values[0]}
    return {
        "steps": series.steps.tolist(),
        "values": values,
        "wall_times": walls if timed else None,
    }


def _spread(series: StoredSeries, stats: Any) -> dict[str, Any]:
    """The statistics that the points alone do not give: what the source stated."""
    derived = aggregate(series.steps, series.values, Spread())
    names = ("std", "min", "max", "n")
    return {
        name: json_numbers([getattr(stats, name)])[0] if name != "n" else stats.n
        for name in names
        if getattr(stats, name) is not None and getattr(stats, name) != getattr(derived, name)
    }


def _definition(metric: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: metric[name] for name in ("unit", "direction", "family", "description")}
    known = catalogue().get(metric["name"])
    if known is not None and known.description == metric["description"]:
        del found["description"]  # whoever reads it back has the same catalogue
    return {key: value for key, value in found.items() if value not in (None, "")}


def _param(row: Any) -> Any:
    """A parameter as it was: what reads back as the same text."""
    number = row.number
    if number is not None and math.isfinite(number):
        if row.text == repr(number):
            return number
        if number.is_integer() and row.text == str(int(number)):
            return int(number)
    return {"true": True, "false": False}.get(row.text, row.text)


def _artifact(row: Any) -> dict[str, Any]:
    names = ("name", "kind", "uri", "sha256", "size_bytes", "content")
    return {name: getattr(row, name) for name in names if getattr(row, name) is not None}
