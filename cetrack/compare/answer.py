"""What a comparison says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cetrack.choices import By as By
from cetrack.report.cells import UID_LENGTH
from cetrack.report.table import Spread
from cetrack.selecting import MetricFacts


@dataclass(frozen=True, slots=True)
class Difference:
    """A field in which a run and the baseline differ; None where it is not known."""

    field: str
    value: Any
    baseline_value: Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One metric of one column (``int8``, ``int8,method=qat``) of one group, beside its baseline.

    ``value`` is the mean over the ``uids`` that stand for the series, ``baseline`` that over the
    ``baseline_uids``; both are in the metric's unit. ``baseline`` is None for the baseline itself
    (``is_baseline``), and where it does not have the metric. ``delta`` is value - baseline,
    ``ratio`` value / baseline where the baseline is positive, ``improved`` None where the two are
    equal or neither way is better. ``p_value`` is adjusted for all tests of the answer,
    ``p_unadjusted`` is not; both are None, as is ``test``, where nothing can be claimed.

    Of a group of models, ``value``, ``baseline`` and ``delta`` are means over ``models`` models,
    ``ratio`` is the geometric mean of theirs, and ``improved`` None where the two disagree.
    ``fields`` are those of the ``runs`` view that tell what the newest run of a series is; of a
    group, the field that it is grouped by.
    """

    group: str
    column: str
    metric: MetricFacts
    value: Spread
    baseline: Spread | None
    baseline_column: str
    delta: float | None = None
    ratio: float | None = None
    improved: bool | None = None
    p_value: float | None = None
    test: str | None = None
    flags: tuple[str, ...] = ()
    uids: tuple[str, ...] = ()
    baseline_uids: tuple[str, ...] = ()
    like_for_like: bool = True
    p_unadjusted: float | None = None
    differences: tuple[Difference, ...] = ()
    models: int = 1
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def is_baseline(self) -> bool:
        """True for what the others are compared with."""
        return not self.baseline_uids


@dataclass(frozen=True, slots=True)
class Refusal:
    """A series that is not compared, and why; ``uid`` is its newest run.

    ``differences`` are those to the nearest baseline ``baseline_uid`` of the same model; None
    where there is none at all.
    """

    group: str
    column: str
    uid: str
    reason: str
    baseline_uid: str | None = None
    differences: tuple[Difference, ...] = ()

    def __str__(self) -> str:
        return f"{self.group} {self.column} ({self.uid[:UID_LENGTH]}): {self.reason}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The answer: ``entries`` by group, column (the baseline first) and metric.

    ``tests`` are the tests that were made, by name; ``correction`` is how their p-values were
    adjusted, all ``test_count`` together.
    """

    entries: tuple[Entry, ...]
    refusals: tuple[Refusal, ...]
    notes: tuple[str, ...]
    baseline: str
    by: By
    metrics: tuple[MetricFacts, ...]
    tests: tuple[str, ...]
    correction: str
    test_count: int
