"""A database of very many short runs, filled by SQL: what filters are measured on.

The tables are those that ``cetrack db init`` has made; rows are consistent with one another.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, insert, select, text

from benchmarks.sizes import CATALOGUE_METRICS
from cetrack.db.engine import dialect_of, make_engine, normalize_url, transaction
from cetrack.models import Experiment, Metric, Model, Precision, Run

CATEGORIES = ("vision", "detection", "audio", "text")
LIBRARIES = ("torchvision", "timm", "transformers", "onnx", "keras")
PRECISIONS = {"fp32": 32, "fp16": 16, "int8": 8, "int4": 4}
METRICS = (
    "accuracy",
    "f1_score",
    "latency_mean_ms",
    "latency_p95_ms",
    "latency_p99_ms",
    "throughput_ips",
    "model_size_mb",
    "memory_usage_mb",
    "power_mw",
    "energy_mj",
)
assert len(METRICS) == CATALOGUE_METRICS
_RUNS_PER_SERIES = 50
_FIRST = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
_CHUNK = 5_000

# a value between 0 and 1 that looks random and is the same on both databases, and at every step
_POINTS = text(
    "WITH RECURSIVE steps(step) AS "
    "(SELECT 0 UNION ALL SELECT step + 1 FROM steps WHERE step + 1 < :steps) "
    "INSERT INTO point (run_id, metric_id, step, value, wall_time) SELECT run.id, metric.id, step, "
    "((run.id * 7919 + metric.id * 104729) % 10007) / 10007.0, CAST(NULL AS double precision) "
    "FROM run CROSS JOIN metric CROSS JOIN steps WHERE metric.name IN "
    f"({', '.join(map(repr, METRICS))})"
)
_AGGREGATES = text(
    "INSERT INTO run_metric (run_id, metric_id, count, nan_count, first, last, last_step, "
    "min, min_step, max, max_step, mean, source_name) "
    "SELECT point.run_id, point.metric_id, step + 1, 0, value, value, step, value, 0, value, 0, "
    "value, metric.name FROM point JOIN metric ON metric.id = point.metric_id "
    "WHERE step = :steps - 1"
)


def fill(url: str, runs: int, *, steps: int = 1) -> None:
    """Put so many runs of CATALOGUE_METRICS metrics into an empty database with a schema."""
    engine = make_engine(normalize_url(url))
    with transaction(engine, writes=True) as connection:
        _fill_shared(connection, runs)
        rows = _runs(runs)
        while chunk := list(itertools.islice(rows, _CHUNK)):
            connection.execute(insert(Run), chunk)
        for rows_of_runs in (_POINTS, _AGGREGATES):
            connection.execute(rows_of_runs, {"steps": steps})
        if connection.dialect.name == "postgresql":
            _continue_counters(connection)
    with transaction(engine, writes=True) as connection:  # as an ingest does when all is written
        dialect_of(connection).after_bulk_write(connection, runs)
    engine.dispose()


def _fill_shared(connection: Connection, runs: int) -> None:
    connection.execute(insert(Experiment), [{"id": 1, "name": "bench", "created_at": _FIRST}])
    connection.execute(
        insert(Precision),
        [
            {"id": key, "name": name, "weight_bits": bits, "activation_bits": bits}
            for key, (name, bits) in enumerate(PRECISIONS.items(), 1)
        ],
    )
    known = set(connection.scalars(select(Metric.name)))  # the schema brings some
    missing = [{"name": name} for name in METRICS if name not in known]
    connection.execute(insert(Metric), missing)
    connection.execute(insert(Model), [_model(key) for key in range(1, _models(runs) + 1)])


def _models(runs: int) -> int:
    return -(-runs // (len(PRECISIONS) * _RUNS_PER_SERIES))


def _model(key: int) -> dict[str, Any]:
    return {
        "id": key,
        "name": f"model_{key:04}",
        "library": LIBRARIES[key % len(LIBRARIES)],
        "category": CATEGORIES[key % len(CATEGORIES)],
        "input_shape": "3x224x224",
    }


def _runs(count: int) -> Iterator[dict[str, Any]]:
    """Night by night, every model at every precision."""
    lines = list(itertools.product(range(1, _models(count) + 1), range(1, len(PRECISIONS) + 1)))
    for number in range(count):
        night, line = divmod(number, len(lines))
        model, precision = lines[line]
        uid = _hash("run", number)
        yield {
            "id": number + 1,
            "uid": uid,
            "content_key": uid,
            "experiment_id": 1,
            "model_id": model,
            "precision_id": precision,
            "kind": "benchmark",
            "status": "finished",
            "started_at": _FIRST + dt.timedelta(days=night, seconds=line),
            "time_source": "file",
            # the same model and night at fp32, the first of the precisions
            "baseline_run_id": number + 2 - precision if precision > 1 else None,
            "baseline_rule": "source" if precision > 1 else "",
            "series_key": _hash("series", model, precision),
            "like_key": _hash("like", model),
        }


def _hash(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _continue_counters(connection: Connection) -> None:
    """Counters go on behind the keys that rows came with."""
    for table in (Experiment, Precision, Model, Run):
        name = table.__tablename__
        last = f"(SELECT max(id) FROM {name})"
        connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), {last})"))
