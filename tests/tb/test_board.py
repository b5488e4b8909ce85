"""The tag contract of the COMPRESSION plugin."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from cetrack.domain import Kind
from cetrack.export_tb import Layout, export_tb
from cetrack.filter import parse_all
from cetrack.store import Store
from tests.tb.building import Spec, fill, nights
from tests.tb.reading import runs, scalars, summary_values
from tests.tb.serving import Served, served_by_python

FP32 = {
    "accuracy": 0.8,
    "f1_score": 0.78,
    "loss": 0.5,
    "sensitivity": 0.81,
    "specificity": 0.79,
    "latency_mean_ms": 20.0,
    "latency_std_ms": 2.0,
    "model_size_mb": 100.0,
    "memory_usage_mb": 400.0,
    "gpu_memory_usage_mb": 0.0,
    "power_mw": 3000.0,
}
INT8 = {
    "accuracy": 0.6,
    "f1_score": 0.77,
    "loss": 0.75,
    "sensitivity": 0.8,
    "specificity": 0.78,
    "latency_mean_ms": 5.0,
    "latency_std_ms": 1.0,
    "model_size_mb": 25.0,
    "memory_usage_mb": 150.0,
    "gpu_memory_usage_mb": 0.0,
    "power_mw": 1000.0,
}


def pair(model: str = "alexnet", **fields: object) -> list[Spec]:
    baseline = Spec(model=model, metrics=FP32, device="gpu", **fields)  # type: ignore[arg-type]
    compressed = Spec(
        model=model,
        precision="int8",
        metrics=INT8,
        device="gpu",
        **fields,  # type: ignore[arg-type]
    )
    return [baseline, compressed]


def board(store: Store, logs: Path, where: str = "") -> tuple[str, ...]:
    report = export_tb(
        store, logs, layout=Layout.BOARD, where=parse_all([where]) if where else None
    )
    return report.warnings


def last(folder: Path) -> dict[str, float]:
    """tag → value, rounded to what float32 is sure of."""
    return {tag: float(f"{points[-1][1]:.6g}") for tag, points in scalars(folder).items()}


def test_the_whole_contract(store: Store, logs: Path) -> None:
    fill(store, pair())

    assert board(store, logs) == ()

    assert last(logs / "alexnet") == {
        "alexnet/metrics/accuracy/fp32": 0.8,
        "alexnet/metrics/accuracy/int8": 0.6,
        "alexnet/metrics/f1_score/fp32": 0.78,
        "alexnet/metrics/f1_score/int8": 0.77,
        "alexnet/metrics/loss/fp32": 0.5,
        "alexnet/metrics/loss/int8": 0.75,
        "alexnet/metrics/sensitivity/fp32": 0.81,
        "alexnet/metrics/sensitivity/int8": 0.8,
        "alexnet/metrics/specificity/fp32": 0.79,
        "alexnet/metrics/specificity/int8": 0.78,
        "alexnet/performance/latency_ms/fp32": 20.0,
        "alexnet/performance/latency_ms/int8": 5.0,
        "alexnet/performance/latency_std_ms/fp32": 2.0,
        "alexnet/performance/latency_std_ms/int8": 1.0,
        "alexnet/performance/model_size_mb/fp32": 100.0,
        "alexnet/performance/model_size_mb/int8": 25.0,
        "alexnet/performance/memory_usage_mb/fp32": 400.0,
        "alexnet/performance/memory_usage_mb/int8": 150.0,
        "alexnet/performance/energy_mw/fp32": 3000.0,
        "alexnet/performance/energy_mw/int8": 1000.0,
        "alexnet/compression/size_ratio": 4.0,
        "alexnet/compression/size_reduction_pct": 75.0,
        "alexnet/compression/speedup": 4.0,
        "alexnet/compression/memory_reduction_mb": 250.0,
        "alexnet/compression/accuracy_drop": 0.2,
        "alexnet/compression/accuracy_retention_pct": 75.0,
        "alexnet/compression/energy_reduction_mw": 2000.0,
        "alexnet/compression/energy_ratio": 3.0,
        "alexnet/metadata/input_channels": 3.0,
        "alexnet/metadata/input_height": 224.0,
        "alexnet/metadata/input_width": 224.0,
        "alexnet/metadata/device_gpu": 1.0,
        "hparam/accuracy_fp32": 0.8,
        "hparam/accuracy_int8": 0.6,
        "hparam/accuracy_drop": 0.2,
        "hparam/size_ratio": 4.0,
        "hparam/speedup": 4.0,
        "hparam/memory_reduction_mb": 250.0,
        "hparam/energy_reduction_mw": 2000.0,
    }
    assert "alexnet/metadata/info" in summary_values(logs / "alexnet")
    assert runs(logs) == ["_hparams", "alexnet"]


def plugin_rows(served: Served) -> dict[str, list[float | None]]:
    """What the plugin's table holds: it looks for ``<run>/<suffix>`` and takes the last value."""
    suffixes = [
        "metrics/accuracy/fp32",
        "metrics/accuracy/int8",
        "compression/accuracy_drop",
        "compression/size_ratio",
        "compression/speedup",
        "compression/memory_reduction_mb",
        "compression/energy_reduction_mw",
    ]
    return {
        run: [
            tags[f"{run}/{suffix}"][-1][1] if f"{run}/{suffix}" in tags else None
            for suffix in suffixes
        ]
        for run, tags in served.scalars().items()
        if any("compression/" in tag for tag in tags)
    }


def test_the_plugin_finds_every_cell(sqlite_store: Store, logs: Path) -> None:
    fill(sqlite_store, [*pair("alexnet"), *pair("facebook/opt"), *pair("_hparams")])

    board(sqlite_store, logs)

    with served_by_python(logs) as served:
        rows = plugin_rows(served)
        headings, table = served.table()
    assert set(rows) >= {"alexnet", "facebook--opt"}
    assert len(rows) == 3
    assert all(cell is not None for row in rows.values() for cell in row)
    assert table["facebook--opt"][0] == {
        "model_name": "facebook/opt",
        "library": "torchvision",
        "category": "vision",
    }
    assert headings[:3] == ["accuracy_fp32", "accuracy_int8", "accuracy_drop"]


def test_only_models_with_both_precisions(sqlite_store: Store, logs: Path) -> None:
    fill(sqlite_store, [*pair("both"), Spec(model="alone", metrics=FP32), *pair("other")[:1]])

    (warning,) = board(sqlite_store, logs)

    assert runs(logs) == ["_hparams", "both"]
    assert warning == ("2 models without both an fp32 and an int8 run are left out: alone, other")


def test_training_runs_are_no_results(sqlite_store: Store, logs: Path) -> None:
    trained = Spec(model="alexnet", day=9, device="gpu", kind=Kind.TRAINING, metrics={"loss": 9.0})
    fill(sqlite_store, [*pair(), trained])

    board(sqlite_store, logs)

    assert last(logs / "alexnet")["alexnet/metrics/loss/fp32"] == 0.5


def test_the_newest_pair_that_is_like_for_like(sqlite_store: Store, logs: Path) -> None:
    later = Spec(model="resnet50", precision="int8", day=9, device="npu", metrics={"accuracy": 0.1})
    fill(sqlite_store, [*nights(count=3), later])

    assert board(sqlite_store, logs) == ()
    assert last(logs / "resnet50")["resnet50/metrics/accuracy/int8"] == 0.752

    assert board(sqlite_store, logs, "device=npu or precision=fp32") == (
        "1 pairs are not like for like: resnet50",
    )
    assert last(logs / "resnet50")["resnet50/metrics/accuracy/int8"] == 0.1


def test_an_explicit_baseline_is_preferred_to_a_newer_run(sqlite_store: Store, logs: Path) -> None:
    specs = nights(count=1)
    newer = Spec(day=5, metrics={"accuracy": 0.99, "latency_mean_ms": 1.0})
    fill(sqlite_store, [*specs, newer])

    board(sqlite_store, logs)

    assert last(logs / "resnet50")["resnet50/metrics/accuracy/fp32"] == 0.76


def test_numbers_that_json_cannot_hold_are_left_out(sqlite_store: Store, logs: Path) -> None:
    baseline, _ = pair()
    odd = {**INT8, "accuracy": math.nan, "latency_mean_ms": 0.0, "loss": math.inf}
    fill(
        sqlite_store, [baseline, Spec(model="alexnet", precision="int8", metrics=odd, device="gpu")]
    )

    board(sqlite_store, logs)

    found = last(logs / "alexnet")
    assert all(map(math.isfinite, found.values()))
    assert "alexnet/compression/speedup" not in found
    assert "alexnet/compression/accuracy_drop" not in found
    assert "alexnet/metrics/accuracy/fp32" in found


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("3x224x224", {"channels": 3.0, "height": 224.0, "width": 224.0}),
        ("3x?x640", {"channels": 3.0, "width": 640.0}),
        ("128", {"channels": 128.0}),
        ("ids:128;mask:128", {}),
        ("", {}),
    ],
)
def test_the_input_shape(
    sqlite_store: Store, logs: Path, shape: str, expected: dict[str, float]
) -> None:
    fill(sqlite_store, pair(shape=shape))

    board(sqlite_store, logs)

    found = last(logs / "alexnet")
    sizes = {tag.rpartition("_")[2]: value for tag, value in found.items() if "/input_" in tag}
    assert sizes == expected


def test_models_of_one_name_are_told_apart(sqlite_store: Store, logs: Path) -> None:
    fill(sqlite_store, [*pair(library="timm"), *pair(library="torchvision")])

    board(sqlite_store, logs)

    assert runs(logs) == ["_hparams", "alexnet,library=timm", "alexnet,library=torchvision"]
    assert "alexnet,library=timm/compression/speedup" in last(logs / "alexnet,library=timm")


def test_changing_the_layout_leaves_nothing_of_the_old_one(sqlite_store: Store, logs: Path) -> None:
    fill(sqlite_store, pair())

    export_tb(sqlite_store, logs)
    board(sqlite_store, logs)

    assert runs(logs) == ["_hparams", "alexnet"]
