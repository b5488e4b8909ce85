"""The schema's history on both databases: up, down, up; models, migrations and views agree."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import inspect, select, text

from cetrack.db import schema
from cetrack.db.engine import make_engine, normalize_url, shown_url, transaction
from cetrack.errors import (
    DatabaseUnavailableError,
    SchemaOutdatedError,
    SchemaTooNewError,
    UsageError,
)
from cetrack.ingest import ingest
from cetrack.models import Base, views
from cetrack.runs_format import as_line, export_runs
from cetrack.store import Store
from tests.ingest.producing import results, write

ROOT = Path(__file__).resolve().parents[2]


def test_up_down_up_keeps_the_rows(empty_url: str, tmp_path: Path) -> None:
    path = write(tmp_path / "r.json", results(2))
    with Store.open(empty_url, create=True) as store:
        ingest(store, [str(path)])
        before = [as_line(run) for run in export_runs(store)]
        schema.downgrade(store.engine, "0001")
        with store.read() as connection:
            assert inspect(connection).get_view_names() == []
            assert connection.scalar(text("SELECT count(*) FROM run")) == 4
    with pytest.raises(SchemaOutdatedError, match="0001 is older"):
        Store.open(empty_url)
    engine = make_engine(normalize_url(empty_url))
    schema.upgrade(engine)
    engine.dispose()
    with Store.open(empty_url) as store:
        assert [as_line(run) for run in export_runs(store)] == before
        assert schema.differences(store.engine) == []


def test_down_to_base_and_up_again(empty_url: str) -> None:
    engine = make_engine(normalize_url(empty_url))
    schema.upgrade(engine)
    schema.downgrade(engine, "base")
    with transaction(engine, writes=False) as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
    schema.upgrade(engine)
    assert schema.differences(engine) == []
    engine.dispose()


def test_models_and_views_match_the_live_schema_and_differences_are_seen(store: Store) -> None:
    assert schema.differences(store.engine) == []
    with store.write() as connection:
        connection.execute(text("DROP VIEW history"))
        connection.execute(text("ALTER TABLE tag ADD COLUMN extra TEXT"))
    found = "\n".join(schema.differences(store.engine))
    assert "view history is missing" in found
    assert "extra" in found


def test_every_view_can_be_read_and_shows_unknown_text_as_null(
    store: Store, tmp_path: Path
) -> None:
    ingest(store, [str(write(tmp_path / "r.json", {"m": {"int8": {"accuracy": 0.5}}}))])
    with store.read() as connection:
        for view in views.tables.values():
            connection.execute(select(view)).all()
        row = connection.execute(select(views.tables["runs"])).one()
    assert (row.library, row.method, row.device) == (None, None, None)


def test_alembic_check_finds_no_difference(tmp_path: Path) -> None:
    database = tmp_path / "alembic.db"
    for command in (["upgrade", "head"], ["check"]):
        done = subprocess.run(
            [sys.executable, "-m", "alembic", *command],
            cwd=ROOT,
            env={**os.environ, "CETRACK_DB": str(database)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    assert "No new upgrade operations detected" in done.stdout


def test_a_newer_schema_is_refused(empty_url: str) -> None:
    with Store.open(empty_url, create=True) as store, store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaTooNewError, match="9999 is newer"):
        Store.open(empty_url)


def test_reading_where_there_is_no_database_says_what_to_type(empty_url: str) -> None:
    with pytest.raises(DatabaseUnavailableError) as raised:
        Store.open(empty_url)
    assert "cetrack ingest" in str(raised.value.hint)


def test_first_starts_at_once_make_one_schema(empty_url: str) -> None:
    problems: list[BaseException] = []

    def start() -> None:
        try:
            Store.open(empty_url, create=True).close()
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    with Store.open(empty_url) as store:
        assert schema.differences(store.engine) == []


def test_a_failed_transaction_leaves_nothing_behind(store: Store) -> None:
    with pytest.raises(RuntimeError), store.write() as connection:
        connection.execute(text("CREATE TABLE half (x INTEGER)"))
        connection.execute(text("INSERT INTO metric (name, family) VALUES ('half', 'other')"))
        raise RuntimeError
    with store.read() as connection:
        assert "half" not in inspect(connection).get_table_names()
        found = text("SELECT count(*) FROM metric WHERE name = 'half'")
        assert connection.scalar(found) == 0


def test_unique_constraints_of_growing_tables_begin_with_the_run() -> None:
    for name in ("point", "run_metric", "sample", "param", "tag"):
        assert next(iter(Base.metadata.tables[name].primary_key.columns)).name == "run_id"


# --- what can be wrong with a database -------------------------------------------------------


def test_a_locked_sqlite_file_is_said_and_nothing_is_half_written(
    tmp_path: Path, sqlite_store: Store
) -> None:
    path = write(tmp_path / "r.json", results(1))
    other = sqlite3.connect(str(sqlite_store.engine.url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with (
        Store.open(str(sqlite_store.engine.url.database), busy_timeout_s=0.2) as store,
        pytest.raises(DatabaseUnavailableError, match="database is locked"),
    ):
        ingest(store, [str(path)])
    other.execute("ROLLBACK")
    other.close()
    assert list(export_runs(sqlite_store)) == []


def test_a_read_only_sqlite_file_is_said(tmp_path: Path, sqlite_store: Store) -> None:
    path = write(tmp_path / "r.json", results(1))
    with sqlite_store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
        connection.rollback()
    with pytest.raises(DatabaseUnavailableError, match="readonly database"):
        ingest(sqlite_store, [str(path)])


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    path = write(tmp_path / "text.db", "this is a text, not a database, and long enough" * 50)
    with pytest.raises(DatabaseUnavailableError, match="not a database"):
        Store.open(str(path))


def test_a_wrong_postgres_password_is_not_printed() -> None:
    url = "postgresql://someone:hunter2secret@127.0.0.1:9/none?sslpassword=hunter3secret"
    with pytest.raises(DatabaseUnavailableError) as raised:
        Store.open(url)
    assert "secret" not in str(raised.value)
    assert "secret" not in shown_url(normalize_url(url))


@pytest.mark.parametrize("url", ["mysql://x/y", "postgresql://[::1", "://", "sqlite4:///x"])
def test_an_unknown_kind_of_url_is_a_usage_error(url: str) -> None:
    with pytest.raises(UsageError):
        normalize_url(url)


def test_a_plain_path_means_sqlite() -> None:
    assert str(normalize_url("a b/c.db")) == "sqlite:///a b/c.db"
    assert normalize_url("postgres://h/d").drivername == "postgresql+psycopg"
