"""Meeting a known run again: what was unknown about it is filled, what contradicts is said.

Speaks SQL; opens no transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, select

from cetrack import identity
from cetrack.domain import Environment, NormalRun, RunRecord, Status, TimeSource
from cetrack.inserting import belongings
from cetrack.interning import Interner
from cetrack.models import Artifact, Base, Param, Run, Sample, Tag, runs_view
from cetrack.models import Environment as EnvironmentRow
from cetrack.precisions import UNKNOWN_PRECISION
from cetrack.preparing import Prepared
from cetrack.store import rows_where, touch, update_run, update_runs


class Stored:
    """What is known about some runs, looked up together: see :func:`fill_blanks`."""

    def __init__(self, connection: Connection, run_ids: Sequence[int]) -> None:
        view = runs_view.c
        rows = rows_where(connection, [*view], view.run_id, run_ids)
        self.rows = {row.run_id: row._mapping for row in rows}
        self.owned: dict[type[Base], set[tuple[int, str | int]]] = {
            table: {
                (row[0], row[1])
                for row in rows_where(connection, [table.run_id, key], table.run_id, run_ids)
            }
            for table, key in _OWNED.items()
        }


# what a run has several of, and what tells them apart
_OWNED: Mapping[Any, Any] = {
    Param: Param.key,
    Tag: Tag.key,
    Sample: Sample.metric_id,
    Artifact: Artifact.name,
}


def fill_blanks(
    connection: Connection, interner: Interner, stored: Stored, run_id: int, item: Prepared
) -> tuple[bool, list[str]]:
    """Fill what is unknown about a run from what is stated now.

    Returns whether anything was filled, and a sentence for every contradiction: the stored value
    stays.
    """
    row = stored.rows[run_id]
    record = item.run.record
    conflicts: list[str] = []
    values: dict[str, Any] = {}
    for name in ("dataset", "split", "task", "seed", "batch_size", "git_commit", "name", "method"):
        if not (name in record.weak and row[name]):
            _fill(values, conflicts, name, row[name], getattr(record, name))
    values |= _better_time(row, item)
    if row["precision"] == UNKNOWN_PRECISION != item.run.precision.name:
        values["precision_id"] = interner.precision(item.run.precision)
    if row["status"] == Status.RUNNING != record.status:
        values |= _ended(record)
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
    filled = _fill_belongings(connection, interner, stored, run_id, item.run)
    update_run(connection, run_id, values)
    if values:
        refresh_keys(connection, [run_id])
    return bool(values) or filled, conflicts


def _ended(record: RunRecord) -> dict[str, Any]:
    """How a run that was still running when it was met before has ended."""
    return {
        "status": record.status.value,
        "status_reason": record.status_reason,
        "finished_at": record.finished_at,
    }


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
    connection: Connection, interner: Interner, stored: Stored, run_id: int, run: NormalRun
) -> bool:
    """Add the params, tags, samples and artifacts that are not there yet."""
    added = False
    for table, rows in belongings(interner, [(run_id, run)]).items():
        name = _OWNED[table].key
        missing = [row for row in rows if (run_id, row[name]) not in stored.owned[table]]
        if missing:
            connection.execute(interner.insert_new(table), missing)
            stored.owned[table] |= {(run_id, row[name]) for row in missing}
            added = True
    if added:
        touch(connection, [run_id])
    return added


def refresh_keys(connection: Connection, run_ids: Sequence[int]) -> None:
    """Recompute series_key and like_key after a field that they are made of has changed."""
    rows = rows_where(connection, [*runs_view.c], runs_view.c.run_id, run_ids)
    changes = []
    for row in rows:
        series_key, like_key = identity.keys(row._mapping)
        if (series_key, like_key) != (row.series_key, row.like_key):
            changes.append((row.run_id, {"series_key": series_key, "like_key": like_key}))
    update_runs(connection, changes)
