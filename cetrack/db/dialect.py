"""What differs between databases, behind one interface: ask the dialect, not its name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection
from sqlalchemy.engine import URL

from cetrack.domain import FloatArray, IntArray
from cetrack.errors import UsageError

READING = frozenset({"select", "with", "values", "explain", "table", "show"})


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


class Dialect(Protocol):
    """One database's way of doing the few things that SQL does not agree on."""

    name: str

    def engine_options(self, busy_timeout_s: float) -> dict[str, Any]:
        """Keyword arguments of ``create_engine``."""

    def on_connect(self, connection: Any, record: Any) -> None:
        """Set up a fresh driver connection."""

    def begin_statement(self, *, writes: bool) -> str | None:
        """What opens a transaction, None where the driver does it."""

    def insert(self, table: Any) -> Any:
        """An INSERT that knows ``on_conflict_do_nothing`` and ``on_conflict_do_update``."""

    def write_points(self, connection: Connection, points: PointColumns) -> None:
        """Insert points in bulk; one that exists is overwritten."""

    def lock_for_migration(self, connection: Connection) -> None:
        """Keep other migrations out until the transaction ends."""

    def migration_pragmas(self, connection: Connection, *, before: bool) -> None:
        """Run outside the transaction, before and after a migration."""

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
    from cetrack.db import postgres, sqlite  # here, because both import this module

    known: dict[str, Dialect] = {
        "sqlite": sqlite.SqliteDialect(),
        "postgresql": postgres.PostgresDialect(),
    }
    return known[name]


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
