"""The schema's history: where it is, how far a database has come, how to move it.

Only Alembic makes tables. Its scripts lie in ``migrations/`` beside this package's folder in a
checkout and inside it in a wheel. Files there are numbered, so the newest revision is known
without importing Alembic.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, inspect, text

from cetrack.db.engine import WRITE, dialect_of, shown_url, sqlite_path, transaction, translated
from cetrack.errors import SchemaOutdatedError, SchemaTooNewError, StoreError, UsageError

if TYPE_CHECKING:
    from alembic.config import Config


def migrations_dir() -> Path:
    """The folder of the Alembic environment.

    Found from this file, never through the import system: an editable install leaves a stale copy
    of the folder in site-packages.
    """
    package = Path(__file__).resolve().parents[1]
    places = [package / "migrations", package.parent / "migrations"]
    for place in places:
        if (place / "env.py").is_file():
            return place
    raise StoreError(f"no migrations in {places[0]} or {places[1]}", hint="reinstall cetrack")


def revisions() -> list[str]:
    """All revisions, oldest first: the numbers of the files' names."""
    return sorted(path.name.split("_")[0] for path in migrations_dir().glob("versions/0*.py"))


def head() -> str:
    """The newest revision."""
    return revisions()[-1]


def current(connection: Connection) -> str | None:
    """The revision of a database, None when it has no cetrack schema."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def is_fresh(engine: Engine) -> bool:
    """True when the database has no schema of ours; a missing SQLite file is not created."""
    path = sqlite_path(engine.url)
    if path is not None and (not path.exists() or path.stat().st_size == 0):
        return True
    with transaction(engine, writes=False) as connection:
        return current(connection) is None


def require_current(engine: Engine) -> None:
    """Raise SchemaOutdatedError or SchemaTooNewError unless the database is at the head."""
    with transaction(engine, writes=False) as connection:
        found = current(connection)
    where = shown_url(engine.url)
    if found == head():
        return
    if found is None or found in revisions():
        raise SchemaOutdatedError(
            f"{where}: schema {found or 'none'} is older than this cetrack ({head()})",
            hint=f"cetrack db upgrade --db {where}",
        )
    raise SchemaTooNewError(
        f"{where}: schema {found} is newer than this cetrack ({head()})",
        hint="pip install --upgrade cetrack",
    )


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring a database up to ``revision``; an empty one gets its schema.

    A SQLite file with content is first copied aside (``FILE.schema-0001.bak``).
    """
    _migrate(engine, "upgrade", revision)


def note_sizes(engine: Engine) -> None:
    """Let the planner know how large the tables are, whoever has filled them."""
    with transaction(engine, writes=True) as connection:
        runs = connection.execute(text("SELECT count(*) FROM run")).scalar_one()
        dialect_of(connection).after_bulk_write(connection, runs)


def downgrade(engine: Engine, revision: str) -> None:
    """Take a database back to ``revision``; ``base`` drops every table."""
    _migrate(engine, "downgrade", revision)


def _migrate(engine: Engine, direction: str, revision: str) -> None:
    from alembic import command
    from alembic.util.exc import CommandError

    path = sqlite_path(engine.url)
    if path is not None and not path.parent.exists():
        path.parent.mkdir(parents=True)
    try:
        with migrating(engine) as connection:
            move = {"upgrade": command.upgrade, "downgrade": command.downgrade}[direction]
            move(alembic_config(connection), revision)
            dialect_of(connection).check_references(connection)
    except CommandError as error:
        raise UsageError(
            f"{direction} to {revision!r}: {error}", hint=f"revisions: {', '.join(revisions())}"
        ) from error


@contextmanager
def migrating(engine: Engine) -> Iterator[Connection]:
    """A connection of its own inside one locked transaction, set up for changing tables."""
    dialect = dialect_of(engine)
    with translated(engine.url), engine.connect() as connection:
        _back_up(engine, current(connection))
        connection.rollback()
        # dropping the old table of a rebuilt one would take along what refers to it
        dialect.check_each_row(connection, on=False)
        connection.execution_options(**{WRITE: True})
        try:
            with connection.begin():
                dialect.lock_for_migration(connection)
                yield connection
        finally:
            connection.execution_options(**{WRITE: False})
            dialect.check_each_row(connection, on=True)


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, made in code: an installed cetrack has no ini file."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations_dir()).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def differences(engine: Engine) -> list[str]:
    """What the live schema has more or less than ``models.py``, a line each; empty is well."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from cetrack.models import Base

    with transaction(engine, writes=False) as connection:
        kept = {"include_object": is_compared}
        context = MigrationContext.configure(connection, opts=kept)
        found = [_describe(change) for change in compare_metadata(context, Base.metadata)]
        return found + _view_differences(connection)


def is_compared(item: Any, name: str, kind: str, reflected: bool, compare_to: Any) -> bool:
    """Other people's tables in the same database are none of our business.

    Nor are the references of points: only SQLite keeps them, see migration 0005.
    """
    if kind == "foreign_key_constraint":
        return bool(item.table.name != "point")
    return not (kind == "table" and reflected and compare_to is None)


def _view_differences(connection: Connection) -> list[str]:
    from cetrack.models import views

    inspector = inspect(connection)
    live = set(inspector.get_view_names())
    lines = [f"view {name} is missing" for name in views.tables if name not in live]
    for name, view in views.tables.items():
        if name in live:
            have = [column["name"] for column in inspector.get_columns(name)]
            want = [column.name for column in view.columns]
            if have != want:
                lines.append(f"view {name} has columns {have}, expected {want}")
    return lines


def _describe(change: Any) -> str:
    parts = change if isinstance(change, tuple) else change[0]
    return " ".join(str(part) for part in parts if part is not None)


def _back_up(engine: Engine, revision: str | None) -> None:
    path = sqlite_path(engine.url)
    if path is None or revision is None:
        return
    copy = path.with_name(f"{path.name}.schema-{revision}.bak")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
