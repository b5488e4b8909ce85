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

import numpy as np
from sqlalchemy import Connection, Engine, Select, delete, select, update

from cetrack.aggregates import Aggregates, aggregate, aggregate_one, of_number
from cetrack.db import schema
from cetrack.db.conditions import is_among
from cetrack.db.engine import dialect_of, make_engine, normalize_url, shown_url, transaction
from cetrack.db.rows import bound
from cetrack.domain import MetricSeries, NormalRun, TimeSource
from cetrack.errors import DatabaseUnavailableError
from cetrack.filter import Expr
from cetrack.filter.sql import to_sql
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
from cetrack.plain import Layout, PlainMetrics
from cetrack.series import delete_points, first_points, single_points, write_points

RunRow = Mapping[str, Any]
_CHUNK = 500
# the baseline rule of a run that nobody has looked for a baseline for: a command that is killed
# after storing it leaves it so, and the next one finds it
PENDING = "pending"


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
    _insert_belongings(connection, interner, [(key, new.run) for key, new in numbered])
    return {new.uid: key for key, new in numbered}


def insert_rows(
    connection: Connection, table: type[Base], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert rows, all with the same columns, that do not exist yet."""
    if rows:
        names = list(rows[0])
        values = bound(connection, table.__table__, names, [tuple(row.values()) for row in rows])
        dialect_of(connection).insert_rows(connection, table.__table__, names, values)


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


def _insert_belongings(
    connection: Connection, interner: Interner, runs: Sequence[tuple[int, NormalRun]]
) -> None:
    """Store what belongs to runs that have nothing yet."""
    metric_id = interner.metric
    plain: list[tuple[int, PlainMetrics]] = []
    keyed: list[tuple[int, int, MetricSeries]] = []
    for run_id, run in runs:
        if isinstance(run.series, PlainMetrics):
            plain.append((run_id, run.series))
        else:
            keyed += [(run_id, metric_id(item.metric), item) for item in run.series]
    _insert_plain(connection, interner, plain)
    keyed.sort(key=lambda series: series[:2])
    single = [series for series in keyed if len(series[2].steps) == 1]
    long = [series for series in keyed if len(series[2].steps) != 1]
    _insert_series(connection, single, long)
    for table, rows in belongings(interner, runs).items():
        insert_rows(connection, table, rows)


def _insert_series(
    connection: Connection,
    single: Sequence[tuple[int, int, MetricSeries]],
    long: Sequence[tuple[int, int, MetricSeries]],
) -> None:
    """Store new series, those of a single point apart: they are most, and need no arrays each."""
    dialect = dialect_of(connection)
    rows = _aggregate_rows(long)
    if single:
        points = single_points(single)
        rows += _single_rows(single, points.step.tolist(), points.value.tolist())
    dialect.insert_rows(connection, RunMetric.__table__, _AGGREGATES, rows)
    if single:
        dialect.write_points(connection, points, new=True)
    write_points(connection, long, new=True)


def _insert_plain(
    connection: Connection, interner: Interner, runs: Sequence[tuple[int, PlainMetrics]]
) -> None:
    """Store the numbers of plain runs: a row of aggregates and a point at step 0 for each."""
    if not runs:
        return
    about: dict[Layout, list[tuple[int, int, tuple[Any, ...]]]] = {}
    rows: list[tuple[Any, ...]] = []
    metric_ids: list[int] = []
    values: list[float] = []
    for run_id, series in runs:
        layout = series.layout
        if layout not in about:
            origins = zip(layout.source_names, layout.source_units, layout.scales, strict=True)
            ids = interner.metric_ids(layout)
            # by the key of the tables, so that rows are appended to them
            about[layout] = sorted(zip(ids, range(len(ids)), origins, strict=True))
        for metric_id, at, origin in about[layout]:
            value = series.values[at]
            values.append(value)
            metric_ids.append(metric_id)
            rows.append((run_id, metric_id, *of_number(0, value), *origin))
    dialect = dialect_of(connection)
    dialect.insert_rows(connection, RunMetric.__table__, _AGGREGATES, rows)
    run_ids = np.repeat([run_id for run_id, _ in runs], [len(series) for _, series in runs])
    points = first_points(run_ids, metric_ids, values)
    dialect.write_points(connection, points, new=True)


def _single_rows(
    series: Sequence[tuple[int, int, MetricSeries]], steps: list[int], values: list[float]
) -> list[tuple[Any, ...]]:
    """Rows of ``run_metric`` for series of a single point."""
    return [
        _metric_row(run_id, metric_id, aggregate_one(step, value, item.spread), item)
        for (run_id, metric_id, item), step, value in zip(series, steps, values, strict=True)
    ]


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


def belongings(
    interner: Interner, runs: Sequence[tuple[int, NormalRun]]
) -> dict[type[Base], list[dict[str, Any]]]:
    """The rows of all that belongs to runs, but their metrics."""
    params = [
        {"run_id": run_id, "key": key, **param_columns(value)}
        for run_id, run in runs
        for key, value in run.params.items()
    ]
    tags = [
        {"run_id": run_id, "key": key, "value": value}
        for run_id, run in runs
        for key, value in run.tags.items()
    ]
    samples = [
        {
            "run_id": run_id,
            "metric_id": interner.metric(sample.metric),
            "step": 0,
            "kind": "values",
            "count": len(sample.values),
            "values": json_numbers(sample.values.tolist()),
        }
        for run_id, run in runs
        for sample in run.samples
    ]
    artifacts = [
        {
            "run_id": run_id,
            "name": item.name,
            "kind": item.kind,
            "uri": item.uri,
            "sha256": item.sha256,
            "size_bytes": item.size_bytes,
            "content": item.content,
        }
        for run_id, run in runs
        for item in run.record.artifacts
    ]
    return {Param: params, Tag: tags, Sample: samples, Artifact: artifacts}


def write_metrics(
    connection: Connection, interner: Interner, series: Sequence[tuple[int, MetricSeries]]
) -> int:
    """Store whole series with their aggregates, in place of what was there; returns points."""
    keyed = [(run_id, interner.metric(item.metric), item) for run_id, item in series]
    write_aggregates(connection, interner, keyed)
    touch(connection, {run_id for run_id, _ in series})
    return write_points(connection, keyed)


def write_aggregates(
    connection: Connection, interner: Interner, keyed: Sequence[tuple[int, int, MetricSeries]]
) -> None:
    """Store the aggregates of (run id, metric id, whole series), in place of what was there."""
    rows = [dict(zip(_AGGREGATES, row, strict=True)) for row in _aggregate_rows(keyed)]
    if rows:
        connection.execute(interner.upsert(RunMetric, ["run_id", "metric_id"]), rows)


_AGGREGATES = ("run_id", "metric_id", *Aggregates._fields, "source_name", "source_unit", "scale")


def _aggregate_rows(keyed: Sequence[tuple[int, int, MetricSeries]]) -> list[tuple[Any, ...]]:
    """Rows of ``run_metric``; a NaN is None in them already."""
    return [
        _metric_row(run_id, metric_id, aggregate(item.steps, item.values, item.spread), item)
        for run_id, metric_id, item in keyed
    ]


def _metric_row(
    run_id: int, metric_id: int, found: Aggregates, item: MetricSeries
) -> tuple[Any, ...]:
    return (run_id, metric_id, *found, item.source_name, item.source_unit, item.scale)


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
    _insert_belongings(connection, interner, [(run_id, run)])
    touch(connection, [run_id])


def update_run(connection: Connection, run_id: int, values: Mapping[str, Any]) -> None:
    """Set columns of one run."""
    update_runs(connection, [(run_id, values)])


def update_runs(connection: Connection, changes: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
    """Set columns of runs, given as (run id, column → value), in a statement per set of columns."""
    alike: dict[tuple[str, ...], dict[int, tuple[Any, ...]]] = defaultdict(dict)
    for run_id, values in changes:
        if values:
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


def param_columns(value: Any) -> dict[str, Any]:
    """A parameter as text and, where it is one, as number."""
    if value is None:
        return {"text": None, "number": None}
    if isinstance(value, bool):
        return {"text": "true" if value else "false", "number": None}
    text = value if isinstance(value, str) else repr(value)
    try:
        number = float(text)
    except (ValueError, OverflowError):
        number = None
    return {"text": text, "number": number}


def json_numbers(values: Sequence[float]) -> list[float | str | None]:
    """Numbers that strict JSON can hold: NaN as null, infinities as text."""
    return [
        value if abs(value) < float("inf") else None if value != value else _infinity(value)
        for value in values
    ]


def _infinity(value: float) -> str:
    return "Infinity" if value > 0 else "-Infinity"
