"""optimum-benchmark: reports with their configuration, and the tables of 2023."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from cetrack.domain import Direction, Kind, NormalRun, Spread
from cetrack.errors import ReadError
from cetrack.identity import content_key
from cetrack.readers.base import Match
from cetrack.readers.registry import choose
from cetrack.readers.source import Source
from tests.readers.reading import SAMPLES, Reading, claimed_by, read, sample, values
from tests.readers.test_realdata import FOLDER

real = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no real files in {FOLDER}")
LATENCY = {"unit": "s", "values": [0.5, 0.25], "count": 2, "mean": 0.375, "stdev": 0.125}
BACKEND = {"name": "pytorch", "model": "lab/brook", "torch_dtype": "float16", "device": "cuda"}
CONFIG = {"name": "brook", "backend": BACKEND, "scenario": {}, "launcher": {"name": "inline"}}


def samples_of(run: NormalRun) -> dict[str, list[float]]:
    return {item.metric.name: item.values.tolist() for item in run.samples}


def opened(path: Path) -> Source:
    return Source(str(path), path=path)


def in_folder(folder: Path, report: Any, **files: Any) -> Reading:
    """A report read with the files beside it, whose names have a dash for a dot."""
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("-", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    path = folder / "benchmark_report.json"
    path.write_text(json.dumps(report))
    return read(opened(path))


# --- reports ---------------------------------------------------------------------------------


def test_one_way_to_run_a_model_is_the_inference_that_other_tools_measure() -> None:
    (run,) = read(sample("optimum_benchmark/benchmark.json")).runs

    assert values(run) == {
        "load_model.latency_mean": 500.0,
        "memory_usage_mb": 512.5,
        "latency_mean_ms": 25.0,
        "latency_median_ms": 25.0,
        "latency_p90_ms": 29.0,
        "latency_p95_ms": 29.5,
        "latency_p99_ms": 29.9,
        "latency_stdev_pct": 20.0,
        "throughput_ips": 320.0,
    }
    assert samples_of(run) == {"load_model.latency": [500.0], "latency_ms": [20.0, 30.0]}
    found = {item.metric.name: item for item in run.series}
    assert found["latency_mean_ms"].spread == Spread(std=5.0, n=2)
    assert found["load_model.latency_mean"].spread == Spread(n=1)
    assert found["latency_stdev_pct"].metric.unit == "%"
    assert run.notices == ()


def test_the_parts_of_a_generation_keep_their_names() -> None:
    reading = read(sample("optimum_benchmark/pair/benchmark_report.json"))
    (run,) = reading.runs
    found = values(run)

    assert found == {
        "load.latency_mean": 2500.0,
        "load.max_ram": 900.5,
        "load.max_global_vram": 4000.0,
        "load.max_process_vram": 3500.0,
        "load.max_reserved": 3000.0,
        "load.max_allocated": 2900.0,
        "prefill.latency_mean": 50.0,
        "prefill.latency_p50": 50.0,
        "prefill.latency_p90": 58.0,
        "prefill.latency_p95": 59.0,
        "prefill.latency_p99": 59.8,
        "prefill.latency_stdev_pct": 20.0,
        "prefill.throughput": 1280.0,
        "prefill.energy_cpu": 3600.0,
        "prefill.energy_ram": 1800.0,
        "prefill.energy_gpu": 9000.0,
        "prefill.energy_total": 14400.0,
        "prefill.efficiency": 48e6,
        "decode.latency_mean": 1250.0,
        "decode.throughput": 50.5,
    }
    units = {item.metric.name: item.metric.unit for item in run.series}
    assert units["prefill.latency_mean"] == "ms"
    assert units["prefill.energy_total"] == "mJ"
    assert units["prefill.throughput"] == units["decode.throughput"] == "tokens/s"
    assert units["prefill.efficiency"] == "tokens/kWh"
    assert units["load.max_ram"] == "MB"


def test_directions_of_names_that_the_catalogue_does_not_know() -> None:
    (run,) = read(sample("optimum_benchmark/pair/benchmark_report.json")).runs
    known = {item.metric.name: (item.metric.direction, item.metric.family) for item in run.series}

    assert known["prefill.latency_p99"] == (Direction.LOWER, "latency")
    assert known["decode.throughput"] == (Direction.HIGHER, "throughput")
    assert known["prefill.efficiency"] == (Direction.HIGHER, "efficiency")
    assert known["prefill.energy_gpu"] == (Direction.LOWER, "energy")
    assert known["load.max_ram"] == (Direction.LOWER, "memory")


def test_a_meter_that_restarted_is_kept_and_said() -> None:
    reading = read(sample("optimum_benchmark/pair/benchmark_report.json"))
    (run,) = reading.runs

    assert samples_of(run)["prefill.energy_measures"] == [7200.0, 0.0, -360.0]
    assert reading.said == [
        "/prefill/energy/measures: 2 of 3 repetitions are zero or negative: kept as read"
    ]


def test_measures_may_be_objects() -> None:
    measures = [{"unit": "kWh", "cpu": 1.0, "total": 3.0}, {"unit": "kWh", "cpu": 2.0, "total": 4}]
    energy = {"unit": "kWh", "total": 7.0, "measures": measures}
    (run,) = read({"forward": {"energy": energy}}).runs

    assert samples_of(run) == {
        "forward.energy_cpu": [3.6e9, 7.2e9],
        "forward.energy_total": [1.08e10, 1.44e10],
    }


def test_what_the_configuration_beside_it_says() -> None:
    (run,) = read(sample("optimum_benchmark/pair/benchmark_report.json")).runs
    record = run.record

    assert (run.model.name, run.model.library, run.model.input_shape) == (
        "river-3b", "transformers", "32",
    )  # fmt: skip
    assert (run.precision.name, record.method) == ("nf4", "bnb")
    assert (record.batch_size, record.seed, record.task) == (2, 42, "text-generation")
    assert (record.name, record.variant, record.kind) == (
        "river-bnb", "river-bnb", Kind.BENCHMARK,
    )  # fmt: skip
    environment = record.environment
    assert (environment.device, environment.accelerator) == ("cuda", "NVIDIA L4")
    assert (environment.runtime, environment.runtime_version) == ("pytorch", "2.9.1")
    assert environment.os == "Linux-6.1"
    assert environment.details == {
        "cpu": " Some CPU",
        "cpu_count": 8,
        "platform": "Linux-6.1",
        "transformers_version": "4.57.1",
    }
    assert run.params["backend.device_ids"] == "0,1"
    assert run.params["scenario.generate_kwargs.max_new_tokens"] == 16
    assert run.params["launcher.device_isolation"] is True
    assert not any("_target_" in name or "environment" in name for name in run.params)


def test_an_image_model_has_the_shape_of_its_images() -> None:
    (run,) = read(sample("optimum_benchmark/benchmark.json")).runs

    assert run.model.input_shape == "3x64x64"
    assert (run.model.name, run.precision.name) == ("leafnet_small.in1k", "int8")
    assert run.record.environment.accelerator == "Some CPU"


def test_both_ways_to_write_a_run_are_one_run(tmp_path: Path) -> None:
    report = {"forward": {"latency": LATENCY}}
    whole = {"config": {**CONFIG, "print_report": True}, "report": report}
    (alone,) = read(whole).records
    (beside,) = in_folder(tmp_path, report, **{"benchmark_config-json": CONFIG}).records

    keys = [content_key(record, "default", ordinal=0) for record in (alone, beside)]
    assert keys[0] == keys[1]


def test_a_report_alone_names_no_model() -> None:
    (run,) = read({"forward": {"latency": LATENCY}}).runs

    assert (run.model.name, run.precision.name, run.params) == ("", "unknown", {})
    assert values(run) == {"latency_mean_ms": 375.0}


@pytest.mark.parametrize(
    "name", ["experiment_config-json", "hydra_config-yaml", "-hydra__config-yaml"]
)
def test_other_names_of_the_configuration(tmp_path: Path, name: str) -> None:
    text = (
        "backend:\n  name: pytorch\n  version: ${pytorch_version:}\n"
        "  _target_: optimum_benchmark.backends.pytorch.backend.PyTorchBackend\n"
        "  torch_dtype: bfloat16\n"
        "benchmark:\n  input_shapes: {batch_size: 4}\nexperiment_name: hydra\n"
        "model: lab/stream\ndevice: cpu\n"
    )
    content = CONFIG if "json" in name else text
    (run,) = in_folder(tmp_path, {"forward": {"latency": LATENCY}}, **{name: content}).runs

    known = (run.model.name, run.precision.name, run.record.variant)
    assert known == (("brook", "fp16", "brook") if "json" in name else ("stream", "bf16", "hydra"))
    assert run.record.environment.runtime_version == ""


def test_the_first_of_two_configurations_counts_and_that_is_said(tmp_path: Path) -> None:
    other = {**CONFIG, "backend": {**BACKEND, "model": "lab/stream"}}
    files = {"benchmark_config-json": CONFIG, "experiment_config-json": other}
    reading = in_folder(tmp_path, {"forward": {"latency": LATENCY}}, **files)

    assert reading.runs[0].model.name == "brook"
    assert reading.said == [
        ": experiment_config.json names another model than benchmark_config.json, which counts: "
        "lab/stream"
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("5 6", [": benchmark_config.json is left out: byte 2: invalid JSON: Extra data"]),
        ("[1]", []),
        ('{"model": "x"}', []),
    ],
)  # fmt: skip
def test_a_broken_configuration_rejects_nothing(
    tmp_path: Path, content: str, said: list[str]
) -> None:
    files = {"benchmark_config-json": content}
    reading = in_folder(tmp_path, {"forward": {"latency": LATENCY}}, **files)

    assert reading.runs[0].model.name == ""
    assert reading.said == said


def test_a_configuration_is_a_companion_whatever_lies_beside_it() -> None:
    path = SAMPLES / "optimum_benchmark/pair/benchmark_config.json"

    assert choose(opened(path))[1] is Match.COMPANION
    assert read(opened(path)).records == []


@pytest.mark.parametrize(
    "content",
    [
        {"forward": {"latency": 0.5}},
        {"forward": {"latency": {"mean": 0.5}}},
        {"forward": {"latency": LATENCY, "accuracy": 0.5}},
        {"forward": {"latency": LATENCY}, "date": "2026-01-01"},
        {"forward": None},
        {"config": CONFIG, "report": {}},
        {"backend": {"name": "pytorch"}},
        {"backend": "pytorch", "scenario": {}, "launcher": {}},
    ],
)
def test_what_only_looks_alike_is_not_claimed(content: Any) -> None:
    assert "optimum_benchmark" not in claimed_by(content)


@pytest.mark.parametrize(
    ("latency", "found", "said"),
    [
        ({"unit": "s", "mean": math.nan}, {"latency_mean_ms": math.nan},
         ["/forward/latency/mean: NaN: stored as a missing value"]),
        ({"unit": "s", "mean": "fast", "p50": 0.5}, {"latency_median_ms": 500.0},
         ["/forward/latency/mean: not a number: left out"]),
        ({"unit": "ms", "mean": 5, "count": "many"}, {"latency_mean_ms": 5.0}, []),
        ({"unit": "s", "mean": 10**400}, {"latency_mean_ms": math.inf}, []),
        ({"unit": "s", "values": ["x"], "mean": 0.5}, {"latency_mean_ms": 500.0}, []),
        ({"unit": "s", "values": [0.5, None, -1], "mean": 1}, {"latency_mean_ms": 1000.0},
         ["/forward/latency/values: 1 of 3 repetitions are zero or negative: kept as read"]),
    ],
)  # fmt: skip
def test_odd_numbers(latency: dict[str, Any], found: dict[str, float], said: list[str]) -> None:
    reading = read({"forward": {"latency": latency}})

    assert repr(values(reading.runs[0])) == repr(found)
    assert reading.said == said


def test_device_memory_and_host_memory_are_told_apart() -> None:
    memory = {"unit": "MB", "max_ram": 100.5, "max_process_vram": 200.5, "max_allocated": 150}
    (run,) = read({"config": CONFIG, "report": {"call": {"memory": memory}}}).runs

    assert values(run) == {
        "memory_usage_mb": 100.5,
        "gpu_memory_usage_mb": 200.5,
        "max_allocated": 150.0,
    }


# --- tables ----------------------------------------------------------------------------------


def test_a_row_is_a_run_with_its_configuration_in_dotted_columns() -> None:
    reading = read(sample("optimum_benchmark/full_report.csv"))
    first, second = reading.runs

    assert values(first) == {
        "forward.latency": 32.5,
        "forward.throughput": 30.5,
        "forward.peak_memory": 15239.0,
        "generate.latency": 13250.0,
        "generate.throughput": 38.5,
    }
    units = {item.metric.name: item.metric.unit for item in first.series}
    assert units["generate.throughput"] == "tokens/s"
    assert units["forward.throughput"] == "1/s"
    assert [run.model.name for run in (first, second)] == ["Stream-7b-hf", "Stream-7B"]
    assert [run.precision.name for run in (first, second)] == ["fp16", "gptq"]
    assert [run.record.batch_size for run in (first, second)] == [1, 8]
    assert [run.record.variant for run in (first, second)] == ["fp16", "fp16+gptq"]
    assert first.model.input_shape == "256"
    assert first.record.place == "row 2"
    environment = first.record.environment
    assert (environment.accelerator, environment.details) == ("NVIDIA A100", {"cpu": "Some CPU"})
    assert second.params["backend.quantization_config.bits"] == 4
    assert second.params["backend.no_weights"] is False
    assert reading.said == [": 1 rows without measurements: no runs made"]


def test_a_misspelt_unit_and_an_index_without_a_name() -> None:
    (run,) = read(sample("optimum_benchmark/training_results.csv")).runs

    assert values(run) == {
        "warmup.runtime": 6500.0,
        "warmup.throughput": 6.25,
        "overall_training.runtime": 15500.0,
        "overall_training.throughput": 3.75,
    }
    units = {item.metric.name: item.metric.unit for item in run.series}
    assert units["overall_training.throughput"] == units["warmup.throughput"] == "1/s"


@pytest.mark.parametrize(
    ("device", "memory"), [("cuda", "gpu_memory_usage_mb"), ("cpu", "memory_usage_mb")]
)
def test_forward_alone_is_the_inference(device: str, memory: str) -> None:
    text = (
        "device,forward.latency(s),forward.throughput(samples/s),forward.peak_memory(MB)\r\n"
        f"{device}, 0.25 ,4,512\r\n"
    )
    (run,) = read(text, "inference_results.csv").runs

    assert values(run) == {"latency_ms": 250.0, "throughput_ips": 4.0, memory: 512.0}
    assert run.record.environment.device == device


def test_peak_memory_of_an_unknown_device_keeps_its_name() -> None:
    (run,) = read("forward.latency(s),forward.peak_memory(MB)\n0.5,7\n", "a.csv").runs

    assert values(run) == {"latency_ms": 500.0, "forward.peak_memory": 7.0}


def test_a_row_takes_its_configuration_from_beside_it(tmp_path: Path) -> None:
    (tmp_path / "hydra_config.yaml").write_text(
        "backend:\n  name: pytorch\n  torch_dtype: float16\n  quantization_strategy: bnb\n"
        "  quantization_config: {load_in_4bit: true}\n"
        "benchmark: {name: inference}\nexperiment_name: llama_bnb\nmodel: lab/stream\n"
    )
    path = tmp_path / "inference_results.csv"
    path.write_text("forward.latency(s)\n0.5\n")
    (run,) = read(opened(path)).runs

    assert (run.model.name, run.precision.name) == ("stream", "int4_weight_only")
    assert run.record.variant == "llama_bnb"


@pytest.mark.parametrize(
    "text",
    [
        "epoch,loss\n1,2\n",
        "forward.size(MB)\n1\n",
        "latency(s),model\n1,a\n",
        "a.b(c)\n1\n",
    ],
)
def test_other_tables_are_not_claimed(text: str) -> None:
    assert "optimum_benchmark" not in claimed_by(text, "a.csv")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("forward.latency(s)\n0.5,1\n", "row 2: 2 cells under 1 headings"),
        (b"forward.latency(s),model\n0.5,caf\xe9\n", "not UTF-8 text"),
    ],
)
def test_a_broken_table_is_one_error(text: str | bytes, problem: str) -> None:
    with pytest.raises(ReadError, match=problem):
        read(text, "a.csv")


@pytest.mark.parametrize("text", ["forward.latency(s)\n", "forward.latency(s)\nN/A\n"])
def test_a_table_without_measurements_makes_no_run(text: str) -> None:
    assert read(text, "a.csv").records == []


# --- real files ------------------------------------------------------------------------------

TREE = FOLDER / "optimum_benchmark" / "huggingface__optimum-benchmark"


@real
def test_a_real_report_and_its_other_half_are_one_run() -> None:
    (whole,) = read(opened(TREE / "benchmark.json")).records
    (half,) = read(opened(TREE / "benchmark_report.json")).records

    keys = [content_key(record, "default", ordinal=0) for record in (whole, half)]
    assert keys[0] == keys[1]
    assert whole.model.name == "bge-base-en-v1.5"
    assert choose(opened(TREE / "benchmark_config.json"))[1] is Match.COMPANION


@real
@pytest.mark.parametrize(
    ("part", "count", "precisions"),
    [
        ("A100-80GB/full_report", 15, {"fp16", "gptq", "int4_weight_only"}),
        ("Llama-7b/full_report", 35, {"fp16", "gptq"}),
        ("inference_results", 1, {"unknown"}),
        ("training_results", 1, {"unknown"}),
    ],
)
def test_real_tables(part: str, count: int, precisions: set[str]) -> None:
    path = next(item for item in TREE.rglob("*.csv") if part in str(item))
    reading = read(opened(path))

    assert len(reading.records) == count
    assert {run.precision.name for run in reading.runs} == precisions
    assert reading.said == []
    keys = {content_key(record, "default", ordinal=0) for record in reading.records}
    assert len(keys) == count
