"""Aim's repositories are refused with a word on how their runs can be had."""

from __future__ import annotations

from pathlib import Path

import pytest

from cetrack.errors import ReadError
from cetrack.ingest import IngestOptions, ingest
from cetrack.readers.base import Match
from cetrack.readers.registry import choose, readers
from cetrack.readers.source import Source
from tests.readers.databases import sqlite_file
from tests.readers.reading import read
from tests.readers.test_realdata import FOLDER

TABLES = {
    "alembic_version": ["version_num TEXT"],
    "experiment": ["id INTEGER", "name TEXT"],
    "note": ["id INTEGER"],
    "run": ["id INTEGER", "hash TEXT"],
    "run_tag": ["run_id INTEGER", "tag_id INTEGER"],
    "tag": ["id INTEGER", "name TEXT"],
}


def test_names_without_values_are_refused(tmp_path: Path) -> None:
    path = sqlite_file(tmp_path / "run_metadata.sqlite", TABLES)
    found = Source(str(path), path=path)

    assert choose(found)[0].name == "aim"
    with pytest.raises(ReadError, match="their values are in RocksDB") as caught:
        read(found)

    assert "query_metrics().dataframe()" in (caught.value.hint or "")


def test_a_database_of_cetrack_is_not_taken_for_it(tmp_path: Path) -> None:
    path = sqlite_file(tmp_path / "own.db", {**TABLES, "run_metric": ["run_id INTEGER"]})

    assert readers()["aim"].sniff(Source(str(path), path=path)) is Match.NO


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no real files in {FOLDER}")
def test_a_real_repository() -> None:
    (path,) = (FOLDER / "aim").rglob("run_metadata.sqlite")

    (found,) = ingest(None, [str(path)], IngestOptions(dry_run=True)).rejected

    assert found.problem == "Aim keeps only the names of runs here: their values are in RocksDB"
