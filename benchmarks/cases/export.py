"""Event files: how fast they are written, and how little is done where little has changed."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cetrack
from benchmarks import data
from benchmarks.bench import Bench, Filled
from benchmarks.case import Bar, Case, Row, amount, at_least, at_most, ratio
from benchmarks.commands import Taken
from benchmarks.databases import Kind
from benchmarks.sizes import METRICS, STEPS, WORKERS


def _from_sqlite(bench: Bench) -> Iterator[Row]:
    filled = bench.filled(Kind.SQLITE, bench.sizes.medium)
    taken = bench.exported(
        filled.kind,
        filled.points,
        beside=(
            lambda: bench.bare_turn(filled),
            lambda: bench.peer_turn("tensorboardX", "points"),
        ),
    )
    rate = filled.points / taken.seconds
    runs = data.runs_of(filled.points)
    work = _called(filled)
    shape = f"{taken.told}; {runs:,} runs × {METRICS} metrics × {STEPS} steps"
    yield Row(work=work, measured=rate, unit="points/s", bar=at_least(1_000_000), note=shape)
    yield _against_loop(bench, rate)
    yield _against_bare(bench, filled, taken, at_least(50))
    small = bench.exported(Kind.SQLITE, bench.sizes.small)
    yield Row(
        work=f"export-tb of {amount(bench.sizes.small)} points from SQLite",
        measured=small.seconds,
        unit="s",
        bar=at_most(2),
        note=small.told,
    )
    yield _by_several(bench, filled, taken)


def _called(filled: Filled) -> str:
    return f"export-tb of {amount(filled.points)} points from {filled.kind}"


def _against_loop(bench: Bench, rate: float) -> Row:
    loop = bench.peer("tensorboardX", "points")
    return Row(
        work="export-tb from SQLite against tensorboardX add_scalar in a loop",
        measured=ratio(rate, loop.rates.get("points")),
        unit="×",
        bar=at_least(75),
        note=f"{loop.told('points', 'points/s')}, writing {bench.sizes.tensorboardx:,} points",
    )


def _against_bare(bench: Bench, filled: Filled, taken: Taken, bar: Bar) -> Row:
    bare = bench.bare(filled)
    return Row(
        work=f"{_called(filled)}: share of the bare ordered read",
        measured=100 * bare / taken.seconds,
        unit="%",
        bar=bar,
        note=f"whole process {taken.told}; the read alone {bare:.2f} s, "
        "without the start of its process",
    )


def _by_several(bench: Bench, filled: Filled, alone: Taken) -> Row:
    taken = bench.exported(filled.kind, filled.points, workers=WORKERS)
    return Row(
        work=f"{_called(filled)}, --workers {WORKERS}",
        measured=filled.points / taken.seconds,
        unit="points/s",
        note=f"{taken.told}, {taken.peak_mb:.0f} MB; one process: {alone.told}",
    )


def _from_postgres(bench: Bench) -> Iterator[Row]:
    filled = bench.filled(Kind.POSTGRES, bench.sizes.medium)
    taken = bench.exported(filled.kind, filled.points, beside=[lambda: bench.bare_turn(filled)])
    yield _against_bare(bench, filled, taken, at_least(70))
    logs = f"{amount(filled.points)} points as many logs"
    ingest = f"ingest --workers {WORKERS} of {logs} into {filled.kind}"
    for work, one in ((_called(filled), taken), (ingest, filled.ingest)):
        rate = filled.points / one.seconds
        yield Row(work=work, measured=rate, unit="points/s", note=one.told)
        yield Row(work=f"peak memory, {work}", measured=one.peak_mb, unit="MB", bar=at_most(350))
    yield _by_several(bench, filled, taken)


# --- exporting again ----------------------------------------------------------------------------


def _again(bench: Bench) -> Iterator[Row]:
    filled = bench.filled(Kind.SQLITE, bench.sizes.medium)
    runs = data.runs_of(filled.points)
    bench.say("  exporting again, whole processes")
    with bench.logdir() as logdir:
        first = bench.export(filled.url, logdir).seconds
        unchanged = bench.export(filled.url, logdir).seconds
        seconds, files = _after_changes(
            bench, filled.url, lambda: _outcome(bench.export(filled.url, logdir))
        )
    note = f"{first:.2f} s, then {seconds:.2f} s; files written the second time: {files:,}"
    yield Row(
        work=f"second export with one changed run of {runs:,}: share of the first",
        measured=100 * seconds / first,
        unit="%",
        bar=at_most(5),
        note=note,
    )
    yield Row(
        work=f"second export with nothing changed of {runs:,} runs: share of the first",
        measured=100 * unchanged / first,
        unit="%",
        note=f"{unchanged:.2f} s",
    )
    yield from _again_in_process(bench, filled.url, runs)


def _again_in_process(bench: Bench, url: str, runs: int) -> Iterator[Row]:
    bench.say("  exporting again, in process")
    with bench.logdir() as logdir, cetrack.open(url) as database:

        def export() -> tuple[float, int]:
            started = time.perf_counter()
            report = database.export_tb(logdir)
            return time.perf_counter() - started, report.files - report.unchanged

        first, _ = export()
        unchanged, _ = export()
        changed, _ = _after_changes(bench, url, export)
    for what, seconds in (("one changed run", changed), ("nothing changed", unchanged)):
        yield Row(
            work=f"second export with {what} of {runs:,}, in process: share of the first",
            measured=100 * seconds / first,
            unit="%",
            note=f"{first:.2f} s, then {seconds:.3f} s",
        )


def _after_changes(
    bench: Bench, url: str, export: Callable[[], tuple[float, int]]
) -> tuple[float, int]:
    """Seconds (the median) and files written where one training has gone on by a step."""
    outcomes = []
    for _ in range(bench.sizes.repeats):
        _grow(bench, url)
        outcomes.append(export())
    return statistics.median(seconds for seconds, _ in outcomes), outcomes[-1][1]


def _grow(bench: Bench, url: str) -> None:
    """The first training goes on by one step, in a copy of its log."""
    log = bench.logs(bench.sizes.medium)
    original = data.log_path(log, 0)
    copy = bench.folder / "grown" / original.relative_to(log)
    if not copy.exists():
        copy.parent.mkdir(parents=True)
        shutil.copy(original, copy)
    steps = len(copy.read_bytes().splitlines()) - 1
    data.append_to_csv_log(copy, seed=steps, first=steps + 1)
    bench.cetrack("ingest", str(copy.parent.parent.parent), "--db", url)


def _outcome(taken: Taken) -> tuple[float, int]:
    return taken.seconds, taken.answer["files"] - taken.answer["unchanged"]


# --- exporting a part ---------------------------------------------------------------------------


def _part(bench: Bench) -> Iterator[Row]:
    filled = bench.filled(Kind.SQLITE, bench.sizes.medium)
    chosen = "model=net_000 and precision=int8"
    whole = bench.exported(Kind.SQLITE, filled.points).seconds
    with bench.logdir() as logdir:
        part = bench.export(filled.url, logdir, "--filter", chosen)
    share = 100 * part.answer["runs"] / data.runs_of(filled.points)
    work = f"export of a filter that selects {share:.3g} % of {amount(filled.points)} points"
    yield Row(
        work=f"{work}: share of the full export",
        measured=100 * part.seconds / whole,
        unit="%",
        note=f"{part.seconds:.2f} s of {whole:.2f} s",
    )
    full_s, part_s = (_seconds_in_process(bench, filled.url, where) for where in (None, chosen))
    yield Row(
        work=f"{work}, in process: share of the full export",
        measured=100 * part_s / full_s,
        unit="%",
        note=f"{part_s:.3f} s of {full_s:.2f} s",
    )


def _seconds_in_process(bench: Bench, url: str, where: str | None) -> float:
    with bench.logdir() as logdir, cetrack.open(url) as database:
        database.runs("model=net_000")  # opened and warm
        started = time.perf_counter()
        database.export_tb(Path(logdir), filter=where)
        return time.perf_counter() - started


EXPORT_SQLITE = Case("export-sqlite", "export from SQLite", _from_sqlite)
EXPORT_POSTGRES = Case("export-postgres", "export from PostgreSQL", _from_postgres)
INCREMENTAL = Case("export-again", "exporting again after a change", _again)
SELECTED = Case("export-part", "exporting what a filter selects", _part)
