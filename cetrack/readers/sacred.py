"""Sacred's folders of runs (``FileStorageObserver``): ``run.json`` and the files beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from cetrack.domain import Artifact, Environment, Notice, RunRecord, Series, Status
from cetrack.errors import ReadError
from cetrack.readers.base import Match, Objection, Reader, has_keys, lacking, matched
from cetrack.readers.entries import Entry, read_entry
from cetrack.readers.histories import is_history
from cetrack.readers.numbers import float_of, is_number, whole_number
from cetrack.readers.source import Source
from cetrack.readers.times import parse_time
from cetrack.readers.tracked import base_name, distinct, logged, stated_by, tracked_run

FORMAT = "sacred"
_MAIN = "run.json"
_COMPANIONS = ("config.json", "cout.txt", "info.json", "metrics.json")
_MARKS = ("experiment", "host", "meta", "start_time", "status")
_STATUS: Mapping[str, Status] = {
    "COMPLETED": Status.FINISHED,
    "RUNNING": Status.RUNNING,
    "FAILED": Status.FAILED,
    "INTERRUPTED": Status.KILLED,
    "TIMEOUT": Status.KILLED,
}
_QUEUED = "QUEUED"
_LARGEST_RESULT = 10_000  # characters; a result may be a pickled model


class SacredReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = (".json",)
    companions = _COMPANIONS
    description = "a run's folder of Sacred's file storage"
    recognises = (
        "`run.json` with `experiment`, `host`, `meta`, `start_time` and `status`; `config.json`, "
        "`metrics.json` and `info.json` beside it are read with it"
    )
    maps_to = "one run: its metrics by step, the configuration as parameters, a failure's reason"
    example = """\
{"command": "main", "status": "COMPLETED", "result": 0.913,
 "experiment": {"name": "prune-lenet", "mainfile": "train.py", "repositories": []},
 "host": {"hostname": "node7", "cpu": "AMD EPYC 7763", "os": ["Linux", "Linux-6.1"]},
 "meta": {"command": "main", "options": {}}, "start_time": "2026-06-01T02:00:00.120000",
 "stop_time": "2026-06-01T02:10:00.500000", "heartbeat": "2026-06-01T02:10:00.490000"}
"""

    def sniff(self, source: Source) -> Match:
        """YES for ``run.json``, COMPANION for the files beside one."""
        if source.name in _COMPANIONS and matched(_is_beside_run, source) is Match.YES:
            return Match.COMPANION
        return matched(_is_run, source)

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """The run of a folder."""
        run = source.json.value
        if not isinstance(run, dict):
            raise ReadError(source.uri, "not a run of Sacred")
        yield from source.json.notices
        if run.get("status") == _QUEUED:
            yield Notice("/status", "the run waits for its turn: no run made")
            return
        yield _record(run, source)

    def objection(self, source: Source) -> Objection | None:
        """Marks of a run that are missing."""
        return lacking(_MARKS, source.json_keys, "key")


def _is_run(source: Source) -> bool:
    return has_keys(source, _MARKS) and source.first_object is None


def _is_beside_run(source: Source) -> bool:
    run = source.companion(_MAIN)
    return run is not None and _is_run(run)


def _record(run: Mapping[str, Any], source: Source) -> RunRecord:
    notices: list[Notice] = []
    experiment, host = _mapping(run, "experiment"), _mapping(run, "host")
    measured = _beside(source, "info.json", notices)
    entry = _info(measured)
    result = _result(run.get("result"), notices)
    series = [
        *_metrics(_beside(source, "metrics.json", notices), notices),
        *_listed(measured),
        *entry.series.values(),
        *result.series.values(),
    ]
    config = _beside(source, "config.json", notices)
    name, started = _text(experiment.get("name")), _text(run.get("start_time"))
    # its own number is only one of a folder's
    run_id = f"{name}/{started}@{_text(host.get('hostname'))}"
    stated = stated_by(config)
    return tracked_run(
        FORMAT,
        run_id,
        "",
        stated,
        series=distinct(series, notices),
        status=_status(run, notices),
        status_reason=_reason(run),
        notices=[*notices, *entry.notices, *result.notices],
        samples=(*entry.samples, *result.samples),
        artifacts=(*stated.artifacts, *entry.artifacts, *result.artifacts),
        tags=_tags(run, experiment),
        experiment=name,
        environment=_environment(host, config),
        started_at=parse_time(started),
        finished_at=parse_time(run.get("stop_time")),
        git_commit=_commit(experiment),
    )


def _mapping(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = values.get(key)
    return found if isinstance(found, Mapping) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _beside(source: Source, name: str, notices: list[Notice]) -> Mapping[str, Any]:
    """The object in a file beside the run; none where there is no file or it is broken."""
    found = source.companion(name)
    if found is None or not found.size_bytes:
        return {}
    try:
        value = found.json.value
    except ReadError as error:
        notices.append(Notice(name, f"{error.problem}: left out"))
        return {}
    if isinstance(value, Mapping):
        return value
    notices.append(Notice(name, "no JSON object: left out"))
    return {}


# --- what the run says about itself ----------------------------------------------------------


def _status(run: Mapping[str, Any], notices: list[Notice]) -> Status:
    found = _STATUS.get(str(run.get("status")))
    if found is None:
        text = f"unknown status {str(run.get('status'))!r:.40}: taken as finished"
        notices.append(Notice("/status", text))
    return found or Status.FINISHED


def _reason(run: Mapping[str, Any]) -> str:
    """What was raised: the last part of the trace, of which the first only says that it is one."""
    trace = run.get("fail_trace")
    parts = [part for part in trace if isinstance(part, str)] if isinstance(trace, list) else []
    text = next((part.strip() for part in reversed(parts) if part.strip()), "")
    return text.partition("\n")[0]


def _commit(experiment: Mapping[str, Any]) -> str:
    repositories = experiment.get("repositories")
    found = repositories if isinstance(repositories, list) else []
    commits = (_text(item.get("commit")) for item in found if isinstance(item, Mapping))
    return next(filter(None, commits), "")


def _environment(host: Mapping[str, Any], config: Mapping[str, Any]) -> Environment:
    boards = _mapping(host, "gpus").get("gpus")
    listed = boards if isinstance(boards, list) else []
    models = [_text(item.get("model")) for item in listed if isinstance(item, Mapping)]
    # a machine with a graphics card need not have used it
    on_cpu = _text(config.get("device")).lower() == "cpu" or not any(models)
    system = host.get("os")
    names = system if isinstance(system, list) else [system]
    return Environment(
        host=_text(host.get("hostname")),
        accelerator=_text(host.get("cpu")) if on_cpu else next(filter(None, models), ""),
        os=_text(names[-1]) if names else "",
        details={
            key: host[key] for key in ("cpu", "python_version") if isinstance(host.get(key), str)
        },
    )


def _tags(run: Mapping[str, Any], experiment: Mapping[str, Any]) -> dict[str, str]:
    found = {
        "command": _text(run.get("command")),
        "source": base_name(_text(experiment.get("mainfile"))),
    }
    return {key: value for key, value in found.items() if value}


# --- what was measured -----------------------------------------------------------------------


def _metrics(metrics: Mapping[str, Any], notices: list[Notice]) -> Iterator[Series]:
    """``{name: {steps, values, timestamps}}``."""
    for name, block in metrics.items():
        if not isinstance(block, Mapping) or not isinstance(block.get("values"), list):
            notices.append(Notice(f"metrics.json#{name}", "no list of values: left out"))
            continue
        values = [_plain(value) for value in block["values"]]
        steps = _padded(block.get("steps", list(range(len(values)))), len(values))
        times = _padded(block.get("timestamps"), len(values))
        points = [
            (place, value, moment.timestamp() if (moment := parse_time(time)) else math.nan)
            for step, value, time in zip(steps, values, times, strict=True)
            if is_number(value) and (place := whole_number(step)) is not None
        ]
        if len(points) < len(values):
            bad = len(values) - len(points)
            text = f"{bad} values are no numbers at a step: left out"
            notices.append(Notice(f"metrics.json#{name}", text))
        if points:
            yield _series(name, points, notices)


def _series(name: str, points: list[tuple[int, Any, float]], notices: list[Notice]) -> Series:
    steps, values, seconds = zip(*points, strict=True)
    return logged(
        name,
        np.array(steps, np.int64),
        np.array([float_of(value) for value in values], np.float64),
        np.array(seconds, np.float64),
        notices,
    )


def _plain(value: Any) -> Any:
    """A number; one of numpy is written as an object."""
    return value.get("value") if isinstance(value, Mapping) else value


def _padded(values: Any, length: int) -> list[Any]:
    found = list(values[:length]) if isinstance(values, list) else []
    return found + [None] * (length - len(found))


def _histories(info: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The lists of what older users noted where they are logs of a training."""
    if not is_history(info):
        return {}
    return {name: value for name, value in info.items() if isinstance(value, list)}


def _info(info: Mapping[str, Any]) -> Entry:
    """What older users noted as metrics, without histories."""
    rest = {name: value for name, value in info.items() if name not in _histories(info)}
    return read_entry(rest, "info.json#")


def _listed(info: Mapping[str, Any]) -> Iterator[Series]:
    """Histories in what older users noted: a value per epoch."""
    for name, values in _histories(info).items():
        points = [(step, value) for step, value in enumerate(values, 1) if is_number(value)]
        if points:
            steps, numbers = zip(*points, strict=True)
            yield Series(
                name=name,
                steps=np.array(steps, np.int64),
                values=np.array([float_of(value) for value in numbers], np.float64),
            )


def _result(result: Any, notices: list[Notice]) -> Entry:
    """What the main function returned: a number, numbers by name, or anything else."""
    value = _plain(result) if isinstance(result, Mapping) and "value" in result else result
    if value is None:
        return Entry()
    if len(str(value)) > _LARGEST_RESULT:
        size = f"{len(str(value)):,} characters"
        notices.append(Notice("/result", f"a result of {size}: left out"))
        return Entry()
    if isinstance(value, Mapping) and not any(str(key).startswith("py/") for key in value):
        return read_entry(value, "/result")
    if is_number(value):
        return read_entry({"result": value}, "")
    return Entry(artifacts=[Artifact(name="result", content=value)])
