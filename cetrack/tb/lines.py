"""The views that follow a series over time: which line a run belongs to, and its points.

Pure; rows are those of the ``runs`` view. One line per precision; where a model has several
series at one precision, the fields that tell them apart follow, written as a filter would be:
``int8,device=gpu,batch_size=8``. A field that is unknown is left out, and so is the usual kind,
``benchmark``: the plain name belongs to the plainest series.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from cetrack.domain import FloatArray, IntArray, Kind
from cetrack.tb.events import file_name
from cetrack.tb.tags import component, distinct, pair_tag
from cetrack.tb.views import TagOrder, View

Row = Mapping[str, Any]
Level = tuple[int, float]  # index of its first value, mean
Points = dict[tuple[str, str], list[tuple[int, float, float]]]  # (folder, tag) → n, value, time

UNLIKE = ",like_for_like=no"

QUALIFIERS = (
    "kind",
    "device",
    "accelerator",
    "runtime",
    "batch_size",
    "dataset",
    "split",
    "method",
    "library",
    "input_shape",
    "variant",
)
_USUAL = {"kind": Kind.BENCHMARK}
_RUNS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Member:
    """A run as one of a series; ``model`` and ``precision`` are names."""

    run_id: int
    uid: str
    started_at: datetime
    series_key: str
    model: str
    precision: str
    revision: int
    baseline_run_id: int | None


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a selection.

    ``names``: series_key → line. ``places``: run directory → (path of its file, first time, line).
    """

    names: Mapping[str, str]
    places: Mapping[str, tuple[str, float, str]]
    order: TagOrder

    def paths(self, name: str) -> list[str]:
        """Every file that a line may have."""
        return [self.places[folder][0] for folder in _folders(name)]

    def unlike_paths(self) -> list[str]:
        """The files of comparisons that are not like for like."""
        names = sorted(set(self.names.values()))
        return [self.places[compare_folder(name, unlike=True)][0] for name in names]


def lines_of(rows: Sequence[Row], order: TagOrder) -> Lines:
    """The lines that ``rows`` fall into.

    A file is named after the newest of its runs: a running TensorBoard, which never looks twice
    at a file that it has read to its end, notices a line that has grown.
    """
    names = line_names(rows)
    times: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        times[names[row["series_key"]]].append(started(row))
    places = {
        folder: (f"{folder}/{file_name(max(found))}", min(found), name)
        for name, found in times.items()
        for folder in _folders(name)
    }
    return Lines(names, places, order)


def _folders(name: str) -> tuple[str, ...]:
    return (
        trend_folder(name),
        trend_folder(name, view=View.CHANGES),
        compare_folder(name),
        compare_folder(name, unlike=True),
    )


def trend_folder(name: str, *, view: View = View.TREND) -> str:
    """The run directory of a line's values, or of its levels."""
    return f"{view}/{name}"


def compare_folder(name: str, *, unlike: bool = False) -> str:
    """The run directory of a line's comparisons; those not like for like have their own."""
    return f"{View.COMPARE}/{component(name + UNLIKE) if unlike else name}"


def series_chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Whole series, in the order of their models; about a thousand runs at once."""
    series: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        series[row["model"], row["series_key"]].append(row)
    chunk: list[Row] = []
    for _, members in sorted(series.items(), key=lambda item: item[0]):
        if chunk and len(chunk) + len(members) > _RUNS_AT_ONCE:
            yield chunk
            chunk = []
        chunk = chunk + members
    if chunk:
        yield chunk


def nth_of(
    members: Iterable[Member], metric_ids: Mapping[int, Iterable[int]], wanted: Container[int]
) -> dict[tuple[int, int], int]:
    """(run id, metric id) → n, of the ``wanted`` runs: its place in the series, from 1.

    As the view ``history`` counts: those runs of the series that have the metric, by start.
    """
    found: dict[tuple[int, int], int] = {}
    counts: Counter[tuple[Any, ...]] = Counter()
    for member in sorted(members, key=lambda member: (member.started_at, member.uid)):
        series = (member.series_key, member.model, member.precision)
        for metric_id in metric_ids[member.run_id]:
            counts[series, metric_id] += 1
            if member.run_id in wanted:
                found[member.run_id, metric_id] = counts[series, metric_id]
    return found


def is_result(row: Row, direction: str | None) -> bool:
    """False for what a training run merely was set to when it ended, like learning_rate.

    A metric of which one way is better says something about the model.
    """
    return direction is not None or row["kind"] != Kind.TRAINING


def trend_points(
    lines: Lines,
    rows: Mapping[int, Row],
    nth: Mapping[tuple[int, str], tuple[int, float]],
    *,
    view: View = View.TREND,
) -> Points:
    """Every value of ``rows`` at its place along its series, below the folder of ``view``."""
    points: Points = defaultdict(list)
    for (run_id, metric), (n, value) in nth.items():
        if run_id not in rows:
            continue
        row = rows[run_id]
        place = trend_folder(lines.names[row["series_key"]], view=view)
        tag = pair_tag(row["model"], metric, order=lines.order)
        points[place, tag].append((n, value, started(row)))
    return points


def level_points(
    lines: Lines,
    rows: Mapping[int, Row],
    nth: Mapping[tuple[int, str], tuple[int, float]],
    levels_of: Callable[[FloatArray], list[Level]],
) -> Points:
    """The level around every value of the lines that have moved, under the tags of their values.

    ``levels_of`` finds the levels of values float64[n] in their order, the first at index 0.
    """
    found: Points = {}
    for place, several in trend_points(lines, rows, nth, view=View.CHANGES).items():
        ordered = sorted(several)
        levels = levels_of(np.array([value for _, value, _ in ordered], np.float64))
        if len(levels) > 1:
            ends = [*(start for start, _ in levels[1:]), len(ordered)]
            found[place] = [
                (n, level, time)
                for (start, level), end in zip(levels, ends, strict=True)
                for n, _, time in ordered[start:end]
            ]
    return found


def compare_points(
    lines: Lines,
    rows: Mapping[int, Row],
    nth: Mapping[tuple[int, str], tuple[int, float]],
    compared: Mapping[int, Iterable[Row]],
    relative: frozenset[str],
) -> Points:
    """Every ratio and difference, where there is one, at its run's place along its series.

    Their tags are told apart from those of the metrics ``relative``.
    """
    points: Points = defaultdict(list)
    pairs = ((rows[run_id], found) for run_id, several in compared.items() for found in several)
    for row, found in pairs:
        key = (row["run_id"], found["metric"])
        if key not in nth:
            continue
        unlike = not found["like_for_like"]
        place = compare_folder(lines.names[row["series_key"]], unlike=unlike)
        for what in ("delta", "ratio"):
            if found[what] is not None:
                tag = pair_tag(
                    row["model"],
                    found["metric"],
                    order=lines.order,
                    suffix=f"_{what}",
                    taken=relative,
                )
                points[place, tag].append((nth[key][0], found[what], started(row)))
    return points


def relative_points(
    lines: Lines,
    rows: Mapping[int, Row],
    nth: Mapping[tuple[int, str], tuple[int, float]],
    relative: Container[str],
    like_for_like: Mapping[int, bool],
) -> Points:
    """The values of the metrics ``relative``, each a comparison itself, of the runs that
    ``like_for_like`` knows: those with a baseline."""
    points: Points = defaultdict(list)
    for (run_id, metric), (n, value) in nth.items():
        if metric in relative and run_id in like_for_like and not math.isnan(value):
            row = rows[run_id]
            unlike = not like_for_like[run_id]
            place = compare_folder(lines.names[row["series_key"]], unlike=unlike)
            tag = pair_tag(row["model"], metric, order=lines.order)
            points[place, tag].append((n, value, started(row)))
    return points


def columns(points: list[tuple[int, float, float]]) -> tuple[IntArray, FloatArray, FloatArray]:
    """Steps, values and wall times in the order of the steps."""
    steps, values, walls = zip(*sorted(points), strict=True)
    return np.array(steps, np.int64), np.array(values, np.float64), np.array(walls, np.float64)


def started(row: Row) -> float:
    """When a run started, in seconds since the epoch."""
    return float(row["started_at"].timestamp())


def line_names(rows: Iterable[Row]) -> dict[str, str]:
    """series_key → name of its line; series of one model never share a line."""
    groups: dict[tuple[str, str], dict[str, Row]] = defaultdict(dict)
    for row in rows:
        groups[row["precision"], row["model"]].setdefault(row["series_key"], row)
    plain = {
        key: name
        for (precision, _), series in groups.items()
        for key, name in qualified(precision, series).items()
    }
    components = distinct(sorted(set(plain.values())))
    return {key: components[name] for key, name in plain.items()}


def qualified(
    name: str, things: Mapping[str, Row], *, fields: Sequence[str] = QUALIFIERS
) -> dict[str, str]:
    """Key → ``name`` with just the fields that tell ``things`` (key → row) apart."""
    telling = _telling_apart(list(things.values()), fields)
    names = {
        key: ",".join(
            (name, *(f"{field}={row[field]}" for field in telling if _is_said(row, field)))
        )
        for key, row in things.items()
    }
    shared = Counter(names.values())
    return {
        key: text if shared[text] == 1 else f"{text},series={key[:8]}"
        for key, text in names.items()
    }


def _telling_apart(rows: Sequence[Row], fields: Sequence[str]) -> list[str]:
    """The first qualifiers after which no two rows are alike, or all that make a difference."""
    chosen: list[str] = []
    kinds = 1
    for field in fields:
        more = len({tuple(row[name] for name in (*chosen, field)) for row in rows})
        if more > kinds:
            chosen.append(field)
            kinds = more
        if kinds == len(rows):
            break
    return chosen


def _is_said(row: Row, field: str) -> bool:
    return row[field] is not None and row[field] != _USUAL.get(field)
