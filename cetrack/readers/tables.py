"""Tables of a database of another tool: which there are, and their rows by the names of columns.

A file of SQLite is opened so that nothing is written to it or beside it, not even a lock.
"""

from __future__ import annotations

import itertools
import operator
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from cetrack.errors import MalformedSourceError, ReadError
from cetrack.readers.source import Source

SUFFIXES = (".db", ".sqlite", ".sqlite3")
# what is not in the file yet, beside one that a program has open
JOURNALS = tuple(f"*{suffix}-wal" for suffix in SUFFIXES)
Row = tuple[Any, ...]
_MAGIC = b"SQLite format 3\0"
_FORMAT_VERSIONS = slice(18, 20)  # of writing and reading: 2 is a write-ahead log, 1 is none
_HELD_BYTES = 64 * 2**20
_SORTED_KIB = 64 * 2**10  # what is larger is sorted on disk
_JOURNAL_BYTES = 16 * 2**20
_MADE = re.compile(rb"CREATE TABLE [\"'`\[]?(\w+)", re.IGNORECASE)
# of cetrack itself, and no other tool's
_OWN = frozenset({"alembic_version", "run_metric"})


class Tables(Protocol):
    """An open database."""

    @property
    def names(self) -> frozenset[str]:
        """The names of its tables."""

    def columns(self, table: str) -> frozenset[str]:
        """The columns of a table; none where there is no such table."""

    def rows(self, table: str, columns: Sequence[str], order: Sequence[str] = ()) -> Iterator[Row]:
        """The columns of every row, NULL for those that the table lacks; text in ``order`` is
        compared by its bytes. Raises ReadError."""


def selection(
    table: str,
    columns: Sequence[str],
    have: frozenset[str],
    order: Sequence[str],
    collation: Callable[[str], str],
) -> str:
    """The statement for :meth:`Tables.rows`; ``collation`` is what follows a column's name."""
    wanted = ", ".join(quoted(name) if name in have else "NULL" for name in columns)
    by = ", ".join(f"{quoted(name)}{collation(name)}" for name in order if name in have)
    statement = f"SELECT {wanted} FROM {quoted(table)}"  # noqa: S608 - quoted names
    return f"{statement} ORDER BY {by}" if by else statement


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def opened_tables(source: Source) -> AbstractContextManager[Tables]:
    """The database that a source is. Raises ReadError where it is none."""
    server = source.server
    return server.opened() if server is not None else _sqlite(source, _log(source))


def table_names(source: Source) -> frozenset[str]:
    """The names of the tables of a source, none of what is no database; cheap, so that every reader
    may ask. Raises ReadError."""
    if source.server is None and not is_sqlite(source):
        return frozenset()
    log = None if source.server is not None else _log(source)
    with _sqlite(source, None) if log is not None else opened_tables(source) as tables:
        names = tables.names
    if log is None:
        return names
    with log.open_binary() as stream:  # of a young database all tables may be in there
        logged = _MADE.findall(stream.read(_JOURNAL_BYTES))
    return names | {name.decode("ascii", "replace") for name in logged}


def is_ours(names: frozenset[str]) -> bool:
    """True for the tables of a database of cetrack itself."""
    return names >= _OWN


def is_sqlite(source: Source) -> bool:
    """True for the content of a file of SQLite."""
    return source.head.startswith(_MAGIC)


def by_key(
    tables: Tables, table: str, columns: Sequence[str], *, key: str
) -> Callable[[Any], list[Row]]:
    """The rows of a small table by what stands in a column."""
    found: dict[Any, list[Row]] = {}
    for value, *rest in tables.rows(table, [key, *columns]):
        found.setdefault(value, []).append(tuple(rest))
    return lambda value: found.get(value, [])


class Grouped:
    """Rows in the order of their first column, handed out by it: a large table is passed through
    once while another one in the same order is. Rows where it is of another ``kind`` are left out.
    """

    def __init__(self, rows: Iterator[Row], kind: type) -> None:
        groups = itertools.groupby(rows, operator.itemgetter(0))
        self._groups = (pair for pair in groups if isinstance(pair[0], kind))
        self._next = next(self._groups, None)

    def of(self, value: Any) -> Iterator[Row]:
        """The rows of a value, which must be greater than that of the call before."""
        while self._next is not None and self._next[0] < value:
            self._next = next(self._groups, None)
        if self._next is None or self._next[0] != value:
            return iter(())
        return self._next[1]


# --- SQLite ----------------------------------------------------------------------------------


class _SqliteTables:
    """See :class:`Tables`."""

    def __init__(self, connection: sqlite3.Connection, uri: str) -> None:
        self._connection = connection
        self._uri = uri
        statement = "SELECT name FROM sqlite_master WHERE type = 'table'"
        self.names = frozenset(str(name) for (name,) in self._execute(statement))

    def columns(self, table: str) -> frozenset[str]:
        if table not in self.names:
            return frozenset()
        rows = self._execute(f"PRAGMA table_info({quoted(table)})")
        return frozenset(str(row[1]) for row in rows)

    def rows(self, table: str, columns: Sequence[str], order: Sequence[str] = ()) -> Iterator[Row]:
        have = self.columns(table)
        if not have:
            return iter(())
        statement = selection(table, columns, have, order, lambda name: " COLLATE BINARY")
        return self._execute(statement)

    def _execute(self, statement: str) -> Iterator[Row]:
        with translated(self._uri):
            # a chain: of a cursor itself the end would be told, when its connection is closed
            yield from itertools.chain(self._connection.execute(statement))


@contextmanager
def translated(uri: str) -> Iterator[None]:
    """What SQLite says about a file, as a MalformedSourceError."""
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError) as error:
        problem = " ".join(str(error).split()) or "unreadable"
        hint = "'sqlite3 FILE .recover' rescues what it holds"
        raise MalformedSourceError(uri, "sqlite", problem, hint=hint) from error
    except MemoryError as error:
        raise MalformedSourceError(uri, "sqlite", "a value beyond all memory") from error


@contextmanager
def _sqlite(source: Source, log: Source | None) -> Iterator[Tables]:
    if not is_sqlite(source):
        raise ReadError(source.uri, "not a database of SQLite")
    with ExitStack() as stack:
        with translated(source.uri):
            connection = stack.enter_context(_connected(source, log))
            connection.execute("PRAGMA query_only = ON")
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute(f"PRAGMA cache_size = -{_SORTED_KIB}")
            tables = _SqliteTables(connection, source.uri)
        yield tables


@contextmanager
def _connected(source: Source, log: Source | None) -> Iterator[sqlite3.Connection]:
    """A connection to the file as it lies there, to a copy with its write-ahead log, or to what
    was packed."""
    with ExitStack() as stack:
        if log is None and not _lies_there(source) and source.size_bytes <= _HELD_BYTES:
            connection = sqlite3.connect(":memory:")
            connection.deserialize(_without_log(_content(source)))
        else:
            path = source.path
            if path is None or log is not None or not _lies_there(source):
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cetrack-")))
                path = _copied(source, log, folder / "copy.db")
            # a copy has what its log says written into it; the file itself is not even locked
            mode = "mode=rw" if log is not None else "mode=ro&immutable=1"
            name = quote(str(path.absolute()))
            connection = sqlite3.connect(f"file:{name}?{mode}", uri=True)
        stack.callback(connection.close)
        yield connection


def _lies_there(source: Source) -> bool:
    """True for a file that is not packed."""
    if source.path is None:
        return False
    try:
        with source.path.open("rb") as stream:
            return stream.read(len(_MAGIC)) == _MAGIC
    except OSError as error:
        raise ReadError(source.uri, f"cannot be read: {error.strerror or error}") from error


def _log(source: Source) -> Source | None:
    """The write-ahead log beside a file, where there is something in it."""
    found = source.companion(f"{source.name}-wal")
    return found if found is not None and found.size_bytes else None


def _content(source: Source) -> bytes:
    with source.open_binary() as stream:
        content = stream.read(_HELD_BYTES * 16 + 1)
    if len(content) > _HELD_BYTES * 16:
        raise ReadError(source.uri, "too large for a packed database", hint="unpack it")
    return content


def _without_log(content: bytes) -> bytes:
    """The content marked as one without a write-ahead log: in memory there can be none."""
    changed = bytearray(content)
    changed[_FORMAT_VERSIONS] = b"\1\1"[: len(changed[_FORMAT_VERSIONS])]
    return bytes(changed)


def _copied(source: Source, log: Source | None, path: Path) -> Path:
    for item, name in ((source, path.name), (log, f"{path.name}-wal")):
        if item is None:
            continue
        try:
            with item.open_binary() as stream, path.with_name(name).open("wb") as copy:
                shutil.copyfileobj(stream, copy, 1 << 20)
        except OSError as error:
            problem = f"cannot be copied: {error.strerror or error}"
            raise ReadError(source.uri, problem, hint="set TMPDIR to a folder with room") from error
    return path
