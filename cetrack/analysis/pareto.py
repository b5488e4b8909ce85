"""The Pareto front: what nothing else beats in every respect."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cetrack.domain import FloatArray

BoolArray = npt.NDArray[np.bool_]
_SIGNS = {"lower": 1.0, "higher": -1.0}


def front(values: FloatArray, directions: Sequence[str]) -> BoolArray:
    """bool[n]: which rows of ``values`` float64[n, k] are on the Pareto front.

    ``directions`` says of every column which way is better, ``lower`` or ``higher``. A row is on
    the front when no other is at least as good in all columns and better in one; so equal rows
    are on it together. A row with NaN never is, and beats nothing. O(n log n) for one or two
    columns, O(n × rows of the front) for more. Raises KeyError for another direction.
    """
    costs = values * np.array([_SIGNS[direction] for direction in directions])
    known = np.flatnonzero(~np.isnan(costs).any(axis=1))
    on_front = np.zeros(len(values), np.bool_)
    if not len(known):
        return on_front
    # sorted by the first column, then the second …: whatever beats a row stands before it
    distinct, place = np.unique(costs[known], axis=0, return_inverse=True)
    find = _of_two if costs.shape[1] <= 2 else _of_many
    on_front[known] = find(distinct)[place.reshape(-1)]
    return on_front


def _of_two(costs: FloatArray) -> BoolArray:
    """A row is beaten unless its last column is smaller than in all rows before."""
    last = costs[:, -1]
    best_before = np.concatenate([[np.inf], np.minimum.accumulate(last)[:-1]])
    found = last < best_before
    found[0] = True
    return found


def _of_many(costs: FloatArray) -> BoolArray:
    """Each row against the front so far: what a beaten row beats is beaten by the front too."""
    found = np.zeros(len(costs), np.bool_)
    best = np.empty_like(costs)
    count = 0
    for place, row in enumerate(costs):
        if not (best[:count] <= row).all(axis=1).any():
            best[count] = row
            count += 1
            found[place] = True
    return found
