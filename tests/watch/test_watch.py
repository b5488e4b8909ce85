"""``cetrack watch`` as a program of its own, with real files and bounded waits."""

from __future__ import annotations

import json
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from cetrack.models import Point, runs_view
from cetrack.store import Store
from tests.cli.test_program import ENVIRONMENT, ROOT, started
from tests.ingest.producing import model, results, write
from tests.ingest.test_archives import zipped

PATIENCE_S = 60
SETTLE = "0.3"


class Program:
    """A running watch; what it has said so far."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self.said_to = folder / f"said-{time.monotonic_ns()}"
        with self.said_to.open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cetrack", "watch", *arguments],
                cwd=folder,
                stderr=said,
                stdout=said,
                env={**ENVIRONMENT, "PYTHONPATH": str(ROOT), **environment},
            )

    @property
    def said(self) -> str:
        return self.said_to.read_text()

    def wait_for(self, text: str, *, count: int = 1) -> None:
        def is_there() -> bool:
            return len(re.findall(text, self.said)) >= count

        assert waited(lambda: is_there() or self.process.poll() is not None), self.said
        assert is_there(), self.said

    def end(self, by: int = signal.SIGINT) -> int:
        self.process.send_signal(by)
        return self.process.wait(timeout=PATIENCE_S)


def waited(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


Starter = Callable[..., Program]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    """``start(*arguments)`` watches ``in`` below the test's folder; ended with the test."""
    running: list[Program] = []
    (tmp_path / "in").mkdir()

    def begin(*arguments: str, **environment: str) -> Program:
        program = Program(
            tmp_path, "in", "--db", "x.db", "--settle", SETTLE, *arguments, **environment
        )
        running.append(program)
        program.wait_for("catching up")
        return program

    yield begin
    for program in running:
        if program.process.poll() is None:
            program.process.kill()
            program.process.wait()


def runs(folder: Path, *columns: str) -> list[tuple[Any, ...]]:
    with Store.open(str(folder / "x.db")) as store, store.read() as connection:
        found = connection.execute(select(*(runs_view.c[name] for name in columns)))
        return sorted(tuple(row) for row in found)


def test_what_is_there_what_appears_and_what_grows(start: Starter, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    write(folder / "before.json", results(1))
    program = start("--set", "dataset=imagenet")
    program.wait_for(r"in/before.json: benchmark; runs: 2 new; 12 points")

    write(folder / "new" / "deep" / "a.json", {"a": model(1)})
    zipped(folder / "packed.zip", {"b.json": {"b": model(2)}})
    write(folder / "notes.md", "no results")
    write(tmp_path / "elsewhere.json", {"c": model(3)})
    (tmp_path / "elsewhere.json").replace(folder / "renamed.json")
    log = write(folder / "lenet_int8.csv", "epoch,val_accuracy\n1,0.5\n2,0.6\n")
    for what in ("new/deep/a.json", "packed.zip/b.json", "renamed.json", "lenet_int8.csv"):
        program.wait_for(re.escape(f"in/{what}: "))
    with log.open("a") as stream:
        stream.write("3,0.7\n")
    program.wait_for(r"in/lenet_int8.csv: epochs; runs: 1 updated; 1 points")
    (folder / "before.json").unlink()
    write(folder / "last.json", {"d": model(4)})
    program.wait_for("in/last.json: ")

    assert program.end() == 130
    assert "rejected" not in program.said
    assert program.said.count("'lenet' is taken from the path") == 1
    assert "6 files ingested; runs: 11 new, 1 updated" in program.said
    assert "interrupted" in program.said
    assert re.search(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d in/last", program.said, re.MULTILINE)
    assert {row for (row,) in runs(tmp_path, "dataset")} == {"imagenet"}


def test_a_watch_that_starts_again_goes_on(start: Starter, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    write(folder / "a.json", results(1))
    first = start()
    first.wait_for("in/a.json: ")
    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    write(folder / "b.json", {"b": model(2)})

    second = start()
    second.wait_for("in/b.json: ")

    assert second.end(signal.SIGTERM) == 0
    assert "a.json" not in second.said
    assert "1 file ingested; runs: 2 new, 0 updated" in second.said


def test_a_file_that_is_being_written_is_no_error(start: Starter, tmp_path: Path) -> None:
    program = start()
    text = json.dumps({"slow": model(1)})
    with (tmp_path / "in" / "slow.json").open("w") as stream:
        for part in (text[:50], text[50:100], text[100:]):
            stream.write(part)
            stream.flush()
            time.sleep(0.8)  # longer than it has to rest, shorter than it is doubted
    program.wait_for("in/slow.json: benchmark; runs: 2 new")
    write(tmp_path / "in" / "broken.json", text[:50])
    program.wait_for(r"rejected: in/broken.json: byte \d+: invalid JSON")

    assert program.said.count("rejected") == 1
    program.end()
    assert "1 file ingested, 1 rejected; runs: 2 new" in program.said


def test_a_log_that_never_rests_is_met_line_by_line(start: Starter, tmp_path: Path) -> None:
    program = start()
    path = tmp_path / "in" / "lenet_int8.csv"
    path.write_text("epoch,val_accuracy\n")
    for epoch in range(1, 200):
        with path.open("a") as stream:
            stream.write(f"{epoch},0.{epoch:03}")
            stream.flush()
            time.sleep(0.05)
            stream.write("5\n")
        if len(re.findall("lenet_int8.csv: ", program.said)) > 2:
            break
    time.sleep(1.5)
    program.wait_for("lenet_int8.csv: ", count=3)
    program.end()

    assert "rejected" not in program.said
    assert runs(tmp_path, "model") == [("lenet",)]
    with Store.open(str(tmp_path / "x.db")) as store, store.read() as connection:
        values = connection.scalars(select(Point.value).order_by(Point.step)).all()
    assert values == [float(f"0.{number:03}5") for number in range(1, epoch + 1)]


def test_a_burst_is_one_batch(start: Starter, tmp_path: Path) -> None:
    program = start()
    for number in range(100):
        write(tmp_path / "in" / f"{number:03}.json", {f"m{number}": model(number)})
    program.wait_for(r"in/\d+.json: ", count=100)
    program.end()

    with Store.open(str(tmp_path / "x.db")) as store, store.read() as connection:
        assert connection.scalar(select(func.count()).select_from(runs_view)) == 200


def test_a_folder_that_vanishes_is_waited_for(start: Starter, tmp_path: Path) -> None:
    program = start()
    shutil.rmtree(tmp_path / "in")
    program.wait_for("in has vanished: waiting for it")
    write(tmp_path / "in" / "a.json", results(1))
    program.wait_for("in is there again")
    program.wait_for("in/a.json: ")
    write(tmp_path / "in" / "b.json", {"b": model(2)})
    program.wait_for("in/b.json: ")

    assert program.end() == 130


def test_a_database_that_is_locked_for_a_while(start: Starter, tmp_path: Path) -> None:
    program = start(CETRACK_BUSY_TIMEOUT="0.2")
    other = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    write(tmp_path / "in" / "a.json", results(1))
    program.wait_for("database is locked: trying again until it works")
    time.sleep(1.5)
    other.execute("ROLLBACK")
    other.close()
    program.wait_for("the database can be used again")
    program.wait_for("in/a.json: benchmark; runs: 2 new")

    assert program.end() == 130
    assert program.said.count("locked") == 1


def test_polling_needs_no_events(start: Starter, tmp_path: Path) -> None:
    program = start("--poll", "0.2")
    write(tmp_path / "in" / "sub" / "a.json", results(1))
    program.wait_for("in/sub/a.json: ")
    shutil.rmtree(tmp_path / "in")
    program.wait_for("has vanished")
    write(tmp_path / "in" / "b.json", {"b": model(2)})
    program.wait_for("in/b.json: ")

    assert program.end(signal.SIGTERM) == 0


def test_what_makes_no_sense(tmp_path: Path) -> None:
    file = write(tmp_path / "a.json", "{}")
    command = [sys.executable, "-m", "cetrack", "watch", "--db", str(tmp_path / "x.db")]
    for arguments, problem in (
        ([str(tmp_path / "gone")], "no such folder"),
        ([str(file)], "no such folder"),
        ([str(tmp_path), "--set", "device"], "not KEY=VALUE"),
        ([str(tmp_path), "--reader", "nobody"], "no reader called 'nobody'"),
    ):
        done = started(*command, *arguments)
        assert (done.returncode, problem in done.stderr.decode()) == (2, True), done.stderr
    assert not (tmp_path / "x.db").exists()
