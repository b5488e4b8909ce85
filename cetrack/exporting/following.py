"""Which derived metrics runs have, told without working out any of their values.

What is built in follows wholly from numbers of a run and of its baseline: their revisions tell
whether a value has changed, and which numbers they have tells whether there is one. What
``cetrack.toml`` defines is kept beside the measured numbers, and read there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from sqlalchemy import Connection, case, or_, select

from cetrack.definitions import relative_names
from cetrack.derive import derived_metrics
from cetrack.exporting.reading import Metrics, State
from cetrack.formula import Of, Ref
from cetrack.materialising import is_stale
from cetrack.models import Definition, DerivedValue, Run, RunMetric
from cetrack.registering import current
from cetrack.store import rows_where

_SMALLEST, _LARGEST = 1e-100, 1e100  # the views leave out what is beyond


# --- what cetrack.toml defines ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Defined:
    """The number of a run that a definition gave."""

    metric_id: int
    value: float
    is_stale: bool


@dataclass(frozen=True, slots=True)
class Definitions:
    """What the database defines: the ids of its metrics, and ``relative``, the names of all metrics
    that compare with a baseline themselves, with those that are built in."""

    metric_ids: tuple[int, ...]
    relative: frozenset[str]

    @classmethod
    def of(cls, connection: Connection) -> Self:
        """Those that are current."""
        found = current(connection)
        ids = tuple(sorted(item.metric_id for item in found))
        return cls(ids, relative_names(item.definition for item in found))

    def numbers(
        self, connection: Connection, run_ids: Sequence[int]
    ) -> dict[int, tuple[Defined, ...]]:
        """run id → its numbers by metric id; nothing is asked where nothing is defined."""
        if not self.metric_ids:
            return {}
        found: dict[int, list[Defined]] = defaultdict(list)
        rows = rows_where(connection, self._query(), RunMetric.run_id, run_ids)
        for run_id, metric_id, value, stale in rows:
            found[run_id].append(Defined(metric_id, value, bool(stale)))
        return {
            run_id: tuple(sorted(numbers, key=lambda number: number.metric_id))
            for run_id, numbers in found.items()
        }

    def _query(self) -> Any:
        baseline = Run.__table__.alias("baseline_run")
        of_version = (DerivedValue.run_id == RunMetric.run_id) & (
            DerivedValue.metric_id == RunMetric.metric_id
        )
        is_current = (Definition.metric_id == RunMetric.metric_id) & Definition.is_current
        of_hash = DerivedValue.definition_hash == Definition.definition_hash
        stale = or_(DerivedValue.run_id.is_(None), is_stale(baseline))
        return (
            select(RunMetric.run_id, RunMetric.metric_id, RunMetric.last, case((stale, 1), else_=0))
            .join(Run, Run.id == RunMetric.run_id)
            .outerjoin(baseline, baseline.c.id == Run.baseline_run_id)
            .outerjoin(Definition, is_current)
            .outerjoin(DerivedValue, of_version & of_hash)
            .where(
                RunMetric.metric_id.in_(self.metric_ids),
                RunMetric.count == 0,
                RunMetric.last.is_not(None),
            )
        )


# --- what is built in ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a run has for formulas: the ids of its metrics, those among them whose number no formula
    takes (``unusable``) or only some (``not_positive``), and whether there is a batch size."""

    metric_ids: tuple[int, ...] = ()
    has_batch: bool = False
    unusable: frozenset[int] = frozenset()
    not_positive: frozenset[int] = frozenset()

    def has(self, metric_id: int | None, *, positive: bool) -> bool:
        """Whether a formula can take the number of a metric."""
        if metric_id not in self.metric_ids or metric_id in self.unusable:
            return False
        return not (positive and metric_id in self.not_positive)


_NOTHING = Numbers()


@dataclass(frozen=True, slots=True)
class _Rule:
    """A metric, and what it follows from: each number with its metric's id, and whether it must be
    above 0."""

    metric_id: int
    refs: tuple[tuple[Ref, int | None, bool], ...]

    def holds(self, own: Numbers, baseline: Numbers) -> bool:
        """Whether a run has it."""
        for ref, metric_id, positive in self.refs:
            numbers = baseline if ref.of_baseline else own
            if ref.of is Of.FIELD:
                if not numbers.has_batch:
                    return False
            elif not numbers.has(metric_id, positive=positive):
                return False
        return True


def _rules(metrics: Metrics) -> tuple[_Rule, ...]:
    """Those of all built-in metrics."""
    ids = {metric.name: key for key, metric in metrics.items()}
    found = []
    for item in derived_metrics().values():
        positive = item.positive_refs
        refs = tuple((ref, ids.get(ref.name), ref in positive) for ref in item.refs)
        found.append(_Rule(ids[item.name], refs))
    return tuple(found)


# --- both ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Following:
    """What follows from the numbers of some runs: ``numbers`` has those of each, ``defined`` what
    ``cetrack.toml`` makes of them."""

    rules: tuple[_Rule, ...]
    numbers: Mapping[int, Numbers]
    defined: Mapping[int, tuple[Defined, ...]]
    _known: dict[tuple[Numbers, Numbers], tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        connection: Connection,
        metrics: Metrics,
        metric_ids: Mapping[int, tuple[int, ...]],
        states: Mapping[int, State],
        defined: Mapping[int, tuple[Defined, ...]],
    ) -> Self:
        """From the measured metrics of runs, and their states."""
        rules = _rules(metrics)
        return cls(rules, _numbers(connection, rules, metric_ids, states), defined)

    def ids_of(self, run_id: int, baseline_run_id: int | None) -> tuple[int, ...]:
        """The ids of the metrics that follow for a run compared with a baseline, ascending; also of
        those that the run states itself."""
        own = self.numbers[run_id]
        baseline = _NOTHING if baseline_run_id is None else self.numbers[baseline_run_id]
        key = (own, baseline)
        if key not in self._known:
            found = (rule.metric_id for rule in self.rules if rule.holds(*key))
            self._known[key] = tuple(sorted(found))
        defined = self.defined.get(run_id, ())
        if not defined:
            return self._known[key]
        return tuple(sorted((*self._known[key], *(number.metric_id for number in defined))))


def _numbers(
    connection: Connection,
    rules: Iterable[_Rule],
    metric_ids: Mapping[int, tuple[int, ...]],
    states: Mapping[int, State],
) -> dict[int, Numbers]:
    """run id → what it has for formulas. Reads only the few values that not every formula takes."""
    inputs = {key for rule in rules for _, key, _ in rule.refs if key is not None}
    query = select(RunMetric.run_id, RunMetric.metric_id, RunMetric.last).where(
        RunMetric.metric_id.in_(sorted(inputs)),
        or_(RunMetric.last.is_(None), RunMetric.last <= _SMALLEST, RunMetric.last > _LARGEST),
    )
    unusable: dict[int, set[int]] = defaultdict(set)
    not_positive: dict[int, set[int]] = defaultdict(set)
    found = rows_where(connection, query, RunMetric.run_id, sorted(metric_ids))
    for run_id, metric_id, value in found:
        is_usable = value is not None and abs(value) <= _LARGEST
        (not_positive if is_usable else unusable)[run_id].add(metric_id)
    return {
        run_id: Numbers(
            ids,
            (states[run_id].batch_size or 0) > 0,
            frozenset(unusable.get(run_id, ())),
            frozenset(not_positive.get(run_id, ())),
        )
        for run_id, ids in metric_ids.items()
    }
