"""Each run's own file: the views runs, hparams, text and histograms share it.

A ``Unit`` of runs can be written by any process that reaches the database and the folder; who
hands them out claims the files and writes the marker.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from cetrack.exporting import reading
from cetrack.exporting.reading import Metrics
from cetrack.series import StoredSeries, read_by_run
from cetrack.store import RunRow
from cetrack.tb import histograms, lines, runs
from cetrack.tb.folder import Folder, Written, written
from cetrack.tb.runs import Record
from cetrack.tb.views import View

Measured = Mapping[int, Sequence[RunRow]]  # run id → rows of the view measurements


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
    measured = reading.measured(connection, [*by_id]) if View.TEXT in unit.views else None
    records = _records(connection, unit, measured or {})
    derived = _derived(connection, unit, measured)
    for run_id, series in _series(connection, unit):
        path, stamp = unit.places[run_id]
        started_at = lines.started(by_id[run_id])
        with folder.event_file(path, started_at=started_at) as event_file:
            follows = derived.get(run_id, {})
            runs.write_run(event_file, records[run_id], series, unit.metrics, follows)
        yield written(path, event_file, stamp=stamp)


def _derived(
    connection: Connection, unit: Unit, measured: Measured | None
) -> Mapping[int, Mapping[int, float]]:
    """run id → metric id → what follows from measured numbers: from ``measured`` where the cards
    need that anyway, for the values are worked out as they are read."""
    if not unit.views & {View.RUNS, View.HPARAMS}:
        return {}
    if measured is None:
        return reading.derived(connection, [row["run_id"] for row in unit.rows])
    ids = {metric.name: key for key, metric in unit.metrics.items()}
    return {
        run_id: {
            ids[found["metric"]]: found["value"]
            for found in several
            if found["derived"] and found["value"] is not None
        }
        for run_id, several in measured.items()
    }


def _records(connection: Connection, unit: Unit, measured: Measured) -> dict[int, list[Record]]:
    """run id → what its file holds besides scalars."""
    records: dict[int, list[Record]] = defaultdict(list)
    for run_id, values in _described(connection, unit, measured).items():
        records[run_id] += map(Record, values)
    if View.HISTOGRAMS in unit.views:
        for run_id, found in _histograms(connection, unit).items():
            records[run_id] += sorted(found, key=lambda record: (record.value.tag, record.step))
    return records


def _histograms(connection: Connection, unit: Unit) -> dict[int, list[Record]]:
    """run id → the histograms of its repetitions and of its log; what holds no number has none."""
    ids = [row["run_id"] for row in unit.rows]
    found: dict[int, list[Record]] = defaultdict(list)
    for run_id, metric_id, step, values in reading.samples(connection, ids):
        metric = unit.metrics[metric_id]
        value = histograms.sample_value(metric.samples_tag, values, metric.unit)
        if value is not None:
            found[run_id].append(Record(value, step))
    named = reading.histogram_names(connection, ids)
    tags = runs.histogram_tags(chain(*named.values()), unit.metrics)
    for run_id, name, content in reading.histograms(connection, [*named]):
        stored = histograms.stored_buckets(content)
        if stored is not None:
            step, buckets = stored
            found[run_id].append(Record(histograms.histogram_value(tags[name], buckets), step))
    return found


def _described(connection: Connection, unit: Unit, measured: Measured) -> dict[int, list[Any]]:
    """run id → what it was, as a row of the table and as a card."""
    ids = [row["run_id"] for row in unit.rows]
    described = unit.views & {View.HPARAMS, View.TEXT}
    params = reading.params(connection, ids) if described else {}
    records: dict[int, list[Any]] = defaultdict(list)
    if View.HPARAMS in unit.views:
        for row in unit.rows:
            key = row["run_id"]
            records[key] += runs.session(row, params[key], unit.text_columns)
    if View.TEXT in unit.views:
        compared = reading.compared(connection, ids)
        for row in unit.rows:
            key = row["run_id"]
            records[key].append(runs.card(row, params[key], measured.get(key, ()), compared[key]))
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
