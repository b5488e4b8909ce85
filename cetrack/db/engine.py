"""Engines: one way to make them, one place where driver errors become ours.

SQLite runs with the driver's own transaction handling off and an explicit BEGIN: in its stock
mode the driver commits behind our back before some statements, and a rolled-back transaction
would leave its tables behind.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    NoSuchModuleError,
)

from cetrack.db.dialect import Dialect, dialect_for
from cetrack.errors import ConflictError, DatabaseUnavailableError, StoreError, UsageError

WRITE = "cetrack_write"
_ATTEMPTS, _PAUSE_S = 8, 0.2
T = TypeVar("T")
_DRIVERS = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}


def normalize_url(text: str) -> URL:
    """The database URL that ``text`` means; a plain path means SQLite.

    Raises UsageError for a scheme that cetrack has no database for.
    """
    if "://" not in text:
        return URL.create("sqlite", database=text)
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise UsageError(
            "the database URL cannot be parsed",
            hint="write sqlite:///FILE.db or postgresql://USER@HOST/DATABASE",
        ) from None
    driver = _DRIVERS.get(url.drivername)
    if driver is None:
        raise UsageError(
            f"no support for {url.drivername} databases",
            hint="write sqlite:///FILE.db or postgresql://USER@HOST/DATABASE",
        )
    return url.set(drivername=driver)


def shown_url(url: URL) -> str:
    """The URL as people may see it: without the password, wherever it was written."""
    secret = re.compile("pass|secret|key|token", re.IGNORECASE)
    query = {key: "***" if secret.search(key) else value for key, value in url.query.items()}
    return url.set(query=query).render_as_string(hide_password=True)


def sqlite_path(url: URL) -> Path | None:
    """The file of a SQLite database, None for others and for one in memory."""
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    return Path(str(url.database))


def make_engine(url: URL, *, busy_timeout_s: float = 15.0) -> Engine:
    """An engine with the connection settings that all of cetrack relies on."""
    dialect = dialect_for(url.get_backend_name())
    try:
        engine = create_engine(url, **dialect.engine_options(busy_timeout_s))
    except (NoSuchModuleError, ModuleNotFoundError):
        raise StoreError(
            "PostgreSQL support is not installed", hint='pip install "cetrack[postgres]"'
        ) from None
    event.listen(engine, "connect", dialect.on_connect)
    event.listen(engine, "begin", _begin)
    return engine


def dialect_of(connection: Connection | Engine) -> Dialect:
    """The dialect object that serves a connection."""
    return dialect_for(connection.dialect.name)


def _begin(connection: Connection) -> None:
    writes = bool(connection.get_execution_options().get(WRITE, False))
    statement = dialect_of(connection).begin_statement(writes=writes)
    if statement:
        connection.exec_driver_sql(statement)


@contextmanager
def transaction(engine: Engine, *, writes: bool, checks_rows: bool = True) -> Iterator[Connection]:
    """One transaction: committed at the end, rolled back on any error.

    A writing one takes its lock at once, so that it cannot dead-end half-way. ``checks_rows`` False
    is for one that refers to nothing but what it has read itself.
    """
    dialect = dialect_of(engine)
    with translated(engine.url), engine.connect() as connection:
        options = {} if writes else dialect.read_options
        connection.execution_options(**{WRITE: writes, **options})
        if not checks_rows:
            dialect.check_each_row(connection, on=False)
        try:
            with connection.begin():
                yield connection
        finally:
            if not checks_rows:
                dialect.check_each_row(connection, on=True)


def patiently(work: Callable[[], T]) -> T:
    """What ``work``, a whole transaction, returns; done again where another writer was faster."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return work()
        except ConflictError:
            time.sleep(random.uniform(0, _PAUSE_S))  # noqa: S311 - jitter, not a secret
    return work()


_CONFLICTS = frozenset({"40001", "40P01"})  # serialization failure, deadlock


@contextmanager
def translated(url: URL) -> Iterator[None]:
    """Turn what drivers raise about the database itself into DatabaseUnavailableError.

    Where two writers met it is a ConflictError. A statement that is wrong is a bug of ours and
    keeps its traceback.
    """
    try:
        yield
    except Exception as error:
        # rows and points go to the driver directly: its own error then, with the same names
        cause = error.orig if isinstance(error, DBAPIError) else error
        if not isinstance(cause, dialect_for(url.get_backend_name()).driver_error()):
            raise
        problem = str(cause).strip()
        kinds = {kind.__name__ for kind in type(cause).__mro__}
        if "IntegrityError" in kinds or _sqlstate(cause) in _CONFLICTS:
            line = problem.splitlines()[0]
            raise ConflictError(f"{shown_url(url)}: {line}", hint="try again") from error
        if not _is_about_the_database(cause, kinds):
            raise
        explained, hint = _explain(problem)
        raise DatabaseUnavailableError(f"{shown_url(url)}: {explained}", hint=hint) from error


def _sqlstate(error: BaseException) -> str | None:
    return getattr(error, "sqlstate", None)


def _is_about_the_database(error: BaseException, kinds: set[str]) -> bool:
    denied = _sqlstate(error) == "42501"  # insufficient privilege
    garbled = "file is not a database" in str(error)  # a DatabaseError, no more
    return bool(kinds & {"OperationalError", "InterfaceError"}) or denied or garbled


_EXPLANATIONS: tuple[tuple[str, str], ...] = (
    ("database is locked", "another program is writing; try again, or raise CETRACK_BUSY_TIMEOUT"),
    ("readonly database", "make the file and its folder writable, or choose another --db"),
    ("unable to open database file", "check that the folder exists and is readable"),
    ("file is not a database", "the file is something else; choose another --db"),
    ("disk is full", "free some space and run the command again; nothing was half-written"),
    ("password authentication failed", "check user and password of --db or CETRACK_DB"),
    ("no password supplied", "put the password into CETRACK_DB or a ~/.pgpass file"),
    ("does not exist", "create it first, for example with: createdb NAME"),
    ("connection refused", "is the server running, and is the port right?"),
    ("timeout", "is the server reachable?"),
    ("permission denied", "ask for the right on the tables, or choose another user"),
)


def _explain(message: str) -> tuple[str, str | None]:
    """One line out of a driver's message, and what to do about it."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    line = next((item for item in lines if "FATAL" in item), lines[0] if lines else "no details")
    hint = next((hint for part, hint in _EXPLANATIONS if part in message.lower()), None)
    return line, hint


def raw_rows(engine: Engine, sql: str, *, timeout_s: float) -> tuple[list[str], list[Any]]:
    """Column names and rows of one reading statement, exactly as the driver gives them."""
    with translated(engine.url):
        return dialect_of(engine).read_only_query(engine.url, sql, timeout_s)
