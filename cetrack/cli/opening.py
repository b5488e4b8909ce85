"""Which database a command works on, and how it is opened."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cetrack import config

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from cetrack.store import Store


def settings() -> config.Settings:
    """What the nearest ``cetrack.toml`` says."""
    return config.find_settings(Path.cwd())


def open_store(db: str | None, *, create: bool = False) -> Store:
    """The store of a command with ``--db``; ``create`` makes a database where there is none."""
    from cetrack.store import Store  # SQLAlchemy only where a database is opened

    timeout = config.busy_timeout_s(os.environ)
    return Store.open(_url(db), create=create, busy_timeout_s=timeout)


@contextmanager
def open_engine(db: str | None) -> Iterator[Engine]:
    """The bare engine, for commands that look at the schema before anything else."""
    from cetrack.db.engine import make_engine, normalize_url

    timeout = config.busy_timeout_s(os.environ)
    engine = make_engine(normalize_url(_url(db)), busy_timeout_s=timeout)
    try:
        yield engine
    finally:
        engine.dispose()


def exists(db: str | None) -> bool:
    """True when there is a cetrack database of any version."""
    from cetrack.db import schema

    with open_engine(db) as engine:
        return not schema.is_fresh(engine)


def _url(db: str | None) -> str:
    return config.database_url(db, os.environ, settings())
