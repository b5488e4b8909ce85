"""The program as the shell sees it: entry points, exit codes, streams, what it loads."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cetrack.store import Store
from tests.cli.filling import Spec, fill, uid

ROOT = Path(__file__).parents[2]
HEAVY = ("alembic", "lark", "numpy", "orjson", "pandas", "psycopg", "sqlalchemy", "tensorboardX")
ENVIRONMENT = {**os.environ, "COLUMNS": "80", "PYTHONWARNINGS": "error"}


def started(*command: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command, capture_output=True, env={**ENVIRONMENT, **environment}, check=False, timeout=60
    )


def test_the_three_ways_to_start_it_are_one_program() -> None:
    ways = (
        [sys.executable, "-m", "cetrack"],
        [sys.executable, str(ROOT / "cli.py")],
        [str(Path(sys.executable).with_name("cetrack"))],
    )

    helps = [started(*way, "--help") for way in ways]

    assert [done.returncode for done in helps] == [0, 0, 0]
    assert len({done.stdout for done in helps}) == 1
    assert helps[0].stdout.startswith(b"Usage: cetrack [OPTIONS] COMMAND")


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from cetrack.cli import main\n"
        "try:\n    main(['--help'])\n"
        "finally:\n    print(*sorted(sys.modules), file=sys.stderr)\n"
    )

    loaded = started(sys.executable, "-c", script).stderr.decode().split()

    assert "cetrack.cli" in loaded
    assert [name for name in HEAVY if name in loaded] == []


def test_version() -> None:
    done = started(sys.executable, "-m", "cetrack", "--version")

    assert done.stdout.decode().startswith("cetrack 0.")


def test_errors_go_to_stderr_and_set_the_exit_code(tmp_path: Path) -> None:
    done = started(sys.executable, "-m", "cetrack", "runs", "--db", str(tmp_path / "none.db"))

    assert done.returncode == 4
    assert done.stdout == b""
    assert done.stderr.decode().splitlines()[0].endswith("no cetrack database there")
    assert not (tmp_path / "none.db").exists()


@pytest.fixture
def many(sqlite_store: Store) -> str:
    specs = [
        Spec(uid=uid(n), model="Café-日本", metrics={"accuracy": 0.5}) for n in range(100, 700)
    ]
    fill(sqlite_store, specs)
    return str(sqlite_store.engine.url.database)


def test_a_reader_that_leaves_early_is_no_error(many: str) -> None:
    query = "SELECT a.uid, b.uid FROM run AS a CROSS JOIN run AS b LIMIT 20000"
    program = f"{sys.executable} -m cetrack sql '{query}' --format csv --db '{many}'"

    done = started("bash", "-c", f"set -o pipefail; {program} | head -n 1")

    assert (done.returncode, done.stdout, done.stderr) == (0, b"uid,uid_2\n", b"")


def test_output_to_a_pipe_is_utf8_whatever_the_locale(many: str) -> None:
    command = (sys.executable, "-m", "cetrack", "models", "--columns", "model", "--db", many)

    done = started(*command, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")

    assert done.returncode == 0
    assert done.stdout.decode("utf-8") == "model\nCafé-日本\n"


def test_parquet_goes_to_a_pipe_as_it_is(many: str) -> None:
    import pyarrow.parquet

    command = (sys.executable, "-m", "cetrack", "runs", "--db", many, "--format")

    parquet, listed = started(*command, "parquet"), started(*command, "json")

    found = pyarrow.parquet.read_table(io.BytesIO(parquet.stdout)).to_pylist()
    rows = json.loads(listed.stdout)
    assert (parquet.returncode, parquet.stderr) == (0, b"")
    assert len(found) == len(rows) == 600
    assert [(row["uid"], row["model"], row["accuracy"]) for row in found] == [
        (row["uid"], row["model"], row["accuracy"]) for row in rows
    ]


def test_a_reader_of_parquet_that_leaves_early_is_no_error(many: str) -> None:
    query = "SELECT a.uid, b.uid FROM run AS a CROSS JOIN run AS b LIMIT 20000"
    program = f"{sys.executable} -m cetrack sql '{query}' --format parquet --db '{many}'"

    done = started("bash", "-c", f"set -o pipefail; {program} | head -c 4")

    assert (done.returncode, done.stdout, done.stderr) == (0, b"PAR1", b"")


def test_generated_pages_are_up_to_date() -> None:
    done = started(sys.executable, str(ROOT / "docs" / "generate.py"), "--check", COLUMNS="50")

    assert (done.returncode, done.stderr) == (0, b"")


def test_an_interrupt_is_said() -> None:
    command = [sys.executable, "-m", "cetrack", "ingest", "-", "--dry-run"]
    program = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert program.stdin is not None
    program.stdin.write(" " * 200_000)  # more than a pipe holds: it is reading by now
    program.stdin.flush()
    program.send_signal(signal.SIGINT)
    _, said = program.communicate(timeout=30)
    assert (program.returncode, said) == (130, "interrupted; what is done stays done\n")
