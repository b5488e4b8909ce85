"""pytorch-image-models: tables of benchmarks and accuracies, and trainings."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from cetrack.domain import Identity, Kind, NormalRun, Status
from cetrack.errors import ReadError
from cetrack.readers.base import Match
from cetrack.readers.registry import choose
from cetrack.readers.source import Source
from tests.readers.reading import claimed_by, points, read, sample, values
from tests.readers.test_realdata import FOLDER

HEADER = "model,infer_samples_per_sec,infer_step_time,infer_batch_size,infer_img_size,param_count"
ROW = "resnet10t,300.12,3.231,1,176,5.44"
TABLE = f"{HEADER}\n{ROW}\n"
SUMMARY = "epoch,train_loss,eval_loss,eval_top1,eval_top5,lr\n0,6.5,5.5,4.0,12.5,0.1\n"
ARGS = "model: resnet18\nopt: sgd\nsched: cosine\nsmoothing: 0.1\ncrop_pct: null\n"


def only(content: str | bytes, name: str) -> NormalRun:
    reading = read(content, name)
    assert reading.reader == "timm"
    (run,) = reading.runs
    return run


def test_a_row_of_a_benchmark_is_a_run() -> None:
    name = "timm/benchmark-infer-amp-nhwc-pt113-cu117-rtx3090-dynamo.csv"
    reading = read(sample(name))

    first, second = reading.runs
    assert (first.model.name, first.model.library) == ("resnet18.a1_in1k", "timm")
    assert (first.model.input_shape, first.record.batch_size) == ("3x224x224", 256)
    assert (first.record.kind, first.record.identity) == (Kind.BENCHMARK, Identity.SNAPSHOT)
    assert values(first) == {
        "throughput_ips": 4712.33,
        "latency_mean_ms": 54.325,
        "macs": 1.82e9,
        "infer_macts": 2.48,
        "num_parameters": 11.69e6,
    }
    assert values(second)["num_parameters"] == pytest.approx(1012.61e6)
    assert {item.source_name: item.scale for item in first.series}["infer_gmacs"] == 1e9
    assert reading.said == []


NAMES = [
    pytest.param(
        "benchmark-infer-amp-nchw-pt210-cu121-rtx3090.csv",
        ("amp", "cuda", "rtx3090", "2.1.0", {"cuda": "12.1"}, "infer-nchw"),
        id="a GPU",
    ),
    pytest.param(
        "benchmark-infer-fp32-nchw-pt221-cpu-i9_10940x-dynamo.csv",
        ("fp32", "cpu", "i9_10940x", "2.2.1", {}, "infer-nchw-dynamo"),
        id="a CPU, compiled",
    ),
    pytest.param(
        "benchmark-train-amp-nhwc-pt112-cu113-rtx3090.csv",
        ("amp", "cuda", "rtx3090", "1.12", {"cuda": "11.3"}, "train-nhwc"),
        id="PyTorch 1.12",
    ),
    pytest.param(
        "benchmark-infer-amp_bf16-nchw-pt291-cu130-pro6000maxq.csv",
        ("amp_bf16", "cuda", "pro6000maxq", "2.9.1", {"cuda": "13.0"}, "infer-nchw"),
        id="mixed with bfloat16",
    ),
    pytest.param(
        "benchmark-infer-bf16-channels_last-pt240-a100-40gb.csv",
        ("bf16", "", "channels_last-a100-40gb", "2.4.0", {}, "infer"),
        id="other words",
    ),
    pytest.param(
        "model_benchmark_amp_nchw_rtx3090.csv",
        ("amp", "", "rtx3090", "", {}, "nchw"),
        id="the old name",
    ),
    pytest.param("nightly.csv", ("unknown", "", "", "", {}, ""), id="another name"),
    pytest.param("benchmark-.csv", ("unknown", "", "", "", {}, ""), id="no words"),
]


@pytest.mark.parametrize(("name", "expected"), NAMES)
def test_the_name_of_a_file_says_how_it_was_measured(name: str, expected: Any) -> None:
    run = only(TABLE, name)

    environment = run.record.environment
    assert environment.runtime == "pytorch"
    assert (
        run.precision.name,
        environment.device,
        environment.accelerator,
        environment.runtime_version,
        environment.details,
        run.record.variant,
    ) == expected


def test_a_training_step_is_no_inference() -> None:
    header = "model,train_samples_per_sec,train_step_time,train_batch_size,train_img_size"
    run = only(f"{header}\nresnet18,1000.0,256.0,256,160\n", "benchmark-train-amp-nchw-a100.csv")

    assert values(run) == {"train/throughput_ips": 1000.0, "train_step_time": 256.0}
    assert (run.record.batch_size, run.model.input_shape) == (256, "3x160x160")


def test_of_both_the_inference_says_batch_and_size() -> None:
    header = f"{HEADER},train_samples_per_sec,train_step_time,train_batch_size,train_img_size"
    run = only(f"{header}\n{ROW},10.0,100.0,64,128\n", "benchmark-both-fp32-cpu.csv")

    assert (run.record.batch_size, run.model.input_shape) == (1, "3x176x176")
    assert (run.params["train_batch_size"], run.params["train_img_size"]) == (64, 128)
    assert "infer_batch_size" not in run.params


def test_accuracies_are_fractions_on_the_data_set_of_the_name() -> None:
    reading = read(sample("timm/results-imagenet-real.csv"))

    first, second = reading.runs
    assert values(first) == {
        "accuracy": 0.85125,
        "top1_err": 14.875,
        "top5_accuracy": 0.975,
        "top5_err": 2.5,
        "num_parameters": 5.76e6,
        "top1_diff": 4.5,
        "top5_diff": 1.25,
        "rank_diff": -3.0,
    }
    assert {item.metric.name: item.metric.unit for item in first.series}["top1_diff"] == "%"
    assert (second.record.dataset, second.model.input_shape) == ("imagenet-real", "3x288x288")
    assert second.params == {"crop_pct": 1, "interpolation": "bicubic"}


@pytest.mark.parametrize(
    ("name", "dataset"),
    [("results-sketch.csv", "sketch"), ("results-all.csv", ""), ("eval.csv", "")],
)
def test_the_data_set_is_that_of_the_name(name: str, dataset: str) -> None:
    assert only("model,top1,top1_err\na,50.0,50.0\n", name).record.dataset == dataset


def test_a_training_is_its_summary_with_its_arguments() -> None:
    (run,) = read(sample("timm/20250301-101500-resnet18-160/summary.csv")).runs

    assert (run.record.kind, run.record.identity) == (Kind.TRAINING, Identity.LOG)
    assert points(run) == {
        "train/loss": {0: 6.51, 1: 5.72},
        "eval/loss": {0: 5.88, 1: 4.91},
        "eval/accuracy": {0: 0.04125, 1: 0.1425},
        "eval/top5_accuracy": {0: 0.125, 1: 0.3375},
        "learning_rate": {0: 0.0001, 1: 0.05},
    }
    assert (run.model.name, run.model.input_shape) == ("resnet18", "3x160x160")
    assert (run.precision.name, run.record.batch_size, run.record.seed) == ("amp_bf16", 192, 42)
    assert run.record.dataset == "imagewoof"
    assert run.params["sched"] == "cosine"


@pytest.mark.parametrize(
    ("line", "precision", "shape"),
    [
        ("amp: true", "amp", ""),
        ("native_amp: true", "amp", ""),
        ("amp: false", "unknown", ""),
        ("model_dtype: bfloat16", "bf16", ""),
        ("input_size: [3, 128, 160]", "unknown", "3x128x160"),
        ("img_size: 192", "unknown", "3x192x192"),
        ("img_size: big", "unknown", ""),
    ],
)
def test_what_arguments_state(tmp_path: Path, line: str, precision: str, shape: str) -> None:
    (tmp_path / "args.yaml").write_text(f"{ARGS}{line}\n")
    path = tmp_path / "summary.csv"
    path.write_text(SUMMARY)

    (run,) = read(Source(str(path), path=path)).runs
    assert (run.precision.name, run.model.input_shape) == (precision, shape)


def test_the_arguments_of_another_tool_say_nothing(tmp_path: Path) -> None:
    (tmp_path / "args.yaml").write_text("model: yolov8n.pt\namp: true\n")
    path = tmp_path / "summary.csv"
    path.write_text(SUMMARY)

    (run,) = read(Source(str(path), path=path)).runs
    assert (run.model.name, run.precision.name, run.params) == ("", "unknown", {})
    with pytest.raises(ReadError):
        choose(Source("args.yaml", path=tmp_path / "args.yaml"))


@pytest.mark.parametrize(
    ("content", "claimed"),
    [
        (TABLE, ["timm"]),
        ("model,train_samples_per_sec\na,1\n", ["timm"]),
        ("model,top1,top1_err\na,1,99\n", ["timm"]),
        (SUMMARY, ["timm"]),
        ("model,top1,top5\na,1,2\n", []),
        ("top1,top1_err\n1,99\n", []),
        ("epoch,train_loss,eval_loss\n0,1,2\n", ["epochs"]),
    ],
)
def test_what_is_its_table(content: str, claimed: list[str]) -> None:
    assert claimed_by(content, "a.csv") == claimed


def test_a_model_that_failed_is_a_run_that_failed() -> None:
    run = only(f"{HEADER},error\nbig,,,,,,CUDA out of memory\n", "benchmark-infer-fp32.csv")

    assert (run.record.status, run.record.status_reason) == (Status.FAILED, "CUDA out of memory")
    assert run.series == ()


BAD = [
    pytest.param(f"{HEADER}\n", 0, [], id="a header alone"),
    pytest.param(f"{TABLE}{HEADER}\n{ROW}\n", 2, [], id="header again"),
    pytest.param(
        f"{TABLE}resnet18,187", 1, ["row 3: cut off: left out until it is whole"], id="cut off"
    ),
    pytest.param(f"{HEADER}\n,1,2,3,4,5\n", 0, ["row 2: no model: left out"], id="no model"),
    pytest.param(
        f"{HEADER}\na,fast,2,3,4,5\n",
        1,
        ["row 2: 'infer_samples_per_sec' is no number: kept as a parameter"],
        id="text",
    ),
    pytest.param(f"{HEADER}\na,NA,-,,none,5\n", 1, [], id="missing"),
    pytest.param(TABLE.replace("\n", "\r\n"), 1, [], id="CRLF"),
    pytest.param(b"\xef\xbb\xbf" + TABLE.encode(), 1, [], id="BOM"),
    pytest.param(TABLE.encode("utf-16"), 1, [], id="UTF-16"),
    pytest.param(f"{HEADER}\na,nan,inf,1,224,1e400\n", 1, [], id="no finite numbers"),
]


@pytest.mark.parametrize(("content", "runs", "said"), BAD)
def test_odd_tables_are_read_or_said(content: str | bytes, runs: int, said: list[str]) -> None:
    reading = read(content, "benchmark-infer-fp32.csv")

    assert len(reading.records) == runs
    assert reading.said == said


def test_what_is_missing_is_neither_a_metric_nor_a_parameter() -> None:
    run = only(f"{HEADER}\na,NA,-,,none,5.5\n", "benchmark-infer-fp32.csv")

    assert (values(run), run.params) == ({"num_parameters": 5.5e6}, {})


def test_what_is_no_table_is_refused() -> None:
    with pytest.raises(ReadError, match="row 2: 7 cells under 6 headings"):
        read(f"{HEADER}\n{ROW},8\n", "benchmark-infer-fp32.csv")
    with pytest.raises(ReadError, match="not UTF-8"):
        read(TABLE.encode() + b"\xff\n", "benchmark-infer-fp32.csv")


def test_thousands_of_rows_are_read_in_no_time() -> None:
    content = TABLE + "".join(f"net{number},300.5,3.25,1,176,5.5\n" for number in range(5000))

    begun = time.perf_counter()
    assert len(read(content, "benchmark-infer-fp32-cpu.csv").records) == 5001
    assert time.perf_counter() - begun < 5


@pytest.mark.skipif(not FOLDER.is_dir(), reason="no real files")
@pytest.mark.parametrize(
    ("name", "runs", "first"),
    [
        (
            "benchmark-infer-amp-nchw-pt110-cu113-rtx3090.csv",
            753,
            ("tinynet_e", "amp", "cuda", "1.10", 1024, 22.382),
        ),
        (
            "benchmark-infer-fp32-nchw-pt221-cpu-i9_10940x-dynamo.csv",
            1321,
            ("tf_mobilenetv3_small_minimal_100", "fp32", "cpu", "2.2.1", 1, 3.161),
        ),
    ],
)
def test_real_benchmarks(name: str, runs: int, first: Any) -> None:
    path = FOLDER / "fp32_vs_int8/huggingface__pytorch-image-models/results" / name
    reading = read(Source(str(path), path=path))

    assert (len(reading.records), reading.said) == (runs, [])
    run = reading.runs[0]
    environment = run.record.environment
    assert (
        run.model.name,
        run.precision.name,
        environment.device,
        environment.runtime_version,
        run.record.batch_size,
        values(run)["latency_mean_ms"],
    ) == first


@pytest.mark.skipif(not FOLDER.is_dir(), reason="no real files")
def test_real_arguments_of_a_training_are_no_error() -> None:
    (path,) = (FOLDER / "keras_yolo").glob("huggingface__*/output/train/*/args.yaml")

    reader, match = choose(Source(str(path), path=path))
    assert (reader.name, match) == ("timm", Match.COMPANION)
