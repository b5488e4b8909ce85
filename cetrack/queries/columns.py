"""What a column or a sort key names, in the language of filters; and what it is in SQL.

``accuracy``, ``accuracy.max``, ``metric."odd name"``, ``param.lr``, ``tag.status`` and every field
of the ``runs`` view.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from sqlalchemy import Connection, Select, Text, cast, func, select
from sqlalchemy.sql.elements import ColumnElement

from cetrack.db.types import UtcDateTime
from cetrack.errors import FilterError, UsageError
from cetrack.filter import Expr, parse, parse_all
from cetrack.filter.following import derived_rows, of_run
from cetrack.filter.stored import HOMES, RUN, may_be_derived
from cetrack.filter.tree import Exists, FieldRef, MetricRef, ParamRef, Ref, TagRef
from cetrack.metrics import canonical_name
from cetrack.models import Metric, Param, RunMetric, Tag, runs_view
from cetrack.report.measures import metric_column
from cetrack.report.table import Column, Kind, unknown_column
from cetrack.store import Store, metric_names

# Text in the order of its bytes: the order would else depend on the server's locale.
_BYTEWISE = Text().with_variant(Text(collation="C"), "postgresql")
_COMMA = re.compile(r""",(?=(?:[^"]*"[^"]*")*[^"]*$)""")  # outside quotes
_COUNTS = frozenset({"count", "nan_count", "n", "last_step", "min_step", "max_step"})


@dataclass(frozen=True, slots=True)
class KnownMetric:
    """A metric of this database."""

    id: int
    name: str
    unit: str | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A column that was asked for: what it refers to, and how it is shown."""

    ref: Ref
    column: Column


def parse_filter(store: Store, texts: Sequence[str]) -> Expr | None:
    """The filters joined by AND, None for none; names are those of this database."""
    if not texts:
        return None
    with store.read() as connection:
        known = metric_names(connection)
    return parse_all(texts, known_metrics=known, resolve_metric=canonical_name)


def known_metrics(connection: Connection) -> dict[str, KnownMetric]:
    """Every metric of the database by name."""
    rows = connection.execute(select(Metric.id, Metric.name, Metric.unit).order_by(Metric.name))
    return {name: KnownMetric(key, name, unit) for key, name, unit in rows}


def split_names(texts: Sequence[str]) -> list[str]:
    """``["a,b", 'metric."x,y"']`` → the three names in it."""
    parts = (part.strip() for text in texts for part in _COMMA.split(text))
    return [part for part in parts if part]


def wanted(name: str, metrics: Mapping[str, KnownMetric]) -> Wanted:
    """The column that ``name`` means. Raises UsageError with the nearest names."""
    ref = _ref(name, metrics)
    match ref:
        case FieldRef(field):
            return Wanted(ref, field_column(field, shown_as=name))
        case MetricRef(metric, aggregate):
            if metric not in metrics:
                raise unknown_column(name, list(metrics))
            unit = None if aggregate in _COUNTS else metrics[metric].unit
            return Wanted(ref, metric_column(_bare(name), unit))
        case ParamRef() | TagRef():
            return Wanted(ref, Column(name=name))
        case _:
            assert_never(ref)


def field_column(field: str, *, shown_as: str | None = None, rank: int = 0) -> Column:
    """The column of a field of the ``runs`` view."""
    return Column(name=shown_as or field, kind=_kind(field), rank=rank)


def _kind(field: str) -> Kind:
    if field.endswith("uid"):
        return Kind.UID
    kind = runs_view.c[field].type
    if isinstance(kind, UtcDateTime):
        return Kind.TIME
    return Kind.TEXT if isinstance(kind, Text) else Kind.NUMBER


def _bare(name: str) -> str:
    return name.removeprefix("metric.").replace('"', "")


def _ref(name: str, metrics: Mapping[str, KnownMetric]) -> Ref:
    """What a name means in the language of filters; an existing metric needs no quotes here."""
    if name in runs_view.c:
        return FieldRef(name)
    if name in metrics:
        return MetricRef(name)
    base, _, aggregate = name.rpartition(".")
    if base in metrics and aggregate in RunMetric.__table__.c:
        return MetricRef(base, aggregate)
    try:
        expression = parse(f"{name} exists", known_metrics=metrics, resolve_metric=canonical_name)
    except FilterError as error:
        raise UsageError(f"no column called '{name}'", hint=error.hint) from None
    if not isinstance(expression, Exists):
        raise UsageError(f"no column called '{name}'")
    return expression.ref


def require_labels(connection: Connection, refs: Sequence[Ref]) -> None:
    """Raise UsageError for a parameter or a tag that no run at all has."""
    for table, kind in ((Param, ParamRef), (Tag, TagRef)):
        asked = {ref.key for ref in refs if isinstance(ref, kind)}
        if not asked:
            continue
        known = set(connection.scalars(select(table.key).distinct()))
        for key in sorted(asked - known):
            names = sorted(f"{table.__tablename__}.{item}" for item in known)
            raise unknown_column(f"{table.__tablename__}.{key}", names)


# --- sorting ------------------------------------------------------------------------------------


SortKey = tuple[Ref, bool]


def sort_keys(texts: Sequence[str], metrics: Mapping[str, KnownMetric]) -> list[SortKey]:
    """What sort keys refer to, and whether they descend (``-name``)."""
    return [
        (wanted(text.removeprefix("-"), metrics).ref, text.startswith("-"))
        for text in split_names(texts)
    ]


def ordering(keys: Sequence[SortKey], metrics: Mapping[str, KnownMetric]) -> list[Any]:
    """ORDER BY over ``stored.RUN`` for sort keys: blanks last, ties by uid."""
    order: list[Any] = []
    for ref, descending in keys:
        for value in _sort_values(ref, metrics):
            directed = value.desc() if descending else value
            # said only where there are blanks: an index can then give the order
            order.append(directed.nulls_last() if _may_be_unknown(ref) else directed)
    return [*order, bytewise(RUN.c.uid)]


def _may_be_unknown(ref: Ref) -> bool:
    if not isinstance(ref, FieldRef):
        return True
    home = HOMES[ref.name]
    return home.may_be_unknown or home.key_may_be_null


def bytewise(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A text column that sorts the same way on every database."""
    return cast(column, _BYTEWISE)


def _sort_values(ref: Ref, metrics: Mapping[str, KnownMetric]) -> list[ColumnElement[Any]]:
    match ref:
        case FieldRef(field):
            value = HOMES[field].of_run
            return [bytewise(value) if isinstance(value.type, Text) else value]
        case MetricRef(metric, aggregate):
            stated = select(RunMetric.__table__.c[aggregate]).where(
                RunMetric.run_id == RUN.c.id, RunMetric.metric_id == metrics[metric].id
            )
            if not may_be_derived(metric, aggregate):
                return [stated.scalar_subquery()]
            rows = derived_rows(metric)
            follows = of_run(rows, rows.selected_columns.value)
            return [func.coalesce(stated.scalar_subquery(), follows.scalar_subquery())]
        case ParamRef(key):
            number = select(Param.number).where(Param.key == key)
            return [_owned(number, Param), bytewise(_owned(_text_of(key), Param))]
        case TagRef(key):
            return [bytewise(_owned(select(Tag.value).where(Tag.key == key), Tag))]
        case _:
            assert_never(ref)


def _text_of(key: str) -> Select[Any]:
    return select(Param.text).where(Param.key == key)


def _owned(query: Select[Any], table: type[Param | Tag]) -> ColumnElement[Any]:
    return query.where(table.run_id == RUN.c.id).scalar_subquery()
