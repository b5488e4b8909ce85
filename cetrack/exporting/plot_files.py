"""Figures as images of TensorBoard: which are drawn, and the one file that holds them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC
from typing import Any

import numpy as np

from cetrack.compare import pareto
from cetrack.errors import UsageError
from cetrack.exporting.charts import results_of
from cetrack.exporting.selection import Selection
from cetrack.filter import Expr
from cetrack.logdirs import PLOTS_RUN
from cetrack.plots import pareto_plot, trend_plot
from cetrack.plots.forms import Size
from cetrack.store import Store
from cetrack.tb import lines
from cetrack.tb.events import file_name
from cetrack.tb.images import image_value
from cetrack.tb.logdir import Logdir
from cetrack.tb.runs import MetricName
from cetrack.tb.tags import pair_tag, tag
from cetrack.tb.text import escaped
from cetrack.trend import Change, Line, trend

# what is had for what: y over x
FRONTS = (
    ("accuracy", "latency_mean_ms"),
    ("accuracy", "model_size_mb"),
    ("accuracy", "power_mw"),
)
MOST_METRICS = 8
MOST_MODELS = 12  # of one metric; a figure takes a second
_ENOUGH = 2  # values that make a line


def write_plots(
    store: Store, where: Expr | None, selection: Selection, target: Logdir
) -> list[str]:
    """Draw the fronts and the trends of the runs that match; returns what there is to say.

    Raises UsageError without the extra ``plots``.
    """
    path = f"{PLOTS_RUN}/{file_name(max(map(lines.started, selection.rows)))}"
    target.claim([path])
    drawn = 0
    with target.event_file(path, started_at=min(map(lines.started, selection.rows))) as event_file:
        for value in (*_fronts(store, where), *_trends(store, where, selection)):
            event_file.write_value(value)
            drawn += 1
    if drawn:
        return []
    return ["no plot: no run has an accuracy and a cost, and no series has two values"]


def _fronts(store: Store, where: Expr | None) -> Iterator[Any]:
    for y, x in FRONTS:
        try:
            found = pareto(store, x, y, where=where)
        except UsageError:  # nothing was measured that way
            continue
        png = pareto_plot(found, size=Size.CARD)
        yield image_value(tag(f"pareto/{y} over {x}"), png, description=_listed(found.notes))


def _trends(store: Store, where: Expr | None, selection: Selection) -> Iterator[Any]:
    """An image per metric and model, of those that most runs have."""
    uses = results_of(selection)
    for metric in uses.ranked[:MOST_METRICS]:
        found = trend(store, metric.name, where=where)
        by_model: dict[str, list[Line]] = defaultdict(list)
        for line in found.lines:
            if np.count_nonzero(np.isfinite(line.values)) >= _ENOUGH:
                by_model[line.fields["model"]].append(line)
        runs = uses.models[metric.name]
        shown = sorted(by_model, key=lambda model: (-runs[model], model))[:MOST_MODELS]
        for model in sorted(shown):
            png = trend_plot(replace(found, lines=tuple(by_model[model])), size=Size.CARD)
            name = f"trend/{pair_tag(model, metric.name, order=selection.order)}"
            yield image_value(name, png, description=_changes(by_model[model], metric))


def _changes(found: Sequence[Line], metric: MetricName) -> str:
    """Where the lines moved, as a list in Markdown."""
    return _listed(
        f"{line.name}: {_moved(change, metric)}" for line in found for change in line.changes
    )


def _moved(change: Change, metric: MetricName) -> str:
    day = change.started_at.astimezone(UTC).date().isoformat()
    at = f"run {change.n} of {day} ({change.git_commit or change.uid})"
    unit = f" {metric.unit}" if metric.unit else ""
    return f"{change.before:.4g} to {change.after:.4g}{unit} at {at}"


def _listed(sentences: Any) -> str:
    return "\n".join(f"- {escaped(sentence)}" for sentence in sentences)
