"""Files as a Compression Engine and a training script write them, in small."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def metrics(accuracy: float, latency: float, size: float, **more: Any) -> dict[str, Any]:
    """One precision's entry of a results file."""
    return {
        "accuracy": accuracy,
        "f1_score": accuracy - 0.01,
        "latency_mean_ms": latency,
        "latency_std_ms": latency / 10,
        "model_size_mb": size,
        "energy_consumption_mw": 1500,
        "evaluated_on": "cpu",
        **more,
    }


def model(number: int, *, library: str | None = "timm") -> dict[str, Any]:
    """One model's entry: fp32, int8 and, unless ``library`` is None, its metadata."""
    entry: dict[str, Any] = {
        "fp32": metrics(0.9 + number / 1000, 10.0 + number, 100.0 + number),
        "int8": metrics(0.89 + number / 1000, 4.0 + number, 26.0 + number),
    }
    if library is not None:
        entry["model_info"] = {
            "library": library,
            "category": "vision" if number % 2 else "medical",
            "description": f"model {number}",
            "input_shape": [3, 224, 224],
        }
    return entry


def results(count: int = 10) -> dict[str, Any]:
    """A results file of ``count`` models."""
    return {f"model{number}": model(number) for number in range(count)}


def write(path: Path, content: Any) -> Path:
    """Write JSON, or text as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def history(losses: Sequence[float], **facts: Any) -> dict[str, Any]:
    """A training history with a loss and an accuracy per epoch."""
    return {
        "model": "lenet",
        "precision": "fp32",
        "epoch": list(range(1, len(losses) + 1)),
        "train_loss": list(losses),
        "val_accuracy": [1 - loss / 2 for loss in losses],
        **facts,
    }


def compression(
    baseline: Mapping[str, Any], compressed: Mapping[str, Any], **more: Any
) -> dict[str, Any]:
    """What a compress() call returns."""
    return {
        "model": "model3",
        "method": "ptq",
        "precision": "int8",
        "baseline": dict(baseline),
        "compressed": dict(compressed),
        "ratios": {"size_ratio": 3.9, "speedup": 2.2},
        "calibration": {"samples": 128, "observer": "minmax"},
        **more,
    }
