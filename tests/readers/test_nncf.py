"""NNCF: tables of conformance suites → records → normalised runs."""

from __future__ import annotations

import pytest

from cetrack.domain import Kind, Status
from tests.readers.reading import Reading, claimed_by, read, sample, values

COLUMNS = "Model,Backend,Metric name,Metric value,Metric diff,Num FQ,Num int8,Total time,Status"


def table(*lines: str, columns: str = COLUMNS) -> Reading:
    return read("\n".join([columns, *lines, ""]), "results.csv")


def test_a_row_is_a_run_and_fp32_the_benchmark_behind_it() -> None:
    reading = read(sample("nncf/results.csv"))

    assert [
        (run.model.name, run.model.library, run.record.kind, run.precision.name, run.record.variant)
        for run in reading.runs
    ] == [
        ("resnet50", "timm", Kind.BENCHMARK, "fp32", "FP32"),
        ("resnet50", "timm", Kind.COMPRESSION, "int8", "OV"),
        ("swin_v2_s", "torchvision", Kind.COMPRESSION, "int8", "TORCH"),
        ("local/net", "", Kind.COMPRESSION, "unknown", "ONNX"),
        ("bert-base", "huggingface", Kind.COMPRESSION, "unknown", "OPTIMUM"),
    ]
    assert [run.record.method for run in reading.runs] == ["", "ptq", "ptq", "ptq", "ptq"]
    assert {run.record.environment.runtime for run in reading.runs} == {"openvino"}


def test_times_memory_and_counts_of_a_compression() -> None:
    run = read(sample("nncf/results.csv")).runs[1]

    assert values(run) == {
        "accuracy": 0.7591,
        "acc@1_diff": -0.0022,
        "num_fq": 81.0,
        "num_int8": 54.0,
        "throughput_ips": 238.1,
        "bias_correction_time": 10_000.0,
        "compression_time": 65_000.0,
        "statistics_collection_time": 40_000.0,
        "total_time": 220_000.0,
        "validation_time": 90_000.0,
        "compression_memory": 2317.35296,
        "compression_memory_system": -1.048576,
    }
    found = {item.metric.name: item.metric for item in run.series}
    assert (found["total_time"].unit, found["total_time"].direction) == ("ms", "lower")
    assert [notice.text for notice in run.notices] == [
        "'RAM MiB System' is -1, which means not measured"
    ]
    assert run.tags == {"build_url": "https://ci.example/7"}


def test_a_status_is_a_reason_and_without_a_metric_a_failure() -> None:
    runs = read(sample("nncf/results.csv")).runs

    assert [(run.record.status, run.record.status_reason) for run in runs[2:]] == [
        (
            Status.FINISHED,
            "Regression: Metric value is less than reference 0.8101 < 0.8201",
        ),
        (Status.FAILED, "RuntimeError: no such node"),
        (Status.FINISHED, "XFAIL: metrics_xfail_reason - known"),
    ]


def test_weights_alone_have_four_bits_or_eight() -> None:
    runs = read(sample("nncf/weights.csv")).runs

    assert [(run.model.name, run.precision.name) for run in runs] == [
        ("tinyllama", "int4_weight_only"),
        ("tinyllama_int8", "int8_weight_only"),
    ]
    assert values(runs[0])["Similarity"] == 0.85


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0:01:05", 65_000.0),
        ("26:00:00", 93_600_000.0),
        ('"1 day, 0:00:09"', 86_409_000.0),
        ('"2 days, 1:00:00"', 176_400_000.0),
        ("65", None),
        ("1:5", None),
        ("", None),
    ],
)
def test_durations(text: str, expected: float | None) -> None:
    run = table(f"timm/a,OV,acc@1,0.5,,,3,{text},").runs[0]

    assert values(run).get("total_time") == expected


def test_an_old_table_counts_quantisers_alone() -> None:
    old = COLUMNS.replace("Num int8,", "")

    run = table("timm/a,OV,acc@1,0.5,,81,0:00:01,", columns=old).runs[0]

    assert run.precision.name == "int8"


def test_text_where_numbers_should_be_is_no_measurement() -> None:
    reading = table("a,OV,acc@1,bad,,x,y,0:00:01,why", "a,OV,acc@1,0.5,,1,2,,", ",OV,acc@1,1,,,,,")

    first, second = reading.runs
    assert (first.record.status, first.record.status_reason) == (Status.FAILED, "why")
    assert values(second)["accuracy"] == 0.5
    assert "row 4: no model: left out" in reading.notices


@pytest.mark.parametrize(
    "columns", [COLUMNS.replace("Backend,", ""), COLUMNS.replace("Num FQ,Num int8,", ""), "a,b"]
)
def test_another_table_is_not_claimed(columns: str) -> None:
    assert claimed_by(f"{columns}\n1,2\n", "results.csv") == []
