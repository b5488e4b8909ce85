"""From files into the database: one long training log, and very many small results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import data
from benchmarks.bench import Bench
from benchmarks.case import Bar, Case, Row, amount, at_least, ratio
from benchmarks.commands import Taken, middle
from benchmarks.databases import Kind
from benchmarks.sizes import METRICS, METRICS_PER_RUN, RUNS_PER_FILE

_WRITERS: dict[str, Callable[[Path, int, int], None]] = {
    "csv": data.write_csv_log,
    "jsonl": data.write_jsonl_log,
}
# peer, its work, how it is called, the bar
_PEERS: tuple[tuple[str, str, str, Bar | None], ...] = (
    ("mlflow", "points", "MLflow log_batch (SQLite, ready values)", at_least(40)),
    ("trackio", "csv", "Trackio import_csv (the same kind of file)", at_least(4)),
    ("trackio", "points", "Trackio bulk_log (ready values, a step is one row)", at_least(4)),
    ("aim", "points", "Aim track (ready values)", None),
)


def _single_log(bench: Bench) -> Iterator[Row]:
    points = bench.sizes.single_log
    rates = []
    for suffix in _WRITERS:
        taken = _ingested_log(bench, suffix)
        rates.append(points / taken.seconds)
        log = f"one {suffix.upper()} training log of {amount(points)} points"
        yield Row(
            work=f"ingest of {log} into SQLite, whole process",
            measured=rates[-1],
            unit="points/s",
            bar=at_least(400_000),
            note=f"{taken.told}, {taken.peak_mb:.0f} MB; "
            f"{points // METRICS:,} rows × {METRICS} metrics",
        )
    for peer, what, called, bar in _PEERS:
        theirs = bench.peer(peer)
        yield Row(
            work=f"ingest of one training log, the slower of the two: against {called}",
            measured=ratio(min(rates), theirs.rates.get(what)),
            unit="×",
            bar=bar,
            note=theirs.told(what, "points/s"),
        )


def _ingested_log(bench: Bench, suffix: str) -> Taken:
    points = bench.sizes.single_log
    path = bench.folder / "single" / "int8" / f"net_000.{suffix}"
    _WRITERS[suffix](path, 1, points // METRICS)
    taken = []
    for turn in range(bench.sizes.repeats):
        bench.say(f"  ingest of one {suffix} log, {turn + 1} of {bench.sizes.repeats}")
        with bench.database(Kind.SQLITE) as url:
            taken.append(bench.ingest(url, path, points=points))
    return middle(taken)


def _files(bench: Bench) -> Iterator[Row]:
    count = bench.sizes.files
    folder = bench.folder / "nightly"
    data.write_benchmark_files(folder, count)
    runs = count * RUNS_PER_FILE
    for kind, limit in ((Kind.SQLITE, 3_000), (Kind.POSTGRES, 1_500)):
        bench.say(f"  ingest of {count:,} benchmark files into {kind}")
        with bench.database(kind) as url:
            taken = bench.ingest(url, folder, points=runs * METRICS_PER_RUN)
        work = f"ingest of {count:,} benchmark files into {kind}, whole process"
        rate = runs / taken.seconds
        note = f"{taken.told}, {taken.peak_mb:.0f} MB; {runs:,} runs × {METRICS_PER_RUN}"
        yield Row(
            work=work,
            measured=rate,
            unit="runs/s",
            bar=at_least(limit),
            note=f"{note} metrics",
        )
        if kind is Kind.SQLITE:
            yield _against_mlflow(bench, work, rate)


def _against_mlflow(bench: Bench, work: str, rate: float) -> Row:
    theirs = bench.peer("mlflow")
    return Row(
        work=f"{work}: against MLflow (create_run, log_batch, set_terminated)",
        measured=ratio(rate, theirs.rates.get("runs")),
        unit="×",
        bar=at_least(50),
        note=theirs.told("runs", "runs/s"),
    )


SINGLE_LOG = Case("ingest-log", "ingest of one training log", _single_log)
FILES = Case("ingest-files", "ingest of many benchmark files", _files)
