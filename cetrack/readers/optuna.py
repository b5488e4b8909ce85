"""Optuna's storages: a run per trial. Versions differ in columns, not in meaning.

Before 2.4 ``trial_values`` held the intermediate values, and ``trials`` or ``studies`` what has
tables of its own since.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cetrack.domain import Direction, MetricDef, Notice, ParamValue, RunRecord, Series, Status
from cetrack.errors import ReadError
from cetrack.metrics import is_known
from cetrack.readers.base import Match, Objection, Reader, lacking, matched
from cetrack.readers.fields import FIELD_KEYS, PARAM_KEYS
from cetrack.readers.numbers import float_of, is_number, whole_number
from cetrack.readers.source import Source
from cetrack.readers.tables import (
    JOURNALS,
    SUFFIXES,
    Grouped,
    Row,
    Tables,
    by_key,
    opened_tables,
    table_names,
)
from cetrack.readers.times import parse_time
from cetrack.readers.tracked import distinct, logged, stated_by, tracked_run
from cetrack.units import split_suffix

FORMAT = "optuna"
TABLES = ("studies", "trial_params", "trial_values", "trials")
READ = (
    *TABLES, "study_directions", "study_system_attributes", "study_user_attributes",
    "trial_intermediate_values", "trial_system_attributes", "trial_user_attributes",
)  # fmt: skip
_OBJECTIVE = "objective"
_INTERMEDIATE = "intermediate_value"
_METRIC_NAMES = "study:metric_names"
_WAITING = "WAITING"
_STATES: Mapping[str, Status] = {
    "RUNNING": Status.RUNNING,
    "COMPLETE": Status.FINISHED,
    "PRUNED": Status.KILLED,
    "FAIL": Status.FAILED,
}
_DIRECTIONS = {"MINIMIZE": Direction.LOWER, "MAXIMIZE": Direction.HIGHER}
_SPECIAL = {"INF_POS": math.inf, "INF_NEG": -math.inf, "NAN": math.nan}


class OptunaReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = SUFFIXES
    companions = JOURNALS
    description = "Optuna's storage on SQLite, or on PostgreSQL by its URL"
    recognises = "a database with the tables `studies`, `trials`, `trial_params` and `trial_values`"
    maps_to = (
        "one run per trial that has begun: its objectives, intermediate values by step, parameters "
        "as they were chosen; a pruned trial is a killed run"
    )
    example = "studies, trials, trial_params, trial_values, trial_intermediate_values, …\n"
    is_binary = True

    def sniff(self, source: Source) -> Match:
        """YES for a database with the tables of a storage."""
        return matched(_is_storage, source)

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run per trial."""
        names = table_names(source)
        missing = sorted(set(TABLES) - names)
        if missing:
            problem = f"no storage of Optuna: no table {', '.join(map(repr, missing))}"
            raise ReadError(source.uri, problem)
        with opened_tables(source) as tables:
            yield from _trials(tables)

    def objection(self, source: Source) -> Objection | None:
        """Tables that are missing."""
        try:
            return lacking(TABLES, table_names(source), "table")
        except ReadError:
            return None


def _is_storage(source: Source) -> bool:
    return table_names(source).issuperset(TABLES)


# --- studies ---------------------------------------------------------------------------------


@dataclass(kw_only=True)
class _Study:
    """What holds for all trials of a study; ``directions`` by the number of the objective."""

    name: str = ""
    directions: dict[int, Direction] = field(default_factory=dict)
    names: Sequence[str] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    trials: int = 0

    def objective(self, number: int, of: int) -> str:
        """What an objective is called, of so many."""
        if number < len(self.names):
            return self.names[number]
        return _OBJECTIVE if of == 1 else f"{_OBJECTIVE}_{number}"

    def defined(self, names: Mapping[int, str]) -> dict[str, MetricDef]:
        """The objectives, and the intermediate values of an only one, with their directions."""
        known = {name: self.directions.get(number) for number, name in names.items()}
        known[_INTERMEDIATE] = self.directions.get(0) if len(self.directions) == 1 else None
        return {
            name: MetricDef(name=name, direction=direction, family="quality")
            for name, direction in known.items()
        }


def _studies(tables: Tables) -> dict[Any, _Study]:
    directions = by_key(tables, "study_directions", ["objective", "direction"], key="study_id")
    user = by_key(tables, "study_user_attributes", ["key", "value_json"], key="study_id")
    system = by_key(tables, "study_system_attributes", ["key", "value_json"], key="study_id")
    found = {}
    for study_id, name, only in tables.rows("studies", ["study_id", "study_name", "direction"]):
        stated = [(0, only), *directions(study_id)]
        names = _attributes(system(study_id)).get(_METRIC_NAMES)
        found[study_id] = _Study(
            name=str(name or ""),
            directions={
                int(number or 0): _DIRECTIONS[text]
                for number, text in stated
                if text in _DIRECTIONS and (number is None or isinstance(number, int))
            },
            names=[str(item) for item in names] if isinstance(names, list) else (),
            attributes=_attributes(user(study_id)),
        )
    return found


def _attributes(rows: Iterable[Row]) -> dict[str, Any]:
    """Key → value of attributes, which are JSON."""
    return {str(key): _parsed(text) for key, text in rows}


def _parsed(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return text if isinstance(text, str) else None


# --- trials ----------------------------------------------------------------------------------


@dataclass(kw_only=True)
class _Trial:
    """The rows of a trial in every table."""

    trial_id: int
    study: _Study
    number: int
    state: str
    value: Any
    start: Any
    end: Any
    values: list[Row]
    intermediate: list[Row]
    params: list[Row]
    user: Mapping[str, Any]
    system: Mapping[str, Any]


class _Beside:
    """The tables whose rows belong to trials, each passed through once with the trials."""

    def __init__(self, tables: Tables) -> None:
        def by_trial(table: str, *columns: str) -> Grouped:
            return Grouped(tables.rows(table, ["trial_id", *columns], ["trial_id"]), int)

        kind = "intermediate_value_type"
        self._is_old = "step" in tables.columns("trial_values")
        self._values = by_trial("trial_values", "objective", "value", "value_type", "step")
        self._steps = by_trial("trial_intermediate_values", "step", "intermediate_value", kind)
        self._params = by_trial("trial_params", "param_name", "param_value", "distribution_json")
        self._user = by_trial("trial_user_attributes", "key", "value_json")
        self._system = by_trial("trial_system_attributes", "key", "value_json")

    def trial(self, row: Row, study: _Study) -> _Trial:
        """The trial of a row of (id, number, state, value, start, end)."""
        trial_id, number, state, value, start, end = row
        system = _attributes(item[1:] for item in self._system.of(trial_id))
        known = whole_number(system.get("_number") if number is None else number)
        values = [item[1:] for item in self._values.of(trial_id)]
        steps = [item[1:] for item in self._steps.of(trial_id)]
        if self._is_old:
            steps = [(step, number, None) for _, number, _, step in values]
        return _Trial(
            trial_id=trial_id,
            study=study,
            number=study.trials if known is None else known,
            state=str(state),
            value=value,
            start=start,
            end=end,
            values=[] if self._is_old else [item[:3] for item in values],
            intermediate=steps,
            params=[item[1:] for item in self._params.of(trial_id)],
            user=_attributes(item[1:] for item in self._user.of(trial_id)),
            system=system,
        )


def _trials(tables: Tables) -> Iterator[RunRecord | Notice]:
    studies, beside = _studies(tables), _Beside(tables)
    columns = ["trial_id", "number", "state", "value", "datetime_start", "datetime_complete"]
    waiting = count = 0
    for study_id, *row in tables.rows("trials", ["study_id", *columns], ["trial_id"]):
        if row[2] == _WAITING:
            waiting += 1
        elif isinstance(row[0], int):
            study = studies.setdefault(study_id, _Study())
            trial = beside.trial(tuple(row), study)
            study.trials += 1
            count += 1
            yield _record(trial)
    if waiting:
        yield Notice("", f"{waiting} trials that wait for their turn: no runs made")
    elif not count:
        yield Notice("", "no trials in it")


def _record(trial: _Trial) -> RunRecord:
    notices: list[Notice] = []
    study = trial.study
    status = _STATES.get(trial.state)
    if status is None:
        notices.append(Notice("", f"unknown state {trial.state!r:.40}: taken as finished"))
    measured, settings = _sorted(trial.user)
    objectives = _objectives(trial, notices)
    series = [
        *(Series.scalar(name, value, place=name) for name, value in objectives.items()),
        *_intermediate(trial.intermediate, notices),
        *(Series.scalar(name, value, place=name) for name, value in measured.items()),
    ]
    place = f"/trials/{trial.trial_id}"
    stated = stated_by({**study.attributes, **settings, **_params(trial)}, place)
    names = dict(enumerate(objectives))
    return tracked_run(
        FORMAT,
        f"{study.name}/{trial.number}@{trial.start}",
        place,
        stated,
        series=distinct(series, notices),
        status=status or Status.FINISHED,
        status_reason=_reason(trial),
        notices=notices,
        name=f"trial {trial.number}",
        experiment=study.name,
        started_at=parse_time(str(trial.start)),
        finished_at=parse_time(str(trial.end)),
        metric_defs=study.defined(names),
    )


def _reason(trial: _Trial) -> str:
    if trial.state == "PRUNED":
        return "pruned"
    reason = trial.system.get("fail_reason")
    return str(reason).strip().partition("\n")[0] if trial.state == "FAIL" and reason else ""


def _number(value: Any, kind: Any) -> float | None:
    """A value of the database, which keeps what is not finite as a kind beside it."""
    if kind in _SPECIAL:
        return _SPECIAL[kind]
    return float_of(value) if is_number(value) else None


def _objectives(trial: _Trial, notices: list[Notice]) -> dict[str, float]:
    """Name → what the objective came to."""
    rows = sorted(trial.values, key=lambda row: whole_number(row[0]) or 0)
    if not rows and is_number(trial.value):
        rows = [(0, trial.value, None)]
    found = {}
    for place, value, kind in rows:
        number = _number(value, kind)
        name = trial.study.objective(whole_number(place) or 0, len(rows))
        if number is None:
            notices.append(Notice(name, f"{str(value)!r:.40} is no number: left out"))
        else:
            found[name] = number
    return found


def _intermediate(rows: Iterable[Row], notices: list[Notice]) -> Iterator[Series]:
    steps, values = [], []
    for step, value, kind in rows:
        number, place = _number(value, kind), whole_number(step)
        # NULL is how NaN was kept before it had a kind
        number = math.nan if value is None and number is None else number
        if number is None or place is None:
            notices.append(Notice(_INTERMEDIATE, f"{str(value)!r:.40} is no number: left out"))
            continue
        steps.append(place)
        values.append(number)
    if steps:
        seconds = np.full(len(steps), np.nan)
        points = np.array(steps, np.int64), np.array(values, np.float64)
        yield logged(_INTERMEDIATE, *points, seconds, notices)


def _sorted(attributes: Mapping[str, Any]) -> tuple[dict[str, float], dict[str, Any]]:
    """(measurements, settings): what someone has noted on a trial may be either."""
    measured = {
        key: float_of(value)
        for key, value in attributes.items()
        if is_number(value)
        and key.lower() not in FIELD_KEYS
        and key.lower() not in PARAM_KEYS
        and (is_known(key) or split_suffix(key) is not None)
    }
    return measured, {key: value for key, value in attributes.items() if key not in measured}


def _params(trial: _Trial) -> dict[str, ParamValue]:
    """Name → what was chosen: a category instead of its number, an integer instead of a float."""
    return {str(name): _chosen(value, _parsed(text)) for name, value, text in trial.params}


def _chosen(value: Any, distribution: Any) -> Any:
    about = distribution if isinstance(distribution, Mapping) else {}
    attributes = about.get("attributes")
    attributes = attributes if isinstance(attributes, Mapping) else {}
    kind = str(about.get("name", ""))
    place = whole_number(value)
    if kind == "CategoricalDistribution":
        choices = attributes.get("choices")
        listed = choices if isinstance(choices, list) else []
        return listed[place] if place is not None and 0 <= place < len(listed) else value
    return place if kind.startswith("Int") and place is not None else value
