"""Peak memory: the largest resident size of the whole process, and whether it grows."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import data
from benchmarks.bench import Bench
from benchmarks.case import Case, Row, amount, at_most, spread
from benchmarks.databases import Kind
from benchmarks.sizes import METRICS

_LIMIT_MB = at_most(350)


def _memory(bench: Bench) -> Iterator[Row]:
    sizes = (bench.sizes.medium, bench.sizes.large)
    peaks = {
        "ingest": [bench.filled(Kind.SQLITE, points).ingest.peak_mb for points in sizes],
        "export": [bench.exported(Kind.SQLITE, points).peak_mb for points in sizes],
    }
    for work, found in peaks.items():
        for points, peak_mb in zip(sizes, found, strict=True):
            yield Row(
                work=f"peak memory, {work} of {amount(points)} points, SQLite",
                measured=peak_mb,
                unit="MB",
                bar=_LIMIT_MB,
            )
        yield Row(
            work=f"peak memory, {work}: the larger of the two above the smaller",
            measured=spread(found),
            unit="%",
            bar=at_most(15),
        )
    yield _one_huge_log(bench)


def _one_huge_log(bench: Bench) -> Row:
    points = bench.sizes.huge_log
    path = bench.folder / "huge" / "int8" / "net_000.csv"
    data.write_csv_log(path, 2, points // METRICS)
    bench.say(f"  ingest of one log of {points:,} points")
    with bench.database(Kind.SQLITE) as url:
        taken = bench.ingest(url, path, points=points)
    path.unlink()
    return Row(
        work=f"peak memory, ingest of one CSV log of {amount(points)} points, SQLite",
        measured=taken.peak_mb,
        unit="MB",
        bar=_LIMIT_MB,
        note=f"{points / taken.seconds:,.0f} points/s",
    )


MEMORY = Case("memory", "peak memory", _memory)
