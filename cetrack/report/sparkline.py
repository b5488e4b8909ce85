"""A series as one line of characters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

BLOCKS = "▁▂▃▄▅▆▇█"
PLAIN = "_.,-~=+#"  # for what shows nothing but ASCII
_GAP = " "


def sparkline(values: Sequence[float], *, width: int = 60, ramp: str = BLOCKS) -> str:
    """A character per value, the lowest value as the first of ``ramp``, the highest as the last.

    Neighbours share a character, as their mean, where there are more than ``width`` values. What is
    not finite is a gap, and a blank; values that are all alike are drawn half high.
    """
    levels = [_mean(part) for part in _parts(values, width)]
    known = [level for level in levels if level is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    return "".join(
        _GAP if level is None else _character(level, low, high, ramp) for level in levels
    )


def _parts(values: Sequence[float], width: int) -> list[Sequence[float]]:
    count = min(len(values), width)
    edges = [len(values) * number // count for number in range(count + 1)] if count else [0]
    return [values[start:end] for start, end in pairwise(edges)]


def _mean(values: Sequence[float]) -> float | None:
    finite = [float(value) for value in values if math.isfinite(value)]
    return math.fsum(value / len(finite) for value in finite) if finite else None


def _character(level: float, low: float, high: float, ramp: str) -> str:
    if low == high:
        return ramp[(len(ramp) - 1) // 2]
    share = (level / 2 - low / 2) / (high / 2 - low / 2)  # halves: a difference may overflow
    return ramp[round(share * (len(ramp) - 1))]
