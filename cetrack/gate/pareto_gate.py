"""A gate of several metrics: no earlier run may be better in the sense of Pareto. SQL."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal, cast

import numpy as np
from sqlalchemy import Connection

from cetrack.analysis.dominance import dominating
from cetrack.gate.limits import quantity
from cetrack.gate.reading import LikeRun, acceptances, alike, measured, moment_of
from cetrack.gate.results import Acceptance, GateResult, Status
from cetrack.gates import Gate
from cetrack.report.cells import UID_LENGTH
from cetrack.report.numbers import short_number
from cetrack.selecting import MetricFacts
from cetrack.store import RunRow

KEY = "pareto"
Numbers = Mapping[tuple[int, str], float | None]


def results(
    connection: Connection,
    gate: Gate,
    metrics: Sequence[MetricFacts],
    blanks: Sequence[tuple[RunRow, GateResult]],
) -> Iterator[GateResult]:
    """The result of every run, of which ``blanks`` has the row and what is known already."""
    rows = [row for row, _ in blanks]
    names = [metric.name for metric in metrics]
    groups = alike(connection, rows)
    ids = sorted({run.run_id for several in groups.values() for run in several})
    numbers = measured(connection, ids, names)
    accepted = acceptances(connection, {row["series_key"] for row in rows})
    for row, blank in blanks:
        group = groups[row["like_key"], row["precision"]]
        earlier = [
            other
            for other in group
            if other.moment < moment_of(row) and _is_complete(other, names, numbers)
        ]
        better = _better(gate, metrics, row, earlier, numbers)
        since = _accepted_since(row, names, accepted)
        words = "no earlier run is better" + _slack(gate)
        yield _result(replace(blank, check=KEY, limit=words), better, since, len(earlier), numbers)


def _is_complete(run: LikeRun, names: Sequence[str], numbers: Numbers) -> bool:
    found = [numbers.get((run.run_id, name)) for name in names]
    return all(value is not None and math.isfinite(value) for value in found)


def _better(
    gate: Gate,
    metrics: Sequence[MetricFacts],
    row: RunRow,
    earlier: Sequence[LikeRun],
    numbers: Numbers,
) -> list[LikeRun]:
    """The earlier runs that dominate a run, by start."""
    names = [metric.name for metric in metrics]
    directions = [cast("Literal['lower', 'higher']", metric.direction) for metric in metrics]
    own = np.array([numbers[row["run_id"], name] for name in names], np.float64)
    table = [[numbers[other.run_id, name] for name in names] for other in earlier]
    values = np.array(table, np.float64)
    dominates = dominating(values, own, directions, slack_pct=gate.slack_pct)
    return [other for other, is_better in zip(earlier, dominates, strict=True) if is_better]


def _accepted_since(
    row: RunRow, names: Sequence[str], accepted: Sequence[Acceptance]
) -> Acceptance | None:
    """The oldest of the newest acceptances of all the metrics; None where one has none."""
    newest: dict[str, Acceptance] = {}
    for item in accepted:
        is_earlier = item.moment <= moment_of(row)
        if item.series_key == row["series_key"] and item.metric in names and is_earlier:
            newest[item.metric] = item
    if len(newest) < len(names):
        return None
    return min(newest.values(), key=lambda item: item.moment)


def _result(
    blank: GateResult,
    better: Sequence[LikeRun],
    since: Acceptance | None,
    compared: int,
    numbers: Numbers,
) -> GateResult:
    if not better:
        runs = f"{compared} earlier run{'' if compared == 1 else 's'}"
        return replace(blank, status=Status.PASSED, reason=f"compared with {runs}")
    if since is not None:
        still = [run for run in better if run.moment >= since.moment]
        if not still:
            return replace(blank, status=Status.ACCEPTED, reason=since.words)
        better = still
    best = better[-1]
    against = "; ".join(
        f"{item.metric} {quantity(numbers[best.run_id, item.metric] or 0.0, item.unit)}"
        for item in blank.measured
    )
    return replace(
        blank,
        status=Status.FAILED,
        reference_uid=best.uid,
        reason=f"run {best.uid[:UID_LENGTH]} is better: {against}",
    )


def _slack(gate: Gate) -> str:
    return f" by more than {short_number(gate.slack_pct)} %" if gate.slack_pct else ""
