"""Curves with no more points than a figure can show."""

from __future__ import annotations

import numpy as np

from cetrack.domain import FloatArray, IntArray

BINS = 600  # twice the columns of ink that a printed plot has


def thinned(
    steps: IntArray, values: FloatArray, *, bins: int = BINS
) -> tuple[IntArray, FloatArray]:
    """The lowest and the highest value of each of ``bins`` equal parts of the step axis.

    ``steps`` int64[n] ascending, ``values`` float64[n]. No spike is lost; of a part without any
    value (NaN) one point stays, so that the gap is seen. The first and the last point stay.
    """
    if len(steps) <= 2 * bins:
        return steps, values
    span = float(steps[-1]) - float(steps[0])
    part = np.minimum(((steps - float(steps[0])) / span * bins).astype(np.int64), bins - 1)
    order = np.lexsort((values, part))  # by part, then by value
    known = order[~np.isnan(values[order])]
    blank = np.setdiff1d(part, part[known])
    gaps = np.searchsorted(part, blank)  # the first point of each part that has no value
    kept = np.unique(np.concatenate([_ends(known, part), gaps, [0, len(steps) - 1]]))
    return steps[kept], values[kept]


def _ends(order: IntArray, part: IntArray) -> IntArray:
    """The first and the last of ``order`` in each part."""
    borders = np.flatnonzero(np.diff(part[order]))
    firsts = np.concatenate([[0], borders + 1])
    lasts = np.concatenate([borders, [len(order) - 1]])
    return order[np.concatenate([firsts, lasts])] if len(order) else order
