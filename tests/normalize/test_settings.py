"""--set key=value: what the user states about runs."""

from __future__ import annotations

from typing import Any

import pytest

from cetrack.domain import Environment, Identity, Kind, ModelHint, RunRecord
from cetrack.errors import UsageError
from cetrack.settings import apply_settings, check_settings


def record(**changes: Any) -> RunRecord:
    stated: dict[str, Any] = {
        "format": "x",
        "place": "",
        "kind": Kind.TRAINING,
        "identity": Identity.LOG,
        **changes,
    }
    return RunRecord(**stated)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"model": "lenet", "precision": "int8", "library": "timm", "input_shape": "3x8x8"},
        {"device": "cpu", "runtime": "trt", "host": "h", "os": "linux"},
        {"seed": "7", "batch_size": "-1"},
        {"kind": "compression"},
        {"param.lr": "0.1", "tag.status": "draft", "param.a.b": "x"},
    ],
)
def test_settings_that_a_run_can_have(settings: dict[str, str]) -> None:
    check_settings(settings)


@pytest.mark.parametrize(
    ("settings", "problem", "hint"),
    [
        ({"modle": "x"}, "--set does not know 'modle'", "did you mean model?"),
        ({"zzz": "x"}, "--set does not know 'zzz'", "keys: model, library, category"),
        ({"param.": "x"}, "--set does not know 'param.'", ""),
        ({"": "x"}, "--set does not know ''", ""),
        ({"seed": "lucky"}, "--set seed: 'lucky' is not a whole number", ""),
        ({"seed": "1.5"}, "--set seed: '1.5' is not a whole number", ""),
        ({"batch_size": str(2**63)}, "is not a whole number", ""),
        ({"kind": "test"}, "--set kind: 'test' is none of benchmark, training, compression", ""),
    ],
)
def test_settings_that_no_run_can_have(settings: dict[str, str], problem: str, hint: str) -> None:
    with pytest.raises(UsageError, match=problem) as caught:
        check_settings(settings)

    assert hint in (caught.value.hint or "")


def test_blanks_are_filled() -> None:
    stated = {
        "model": "lenet",
        "library": "timm",
        "precision": "int8",
        "device": "cpu",
        "seed": "7",
        "dataset": "mnist",
        "kind": "benchmark",
        "param.lr": "0.1",
        "tag.status": "draft",
    }

    found, contradictions = apply_settings(record(), stated)

    assert contradictions == []
    assert found.model == ModelHint(name="lenet", library="timm")
    assert found.environment == Environment(device="cpu")
    assert (found.precision, found.seed, found.dataset) == ("int8", 7, "mnist")
    assert found.kind is Kind.BENCHMARK
    assert (found.params, found.tags) == ({"lr": "0.1"}, {"status": "draft"})


@pytest.mark.parametrize(
    ("known", "settings", "said"),
    [
        (
            {"model": ModelHint(name="vgg")},
            {"model": "lenet"},
            "model is 'vgg' in the file: --set model=lenet not used",
        ),
        ({"precision": "fp32"}, {"precision": "int8"}, "precision is 'fp32' in the file"),
        ({"seed": 3}, {"seed": "7"}, "seed is '3' in the file: --set seed=7 not used"),
        ({"params": {"lr": 0.5}}, {"param.lr": "0.1"}, "param.lr is '0.5' in the file"),
        ({"environment": Environment(device="gpu")}, {"device": "cpu"}, "device is 'gpu'"),
    ],
)
def test_what_a_file_states_wins_and_the_contradiction_is_said(
    known: dict[str, Any], settings: dict[str, str], said: str
) -> None:
    before = record(**known)

    found, contradictions = apply_settings(before, settings)

    assert found is before
    assert len(contradictions) == 1
    assert said in contradictions[0]


def test_saying_the_same_is_no_contradiction() -> None:
    before = record(model=ModelHint(name="vgg"), seed=7, params={"lr": 0.5}, precision="INT8")
    stated = {"model": "vgg", "seed": "7", "param.lr": "0.5", "precision": "int8"}

    assert apply_settings(before, stated)[1] == []


def test_what_was_taken_from_a_path_gives_way() -> None:
    before = record(model=ModelHint(name="vgg"), precision="fp32", weak=frozenset({"model"}))

    found, contradictions = apply_settings(before, {"model": "lenet"})

    assert (found.model.name, found.weak, contradictions) == ("lenet", frozenset(), [])


def test_a_long_value_is_shortened_in_a_contradiction() -> None:
    before = record(model=ModelHint(name="x" * 5000))

    _, (said,) = apply_settings(before, {"model": "lenet"})

    assert len(said) < 200
