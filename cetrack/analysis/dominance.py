"""Which of several alternatives are better than another one in the sense of Pareto."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from cetrack.domain import FloatArray


def dominating(
    values: FloatArray,
    own: FloatArray,
    directions: Sequence[Literal["lower", "higher"]],
    *,
    slack_pct: float = 0.0,
) -> npt.NDArray[np.bool_]:
    """Which rows of ``values``, float64[n, k], are at least as good as ``own``, float64[k], in
    every column and better in one by more than ``slack_pct`` per cent of it: bool[n].

    ``directions`` say which way is better. A row with a NaN dominates nothing.
    """
    signs = np.array([1.0 if direction == "higher" else -1.0 for direction in directions])
    gains = (values.reshape(-1, len(own)) - own) * signs
    beyond = gains > np.abs(own) * slack_pct / 100
    result: npt.NDArray[np.bool_] = (gains >= 0).all(axis=1) & beyond.any(axis=1)
    return result
