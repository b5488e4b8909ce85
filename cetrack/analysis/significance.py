"""Whether two sets of measurements differ by more than their noise.

Every test is two-sided and answers None where nothing can be claimed: a single repetition says
nothing of its noise, and where both sides repeat one number each without any noise, there is
nothing that their difference could be measured against. NaN is not a measurement.

Needs scipy. Welch's test asks only ``scipy.special`` for the distribution: ``scipy.stats`` takes a
second to load, and is loaded where ranks are tested.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from cetrack.domain import FloatArray
from cetrack.errors import UsageError

WELCH = "welch"
MANN_WHITNEY = "mann-whitney"
WILCOXON = "wilcoxon"
CORRECTION = "benjamini-hochberg"
# what readers know the tests by
TEST_NAMES = {
    WELCH: "Welch's t-test",
    MANN_WHITNEY: "Mann–Whitney U test",
    WILCOXON: "Wilcoxon signed-rank test",
}
_EXACT = 20_000  # so many arrangements of tied ranks are looked at one by one
_FEW = 8  # fewer values of a side are too few for the normal approximation of U
_MANY_PAIRS = 50  # the exact distribution of signed ranks is not needed beyond


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a test says: ``p_value`` two-sided, and how many measurements each side has."""

    test: str
    p_value: float
    n: int
    n_baseline: int


def welch_from_stats(
    mean: float, std: float, n: int, baseline_mean: float, baseline_std: float, baseline_n: int
) -> Verdict | None:
    """Welch's t-test of two means from their standard deviations (n-1) and repetitions.

    t and the degrees of freedom as in Welch (1947), Biometrika 34, 28–35. Without any variance the
    means are equal (p 1) or nothing is claimed.
    """
    numbers = (mean, std, baseline_mean, baseline_std)
    if min(n, baseline_n) < 2 or not all(map(math.isfinite, numbers)):
        return None
    error, baseline_error = std**2 / n, baseline_std**2 / baseline_n
    variance = error + baseline_error
    if variance == 0:
        return Verdict(WELCH, 1.0, n, baseline_n) if mean == baseline_mean else None
    freedom = variance**2 / (error**2 / (n - 1) + baseline_error**2 / (baseline_n - 1))
    t = (mean - baseline_mean) / math.sqrt(variance)
    p_value = 2 * float(_scipy("special").stdtr(freedom, -abs(t)))
    return Verdict(WELCH, p_value, n, baseline_n)


def welch(
    values: Sequence[float] | FloatArray, baseline: Sequence[float] | FloatArray
) -> Verdict | None:
    """Welch's t-test of the means of ``values`` float64[n] and ``baseline`` float64[m]."""
    ours, theirs = _measured(values), _measured(baseline)
    if min(len(ours), len(theirs)) < 2:
        return None
    return welch_from_stats(*_statistics(ours), *_statistics(theirs))


def _statistics(values: FloatArray) -> tuple[float, float, int]:
    """Mean, standard deviation and count; equal numbers have no variance, not even by rounding."""
    if values.min() == values.max():
        return float(values[0]), 0.0, len(values)
    return float(values.mean()), float(values.std(ddof=1)), len(values)


def mann_whitney(
    values: Sequence[float] | FloatArray, baseline: Sequence[float] | FloatArray
) -> Verdict | None:
    """Mann–Whitney U test of ``values`` float64[n] against ``baseline`` float64[m].

    For raw repetitions: latencies have a long tail that a t-test is misled by. Exact where few
    values have no ties (scipy's own rule) or few arrangements; else the normal approximation,
    corrected for ties.
    """
    ours, theirs = _measured(values), _measured(baseline)
    n, m = len(ours), len(theirs)
    if min(n, m) < 2:
        return None
    both = np.concatenate([ours, theirs])
    ties = len(np.unique(both)) < len(both)
    if both.min() == both.max():
        p_value = 1.0
    elif ties and min(n, m) <= _FEW and math.comb(n + m, n) <= _EXACT:
        p_value = _permuted((ours, theirs), _rank_sum, "independent")
    else:
        method = "exact" if not ties and min(n, m) <= _FEW else "asymptotic"
        found = _scipy("stats").mannwhitneyu(ours, theirs, alternative="two-sided", method=method)
        p_value = float(found.pvalue)
    return Verdict(MANN_WHITNEY, p_value, n, m)


def wilcoxon(differences: Sequence[float] | FloatArray) -> Verdict | None:
    """Wilcoxon signed-rank test of paired ``differences`` float64[n] against 0.

    For one difference per model: models are not alike, so their differences have no common
    normal distribution that a paired t-test could assume (Demšar 2006, JMLR 7, 1–30, recommends
    it for this). Zeros say nothing and are left out; all zero is p 1. Exact where there are few
    pairs.
    """
    known = _measured(differences)
    if len(known) < 2:
        return None
    moved = known[known != 0]
    n = len(moved)
    ties = len(np.unique(np.abs(moved))) < n
    if n == 0:
        p_value = 1.0
    elif ties and 2**n <= _EXACT:
        p_value = _permuted((moved,), _signed_ranks, "samples")
    else:
        exact = not ties and n <= _MANY_PAIRS
        method = {"method": "exact"} if exact else _approximately()
        p_value = float(_scipy("stats").wilcoxon(moved, **method).pvalue)
    return Verdict(WILCOXON, p_value, len(known), len(known))


def adjusted(p_values: Sequence[float] | FloatArray) -> FloatArray:
    """The p-values float64[n] of one answer, for the share of false claims among its claims.

    Benjamini and Hochberg (1995), J. R. Stat. Soc. B 57, 289–300: p·n/rank, made monotone from
    the largest down; what ``scipy.stats.false_discovery_control`` does.
    """
    found = np.asarray(p_values, np.float64)
    if not len(found):
        return found
    order = np.argsort(found)[::-1]
    ranks = np.arange(len(found), 0, -1)
    result = np.empty_like(found)
    result[order] = np.minimum.accumulate(found[order] * len(found) / ranks)
    return np.minimum(result, 1.0)


# --- by scipy -----------------------------------------------------------------------------------


def _measured(values: Sequence[float] | FloatArray) -> FloatArray:
    numbers = np.asarray(values, np.float64)
    return numbers[~np.isnan(numbers)]


def _permuted(samples: tuple[FloatArray, ...], statistic: Callable[..., Any], kind: str) -> float:
    """The share of all arrangements that are at least as extreme."""
    found = _scipy("stats").permutation_test(
        samples, statistic, permutation_type=kind, n_resamples=np.inf, vectorized=True
    )
    return float(found.pvalue)


def _rank_sum(ours: FloatArray, theirs: FloatArray, axis: int = -1) -> npt.NDArray[np.float64]:
    both = np.concatenate([ours, theirs], axis=axis)
    ranks = _scipy("stats").rankdata(both, axis=axis)
    chosen = np.take(ranks, np.arange(ours.shape[axis]), axis=axis)
    return np.asarray(chosen.sum(axis=axis), np.float64)


def _signed_ranks(differences: FloatArray, axis: int = -1) -> npt.NDArray[np.float64]:
    ranks = _scipy("stats").rankdata(np.abs(differences), axis=axis)
    return np.asarray((np.sign(differences) * ranks).sum(axis=axis), np.float64)


def _approximately() -> dict[str, str]:
    """The normal approximation, as this version of scipy calls it."""
    version = tuple(int(part) for part in _scipy("version").version.split(".")[:2])
    return {"method": "asymptotic" if version >= (1, 15) else "approx"}


def _scipy(module: str) -> Any:
    try:
        return import_module(f"scipy.{module}")
    except ModuleNotFoundError as error:
        raise UsageError("significance needs scipy", hint='pip install "cetrack[stats]"') from error
