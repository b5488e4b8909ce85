"""P-values against published examples, against scipy asked another way, and at the edges."""

from __future__ import annotations

import math
import warnings
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

from cetrack.analysis.significance import (
    MANN_WHITNEY,
    WELCH,
    WILCOXON,
    Verdict,
    adjusted,
    mann_whitney,
    welch,
    welch_from_stats,
    wilcoxon,
)

# the second example of Wikipedia's article on Welch's test: t = -1.57, 9.9 degrees, P = 0.149
_A = [17.2, 20.9, 22.6, 18.1, 21.7, 21.4, 23.5, 24.2, 14.7, 21.8]
_B = [21.5, 22.8, 21.0, 23.0, 21.6, 23.6, 22.5, 20.7, 23.4, 21.8, 20.7, 21.7, 21.5, 22.5, 23.6,
      21.5, 22.5, 23.5, 21.5, 21.8]  # fmt: skip
_NUMBERS = st.floats(-1000, 1000).map(lambda number: round(number, 3))
_SAMPLES = st.lists(_NUMBERS, min_size=2, max_size=12)


def _student_tail(t: float, freedom: float) -> float:
    """Two-sided p of Student's t by integrating its density."""
    scale = math.exp(special.gammaln((freedom + 1) / 2) - special.gammaln(freedom / 2))
    scale /= math.sqrt(freedom * math.pi)
    area, _ = integrate.quad(
        lambda x: scale * (1 + x * x / freedom) ** (-(freedom + 1) / 2), abs(t), np.inf
    )
    return 2 * area


def test_welch_by_the_formula_written_out() -> None:
    a, b = np.array(_A), np.array(_B)
    va, vb = np.var(a, ddof=1) / len(a), np.var(b, ddof=1) / len(b)
    t = (a.mean() - b.mean()) / math.sqrt(va + vb)
    freedom = (va + vb) ** 2 / (va**2 / (len(a) - 1) + vb**2 / (len(b) - 1))
    found = welch(_A, _B)
    assert found is not None
    assert (found.test, found.n, found.n_baseline) == (WELCH, 10, 20)
    assert found.p_value == pytest.approx(_student_tail(t, freedom), rel=1e-8)
    assert (round(t, 2), round(freedom, 1), round(found.p_value, 3)) == (-1.57, 9.9, 0.149)


def test_welch_from_published_statistics() -> None:
    """NIST/SEMATECH e-Handbook 1.3.5.3 (AUTO83B, US and Japanese cars): without equal variances
    the handbook's statistics give t = -12.946 at 136.87 degrees of freedom."""
    found = welch_from_stats(20.14458, 6.41470, 249, 30.48101, 6.10771, 79)
    assert found is not None
    assert found.p_value == pytest.approx(_student_tail(-12.94627, 136.8750), rel=1e-3)


@given(_SAMPLES, _SAMPLES)
@settings(deadline=None)
def test_welch_is_what_scipy_says(ours: list[float], theirs: list[float]) -> None:
    found = welch(ours, theirs)
    if len(set(ours)) == 1 and len(set(theirs)) == 1:
        assert found == (
            Verdict(WELCH, 1.0, len(ours), len(theirs)) if ours[0] == theirs[0] else None
        )
        return
    assert found is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of values that hardly differ
        expected = stats.ttest_ind(ours, theirs, equal_var=False).pvalue
    assert found.p_value == pytest.approx(expected, rel=1e-6, abs=1e-12)
    again = welch(theirs, ours)
    assert again is not None
    assert again.p_value == pytest.approx(found.p_value, rel=1e-9)


def test_welch_from_statistics_is_welch_of_the_values() -> None:
    a, b = np.array(_A), np.array(_B)
    from_stats = welch_from_stats(a.mean(), a.std(ddof=1), 10, b.mean(), b.std(ddof=1), 20)
    of_values = welch(_A, _B)
    assert from_stats is not None
    assert of_values is not None
    assert from_stats.p_value == pytest.approx(of_values.p_value, rel=1e-12)
    assert from_stats.p_value == pytest.approx(
        stats.ttest_ind_from_stats(
            a.mean(), a.std(ddof=1), 10, b.mean(), b.std(ddof=1), 20, equal_var=False
        ).pvalue,
        rel=1e-10,
    )


@pytest.mark.parametrize("test", [welch, mann_whitney])
def test_one_repetition_on_either_side_claims_nothing(test: object) -> None:
    assert test([1.0], [2.0, 3.0]) is None  # type: ignore[operator]
    assert test([1.0, 2.0], [3.0]) is None  # type: ignore[operator]
    assert test([1.0, math.nan], [3.0, 4.0]) is None  # type: ignore[operator]
    assert test([], []) is None  # type: ignore[operator]


@pytest.mark.parametrize(
    ("numbers", "p_value"),
    [
        ((5.0, 0.0, 3, 5.0, 0.0, 4), 1.0),
        ((5.0, 0.0, 3, 6.0, 0.0, 4), None),
        ((5.0, 1.0, 1, 6.0, 1.0, 9), None),
        ((5.0, math.nan, 3, 6.0, 1.0, 9), None),
        ((math.inf, 1.0, 3, 6.0, 1.0, 9), None),
        ((0.0, 0.0, 2, 0.0, 1.0, 2), 1.0),
    ],
)
def test_welch_without_noise(
    numbers: tuple[float, float, int, float, float, int], p_value: float | None
) -> None:
    found = welch_from_stats(*numbers)
    assert (found and found.p_value) == p_value


def test_equal_numbers_have_no_variance_by_rounding() -> None:
    assert welch([0.1] * 3, [0.3] * 3) is None
    assert welch([0.1] * 3, [0.1] * 7) == Verdict(WELCH, 1.0, 3, 7)


def _exact_mann_whitney(ours: list[float], theirs: list[float]) -> float:
    """Twice the smaller tail of the sum of mid-ranks, over every way to choose our values."""
    both = np.array([*ours, *theirs])
    ranks = np.array([(both < x).sum() + ((both == x).sum() + 1) / 2 for x in both])
    sums = np.array([sum(pick) for pick in combinations(ranks, len(ours))])
    seen = ranks[: len(ours)].sum()
    tails = ((sums <= seen + 1e-9).mean(), (sums >= seen - 1e-9).mean())
    return float(min(1.0, 2 * min(tails)))


_FEW = st.lists(st.integers(0, 6).map(float), min_size=2, max_size=5)


@given(_FEW, _FEW)
@settings(deadline=None, max_examples=60)
def test_mann_whitney_of_few_values_is_exact_with_and_without_ties(
    ours: list[float], theirs: list[float]
) -> None:
    found = mann_whitney(ours, theirs)
    assert found is not None
    assert (found.test, found.n, found.n_baseline) == (MANN_WHITNEY, len(ours), len(theirs))
    assert found.p_value == pytest.approx(_exact_mann_whitney(ours, theirs), rel=1e-9)


def test_mann_whitney_of_many_values_is_the_normal_approximation() -> None:
    rng = np.random.default_rng(5)
    ours, theirs = rng.gamma(2, 1, 60).round(1), rng.gamma(2, 1.3, 80).round(1)
    both = np.concatenate([ours, theirs])
    n, m, total = len(ours), len(theirs), len(both)
    u = sum((theirs < x).sum() + (theirs == x).sum() / 2 for x in ours)
    _, counts = np.unique(both, return_counts=True)
    ties = (counts**3 - counts).sum() / (total * (total - 1))
    sigma = math.sqrt(n * m / 12 * (total + 1 - ties))
    z = (abs(u - n * m / 2) - 0.5) / sigma  # with the correction for continuity
    found = mann_whitney(ours, theirs)
    assert found is not None
    assert found.p_value == pytest.approx(math.erfc(z / math.sqrt(2)), rel=1e-9)


def test_mann_whitney_of_constants() -> None:
    same = mann_whitney([3.0, 3.0], [3.0, 3.0, 3.0])
    apart = mann_whitney([3.0] * 4, [4.0] * 4)
    assert same is not None
    assert same.p_value == 1.0
    assert apart is not None
    assert apart.p_value == pytest.approx(2 / math.comb(8, 4))


def _exact_wilcoxon(differences: list[float]) -> float:
    """Twice the smaller tail of the signed ranks, over every way to choose the signs."""
    moved = np.array([x for x in differences if x != 0])
    sizes = np.abs(moved)
    ranks = np.array([(sizes < x).sum() + ((sizes == x).sum() + 1) / 2 for x in sizes])
    seen = (np.sign(moved) * ranks).sum()
    sums = np.array([np.dot(signs, ranks) for signs in product((-1, 1), repeat=len(moved))])
    tails = ((sums <= seen + 1e-9).mean(), (sums >= seen - 1e-9).mean())
    return float(min(1.0, 2 * min(tails)))


@given(st.lists(st.integers(-5, 5).map(float), min_size=2, max_size=9))
@settings(deadline=None, max_examples=60)
def test_wilcoxon_of_few_pairs_is_exact_with_and_without_ties(differences: list[float]) -> None:
    found = wilcoxon(differences)
    assert found is not None
    assert (found.test, found.n) == (WILCOXON, len(differences))
    assert found.p_value == pytest.approx(_exact_wilcoxon(differences), rel=1e-9)


def test_wilcoxon_of_many_pairs() -> None:
    many = np.random.default_rng(2).normal(0.3, 1, 80).round(1)
    found = wilcoxon(many)
    assert found is not None
    assert 0 < found.p_value < 0.05
    moved = many[many != 0]
    ranks = stats.rankdata(np.abs(moved))
    n, plus = len(moved), ranks[moved > 0].sum()
    _, counts = np.unique(np.abs(moved), return_counts=True)
    variance = n * (n + 1) * (2 * n + 1) / 24 - (counts**3 - counts).sum() / 48
    z = abs(plus - n * (n + 1) / 4) / math.sqrt(variance)
    assert found.p_value == pytest.approx(math.erfc(z / math.sqrt(2)), rel=1e-6)


def test_one_pair_claims_nothing() -> None:
    assert wilcoxon([1.0]) is None
    assert wilcoxon([1.0, math.nan]) is None


def test_adjusted_on_the_example_of_benjamini_and_hochberg() -> None:
    """Their table of fifteen tests (1995, section 4.1): four are significant at 0.05."""
    p_values = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240,
                0.4262, 0.5719, 0.6528, 0.7590, 1.0]  # fmt: skip
    found = adjusted(p_values)
    assert int((found <= 0.05).sum()) == 4
    assert found[3] == pytest.approx(0.0095 * 15 / 4)
    assert found[0] == pytest.approx(0.0015)
    assert adjusted([]).tolist() == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_adjusted_is_what_scipy_says(p_values: list[float]) -> None:
    assert adjusted(p_values) == pytest.approx(stats.false_discovery_control(p_values), rel=1e-12)
