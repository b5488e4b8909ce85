"""Peak memory: the largest resident size of the whole process, and whether it grows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from benchmarks import data
from benchmarks.bench import Bench
from benchmarks.case import Case, Row, amount, at_most, spread
from benchmarks.commands import Taken
from benchmarks.databases import Kind
from benchmarks.sizes import METRICS, WORKERS

_LIMIT_MB = at_most(350)
# work → points → what it took
_Measured = Mapping[str, Mapping[int, Taken]]


def _memory(bench: Bench) -> Iterator[Row]:
    sizes = (bench.sizes.medium, bench.sizes.large)
    many: _Measured = {
        f"ingest --workers {WORKERS}": {
            points: bench.filled(Kind.SQLITE, points).ingest for points in sizes
        },
        "export": {points: bench.exported(Kind.SQLITE, points) for points in sizes},
    }
    yield from _rows("as many logs", many)
    one: dict[str, dict[int, Taken]] = {"ingest": {}, "export": {}}
    for points in sizes:
        one["ingest"][points], one["export"][points] = _one_log(bench, points)
    yield from _rows("as one CSV log", one)


def _rows(shape: str, measured: _Measured) -> Iterator[Row]:
    for work, found in measured.items():
        for points, taken in found.items():
            yield Row(
                work=f"peak memory, {work} of {amount(points)} points {shape}, SQLite",
                measured=taken.peak_mb,
                unit="MB",
                bar=_LIMIT_MB,
                note=f"{points / taken.seconds:,.0f} points/s",
            )
        yield Row(
            work=f"peak memory, {work} {shape}: the larger of the two above the smaller",
            measured=spread([taken.peak_mb for taken in found.values()]),
            unit="%",
            bar=at_most(15),
        )


def _one_log(bench: Bench, points: int) -> tuple[Taken, Taken]:
    """One run of very many steps: its ingest and its export."""
    path = bench.folder / "huge" / "int8" / "net_000.csv"
    bench.say(f"  ingest and export of one log of {points:,} points")
    data.write_csv_log(path, 2, points // METRICS)
    with bench.database(Kind.SQLITE) as url, bench.logdir() as logdir:
        taken = bench.ingest(url, path, points=points), bench.export(url, logdir)
    path.unlink()
    return taken


MEMORY = Case("memory", "peak memory", _memory)
