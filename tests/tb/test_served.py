"""What TensorBoard shows of an export, with its default loader and with the Python one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cetrack.domain import Kind
from cetrack.export_tb import export_tb
from cetrack.store import Store
from tests.tb.building import MORNING, Spec, fill, nights
from tests.tb.reading import runs, scalars
from tests.tb.serving import LOADERS, Served

TRAININGS = [
    Spec(
        model=model,
        kind=Kind.TRAINING,
        device="gpu",
        experiment="paper",
        metrics={"val/loss": [(1, 2.0), (2, 1.5)]},
        params=params,
    )
    for model, params in (
        ("vgg16", {"lr": 0.5, "optimizer": "sgd", "warmup": 3, "amp": True}),
        ("模型 <b>", {"lr": 0.25, "optimizer": "adam", "warmup": "auto", "amp": False}),
    )
]


@pytest.fixture(params=LOADERS)
def served(request: pytest.FixtureRequest, sqlite_store: Store, logs: Path) -> Iterator[Served]:
    fill(sqlite_store, [*TRAININGS, *nights(count=2)])
    export_tb(sqlite_store, logs)
    with LOADERS[request.param](logs) as found:
        yield found


def test_the_hparams_table(served: Served) -> None:
    headings, rows = served.table()

    assert headings[:3] == ["accuracy", "latency_mean_ms", "val/loss"]
    assert set(headings[3:]) == {"speedup", "accuracy_drop", "accuracy_retention_pct"}
    assert len(rows) == 6
    benchmark = next(row for name, row in rows.items() if "/resnet50/int8/20260302" in name)
    assert benchmark[0] == {
        "model": "resnet50",
        "precision": "int8",
        "kind": "benchmark",
        "device": "cpu",
        "library": "torchvision",
        "category": "vision",
        "input_shape": "3x224x224",
        "experiment": "default",
    }
    assert benchmark[1] == {
        "quality/accuracy": float(np.float32(0.751)),
        "latency/latency_mean_ms": 13.0,
        "derived/speedup": float(np.float32(31 / 13)),
        "derived/accuracy_drop": float(np.float32(0.761 - 0.751)),
        "derived/accuracy_retention_pct": float(np.float32(0.751 / 0.761 * 100)),
    }


def test_params_of_mixed_types_are_in_the_table(served: Served) -> None:
    _, rows = served.table()

    (found,) = [row for name, row in rows.items() if "/vgg16/" in name]
    assert {key: found[0][key] for key in ("lr", "optimizer", "warmup", "amp")} == {
        "lr": 0.5,
        "optimizer": "sgd",
        "warmup": "3",
        "amp": True,
    }
    assert found[1] == {"val/loss": 1.5}


def test_scalars_are_those_of_the_files(served: Served, logs: Path) -> None:
    found = served.scalars()

    assert found == {run: tags for run in runs(logs) if (tags := scalars(logs / run))}
    assert found["trend/int8"]["resnet50/accuracy"] == [
        (1, 0.75, MORNING.timestamp()),
        (2, float(np.float32(0.751)), MORNING.timestamp() + 86_400),
    ]


def test_cards(served: Served) -> None:
    found = served.texts()

    assert len(found) == 6
    (hostile,) = [tags["card"] for run, tags in found.items() if "模型" in run]
    assert hostile.startswith("### 模型 &#60;b&#62;, fp32\n")
