"""Small stores, once as rows of a database and once as plain values.

A ``Spec`` says what a run is; ``inserted`` puts specs into a transaction that is rolled back, and
``as_filter_run`` gives the same run to ``matches``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert

from cetrack.db.engine import WRITE
from cetrack.filter import FilterRun, MetricValues, ParamCell
from cetrack.models import (
    Environment,
    Experiment,
    Metric,
    Model,
    Param,
    Precision,
    Run,
    RunMetric,
    Tag,
)

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
MODEL = ("library", "category", "input_shape", "model_description")
ENVIRONMENT = ("device", "accelerator", "runtime", "runtime_version", "host", "os")
PRECISION = ("weight_bits", "activation_bits")
LINKS = ("baseline_uid", "parent_uid")
DEFAULTS: Mapping[str, Any] = {
    "experiment": "default",
    "model": "resnet50",
    "precision": "fp32",
    "kind": "benchmark",
    "status": "finished",
    "time_source": "file",
    "started_at": EPOCH,
    "series_key": "series",
    "like_key": "like",
}


@dataclass(frozen=True)
class Spec:
    """A run: its fields that are known, and what belongs to it."""

    uid: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, MetricValues] = field(default_factory=dict)
    params: Mapping[str, ParamCell] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def all_fields(self) -> dict[str, Any]:
        return {**DEFAULTS, **self.fields, "uid": self.uid}

    def as_filter_run(self) -> FilterRun:
        return FilterRun(
            fields=self.all_fields, metrics=self.metrics, params=self.params, tags=self.tags
        )


@contextmanager
def inserted(engine: Engine, specs: Sequence[Spec]) -> Iterator[Connection]:
    """The specs as rows, for as long as the block runs."""
    with engine.connect() as connection:
        connection.execution_options(**{WRITE: True})
        with connection.begin() as transaction:
            _insert(connection, specs)
            yield connection
            transaction.rollback()


def _insert(connection: Connection, specs: Sequence[Spec]) -> None:
    numbered = [(number, spec.all_fields) for number, spec in enumerate(specs, 1)]
    ids = {spec.uid: number for number, spec in enumerate(specs, 1)}
    experiments = _distinct(values["experiment"] for _, values in numbered)
    precisions = _distinct(values["precision"] for _, values in numbered)
    connection.execute(delete(Metric))  # those that the schema brings: specs name their own
    metrics = _distinct(name for spec in specs for name in spec.metrics)
    bits = {values["precision"]: values for _, values in numbered}
    rows: dict[Any, list[dict[str, Any]]] = {
        Experiment: [
            {"id": id_, "name": name, "created_at": EPOCH} for name, id_ in experiments.items()
        ],
        Precision: [
            {"id": id_, "name": name, **{key: bits[name].get(key) for key in PRECISION}}
            for name, id_ in precisions.items()
        ],
        Metric: [{"id": id_, "name": name} for name, id_ in metrics.items()],
        # the unique key of a model is name, library and shape: specs keep to it
        Model: [_model_row(number, values) for number, values in _models(numbered).values()],
        Environment: [
            {"id": number, "fingerprint": str(number)}
            | {name: values.get(name) or "" for name in ENVIRONMENT}
            for number, values in numbered
        ],
    }
    rows[Run] = [
        _run_row(number, values)
        | {
            "experiment_id": experiments[values["experiment"]],
            "precision_id": precisions[values["precision"]],
            "model_id": _models(numbered)[_model_key(values)][0],
            "baseline_run_id": ids.get(values.get("baseline_uid")),
            "parent_run_id": ids.get(values.get("parent_uid")),
        }
        for number, values in numbered
    ]
    rows |= _belongings(specs, metrics)
    for table, items in rows.items():
        if items:
            connection.execute(insert(table), items)


def _belongings(
    specs: Sequence[Spec], metrics: Mapping[str, int]
) -> dict[Any, list[dict[str, Any]]]:
    numbered = list(enumerate(specs, 1))
    return {
        RunMetric: [
            {
                "run_id": number,
                "metric_id": metrics[name],
                **{item.name: getattr(values, item.name) for item in fields(values)},
                "count": values.count or 0,
                "nan_count": values.nan_count or 0,
                "last_step": values.last_step or 0,
            }
            for number, spec in numbered
            for name, values in spec.metrics.items()
        ],
        Param: [
            {"run_id": number, "key": key, "text": cell.text, "number": cell.number}
            for number, spec in numbered
            for key, cell in spec.params.items()
        ],
        Tag: [
            {"run_id": number, "key": key, "value": value}
            for number, spec in numbered
            for key, value in spec.tags.items()
        ],
    }


def _distinct(names: Iterator[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(dict.fromkeys(names), 1)}


def _model_key(values: Mapping[str, Any]) -> tuple[str, ...]:
    return values["model"], values.get("library") or "", values.get("input_shape") or ""


def _models(
    numbered: Sequence[tuple[int, dict[str, Any]]],
) -> dict[tuple[str, ...], tuple[int, dict[str, Any]]]:
    found: dict[tuple[str, ...], tuple[int, dict[str, Any]]] = {}
    for number, values in numbered:
        found.setdefault(_model_key(values), (number, values))
    return found


def _model_row(number: int, values: Mapping[str, Any]) -> dict[str, Any]:
    row = {name: values.get(name) or "" for name in MODEL}
    return {
        "id": number,
        "name": values["model"],
        "description": row.pop("model_description"),
        **row,
    }


def _run_row(number: int, values: Mapping[str, Any]) -> dict[str, Any]:
    elsewhere = {"experiment", "model", "precision", *MODEL, *ENVIRONMENT, *PRECISION, *LINKS}
    text = ("method", "name", "variant", "dataset", "split", "task", "status_reason")
    row = {"seed": None, "batch_size": None, "finished_at": None} | dict.fromkeys(
        (*text, "git_commit", "baseline_rule"), ""
    )
    known = {
        name: value for name, value in values.items() if name not in elsewhere and value is not None
    }
    return {
        "id": number,
        "content_key": str(number),
        "environment_id": number,
        **row,
        **known,
    }
