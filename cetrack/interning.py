"""Ids of the things that many runs share: experiments, models, precisions, environments, metrics.

Each is looked up once per transaction and made where it is missing. Two writers that make the same
one at the same time end up with one row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, select, update

from cetrack import identity
from cetrack.db.engine import dialect_of
from cetrack.domain import (
    Environment,
    MetricDef,
    MetricSeries,
    ModelHint,
    NormalRun,
    Precision,
    RunRecord,
)
from cetrack.models import Base
from cetrack.models import Environment as EnvironmentRow
from cetrack.models import Experiment as ExperimentRow
from cetrack.models import Metric as MetricRow
from cetrack.models import Model as ModelRow
from cetrack.models import Precision as PrecisionRow
from cetrack.plain import Layout, PlainMetrics, metrics_of

_Key = tuple[str, ...]
_Columns = Mapping[str, Any]
_IN_LIST = 500
_PLACE = ("device", "accelerator", "runtime", "runtime_version", "host", "os")
# the columns by which a shared row is found
_KEYS: Mapping[type[Base], tuple[str, ...]] = {
    EnvironmentRow: ("fingerprint",),
    ExperimentRow: ("name",),
    MetricRow: ("name",),
    ModelRow: ("name", "library", "input_shape"),
    PrecisionRow: ("name",),
}


class Interner:
    """The shared rows of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._rows: dict[type[Base], dict[_Key, dict[str, Any]]] = defaultdict(dict)
        self._fingerprints: dict[tuple[Any, ...], str] = {}
        self._metric_ids: dict[Layout, list[int]] = {}
        self._conflicts: dict[Layout, list[str]] = {}
        self._dialect = dialect_of(connection)

    def load(self, runs: Iterable[NormalRun]) -> None:
        """Look up, and make, all that these runs share, with a few statements for all of them."""
        metrics: dict[_Key, MetricDef] = {}
        layouts: set[Layout] = set()
        precisions: dict[_Key, Precision] = {}
        models: dict[_Key, ModelHint] = {}
        for run in runs:
            if isinstance(run.series, PlainMetrics):
                layouts.add(run.series.layout)
            else:
                metrics.update({(item.metric.name,): item.metric for item in run.series})
            for sample in run.samples:
                metrics[(sample.metric.name,)] = sample.metric
            precisions[(run.precision.name,)] = run.precision
            models.setdefault(_model_key(run.model), run.model)
        metrics.update({(item.name,): item for layout in layouts for item in layout.metrics})
        self._load(MetricRow, {key: _metric_columns(item) for key, item in metrics.items()})
        self._load(PrecisionRow, {key: asdict(item) for key, item in precisions.items()})
        self._load(ModelRow, {key: asdict(item) for key, item in models.items()})

    def insert_new(self, table: type[Base]) -> Any:
        """An insert that leaves a row with the same key as it is."""
        return self._dialect.insert(table).on_conflict_do_nothing()

    def upsert(self, table: type[Base], key: list[str]) -> Any:
        """An insert that takes the place of a row with the same key."""
        statement = self._dialect.insert(table)
        columns = [column.name for column in table.__table__.columns if column.name not in key]
        return statement.on_conflict_do_update(
            index_elements=key, set_={name: statement.excluded[name] for name in columns}
        )

    def experiment(self, name: str, created_at: datetime | None = None) -> int:
        """The id of an experiment."""
        created = created_at or datetime.now(UTC)
        return self._id(ExperimentRow, (name,), lambda: {"name": name, "created_at": created})

    def precision(self, precision: Precision) -> int:
        """The id of a number format."""
        return self._id(PrecisionRow, (precision.name,), lambda: asdict(precision))

    def metric(self, metric: MetricDef) -> int:
        """The id of a metric; the first definition that is stored wins."""
        return self._id(MetricRow, (metric.name,), lambda: _metric_columns(metric))

    def model(self, hint: ModelHint) -> int:
        """The id of a model; category and description fill blanks of a known one."""
        row = self._row(ModelRow, _model_key(hint), lambda: asdict(hint))
        rest = {"category": hint.category, "description": hint.description}
        blanks = {key: value for key, value in rest.items() if value and not row[key]}
        if blanks:
            known = ModelRow.__table__.c.id == row["id"]
            self.connection.execute(update(ModelRow).where(known).values(**blanks))
            row.update(blanks)
        return int(row["id"])

    def conflicts(self, run: NormalRun) -> list[str]:
        """Sentences on what a run says otherwise than is stored about its model and metrics."""
        hint = run.model
        model = self._row(ModelRow, _model_key(hint), lambda: asdict(hint))
        found = []
        if hint.category and model["category"] != hint.category:
            found.append(
                f"model '{hint.name}' is in category '{model['category']}'; "
                f"this source says '{hint.category}'"
            )
        return found + self._unit_conflicts(run.series)

    def metric_ids(self, layout: Layout) -> list[int]:
        """The ids of the metrics of plain runs, in the order of their numbers."""
        if layout not in self._metric_ids:
            self._metric_ids[layout] = [self.metric(metric) for metric in layout.metrics]
        return self._metric_ids[layout]

    def _unit_conflicts(self, series: Sequence[MetricSeries]) -> list[str]:
        layout = series.layout if isinstance(series, PlainMetrics) else None
        if layout is not None and layout in self._conflicts:
            return self._conflicts[layout]
        found = []
        for metric in metrics_of(series):
            stored = self._row(MetricRow, (metric.name,), partial(_metric_columns, metric))["unit"]
            if stored != metric.unit:
                found.append(
                    f"metric '{metric.name}' has {_said(metric.unit)} here, "
                    f"{_said(stored)} in the database: do not compare them"
                )
        if layout is not None:
            self._conflicts[layout] = found
        return found

    def environment(self, environment: Environment) -> int | None:
        """The id of an environment, None when nothing is known about it."""
        if environment.is_blank:
            return None
        details = dict(environment.details) or None
        known = (*(getattr(environment, name) for name in _PLACE), identity.canonical_json(details))
        if known not in self._fingerprints:
            self._fingerprints[known] = identity.digest({**asdict(environment), "details": details})
        key = self._fingerprints[known]
        return self._id(
            EnvironmentRow,
            (key,),
            lambda: {"fingerprint": key, **asdict(environment), "details": details},
        )

    def run_fields(self, run: NormalRun) -> dict[str, Any]:
        """The ids and keys of a run row that depend on shared rows."""
        series_key, like_key = identity.keys(key_fields(run.model, run.precision.name, run.record))
        return {
            "model_id": self.model(run.model),
            "precision_id": self.precision(run.precision),
            "environment_id": self.environment(run.record.environment),
            "series_key": series_key,
            "like_key": like_key,
        }

    def _id(self, table: type[Base], key: _Key, columns: Callable[[], _Columns]) -> int:
        return int(self._row(table, key, columns)["id"])

    def _row(self, table: type[Base], key: _Key, columns: Callable[[], _Columns]) -> dict[str, Any]:
        found = self._rows[table].get(key)
        if found is None:
            self._load(table, {key: columns()})
            found = self._rows[table][key]
        return found

    def _load(self, table: type[Base], wanted: Mapping[_Key, _Columns]) -> None:
        rows = self._rows[table]
        missing = [key for key in wanted if key not in rows]
        self._select(table, missing)
        made = [dict(wanted[key]) for key in missing if key not in rows]
        if made:
            self.connection.execute(self.insert_new(table), made)
            self._select(table, missing)

    def _select(self, table: type[Base], keys: Sequence[_Key]) -> None:
        """Keep the rows with these keys, and others that share the first part of one."""
        columns = table.__table__.c
        names = _KEYS[table]
        for start in range(0, len(keys), _IN_LIST):
            firsts = {key[0] for key in keys[start : start + _IN_LIST]}
            query = select(*columns).where(columns[names[0]].in_(sorted(firsts)))
            for row in self.connection.execute(query).mappings():
                self._rows[table].setdefault(tuple(row[part] for part in names), dict(row))


def _said(unit: str | None) -> str:
    return f"the unit '{unit}'" if unit else "no unit"


def _metric_columns(metric: MetricDef) -> _Columns:
    return {
        "name": metric.name,
        "unit": metric.unit,
        "direction": metric.direction.value if metric.direction else None,
        "family": metric.family,
        "description": metric.description,
    }


def _model_key(hint: ModelHint) -> _Key:
    return hint.name, hint.library, hint.input_shape


def key_fields(model: ModelHint, precision: str, record: RunRecord) -> dict[str, Any]:
    """What the keys of a run are made of, by the names of the ``runs`` view."""
    return {
        "model": model.name,
        "library": model.library,
        "input_shape": model.input_shape,
        "precision": precision,
        "kind": record.kind.value,
        "method": record.method,
        "variant": record.variant,
        "dataset": record.dataset,
        "split": record.split,
        "batch_size": record.batch_size,
        "device": record.environment.device,
        "accelerator": record.environment.accelerator,
        "runtime": record.environment.runtime,
    }
