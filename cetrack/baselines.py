"""Which run each run is compared with: decided late, and again when a candidate arrives. SQL.

A stated link stays. Else it is the run of the same source and model at the baseline precision,
else the nearest earlier run with the same like_key.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from cetrack.domain import Kind
from cetrack.models import Precision, Run, RunSource
from cetrack.precisions import UNKNOWN_PRECISION
from cetrack.store import PENDING, rows_where, update_runs

_COMPRESSION = Kind.COMPRESSION.value
_TRAINING = Kind.TRAINING.value
_BENCHMARK = Kind.BENCHMARK.value
_RUNS = select(
    Run.id, Run.uid, Run.model_id, Run.kind, Run.variant, Run.seed, Run.started_at, Run.like_key,
    Run.baseline_run_id, Run.baseline_rule, Precision.name.label("precision"),
).select_from(Run).join(Precision, Precision.id == Run.precision_id)  # fmt: skip
_Place = tuple[int, int, str]  # source, model, kind
_FROM_HISTORY = ("", "history", PENDING)


def resolve_baselines(
    connection: Connection,
    run_ids: Sequence[int],
    *,
    baseline_precision: str,
    fixed: Collection[int] = (),
) -> None:
    """Choose the baseline of the runs and of all that they could be a baseline of.

    ``fixed`` runs keep what their source states.
    """
    scope, sources = _beside(connection, run_ids)
    candidates = [row for row in scope.values() if _is_candidate(row, baseline_precision)]
    beside: dict[_Place, list[Any]] = defaultdict(list)
    for row in candidates:
        for source in sources[row.id]:
            beside[source, row.model_id, row.kind].append(row)
    chosen = {
        row.id: (found.id, "source")
        for row in scope.values()
        if _needs_baseline(row, baseline_precision)
        and (found := _nearest(row, beside, sources[row.id])) is not None
    }
    alone = [
        row
        for row in scope.values()
        if row.id not in chosen and _needs_baseline(row, baseline_precision)
    ]
    alone += _waiting(connection, candidates, scope, baseline_precision)
    history = _History(connection, {row.like_key for row in alone}, baseline_precision)
    for row in alone:
        earlier = history.before(row)
        if earlier is not None:
            chosen[row.id] = earlier.id, "history"
    decided = {row.id: row for row in (*scope.values(), *alone)}.values()
    update_runs(connection, _changes(decided, chosen, fixed))


def _changes(
    rows: Iterable[Any], chosen: Mapping[int, tuple[int, str]], fixed: Collection[int]
) -> Iterable[tuple[int, dict[str, Any]]]:
    for row in rows:
        if row.baseline_rule == "explicit" or row.id in fixed:
            continue
        found, rule = chosen.get(row.id, (None, ""))
        if (found, rule) != (row.baseline_run_id, row.baseline_rule):
            yield row.id, {"baseline_run_id": found, "baseline_rule": rule}


def _beside(
    connection: Connection, run_ids: Sequence[int]
) -> tuple[dict[int, Any], dict[int, list[int]]]:
    """Run id → row, of the runs and of all that share a source with one; run id → source ids."""
    pair = [RunSource.run_id, RunSource.source_id]
    own = rows_where(connection, pair, RunSource.run_id, run_ids)
    ids = sorted({row.source_id for row in own})
    sources: dict[int, list[int]] = defaultdict(list)
    for row in rows_where(connection, pair, RunSource.source_id, ids):
        sources[row.run_id].append(row.source_id)
    rows = rows_where(connection, _RUNS, Run.id, sorted({*run_ids, *sources}))
    return {row.id: row for row in rows}, sources


def _needs_baseline(row: Any, baseline_precision: str) -> bool:
    if row.kind == _COMPRESSION:
        return True
    return bool(row.precision not in (baseline_precision, UNKNOWN_PRECISION))


def _is_candidate(row: Any, baseline_precision: str) -> bool:
    return bool(row.kind != _COMPRESSION and row.precision == baseline_precision)


def _wanted_kind(row: Any) -> str:
    return _TRAINING if row.kind == _TRAINING else _BENCHMARK


def _nearest(
    row: Any, beside: Mapping[_Place, Sequence[Any]], sources: Iterable[int]
) -> Any | None:
    """The candidate of the same source that is most alike."""
    kind = _wanted_kind(row)
    same = [other for source in sources for other in beside.get((source, row.model_id, kind), ())]
    return min(
        same,
        key=lambda other: (
            other.like_key != row.like_key,
            other.variant != row.variant,
            other.seed != row.seed,
            abs((other.started_at - row.started_at).total_seconds()),
            other.uid,
        ),
        default=None,
    )


def _waiting(
    connection: Connection,
    candidates: Sequence[Any],
    scope: Mapping[int, Any],
    baseline_precision: str,
) -> list[Any]:
    """Runs elsewhere that look back in history, and so may find one of the candidates."""
    query = _RUNS.where(Run.baseline_rule.in_(_FROM_HISTORY))
    rows = rows_where(connection, query, Run.like_key, sorted({row.like_key for row in candidates}))
    return [row for row in rows if row.id not in scope and _needs_baseline(row, baseline_precision)]


class _History:
    """The candidates with some like_keys, in the order of time."""

    def __init__(
        self, connection: Connection, like_keys: Collection[str], baseline_precision: str
    ) -> None:
        query = _RUNS.where(Precision.name == baseline_precision, Run.kind != _COMPRESSION)
        self._alike: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
        for row in rows_where(connection, query, Run.like_key, sorted(like_keys)):
            self._alike[row.like_key, row.model_id, row.kind].append(row)
        for rows in self._alike.values():
            rows.sort(key=lambda row: (row.started_at, row.uid))

    def before(self, row: Any) -> Any | None:
        """The last candidate that is not later; of several at one moment the one of its variant,
        then of its seed."""
        rows = self._alike.get((row.like_key, row.model_id, _wanted_kind(row)), [])
        stop = bisect_right(rows, row.started_at, key=lambda other: other.started_at)
        if not stop:
            return None
        moment = rows[stop - 1].started_at
        start = bisect_left(rows, moment, key=lambda other: other.started_at)
        return max(
            rows[start:stop],
            key=lambda other: (other.variant == row.variant, other.seed == row.seed, other.uid),
        )
