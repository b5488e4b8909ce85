"""The files of the lines across runs: trend, changes and compare, one folder per precision."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import chain

from cetrack.analysis.changes import change_points
from cetrack.domain import FloatArray
from cetrack.exporting import reading
from cetrack.exporting.following import Defined
from cetrack.exporting.reading import State
from cetrack.exporting.selection import Selection
from cetrack.selecting import USABLE
from cetrack.store import RunRow
from cetrack.tb import lines
from cetrack.tb.events import EventFile
from cetrack.tb.lines import Member
from cetrack.tb.logdir import Logdir
from cetrack.tb.stamps import known, stamp
from cetrack.tb.views import LINE_VIEWS, View

# a run of a series; of one that is not selected what else tells which metrics it has
_Counted = tuple[Member, State | None, tuple[Defined, ...]]
_Nth = Mapping[tuple[int, str], tuple[int, float]]  # (run id, metric) → n, value
Series = Mapping[str, Sequence[Member]]  # series_key → its runs, selected or not


def write_lines(selection: Selection, target: Logdir) -> list[str]:
    """Write the lines that are not current; returns what there is to say about all of them."""
    found = lines.lines_of(selection.rows, selection.order)
    series = _series(selection)
    stamps = _stamps(selection, found, series)
    current = {name for name, mark in stamps.items() if _is_current(target, found, name, mark)}
    scalars = {
        path: target.keep(path).scalars
        for name in sorted(current)
        for path in target.listed(found.paths(name))
    }
    stale = [row for row in selection.rows if found.names[row["series_key"]] not in current]
    for path, event_file in _write(selection, target, found, stale, series, stamps).items():
        scalars[path] = event_file.points
    unlike = sum(scalars.get(path, 0) for path in found.unlike_paths())
    if not unlike:
        return []
    return [
        f"{unlike:,} ratios and differences are not like for like (device, batch, dataset … "
        f"differ): they are under {View.COMPARE}/*{lines.UNLIKE}"
    ]


def _is_current(target: Logdir, found: lines.Lines, name: str, mark: str | None) -> bool:
    """True when all files of a line that the last export made are as they would be made now."""
    listed = target.listed(found.paths(name))
    return bool(listed) and all(target.is_current(path, mark) for path in listed)


def _series(selection: Selection) -> Series:
    keys = sorted({row["series_key"] for row in selection.rows})
    found: dict[str, list[Member]] = {key: [] for key in keys}
    for member in reading.members(selection.connection, keys):
        found[member.series_key].append(member)
    return found


def _stamps(selection: Selection, found: lines.Lines, series: Series) -> dict[str, str | None]:
    """Line → a stamp of its runs, and of the series that they are counted in."""
    counted: dict[str, list[_Counted]] = defaultdict(list)
    others = [it for it in chain(*series.values()) if it.run_id not in selection.derived_ids]
    baselines = {it.baseline_run_id for it in others if it.baseline_run_id is not None}
    states = reading.states(selection.connection, baselines)
    ids = [it.run_id for it in others]
    defined = selection.definitions.numbers(selection.connection, ids)
    for key, members in series.items():
        counted[found.names[key]] += [
            (it, states.get(it.baseline_run_id or 0), defined.get(it.run_id, ())) for it in members
        ]
    runs: dict[str, list[RunRow]] = defaultdict(list)
    for row in selection.rows:
        runs[found.names[row["series_key"]]].append(row)
    return {name: _stamp(selection, found.paths(name), runs[name], counted[name]) for name in runs}


def _stamp(
    selection: Selection, paths: Sequence[str], rows: Sequence[RunRow], members: Sequence[_Counted]
) -> str | None:
    of_runs = [selection.stamp_of(row) for row in rows]
    baselines = (baseline for _, baseline, _ in members if baseline is not None)
    revisions = chain((it.revision for it, _, _ in members), (it.revision for it in baselines))
    if None in of_runs or not known(revisions):
        return None
    views = sorted(selection.views & LINE_VIEWS)
    counted = sorted(members, key=lambda item: item[0].uid)
    relative = sorted(selection.definitions.relative)
    return stamp("line", paths, views, selection.order, of_runs, counted, relative)


def _write(
    selection: Selection,
    target: Logdir,
    found: lines.Lines,
    rows: Sequence[RunRow],
    series: Series,
    stamps: Mapping[str, str | None],
) -> dict[str, EventFile]:
    """Write the lines of ``rows``; path → file."""
    files: dict[str, EventFile] = {}
    with ExitStack() as stack:
        for chunk in lines.series_chunks(rows):
            points = _points(selection, found, chunk, series)
            for (folder, tag), several in sorted(points.items()):
                path, oldest, name = found.places[folder]
                if path not in files:
                    opened = target.event_file(path, started_at=oldest, stamp=stamps[name])
                    files[path] = stack.enter_context(opened)
                files[path].write_series(tag, *lines.columns(several))
        target.claim(files)
    return files


def _points(
    selection: Selection, found: lines.Lines, rows: Sequence[RunRow], series: Series
) -> lines.Points:
    selected = {row["run_id"]: row for row in rows}
    nth = _nth(selection, selected, series)
    points: lines.Points = {}
    if View.TREND in selection.views:
        points |= lines.trend_points(found, selected, nth)
    if View.CHANGES in selection.views:
        usable = {key: row for key, row in selected.items() if row["status"] in USABLE}
        points |= lines.level_points(found, usable, nth, _levels_of)
    if View.COMPARE in selection.views:
        points |= _compared(selection, found, selected, nth)
    return points


def _compared(
    selection: Selection, found: lines.Lines, selected: Mapping[int, RunRow], nth: _Nth
) -> lines.Points:
    relative, states = selection.definitions.relative, selection.states
    like_for_like = {
        run_id: states[run_id].like_key == states[row["baseline_run_id"]].like_key
        for run_id, row in selected.items()
        if row["baseline_run_id"] is not None
    }
    ids = sorted(like_for_like)
    compared = reading.compared_results(selection.connection, ids, but=relative)
    points = lines.compare_points(found, selected, nth, compared, relative)
    return points | lines.relative_points(found, selected, nth, relative, like_for_like)


def _levels_of(values: FloatArray) -> list[lines.Level]:
    """The levels of a line, as ``cetrack trend`` finds them."""
    steps = change_points(values)
    return [(0, steps[0].before), *((step.index, step.after) for step in steps)] if steps else []


def _nth(selection: Selection, selected: Mapping[int, RunRow], series: Series) -> _Nth:
    """(run id, metric) → (n, value) of the results of the selected runs."""
    keys = {row["series_key"] for row in selected.values()}
    members = [member for key in sorted(keys) for member in series[key]]
    others = [it.run_id for it in members if it.run_id not in selection.metric_ids]
    metric_ids = {**selection.metric_ids, **reading.metrics_of(selection.connection, others)}
    derived = reading.derived(selection.connection, [it.run_id for it in members])
    having = {it.run_id: (*metric_ids[it.run_id], *derived.get(it.run_id, ())) for it in members}
    nth = lines.nth_of(members, having, selected)
    values = reading.last_values(selection.connection, sorted(selected))
    for run_id, of_run in values.items():
        of_run |= derived.get(run_id, {})
    return {
        (run_id, metric.name): (nth[run_id, metric_id], value)
        for run_id, of_run in values.items()
        for metric_id, value in of_run.items()
        if lines.is_result(selected[run_id], (metric := selection.metrics[metric_id]).direction)
    }
