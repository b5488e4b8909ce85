"""NNI's ``nni.sqlite``: a run per trial.

What a trial reported is JSON text inside JSON text: a number, or an object with a ``default``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from cetrack.domain import Notice, RunRecord, Series, Status
from cetrack.errors import ReadError
from cetrack.readers.base import Match, Objection, Reader, lacking, matched
from cetrack.readers.numbers import float_of, is_number, whole_number
from cetrack.readers.source import Source
from cetrack.readers.tables import (
    JOURNALS,
    SUFFIXES,
    Grouped,
    Row,
    Tables,
    opened_tables,
    table_names,
)
from cetrack.readers.times import parse_time
from cetrack.readers.tracked import distinct, logged, stated_by, tracked_run

FORMAT = "nni"
_TABLES = ("ExperimentProfile", "MetricData", "TrialJobEvent")
_EVENTS: Mapping[str, tuple[Status, str]] = {
    "RUNNING": (Status.RUNNING, ""),
    "SUCCEEDED": (Status.FINISHED, ""),
    "FAILED": (Status.FAILED, ""),
    "USER_CANCELED": (Status.KILLED, "cancelled"),
    "SYS_CANCELED": (Status.KILLED, "cancelled by NNI"),
    "EARLY_STOPPED": (Status.KILLED, "stopped early"),
}
# how a trial reports, and what that is called here
_NAMES = {"PERIODICAL": "intermediate_result", "FINAL": "final_result"}
_DEFAULT = "default"
_LAYERS = 3  # of text around a value


class NniReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = SUFFIXES
    companions = JOURNALS
    description = "the database of an NNI experiment"
    recognises = "`nni.sqlite`, with the tables `TrialJobEvent`, `MetricData`, `ExperimentProfile`"
    maps_to = "one run per trial that has begun: its intermediate results by step, the final one"
    example = "TrialJobEvent, MetricData, ExperimentProfile\n"
    is_binary = True

    def sniff(self, source: Source) -> Match:
        """YES for a database with the tables of an experiment."""
        return matched(_is_experiment, source)

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run per trial."""
        if not _is_experiment(source):
            raise ReadError(source.uri, "no experiment of NNI: a table is missing")
        with opened_tables(source) as tables:
            yield from _trials(tables)

    def objection(self, source: Source) -> Objection | None:
        """Tables that are missing."""
        try:
            return lacking(_TABLES, table_names(source), "table")
        except ReadError:
            return None


def _is_experiment(source: Source) -> bool:
    return table_names(source).issuperset(_TABLES)


def _trials(tables: Tables) -> Iterator[RunRecord | Notice]:
    experiment_id, name = _experiment(tables)
    columns = ["timestamp", "type", "sequence", "data"]
    order = ["trialJobId", "timestamp"]
    reports = Grouped(tables.rows("MetricData", ["trialJobId", *columns], order), str)
    waiting = count = 0
    for trial, events in _events(tables):
        rows = list(reports.of(trial))
        if all(row[1] not in _EVENTS for row in events):
            waiting += 1
            continue
        count += 1
        yield _record(f"{experiment_id}/{trial}", name, trial, events, rows)
    if waiting:
        yield Notice("", f"{waiting} trials that wait for their turn: no runs made")
    elif not count:
        yield Notice("", "no trials in it")


def _experiment(tables: Tables) -> tuple[str, str]:
    """(id, name) of the experiment in its latest revision."""
    rows = tables.rows("ExperimentProfile", ["id", "params"], ["revision"])
    experiment_id, params = next(iter(list(rows)[-1:]), ("", ""))
    found = _opened(params)
    about = found if isinstance(found, Mapping) else {}
    named = about.get("experimentName") or about.get("name")
    return str(experiment_id or ""), named if isinstance(named, str) else ""


def _events(tables: Tables) -> Iterator[tuple[str, list[Row]]]:
    """(trial, rows of (timestamp, event, data) in their order) of every trial, in order."""
    columns = ["trialJobId", "timestamp", "event", "data"]
    found: dict[str, list[Row]] = {}
    for trial, *row in tables.rows("TrialJobEvent", columns, columns[:2]):
        if isinstance(trial, str):
            found.setdefault(trial, []).append(tuple(row))
    yield from found.items()


def _record(
    run_id: str, experiment: str, trial: str, events: list[Row], reports: list[Row]
) -> RunRecord:
    notices: list[Notice] = []
    settings = (_opened(data) for _, _, data in events)
    stated = next((item for item in settings if isinstance(item, Mapping)), {})
    parameters = stated.get("parameters")
    known = [row for row in events if row[1] in _EVENTS]
    status, reason = _EVENTS[known[-1][1]]
    ended = known[-1][0] if status is not Status.RUNNING else None
    return tracked_run(
        FORMAT,
        run_id,
        f"/trials/{trial}",
        stated_by(parameters if isinstance(parameters, Mapping) else {}),
        series=distinct(_series(reports, notices), notices),
        status=status,
        status_reason=reason,
        notices=notices,
        name=f"trial {trial}",
        experiment=experiment,
        started_at=parse_time(known[0][0]),
        finished_at=parse_time(ended),
    )


def _series(reports: Iterable[Row], notices: list[Notice]) -> Iterator[Series]:
    points: dict[str, list[tuple[int, float, float]]] = {}
    bad = 0
    for _, time, kind, sequence, data in reports:
        if kind not in _NAMES:
            continue
        value, step = _opened(data), whole_number(sequence) or 0
        named = value if isinstance(value, Mapping) else {_DEFAULT: value}
        seconds = float_of(time) / 1000 if is_number(time) else math.nan
        for key, number in named.items():
            name = _NAMES[kind] if key == _DEFAULT else f"{_NAMES[kind]}.{key}"
            if is_number(number):
                points.setdefault(name, []).append((step, float_of(number), seconds))
            else:
                bad += 1
    if bad:
        notices.append(Notice("", f"{bad} reported values are no numbers: left out"))
    for name, found in points.items():
        steps, values, times = zip(*found, strict=True)
        yield logged(
            name,
            np.array(steps, np.int64),
            np.array(values, np.float64),
            np.array(times, np.float64),
            notices,
        )


def _opened(text: Any) -> Any:
    """The value in JSON text, which may be JSON text itself."""
    for _ in range(_LAYERS):
        if not isinstance(text, str):
            break
        try:
            text = json.loads(text)
        except (ValueError, RecursionError):
            return None
    return text
