"""SQLite: a file, many readers, one writer at a time."""

from __future__ import annotations

import itertools
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Table
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import URL

from cetrack.db.dialect import PLANNED, POINT_DTYPE, PointColumns, SeriesColumns, require_reading
from cetrack.db.rows import Row, column_list
from cetrack.errors import DatabaseUnavailableError, StoreError, UsageError

_ROWS_A_STATEMENT = 200  # beyond, time per row stops falling (measured)
_LOOKED_AT = 10_000  # rows of an index; with 400, all large groups look alike
_POINTS_A_STATEMENT = 64
_BATCH = 10_000
_KINDS = [POINT_DTYPE[name] for name in POINT_DTYPE.names or ()]


_CONFLICT = (
    "ON CONFLICT (run_id, metric_id, step) "
    "DO UPDATE SET value = excluded.value, wall_time = excluded.wall_time"
)


@cache
def _insert_points(rows: int) -> str:
    values = ", ".join(["(?, ?, ?, ?, ?)"] * rows)
    return (
        f"INSERT INTO point (run_id, metric_id, step, value, wall_time) VALUES {values} "  # noqa: S608
        f"{_CONFLICT}"
    )


_SELECT_POINTS = (
    "SELECT run_id, metric_id, step, value, wall_time FROM point WHERE run_id IN ({}) "
    "ORDER BY run_id, metric_id, step"
)
_SELECT_SERIES = (
    "SELECT step, value, wall_time FROM point WHERE run_id = ? AND metric_id = ? ORDER BY step"
)


_LONG_SERIES = 64


@cache
def _insert_series(rows: int, *, walls: bool) -> str:
    """For points of one series: its run and its metric are bound once, not with every point."""
    row = "(?, ?, ?)" if walls else "(?, ?)"
    return (
        "INSERT INTO point (run_id, metric_id, step, value, wall_time) "  # noqa: S608
        f"SELECT ?, ?, column1, column2, {'column3' if walls else 'NULL'} "
        f"FROM (VALUES {', '.join([row] * rows)}) WHERE true {_CONFLICT}"
    )


def _runs_of_equal(points: PointColumns) -> Iterator[tuple[int, int]]:
    """(start, stop) of every stretch of points with the same run and metric."""
    changes = (np.diff(points.run_id) != 0) | (np.diff(points.metric_id) != 0)
    return itertools.pairwise([0, *(np.flatnonzero(changes) + 1).tolist(), len(points)])


def _write_series(cursor: Any, points: PointColumns, start: int, stop: int) -> None:
    owner = [int(points.run_id[start]), int(points.metric_id[start])]
    columns = [points.step[start:stop], points.value[start:stop]]
    walls = points.wall_time[start:stop]
    if not np.isnan(walls).all():
        columns.append(walls)
    flat, width = _flat(columns), len(columns)
    for first in range(0, len(flat), _ROWS_A_STATEMENT * width):
        part = flat[first : first + _ROWS_A_STATEMENT * width]
        statement = _insert_series(len(part) // width, walls=width > 2)
        cursor.execute(statement, owner + part)


def _write_mixed(cursor: Any, columns: Sequence[npt.NDArray[Any]]) -> None:
    flat, width = _flat(columns), len(columns)
    for first in range(0, len(flat), _ROWS_A_STATEMENT * width):
        part = flat[first : first + _ROWS_A_STATEMENT * width]
        cursor.execute(_insert_points(len(part) // width), part)


def _flat(columns: Sequence[npt.NDArray[Any]]) -> list[Any]:
    """The values of the columns row by row."""
    flat: list[Any] = [None] * (len(columns) * len(columns[0]))
    for position, column in enumerate(columns):
        flat[position :: len(columns)] = column.tolist()
    return flat


class SqliteDialect:
    """See :class:`cetrack.db.dialect.Dialect`."""

    name = "sqlite"
    read_options: ClassVar[dict[str, Any]] = {}  # every transaction is a snapshot

    def engine_options(self, busy_timeout_s: float) -> dict[str, Any]:
        """``isolation_level`` None: BEGIN is ours, see ``begin_statement``."""
        return {"connect_args": {"timeout": busy_timeout_s, "isolation_level": None}}

    def on_connect(self, connection: Any, record: Any) -> None:
        """Foreign keys on; WAL so that readers never wait for the writer."""
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys = ON")
        with suppress(sqlite3.OperationalError):  # a read-only file keeps the mode it has
            cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
        # 32 MiB of pages: indexes of a large database are written all over
        cursor.execute("PRAGMA cache_size = -32768")
        cursor.close()

    def begin_statement(self, *, writes: bool) -> str | None:
        """IMMEDIATE takes the write lock now: upgrading a read lock later can dead-end."""
        return "BEGIN IMMEDIATE" if writes else "BEGIN"

    def check_each_row(self, connection: Connection, *, on: bool) -> None:
        """With checks on, a new baseline of a run costs deleting and inserting the whole row."""
        driver: Any = connection.connection.driver_connection
        driver.execute(f"PRAGMA foreign_keys = {'ON' if on else 'OFF'}")

    def insert(self, table: Any) -> Any:
        """The dialect's own INSERT."""
        return insert(table)

    def write_points(
        self, connection: Connection, points: PointColumns, *, new: bool = False
    ) -> None:
        """Many rows a statement; SQLite itself stores NaN as NULL, and ``new`` costs the same."""
        driver: Any = connection.connection.driver_connection
        short = np.ones(len(points), bool)
        with closing(driver.cursor()) as cursor:
            for start, stop in _runs_of_equal(points):
                if stop - start >= _LONG_SERIES:
                    short[start:stop] = False
                    _write_series(cursor, points, start, stop)
            if short.any():
                _write_mixed(cursor, [column[short] for column in points.columns])

    def new_ids(self, connection: Connection, table: Table, count: int) -> list[int]:
        """The transaction holds the write lock: what follows the largest id is free."""
        query = f'SELECT coalesce(max(id), 0) FROM "{table.name}"'  # noqa: S608 - our own name
        first = int(connection.exec_driver_sql(query).scalar_one()) + 1
        return list(range(first, first + count))

    def insert_rows(
        self, connection: Connection, table: Table, names: Sequence[str], rows: Sequence[Row]
    ) -> None:
        """One prepared statement for all rows."""
        driver: Any = connection.connection.driver_connection
        marks = ", ".join("?" * len(names))
        statement = f"INSERT INTO {column_list(table, names)} VALUES ({marks})"  # noqa: S608
        with closing(driver.cursor()) as cursor:
            cursor.executemany(statement, rows)

    def update_rows(
        self, connection: Connection, table: Table, names: Sequence[str], rows: Sequence[Row]
    ) -> None:
        """One prepared statement for all rows."""
        driver: Any = connection.connection.driver_connection
        changes = ", ".join(f'"{name}" = ?' for name in names)
        statement = f'UPDATE "{table.name}" SET {changes} WHERE id = ?'  # noqa: S608 - our names
        with closing(driver.cursor()) as cursor:
            cursor.executemany(statement, rows)

    def driver_error(self) -> type[Exception]:
        """That of the standard library's module."""
        return sqlite3.Error

    def read_points(
        self, connection: Connection, run_ids: Sequence[int]
    ) -> Iterator[tuple[int, int, SeriesColumns]]:
        """A few thousand rows at a time, cut where the run or the metric changes."""
        statement = _SELECT_POINTS.format(", ".join("?" * len(run_ids)))
        for run_id, metric_id, *columns in _batches(connection, statement, run_ids):
            changes = (np.diff(run_id) != 0) | (np.diff(metric_id) != 0)
            edges = [0, *(np.flatnonzero(changes) + 1).tolist(), len(run_id)]
            for start, stop in itertools.pairwise(edges):
                step, value, wall_time = (column[start:stop] for column in columns)
                yield int(run_id[start]), int(metric_id[start]), (step, value, wall_time)

    def read_series(
        self, connection: Connection, run_id: int, metric_id: int
    ) -> Iterator[SeriesColumns]:
        """Three columns of five: what a row costs is making Python objects of its fields."""
        return _batches(connection, _SELECT_SERIES, (run_id, metric_id))

    def reads_series_alone(self, *, series: int, points: int) -> bool:
        """A statement costs as much as reading two columns of some dozens of points."""
        return points >= _POINTS_A_STATEMENT * series

    def after_bulk_write(self, connection: Connection, runs: int) -> None:
        """Look at some rows of every index: 30 ms at a million aggregates.

        Without it a metric is taken to be rarer than a model, and its rows are all gone through.
        """
        if runs:
            connection.exec_driver_sql(f"PRAGMA analysis_limit = {_LOOKED_AT}")
            for table in PLANNED:
                connection.exec_driver_sql(f'ANALYZE main."{table}"')

    def lock_for_migration(self, connection: Connection) -> None:
        """BEGIN IMMEDIATE has done it."""

    def check_references(self, connection: Connection) -> None:
        """The check that the disabled foreign keys did not do."""
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        if broken:
            raise StoreError(f"the migration would leave {len(broken)} dangling references")

    def size_bytes(self, connection: Connection) -> int:
        """Pages in use and free, without the write-ahead log."""
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        return int(pages * connection.exec_driver_sql("PRAGMA page_size").scalar_one())

    def read_only_query(
        self, url: URL, sql: str, timeout_s: float
    ) -> tuple[list[str], list[Sequence[Any]]]:
        """A connection of its own, opened read-only, stopped after ``timeout_s``."""
        statement = require_reading(sql)
        uri = Path(str(url.database)).absolute().as_uri() + "?mode=ro"
        try:
            with closing(sqlite3.connect(uri, uri=True)) as connection:
                connection.execute("PRAGMA query_only = ON")
                deadline = time.monotonic() + timeout_s
                connection.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
                cursor = connection.execute(statement)
                return [item[0] for item in cursor.description or ()], cursor.fetchall()
        except sqlite3.OperationalError as error:
            raise _query_error(error, timeout_s) from error
        except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
            raise UsageError(f"sql: {error}") from error


def _batches(connection: Connection, statement: str, values: Sequence[int]) -> Iterator[Any]:
    """Arrays of the columns of a query that selects the last columns of a point, by batches."""
    driver: Any = connection.connection.driver_connection
    with closing(driver.cursor()) as cursor:
        cursor.execute(statement, values)
        while rows := cursor.fetchmany(_BATCH):
            columns = list(zip(*rows, strict=True))
            kinds = _KINDS[-len(columns) :]
            yield [np.fromiter(*pair, len(rows)) for pair in zip(columns, kinds, strict=True)]


def _query_error(error: sqlite3.OperationalError, timeout_s: float) -> UsageError | StoreError:
    text = str(error)
    if text == "interrupted":
        return UsageError(
            f"sql: stopped after {timeout_s:g} s", hint="raise --timeout or narrow the query"
        )
    if "unable to open" in text or "locked" in text:
        return DatabaseUnavailableError(text)
    return UsageError(f"sql: {text}", hint="docs/schema.md lists the views and their columns")
