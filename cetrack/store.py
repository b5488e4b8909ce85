"""Runs in the database: who opens transactions, and what reads and writes run rows.

``Store.read`` and ``Store.write`` are the only openers; every function below them takes the open
connection and never commits. ORM objects are not used: rows go in and come out in bulk.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from sqlalchemy import Connection, Engine, Select, delete, select, update

from cetrack.db import schema
from cetrack.db.conditions import is_among
from cetrack.db.engine import dialect_of, make_engine, normalize_url, shown_url, transaction
from cetrack.db.rows import bound
from cetrack.domain import MetricSeries, NormalRun, TimeSource
from cetrack.errors import DatabaseUnavailableError
from cetrack.filter import Expr
from cetrack.filter.sql import to_sql
from cetrack.inserting import (
    belongings,
    insert_belongings,
    insert_rows,
    write_aggregates,
)
from cetrack.interning import Interner
from cetrack.models import (
    Artifact,
    Base,
    Metric,
    Param,
    Run,
    RunMetric,
    Sample,
    Tag,
    runs_view,
)
from cetrack.series import delete_points, write_points

RunRow = Mapping[str, Any]
_CHUNK = 500
# the baseline rule of a run that nobody has looked for a baseline for: a command that is killed
# after storing it leaves it so, and the next one finds it
PENDING = "pending"
# what formulas ask of a run beside its metrics: values that were derived from them become stale
_OPERANDS = frozenset({"batch_size", "precision_id"})


class Store:
    """One database. Use as a context manager, or call ``close``."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @classmethod
    def open(cls, url: str, *, create: bool = False, busy_timeout_s: float = 15.0) -> Self:
        """Open the database at ``url``; ``create`` gives an empty one its schema.

        Raises DatabaseUnavailableError when there is nothing to read, SchemaOutdatedError and
        SchemaTooNewError when the schema is not this version's.
        """
        engine = make_engine(normalize_url(url), busy_timeout_s=busy_timeout_s)
        store = cls(engine)
        try:
            if schema.is_fresh(engine):
                store._create(create=create)
            schema.require_current(engine)
        except BaseException:
            store.close()
            raise
        return store

    def _create(self, *, create: bool) -> None:
        if not create:
            raise DatabaseUnavailableError(
                f"{shown_url(self.engine.url)}: no cetrack database there",
                hint="cetrack ingest PATH makes one; --db or CETRACK_DB names another",
            )
        schema.upgrade(self.engine)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A reading transaction: one consistent state of the database."""
        with transaction(self.engine, writes=False) as connection:
            yield connection

    @contextmanager
    def write(self, *, checks_rows: bool = True) -> Iterator[Connection]:
        """A writing transaction: wholly in at the end, or not at all.

        ``checks_rows`` False is for one that refers to nothing but what it has read itself.
        """
        with transaction(self.engine, writes=True, checks_rows=checks_rows) as connection:
            yield connection

    def close(self) -> None:
        """Give back the connections."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


# --- reading ------------------------------------------------------------------------------------


def select_runs(
    connection: Connection, where: Expr | None = None, *, newest_first: bool = False
) -> list[RunRow]:
    """Rows of the ``runs`` view that match, ordered by start time, then uid."""
    query = select(runs_view)
    if where is not None:
        query = query.where(to_sql(where))
    order = [runs_view.c.started_at, runs_view.c.uid]
    query = query.order_by(*(column.desc() for column in order) if newest_first else order)
    same: dict[str, str] = {}  # most runs say what others say: a text is kept once
    return [
        _ViewRow(tuple(same.setdefault(x, x) if isinstance(x, str) else x for x in row))
        for row in connection.execute(query)
    ]


_PLACES = {column.name: place for place, column in enumerate(runs_view.columns)}


class _ViewRow(Mapping[str, Any]):
    """A row of the ``runs`` view by name; a dict would take five times the memory."""

    __slots__ = ("_cells",)

    def __init__(self, cells: tuple[Any, ...]) -> None:
        self._cells = cells

    def __getitem__(self, name: str) -> Any:
        return self._cells[_PLACES[name]]

    def __iter__(self) -> Iterator[str]:
        return iter(_PLACES)

    def __len__(self) -> int:
        return len(self._cells)


def metric_names(connection: Connection) -> list[str]:
    """Every metric of the database, sorted."""
    return list(connection.scalars(select(Metric.name).order_by(Metric.name)))


def chunks(ids: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Slices short enough for an IN list on every database."""
    for start in range(0, len(ids), _CHUNK):
        yield ids[start : start + _CHUNK]


def rows_where(
    connection: Connection,
    wanted: Any,
    key: Any,
    values: Sequence[Any],
) -> list[Any]:
    """Rows of ``wanted``, columns or a query, whose ``key`` is one of ``values``, in any number."""
    query: Any = wanted if isinstance(wanted, Select) else select(*wanted)
    if values and isinstance(values[0], int):
        return list(connection.execute(query.where(is_among(key, values))))
    found: list[Any] = []
    for part in chunks(values):
        found.extend(connection.execute(query.where(key.in_(part))))
    return found


# --- writing ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run ready to be stored: what it is, under which identity, and when it ran."""

    run: NormalRun
    uid: str
    content_key: str
    experiment: str
    started_at: datetime
    time_source: TimeSource


def insert_runs(
    connection: Connection, interner: Interner, runs: Sequence[NewRun]
) -> dict[str, int]:
    """Store new runs with all that belongs to them; returns uid → run id."""
    if not runs:
        return {}
    interner.load([new.run for new in runs])
    ids = dialect_of(connection).new_ids(connection, Run.__table__, len(runs))
    numbered = list(zip(ids, runs, strict=True))
    insert_rows(
        connection, Run, [{"id": key, **run_columns(interner, new)} for key, new in numbered]
    )
    insert_belongings(connection, interner, [(key, new.run) for key, new in numbered])
    return {new.uid: key for key, new in numbered}


def run_columns(interner: Interner, new: NewRun) -> dict[str, Any]:
    """The columns of the ``run`` table for a run."""
    record = new.run.record
    fields = interner.run_fields(new.run)
    return {
        "uid": new.uid,
        "content_key": new.content_key,
        "experiment_id": interner.experiment(new.experiment, new.started_at),
        **fields,
        "kind": record.kind.value,
        "method": record.method,
        "name": record.name,
        "variant": record.variant,
        "dataset": record.dataset,
        "split": record.split,
        "task": record.task,
        "seed": record.seed,
        "batch_size": record.batch_size,
        "status": record.status.value,
        "status_reason": record.status_reason,
        "started_at": new.started_at,
        "time_source": new.time_source.value,
        "finished_at": record.finished_at,
        "git_commit": record.git_commit,
        "baseline_rule": PENDING,
        "revision": new_revision(),
    }


def add_belongings(connection: Connection, interner: Interner, run_id: int, run: NormalRun) -> None:
    """Add params, tags, samples and artifacts to a run; what is there stays as it is."""
    added = False
    for table, rows in belongings(interner, [(run_id, run)]).items():
        if rows:
            added |= connection.execute(interner.insert_new(table), rows).rowcount != 0
    if added:
        touch(connection, [run_id])


def new_revision() -> int:
    """A number that no run has had before, in any database."""
    return secrets.randbits(63)


def touch(connection: Connection, run_ids: Collection[int]) -> None:
    """Note that what belongs to these runs has changed."""
    those = is_among(Run.id, sorted(run_ids))
    connection.execute(update(Run).where(those).values(revision=new_revision()))


def write_metrics(
    connection: Connection, interner: Interner, series: Sequence[tuple[int, MetricSeries]]
) -> int:
    """Store whole series with their aggregates, in place of what was there; returns points."""
    keyed = [(run_id, interner.metric(item.metric), item) for run_id, item in series]
    write_aggregates(connection, interner, keyed)
    touch(connection, {run_id for run_id, _ in series})
    return write_points(connection, keyed)


def replace_belongings(
    connection: Connection, interner: Interner, run_id: int, run: NormalRun
) -> None:
    """Rewrite everything that a reader derives of a run; tags that people set stay."""
    delete_points(connection, [run_id])
    for table in (RunMetric, Sample, Artifact, Param):
        connection.execute(delete(table).where(table.run_id == run_id))
    names = list(run.tags)
    if names:
        connection.execute(delete(Tag).where(Tag.run_id == run_id, Tag.key.in_(names)))
    insert_belongings(connection, interner, [(run_id, run)])
    touch(connection, [run_id])


def update_run(connection: Connection, run_id: int, values: Mapping[str, Any]) -> None:
    """Set columns of one run."""
    update_runs(connection, [(run_id, values)])


def update_runs(connection: Connection, changes: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
    """Set columns of runs, given as (run id, column → value), in a statement per set of columns."""
    alike: dict[tuple[str, ...], dict[int, tuple[Any, ...]]] = defaultdict(dict)
    for run_id, values in changes:
        if values:
            if not _OPERANDS.isdisjoint(values):
                values = {**values, "revision": new_revision()}
            alike[tuple(values)][run_id] = (*values.values(), run_id)
    for names, rows in alike.items():
        changed = bound(connection, Run.__table__, [*names, "id"], list(rows.values()))
        dialect_of(connection).update_rows(connection, Run.__table__, names, changed)


def delete_runs(connection: Connection, run_ids: Sequence[int]) -> None:
    """Remove runs and everything that belongs to them."""
    for part in chunks(run_ids):
        for table in reversed(Base.metadata.sorted_tables):
            if "run_id" in table.c:
                connection.execute(delete(table).where(table.c.run_id.in_(part)))
        for column in (Run.baseline_run_id, Run.parent_run_id):
            connection.execute(update(Run).where(column.in_(part)).values({column: None}))
        connection.execute(delete(Run).where(Run.id.in_(part)))
