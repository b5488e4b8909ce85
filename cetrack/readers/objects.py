"""Per-epoch objects as the columns of a table, a block of them at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cetrack.domain import IntArray
from cetrack.readers.gather import Gather
from cetrack.readers.histories import flat, inner_prefix


@dataclass(frozen=True, slots=True)
class _Alike:
    """Objects with the same names: ``index`` int64[n] in their block, a column per name."""

    index: IntArray
    names: Sequence[str]
    columns: Sequence[Sequence[Any]]


def take_objects(gather: Gather, lines: Sequence[int], items: Sequence[Mapping[str, Any]]) -> None:
    """Add objects that stand at ``lines`` as rows; nested ones as ``train/loss``."""
    if not items:
        return
    rows = gather.begin(np.array(lines, np.int64))
    cells: dict[str, list[tuple[IntArray, Sequence[Any]]]] = {}
    first: dict[str, tuple[int, int]] = {}  # (row, place in it) of a name's first cell
    present = {rows.tobytes(): rows}  # equal ones are shared
    for alike in _alike(np.arange(len(items)), items, ""):
        mine = rows[alike.index]
        mine = present.setdefault(mine.tobytes(), mine)
        for place, (name, column) in enumerate(zip(alike.names, alike.columns, strict=True)):
            part = _filled(mine, column, present)
            if len(part[0]):
                spot = int(part[0][0]), place
                first[name] = min(first.get(name, spot), spot)
                cells.setdefault(name, []).append(part)
    for name in sorted(cells, key=first.__getitem__):
        gather.take(name, *_merged(cells[name], present))


def _alike(index: IntArray, items: Sequence[Mapping[str, Any]], prefix: str) -> Iterator[_Alike]:
    """The objects sorted by their keys, each kind in the order of the file."""
    keys = list(map(tuple, items))
    if keys.count(keys[0]) == len(keys):
        yield from _columns(index, items, prefix)
        return
    kinds: dict[tuple[str, ...], list[int]] = {}
    for place, key in enumerate(keys):
        kinds.setdefault(key, []).append(place)
    for places in kinds.values():
        yield from _columns(index[places], [items[place] for place in places], prefix)


def _columns(index: IntArray, items: Sequence[Mapping[str, Any]], prefix: str) -> Iterator[_Alike]:
    """The columns of objects with the same keys."""
    names: list[str] = []
    columns: list[Sequence[Any]] = []
    cells = zip(*(item.values() for item in items), strict=True)
    for key, column in zip(items[0], cells, strict=True):
        kinds = set(map(type, column))
        if dict not in kinds:
            names.append(f"{prefix}{key}")
            columns.append(column)
            continue
        inside = inner_prefix(prefix, key)
        inner = list(_alike(index, column, inside)) if kinds == {dict} else []
        if len(inner) != 1:  # nested objects that differ: each is flattened by itself
            yield from _flattened(index, items, prefix)
            return
        names += inner[0].names
        columns += inner[0].columns
    yield _Alike(index, names, columns)


def _flattened(
    index: IntArray, items: Sequence[Mapping[str, Any]], prefix: str
) -> Iterator[_Alike]:
    kinds: dict[tuple[str, ...], tuple[list[int], list[list[Any]]]] = {}
    for place, item in enumerate(items):
        pairs = list(flat(item, prefix))
        places, cells = kinds.setdefault(tuple(name for name, _ in pairs), ([], []))
        places.append(place)
        cells.append([cell for _, cell in pairs])
    for names, (places, cells) in kinds.items():
        yield _Alike(index[places], names, list(zip(*cells, strict=True)))


def _filled(
    rows: IntArray, cells: Sequence[Any], present: dict[bytes, IntArray]
) -> tuple[IntArray, Sequence[Any]]:
    """The cells that hold something, with their rows; equal rows are shared."""
    if None not in cells:
        return rows, cells
    kept = np.fromiter((cell is not None for cell in cells), bool, len(cells))
    mine = rows[kept]
    return present.setdefault(mine.tobytes(), mine), [cell for cell in cells if cell is not None]


def _merged(
    parts: Sequence[tuple[IntArray, Sequence[Any]]], present: dict[bytes, IntArray]
) -> tuple[IntArray, Sequence[Any]]:
    """The parts of a column in the order of the file."""
    if len(parts) == 1:
        return parts[0]
    rows = np.concatenate([part for part, _ in parts])
    order = np.argsort(rows, kind="stable")
    cells = [cell for _, part in parts for cell in part]
    mine = rows[order]
    return present.setdefault(mine.tobytes(), mine), [cells[place] for place in order.tolist()]
