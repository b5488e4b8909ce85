"""From runs in the database to a TensorBoard logdir.

Knows which views there are and which files are still right; what is in them is put together in
``cetrack.exporting``, tags and bytes in ``cetrack.tb``. The same database and the same selection
give the same bytes: what text puts in order is sorted in Python, for databases collate
differently. A file whose stamp is the same as last time is left alone, and none of its points is
read. Views of the default layout:

runs        every run's own series, one TensorBoard run each
trend       the last value of every metric along its series, one TensorBoard run per precision
compare     how a run compares with its baseline along the series, likewise
hparams     the HPARAMS table: what each run was, and its metrics
text        a card per run
histograms  the repetitions behind a number, and the histograms of a log
charts      the layout of CUSTOM SCALARS: the lines of a model's precisions side by side
changes     the levels of the lines that have moved, one TensorBoard run per precision
plots       Pareto fronts and trends as images
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from cetrack.analysis.changes import require_stats
from cetrack.errors import UsageError
from cetrack.exporting import reading
from cetrack.exporting.board_files import write_board
from cetrack.exporting.charts import layout_of
from cetrack.exporting.elsewhere import require_shared, write_units
from cetrack.exporting.line_files import write_lines
from cetrack.exporting.plot_files import write_plots
from cetrack.exporting.reserved import write_reserved
from cetrack.exporting.run_files import Unit
from cetrack.exporting.selection import Selection
from cetrack.parallel import crew
from cetrack.plots.figure import require_matplotlib
from cetrack.store import RunRow, Store, select_runs
from cetrack.tb import hparams, lines, runs
from cetrack.tb.logdir import Logdir
from cetrack.tb.report import ExportReport
from cetrack.tb.stamps import stamp
from cetrack.tb.views import DEFAULT_VIEWS, LINE_VIEWS, RUN_VIEWS, Layout, TagOrder, View

if TYPE_CHECKING:
    from cetrack.filter import Expr

__all__ = ["DEFAULT_VIEWS", "ExportReport", "Layout", "TagOrder", "View", "export_tb"]

Progress = Callable[[int, int, str], None]

_RUNS_AT_ONCE = 200
_FEWEST_RUNS = 20  # worth sending to another process
_MANY_POINTS = 2_000_000
_MOST_WORKERS = 4


@dataclass(slots=True, kw_only=True)
class _Export:
    """One export under way: what it reads, where it writes, what it has to say."""

    store: Store
    where: Expr | None
    connection: Connection
    target: Logdir
    workers: int | None
    cluster: str | None
    rows: list[RunRow]
    views: frozenset[View]
    order: TagOrder
    progress: Progress
    warnings: list[str] = field(default_factory=list)


def export_tb(
    store: Store,
    logdir: Path,
    *,
    where: Expr | None = None,
    views: Sequence[View] = DEFAULT_VIEWS,
    layout: Layout = Layout.DEFAULT,
    tags: TagOrder = TagOrder.BY_MODEL,
    progress: Progress | None = None,
    workers: int | None = 1,
    cluster: str | None = None,
) -> ExportReport:
    """Write the runs that match ``where`` as event files below ``logdir``.

    ``views`` and ``tags`` belong to the default layout. ``progress`` is called with runs done,
    runs in all and the model of the last one. The files of runs are written by ``workers``
    processes (None: as many as help), or by the Dask cluster whose scheduler is at ``cluster``: its
    machines have to reach the database and see the folder. The result is the same.

    Raises OutputError for a folder that cannot be written or that somebody else filled.
    """
    _require_views(views)
    _require_libraries(views)
    if cluster is not None:
        require_shared(store.engine)
    target = Logdir.open(logdir)
    with store.read() as connection:
        export = _Export(
            store=store,
            where=where,
            connection=connection,
            target=target,
            workers=workers,
            cluster=cluster,
            rows=select_runs(connection, where),
            views=frozenset(views),
            order=tags,
            progress=progress or _silent,
        )
        count = _WRITERS[layout](export) if export.rows else 0
    target.finish()
    if not export.rows:
        nothing = "the database holds no runs" if where is None else "no run matches the filter"
        export.warnings.append(nothing)
    return ExportReport.of(target, runs=count, warnings=export.warnings)


def _require_views(views: Sequence[View]) -> None:
    if not views:
        raise UsageError("no view to export", hint=f"views: {', '.join(View)}")
    if View.CHARTS in views and not {View.TREND, View.COMPARE} & set(views):
        raise UsageError(
            f"the view {View.CHARTS} arranges lines that are not exported",
            hint=f"add --view {View.TREND} or --view {View.COMPARE}",
        )


def _require_libraries(views: Sequence[View]) -> None:
    """Raise UsageError where an extra is missing, before anything is written."""
    if View.CHANGES in views:
        require_stats()
    if View.PLOTS in views:
        require_matplotlib()


def _silent(done: int, total: int, current: str) -> None:
    """No progress is shown."""


def _write_views(export: _Export) -> int:
    """The default layout; returns how many runs it shows."""
    selection = Selection.of(export.connection, export.rows, views=export.views, order=export.order)
    if stale := selection.stale:
        export.warnings.append(
            f"{stale:,} derived values are out of date: 'cetrack derive' brings them up to date"
        )
    records: list[Any] = []
    if View.CHARTS in export.views:
        records.append(layout_of(selection))
    if export.views & LINE_VIEWS:
        export.warnings += write_lines(selection, export.target)
    if View.PLOTS in export.views:
        export.warnings += write_plots(export.store, export.where, selection, export.target)
    if export.views & RUN_VIEWS:
        table = _table_of(export)
        if View.HPARAMS in export.views:
            headings = _headings(selection)
            records.append(hparams.experiment(table.columns, headings))
        _write_runs(export, selection, table)
    write_reserved(export.target, records, oldest=min(map(lines.started, export.rows)))
    return len(export.rows)


# --- one TensorBoard run per run ----------------------------------------------------------------


def _write_runs(export: _Export, selection: Selection, table: _Table) -> None:
    """The views runs, hparams, text and histograms: they share each run's file."""
    paths = runs.run_paths(export.rows, reading.names(export.connection))
    views = sorted(export.views & RUN_VIEWS)
    places: dict[int, tuple[str, str | None]] = {}
    for row in export.rows:
        run_id, of_run = row["run_id"], selection.stamp_of(row)
        made_of = ("run", paths[run_id], views, of_run, table.text_of(run_id))
        places[run_id] = paths[run_id], None if of_run is None else stamp(*made_of)
    _write_stale(export, selection, places, table.columns.of_text)


def _write_stale(
    export: _Export,
    selection: Selection,
    places: Mapping[int, tuple[str, str | None]],
    text_columns: frozenset[str],
) -> None:
    """Write the files that are not what they would be now, and keep the others."""
    target = export.target
    current = {row["run_id"] for row in export.rows if target.is_current(*places[row["run_id"]])}
    for run_id in sorted(current):
        target.keep(places[run_id][0])
    stale = [row for row in export.rows if row["run_id"] not in current]
    target.claim(places[row["run_id"]][0] for row in stale)
    done = len(current)
    with crew(others=_others(export, stale), cluster=export.cluster) as hands:
        units = (
            Unit(
                root=target.root,
                rows=rows,
                places={row["run_id"]: places[row["run_id"]] for row in rows},
                views=export.views & RUN_VIEWS,
                metrics=selection.metrics,
                text_columns=text_columns,
            )
            for rows in _chunks(stale, _share(len(stale), hands.size))
        )
        for unit, files in write_units(hands, export.connection, units):
            for file in files:
                target.note(file)
            done += len(unit.rows)
            export.progress(done, len(export.rows), str(unit.rows[-1]["model"]))


def _others(export: _Export, stale: Sequence[RunRow]) -> int:
    """How many processes are worth starting for these runs, 0 where this one does it all."""
    if len(stale) <= _FEWEST_RUNS or export.workers == 1:
        return 0
    if export.workers is not None:
        return export.workers
    spare = min(os.cpu_count() or 1, _MOST_WORKERS)
    points = reading.count_points(export.connection, [row["run_id"] for row in stale])
    return spare if spare > 1 and points >= _MANY_POINTS else 0


def _chunks(rows: Sequence[RunRow], most: int = _RUNS_AT_ONCE) -> Iterator[list[RunRow]]:
    """Rows a few hundred at once, each chunk in the order of run ids, as series are read."""
    for start in range(0, len(rows), most):
        yield sorted(rows[start : start + most], key=lambda row: row["run_id"])


def _share(runs: int, hands: int) -> int:
    """How many runs are a unit: all hands shall have some, and end at about the same time."""
    if hands == 1:
        return _RUNS_AT_ONCE
    return min(_RUNS_AT_ONCE, max(_FEWEST_RUNS, runs // (4 * hands)))


@dataclass(slots=True)
class _Table:
    """The HPARAMS table: its columns, and which of them each run has."""

    columns: hparams.Columns = field(default_factory=hparams.Columns)
    keys: dict[int, frozenset[str]] = field(default_factory=dict)

    def text_of(self, run_id: int) -> list[str]:
        """The columns of a run whose values are written as text."""
        return sorted(self.columns.of_text & self.keys.get(run_id, frozenset()))


def _table_of(export: _Export) -> _Table:
    """The columns of the HPARAMS table, none where it is not asked for."""
    table = _Table()
    if View.HPARAMS not in export.views:
        return table
    alike: dict[frozenset[str], frozenset[str]] = {}
    for rows in _chunks(export.rows):
        params = reading.params(export.connection, [row["run_id"] for row in rows])
        for row in rows:
            values = runs.hparams_of(row, params[row["run_id"]])
            table.columns.add(values)
            keys = frozenset(values)
            table.keys[row["run_id"]] = alike.setdefault(keys, keys)
    return table


def _headings(selection: Selection) -> list[tuple[str, str]]:
    """(tag, heading) of the metrics of the HPARAMS table: what was stated, then what follows."""
    stated, derived = (
        runs.by_weight(_runs_per_metric(ids), selection.metrics)
        for ids in (
            [selection.metric_ids[row["run_id"]] for row in selection.rows],
            selection.derived_ids.values(),
        )
    )
    found = [(metric.tag, metric.name) for metric in stated]
    taken = {name for _, name in found}
    return found + [
        (metric.derived_tag, metric.name + (" (derived)" if metric.name in taken else ""))
        for metric in derived
    ]


def _runs_per_metric(of_runs: Iterable[tuple[int, ...]]) -> Counter[int]:
    """metric id → how many of the runs have it."""
    found: Counter[int] = Counter()
    for ids, count in Counter(of_runs).items():
        for metric_id in ids:
            found[metric_id] += count
    return found


# --- what the COMPRESSION plugin reads ----------------------------------------------------------


def _write_board(export: _Export) -> int:
    """One TensorBoard run per model that has both precisions; returns how many runs it shows."""
    shown, warnings = write_board(export.connection, export.rows, export.target)
    export.warnings += warnings
    return shown


_WRITERS: Mapping[Layout, Callable[[_Export], int]] = {
    Layout.DEFAULT: _write_views,
    Layout.BOARD: _write_board,
}
