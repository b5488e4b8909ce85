"""One migrated database of each kind for all filter tests; tests roll back what they insert."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine
from sqlalchemy.engine import URL

from cetrack.db.engine import make_engine, normalize_url


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """An engine on an empty database with the schema."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("filter") / "filter.db"
        template: Path = request.getfixturevalue("sqlite_template")
        shutil.copy(template, path)
        url = str(path)
    else:
        url = _postgres_clone(request)
    made = make_engine(normalize_url(url))
    yield made
    made.dispose()


def _postgres_clone(request: pytest.FixtureRequest) -> str:
    server: URL = request.getfixturevalue("postgres_server")
    template: str = request.getfixturevalue("postgres_template")
    name = f"filter_{uuid.uuid4().hex}"  # the fixture may be set up more than once
    admin = server.set(drivername="postgresql").render_as_string(hide_password=False)
    with closing(psycopg.connect(admin, autocommit=True)) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
    return server.set(database=name).render_as_string(hide_password=False)
