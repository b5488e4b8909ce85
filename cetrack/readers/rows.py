"""A table of logged rows, whatever text it came from, and the runs that it holds.

Columns are arrays. A number that was logged has a cell; an empty cell has none; ``nan`` is a logged
NaN. Knows no file format and no database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from cetrack.domain import FloatArray, IntArray, Notice, Series
from cetrack.metrics import PHASES
from cetrack.readers.columns import Column, Parts, parts_of
from cetrack.readers.spool import picked

STEP_NAMES = ("epoch", "epochs", "global_step", "step", "iteration", "iter")
TIME_NAMES = ("wall_time", "timestamp", "datetime", "date", "time")
_NUMBERED = ("fold", "cv_fold", "seed")
_NAMED = ("model", "model_name", "precision", "dtype")
GROUP_NAMES = (*_NUMBERED, *_NAMED)
_PHASE_NAMES = ("phase", "split", "stage", "mode")
NO_METRICS = frozenset({*STEP_NAMES, *TIME_NAMES, *GROUP_NAMES, *_PHASE_NAMES})
_REPEATED_SHARE = 0.01
_RESUMED = 4  # a log that jumps back more often than it can have been resumed
_LARGEST_STEP = 2**53  # beyond, a float64 cannot tell two steps apart
_Phases = npt.NDArray[np.int8]
_PHASES = ("", *sorted(set(PHASES.values())))


@dataclass(eq=False)
class Rows:
    """``lines`` int64[n] is the number of every row in its file, for notices.

    ``columns`` are numbers or texts by name, ``walls`` the columns that state moments, in seconds
    since the epoch. ``step_names`` are the columns that may be the step, the best first. With
    ``unique_steps`` one that stands twice was logged anew, however often that is.
    """

    lines: IntArray
    columns: dict[str, Column] = field(default_factory=dict)
    walls: dict[str, Column] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    step_names: tuple[str, ...] = STEP_NAMES
    unique_steps: bool = False

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.lines)

    def numbers(self) -> dict[str, Column]:
        """The columns of numbers."""
        return {name: column for name, column in self.columns.items() if column.is_number}

    def named(self, names: tuple[str, ...], *, numbers: bool) -> list[str]:
        """The columns with one of these names, in the order of ``names``."""
        have = [name for name, column in self.columns.items() if column.is_number is numbers]
        return [column for name in names for column in have if column.lower() == name]


@dataclass(frozen=True, eq=False)
class Group:
    """The rows of one run: its series and what constant text columns said about it."""

    key: Mapping[str, str]
    series: tuple[Series, ...]
    facts: Mapping[str, str]
    notices: tuple[Notice, ...]


def groups(rows: Rows) -> Iterator[Group]:
    """The runs of a table: one, or one per fold, model, precision or seed column's value."""
    split = [
        name
        for name in rows.named(GROUP_NAMES, numbers=False)
        if len(set(rows.columns[name].cells)) > 1
    ]
    for key, part in _split(rows, split) if split else [({}, rows)]:
        yield _group(part, key)


def one_group(rows: Rows) -> Group:
    """All rows as one run, whatever its columns are called."""
    return _group(rows, {})


def epoch_log(rows: Rows) -> tuple[Group | None, list[Notice]]:
    """(all rows as one run that is counted by epochs, what is to be said); None where nothing was
    logged."""
    rows.step_names, rows.unique_steps = ("epoch",), True
    group = one_group(rows)
    if group.series:
        return group, rows.notices
    return None, [*rows.notices, *group.notices, Notice("", "no epochs: no run made")]


def _split(rows: Rows, names: Sequence[str]) -> Iterator[tuple[dict[str, str], Rows]]:
    """(label by name, rows) of every combination of labels, in the order of the file."""
    keys, codes = _codes(rows, names)
    rest = {name: column for name, column in rows.columns.items() if name not in names}
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(keys) + 1))
    place = np.empty(rows.count, np.int64)  # of a row among those of its group
    place[order] = np.arange(rows.count) - starts[codes[order]]
    alike: dict[int, Parts] = {}  # by the rows that columns share

    def parts(column: Column) -> list[Column]:
        shared = id(column.rows)
        if shared not in alike:
            alike[shared] = parts_of(column.rows, codes, place, len(keys))
        return column.split(alike[shared])

    columns = {name: parts(column) for name, column in rest.items()}
    walls = {name: parts(column) for name, column in rows.walls.items()}
    for code, key in enumerate(keys):
        yield (
            {name.lower(): label for name, label in zip(names, key, strict=True)},
            Rows(
                rows.lines[order[starts[code] : starts[code + 1]]],
                {name: split[code] for name, split in columns.items() if len(split[code].rows)},
                {name: split[code] for name, split in walls.items() if len(split[code].rows)},
                step_names=rows.step_names,
                unique_steps=rows.unique_steps,
            ),
        )


def _codes(rows: Rows, names: Sequence[str]) -> tuple[list[tuple[str, ...]], IntArray]:
    """(labels of every combination in the order of the file, number of every row's int64[n])."""
    codes = np.zeros(rows.count, np.int64)
    keys: list[tuple[str, ...]] = [()]
    for name in names:
        column = rows.columns[name]
        known: dict[str, int] = {"": 0}
        mine = np.zeros(rows.count, np.int64)
        mine[column.rows] = [known.setdefault(cell, len(known)) for cell in column.cells]
        both = codes * len(known) + mine
        found, first, inverse = np.unique(both, return_index=True, return_inverse=True)
        order = np.argsort(first)
        labels = list(known)
        keys = [(*keys[code // len(labels)], labels[code % len(labels)]) for code in found[order]]
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        codes = place[inverse]
    return keys, codes


def _group(rows: Rows, key: Mapping[str, str]) -> Group:
    notices: list[Notice] = []
    phase_name = next(
        (name for name in rows.named(_PHASE_NAMES, numbers=False) if _is_phase(rows.columns[name])),
        None,
    )
    facts: dict[str, str] = {}
    for name, column in rows.columns.items():
        if column.is_number or name == phase_name:
            continue
        distinct = set(column.cells)
        if len(distinct) == 1:
            facts[name] = distinct.pop()
        else:
            notices.append(Notice("", f"column '{name}' holds text that changes: left out"))
    phases = np.zeros(rows.count, np.int8)
    if phase_name is not None:
        column = rows.columns[phase_name]
        known = {cell: _PHASES.index(PHASES[cell.lower()]) for cell in set(column.cells)}
        phases[column.rows] = np.fromiter(
            map(known.__getitem__, column.cells), np.int8, len(column.rows)
        )
    return Group(key, tuple(_series(rows, phases, notices)), facts, tuple(notices))


def _is_phase(column: Column) -> bool:
    return all(cell.lower() in PHASES for cell in set(column.cells))


@dataclass(frozen=True, eq=False)
class _Points:
    """What the columns with the same rows have in common: the points of one phase.

    ``index`` int64[k] says where in such a column they stand, None that all do, in order.
    """

    phase: int
    steps: IntArray
    index: IntArray | None
    walls: FloatArray | None
    overwritten: int


def _series(rows: Rows, phases: _Phases, notices: list[Notice]) -> Iterator[Series]:
    step_name, steps = _steps(rows, phases, notices)
    walls = _wall_times(rows)
    known: dict[int, list[_Points]] = {}
    overwritten = 0
    for name, column in rows.numbers().items():
        if name == step_name:
            continue
        shared = id(column.rows)
        if shared not in known:
            known[shared] = list(_points(column.rows, steps, phases, walls))
        for points in known[shared]:
            overwritten += 0 if name.lower() in STEP_NAMES else points.overwritten
            if len(points.steps):
                yield Series(
                    name=f"{_PHASES[points.phase]}/{name}" if points.phase else name,
                    steps=points.steps,
                    values=picked(column.kept, points.index),
                    wall_times=points.walls,
                    unit=column.unit,
                    place=name,
                )
    if overwritten:
        notices.append(Notice("", f"{overwritten} values of repeated steps: the last one counts"))


def _points(
    rows: IntArray, steps: IntArray, phases: _Phases, walls: FloatArray | None
) -> Iterator[_Points]:
    mine, phase_of = steps[rows], phases[rows]
    if _rises(mine) and mine[0] >= 0 and not phase_of.any():  # as in nearly every log
        yield _Points(0, mine, None, None if walls is None else walls[rows], 0)
        return
    for phase in np.unique(phase_of).tolist():
        index = np.flatnonzero((mine >= 0) & (phase_of == phase))
        found = mine[index]
        overwritten = 0
        if not _rises(found):
            kept, order = np.unique(found[::-1], return_index=True)
            index = index[len(found) - 1 - order]  # the last of equal steps wins
            overwritten = len(found) - len(kept)
            found = kept
        whole = len(index) == len(rows) and _rises(index)
        yield _Points(
            phase,
            found,
            None if whole else index,
            None if walls is None else walls[rows[index]],
            overwritten,
        )


def _wall_times(rows: Rows) -> FloatArray | None:
    """Seconds since the epoch by row, NaN where unknown; None without a column of moments."""
    for wanted in TIME_NAMES:
        for name, column in rows.walls.items():
            if name.lower() == wanted:
                walls = np.full(rows.count, np.nan)
                walls[column.rows] = column.cells
                return walls
    return None


# --- steps -----------------------------------------------------------------------------------


def _steps(rows: Rows, phases: _Phases, notices: list[Notice]) -> tuple[str | None, IntArray]:
    """(the column that is the step, step of every row int64[n]; -1: the row has none).

    Without a column of whole numbers, or where repetition is the rule, it is the row's number
    from 1, and the column stays a metric.
    """
    logged = np.zeros(rows.count, bool)
    for name, column in rows.numbers().items():
        if name.lower() not in STEP_NAMES:
            logged[column.rows] = True
    usable: list[tuple[int, str, IntArray]] = []
    refused: list[str] = []
    for name in rows.named(rows.step_names, numbers=True):
        steps = _whole_steps(rows.columns[name], rows.count)
        if steps is None:
            refused.append(f"'{name}' is no whole number from 0")
        elif not rows.unique_steps and _repeats(rows, steps, phases):
            refused.append(f"'{name}' repeats")
        else:
            usable.append((int((logged & (steps < 0)).sum()), name, steps))
    if not usable:
        notices.extend(Notice("", f"{text}: the row's number is the step") for text in refused)
        return None, np.arange(1, rows.count + 1, dtype=np.int64)
    missing, name, steps = min(usable, key=lambda item: item[0])
    notices.extend(Notice("", f"{text}: '{name}' is the step") for text in refused)
    if missing:
        line = rows.lines[np.flatnonzero(logged & (steps < 0))[0]]
        notices.append(Notice(f"row {line}", f"{missing} rows without '{name}': left out"))
    return name, steps


def _whole_steps(column: Column, count: int) -> IntArray | None:
    rows, values = column.rows, column.cells
    known = ~np.isnan(values)
    if not known.all():
        rows, values = rows[known], values[known]
    if not len(values) or not ((values >= 0) & (values < _LARGEST_STEP)).all():
        return None
    whole = values.astype(np.int64)
    if (values != whole).any():
        return None
    if len(rows) == count:
        return whole
    steps = np.full(count, -1, np.int64)
    steps[rows] = whole
    return steps


def _rises(steps: IntArray) -> bool:
    return bool((steps[1:] > steps[:-1]).all())


def _repeats(rows: Rows, steps: IntArray, phases: _Phases) -> bool:
    """True when metrics have several values at a step as a rule, not only after a resumption."""
    if _rises(steps):
        return False
    code = steps * len(_PHASES) + phases
    if _share_overwritten(rows, steps, code) <= _REPEATED_SHARE:
        return False
    known = np.flatnonzero(steps >= 0)
    jumps = np.zeros(rows.count, np.int64)
    jumps[known[1:]] = np.diff(steps[known]) < 0
    parts = np.cumsum(jumps)
    if not 0 < parts[-1] < _RESUMED:
        return True
    return _share_overwritten(rows, steps, code * _RESUMED + parts) > _REPEATED_SHARE


def _share_overwritten(rows: Rows, steps: IntArray, codes: npt.NDArray[np.int64]) -> float:
    """The share of values that stand under a code which their column has already."""
    alike: dict[int, list[Column]] = {}
    for name, column in rows.numbers().items():
        if name.lower() not in STEP_NAMES:
            alike.setdefault(id(column.rows), []).append(column)
    total = distinct = 0
    for columns in alike.values():
        index = columns[0].rows
        found = np.sort(codes[index[steps[index] >= 0]], kind="stable")
        total += len(columns) * len(found)
        different = int(np.count_nonzero(np.diff(found))) + bool(len(found))
        distinct += len(columns) * different
    return (total - distinct) / total if total else 0.0
