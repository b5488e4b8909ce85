"""Which runs of a source are known already, and what meeting them again changes.

Snapshots are found by content; what ``--set`` adds fills blanks of a known run, and makes a new
one only where it contradicts a field of the identity. Logs are found by their first step and
compared point by point. Speaks SQL; opens no transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, or_, select

from cetrack import identity
from cetrack.domain import (
    Environment,
    Identity,
    Kind,
    MetricSeries,
    NormalRun,
    RunRecord,
    TimeSource,
    number_or_none,
)
from cetrack.interning import Interner
from cetrack.models import Environment as EnvironmentRow
from cetrack.models import (
    Experiment,
    Metric,
    Model,
    Param,
    Precision,
    Run,
    RunMetric,
    Tag,
    runs_view,
)
from cetrack.preparing import Prepared
from cetrack.series import read_series
from cetrack.store import add_belongings, rows_where, update_run


class Change(StrEnum):
    """What ingesting a run did."""

    NEW = "new"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Match:
    """The identity of a run: its uid, and the id of the run that it is, None for a new one.

    ``grown`` holds the series to write for a log that has more points than the store.
    """

    uid: str
    content_key: str
    run_id: int | None = None
    grown: tuple[MetricSeries, ...] = ()
    remark: str | None = None


def match_runs(connection: Connection, runs: Sequence[Prepared], *, repeat: bool) -> list[Match]:
    """The identity of every prepared run, in order."""
    snapshots = [item for item in runs if item.run.record.identity is Identity.SNAPSHOT]
    keys = {id(item): _snapshot_keys(item) for item in snapshots}
    known = _known_snapshots(connection, list(keys.values()))
    taken: set[str] = set()
    matches = []
    for item in runs:
        if item.run.record.identity is Identity.SNAPSHOT:
            match = _match_snapshot(connection, item, keys[id(item)], known, repeat=repeat)
        elif item.run.record.identity is Identity.UID:
            match = _match_uid(connection, item)
        else:
            match = _match_log(connection, item, taken)
        taken.add(match.uid)
        matches.append(match)
    return matches


# --- snapshots -------------------------------------------------------------------------------


def _snapshot_keys(item: Prepared) -> tuple[str, str]:
    """(uid, content key): with and without what ``--set`` states."""
    uid = identity.content_key(item.named, item.experiment, ordinal=item.ordinal)
    key = identity.content_key(item.stated, item.experiment, ordinal=item.ordinal)
    return uid, key


def _known_snapshots(
    connection: Connection, keys: Sequence[tuple[str, str]]
) -> dict[str, list[Any]]:
    """Content key → the runs that have it, oldest first."""
    rows = rows_where(
        connection,
        [
            Run.id, Run.uid, Run.content_key, Run.dataset, Run.seed, Run.batch_size, Run.method,
            select(EnvironmentRow.device)
            .where(EnvironmentRow.id == Run.environment_id)
            .scalar_subquery()
            .label("device"),
        ],
        Run.content_key,
        sorted({key for _, key in keys}),
    )  # fmt: skip
    found: dict[str, list[Any]] = {}
    for row in sorted(rows, key=lambda row: row.id):
        found.setdefault(row.content_key, []).append(row)
    return found


def _match_snapshot(
    connection: Connection,
    item: Prepared,
    keys: tuple[str, str],
    known: Mapping[str, list[Any]],
    *,
    repeat: bool,
) -> Match:
    uid, key = keys
    rows = known.get(key, [])
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
    columns = [RunMetric.run_id, RunMetric.metric_id, RunMetric.last]
    found: dict[int, dict[str, float | None]] = {run_id: {} for run_id in run_ids}
    for row in rows_where(connection, columns, RunMetric.run_id, run_ids):
        found[row.run_id][names[row.metric_id]] = row.last
    return found


# --- runs with a uid of their own ------------------------------------------------------------


def _match_uid(connection: Connection, item: Prepared) -> Match:
    uid = str(item.run.record.uid)
    run_id = connection.scalar(select(Run.id).where(Run.uid == uid))
    if run_id is None:
        return Match(uid=uid, content_key=uid)
    known = _known_series(connection, [run_id])[run_id]
    grown = tuple(
        merged
        for series in item.run.series
        if (merged := _merged(known.get(series.metric.name), series)) is not None
    )
    return Match(uid=uid, content_key=uid, run_id=run_id, grown=grown)


# --- logs ------------------------------------------------------------------------------------


def _match_log(connection: Connection, item: Prepared, taken: set[str]) -> Match:
    """The run that a log continues, or repeats a part of; else a new one."""
    record = item.named
    key = identity.head_key(record, record.series, where=item.where)
    first = identity.head_key(record, _first_steps(record), where=item.where)
    # a run that has grown since has another key, but still the uid of its first step
    begun = [_log_uid(item, head, 0) for head in (key, first)]
    same = or_(Run.content_key.in_([key, first]), Run.uid.in_(begun))
    query = select(Run.id, Run.uid).where(same).order_by(Run.id)
    candidates = {row.id: row.uid for row in connection.execute(query)}
    known = _known_series(connection, list(candidates))
    for run_id in _agreeing(connection, list(candidates), item):
        if _is_same_log(known[run_id], item.run.series):
            grown = tuple(
                merged
                for series in item.run.series
                if (merged := _merged(known[run_id].get(series.metric.name), series)) is not None
            )
            remark = None if grown else _contained(known[run_id], item.run.series)
            return Match(
                uid=candidates[run_id], content_key=key, run_id=run_id, grown=grown, remark=remark
            )
    number = 0
    while (uid := _log_uid(item, key, number)) in taken or _is_stored(connection, uid):
        number += 1
    return Match(uid=uid, content_key=key)


def _is_stored(connection: Connection, uid: str) -> bool:
    return connection.scalar(select(Run.id).where(Run.uid == uid)) is not None


def _log_uid(item: Prepared, key: str, number: int) -> str:
    return identity.log_uid(item.named, key, experiment=item.experiment, number=number)


def _first_steps(record: RunRecord) -> list[Any]:
    """Every series cut to the first step of the log."""
    first = min((int(item.steps[0]) for item in record.series if len(item.steps)), default=0)
    return [
        replace(item, steps=item.steps[:1], values=item.values[:1], wall_times=None)
        for item in record.series
        if len(item.steps) and int(item.steps[0]) == first
    ]


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
        if row.precision == run.precision.name
        and row.kind == record.kind.value
        and all(getattr(row, name) in (None, "", value) for name, value in stated.items())
    ]
    return sorted(found)


def _known_series(connection: Connection, run_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Run id → metric name → stored series."""
    found: dict[int, dict[str, Any]] = {run_id: {} for run_id in run_ids}
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


def _merged(known: Any, found: MetricSeries) -> MetricSeries | None:
    """The stored series with the found points in it, None when they were all there."""
    if known is None:
        return found
    shared, in_known, in_found = np.intersect1d(known.steps, found.steps, return_indices=True)
    equal = np.array_equal(known.values[in_known], found.values[in_found], equal_nan=True)
    if equal and len(shared) == len(found.steps):
        return None
    steps = np.concatenate([known.steps, found.steps])
    walls = found.wall_times if found.wall_times is not None else np.full(len(found.steps), np.nan)
    kept, last = np.unique(steps[::-1], return_index=True)
    pick = len(steps) - 1 - last  # of equal steps the found one
    return replace(
        found,
        steps=kept,
        values=np.concatenate([known.values, found.values])[pick],
        wall_times=np.concatenate([known.wall_times, walls])[pick],
    )


# --- meeting a known run again ---------------------------------------------------------------


def fill_blanks(
    connection: Connection, interner: Interner, run_id: int, item: Prepared
) -> tuple[bool, list[str]]:
    """Fill what is unknown about a run from what is stated now.

    Returns whether anything was filled, and a sentence for every contradiction: the stored value
    stays.
    """
    row = dict(
        connection.execute(select(runs_view).where(runs_view.c.run_id == run_id)).one()._mapping
    )
    record = item.run.record
    conflicts: list[str] = []
    values: dict[str, Any] = {}
    for name in ("dataset", "split", "task", "seed", "batch_size", "git_commit", "name", "method"):
        _fill(values, conflicts, name, row[name], getattr(record, name))
    values |= _better_time(row, item)
    known_model = {name: row[name] or "" for name in ("library", "input_shape", "category")}
    changed: dict[str, Any] = {}
    for name, known in known_model.items():
        _fill(changed, conflicts, name, known, getattr(item.run.model, name))
    if changed:
        hint = replace(item.run.model, name=row["model"], **{**known_model, **changed})
        values["model_id"] = interner.model(hint)
    environment = _fill_environment(connection, row, record.environment, conflicts)
    if environment is not None:
        values["environment_id"] = interner.environment(environment)
    filled = _fill_belongings(connection, interner, run_id, item.run)
    update_run(connection, run_id, values)
    if values:
        refresh_keys(connection, [run_id])
    return bool(values) or filled, conflicts


def _fill(values: dict[str, Any], conflicts: list[str], name: str, known: Any, stated: Any) -> None:
    if stated in (None, "") or known == stated:
        return
    if known in (None, ""):
        values[name] = stated
    else:
        conflicts.append(f"{name} is '{known}' in the database, '{stated}' here: kept")


def _better_time(row: Mapping[str, Any], item: Prepared) -> dict[str, Any]:
    """A more trusted time, or an earlier one of equal trust, takes the place of the stored one."""
    known = (TimeSource(row["time_source"]).rank, row["started_at"])
    if (item.time_source.rank, item.started_at) >= known:
        return {}
    return {"started_at": item.started_at, "time_source": item.time_source.value}


def _fill_environment(
    connection: Connection, row: Mapping[str, Any], stated: Environment, conflicts: list[str]
) -> Environment | None:
    names = ("device", "accelerator", "runtime", "runtime_version", "host", "os")
    changed: dict[str, Any] = {}
    for name in names:
        _fill(changed, conflicts, name, row[name], getattr(stated, name))
    if not changed:
        return None
    columns = EnvironmentRow.__table__.c
    query = (
        select(columns.details)
        .join(Run, Run.environment_id == columns.id)
        .where(Run.id == row["run_id"])
    )
    details = connection.scalar(query) or dict(stated.details)
    known = {name: row[name] or "" for name in names}
    return Environment(**{**known, **changed}, details=details)


def _fill_belongings(
    connection: Connection, interner: Interner, run_id: int, run: NormalRun
) -> bool:
    before = _count(connection, run_id)
    add_belongings(connection, interner, run_id, run)
    return _count(connection, run_id) != before


def _count(connection: Connection, run_id: int) -> int:
    return sum(
        connection.scalar(select(func.count()).select_from(table).where(table.run_id == run_id))
        or 0
        for table in (Param, Tag)
    )


def refresh_keys(connection: Connection, run_ids: Sequence[int]) -> None:
    """Recompute series_key and like_key after a field that they are made of has changed."""
    rows = rows_where(connection, [*runs_view.c], runs_view.c.run_id, run_ids)
    for row in rows:
        series_key, like_key = identity.keys(row._mapping)
        if (series_key, like_key) != (row.series_key, row.like_key):
            update_run(connection, row.run_id, {"series_key": series_key, "like_key": like_key})
