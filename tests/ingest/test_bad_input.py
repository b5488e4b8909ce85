"""Every kind of bad input, what the program says to it, and that the rest is in.

The table of docs/bad-input.md is what these tests saw: rewrite it with UPDATE_DOCS=1.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import URL

from cetrack.cli import main
from cetrack.db.sqlite import SqliteDialect
from cetrack.store import Store
from tests.ingest.producing import history, metrics, results, write
from tests.ingest.test_snapshots import rows

DOC = Path(__file__).resolve().parents[2] / "docs" / "bad-input.md"
UPDATE = os.environ.get("UPDATE_DOCS") == "1"


@dataclass(frozen=True)
class Case:
    """One bad input: its name, what is in the file, the exit code, how many runs come of it."""

    name: str
    content: object
    code: int
    runs: int
    file: str = "bad.json"


def entry(**changes: object) -> dict[str, object]:
    return {"m": {"fp32": metrics(0.9, 9, 90), "int8": {**metrics(0.8, 3, 30), **changes}}}


def named(name: str) -> dict[str, object]:
    return {name: {"int8": metrics(0.8, 3, 30)}}


WHOLE = json.dumps(results(1))
SIDE = {"accuracy": 1}
UNSAID = {"model": "m", "method": "ptq", "baseline": SIDE, "compressed": SIDE}
CASES = [
    Case("empty file", "", 3, 0),
    Case("invalid JSON", WHOLE.replace(":", ";", 3), 3, 0),
    Case("truncated JSON", WHOLE[:200], 3, 0),
    Case("top-level list", "[1, 2, 3]", 3, 0),
    Case("JSON of an unknown shape", {"name": "package", "version": "1.0"}, 3, 0),
    Case("NaN token", json.dumps(entry(accuracy=float("nan"))), 0, 2),
    Case("Infinity token", json.dumps(entry(loss=float("inf"))), 0, 2),
    Case("number as text", entry(accuracy="0.91"), 0, 2),
    Case("percentage as text", entry(accuracy="91 %"), 0, 2),
    Case("no number in the text", entry(accuracy="n/a"), 0, 2),
    Case("negative latency", entry(latency_mean_ms=-3.5), 0, 2),
    Case("10^400 as a float", json.dumps(entry()).replace("0.8,", "1e400,", 1), 0, 2),
    Case("10^400 as an integer", entry(accuracy=10**400), 0, 2),
    Case(
        "duplicate keys",
        json.dumps(entry()).replace('"int8":', '"int8": {"accuracy": 0.1}, "int8":', 1),
        0,
        2,
    ),
    Case("a model named ../../etc/x", named("../../etc/x"), 0, 1),
    Case("a model named a/b", named("a/b"), 0, 1),
    Case("a model that is SQL", named("'; drop table run; --"), 0, 1),
    Case("a model with an emoji", named("resnet 🚀"), 0, 1),
    Case("a model of 5,000 characters", named("x" * 5000), 0, 1),
    Case("a NUL, a lone surrogate", '{"a\\u0000\\ud800": {"int8": {"accuracy": 1}}}', 0, 1),
    Case("nested 100,000 deep", '{"a":' * 100_000 + "1" + "}" * 100_000, 3, 0),
    Case("a history of 0 epochs", history([]), 0, 0),
    Case("lists of unequal length", {**history([3, 2, 1]), "val_accuracy": [0.5]}, 0, 1),
    Case("a history of nobody knows what", {"train_loss": [3, 2], "val_loss": [3, 2]}, 0, 1),
    Case("not UTF-8", b'{"caf\xe9": {"int8": {"accuracy": 0.5}}}', 3, 0),
    Case("truncated gzip", gzip.compress(WHOLE.encode())[:-20], 3, 0, "bad.json.gz"),
    Case("binary", bytes(range(256)) * 8, 3, 0),
    Case("a CSV with too many cells", "epoch,loss\n1,2\n2,3,4,5\n", 3, 0, "lenet_fp32.csv"),
    Case("unknown precision", {"m": {"fp32": metrics(1, 2, 3), "zz9": metrics(1, 2, 3)}}, 0, 2),
    Case("compression without a precision", UNSAID, 0, 2),
]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of the program."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    printed = capsys.readouterr()
    return int(str(ended.value.code)), printed.out, printed.err


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_files_are_told_and_the_rest_is_in(
    case: Case,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    said: dict[str, tuple[int, str]],
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    monkeypatch.chdir(folder)
    if isinstance(case.content, bytes):
        Path(case.file).write_bytes(case.content)
    else:
        write(Path(case.file), case.content)
    write(Path("good.json"), {"good": {"fp32": metrics(0.5, 5, 50)}})

    code, out, err = run(capsys, "ingest", ".", "--db", database_url)

    assert code == case.code
    assert "Traceback" not in err
    with Store.open(database_url) as store:
        assert len(rows(store, "uid")) == case.runs + 1
        assert len(rows(store, "uid", model="good")) == 1
    about = [line for line in err.splitlines() if case.file in line or line.startswith("  ")]
    assert code == 0 or len([line for line in about if "rejected" in line]) == 1, err
    said[case.name] = (code, " ".join(" ".join(about).split()))
    assert "table run" not in out or "drop" in out


@pytest.fixture(scope="module")
def said() -> dict[str, tuple[int, str]]:
    """Case → exit code and what was said; the last test looks at all of it."""
    return {}


def remember(
    said: dict[str, tuple[int, str]], name: str, code: int, err: str, **hidden: object
) -> None:
    """Keep what was said for the table, without the paths of this run."""
    text = err
    for shown, path in hidden.items():
        text = text.replace(str(path), shown)
    said[name] = (code, " ".join(text.split()))


def test_one_unreadable_file_does_not_stop_the_others(
    sqlite_store: Store,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    said: dict[str, tuple[int, str]],
) -> None:
    write(tmp_path / "in" / "good.json", results(1))
    (tmp_path / "in" / "bad.json").symlink_to(tmp_path / "nowhere.json")
    url = str(sqlite_store.engine.url.database)

    code, _, err = run(capsys, "ingest", str(tmp_path / "in"), "--db", url)

    assert code == 3
    assert "cannot be read: No such file" in err
    assert len(rows(sqlite_store, "uid")) == 2
    remember(said, "unreadable file", code, err.splitlines()[0], FOLDER=tmp_path / "in")


def test_three_bad_of_a_thousand_files(
    sqlite_store: Store,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    said: dict[str, tuple[int, str]],
) -> None:
    for number in range(1000):
        content: object = {"m": {"int8": {"accuracy": number / 1000}}}
        write(tmp_path / "in" / f"{number:04}.json", "{" if number in (5, 500, 999) else content)
    url = str(sqlite_store.engine.url.database)

    code, _, err = run(capsys, "ingest", str(tmp_path / "in"), "--db", url)

    assert code == 3
    assert len(re.findall("^rejected: ", err, re.MULTILINE)) == 3
    assert len(rows(sqlite_store, "uid")) == 997
    remember(said, "1,000 files, 3 of them bad", code, err.splitlines()[-1])


def test_missing_paths_and_wrong_options_are_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(write(tmp_path / "r.json", results(1)))
    database = str(tmp_path / "none.db")
    for arguments in (
        ["ingest", str(tmp_path / "missing.json")],
        ["ingest", str(tmp_path / "*.nothing")],
        ["ingest", path, "--reader", "benchmrk"],
        ["ingest", path, "--set", "modle=x"],
        ["ingest", path, "--set", "seed=x"],
        ["ingest", path, "--at", "yesterday"],
        ["ingest", path, "--baseline-precision", "thin"],
    ):
        code, out, err = run(capsys, *arguments, "--db", database)
        assert (code, out) == (2, ""), arguments
        assert err.startswith("cetrack: error: ")
    assert "did you mean" in run(capsys, "ingest", path, "--set", "modle=x", "--db", database)[2]


def test_a_locked_database(
    sqlite_store: Store,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    said: dict[str, tuple[int, str]],
) -> None:
    path = str(write(tmp_path / "r.json", results(1)))
    monkeypatch.setenv("CETRACK_BUSY_TIMEOUT", "0.2")
    url = str(sqlite_store.engine.url.database)
    other = sqlite3.connect(url, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    code, out, err = run(capsys, "ingest", path, "--db", url)

    other.execute("ROLLBACK")
    other.close()
    assert (code, out) == (4, "")
    assert "database is locked" in err
    assert rows(sqlite_store, "uid") == []
    remember(said, "locked database", code, err, FOLDER=tmp_path)


def test_a_read_only_database(
    sqlite_store: Store,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    said: dict[str, tuple[int, str]],
) -> None:
    """Root writes to any file: the connection itself is made read-only."""
    path = str(write(tmp_path / "r.json", results(1)))
    connect = SqliteDialect.on_connect

    def read_only(self: SqliteDialect, connection: sqlite3.Connection, record: object) -> None:
        connect(self, connection, record)
        connection.execute("PRAGMA query_only = ON")

    monkeypatch.setattr(SqliteDialect, "on_connect", read_only)
    code, out, err = run(capsys, "ingest", path, "--db", str(sqlite_store.engine.url.database))

    assert (code, out) == (4, "")
    assert "readonly database" in err
    remember(said, "read-only database", code, err, FOLDER=tmp_path)


def test_a_database_of_a_newer_schema(
    sqlite_store: Store,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    said: dict[str, tuple[int, str]],
) -> None:
    path = str(write(tmp_path / "r.json", results(1)))
    with sqlite_store.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")

    code, out, err = run(capsys, "ingest", path, "--db", str(sqlite_store.engine.url.database))

    assert (code, out) == (4, "")
    assert "newer than this cetrack" in err
    remember(said, "database of a newer schema", code, err, FOLDER=tmp_path)


def test_a_wrong_password_is_not_printed(
    postgres_server: URL,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    said: dict[str, tuple[int, str]],
) -> None:
    """On the real server, which from now on asks one role for its password."""
    folder = Path(str(postgres_server.query["host"]))
    rules = folder / "pg_hba.conf"
    before = rules.read_text()
    with psycopg.connect(postgres_server.render_as_string(False), autocommit=True) as admin:
        admin.execute("CREATE ROLE someone LOGIN PASSWORD 'right'")
        rules.write_text("local all someone scram-sha-256\n" + before)
        admin.execute("SELECT pg_reload_conf()")
        url = postgres_server.set(username="someone", password="hunter2secret")
        path = str(write(tmp_path / "r.json", results(1)))
        time.sleep(0.5)  # the server reads its rules a moment later

        code, out, err = run(capsys, "ingest", path, "--db", url.render_as_string(False))

        rules.write_text(before)
        admin.execute("SELECT pg_reload_conf()")
        admin.execute("DROP ROLE someone")
    assert (code, out) == (4, "")
    assert "password authentication failed" in err
    assert "hunter2secret" not in err
    shown = str(url.set(drivername="postgresql+psycopg")).partition("?")[2]
    remember(said, "wrong PostgreSQL password", code, err, **{"host=…": shown, "FOLDER": folder})


def test_the_table_of_bad_inputs_is_what_the_program_says(
    said: dict[str, tuple[int, str]],
) -> None:
    if len(said) < len(CASES) + 6:
        pytest.skip("needs the whole module in one process")
    lines = [
        "# What cetrack says to bad input",
        "",
        "Made by the tests. Each file lay beside a good one, which was taken every time.",
        "Exit code 0: taken, with a warning; 3: rejected, the rest taken.",
        "",
        "| input | exit code | what it says |",
        "| --- | --- | --- |",
    ]
    for name, (code, text) in said.items():
        shown = text if len(text) <= 300 else text[:299] + "…"
        shown = shown or "nothing: the name is stored as it is, and made safe in every output"
        lines.append(f"| {name} | {code} | {shown.replace('|', chr(92) + '|')} |")
    table = "\n".join(lines) + "\n"
    if UPDATE:
        DOC.write_text(table, encoding="utf-8")
    assert DOC.read_text(encoding="utf-8") == table
