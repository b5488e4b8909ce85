"""Values of user-defined metrics → ``derived_value``: only those that are missing or stale. SQL.

``derived_value`` says how a number came about; the current ones also stand in ``run_metric``, with
no points, so that filters, sorting, views and exports find them like measured ones.

A value is stale when its run or the run's baseline has changed since. A run without a value has no
row; that it lacks an operand is seen by an index, so that it is not worked out again and again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import (
    Connection,
    FromClause,
    and_,
    delete,
    exists,
    false,
    func,
    or_,
    select,
    true,
)

from cetrack.db.conditions import is_among
from cetrack.db.engine import dialect_of
from cetrack.db.rows import bound
from cetrack.definitions import Definition, Missing, Score, Version
from cetrack.derive import derived_metrics
from cetrack.domain import FloatArray, IntArray
from cetrack.errors import UsageError
from cetrack.formula import Of, Ref
from cetrack.formula.tree import LAST
from cetrack.models import DerivedValue, Metric, Param, Run, RunMetric
from cetrack.operands import Definitions, Operands, Runs, runs_of
from cetrack.registering import current, forget_shown, register

CHUNK = 5_000  # runs at once
_COLUMNS = (
    "run_id", "metric_id", "definition_hash", "value", "run_revision", "baseline_revision",
)  # fmt: skip
# a derived number has no points: its count tells it from a measured one
_SHOWN = (
    "run_id", "metric_id", "count", "nan_count", "first", "last", "min", "max", "mean",
    "last_step", "n", "source_name",
)  # fmt: skip
_VALUES = DerivedValue.__table__
_BASELINE = Run.__table__.alias("baseline_run")
_OLDER = _VALUES.alias("older")
Clause = frozenset[Ref]  # one of these has to be there
Condition = Any


@dataclass(slots=True)
class Count:
    """What was done for one definition: values written, and runs that turned out to have none."""

    values: int = 0
    none: int = 0


class Materialiser:
    """Works out current definitions for runs; ``writes`` False only counts."""

    def __init__(
        self,
        connection: Connection,
        versions: Sequence[Version],
        *,
        everything: bool = False,
        writes: bool = True,
    ) -> None:
        """``versions`` as from :func:`cetrack.registering.expected`; ``everything`` also works out
        what is neither missing nor stale."""
        self.connection = connection
        self.counts = {version.definition.name: Count() for version in versions}
        self._versions = versions
        self._everything = everything
        self._writes = writes
        self._definitions = Definitions(version.definition for version in versions)
        self._metric_ids = _metric_ids(connection, self._definitions)
        self._clauses = _Clauses(self._definitions.by_name)

    def work(self, run_ids: Sequence[int]) -> None:
        """Bring the values of some thousand runs up to date."""
        pending = {
            version.definition.name: self._pending(version, run_ids) for version in self._versions
        }
        wanted = [name for name, ids in pending.items() if len(ids)]
        if not wanted:
            return
        ids = np.unique(np.concatenate([pending[name] for name in wanted]))
        runs = runs_of(self.connection, ids.tolist())
        operands = Operands(self.connection, runs, self._definitions, wanted, self._metric_ids)
        for version in self._versions:
            name = version.definition.name
            if name in wanted:
                mine = np.isin(runs.id, pending[name])
                found = np.where(operands.is_stated(name), np.nan, operands.value(name))
                self._store(version, runs, mine, found)

    def _pending(self, version: Version, run_ids: Sequence[int]) -> IntArray:
        """The runs whose value is missing, and may be found, or is stale."""
        if self._everything:
            return np.array(run_ids, np.int64)
        name = version.definition.name
        possible = or_(false(), *map(self._has, self._clauses.ways(version.definition)))
        metric_id = self._metric_ids.get(name)
        query = select(Run.id).where(is_among(Run.id, run_ids))
        if metric_id is None:  # a definition that is not registered yet
            return _ids(self.connection, query.where(possible))
        current = and_(
            _VALUES.c.run_id == Run.id,
            _VALUES.c.metric_id == metric_id,
            _VALUES.c.definition_hash == version.hash,
        )
        compared = _BASELINE.c.id == Run.baseline_run_id
        joined = Run.__table__.outerjoin(_BASELINE, compared).outerjoin(_VALUES, current)
        older = exists().where(_OLDER.c.run_id == Run.id, _OLDER.c.metric_id == metric_id)
        missing = and_(_VALUES.c.run_id.is_(None), or_(possible, older))
        stale = or_(missing, is_stale(_BASELINE))
        return _ids(self.connection, query.select_from(joined).where(stale))

    def _has(self, clauses: Collection[Clause]) -> Condition:
        """That a run has a number of every clause."""
        each = (or_(false(), *map(self._is_there, sorted(clause))) for clause in clauses)
        return and_(true(), *each)

    def _is_there(self, ref: Ref) -> Condition:
        owner = Run.baseline_run_id if ref.of_baseline else Run.id
        if ref.of is Of.PARAM:
            return exists().where(Param.run_id == owner, Param.key == ref.name)
        if ref.of is Of.FIELD:
            return owner.is_not(None)
        metric_id = self._metric_ids.get(ref.name)
        if metric_id is None:
            return false()
        return exists().where(
            RunMetric.run_id == owner, RunMetric.metric_id == metric_id, RunMetric.count > 0
        )

    def _store(self, version: Version, runs: Runs, mine: Any, found: FloatArray) -> None:
        has = mine & ~np.isnan(found)
        count = self.counts[version.definition.name]
        count.values += int(has.sum())
        count.none += int((mine & ~has).sum())
        metric_id = self._metric_ids.get(version.definition.name)
        if not self._writes or metric_id is None:
            return
        of_metric = _VALUES.c.metric_id == metric_id
        of_version = _VALUES.c.definition_hash == version.hash
        self._delete(runs.id[has], of_metric, of_version)
        self._delete(runs.id[mine & ~has], of_metric)  # also what an older version gave
        forget_shown(self.connection, [metric_id], runs.id[mine].tolist())
        self._show(metric_id, version.hash, runs.id[has].tolist(), found[has].tolist())
        rows = [
            (run_id, metric_id, version.hash, value, revision, baseline_revision)
            for run_id, value, revision, baseline_revision in zip(
                *(
                    column[has].tolist()
                    for column in (runs.id, found, runs.revision, runs.baseline_revision)
                ),
                strict=True,
            )
        ]
        if rows:
            values = bound(self.connection, _VALUES, _COLUMNS, rows)
            dialect_of(self.connection).insert_rows(self.connection, _VALUES, _COLUMNS, values)

    def _show(
        self, metric_id: int, version: str, run_ids: Sequence[int], values: Sequence[float]
    ) -> None:
        """Put the values beside the measured ones, where filters and views look for them."""
        rows = [
            (run_id, metric_id, 0, 0, *([value] * 5), 0, 1, version)
            for run_id, value in zip(run_ids, values, strict=True)
        ]
        if rows:
            table = RunMetric.__table__
            dialect_of(self.connection).insert_rows(self.connection, table, _SHOWN, rows)

    def _delete(self, run_ids: IntArray, *those: Condition) -> None:
        if len(run_ids):
            among = is_among(_VALUES.c.run_id, run_ids.tolist())
            self.connection.execute(delete(_VALUES).where(among, *those))


def is_stale(baseline: FromClause) -> Condition:
    """That a row of ``derived_value``, joined to its run and ``baseline``, is out of date."""
    return or_(
        _VALUES.c.run_revision != Run.revision,
        _VALUES.c.baseline_revision != func.coalesce(baseline.c.revision, 0),
    )


def derive_runs(
    connection: Connection, versions: Sequence[Version], run_ids: Iterable[int]
) -> None:
    """Work out what is missing or stale of these runs, and of those that they are baselines of."""
    if not versions:
        return
    materialiser = Materialiser(connection, versions)
    for part in parts(sorted(set(run_ids))):
        compared = select(Run.id).where(is_among(Run.baseline_run_id, part))
        both = {*part, *connection.scalars(compared)}
        for some in parts(sorted(both)):
            materialiser.work(some)


def derive_ingested(
    connection: Connection, definitions: Sequence[Definition], run_ids: Collection[int]
) -> list[str]:
    """The same at the end of an ingest, by the definitions of its ``cetrack.toml`` and those that
    the database has beside them; remarks.

    Definitions that cannot be used are a remark and no error: the files are in. Where there are
    none this costs one statement.
    """
    try:
        changed = register(connection, definitions, complete=False) if definitions else ()
        versions = [item.version for item in current(connection)]
    except UsageError as error:
        return [f"derived metrics are not worked out: {error.message}"]
    derive_runs(connection, versions, run_ids)
    counted = select(func.count()).select_from(Run)
    if changed and connection.execute(counted).scalar_one() > len(set(run_ids)):
        names = ", ".join(changed)
        return [f"{names}: new or changed; 'cetrack derive' works out what was there before"]
    return []


def parts(run_ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """The ids, so many at once that a few arrays hold their numbers."""
    for start in range(0, len(run_ids), CHUNK):
        yield run_ids[start : start + CHUNK]


def _ids(connection: Connection, query: Any) -> IntArray:
    return np.array(list(connection.scalars(query)), np.int64)


def _metric_ids(connection: Connection, definitions: Definitions) -> dict[str, int]:
    """The ids of the definitions' metrics and of all that they ask for."""
    asked = definitions.leaves(Ref(Of.METRIC, name) for name in definitions.by_name)
    names = sorted({ref.name for ref in asked if ref.of is Of.METRIC})
    query = select(Metric.name, Metric.id).where(Metric.name.in_(names))
    return {row.name: row.id for row in connection.execute(query)}


class _Clauses:
    """What a run has to have, at least, to have a value: one number of every clause."""

    def __init__(self, definitions: Mapping[str, Definition]) -> None:
        self._found: dict[str, frozenset[Clause]] = {}

        for name, definition in definitions.items():  # each behind those that it uses
            ways = self.ways(definition)
            if len(ways) > 1:  # one of many: less is asked for than each of them would
                ways = [frozenset({frozenset().union(*(part for way in ways for part in way))})]
            self._found[name] = ways[0]

    def ways(self, definition: Definition) -> list[frozenset[Clause]]:
        """The clauses of a definition; of a score that can do without some, those of each part."""
        found = [self._of_ref(ref) for ref in definition.refs]
        if isinstance(definition, Score) and definition.missing is Missing.RENORMALISE:
            return found
        return [frozenset().union(*found)]

    def _of_ref(self, ref: Ref) -> frozenset[Clause]:
        itself = frozenset({ref})
        if ref.of is not Of.METRIC or ref.aggregate != LAST:
            return frozenset({itself})
        if ref.name in self._found:
            inside: Iterable[Clause] = self._found[ref.name]
        elif ref.name in derived_metrics():
            inside = (frozenset({operand}) for operand in derived_metrics()[ref.name].refs)
        else:
            return frozenset({itself})
        return frozenset(
            itself | {_of_baseline(operand) if ref.of_baseline else operand for operand in clause}
            for clause in inside
        )


def _of_baseline(ref: Ref) -> Ref:
    return Ref(ref.of, ref.name, ref.aggregate, of_baseline=True)
