"""The history of a metric: a line per series, and where it moved.

Reads the view ``history``: a value keeps the number that it has in its whole series, whatever the
filter leaves out. Failed and killed runs are in the numbering, as in the view, but show no value.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from cetrack.analysis.changes import DEFAULT_ALPHA, Step, change_points, require_stats
from cetrack.db.conditions import is_among
from cetrack.domain import FloatArray, IntArray
from cetrack.errors import UsageError
from cetrack.filter import Expr
from cetrack.filter.sql import matching_runs
from cetrack.filter.stored import RUN
from cetrack.filter.tree import TagRef
from cetrack.models import Tag, history_view, runs_view
from cetrack.report.table import unknown_name
from cetrack.selecting import USABLE, MetricFacts, asked_metrics, metric_facts
from cetrack.store import RunRow, Store
from cetrack.tb.lines import qualified

_FEW_SERIES = 1000  # so many are asked for by name, which the database finds by an index
_TAG = "tag."


class Axis(StrEnum):
    """What a point of a line is; ``TagRef`` is a fourth: the runs of one value of a tag."""

    RUN = "run"
    COMMIT = "commit"  # the runs of one commit
    DATE = "date"  # the runs of one day, UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The level of a line moved at the point ``index``; what is said of a run is of its first.

    ``ratio`` is ``after / before``, None unless both levels are positive; ``improved`` is None
    where neither way is better.
    """

    index: int
    n: int
    uid: str
    git_commit: str | None
    started_at: datetime
    label: str
    before: float
    after: float
    delta: float
    ratio: float | None
    p_value: float
    improved: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A series: ``k`` points in their order, each with the first run of those it stands for.

    ``fields`` is the row of the view ``runs`` of the newest run; ``n`` int64[k] counts the runs of
    the series from 1; ``values`` float64[k] has NaN for a gap.
    """

    name: str
    fields: RunRow
    series_key: str
    n: IntArray
    started_at: tuple[datetime, ...]
    values: FloatArray
    uids: tuple[str, ...]
    commits: tuple[str | None, ...]
    labels: tuple[str, ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """The lines of a metric by name; ``notes`` are sentences on what could not be said."""

    metric: MetricFacts
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Point:
    """A run of a series, or several; ``label`` is None where a run has no place on the axis."""

    run_id: int
    n: int
    uid: str
    started_at: datetime
    value: float
    git_commit: str | None
    label: str | None


def trend(
    store: Store,
    metric: str,
    *,
    where: Expr | None = None,
    by: Axis | TagRef = Axis.RUN,
    alpha: float = DEFAULT_ALPHA,
) -> Trend:
    """The lines of ``metric`` in the runs that match, and the steps that are significant.

    A point by commit, day or tag is the mean of what is finite in its runs, in the order in which
    they first started. Raises UsageError for an unknown metric or tag. Without the extra ``stats``
    there are no changes, and a note.
    """
    if not 0 < alpha < 1:
        raise UsageError(f"alpha is {alpha}", hint="give it a probability, such as 0.01")
    with store.read() as connection:
        (facts,) = asked_metrics([metric], metric_facts(connection))
        commits = _usable_runs(connection, where)
        tags = _tag_values(connection, by.key) if isinstance(by, TagRef) else {}
        series = _series(connection, facts, commits, _label_of(by, tags), narrow=where is not None)
        newest = [points[-1].run_id for points in series.values()]
        rows = {row["run_id"]: row for row in _run_rows(connection, newest)}
    names = _names({key: rows[points[-1].run_id] for key, points in series.items()})
    lines = [
        _line(names[key], rows[points[-1].run_id], _placed(points, by), facts, alpha)
        for key, points in series.items()
    ]
    shown = sorted((line for line in lines if len(line.n)), key=lambda line: line.name)
    return Trend(metric=facts, lines=tuple(shown), notes=(*_unplaced(series, by), *_stats_note()))


def parse_axis(text: str) -> Axis | TagRef:
    """``run``, ``commit``, ``date`` or ``tag.NAME``. Raises UsageError with the nearest."""
    if text.startswith(_TAG) and len(text) > len(_TAG):
        return TagRef(text.removeprefix(_TAG))
    if text not in list(Axis):
        raise unknown_name("axis", text, [*Axis, "tag.NAME"])
    return Axis(text)


# --- reading ------------------------------------------------------------------------------------

_Key = tuple[str, str, str]  # model, precision, series_key: what the view counts along


def _usable_runs(connection: Connection, where: Expr | None) -> dict[int, tuple[str, str | None]]:
    """Run id → (series_key, commit) of the runs that match and have a result."""
    query = matching_runs(where).add_columns(RUN.c.series_key, RUN.c.git_commit)
    found = connection.execute(query.where(RUN.c.status.in_(USABLE)))
    return {run_id: (key, commit or None) for run_id, key, commit in found}


def _series(
    connection: Connection,
    metric: MetricFacts,
    runs: Mapping[int, tuple[str, str | None]],
    label_of: Callable[[Any, str | None], str | None],
    *,
    narrow: bool,
) -> dict[_Key, list[_Point]]:
    """The runs that have the metric by series, in their order.

    The view is asked for whole series, by names that it counts along: a condition on those is
    pushed below its window, one on runs would not be, nor leave the numbers as they are.
    """
    view = history_view.c
    columns = (view.run_id, view.uid, view.started_at, view.n, view.value)
    query = select(view.model, view.precision, view.series_key, *columns)
    query = query.where(view.metric == metric.name)
    keys = sorted({key for key, _ in runs.values()}) if narrow else []
    if narrow and len(keys) <= _FEW_SERIES:
        query = query.where(view.series_key.in_(keys))
    found: dict[_Key, list[_Point]] = defaultdict(list)
    for row in connection.execute(query):
        if row.run_id not in runs:
            continue
        _, commit = runs[row.run_id]
        value = math.nan if row.value is None else row.value
        label = label_of(row, commit)
        point = _Point(row.run_id, row.n, row.uid, row.started_at, value, commit, label)
        found[row.model, row.precision, row.series_key].append(point)
    return {key: sorted(points, key=lambda point: point.n) for key, points in found.items()}


def _tag_values(connection: Connection, key: str) -> dict[int, str]:
    """Run id → value of a tag. Raises UsageError where no run has it."""
    query = select(Tag.run_id, Tag.value).where(Tag.key == key)
    found = {run_id: value for run_id, value in connection.execute(query)}  # noqa: C416 - rows
    if not found:
        known = connection.scalars(select(Tag.key).distinct().order_by(Tag.key)).all()
        raise unknown_name("tag", key, known)
    return found


def _run_rows(connection: Connection, run_ids: Sequence[int]) -> list[RunRow]:
    query = select(runs_view).where(is_among(runs_view.c.run_id, run_ids))
    return [dict(row) for row in connection.execute(query).mappings()]


# --- lines --------------------------------------------------------------------------------------


def _label_of(
    by: Axis | TagRef, tags: Mapping[int, str]
) -> Callable[[Any, str | None], str | None]:
    """What names the point of a row of the view, given its commit too."""
    if isinstance(by, TagRef):
        return lambda row, _: tags.get(row.run_id)
    labels: Mapping[Axis, Callable[[Any, str | None], str | None]] = {
        Axis.RUN: lambda row, _: str(row.n),
        Axis.COMMIT: lambda _, commit: commit,
        Axis.DATE: lambda row, _: row.started_at.astimezone(UTC).date().isoformat(),
    }
    return labels[by]


def _placed(points: Iterable[_Point], by: Axis | TagRef) -> list[_Point]:
    """The points of the axis: those of one label as one, at the place of the first."""
    placed = [point for point in points if point.label is not None]
    if by is Axis.RUN:
        return placed
    groups: dict[str | None, list[_Point]] = defaultdict(list)
    for point in placed:
        groups[point.label].append(point)
    return [_merged(group) for group in groups.values()]


def _merged(points: Sequence[_Point]) -> _Point:
    first = points[0]
    finite = [point.value for point in points if math.isfinite(point.value)]
    mean = math.fsum(value / len(finite) for value in finite) if finite else math.nan
    return replace(first, value=mean)


def _names(newest: Mapping[_Key, RunRow]) -> dict[_Key, str]:
    """Model and precision, then what tells series of the same two apart, as a filter says it."""
    groups: dict[tuple[str, str], dict[str, RunRow]] = defaultdict(dict)
    for (model, precision, series), row in newest.items():
        groups[model, precision][series] = row
    return {
        (*pair, series): name
        for pair, rows in groups.items()
        for series, name in qualified(",".join(pair), rows).items()
    }


def _line(
    name: str, newest: RunRow, points: Sequence[_Point], metric: MetricFacts, alpha: float
) -> Line:
    values = np.array([point.value for point in points], np.float64)
    steps = change_points(values, alpha=alpha) if not _stats_note() else []
    return Line(
        name=name,
        fields=newest,
        series_key=newest["series_key"],
        n=np.array([point.n for point in points], np.int64),
        started_at=tuple(point.started_at for point in points),
        values=values,
        uids=tuple(point.uid for point in points),
        commits=tuple(point.git_commit for point in points),
        labels=tuple(str(point.label) for point in points),
        changes=tuple(_change(step, points[step.index], metric.direction) for step in steps),
    )


def _change(step: Step, point: _Point, direction: str | None) -> Change:
    delta = step.after - step.before
    rises_well = {"higher": True, "lower": False}
    return Change(
        index=step.index,
        n=point.n,
        uid=point.uid,
        git_commit=point.git_commit,
        started_at=point.started_at,
        label=str(point.label),
        before=step.before,
        after=step.after,
        delta=delta,
        ratio=step.after / step.before if step.before > 0 and step.after > 0 else None,
        p_value=step.p_value,
        improved=(delta > 0) is rises_well[direction] if direction in rises_well else None,
    )


# --- notes --------------------------------------------------------------------------------------


def _unplaced(series: Mapping[_Key, Sequence[_Point]], by: Axis | TagRef) -> Iterator[str]:
    points = [point for found in series.values() for point in found]
    missing = sum(point.label is None for point in points)
    if missing:
        what = f"tag '{by.key}'" if isinstance(by, TagRef) else str(by)
        yield f"{missing:,} of {len(points):,} runs are left out: they have no {what}"


def _stats_note() -> tuple[str, ...]:
    """One sentence where the libraries that find changes are not installed."""
    try:
        require_stats()
    except UsageError as error:
        return (f"{error.message}: {error.hint}",)
    return ()
