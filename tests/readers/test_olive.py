"""Olive: metrics, footprints and best metrics → records → normalised runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from cetrack.domain import Kind, Link
from cetrack.errors import ReadError
from tests.readers.reading import claimed_by, read, sample, values
from tests.readers.test_realdata import FOLDER


def metric(value: Any, *, higher: bool = True) -> dict[str, Any]:
    return {"value": value, "priority": 1, "higher_is_better": higher}


def node(parent: str | None, made_by: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "parent_model_id": parent,
        "model_id": "m",
        "from_pass": made_by,
        "metrics": {"value": {"accuracy-accuracy_score": metric(0.5)}},
        **more,
    }


def test_metrics_have_the_units_and_directions_that_olive_gives_them() -> None:
    run = read(sample("olive/metrics.json")).runs[0]

    assert values(run) == {
        "accuracy": 0.75,
        "accuracy-custom": 12.5,
        "latency_mean_ms": 4.2,
        "latency_p90_ms": 4.6,
        "latency_p999": 5.5,
        "throughput_ips": 238.1,
        "model_size_mb": 24.9,
    }
    found = {item.metric.name: item.metric.direction for item in run.series}
    assert (found["accuracy-custom"], found["latency_p999"]) == ("lower", "lower")


def test_sets_of_metrics_are_a_run_each() -> None:
    runs = read(sample("olive/sets.json")).runs

    assert [(run.record.variant, values(run)) for run in runs] == [
        ("", {"latency_mean_ms": 12.1}),
        ("output_model", {"latency_mean_ms": 4.2}),
    ]


def test_a_footprint_is_the_input_model_and_what_passes_made_of_it() -> None:
    reading = read(sample("olive/footprints.json"))
    first, second = (run.record for run in reading.runs)

    assert {record.model.name for record in (first, second)} == {"bert-base-uncased-mrpc"}
    assert (first.kind, first.precision, first.variant) == (Kind.BENCHMARK, "", "input model")
    assert (second.kind, second.precision, second.method) == (
        Kind.COMPRESSION,
        "QInt8",
        "ptq_dynamic",
    )
    assert second.variant == "OnnxConversion > OnnxDynamicQuantization"
    assert second.baseline == Link(place="/in1")
    assert second.started_at == datetime(2026, 6, 1, 0, 0, 20, tzinfo=UTC)
    assert (first.started_at, first.finished_at) == (None, None)
    assert second.params == {"weight_type": "QInt8", "per_channel": True}
    assert second.tags == {
        "olive_is_pareto_frontier": "true",
        "olive_model_id": "quant3",
        "olive_goals_met": "true",
    }
    assert reading.notices == [": 1 models were not evaluated: no run made"]


@pytest.mark.parametrize(
    ("made_by", "settings", "precision", "method"),
    [
        ("OnnxDynamicQuantization", {}, "int8", "ptq_dynamic"),
        ("onnxstaticquantization", {"weight_type": "QUInt8"}, "int8", "ptq"),
        ("OnnxQuantization", {"quant_mode": "dynamic"}, "int8", "ptq_dynamic"),
        ("OnnxQuantization", {"precision": "int4"}, "int4", "ptq"),
        ("OnnxFloatToFloat16", {}, "fp16", ""),
        ("OrtTransformersOptimization", {"float16": True}, "fp16", ""),
        ("OrtTransformersOptimization", {"float16": False}, "unknown", ""),
        ("OnnxMatMul4Quantizer", {}, "int4_weight_only", "ptq"),
        ("QuantizationAwareTraining", None, "int8", "qat"),
        ("OnnxConversion", {}, "unknown", ""),
    ],
)
def test_a_pass_says_the_precision_only_where_it_is_sure(
    made_by: str, settings: Any, precision: str, method: str
) -> None:
    content = {"a": node(None), "b": node("a", made_by, pass_run_config=settings)}
    run = read(content).runs[1]

    assert (run.precision.name, run.record.method) == (precision, method)
    assert (run.record.baseline is not None) == (precision != "unknown")


def test_a_model_keeps_the_precision_that_an_earlier_pass_gave_it() -> None:
    content = {
        "a": node(None),
        "b": node("a", "OnnxFloatToFloat16", metrics=None),
        "c": node("b", "OrtPerfTuning"),
    }
    run = read(content).runs[1]

    assert (run.precision.name, run.record.variant) == (
        "fp16",
        "OnnxFloatToFloat16 > OrtPerfTuning",
    )


def test_a_loop_of_parents_ends() -> None:
    content = {"a": node("b", "X"), "b": node("a", "Y")}

    assert [run.record.variant for run in read(content).runs] == ["Y > X", "X > Y"]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"model_path": "models/resnet.onnx"}, "resnet"),
        ({"model_path": "C:\\models\\net\\"}, "net"),
        ({"model_path": None, "hf_config": {"model_name": "org/bert"}}, "bert"),
        ({"model_path": 5}, ""),
        (None, ""),
    ],
)
def test_the_input_model_is_called_by_the_end_of_its_path(config: Any, expected: str) -> None:
    run = read({"a": node(None, model_config={"config": config})}).records[0]

    assert run.model.name == expected


def test_best_metrics_are_a_run_per_processor() -> None:
    reading = read(sample("olive/best_metrics.json"))

    assert [
        (
            run.model.name,
            run.record.environment.device,
            run.record.environment.accelerator,
            values(run),
        )
        for run in reading.runs
    ] == [
        ("bert", "cpu", "8272CL", {"accuracy": 0.88, "latency_mean_ms": 15.5}),
        ("bert", "cpu", "8370C", {"accuracy": 0.88, "latency_mean_ms": 0.0}),
        ("bert", "gpu", "", {"accuracy": 0.9, "latency_mean_ms": 1.5}),
        ("deberta", "cpu", "", {"accuracy": 0.84, "latency_mean_ms": 57.5}),
    ]
    assert [said for said in reading.said if "available" in said] == [
        "/bert/cpu/latency-avg/8370C: 0 stands for a processor that was not available"
    ]


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        ([0.84, -57.5], {"accuracy": 0.84, "latency_mean_ms": 57.5}),
        ([-57.5, 0.84], {"accuracy": 0.84, "latency_mean_ms": 57.5}),
        ([0.84, 57.5], None),
        ([-0.5, -57.5], None),
        ([84.0, -57.5], None),
        ([0.84], None),
        ([0.84, "x"], None),
        ([0, 0], None),
    ],
)
def test_of_a_pair_only_what_is_sure_is_taken(pair: Any, expected: dict[str, float] | None) -> None:
    sure = {"cpu": {"accuracy-accuracy": 0.5, "latency-avg": 1}}
    reading = read({"a": sure, "b": {"gpu": pair}})

    found = [values(run) for run in reading.runs if run.model.name == "b"]
    assert found == ([] if expected is None else [expected])
    assert len(reading.notices) == (expected is None)


@pytest.mark.parametrize(
    "content",
    [
        {"a": {"value": 1, "higher_is_better": True}},
        {"bert": {"cpu": [0.5, -3]}},
        {"bert": {"tpu": {"accuracy-accuracy": 0.5, "latency-avg": 1}}},
        {"a": {"model_id": "a", "metrics": {}}},
        {},
    ],
)
def test_other_objects_are_not_claimed(content: Any) -> None:
    assert claimed_by(content) == []
    with pytest.raises(ReadError, match="no metrics of Olive"):
        read(json.dumps(content), reader="olive")


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no real files in {FOLDER}")
def test_the_real_best_metrics() -> None:
    path = next((FOLDER / "fp32_vs_int8").rglob("best_metrics.json"))
    reading = read(path.read_bytes(), path.name)

    assert (reading.reader, len(reading.records)) == ("olive", 20)
    assert len([said for said in reading.said if "0 stands for" in said]) == 2
