"""PostgreSQL through psycopg 3."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Table, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import URL

from cetrack.db.dialect import PLANNED, POINT_DTYPE, PointColumns, SeriesColumns, require_reading
from cetrack.db.rows import Row, column_list
from cetrack.errors import DatabaseUnavailableError, UsageError

_MANY_RUNS = 1000
_MIGRATION_LOCK = 0x6365_7472_6163_6B00  # "cetrack" in ASCII, as an advisory lock's number
_STAGE = (
    "CREATE TEMPORARY TABLE IF NOT EXISTS new_point (run_id bigint, metric_id bigint, "
    "step bigint, value double precision, wall_time double precision) ON COMMIT DELETE ROWS"
)
_COPY_IN = "COPY {} (run_id, metric_id, step, value, wall_time) FROM STDIN (FORMAT BINARY)"
_COPY_OUT = (
    "COPY (SELECT run_id, metric_id, string_agg(int8send(step), ''::bytea ORDER BY step), "
    "string_agg(float8send(coalesce(value, 'NaN')), ''::bytea ORDER BY step), "
    "string_agg(float8send(coalesce(wall_time, 'NaN')), ''::bytea ORDER BY step) "
    "FROM point WHERE run_id IN ({}) GROUP BY run_id, metric_id ORDER BY run_id, metric_id) "
    "TO STDOUT (FORMAT BINARY)"
)
_COPY_SERIES = (
    "COPY (SELECT step, coalesce(value, 'NaN'), coalesce(wall_time, 'NaN') "
    "FROM point WHERE run_id = {} AND metric_id = {} ORDER BY step) TO STDOUT (FORMAT BINARY)"
)
# the binary format of COPY (PostgreSQL manual, "COPY": file formats): a header, then per row the
# number of fields and per field its length, -1 for NULL, and the big-endian value; then -1
_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_FIELDS = 5
_READ_BYTES = 4 * 2**20
_HELD_POINTS = 500_000
_MERGE = (
    "INSERT INTO point (run_id, metric_id, step, value, wall_time) "
    "SELECT run_id, metric_id, step, value, wall_time FROM new_point "
    "ON CONFLICT (run_id, metric_id, step) "
    "DO UPDATE SET value = excluded.value, wall_time = excluded.wall_time"
)


class PostgresDialect:
    """See :class:`cetrack.db.dialect.Dialect`."""

    name = "postgresql"
    read_options: ClassVar[dict[str, Any]] = {
        "isolation_level": "REPEATABLE READ",
        "postgresql_readonly": True,
    }

    def engine_options(self, busy_timeout_s: float) -> dict[str, Any]:
        """UTC sessions, a name in pg_stat_activity, and no endless wait for a dead host."""
        # what went wrong is raised: without a handler the driver would also print it
        logging.getLogger("psycopg").addHandler(logging.NullHandler())
        # queries take milliseconds: compiling them to machine code takes longer than they do
        wait = f"-c lock_timeout={int(busy_timeout_s * 1000)}"
        return {
            "connect_args": {
                "connect_timeout": 10,
                "application_name": "cetrack",
                "options": f"-c timezone=UTC -c jit=off {wait}",
            },
            "pool_pre_ping": True,
        }

    def on_connect(self, connection: Any, record: Any) -> None:
        """Nothing beyond the connection parameters."""

    def begin_statement(self, *, writes: bool) -> str | None:
        """The driver opens transactions itself."""
        return None

    def check_each_row(self, connection: Connection, *, on: bool) -> None:
        """The server's users may not switch it."""

    def insert(self, table: Any) -> Any:
        """The dialect's own INSERT."""
        return insert(table)

    def write_points(
        self, connection: Connection, points: PointColumns, *, new: bool = False
    ) -> None:
        """Binary COPY: of new points straight into the table, else by way of a temporary one."""
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor:
            if new:
                _copy_in(cursor, "point", points)
                return
            cursor.execute(_STAGE)
            _copy_in(cursor, "new_point", points)
            cursor.execute(_MERGE)
            cursor.execute("DELETE FROM new_point")

    def new_ids(self, connection: Connection, table: Table, count: int) -> list[int]:
        """From the sequence of the table, whatever others take from it meanwhile."""
        sequence = func.pg_get_serial_sequence(f'"{table.name}"', "id")
        numbers = func.generate_series(1, count).table_valued("number")
        query = select(func.nextval(sequence)).select_from(numbers)
        return sorted(connection.scalars(query))

    def insert_rows(
        self, connection: Connection, table: Table, names: Sequence[str], rows: Sequence[Row]
    ) -> None:
        """COPY as text: the driver writes every type as the server reads it."""
        driver: Any = connection.connection.driver_connection
        statement = f"COPY {column_list(table, names)} FROM STDIN"
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)

    def update_rows(
        self, connection: Connection, table: Table, names: Sequence[str], rows: Sequence[Row]
    ) -> None:
        """One statement: every column travels as an array."""
        if not rows:
            return
        keys = [*names, "id"]
        arrays = [f"%s::{table.c[name].type.compile(connection.dialect)}[]" for name in keys]
        quoted = ", ".join(f'"{name}"' for name in keys)
        changes = ", ".join(f'"{name}" = new."{name}"' for name in names)
        statement = (
            f'UPDATE "{table.name}" SET {changes} '  # noqa: S608 - our own names
            f"FROM unnest({', '.join(arrays)}) AS new ({quoted}) "
            f'WHERE "{table.name}".id = new.id'
        )
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor:
            cursor.execute(statement, [list(column) for column in zip(*rows, strict=True)])

    def driver_error(self) -> type[Exception]:
        """That of psycopg."""
        import psycopg  # an extra; nobody gets here without it

        return psycopg.Error

    def read_points(
        self, connection: Connection, run_ids: Sequence[int]
    ) -> Iterator[tuple[int, int, SeriesColumns]]:
        """A row per series: the server strings its points together.

        A row per point would cost more to hand over than to read: three times as slow, measured.
        """
        driver: Any = connection.connection.driver_connection
        wanted = ", ".join(str(int(run_id)) for run_id in run_ids)
        with driver.cursor() as cursor, cursor.copy(_COPY_OUT.format(wanted)) as copy:
            copy.set_types(["int8", "int8", "bytea", "bytea", "bytea"])
            for run_id, metric_id, *columns in copy.rows():
                step, value, wall_time = map(_native, columns, _SERIES.values())
                yield run_id, metric_id, (step, value, wall_time)

    def read_series(
        self, connection: Connection, run_id: int, metric_id: int
    ) -> Iterator[SeriesColumns]:
        """Rows of one width, taken apart by numpy: for a series too long to be one row."""
        driver: Any = connection.connection.driver_connection
        pending = bytearray()
        statement = _COPY_SERIES.format(int(run_id), int(metric_id))
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for block in copy:  # a row or so each
                pending += block
                if len(pending) >= _READ_BYTES:
                    pending = pending.removeprefix(_HEADER)
                    whole = len(pending) - len(pending) % _ROW.itemsize
                    yield _unpacked(pending[:whole])
                    pending = pending[whole:]
        rest = pending.removeprefix(_HEADER)
        rest = rest[: len(rest) - len(rest) % _ROW.itemsize]  # without the trailer
        if rest:
            yield _unpacked(rest)

    def reads_series_alone(self, *, series: int, points: int) -> bool:
        """A statement is a round trip: only where a whole run is too much to hold."""
        return points >= _HELD_POINTS

    def after_bulk_write(self, connection: Connection, runs: int) -> None:
        """At once after many: the server itself looks a minute later, at small tables never."""
        if runs >= _MANY_RUNS:
            tables = ", ".join(f'"{table}"' for table in PLANNED)
            connection.exec_driver_sql(f"ANALYZE {tables}")

    def lock_for_migration(self, connection: Connection) -> None:
        """Two first starts at once: the second waits, then finds the work done."""
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")

    def check_references(self, connection: Connection) -> None:
        """Constraints stay on during migrations."""

    def size_bytes(self, connection: Connection) -> int:
        """The whole database, indexes included."""
        query = "SELECT pg_database_size(current_database())"
        return int(connection.exec_driver_sql(query).scalar_one())

    def read_only_query(
        self, url: URL, sql: str, timeout_s: float
    ) -> tuple[list[str], list[Sequence[Any]]]:
        """A read-only session of its own; prepared, so that it can hold one statement only."""
        import psycopg  # an extra; nobody gets here without it

        statement = require_reading(sql).encode()
        options = f"-c timezone=UTC -c statement_timeout={int(timeout_s * 1000)}"
        conninfo = url.set(drivername="postgresql").render_as_string(hide_password=False)
        try:
            with closing(psycopg.connect(conninfo, options=options)) as connection:
                connection.read_only = True
                cursor = connection.execute(statement, prepare=True)
                return [item.name for item in cursor.description or ()], list(cursor.fetchall())
        except psycopg.errors.QueryCanceled as error:
            problem = f"sql: stopped after {timeout_s:g} s"
            raise UsageError(problem, hint="raise --timeout or narrow the query") from error
        except psycopg.OperationalError as error:
            raise DatabaseUnavailableError(str(error).strip().splitlines()[0]) from error
        except psycopg.Error as error:
            lines = str(error).strip().splitlines()
            raise UsageError(
                f"sql: {lines[0]}", hint="docs/schema.md lists the views and their columns"
            ) from error


def _copy_in(cursor: Any, table: str, points: PointColumns) -> None:
    with cursor.copy(_COPY_IN.format(table)) as copy:
        copy.write(_HEADER)
        for rows in _packed(points):
            copy.write(rows.tobytes())
        copy.write(_TRAILER)


def _layout(*, value: bool, wall: bool) -> np.dtype[Any]:
    """A row of COPY's binary format in which value and wall time are there, or NULL."""
    kinds = [">i8", ">i8", ">i8", ">f8" if value else None, ">f8" if wall else None]
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for name, kind in zip(POINT_DTYPE.names or (), kinds, strict=True):
        fields.append((f"{name}_length", ">i4"))
        if kind is not None:
            fields.append((name, kind))
    return np.dtype(fields)


def _packed(points: PointColumns) -> Iterator[npt.NDArray[Any]]:
    """The points as binary rows: first those without a NULL, then those with one and with two.

    Their order does not matter: the table is sorted by its key.
    """
    known_value, known_wall = ~np.isnan(points.value), ~np.isnan(points.wall_time)
    for value, wall in itertools.product((True, False), repeat=2):
        chosen = (known_value == value) & (known_wall == wall)
        count = int(chosen.sum())
        if not count:
            continue
        rows = np.empty(count, _layout(value=value, wall=wall))
        rows["fields"] = _FIELDS
        for name, column in zip(POINT_DTYPE.names or (), points.columns, strict=True):
            there = name in (rows.dtype.names or ())
            rows[f"{name}_length"] = column.itemsize if there else -1
            if there:
                rows[name] = column[chosen]
        yield rows


_SERIES = {name: POINT_DTYPE[name].newbyteorder(">") for name in ("step", "value", "wall_time")}
# a row of three columns, none of them NULL
_ROW = np.dtype(
    [
        ("fields", ">i2"),
        *(
            field
            for name in _SERIES
            for field in ((f"{name}_length", ">i4"), (name, _SERIES[name]))
        ),
    ]
)


def _unpacked(block: bytearray) -> SeriesColumns:
    rows = np.frombuffer(bytes(block), _ROW)
    step, value, wall_time = (rows[name].astype(POINT_DTYPE[name]) for name in _SERIES)
    return step, value, wall_time


def _native(content: bytes, kind: np.dtype[Any]) -> npt.NDArray[Any]:
    """Big-endian numbers as an array of this machine's own."""
    return np.frombuffer(content, kind).astype(kind.newbyteorder("="))
