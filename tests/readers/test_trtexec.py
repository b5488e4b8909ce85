"""trtexec: logs of three generations, exported times and profiles, what lies beside them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cetrack.domain import Identity, Kind, NormalRun, Spread, Status
from cetrack.errors import MalformedSourceError, ReadError
from cetrack.ingest import IngestOptions, ingest
from cetrack.readers.base import Match
from cetrack.readers.registry import choose, reader_named
from cetrack.readers.source import Source
from tests.readers.reading import SAMPLES, Reading, claimed_by, points, read, sample, source, values
from tests.readers.test_realdata import FOLDER

HOME = SAMPLES / "trtexec"
real = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no real files in {FOLDER}")


def spreads(run: NormalRun) -> dict[str, Spread]:
    return {item.metric.name: item.spread for item in run.series if item.spread is not None}


def log(*lines: str, command: str = "--onnx=net.onnx", end: str = "PASSED") -> str:
    """A log of one run, each line with its prefix."""
    stamped = [f"[01/02/2026-03:04:{number:02}] {line}" for number, line in enumerate(lines)]
    last = [f"&&&& {end} TensorRT.trtexec [TensorRT v8601] # trtexec {command}"] if end else []
    first = f"&&&& RUNNING TensorRT.trtexec [TensorRT v8601] # trtexec {command}"
    return "\n".join([first, *stamped, *last, ""])


SUMMARY = (
    "[I] === Performance summary ===",
    "[I] Throughput: 100 qps",
    "[I] Latency: min = 1 ms, max = 3 ms, mean = 2 ms, median = 2 ms, percentile(99%) = 3 ms",
)


def only(found: Reading) -> NormalRun:
    (run,) = found.runs
    return run


# --- logs ------------------------------------------------------------------------------------


def test_a_log_of_tensorrt_10() -> None:
    found = read(sample("trtexec/trt10.log"))
    run = only(found)

    assert found.reader == "trtexec"
    assert run.record.kind is Kind.BENCHMARK
    assert run.record.identity is Identity.SNAPSHOT
    assert (run.model.name, run.model.input_shape) == ("convnet_tiny", "3x32x32")
    assert run.precision.name == "fp32+fp16+int8"
    assert run.record.batch_size == 8
    assert values(run) == {
        "throughput_ips": 2000.5,
        "total_host_walltime_s": 3.01,
        "total_gpu_compute_time_s": 2.64,
        "latency_mean_ms": 0.5,
        "latency_min_ms": 0.45,
        "latency_max_ms": 0.9,
        "latency_median_ms": 0.49,
        "latency_p90_ms": 0.55,
        "latency_p99.9_ms": 0.85,
        "h2d_latency_mean_ms": 0,
        "h2d_latency_median_ms": 0,
        "h2d_latency_p90_ms": 0,
        "h2d_latency_p99.9_ms": 0,
        "gpu_compute_time_mean_ms": 0.44,
        "gpu_compute_time_median_ms": 0.43,
        "gpu_compute_time_p90_ms": 0.5,
        "gpu_compute_time_p99.9_ms": 0.75,
        "gpu_compute_time_variation": 4.5,
        "engine_build_time_s": 7.25,
        "model_size_mb": 2.5 * 2**20 / 10**6,
    }
    assert spreads(run)["latency_mean_ms"] == Spread(min=0.45, max=0.9, n=6000)
    units = {item.metric.name: item.metric.unit for item in run.series}
    assert (units["gpu_compute_time_mean_ms"], units["engine_build_time_s"]) == ("ms", "s")
    assert all(
        item.metric.direction == "lower" for item in run.series if item.metric.name.endswith("_ms")
    )


def test_the_device_and_the_settings_of_a_log() -> None:
    run = only(read(sample("trtexec/trt10.log")))
    environment = run.record.environment

    assert (environment.device, environment.accelerator) == ("cuda", "NVIDIA L4")
    assert (environment.runtime, environment.runtime_version) == ("tensorrt", "10.3.0")
    assert environment.details == {"SMs": "58"}
    assert str(run.record.started_at) == "2026-03-04 08:15:00+00:00"
    assert str(run.record.finished_at) == "2026-03-04 08:15:13+00:00"
    assert run.params["CUDA Graph"] == "Disabled"
    assert (run.params["queries"], run.params["warmup_queries"]) == (6000, 400)
    command = "trtexec --onnx=convnet_tiny.onnx --int8 --fp16 --shapes=images:8x3x32x32"
    assert run.params["command"] == command
    assert "/home" not in str(run.params)
    assert "logits" not in run.params


def test_warnings_of_a_log_are_notices() -> None:
    assert read(sample("trtexec/trt10.log")).said == [
        "line 40: GPU compute time is unstable, with coefficient of variance = 4.5%",
        "line 25: warning: [TRT] Int8 calibrator is missing",
        "line 1: h2d_latency 0: no data were transferred",
    ]


def test_a_log_of_tensorrt_7_with_two_runs() -> None:
    found = read(sample("trtexec/trt7.log"))
    lenet, alexnet = found.runs

    assert (lenet.model.name, lenet.precision.name, lenet.record.batch_size) == (
        "lenet",
        "fp16",
        16,
    )
    assert values(lenet) == {
        "throughput_ips": 850,
        "total_host_walltime_s": 3.5,
        "total_gpu_compute_time_s": 2.75,
        "latency_mean_ms": 1.625,
        "latency_min_ms": 1.5,
        "latency_max_ms": 6.5,
        "latency_median_ms": 1.5625,
        "latency_p99_ms": 1.75,
        "end_to_end_latency_mean_ms": 3,
        "end_to_end_latency_median_ms": 3.125,
        "end_to_end_latency_p99_ms": 3.5,
        "gpu_compute_time_mean_ms": 1.375,
        "gpu_compute_time_median_ms": 1.3125,
        "gpu_compute_time_p99_ms": 1.5,
    }
    # 160 images of a batch of 16
    assert spreads(lenet)["latency_mean_ms"] == Spread(min=1.5, max=6.5, n=10)
    assert alexnet.record.status is Status.FAILED
    assert alexnet.record.status_reason == "layer conv9: out of memory"
    assert (alexnet.model.name, alexnet.record.batch_size) == ("alexnet", 16)
    assert points(alexnet) == {}


def test_verbose_lines_and_dumped_tensors_are_no_results() -> None:
    run = only(
        read(
            log(
                *SUMMARY,
                "[V] Latency: min = 9 ms, max = 9 ms, mean = 9 ms, median = 9 ms",
                "[I] ",
                "[I] Latency: min = 7 ms, max = 7 ms, mean = 7 ms, median = 7 ms",
                "[I] min: 5 ms (end to end 5 ms)",
            )
        )
    )

    assert values(run)["latency_mean_ms"] == 2
    assert "end_to_end_latency_min_ms" not in values(run)


@pytest.mark.parametrize(
    ("end", "status", "reason"),
    [
        ("PASSED", Status.FINISHED, ""),
        ("FAILED", Status.FAILED, "FAILED without an error in the log"),
        ("WAIVED", Status.KILLED, "WAIVED: not run on this platform"),
        ("", Status.KILLED, "the log ends before the run does"),
    ],
)
def test_how_a_run_without_numbers_ended(end: str, status: Status, reason: str) -> None:
    run = only(read(log("[I] === Build Options ===", end=end)))

    assert (run.record.status, run.record.status_reason) == (status, reason)


def test_a_run_with_numbers_but_without_an_end_is_said() -> None:
    found = read(log(*SUMMARY, end=""))

    assert found.records[0].status is Status.FINISHED
    assert "line 1: neither PASSED nor FAILED: the log is not whole" in found.said


def test_a_build_alone_has_its_time_and_its_engine() -> None:
    lines = (
        "[I] Created engine with size: 1 MiB",
        "[I] Engine built in 2.5 sec.",
        "[I] Skipped inference phase since --skipInference is added.",
    )
    found = read(log(*lines, command="--onnx=net.onnx --skipInference"))

    assert values(only(found)) == {"model_size_mb": 1.048576, "engine_build_time_s": 2.5}
    assert "line 1: no inference was measured (--skipInference)" in found.said


@pytest.mark.parametrize(
    ("command", "option", "precision"),
    [
        ("--onnx=net.onnx --fp16", "Precision: FP32+FP16", "fp32+fp16"),
        ("--onnx=net.onnx", "Precision: FP32", "fp32"),
        (
            "--onnx=net.onnx --fp16",
            "Precision: FP32+FP16 (obey precision constraints)",
            "fp32+fp16",
        ),
        ("--onnx=net.onnx --int8", "avgTiming: 8", "fp32+int8"),
        ("--onnx=net.onnx --best", "avgTiming: 8", "fp32+fp16+int8"),
        ("--onnx=net_int8.onnx --stronglyTyped", "Precision: Strongly Typed", "int8"),
        ("--onnx=net.onnx --stronglyTyped", "Precision: Strongly Typed", "unknown"),
        # the line is of the flags: an engine is what it was built as
        ("--loadEngine=net_int8.plan", "Precision: FP32", "int8"),
        ("--loadEngine=net.plan", "Precision: FP32", "unknown"),
        ("--loadEngine=net.plan --fp16", "Precision: FP32+FP16", "fp32+fp16"),
        ("--loadEngine=fp16/net.engine", "Precision: FP32", "fp16"),
    ],
)
def test_where_the_precision_is(command: str, option: str, precision: str) -> None:
    run = only(read(log("[I] === Build Options ===", f"[I] {option}", *SUMMARY, command=command)))

    assert run.precision.name == precision
    assert run.model.name == "net"


@pytest.mark.parametrize(
    ("lines", "shape", "batch"),
    [
        (["Input inference shape: x=4x1x28x28"], "1x28x28", 4),
        (["Input inference shape : x=4x1x28x28"], "1x28x28", 4),
        (["Input inference shape: a=8x128", "Input inference shape: b=8x128"], "a:128;b:128", 8),
        (["Input inference shape: a=8x128", "Input inference shape: b=4x1"], "a:8x128;b:4x1", None),
        (["Input inference shape: image=224x224x3"], "224x224x3", None),
        (["Input inference shape: in:0=2x3x8x8"], "3x8x8", 2),
        (["Input inference shapes: model"], "", None),
        (["Batch: 16"], "", 16),
    ],
)
def test_the_batch_is_no_part_of_the_shape(lines: list[str], shape: str, batch: int | None) -> None:
    options = [f"[I] {line}" for line in ("=== Inference Options ===", *lines)]
    run = only(read(log(*options, "[I]", *SUMMARY)))

    assert (run.model.input_shape, run.record.batch_size) == (shape, batch)


def test_the_shape_of_a_binding_counts_where_none_was_asked_for() -> None:
    for text in (
        "Created input binding for x with dimensions 2x3x8x8",
        "Input binding for x with dimensions 2x3x8x8 and type fp32 is created.",
    ):
        run = only(read(log(f"[I] {text}", *SUMMARY)))
        assert (run.model.input_shape, run.record.batch_size) == ("3x8x8", 2)


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("C:\\nets\\vgg16.onnx", "vgg16"),
        ("'my nets/vgg16.onnx'", "vgg16"),
        ("net.qat.onnx", "net.qat"),
        ("/home/ada/model.onnx", "unknown"),
        ("lenet/int8/model.onnx", "lenet"),
        ("../../../etc/passwd", "passwd"),
        ("", "unknown"),
    ],
)
def test_the_model_is_what_its_file_is_called(path: str, model: str) -> None:
    (record,) = read(log(*SUMMARY, command=f"--onnx={path}")).records

    assert (record.model.name or "unknown") == model


@pytest.mark.parametrize(
    ("code", "version"),
    [("8401", "8.4.1"), ("7103", "7.1.3"), ("100300", "10.3.0"), ("101601", "10.16.1")],
)
def test_the_version_is_in_the_banner(code: str, version: str) -> None:
    run = only(read(log(*SUMMARY).replace("v8601", f"v{code}")))

    assert run.record.environment.runtime_version == version


def test_a_run_on_the_dla() -> None:
    run = only(read(log("[I] === System Options ===", "[I] DLACore: 1", "[I]", *SUMMARY)))

    assert run.record.environment.device == "dla"


def test_no_throughput_of_an_explicit_batch_is_said() -> None:
    found = read(log(*SUMMARY).replace("100 qps", "0 qps"))

    assert values(only(found))["throughput_ips"] == 0
    assert any("throughput 0: with an explicit batch" in text for text in found.said)


@pytest.mark.parametrize(
    "changed",
    [
        lambda text: text.encode("utf-16"),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: ("\n\nbuild step 3\n" + text).encode(),
        lambda text: text.replace("[I]", "\x1b[32m[I]\x1b[0m").encode(),
        lambda text: text.replace("[0", "2026-01-02T03:04:05Z node7 [0").encode(),
        lambda text: text.replace("[01/02/2026", "[99/99/9999").encode(),
    ],
    ids=["utf-16", "mark", "crlf", "preamble", "colours", "prefixed", "no date"],
)
def test_a_log_in_other_clothes(changed: Any) -> None:
    run = only(read(changed(log(*SUMMARY)), "a.log"))

    assert values(run)["latency_mean_ms"] == 2
    assert run.model.name == "net"


def test_bytes_that_are_no_text_are_counted() -> None:
    content = log("[I] === Device Information ===", "[I] Selected Device: GPU\xae", "[I]", *SUMMARY)
    found = read(content.encode("latin-1"), "a.log")

    assert found.records[0].environment.accelerator == "GPU\xae"
    assert "line 3: 1 lines are not UTF-8: read as Latin-1" in found.said


def test_a_log_from_its_summary_on() -> None:
    text = "\n".join(f"[01/02/2026-03:04:05] {line}" for line in SUMMARY)

    assert values(only(read(text, "a.log")))["throughput_ips"] == 100


@pytest.mark.parametrize(
    "content",
    [
        'a note on "&&&& RUNNING TensorRT.trtexec"',
        json.dumps({"log": log(*SUMMARY)}),
        json.dumps([log(*SUMMARY)]),
        "Throughput: 1 qps\nLatency: min = 1 ms",
        "[1, 2]",
        '[{"count": 3}, {"other": 1}]',
        '[{"computeMs": 1}]',
        '{"performance_summary": {}}',
        b"&&&& RUNNING TensorRT.trtexec\0",
    ],
)
def test_what_is_not_of_trtexec(content: Any) -> None:
    assert "trtexec" not in claimed_by(content)
    with pytest.raises(ReadError):
        list(reader_named("trtexec").read(source(content)))


# --- times -----------------------------------------------------------------------------------


def query(**numbers: Any) -> dict[str, Any]:
    return {
        "startComputeMs": 300,
        "h2dMs": 1,
        "computeMs": 2,
        "d2hMs": 1,
        "latencyMs": 4,
        **numbers,
    }


def test_times_are_samples_with_their_statistics() -> None:
    run = only(read(sample("trtexec/beside/vgg_int8.json")))

    held = {item.metric.name: item.values.tolist() for item in run.samples}
    assert held == {
        "latency_ms": [2.25, 2.75, 1.75],
        "h2d_latency_ms": [0.5, 0.5, 0.5],
        "gpu_compute_time_ms": [1.5, 2, 1],
        "d2h_latency_ms": [0.25, 0.25, 0.25],
    }
    found = values(run)
    assert found["latency_mean_ms"] == 2.25
    assert found["latency_median_ms"] == 2.25
    assert found["latency_p90_ms"] == found["latency_p99_ms"] == found["latency_max_ms"] == 2.75
    assert found["gpu_compute_time_mean_ms"] == 1.5
    spread = spreads(run)["latency_mean_ms"]
    assert spread == Spread(std=pytest.approx(0.4082482904638630), min=1.75, max=2.75, n=3)
    assert run.params["queries"] == 3


def test_percentiles_are_those_that_the_tool_prints() -> None:
    times = [query(latencyMs=float(number)) for number in range(1, 101)]
    found = values(only(read(times)))

    assert found["latency_p90_ms"] == 90
    assert found["latency_p95_ms"] == 95
    assert found["latency_p99_ms"] == 100  # in single precision 1 % of 100 is less than one


def test_queries_of_the_warm_up_are_said() -> None:
    assert read(sample("trtexec/beside/vgg_int8.json")).said == [
        ": 1 of 3 queries began in the first 200 ms, which is the warm-up by default: "
        "they count too"
    ]


def test_the_keys_of_tensorrt_7() -> None:
    found = read(sample("trtexec/named/times.json"))
    run = only(found)

    assert {item.metric.name: item.values.tolist() for item in run.samples} == {
        "latency_ms": [1, 3],
        "end_to_end_latency_ms": [1.5, 4.5],
        "h2d_latency_ms": [0, 0],
        "gpu_compute_time_ms": [1, 3],
        "d2h_latency_ms": [0, 0],
    }
    assert values(run)["end_to_end_latency_mean_ms"] == 3
    assert found.said == [": h2d_latency and d2h_latency 0: no data were transferred"]


def test_every_array_of_a_file_is_a_run() -> None:
    found = read(sample("trtexec/explorer/tiny_int8.onnx.engine.timing.json"))

    assert [record.place for record in found.records] == ["array 1", "array 2"]
    assert [values(run)["latency_mean_ms"] for run in found.runs] == [0.625, 1]
    assert len({str(record.raw) for record in found.records}) == 2


def test_equal_times_are_the_same_whatever_their_layout() -> None:
    rows = [query(), query(latencyMs=5)]
    first, second = (read(json.dumps(rows, indent=indent)).records[0] for indent in (None, 2))

    assert first.raw == second.raw
    assert first.raw != read([query(), query(latencyMs=6)]).records[0].raw


@pytest.mark.parametrize(
    ("rows", "count", "notice"),
    [
        ([query(), query(latencyMs=None)], 1, "'latencyMs' is no number in 1 of 2 queries"),
        ([query(), {"computeMs": 1}], 1, "'latencyMs' is no number in 1 of 2 queries"),
        ([query(), query(latencyMs="4")], 1, "'latencyMs' is no number in 1 of 2 queries"),
        ([query(), 7], 1, "1 items are no objects: left out"),
        ([query(), query(latencyMs=float("nan"))], 2, "'latencyMs' is not finite in 1 queries"),
        ([query(), query(latencyMs=10**400)], 2, "'latencyMs' is not finite in 1 queries"),
    ],
)
def test_times_that_are_none(rows: list[Any], count: int, notice: str) -> None:
    found = read(rows)
    run = only(found)

    assert len({item.metric.name: item for item in run.samples}["latency_ms"].values) == count
    assert values(run)["latency_mean_ms"] == 4
    assert any(notice in text for text in found.said)


def test_times_without_any_number_make_no_run() -> None:
    rows = [{"computeMs": None, "latencyMs": "x"}]

    assert read(rows).records == []
    assert read(rows).said[-1] == ": no times in it: no run made"


@pytest.mark.parametrize("end", [400, 700, -3])
def test_a_file_that_is_cut_off_is_rejected(end: int) -> None:
    content = (HOME / "beside" / "vgg_int8.json").read_bytes()

    with pytest.raises(MalformedSourceError):
        list(reader_named("trtexec").read(source(content[:end])))


# --- profiles --------------------------------------------------------------------------------


def test_a_profile_is_an_artifact_with_totals() -> None:
    run = only(read(sample("trtexec/named/layers.json")))

    assert values(run) == {"layer_time_ms": 4, "reformat_time_ms": 0.5}
    assert (run.params["profiled_iterations"], run.params["layers"]) == (50, 3)
    (artifact,) = run.record.artifacts
    assert artifact.name == "layers"
    assert artifact.content[0] == {
        "name": "conv1 + relu1",
        "timeMs": 100,
        "averageMs": 2,
        "medianMs": 1.75,
        "percentage": 50,
    }


def test_names_that_the_tool_did_not_escape() -> None:
    content = """\
[
  { "count" : 2 }
, { "name" : "say "hi" \\d", "timeMs" : 3, "averageMs" : 1.5, "percentage" : -nan }
, { "name" : "] [{ x", "timeMs" : 1e-1, "averageMs" : 0.05, "percentage" : 10 }
]
"""
    found = read(content)
    run = only(found)

    assert values(run) == {"layer_time_ms": 1.55, "reformat_time_ms": 0}
    names = [layer["name"] for layer in run.record.artifacts[0].content]
    assert names == ['say "hi" \\d', "] [{ x"]
    assert ": no valid JSON, as the tool escapes no names: read by line" in found.said


@pytest.mark.parametrize(
    "content",
    [
        '[\n  { "count" : 2 }\n, { "name" : "a"b", "timeMs" : 3, "averageMs" : 1 }\n',
        '[\n  { "count" : 2 }\n, { "name" : "a"b", "timeMs" : x }\n]',
    ],
)
def test_a_profile_that_is_not_whole_is_rejected(content: str) -> None:
    with pytest.raises(MalformedSourceError):
        list(reader_named("trtexec").read(source(content)))


def test_a_profile_without_layers_makes_no_run() -> None:
    assert read('[\n  { "count" : 0 }\n]').said == [": no layers in it: no run made"]


def test_layers_without_times_have_no_total() -> None:
    found = read([{"count": 1}, {"name": "a", "timeMs": None}])

    assert values(only(found)) == {}
    assert ": layers without an averageMs: no total made" in found.said


# --- beside ----------------------------------------------------------------------------------


def test_a_log_of_the_same_name_says_what_the_times_are_of() -> None:
    run = only(read(sample("trtexec/beside/vgg_int8.json")))

    assert run.model.name == "vgg11"
    assert run.precision.name == "fp32+int8"
    assert run.record.environment.accelerator == "NVIDIA A2"
    assert run.record.environment.runtime_version == "8.5.2"
    assert (run.model.input_shape, run.record.batch_size) == ("3x64x64", 1)
    assert run.record.weak == frozenset()
    assert run.record.started_at is None


@pytest.mark.parametrize("name", ["times.json", "layers.json"])
def test_the_run_whose_command_line_names_the_export_counts(name: str) -> None:
    run = only(read(sample(f"trtexec/named/{name}")))

    assert (run.model.name, run.precision.name) == ("deit", "fp32+fp16")
    assert (run.model.input_shape, run.record.batch_size) == ("tokens:128;mask:128", 2)
    assert run.record.environment.accelerator == "Orin"


def beside(folder: Path, **logs: str) -> Reading:
    """The times in ``net.json`` with logs beside them."""
    shutil.copy(HOME / "beside" / "vgg_int8.json", folder / "net.json")
    for name, text in logs.items():
        (folder / f"{name}.log").write_text(text)
    path = folder / "net.json"
    return read(Source(str(path), path=path))


def test_what_the_runs_of_a_log_do_not_agree_on_stays_open(tmp_path: Path) -> None:
    first = log("[I] === Build Options ===", "[I] Precision: FP32", command="--onnx=net.onnx")
    second = log("[I] === Build Options ===", "[I] Precision: FP16", command="--onnx=net.onnx")
    run = only(beside(tmp_path, net=first + second))

    assert run.model.name == "net"
    assert run.precision.name == "unknown"


def test_a_log_whose_exports_are_other_files_says_nothing(tmp_path: Path) -> None:
    other = log(*SUMMARY, command="--onnx=vgg.onnx --exportTimes=elsewhere.json")

    assert beside(tmp_path, net=other).records[0].model.name == ""


def test_two_logs_that_name_one_file_say_nothing(tmp_path: Path) -> None:
    text = log(*SUMMARY, command="--onnx=vgg.onnx --exportTimes=net.json")

    assert beside(tmp_path, a=text).records[0].model.name == "vgg"
    assert beside(tmp_path, a=text, b=text).records[0].model.name == ""


def test_what_is_no_log_of_trtexec_says_nothing(tmp_path: Path) -> None:
    found = beside(tmp_path, net="[I] Model: net.json of another tool", b="net.json")

    assert found.records[0].model.name == ""
    assert found.records[0].environment.is_blank


def test_an_export_is_read_again_when_its_log_changes(tmp_path: Path) -> None:
    beside(tmp_path, net=log(*SUMMARY))
    path = tmp_path / "net.json"
    companions = reader_named("trtexec").companions
    before = Source(str(path), path=path).digest(companions)
    (tmp_path / "net.log").write_text(log(*SUMMARY, command="--onnx=vgg.onnx"))

    assert Source(str(path), path=path).digest(companions) != before


# --- engine explorer -------------------------------------------------------------------------


def test_a_summary_of_the_engine_explorer() -> None:
    run = only(read(sample("trtexec/explorer/tiny_int8.onnx.engine.profile.metadata.json")))

    assert values(run) == {
        "throughput_ips": 1500.5,
        "latency_mean_ms": 0.625,
        "latency_min_ms": 0.5,
        "latency_max_ms": 1.5,
        "latency_median_ms": 0.6,
        "latency_p90_ms": 0.7,
        "latency_p95_ms": 0.8,
        "latency_p99_ms": 1.25,
        "enqueue_time_mean_ms": 0.02,
        "enqueue_time_median_ms": 0.015,
        "enqueue_time_p99_ms": 0.025,
        "total_host_walltime_s": 3.5,
    }
    assert (run.model.name, run.precision.name, run.record.batch_size) == ("tiny", "int8", 4)
    assert run.record.weak == {"model", "precision"}
    assert run.record.environment.accelerator == "NVIDIA T4"


def test_the_device_is_in_metadata_beside_the_times() -> None:
    times = read(sample("trtexec/explorer/tiny_int8.onnx.engine.timing.json")).runs[0]
    device = sample("trtexec/explorer/tiny_int8.onnx.engine.metadata.json")

    assert choose(device)[1] is Match.COMPANION
    assert times.record.environment.accelerator == "NVIDIA T4"
    assert times.record.environment.details["Compute Capability"] == [7, 5]
    assert times.record.batch_size == 4


@pytest.mark.parametrize(
    ("latency", "metrics", "notice"),
    [
        ([1, 3, 2, 2], 4, None),
        ([1, 3, 2, 2, 3], 5, None),
        ([1, 3, 2, 2, 3, 3], 4, "2 percentiles without their names: left out"),
        ([1, 3], 0, "[1, 3]: no min, max, mean, median: left out"),
        ([1, 3, 2, "x"], 0, "no min, max, mean, median: left out"),
        ("fast", 0, "'fast' is no statistic: left out"),
    ],
)
def test_positions_are_statistics(latency: Any, metrics: int, notice: str | None) -> None:
    summary = {"Throughput": 5, "Latency": latency}
    found = read({"performance_summary": summary, "device_information": {}})

    assert len(values(only(found))) == metrics + 1
    assert notice is None or any(notice in text for text in found.said)


def test_metadata_of_a_build_are_read_with_the_others(tmp_path: Path) -> None:
    build = {
        "model_options": {"Model": "nets/swin.onnx"},
        "build_options": {"Precision": "FP32+BF16", "avgTiming": "8"},
        "device_information": {"Selected Device": "NVIDIA L40"},
    }
    assert choose(source(build))[1] is Match.COMPANION
    shutil.copy(HOME / "beside" / "vgg_int8.json", tmp_path / "a.engine.timing.json")
    (tmp_path / "a.engine.build.metadata.json").write_text(json.dumps(build))
    (tmp_path / "b.engine.build.metadata.json").write_text(json.dumps({**build, "x": 1}))
    path = tmp_path / "a.engine.timing.json"
    run = only(read(Source(str(path), path=path)))

    assert (run.model.name, run.precision.name) == ("swin", "fp32+bf16")
    assert run.record.environment.accelerator == "NVIDIA L40"
    assert run.params["avgTiming"] == "8"


def test_a_folder_is_read_without_a_rejection() -> None:
    report = ingest(None, [str(HOME)], IngestOptions(dry_run=True))

    assert not report.rejected
    assert sum(item.status == "new" for item in report.sources) == 9


# --- real files ------------------------------------------------------------------------------


def real_run(name: str) -> NormalRun:
    (path,) = (FOLDER / "trtexec").rglob(name)
    return only(read(Source(str(path), path=path)))


@real
@pytest.mark.parametrize(
    ("name", "model", "precision", "batch", "latency"),
    [
        ("result-01.log", "model-trained", "fp32", 1, 0.0441053),
        ("result-07.log", "model-trained", "unknown", 1, 0.0609811),
        ("result-FP32.log", "", "fp32", 4, 0.167706),
        ("*.profile.metadata.json", "mobilenet.qat", "unknown", 1, 0.352143),
    ],
)
def test_real_summaries(name: str, model: str, precision: str, batch: int, latency: float) -> None:
    run = real_run(name)

    assert (run.model.name, run.precision.name, run.record.batch_size) == (model, precision, batch)
    assert values(run)["latency_mean_ms"] == latency


@real
def test_a_real_build_without_inference() -> None:
    run = real_run("result-04.log")

    assert values(run).keys() == {
        "engine_build_time_s", "engine_deserialization_time_s", "model_size_mb"
    }  # fmt: skip
    assert run.record.status is Status.FINISHED


@real
def test_real_times_and_layers() -> None:
    times, layers = real_run("*.timing.json"), real_run("*.engine.profile.json")

    (latency,) = (item for item in times.samples if item.metric.name == "latency_ms")
    assert len(latency.values) == 6580
    assert values(times)["latency_median_ms"] == np.median(latency.values)
    assert times.record.environment.accelerator == "NVIDIA TITAN RTX"
    assert values(layers)["layer_time_ms"] == pytest.approx(0.64706246)
    assert len(layers.record.artifacts[0].content) == 85
