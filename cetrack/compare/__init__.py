"""Precisions side by side: every series against its baseline, like for like, with significance.

``compare`` answers for each model, or for groups of models; ``pareto`` says which runs nothing else
beats. Use-cases: an open store in, dataclasses out. ``reading`` asks the database, ``matching``
decides what is compared with what, ``judging`` what the numbers say, ``groups`` sums up models.
"""

from __future__ import annotations

from cetrack.compare.answer import By, Comparison, Difference, Entry, Refusal
from cetrack.compare.comparing import ALL_METRICS, compare
from cetrack.compare.fronts import Pareto, Point, pareto

__all__ = [
    "ALL_METRICS",
    "By",
    "Comparison",
    "Difference",
    "Entry",
    "Pareto",
    "Point",
    "Refusal",
    "compare",
    "pareto",
]
