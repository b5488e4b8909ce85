"""Each run's own file: the views runs, hparams and text share it.

A ``Unit`` of runs can be written by any process that reaches the database and the folder; who
hands them out claims the files and writes the marker.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from cetrack.exporting import reading
from cetrack.exporting.reading import Metrics
from cetrack.series import StoredSeries, read_by_run
from cetrack.store import RunRow
from cetrack.tb import lines, runs
from cetrack.tb.folder import Folder, Written, written
from cetrack.tb.views import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """Some runs and all that is needed to write their files: plain values, to be sent anywhere.

    ``rows`` are of the runs view; ``places`` maps run ids to path and stamp; ``text_columns`` are
    the columns of the HPARAMS table that hold text.
    """

    root: Path
    rows: Sequence[RunRow]
    places: Mapping[int, tuple[str, str | None]]
    views: frozenset[View]
    metrics: Metrics
    text_columns: frozenset[str]


def write_unit(connection: Connection, unit: Unit) -> Iterator[Written]:
    """Write the file of every run; what is known of each once it is in its place."""
    folder = Folder(unit.root)
    by_id = {row["run_id"]: row for row in unit.rows}
    records = _records(connection, unit)
    for run_id, series in _series(connection, unit):
        path, stamp = unit.places[run_id]
        started_at = lines.started(by_id[run_id])
        with folder.event_file(path, started_at=started_at) as event_file:
            runs.write_run(event_file, records[run_id], series, unit.metrics)
        yield written(path, event_file, stamp=stamp)


def _records(connection: Connection, unit: Unit) -> dict[int, list[Any]]:
    """run id → what its file holds besides scalars."""
    ids = [row["run_id"] for row in unit.rows]
    described = unit.views & {View.HPARAMS, View.TEXT}
    params = reading.params(connection, ids) if described else {}
    records: dict[int, list[Any]] = defaultdict(list)
    if View.HPARAMS in unit.views:
        for row in unit.rows:
            key = row["run_id"]
            records[key] += runs.session(row, params[key], unit.text_columns)
    if View.TEXT in unit.views:
        measured = reading.measured(connection, ids)
        compared = reading.compared(connection, ids)
        for row in unit.rows:
            key = row["run_id"]
            records[key].append(runs.card(row, params[key], measured[key], compared[key]))
    return records


def _series(connection: Connection, unit: Unit) -> Iterable[tuple[int, Iterable[StoredSeries]]]:
    """The series of each run by tag: whole, or for the HPARAMS table alone the last points."""
    ids = [row["run_id"] for row in unit.rows]

    def tag(metric_id: int) -> str:
        return unit.metrics[metric_id].tag

    if View.RUNS in unit.views:
        return read_by_run(connection, reading.sizes(connection, ids), order=tag)
    found: dict[int, list[StoredSeries]] = {run_id: [] for run_id in ids}
    if View.HPARAMS in unit.views:
        for series in reading.last_points(connection, ids):
            found[series.run_id].append(series)
    return ((key, sorted(found[key], key=lambda it: tag(it.metric_id))) for key in found)
