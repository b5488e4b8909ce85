"""From runs in the database to a TensorBoard logdir.

Reads the selection in chunks and hands columns to ``cetrack.tb``; knows which number goes into
which view, but neither tags nor bytes. The same database and the same selection give the same
bytes: what text puts in order is sorted here, for databases collate differently. Views of the
default layout:

runs      every run's own series, one TensorBoard run each
trend     the last value of every metric along its series, one TensorBoard run per precision
compare   ratio and difference to the baseline along the series, one TensorBoard run per precision
hparams   the HPARAMS table: what each run was, and its metrics
text      a card per run
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import Connection, func, select

from cetrack.errors import UsageError
from cetrack.models import (
    Experiment,
    Metric,
    Model,
    Param,
    Precision,
    RunMetric,
    comparisons_view,
    history_view,
    measurements_view,
)
from cetrack.series import StoredSeries, read_by_run
from cetrack.store import RunRow, Store, chunks, rows_where, select_runs
from cetrack.tb import board, hparams, lines, runs
from cetrack.tb.events import EventFile, file_name
from cetrack.tb.logdir import Logdir
from cetrack.tb.report import ExportReport, Tally
from cetrack.tb.runs import MetricName, Params
from cetrack.tb.tags import EXPERIMENT_RUN, Names, metric_tags
from cetrack.tb.views import ALL_VIEWS, LINE_VIEWS, RUN_VIEWS, Layout, TagOrder, View

if TYPE_CHECKING:
    from cetrack.filter import Expr

__all__ = ["ALL_VIEWS", "ExportReport", "Layout", "TagOrder", "View", "export_tb"]

Progress = Callable[[int, int, str], None]
Metrics = Mapping[int, MetricName]

_RUNS_AT_ONCE = 200
_STREAMING = {"stream_results": True, "max_row_buffer": 10_000}
_COMPARED = ("run_id", "metric", "baseline_value", "delta", "ratio", "improved", "like_for_like")
_MEASURED = ("run_id", "metric", "value", "unit")


@dataclass(slots=True, kw_only=True)
class _Export:
    """One export under way: what it reads, where it writes, what it has counted."""

    connection: Connection
    target: Logdir
    rows: list[RunRow]
    views: frozenset[View]
    order: TagOrder
    progress: Progress
    tally: Tally = field(default_factory=Tally)


def export_tb(
    store: Store,
    logdir: Path,
    *,
    where: Expr | None = None,
    views: Sequence[View] = ALL_VIEWS,
    layout: Layout = Layout.DEFAULT,
    tags: TagOrder = TagOrder.BY_MODEL,
    progress: Progress | None = None,
) -> ExportReport:
    """Write the runs that match ``where`` as event files below ``logdir``.

    ``views`` and ``tags`` belong to the default layout. ``progress`` is called with runs done,
    runs in all and the model of the last one. Raises OutputError for a folder that cannot be
    written or that somebody else filled.
    """
    if not views:
        raise UsageError("no view to export", hint=f"views: {', '.join(View)}")
    target = Logdir.open(logdir)
    with store.read() as connection:
        export = _Export(
            connection=connection,
            target=target,
            rows=select_runs(connection, where),
            views=frozenset(views),
            order=tags,
            progress=progress or _silent,
        )
        if export.rows:
            _WRITERS[layout](export)
    target.finish()
    if not export.rows:
        nothing = "the database holds no runs" if where is None else "no run matches the filter"
        export.tally.warnings.append(nothing)
    return export.tally.report(target)


def _silent(done: int, total: int, current: str) -> None:
    """No progress is shown."""


def _write_views(export: _Export) -> None:
    """The default layout."""
    metrics = _metrics(export.connection)
    export.tally.runs = len(export.rows)
    if export.views & RUN_VIEWS:
        _write_runs(export, metrics)
    if export.views & LINE_VIEWS:
        _write_lines(export, metrics)


# --- one TensorBoard run per run ----------------------------------------------------------------


def _write_runs(export: _Export, metrics: Metrics) -> None:
    """The views runs, hparams and text: they share each run's file."""
    paths = runs.run_paths(export.rows, _names(export.connection))
    export.target.claim(paths.values())
    columns = _write_table(export, metrics) if View.HPARAMS in export.views else None
    done = 0
    for rows in _chunks(export.rows):
        ids = [row["run_id"] for row in rows]
        records = _records(export, rows, columns)
        by_id = {row["run_id"]: row for row in rows}
        for run_id, series in _series(export, ids, metrics):
            started_at = lines.started(by_id[run_id])
            with export.target.event_file(paths[run_id], started_at=started_at) as event_file:
                runs.write_run(event_file, records[run_id], series, metrics)
            export.tally.count(event_file)
        done += len(rows)
        export.progress(done, len(export.rows), str(rows[-1]["model"]))


def _write_table(export: _Export, metrics: Metrics) -> hparams.Columns:
    """The one record that names the columns of the HPARAMS table."""
    columns = hparams.Columns()
    shared: Counter[int] = Counter()
    for rows in _chunks(export.rows):
        ids = [row["run_id"] for row in rows]
        shared.update(_runs_per_metric(export.connection, ids))
        params = _params(export.connection, ids)
        for row in rows:
            columns.add(runs.hparams_of(row, params[row["run_id"]]))
    oldest = min(map(lines.started, export.rows))
    _write_columns(export, columns, runs.by_weight(shared, metrics), oldest=oldest)
    return columns


def _write_columns(
    export: _Export, columns: hparams.Columns, headings: list[tuple[str, str]], *, oldest: float
) -> None:
    path = f"{EXPERIMENT_RUN}/{file_name(oldest)}"
    export.target.claim([path])
    with export.target.event_file(path, started_at=oldest) as event_file:
        event_file.write_value(hparams.experiment(columns, headings))


def _records(
    export: _Export, rows: Sequence[RunRow], columns: hparams.Columns | None
) -> dict[int, list[Any]]:
    """run id → what its file holds besides scalars."""
    ids = [row["run_id"] for row in rows]
    params = _params(export.connection, ids)
    records: dict[int, list[Any]] = defaultdict(list)
    if columns is not None:
        for row in rows:
            records[row["run_id"]] += runs.session(row, params[row["run_id"]], columns)
    if View.TEXT in export.views:
        measured = _by_run(export.connection, measurements_view, _MEASURED, ids)
        compared = _by_run(export.connection, comparisons_view, _COMPARED, ids)
        for row in rows:
            key = row["run_id"]
            records[key].append(runs.card(row, params[key], measured[key], compared[key]))
    return records


def _series(
    export: _Export, run_ids: Sequence[int], metrics: Metrics
) -> Iterable[tuple[int, Iterable[StoredSeries]]]:
    """The series of each run by tag: whole, or for the HPARAMS table alone the last points."""

    def tag(metric_id: int) -> str:
        return metrics[metric_id].tag

    if View.RUNS in export.views:
        return read_by_run(export.connection, _sizes(export.connection, run_ids), order=tag)
    found: dict[int, list[StoredSeries]] = {run_id: [] for run_id in run_ids}
    if View.HPARAMS in export.views:
        for series in _last_points(export.connection, run_ids):
            found[series.run_id].append(series)
    return ((key, sorted(found[key], key=lambda it: tag(it.metric_id))) for key in found)


def _chunks(rows: Sequence[RunRow]) -> Iterator[list[RunRow]]:
    """Rows a few hundred at once, each chunk in the order of run ids, as series are read."""
    for start in range(0, len(rows), _RUNS_AT_ONCE):
        yield sorted(rows[start : start + _RUNS_AT_ONCE], key=lambda row: row["run_id"])


# --- one TensorBoard run per precision ----------------------------------------------------------


def _write_lines(export: _Export, metrics: Metrics) -> None:
    """The views trend and compare: both follow the series of the selected runs."""
    directed = frozenset(metric.name for metric in metrics.values() if metric.has_direction)
    found = lines.lines_of(export.rows, export.order)
    files: dict[str, EventFile] = {}
    with ExitStack() as stack:
        for rows in lines.series_chunks(export.rows):
            for (folder, tag), points in sorted(_points(export, found, rows, directed).items()):
                if folder not in files:
                    path, oldest = found.places[folder]
                    opened = export.target.event_file(path, started_at=oldest)
                    files[folder] = stack.enter_context(opened)
                files[folder].write_series(tag, *lines.columns(points))
        export.target.claim(found.places[folder][0] for folder in files)
    for event_file in files.values():
        export.tally.count(event_file)
    if found.unlike:
        export.tally.warnings.append(
            f"{found.unlike:,} comparisons are not like for like (device, batch, dataset … "
            f"differ): they are under {View.COMPARE}/*{lines.UNLIKE}"
        )


def _points(
    export: _Export, found: lines.Lines, rows: Sequence[RunRow], directed: frozenset[str]
) -> lines.Points:
    selected = {row["run_id"]: row for row in rows}
    keys = sorted({row["series_key"] for row in rows})
    nth = lines.nth_of(selected, _history(export.connection, keys), directed)
    points: lines.Points = {}
    if View.TREND in export.views:
        points |= lines.trend_points(found, selected, nth)
    if View.COMPARE in export.views:
        ids = [row["run_id"] for row in rows if row["baseline_run_id"] is not None]
        compared = _by_run(export.connection, comparisons_view, _COMPARED, ids)
        points |= lines.compare_points(found, selected, nth, compared)
    return points


# --- what the COMPRESSION plugin reads ----------------------------------------------------------


def _write_board(export: _Export) -> None:
    """One TensorBoard run per model that has both precisions."""
    pairs = board.pairs(export.rows)
    columns = hparams.Columns()
    for pair in pairs:
        columns.add(board.hparams_of(pair))
    ids = [row["run_id"] for pair in pairs for row in (pair.baseline, pair.compressed)]
    last = _last_values(export.connection, ids)
    stamps = {pair.run: lines.started(pair.compressed) for pair in pairs}
    paths = {run: f"{run}/{file_name(stamp)}" for run, stamp in stamps.items()}
    export.target.claim(paths.values())
    for pair in pairs:
        with export.target.event_file(paths[pair.run], started_at=stamps[pair.run]) as event_file:
            board.write_pair(event_file, pair, columns, last)
        export.tally.count(event_file)
    if pairs:
        _write_columns(export, columns, board.headings(), oldest=min(stamps.values()))
    export.tally.runs = len(ids)
    export.tally.warnings += board.warnings(export.rows, pairs)


_WRITERS: Mapping[Layout, Callable[[_Export], None]] = {
    Layout.DEFAULT: _write_views,
    Layout.BOARD: _write_board,
}


# --- what is read -------------------------------------------------------------------------------


def _names(connection: Connection) -> Names:
    """Path components for everything in the database, not only for the selection: stable names."""
    return Names.of(
        experiments=connection.scalars(select(Experiment.name)),
        models=connection.scalars(select(Model.name)),
        precisions=connection.scalars(select(Precision.name)),
    )


def _metrics(connection: Connection) -> dict[int, MetricName]:
    """Every metric of the database by id."""
    query = select(Metric.id, Metric.name, Metric.family, Metric.direction)
    rows = connection.execute(query).all()
    tags = metric_tags({row.name: row.family for row in rows})
    return {row.id: MetricName(row.name, tags[row.name], row.direction is not None) for row in rows}


def _params(connection: Connection, run_ids: Sequence[int]) -> dict[int, Params]:
    """run id → key → (text, number), sorted by key."""
    columns = [Param.run_id, Param.key, Param.text, Param.number]
    found: dict[int, Any] = defaultdict(dict)
    rows = rows_where(connection, columns, Param.run_id, run_ids)
    for row in sorted(rows, key=lambda row: str(row.key)):
        found[row.run_id][row.key] = row.text, row.number
    return found


def _runs_per_metric(connection: Connection, run_ids: Sequence[int]) -> Counter[int]:
    """metric id → how many of the runs have it."""
    query = select(RunMetric.metric_id, func.count()).group_by(RunMetric.metric_id)
    found: Counter[int] = Counter()
    for part in chunks(run_ids):
        for metric_id, count in connection.execute(query.where(RunMetric.run_id.in_(part))):
            found[metric_id] += count
    return found


def _sizes(connection: Connection, run_ids: Sequence[int]) -> dict[int, dict[int, int]]:
    """run id → metric id → points."""
    found: dict[int, dict[int, int]] = {run_id: {} for run_id in run_ids}
    columns = [RunMetric.run_id, RunMetric.metric_id, RunMetric.count]
    for run_id, metric_id, count in rows_where(connection, columns, RunMetric.run_id, run_ids):
        found[run_id][metric_id] = count
    return found


def _last_values(connection: Connection, run_ids: Sequence[int]) -> dict[int, dict[str, float]]:
    """run id → metric → value of the last step."""
    names = {key: metric.name for key, metric in _metrics(connection).items()}
    found: dict[int, dict[str, float]] = defaultdict(dict)
    for series in _last_points(connection, run_ids):
        found[series.run_id][names[series.metric_id]] = float(series.values[0])
    return found


def _last_points(connection: Connection, run_ids: Sequence[int]) -> list[StoredSeries]:
    """The last point of every series, ordered by run id."""
    columns = [RunMetric.run_id, RunMetric.metric_id, RunMetric.last_step, RunMetric.last]
    rows = rows_where(connection, columns, RunMetric.run_id, run_ids)
    return [
        StoredSeries(
            run_id,
            metric_id,
            np.array([step], np.int64),
            np.array([_number(value)], np.float64),
            np.array([np.nan], np.float64),
        )
        for run_id, metric_id, step, value in sorted(rows, key=lambda row: tuple(row[:2]))
    ]


def _by_run(
    connection: Connection, view: Any, names: Sequence[str], run_ids: Sequence[int]
) -> dict[int, list[RunRow]]:
    """run id → rows of a view, sorted by metric."""
    columns = [view.c[name] for name in names]
    found: dict[int, list[RunRow]] = defaultdict(list)
    rows = rows_where(connection, columns, view.c.run_id, run_ids)
    for row in sorted(rows, key=lambda row: str(row.metric)):
        found[row.run_id].append(row._mapping)
    return found


def _history(
    connection: Connection, series_keys: Sequence[str]
) -> Iterator[tuple[int, str, int, float]]:
    """(run id, metric, n, value) of whole series, selected or not: n counts all of them."""
    view = history_view.c
    query = select(view.run_id, view.metric, view.n, view.value)
    for part in chunks(series_keys):
        wanted = query.where(view.series_key.in_(part))
        for run_id, metric, n, value in connection.execute(wanted, execution_options=_STREAMING):
            yield run_id, metric, n, _number(value)


def _number(value: float | None) -> float:
    """A stored value; NULL is NaN."""
    return float("nan") if value is None else value
