"""lighteval: results → one run."""

from __future__ import annotations

from typing import Any

import pytest

from cetrack.domain import Direction
from cetrack.errors import ReadError
from tests.readers.reading import claimed_by, read, sample, values

GENERAL = {"model_name": "lab/brook", "lighteval_sha": "?"}


def test_tasks_are_named_without_suite_and_shots_where_that_is_enough() -> None:
    (run,) = read(sample("lighteval/old.json")).runs

    assert values(run) == {
        "leaderboard|storyend|0.acc": 0.6,
        "leaderboard|storyend|0.acc_stderr": 0.02,
        "leaderboard|storyend|5.acc": 0.65,
        "leaderboard|storyend|5.acc_stderr": 0.019,
        "sums.extractive_match": 0.3,
        "sums.extractive_match_stderr": 0.03,
        "all.acc": 0.625,
        "all.acc_stderr": 0.0195,
        "all.extractive_match": 0.3,
        "model_size_mb": 3250.0,
        "total_evaluation_time_seconds": 400.5,
    }
    assert run.params["num_fewshot.sums"] == 4
    assert run.params["num_fewshot.leaderboard|storyend|5"] == 5
    assert run.params["task_version"] == 0
    assert run.notices == ()


def test_int8_weights_in_a_bfloat16_model_are_int8() -> None:
    (run,) = read(sample("lighteval/old.json")).runs

    assert (run.model.name, run.precision.name) == ("river-3b", "int8")
    assert run.record.batch_size == 8
    assert run.record.started_at is None  # start_time is that of a monotonic clock


def test_the_newer_layout_and_a_screening_run() -> None:
    (run,) = read(sample("lighteval/new.json")).runs

    assert (run.model.name, run.precision.name, run.record.method) == ("brook-8b", "awq", "awq")
    assert (run.record.dataset, run.record.split, run.record.batch_size) == ("sums", "limit=20", 2)
    assert run.tags == {"screening": "limit=20"}
    assert run.params["max_samples"] == 20
    assert run.params["num_fewshot"] == 0
    (score,) = (item for item in run.series if item.metric.name == "sums.em")
    assert score.metric.direction is Direction.HIGHER


@pytest.mark.parametrize(
    ("stated", "direction"),
    [
        ([{"metric_name": "loss_x", "higher_is_better": False}], Direction.LOWER),
        ([{"metric_name": ["loss_x"], "higher_is_better": {"loss_x": True}}], Direction.HIGHER),
        ([{"metric_name": "loss_x", "higher_is_better": None}, 7], None),
        ("acc", None),
    ],
)
def test_directions_are_those_of_the_tasks(stated: Any, direction: Direction | None) -> None:
    content = {
        "config_general": GENERAL,
        "results": {"suite|t|0": {"loss_x": 1.5}},
        "config_tasks": {"suite|t": {"metrics": stated}},
    }
    (run,) = read(content).runs

    assert run.series[0].metric.direction is direction


@pytest.mark.parametrize(
    ("size", "found"),
    [("14.96 GB", 14960.0), ("512 MB", 512.0), ("3.2", None), ("-1", None), (None, None)],
)
def test_the_size_of_a_model_needs_a_unit(size: Any, found: float | None) -> None:
    content = {
        "config_general": {**GENERAL, "model_size": size},
        "results": {"t|0": {"acc": 0.5}},
    }
    (run,) = read(content).runs

    assert values(run).get("model_size_mb") == found


@pytest.mark.parametrize(
    "content",
    [
        {"config_general": {}, "results": {"t|0": {"acc": 0.5}}},
        {"config_general": GENERAL, "results": {}},
        {"config_general": GENERAL, "results": {"t|0": "acc"}},
        {"config_general": 5, "results": {"t|0": {"acc": 0.5}}},
    ],
)
def test_what_is_no_result_is_not_claimed(content: Any) -> None:
    assert claimed_by(content) == []


def test_lighteval_is_not_taken_for_the_harness_that_it_looks_like() -> None:
    content = {
        "config_general": GENERAL,
        "results": {"suite|t|0": {"acc": 0.5}},
        "versions": {"suite|t|0": 0},
        "config": {"model_args": "pretrained=lab/brook"},
    }

    assert claimed_by(content) == ["lighteval"]


@pytest.mark.parametrize("content", [[1], {"results": 5}])
def test_other_json_is_refused_by_name(content: Any) -> None:
    with pytest.raises(ReadError, match="no object of tasks"):
        read(content, reader="lighteval")


def test_what_is_missing_is_said() -> None:
    with pytest.raises(ReadError, match="lighteval: no key 'results'"):
        read({"config_general": GENERAL})


def test_no_scores_make_no_run() -> None:
    reading = read({"config_general": GENERAL, "results": {"t|0": 5}}, reader="lighteval")

    assert reading.records == []
    assert reading.notices[-1] == "/results: no score of any task: no run made"
