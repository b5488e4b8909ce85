"""How far a series scatters around its own level, robustly.

The median and the median absolute deviation (MAD) do not follow the outlier that is looked for;
a step that somebody accepted splits the series into segments, and only what is left of a value
without its segment's median, its residual, is noise. B. Iglewicz and D. Hoaglin, How to Detect and
Handle Outliers, 1993, section 3.3: the two factors make the deviations comparable to a standard
deviation of normal noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cetrack.domain import FloatArray

_OF_MEDIAN = 1.4826
_OF_MEAN = 1.253314
_SHORTEST = 3  # a shorter segment lies on its own median, or next to it


@dataclass(frozen=True, slots=True)
class Noise:
    """``level``: the median of the newest segment; ``spread``: the standard deviation of the
    residuals of all segments, estimated from ``n`` of them; 0 where all are equal."""

    level: float
    spread: float
    n: int

    def z(self, value: float) -> float:
        """How many standard deviations ``value`` lies above the level; ±inf where nothing
        scatters."""
        distance = value - self.level
        if self.spread > 0 or distance == 0:
            return distance / self.spread if distance else 0.0
        return math.copysign(math.inf, distance)


def noise_of(segments: Sequence[FloatArray]) -> Noise | None:
    """The noise of a series, float64[n] per segment in the order of time; None without a value.

    NaN are gaps. Segments of less than three values say where the level is, but not how far it
    scatters.
    """
    kept = [segment[~np.isnan(segment)] for segment in segments]
    kept = [segment for segment in kept if len(segment)]
    if not kept:
        return None
    long = [segment for segment in kept if len(segment) >= _SHORTEST]
    residuals = np.concatenate([segment - np.median(segment) for segment in long] or [np.empty(0)])
    return Noise(float(np.median(kept[-1])), _spread(residuals), len(residuals))


def _spread(residuals: FloatArray) -> float:
    """From the median of the deviations or, where more than half of them are 0, their mean."""
    if not len(residuals):
        return 0.0
    deviations = np.abs(residuals)
    robust = _OF_MEDIAN * float(np.median(deviations))
    return robust or _OF_MEAN * float(np.mean(deviations))
