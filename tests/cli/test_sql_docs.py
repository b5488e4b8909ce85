"""Queries of docs/sql.md on a few runs: both databases say what a calculator says."""

from __future__ import annotations

import pytest

from cetrack.store import Store
from tests.cli.conftest import Filler
from tests.cli.filling import Spec, uid
from tests.cli.sql_page import about, columns, rows_of


def measured(accuracy: float, latency: float, size: float) -> dict[str, float]:
    return {"accuracy": accuracy, "latency_mean_ms": latency, "model_size_mb": size}


BERT = {"model": "bert", "library": "transformers", "category": "nlp", "shape": "128"}
RUNS = (
    Spec(uid=uid(10), metrics=measured(0.80, 8.0, 100.0)),
    Spec(uid=uid(11), precision="int8", metrics=measured(0.79, 4.0, 25.0), baseline=uid(10)),
    Spec(uid=uid(12), day="2026-07-01", metrics=measured(0.80, 8.0, 100.0)),
    Spec(
        uid=uid(13),
        day="2026-07-01",
        precision="int8",
        metrics=measured(0.77, 5.0, 26.0),
        baseline=uid(12),
    ),
    Spec(uid=uid(20), model="mobilenet", library="timm", metrics=measured(0.70, 2.0, 14.0)),
    Spec(
        uid=uid(21),
        model="mobilenet",
        library="timm",
        precision="int8",
        metrics=measured(0.69, 1.0, 3.5),
        baseline=uid(20),
    ),
    Spec(uid=uid(30), **BERT, metrics=measured(0.92, 12.0, 440.0)),
    Spec(
        uid=uid(31),
        **BERT,
        precision="int8",
        device="cuda",
        metrics=measured(0.90, 3.0, 110.0),
        baseline=uid(30),
    ),
    Spec(
        uid=uid(40),
        model="lenet",
        library="",
        kind="training",
        metrics={"val/accuracy": [0.5, 0.9, 0.8]},
        params={"lr": 0.1},
    ),
    Spec(
        uid=uid(41),
        model="lenet",
        library="",
        kind="training",
        day="2026-06-03",
        metrics={"val/accuracy": [0.6, 0.7]},
        params={"lr": 0.01},
    ),
)


@pytest.fixture
def filled(filled_with: Filler) -> Store:
    return filled_with("sql_docs", RUNS)


def test_numbers_are_those_of_a_calculator(filled: Store) -> None:
    drops = rows_of(filled, "Accuracy drop per library")
    assert columns(drops, "library", "precision", "runs", "mean_drop", "worst_drop") == [
        about("torchvision", "int8", 2, 0.02, 0.03),  # 0.01 and 0.03
        about("transformers", "int8", 1, 0.02, 0.02),
        about("timm", "int8", 1, 0.01, 0.01),
    ]

    speedups = rows_of(filled, "Speed-up by category")
    assert columns(speedups, "category", "models", "mean_speedup", "worst_speedup") == [
        about("vision", 2, (2.0 + 1.6 + 2.0) / 3, 1.6)  # bert's ran elsewhere
    ]

    best = rows_of(filled, "The best INT8 model under a latency budget")
    assert columns(best, "model", "accuracy", "latency_mean_ms") == [
        about("bert", 0.90, 3.0),
        about("resnet50", 0.77, 5.0),  # July's, not June's 0.79
        about("mobilenet", 0.69, 1.0),
    ]

    trend = rows_of(filled, "The trend of a model")
    assert columns(trend, "precision", "n", "value", "change") == [
        about("fp32", 1, 8.0, None),
        about("fp32", 2, 8.0, 0.0),
        about("int8", 1, 4.0, None),
        about("int8", 2, 5.0, 1.0),
    ]

    moments = [str(row["started_at"])[:10] for row in trend]  # text on SQLite
    assert moments == ["2026-06-01", "2026-07-01"] * 2

    slower = rows_of(filled, "What got slower since the run before")
    assert columns(slower, "model", "precision", "previous", "value", "ratio") == [
        about("resnet50", "int8", 4.0, 5.0, 1.25)
    ]

    pareto = rows_of(filled, "Pareto candidates: accuracy against latency")
    assert columns(pareto, "model", "precision", "accuracy", "latency_mean_ms") == [
        about("mobilenet", "int8", 0.69, 1.0),
        about("mobilenet", "fp32", 0.70, 2.0),
        about("resnet50", "int8", 0.79, 4.0),
        about("resnet50", "fp32", 0.80, 8.0),
        about("resnet50", "fp32", 0.80, 8.0),
    ]

    epochs = rows_of(filled, "Epochs to the best accuracy")
    assert columns(epochs, "uid", "best", "best_epoch", "last_epoch", "lost_since") == [
        about(uid(40), 0.9, 2, 3, 0.1),
        about(uid(41), 0.7, 2, 2, 0.0),
    ]


def test_counts_and_ratios_are_those_of_a_calculator(filled: Store) -> None:
    sizes = rows_of(filled, "Size ratio by input shape")
    assert columns(sizes, "input_shape", "runs", "mean_ratio", "best_ratio", "worst_ratio") == [
        about("128", 1, 4.0, 4.0, 4.0),
        about("3x224x224", 3, (100 / 25 + 100 / 26 + 14 / 3.5) / 3, 4.0, 100 / 26),
    ]

    losers = rows_of(filled, "How many models lose more than one point")
    assert columns(losers, "precision", "models", "above_one_point") == [("int8", 3, 2)]

    paper = rows_of(filled, "The table of the paper: precisions side by side")
    assert columns(paper, "model", "metric", "fp32", "int8")[-3:] == [
        about("resnet50", "accuracy", 0.80, 0.77),
        about("resnet50", "latency_mean_ms", 8.0, 5.0),
        about("resnet50", "model_size_mb", 100.0, 26.0),
    ]

    rates = rows_of(filled, "Accuracy by a parameter")
    assert columns(rates, "learning_rate", "runs", "best_accuracy") == [
        about(0.1, 1, 0.9),
        about(0.01, 1, 0.7),
    ]

    unlike = rows_of(filled, "Comparisons to look at twice")
    assert columns(unlike, "model", "uid", "baseline_uid") == [("bert", uid(31), uid(30))]

    months = rows_of(filled, "Runs per month")
    assert columns(months, "month", "runs", "models") == [("2026-06", 8, 4), ("2026-07", 2, 1)]
