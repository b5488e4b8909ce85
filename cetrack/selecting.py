"""Which runs answer a question, and their numbers: what comparisons, tables and gates start from.

A series may hold every night since June; what people compare is its state. With ``Which.LATEST``
the newest finished run of every seed stands for a series, so that several seeds of one campaign are
repetitions; with ``Which.ALL`` every finished run is one. SQL; takes an open connection.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np
from sqlalchemy import Connection, Select, func, select

from cetrack.choices import Which as Which
from cetrack.db.conditions import is_among
from cetrack.domain import FloatArray, Status
from cetrack.errors import UsageError
from cetrack.filter import Expr
from cetrack.filter.following import derived_rows
from cetrack.filter.sql import matching_runs
from cetrack.filter.stored import may_be_derived
from cetrack.metrics import canonical_name
from cetrack.models import Metric, Run, RunMetric, Sample, runs_view
from cetrack.report.table import unknown_name
from cetrack.store import RunRow

# what people look at first, where there is enough of it
_PREFERRED = (
    "accuracy",
    "latency_mean_ms",
    "model_size_mb",
    "throughput_ips",
    "memory_usage_mb",
    "f1_score",
    "val/accuracy",
    "val/loss",
    "train/loss",
)
_ALWAYS = ("started_at", "uid", "run_id")
_RARE = 0.2  # a preferred metric comes first if this share of the best-covered one has it
USABLE = (Status.FINISHED.value, Status.RUNNING.value)


@dataclass(frozen=True, slots=True)
class MetricFacts:
    """A metric of this database; ``direction`` is ``lower`` or ``higher`` (better), or None."""

    id: int
    name: str
    unit: str | None
    direction: str | None
    family: str


@dataclass(frozen=True, slots=True)
class Value:
    """A metric of a run: its last value, and where it is a mean of ``n`` repetitions their
    standard deviation (n-1)."""

    value: float
    std: float | None = None
    n: int | None = None


Values = Mapping[tuple[int, str], Value]  # (run id, metric name)


def metric_facts(connection: Connection) -> dict[str, MetricFacts]:
    """Every metric of the database by name, sorted."""
    columns = (Metric.id, Metric.name, Metric.unit, Metric.direction, Metric.family)
    rows = connection.execute(select(*columns))
    return {row.name: MetricFacts(*row) for row in sorted(rows, key=lambda row: str(row.name))}


def asked_metrics(names: Iterable[str], facts: Mapping[str, MetricFacts]) -> list[MetricFacts]:
    """The metrics that ``names`` mean, aliases included, each once, in the order given.

    Raises UsageError with the nearest names for one that this database does not have.
    """
    found: dict[str, MetricFacts] = {}
    for name in names:
        known = facts.get(name) or facts.get(canonical_name(name))
        if known is None:
            raise unknown_name("metric", name, list(facts), all_of="'cetrack metrics' lists them")
        found[known.name] = known
    return list(found.values())


def standing_runs(
    connection: Connection,
    where: Expr | None = None,
    which: Which = Which.LATEST,
    *,
    columns: Sequence[str] = (),
) -> list[RunRow]:
    """The rows of the ``runs`` view that stand for their series, by start, then uid.

    Failed and killed runs stand for nothing. ``columns``, all unless given, are what is read; the
    run_id, uid and started_at always are.
    """
    if which is Which.ALL:
        usable = matching_runs(where).where(Run.status.in_(USABLE))
    else:
        usable = _newest_of_all() if where is None else _newest_of(where)
    ids = list(connection.scalars(usable))
    names = list(dict.fromkeys([*_ALWAYS, *(columns or runs_view.c.keys())]))
    query = select(*(runs_view.c[name] for name in names))
    rows = connection.execute(query.where(is_among(runs_view.c.run_id, ids)))
    ordered = sorted(rows, key=itemgetter(0, 1))  # _ALWAYS
    return [dict(zip(names, row, strict=True)) for row in ordered]


def _newest_of_all() -> Select[Any]:
    """The newest usable run of every seed of every series: an index leads to each."""
    series = select(Run.series_key, Run.seed).distinct().subquery()
    newest = (
        select(Run.id)
        .where(
            Run.series_key == series.c.series_key,
            Run.seed.is_not_distinct_from(series.c.seed),
            Run.status.in_(USABLE),
        )
        .order_by(Run.started_at.desc(), Run.uid.desc())
        .limit(1)
        .scalar_subquery()
    )
    found = select(newest.label("id")).select_from(series).subquery()
    return select(found.c.id).where(found.c.id.is_not(None))


def _newest_of(where: Expr) -> Select[Any]:
    """The same among the runs that match, which are looked through."""
    newest = (
        func.row_number()
        .over(
            # the key implies the two numbers; sorted by them first, rows need few comparisons
            # of texts, and SQLite does not walk through the key's index row by row
            partition_by=(Run.model_id, Run.precision_id, Run.series_key, Run.seed),
            order_by=(Run.started_at.desc(), Run.uid.desc()),
        )
        .label("newest")
    )
    usable = matching_runs(where).where(Run.status.in_(USABLE))
    ranked = usable.add_columns(newest).subquery()
    return select(ranked.c.id).where(ranked.c.newest == 1)


def values_of(
    connection: Connection, run_ids: Sequence[int], metrics: Sequence[MetricFacts]
) -> dict[tuple[int, str], Value]:
    """(run id, metric) → its value, measured or derived; missing and NaN are not there."""
    return _derived(connection, run_ids, metrics) | _measured(connection, run_ids, metrics)


def _derived(
    connection: Connection, run_ids: Sequence[int], metrics: Sequence[MetricFacts]
) -> dict[tuple[int, str], Value]:
    found: dict[tuple[int, str], Value] = {}
    for name in (metric.name for metric in metrics if may_be_derived(metric.name)):
        query = derived_rows(name)
        among = is_among(query.selected_columns.run_id, run_ids)
        for run_id, value in connection.execute(query.where(among)):
            if value is not None:
                found[run_id, name] = Value(value)
    return found


def _measured(
    connection: Connection, run_ids: Sequence[int], metrics: Sequence[MetricFacts]
) -> dict[tuple[int, str], Value]:
    names = {metric.id: metric.name for metric in metrics}
    table = RunMetric.__table__.c
    columns = (table.run_id, table.metric_id, table.last, table.std, table.n, table.count)
    query = select(*columns).where(
        is_among(table.run_id, run_ids), is_among(table.metric_id, list(names))
    )
    return {
        # several points are steps of a log and no repetitions: their spread says nothing of noise
        (run_id, names[metric_id]): Value(last, std, n)
        if count == 1 and n and n > 1
        else Value(last)
        for run_id, metric_id, last, std, n, count in connection.execute(query)
        if last is not None
    }


def samples_of(
    connection: Connection, run_ids: Sequence[int], metrics: Sequence[MetricFacts]
) -> dict[tuple[int, str], FloatArray]:
    """(run id, metric) → its raw repetitions, float64[n]; of several steps the last one's."""
    names = {metric.id: metric.name for metric in metrics}
    query = (
        select(Sample.run_id, Sample.metric_id, Sample.values)
        .where(
            Sample.kind == "values",
            is_among(Sample.run_id, run_ids),
            is_among(Sample.metric_id, list(names)),
        )
        .order_by(Sample.step)
    )
    return {
        (run_id, names[metric_id]): np.array(values, np.float64)
        for run_id, metric_id, values in connection.execute(query)
    }


def coverage(connection: Connection, run_ids: Collection[int]) -> Counter[str]:
    """Metric name → how many of the runs have it."""
    table = RunMetric.__table__.c
    metric_id = table.metric_id + 0  # else SQLite reads the whole of an index that is so sorted
    counted = (
        select(metric_id.label("metric_id"), func.count().label("runs"))
        .where(is_among(table.run_id, list(run_ids)))
        .group_by(metric_id)
        .subquery()
    )
    query = select(Metric.name, counted.c.runs).join(counted, counted.c.metric_id == Metric.id)
    return Counter({row.name: row.runs for row in connection.execute(query)})


def most_telling(coverage: Mapping[str, int], most: int) -> list[str]:
    """Metrics of ``coverage`` (name → runs) to show: well-known ones, then the most frequent."""
    frequent = _RARE * max(coverage.values(), default=0)
    known = [name for name in _PREFERRED if coverage.get(name, 0) > frequent]
    others = sorted(coverage.keys() - set(known), key=lambda name: (-coverage[name], name))
    return [*known, *others][:most]


def require_runs(rows: Sequence[RunRow], where: Expr | None) -> None:
    """Raise UsageError where there is nothing to answer from."""
    if not rows:
        nothing = "no run has results yet" if where is None else "no run with results matches"
        raise UsageError(nothing, hint="'cetrack runs' lists what there is")
