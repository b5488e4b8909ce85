"""The benchmarks themselves: their data, their verdicts, their page, and one run of it all.

No time is judged here: sizes are tiny.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import cetrack
from benchmarks import __main__, bare, catalogue, commands, data, peer_work, peers, report
from benchmarks.__main__ import main
from benchmarks.bench import Bench, WrongWorkError
from benchmarks.case import Case, Row, Verdict, amount, at_least, at_most, ratio, spread
from benchmarks.cases import CASES
from benchmarks.cases.events import EVENTS
from benchmarks.cases.export import EXPORT_SQLITE, INCREMENTAL
from benchmarks.cases.queries import FILTER_TEXT
from benchmarks.commands import Taken
from benchmarks.databases import Kind
from benchmarks.peers import Peer
from benchmarks.sizes import CATALOGUE_METRICS, METRICS, METRICS_PER_RUN, QUICK, RUNS_PER_FILE
from cetrack.domain import RunRecord
from cetrack.readers.registry import reader_named
from cetrack.readers.source import Source

TINY = replace(
    QUICK,
    small=10_000,
    medium=20_000,
    large=30_000,
    tensorboardx=200,
    short_repeats=1,
)


# --- data ---------------------------------------------------------------------------------------


def test_a_log_holds_the_values_that_were_drawn(tmp_path: Path) -> None:
    path = tmp_path / "net.csv"
    data.write_csv_log(path, seed=5, rows=7)

    header, *lines = path.read_text().splitlines()
    found = np.array([[float(cell) for cell in line.split(",")] for line in lines])

    assert header.split(",") == ["epoch", *data.LOG_COLUMNS]
    assert len(set(data.LOG_COLUMNS)) == METRICS
    assert found[:, 0].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert (found[:, 1:] == data.log_values(5, 7)).all()


def test_an_event_file_holds_the_values_that_were_drawn(tmp_path: Path) -> None:
    path = tmp_path / "net_int8" / "events.out.tfevents.1780000000.bench.1.0"
    data.write_event_file(path, seed=5, rows=300)

    (record,) = reader_named("tfevents").read(Source(str(path), path=path))
    assert isinstance(record, RunRecord)

    assert tuple(series.name for series in record.series) == data.LOG_COLUMNS
    assert {tuple(series.steps) for series in record.series} == {tuple(range(1, 301))}
    found = np.stack([series.values for series in record.series], axis=1)
    assert (found == data.log_values(5, 300)).all()


def test_a_long_log_is_written_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, blocks = tmp_path / "whole.csv", tmp_path / "blocks.csv"
    data.write_csv_log(whole, seed=5, rows=100)
    monkeypatch.setattr(data, "_BLOCK_ROWS", 30)
    data.write_csv_log(blocks, seed=5, rows=100)

    assert blocks.read_bytes() == whole.read_bytes()


def test_both_kinds_of_log_hold_the_same(tmp_path: Path) -> None:
    data.write_csv_log(tmp_path / "net.csv", seed=5, rows=3)
    data.write_jsonl_log(tmp_path / "net.jsonl", seed=5, rows=3)

    rows = [json.loads(line) for line in (tmp_path / "net.jsonl").read_text().splitlines()]
    lines = (tmp_path / "net.csv").read_text().splitlines()

    assert [",".join(map(repr, row.values())) for row in rows] == lines[1:]
    assert ",".join(rows[0]) == lines[0]


def test_data_is_the_same_every_time_and_differs_from_log_to_log(tmp_path: Path) -> None:
    for folder in ("first", "second"):
        data.write_logs(tmp_path / folder, 30_000)
        data.write_benchmark_files(tmp_path / folder / "nights", 2)
    first, second = (
        {path.relative_to(top): path.read_bytes() for path in top.rglob("*") if path.is_file()}
        for top in (tmp_path / "first", tmp_path / "second")
    )
    assert first == second
    assert len(set(first.values())) == len(first) == 5


def test_a_grown_log_begins_as_it_did(tmp_path: Path) -> None:
    path = tmp_path / "net.csv"
    data.write_csv_log(path, seed=5, rows=3)
    before = path.read_bytes()
    data.append_to_csv_log(path, seed=6, first=4, rows=2)

    after = path.read_bytes()

    assert after.startswith(before)
    assert [line.split(b",")[0] for line in after.splitlines()[4:]] == [b"4", b"5"]


def test_files_are_the_runs_that_are_counted(tmp_path: Path) -> None:
    data.write_benchmark_files(tmp_path / "nights", 3)
    with cetrack.open(str(tmp_path / "a.db")) as database:
        ingested = database.ingest(tmp_path / "nights")
        frame = database.measurements()
        frame = frame[frame.derived == 0]

    assert not ingested.rejected
    assert not [notice for source in ingested.sources for notice in source.notices]
    assert frame.uid.nunique() == 3 * RUNS_PER_FILE
    assert len(frame) == 3 * RUNS_PER_FILE * METRICS_PER_RUN


# --- figures and verdicts -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bar", "measured", "verdict"),
    [
        (at_least(75), 75.0, Verdict.MET),
        (at_least(75), 74.9, Verdict.MISSED),
        (at_most(2), 2.0, Verdict.MET),
        (at_most(2), 2.1, Verdict.MISSED),
        (at_most(2), None, Verdict.NOT_JUDGED),
        (None, 2.1, Verdict.NOT_JUDGED),
    ],
)
def test_verdicts(bar: object, measured: float | None, verdict: Verdict) -> None:
    assert Row(work="w", measured=measured, unit="s", bar=bar).verdict is verdict


def test_what_is_computed_from_figures() -> None:
    assert ratio(300.0, 100.0) == 3
    assert ratio(300.0, None) is None
    assert spread([2.0, 2.4, 2.2]) == pytest.approx(20)
    assert spread([2.0, -0.1]) is None
    assert [amount(count) for count in (10_000_000, 200_000, 20)] == ["10 M", "200,000", "20"]


def test_the_middle_of_several_at_the_highest_peak() -> None:
    taken = [Taken(seconds, 0.0, peak, "") for seconds, peak in ((3, 10), (1, 30), (2, 20))]

    chosen = commands.middle(taken)

    assert (chosen.seconds, chosen.peak_mb) == (2, 30)


# --- the page -----------------------------------------------------------------------------------

ROWS = [
    Row(work="fast|er", measured=1_234_567.0, unit="points/s", bar=at_least(1e6), note="by far"),
    Row(work="slow", measured=2.345, unit="s", bar=at_most(2)),
    Row(work="absent", measured=None, unit="×", bar=at_least(4), note="not installed"),
    Row(work="broken", measured=None, unit="", note="no such table", failed=True),
    Row(work="shown", measured=2.0, unit="×", beside_bars=True),
    Row(work="beside", measured=81.0, unit="MB"),
]


def page(*, judged: bool) -> list[str]:
    whole = report.render(ROWS, {"cores": "2"}, date="2026-01-01", judged=judged, command="x")
    return whole.splitlines()


def test_the_page_says_what_is_met_and_what_is_missed() -> None:
    lines = page(judged=True)

    told = "3 bars: 1 met, 1 missed, 1 not judged. Cases that failed, their other bars missing: 1."
    assert told in lines
    assert "| fast\\|er | ≥ 1,000,000 points/s | 1,234,567 points/s | met |" in lines
    assert "| slow | ≤ 2 s | 2.35 s | **missed** |" in lines
    assert "| absent | ≥ 4 × | – | not judged |" in lines
    assert "| broken |  | – | **failed** |" in lines
    assert "| shown |  | 2.0 × | not judged |" in lines
    assert "| beside | 81 MB |" in lines
    assert lines.index("| shown |  | 2.0 × | not judged |") < lines.index("## Without a bar")
    assert lines[lines.index("## Details") + 2 :][:3] == [
        "- fast|er: by far",
        "- absent: not installed",
        "- broken: no such table",
    ]
    assert "- cores: 2" in lines


def test_a_quick_page_judges_nothing() -> None:
    lines = page(judged=False)

    assert not [line for line in lines if "| met |" in line or "missed" in line]
    assert any("nothing is judged" in line for line in lines)


def test_a_page_of_failed_cases_has_no_bars() -> None:
    failed = [row for row in ROWS if row.failed]
    lines = report.render(failed, {}, date="2026-01-01", judged=True, command="x").splitlines()

    assert "No bars. Cases that failed, their other bars missing: 1." in lines


def test_every_unit_of_the_cases_can_be_written() -> None:
    sources = Path(report.__file__).parent.glob("cases/*.py")
    units = {unit for path in sources for unit in re.findall(r'unit="([^"]+)"', path.read_text())}

    assert len(units) > 5
    for unit in units:
        assert report.figure(1.0, unit).endswith(unit)


# --- commands -----------------------------------------------------------------------------------


def test_memory_and_time_are_those_of_the_command(tmp_path: Path) -> None:
    code = "import time; block = b'x' * 80_000_000; time.sleep(0.2); print('{\"a\": 1}')"
    taken = commands.run([sys.executable, "-c", code], tmp_path)
    idle = commands.run([sys.executable, "-c", ""], tmp_path)

    assert taken.answer == {"a": 1}
    assert taken.seconds >= 0.2
    assert taken.peak_mb - idle.peak_mb == pytest.approx(80, abs=5)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process's children")
def test_memory_is_that_of_a_command_and_its_children_together(tmp_path: Path) -> None:
    child = "import time; block = b'x' * 80_000_000; time.sleep(0.5)"
    code = (
        "import subprocess, sys; block = b'x' * 60_000_000; "
        f"subprocess.run([sys.executable, '-c', {child!r}])"
    )
    taken = commands.run([sys.executable, "-c", code], tmp_path)

    assert taken.peak_mb > 140


def test_the_peak_is_not_that_of_whoever_starts_the_command(tmp_path: Path) -> None:
    block = b"x" * 200_000_000
    assert commands.run([sys.executable, "-c", ""], tmp_path).peak_mb < len(block) / 1e6


def test_a_command_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(commands.CommandError, match="no cetrack database there") as raised:
        commands.run([*commands.CETRACK, "runs", "--db", "none.db"], tmp_path)
    assert raised.value.code == 4


def test_other_work_than_was_asked_for_is_no_figure(tmp_path: Path) -> None:
    with Bench(TINY, tmp_path) as bench, bench.database(Kind.SQLITE) as url:
        data.write_logs(tmp_path / "logs", 10_000)
        with pytest.raises(WrongWorkError, match="10,000 points were done, not 9,999"):
            bench.ingest(url, tmp_path / "logs", points=9_999)


# --- peers --------------------------------------------------------------------------------------


def test_a_peer_says_what_it_did_in_a_second() -> None:
    measured = peers.measured("tensorboardX", TINY, sys.executable)

    assert measured.rates["points"] > 0
    assert measured.told("points", "points/s").startswith("tensorboardX: ")


def test_of_several_turns_of_a_peer_the_median_counts() -> None:
    turns = [Peer("p", "1.0", {"points": rate}) for rate in (30.0, 10.0, 20.0)]

    summed_up = peers.summed_up([*turns, Peer("p", "1.0", {"runs": 5.0})])

    assert summed_up == Peer("p", "1.0", {"points": 20.0, "runs": 5.0})


def test_a_peer_works_as_often_as_it_is_told_and_only_once_if_it_cannot(tmp_path: Path) -> None:
    no_python = str(tmp_path / "python")
    sizes = replace(TINY, judged=True)
    with Bench(sizes, tmp_path, peer_pythons={"aim": no_python}, say=str) as bench:
        for _ in range(2):
            bench.peer_turn("tensorboardX", "points")
            bench.peer_turn("aim", "points")
        measured = {peer.name: peer for peer in bench.measured_peers}

        assert bench.peer("tensorboardX", "points") == measured["tensorboardX"]
        assert "failed" in bench.peer("aim", "points").problem
        assert [len(turns) for turns in bench._peers.values()] == [2, 1]


def test_a_peer_that_is_not_installed_is_no_error(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-m", "benchmarks.peer_work", "aim", "points=20"],
        cwd=commands.ROOT,
        check=False,
    )
    assert done.returncode == peer_work.NOT_INSTALLED
    bare_python = tmp_path / "python"
    bare_python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    bare_python.chmod(0o755)

    measured = peers.measured("aim", TINY, str(bare_python))

    assert (measured.rates, measured.problem) == ({}, "not installed")


# --- on databases -------------------------------------------------------------------------------


# is it PostgreSQL? → what its planner knows of the largest table that filters read
_LOOKED_AT = {
    False: "SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'run_metric'",
    True: "SELECT count(*) FROM pg_stats WHERE tablename = 'run_metric'",
}


def test_the_catalogue_is_a_database_like_any_other(database_url: str, tmp_path: Path) -> None:
    catalogue.fill(database_url, 2_000)
    data.write_benchmark_files(tmp_path / "nights", 1)
    with cetrack.open(database_url) as database:
        frame = database.measurements()
        frame = frame[frame.derived == 0]
        chosen = database.runs(FILTER_TEXT)
        compared = database.comparisons("precision=int8")
        looked_at = database.sql(_LOOKED_AT[database_url.startswith("postgresql")])
        more = database.ingest(tmp_path / "nights")

    assert len(frame) == 2_000 * CATALOGUE_METRICS
    assert frame.uid.nunique() == 2_000
    expected = frame[
        (frame.category == "vision")
        & (frame.precision == "int8")
        & (frame.metric == "accuracy")
        & (frame.value >= 0.9)
    ]
    assert sorted(chosen.uid) == sorted(expected.uid)
    assert len(chosen) > 0
    assert set(compared.baseline_precision) == {"fp32"}
    assert not more.rejected
    assert looked_at.iloc[0, 0] > 0


def test_the_bare_read_reads_everything(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    data.write_logs(tmp_path / "logs", 20_000)
    with cetrack.open(database_url) as database:
        database.ingest(tmp_path / "logs")
    monkeypatch.setattr(sys, "argv", ["bare", database_url.removeprefix("sqlite:///")])

    bare.main()

    assert json.loads(capsys.readouterr().out)["rows"] == 20_000


# --- all of it ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_cases_from_end_to_end(tmp_path: Path) -> None:
    said: list[str] = []
    with Bench(TINY, tmp_path, say=said.append) as bench:
        rows = [*EXPORT_SQLITE.run(bench), *INCREMENTAL.run(bench), *EVENTS.run(bench)]

    # tbparse comes with the extra for benchmarks, not with that for tests
    absent = [] if importlib.util.find_spec("tbparse") else ["tbparse"]
    measured = [row for row in rows if not any(peer in row.work for peer in absent)]
    assert len(measured) == len(rows) - len(absent)
    assert all(row.measured is not None and row.measured > 0 for row in measured)
    assert [row.bar for row in rows if row.bar][:4] == [
        at_least(1_000_000),
        at_least(75),
        at_least(50),
        at_most(2),
    ]
    assert any(row.bar == at_most(5) for row in rows)
    assert [row.bar for row in rows[-2:]] == [at_least(20)] * 2
    assert said
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".db"]


def test_the_program_prints_its_page_and_writes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "page.md"
    options = ["--quick", "--only", "startup", "--folder", str(tmp_path), "--output", str(output)]

    code = main(options)

    said = capsys.readouterr()
    assert code == 0
    assert said.out == output.read_text() + "\n"
    assert "`cetrack --help`" in said.out
    assert "1/1 startup" in said.err
    assert len({case.name for case in CASES}) == len(CASES)


def test_an_interrupt_that_python_forgets_ends_the_case_a_little_later(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Referred:
        pass

    def run(bench: Bench) -> Iterator[Row]:
        referred = Referred()
        callback = weakref.ref(referred, lambda _: __main__._interrupt())
        del referred  # the interrupt comes here, and is printed and forgotten
        assert callback() is None
        yield Row(work="lost", measured=1.0, unit="s")

    cases = (Case("first", "the first", run), Case("second", "the second", run))
    monkeypatch.setattr(__main__, "CASES", cases)
    monkeypatch.setattr(__main__, "_interrupted", threading.Event())
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)

    code = main(["--quick", "--folder", str(tmp_path)])

    page = capsys.readouterr().out
    assert code == 1
    assert "interrupted; not run: second" in page
    assert "lost" not in page


def test_an_interrupt_ends_everything_and_shows_what_there_is(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "--quick", "--only", "startup", "filter"]
    running = subprocess.Popen(
        [*command, "--folder", str(tmp_path)],
        cwd=commands.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stderr is not None
    assert "1/2 filter" in running.stderr.readline()
    running.terminate()
    page, said = running.communicate(timeout=60)

    assert running.returncode == 1, said
    assert "interrupted; not run: startup" in page
    assert not list(tmp_path.iterdir())
