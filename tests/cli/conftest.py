"""Filled databases that tests only read: made once per run, on SQLite and on PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from cetrack.store import Store
from tests.cli.filling import Spec, fill

Filler = Callable[[str, Sequence[Spec]], Store]


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def filled_with(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Filler]:
    """``filled_with(name, specs)``: a store of these runs, the same one for the same name."""
    stores: dict[str, Store] = {}
    with ExitStack() as stack:

        def make(name: str, specs: Sequence[Spec]) -> Store:
            if name not in stores:
                url = _fresh(request, tmp_path_factory.mktemp("filled"), name)
                stores[name] = stack.enter_context(Store.open(url))
                fill(stores[name], specs)
            return stores[name]

        yield make


def _fresh(request: pytest.FixtureRequest, folder: Path, name: str) -> str:
    """The URL of a migrated database of its own; the server's folder goes with the test run."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), folder / f"{name}.db")
        return str(folder / f"{name}.db")
    import psycopg

    server: URL = request.getfixturevalue("postgres_server")
    template = request.getfixturevalue("postgres_template")
    admin = server.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE filled_{name} TEMPLATE {template}".encode())
    return server.set(database=f"filled_{name}").render_as_string(hide_password=False)
