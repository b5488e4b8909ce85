"""The files that are ingested: training logs and benchmark results, the same bytes every time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
from tensorboardX.proto.event_pb2 import Event

from benchmarks.sizes import METRICS, STEPS
from cetrack.logdirs import FILE_VERSION
from cetrack.tb.records import encoded, framed

PRECISIONS = ("fp32", "int8")
_BLOCK_ROWS = 50_000
LOGS_PER_GROUP = 10  # logs of one model at one precision
NAMED = (
    "train_loss",
    "train_accuracy",
    "val_loss",
    "val_accuracy",
    "val_f1_score",
    "learning_rate",
    "grad_norm",
)
LOG_COLUMNS = (*NAMED, *(f"layer{n:02}_weight_norm" for n in range(METRICS - len(NAMED))))
_FIRST_NIGHT = dt.datetime(2020, 1, 1, 2, tzinfo=dt.UTC)
_MODELS = 10
_LIBRARIES = ("torchvision", "timm")
_CATEGORIES = ("vision", "detection", "audio", "text")
# name → (smallest, largest) value of a benchmark run's metrics
_MEASURED = {
    "accuracy": (0.5, 0.95),
    "f1_score": (0.5, 0.95),
    "latency_mean_ms": (2.0, 40.0),
    "latency_std_ms": (0.1, 2.0),
    "latency_p95_ms": (3.0, 60.0),
    "latency_p99_ms": (4.0, 80.0),
    "throughput_ips": (20.0, 900.0),
    "model_size_mb": (2.0, 400.0),
    "memory_usage_mb": (100.0, 4000.0),
    "power_mw": (500.0, 9000.0),
    "energy_mj": (5.0, 300.0),
}


def log_values(seed: int, rows: int) -> npt.NDArray[np.float64]:
    """A training: float64[rows, METRICS] that fall with the step, each a float32 as frameworks log
    them (so written with some 17 digits)."""
    return np.concatenate(list(_log_blocks(seed, rows)))


def _log_blocks(seed: int, rows: int) -> Iterator[npt.NDArray[np.float64]]:
    """The same in blocks of rows: 50 M points at once would take gigabytes to write."""
    rng = np.random.default_rng(seed)
    scale = rng.uniform(0.1, 0.4, METRICS)
    for start in range(0, rows, _BLOCK_ROWS):
        steps = np.arange(start, min(start + _BLOCK_ROWS, rows))
        falling = np.exp(-steps / max(rows / 4, 1))[:, None]
        values = scale * falling + rng.normal(0.5, 0.01, (len(steps), METRICS))
        yield values.astype(np.float32).astype(np.float64)


def write_csv_log(path: Path, seed: int, rows: int) -> None:
    """One training log: an epoch column and METRICS columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(",".join(("epoch", *LOG_COLUMNS)).encode() + b"\n")
        for number, block in enumerate(_log_blocks(seed, rows)):
            file.writelines(_csv_lines(block, first=1 + number * _BLOCK_ROWS))


def append_to_csv_log(path: Path, seed: int, *, first: int, rows: int = 1) -> None:
    """The training goes on: more rows, numbered from ``first``."""
    with path.open("ab") as file:
        file.writelines(_csv_lines(log_values(seed, rows), first=first))


def _csv_lines(values: npt.NDArray[np.float64], *, first: int) -> Iterator[bytes]:
    # orjson writes the shortest text that reads back as the same double, and does so fast
    lines = orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY)[2:-2].split(b"],[")
    return (b"%d,%b\n" % (number, line) for number, line in enumerate(lines, first))


def write_jsonl_log(path: Path, seed: int, rows: int) -> None:
    """The same training as JSON, an object a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for number, row in enumerate(log_values(seed, rows).tolist(), 1):
            record = {"epoch": number, **dict(zip(LOG_COLUMNS, row, strict=True))}
            file.write(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))


def write_event_file(path: Path, seed: int, rows: int) -> None:
    """The same training as TensorBoard's event file, all metrics of a step one after the other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    began = _FIRST_NIGHT.timestamp()
    first = Event(wall_time=began, file_version=FILE_VERSION)
    with path.open("wb") as file:
        file.write(framed(first.SerializeToString()))
        for number, block in enumerate(_log_blocks(seed, rows)):
            steps = np.arange(1, len(block) + 1) + number * _BLOCK_ROWS
            widths = np.searchsorted(_STEP_WIDTHS, steps, side="right")  # records of one size
            for width in np.unique(widths):
                chosen = widths == width
                file.write(_event_records(steps[chosen], block[chosen], began))


_STEP_WIDTHS = np.array([1 << (7 * k) for k in range(1, 9)])


def _event_records(
    steps: npt.NDArray[np.int64], values: npt.NDArray[np.float64], began: float
) -> bytes:
    """Records of steps that are written with equally many bytes."""
    columns = []
    for number, name in enumerate(LOG_COLUMNS):
        singles = values[:, number].astype(np.float32)
        walls = steps.astype(np.float64) + (began + number / 1e4)
        records = b"".join(encoded([name], [len(steps)], steps, singles, walls))
        columns.append(np.frombuffer(records, np.uint8).reshape(len(steps), -1))
    return np.concatenate(columns, axis=1).tobytes()


def runs_of(points: int) -> int:
    """How many logs make so many points."""
    return points // (STEPS * METRICS)


def write_logs(folder: Path, points: int) -> list[Path]:
    """As many logs of STEPS × METRICS points as make ``points``, by model and precision."""
    paths = [log_path(folder, number) for number in range(runs_of(points))]
    for number, path in enumerate(paths):
        write_csv_log(path, number, STEPS)
    return paths


def log_path(folder: Path, number: int) -> Path:
    """Where the nth log lies: ten to each model and precision."""
    group, seed = divmod(number, LOGS_PER_GROUP)
    model, precision = divmod(group, len(PRECISIONS))
    return folder / f"net_{model:03}" / PRECISIONS[precision] / f"seed{seed}.csv"


def write_benchmark_files(folder: Path, count: int) -> list[Path]:
    """Nightly results: a file a night, ten models at two precisions, eleven metrics each."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(7)
    paths = []
    for night in range(count):
        started = _FIRST_NIGHT + dt.timedelta(days=night)
        content: dict[str, Any] = {"timestamp": started.isoformat()}
        content |= {f"model_{number}": _entry(number, rng) for number in range(_MODELS)}
        path = folder / f"nightly_{started:%Y%m%d}.json"
        path.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))
        paths.append(path)
    return paths


def _entry(number: int, rng: np.random.Generator) -> dict[str, Any]:
    low, high = np.array(list(_MEASURED.values())).T
    measured = rng.uniform(low, high, (len(PRECISIONS), len(_MEASURED))).tolist()
    entry: dict[str, Any] = {
        precision: dict(zip(_MEASURED, values, strict=True))
        for precision, values in zip(PRECISIONS, measured, strict=True)
    }
    entry["model_info"] = {
        "library": _LIBRARIES[number % len(_LIBRARIES)],
        "category": _CATEGORIES[number % len(_CATEGORIES)],
        "input_shape": [3, 224, 224],
    }
    return entry
