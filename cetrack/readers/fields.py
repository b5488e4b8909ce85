"""Which keys of an object state a field of its run, or of its model. Names stay as written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from cetrack.domain import Environment, ModelHint, RunRecord, Status
from cetrack.readers.numbers import whole_number
from cetrack.readers.times import parse_time

# keys that state a field of the run, in lower case → field of RunRecord
FIELD_KEYS: Mapping[str, str] = {
    "accelerator": "accelerator",
    "batch": "batch_size",
    "batch_size": "batch_size",
    "batchsize": "batch_size",
    "commit": "git_commit",
    "compression_method": "method",
    "cpu_name": "accelerator",
    "created_at": "started_at",
    "dataset": "dataset",
    "date": "started_at",
    "datetime": "started_at",
    "device": "device",
    "evaluated_on": "device",
    "experiment": "experiment",
    "experiment_name": "experiment",
    "finished_at": "finished_at",
    "framework": "runtime",
    "framework_version": "runtime_version",
    "git_commit": "git_commit",
    "git_sha": "git_commit",
    "gpu_name": "accelerator",
    "host": "host",
    "hostname": "host",
    "method": "method",
    "os": "os",
    "quantization_method": "method",
    "random_seed": "seed",
    "run_date": "started_at",
    "run_name": "name",
    "runtime": "runtime",
    "runtime_version": "runtime_version",
    "seed": "seed",
    "split": "split",
    "started_at": "started_at",
    "status": "status",
    "task": "task",
    "timestamp": "started_at",
    "variant": "variant",
}
# numbers that are settings, not measurements
PARAM_KEYS = frozenset(
    {
        "bits", "block_size", "calibration_samples", "channels", "epochs", "group_size",
        "image_size", "img_size", "iterations", "learning_rate", "lr", "max_epochs", "momentum",
        "num_classes", "num_epochs", "num_runs", "num_samples", "num_threads", "num_workers",
        "opset", "patience", "repeats", "runs", "sequence_length", "temperature", "threads",
        "version", "warmup", "warmup_runs", "weight_decay", "workers",
    }
)  # fmt: skip
# blocks of settings: nothing in them was measured
SETTING_BLOCKS = frozenset(
    {
        "args", "benchmark_config", "config", "configuration", "environment", "hardware", "host",
        "hparams", "hyperparameters", "meta", "metadata", "params", "run_info", "settings", "setup",
        "system", "system_info", "versions",
    }
)  # fmt: skip
MODEL_KEYS: Mapping[str, str] = {
    "category": "category",
    "description": "description",
    "input_shape": "input_shape",
    "input_size": "input_shape",
    "library": "library",
    "model": "name",
    "model_name": "name",
}
# inside a block that is about the model its name may be plain
_BLOCK_KEYS: Mapping[str, str] = {**MODEL_KEYS, "name": "name"}
_HINTS = tuple(item.name for item in fields(ModelHint))
_ENVIRONMENT = frozenset({"accelerator", "device", "host", "os", "runtime", "runtime_version"})
_STATUS: Mapping[str, Status] = {
    "aborted": Status.KILLED,
    "completed": Status.FINISHED,
    "crashed": Status.FAILED,
    "done": Status.FINISHED,
    "error": Status.FAILED,
    "failed": Status.FAILED,
    "finished": Status.FINISHED,
    "interrupted": Status.KILLED,
    "killed": Status.KILLED,
    "ok": Status.FINISHED,
    "running": Status.RUNNING,
    "success": Status.FINISHED,
}


def field_value(name: str, value: Any) -> Any:
    """What a value means as the field ``name``, None when it cannot be one."""
    if name in ("started_at", "finished_at"):
        return parse_time(value)
    if name in ("seed", "batch_size"):
        return whole_number(value)
    if name == "status":
        return _STATUS.get(str(value).strip().lower())
    return value if isinstance(value, str) and value.strip() else None


def with_fields(record: RunRecord, stated: Mapping[str, Any]) -> RunRecord:
    """The record with fields set where it is still silent."""
    environment: dict[str, Any] = {}
    changes: dict[str, Any] = {}
    for name, value in stated.items():
        if name in _ENVIRONMENT:
            if not getattr(record.environment, name):
                environment[name] = value
        elif getattr(record, name) in (None, "", Status.FINISHED):
            changes[name] = value
    if environment:
        changes["environment"] = replace(record.environment, **environment)
    return replace(record, **changes) if changes else record


def as_fields(stated: Mapping[str, Any]) -> dict[str, Any]:
    """What is stated, as arguments of a new record."""
    environment = {name: value for name, value in stated.items() if name in _ENVIRONMENT}
    rest = {name: value for name, value in stated.items() if name not in _ENVIRONMENT}
    return {"environment": Environment(**environment), **rest}


def model_hint(values: Mapping[str, Any], name: str = "") -> tuple[ModelHint, dict[str, Any]]:
    """What an object says about a model, and the keys that it could not use.

    ``name`` is what the model is called outside of the object.
    """
    return _hint(values, name, MODEL_KEYS)


def model_block(values: Mapping[str, Any], name: str = "") -> tuple[ModelHint, dict[str, Any]]:
    """The same for an object that is about the model alone: its name may be a plain ``name``."""
    return _hint(values, name, MODEL_KEYS if name else _BLOCK_KEYS)


def _hint(
    values: Mapping[str, Any], name: str, keys: Mapping[str, str]
) -> tuple[ModelHint, dict[str, Any]]:
    known: dict[str, str] = {"name": name} if name else {}
    rest: dict[str, Any] = {}
    for key, value in values.items():
        target = keys.get(str(key).lower())
        if target is None or (isinstance(value, dict) and target != "input_shape"):
            rest[key] = value
        elif value not in (None, ""):
            known.setdefault(target, _written(value))
    return ModelHint(**known), rest


def filled(hint: ModelHint, other: ModelHint) -> ModelHint:
    """``hint`` with its blanks filled from ``other``."""
    if other == ModelHint():
        return hint
    return ModelHint(**{name: getattr(hint, name) or getattr(other, name) for name in _HINTS})


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return ";".join(f"{name}:{_written(item)}" for name, item in value.items())
    return "[" + ", ".join(map(str, value)) + "]" if isinstance(value, list) else str(value)
