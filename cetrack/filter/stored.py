"""Where the columns of the ``runs`` view are stored: in ``run`` itself, or where it points to; and
which metrics follow from others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Text, func, literal_column, select

from cetrack.derive import derived_metrics
from cetrack.models import (
    Environment,
    Experiment,
    Model,
    Precision,
    Run,
    runs_view,
)

RUN = Run.__table__
_OTHER = RUN.alias("other_run")


@dataclass(frozen=True, slots=True)
class Home:
    """A column of ``table``, which is found by ``key``, a column of ``run``; of ``run`` for None.

    ``table_grows`` tells a table of as many rows as there are runs from those of a few hundred.
    """

    table: FromClause
    column: ColumnElement[Any]
    key: ColumnElement[Any] | None = None
    table_grows: bool = False

    @property
    def shown(self) -> ColumnElement[Any]:
        """The column as the view shows it: blank text is NULL."""
        if not _may_be_blank(self.column):
            return self.column
        return func.nullif(self.column, literal_column("''"), type_=Text())

    @property
    def may_be_unknown(self) -> bool:
        """Whether the view shows NULL for some row of ``table``."""
        return _may_be_blank(self.column) or _may_be_null(self.column)

    @property
    def key_may_be_null(self) -> bool:
        """Whether there are runs that point to nothing."""
        return self.key is not None and _may_be_null(self.key)

    @property
    def of_run(self) -> ColumnElement[Any]:
        """The value of a row of ``run``."""
        if self.key is None:
            return self.shown
        found = select(self.shown).where(self.table.c.id == self.key)
        return found.correlate(RUN).scalar_subquery()


def _may_be_null(column: Any) -> bool:
    return bool(column.nullable)


def _may_be_blank(column: Any) -> bool:
    return isinstance(column.type, Text) and column.server_default is not None


_ENVIRONMENT = ("device", "accelerator", "runtime", "runtime_version", "host", "os")
_POINTERS: tuple[tuple[FromClause, str, Mapping[str, str]], ...] = (
    (Experiment.__table__, "experiment_id", {"experiment": "name"}),
    (
        Model.__table__,
        "model_id",
        {
            "model": "name",
            "library": "library",
            "category": "category",
            "input_shape": "input_shape",
            "model_description": "description",
        },
    ),
    (
        Precision.__table__,
        "precision_id",
        {
            "precision": "name",
            "weight_bits": "weight_bits",
            "activation_bits": "activation_bits",
        },
    ),
    (Environment.__table__, "environment_id", {name: name for name in _ENVIRONMENT}),
    (_OTHER, "baseline_run_id", {"baseline_uid": "uid"}),
    (_OTHER, "parent_run_id", {"parent_uid": "uid"}),
)


def _homes() -> Iterator[tuple[str, Home]]:
    for table, key, names in _POINTERS:
        for name, column in names.items():
            yield name, Home(table, table.c[column], RUN.c[key], table is _OTHER)
    yield "run_id", Home(RUN, RUN.c.id)
    for name in runs_view.c.keys():  # noqa: SIM118 - not a mapping
        if name in RUN.c:
            yield name, Home(RUN, RUN.c[name])


HOMES = dict(_homes())


# --- metrics ------------------------------------------------------------------------------------

_OF_ONE_VALUE = frozenset({"last", "first", "min", "max", "mean"})


def may_be_derived(name: str, aggregate: str = "last") -> bool:
    """Whether a run may have this metric without having measured it.

    Those that ``cetrack.toml`` defines are kept like measured ones. A derived metric is one value:
    it has no count of points.
    """
    return name in derived_metrics() and aggregate in _OF_ONE_VALUE
