"""Ids of the things that many runs share: experiments, models, precisions, environments, metrics.

Each is looked up once per transaction and made where it is missing. Two writers that make the same
one at the same time end up with one row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select, update

from cetrack import identity
from cetrack.db.engine import dialect_of
from cetrack.domain import Environment, MetricDef, ModelHint, NormalRun, Precision, RunRecord
from cetrack.models import Base
from cetrack.models import Environment as EnvironmentRow
from cetrack.models import Experiment as ExperimentRow
from cetrack.models import Metric as MetricRow
from cetrack.models import Model as ModelRow
from cetrack.models import Precision as PrecisionRow


class Interner:
    """The shared rows of one transaction; ``conflicts`` lists metadata that sources disagree on."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.conflicts: list[str] = []
        self._ids: dict[tuple[str, Any], int] = {}
        self._dialect = dialect_of(connection)

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
        return self._id(ExperimentRow, {"name": name}, {"created_at": created})

    def precision(self, precision: Precision) -> int:
        """The id of a number format."""
        rest = asdict(precision)
        return self._id(PrecisionRow, {"name": rest.pop("name")}, rest)

    def metric(self, metric: MetricDef) -> int:
        """The id of a metric; the first definition that is stored wins."""
        rest = {
            "unit": metric.unit,
            "direction": metric.direction.value if metric.direction else None,
            "family": metric.family,
            "description": metric.description,
        }
        return self._id(MetricRow, {"name": metric.name}, rest)

    def model(self, hint: ModelHint) -> int:
        """The id of a model; category and description fill blanks of a known one."""
        key = {"name": hint.name, "library": hint.library, "input_shape": hint.input_shape}
        rest = {"category": hint.category, "description": hint.description}
        model_id = self._id(ModelRow, key, rest)
        if any(rest.values()):
            self._fill(model_id, hint.name, rest)
        return model_id

    def environment(self, environment: Environment) -> int | None:
        """The id of an environment, None when nothing is known about it."""
        if environment.is_blank:
            return None
        rest = {**asdict(environment), "details": dict(environment.details) or None}
        return self._id(EnvironmentRow, {"fingerprint": identity.digest(rest)}, rest)

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

    def _id(self, table: type[Base], key: Mapping[str, Any], rest: Mapping[str, Any]) -> int:
        cached = (table.__tablename__, tuple(key.values()))
        if cached not in self._ids:
            self._ids[cached] = self._found(table, key) or self._made(table, key, rest)
        return self._ids[cached]

    def _found(self, table: type[Base], key: Mapping[str, Any]) -> int | None:
        columns = table.__table__.c
        query = select(columns.id).where(*(columns[name] == value for name, value in key.items()))
        found: int | None = self.connection.scalar(query)
        return found

    def _made(self, table: type[Base], key: Mapping[str, Any], rest: Mapping[str, Any]) -> int:
        self.connection.execute(self.insert_new(table), [{**key, **rest}])
        made = self._found(table, key)
        assert made is not None, "the row was inserted just now"
        return made

    def _fill(self, model_id: int, name: str, rest: Mapping[str, str]) -> None:
        columns = ModelRow.__table__.c
        query = select(columns.category, columns.description).where(columns.id == model_id)
        known = self.connection.execute(query).one()._mapping
        blanks = {key: value for key, value in rest.items() if value and not known[key]}
        if blanks:
            self.connection.execute(update(ModelRow).where(columns.id == model_id).values(**blanks))
        if rest["category"] and known["category"] not in ("", rest["category"]):
            self.conflicts.append(
                f"model '{name}' is in category '{known['category']}'; "
                f"this source says '{rest['category']}'"
            )


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
