"""Series that the tests of other change detectors are about, with what those tests expect.

The numbers of asv are drawn as its tests draw them (``test/test_step_detect.py``, BSD licence);
those of Apache Otava, formerly Hunter, are written there (``tests/``, Apache licence 2.0).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cetrack.domain import FloatArray


@dataclass(frozen=True)
class Public:
    """``origin``: project and test; ``steps``: the indexes that it expects."""

    origin: str
    values: FloatArray
    steps: tuple[int, ...]


def _known(origin: str, values: Sequence[float], steps: tuple[int, ...]) -> Public:
    return Public(origin, np.array(values, np.float64), steps)


def _stairs(count: int, *steps: tuple[int, float]) -> FloatArray:
    """0, and from every index on that much more."""
    at = np.arange(count)
    return np.sum([height * (at >= index) for index, height in steps], axis=0, dtype=np.float64)


def _asv() -> list[Public]:
    draws = np.random.RandomState(1234)
    small = _stairs(100, (5, 0.4), (10, 0.9), (20, -0.2), (50, 0.2), (70, 1.1))
    small = small + 0.05 * draws.rand(100)
    large = _stairs(3000, (10, 0.4), (30, 0.9), (200, -0.2), (600, 0.2), (2500, 1.1), (2990, -0.5))
    little_noise = large + 0.05 * draws.randn(3000)
    much_noise = large + 5.0 * draws.randn(3000)
    padded = np.r_[large + 0.025 * draws.rand(3000), 0.025 * draws.randn(7000)]
    spiked = _stairs(100, (5, 0.4), (10, 0.9), (20, -0.2), (50, 0.2), (70, 1.1))
    spiked += 0.05 * np.random.RandomState(1234).rand(100)
    spiked[15], spiked[35] = 2.0, np.nan
    wave = 0.2 * np.cos(np.arange(1000) / 100) + 1.0 * (np.arange(1000) >= 500)
    slow = [2.9, *[3.1] * 32, 3.2, *[3.1] * 8, 2.9, *[3.1] * 7]
    return [
        Public("asv test_solve_potts, a hundred", small, (5, 10, 20, 50, 70)),
        Public("asv test_solve_potts, little noise", little_noise, (10, 30, 200, 600, 2500, 2990)),
        Public("asv test_solve_potts, much noise", much_noise, ()),
        Public("asv test_solve_potts, 10k", padded, (10, 30, 200, 600, 2500, 2990, 3000)),
        Public("asv test_autocorrelated", wave, (500,)),
        Public("asv test_zero_variance", np.ones(1000), ()),
        Public("asv test_weighted, the outlier weighs little", spiked, (5, 10, 20, 50, 70)),
        _known("asv test_solve_potts_approx_bug, outliers weigh little", slow, ()),
    ]


def asv_regressions(seed: int) -> Public:
    """asv test_detect_regressions, which allows the first step to be ten values off."""
    draws, at = np.random.RandomState(seed), np.arange(4000)
    values = 0.7 * draws.rand(4000)
    values -= 0.3 * (at >= 1000)
    values += 2.0 * (at >= 3234 + seed % 123)
    values += 2.0 * ((at >= 3264 + seed % 53) & (at < 3700))
    values -= 2.7 * ((at >= 3350) & (at < 3500 + seed % 71))
    values[[123, 1234]] = np.nan
    steps = (1000, 3234 + seed % 123, 3264 + seed % 53, 3350, 3500 + seed % 71, 3700)
    return Public("asv test_detect_regressions", values, steps)


_HALVED = [1.02, 0.95, 0.99, 1.0, 1.12, 1.0, 1.01, 0.98, 1.01, 0.96]
_HALVED += [0.5, 0.51, 0.48, 0.48, 0.55, 0.5, 0.49, 0.51, 0.5, 0.49]
_SERIES_1 = [1.02, 0.95, 0.99, 1.0, 1.12, 0.9, 0.5, 0.51, 0.48, 0.48, 0.55]
_SERIES_2 = [2.02, 2.03, 2.01, 2.04, 1.82, 1.85, 1.79, 1.81, 1.8, 1.76, 1.78]
_SEQUENCE = [0.3, 2.4, 1.5, -0.9, -0.5, 99.7, 98.3, 99.1]
_SEQUENCE += [149.0, 149.7, 149.5, 149.1, 148.8, 150.0]
_FROM_ZERO = [0.0, 0.0, 0.0, 1.0, 1.12, 0.9, 0.5, 0.51, 0.48, 0.48, 0.55]

PUBLIC = (
    *_asv(),
    _known("otava test_single_series", _HALVED, (10,)),
    _known("otava test_change_point_detection, series1", _SERIES_1, (6,)),
    _known("otava test_change_point_detection, series2", _SERIES_2, (4,)),
    _known("otava change_point_divisive_test, test_ttest", _SEQUENCE, (5, 8)),
    _known("otava test_div_by_zero", _FROM_ZERO, (3, 6)),
)

_TIGERBEETLE = """
26705 26475 26641 26806 26835 26911 26564 26812 26874 26682 15672 26745 26460 26977 26851 23412
23547 23674 23519 23670 23662 23462 23750 23717 23524 23588 23687 23793 23937 23715 23570 23730
23690 23699 23670 23860 23988 23652 23681 23798 23728 23604 23523 23412 23685 23773 23771 23718
23409 23739 23674 23597 23682 23680 23711 23660 23990 23938 23742 23703 23536 24363 24414 24483
24509 24944 24235 24560 24236 24667 24730 28346 28437 28436 28057 28217 28456 28427 28398 28250
28331 28222 28726 28578 28345 28274 28514 28590 28449 28305 28411 28788 28404 28821 28580 27483
26805 27487 27124 26898 27295 26951 27312 27660 27154 27050 26989 27193 27503 27326 27375 27513
27057 27421 27574 27609 27123 27824 27644 27394 27836 27949 27702 27457 27272 28207 27802 27516
27586 28005 27768 28543 28237 27915 28437 28342 27733 28296 28524 28687 28258 28611 29360 28590
29641 28965 29474 29256 28611 28205 28539 27962 28398 28509 28240 28592 28102 28461 28578 28669
28507 28535 28226 28536 28561 28087 27953 28398 28007 28518 28337 28242 28607 28545 28514 28377
28010 28412 28633 28576 28195 28637 28724 28466 28287 28719 28425 28860 28842 28604 28327 28216
28946 28918 29287 28725 29148 29541 29137 29628 29087 28612 29154 29108 28884 29234 28695 28969
28809 28695 28634 28916 29852 29389 29757 29531 29363 29251 29552 29561 29046 29795 29022 29395
28921 29739 29257 29455 29376 29528 28909 29492 28984 29621 29026 29457 29102 29114 28924 29162
29259 29554 29616 29211 29367 29460 28836 29645 29586 28848 29324 28969 29150 29243 29081 29312
28923 29272 29117 29072 29529 29737 29652 29612 29856 29012 30402 29969 29309 29439 29285 29421
29023 28772 29692 29416 29267 29542 29904 30045 29739 29945 29141 29163 29765 29197 29441 28910
29504 29614 29643 29506 29420 29672 29432 29784 29888 29309 29247 29816 29254 29813 29451 29382
29618 28558 29845 29499 29283 29184 29246 28790 29952 29145 29415 30437 29227 29605 29859 29156
29807 29406 29734 29861 29140 29983 29832 29919 29896 29991 29266 29001 29459 29548 29310 29042
29303 29894 29091 29018 29537 29614 29180 29736 29500 29218 29581 28906 28542 29306 28987 29878
28865 30272 29707 29662 29815 30492 29347 30096 29054 30238 28813 31895 28915
"""

# steps of more than 5 % that Otava's tests expect, and those that they expect at every p-value
TIGERBEETLE = Public("otava tigerbeetle_test", np.array(_TIGERBEETLE.split(), np.float64), (15, 71))
TIGERBEETLE_SMALLER = (61, 95)
