"""How ``cetrack trend`` says what it found: sections for people, tables and JSON for programs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cetrack.report import Cell, Column, Kind, Section, Table
from cetrack.report.json import dumps, plain
from cetrack.report.measures import metric_column
from cetrack.report.numbers import short_number
from cetrack.report.sparkline import BLOCKS, PLAIN, sparkline
from cetrack.report.table import without_blank_columns

if TYPE_CHECKING:
    from cetrack.trend import Change, Line, Trend

_LINE = Column(name="line", fold_at=40)
_IDENTITY = (Column(name="model"), Column(name="precision"), Column(name="series_key"))
_WHERE = (
    Column(name="n", kind=Kind.NUMBER),
    Column(name="label"),
    Column(name="started_at", kind=Kind.TIME),
    Column(name="git_commit"),
    Column(name="uid", kind=Kind.UID),
)
_CHANGE = (
    Column(name="before", kind=Kind.NUMBER),
    Column(name="after", kind=Kind.NUMBER),
    Column(name="delta", kind=Kind.NUMBER),
    Column(name="ratio", kind=Kind.NUMBER),
    Column(name="improved"),
    Column(name="p_value", kind=Kind.NUMBER),
)
_READABLE = (
    Column(name="n", kind=Kind.NUMBER),
    Column(name="at", rank=1),
    Column(name="date", kind=Kind.TIME),
    Column(name="commit", kind=Kind.UID, rank=2),
    Column(name="uid", kind=Kind.UID, rank=1),
)
_READABLE_CHANGE = (
    Column(name="before", kind=Kind.NUMBER),
    Column(name="after", kind=Kind.NUMBER),
    Column(name="change", kind=Kind.NUMBER, unit="%", alike=False),
    Column(name="verdict"),
    Column(name="p", kind=Kind.NUMBER, alike=False, rank=3),
)
_VERDICTS = {True: "better", False: "worse", None: None}


def first_lines(trend: Trend, most: int | None) -> Trend:
    """The first ``most`` lines: those that became worse, those that changed, the others."""
    ordered = sorted(trend.lines, key=_urgency)
    return replace(trend, lines=tuple(ordered[:most]))


def _urgency(line: Line) -> int:
    verdicts = {change.improved for change in line.changes}
    return 0 if False in verdicts else 1 if verdicts else 2


# --- for programs -------------------------------------------------------------------------------


def change_table(trend: Trend) -> Table:
    """A row per change."""
    rows = [
        (line.name, *_identity(line), *_where(line, change.index), *_step(change))
        for line in trend.lines
        for change in line.changes
    ]
    return Table(columns=(_LINE, *_IDENTITY, *_WHERE, *_CHANGE), rows=tuple(rows))


def point_table(trend: Trend) -> Table:
    """A row per value."""
    rows = [
        (line.name, *_identity(line), *_where(line, index), _value(line, index))
        for line in trend.lines
        for index in range(len(line.n))
    ]
    value = Column(name="value", kind=Kind.NUMBER)
    return Table(columns=(_LINE, *_IDENTITY, *_WHERE, value), rows=tuple(rows))


def _identity(line: Line) -> tuple[Cell, ...]:
    return line.fields["model"], line.fields["precision"], line.series_key


def _where(line: Line, index: int) -> tuple[Cell, ...]:
    moment, commit = line.started_at[index], line.commits[index]
    return int(line.n[index]), line.labels[index], moment, commit, line.uids[index]


def _step(change: Change) -> tuple[Cell, ...]:
    return tuple(getattr(change, column.name) for column in _CHANGE)


def _value(line: Line, index: int) -> float | None:
    value = float(line.values[index])
    return None if math.isnan(value) else value


def json_text(trend: Trend) -> str:
    """Everything: the metric, its lines, their values and changes; a line per line."""
    metric = {name: getattr(trend.metric, name) for name in ("name", "unit", "direction", "family")}
    lines = ",\n ".join(dumps(plain(_line_object(line))) for line in trend.lines)
    notes = dumps(list(trend.notes))
    return f'{{"metric": {dumps(metric)},\n"notes": {notes},\n"lines": [{lines}]}}\n'


def _line_object(line: Line) -> dict[str, Any]:
    names = [column.name for column in _WHERE]
    changes = [column.name for column in _CHANGE]
    return {
        "line": line.name,
        "series_key": line.series_key,
        "fields": line.fields,
        "points": [
            {**_named(names, _where(line, index)), "value": _value(line, index)}
            for index in range(len(line.n))
        ],
        "changes": [
            _named([*names, *changes], (*_where(line, change.index), *_step(change)))
            for change in line.changes
        ],
    }


def _named(names: list[str], cells: tuple[Cell, ...]) -> Mapping[str, Cell]:
    return dict(zip(names, cells, strict=True))


# --- for people ---------------------------------------------------------------------------------


def sections(trend: Trend, *, points: bool, blocks: bool) -> list[Section]:
    """Each line with its course, then its changes or its values."""
    return [section for line in trend.lines for section in _section(trend, line, points, blocks)]


def _section(trend: Trend, line: Line, points: bool, blocks: bool) -> Iterator[Section]:

    measure = metric_column(trend.metric.name, trend.metric.unit)
    ramp = BLOCKS if blocks else PLAIN
    course = sparkline(line.values.tolist(), ramp=ramp)
    facts = [("trend", course), *_landmarks(line, trend.metric.direction)]
    yield Section(
        key=line.name,
        title=f"{line.name}: {measure.header}",
        table=Table(
            columns=(Column(name="fact"), Column(name="value", fold_at=60)), rows=(*facts,)
        ),
        is_mapping=True,
    )
    if points:
        yield _listed(line, f"{line.name}: values", (replace(measure, unit=None),), _values(line))
    elif line.changes:
        count = len(line.changes)
        title = f"{line.name}: {count} change{'s' if count > 1 else ''}"
        yield _listed(line, title, _READABLE_CHANGE, _readable_changes(line))


def _landmarks(line: Line, direction: str | None) -> Iterator[tuple[str, str]]:
    """The first, last and best value, and when they were."""
    known = [index for index in range(len(line.n)) if math.isfinite(line.values[index])]
    if not known:
        return
    places = {"first": known[0], "last": known[-1]}
    if direction is not None:
        best = min if direction == "lower" else max
        places["best"] = best(known, key=lambda index: float(line.values[index]))
    for name, index in places.items():
        moment = f"{line.started_at[index]:%Y-%m-%d}"
        yield name, f"{short_number(float(line.values[index]))}  (n {line.n[index]}, {moment})"


def _listed(
    line: Line, title: str, columns: tuple[Column, ...], rows: list[tuple[int, tuple[Cell, ...]]]
) -> Section:
    """``rows``: index of a point, and the cells of ``columns``."""
    table = Table(
        columns=(*_READABLE, *columns),
        rows=tuple((*_readable(line, index), *cells) for index, cells in rows),
    )
    return Section(key=line.name, title=title, table=without_blank_columns(table))


def _readable(line: Line, index: int) -> tuple[Cell, ...]:
    """The place of a point; its label only where it says something that is not there already."""
    n, label, moment, commit, uid = _where(line, index)
    said = {str(n), commit, f"{moment:%Y-%m-%d}"}
    return n, None if label in said else label, moment, commit, uid


def _values(line: Line) -> list[tuple[int, tuple[Cell, ...]]]:
    return [(index, (_value(line, index),)) for index in range(len(line.n))]


def _readable_changes(line: Line) -> list[tuple[int, tuple[Cell, ...]]]:
    return [
        (
            change.index,
            (
                change.before,
                change.after,
                None if change.ratio is None else _rounded((change.ratio - 1) * 100, 3),
                _VERDICTS[change.improved],
                _rounded(change.p_value, 2),
            ),
        )
        for change in line.changes
    ]


def _rounded(value: float, digits: int) -> float:
    """To so many significant digits: more of a p-value or a per cent would say nothing."""
    return float(f"{value:.{digits}g}")
