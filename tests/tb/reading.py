"""Exports read back, with TensorBoard's own loaders."""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

with warnings.catch_warnings():  # what TensorBoard carries with it is older than this Python
    warnings.simplefilter("ignore", DeprecationWarning)
    from tensorboard import plugin_util

__all__ = ["plugin_util", "runs", "scalars", "summary_values", "times", "tree"]

MARKER = ".cetrack-export.json"

Scalars = dict[str, list[tuple[int, float, float]]]

EVERYTHING = {"scalars": 0, "tensors": 0}


def runs(logdir: Path) -> list[str]:
    """The run directories, sorted."""
    return sorted(
        {path.parent.relative_to(logdir).as_posix() for path in logdir.rglob("*tfevents*")}
    )


def scalars(run_directory: Path) -> Scalars:
    """tag → (step, value, wall time) as TensorBoard reads them."""
    loaded = EventAccumulator(str(run_directory), size_guidance=EVERYTHING).Reload()
    return {
        tag: [(point.step, point.value, point.wall_time) for point in loaded.Scalars(tag)]
        for tag in loaded.Tags()["scalars"]
    }


def summary_values(run_directory: Path) -> dict[str, object]:
    """tag → Summary.Value of everything that is no scalar, as TensorBoard reads it."""
    (path,) = run_directory.glob("*tfevents*")
    found: dict[str, object] = {}
    for event in EventFileLoader(str(path)).Load():
        for value in event.summary.value:
            found[value.tag] = value
    return found


def tree(folder: Path) -> dict[str, str]:
    """Every file with the sha256 of its content."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def events(folder: Path) -> dict[str, str]:
    """Every event file with the sha256 of its content: the marker's stamps are a database's own."""
    found = tree(folder)
    del found[MARKER]
    return found


def times(folder: Path) -> dict[str, int]:
    """Every file with the time of its last change."""
    return {
        path.relative_to(folder).as_posix(): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file()
    }
