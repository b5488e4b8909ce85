"""The files of the lines across runs: the views trend and compare, one folder per precision."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack

from cetrack.exporting import reading
from cetrack.exporting.reading import Member
from cetrack.exporting.selection import Selection
from cetrack.store import RunRow
from cetrack.tb import lines
from cetrack.tb.events import EventFile
from cetrack.tb.logdir import Logdir
from cetrack.tb.stamps import known, stamp
from cetrack.tb.views import LINE_VIEWS, View


def write_lines(selection: Selection, target: Logdir) -> list[str]:
    """Write the lines that are not current; returns what there is to say about all of them."""
    found = lines.lines_of(selection.rows, selection.order)
    stamps = _stamps(selection, found)
    current = {name for name, mark in stamps.items() if _is_current(target, found, name, mark)}
    scalars = {
        path: target.keep(path).scalars
        for name in sorted(current)
        for path in target.listed(found.paths(name))
    }
    stale = [row for row in selection.rows if found.names[row["series_key"]] not in current]
    scalars |= {
        path: event_file.points
        for path, event_file in _write(selection, target, found, stale, stamps).items()
    }
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


def _stamps(selection: Selection, found: lines.Lines) -> dict[str, str | None]:
    """Line → a stamp of its runs, and of the series that they are counted in."""
    keys = sorted({row["series_key"] for row in selection.rows})
    series: dict[str, list[Member]] = defaultdict(list)
    for member in reading.members(selection.connection, keys):
        series[found.names[member.series_key]].append(member)
    runs: dict[str, list[RunRow]] = defaultdict(list)
    for row in selection.rows:
        runs[found.names[row["series_key"]]].append(row)
    return {name: _stamp(selection, found, name, runs[name], series[name]) for name in runs}


def _stamp(
    selection: Selection,
    found: lines.Lines,
    name: str,
    rows: Sequence[RunRow],
    members: Iterable[Member],
) -> str | None:
    of_runs = [selection.stamp_of(row) for row in rows]
    counted = sorted(members, key=lambda member: member.uid)
    if None in of_runs or not known(member.revision for member in counted):
        return None
    views = sorted(selection.views & LINE_VIEWS)
    return stamp("line", found.paths(name), views, selection.order, of_runs, counted)


def _write(
    selection: Selection,
    target: Logdir,
    found: lines.Lines,
    rows: Sequence[RunRow],
    stamps: Mapping[str, str | None],
) -> dict[str, EventFile]:
    """Write the lines of ``rows``; path → file."""
    directed = frozenset(
        metric.name for metric in selection.metrics.values() if metric.direction is not None
    )
    files: dict[str, EventFile] = {}
    with ExitStack() as stack:
        for chunk in lines.series_chunks(rows):
            points = _points(selection, found, chunk, directed)
            for (folder, tag), several in sorted(points.items()):
                path, oldest, name = found.places[folder]
                if path not in files:
                    opened = target.event_file(path, started_at=oldest, stamp=stamps[name])
                    files[path] = stack.enter_context(opened)
                files[path].write_series(tag, *lines.columns(several))
        target.claim(files)
    return files


def _points(
    selection: Selection, found: lines.Lines, rows: Sequence[RunRow], directed: frozenset[str]
) -> lines.Points:
    selected = {row["run_id"]: row for row in rows}
    keys = {row["series_key"] for row in rows}
    nth = lines.nth_of(selected, reading.history(selection.connection, keys), directed)
    points: lines.Points = {}
    if View.TREND in selection.views:
        points |= lines.trend_points(found, selected, nth)
    if View.COMPARE in selection.views:
        ids = [row["run_id"] for row in rows if row["baseline_run_id"] is not None]
        compared = reading.compared(selection.connection, ids)
        points |= lines.compare_points(found, selected, nth, compared)
    return points
