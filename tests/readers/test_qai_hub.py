"""Qualcomm AI Hub: perf.yaml of both layouts, numerics.yaml beside it or alone."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cetrack.domain import Spread, Status
from cetrack.errors import ReadError
from cetrack.readers.base import Match
from cetrack.readers.registry import choose
from cetrack.readers.source import Source
from tests.readers.reading import SAMPLES, claimed_by, read, sample, values
from tests.readers.test_realdata import FOLDER

PERF, NUMERICS = "qai_hub/mobilenet/perf.yaml", "qai_hub/mobilenet/numerics.yaml"


def test_a_run_per_precision_device_and_runtime_with_its_accuracy() -> None:
    reading = read(sample(PERF))
    found = [
        (run.model.name, run.precision.name, run.record.environment.runtime, values(run))
        for run in reading.runs
    ]

    layers = {"layer_counts.total": 71.0, "layer_counts.npu": 70.0, "layer_counts.cpu": 1.0}
    first = {"latency_ms": 1.25, "memory_usage_mb": 10.0, **layers, "accuracy": 0.7225}
    assert found == [
        ("MobileNet-v2", "fp32", "tflite", first),
        ("MobileNet-v2", "fp32", "onnxruntime", {}),
        ("MobileNet-v2", "int8", "tflite", {"latency_ms": 0.5, "accuracy": 0.705}),
        ("MobileNet-v2", "fp32", "pytorch", {"accuracy": 0.725}),
        ("MobileNet-v2", "int8", "qnn_dlc", {"accuracy": pytest.approx(0.7075)}),
    ]
    assert reading.said == []


def test_device_versions_and_the_unit_that_ran_it() -> None:
    run = read(sample(PERF)).runs[0]

    assert run.record.environment.device == "Phone S"
    assert run.record.environment.runtime_version == "2.17.0"
    assert run.record.tags == {"qai_hub_job": "j1"}
    assert run.record.dataset == "imagenet"
    assert run.params == {
        "primary_compute_unit": "NPU",
        "tool_versions.qairt": "2.42.0",
        "tool_versions.tflite": "2.17.0",
        "num_partial_samples": 1000,
    }
    assert {item.metric.name: item.spread for item in run.series}["memory_usage_mb"] == Spread(
        min=0.0, max=10.0
    )


def test_a_job_that_did_not_pass_is_a_failed_run() -> None:
    run = read(sample(PERF)).runs[1]

    assert (run.record.status, run.record.status_reason) == (Status.FAILED, "job failed")


def test_in_the_old_layout_times_are_microseconds_and_a_quantised_model_has_another_name() -> None:
    first, failed = read(sample("qai_hub/old/perf.yaml")).runs

    assert (first.model.name, first.precision.name) == ("MobileNet-v2", "int8")
    assert first.params["qai_hub_model"] == "MobileNet-v2-Quantized"
    found = values(first)
    assert (found["latency_ms"], found["throughput_ips"]) == (0.433, 2309.5)
    assert found["memory_usage_mb"] == 17.0
    environment = first.record.environment
    assert (environment.device, environment.accelerator) == ("Phone S", "Chip® 2")
    assert (environment.os, environment.runtime) == ("Android 13", "tflite")
    assert first.record.started_at == datetime(2026, 2, 12, 7, 47, 3, tzinfo=UTC)
    assert (failed.record.status, failed.precision.name) == (Status.FAILED, "unknown")


def test_accuracies_are_a_companion_only_where_the_times_lie_beside_them(tmp_path: Path) -> None:
    assert choose(sample(NUMERICS))[1] is Match.COMPANION
    assert choose(sample("qai_hub/alone/numerics.yaml"))[1] is Match.YES
    shutil.copy(SAMPLES / NUMERICS, tmp_path / "numerics.yaml")
    (tmp_path / "perf.yaml").write_text("performance_metrics: 5\n")

    source = Source("numerics.yaml", path=tmp_path / "numerics.yaml")

    assert choose(source)[1] is Match.YES
    assert [run.precision.name for run in read(source).runs] == ["fp32", "fp32", "int8", "int8"]


def test_accuracies_alone_keep_a_metric_and_a_unit_that_we_do_not_know() -> None:
    run = read(sample("qai_hub/alone/numerics.yaml")).runs[0]

    assert values(run) == {"Mean Average Precision": 34.5}
    assert run.series[0].metric.unit == "mAP"
    assert (run.record.dataset, run.record.environment.device) == ("coco", "Tablet T")


def test_broken_accuracies_do_no_harm(tmp_path: Path) -> None:
    shutil.copy(SAMPLES / PERF, tmp_path / "perf.yaml")
    (tmp_path / "numerics.yaml").write_text("metrics: [")

    reading = read(Source("perf.yaml", path=tmp_path / "perf.yaml"))

    assert len(reading.runs) == 3
    assert [text for text in reading.notices if "numerics.yaml is left out" in text]


def test_accuracies_of_several_components_are_of_none(tmp_path: Path) -> None:
    text = (SAMPLES / PERF).read_text()
    part = (
        "      Other:\n        performance_metrics:\n          Phone S:\n            tflite: {}\n"
    )
    (tmp_path / "perf.yaml").write_text(
        text.replace("    components:\n", f"    components:\n{part}")
    )
    shutil.copy(SAMPLES / NUMERICS, tmp_path / "numerics.yaml")

    reading = read(Source("perf.yaml", path=tmp_path / "perf.yaml"))

    named = [run for run in reading.runs if run.model.name and "accuracy" in values(run)]
    assert named == []
    assert sum("accuracy" in values(run) for run in reading.runs) == 4


@pytest.mark.parametrize(
    "text",
    [
        "performance_metrics: 1\n",
        "precisions:\n  float: {components: {A: {performance_metrics: 3}}}\n",
        "models:\n- name: A\n  performance_metrics: {}\n",
        "metrics:\n- device_metric: {}\n",
        "device_metric: [\n",
    ],
)
def test_other_yaml_is_not_claimed(text: str) -> None:
    assert claimed_by(text, "perf.yaml") == []
    with pytest.raises(ReadError, match="no performance metrics of Qualcomm AI Hub"):
        read(text, "perf.yaml", reader="qai_hub")


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no real files in {FOLDER}")
def test_the_real_model() -> None:
    path = next((FOLDER / "fp32_vs_int8").rglob("perf.yaml"))
    reading = read(Source(str(path), path=path))

    assert len(reading.records) == 80
    assert reading.said == []
    known = [run for run in reading.runs if {"accuracy", "latency_ms"} <= values(run).keys()]
    assert {run.record.environment.device for run in known} == {"Samsung Galaxy S25"}
    assert len(known) == 7
    assert {run.precision.name for run in known} == {
        "fp32", "int8", "int8_weight_only", "w8a16_mixed_int16",
    }  # fmt: skip
