"""What the peers do, each in its own fastest documented way: ``python -m benchmarks.peer_work``.

Prints rates per second and the peer's version as one line of JSON. Imports, the creation of the
peer's database and the making of the values are not counted; closing is. Runs under a peer's own
interpreter, so it needs nothing but the peer.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

NOT_INSTALLED = 77
METRICS = [f"metric_{number:02}" for number in range(20)]
BENCHMARK_METRICS = METRICS[:11]
EVENTS = "BENCH_EVENTS"  # the variable that names the event file to read
_MLFLOW_BATCH = 1_000  # the most that its store takes at once
_MLFLOW_PARAMS = {"model": "resnet50", "precision": "int8", "library": "timm", "device": "cpu"}

Work = Callable[[int], float]


def _value(step: int, metric: int) -> float:
    return math.exp(-step / 5000) + metric / 100


class Timed:
    """How long a block has taken."""

    seconds = 0.0


@contextlib.contextmanager
def _timed() -> Iterator[Timed]:
    timed, started = Timed(), time.perf_counter()
    yield timed
    timed.seconds = time.perf_counter() - started


def tensorboardx() -> dict[str, Work]:
    """``add_scalar`` in a loop."""
    from tensorboardX import SummaryWriter

    def points(count: int) -> float:
        with _timed() as timed, SummaryWriter("tb") as writer:
            for step in range(count // len(METRICS)):
                for number, name in enumerate(METRICS):
                    writer.add_scalar(name, _value(step, number), step)
        return timed.seconds

    return {"points": points}


def mlflow() -> dict[str, Work]:
    """``log_batch`` with full batches to a SQLite store."""
    from mlflow.entities import Metric, Param
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri="sqlite:///mlflow.db")
    experiment = client.create_experiment("bench")

    def points(count: int) -> float:
        metrics = [
            Metric(name, _value(step, number), 1_700_000_000_000 + step, step)
            for step in range(count // len(METRICS))
            for number, name in enumerate(METRICS)
        ]
        with _timed() as timed:
            run_id = client.create_run(experiment).info.run_id
            for start in range(0, len(metrics), _MLFLOW_BATCH):
                client.log_batch(run_id, metrics=metrics[start : start + _MLFLOW_BATCH])
            client.set_terminated(run_id)
        return timed.seconds

    def runs(count: int) -> float:
        params = [Param(key, value) for key, value in _MLFLOW_PARAMS.items()]
        with _timed() as timed:
            for run in range(count):
                run_id = client.create_run(experiment).info.run_id
                metrics = [
                    Metric(name, _value(run, number), 1_700_000_000_000, 0)
                    for number, name in enumerate(BENCHMARK_METRICS)
                ]
                client.log_batch(run_id, metrics=metrics, params=params)
                client.set_terminated(run_id)
        return timed.seconds

    return {"points": points, "runs": runs}


def trackio() -> dict[str, Work]:
    """A CSV log with its importer, and ready values in one ``bulk_log``."""
    from trackio import import_csv
    from trackio.sqlite_storage import SQLiteStorage

    for project in ("bench", "imported"):
        SQLiteStorage.init_db(project)

    def csv(count: int) -> float:
        with Path("log.csv").open("w", encoding="ascii") as file:
            file.write(",".join(("step", *METRICS)) + "\n")
            for step in range(count // len(METRICS)):
                values = (repr(_value(step, number)) for number in range(len(METRICS)))
                file.write(f"{step},{','.join(values)}\n")
        with _timed() as timed, contextlib.redirect_stdout(sys.stderr):
            import_csv("log.csv", "imported")
        return timed.seconds

    def points(count: int) -> float:
        rows: list[dict[str, Any]] = [
            {name: _value(step, number) for number, name in enumerate(METRICS)}
            for step in range(count // len(METRICS))
        ]
        with _timed() as timed:
            SQLiteStorage.bulk_log("bench", "run", rows, list(range(len(rows))))
        return timed.seconds

    return {"csv": csv, "points": points}


def aim() -> dict[str, Work]:
    """``track`` with all metrics of a step at once."""
    from aim import Repo, Run

    Repo.from_path(".", init=True)

    def points(count: int) -> float:
        with _timed() as timed:
            run = Run(repo=".", system_tracking_interval=None, log_system_params=False)
            for step in range(count // len(METRICS)):
                values = {name: _value(step, number) for number, name in enumerate(METRICS)}
                run.track(values, step=step)
            run.close()
        return timed.seconds

    return {"points": points}


def tensorboard() -> dict[str, Work]:
    """``EventAccumulator`` without its limits, every tag asked for."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def events(count: int) -> float:
        started = time.process_time()
        loaded = EventAccumulator(os.environ[EVENTS], size_guidance={"scalars": 0}).Reload()
        points = sum(len(loaded.Scalars(tag)) for tag in loaded.Tags()["scalars"])
        return _read(count, points, time.process_time() - started)

    return {"events": events}


def tbparse() -> dict[str, Work]:
    """``SummaryReader`` with wall times, as a frame."""
    from tbparse import SummaryReader

    def events(count: int) -> float:
        started = time.process_time()
        frame = SummaryReader(os.environ[EVENTS], extra_columns={"wall_time"}).scalars
        return _read(count, len(frame), time.process_time() - started)

    return {"events": events}


def _read(wanted: int, points: int, seconds: float) -> float:
    if points != wanted:
        sys.exit(f"{points} points were read, not {wanted}")
    return seconds


PEERS = {
    "tensorboardX": tensorboardx,
    "mlflow": mlflow,
    "trackio": trackio,
    "aim": aim,
    "tensorboard": tensorboard,
    "tbparse": tbparse,
}


def main() -> None:
    """``NAME WORK=COUNT …``; the exit code tells when the peer is not installed."""
    name, *amounts = sys.argv[1:]
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name == name:
            sys.exit(NOT_INSTALLED)
        raise
    works = PEERS[name]()
    rates: dict[str, Any] = {"version": importlib.metadata.version(name)}
    for amount in amounts:
        what, _, count = amount.partition("=")
        rates[what] = int(count) / works[what](int(count))
    sys.stdout.write(json.dumps(rates) + "\n")


if __name__ == "__main__":
    main()
