"""Change points: where the level of a series moved for good, and how sure that is.

Search: PELT (Killick et al. 2012), exact, by ``ruptures``, over the squared deviations from the
level of a segment. Outliers are drawn in first, so that one slow night is no step; the penalty is
in units of the noise, which the differences of neighbours tell, so that steps do not count as
noise. Then, as in Hunter (Fleming et al. 2023), every step is tested between its neighbours, and
the weakest is removed until all are significant.

The test is Student's with the spread of both sides together: a shift that is three nights old has
three values after it, of which Welch's test would learn the spread anew and a rank test could not
be significant at all. Noise that remembers the value before it is worth fewer values, and a step
could have been elsewhere: the p-value allows for both. A slow drift has no step; where noise hides
that it is one, it is a staircase.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from cetrack.domain import FloatArray
from cetrack.errors import UsageError

DEFAULT_ALPHA = 0.01
DEFAULT_MIN_SIZE = 3

# with both at 4, of 200 series of noise without a step under 1 % show one if it is normal, 2 % if
# it is log-normal (sigma 0.5) or Student's with 3 degrees; a step of 5 deviations is found in 97 %
_LIMIT = 4.0  # standard deviations that a value may be from the median around it
_PENALTY = 4.0  # times log n and the variance of the noise; BIC is 2, for a known variance
_RESOLUTION = 1e-6  # of the range; sums of squares in doubles hold no finer detail
_ROUNDING = 8 * np.finfo(np.float64).eps  # of the largest value: the noise of arithmetic
_OF_MEDIAN = 1 / (math.sqrt(2) * 0.674489750196082)  # median |difference| → standard deviation
_OF_MEAN = math.sqrt(math.pi) / 2  # mean |difference| → standard deviation
_FEWEST = 2.0  # so many independent values a side is worth at the least


@dataclass(frozen=True, slots=True)
class Step:
    """The level moved at ``index``, the first value after; the levels ``before`` and ``after`` are
    means, outliers drawn in, over ``n_before`` and ``n_after`` values."""

    index: int
    before: float
    after: float
    p_value: float
    n_before: int
    n_after: int


def change_points(
    values: FloatArray, *, min_size: int = DEFAULT_MIN_SIZE, alpha: float = DEFAULT_ALPHA
) -> list[Step]:
    """The steps of ``values``, float64[n], in their order.

    What is not finite is a gap: it counts for nothing, and indexes are those of ``values``. Both
    sides of a step have ``min_size`` values (2 or more) at the least. Shifting the values, or
    scaling them by a positive factor, moves no step. Raises UsageError without the extra ``stats``.
    """
    require_stats()
    places = np.flatnonzero(np.isfinite(values))
    known = np.asarray(values, np.float64)[places]
    if len(known) < 2 * min_size or not known.any():
        return []
    exponent = int(np.frexp(np.abs(known).max())[1])  # exact, and no square can overflow
    scaled = np.ldexp(known, -exponent)
    middle = float(np.median(scaled))
    steady = _steady(scaled - middle, min_size)
    starts = _starts(steady, min_size, least=_ROUNDING * float(np.abs(scaled).max()))
    bounds = _significant(steady, starts, min_size, alpha)
    as_given = np.where(steady == scaled - middle, scaled, steady + middle)
    levels = [math.ldexp(_level(part), exponent) for part in np.split(as_given, bounds)]
    return [
        Step(
            index=int(places[bounds[i]]),
            before=levels[i],
            after=levels[i + 1],
            p_value=p_value,
            n_before=size_before,
            n_after=size_after,
        )
        for i, (p_value, size_before, size_after) in enumerate(_tests(steady, bounds, min_size))
    ]


def require_stats() -> None:
    """Raise UsageError unless ruptures and scipy are there."""
    try:
        import ruptures  # noqa: F401 - an extra
        import scipy.special  # noqa: F401 - an extra
    except ImportError as error:
        raise UsageError(
            "change points need ruptures and scipy", hint='pip install "cetrack[stats]"'
        ) from error


# --- noise and outliers -------------------------------------------------------------------------


def _steady(values: FloatArray, min_size: int) -> FloatArray:
    """``values`` with outliers drawn in.

    A stretch shorter than ``min_size`` cannot be a level: its values are at most four standard
    deviations from the median of those around them.
    """
    around = _rolling_median(values, 2 * min_size - 1)
    reach = _LIMIT * _noise(values)
    return np.clip(values, around - reach, around + reach)


def _noise(values: FloatArray) -> float:
    """The standard deviation that neighbours tell; of the mean where most are the same."""
    distances = np.abs(np.diff(values))
    median = float(np.median(distances))
    return median * _OF_MEDIAN if median > 0 else float(np.mean(distances)) * _OF_MEAN


def _rolling_median(values: FloatArray, width: int) -> FloatArray:
    """The median of the ``width`` values around each; near an end, of those at the end."""
    inner = np.median(np.lib.stride_tricks.sliding_window_view(values, width), axis=1)
    padded: FloatArray = np.pad(inner, width // 2, mode="edge")
    return padded


# --- search and tests ---------------------------------------------------------------------------


def _starts(values: FloatArray, min_size: int, *, least: float) -> list[int]:
    """Where the best segmentation of ``values`` begins a new level; ``least`` is noise that there
    always is."""
    from ruptures import KernelCPD

    extent = float(np.ptp(values))
    least = max(least, _RESOLUTION * extent)
    if len(values) < 2 * min_size or extent <= least:
        return []
    in_units_of_noise = values.reshape(-1, 1) / max(_noise(values), least)
    search = KernelCPD(kernel="linear", min_size=min_size).fit(in_units_of_noise)
    found = [int(end) for end in search.predict(pen=_PENALTY * math.log(len(values)))[:-1]]
    if not found or np.median(np.abs(np.diff(values))) > 0:
        return found
    # of values that seldom change, a large step must not hide a small one
    parts = pairwise([0, *found, len(values)])
    within = [a + start for a, b in parts for start in _starts(values[a:b], min_size, least=least)]
    return sorted([*found, *within])


def _significant(steady: FloatArray, bounds: list[int], min_size: int, alpha: float) -> list[int]:
    """The bounds whose steps are all significant: the weakest goes first, then its neighbours are
    tested again."""
    kept = list(bounds)
    p_values = [p_value for p_value, _, _ in _tests(steady, kept, min_size)]
    while kept:
        weakest = int(np.argmax(p_values))
        if p_values[weakest] < alpha:
            break
        del kept[weakest], p_values[weakest]
        edges = [0, *kept, len(steady)]
        for index in {weakest - 1, weakest} & set(range(len(kept))):
            p_values[index] = _p_value(steady, edges[index : index + 3], min_size)
    return kept


def _tests(steady: FloatArray, bounds: list[int], min_size: int) -> list[tuple[float, int, int]]:
    """(p-value, values before, values after) of every step."""
    edges = [0, *bounds, len(steady)]
    return [
        (
            _p_value(steady, edges[i : i + 3], min_size),
            edges[i + 1] - edges[i],
            edges[i + 2] - edges[i + 1],
        )
        for i in range(len(bounds))
    ]


def _p_value(steady: FloatArray, edges: list[int], min_size: int) -> float:
    """Of the step between two stretches of values, by Student's test, both sides.

    The lag-one correlation of the noise, less what is chance, tells how many independent values
    there are (Bartlett 1946); Bonferroni's factor how many places the step could have been at.
    """
    from scipy.special import stdtr

    start, middle, end = edges
    before, after = steady[start:middle], steady[middle:end]
    difference = _level(after) - _level(before)
    rest = before - _level(before), after - _level(after)
    squares = sum(float(part @ part) for part in rest)
    if squares == 0:
        return 0.0 if difference else 1.0
    count = end - start
    following = sum(float(part[1:] @ part[:-1]) for part in rest)
    memory = max(0.0, following / squares - 1 / math.sqrt(count))
    worth = (1 - memory) / (1 + memory)
    n_before, n_after = (max(_FEWEST, len(part) * worth) for part in rest)
    spread = math.sqrt(squares / (count - 2) * (1 / n_before + 1 / n_after))
    places = max(1.0, n_before + n_after - 2 * min_size + 1)
    p_value = 2 * float(stdtr(n_before + n_after - 2, -abs(difference) / spread))
    return min(1.0, p_value * places)


def _level(values: FloatArray) -> float:
    """The mean; of equal values exactly their value."""
    return float(values[0] + np.mean(values - values[0]))
