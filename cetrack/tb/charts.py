"""The layout of TensorBoard's CUSTOM SCALARS tab: a category per metric, a chart per model.

Pure; builds the proto, writes nothing. A chart draws every ticked run that has the tag, so the
tags of the views trend and compare put the precisions of a model side by side, whatever the tags
are grouped by.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from cetrack.tb.protos import (
    Category,
    Chart,
    Layout,
    MultilineChartContent,
    Summary,
    SummaryMetadata,
    TensorProto,
    TensorShapeProto,
)
from cetrack.tb.runs import MetricName
from cetrack.tb.tags import pair_tag
from cetrack.tb.views import TagOrder

TAG: Final = "custom_scalars__config__"
MOST_METRICS = 24
MOST_MODELS = 24  # of one metric

Uses = Mapping[str, Counter[str]]  # metric → how many runs of each model have it


@dataclass(frozen=True, slots=True)
class Side:
    """One of the views that draw a line per precision: how its tags end, and what they are if
    not values in the metric's unit; ``taken`` as in :func:`cetrack.tb.tags.pair_tag`."""

    suffix: str
    heading: str
    taken: frozenset[str] = frozenset()


def categories(
    ranked: Iterable[MetricName], uses: Uses, side: Side, *, order: TagOrder
) -> list[Category]:
    """A category per metric, as ``ranked``; of each the models that have most runs, by name."""
    found = []
    for metric in list(ranked)[:MOST_METRICS]:
        models = uses[metric.name]
        shown = sorted(models, key=lambda model: (-models[model], model))[:MOST_MODELS]
        charts = [_chart(model, metric.name, side, order) for model in sorted(shown)]
        title = _title(metric, side, shown=len(shown), of=len(models))
        found.append(Category(title=title, chart=charts))
    return found


def _chart(model: str, metric: str, side: Side, order: TagOrder) -> Chart:
    tag = pair_tag(model, metric, order=order, suffix=side.suffix, taken=side.taken)
    content = MultilineChartContent(tag=[f"^{re.escape(tag)}$"])
    return Chart(title=model, multiline=content)


def _title(metric: MetricName, side: Side, *, shown: int, of: int) -> str:
    better = f"{metric.direction} is better" if metric.direction else None
    said = ", ".join(part for part in (side.heading or metric.unit, better) if part)
    some = f"; {shown} of {of} models" if shown < of else ""
    return f"{metric.name} ({said}{some})" if said or some else metric.name


def layout_value(found: Iterable[Category]) -> Summary.Value:
    """The one record of a logdir; all but the first category are closed, for each chart asks
    TensorBoard for every ticked run."""
    layout = Layout(version=0, category=found)
    for category in layout.category[1:]:
        category.closed = True
    plugin = SummaryMetadata.PluginData(plugin_name="custom_scalars")
    tensor = TensorProto(
        dtype="DT_STRING",
        string_val=[layout.SerializeToString(deterministic=True)],
        tensor_shape=TensorShapeProto(),
    )
    return Summary.Value(tag=TAG, metadata=SummaryMetadata(plugin_data=plugin), tensor=tensor)
