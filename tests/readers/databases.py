"""Databases in the shape of other tools', small ones, on SQLite and on PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

Table = tuple[str, Sequence[str], Iterable[Sequence[Any]]]
_PAGE_BYTES = 512  # the least: every tenth byte of a sample is where a test cuts it
INT8, FP32, GONE = "a1" * 16, "b2" * 16, "c3" * 16
START_MS = 1_767_225_600_000

# tables of MLflow: those that its oldest databases have, and what later versions added
MLFLOW_COLUMNS: Mapping[str, Sequence[str]] = {
    "experiments": (
        "experiment_id INTEGER", "name VARCHAR(256)", "artifact_location VARCHAR(256)",
        "lifecycle_stage VARCHAR(32)",
    ),
    "runs": (
        "run_uuid VARCHAR(32) NOT NULL", "name VARCHAR(250)", "source_type VARCHAR(20)",
        "source_name VARCHAR(500)", "entry_point_name VARCHAR(50)", "user_id VARCHAR(256)",
        "status VARCHAR(9)", "start_time BIGINT", "end_time BIGINT", "source_version VARCHAR(50)",
        "lifecycle_stage VARCHAR(20)", "artifact_uri VARCHAR(200)", "experiment_id INTEGER",
    ),
    "metrics": (
        "key VARCHAR(250)", "value DOUBLE PRECISION", "timestamp BIGINT", "run_uuid VARCHAR(32)",
    ),
    "params": ("key VARCHAR(250)", "value VARCHAR(500)", "run_uuid VARCHAR(32)"),
    "tags": ("key VARCHAR(250)", "value VARCHAR(500)", "run_uuid VARCHAR(32)"),
}  # fmt: skip
MLFLOW_ADDED: Mapping[str, Sequence[str]] = {
    "experiments": ("creation_time BIGINT", "last_update_time BIGINT"),
    "runs": ("deleted_time BIGINT",),
    "metrics": ("step BIGINT", "is_nan BOOLEAN"),
    "datasets": ("dataset_uuid VARCHAR(36)", "experiment_id INTEGER", "name VARCHAR(500)"),
    "inputs": (
        "input_uuid VARCHAR(36)", "source_type VARCHAR(36)", "source_id VARCHAR(36)",
        "destination_type VARCHAR(36)", "destination_id VARCHAR(36)",
    ),
}  # fmt: skip
GREATEST = 1.7976931348623157e308


def mlflow_rows(*, old: bool = False) -> list[Table]:
    """An experiment with an int8 run, an fp32 run and a deleted one."""
    step = ["key", "value", "timestamp", "run_uuid", "step", "is_nan"]
    points = [
        ("loss", 0.9, START_MS + 1000, INT8, 1, False),
        ("loss", 0.5, START_MS + 2000, INT8, 2, False),
        ("loss", 0.4, START_MS + 3000, INT8, 2, False),
        ("loss", 0.0, START_MS + 4000, INT8, 3, True),
        ("grad", GREATEST, START_MS + 1000, INT8, 1, False),
        ("grad", -GREATEST, START_MS + 2000, INT8, 2, False),
        ("val/accuracy", 0.93, START_MS, FP32, 0, False),
        ("loss", 0.1, START_MS, GONE, 0, False),
    ]
    if old:
        step, points = step[:4], [
            row[:4] for row in points if row[:3] != ("loss", 0.0, START_MS + 4000)
        ]  # fmt: skip
    runs = [
        (INT8, "lenet-int8", "RUNNING", START_MS, None, "active", 7, ""),
        (FP32, "lenet-fp32", "FAILED", START_MS, START_MS + 60_000, "active", 7, "f" * 40),
        (GONE, "mistake", "FINISHED", START_MS, START_MS, "deleted", 7, ""),
    ]
    tables: list[Table] = [
        ("experiments", ["experiment_id", "name", "lifecycle_stage"], [(7, "edge", "active")]),
        (
            "runs",
            ["run_uuid", "name", "status", "start_time", "end_time", "lifecycle_stage",
             "experiment_id", "source_version"],
            runs,
        ),
        ("metrics", step, points),
        (
            "params",
            ["key", "value", "run_uuid"],
            [("model", "lenet", INT8), ("precision", "int8", INT8), ("lr", "0.01", INT8),
             ("model", "lenet", FP32), ("dtype", "torch.float32", FP32), ("note", "None", FP32)],
        ),
        (
            "tags",
            ["key", "value", "run_uuid"],
            [("mlflow.user", "someone", INT8), ("mlflow.parentRunId", FP32, INT8),
             ("team", "edge", INT8), ("owner", "someone@example.org", INT8),
             ("mlflow.source.name", "/home/someone/work/train.py", INT8)],
        ),
    ]  # fmt: skip
    if not old:
        tables += [
            ("datasets", ["dataset_uuid", "experiment_id", "name"], [("d1", 7, "mnist")]),
            (
                "inputs",
                ["source_type", "source_id", "destination_type", "destination_id"],
                [("DATASET", "d1", "RUN", INT8)],
            ),
        ]
    return tables


def mlflow_schema(*, old: bool = False) -> dict[str, list[str]]:
    """Table → columns with their types."""
    added = {} if old else MLFLOW_ADDED
    names = dict.fromkeys([*MLFLOW_COLUMNS, *added])
    return {name: [*MLFLOW_COLUMNS.get(name, ()), *added.get(name, ())] for name in names}


# versions of Optuna's schema: before 2.4, and since
OPTUNA_OLD = {
    "studies": ["study_id INTEGER", "study_name VARCHAR", "direction VARCHAR"],
    "trials": [
        "trial_id INTEGER", "study_id INTEGER", "state VARCHAR", "value FLOAT",
        "datetime_start DATETIME", "datetime_complete DATETIME",
    ],
    "trial_params": [
        "trial_id INTEGER", "param_name VARCHAR", "param_value FLOAT", "distribution_json VARCHAR",
    ],
    "trial_values": ["trial_id INTEGER", "step INTEGER", "value FLOAT"],
    "trial_system_attributes": ["trial_id INTEGER", "key VARCHAR", "value_json VARCHAR"],
}  # fmt: skip
OPTUNA_NEW = {
    "studies": ["study_id INTEGER", "study_name VARCHAR"],
    "study_directions": ["study_id INTEGER", "direction VARCHAR", "objective INTEGER"],
    "study_user_attributes": ["study_id INTEGER", "key VARCHAR", "value_json TEXT"],
    "study_system_attributes": ["study_id INTEGER", "key VARCHAR", "value_json TEXT"],
    "trials": [
        "trial_id INTEGER", "number INTEGER", "study_id INTEGER", "state VARCHAR",
        "datetime_start TIMESTAMP", "datetime_complete TIMESTAMP",
    ],
    "trial_params": [
        "trial_id INTEGER", "param_name VARCHAR", "param_value DOUBLE PRECISION",
        "distribution_json TEXT",
    ],
    "trial_values": [
        "trial_id INTEGER", "objective INTEGER", "value DOUBLE PRECISION", "value_type VARCHAR",
    ],
    "trial_intermediate_values": [
        "trial_id INTEGER", "step INTEGER", "intermediate_value DOUBLE PRECISION",
        "intermediate_value_type VARCHAR",
    ],
    "trial_user_attributes": ["trial_id INTEGER", "key VARCHAR", "value_json TEXT"],
    "trial_system_attributes": ["trial_id INTEGER", "key VARCHAR", "value_json TEXT"],
}  # fmt: skip


def fill(
    execute: Callable[..., Any],
    schema: Mapping[str, Sequence[str]],
    tables: Iterable[Table],
    *,
    mark: str = "?",
) -> None:
    """Make the tables of a schema and put rows into them."""
    for name, columns in schema.items():
        execute(f"CREATE TABLE {name} ({', '.join(columns)})")
    for name, columns, rows in tables:
        marks = ", ".join(mark for _ in columns)
        for row in rows:
            execute(f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({marks})", tuple(row))


def sqlite_file(
    path: Path, schema: Mapping[str, Sequence[str]], tables: Iterable[Table] = ()
) -> Path:
    """A new SQLite file."""
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
    fill(connection.execute, schema, tables)
    connection.commit()
    connection.close()
    return path


def mlflow_file(path: Path, *, old: bool = False) -> Path:
    """A database of MLflow in SQLite."""
    return sqlite_file(path, mlflow_schema(old=old), mlflow_rows(old=old))
