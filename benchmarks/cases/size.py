"""Cost against size: what a point costs must not depend on how many there are."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from benchmarks import data
from benchmarks.bench import Bench
from benchmarks.case import Case, Row, amount, at_most, spread
from benchmarks.databases import Kind
from benchmarks.sizes import METRICS, WORKERS


def _size(bench: Bench) -> Iterator[Row]:
    sizes = (bench.sizes.small, bench.sizes.medium, bench.sizes.large)
    taken = {
        "ingest": [bench.filled(Kind.SQLITE, points).ingest for points in sizes],
        "export": [bench.exported(Kind.SQLITE, points) for points in sizes],
    }
    starts = _starts(bench)
    called = {"ingest": f"ingest --workers {WORKERS}", "export": "export"}
    for work, found in taken.items():
        costs = [
            1e6 * (whole.seconds - starts[work]) / points
            for whole, points in zip(found, sizes, strict=True)
        ]
        told = ", ".join(
            f"{amount(points)}: {cost:.2f} µs" for points, cost in zip(sizes, costs, strict=True)
        )
        yield Row(
            work=f"cost against size, {called[work]} of {' → '.join(map(amount, sizes))} "
            "points, SQLite: the dearest point above the cheapest",
            measured=spread(costs),
            unit="%",
            bar=at_most(20),
            note=f"per point, less {starts[work]:.2f} s of start-up: {told}",
        )
        for points, whole in zip(sizes, found, strict=True):
            yield Row(
                work=f"{called[work]} of {amount(points)} points as many logs, SQLite",
                measured=points / whole.seconds,
                unit="points/s",
                note=whole.told,
            )


def _starts(bench: Bench) -> dict[str, float]:
    """Seconds that each command takes for a single step of a single run."""
    log = bench.folder / "start" / "int8" / "net_000.csv"
    data.write_csv_log(log, 3, 1)
    ingest, export = [], []
    for _ in range(bench.sizes.repeats):
        with bench.database(Kind.SQLITE) as url, bench.logdir() as logdir:
            ingest.append(bench.ingest(url, log, points=METRICS, workers=WORKERS).seconds)
            export.append(bench.export(url, logdir).seconds)
    return {"ingest": statistics.median(ingest), "export": statistics.median(export)}


SIZE = Case("size", "cost against size", _size)
