"""Hyper-parameters as TensorBoard parses them."""

from __future__ import annotations

from typing import Any

import pytest
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata

from cetrack.tb import hparams
from cetrack.tb.hparams import Columns, HParam, hparams_of, param_value

ROW: dict[str, Any] = dict.fromkeys(hparams.FIELDS) | {
    "model": "resnet50",
    "precision": "int8",
    "batch_size": 8,
}


def content(value: Any) -> bytes:
    """The plugin's part of a summary value, through TensorBoard's own protos."""
    return bytes(Summary.Value.FromString(value.SerializeToString()).metadata.plugin_data.content)


def columns_of(*runs: dict[str, HParam]) -> Columns:
    columns = Columns()
    for run in runs:
        columns.add(run)
    return columns


def infos_of(*runs: dict[str, HParam]) -> dict[str, Any]:
    value = hparams.experiment(columns_of(*runs), [("quality/accuracy", "accuracy")])
    parsed = metadata.parse_experiment_plugin_data(content(value))
    return {info.name: info for info in parsed.hparam_infos}


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (("0.1", 0.1), 0.1),
        (("1e3", 1000.0), 1000.0),
        (("adam", None), "adam"),
        (("true", None), True),
        (("False", None), False),
        (("nan", None), None),
        (("inf", float("inf")), None),
        ((None, None), None),
        (("", None), ""),
    ],
)
def test_a_stored_param(stored: tuple[str | None, float | None], expected: HParam | None) -> None:
    found = param_value(*stored)

    assert found == expected
    assert type(found) is type(expected)


def test_fields_and_params_are_told_apart() -> None:
    found = hparams_of(ROW, {"lr": 0.1, "model": "m", "param.model": "n"})

    assert found == {
        "model": "resnet50",
        "precision": "int8",
        "batch_size": 8.0,
        "lr": 0.1,
        "param.model": "m",
        "param.param.model": "n",
    }


def test_types_and_values_of_columns() -> None:
    found = infos_of(
        {"lr": 0.1, "nesterov": True, "optimizer": "sgd", "mixed": 3.0},
        {"lr": 0.2, "nesterov": False, "optimizer": "adam", "mixed": "auto"},
    )

    assert found["lr"].type == api_pb2.DATA_TYPE_FLOAT64
    assert (found["lr"].domain_interval.min_value, found["lr"].domain_interval.max_value) == (
        0.1,
        0.2,
    )
    assert found["nesterov"].type == api_pb2.DATA_TYPE_BOOL
    assert [value.bool_value for value in found["nesterov"].domain_discrete.values] == [False, True]
    assert [value.string_value for value in found["optimizer"].domain_discrete.values] == [
        "adam",
        "sgd",
    ]
    assert found["mixed"].type == api_pb2.DATA_TYPE_STRING
    assert [value.string_value for value in found["mixed"].domain_discrete.values] == ["3", "auto"]


def test_a_session_is_written_in_the_types_of_the_columns() -> None:
    columns = columns_of({"lr": 0.5, "x": True}, {"lr": "auto", "x": 2.0})

    value = hparams.session_start(
        hparams.typed({"lr": 0.5, "x": True}, columns.of_text), started_at=12.5
    )
    start = metadata.parse_session_start_info_plugin_data(content(value))

    assert start.start_time_secs == 12.5
    assert start.hparams["lr"].string_value == "0.5"
    assert start.hparams["x"].string_value == "true"


def test_model_and_precision_are_among_the_columns_shown_at_first() -> None:
    runs: list[dict[str, HParam]] = [
        {"model": m, "precision": p, "a": i, "b": i, "c": i, "d": i, "experiment": str(i)}
        for i, (m, p) in enumerate([("x", "fp32"), ("y", "int8")])
    ]
    numbered = [{k: float(v) if isinstance(v, int) else v for k, v in run.items()} for run in runs]

    found = infos_of(*numbered)

    assert sorted(name for name, info in found.items() if info.differs) == [
        "a",
        "b",
        "c",
        "model",
        "precision",
    ]


def test_a_column_that_some_runs_lack_differs() -> None:
    found = infos_of({"method": "ptq", "model": "x"}, {"model": "x"})

    assert found["method"].differs
    assert not found["model"].differs


def test_a_column_of_very_many_texts_has_no_check_boxes() -> None:
    found = infos_of(*({"name": f"run {i}"} for i in range(150)))

    assert not found["name"].domain_discrete.values


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("finished", api_pb2.STATUS_SUCCESS),
        ("failed", api_pb2.STATUS_FAILURE),
        ("killed", api_pb2.STATUS_FAILURE),
        ("running", api_pb2.STATUS_RUNNING),
    ],
)
def test_how_a_session_ended(status: str, expected: int) -> None:
    value = hparams.session_end(status, finished_at=99.0)
    end = metadata.parse_session_end_info_plugin_data(content(value))

    assert (end.status, end.end_time_secs) == (expected, 99.0)


def test_metrics_are_named_by_tag_and_headed_by_name() -> None:
    value = hparams.experiment(Columns(), [("quality/accuracy", "accuracy")])
    (metric,) = metadata.parse_experiment_plugin_data(content(value)).metric_infos

    assert (metric.name.tag, metric.name.group) == ("quality/accuracy", "")
    assert metric.display_name == "accuracy"
