"""MLPerf inference: summaries, detailed logs and what lies around them."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cetrack.domain import Direction, Identity, NormalRun, Status
from cetrack.errors import ReadError
from cetrack.identity import content_key
from cetrack.ingest import IngestOptions, ingest
from cetrack.readers.base import Match
from cetrack.readers.registry import choose
from cetrack.readers.source import Source
from tests.readers.reading import SAMPLES, claimed_by, read, sample, values
from tests.readers.test_realdata import FOLDER

real = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no real files in {FOLDER}")
SERVER = SAMPLES / "mlperf/results/8xT9/pebble-7b/Server"
SUMMARY = (SAMPLES / "mlperf/offline/mlperf_log_summary.txt").read_text()
NAME = "mlperf_log_summary.txt"


def opened(path: Path) -> Source:
    return Source(str(path), path=path)


def run_of(path: Path) -> NormalRun:
    (run,) = read(opened(path)).runs
    return run


def server() -> NormalRun:
    return run_of(SERVER / "performance/run_1" / NAME)


def entry(key: str, value: Any, **about: Any) -> str:
    line = {"key": key, "value": value, "namespace": "mlperf::logging", "metadata": about}
    return f":::MLLOG {json.dumps(line)}\n"


# --- summary ---------------------------------------------------------------------------------


def test_a_summary_of_a_language_model() -> None:
    assert values(server()) == {
        "throughput_ips": 12.5,
        "tokens_per_s": 3200.75,
        "scheduled_samples_per_s": 12.75,
        "latency_min_ms": 1000.0,
        "latency_max_ms": 9000.0,
        "latency_mean_ms": 4000.0,
        "latency_median_ms": 3500.0,
        "latency_p99_ms": 8750.0,
        "latency_p99.9": 8990.0,
        "ttft_min": 100.0,
        "ttft_max": 2500.0,
        "ttft_mean_ms": 750.0,
        "ttft_p99_ms": 2250.0,
        "tpot_min": 10.0,
        "tpot_max": 60.0,
        "tpot_mean_ms": 25.0,
        "tpot_p99_ms": 55.0,
        "rouge1": 44.25,
        "rougeLsum": 41.5,
    }


def test_times_are_in_ms_and_better_when_shorter_rates_when_higher() -> None:
    known = {item.metric.name: item.metric for item in server().series}

    for name in ("latency_p99.9", "ttft_min", "tpot_mean_ms"):
        assert (known[name].unit, known[name].direction) == ("ms", Direction.LOWER)
    for name in ("throughput_ips", "tokens_per_s", "scheduled_samples_per_s"):
        assert (known[name].unit, known[name].direction) == ("1/s", Direction.HIGHER)


def test_an_invalid_result_is_a_failed_run_with_its_reason() -> None:
    record = server().record

    assert record.status is Status.FAILED
    assert record.status_reason == (
        "INVALID; performance constraints, early stopping not satisfied; "
        "TTFT constrain not met: Reduce target QPS to improve latency."
    )


def test_what_lies_around_a_summary_is_read_with_it() -> None:
    run = server()
    record = run.record

    assert (run.precision.name, run.model.name) == ("fp8", "pebble-7b")
    assert record.weak == frozenset({"model"})
    assert (record.split, record.variant) == ("Server", "PebbleSUT")
    assert record.environment.accelerator == "8xT9"
    assert record.started_at == datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    assert record.finished_at == datetime(2026, 3, 4, 5, 36, 7, 250_000, UTC)
    assert record.identity is Identity.SNAPSHOT
    assert run.params["loadgen_version"] == "5.0.1 @ 0badf00d"
    assert run.params["weight_transformations"] == "quantization"
    assert run.params["accuracy.gen_len"] == 28000
    assert run.params["min_duration (ms)"] == 600000
    assert run.params["sample_index_rng_seed"] == "14771362308971278001"
    assert run.params["warnings"] == 2
    assert [f"{notice.place}: {notice.text}" for notice in run.notices] == [
        "line 58: 2 warnings encountered: the detailed log has them",
        "mlperf_log_detail.txt: logged as an error or a warning: "
        "warning_generic_message: 'sample_concatenate_permutation is set'",
    ]


def test_a_summary_of_the_offline_scenario() -> None:
    run = run_of(SAMPLES / "mlperf/offline" / NAME)

    assert values(run) == {
        "throughput_ips": 305.25,
        "latency_min_ms": 2.0,
        "latency_max_ms": 8.0,
        "latency_mean_ms": 5.0,
        "accuracy": 0.7525,
    }
    assert (run.record.status, run.record.status_reason) == (Status.FINISHED, "")
    assert run.params["accuracy.good"] == 37625
    assert run.params["samples_per_query"] == 1024
    assert run.model.name == ""
    assert run.notices == ()


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("90th percentile latency (ns) : 121029", "latency_p90_ms", 0.121029),
        ("99.9th percentile latency (ns) : 2000000", "latency_p99.9", 2.0),
        ("90.0th first token percentile latency (ns) : 3000000", "ttft_p90", 3.0),
        ("Samples per second: 22.5", "throughput_ips", 22.5),
        ("Tokens per second: 22.5", "tokens_per_s", 22.5),
        ("Samples per query : 8", "Samples per query", 8.0),
        ("Tokens per second (inferred): 9.5", "Tokens per second (inferred)", 9.5),
    ],
)
def test_headlines(line: str, name: str, value: float) -> None:
    text = SUMMARY.replace("Samples per second: 305.25", line)

    assert values(read(text, NAME).runs[0])[name] == value


@pytest.mark.parametrize(
    ("block", "name"),
    [
        ("Early Stopping Result:", "early_stopping_latency_p90"),
        ("TTFT Early Stopping Result:", "early_stopping_ttft_p90"),
        ("TPOT Early Stopping Result:", "early_stopping_tpot_p90"),
    ],
)
def test_estimates_of_early_stopping(block: str, name: str) -> None:
    lines = f"{block}\n * Early stopping 90.0th percentile estimate: 1500000\n"
    text = SUMMARY.replace("  Min duration", f"{lines}  Min duration")

    assert values(read(text, NAME).runs[0])[name] == 1.5


def test_a_headline_that_the_statistics_contradict_is_said() -> None:
    text = SUMMARY.replace("Mean latency", "90.00 percentile latency (ns) : 3\nMean latency")
    text = text.replace("Samples per second", "90th percentile latency (ns) : 2000000\nSamples per")
    reading = read(text, NAME)

    assert values(reading.runs[0])["latency_p90_ms"] == 2.0
    assert "another 'latency_p90', 3, is left out: 2e+06 was read before" in reading.said[0]


def test_a_summary_that_was_cut_off_says_so() -> None:
    (run,) = read(SUMMARY.partition("Result is")[0], NAME).runs

    assert run.record.status_reason == "the log states no result"
    assert values(run) == {"throughput_ips": 305.25}


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_other_ends_of_lines_and_encodings(end: str, encoding: str) -> None:
    content = SUMMARY.replace("\n", end).encode(encoding)

    assert values(read(content, NAME).runs[0])["throughput_ips"] == 305.25


def test_text_that_is_not_utf_8_is_one_error() -> None:
    with pytest.raises(ReadError, match="not UTF-8 text"):
        read(SUMMARY.replace("RiverSUT", "Rivière").encode("latin-1"), NAME, reader="mlperf")


def test_a_summary_without_numbers_makes_no_run() -> None:
    text = "\n".join(line for line in SUMMARY.splitlines() if not line[-1:].isdigit())
    reading = read(text, NAME)

    assert reading.records == []
    assert reading.notices == [": no results in it: no run made"]


# --- detailed log ----------------------------------------------------------------------------


def test_a_detailed_log_alone_is_a_run() -> None:
    reading = read(sample("mlperf/detail/mlperf_log_detail.txt"))
    (run,) = reading.runs

    assert values(run) == {
        "early_stopping_latency_p90": 2.1,
        "qps_with_loadgen_overhead": 487.5,
        "latency_min_ms": 1.0,
        "latency_mean_ms": 2.0,
        "latency_median_ms": 1.9,
        "ttft_p99_ms": 1.5,
        "tpot_mean_ms": 0.25,
    }
    assert run.record.status is Status.FAILED
    assert run.record.status_reason == (
        "INVALID; min duration not satisfied; "
        "Decrease the expected latency so the loadgen pre-generates more queries."
    )
    assert run.record.started_at == datetime(2026, 3, 5, tzinfo=UTC)
    assert (run.record.split, run.record.variant) == ("SingleStream", "BrookSUT")
    assert run.params["qsl_rng_seed"] == "18446744073709551615"
    assert run.params["result_query_count"] == 100
    assert reading.said == [
        "line 9: 2 broken lines: left out",
        ": logged as an error or a warning: error_invalid_config: 'too few queries'",
    ]


def test_a_detail_beside_a_summary_is_read_with_it() -> None:
    detail = SERVER / "performance/run_1/mlperf_log_detail.txt"

    assert choose(opened(detail))[1] is Match.COMPANION
    assert choose(opened(SAMPLES / "mlperf/detail/mlperf_log_detail.txt"))[1] is Match.YES


def test_of_several_samples_per_query_the_latency_is_that_of_the_query() -> None:
    text = (
        entry("loadgen_version", "5")
        + entry("result_min_query_latency_ns", 4_000_000)
        + entry("result_99.00_percentile_per_query_latency_ns", 8_000_000)
        + entry("result_min_latency_ns", 1_000_000)
    )

    assert values(read(text, "mlperf_log_detail.txt").runs[0]) == {
        "latency_min_ms": 4.0,
        "latency_p99_ms": 8.0,
        "sample_latency_min": 1.0,
    }


def test_many_errors_are_counted() -> None:
    errors = "".join(entry(f"error_{number}", "x", is_error=True) for number in range(5))
    reading = read(entry("loadgen_version", "5") + errors + entry("result_samples_per_second", 2))

    assert reading.said[-1] == ": 2 more errors or warnings are logged"
    assert len(reading.said) == 4


def test_an_accuracy_run_alone_is_a_run_with_its_scores(tmp_path: Path) -> None:
    text = entry("loadgen_version", "5") + entry("effective_test_mode", "AccuracyOnly")
    path = tmp_path / "mlperf_log_detail.txt"
    path.write_text(text)
    shutil.copy(SERVER / "accuracy/accuracy.txt", tmp_path)
    run = run_of(path)

    assert values(run) == {"rouge1": 44.25, "rougeLsum": 41.5}
    assert (run.record.status, run.record.status_reason) == (Status.FINISHED, "")
    (tmp_path / "accuracy.txt").unlink()
    assert read(opened(path)).notices == [": no results in it: no run made"]


def test_the_log_of_a_training_is_another_format() -> None:
    text = ':::MLLOG {"namespace": "", "time_ms": 1, "key": "run_stop", "value": null}\n'

    assert claimed_by(text, "result_0.txt") == []


# --- companions ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["measurements.json", "accuracy/accuracy.txt", "accuracy/mlperf_log_summary.txt",
     "accuracy/mlperf_log_accuracy.json"],
)  # fmt: skip
def test_what_belongs_to_a_run_makes_none(name: str) -> None:
    reader, match = choose(opened(SERVER / name))

    assert (reader.name, match) == ("mlperf", Match.COMPANION)
    assert read(opened(SERVER / name)).records == []


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ('{"weight_data_types": "fp8"}', "measurements.json"),
        ('{"retraining": "no", "input_data_types": "x"}', "measurements.json"),
        ("accuracy=75%\n", "accuracy.txt"),
        ("accuracy: 0.75\n", "accuracy.txt"),
        ("no errors at all", "mlperf_log_summary.txt"),
        ('[{"seq_id": 1, "text": "a"}]', "a.json"),
    ],
)
def test_files_of_that_name_of_other_tools_are_not_claimed(content: str, name: str) -> None:
    assert "mlperf" not in claimed_by(content, name)


@pytest.mark.parametrize(
    ("text", "found", "params"),
    [
        ("accuracy=76.25%, good=61, total=80\n", {"accuracy": 0.7625}, {"accuracy.good": 61}),
        ("mAP=20.5%\n", {"mAP": 20.5}, {}),
        ('{"exact_match": 83.5, "f1": 90.5}\n', {"exact_match": 83.5, "f1_score": 0.905}, {}),
        ("Accuracy Results: {'FID_SCORE': '23.5', 'CLIP_SCORE': '31.75'}",
         {"FID_SCORE": 23.5, "CLIP_SCORE": 31.75}, {}),
        ("Accuracy: mean = 0.86, kidney = 0.93, tumor = 0.79\n",
         {"mean": 0.86, "kidney": 0.93, "tumor": 0.79}, {}),
        ("{'a': 1} {'b': 2}\nhash=12\n", {}, {}),
        ("nothing\n", {}, {}),
    ],
)  # fmt: skip
def test_accuracy_as_scripts_print_it(
    tmp_path: Path, text: str, found: dict[str, float], params: dict[str, Any]
) -> None:
    (tmp_path / NAME).write_text(SUMMARY)
    (tmp_path / "accuracy.txt").write_text(text)
    run = run_of(tmp_path / NAME)
    scores = {
        name: value
        for name, value in values(run).items()
        if not name.startswith(("latency", "throughput"))
    }

    assert scores == found
    assert params.items() <= run.params.items()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("measurements.json", b"{", "measurements.json: byte"),
        ("accuracy.txt", b"accuracy=\xff\xfe", "accuracy.txt: byte 9: not UTF-8 text"),
        ("mlperf_log_detail.txt", b"\x1f\x8b\x08", "mlperf_log_detail.txt: gzip: "),
    ],
)
def test_a_broken_companion_rejects_nothing(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / NAME).write_text(SUMMARY)
    (tmp_path / name).write_bytes(content)
    run = run_of(tmp_path / NAME)

    assert values(run)["throughput_ips"] == 305.25
    told = [notice.text for notice in run.notices]
    assert all(text.startswith("left out: ") and said in text for text in told)


def test_a_companion_that_changes_is_read_again(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(SUMMARY)
    reader = choose(opened(tmp_path / NAME))[0]
    before = opened(tmp_path / NAME).digest(reader.companions)
    (tmp_path / "measurements.json").write_text("{}")

    assert opened(tmp_path / NAME).digest(reader.companions) != before


# --- folders ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("folder", "model", "system", "split", "variant"),
    [
        ("closed/T9/resnet50/Offline/performance/run_1", "resnet50", "T9", "Offline", "RiverSUT"),
        ("T9/llama-99.9/Interactive/performance/run_1", "llama-99.9", "T9", "Interactive",
         "RiverSUT"),
        ("T9/resnet50/offline/TEST01/performance/run_1", "resnet50", "T9", "Offline", "TEST01"),
        ("resnet50/offline", "", "", "Offline", "RiverSUT"),
        ("resnet50/offline/performance", "resnet50", "", "Offline", "RiverSUT"),
        ("resnet50/offline/notes", "", "", "Offline", "RiverSUT"),
        ("somewhere", "", "", "Offline", "RiverSUT"),
    ],
)  # fmt: skip
def test_the_folders_of_a_submission(
    tmp_path: Path, folder: str, model: str, system: str, split: str, variant: str
) -> None:
    path = tmp_path / folder / NAME
    path.parent.mkdir(parents=True)
    path.write_text(SUMMARY)
    run = run_of(path)

    assert (run.model.name, run.record.split, run.record.variant) == (model, split, variant)
    accelerator = run.record.environment.accelerator
    assert accelerator == (system or (tmp_path.name if model else ""))


def test_a_run_that_moves_to_another_folder_is_the_same_run(tmp_path: Path) -> None:
    keys = set()
    for folder in ("a/resnet50/offline/performance/run_1", "b/bert/server/performance"):
        path = tmp_path / folder / NAME
        path.parent.mkdir(parents=True)
        path.write_text(SUMMARY)
        (record,) = read(opened(path)).records
        keys.add(content_key(record, "default", ordinal=0))

    assert len(keys) == 1


def test_a_whole_submission_is_one_run_per_scenario() -> None:
    report = ingest(None, [str(SAMPLES / "mlperf/results")], IngestOptions(dry_run=True))

    assert [item.status for item in report.sources].count("new") == 1
    assert not report.rejected


# --- real files ------------------------------------------------------------------------------


def real_file(part: str) -> Path:
    found = (item for item in (FOLDER / "mlperf").rglob("*") if part in item.as_posix())
    return next(item for item in found if item.is_file())


@real
@pytest.mark.parametrize(
    ("part", "model", "precision", "split", "metric", "value"),
    [
        ("h13_u1_slim", "resnet50", "unknown", "SingleStream", "latency_p90_ms", 0.121029),
        ("pointpainting", "pointpainting", "unknown", "SingleStream", "latency_p99.9", 554.956745),
        ("resnet50/offline", "resnet50", "unknown", "Offline", "throughput_ips", 22.3134),
        ("llama3.1-8b-edge/SingleStream/performance/run_1/mlperf_log_summary.txt",
         "llama3.1-8b-edge", "fp4", "SingleStream", "tpot_p99_ms", 21.964708),
    ],
)  # fmt: skip
def test_real_summaries(
    part: str, model: str, precision: str, split: str, metric: str, value: float
) -> None:
    run = run_of(real_file(part))

    assert (run.model.name, run.precision.name, run.record.split) == (model, precision, split)
    assert values(run)[metric] == value
    assert run.record.status is Status.FINISHED


@real
def test_the_real_detailed_log_says_what_its_summary_does(tmp_path: Path) -> None:
    detail = real_file("mlperf_log_detail.txt")
    assert choose(opened(detail))[1] is Match.COMPANION

    alone = tmp_path / detail.name
    shutil.copy(detail, alone)
    found, summary = values(run_of(alone)), values(run_of(detail.with_name(NAME)))

    common = found.keys() & summary.keys()
    assert len(common) == 34
    rounded = {"qps_with_loadgen_overhead", "qps_without_loadgen_overhead",
               "tps_with_loadgen_overhead"}  # fmt: skip
    assert {name for name in common if found[name] != summary[name]} == rounded
