"""What a check found, as values: one result per gate, run and limit."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from cetrack.gate.limits import quantity
from cetrack.gates import Missing


class Status(StrEnum):
    """What became of a run at a gate, the most urgent first."""

    FAILED = "failed"
    MISSING = "missing"  # it cannot be judged, and that is a failure
    ACCEPTED = "accepted"  # beyond the limit, and somebody said that this is all right
    PASSED = "passed"
    SKIPPED = "skipped"


_UNJUDGED = {
    Missing.FAIL: Status.MISSING,
    Missing.SKIP: Status.SKIPPED,
    Missing.PASS: Status.PASSED,
}
REFUSED = frozenset({Status.FAILED, Status.MISSING})


def unjudged(missing: Missing) -> Status:
    """What becomes of a run that a gate cannot judge."""
    return _UNJUDGED[missing]


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric of the judged run; ``value`` is None where there is none or where it is NaN."""

    metric: str
    unit: str | None
    value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """One limit of one gate, applied to one run.

    ``check`` is the key of the limit, blank where none could be applied.
    ``run`` is its row of the ``runs`` view, None where the gate met no run at all, and ``line`` its
    precision with what tells it apart from its model's other series. ``limit`` says in words what
    was asked for and ``bound`` as a number, in the metric's unit; ``reference`` is the number that
    the limit started from, of the run ``reference_uid`` where it is of one. ``reason`` says how
    the value lies to it.
    """

    gate: str
    status: Status
    measured: tuple[Measured, ...]
    check: str = ""
    run: Mapping[str, Any] | None = None
    line: str | None = None
    limit: str = ""
    bound: float | None = None
    reference: float | None = None
    reference_uid: str | None = None
    reason: str = ""

    @property
    def is_refused(self) -> bool:
        """True where the check fails because of it."""
        return self.status in REFUSED

    @property
    def is_complete(self) -> bool:
        """True where the run has a finite value of every metric."""
        values = [item.value for item in self.measured]
        return self.run is not None and all(x is not None and math.isfinite(x) for x in values)

    @property
    def metric(self) -> str:
        """The metric, or those of a Pareto gate."""
        return ", ".join(item.metric for item in self.measured)

    @property
    def value(self) -> float | None:
        """The value of the one metric; None for a Pareto gate."""
        return self.measured[0].value if len(self.measured) == 1 else None

    @property
    def model(self) -> str | None:
        """The model of the judged run."""
        return None if self.run is None else str(self.run["model"])

    @property
    def precision(self) -> str | None:
        """The precision of the judged run."""
        return None if self.run is None else str(self.run["precision"])

    @property
    def uid(self) -> str | None:
        """The uid of the judged run."""
        return None if self.run is None else str(self.run["uid"])

    @property
    def started_at(self) -> datetime | None:
        """When the judged run started."""
        moment: datetime | None = None if self.run is None else self.run["started_at"]
        return moment


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """All results in the order of the gates; ``gates`` are their names."""

    gates: tuple[str, ...]
    results: tuple[GateResult, ...]

    @property
    def passed(self) -> bool:
        """True where nothing was refused."""
        return not self.refused

    @property
    def refused(self) -> tuple[GateResult, ...]:
        """What failed, or is missing."""
        return tuple(result for result in self.results if result.is_refused)

    @property
    def counts(self) -> Mapping[Status, int]:
        """How many results there are of every status."""
        found = Counter(result.status for result in self.results)
        return {status: found[status] for status in Status}


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """A value that somebody accepted: of which run and metric, who, when and why."""

    run_id: int
    uid: str
    series_key: str
    model: str
    precision: str
    started_at: datetime
    metric: str
    unit: str | None
    value: float | None
    accepted_by: str
    reason: str
    accepted_at: datetime

    @property
    def moment(self) -> tuple[datetime, str]:
        """The place of the run in its series."""
        return self.started_at, self.uid

    @property
    def words(self) -> str:
        """Why what it is about is all right."""
        number = "" if self.value is None else f" at {quantity(self.value, self.unit)}"
        return f"accepted{number} by {self.accepted_by}: {self.reason}"
