"""The derived metrics that every database has, as formulas over what files state. Pure.

Units and directions are those of the catalogue of metrics. The view ``derived_values`` computes the
same in SQL. A value that a file states itself wins over the derived one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from cetrack.domain import FloatArray, MetricDef
from cetrack.formula import Node, Of, Ref, evaluate, parse, parse_name, refs
from cetrack.metrics import catalogue


@dataclass(frozen=True, slots=True)
class Builtin:
    """A derived metric: there is a value where every number of the formula ``expr`` is finite,
    those of ``positive`` are above 0, and the result is finite.

    ``neutral`` is what the baseline itself would have; None where no baseline is asked.
    """

    name: str
    expr: str
    positive: tuple[str, ...] = ()
    neutral: float | None = None

    @property
    def metric(self) -> MetricDef:
        """Its entry in the catalogue: unit, direction, family and description."""
        return catalogue()[self.name]

    @property
    def node(self) -> Node:
        """The formula as a tree."""
        return _parsed(self.expr)

    @property
    def positive_refs(self) -> tuple[Ref, ...]:
        """What has to be above 0."""
        return tuple(map(parse_name, self.positive))

    @property
    def refs(self) -> tuple[Ref, ...]:
        """What the formula asks for."""
        return refs(self.node)


_parsed = cache(parse)


def _ratio(name: str, above: str, below: str) -> Builtin:
    """A ratio, of which neither part may be 0 or less."""
    return Builtin(name, f"{above} / {below}", (above, below), neutral=1.0)


_SIZE = "model_size_mb"
_LATENCY = "latency_mean_ms"
_BUILTIN = (
    _ratio("size_ratio", f"baseline.{_SIZE}", _SIZE),
    Builtin(
        "size_reduction_pct",
        f"(baseline.{_SIZE} - {_SIZE}) / baseline.{_SIZE} * 100",
        (f"baseline.{_SIZE}", _SIZE),
        neutral=0.0,
    ),
    _ratio("speedup", f"baseline.{_LATENCY}", _LATENCY),
    Builtin("accuracy_drop", "baseline.accuracy - accuracy", neutral=0.0),
    Builtin(  # an accuracy of 0 is a result, and a bad one: nothing is retained
        "accuracy_retention_pct",
        "accuracy / baseline.accuracy * 100",
        ("baseline.accuracy",),
        neutral=100.0,
    ),
    Builtin("memory_reduction_mb", "baseline.memory_usage_mb - memory_usage_mb", neutral=0.0),
    _ratio("power_ratio", "baseline.power_mw", "power_mw"),
    Builtin("energy_per_inference_uj", f"power_mw * {_LATENCY}", ("power_mw", _LATENCY)),
    Builtin("throughput_ips", f"1000 * batch_size / {_LATENCY}", ("batch_size", _LATENCY)),
)


@cache
def derived_metrics() -> Mapping[str, Builtin]:
    """Every built-in derived metric by name."""
    return {item.name: item for item in _BUILTIN}


def evaluate_refs(name: str, values: Mapping[Ref, FloatArray]) -> FloatArray:
    """A built-in derived metric of n runs from their numbers, float64[n]; NaN: no value."""
    builtin = derived_metrics()[name]
    found = evaluate(builtin.node, values)
    for ref in builtin.positive_refs:
        found = np.where(values.get(ref, np.float64("nan")) > 0, found, np.nan)
    return found


def evaluate_builtin(
    name: str,
    own: Mapping[str, FloatArray],
    baseline: Mapping[str, FloatArray],
    fields: Mapping[str, FloatArray],
) -> FloatArray:
    """The same from the metrics of n runs, those of their baselines, and fields of the runs."""
    values = {Ref(Of.METRIC, metric): array for metric, array in own.items()}
    values |= {Ref(Of.METRIC, key, of_baseline=True): array for key, array in baseline.items()}
    values |= {Ref(Of.FIELD, field): array for field, array in fields.items()}
    return evaluate_refs(name, values)


def derived_markdown() -> str:
    """The table of the built-in derived metrics for the documentation."""
    rows = []
    for item in derived_metrics().values():
        metric = item.metric
        positive = ", ".join(f"`{name}`" for name in item.positive)
        neutral = "" if item.neutral is None else f"{item.neutral:g}"
        rows.append(
            f"| `{item.name}` | `{item.expr}` | {metric.unit or ''} | {metric.direction or ''} "
            f"| {positive} | {neutral} | {metric.description} |\n"
        )
    head = "| name | formula | unit | better | above 0 | of the baseline | meaning |\n"
    return f"{head}|---|---|---|---|---|---|---|\n{''.join(rows)}"
