"""Runs of single numbers about which nothing else is said: nearly all benchmark results. Pure.

Such a run keeps its numbers as they stand in the file, and what its names mean is worked out once
for all runs with the same names. Who asks for a series has one made; who stores thousands of runs
asks for the numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from cetrack.domain import MetricDef, MetricSeries, Series, single_series

Item = TypeVar("Item")


class _Made(Sequence[Item]):
    """A sequence whose items are made when they are asked for."""

    def __len__(self) -> int:
        raise NotImplementedError

    def _item(self, index: int) -> Item:
        raise NotImplementedError

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...
    def __getitem__(self, index: Any) -> Any:
        places = range(len(self))[index]
        return self._item(places) if isinstance(places, int) else tuple(map(self._item, places))


class PlainSeries(_Made[Series]):
    """The numbers of a run as its source names them: finite, each at step 0, without a unit or a
    spread stated beside it. ``place`` is that of the object they stand in."""

    __slots__ = ("_pointer", "numbers", "place")

    def __init__(
        self, numbers: Mapping[str, float], place: str, pointer: Callable[[str, object], str]
    ) -> None:
        self.numbers = numbers
        self.place = place
        self._pointer = pointer

    def __len__(self) -> int:
        return len(self.numbers)

    def _item(self, index: int) -> Series:
        name = list(self.numbers)[index]
        return Series.scalar(name, self.numbers[name], place=self._pointer(self.place, name))


@dataclass(frozen=True, eq=False)
class Layout:
    """What the names of plain runs mean, in their order: each list has one entry per number."""

    metrics: tuple[MetricDef, ...]
    source_names: tuple[str, ...]
    source_units: tuple[str | None, ...]
    scales: tuple[float, ...]


class PlainMetrics(_Made[MetricSeries]):
    """The numbers of a plain run in the units of the metrics of its ``layout``."""

    __slots__ = ("layout", "values")

    def __init__(self, layout: Layout, values: Sequence[float]) -> None:
        self.layout = layout
        self.values = values

    def __reduce__(self) -> tuple[Any, ...]:
        return PlainMetrics, (self.layout, self.values)

    def __len__(self) -> int:
        return len(self.values)

    def _item(self, index: int) -> MetricSeries:
        layout = self.layout
        return single_series(
            layout.metrics[index],
            0,
            self.values[index],
            None,
            layout.source_names[index],
            layout.source_units[index],
            layout.scales[index],
        )


def metrics_of(series: Sequence[MetricSeries]) -> Iterable[MetricDef]:
    """The metrics of a run's series, without making these."""
    if isinstance(series, PlainMetrics):
        return series.layout.metrics
    return (item.metric for item in series)


def points_of(series: Sequence[MetricSeries]) -> int:
    """How many points a run's series have."""
    if isinstance(series, PlainMetrics):
        return len(series)
    return sum(len(item.steps) for item in series)


def split_plain(
    values: Mapping[str, Any], is_metric: Callable[[str], bool]
) -> tuple[dict[str, float], dict[str, Any]]:
    """(plain numbers, all the rest) of an object; ``is_metric`` tells names of measurements from
    those of settings."""
    plain: dict[str, float] = {}
    rest: dict[str, Any] = {}
    for name, value in values.items():
        kind = type(value)
        if (kind is float or kind is int) and is_metric(name):
            number = _finite(value)
            if number is not None:
                plain[name] = number
                continue
        rest[name] = value
    return plain, rest


def _finite(value: float) -> float | None:
    try:
        number = float(value)
    except OverflowError:  # an integer beyond all doubles
        return None
    return number if math.isfinite(number) else None
