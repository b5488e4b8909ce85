"""lm-evaluation-harness: results of all layouts → one run."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest

from cetrack.domain import Direction, Identity, Kind, Spread, Status
from cetrack.errors import ReadError
from cetrack.identity import content_key
from cetrack.readers.source import Source
from tests.readers.reading import claimed_by, read, sample, values
from tests.readers.test_realdata import FOLDER

real = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no real files in {FOLDER}")
RESULTS = {"quiz": {"acc,none": 0.5, "acc_stderr,none": 0.1}}
CONFIG = {"model": "hf", "model_args": "pretrained=lab/brook", "limit": None}


def document(**changes: Any) -> dict[str, Any]:
    return {"results": RESULTS, "versions": {"quiz": 1}, "config": CONFIG, **changes}


def test_a_file_is_one_run_of_all_tasks_and_a_group_is_stored_once() -> None:
    reading = read(sample("lm_eval/groups_v04.json"))
    (run,) = reading.runs

    assert values(run) == {
        "sciquiz.acc": 0.5125,
        "sciquiz.acc_stderr": 0.0125,
        "sciquiz_biology.acc": 0.55,
        "sciquiz_biology.acc_stderr": 0.02,
        "sciquiz_biology.acc_norm": 0.575,
        "sciquiz_biology.acc_norm_stderr": 0.019,
        "sciquiz_physics.acc": 0.475,
        "sciquiz_physics.acc_stderr": 0.021,
        "wikilines.word_perplexity": 12.75,
        "wikilines.bits_per_byte": 0.71,
        "sums.exact_match.strict-match": 0.2,
        "sums.exact_match_stderr.strict-match": 0.04,
        "sums.exact_match.flexible-extract": 0.25,
        "longfind.2048": 0.97,
        "longfind.8192": -1.0,
        "num_parameters": 3.1e9,
        "total_evaluation_time_seconds": 61.5,
    }
    assert reading.said == [
        "/results/longfind: -1, which is not run, at 1 context lengths: kept as read"
    ]


def test_what_is_stated_about_the_run() -> None:
    (run,) = read(sample("lm_eval/groups_v04.json")).runs
    record = run.record

    assert (run.model.name, run.precision.name) == ("river-3b", "bf16")
    assert (record.kind, record.identity) == (Kind.BENCHMARK, Identity.SNAPSHOT)
    assert record.dataset == "longfind,sciquiz,sums,wikilines"
    assert (record.seed, record.batch_size, record.git_commit) == (3, 16, "0a1b2c3d")
    assert record.started_at == datetime(2026, 1, 1, 0, 0, 0, 250_000, UTC)
    environment = record.environment
    assert (environment.device, environment.accelerator) == ("cuda:0", "NVIDIA L4")
    assert (environment.runtime, environment.runtime_version) == ("transformers", "4.57.1")
    assert environment.os == "Debian GNU/Linux 13 (x86_64)"
    assert environment.details == {"torch": "2.9.1+cu128"}
    assert run.params["num_fewshot"] == 5
    assert run.params["task_version.wikilines"] == 3
    assert run.params["model_args.pretrained"] == "tinylab/river-3b"
    assert run.params["lm_eval_version"] == "0.4.9"
    assert not any("def f" in str(value) for value in run.params.values())


def test_units_directions_and_sample_counts() -> None:
    (run,) = read(sample("lm_eval/groups_v04.json")).runs
    found = {item.metric.name: item for item in run.series}

    assert found["sciquiz.acc"].spread == Spread(n=80)
    assert found["sciquiz_biology.acc"].spread == Spread(n=40)
    assert found["sciquiz_biology.acc_stderr"].spread is None
    assert found["sciquiz.acc"].metric.unit == "fraction"
    assert found["wikilines.bits_per_byte"].metric.unit is None
    directions = {name: item.metric.direction for name, item in found.items()}
    assert directions["wikilines.word_perplexity"] is Direction.LOWER
    assert directions["longfind.2048"] is Direction.HIGHER
    assert directions["sciquiz.acc"] is Direction.HIGHER
    assert directions["sciquiz.acc_stderr"] is Direction.LOWER


def test_a_screening_run_is_seen_as_one() -> None:
    (run,) = read(sample("lm_eval/screening_nvfp4.json")).runs

    assert run.record.status is Status.FINISHED
    assert run.record.status_reason == "a screening run: limited to 8 samples of every task"
    assert run.record.split == "limit=8"
    assert run.tags == {"screening": "limit=8"}
    assert run.params["limit"] == 8.0
    assert (run.model.name, run.precision.name) == ("Brook-30B", "nvfp4")
    assert values(run) == {"needles.4096": 0.75}
    assert run.params["batch_size"] == "auto"
    assert run.record.batch_size is None


def test_the_layout_of_version_0_3() -> None:
    (run,) = read(sample("lm_eval/v03.json")).runs

    assert values(run)["storyend.acc"] == 0.6125
    assert values(run)["shapes.exact_str_match_stderr"] == 0.0
    assert (run.model.name, run.precision.name, run.record.method) == ("Pebble-7B", "w3a16", "gptq")
    assert run.params["num_fewshot"] == 3
    assert run.params["model_args.quantized"] == "model.safetensors"
    assert run.record.started_at is None


def test_a_file_between_the_layouts() -> None:
    (run,) = read(sample("lm_eval/between.json")).runs

    assert values(run) == {"intents.acc": 0.4, "intents.acc_stderr": 0.05, "intents.f1": 0.45}
    assert run.params["task_version"] == "Yaml"
    assert (run.model.name, run.record.git_commit) == ("", "9f8e7d6")
    assert run.params["duration"] == 120.5


@pytest.mark.parametrize(
    ("arguments", "model", "precision"),
    [
        ("pretrained=lab/brook,dtype=float16", "brook", "fp16"),
        ("pretrained=lab/brook,rope={a: 1,2},load_in_8bit=True", "brook", "int8"),
        ({"pretrained": "lab/brook-awq"}, "brook", "awq"),
        ("", "", "unknown"),
        ("=,==,pretrained", "", "unknown"),
        (None, "", "unknown"),
        (7, "", "unknown"),
    ],
)
def test_model_arguments(arguments: Any, model: str, precision: str) -> None:
    (run,) = read(document(config={"model": "hf", "model_args": arguments})).runs

    assert (run.model.name, run.precision.name) == (model, precision)


@pytest.mark.parametrize(
    ("metrics", "found", "said"),
    [
        ({"acc": math.nan}, {"t.acc": math.nan},
         ["/results/t/acc: NaN: stored as a missing value"]),
        ({"acc": "N/A", "f1": 0.5}, {"t.f1": 0.5},
         ["/results/t/acc: 'N/A' is not a number: left out"]),
        ({"acc": 0.5, "acc_stderr": None, "acc_stderr,x": "N/A"}, {"t.acc": 0.5}, []),
        ({"acc": 0.5, "acc,none": 0.5}, {"t.acc": 0.5, "t.acc#2": 0.5},
         ["/results/t/acc,none: second value named 't.acc': kept as 't.acc#2'"]),
        ({"acc": 0.5, "more": [1, 2]}, {"t.acc": 0.5},
         ["/results/t/more: [1, 2] is not a number: left out"]),
        ({"a/b": 1, " ": ""}, {"t.a/b": 1.0}, []),
        ({"4096": -1, "8192": -1.0, "acc": -1}, {"t.4096": -1, "t.8192": -1, "t.acc": -1},
         ["/results/t: -1, which is not run, at 2 context lengths: kept as read"]),
    ],
)  # fmt: skip
def test_odd_scores(metrics: dict[str, Any], found: dict[str, float], said: list[str]) -> None:
    text = json.dumps(document(results={"t": metrics}))
    reading = read(text)
    (run,) = reading.runs

    assert repr(values(run)) == repr({name: float(value) for name, value in found.items()})
    assert reading.said == said


def test_a_group_that_is_only_among_the_groups_is_not_lost() -> None:
    (run,) = read(document(groups={"all": {"acc,none": 0.25}})).runs

    assert values(run)["all.acc"] == 0.25


@pytest.mark.parametrize(
    "content",
    [
        {"results": RESULTS},
        {"results": {}, "versions": {}, "config": CONFIG},
        {"results": {"quiz": {"alias": "quiz"}}, "versions": {}, "config": CONFIG},
        {"results": [1], "versions": {}, "config": CONFIG},
        {"versions": {}, "config": CONFIG},
        {"results": {"fp32": {"accuracy": 0.5}}, "config": {"seed": 1}},
    ],
)
def test_what_is_no_result_of_the_harness_is_not_claimed(content: Any) -> None:
    assert "lm_eval" not in claimed_by(content)


def test_what_is_missing_is_said() -> None:
    with pytest.raises(ReadError, match="lm_eval: no key 'versions', 'config'"):
        read({"results": RESULTS})


@pytest.mark.parametrize("content", [[1], {"results": 5}, {"config": {}}])
def test_other_json_is_refused_by_name(content: Any) -> None:
    with pytest.raises(ReadError, match="no object of tasks"):
        read(content, reader="lm_eval")


def test_no_scores_make_no_run() -> None:
    reading = read({"results": {"t": 5, "u": {"acc": "N/A"}}}, reader="lm_eval")

    assert reading.records == []
    assert reading.notices == [
        "/results/t: 5 is no task: left out",
        "/results/u/acc: 'N/A' is not a number: left out",
        "/results: no score of any task: no run made",
    ]


def test_blocks_of_the_wrong_kind_do_no_harm() -> None:
    blocks = ("groups", "group_subtasks", "versions", "n-shot", "n-samples", "higher_is_better")
    wrong = {name: [1] for name in blocks}
    (run,) = read(
        document(**wrong, date="soon", git_hash=5, pretty_env_info=[], model_source=3)
    ).runs

    assert values(run) == {"quiz.acc": 0.5, "quiz.acc_stderr": 0.1}
    assert run.record.started_at is None


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_other_encodings(encoding: str) -> None:
    (run,) = read(json.dumps(document()).encode(encoding)).runs

    assert values(run)["quiz.acc"] == 0.5


def test_the_same_evaluation_again_is_another_run_and_a_copy_is_not() -> None:
    records = [read(document(date=date)).records[0] for date in (1.7e9, 1.7e9, 1.7e9 + 60)]
    first, copy, later = (content_key(record, "default", ordinal=0) for record in records)

    assert first == copy != later


# --- real files ------------------------------------------------------------------------------


def real_run(part: str) -> Any:
    path = next(item for item in (FOLDER / "lm_eval").rglob("*.json") if part in str(item))
    (run,) = read(Source(str(path), path=path)).runs
    return run


@real
@pytest.mark.parametrize(
    ("part", "model", "precision", "split", "metric", "value"),
    [
        ("nvfp4", "Qwen3-235B-A22B_LLMC", "nvfp4", "limit=4", "niah_multiquery.4096", 1.0),
        ("gemma", "gemma-2b", "bf16", "", "masakhaner_luo_prompt_1.f1.flexible-extract",
         0.0656270305392884),
        ("llama-7B", "LLaMA-7B", "unknown", "", "bigbench_navigate.multiple_choice_grade", 0.495),
        ("pythia", "", "unknown", "limit=100", "massive-en.f1", 0.5822034066151713),
    ],
)  # fmt: skip
def test_real_results(
    part: str, model: str, precision: str, split: str, metric: str, value: float
) -> None:
    run = real_run(part)

    assert (run.model.name, run.precision.name, run.record.split) == (model, precision, split)
    assert values(run)[metric] == value
    assert run.notices == ()
