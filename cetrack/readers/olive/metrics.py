"""Metrics as Olive names them: ``latency-avg``, ``accuracy-accuracy_score``. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cetrack.domain import Direction, MetricDef, Series
from cetrack.metrics import is_known
from cetrack.readers.entries import pointer
from cetrack.readers.numbers import float_of, is_number

_METRIC = frozenset({"higher_is_better", "priority", "value"})


def are_metrics(content: Any) -> bool:
    """True for an object of evaluated metrics, each with a priority and a direction."""
    return (
        isinstance(content, dict)
        and bool(content)
        and all(isinstance(item, dict) and item.keys() == _METRIC for item in content.values())
    )


def metric_series(
    values: Mapping[str, Any], place: str
) -> tuple[list[Series], dict[str, MetricDef]]:
    """The numbers as metrics, and which way is better where they say it."""
    series: list[Series] = []
    definitions: dict[str, MetricDef] = {}
    for key, item in values.items():
        stated = item if isinstance(item, dict) else {"value": item}
        if not is_number(stated.get("value")):
            continue
        name, unit = _named(key)
        number = float_of(stated["value"])
        series.append(Series.scalar(name, number, unit=unit, place=pointer(place, key)))
        higher = stated.get("higher_is_better")
        if isinstance(higher, bool):
            direction = Direction.HIGHER if higher else Direction.LOWER
            definitions[name] = MetricDef(name=name, direction=direction)
    return series, definitions


def _named(key: str) -> tuple[str, str | None]:
    """(name, unit) of a metric; one with a subtype that says all is called by that."""
    name, _, part = key.partition("-")
    if name == "latency" and part:
        return f"latency_{part}", "ms"
    if name == "throughput" and part:
        return "throughput" if part == "avg" else f"throughput_{part}", "1/s"
    if key == "size_on_disk-bytes":
        return "size_on_disk", "bytes"
    return (part if part and is_known(part) else key), None
