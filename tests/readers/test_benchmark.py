"""Benchmark results: file → records → normalised runs."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest

from cetrack.domain import Identity, Kind, Spread, Status
from cetrack.errors import MalformedSourceError, UnknownFormatError
from tests.readers.reading import claimed_by, points, read, sample, values

ENTRY = {"accuracy": 0.5}


def test_a_results_file_is_a_run_per_model_and_precision() -> None:
    runs = read(sample("benchmark/nightly.json")).runs

    assert [(run.model.name, run.precision.name, run.record.place) for run in runs] == [
        ("resnet50", "fp32", "/resnet50/fp32"),
        ("resnet50", "int8", "/resnet50/int8"),
        ("distilbert", "int8", "/distilbert/int8"),
    ]
    assert {(run.record.kind, run.record.identity) for run in runs} == {
        (Kind.BENCHMARK, Identity.SNAPSHOT)
    }


def test_all_metrics_of_the_compression_engine_are_known() -> None:
    run = read(sample("benchmark/nightly.json")).runs[0]

    assert values(run) == {
        "accuracy": 0.7613,
        "f1_score": 0.7588,
        "sensitivity": 0.74,
        "specificity": 0.99,
        "loss": 0.961,
        "latency_mean_ms": 12.13,
        "latency_std_ms": 0.31,
        "model_size_mb": 97.8,
        "memory_usage_mb": 311.5,
        "gpu_memory_usage_mb": 0.0,
        "power_mw": 15300.0,
    }
    assert {item.metric.unit for item in run.series} == {"fraction", None, "ms", "MB", "mW"}
    assert run.notices == ()


def test_model_environment_and_file_facts_reach_every_run() -> None:
    first, _, last = read(sample("benchmark/nightly.json")).runs

    assert first.model.library == "timm"
    assert first.model.category == "vision"
    assert first.model.description == "residual network"
    assert first.model.input_shape == "3x224x224"
    assert last.model.input_shape == "128"
    assert (first.record.environment.device, last.record.environment.device) == ("cpu", "gpu")
    for run in (first, last):
        assert run.record.started_at == datetime(2026, 6, 1, 2, tzinfo=UTC)
        assert (run.record.batch_size, run.record.seed) == (1, 7)
        assert run.params == {"num_runs": 100}


def test_odd_values_are_kept_and_said() -> None:
    reading = read(sample("benchmark/odd.json"))
    first, second, third = reading.runs

    assert first.model.name == "../../etc/x"
    found = values(first)
    assert math.isnan(found.pop("loss"))
    assert found == {
        "accuracy": 0.91,
        "top5_accuracy": 0.975,
        "throughput": math.inf,
        "latency_ms": 3.5,
        "latency_p99_ms": 4.3,
        "per_class.cat.f1": 0.5,
        "per_class.dog.f1": 0.25,
        "flops": 1e30,
    }
    latency = next(item for item in first.series if item.metric.name == "latency_ms")
    assert latency.spread == Spread(std=0.25, min=3.1, max=4.4, n=100)
    assert [item.metric.name for item in first.samples] == ["latency_ms"]
    assert first.params == {"layers": "conv1, fc", "engine": "fallback", "calibrated": False}
    assert [item.name for item in first.record.artifacts] == ["confusion_matrix"]

    assert (second.precision.name, second.record.status) == ("int8_weight_only", Status.FAILED)
    assert values(second) == {"accuracy": 0.9, "precision_score": 0.88, "latency_ms": 1.75}
    assert (third.model.name, third.precision.name) == ("résumé 🚀", "q4_k_m")
    assert values(third) == {"perplexity": 6.02, "model_size_mb": 4100.0}

    base = "/..~1..~1etc~1x"
    assert reading.said == [
        f"{base}/ratios: not under a precision: left out",
        f"{base}/fp32/accuracy: number written as text: '0.91'",
        f"{base}/fp32/top5: number written as text: '97.5 %'",
        f"{base}/fp32/recall: 'n/a' is not a number: left out",
        f"{base}/fp32/loss: NaN: stored as a missing value",
        f"{base}/fp32/throughput: infinite, or beyond a 64-bit float",
        f"{base}/fp32/throughput: 'throughput' has no unit: kept under its own name, not taken as "
        "throughput_ips",
    ]


@pytest.mark.parametrize(
    "precisions",
    [
        ["int8"],
        ["fp32", "fp16", "bf16", "fp8", "int8", "int4"],
        ["FP32 (baseline)", "W8A8 INT8", "int8wo", "INT4 (Simulated)"],
        ["fp32", "quantized"],
        ["fp32", "mystery"],
        ["float", "w8a8"],
        ["onnx_int8", "tflite_int8"],
    ],
)
def test_any_number_of_precisions_under_any_name(precisions: list[str]) -> None:
    reading = read({"m": dict.fromkeys(precisions, ENTRY)})

    assert [record.precision for record in reading.records] == precisions


def test_a_runtime_and_a_method_in_the_key_are_fields() -> None:
    (run,) = read({"m": {"onnx_int8 ptq": ENTRY}}).runs

    assert run.precision.name == "int8"
    assert (run.record.environment.runtime, run.record.method) == ("onnxruntime", "ptq")
    assert run.record.variant == ""


def test_other_words_beside_a_precision_are_a_variant() -> None:
    runs = read({"m": {"M1 — FP32 Baseline": ENTRY, "fp32": ENTRY}}).runs

    assert [(run.precision.name, run.record.variant) for run in runs] == [
        ("fp32", "M1 — FP32 Baseline"),
        ("fp32", ""),
    ]


UNKNOWN = "without a precision that holds measurements: left out"


@pytest.mark.parametrize(
    ("beside", "said"),
    [
        ({"timestamp": "2026-01-31"}, []),
        ({"config": {"batch_size": 8, "threads": 4}}, []),
        ({"hardware": {"cpu_name": "Xeon", "ram": "16 GB"}}, []),
        ({"note": "warm"}, ["/note: kept as a parameter of every run of the file"]),
        ({"version": 2}, ["/version: kept as a parameter of every run of the file"]),
        ({"extra": {"a": 1}}, [f"/extra: object {UNKNOWN}"]),
        ({"list": [1]}, [f"/list: list {UNKNOWN}"]),
        ({"summary": {"fp32": {"accuracy": 1}}}, [f"/summary: object {UNKNOWN}"]),
        ({"nothing": None}, []),
    ],
)
def test_what_stands_beside_the_models_is_understood_or_reported(
    beside: dict[str, Any], said: list[str]
) -> None:
    reading = read({"m": {"fp32": ENTRY}, **beside})

    assert len(reading.records) == 1
    assert reading.said == said


def test_file_facts_do_not_override_those_of_a_run() -> None:
    document = {
        "device": "cpu",
        "status": "completed",
        "config": {"seed": 1},
        "m": {"int8": {"accuracy": 0.5, "device": "gpu", "status": "failed", "seed": 2}},
    }

    (record,) = read(document).records

    assert (record.environment.device, record.status, record.seed) == ("gpu", Status.FAILED, 2)


@pytest.mark.parametrize(
    ("beside", "said"),
    [
        ({"library": "timm", "input_shape": [1, 3, 32, 32]}, []),
        ({"dataset": "cifar10"}, []),
        ({"speedup": 2.5}, ["/m/speedup: not under a precision: left out"]),
        ({"comparison": {"accuracy": 0.1}}, ["/m/comparison: not under a precision: left out"]),
        ({"int8": {}}, ["/m/int8: no measurements: no run made"]),
        ({"notes": {"text": "x"}}, ["/m/notes: not under a precision: left out"]),
    ],
)
def test_what_stands_beside_the_precisions(beside: dict[str, Any], said: list[str]) -> None:
    reading = read({"m": {"fp32": ENTRY, **beside}})

    assert len(reading.records) == 1
    assert reading.said == said


def test_a_history_beside_measurements_makes_the_user_choose() -> None:
    document = {"m": {"fp32": ENTRY, "int8": {"train_loss": [1, 2]}}}

    assert claimed_by(document) == ["benchmark", "epochs"]
    with pytest.raises(UnknownFormatError, match="could be benchmark or epochs") as caught:
        read(document)
    assert caught.value.hint == "say which: --reader benchmark"
    assert read(document, reader="benchmark").said == [
        "/m/int8: a history of epochs beside measurements: left out"
    ]


def test_facts_beside_the_precisions_are_of_the_model() -> None:
    document = {"m": {"fp32": ENTRY, "library": "timm", "input_shape": [3, 8, 8], "task": "cls"}}

    (run,) = read(document).runs

    assert (run.model.library, run.model.input_shape, run.record.task) == ("timm", "3x8x8", "cls")


def test_a_shape_under_a_precision_is_no_sample() -> None:
    (run,) = read({"m": {"fp32": {**ENTRY, "input_shape": [1, 3, 32, 32]}}}).runs

    assert (run.model.input_shape, run.record.batch_size, run.samples) == ("3x32x32", 1, ())


@pytest.mark.parametrize(
    ("document", "model"),
    [
        ({"fp32": ENTRY, "int8": ENTRY}, ""),
        ({"timestamp": "2026-01-31", "config": {"seed": 1}, "fp32": ENTRY, "int8": ENTRY}, ""),
        ({"model": "lenet", "fp32": ENTRY, "int8": ENTRY}, "lenet"),
        ({"model_info": {"name": "lenet", "library": "x"}, "fp32": ENTRY, "int8": ENTRY}, "lenet"),
    ],
)
def test_precisions_alone_leave_the_model_to_the_path(document: Any, model: str) -> None:
    reading = read(document)

    assert [(item.model.name, item.precision) for item in reading.records] == [
        (model, "fp32"),
        (model, "int8"),
    ]
    assert [record.place for record in reading.records] == ["/fp32", "/int8"]


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(
            {"summary": {"a_fp32": ENTRY, "a_int8": ENTRY}}, id="precision in a longer key"
        ),
        pytest.param({"inference": {"single": {"x": 1}, "batch": {"x": 2}}}, id="an ordinary word"),
        pytest.param({"task": {"binary": {"f1": 0.5}}}, id="binary classification"),
        pytest.param({"half": {"x": 1}, "full": {"x": 2}}, id="halves"),
        pytest.param({"fp32": {"lenet": ENTRY}}, id="precision, then model"),
        pytest.param({"m": {"fp32": 3, "int8": 4}}, id="numbers without names"),
        pytest.param({"m": {"fp32": {"note": "x"}}}, id="no measurement"),
        pytest.param({"m": {"fp32": {"train_loss": [1, 2]}}}, id="a history"),
        pytest.param(
            {"baseline": {"fp32": ENTRY}, "compressed": {"int8": ENTRY}}, id="compression"
        ),
        pytest.param({"cpu": {"accuracy": 1}, "gpu": {"accuracy": 1}}, id="no precision at all"),
        pytest.param([{"m": {"fp32": ENTRY}}], id="a list"),
        pytest.param({}, id="nothing"),
    ],
)
def test_what_is_no_results_file(document: Any) -> None:
    assert "benchmark" not in claimed_by(document)


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/x",
        "a/b",
        "'; drop table run; --",
        "resnet 🚀",
        "x" * 5000,
        "a\0\ud800",
        "~",
        "%s",
    ],
    ids=lambda name: f"{name!r:.20}",
)
def test_a_model_may_have_any_name(name: str) -> None:
    reading = read({name: {"int8": ENTRY}})
    (run,) = reading.runs

    assert reading.records[0].model.name == name
    assert 0 < len(run.model.name) <= 200
    run.model.name.encode()
    assert (run.model.name == name) is (len(name) <= 200 and "\0" not in name)
    if run.model.name != name:
        assert reading.said == [
            f"/{name}/int8: model name cut or cleaned: see parameter model_name"
        ]


def test_a_duplicate_key_is_said() -> None:
    reading = read('{"m": {"fp32": {"accuracy": 0.1}, "fp32": {"accuracy": 0.5}}}')

    assert values(reading.runs[0]) == {"accuracy": 0.5}
    assert reading.notices == [": key 'fp32' stands twice in one object: the last one counts"]


def test_two_names_of_one_metric_are_both_kept_unless_equal() -> None:
    document = {"m": {"int8": {"acc": 0.4, "accuracy": 0.5, "latency_us": 3000, "latency_ms": 3}}}

    (run,) = read(document).runs

    assert values(run) == {"acc": 0.4, "accuracy": 0.5, "latency_ms": 3.0}


@pytest.mark.parametrize("document", [[1], "text", 3, None])
def test_asked_to_read_something_else_the_reader_says_so(document: Any) -> None:
    with pytest.raises(MalformedSourceError, match="not a JSON object of models"):
        read(json.dumps(document), reader="benchmark")


def test_negative_and_zero_are_data() -> None:
    reading = read({"m": {"int8": {"latency_mean_ms": -3.5, "perplexity": 0, "loss": -1}}})

    assert points(reading.runs[0])["latency_mean_ms"] == {0: -3.5}
    assert reading.said == ["/m/int8/latency_mean_ms: negative latency -3.5: kept as read"]
