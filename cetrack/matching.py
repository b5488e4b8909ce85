"""Which runs of a source are known already, and what meeting them again changes.

Snapshots are found by content; what ``--set`` adds fills blanks of a known run, and makes a new
one only where it contradicts a field of the identity. Logs are found by their first step and
compared point by point. Speaks SQL; opens no transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, select

from cetrack import identity
from cetrack.domain import (
    Identity,
    Kind,
    MetricSeries,
    NormalRun,
    RunRecord,
    number_or_none,
)
from cetrack.models import Environment as EnvironmentRow
from cetrack.models import (
    Experiment,
    Metric,
    Model,
    Precision,
    Run,
    RunMetric,
    runs_view,
)
from cetrack.precisions import UNKNOWN_PRECISION
from cetrack.preparing import Prepared
from cetrack.series import StoredSeries, read_series
from cetrack.store import rows_where

_Floats = npt.NDArray[np.floating[Any]]


class Change(StrEnum):
    """What ingesting a run did."""

    NEW = "new"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, eq=False)
class Growth:
    """A series that has more, or other, points than are stored: ``whole`` is what it is now,
    ``points`` those of it that are to be written."""

    whole: MetricSeries
    points: MetricSeries


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Match:
    """The identity of a run: its uid, and the id of the run that it is, None for a new one.

    ``grown`` holds what a log has more than the store.
    """

    uid: str
    content_key: str
    run_id: int | None = None
    grown: tuple[Growth, ...] = ()
    remark: str | None = None


class _Known:
    """The stored runs that any of some prepared ones may be, looked up together."""

    def __init__(self, connection: Connection, runs: Sequence[Prepared]) -> None:
        keys, uids = set(), set()
        for item in runs:
            kind = item.run.record.identity
            if kind is Identity.SNAPSHOT:
                keys.add(item.keys[1])
            elif kind is Identity.LOG:
                keys.update(item.keys)
                uids.update(_begun(item))
            else:
                uids.update(item.keys)
        device = (
            select(EnvironmentRow.device)
            .where(EnvironmentRow.id == Run.environment_id)
            .scalar_subquery()
            .label("device")
        )
        columns = [
            Run.id, Run.uid, Run.content_key, Run.dataset, Run.seed, Run.batch_size, Run.method,
            device,
        ]  # fmt: skip
        rows = {
            row.id: row
            for column, wanted in ((Run.content_key, keys), (Run.uid, uids))
            for row in rows_where(connection, columns, column, sorted(wanted))
        }
        self.by_key: dict[str, list[Any]] = defaultdict(list)
        self.by_uid: dict[str, Any] = {}
        for _, row in sorted(rows.items()):
            self.by_key[row.content_key].append(row)
            self.by_uid[row.uid] = row


def match_runs(connection: Connection, runs: Sequence[Prepared], *, repeat: bool) -> list[Match]:
    """The identity of every prepared run, in order."""
    known = _Known(connection, runs)
    taken: set[str] = set()
    matches = []
    for item in runs:
        if item.run.record.identity is Identity.SNAPSHOT:
            match = _match_snapshot(connection, item, known, repeat=repeat)
        elif item.run.record.identity is Identity.UID:
            match = _match_uid(connection, item, known)
        else:
            match = _match_log(connection, item, known, taken)
        taken.add(match.uid)
        matches.append(match)
    return matches


# --- snapshots -------------------------------------------------------------------------------


def _match_snapshot(
    connection: Connection, item: Prepared, known: _Known, *, repeat: bool
) -> Match:
    uid, key = item.keys
    rows = known.by_key.get(key, [])
    if repeat and rows:
        again = identity.content_key(
            item.named, item.experiment, ordinal=item.ordinal, repeat=len(rows)
        )
        return Match(uid=again, content_key=key)
    exact = next((row for row in rows if row.uid == uid), None)
    found = exact or next((row for row in rows if _compatible(row, item.run.record)), None)
    if found is not None:
        return Match(uid=found.uid, content_key=key, run_id=found.id)
    if item.run.record.is_baseline_copy:
        equal = find_equal(connection, item.run, item.experiment)
        if equal is not None:
            return Match(uid=equal[1], content_key=key, run_id=equal[0])
    return Match(uid=uid, content_key=key)


def _compatible(row: Any, record: RunRecord) -> bool:
    """True when no identity field of the record contradicts the known run."""
    stated = identity.identity_fields(record)
    return all(getattr(row, name) in (None, "", value) for name, value in stated.items())


def find_equal(connection: Connection, run: NormalRun, experiment: str) -> tuple[int, str] | None:
    """(id, uid) of a benchmark of the same model and precision that has all of the run's numbers.

    A compression result repeats its baseline's numbers: it is that run, not another one.
    """
    wanted = {item.metric.name: number_or_none(item.values[-1]) for item in run.series}
    query = (
        select(Run.id, Run.uid)
        .join(Model, Model.id == Run.model_id)
        .join(Precision, Precision.id == Run.precision_id)
        .join(Experiment, Experiment.id == Run.experiment_id)
        .where(
            Model.name == run.model.name,
            Precision.name == run.precision.name,
            Run.kind == Kind.BENCHMARK.value,
            Experiment.name == experiment,
        )
        .order_by(Run.started_at, Run.uid)
    )
    if not wanted:
        return None
    candidates = {row.id: row.uid for row in connection.execute(query)}
    for run_id, have in last_values(connection, list(candidates)).items():
        if all(have.get(name) == value for name, value in wanted.items()):
            return run_id, candidates[run_id]
    return None


def last_values(
    connection: Connection, run_ids: Sequence[int]
) -> dict[int, dict[str, float | None]]:
    """Run id → metric name → last value, runs in the order given."""
    names = {row.id: row.name for row in connection.execute(select(Metric.id, Metric.name))}
    columns = (RunMetric.run_id, RunMetric.metric_id, RunMetric.last)
    found: dict[int, dict[str, float | None]] = {run_id: {} for run_id in run_ids}
    query = select(*columns).where(RunMetric.count > 0)  # of files, not what follows from them
    for row in rows_where(connection, query, RunMetric.run_id, run_ids):
        found[row.run_id][names[row.metric_id]] = row.last
    return found


# --- runs with a uid of their own ------------------------------------------------------------


def _match_uid(connection: Connection, item: Prepared, known: _Known) -> Match:
    (uid,) = item.keys
    row = known.by_uid.get(uid)
    if row is None:
        return Match(uid=uid, content_key=uid)
    stored = _known_series(connection, [row.id])[row.id]
    return Match(
        uid=uid,
        content_key=uid,
        run_id=row.id,
        grown=_all_growth(stored, item.run.series, rounded=item.run.record.is_rounded),
    )


# --- logs ------------------------------------------------------------------------------------


def _begun(item: Prepared) -> list[str]:
    """The uids that a log can have: one that has grown has another key, but still the uid of its
    first step."""
    if item.run.record.identity is not Identity.LOG:
        return []
    return [_log_uid(item, head, 0) for head in item.keys]


def _match_log(
    connection: Connection, item: Prepared, known: _Known, taken: Collection[str]
) -> Match:
    """The run that a log continues, or repeats a part of; else a new one."""
    key = item.keys[0]
    rows = [row for head in item.keys for row in known.by_key.get(head, [])]
    rows += [known.by_uid[uid] for uid in _begun(item) if uid in known.by_uid]
    candidates = {row.id: row.uid for row in sorted(rows, key=lambda row: row.id)}
    found = _known_series(connection, list(candidates)) if candidates else {}
    for run_id in _agreeing(connection, list(candidates), item):
        if _is_same_log(found[run_id], item.run.series):
            grown = _all_growth(found[run_id], item.run.series)
            remark = None if grown else _contained(found[run_id], item.run.series)
            return Match(
                uid=candidates[run_id], content_key=key, run_id=run_id, grown=grown, remark=remark
            )
    uid, number = _log_uid(item, key, 0), 0
    used = uid in known.by_uid  # the first of its uids was looked up with all the others
    while used or uid in taken:
        number += 1
        uid = _log_uid(item, key, number)
        used = connection.scalar(select(Run.id).where(Run.uid == uid)) is not None
    return Match(uid=uid, content_key=key)


def _log_uid(item: Prepared, key: str, number: int) -> str:
    return identity.log_uid(item.named, key, experiment=item.experiment, number=number)


def _agreeing(connection: Connection, run_ids: Sequence[int], item: Prepared) -> list[int]:
    """Candidates that what is stated about the log does not contradict."""
    record, run = item.run.record, item.run
    stated: dict[str, Any] = {**identity.identity_fields(record), "experiment": item.experiment}
    if "model" not in record.weak:
        stated["model"] = run.model.name
    rows = rows_where(connection, [*runs_view.c], runs_view.c.run_id, run_ids)
    found = [
        row.run_id
        for row in rows
        if row.precision in (run.precision.name, UNKNOWN_PRECISION)
        and row.kind == record.kind.value
        and all(getattr(row, name) in (None, "", value) for name, value in stated.items())
    ]
    return sorted(found)


def _known_series(
    connection: Connection, run_ids: Sequence[int]
) -> dict[int, dict[str, StoredSeries]]:
    """Run id → metric name → stored series."""
    found: dict[int, dict[str, StoredSeries]] = {run_id: {} for run_id in run_ids}
    names = {row.id: row.name for row in connection.execute(select(Metric.id, Metric.name))}
    for stored in read_series(connection, run_ids):
        found[stored.run_id][names[stored.metric_id]] = stored
    return found


def _is_same_log(known: Mapping[str, Any], found: Sequence[MetricSeries]) -> bool:
    return identity.is_continuation(
        {name: (stored.steps, stored.values) for name, stored in known.items()},
        {item.metric.name: (item.steps, item.values) for item in found},
    )


def _contained(known: Mapping[str, Any], found: Sequence[MetricSeries]) -> str | None:
    stored = max((len(item.steps) for item in known.values()), default=0)
    read = max((len(item.steps) for item in found), default=0)
    return f"already contained: {read} of {stored} steps" if read < stored else None


def _all_growth(
    known: Mapping[str, StoredSeries], found: Sequence[MetricSeries], *, rounded: bool = False
) -> tuple[Growth, ...]:
    growth = (_growth(known.get(series.metric.name), series, rounded) for series in found)
    return tuple(item for item in growth if item is not None)


def _growth(known: StoredSeries | None, found: MetricSeries, rounded: bool) -> Growth | None:
    """What ``found`` has more than, or other than, the stored series; None for nothing.

    A ``rounded`` value is no other than one that it can have been rounded from.
    """
    if known is None:
        return Growth(found, found)
    place = np.searchsorted(known.steps, found.steps)
    there = np.zeros(len(found.steps), bool)
    inside = place < len(known.steps)
    there[inside] = known.steps[place[inside]] == found.steps[inside]
    old = np.full(len(found.steps), np.nan)
    old[there] = known.values[place[there]]
    same = there & (_alike(old, found.values, rounded) | (np.isnan(old) & np.isnan(found.values)))
    if same.all():
        return None
    points = _picked(found, ~same)
    kept = ~np.isin(known.steps, points.steps)
    assert points.wall_times is not None, "picked"
    steps = np.concatenate([known.steps[kept], points.steps])
    order = np.argsort(steps, kind="stable")
    whole = replace(
        found,
        steps=steps[order],
        values=np.concatenate([known.values[kept], points.values])[order],
        wall_times=np.concatenate([known.wall_times[kept], points.wall_times])[order],
    )
    return Growth(whole, points)


def _alike(known: _Floats, found: _Floats, rounded: bool) -> npt.NDArray[np.bool_]:
    if rounded:
        with np.errstate(over="ignore"):
            known, found = known.astype(np.float32), found.astype(np.float32)
    alike: npt.NDArray[np.bool_] = known == found
    return alike


def _picked(series: MetricSeries, mask: npt.NDArray[np.bool_]) -> MetricSeries:
    walls = series.wall_times
    return replace(
        series,
        steps=series.steps[mask],
        values=series.values[mask],
        wall_times=np.full(int(mask.sum()), np.nan) if walls is None else walls[mask],
    )
