"""MLflow's database, on SQLite or a server, read by the names of columns: old ones have fewer.

One pass over every table, all in the order of runs, so that no index is needed and no more than
one run's rows are held at a time.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from cetrack.domain import Notice, RunRecord, Series
from cetrack.readers.mlflow.runs import DELETED, Run, infinite, seconds, skipped
from cetrack.readers.numbers import is_number, whole_number
from cetrack.readers.tables import Grouped, Row, Tables
from cetrack.readers.tracked import logged

TABLES = ("experiments", "metrics", "params", "runs", "tags")
READ = (*TABLES, "datasets", "inputs")
_RUN_ID = "run_uuid"
_COLUMNS = (
    _RUN_ID, "experiment_id", "lifecycle_stage", "status", "start_time", "end_time", "name",
    "source_version",
)  # fmt: skip
# one for each type in the databases of servers that speak MLflow's protocol
_VALUES = ("value", "value_str", "value_int", "value_float")
_POINT = np.dtype(
    [("run", object), ("key", object), ("step", np.int64), ("value", np.float64),
     ("time", np.float64), ("is_nan", np.bool_)]
)  # fmt: skip
_STEP, _TIME = 2, 4  # in a row of these


def read_database(tables: Tables) -> Iterator[RunRecord | Notice]:
    """All runs that were not deleted."""
    experiments, datasets = _experiments(tables), _datasets(tables)
    metrics = _by_run(tables, "metrics", "key", "step", "value", "timestamp", "is_nan")
    params = _by_run(tables, "params", "key", *_VALUES)
    tags = _by_run(tables, "tags", "key", "value")
    deleted: list[str] = []
    count = 0
    for run_id, experiment_id, stage, *row in tables.rows("runs", _COLUMNS, [_RUN_ID]):
        experiment, stage_around = experiments.get(_text(experiment_id), ("", ""))
        if not isinstance(run_id, str):
            continue
        if DELETED in (stage, stage_around):
            deleted.append(run_id)
            continue
        run = _run(run_id, row)
        run.experiment_id, run.experiment = _text(experiment_id), experiment
        run.dataset = datasets.get(run_id, "")
        run.params.update(_pairs(params.of(run_id)))
        run.tags.update(_pairs(tags.of(run_id)))
        run.series.extend(_series(metrics.of(run_id), run.notices))
        count += 1
        yield run.record()
    if deleted:
        yield skipped(deleted)
    elif not count:
        yield Notice("", "no runs in it")


def _run(run_id: str, row: Sequence[Any]) -> Run:
    status, start, end, name, version = row
    return Run(
        run_id=run_id,
        place=f"/runs/{run_id}",
        name=_text(name),
        status=status,
        start_time=start,
        end_time=end,
        source_version=_text(version),
    )


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _by_run(tables: Tables, table: str, *columns: str) -> Grouped:
    return Grouped(tables.rows(table, [_RUN_ID, *columns], [_RUN_ID, "key"]), str)


def _experiments(tables: Tables) -> dict[str, tuple[str, str]]:
    """Id → (name, lifecycle stage)."""
    rows = tables.rows("experiments", ["experiment_id", "name", "lifecycle_stage"])
    return {_text(key): (_text(name), _text(stage)) for key, name, stage in rows}


def _datasets(tables: Tables) -> dict[str, str]:
    """Run → the data sets that it was given."""
    columns = ["dataset_uuid", "name"]
    names = {key: _text(name) for key, name in tables.rows("datasets", columns)}
    wanted = ["destination_type", "destination_id", "source_type", "source_id"]
    found: dict[str, list[str]] = {}
    for to, run_id, kind, dataset in tables.rows("inputs", wanted, ["source_id"]):
        if (to, kind) == ("RUN", "DATASET") and names.get(dataset):
            found.setdefault(run_id, []).append(names[dataset])
    return {run_id: ", ".join(sorted(set(given))) for run_id, given in found.items()}


def _pairs(rows: Iterable[Row]) -> Iterator[tuple[str, str]]:
    """Key and text of params or tags."""
    for _, key, *values in rows:
        yield _text(key), _text(next((value for value in values if value is not None), None))


# --- metrics ---------------------------------------------------------------------------------


def _series(rows: Iterable[Row], notices: list[Notice]) -> Iterator[Series]:
    for key, group in itertools.groupby(rows, operator.itemgetter(1)):
        name = _text(key)
        points = _points(group, name, notices)
        if len(points):
            values = infinite(points["value"])
            values = np.where(points["is_nan"], np.nan, values)
            yield logged(name, points["step"].copy(), values, seconds(points["time"]), notices)


def _points(group: Iterable[Row], name: str, notices: list[Notice]) -> Any:
    """The rows of a metric as an array; where nothing has a step their order in time is it."""
    rows = list(group)
    if all(row[_STEP] is None for row in rows):
        rows.sort(key=lambda row: row[_TIME] if is_number(row[_TIME]) else 0)
        rows = [(*row[:_STEP], step, *row[_STEP + 1 :]) for step, row in enumerate(rows)]
    try:
        return np.fromiter(rows, _POINT, len(rows))
    except (TypeError, ValueError, OverflowError):
        kept = [point for row in rows if (point := _careful(row)) is not None]
    if len(kept) < len(rows):
        notices.append(Notice(name, f"{len(rows) - len(kept)} values are no numbers: left out"))
    return np.array(kept, _POINT)


def _careful(row: Row) -> Row | None:
    """A row of which a column is missing or of another type; None where its value is."""
    run, key, step, value, time, is_nan = row
    place = 0 if step is None else whole_number(step)
    if place is None or not (is_number(value) or (value is None and is_nan)):
        return None
    moment = float(time) if is_number(time) else np.nan
    return run, key, place, np.nan if value is None else float(value), moment, bool(is_nan)
