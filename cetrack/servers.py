"""Database servers as sources: another tool's tables, read and never written.

A password is used to connect and nothing else: it is in no name, no key and no message.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from cetrack.errors import ReadError, UsageError
from cetrack.readers import optuna
from cetrack.readers.mlflow import database as mlflow_database
from cetrack.readers.source import Source
from cetrack.readers.tables import Row, Tables, quoted, selection

if TYPE_CHECKING:
    import psycopg

_URL = re.compile(r"[a-z][a-z0-9]*(\+\w+)?://", re.IGNORECASE)
_KINDS = frozenset({"postgres", "postgresql"})
_SECRET = re.compile("pass|secret|key|token", re.IGNORECASE)
_PLACEHOLDER = b"\0a database server"  # for readers that ask for bytes: no format begins so
_SETTINGS = "-c default_transaction_read_only=on -c timezone=UTC -c jit=off -c lock_timeout=15000"
_ROWS_AT_ONCE = 20_000
_NAMES = (
    "SELECT c.relname::text, a.attname::text, a.attcollation <> 0 FROM pg_class c "
    "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
    "WHERE c.relkind IN ('r', 'p') AND pg_table_is_visible(c.oid) "
    "AND c.relnamespace <> 'pg_catalog'::regnamespace"
)
# whole rows of tables whose rows change; of points, which are only added, the number
_COUNT = "SELECT count(*), sum(hashtext(t::text)::numeric) FROM {} AS t"
_COUNT_ADDED = "SELECT count(*) FROM {}"
_READ = frozenset({*mlflow_database.READ, *optuna.READ})
_ADDED = frozenset({"metrics", "trial_intermediate_values"})


def is_server(text: str) -> bool:
    """True for the URL of a server, of whatever kind."""
    return _URL.match(text) is not None


def server_source(text: str) -> ServerSource:
    """The source that a URL names. Raises UsageError, without its password."""
    kind = text.partition(":")[0].partition("+")[0].lower()
    if kind not in _KINDS:
        hint = "postgresql://USER@HOST/DATABASE is read, and every file by its path"
        raise UsageError(f"runs cannot be read from {kind} URLs", hint=hint)
    try:
        parts = urlsplit(text)
        secrets = frozenset(_secrets(parts))
        shown = _shown(parts)
        _ = parts.port
    except ValueError:
        raise UsageError(
            "the URL of the database server cannot be parsed",
            hint="write postgresql://USER@HOST/DATABASE",
        ) from None
    return ServerSource(shown, content=_PLACEHOLDER, url=_for_driver(text), secrets=secrets)


def _for_driver(text: str) -> str:
    return _URL.sub("postgresql://", text, count=1)


def _secrets(parts: SplitResult) -> Iterator[str]:
    raw = [parts.password or ""]
    raw += [value for key, value in parse_qsl(parts.query) if _SECRET.search(key)]
    for text in filter(None, raw):
        yield from {text, unquote(text), quote(text, safe="")}


def _shown(parts: SplitResult) -> str:
    """The URL as people may see it: without what is secret, and the same for every driver."""
    place = parts.netloc.rpartition("@")
    user = place[0].partition(":")[0]
    query = [(key, value) for key, value in parse_qsl(parts.query) if not _SECRET.search(key)]
    netloc = f"{user}@{place[2]}" if user else place[2]
    asked = "?" + urlencode(query, safe="/:,") if query else ""
    return f"postgresql://{netloc}{parts.path}{asked}"


@dataclass(frozen=True, eq=False)
class ServerSource(Source):
    """A database on a server; ``uri`` and key are its URL without the password."""

    url: str = field(default="", repr=False)
    secrets: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def server(self) -> ServerSource:
        """See :class:`Source`."""
        return self

    @contextmanager
    def opened(self) -> Iterator[Tables]:
        """One moment of the database, however long it is read."""
        driver = self._driver()
        try:
            with driver.connect(
                self.url, application_name="cetrack", connect_timeout=10, options=_SETTINGS
            ) as connection:
                connection.read_only = True
                connection.isolation_level = driver.IsolationLevel.REPEATABLE_READ
                yield _ServerTables(connection)
        except (driver.Error, UnicodeError) as error:
            raise ReadError(self.uri, self._said(error), hint=_hint(error)) from None

    def _driver(self) -> Any:
        # what went wrong is raised: without a handler the driver would also print it
        logging.getLogger("psycopg").addHandler(logging.NullHandler())
        try:
            import psycopg
        except ModuleNotFoundError:
            hint = 'pip install "cetrack[postgres]"'
            raise ReadError(self.uri, "PostgreSQL support is not installed", hint=hint) from None
        return psycopg

    def _said(self, error: Exception) -> str:
        """The telling line of a driver's message, without what is secret."""
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        line = next((item for item in lines if "FATAL" in item), lines[0] if lines else "")
        for secret in sorted(self.secrets, key=len, reverse=True):
            line = line.replace(secret, "***")
        return line or type(error).__name__

    def digest(self, patterns: Iterable[str] = ()) -> str:
        """The hash of what its tables hold now, as far as that can be had cheaply."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        with self.opened() as tables:
            assert isinstance(tables, _ServerTables)
            return hashlib.sha256(repr(tables.counts()).encode()).hexdigest()

    @cached_property
    def size_bytes(self) -> int:
        """Nothing lies here."""
        return 0


_HINTS = (
    ("password", "check user and password; PGPASSWORD and ~/.pgpass are read too"),
    ("does not exist", "check the name of the database, at the end of the URL"),
    ("permission denied", "ask for the right to read its tables"),
    ("connection", "is the server running, and are host and port right?"),
    ("resolve host", "is the server running, and are host and port right?"),
)


def _hint(error: Exception) -> str | None:
    message = str(error).lower()
    return next((hint for part, hint in _HINTS if part in message), None)


class _ServerTables:
    """See :class:`cetrack.readers.tables.Tables`."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        # table → column → whether it is text
        self._columns: dict[str, dict[str, bool]] = {}
        for table, column, is_text in connection.execute(_NAMES):
            self._columns.setdefault(table, {})[column] = is_text
        self._numbers = count(1)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._columns)

    def columns(self, table: str) -> frozenset[str]:
        return frozenset(self._columns.get(table, ()))

    def rows(self, table: str, columns: Sequence[str], order: Sequence[str] = ()) -> Iterator[Row]:
        have = self.columns(table)
        if not have:
            return iter(())
        is_text = self._columns[table]
        statement = selection(
            table, columns, have, order, lambda name: ' COLLATE "C"' if is_text[name] else ""
        )
        return self._stream(statement)

    def _stream(self, statement: str) -> Iterator[Row]:
        """Rows as the server hands them out, some at a time."""
        name = f"cetrack_{next(self._numbers)}"
        with self._connection.cursor(name, binary=True) as cursor:
            cursor.execute(statement)
            while rows := cursor.fetchmany(_ROWS_AT_ONCE):
                yield from rows

    def counts(self) -> list[tuple[str, Row]]:
        """What tells whether the rows of any table are others than before."""
        found = []
        for table in sorted(_READ & self._columns.keys()):
            query = (_COUNT_ADDED if table in _ADDED else _COUNT).format(quoted(table))
            row = self._connection.execute(query).fetchone()
            found.append((table, tuple(map(str, row or ()))))
        return found
