"""What a benchmark is and what comes of it: cases, rows, bars, verdicts. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.bench import Bench


class Sense(StrEnum):
    """Which side of the limit is well."""

    AT_LEAST = "≥"
    AT_MOST = "≤"


class Verdict(StrEnum):
    """What a bar says of a figure."""

    MET = "met"
    MISSED = "missed"
    FAILED = "failed"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True, slots=True)
class Bar:
    """What is to be reached, in the unit of the row."""

    sense: Sense
    limit: float

    def verdict(self, measured: float | None) -> Verdict:
        """Met or missed; without a figure there is nothing to judge."""
        if measured is None:
            return Verdict.NOT_JUDGED
        met = measured >= self.limit if self.sense is Sense.AT_LEAST else measured <= self.limit
        return Verdict.MET if met else Verdict.MISSED


def at_least(limit: float) -> Bar:
    """A bar that is met from ``limit`` upwards."""
    return Bar(Sense.AT_LEAST, limit)


def at_most(limit: float) -> Bar:
    """A bar that is met up to ``limit``."""
    return Bar(Sense.AT_MOST, limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure. ``measured`` is None where nothing was measured; ``note`` then says why.

    A failed row stands for all those that a case would have had. One ``beside_bars`` is shown
    among them though nothing judges it.
    """

    work: str
    measured: float | None
    unit: str
    bar: Bar | None = None
    note: str = ""
    failed: bool = False
    beside_bars: bool = False

    @property
    def verdict(self) -> Verdict:
        """What the bar says; a figure without a bar is not judged."""
        if self.failed:
            return Verdict.FAILED
        return self.bar.verdict(self.measured) if self.bar else Verdict.NOT_JUDGED


@dataclass(frozen=True, slots=True)
class Case:
    """Some work that is measured: ``run`` yields its rows, those with a bar and others."""

    name: str
    about: str
    run: Callable[[Bench], Iterable[Row]]


def ratio(numerator: float | None, denominator: float | None) -> float | None:
    """A quotient; None where either side was not measured."""
    return numerator / denominator if numerator is not None and denominator else None


def spread(costs: Sequence[float]) -> float | None:
    """By how many percent the largest is above the smallest; None where a cost is lost in noise."""
    return 100 * (max(costs) / min(costs) - 1) if min(costs) > 0 else None


def amount(count: int) -> str:
    """A number as it is read: ``10 M``, ``2,000``."""
    return f"{count // 10**6} M" if count and count % 10**6 == 0 else f"{count:,}"
