"""What differs between databases, behind one interface: ask the dialect, not its name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Table
from sqlalchemy.engine import URL

from cetrack.db.rows import Row
from cetrack.domain import FloatArray, IntArray
from cetrack.errors import UsageError

# what queries join and filter by; points are only read by key
PLANNED = (
    *("run", "run_metric", "metric", "model", "precision", "environment", "experiment"),
    *("param", "tag"),
)
READING = frozenset({"select", "with", "values", "explain", "table", "show"})


# a row of the point table; a NULL is read as NaN
POINT_DTYPE = np.dtype(
    [
        ("run_id", np.int64),
        ("metric_id", np.int64),
        ("step", np.int64),
        ("value", np.float64),
        ("wall_time", np.float64),
    ]
)


@dataclass(frozen=True, slots=True, eq=False)
class PointColumns:
    """Points as columns of equal length n: what travels to and from the ``point`` table."""

    run_id: IntArray
    metric_id: IntArray
    step: IntArray
    value: FloatArray
    wall_time: FloatArray

    def __len__(self) -> int:
        return len(self.step)

    @property
    def columns(self) -> tuple[npt.NDArray[Any], ...]:
        """The columns in the order of the table."""
        return (self.run_id, self.metric_id, self.step, self.value, self.wall_time)


SeriesColumns = tuple[IntArray, FloatArray, FloatArray]  # step, value, wall time of one series


class Dialect(Protocol):
    """One database's way of doing the few things that SQL does not agree on."""

    name: str
    read_options: ClassVar[
        dict[str, Any]
    ]  # of a connection whose transaction sees one state of the database

    def engine_options(self, busy_timeout_s: float) -> dict[str, Any]:
        """Keyword arguments of ``create_engine``."""

    def on_connect(self, connection: Any, record: Any) -> None:
        """Set up a fresh driver connection."""

    def begin_statement(self, *, writes: bool) -> str | None:
        """What opens a transaction, None where the driver does it."""

    def check_each_row(self, connection: Connection, *, on: bool) -> None:
        """Whether writing a row looks up what it refers to; set outside of transactions."""

    def insert(self, table: Any) -> Any:
        """An INSERT that knows ``on_conflict_do_nothing`` and ``on_conflict_do_update``."""

    def write_points(
        self, connection: Connection, points: PointColumns, *, new: bool = False
    ) -> None:
        """Insert points in bulk; one that exists is overwritten.

        ``new`` says that none of them exists: their runs were made in this transaction.
        """

    def new_ids(self, connection: Connection, table: Table, count: int) -> list[int]:
        """Ids for ``count`` rows to come, rising; nobody else gets them."""

    def insert_rows(
        self, connection: Connection, table: Table, names: Sequence[str], rows: Sequence[Row]
    ) -> None:
        """Insert rows, tuples in the order of ``names``, in bulk; none may exist already.

        Their values are the driver's own: see :func:`cetrack.db.rows.bound`.
        """

    def update_rows(
        self, connection: Connection, table: Table, names: Sequence[str], rows: Sequence[Row]
    ) -> None:
        """Set the columns ``names`` of rows: tuples of their values, then the id, each id once.

        Their values are the driver's own, as for ``insert_rows``.
        """

    def driver_error(self) -> type[Exception]:
        """What the driver raises where it is used directly."""

    def read_points(
        self, connection: Connection, run_ids: Sequence[int]
    ) -> Iterator[tuple[int, int, SeriesColumns]]:
        """The points of some runs, ordered by run, metric and step; NULL is NaN.

        Run id, metric id and the columns of a series, which may come in consecutive parts. The
        connection is busy until the last was taken.
        """

    def read_series(
        self, connection: Connection, run_id: int, metric_id: int
    ) -> Iterator[SeriesColumns]:
        """The points of one series in batches, ordered by step; NULL is NaN."""

    def reads_series_alone(self, *, series: int, points: int) -> bool:
        """Whether a run of this size is better read one series at a time than among others."""

    def after_bulk_write(self, connection: Connection, runs: int) -> None:
        """Let the planner know how large things have become, after ``runs`` were written."""

    def lock_for_migration(self, connection: Connection) -> None:
        """Keep other migrations out until the transaction ends."""

    def check_references(self, connection: Connection) -> None:
        """Raise when a migration left a dangling reference."""

    def size_bytes(self, connection: Connection) -> int:
        """Size of the database on disk."""

    def read_only_query(
        self, url: URL, sql: str, timeout_s: float
    ) -> tuple[list[str], list[Sequence[Any]]]:
        """Run one statement on a raw cursor of a connection that cannot write."""


def dialect_for(name: str) -> Dialect:
    """The dialect object of a SQLAlchemy backend name."""
    if name == "postgresql":  # each is imported here: only one of them is ever needed
        from cetrack.db.postgres import PostgresDialect

        return PostgresDialect()
    from cetrack.db.sqlite import SqliteDialect

    return SqliteDialect()


def require_reading(sql: str) -> str:
    """The statement without its trailing semicolon; UsageError if it is not one that reads."""
    text = sql.strip().rstrip(";").strip()
    bare = re.sub(r"^(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)+", "", text, flags=re.DOTALL).lstrip("( \n")
    word = re.match(r"[a-zA-Z]*", bare)
    if word is None or word.group().lower() not in READING:
        raise UsageError(
            "cetrack sql only reads",
            hint="begin with SELECT, WITH, VALUES or EXPLAIN; docs/sql.md has examples",
        )
    return text
