"""What MLflow knows about a run, from whichever store, as a record."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from cetrack.domain import FloatArray, Link, Notice, RunRecord, Series, Status
from cetrack.identity import own_uid
from cetrack.readers.times import parse_time
from cetrack.readers.tracked import base_name, stated_by, tracked_run, typed

FORMAT = "mlflow"
DELETED = "deleted"
# mlflow.entities.RunStatus: the file store has the number, a database the name
_STATUS: Mapping[str, Status] = {
    "1": Status.RUNNING,
    "2": Status.RUNNING,
    "3": Status.FINISHED,
    "4": Status.FAILED,
    "5": Status.KILLED,
    "RUNNING": Status.RUNNING,
    "SCHEDULED": Status.RUNNING,
    "FINISHED": Status.FINISHED,
    "FAILED": Status.FAILED,
    "KILLED": Status.KILLED,
}
_GREATEST = np.finfo(np.float64).max  # what stands for infinity: SQL has none
_SYSTEM = "mlflow."
_DEFAULT = ("0", "Default")  # the experiment of runs for which nobody named one
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(kw_only=True)
class Run:
    """A run as a store has it; grows while it is read."""

    run_id: str
    place: str = ""
    name: str = ""
    experiment_id: str = ""
    experiment: str = ""
    status: Any = None
    start_time: Any = None
    end_time: Any = None
    dataset: str = ""
    artifact_uri: str = ""
    source_version: str = ""
    series: list[Series] = field(default_factory=list)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)

    def record(self) -> RunRecord:
        """The run in the words of readers."""
        tags = dict(self.tags)
        parent = tags.get("mlflow.parentRunId")
        commit = tags.get("mlflow.source.git.commit") or self.source_version
        kept = {key: value for key, value in tags.items() if not key.startswith(_SYSTEM)}
        stated = stated_by({**_tag_fields(kept), **_typed(self.params)})
        return tracked_run(
            FORMAT,
            self.run_id,
            self.place,
            stated,
            series=self.series,
            status=self._status(),
            notices=self.notices,
            tags={**_without_addresses(kept), **_source(tags)},
            name=tags.get("mlflow.runName") or self.name,
            experiment=_experiment(self.experiment_id, self.experiment),
            dataset=self.dataset,
            started_at=moment(self.start_time),
            finished_at=moment(self.end_time),
            git_commit=commit,
            parent=Link(uid=own_uid(FORMAT, parent)) if parent else None,
        )

    def _status(self) -> Status:
        found = _STATUS.get(str(self.status))
        if found is None:
            text = f"unknown status {str(self.status)!r:.40}: taken as finished"
            self.notices.append(Notice("", text))
        return found or Status.FINISHED


def moment(value: Any) -> datetime | None:
    """Milliseconds since 1970 as a time; 0 and nothing are none."""
    number = typed(value) if isinstance(value, str) else value
    return parse_time(number) if isinstance(number, (int, float)) and number else None


def infinite(values: FloatArray) -> FloatArray:
    """The values with infinity where the store could not have it."""
    beyond = np.abs(values) >= _GREATEST
    if not beyond.any():
        return values
    return np.where(beyond, np.copysign(np.inf, values), values)


def seconds(milliseconds: FloatArray) -> FloatArray:
    """Times of points as seconds; 0 is none."""
    return np.where(milliseconds > 0, milliseconds / 1000, np.nan)


def _typed(params: Mapping[str, str]) -> dict[str, Any]:
    found = {key: typed(value) for key, value in params.items()}
    return {key: None if value == "None" else value for key, value in found.items()}


_TAG_FIELDS = frozenset(
    {"batch_size", "dataset", "device", "dtype", "method", "model", "model_name", "precision",
     "seed", "split", "task", "variant"}
)  # fmt: skip


def _tag_fields(tags: Mapping[str, str]) -> dict[str, Any]:
    """Tags of the user that state a field of the run."""
    return {key: value for key, value in tags.items() if key.lower() in _TAG_FIELDS}


def _without_addresses(tags: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in tags.items() if not _EMAIL.fullmatch(value.strip())}


def _source(tags: Mapping[str, str]) -> dict[str, str]:
    """What the run was started from, without the folders of a home, and its note."""
    found = {
        "source": base_name(tags.get("mlflow.source.name", "")),
        "note": tags.get("mlflow.note.content", ""),
    }
    return {key: value for key, value in found.items() if value}


def _experiment(experiment_id: str, name: str) -> str:
    return "" if (experiment_id, name) == _DEFAULT else name


def skipped(deleted: Sequence[str]) -> Notice:
    """The notice that runs which were deleted are left out."""
    many = f"{len(deleted)} deleted runs" if len(deleted) > 1 else f"deleted run {deleted[0]}"
    return Notice("", f"{many}: left out")
