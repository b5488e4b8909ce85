"""Timings as benchmark harnesses report them: statistics over repetitions, and the repetitions.

A call of the measured code is taken as one inference. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from cetrack.domain import Direction, FloatArray, MetricDef, Sample, Series, Spread
from cetrack.readers.numbers import (
    float_of,
    float_or_none,
    is_number,
    is_numeric,
    whole_number,
)


def _lower(name: str, description: str, family: str = "latency") -> MetricDef:
    return MetricDef(name=name, direction=Direction.LOWER, family=family, description=description)


# what harnesses measure beside the metrics of the catalogue
_OWN_METRICS: Mapping[str, MetricDef] = {
    item.name: item
    for item in (
        _lower("build_time", "time to build what was measured"),
        _lower("code_size", "machine code of what was measured", "size"),
        _lower("compile_time", "time to compile what was measured"),
        _lower("cpu_time", "mean processor time of one call"),
        _lower("latency_ci99_high", "upper end of the 99 % confidence interval"),
        _lower("latency_ci99_low", "lower end of the 99 % confidence interval"),
        _lower("latency_iqr", "distance between the quartiles of the time of one call"),
        _lower("latency_p25", "one of four calls is faster"),
        _lower("latency_p75", "three of four calls are faster"),
        _lower("object_size", "size of an object in memory", "memory"),
        MetricDef(
            name="ops", direction=Direction.HIGHER, family="throughput", description="calls per s"
        ),
    )
}


def statistics(values: Mapping[str, Any], names: Mapping[str, str], unit: str) -> list[Series]:
    """A series per statistic that the values have: key in ``names`` → name of the metric."""
    return [
        Series.scalar(name, float_of(values[key]), unit=unit)
        for key, name in names.items()
        if is_number(values.get(key))
    ]


def stated_spread(values: Mapping[str, Any], std: str, count: str) -> Spread:
    """The spread beside a mean; ``std`` and ``count`` are the keys of those two."""
    number = whole_number(values.get(count)) if is_number(values.get(count)) else None
    return spread_of(
        std=values.get(std),
        least=values.get("min"),
        greatest=values.get("max"),
        n=number if number is not None and number >= 0 else None,
    )


def spread_of(
    *, std: Any = None, least: Any = None, greatest: Any = None, n: int | None = None
) -> Spread:
    """A spread of what is a finite number."""
    return Spread(std=_finite(std), min=_finite(least), max=_finite(greatest), n=n)


def _finite(value: Any) -> float | None:
    number = float_or_none(value)
    return number if number is not None and math.isfinite(number) else None


def repetitions(values: Any) -> FloatArray | None:
    """A list of numbers as float64[n], null as NaN; None for anything else."""
    if not isinstance(values, list) or not is_numeric(values):
        return None
    numbers = [math.nan if item is None else float_of(item) for item in values]
    return np.array(numbers, np.float64)


def summary(values: FloatArray) -> tuple[float, Spread]:
    """The mean of repetitions, NaN left out, and the spread of the finite ones; of one number
    there is no deviation."""
    known, finite = values[~np.isnan(values)], values[np.isfinite(values)]
    if not len(known):
        return math.nan, Spread(n=len(values))
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(known.mean())
        std = float(finite.std(ddof=1)) if len(finite) > 1 else None
    least, greatest = (finite.min(), finite.max()) if len(finite) else (None, None)
    return mean, spread_of(std=std, least=least, greatest=greatest, n=len(values))


def repeated(
    name: str, values: FloatArray, unit: str | None, *, sample: str = ""
) -> tuple[list[Series], list[Sample]]:
    """The mean of repetitions as a metric, and where there are several, they as a sample."""
    mean, spread = summary(values)
    single = len(values) == 1
    series = [Series.scalar(name, mean, unit=unit, spread=None if single else spread)]
    return series, [] if single else [Sample(name=sample or name, values=values, unit=unit)]


def used_metrics(series: Sequence[Series], more: Iterable[MetricDef] = ()) -> dict[str, MetricDef]:
    """The definitions of those of the series that the catalogue does not know."""
    names = {item.name for item in series}
    known = {name: item for name, item in _OWN_METRICS.items() if name in names}
    return {**known, **{item.name: item for item in more if item.name in names}}
