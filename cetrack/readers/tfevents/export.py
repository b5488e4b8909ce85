"""Event files that cetrack itself has exported: the runs they were made of.

What an event file cannot say, the session and the card in it do: model, precision, kind, the run's
own uid. The names of metrics are in the record of the HPARAMS table. What was computed from runs
(trend, compare, that table, the layout of the COMPRESSION plugin) makes none.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import PurePath
from typing import Any, TypeVar

from cetrack.domain import (
    Environment,
    Identity,
    Kind,
    ModelHint,
    ParamValue,
    RunRecord,
    Series,
    Status,
)
from cetrack.errors import ReadError
from cetrack.identity import own_uid
from cetrack.logdirs import (
    CARD_FACTS,
    CARD_RUN,
    CARD_TAG,
    DERIVED_GROUP,
    EXPERIMENT_RUN,
    FIELDS,
    MARKER,
    PARAM_PREFIX,
    PLOTS_RUN,
    SUFFIX,
)
from cetrack.metrics import PHASES, resolve
from cetrack.readers.numbers import whole_number
from cetrack.readers.source import Source
from cetrack.readers.tfevents.facts import FORMAT, folder_of, moment, status_of, tidy
from cetrack.readers.tfevents.log import Log
from cetrack.readers.times import parse_time

RUNS = "runs"
_LINES = ("trend", "changes", "compare")
_DEPTH = 5  # runs/<experiment>/<model>/<precision>/<date>_<uid>
_Choice = TypeVar("_Choice", bound=StrEnum)
_TEXTS = ("method", "variant", "dataset", "split", "status_reason", "git_commit")
_ENVIRONMENT = ("device", "accelerator", "runtime", "runtime_version", "host")


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a logdir a file lies: ``parts`` of its path below it, ``up`` the way to its top.

    ``table`` is the way to the record that names the columns of the HPARAMS table.
    """

    parts: tuple[str, ...]
    up: str = ""
    table: str = ""

    @property
    def is_run(self) -> bool:
        """False for what was computed from runs."""
        return self.parts[0] == RUNS

    @property
    def view(self) -> str:
        """What the file is part of."""
        known = {
            EXPERIMENT_RUN: "the table of runs",
            PLOTS_RUN: PLOTS_RUN,
            **{line: line for line in _LINES},
        }
        return known.get(self.parts[0], "the layout compression-board")


def place_of(source: Source) -> Place | None:
    """Where a file lies that cetrack has exported; None for any other.

    The marker of the logdir tells; without it, as in a copied folder, the folders' names do.
    """
    if source.path is None or not source.name.endswith(SUFFIX):
        return None
    parts = PurePath(source.key).parts
    for depth in range(1, _DEPTH + 1):
        up = "../" * depth
        marker = source.companion(f"{up}{MARKER}")
        listed = _listed(marker) if marker is not None else ()
        below = parts[-depth - 1 :]
        if "/".join(below) in listed:
            tables = (path for path in listed if path.startswith(f"{EXPERIMENT_RUN}/"))
            return Place(below, up, next(tables, ""))
    reserved = ((1, name) for name in (EXPERIMENT_RUN, PLOTS_RUN))
    for depth, first in (*reserved, *((2, line) for line in _LINES), (_DEPTH, RUNS)):
        if parts[-depth - 1 : -depth] == (first,):
            return Place(parts[-depth - 1 :])
    return None


def alone(log: Log, source: Source) -> Place | None:
    """The place of a run's file that was taken out of its logdir; its session knows it again."""
    known = {"model", "precision", "kind"} <= log.session.settings.keys()
    return Place((RUNS,)) if known and source.name.endswith(SUFFIX) else None


def _listed(marker: Source) -> Iterable[str]:
    try:
        files = marker.json.value["files"]
    except (ReadError, TypeError, KeyError):
        return ()
    return files if isinstance(files, dict) else ()


def record_of_export(log: Log, source: Source, place: Place) -> RunRecord:
    """The run that a file of the view of runs was made of."""
    session, params = _of_session(log)
    facts = {**_of_folders(place), **_of_card(log), **session}
    uid = facts.get("uid") or own_uid(FORMAT, folder_of(source))
    finished = log.session.finished_s
    return RunRecord(
        format=FORMAT,
        place="",
        kind=_one_of(Kind, facts.get("kind"), Kind.TRAINING),
        identity=Identity.UID,
        uid=uid,
        is_rounded=True,
        experiment=facts.get("experiment", ""),
        model=ModelHint(
            name=facts.get("model", ""),
            library=facts.get("library", ""),
            category=facts.get("category", ""),
            input_shape=facts.get("input_shape", ""),
            description=facts.get("model_description", ""),
        ),
        precision=facts.get("precision", ""),
        environment=Environment(**{name: facts.get(name, "") for name in _ENVIRONMENT}),
        batch_size=whole_number(facts.get("batch_size")),
        seed=whole_number(facts.get("seed")),
        status=_one_of(Status, facts.get("status"), status_of(log.session)),
        started_at=moment(log.began_s) or _time(facts.get("started_at")),
        finished_at=moment(finished) or _time(facts.get("finished_at")),
        series=tuple(_series(log, _names(source, place))),
        params=params,
        **{name: facts.get(name, "") for name in _TEXTS},
    )


def _one_of(kind: type[_Choice], text: Any, otherwise: _Choice) -> _Choice:
    """A member of an enumeration by its value."""
    return kind(text) if text in [member.value for member in kind] else otherwise


def _time(text: str | None) -> datetime | None:
    return parse_time(text.removesuffix(" UTC")) if text else None


def _of_folders(place: Place) -> dict[str, Any]:
    """``runs/<experiment>/<model>/<precision>/…``: names as they were before they became safe."""
    names = [part.replace("--", "/") for part in place.parts[1:4]]
    return dict(zip(("experiment", "model", "precision"), names, strict=False))


def _of_card(log: Log) -> dict[str, Any]:
    """What the table of a run's card states, by column of the runs view."""
    columns = dict(CARD_FACTS)
    known = log.texts.get(CARD_TAG)
    text = "\n".join(known.content) if known else ""
    facts: dict[str, Any] = {}
    for line in text.partition(f"{CARD_RUN}\n")[2].partition("\n#### ")[0].splitlines():
        cells = [html.unescape(cell) for cell in line.strip("| ").split(" | ")]
        if len(cells) == 2 and cells[0] in ("uid", *columns):
            facts[columns.get(cells[0], cells[0])] = cells[1]
    return facts


def _of_session(log: Log) -> tuple[dict[str, Any], dict[str, ParamValue]]:
    """(fields of the run, its params)."""
    settings = log.session.settings
    facts = {
        key: str(tidy(value))
        for key, value in settings.items()
        if key in FIELDS and value is not None
    }
    params = {
        key.removeprefix(PARAM_PREFIX): tidy(value)
        for key, value in settings.items()
        if key not in FIELDS
    }
    return facts, params


# --- metrics ---------------------------------------------------------------------------------


def _series(log: Log, names: Mapping[str, str]) -> Iterator[Series]:
    for series in log.series():
        if series.name.startswith(f"{DERIVED_GROUP}/"):
            continue  # follows from the others, and would be taken for stated
        name = names.get(series.name) or _name_of(series.name)
        walls = series.wall_times
        if walls is not None and (walls == log.began_s).all():
            walls = None  # the export writes the start of the run where it knows no better
        yield replace(series, name=name, values=series.values, wall_times=walls)


def _names(source: Source, place: Place) -> Mapping[str, str]:
    """Tag → metric, as the record of the table has them."""
    found = source.companion(f"{place.up}{place.table}") if place.table else None
    table = Log()
    if found is not None:
        try:
            table.read(found)
        except ReadError:
            return {}
    return table.session.metrics


def _name_of(tag: str) -> str:
    """The metric of a tag ``<family>/<metric>``; a training's own ``train/loss`` has no family."""
    family, _, name = tag.partition("/")
    if not name or "/" in name or family in PHASES:
        return tag
    return name if resolve(name).metric.family == family or family == "other" else tag
