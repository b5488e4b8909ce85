"""A table of logged rows, whatever text it came from, and the runs that it holds.

Columns are arrays. A number that was logged has a row; an empty cell has none; ``nan`` is a logged
NaN. Knows no file format and no database.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from cetrack.domain import FloatArray, IntArray, Notice, Series
from cetrack.metrics import PHASES
from cetrack.readers.entries import is_missing, number_in_text
from cetrack.readers.times import parse_time

STEP_NAMES = ("epoch", "epochs", "global_step", "step", "iteration", "iter")
_TIME_NAMES = ("wall_time", "timestamp", "datetime", "date", "time")
_GROUP_NAMES = ("fold", "cv_fold", "model", "model_name", "precision", "dtype", "seed")
_PHASE_NAMES = ("phase", "split", "stage", "mode")
_REPEATED_SHARE = 0.01


@dataclass(eq=False)
class Rows:
    """``numbers``: name → (row index int64[k], value float64[k]); ``texts``: name → cell by row.

    ``first`` is the number of the first row in the file, for notices.
    """

    count: int
    numbers: dict[str, tuple[IntArray, FloatArray]] = field(default_factory=dict)
    texts: dict[str, dict[int, str]] = field(default_factory=dict)
    first: int = 1

    def only(self, rows: IntArray) -> Rows:
        """The same columns restricted to some rows, numbered as before."""
        kept = set(rows.tolist())
        numbers = {}
        for name, (index, values) in self.numbers.items():
            mask = np.isin(index, rows)
            if mask.any():
                numbers[name] = (index[mask], values[mask])
        texts = {
            name: {row: cell for row, cell in cells.items() if row in kept}
            for name, cells in self.texts.items()
        }
        return Rows(self.count, numbers, {k: v for k, v in texts.items() if v}, self.first)


@dataclass(frozen=True, eq=False)
class Group:
    """The rows of one run: its series and what constant text columns said about it."""

    key: Mapping[str, str]
    series: tuple[Series, ...]
    facts: Mapping[str, str]
    notices: tuple[Notice, ...]


def settle_texts(rows: Rows) -> list[Notice]:
    """Turn columns of numbers written as text into numbers; say which cells were none."""
    notices: list[Notice] = []
    for name, cells in list(rows.texts.items()):
        parsed = {row: number_in_text(cell) for row, cell in cells.items() if not is_missing(cell)}
        found = {row: value for row, value in parsed.items() if value is not None}
        if not found or len(found) * 2 < len(parsed):
            continue
        index, values = rows.numbers.get(name, (np.empty(0, np.int64), np.empty(0)))
        extra = np.array([number for number, _ in found.values()], np.float64)
        where = np.concatenate([index, np.array(list(found), np.int64)])
        order = np.argsort(where, kind="stable")
        rows.numbers[name] = (where[order], np.concatenate([values, extra])[order])
        del rows.texts[name]
        bad = len(cells) - len(found)
        if bad:
            row = rows.first + min(set(cells) - set(found))
            notices.append(Notice(f"row {row}", f"'{name}': {bad} cells are no numbers: left out"))
    return notices


def groups(rows: Rows) -> Iterator[Group]:
    """The runs of a table: one, or one per fold, model, precision or seed column's value."""
    split = [name for name in _columns(rows, _GROUP_NAMES) if _varies(rows, name)]
    labels = _labels(rows, split)
    for key, members in labels.items():
        part = rows.only(np.array(members, np.int64)) if split else rows
        named = dict(zip(split, key, strict=True))
        for name in split:
            part.numbers.pop(name, None)
            part.texts.pop(name, None)
        yield _group(part, {name.lower(): value for name, value in named.items()})


def _group(rows: Rows, key: Mapping[str, str]) -> Group:
    notices: list[Notice] = []
    phases = next((name for name in _columns(rows, _PHASE_NAMES) if _is_phase(rows, name)), None)
    facts: dict[str, str] = {}
    for name, cells in rows.texts.items():
        distinct = set(cells.values())
        if name != phases and len(distinct) == 1:
            facts[name] = distinct.pop()
        elif name != phases and name.lower() not in _TIME_NAMES:
            notices.append(Notice("", f"column '{name}' holds text that changes: left out"))
    walls = _wall_times(rows)
    series: list[Series] = []
    for prefix, part in _by_phase(rows, phases):
        series.extend(_series(part, walls, prefix, notices))
    return Group(key, tuple(series), facts, tuple(notices))


def _by_phase(rows: Rows, name: str | None) -> Iterator[tuple[str, Rows]]:
    """Rows per training phase: with one row for train and one for val, an epoch has two."""
    if name is None:
        yield "", rows
        return
    cells = rows.texts[name]
    for phase in sorted(set(cells.values())):
        index = np.array([row for row, cell in cells.items() if cell == phase], np.int64)
        yield f"{PHASES[phase.lower()]}/", rows.only(index)


def _series(
    rows: Rows, walls: FloatArray | None, prefix: str, notices: list[Notice]
) -> Iterator[Series]:
    step_name, steps = _steps(rows, notices)
    overwritten = 0
    for name, (index, values) in rows.numbers.items():
        if name == step_name or (name.lower() in _TIME_NAMES and walls is not None):
            continue
        known = steps[index] >= 0
        kept, order = np.unique(steps[index][known][::-1], return_index=True)
        last = len(values[known]) - 1 - order  # the last of equal steps wins
        overwritten += int(known.sum()) - len(kept)
        if len(kept):
            yield Series(
                name=f"{prefix}{name}",
                steps=kept,
                values=values[known][last],
                wall_times=None if walls is None else walls[index][known][last],
                place=name,
            )
    if overwritten:
        notices.append(Notice("", f"{overwritten} values of repeated steps: the last one counts"))


def _steps(rows: Rows, notices: list[Notice]) -> tuple[str | None, IntArray]:
    """(the column that is the step, step of every row int64[count]; -1: the row has none).

    Without a whole-numbered step column, or where repetition is the rule, it is the row's number
    from 1 and the column stays a metric.
    """
    ordinal = np.arange(1, rows.count + 1, dtype=np.int64)
    present = sorted({int(row) for index, _ in rows.numbers.values() for row in index.tolist()})
    for name in _columns(rows, STEP_NAMES):
        index, values = rows.numbers.get(name, (np.empty(0, np.int64), np.empty(0)))
        whole = np.isfinite(values) & (values == np.floor(values)) & (np.abs(values) < 2**62)
        if not len(values) or not whole.any() or (values[whole] < 0).any():
            continue
        repeats = whole.sum() - len(np.unique(values[whole]))
        if repeats > _REPEATED_SHARE * whole.sum() and not _restarts(values[whole]):
            notices.append(Notice("", f"'{name}' repeats: the row's number is the step"))
            continue
        steps = np.full(rows.count, -1, np.int64)
        steps[index[whole]] = values[whole].astype(np.int64)
        missing = [row for row in present if steps[row] < 0]
        if missing:
            text = f"{len(missing)} rows without a whole '{name}': left out"
            notices.append(Notice(f"row {rows.first + missing[0]}", text))
        return name, steps
    return None, ordinal


def _restarts(values: FloatArray) -> bool:
    """True for a log that jumps back a few times, as a resumed training does."""
    return len(values) > 1 and (np.diff(values) != 0).all() and int((np.diff(values) < 0).sum()) < 4


def _wall_times(rows: Rows) -> FloatArray | None:
    """Seconds since the epoch by row, from a column that states moments; None without one."""
    for name in _columns(rows, _TIME_NAMES):
        cells: dict[int, float | str] = dict(rows.texts.get(name, {}))
        index, values = rows.numbers.get(name, (np.empty(0, np.int64), np.empty(0)))
        cells.update(zip(index.tolist(), values.tolist(), strict=True))
        moments = {row: parse_time(cell) for row, cell in cells.items()}
        if moments and all(moment is not None for moment in moments.values()):
            walls = np.full(rows.count, math.nan)
            for row, moment in moments.items():
                walls[row] = moment.timestamp() if moment else math.nan
            return walls
    return None


def _columns(rows: Rows, names: tuple[str, ...]) -> list[str]:
    """The columns with one of these names, in the order of ``names``."""
    have = [*rows.numbers, *rows.texts]
    return [column for name in names for column in have if column.lower() == name]


def _varies(rows: Rows, name: str) -> bool:
    if name in rows.texts:
        return len(set(rows.texts[name].values())) > 1
    return len(np.unique(rows.numbers[name][1])) > 1


def _labels(rows: Rows, names: list[str]) -> dict[tuple[str, ...], list[int]]:
    columns = [_cells(rows, name) for name in names]
    found: dict[tuple[str, ...], list[int]] = {}
    for row in range(rows.count) if names else ():
        found.setdefault(tuple(cells.get(row, "") for cells in columns), []).append(row)
    return found or {(): []}


def _cells(rows: Rows, name: str) -> dict[int, str]:
    if name in rows.texts:
        return rows.texts[name]
    index, values = rows.numbers[name]
    return {row: f"{value:g}" for row, value in zip(index.tolist(), values.tolist(), strict=True)}


def _is_phase(rows: Rows, name: str) -> bool:
    cells = rows.texts.get(name, {})
    return bool(cells) and all(cell.lower() in PHASES for cell in cells.values())
