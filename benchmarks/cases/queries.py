"""Questions at size: a filter on two metadata fields and a metric, and a comparison of precisions,
among very many runs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import cetrack
from benchmarks import catalogue
from benchmarks.bench import Bench
from benchmarks.case import Case, Row, at_most
from benchmarks.databases import Kind
from benchmarks.sizes import CATALOGUE_METRICS
from cetrack.choices import By
from cetrack.compare import compare
from cetrack.queries import list_runs, parse_filter
from cetrack.store import Store

FILTER_TEXT = "category=vision and precision=int8 and accuracy >= 0.9"


def _filter(bench: Bench) -> Iterator[Row]:
    for kind in Kind:
        with bench.database(kind) as url:
            bench.say(f"  filling {kind} with {bench.sizes.catalogue:,} runs")
            catalogue.fill(url, bench.sizes.catalogue)
            bench.say(f"  filters on {kind}")
            yield from _filtered(bench, kind, url)


def _filtered(bench: Bench, kind: Kind, url: str) -> Iterator[Row]:
    shape = f"{bench.sizes.catalogue:,} runs × {CATALOGUE_METRICS} metrics, {kind}"
    with cetrack.open(url) as database:
        frame, first, usual = _timed(bench, lambda: database.runs(FILTER_TEXT))
    yield Row(
        work=f"filter on two metadata fields and a metric among {shape}, in process",
        measured=1000 * usual,
        unit="ms",
        bar=at_most(150),
        note=f"`runs({FILTER_TEXT!r})` → a frame of {len(frame):,} runs; the first time "
        f"{1000 * first:.0f} ms",
    )
    with Store.open(url) as store:
        _, _, listed = _timed(bench, lambda: _listed(store, limit=None))
        _, _, page = _timed(bench, lambda: _listed(store, limit=20))
    for what, seconds in (("all that match", listed), ("the newest 20", page)):
        yield Row(
            work=f"`cetrack runs` with that filter, {what}, among {shape}, in process",
            measured=1000 * seconds,
            unit="ms",
        )


def _compare(bench: Bench) -> Iterator[Row]:
    for kind in Kind:
        with bench.database(kind) as url:
            bench.say(f"  filling {kind} with {bench.sizes.catalogue:,} runs")
            catalogue.fill(url, bench.sizes.catalogue)
            bench.say(f"  comparing precisions on {kind}")
            with Store.open(url) as store:
                yield from _compared(bench, kind, store)


def _compared(bench: Bench, kind: Kind, store: Store) -> Iterator[Row]:
    for by in (By.MODEL, By.LIBRARY):
        found, first, usual = _timed(bench, partial(compare, store, by=by))
        yield Row(
            work=f"`cetrack compare --by {by}` over {bench.sizes.catalogue:,} runs, {kind}, "
            "in process",
            measured=1000 * usual,
            unit="ms",
            bar=at_most(1000),
            note=f"{len(found.entries):,} entries of {len(found.metrics)} metrics; the first time "
            f"{1000 * first:.0f} ms",
        )


def _listed(store: Store, *, limit: int | None) -> Any:
    return list_runs(store, where=parse_filter(store, [FILTER_TEXT]), limit=limit)


def _timed(bench: Bench, work: Callable[[], Any]) -> tuple[Any, float, float]:
    """The result, seconds of the first call, and the median of those that follow."""
    seconds = []
    for _ in range(bench.sizes.short_repeats + 1):
        started = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - started)
    return result, seconds[0], statistics.median(seconds[1:])


FILTER = Case("filter", "filters among very many runs", _filter)
COMPARE = Case("compare", "precisions side by side, of very many runs", _compare)
