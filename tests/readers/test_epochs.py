"""Histories of trainings, in every shape: file → records → normalised runs."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from cetrack.domain import Identity, Kind, NormalRun
from cetrack.errors import MalformedSourceError, ReadError
from cetrack.readers.histories import histories, is_training
from tests.readers.reading import Reading, claimed_by, points, read, sample

LOSS = {"train/loss": {1: 0.9, 2: 0.5}}
BOTH = {"train/loss": {1: 0.9, 2: 0.5}, "val/loss": {1: 1.0, 2: 0.6}}


def run(content: Any, name: str = "file.json") -> NormalRun:
    reading = read(content, name)
    assert reading.reader == "epochs"
    (only,) = reading.runs
    return only


def names(reading: Reading) -> list[tuple[str, str]]:
    return [(item.record.model.name, item.record.precision) for item in reading.runs]


def jsonl(*lines: Any) -> str:
    return "".join(json.dumps(line) + "\n" for line in lines)


SHAPES = [
    pytest.param({"train_loss": [0.9, 0.5], "val_loss": [1.0, 0.6]}, "a.json", id="lists"),
    pytest.param(
        {"train": {"loss": [0.9, 0.5]}, "val": {"loss": [1.0, 0.6]}}, "a.json", id="nested lists"
    ),
    pytest.param(
        {"history": {"train_loss": [0.9, 0.5], "val_loss": [1.0, 0.6]}}, "a.json", id="history"
    ),
    pytest.param(
        {"History": {"training": {"loss": [0.9, 0.5]}, "validation": {"loss": [1.0, 0.6]}}},
        "a.json",
        id="history of nested lists",
    ),
    pytest.param(
        {"epochs": [1, 2], "train_loss": ["0.9", "0.5"], "val_loss": [1.0, 0.6]},
        "a.json",
        id="a list of epochs, and numbers as text",
    ),
    pytest.param(
        [
            {"epoch": 1, "train_loss": 0.9, "val_loss": 1.0},
            {"epoch": 2, "train_loss": 0.5, "val_loss": 0.6},
        ],
        "a.json",
        id="objects",
    ),
    pytest.param(
        [
            {"epoch": 1, "train": {"loss": 0.9}, "val": {"loss": 1.0}},
            {"epoch": 2, "train": {"loss": 0.5}, "val": {"loss": 0.6}},
        ],
        "a.json",
        id="nested objects",
    ),
    pytest.param(
        {
            "train": [{"epoch": 1, "loss": 0.9}, {"epoch": 2, "loss": 0.5}],
            "val": [{"epoch": 1, "loss": 1.0}, {"epoch": 2, "loss": 0.6}],
        },
        "a.json",
        id="objects by phase",
    ),
    pytest.param(
        {
            "log_history": [
                {"epoch": 1.0, "train_loss": 0.9, "val_loss": 1.0},
                {"epoch": 2.0, "train_loss": 0.5, "val_loss": 0.6},
            ]
        },
        "a.json",
        id="log_history",
    ),
    pytest.param(
        jsonl(
            {"epoch": 1, "train_loss": 0.9, "val_loss": 1.0},
            {"epoch": 2, "train_loss": 0.5, "val_loss": 0.6},
        ),
        "a.jsonl",
        id="JSONL",
    ),
    pytest.param(
        jsonl(
            {"epoch": 1, "train_loss": 0.9},
            {"epoch": 1, "val_loss": 1.0},
            {"epoch": 2, "train_loss": 0.5},
            {"epoch": 2, "val_loss": 0.6},
        ),
        "a.jsonl",
        id="JSONL, a line per phase",
    ),
    pytest.param("epoch,train_loss,val_loss\n1,0.9,1.0\n2,0.5,0.6\n", "a.csv", id="CSV"),
    pytest.param(
        "epoch;train_loss;val_loss\r\n1;0,9;1,0\r\n2;0,5;0,6\r\n", "a.csv", id="CSV with semicolons"
    ),
    pytest.param("epoch\ttrain_loss\tval_loss\n1\t0.9\t1.0\n2\t0.5\t0.6\n", "a.tsv", id="TSV"),
    pytest.param(
        "      epoch,   train/loss,     val/loss\n          1,          0.9,          1.0\n"
        "          2,          0.5,          0.6\n",
        "results.csv",
        id="padded, as Ultralytics does",
    ),
    pytest.param(
        "epoch,phase,loss\n1,train,0.9\n1,val,1.0\n2,train,0.5\n2,val,0.6\n",
        "a.csv",
        id="a phase column",
    ),
    pytest.param(
        "epoch,train_loss,val_loss\n1,0.9,1.0\n2,0.7,0.8\n3,0.4,0.5\nepoch,train_loss,val_loss\n"
        "2,0.5,0.6\n",
        "a.csv",
        id="resumed at epoch 2",
    ),
]


@pytest.mark.parametrize(("content", "name"), SHAPES)
def test_every_shape_of_a_history_is_the_same_run(content: Any, name: str) -> None:
    found = run(content, name)
    expected: dict[str, dict[int, float]] = BOTH
    if "0.4,0.5" in str(content):  # the epoch that the resumed training has not reached again
        expected = {
            "train/loss": {**BOTH["train/loss"], 3: 0.4},
            "val/loss": {**BOTH["val/loss"], 3: 0.5},
        }

    assert points(found) == expected
    assert (found.record.kind, found.record.identity) == (Kind.TRAINING, Identity.LOG)


@pytest.mark.parametrize(("content", "name"), SHAPES)
def test_only_the_epochs_reader_claims_it(content: Any, name: str) -> None:
    assert claimed_by(content, name) == ["epochs"]


@pytest.mark.parametrize(
    ("name", "model", "precision", "params"),
    [
        (
            "lists.json",
            "lenet",
            "fp32",
            {"best_epoch": 2, "patience": 5, "stopped_early": False},
        ),
        ("phases.json", "lenet", "bf16", {"lr": 0.1}),
        (
            "wrapped.json",
            "unet",
            "torch.float16",
            {
                "early_stopping.best_epoch": 1,
                "early_stopping.patience": 3,
                "early_stopping.stopped_early": True,
            },
        ),
        ("log.jsonl", "lenet", "int8", {"lr": 0.1, "best_epoch": 2, "stopped_early": True}),
        ("comma.csv", "lenet", "fp32", {}),
        ("objects.json", "lenet", "fp32", {}),
    ],
)
def test_model_precision_and_early_stopping_come_from_the_file(
    name: str, model: str, precision: str, params: dict[str, Any]
) -> None:
    (found,) = read(sample(f"epochs/{name}")).runs

    assert (found.record.model.name, found.record.precision) == (model, precision)
    assert found.params == params


def test_units_and_names_are_normalised() -> None:
    (found,) = read(sample("epochs/semicolon.csv")).runs

    accuracy = found.series[1]
    assert (accuracy.metric.name, accuracy.metric.unit) == ("val/accuracy", "fraction")
    assert (accuracy.source_name, accuracy.source_unit, accuracy.scale) == (
        "val/acc (%)",
        "%",
        0.01,
    )
    assert accuracy.values.tolist() == [0.685, 0.79]


def test_what_was_not_logged_has_no_point_and_nan_has_one() -> None:
    found = run([{"epoch": 1, "a": 1}, {"epoch": 2, "a": None}, {"epoch": 3, "a": math.nan}])

    assert list(points(found)["a"]) == [1, 3]
    assert math.isnan(points(found)["a"][3])


def test_moments_are_wall_times() -> None:
    (found,) = read(sample("epochs/log.jsonl")).runs

    assert found.series[0].wall_times is not None
    assert found.series[0].wall_times.tolist() == [1780279200.0, 1780279260.0, 1780279320.0]


# --- several runs in a file ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "runs"),
    [
        pytest.param(
            {"lenet": {"fp32": {"train_loss": [1]}, "int8": {"train_loss": [2]}}},
            [("lenet", "fp32"), ("lenet", "int8")],
            id="model, precision",
        ),
        pytest.param(
            {"fp32": {"lenet": {"train_loss": [1]}}, "int8": {"vgg": {"train_loss": [2]}}},
            [("lenet", "fp32"), ("vgg", "int8")],
            id="precision, model",
        ),
        pytest.param(
            {"lenet_int8": {"train_loss": [1]}, "ResNet-18 fp16": [{"epoch": 1, "loss": 1}]},
            [("lenet", "int8"), ("ResNet-18", "fp16")],
            id="both in one key",
        ),
        pytest.param(
            {"results": {"lenet": {"history": {"fp32": 3, "loss": [1]}, "precision": "bf16"}}},
            [("lenet", "bf16")],
            id="a word on the way",
        ),
        pytest.param(
            {"resnet": {"v1": {"train_loss": [1]}, "v2": {"train_loss": [2]}}},
            [("resnet", ""), ("resnet", "")],
            id="versions",
        ),
        pytest.param(
            {"cnn": {"small": {"train_loss": [1]}, "large": {"train_loss": [2]}}},
            [("cnn/small", ""), ("cnn/large", "")],
            id="a model in two parts",
        ),
        pytest.param(
            "model,precision,epoch,loss\na,fp32,1,1\na,int8,1,2\nb,fp32,1,3\n",
            [("a", "fp32"), ("a", "int8"), ("b", "fp32")],
            id="columns",
        ),
    ],
)
def test_a_file_of_several_runs(content: Any, runs: list[tuple[str, str]]) -> None:
    reading = read(content)

    assert names(reading) == runs
    places = [record.place for record in reading.records]
    assert len(set(places)) == len(places)


def test_folds_are_runs_under_a_parent() -> None:
    reading = read(sample("epochs/folds.csv"))
    parent, first, second = reading.records

    assert (parent.identity, parent.raw, parent.series) == (
        Identity.SNAPSHOT,
        {"train_loss": "0.9", "val_loss": "1.0"},
        (),
    )
    for record in (first, second):
        assert record.parent is not None
        assert record.parent.place == parent.place
    assert [(record.place, record.name) for record in reading.records] == [
        ("", ""),
        ("#fold=1", "fold 1"),
        ("#fold=2", "fold 2"),
    ]
    assert [points(item) for item in reading.runs[1:]] == [
        {"train/loss": {1: 0.9, 2: 0.5}, "val/loss": {1: 1.0, 2: 0.6}},
        {"train/loss": {1: 0.8, 2: 0.4}, "val/loss": {1: 0.9, 2: 0.5}},
    ]


def test_folds_of_several_models_have_a_parent_each() -> None:
    reading = read("model,fold,epoch,loss\na,1,1,1\na,2,1,2\nb,1,1,3\nb,2,1,4\n", "a.csv")

    assert [(record.model.name, record.name) for record in reading.records] == [
        ("a", ""), ("a", "fold 1"), ("a", "fold 2"), ("b", ""), ("b", "fold 1"), ("b", "fold 2"),
    ]  # fmt: skip
    assert [record.parent.place if record.parent else None for record in reading.records] == [
        None, "#model=a", "#model=a", None, "#model=b", "#model=b",
    ]  # fmt: skip


def test_a_seed_column_makes_runs_with_a_seed() -> None:
    reading = read("seed,epoch,loss\n1234567,1,1\n1234568,1,2\n", "a.csv")

    assert [record.seed for record in reading.records] == [1234567, 1234568]


# --- what is no history ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(
            {"m": {"fp32": {"accuracy": 0.9, "latency_samples_ms": [1, 2]}}}, id="samples"
        ),
        pytest.param(
            {"m": {"fp32": {"accuracy": 0.9, "loss": [0.1, 0.2]}}}, id="losses of a benchmark"
        ),
        pytest.param(
            {"m": {"fp32": {"latency_ms": 3, "train_loss": [0.1, 0.2]}}}, id="beside a latency"
        ),
        pytest.param({"train_ids": [1, 2], "val_ids": [3]}, id="a data split"),
        pytest.param({"step": [1, 2], "reward": [3, 4]}, id="no epochs"),
        pytest.param({"loss": {"steps": [1], "values": [2]}}, id="Sacred"),
        pytest.param([{"epoch": 1}, {"epoch": 2}], id="epochs and nothing else"),
        pytest.param([{"epoch": 1, "loss": 1}, 5], id="not only objects"),
        pytest.param({"epoch": 5.0, "loss": 0.5, "step": 214}, id="a summary"),
        pytest.param({"epoch": "five", "loss": 0.5}, id="no number"),
        pytest.param({"train_loss": "0.5"}, id="no list"),
        pytest.param({"train_loss": [[1], [2]]}, id="lists of lists"),
        pytest.param("step\tepoch\n0\t0.05\n", id="only steps"),
        pytest.param("epoch\n1\n", id="a single column"),
        pytest.param("Epoch 1, loss 0.5\n", id="prose"),
        pytest.param("layer,time\nconv,1\n", id="another table"),
    ],
)
def test_what_is_no_history(content: Any) -> None:
    assert "epochs" not in claimed_by(content)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"train_loss": [1, 2], "accuracy": 0.9}, True),
        ({"train_loss": [1, 2], "latency_ms": 3}, False),
        ({"history": {"loss": [1, 2]}}, True),
        ({"history": {"loss": [1, 2]}, "accuracy": 0.9}, True),
        ({"history": {"loss": [1, 2]}, "latency_ms": 3}, False),
        ({"fold1": {"train_loss": [1]}}, True),
        ({"accuracy": 0.9}, False),
        ({"accuracy": [0.9, 0.8]}, False),
        ([{"epoch": 1, "loss": 1}], False),
        (3, False),
    ],
)
def test_a_training_under_a_precision(value: Any, expected: bool) -> None:
    assert is_training(value) is expected


def test_a_log_of_a_single_line_is_one_where_its_name_says_so() -> None:
    line = jsonl({"epoch": 1, "train_loss": 0.9})

    assert claimed_by(line, "log.jsonl") == ["epochs"]
    assert claimed_by(line, "-") == ["epochs"]
    assert claimed_by(line, "summary.json") == []
    assert points(run(line, "log.jsonl")) == {"train/loss": {1: 0.9}}


def test_nothing_on_the_way_is_lost() -> None:
    found = list(histories({"a": {"fp32": {"train_loss": [1], "note": "x"}}, "b": 3}))

    assert [(item.place, dict(item.names), dict(item.facts)) for item in found] == [
        ("/a/fp32", {"model": "a", "precision": "fp32"}, {"note": "x"})
    ]


# --- bad input -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        ({"train_loss": [], "val_loss": []}, "a.json", ": no epochs: no run made"),
        ("epoch,loss\n", "a.csv", ": no epochs: no run made"),
        ("epoch,loss\n1,\n", "a.csv", ": no numbers in the rows: no run made"),
        (
            "fold,epoch,loss\n1,1,\n2,1,\n",
            "a.csv",
            ": no numbers in the rows of fold=2: no run made",
        ),
    ],
)
def test_a_history_of_no_epochs_makes_no_run(content: Any, name: str, said: str) -> None:
    reading = read(content, name)

    assert reading.records == []
    assert said in reading.notices


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (
            {"train_loss": [3, 2, 1], "val_loss": [3]},
            "a.json",
            "/val_loss: 1 values where others have 3: taken as the first ones",
        ),
        (jsonl({"epoch": 1, "loss": 2}) + '{"epo', "a.jsonl", "line 2: cut off: left out"),
        (
            jsonl({"epoch": 1, "loss": 2}, {"epoch": 2, "loss": 1}, 5),
            "a.jsonl",
            "row 3: not an obj",
        ),
        ("epoch,loss,acc\n1,2,3\n2,1", "a.csv", "row 3: cut off: left out until it is whole"),
        ({"train_loss": [1, "n/a", 3]}, "a.json", "row 2: 'train_loss': 1 cells are no numbers"),
        ({"train_loss": [1, 2], "best": [False, True]}, "a.json", "column 'best' holds text"),
        (
            [{"epoch": 1, "loss": 1, "matrix": [[1]]}],
            "a.json",
            "'matrix': neither numbers nor text",
        ),
        ('{"train_loss": [1], "train_loss": [2]}', "a.json", "key 'train_loss' stands twice"),
    ],
)
def test_what_is_doubtful_is_said_and_the_rest_read(content: Any, name: str, said: str) -> None:
    reading = read(content, name)

    assert len(reading.records) == 1
    assert any(said in notice for notice in reading.said)


def test_a_bad_line_in_the_middle_is_named() -> None:
    with pytest.raises(MalformedSourceError, match="line 2: byte 11: invalid JSON"):
        read('{"epoch": 1, "loss": 2}\n{"epoch": 2\n{"epoch": 3, "loss": 1}\n', "a.jsonl")


def test_asked_to_read_something_else_the_reader_says_so() -> None:
    with pytest.raises(ReadError, match="no history of epochs in it"):
        read({"name": "package"}, reader="epochs")


def test_a_summary_is_read_where_the_user_insists() -> None:
    (found,) = read({"epoch": 5, "loss": 0.5}, reader="epochs").runs

    assert points(found) == {"loss": {5: 0.5}}
