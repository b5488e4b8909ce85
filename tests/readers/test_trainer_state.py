"""Hugging Face's Trainer: logs, checkpoints, results and the model beside them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from cetrack.domain import Identity, Kind, NormalRun, Status
from cetrack.errors import ReadError
from cetrack.ingest import ingest
from cetrack.models import runs_view
from cetrack.readers.base import Match
from cetrack.readers.registry import choose
from cetrack.readers.source import Source
from cetrack.store import Store
from tests.readers.reading import SAMPLES, Reading, claimed_by, points, read, sample, values
from tests.readers.test_realdata import FOLDER

ROWS = [{"epoch": 1.0, "loss": 0.5, "step": 10}, {"epoch": 2.0, "loss": 0.25, "step": 20}]
CLOSING = {"epoch": 2.0, "step": 20, "train_loss": 0.375, "train_runtime": 8.5}


def state(rows: Any, **others: Any) -> dict[str, Any]:
    return {"log_history": rows, "global_step": 20, "is_world_process_zero": True, **others}


def only(content: Any, name: str = "trainer_state.json") -> NormalRun:
    reading = read(content, name)
    assert reading.reader == "trainer_state"
    (run,) = reading.runs
    return run


def written(folder: Path, files: dict[str, Any]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))


def below(folder: Path, name: str) -> Reading:
    path = folder / name
    return read(Source(str(path), path=path))


def match(folder: Path, name: str) -> tuple[str, Match]:
    path = folder / name
    reader, found = choose(Source(str(path), path=path))
    return reader.name, found


# --- the log ---------------------------------------------------------------------------------


def test_a_log_is_counted_by_steps_and_the_epoch_is_a_metric() -> None:
    run = only(sample("trainer_state/bert/trainer_state.json"))

    assert (run.record.kind, run.record.identity) == (Kind.TRAINING, Identity.LOG)
    found = points(run)
    assert found["epoch"] == {10: 0.5, 20: 1.0, 30: 1.5, 40: 2.0}
    assert found["loss"] == {10: 0.6931, 20: 0.5512, 30: 0.4011, 40: 0.3505}
    assert found["learning_rate"] == {10: 4e-05, 20: 3e-05, 30: 2e-05, 40: 1e-05}
    assert found["eval/loss"] == {20: 0.4312, 40: 0.4457}
    assert found["eval/accuracy"] == {20: 0.8125, 40: 0.805}
    assert found["eval/throughput_ips"] == {20: 160.0, 40: 166.7}


def test_a_bare_nan_is_a_logged_nan() -> None:
    found = points(only(sample("trainer_state/bert/trainer_state.json")))["grad_norm"]

    assert math.isnan(found.pop(20))
    assert found == {10: 4.25, 30: 2.5, 40: 1.75}


def test_the_closing_row_is_measured_at_the_last_step_in_seconds() -> None:
    run = only(sample("trainer_state/bert/trainer_state.json"))

    found = points(run)
    assert found["train/loss"] == {40: 0.4989}
    assert found["train_runtime"] == {40: 61.5}
    assert found["eval_runtime"] == {20: 2.5, 40: 2.4}
    assert found["train/throughput_ips"] == {40: 52.0}
    assert found["total_flos"] == {40: 1.31e15}
    units = {item.metric.name: item.metric.unit for item in run.series}
    assert units["train_runtime"] == units["eval_runtime"] == "s"


def test_results_beside_add_what_the_log_lacks() -> None:
    run = only(sample("trainer_state/bert/trainer_state.json"))

    assert points(run)["perplexity"] == {40: 1.5616}
    assert (run.params["train_samples"], run.params["eval_samples"]) == (1600, 400)


def test_whole_epochs_are_no_steps() -> None:
    """Eight epochs of ten steps each: the epoch looks like a step, and is none."""
    rows = [{"epoch": float(8 * n), "loss": 1 / n, "step": 10 * n} for n in range(1, 4)]

    assert points(only(state(rows)))["loss"] == {10: 1.0, 20: 0.5, 30: 1 / 3}


def test_settings_are_parameters_and_book_keeping_is_not() -> None:
    run = only(sample("trainer_state/bert/trainer_state.json"))

    assert run.record.batch_size == 8
    kept = {"best_metric": 0.4312, "max_steps": 40, "num_train_epochs": 2, "save_steps": 20}
    assert kept.items() <= run.params.items()
    assert not {"is_world_process_zero", "global_step", "trial_name"} & run.params.keys()
    assert not any(name.startswith("stateful_callbacks") for name in run.params)


STATUSES = [
    pytest.param([*ROWS, CLOSING], {"max_steps": 20}, Status.FINISHED, id="closing row"),
    pytest.param([*ROWS, CLOSING], {"max_steps": 90}, Status.FINISHED, id="stopped early"),
    pytest.param(ROWS, {"max_steps": 90}, Status.RUNNING, id="a checkpoint"),
    pytest.param(ROWS, {"max_steps": 20}, Status.FINISHED, id="the last checkpoint"),
    pytest.param(ROWS, {"max_steps": None}, Status.RUNNING, id="nobody knows how many"),
    pytest.param(ROWS, {"max_steps": -1}, Status.RUNNING, id="not limited"),
    pytest.param(
        [{"eval_loss": 1.5, "step": 0}], {"global_step": 0}, Status.FINISHED, id="evaluation only"
    ),
    pytest.param(
        ROWS,
        {
            "max_steps": 90,
            "stateful_callbacks": {"TrainerControl": {"args": {"should_training_stop": True}}},
        },
        Status.FINISHED,
        id="a callback ended it",
    ),
    pytest.param(
        ROWS, {"max_steps": 90, "stateful_callbacks": [1]}, Status.RUNNING, id="odd callbacks"
    ),
]


@pytest.mark.parametrize(("rows", "others", "status"), STATUSES)
def test_a_log_without_a_closing_row_is_still_running(
    rows: Any, others: Any, status: Status
) -> None:
    assert only(state(rows, **others)).record.status is status


@pytest.mark.parametrize("first", ["trainer_state.json", "checkpoint-20/trainer_state.json"])
def test_a_checkpoint_is_the_beginning_of_the_same_run(sqlite_store: Store, first: str) -> None:
    folder = SAMPLES / "trainer_state/bert"
    files = ["trainer_state.json", "checkpoint-20/trainer_state.json"]
    statuses = [
        ingest(sqlite_store, [str(folder / name)]).sources[0].status
        for name in sorted(files, key=lambda name: name != first)
    ]

    assert statuses == ["new", "unchanged" if first == files[0] else "updated"]
    with sqlite_store.read() as connection:
        (run,) = connection.execute(select(runs_view.c.status, runs_view.c.precision)).all()
    assert tuple(run) == ("finished", "fp32")


# --- results ---------------------------------------------------------------------------------


def test_results_alone_are_a_run_of_their_own() -> None:
    run = only(sample("trainer_state/alone/all_results.json"))

    assert (run.record.kind, run.record.identity) == (Kind.TRAINING, Identity.SNAPSHOT)
    assert values(run) == {
        "epoch": 3.0,
        "eval/accuracy": 0.7031,
        "eval/loss": 0.912,
        "eval_runtime": 11.25,
        "eval/throughput_ips": 91.0,
        "train/loss": 1.4405,
        "train_runtime": 402.5,
    }
    assert run.params["eval_samples"] == 1024


def test_an_evaluation_alone_is_a_benchmark() -> None:
    run = only({"eval_f1": 0.5, "eval_runtime": 2.0, "eval_samples": 7}, "eval_results.json")

    assert run.record.kind is Kind.BENCHMARK
    assert values(run) == {"eval/f1_score": 0.5, "eval_runtime": 2.0}


RESULTS = {"eval_loss": 0.5, "eval_runtime": 1.0}


@pytest.mark.parametrize(
    ("files", "asked", "found"),
    [
        (["eval_results.json"], "eval_results.json", Match.YES),
        (["eval_results.json", "all_results.json"], "eval_results.json", Match.COMPANION),
        (["eval_results.json", "all_results.json"], "all_results.json", Match.YES),
        (["all_results.json", "trainer_state.json"], "all_results.json", Match.COMPANION),
        (["results.json", "trainer_state.json"], "results.json", Match.YES),
    ],
)
def test_results_belong_to_the_log_then_to_all_results(
    tmp_path: Path, files: list[str], asked: str, found: Match
) -> None:
    written(tmp_path, dict.fromkeys(files, RESULTS))

    assert match(tmp_path, asked) == ("trainer_state", found)


@pytest.mark.parametrize(
    "content",
    [
        {"log_history": ROWS, "global_step": 20},
        {"log_history": {"a": 1}, "global_step": 1, "is_world_process_zero": True},
        {"eval_runtime": 1.0, "nested": {"a": 1}},
        {"runtime": 1.0},
    ],
)
def test_what_is_near_is_not_claimed(content: Any) -> None:
    assert "trainer_state" not in claimed_by(content)


def test_json_lines_of_results_are_not_claimed() -> None:
    assert claimed_by('{"eval_runtime": 1.0}\n{"eval_runtime": 2.0}\n') == []


# --- the model -------------------------------------------------------------------------------

BERT = {"model_type": "bert", "transformers_version": "4.40.0"}
NF4 = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "quant_method": "bitsandbytes"}
MODELS = [
    pytest.param({"_name_or_path": "org/tiny-bert"}, "tiny-bert", "unknown", id="hub name"),
    pytest.param({"_name_or_path": "C:\\models\\tiny"}, "tiny", "unknown", id="Windows path"),
    pytest.param({"_name_or_path": "./out/checkpoint-500"}, "", "unknown", id="a checkpoint"),
    pytest.param({"_name_or_path": ".."}, "", "unknown", id="a folder above"),
    pytest.param({"_name_or_path": None}, "", "unknown", id="null"),
    pytest.param({"torch_dtype": "bfloat16"}, "", "bf16", id="torch_dtype"),
    pytest.param({"dtype": "float16"}, "", "fp16", id="dtype"),
    pytest.param(
        {"torch_dtype": "bfloat16", "quantization_config": NF4}, "", "nf4", id="4 bit bitsandbytes"
    ),
    pytest.param({"quantization_config": {"load_in_8bit": True}}, "", "int8", id="8 bit"),
    pytest.param(
        {"quantization_config": {"quant_method": "gptq", "bits": 4}}, "", "gptq", id="GPTQ"
    ),
    pytest.param({"quantization_config": {"quant_method": "awq"}}, "", "awq", id="AWQ"),
    pytest.param(
        {"quantization_config": {"quant_method": "gptq", "bits": 8}}, "", "int8", id="8 bit GPTQ"
    ),
    pytest.param({"quantization_config": "?", "torch_dtype": "float32"}, "", "fp32", id="odd"),
]


@pytest.mark.parametrize(("config", "model", "precision"), MODELS)
def test_model_and_precision_are_those_of_the_config(
    tmp_path: Path, config: Any, model: str, precision: str
) -> None:
    written(tmp_path, {"trainer_state.json": state(ROWS), "config.json": {**BERT, **config}})

    (run,) = below(tmp_path, "trainer_state.json").runs
    assert (run.model.name, run.precision.name) == (model, precision)
    assert run.model.library == "transformers"


def test_an_adapter_names_the_model_it_was_trained_on() -> None:
    run = only(sample("trainer_state/alone/all_results.json"))

    assert run.model.name == "tiny-llama-110m"
    assert (run.params["adapter.r"], run.params["adapter.target_modules"]) == (8, "q_proj, v_proj")


@pytest.mark.parametrize(
    ("asked", "beside"),
    [
        ("checkpoint-20/trainer_state.json", "config.json"),
        ("checkpoint-20/trainer_state.json", "checkpoint-20/config.json"),
        ("trainer_state.json", "checkpoint-20/config.json"),
    ],
)
def test_a_config_of_another_checkpoint_counts(tmp_path: Path, asked: str, beside: str) -> None:
    config = {**BERT, "torch_dtype": "float16", "_name_or_path": "org/tiny"}
    written(tmp_path, {asked: state(ROWS), beside: config})

    (run,) = below(tmp_path, asked).runs
    assert (run.model.name, run.precision.name) == ("tiny", "fp16")


def test_a_config_above_an_ordinary_folder_is_not_looked_at(tmp_path: Path) -> None:
    written(
        tmp_path, {"run/trainer_state.json": state(ROWS), "config.json": {**BERT, "dtype": "x"}}
    )

    (run,) = below(tmp_path, "run/trainer_state.json").runs
    assert run.precision.name == "unknown"


def test_a_broken_config_is_a_notice(tmp_path: Path) -> None:
    written(tmp_path, {"trainer_state.json": state(ROWS), "config.json": '{"model_type": '})

    reading = below(tmp_path, "trainer_state.json")
    assert len(reading.records) == 1
    assert reading.said == ["config.json: byte 15: invalid JSON: Expecting value: left out"]


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("config.json", BERT, Match.COMPANION),
        ("config.json", {"model_type": "bert"}, None),
        ("adapter_config.json", {"peft_type": "LORA", "base_model_name_or_path": "m"},
         Match.COMPANION),
        ("tokenizer_config.json", {"tokenizer_class": "T"}, Match.COMPANION),
        ("special_tokens_map.json", {"pad_token": "[PAD]"}, Match.COMPANION),
        ("other.json", BERT, None),
    ],
)  # fmt: skip
def test_what_is_saved_with_a_model_is_no_error(
    tmp_path: Path, name: str, content: Any, found: Match | None
) -> None:
    written(tmp_path, {"trainer_state.json": state(ROWS), name: content})

    if found is None:
        with pytest.raises(ReadError):
            match(tmp_path, name)
    else:
        assert match(tmp_path, name) == ("trainer_state", found)


def test_tokens_without_a_log_beside_them_prove_nothing(tmp_path: Path) -> None:
    written(tmp_path, {"special_tokens_map.json": {"pad_token": "[PAD]"}})

    with pytest.raises(ReadError):
        match(tmp_path, "special_tokens_map.json")


# --- bad input -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        pytest.param([], ["/log_history: nothing was logged yet: no run made"], id="empty"),
        pytest.param([1, None], 3, id="no objects"),
        pytest.param([{"step": 1}, {"step": 2, "epoch": 1.0}], 1, id="steps alone"),
    ],
)
def test_a_log_without_numbers_makes_no_run(rows: Any, said: Any) -> None:
    reading = read(state(rows), "trainer_state.json")

    assert reading.records == []
    assert reading.said == said if isinstance(said, list) else len(reading.said) == said


def test_rows_without_a_step_are_counted() -> None:
    reading = read(state([*ROWS, {"loss": 0.125}]), "trainer_state.json")

    assert points(reading.runs[0])["loss"] == {10: 0.5, 20: 0.25}
    assert reading.said == ["row 2: 1 rows without 'step': left out"]


def test_a_resumed_log_keeps_the_last_value_of_a_step() -> None:
    rows = [{"loss": 1.0 / n, "step": n} for n in (1, 2, 3, 4)]
    again = [{"loss": 9.0, "step": 3}, {"loss": 8.0, "step": 4}, {"loss": 7.0, "step": 5}]
    reading = read(state([*rows, *again]), "trainer_state.json")

    assert points(reading.runs[0])["loss"] == {1: 1.0, 2: 0.5, 3: 9.0, 4: 8.0, 5: 7.0}
    assert reading.said == [": 2 values of repeated steps: the last one counts"]


def test_what_is_neither_is_refused() -> None:
    for content, problem in (([1], "no JSON object"), ({"a": "b"}, "neither a log_history")):
        with pytest.raises(ReadError, match=problem):
            read(content, reader="trainer_state")


def test_a_hostile_name_is_a_metric_like_any_other() -> None:
    rows = [{"step": 1, "../../x\u0000": 1.0, "loss": 10**400}]

    found = points(only(state(rows)))
    assert found["loss"] == {1: math.inf}
    assert found["../../x\ufffd"] == {1: 1.0}


@pytest.mark.skipif(not FOLDER.is_dir(), reason="no real files")
@pytest.mark.parametrize(
    ("name", "count", "loss", "batch_size"),
    [
        ("JustinBStrong__qlora", 10, 15.310873765945434, None),
        ("ljh696__MetaMath", 128, 0.6218181892763823, 1),
        ("yc1999__stanford_alpaca", 1218, 0.7484517011834287, None),
    ],
)
def test_real_logs(name: str, count: int, loss: float, batch_size: int | None) -> None:
    reading = below(FOLDER / "trainer_state" / name / "output", "trainer_state.json")

    (run,) = reading.runs
    found = points(run)
    assert (len(found["loss"]), list(found["train/loss"].values())) == (count, [loss])
    assert (run.record.status, run.record.batch_size) == (Status.FINISHED, batch_size)
    assert reading.said == []
