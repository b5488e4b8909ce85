"""PostgreSQL through psycopg 3."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import URL

from cetrack.db.dialect import PointColumns, require_reading
from cetrack.errors import DatabaseUnavailableError, UsageError

_MIGRATION_LOCK = 0x6365_7472_6163_6B00  # "cetrack" in ASCII, as an advisory lock's number
_STAGE = (
    "CREATE TEMPORARY TABLE IF NOT EXISTS new_point (run_id bigint, metric_id bigint, "
    "step bigint, value double precision, wall_time double precision) ON COMMIT DELETE ROWS"
)
_COPY = "COPY new_point (run_id, metric_id, step, value, wall_time) FROM STDIN"
_MERGE = (
    "INSERT INTO point (run_id, metric_id, step, value, wall_time) "
    "SELECT run_id, metric_id, step, value, wall_time FROM new_point "
    "ON CONFLICT (run_id, metric_id, step) "
    "DO UPDATE SET value = excluded.value, wall_time = excluded.wall_time"
)


class PostgresDialect:
    """See :class:`cetrack.db.dialect.Dialect`."""

    name = "postgresql"

    def engine_options(self, busy_timeout_s: float) -> dict[str, Any]:
        """UTC sessions, a name in pg_stat_activity, and no endless wait for a dead host."""
        return {
            "connect_args": {
                "connect_timeout": 10,
                "application_name": "cetrack",
                "options": f"-c timezone=UTC -c lock_timeout={int(busy_timeout_s * 1000)}",
            },
            "pool_pre_ping": True,
        }

    def on_connect(self, connection: Any, record: Any) -> None:
        """Nothing beyond the connection parameters."""

    def begin_statement(self, *, writes: bool) -> str | None:
        """The driver opens transactions itself."""
        return None

    def insert(self, table: Any) -> Any:
        """The dialect's own INSERT."""
        return insert(table)

    def write_points(self, connection: Connection, points: PointColumns) -> None:
        """COPY into a temporary table, then one merge."""
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor:
            cursor.execute(_STAGE)
            with cursor.copy(_COPY) as copy:
                for row in _rows(points):
                    copy.write_row(row)
            cursor.execute(_MERGE)
            cursor.execute("DELETE FROM new_point")

    def lock_for_migration(self, connection: Connection) -> None:
        """Two first starts at once: the second waits, then finds the work done."""
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")

    def migration_pragmas(self, connection: Connection, *, before: bool) -> None:
        """Nothing to switch."""

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


def _rows(points: PointColumns) -> Iterator[tuple[int, int, int, float | None, float | None]]:
    """Rows with NaN as NULL."""
    columns = zip(
        points.run_id.tolist(),
        points.metric_id.tolist(),
        points.step.tolist(),
        points.value.tolist(),
        points.wall_time.tolist(),
        strict=True,
    )
    for run_id, metric_id, step, value, wall in columns:
        yield (
            run_id,
            metric_id,
            step,
            None if math.isnan(value) else value,
            None if math.isnan(wall) else wall,
        )
