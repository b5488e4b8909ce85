"""MLPerf Tiny: sessions of the benchmark runner."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cetrack.domain import NormalRun, Spread, Status
from cetrack.errors import ReadError
from cetrack.identity import content_key
from cetrack.readers.base import Match
from cetrack.readers.registry import choose
from cetrack.readers.source import Source
from tests.readers.reading import SAMPLES, claimed_by, read, sample, values
from tests.readers.test_realdata import FOLDER

real = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no real files in {FOLDER}")
ENERGY = SAMPLES / "mlperf_tiny/energy"


def opened(path: Path) -> Source:
    return Source(str(path), path=path)


def samples_of(run: NormalRun) -> dict[str, list[float]]:
    return {item.metric.name: item.values.tolist() for item in run.samples}


def approx(**numbers: float) -> Any:
    return pytest.approx(numbers, rel=1e-12)


def test_the_result_is_the_median_of_the_windows() -> None:
    (run,) = read(sample("mlperf_tiny/energy/results.txt")).runs

    assert values(run) == approx(
        latency_median_ms=155.0, energy_per_inference_uj=13_000, power_mw=83.87
    )
    found = samples_of(run)
    assert found["latency_ms"] == [150.0, 160.0, 155.0]
    assert found["energy_per_inference_uj"] == [12_000, 14_000, 13_000]
    assert found["power_mw"] == [80.0, 87.5, 83.87]
    assert found["energy_per_tick"] == pytest.approx([0.01, 0.02, 0.03])
    (latency,) = (item for item in run.series if item.metric.name == "latency_median_ms")
    assert latency.spread == Spread(min=150.0, max=160.0, n=3)
    assert run.notices == ()


def test_the_log_names_the_model_the_device_and_the_time() -> None:
    (run,) = read(sample("mlperf_tiny/energy/results.txt")).runs

    assert run.model.name == "vww01"
    assert run.record.environment.device == "Acme"
    assert run.record.started_at == datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert run.record.status is Status.FINISHED
    assert run.params == {"profile": "Acme Firmware V1.2.3", "iterations": 10, "voltage_v": 1.8}


def test_of_a_session_the_results_are_read_and_the_rest_with_them() -> None:
    assert choose(opened(ENERGY / "results.txt"))[1] is Match.YES
    assert choose(opened(ENERGY / "results.json"))[1] is Match.COMPANION
    assert choose(opened(ENERGY / "log.txt"))[1] is Match.COMPANION


def test_a_log_beside_raw_samples_is_their_companion(tmp_path: Path) -> None:
    for name in ("log.txt", "results.json"):
        shutil.copy(ENERGY / name, tmp_path)

    assert choose(opened(tmp_path / "results.json"))[1] is Match.YES
    assert choose(opened(tmp_path / "log.txt"))[1] is Match.COMPANION
    (run,) = read(opened(tmp_path / "results.json")).runs
    assert run.model.name == "vww01"


def test_raw_samples_alone_say_what_every_window_cost() -> None:
    reading = read(sample("mlperf_tiny/raw/results.json"))
    (run,) = reading.runs

    # 10 mJ in the four ticks between the marks, for two inferences
    assert values(run) == approx(
        latency_median_ms=2.0, energy_per_inference_uj=5_000, power_mw=2500.0
    )
    assert samples_of(run)["energy_per_tick"] == [500.0, 1.0, 2.0, 3.0, 4.0, 500.0, 2.0, 2.0]
    assert reading.said == [": times are counted in samples of the energy monitor, 1000 per second"]


@pytest.mark.parametrize(
    ("marks", "iterations"),
    [
        ([], 2),
        ([["00", 0]], 2),
        ([["00", 0], ["01", 99]], 2),
        ([["00", 3], ["01", 1]], 2),
        ([["00", "x"], ["01", 1]], 2),
        ([["00", 0], ["01", 2]], 0),
        ([["00", 0], ["01", 2]], "many"),
        ("none", 2),
    ],
)
def test_a_window_without_its_marks_has_no_energy(marks: Any, iterations: Any) -> None:
    item = {
        "class": "1",
        "infer": {"iterations": iterations},
        "power": {"samples": [0.5, None, 0.25], "timestamps": marks},
    }
    (run,) = read([item, 7, {"infer": {}, "power": {"samples": "x"}}], "results.json").runs

    assert values(run) == {}
    assert samples_of(run)["energy_per_tick"] == [500.0, 0.0, 250.0]
    assert run.record.status is Status.FAILED


def test_the_performance_mode() -> None:
    (run,) = read(sample("mlperf_tiny/performance/results.txt")).runs

    assert values(run) == {"throughput_ips": 6.25}
    assert run.record.status is Status.FINISHED


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("ulp-mlperf: Top-1: 85.5%", {"accuracy": 0.855}),
        ("ulp-mlperf: AUC: 0.975", {"auc": 0.975}),
        ("ulp-mlperf:   Throughput   :      6.250 inf./sec.", {"throughput_ips": 6.25}),
    ],
)
def test_other_results(line: str, found: dict[str, float]) -> None:
    (run,) = read(f"00025.209 {line}\n", "results.txt").runs

    assert values(run) == found


def test_throughputs_of_windows_are_a_sample_beside_their_median() -> None:
    text = "".join(
        f"0203.040507 ulp-mlperf:   Throughput   :   {number} inf./sec.\n" for number in (6, 8, 7)
    )
    median = "0203.040507 ulp-mlperf: Median throughput is      7.000 inf./sec.\n"
    (run,) = read(text + median, "results.txt").runs

    assert values(run) == {"throughput_ips": 7.0}
    assert samples_of(run) == {"throughput_ips": [6.0, 8.0, 7.0]}


def test_a_reported_error_is_a_failed_run() -> None:
    text = "0203.0405 ulp-mlperf: ERROR 1 - loop_count was not exactly 5.\n"
    (run,) = read(text, "results.txt").runs

    assert run.record.status is Status.FAILED
    assert run.record.status_reason == "ERROR 1 - loop_count was not exactly 5."


def test_a_session_that_broke_is_a_failed_run() -> None:
    (run,) = read(sample("mlperf_tiny/empty/log.txt")).runs

    assert values(run) == {}
    assert run.record.status is Status.FAILED
    assert run.record.status_reason == (
        "RuntimeError: No interface or DUT detected. One must be present to run test"
    )
    assert run.record.started_at == datetime(2026, 2, 3, 7, 8, 9, tzinfo=UTC)


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_an_empty_session_leaves_a_header(end: str) -> None:
    (run,) = read(f"Power Edition Output{end}", "results.txt").runs

    assert run.record.status is Status.FAILED
    assert run.record.status_reason == "the session has no measurements"


def test_sessions_are_told_apart_by_what_they_say(tmp_path: Path) -> None:
    keys = set()
    for number, session in enumerate(("20260203_040506", "20260203_050607", "20260203_040506")):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "results.txt").write_text("Power Edition Output\n")
        log = f"Logging initialized. Writing output to sessions\\{session}\\log.txt\n"
        (folder / "log.txt").write_text(log)
        (record,) = read(opened(folder / "results.txt")).records
        keys.add(content_key(record, "default", ordinal=0))

    assert len(keys) == 2


@pytest.mark.parametrize(
    ("name", "content"), [("results.json", b"[{"), ("log.txt", b"Logging \xff\xfe")]
)
def test_a_broken_companion_rejects_nothing(tmp_path: Path, name: str, content: bytes) -> None:
    shutil.copy(ENERGY / "results.txt", tmp_path)
    (tmp_path / name).write_bytes(content)
    (run,) = read(opened(tmp_path / "results.txt")).runs

    assert values(run)["energy_per_inference_uj"] == 13_000


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("power edition output\n", "results.txt"),
        ("10 iterations. Elapsed time = 1.5\n", "results.txt"),
        ("Logging started\n", "log.txt"),
        (json.dumps([{"infer": {}}]), "results.json"),
        (json.dumps([{"infer": [], "power": {}, "class": 1}]), "results.json"),
        ("[]", "results.json"),
    ],
)
def test_files_of_that_name_of_other_tools_are_not_claimed(content: str, name: str) -> None:
    assert claimed_by(content, name) == []


def test_other_text_is_refused_by_name() -> None:
    with pytest.raises(ReadError, match="nothing of an MLPerf Tiny session"):
        read("something", "a.txt", reader="mlperf_tiny")


# --- real files ------------------------------------------------------------------------------


@real
def test_the_real_session_says_the_same_twice(tmp_path: Path) -> None:
    text = next((FOLDER / "mlperf").rglob("results.txt"))
    (run,) = read(opened(text)).runs
    raw = tmp_path / "results.json"
    shutil.copy(text.with_name("results.json"), raw)
    (alone,) = read(opened(raw)).runs

    assert run.model.name == "ic01"
    assert run.record.started_at == datetime(2025, 6, 12, 12, 27, 41, tzinfo=UTC)
    assert values(run)["energy_per_inference_uj"] == 13_270.947
    assert values(alone) == pytest.approx(values(run), rel=1e-4)
    assert len(samples_of(run)["energy_per_tick"]) == 60507
    assert choose(opened(text.with_name("log.txt")))[1] is Match.COMPANION
