"""What numbers say: values beside their baseline, the test of the difference, and flags.

Pure. The unit of repetition is the run: of several runs on both sides the means are compared
(Welch), whatever spread each states of itself, because repetitions inside one run share its weights
and its moment. Single runs are compared by their raw repetitions (Mann–Whitney) or by the mean,
standard deviation and count that they state (Welch). One number against many says nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cetrack.analysis.significance import Verdict, adjusted, mann_whitney, welch, welch_from_stats
from cetrack.compare.answer import Entry
from cetrack.compare.matching import Group, Pair, Series
from cetrack.domain import FloatArray
from cetrack.errors import UsageError
from cetrack.report.table import Spread
from cetrack.selecting import MetricFacts, Value

ALPHA = 0.05
ACCURACY_DROP = 0.01
SLOWER = "slower than its baseline"
BIGGER = "bigger than its baseline"
ACCURACY = "accuracy drop beyond noise"
UNLIKE = "not like for like"
NO_RATIO = "no ratio: the baseline is zero or negative"

Key = tuple[int, str]  # run id, metric


@dataclass(frozen=True, slots=True)
class Cell:
    """A metric of a series: float64[n], a value per run; of a single run also what it states."""

    values: FloatArray
    spread: Spread
    samples: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class Numbers:
    """The values of the runs, and the raw repetitions of those that have some."""

    values: Mapping[Key, Value]
    samples: Mapping[Key, FloatArray]

    def cell(self, series: Series, metric: str) -> Cell | None:
        """None where no run of the series has the metric."""
        ids = [row["run_id"] for row in series.rows]
        found = [(key, known) for key in ids if (known := self.values.get((key, metric)))]
        if not found:
            return None
        if len(found) == 1:
            run_id, only = found[0]
            spread = Spread(only.value, only.std, only.n)
            return Cell(np.array([only.value]), spread, self.samples.get((run_id, metric)))
        values = np.array([known.value for _, known in found])
        return Cell(values, _spread(values))


def _spread(values: FloatArray) -> Spread:
    """Equal numbers have no deviation, not even by rounding; infinite ones have none at all."""
    if values.min() == values.max():
        return Spread(float(values[0]), 0.0, len(values))
    with np.errstate(invalid="ignore"):
        std = float(values.std(ddof=1))
        return Spread(float(values.mean()), std if math.isfinite(std) else None, len(values))


# --- significance -------------------------------------------------------------------------------


def verdict(ours: Cell, theirs: Cell) -> Verdict | None:
    """The test that the repetitions of both sides allow, None where they allow none."""
    if len(ours.values) > 1 and len(theirs.values) > 1:
        return welch(ours.values, theirs.values)
    if len(ours.values) > 1 or len(theirs.values) > 1:
        return None
    if ours.samples is not None and theirs.samples is not None:
        return mann_whitney(ours.samples, theirs.samples)
    a, b = ours.spread, theirs.spread
    if a.std is None or b.std is None or a.n is None or b.n is None:
        return None
    return welch_from_stats(a.mean, a.std, a.n, b.mean, b.std, b.n)


class Court:
    """Asks for verdicts as long as scipy is there; ``missing`` is what is to be said where not."""

    def __init__(self, *, is_closed: bool = False) -> None:
        self.missing: UsageError | None = None
        self._is_closed = is_closed

    def ask(self, question: Callable[[], Verdict | None]) -> Verdict | None:
        """The verdict; None without scipy, and where nobody wants to know."""
        if self._is_closed or self.missing is not None:
            return None
        try:
            return question()
        except UsageError as error:
            self.missing = error
            return None


def with_adjusted(entries: Sequence[Entry]) -> list[Entry]:
    """All p-values of an answer adjusted together."""
    tested = [place for place, entry in enumerate(entries) if entry.p_unadjusted is not None]
    p_values = adjusted([entries[place].p_unadjusted or 0.0 for place in tested])
    found = list(entries)
    for place, p_value in zip(tested, p_values.tolist(), strict=True):
        found[place] = replace(found[place], p_value=p_value)
    return found


# --- entries ------------------------------------------------------------------------------------


def entries_of(
    group: Group, metrics: Sequence[MetricFacts], numbers: Numbers, court: Court
) -> list[Entry]:
    """The entries of a group, not yet adjusted nor flagged."""
    cells = {
        (one.key, metric.name): cell
        for one in (*group.baselines, *(pair.series for pair in group.pairs))
        for metric in metrics
        if (cell := numbers.cell(one, metric.name)) is not None
    }
    found = [
        Entry(
            group=group.name,
            column=one.column,
            metric=metric,
            value=cells[one.key, metric.name].spread,
            baseline=None,
            baseline_column=one.column,
            uids=one.uids,
            fields=one.newest,
        )
        for one in group.baselines
        for metric in metrics
        if (one.key, metric.name) in cells
    ]
    for pair in group.pairs:
        for metric in metrics:
            ours = cells.get((pair.series.key, metric.name))
            theirs = cells.get((pair.baseline.key, metric.name))
            if ours is not None:
                found.append(_compared(group.name, pair, metric, ours, theirs, court))
    return found


def _compared(
    group: str,
    pair: Pair,
    metric: MetricFacts,
    ours: Cell,
    theirs: Cell | None,
    court: Court,
) -> Entry:
    found = court.ask(lambda: verdict(ours, theirs)) if theirs else None
    value, baseline = ours.spread.mean, theirs.spread.mean if theirs else math.nan
    delta = value - baseline
    return Entry(
        group=group,
        column=pair.series.column,
        metric=metric,
        value=ours.spread,
        baseline=theirs.spread if theirs else None,
        baseline_column=pair.baseline.column,
        delta=delta if math.isfinite(delta) else None,
        ratio=ratio(value, baseline),
        improved=improved(value, baseline, metric.direction),
        test=found.test if found else None,
        uids=pair.series.uids,
        baseline_uids=pair.baseline.uids,
        like_for_like=not pair.differences,
        p_unadjusted=found.p_value if found else None,
        differences=pair.differences,
        fields=pair.series.newest,
    )


def ratio(value: float, baseline: float) -> float | None:
    """value / baseline where that means something: the baseline is positive, both are finite."""
    if not 0 < baseline < math.inf or not math.isfinite(value):
        return None
    found = value / baseline
    return found if math.isfinite(found) else None


def improved(value: float, baseline: float, direction: str | None) -> bool | None:
    """Whether the value is better; None where it is equal, or nobody can say."""
    if direction is None or value == baseline or math.isnan(value - baseline):
        return None
    return (value < baseline) is (direction == "lower")


# --- flags --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rule:
    """When a worse value of some metrics is worth a flag: where a test is certain of it, else
    beyond ``untested``, and, where a test was made and is not certain, beyond ``uncertain``.

    The two are shares of the baseline, or, if ``is_absolute``, differences in the metric's unit.
    """

    flag: str
    families: frozenset[str]
    untested: float
    uncertain: float
    unit: str | None = None
    is_absolute: bool = False
    but_not: frozenset[str] = frozenset()

    def covers(self, metric: MetricFacts) -> bool:
        """Whether the rule is about this metric."""
        return (
            metric.family in self.families
            and metric.name not in self.but_not
            and self.unit in (None, metric.unit)
        )

    def holds(self, entry: Entry) -> bool:
        """Whether the entry is worse by more than noise."""
        if entry.improved is not False or entry.baseline is None or not self.covers(entry.metric):
            return False
        if entry.p_value is not None and entry.p_value < ALPHA:
            return True
        size = abs(entry.value.mean - entry.baseline.mean)
        allowed = self.untested if entry.p_value is None else self.uncertain
        scale = 1.0 if self.is_absolute else abs(entry.baseline.mean)
        return size > allowed * scale * (1 + 1e-9)  # 0.91 - 0.9 is a little more than 0.01


def rules(accuracy_drop: float) -> tuple[Rule, ...]:
    """The flags; what no test is certain of is noise, unless a time is worse by a twentieth."""
    return (
        Rule(
            SLOWER,
            frozenset({"latency", "throughput"}),
            untested=0.0,
            uncertain=0.05,
            but_not=frozenset({"latency_std_ms"}),
        ),
        Rule(BIGGER, frozenset({"size"}), untested=0.001, uncertain=0.001),  # a longer header
        Rule(
            ACCURACY,
            frozenset({"quality", "val", "eval", "test"}),
            untested=accuracy_drop,
            uncertain=math.inf,
            unit="fraction",
            is_absolute=True,
        ),
    )


def flagged(entry: Entry, all_rules: Sequence[Rule]) -> Entry:
    """The entry with what is odd about it."""
    flags = [rule.flag for rule in all_rules if rule.holds(entry)]
    if not entry.like_for_like:
        flags.append(UNLIKE)
    if entry.baseline is not None and entry.baseline.mean <= 0:
        flags.append(NO_RATIO)
    return replace(entry, flags=tuple(flags)) if flags else entry
