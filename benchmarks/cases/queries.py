"""Questions at size: filters, a comparison of precisions and the trend of a series, among very
many runs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import cetrack
from benchmarks import catalogue
from benchmarks.bench import Bench
from benchmarks.case import Case, Row, amount, at_most
from benchmarks.databases import Kind
from benchmarks.sizes import CATALOGUE_METRICS, CATALOGUE_STEPS
from cetrack.choices import By
from cetrack.compare import compare
from cetrack.queries import list_runs, parse_filter
from cetrack.store import Store
from cetrack.trend import Trend, trend

FILTER_TEXT = "category=vision and precision=int8 and accuracy >= 0.9"
DERIVED_TEXTS = ("speedup >= 2", "model=model_0001 and speedup >= 2")
SERIES_TEXT = "model=model_0001 and precision=int8"


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
        _, _, listed = _timed(bench, lambda: _listed(store, FILTER_TEXT, limit=None))
        _, _, page = _timed(bench, lambda: _listed(store, FILTER_TEXT, limit=20))
        derived = [
            (text, _timed(bench, partial(_listed, store, text, limit=20))) for text in DERIVED_TEXTS
        ]
    for what, seconds in (("all that match", listed), ("the newest 20", page)):
        yield Row(
            work=f"`cetrack runs` with that filter, {what}, among {shape}, in process",
            measured=1000 * seconds,
            unit="ms",
        )
    for text, (found, _, seconds) in derived:
        yield Row(
            work=f"`cetrack runs --filter {text!r}`, a derived metric, the newest 20, among "
            f"{shape}, in process",
            measured=1000 * seconds,
            unit="ms",
            note=f"{found.total:,} runs match",
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


def _trend(bench: Bench) -> Iterator[Row]:
    for kind in Kind:
        with bench.database(kind) as url:
            points = bench.sizes.catalogue * CATALOGUE_METRICS * CATALOGUE_STEPS
            bench.say(f"  filling {kind} with {points:,} points")
            catalogue.fill(url, bench.sizes.catalogue, steps=CATALOGUE_STEPS)
            bench.say(f"  trends on {kind}")
            with Store.open(url) as store:
                yield from _trends(bench, kind, store, amount(points))


def _trends(bench: Bench, kind: Kind, store: Store, points: str) -> Iterator[Row]:
    for metric in ("latency_mean_ms", "speedup"):
        found, first, usual = _timed(bench, partial(_one_trend, store, metric))
        (line,) = found.lines
        yield Row(
            work=f"`cetrack trend {metric}` of one series among {points} points, {kind}, "
            "in process",
            measured=1000 * usual,
            unit="ms",
            bar=at_most(100),
            note=f"{len(line.n)} runs, {len(line.changes)} change points; the first time "
            f"{1000 * first:.0f} ms",
        )


def _one_trend(store: Store, metric: str) -> Trend:
    return trend(store, metric, where=parse_filter(store, [SERIES_TEXT]))


def _listed(store: Store, text: str, *, limit: int | None) -> Any:
    return list_runs(store, where=parse_filter(store, [text]), limit=limit)


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
TREND = Case("trend", "the history of one series among very many points", _trend)
