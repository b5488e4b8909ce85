"""docs/scale.md: the statements that cut the table of points, run on a real PostgreSQL."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.engine import URL, make_url

from cetrack.db import schema
from cetrack.export_tb import export_tb
from cetrack.ingest import IngestOptions, ingest
from cetrack.store import Store
from tests.ingest.producing import history, results, write
from tests.ingest.test_snapshots import exported
from tests.tb.reading import tree

PAGE = Path(__file__).parent.parent / "docs" / "scale.md"


def run_statements(url: URL, statements: str) -> None:
    import psycopg

    target = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(target, autocommit=True) as connection:
        connection.execute(statements.encode())


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_partitioned_table_of_points_serves_everything(database_url: str, tmp_path: Path) -> None:
    (statements,) = re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    folder = tmp_path / "in"
    write(folder / "a.json", results(3))
    log = write(folder / "log.json", history([1.0, 0.5]))
    options = IngestOptions(at=datetime(2026, 3, 1, tzinfo=UTC))
    with Store.open(database_url) as store:
        ingest(store, [str(folder)], options)
        before = exported(store)
        run_statements(make_url(database_url), statements)
        assert exported(store) == before
        assert schema.differences(store.engine) == []

        write(log, history([1.0, 0.5, 0.25]))
        write(folder / "b.json", results(5))
        ingest(store, [str(folder)], options)
        export_tb(store, tmp_path / "partitioned")
        after = exported(store)
    with Store.open(str(tmp_path / "plain.db"), create=True) as plain:
        ingest(plain, [str(folder)], options)
        assert exported(plain) == after
        export_tb(plain, tmp_path / "plain")
    assert tree(tmp_path / "partitioned").keys() == tree(tmp_path / "plain").keys()
