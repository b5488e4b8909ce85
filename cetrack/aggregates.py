"""What the store keeps of a series beside its points. Pure."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from cetrack.domain import FloatArray, IntArray, Spread, number_or_none


class Aggregates(NamedTuple):
    """What ``run_metric`` keeps of a series, so that nothing else has to scan its points.

    ``count`` includes the ``nan_count`` NaN points; ``last`` is the value of the last step, None if
    that is NaN; min, max, mean and std (n-1) skip NaN. ``n`` is the number of repetitions.
    """

    count: int  # type: ignore[assignment]  # of points: nobody asks a tuple how often 3 is in it
    nan_count: int
    first: float | None
    last: float | None
    last_step: int
    min: float | None
    min_step: int | None
    max: float | None
    max_step: int | None
    mean: float | None
    std: float | None
    n: int | None


def aggregate(steps: IntArray, values: FloatArray, spread: Spread | None = None) -> Aggregates:
    """The aggregates of a non-empty series whose ``steps`` int64[n] are sorted and unique.

    A ``spread`` that the source states about a single number takes the place of what one point
    cannot tell.
    """
    if len(steps) == 1:
        return aggregate_one(int(steps[0]), float(values[0]), spread)
    return _stated(_of_many(steps, values), spread)


def aggregate_one(step: int, value: float, spread: Spread | None = None) -> Aggregates:
    """The aggregates of a single point."""
    if value != value:
        found = Aggregates(1, 1, None, None, step, None, None, None, None, None, None, 0)
    else:
        found = Aggregates(*of_number(step, value))
    return found if spread is None else _stated(found, spread)


def of_number(step: int, value: float) -> tuple[Any, ...]:
    """The same of a number that is one, as a bare tuple: there are very many of them."""
    return (1, 0, value, value, step, value, step, value, step, value, None, 1)


def _stated(found: Aggregates, spread: Spread | None) -> Aggregates:
    """What the source states in place of what was found."""
    stated = {name: getattr(spread, name, None) for name in ("std", "min", "max", "n")}
    return found._replace(**{name: value for name, value in stated.items() if value is not None})


def _of_many(steps: IntArray, values: FloatArray) -> Aggregates:
    missing = np.isnan(values)
    kept = values[~missing] if missing.any() else values  # no copy of a long one
    low = int(np.argmax(values == kept.min())) if kept.size else None
    high = int(np.argmax(values == kept.max())) if kept.size else None
    with np.errstate(invalid="ignore", over="ignore"):
        mean = float(kept.mean()) if kept.size else None
        std = float(kept.std(ddof=1)) if kept.size > 1 else None
    return Aggregates(
        count=len(values),
        nan_count=len(values) - int(kept.size),
        first=number_or_none(values[0]),
        last=number_or_none(values[-1]),
        last_step=int(steps[-1]),
        min=_at(values, low),
        min_step=None if low is None else int(steps[low]),
        max=_at(values, high),
        max_step=None if high is None else int(steps[high]),
        mean=mean if mean is None or not math.isnan(mean) else None,
        std=None if std is None else _finite(std),
        n=int(kept.size),
    )


def _at(values: FloatArray, index: int | None) -> float | None:
    return None if index is None else float(values[index])


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
