"""google-benchmark: JSON and console output → records → normalised runs."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest

from cetrack.domain import Spread, Status
from cetrack.errors import ReadError
from tests.readers.reading import Reading, claimed_by, read, sample, values
from tests.readers.test_realdata import FOLDER

ROW = {"name": "BM_A", "iterations": 10, "real_time": 2.0, "cpu_time": 1.0, "time_unit": "ms"}


def rows(*items: Any, **context: Any) -> Reading:
    return read(json.dumps({"context": context, "benchmarks": list(items)}))


def test_repetitions_and_aggregates_of_a_benchmark_are_one_run() -> None:
    run = read(sample("google_benchmark/repeated.json")).runs[0]

    assert (run.model.name, run.precision.name) == ("BM_Resnet50/real_time", "int8")
    assert values(run) == {
        "cpu_time": 4.0,
        "cpu_time_median": 4.0,
        "cpu_time_std": 0.1,
        "cpu_time_cv": 0.025,
        "latency_mean_ms": 4.2,
        "latency_median_ms": 4.19,
        "latency_std_ms": 0.2,
        "latency_cv": 0.0476,
        "accuracy": 0.75,
        "items_per_second": 240.0,
    }
    found = {item.metric.name: item for item in run.series}
    assert found["latency_mean_ms"].spread == Spread(std=0.2, min=4.0, max=4.4, n=3)
    assert found["latency_cv"].metric.unit == "fraction"
    assert found["items_per_second"].metric.direction == "higher"
    assert {item.metric.name: item.values.tolist() for item in run.samples}["latency_ms"] == [
        4.2, 4.4, 4.0,
    ]  # fmt: skip
    assert (run.params["iterations"], run.params["threads"]) == (170, 1)


def test_what_the_context_says_reaches_every_run() -> None:
    for run in read(sample("google_benchmark/repeated.json")).runs:
        record = run.record
        assert record.started_at == datetime(2026, 6, 1, 0, tzinfo=UTC)
        assert (record.environment.host, record.environment.device) == ("ci-7", "cpu")
        assert record.environment.details["num_cpus"] == 8
        assert record.variant == "bench_models"
        assert run.params["threads_pinned"] == "yes"
        assert run.params["library_build_type"] == "release"


def test_an_error_and_a_skip_are_failed_runs_without_their_zeros() -> None:
    _, missing, skipped, *_ = read(sample("google_benchmark/repeated.json")).runs

    assert (missing.record.status, missing.record.status_reason) == (
        Status.FAILED,
        "error: no model file",
    )
    assert (missing.model.name, missing.precision.name) == ("BM_Missing", "fp16")
    assert skipped.record.status_reason == "skipped: no NPU here"
    assert missing.series == skipped.series == ()


def test_complexity_rows_have_coefficients_and_no_time() -> None:
    run = read(sample("google_benchmark/repeated.json")).runs[3]

    assert run.model.name == "BM_Sort"
    assert values(run) == {"cpu_coefficient": 4.25e-06, "real_coefficient": 4.5e-06, "rms": 0.02}
    assert run.params["big_o"] == "N"


def test_bare_nan_units_of_memory_and_a_label_that_is_a_format() -> None:
    run = read(sample("google_benchmark/repeated.json")).runs[4]
    found = values(run)

    assert math.isnan(found.pop("cpu_time"))
    assert found == {
        "latency_mean_ms": 2000.0,
        "allocs_per_iter": 12.0,
        "max_bytes_used": 1.048576,
        "ratio": math.inf,
    }
    assert run.precision.name == "int4"


def test_an_old_file_without_context_joins_only_what_was_measured_too() -> None:
    first, second = read(sample("google_benchmark/bare.json")).runs

    assert (first.model.name, first.precision.name) == ("BM_Gemm", "bf16")
    assert values(first)["latency_mean_ms"] == 0.013
    assert (second.model.name, values(second)["latency_mean_ms"]) == ("BM_Gemm_mean", 500.0)


@pytest.mark.parametrize(
    ("unit", "expected"),
    [("ns", 2e-06), ("us", 0.002), ("ms", 2.0), ("s", 2000.0), (None, 2e-06), ("parsec", 2e-06)],
)
def test_every_row_has_its_own_unit(unit: Any, expected: float) -> None:
    run = rows({**ROW, "time_unit": unit}, ROW | {"name": "BM_B"}).runs[0]

    assert values(run)["latency_mean_ms"] == expected


def test_aggregates_alone_make_a_run_with_the_deviation_that_they_state() -> None:
    def aggregate(name: str, time: float) -> dict[str, Any]:
        about = {"run_name": "BM_A", "run_type": "aggregate", "aggregate_name": name}
        return {**ROW, **about, "name": f"BM_A_{name}", "real_time": time, "hits": time * 10}

    run = rows(aggregate("mean", 2.0), aggregate("stddev", 0.5), aggregate("p99", 3.0)).runs[0]

    assert values(run)["latency_mean_ms"] == 2.0
    assert values(run)["latency_p99_ms"] == 3.0
    assert {item.metric.name: item.spread for item in run.series}["hits"] == Spread(std=5.0)


def test_a_row_without_a_name_is_said() -> None:
    reading = rows(ROW, {"real_time": 1})

    assert (len(reading.records), reading.notices) == (
        1,
        ["/benchmarks/1: a benchmark without a name: left out"],
    )


def test_a_model_of_the_context_leaves_the_benchmark_to_the_variant() -> None:
    run = rows(ROW, model="resnet50", dtype="int8", executable="C:\\build\\bench.exe").runs[0]

    assert (run.model.name, run.precision.name) == ("resnet50", "int8")
    assert run.record.variant == "bench.exe:BM_A"


# --- console ---------------------------------------------------------------------------------


def test_the_table_of_a_console_is_read_with_counters_and_errors() -> None:
    reading = read(sample("google_benchmark/console.txt"))
    first, second, sort, missing, lin = reading.runs

    assert [(run.model.name, run.precision.name) for run in (first, second)] == [
        ("BM_Resnet", "fp32"),
        ("BM_Resnet", "int8"),
    ]
    assert values(second) == {
        "cpu_time": 4.1,
        "latency_mean_ms": 4.2,
        "accuracy": 0.75,
        "items_per_second": 1238.0,
    }
    assert (sort.params["iterations"], sort.params["label"]) == (3070566, "radix")
    assert values(sort)["latency_cv"] == 0.0098
    assert missing.record.status is Status.FAILED
    assert values(lin) == {"rms": 0.01}
    assert first.record.started_at == datetime(2026, 6, 1, 2, tzinfo=UTC)
    assert first.record.environment.details == {"num_cpus": 8, "mhz_per_cpu": 2700.0}
    assert reading.notices == ["line 18: 1 lines below the heading are no measurements: left out"]


RULE = "-" * 60


@pytest.mark.parametrize(
    ("heading", "line", "expected"),
    [
        ("", "BM_A  2.0 ms  1.0 ms  10", {}),
        (" UserCounters...", "BM_A  2.0 ms  1.0 ms  10 hits=1.5M", {"hits": 1.5e6}),
        (" UserCounters...", "BM_A  2.0 ms  1.0 ms  10 b=2Ki/s c=5m", {"b": 2048.0, "c": 0.005}),
        (" hits rate", "BM_A  2.0 ms  1.0 ms  10 3 4k/s", {"hits": 3.0, "rate": 4000.0}),
        (" hits rate", "BM_A  2.0 ms  1.0 ms  10", {}),
        ("", "BM_A/x y:3  2.0e+00 ms  1.0 ms  10 a label", {}),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_counters_behind_the_iterations(
    heading: str, line: str, expected: dict[str, float], end: str
) -> None:
    text = end.join([RULE, f"Benchmark  Time  CPU  Iterations{heading}", RULE, line, ""])
    found = values(read(text, "out.txt").runs[0])

    assert (found.pop("latency_mean_ms"), found.pop("cpu_time")) == (2.0, 1.0)
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    "text",
    [
        "Benchmark  Time  CPU  Iterations\nBM_A 1 ms 1 ms 10\n",
        f"{RULE}\nBenchmark  Time(ns)  CPU(ns)  Iterations\n{RULE}\n",
        f"{RULE}\nName  Time  CPU  Iterations\n{RULE}\nBM_A 1 ms 1 ms 10\n",
        "a log of Iterations\n",
    ],
)
def test_another_text_is_not_claimed(text: str) -> None:
    assert claimed_by(text, "a.txt") == []
    with pytest.raises(ReadError, match="neither JSON nor the table of a console"):
        read(text, "a.txt", reader="google_benchmark")


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no real files in {FOLDER}")
def test_real_reports() -> None:
    counts = {}
    for path in sorted((FOLDER / "google_benchmark").rglob("*.*")):
        if path.is_file():
            reading = read(path.read_bytes(), path.name)
            assert (reading.reader, reading.said) == ("google_benchmark", [])
            counts[path.name] = len(reading.records)
    assert counts == {
        "test1_run1.json": 15, "test1_run2.json": 15, "test2_run.json": 10, "two.txt": 2,
    }  # fmt: skip
