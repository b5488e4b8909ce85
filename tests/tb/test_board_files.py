"""From a Compression Engine's files to the COMPRESSION plugin: every tag, computed by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from cetrack.domain import Kind
from cetrack.export_tb import Layout, export_tb
from cetrack.ingest import ingest
from cetrack.store import Store
from tests.tb.building import MORNING, Spec, fill
from tests.tb.reading import runs, scalars, summary_values, tree
from tests.tb.serving import served_by_python

RESULTS = {
    "alexnet": {
        "fp32": {
            "accuracy": 0.80,
            "f1_score": 0.78,
            "loss": 0.50,
            "sensitivity": 0.82,
            "specificity": 0.84,
            "latency_mean_ms": 24.0,
            "latency_std_ms": 1.5,
            "model_size_mb": 240.0,
            "memory_usage_mb": 500.0,
            "gpu_memory_usage_mb": 320.0,
            "energy_consumption_mw": 4500.0,
            "evaluated_on": "gpu",
        },
        "int8": {
            "accuracy": 0.76,
            "f1_score": 0.74,
            "loss": 0.56,
            "sensitivity": 0.77,
            "specificity": 0.81,
            "latency_mean_ms": 6.0,
            "latency_std_ms": 0.5,
            "model_size_mb": 60.0,
            "memory_usage_mb": 200.0,
            "gpu_memory_usage_mb": 128.0,
            "energy_consumption_mw": 1500.0,
            "evaluated_on": "gpu",
        },
        "model_info": {
            "library": "torchvision",
            "category": "vision",
            "description": "AlexNet, *the* classic",
            "input_shape": [3, 224, 224],
        },
    }
}
HISTORY = {
    "model": "alexnet",
    "precision": "fp32",
    "epoch": [1, 2, 3],
    "train_loss": [2.0, 1.25, 0.5],
    "val_loss": [2.25, 1.5, 1.0],
    "train_accuracy": [0.25, 0.5, 0.75],
    "val_accuracy": [0.125, 0.375, 0.625],
    "val_f1_score": [0.1, 0.3, 0.6],
}

# every tag of the contract, with its value worked out from the numbers above
NUMBERS = {
    "alexnet/metrics/accuracy/fp32": 0.80,
    "alexnet/metrics/accuracy/int8": 0.76,
    "alexnet/metrics/f1_score/fp32": 0.78,
    "alexnet/metrics/f1_score/int8": 0.74,
    "alexnet/metrics/loss/fp32": 0.50,
    "alexnet/metrics/loss/int8": 0.56,
    "alexnet/metrics/sensitivity/fp32": 0.82,
    "alexnet/metrics/sensitivity/int8": 0.77,
    "alexnet/metrics/specificity/fp32": 0.84,
    "alexnet/metrics/specificity/int8": 0.81,
    "alexnet/performance/latency_ms/fp32": 24.0,
    "alexnet/performance/latency_ms/int8": 6.0,
    "alexnet/performance/latency_std_ms/fp32": 1.5,
    "alexnet/performance/latency_std_ms/int8": 0.5,
    "alexnet/performance/model_size_mb/fp32": 240.0,
    "alexnet/performance/model_size_mb/int8": 60.0,
    "alexnet/performance/memory_usage_mb/fp32": 500.0,
    "alexnet/performance/memory_usage_mb/int8": 200.0,
    "alexnet/performance/gpu_memory_mb/fp32": 320.0,
    "alexnet/performance/gpu_memory_mb/int8": 128.0,
    "alexnet/performance/energy_mw/fp32": 4500.0,
    "alexnet/performance/energy_mw/int8": 1500.0,
    "alexnet/compression/size_ratio": 4.0,  # 240 / 60
    "alexnet/compression/size_reduction_pct": 75.0,  # 180 of 240
    "alexnet/compression/speedup": 4.0,  # 24 / 6
    "alexnet/compression/memory_reduction_mb": 300.0,  # 500 - 200
    "alexnet/compression/accuracy_drop": 0.04,  # 0.80 - 0.76
    "alexnet/compression/accuracy_retention_pct": 95.0,  # 0.76 of 0.80
    "alexnet/compression/energy_reduction_mw": 3000.0,  # 4500 - 1500
    "alexnet/compression/energy_ratio": 3.0,  # 4500 / 1500
    "alexnet/metadata/input_channels": 3.0,
    "alexnet/metadata/input_height": 224.0,
    "alexnet/metadata/input_width": 224.0,
    "alexnet/metadata/device_gpu": 1.0,
    "hparam/accuracy_fp32": 0.80,
    "hparam/accuracy_int8": 0.76,
    "hparam/accuracy_drop": 0.04,
    "hparam/size_ratio": 4.0,
    "hparam/speedup": 4.0,
    "hparam/memory_reduction_mb": 300.0,
    "hparam/energy_reduction_mw": 3000.0,
}
CURVES = {
    "alexnet/training/loss": [(1, 2.0), (2, 1.25), (3, 0.5)],
    "alexnet/training/accuracy": [(1, 0.25), (2, 0.5), (3, 0.75)],
    "alexnet/validation/loss": [(1, 2.25), (2, 1.5), (3, 1.0)],
    "alexnet/validation/accuracy": [(1, 0.125), (2, 0.375), (3, 0.625)],
    "alexnet/validation/f1_score": [(1, 0.1), (2, 0.3), (3, 0.6)],
}


def board(store: Store, logs: Path) -> None:
    export_tb(store, logs, layout=Layout.BOARD)


def taken_in(store: Store, folder: Path, **files: Any) -> None:
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
        report = ingest(store, [str(folder / f"{name}.json")])
        assert not report.rejected


def rounded(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """tag → (step, value), rounded to what float32 is sure of."""
    return {
        tag: [(step, float(f"{value:.6g}")) for step, value, _ in points]
        for tag, points in scalars(folder).items()
    }


def test_every_tag_of_the_contract_with_its_value(store: Store, logs: Path, tmp_path: Path) -> None:
    taken_in(store, tmp_path, results=RESULTS, history=HISTORY)

    board(store, logs)

    assert rounded(logs / "alexnet") == CURVES | {
        tag: [(0, value)] for tag, value in NUMBERS.items()
    }
    info: Any = summary_values(logs / "alexnet")["alexnet/metadata/info"]
    lines = info.tensor.string_val[0].decode().split("  \n")
    assert lines[:5] == [
        "Model: alexnet",
        "Library: torchvision",
        "Category: vision",
        "Description: AlexNet, &#42;the&#42; classic",
        "Input Shape: 3x224x224",
    ]
    assert runs(logs) == ["_hparams", "alexnet"]


def test_the_table_has_every_metric(sqlite_store: Store, logs: Path, tmp_path: Path) -> None:
    taken_in(sqlite_store, tmp_path, results=RESULTS, history=HISTORY)
    board(sqlite_store, logs)

    with served_by_python(logs) as served:
        headings, rows = served.table()

    assert headings == [tag.removeprefix("hparam/") for tag in NUMBERS if tag.startswith("hparam/")]
    ((hparams, metrics),) = rows.values()
    assert hparams == {"model_name": "alexnet", "library": "torchvision", "category": "vision"}
    assert {tag: float(f"{value:.6g}") for tag, value in metrics.items()} == {
        tag: value for tag, value in NUMBERS.items() if tag.startswith("hparam/")
    }


def pair(model: str = "net", **fields: Any) -> list[Spec]:
    metrics = {"accuracy": 0.5, "model_size_mb": 8.0}
    return [Spec(model=model, precision=it, metrics=metrics, **fields) for it in ("fp32", "int8")]


def trained(loss: float, **fields: Any) -> Spec:
    fields = {"model": "net", **fields}
    return Spec(kind=Kind.TRAINING, metrics={"train/loss": [(0, 9.0), (1, loss)]}, **fields)


UNSTATED = {"library": "", "shape": ""}
CHOICES = {
    "the newest at fp32": ([trained(1.0), trained(2.0, day=1), trained(3.0, day=-1)], 2.0),
    "fp32 before a newer one": ([trained(1.0), trained(2.0, day=9, precision="int8")], 1.0),
    "the newest where none is fp32": (
        [trained(1.0, precision="int8"), trained(2.0, day=1, precision="int4")],
        2.0,
    ),
    "one that does not state its library": ([trained(1.0, **UNSTATED)], 1.0),
    "none of another library": ([trained(1.0, library="timm")], None),
    "none of another shape": ([trained(1.0, shape="3x32x32")], None),
    "none of another model": ([trained(1.0, model="other")], None),
}


@pytest.mark.parametrize("name", CHOICES)
def test_whose_curves_are_shown(name: str, sqlite_store: Store, logs: Path) -> None:
    specs, loss = CHOICES[name]
    fill(sqlite_store, [*pair(), *specs])

    board(sqlite_store, logs)

    found = rounded(logs / "net").get("net/training/loss")
    assert found == (None if loss is None else [(0, 9.0), (1, loss)])


def test_a_log_that_may_be_of_several_models_is_of_none(sqlite_store: Store, logs: Path) -> None:
    specs = [*pair(library="timm"), *pair(library="torchvision")]
    fill(sqlite_store, [*specs, trained(1.0, **UNSTATED), trained(2.0, library="timm")])

    board(sqlite_store, logs)

    timm, torchvision = "net,library=timm", "net,library=torchvision"
    assert rounded(logs / timm)[f"{timm}/training/loss"] == [(0, 9.0), (1, 2.0)]
    assert not [tag for tag in rounded(logs / torchvision) if "/training/" in tag]


def test_curves_without_what_json_cannot_hold(sqlite_store: Store, logs: Path) -> None:
    metrics = {
        "train/loss": [(0, 1.0, MORNING.timestamp() + 60), (1, math.nan), (2, math.inf), (3, 0.5)],
        "val/loss": [(0, math.nan), (1, -math.inf)],
        "learning_rate": [(0, 0.1)],
        "train/a/b c": [(0, 1.0)],
    }
    run = Spec(model="net", kind=Kind.TRAINING, metrics=metrics)  # type: ignore[arg-type]
    fill(sqlite_store, [*pair(), run])

    board(sqlite_store, logs)

    found = scalars(logs / "net")
    assert found["net/training/loss"] == [
        (0, 1.0, MORNING.timestamp() + 60),
        (3, 0.5, MORNING.timestamp()),
    ]
    assert {tag for tag in found if "/training/" in tag or "/validation/" in tag} == {
        "net/training/loss",
        "net/training/a/b c",
    }


def test_the_report_counts_trainings_and_again_nothing_is_written(store: Store, logs: Path) -> None:
    fill(store, [*pair(), trained(1.0), trained(2.0, model="other")])
    first = export_tb(store, logs, layout=Layout.BOARD)
    before = tree(logs)

    again = export_tb(store, logs, layout=Layout.BOARD)

    assert (first.runs, again.unchanged, again.files) == (3, 2, 2)
    assert tree(logs) == before


ZEROS = {
    "a baseline of zero": ({"accuracy": 0.0, "latency_mean_ms": 0.0, "model_size_mb": 0.0}, 0),
    "zero": ({"accuracy": 0.5, "latency_mean_ms": 4.0, "model_size_mb": 4.0}, 1),
}


@pytest.mark.parametrize("name", ZEROS)
def test_no_ratio_of_zero(name: str, sqlite_store: Store, logs: Path) -> None:
    numbers, which = ZEROS[name]
    zero = dict.fromkeys(numbers, 0.0)
    both = (numbers, {"accuracy": 0.25, "latency_mean_ms": 2.0, "model_size_mb": 2.0})
    specs = [
        Spec(model="net", precision=precision, metrics=metrics)
        for precision, metrics in zip(
            ("fp32", "int8"), both if which == 0 else (numbers, zero), strict=True
        )
    ]
    fill(sqlite_store, specs)

    board(sqlite_store, logs)

    found = {tag for tag in rounded(logs / "net") if "/compression/" in tag}
    expected = {"net/compression/accuracy_drop"}
    assert found == (
        expected if which == 0 else expected | {"net/compression/accuracy_retention_pct"}
    )
