"""What a comparison reads: the runs, their baselines, their metrics. SQL; takes a connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from cetrack.compare.judging import Numbers
from cetrack.compare.matching import Series, is_baseline, like, series_of
from cetrack.errors import UsageError
from cetrack.filter import Expr
from cetrack.filter.tree import Comparison as Condition
from cetrack.filter.tree import FieldRef, Op
from cetrack.identity import SERIES_FIELDS
from cetrack.models import Precision, Run
from cetrack.precisions import parse_precision, unknown_precision
from cetrack.report.table import unknown_name
from cetrack.selecting import (
    MetricFacts,
    Which,
    asked_metrics,
    coverage,
    most_telling,
    require_runs,
    samples_of,
    standing_runs,
    values_of,
)
from cetrack.store import RunRow, rows_where

ALL_METRICS = "all"
# what is read of a run
FIELDS = (
    *SERIES_FIELDS,
    "category",
    "weight_bits",
    "seed",
    "baseline_run_id",
    "series_key",
    "like_key",
)
_TELLING = 5


@dataclass(frozen=True, slots=True)
class Selection:
    """The series to compare and the baselines that there are for them.

    ``links``: run id → series_key of the runs that are stored as a baseline. ``outside`` are the
    uids of baselines that the filter left out, and that are compared with all the same.
    """

    series: tuple[Series, ...]
    baselines: tuple[Series, ...]
    links: Mapping[int, str]
    outside: frozenset[str]


def canonical_precision(text: str) -> str:
    """What cetrack calls a precision that was asked for: ``FP32`` is fp32."""
    return (parse_precision(text) or unknown_precision(text)).name


def read_selection(
    connection: Connection, where: Expr | None, which: Which, precision: str
) -> Selection:
    """The runs that match and those that they may be compared with.

    A filter chooses what is compared. Where it leaves a model without any baseline
    (``precision=int8`` does), that is looked for among all runs. Raises UsageError where nothing
    matches, or where no run at all has the precision.
    """
    rows = standing_runs(connection, where, which, columns=FIELDS)
    require_runs(rows, where)
    ours = [row for row in rows if not is_baseline(row, precision)]
    theirs = [row for row in rows if is_baseline(row, precision)]
    added = _baselines_outside(connection, ours, theirs, which, precision) if where else []
    if not theirs and not added:
        _require_precision(connection, precision)
    baselines = series_of([*theirs, *added])
    return Selection(
        series=tuple(series_of(ours)),
        baselines=tuple(baselines),
        links=_links(connection, ours, baselines),
        outside=frozenset(row["uid"] for row in added),
    )


def _baselines_outside(
    connection: Connection,
    ours: Sequence[RunRow],
    theirs: Sequence[RunRow],
    which: Which,
    precision: str,
) -> list[RunRow]:
    """The baselines of the models that have none like them among ``theirs``."""
    there = {like(row) for row in theirs}
    models = {row["model"] for row in ours if like(row) not in there}
    if not models:
        return []
    known = {row["uid"] for row in theirs}
    condition = Condition(FieldRef("precision"), Op.EQ, precision)
    every = standing_runs(connection, condition, which, columns=FIELDS)
    return [
        row
        for row in every
        if row["model"] in models
        and is_baseline(row, precision)
        and row["uid"] not in known
        and like(row) not in there
    ]


def _require_precision(connection: Connection, precision: str) -> None:
    used = select(Precision.name).where(Precision.id.in_(select(Run.precision_id)))
    names = sorted(connection.scalars(used))
    if precision not in names:
        raise unknown_name("precision", precision, names)


def _links(
    connection: Connection, ours: Sequence[RunRow], baselines: Sequence[Series]
) -> dict[int, str]:
    """The series of stored baselines; those that do not stand for their series are looked up."""
    links = {row["run_id"]: one.key for one in baselines for row in one.rows}
    asked = {row["baseline_run_id"] for row in ours} - {None} - links.keys()
    found = rows_where(connection, [Run.id, Run.series_key], Run.id, sorted(asked))
    return links | {row.id: row.series_key for row in found}


def chosen_metrics(
    connection: Connection,
    names: Sequence[str],
    facts: Mapping[str, MetricFacts],
    ours: Sequence[int],
    theirs: Sequence[int],
) -> list[MetricFacts]:
    """The metrics asked for; ``all``; or the most telling ones that both sides have.

    ``ours`` and ``theirs`` are the ids of the compared runs and of their baselines.
    """
    if names and list(names) != [ALL_METRICS]:
        return asked_metrics(names, facts)
    covered = coverage(connection, ours)
    if names:
        return [facts[name] for name in sorted(covered)]
    beside = coverage(connection, theirs)
    common = {name: count for name, count in covered.items() if name in beside}
    if not common:
        raise UsageError(
            "the runs have no metric in common with their baselines",
            hint="'cetrack metrics' lists what there is",
        )
    return [facts[name] for name in most_telling(common, _TELLING)]


def read_numbers(
    connection: Connection, run_ids: Sequence[int], metrics: Sequence[MetricFacts]
) -> Numbers:
    """What the runs measured."""
    return Numbers(
        values_of(connection, run_ids, metrics), samples_of(connection, run_ids, metrics)
    )
