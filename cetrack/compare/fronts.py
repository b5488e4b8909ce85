"""Which series nothing else beats in two metrics: the Pareto front as an answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cetrack.analysis.pareto import front
from cetrack.choices import Better
from cetrack.compare.matching import Series, series_of
from cetrack.compare.reading import FIELDS, read_numbers
from cetrack.errors import UsageError
from cetrack.filter import Expr
from cetrack.identity import LIKE_FIELDS
from cetrack.selecting import (
    MetricFacts,
    Which,
    asked_metrics,
    metric_facts,
    require_runs,
    standing_runs,
)
from cetrack.store import RunRow, Store
from cetrack.tb.lines import qualified

_LABEL_FIELDS = ("library", "input_shape", "method", "kind", *LIKE_FIELDS[3:], "variant")


@dataclass(frozen=True, slots=True)
class Point:
    """A series; ``x`` and ``y`` are means over the runs that stand for it, ``uid`` the newest."""

    label: str
    model: str
    precision: str
    uid: str
    x: float
    y: float
    on_front: bool


@dataclass(frozen=True, slots=True)
class Pareto:
    """The points by x, then y, with the two metrics and the directions they were judged by.

    ``notes`` say in which respects the points are not measured alike.
    """

    x: MetricFacts
    y: MetricFacts
    points: tuple[Point, ...]
    notes: tuple[str, ...] = ()


def pareto(
    store: Store,
    x: str = "latency_mean_ms",
    y: str = "accuracy",
    *,
    where: Expr | None = None,
    which: Which = Which.LATEST,
    x_better: Better | None = None,
    y_better: Better | None = None,
) -> Pareto:
    """Every series with both metrics, and whether any other is better in one and no worse in both.

    ``x_better`` and ``y_better`` take the place of the metrics' own directions; a metric without
    one needs it. Raises UsageError where no run has both.
    """
    with store.read() as connection:
        facts = metric_facts(connection)
        asked = asked_metrics([x, y], facts)
        if len(asked) < 2:
            raise UsageError(
                f"both axes are {asked[0].name}", hint="--x and --y choose two metrics"
            )
        metrics = [
            _directed(asked[0], x_better, "--x-better"),
            _directed(asked[1], y_better, "--y-better"),
        ]
        rows = standing_runs(connection, where, which, columns=FIELDS)
        require_runs(rows, where)
        numbers = read_numbers(connection, [row["run_id"] for row in rows], metrics)
    placed: list[tuple[Series, float, float]] = []
    for one in series_of(rows):
        cells = [numbers.cell(one, metric.name) for metric in metrics]
        if cells[0] is not None and cells[1] is not None:
            placed.append((one, cells[0].spread.mean, cells[1].spread.mean))
    if not placed:
        raise UsageError(
            f"no run has both {metrics[0].name} and {metrics[1].name}",
            hint="'cetrack metrics' lists what runs have",
        )
    return Pareto(
        metrics[0], metrics[1], _points(placed, metrics), tuple(_notes([p[0] for p in placed]))
    )


def _directed(metric: MetricFacts, better: Better | None, option: str) -> MetricFacts:
    """The metric with the direction that it is judged by."""
    direction = better.value if better else metric.direction
    if direction is None:
        raise UsageError(
            f"neither way is known to be better for {metric.name}",
            hint=f"say it: {option} lower or {option} higher",
        )
    return replace(metric, direction=direction)


def _points(
    placed: Sequence[tuple[Series, float, float]], metrics: Sequence[MetricFacts]
) -> tuple[Point, ...]:
    values = np.array([(x, y) for _, x, y in placed], np.float64)
    on_front = front(values, [str(metric.direction) for metric in metrics]).tolist()
    labels = _labels([one for one, _, _ in placed])
    points = [
        Point(
            label=labels[one.key],
            model=one.newest["model"],
            precision=one.newest["precision"],
            uid=one.newest["uid"],
            x=x,
            y=y,
            on_front=best,
        )
        for (one, x, y), best in zip(placed, on_front, strict=True)
    ]
    return tuple(sorted(points, key=lambda point: (point.x, point.y, point.label, point.uid)))


def _labels(series: Sequence[Series]) -> Mapping[str, str]:
    """series_key → model and precision, with what tells several apart."""
    several: dict[tuple[str, str], dict[str, RunRow]] = defaultdict(dict)
    for one in series:
        row = one.newest
        several[row["model"], row["precision"]][one.key] = row
    return {
        key: label
        for (model, precision), things in several.items()
        for key, label in qualified(f"{model} {precision}", things, fields=_LABEL_FIELDS).items()
    }


def _notes(series: Sequence[Series]) -> list[str]:
    """The fields beside the model that the points differ in: a front over two devices is said."""
    found = []
    for name in ("dataset", "split", "batch_size", "device", "accelerator", "runtime"):
        values = sorted({_said(one.newest[name]) for one in series})
        if len(values) > 1:
            shown = ", ".join(values[:4]) + (" …" if len(values) > 4 else "")
            found.append(f"the points differ in {name}: {shown}")
    return found


def _said(value: object) -> str:
    return "unknown" if value is None else str(value)
