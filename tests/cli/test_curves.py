"""The curves of training runs, read from both databases."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cetrack.choices import Which
from cetrack.curves import read_curves
from cetrack.errors import UsageError
from cetrack.filter import parse
from cetrack.store import Store
from tests.cli.conftest import Filler
from tests.cli.filling import Spec, uid

LOSSES = [3.0, 2.0, math.nan, 1.0]
TRAINING = {"kind": "training", "category": "vision"}
RUNS = (
    Spec(uid=uid(1), metrics={"train/loss": [9.0, 8.0]}, day="2026-05-01", **TRAINING),
    Spec(uid=uid(2), metrics={"train/loss": LOSSES, "val/accuracy": [0.1, 0.2]}, **TRAINING),
    Spec(uid=uid(3), precision="int8", metrics={"train/loss": [5.0, 4.0]}, **TRAINING),
    Spec(
        uid=uid(4), precision="int8", device="gpu", metrics={"train/loss": [6.0, 5.0]}, **TRAINING
    ),
    Spec(uid=uid(5), model="bert", metrics={"train/loss": [7.0, 6.0]}, **TRAINING),
    Spec(uid=uid(6), metrics={"train/loss": 0.5, "accuracy": 0.9}),
)


@pytest.fixture
def filled(filled_with: Filler) -> Store:
    return filled_with("curves", RUNS)


def test_the_newest_run_of_each_series_by_model_and_precision(filled: Store) -> None:
    found = read_curves(filled, "train/loss")

    assert [(curve.model, curve.label, curve.precision) for curve in found.curves] == [
        ("bert", "fp32", "fp32"),
        ("resnet50", "fp32", "fp32"),
        ("resnet50", "int8,device=cpu", "int8"),
        ("resnet50", "int8,device=gpu", "int8"),
    ]
    assert (found.metric.name, found.metric.direction, found.left_out) == ("train/loss", "lower", 0)


def test_steps_and_values_are_those_that_were_logged(filled: Store) -> None:
    (curve,) = read_curves(filled, "train_loss", where=parse(f"uid={uid(2)}")).curves

    assert curve.steps.tolist() == [1, 2, 3, 4]
    assert np.array_equal(curve.values, LOSSES, equal_nan=True)


def test_all_runs_of_a_series_are_told_apart(filled: Store) -> None:
    found = read_curves(
        filled, "train/loss", where=parse("model=resnet50 and precision=fp32"), which=Which.ALL
    )

    assert [curve.label for curve in found.curves] == ["fp32,run=a1000000", "fp32,run=a2000000"]
    assert found.curves[0].values.tolist() == [9.0, 8.0]


def test_only_the_newest_are_read_and_the_others_counted(filled: Store) -> None:
    found = read_curves(filled, "train/loss", which=Which.ALL, limit=3)

    assert len(found.curves) == 3
    assert found.left_out == 2
    assert "fp32,run=a1000000" not in [curve.label for curve in found.curves]


@pytest.mark.parametrize(
    ("metric", "where", "problem"),
    [
        ("train/los", None, "no metric called 'train/los'"),
        ("accuracy", None, "no run that matches has accuracy at more than one step"),
        ("train/loss", "kind=benchmark", "no run that matches has train/loss at more than one"),
        ("train/loss", "model=nothing", "no run with results matches"),
    ],
)
def test_what_cannot_be_drawn_is_said(
    filled: Store, metric: str, where: str | None, problem: str
) -> None:
    with pytest.raises(UsageError, match=problem):
        read_curves(filled, metric, where=parse(where) if where else None)
