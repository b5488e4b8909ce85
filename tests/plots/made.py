"""Things to plot, made up: as they come from the use-cases, with the same attributes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from cetrack.domain import FloatArray, IntArray
from cetrack.plots import Curve, Curves
from cetrack.report.table import Spread
from cetrack.selecting import MetricFacts

ACCURACY = MetricFacts(1, "accuracy", "fraction", "higher", "quality")
LATENCY = MetricFacts(2, "latency_mean_ms", "ms", "lower", "latency")
SIZE = MetricFacts(3, "model_size_mb", "MB", "lower", "size")
LOSS = MetricFacts(4, "train/loss", None, "lower", "train")
# what names from files may be: formulas, markup, both directions, letters that no font has
HOSTILE = (
    "$\\frac{1}{2}$",
    "a_b^c_$x",
    "_hidden",
    "</text><script>alert(1)</script>&amp;",
    "שלום \u202eevil",
    "模型-量化",
    "🤖 robot \x1b[31m",
    "\ud800 lone",
    "line\nbreak\ttab",
    "x" * 300,
    "",
)


@dataclass(frozen=True)
class Point:
    label: str
    model: str
    precision: str
    x: float
    y: float
    on_front: bool
    uid: str = "u"


@dataclass(frozen=True)
class Pareto:
    x: MetricFacts
    y: MetricFacts
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Change:
    index: int
    before: float
    after: float
    ratio: float | None


@dataclass(frozen=True)
class Line:
    name: str
    fields: dict[str, Any]
    n: IntArray
    started_at: tuple[datetime, ...]
    values: FloatArray
    labels: tuple[str, ...]
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Trend:
    metric: MetricFacts
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Entry:
    group: str
    column: str
    metric: MetricFacts
    value: Spread
    baseline: Spread | None
    baseline_column: str = "fp32"
    p_value: float | None = None
    test: str | None = None
    like_for_like: bool = True


@dataclass(frozen=True)
class Comparison:
    entries: tuple[Entry, ...]
    correction: str = "benjamini-hochberg"


def pareto_of(models: int, precisions: tuple[str, ...] = ("fp32", "int8", "int4")) -> Pareto:
    """Models from small to large, in several precisions; the front by comparing all pairs."""
    chance = np.random.default_rng(models)
    raw = []
    for number in range(models):
        size = 10 ** chance.uniform(0, 1.5)
        for place, precision in enumerate(precisions):
            latency = size / (1 + place * chance.uniform(0.3, 0.9))
            accuracy = 0.6 + 0.12 * np.log(size) / 1.5 - 0.015 * place**2 + chance.normal(0, 0.01)
            raw.append((f"net_{number:03}", precision, latency, accuracy))
    points = tuple(
        Point(
            f"{model} {precision}",
            model,
            precision,
            x,
            y,
            not any(a <= x and b >= y and (a, b) != (x, y) for _, _, a, b in raw),
        )
        for model, precision, x, y in raw
    )
    return Pareto(LATENCY, ACCURACY, points)


def line_of(
    model: str, name: str, values: FloatArray, *, by: str = "run", step: int = 0, seed: int = 0
) -> Line:
    """A history with a change at ``step``, where it is not 0."""
    count = len(values)
    start = datetime(2026, 6, 1, 3, tzinfo=UTC)
    times = tuple(start + timedelta(days=day) for day in range(count))
    n = np.arange(1, count + 1, dtype=np.int64)
    labels = {
        "run": tuple(map(str, n.tolist())),
        "date": tuple(time.date().isoformat() for time in times),
        "commit": tuple(f"{(number * 2654435761 + seed) % 2**32:08x}" for number in n.tolist()),
    }[by]
    changes: tuple[Change, ...] = ()
    if step:
        before, after = float(np.nanmean(values[:step])), float(np.nanmean(values[step:]))
        changes = (Change(step, before, after, after / before),)
    return Line(
        name, {"model": model, "precision": name.split(",")[0]}, n, times, values, labels, changes
    )


def trend_of(models: int, *, by: str = "run", count: int = 40) -> Trend:
    chance = np.random.default_rng(7)
    lines = []
    for number in range(models):
        for precision, level in (("fp32", 9.0), ("int8", 5.0), ("int4", 4.0)):
            values = chance.normal(level + number, 0.15, count)
            moves = precision == "int8"
            if moves:
                values[count // 2 :] += 1.2
            values[5:7] = np.nan
            lines.append(
                line_of(f"net_{number:03}", precision, values, by=by, step=moves * (count // 2))
            )
    return Trend(LATENCY, tuple(lines))


def comparison_of(
    models: int, metrics: tuple[MetricFacts, ...] = (LATENCY, SIZE, ACCURACY)
) -> Comparison:
    chance = np.random.default_rng(models)
    entries = []
    for metric in metrics:
        for number in range(models):
            base = 100.0 if metric is SIZE else 0.9 if metric is ACCURACY else 10.0
            spread = Spread(base, base * 0.02, 5)
            entries.append(Entry(f"net_{number:03}", "fp32", metric, spread, None))
            for place, precision in enumerate(("int8", "int4"), start=1):
                factor = 1 - 0.02 * place if metric is ACCURACY else 0.6 / place
                value = base * factor * chance.uniform(0.9, 1.1 if metric is not ACCURACY else 1.02)
                entries.append(
                    Entry(
                        f"net_{number:03}",
                        precision,
                        metric,
                        Spread(value, value * 0.03, 5),
                        spread,
                        p_value=float(chance.uniform(0, 0.08)),
                        test="welch",
                    )
                )
    return Comparison(tuple(entries))


def curves_of(
    models: int, *, points: int = 50, precisions: tuple[str, ...] = ("fp32", "int8")
) -> Curves:
    chance = np.random.default_rng(3)
    steps = np.arange(1, points + 1, dtype=np.int64)
    return Curves(
        LOSS,
        [
            Curve(
                precision,
                steps,
                2.0 * np.exp(-steps / points * 3)
                + 0.1 * place
                + chance.normal(0, 0.03, points)
                + 0.2,
                f"net_{number:03}",
                precision,
            )
            for number in range(models)
            for place, precision in enumerate(precisions)
        ],
    )
