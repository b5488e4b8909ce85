"""Results of compress() calls: file → records → normalised runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from cetrack.domain import Identity, Kind, Link
from cetrack.readers.compression import compression_records, is_compression
from tests.readers.reading import claimed_by, read, sample, values

SIDE = {"accuracy": 0.5}


def item(**more: Any) -> dict[str, Any]:
    return {"model": "m", "baseline": SIDE, "compressed": {"accuracy": 0.4}, **more}


def test_a_result_is_a_baseline_and_a_compressed_run_linked_to_it() -> None:
    before, after = read(sample("compression/ptq.json")).runs

    assert (before.record.kind, after.record.kind) == (Kind.BENCHMARK, Kind.COMPRESSION)
    assert (before.record.is_baseline_copy, after.record.is_baseline_copy) == (True, False)
    assert after.record.baseline == Link(place="/baseline")
    assert before.record.place == "/baseline"
    assert (before.precision.name, after.precision.name) == ("fp32", "int8")
    assert (before.record.method, after.record.method) == ("", "ptq")
    for run in (before, after):
        assert run.record.identity is Identity.SNAPSHOT
        assert (run.model.name, run.model.library) == ("resnet50", "timm")
        assert run.model.input_shape == "3x224x224"
        assert run.record.started_at == datetime(2026, 6, 1, 2, tzinfo=UTC)


def test_metrics_ratios_and_calibration() -> None:
    before, after = read(sample("compression/ptq.json")).runs

    assert values(before) == {"accuracy": 0.7613, "latency_mean_ms": 12.13, "model_size_mb": 97.8}
    assert values(after) == {
        "accuracy": 0.7544,
        "latency_mean_ms": 4.24,
        "model_size_mb": 24.9,
        "size_ratio": 3.93,
        "speedup": 2.86,
        "accuracy_drop": 0.0069,
    }
    assert before.params == {}
    assert after.params == {"calibration.samples": 128, "calibration.observer": "minmax"}


def test_settings_in_a_block_are_of_both_runs() -> None:
    document = item(precision="int8", config={"device": "gpu", "seed": 3, "observer": "minmax"})

    before, after = read(document).records

    assert [(r.environment.device, r.seed) for r in (before, after)] == [("gpu", 3), ("gpu", 3)]
    assert (before.params, after.params) == ({}, {"observer": "minmax"})


def test_a_baseline_that_several_results_have_in_common_is_one_run() -> None:
    reading = read(sample("compression/list.json"))

    assert [(record.place, record.kind.value) for record in reading.records] == [
        ("/0/original", "benchmark"),
        ("/0/pruned", "compression"),
        ("/1/pruned", "compression"),
    ]
    assert {record.baseline for record in reading.records[1:]} == {Link(place="/0/original")}
    assert [values(run).get("sparsity") for run in reading.runs] == [None, 0.5, 0.9]
    assert reading.notices == ["/2: no baseline and compressed measurements: left out"]


def test_baselines_that_differ_in_anything_stated_are_two_runs() -> None:
    for difference in ({"seed": 2}, {"device": "gpu"}, {"model": "n"}, {"batch_size": 2}):
        reading = read([item(precision="int8"), item(precision="int8", **difference)])
        assert len(reading.records) == 4, difference


def test_one_result_per_line() -> None:
    reading = read(sample("compression/calls.jsonl"))

    assert [(r.place, r.precision, r.method) for r in reading.records] == [
        ("/1/baseline", "bf16", ""),
        ("/1/quantized", "int4", "qat"),
        ("/2/before", "fp32", ""),
        ("/2/after", "int4", ""),
    ]
    assert values(reading.runs[1]) == {"accuracy": 0.6, "precision_score": 0.59}


def test_a_line_that_is_being_written_is_left_out() -> None:
    line = json.dumps(item(precision="int8"))
    reading = read(f"{line}\n{line[:30]}", "calls.jsonl")

    assert len(reading.records) == 2
    assert reading.notices == ["line 2: cut off: left out until it is whole"]


@pytest.mark.parametrize(
    ("more", "precisions"),
    [
        ({"precision": "int8"}, ("fp32", "int8")),
        ({"target_precision": "fp8"}, ("fp32", "fp8")),
        ({"dtype": "torch.qint8"}, ("fp32", "torch.qint8")),
        ({"bits": 4}, ("fp32", "int4")),
        ({"bits": True}, ("fp32", "")),
        ({"bits": 7}, ("fp32", "")),
        ({"baseline_precision": "bf16", "precision": "int8"}, ("bf16", "int8")),
        ({"method": "pruning"}, ("fp32", "fp32")),
        ({"method": "Pruned", "baseline_precision": "fp16"}, ("fp16", "fp16")),
        ({"method": "knowledge distillation"}, ("fp32", "fp32")),
        ({"method": "ptq_int8"}, ("fp32", "ptq_int8")),
        ({"method": "ptq"}, ("fp32", "")),
        ({"compressed": {"precision": "int8", "accuracy": 0.4}}, ("fp32", "int8")),
        (
            {"compressed": {"precision": 0.9, "accuracy": 0.4}, "precision": "int8"},
            ("fp32", "int8"),
        ),
        ({"compressed": {"precision": "0.9", "accuracy": 0.4}}, ("fp32", "")),
        ({"compressed": {"precision": "zz9", "accuracy": 0.4}}, ("fp32", "zz9")),
        (
            {"baseline": {"dtype": "float16", "accuracy": 1}, "precision": "int8"},
            ("float16", "int8"),
        ),
        ({"baseline": {"fp16": SIDE}, "compressed": {"w8a8": SIDE}}, ("fp16", "w8a8")),
    ],
)
def test_which_precisions_the_two_sides_have(
    more: dict[str, Any], precisions: tuple[str, str]
) -> None:
    before, after = read(item(**more)).records

    assert (before.precision, after.precision) == precisions


@pytest.mark.parametrize(
    ("method", "canonical"),
    [
        ("PTQ", "ptq"),
        ("Post-Training Quantization", "ptq"),
        ("qat", "qat"),
        ("distilled", "distillation"),
        ("SmoothQuant", "SmoothQuant"),
    ],
)
def test_the_method_is_normalised_and_an_unknown_one_kept(method: str, canonical: str) -> None:
    before, after = read(item(method=method, precision="int8")).runs

    assert (before.record.method, after.record.method) == ("", canonical)


@pytest.mark.parametrize(
    "pair",
    [
        ("baseline", "compressed"),
        ("baseline_metrics", "compressed_metrics"),
        ("original", "quantized"),
        ("original_metrics", "quantized_metrics"),
        ("before", "after"),
        ("fp32", "optimized"),
        ("baseline", "pruned"),
        ("baseline", "distilled"),
    ],
)
def test_the_sides_have_many_names(pair: tuple[str, str]) -> None:
    document = {"model": "m", "precision": "int8", pair[0]: SIDE, pair[1]: {"accuracy": 0.4}}

    assert claimed_by(document) == ["compression"]
    assert [values(run) for run in read(document).runs] == [{"accuracy": 0.5}, {"accuracy": 0.4}]


def test_the_history_of_a_qat_stays_with_it() -> None:
    document = item(precision="int8", method="qat", history={"train_loss": [2, 1]})

    assert claimed_by(document) == ["compression"]
    assert [sample.name for sample in read(document).records[1].samples] == ["history.train_loss"]


@pytest.mark.parametrize(
    "document",
    [
        {"baseline": SIDE},
        {"compressed": SIDE},
        {"baseline": 0.5, "compressed": 0.4},
        {"before": {"text": "a"}, "after": {"text": "b"}},
        {"before": SIDE, "after": {}},
        [],
        [1],
        {},
    ],
)
def test_what_is_no_compression_result(document: Any) -> None:
    assert not is_compression(document)
    assert "compression" not in claimed_by(document)


def test_asked_to_read_something_else_the_reader_says_so() -> None:
    assert read({"name": "x"}, reader="compression").notices == [
        ": no baseline and compressed measurements: left out"
    ]


def test_a_compressed_metric_wins_over_a_ratio_of_that_name() -> None:
    document = item(
        precision="int8",
        compressed={"accuracy": 0.4, "speedup": 2},
        ratios={"speedup": 9, "size_ratio": 4},
    )

    assert values(read(document).runs[1]) == {"accuracy": 0.4, "speedup": 2.0, "size_ratio": 4.0}


def test_an_empty_baseline_makes_a_record_without_numbers() -> None:
    before, after = compression_records(item(baseline={}, precision="int8"), "")

    assert before.series == ()
    assert [series.name for series in after.series] == ["accuracy"]


def test_several_compressed_sides_are_no_pair() -> None:
    several = {"baseline": SIDE, "quantized": {"accuracy": 0.4}, "pruned": {"accuracy": 0.3}}

    assert not is_compression(several)
    assert claimed_by(several) == ["results"]
