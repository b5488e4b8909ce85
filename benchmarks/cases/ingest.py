"""From files into the database: one long training log, and very many small results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from benchmarks import data
from benchmarks.bench import Bench
from benchmarks.case import Bar, Case, Row, amount, at_least, ratio
from benchmarks.commands import Taken, middle
from benchmarks.databases import Kind
from benchmarks.sizes import METRICS, METRICS_PER_RUN, RUNS_PER_FILE, WORKERS

_WRITERS: dict[str, Callable[[Path, int, int], None]] = {
    "csv": data.write_csv_log,
    "jsonl": data.write_jsonl_log,
}
# peer, its work, how it is called, the bar, what differs from cetrack's work
_PEERS: tuple[tuple[str, str, str, Bar | None, str], ...] = (
    ("mlflow", "points", "MLflow log_batch", at_least(40), "ready Python values, to SQLite"),
    (
        "trackio",
        "csv",
        "Trackio import_csv",
        at_least(4),
        "like for like, so the bar is held against this one: a CSV file in, SQLite out",
    ),
    (
        "trackio",
        "points",
        "Trackio bulk_log",
        None,
        "for information, as it is less work: ready Python values, no file to read and parse",
    ),
    ("aim", "points", "Aim track", None, "ready Python values"),
)


def _single_log(bench: Bench) -> Iterator[Row]:
    points = bench.sizes.single_log
    taken = _by_turns(bench, {suffix: _written(bench, suffix) for suffix in _WRITERS})
    for suffix, one in taken.items():
        yield Row(
            work=f"ingest of one {suffix.upper()} training log of {amount(points)} points "
            "into SQLite",
            measured=points / one.seconds,
            unit="points/s",
            bar=at_least(400_000),
            note=f"{_told(one)}; {points // METRICS:,} rows × {METRICS} metrics",
        )
    slower = max(taken, key=lambda suffix: taken[suffix].seconds)
    for name, what, called, bar, differs in _PEERS:
        # a CSV against a CSV; ready values against the slower of the two
        suffix = "csv" if what == "csv" else slower
        theirs = bench.peer(name, what)
        times = ratio(points / taken[suffix].seconds, theirs.rates.get(what))
        yield Row(
            work=f"ingest of the {suffix.upper()} log against {called}",
            measured=times,
            unit="×",
            bar=bar,
            note=f"{theirs.told(what, 'points/s')}; {differs}",
            beside_bars=bar is None,
        )


def _written(bench: Bench, suffix: str) -> Path:
    path = bench.folder / "single" / "int8" / f"net_000.{suffix}"
    _WRITERS[suffix](path, 1, bench.sizes.single_log // METRICS)
    return path


def _by_turns(bench: Bench, logs: Mapping[str, Path]) -> dict[str, Taken]:
    """Each log is ingested, then each peer does its work, and all that again."""
    works: dict[str, list[str]] = {}
    for name, what, *_ in _PEERS:
        works.setdefault(name, []).append(what)
    taken: dict[str, list[Taken]] = {suffix: [] for suffix in logs}
    for turn in range(bench.sizes.repeats):
        bench.say(f"  ingest of one log, {turn + 1} of {bench.sizes.repeats}")
        for suffix, path in logs.items():
            with bench.database(Kind.SQLITE) as url:
                taken[suffix].append(bench.ingest(url, path, points=bench.sizes.single_log))
        for name, whats in works.items():
            bench.peer_turn(name, *whats)
    return {suffix: middle(found) for suffix, found in taken.items()}


# --- many files ---------------------------------------------------------------------------------


def _files(bench: Bench) -> Iterator[Row]:
    folder = bench.folder / "nightly"
    data.write_benchmark_files(folder, bench.sizes.files)
    for kind, limit in ((Kind.SQLITE, 3_000), (Kind.POSTGRES, 1_500)):
        yield from _files_into(bench, folder, kind, limit)


def _files_into(bench: Bench, folder: Path, kind: Kind, limit: float) -> Iterator[Row]:
    count = bench.sizes.files
    runs = count * RUNS_PER_FILE
    taken = _files_by_turns(bench, folder, kind, points=runs * METRICS_PER_RUN)
    rates = {workers: runs / one.seconds for workers, one in taken.items()}
    work = f"ingest of {count:,} benchmark files into {kind}"
    yield Row(
        work=work,
        measured=rates[None],
        unit="runs/s",
        bar=at_least(limit),
        note=f"{_told(taken[None])}; {runs:,} runs × {METRICS_PER_RUN} metrics; without "
        f"--workers, as a user calls it; with --workers 1: {rates[1]:,.0f} runs/s",
    )
    if kind is Kind.SQLITE:
        yield _against_mlflow(bench, rates[None], rates[1])
    for workers in (1, WORKERS):
        yield Row(
            work=f"{work}, --workers {workers}",
            measured=rates[workers],
            unit="runs/s",
            note=_told(taken[workers]),
        )


def _files_by_turns(
    bench: Bench, folder: Path, kind: Kind, *, points: int
) -> dict[int | None, Taken]:
    """As a user calls it (None), by one process, by several, then the peer, and all that again."""
    found: dict[int | None, list[Taken]] = {None: [], 1: [], WORKERS: []}
    for turn in range(bench.sizes.repeats):
        bench.say(f"  ingest of benchmark files into {kind}, {turn + 1} of {bench.sizes.repeats}")
        for workers, several in found.items():
            with bench.database(kind) as url:
                several.append(bench.ingest(url, folder, points=points, workers=workers))
        if kind is Kind.SQLITE:
            bench.peer_turn("mlflow", "runs")
    return {workers: middle(several) for workers, several in found.items()}


def _told(taken: Taken) -> str:
    return f"{taken.told}, {taken.peak_mb:.0f} MB"


def _against_mlflow(bench: Bench, rate: float, alone: float) -> Row:
    theirs = bench.peer("mlflow", "runs").rates.get("runs")
    told = bench.peer("mlflow", "runs").told("runs", "runs/s")
    times = ratio(alone, theirs)
    by_one = f"; cetrack in one process: {times:,.1f} ×" if times else ""
    return Row(
        work="ingest of benchmark files into SQLite against MLflow create_run, log_batch",
        measured=ratio(rate, theirs),
        unit="×",
        bar=at_least(50),
        note=f"{told}; the same metrics, ready values, to SQLite{by_one}",
    )


SINGLE_LOG = Case("ingest-log", "ingest of one training log", _single_log)
FILES = Case("ingest-files", "ingest of many benchmark files", _files)
