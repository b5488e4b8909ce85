"""What a command loads: nothing that its work does not need."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ALWAYS_LATER = (
    *("pandas", "tensorboardX", "tensorboard", "alembic", "matplotlib", "torch", "google"),
    *("pyarrow", "scipy", "ruptures"),
)
WHERE_A_DATABASE_IS = ("sqlalchemy", "numpy", "orjson", "lark")
LOADED = """
import sys
from cetrack.cli import main
try:
    main(sys.argv[1:])
except SystemExit as done:
    assert done.code == 0, done.code
print("loaded:", *sorted(sys.modules))
"""


def loaded_by(*args: str) -> set[str]:
    """The modules that are loaded when the command is done."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *args], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("loaded:")[2].split())


def test_help_loads_no_database() -> None:
    loaded = loaded_by("--help")

    assert "cetrack.cli.runs" in loaded
    assert loaded & {*ALWAYS_LATER, *WHERE_A_DATABASE_IS} == set()


@pytest.mark.parametrize("command", ["runs", "models", "metrics"])
def test_a_list_loads_no_more_than_its_database(
    command: str, sqlite_template: Path, tmp_path: Path
) -> None:
    shutil.copy(sqlite_template, tmp_path / "small.db")

    loaded = loaded_by(command, "--db", str(tmp_path / "small.db"))

    unused = {"lark", "orjson", "psycopg", "sqlalchemy.orm"}
    unused |= {"cetrack.db.postgres", "cetrack.readers"}
    assert "sqlalchemy" in loaded
    assert loaded & {*ALWAYS_LATER, *unused} == set()


def test_a_frozen_table_loads_no_database(tmp_path: Path) -> None:
    from cetrack.report.exact import encoded_table
    from cetrack.report.frozen import sealed
    from cetrack.report.table import Column, Table

    table = Table(columns=(Column(name="x"),), rows=(("y",),))
    path = tmp_path / "x.cetrack.json"
    path.write_text(sealed({"name": "x", "table": encoded_table(table)}))

    loaded = loaded_by("report", "--from", str(path))

    assert loaded & {*ALWAYS_LATER, *WHERE_A_DATABASE_IS, "pyarrow"} == set()


def test_a_table_loads_no_more_than_its_database(tmp_path: Path) -> None:
    results = tmp_path / "r.json"
    results.write_text('{"m": {"fp32": {"accuracy": 0.5}, "int8": {"accuracy": 0.25}}}')
    database = str(tmp_path / "r.db")
    loaded_by("ingest", str(results), "--db", database)

    loaded = loaded_by("table", "--db", database)

    unused = {"lark", "psycopg", "sqlalchemy.orm", "scipy", "ruptures", "pyarrow"}
    assert loaded & {*ALWAYS_LATER, *unused, "cetrack.db.postgres", "cetrack.readers"} == set()
