"""OpenVINO's benchmark_app: reports of both tools, counters of layers, console logs old and new."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from cetrack.domain import Identity, Kind, NormalRun, Spread, Status
from cetrack.errors import MalformedSourceError, ReadError
from cetrack.ingest import IngestOptions, ingest
from cetrack.readers.base import Match
from cetrack.readers.registry import choose, reader_named
from cetrack.readers.source import Source
from tests.readers.reading import SAMPLES, Reading, claimed_by, points, read, sample, source, values
from tests.readers.test_realdata import FOLDER

HOME = SAMPLES / "openvino"
real = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no real files in {FOLDER}")


def only(found: Reading) -> NormalRun:
    (run,) = found.runs
    return run


def spread_of(run: NormalRun, name: str) -> Spread | None:
    return {item.metric.name: item.spread for item in run.series}[name]


# --- reports ---------------------------------------------------------------------------------


def test_a_report_of_the_python_tool() -> None:
    found = read(sample("openvino/python.json"))
    run = only(found)

    assert found.reader == "openvino"
    assert (run.record.kind, run.record.identity) == (Kind.BENCHMARK, Identity.SNAPSHOT)
    assert (run.model.name, run.precision.name, run.record.batch_size) == ("vgg", "fp16", 1)
    assert values(run) == {
        "read_model_time_ms": 5.25,
        "compile_model_time_ms": 80.5,
        "first_inference_time_ms": 3.75,
        "total_execution_time_ms": 5001.25,
        "latency_median_ms": 1.95,
        "latency_mean_ms": 2,
        "latency_min_ms": 1.75,
        "latency_max_ms": 3.5,
        "throughput_ips": 499.75,
    }
    assert spread_of(run, "latency_mean_ms") == Spread(min=1.75, max=3.5, n=2500)
    assert (run.record.environment.device, run.record.environment.runtime) == ("CPU", "openvino")
    assert run.params["m"] == "vgg_fp16.xml"
    assert run.params["hint"] == "latency"
    assert run.params["iterations"] == 2500
    assert run.params["precision"] == "UNSPECIFIED"
    assert "number of iterations" not in run.params  # "None": not set
    assert found.said == []


def test_a_report_of_the_cpp_tool() -> None:
    run = only(read(sample("openvino/cpp.json")))

    assert (run.model.name, run.precision.name, run.record.batch_size) == ("resnet", "fp32", 4)
    assert values(run) == {
        "read_model_time_ms": 9.5,
        "compile_model_time_ms": 900.5,
        "first_inference_time_ms": 4.5,
        "total_execution_time_ms": 60002.5,
        "latency_median_ms": 4.75,
        "latency_mean_ms": 5,
        "latency_min_ms": 4.25,
        "latency_max_ms": 9.5,
        "throughput_ips": 799.5,
    }
    assert run.record.environment.device == "GPU"
    (groups,) = run.record.artifacts
    assert (groups.name, groups.content[0]["data_shape"]) == ("group_latencies", "x[1]")


def test_a_percentile_that_was_asked_for_is_no_median() -> None:
    run = only(read(sample("openvino/cpp.csv")))

    assert values(run) == {
        "read_model_time_ms": 10.5,
        "compile_model_time_ms": 120.25,
        "first_inference_time_ms": 25.5,
        "total_execution_time_ms": 60250.5,
        "latency_p90_ms": 130.5,
        "latency_mean_ms": 123.25,
        "latency_min_ms": 50.5,
        "latency_max_ms": 200.5,
        "throughput_ips": 80.25,
    }
    assert (run.model.name, run.precision.name, run.record.batch_size) == ("lenet", "int8", 2)
    assert run.params["report_folder"] == "out"
    assert run.record.artifacts[0].content == [
        {
            "data_shape": "data[1,3,32,32]",
            "latency_median": 1.5,
            "latency_average": 1.75,
            "latency_min": 1.25,
            "latency_max": 2.5,
        },
        {
            "data_shape": "data[1,3,64,64]",
            "latency_median": 4.5,
            "latency_average": 4.75,
            "latency_min": 4.25,
            "latency_max": 5.5,
        },
    ]


def report(
    results: dict[str, Any],
    *,
    options: dict[str, Any] | None = None,
    setup: dict[str, Any] | None = None,
) -> dict[str, Any]:
    return {
        "cmd_options": {"-m": "nets/net_int8.xml"} if options is None else options,
        "configuration_setup": {"target device": "CPU"} if setup is None else setup,
        "execution_results": results,
    }


@pytest.mark.parametrize(
    ("results", "name", "value"),
    [
        ({"latency (95 percentile) (ms)": "7.50"}, "latency_p95_ms", 7.5),
        ({"latency_median": 7.5, "percentile_boundary": 99}, "latency_p99_ms", 7.5),
        ({"latency_median": 7.5, "percentile_boundary": 50}, "latency_median_ms", 7.5),
        ({"Median latency (ms)": "7.500000"}, "latency_median_ms", 7.5),
        ({"import model time (ms)": "4"}, "import_model_time_ms", 4),
        ({"load network time (ms)": "4"}, "compile_model_time_ms", 4),
        ({"reshape model time (ms)": "0.00"}, "reshape_model_time_ms", 0),
        ({"throughput": "0.01"}, "throughput_ips", 0.01),
        ({"throughput": float("nan")}, "throughput_ips", None),
        ({"throughput": "1e400"}, "throughput_ips", float("inf")),
    ],
)
def test_results_of_all_versions(results: dict[str, Any], name: str, value: float | None) -> None:
    found = values(only(read(report(results))))[name]

    assert found == value if value is not None else found != found


@pytest.mark.parametrize(
    ("path", "model", "precision"),
    [
        ("public/vgg/FP16/vgg.xml", "vgg", "fp16"),
        ("D:\\nets\\vgg\\INT8\\vgg.xml", "vgg", "int8"),
        ("vgg_int8.onnx", "vgg", "int8"),
        ("/home/ada/model.xml", "", "unknown"),
        ("/home/ada/vgg.xml", "vgg", "unknown"),
        ("int8/model.xml", "", "int8"),
    ],
)
def test_the_precision_is_in_the_path_of_the_model(path: str, model: str, precision: str) -> None:
    run = only(read(report({"throughput": "1"}, options={"-m": path})))

    assert (run.model.name, run.precision.name) == (model, precision)


@pytest.mark.parametrize(
    ("topology", "model"),
    [("resnet-50", "resnet-50"), ("torch_jit", ""), ("main_graph", ""), ("Model0", "")],
)
def test_a_graph_names_the_model_unless_all_are_called_so(topology: str, model: str) -> None:
    run = only(read(report({"throughput": "1"}, options={}, setup={"topology": topology})))

    assert run.model.name == model


def test_a_run_that_failed_is_kept() -> None:
    found = read(report({"read model time (ms)": "5.5", "error": "Can not load NPU"}))
    run = only(found)

    assert (run.record.status, run.record.status_reason) == (Status.FAILED, "Can not load NPU")
    assert values(run) == {"read_model_time_ms": 5.5}
    assert found.said == []


def test_a_run_without_inference_is_said() -> None:
    assert read(report({"compile model time (ms)": "5"})).said == [": no inference was measured"]


def test_a_number_that_is_none_is_said() -> None:
    found = read(report({"throughput": "fast", "avg latency": "None", "min latency": "1.00"}))

    assert values(only(found)) == {"latency_min_ms": 1}
    assert found.said == ["throughput: 'fast' is not a number: left out"]


def test_latencies_of_a_group_are_not_those_of_the_whole() -> None:
    results = {"latency (ms)": "5", "avg latency": "9", "group": "{'x': [1]}", "throughput": "1"}
    found = read(report(results))

    assert values(only(found)) == {"latency_median_ms": 5, "throughput_ips": 1}
    group = {"group": "{'x': [1]}", "avg latency": "9"}
    assert found.records[0].artifacts[0].content == [group]
    assert any("are those of the last group" in text for text in found.said)


def test_in_a_csv_a_group_comes_after_the_whole() -> None:
    content = (
        "Execution results\navg latency;5\ngroup;a\navg latency;9\ngroup;b\navg latency;1\n"
        "throughput;2\n\n"
    )
    run = only(read(content, "a.csv"))

    assert values(run) == {"latency_mean_ms": 5, "throughput_ips": 2}
    assert [group["avg latency"] for group in run.record.artifacts[0].content] == ["9", "1"]


@pytest.mark.parametrize(
    "changed",
    [
        lambda text: text.encode("utf-16"),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace(";\n", "\n").encode(),
        lambda text: text.replace("\n", " \n").encode(),
    ],
    ids=["utf-16", "mark", "crlf", "no last semicolon", "blanks"],
)
def test_a_csv_in_other_clothes(changed: Any) -> None:
    text = (HOME / "cpp.csv").read_text()
    run = only(read(changed(text), "a.csv"))

    assert values(run) == values(only(read(text, "a.csv")))
    assert run.model.name == "lenet"


def test_a_csv_that_is_no_text_is_rejected() -> None:
    content = (HOME / "cpp.csv").read_bytes() + b"\xff\xfe\xfa"

    with pytest.raises(MalformedSourceError, match="not UTF-8 text"):
        read(content, "a.csv")


def test_a_key_that_stands_twice_is_said() -> None:
    found = read("Execution results\nthroughput;5\nthroughput;6\n", "a.csv")

    assert values(only(found)) == {"throughput_ips": 6}
    assert found.said[0] == "line 3: 'throughput' stands twice in one block: the last one counts"


@pytest.mark.parametrize(
    "content",
    [
        "Execution results",
        "Command line parameters\nm;a\n",
        "Some results;\nthroughput;5\n",
        {"execution_results": {}},
        {"cmd_options": {}, "results": {}},
        {"detailed_performance": 5},
        "the text '[Step 1/11] Parsing and validating input arguments' in quotes",
        "layerName;time\na;1\n",
    ],
)
def test_what_is_not_of_openvino(content: Any) -> None:
    found = source(content)
    if content == "Execution results":
        with pytest.raises(MalformedSourceError, match="no report of benchmark_app"):
            list(reader_named("openvino").read(found))
        return
    assert "openvino" not in claimed_by(content)
    with pytest.raises(ReadError):
        list(reader_named("openvino").read(found))


def test_json_with_a_part_of_the_blocks_is_helped() -> None:
    with pytest.raises(ReadError, match="openvino: no key 'execution_results'"):
        choose(source({"cmd_options": {}, "configuration_setup": {}}))


# --- counters --------------------------------------------------------------------------------


def test_counters_beside_their_report_belong_to_it() -> None:
    run = only(read(sample("openvino/counted/benchmark_report.csv")))
    counters = sample("openvino/counted/benchmark_average_counters_report.csv")

    assert choose(counters)[1] is Match.COMPANION
    assert values(run)["layer_time_ms"] == 1.75
    assert values(run)["cpu_time_ms"] == 1.5
    (layers,) = run.record.artifacts
    assert layers.name == "benchmark_average_counters_report"
    assert [layer["name"] for layer in layers.content[0]] == ["data", "conv1", "fc"]
    assert run.params["layers"] == 3
    assert run.params["layer_types"] == "FP32: 1, I8: 1"


def test_counters_alone_are_a_run() -> None:
    found = read(sample("openvino/benchmark_detailed_counters_report.csv"))
    run = only(found)

    # the mean of two infer requests
    assert values(run) == {"layer_time_ms": 2.5, "cpu_time_ms": 2.375}
    assert len(run.record.artifacts[0].content) == 2
    assert run.record.model.name == ""


def test_counters_of_another_type_are_not_of_the_report(tmp_path: Path) -> None:
    shutil.copy(HOME / "counted" / "benchmark_report.csv", tmp_path)
    path = tmp_path / "benchmark_detailed_counters_report.csv"
    shutil.copy(HOME / "benchmark_detailed_counters_report.csv", path)

    assert choose(Source(str(path), path=path))[1] is Match.YES


def test_broken_counters_do_not_reject_the_report(tmp_path: Path) -> None:
    shutil.copytree(HOME / "counted", tmp_path / "a")
    path = tmp_path / "a" / "benchmark_average_counters_report.csv"
    path.write_text(path.read_text().replace("1.250", "fast", 1))
    beside = tmp_path / "a" / "benchmark_report.csv"
    found = read(Source(str(beside), path=beside))

    assert values(only(found))["throughput_ips"] == 600.25
    assert found.said == [
        "benchmark_average_counters_report.csv: "
        "line 3: 'fast' is no time of layer 'conv1': left out"
    ]


NODE = {"name": "conv", "status": "EXECUTED", "exec_type": "brgconv_bf16", "cpu_time": 1.5}


@pytest.mark.parametrize(
    "content",
    [
        {"report_type": "average", "avg_performance": {"nodes": [{**NODE, "real_time": 2.5}]}},
        {"report_type": "average", "avg_performance": {"nodes": [{**NODE, "real_time": "2.500"}]}},
        {"detailed_performance": [{"nodes": [{**NODE, "real_time": 2.5}]}]},
        'layerName,execStatus,layerType,execType,realTime (ms),cpuTime (ms),"proportion (%)\n"\r\n'
        "conv,Status.EXECUTED,Convolution,brgconv_bf16,2.500,1.500,100.00%\r\n\r\n"
        "Total time: 2.50 milliseconds\r\n",
    ],
)
def test_counters_in_other_forms(content: Any) -> None:
    run = only(read(content))

    assert values(run) == {"layer_time_ms": 2.5, "cpu_time_ms": 1.5}
    assert run.params["layer_types"] == "bf16: 1"


def test_counters_without_a_layer_are_rejected() -> None:
    head = "layerName;execStatus;layerType;execType;realTime (ms);cpuTime (ms)\n"

    with pytest.raises(MalformedSourceError, match="no layers in it"):
        read(head, "a.csv")


# --- logs ------------------------------------------------------------------------------------


def test_a_log_with_latencies_in_microseconds() -> None:
    run = only(read(sample("openvino/lenet_INT8_benchmark_app.log")))

    assert values(run) == {
        "read_model_time_ms": 12.5,
        "compile_model_time_ms": 75.25,
        "first_inference_time_ms": 1.25,
        "total_execution_time_ms": 5000.5,
        "latency_median_ms": 0.5125,
        "latency_mean_ms": 0.55025,
        "latency_min_ms": 0.5,
        "latency_max_ms": 1.50075,
        "throughput_ips": 3599.5,
    }
    assert spread_of(run, "latency_mean_ms") == Spread(min=0.5, max=1.50075, n=9000)
    assert (run.model.name, run.model.input_shape) == ("lenet", "3x32x32")
    assert run.record.batch_size == 2
    assert run.record.weak == {"model"}
    assert run.record.environment.device == "CPU"
    assert run.record.environment.runtime_version.startswith("2024.3.0-16041")
    assert run.params["INFERENCE_PRECISION_HINT"] == "<Type: 'float32'>"


def test_the_precision_of_a_log_is_in_its_name_only() -> None:
    path = HOME / "lenet_INT8_benchmark_app.log"
    report = ingest(None, [str(path)], IngestOptions(dry_run=True))

    (planned,) = report.sources[0].planned
    assert (planned["model"], planned["precision"]) == ("lenet", "int8")


def test_an_old_log_with_two_runs() -> None:
    first, second = read(sample("openvino/old.txt")).runs

    assert values(first) == {
        "compile_model_time_ms": 250.5,
        "total_execution_time_ms": 60010.25,
        "latency_median_ms": 59.75,
        "throughput_ips": 16.5,
    }
    assert first.record.batch_size == 1
    assert second.record.status is Status.FAILED
    assert second.record.status_reason == "Model file /nets/lost.xml cannot be opened!"
    assert points(second) == {}


START = "[Step 1/11] Parsing and validating input arguments"
END = "[Step 11/11] Dumping statistics report"


def log(*lines: str) -> Reading:
    return read("\n".join([START, *lines, ""]), "a.log")


@pytest.mark.parametrize(
    ("lines", "status", "reason"),
    [
        (["[Step 7/11] Loading the model"], Status.KILLED, "the log ends in step 7 of 11"),
        (["[ ERROR ] no such device", END], Status.FAILED, "no such device"),
        ([END], Status.KILLED, "the log ends in step 11 of 11"),
        (["[ ERROR ] retried", END, "Throughput: 5 FPS"], Status.FINISHED, ""),
        (["[ INFO ] Compile model took 5 ms", END], Status.FINISHED, ""),
    ],
)
def test_how_a_run_ended(lines: list[str], status: Status, reason: str) -> None:
    run = only(log(*lines))

    assert (run.record.status, run.record.status_reason) == (status, reason)


@pytest.mark.parametrize(
    ("lines", "name", "value"),
    [
        (["   90 percentile:     7.5 ms"], "latency_p90_ms", 7.5),
        (["\tAVG:    7.5 ms"], "latency_mean_ms", 7.5),
        (["Latency:    7.5 ms"], "latency_median_ms", 7.5),
        (["Throughput:   7.5 FPS"], "throughput_ips", 7.5),
        (["2026-01-02T03:04:05Z [ INFO ] Throughput:   7.5 FPS"], "throughput_ips", 7.5),
        (["[ INFO ] Import model took 7.5 ms"], "import_model_time_ms", 7.5),
        (["[ INFO ] Load network took 7.5 ms"], "compile_model_time_ms", 7.5),
    ],
)
def test_lines_of_results(lines: list[str], name: str, value: float) -> None:
    assert values(only(log(END, *lines)))[name] == value


def test_latencies_of_groups_are_kept_apart() -> None:
    run = only(
        log(
            END,
            "[ INFO ] Latency:",
            "[ INFO ]    Median:        5.00 ms",
            "[ INFO ] Latency for each data shape group:",
            "[ INFO ] 1.{'x': [1,3]}",
            "[ INFO ]    Median:     7.00 ms",
            "[ INFO ] Throughput:   2.00 FPS",
        )
    )

    assert values(run) == {"latency_median_ms": 5, "throughput_ips": 2}
    assert run.record.artifacts[0].content == [
        {"data_shape": "{'x': [1,3]}", "latency_median_ms": 7}
    ]


def test_several_inputs_and_a_dynamic_batch() -> None:
    ports = (
        "[ INFO ] Model inputs:",
        "[ INFO ]     ids (node: ids) : i64 / [...] / [?,128]",
        "[ INFO ]     mask:0 (node: mask) : i64 / [...] / [?,128]",
        "[ INFO ] Model outputs:",
        "[ INFO ]     y (node: y) : f32 / [...] / [?,2]",
    )
    run = only(log("[ INFO ] Model batch size: ?", *ports, "Throughput: 1 FPS"))

    assert run.model.input_shape == "ids:128;mask_0:128"
    assert run.record.batch_size is None


def test_a_log_from_its_last_step_on() -> None:
    run = only(read(f"{END}\n[ INFO ] Throughput:   2.00 FPS\n", "a.log"))

    assert values(run) == {"throughput_ips": 2}


def test_warnings_are_counted() -> None:
    found = log("[ WARNING ] one", "[ WARN ] two", "Throughput: 1 FPS")

    assert found.said == ["line 2: warning (and 1 more): one"]


def test_a_folder_is_read_without_a_rejection() -> None:
    report = ingest(None, [str(HOME)], IngestOptions(dry_run=True))

    assert not report.rejected
    assert {item.status for item in report.sources} == {"new", "companion"}


def test_reports_that_say_the_same_are_the_same() -> None:
    content = json.loads((HOME / "python.json").read_text())
    first, second = (read(json.dumps(content, indent=indent)).records[0] for indent in (None, 4))

    assert first.raw == second.raw


# --- real files ------------------------------------------------------------------------------


@real
@pytest.mark.parametrize(
    ("name", "batch", "latency", "throughput"),
    [
        ("*people_counter_FP32_benchmark_app.log", 1, 161.49, 6.19),
        ("*people_counter_INT8_benchmark_app.log", 1, 56.25, 17.73),
        ("*yolov7-tiny_FP32_benchmark_app.log", 1, 115.67, 103.56),
        ("*yolov7-tiny_INT8_benchmark_app.log", 1, 42.77, 279.55),
        ("benchmark_report.csv", 1, 123.375647, 40.49752),
    ],
)
def test_real_runs(name: str, batch: int, latency: float, throughput: float) -> None:
    (path,) = (FOLDER / "openvino").rglob(name)
    run = only(read(Source(str(path), path=path)))

    assert values(run)["latency_mean_ms"] == latency
    assert values(run)["throughput_ips"] == throughput
    assert run.record.batch_size == batch
    assert run.record.environment.device == "CPU"


@real
def test_the_precision_of_real_runs() -> None:
    report = ingest(None, [str(FOLDER / "openvino")], IngestOptions(dry_run=True))
    found = {Path(item.uri).name: item.planned[0]["precision"] for item in report.sources}

    assert len(found) == 5
    assert found.pop("benchmark_report.csv") == "fp32"
    assert all(name.split("_")[-3].lower() == precision for name, precision in found.items())
