"""All that the event files of one run say, gathered block by block.

The points of a large log lie on disk until they are asked for. A step that a tag has twice counts
once, as it was written last: after an interruption a training repeats some. Where a session says
that it starts at a step, what an earlier one had written from there on is void.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cetrack.domain import FloatArray, IntArray, Kept, Notice, Series
from cetrack.readers.source import Source
from cetrack.readers.spool import Piece, Spool, Spooled, picked
from cetrack.readers.tfevents.framing import Block, Records
from cetrack.readers.tfevents.points import Part, scalars
from cetrack.readers.tfevents.values import Event, Histogram, Session, event_of
from cetrack.readers.tfevents.wire import WireError
from cetrack.tfrecord import all_masked, crcs_of

HELD_BYTES = 32 * 2**20
_LONGEST_TEXT = 2**20
_LAST_SECOND = 253_402_300_799  # of the year 9999
_POINT_BYTES = 24


@dataclass(frozen=True, slots=True)
class Last:
    """The last text or histogram of a tag, and how many there were."""

    step: int
    content: Any
    count: int = 1


@dataclass(slots=True)
class _Tag:
    """The points of one tag so far: arrays in memory, pieces on disk, and how many they are."""

    steps: list[IntArray] = field(default_factory=list)
    walls: list[FloatArray] = field(default_factory=list)
    values: list[FloatArray] = field(default_factory=list)
    pieces: list[tuple[Piece, Piece, Piece]] = field(default_factory=list)
    count: int = 0


class Log:
    """One run. ``read`` its files in order, then take what it holds."""

    def __init__(self, *, held: int = HELD_BYTES) -> None:
        self.texts: dict[str, Last] = {}
        self.histograms: dict[str, Last] = {}
        self.session = Session()
        self.began_s = 0.0
        self.left_out: Counter[str] = Counter()
        self.notices: list[Notice] = []
        self._tags: dict[str, _Tag] = defaultdict(_Tag)
        self._plugins: dict[str, str] = {}
        self._voids: list[tuple[int, dict[str, int]]] = []  # step, and points written before it
        self._limit = held
        self._held = 0
        self._spool: Spool | None = None

    def read(self, source: Source, name: str = "") -> None:
        """Add a file; what is wrong with it are notices, under ``name`` where it is given.

        Raises ReadError where it cannot be read at all.
        """
        damaged: list[int] = []
        strange: list[int] = []
        with source.open_binary() as stream:
            records = Records(stream)
            for block in records.blocks():
                self._take(block, damaged, strange)
        prefix = f"{name}: " if name else ""
        told = list(records.said)
        if damaged:
            text = "records do not agree with their checksums: left out"
            told.append((min(damaged), f"{len(damaged):,} {text}"))
        if strange:
            told.append((min(strange), f"{len(strange):,} records are no events: left out"))
        self.notices += [Notice(f"{prefix}byte {place}", text) for place, text in told]
        if records.oversized:
            self.left_out["records beyond 64 MiB"] += records.oversized

    def _take(self, block: Block, damaged: list[int], strange: list[int]) -> None:
        found = scalars(block)
        parts = list(found.parts)
        others = np.sort(np.concatenate([np.empty(0, np.int64), *found.others]))
        crcs = crcs_of(block.array, block.starts[others], block.lengths[others])
        whole = all_masked(crcs) == block.crcs(others)
        damaged += [block.place(r) for each in found.damaged for r in each.tolist()]
        damaged += [block.place(record) for record in others[~whole].tolist()]
        starts: list[tuple[int, int]] = []
        singles: dict[str, list[tuple[int, int, float, float]]] = defaultdict(list)
        for record in others[whole].tolist():
            begin = int(block.starts[record])
            try:
                event = event_of(
                    block.content, begin, begin + int(block.lengths[record]), self._plugins
                )
            except WireError:
                strange.append(block.place(record))
                continue
            if event.starts:
                starts.append((record, event.step))
            self._take_event(event, record, singles)
        parts += [_part(tag, points) for tag, points in singles.items()]
        self._add(parts, starts)

    def _take_event(
        self, event: Event, record: int, singles: dict[str, list[tuple[int, int, float, float]]]
    ) -> None:
        if event.version:
            self.began_s = self.began_s or event.wall_time
        if event.left_out:
            self.left_out[event.left_out] += 1
        for value in event.values:
            content = value.content
            if value.left_out:
                self.left_out[value.left_out] += 1
            elif isinstance(content, float):
                singles[value.tag].append((record, event.step, content, event.wall_time))
            elif isinstance(content, Session):
                self.session.add(content)
            elif isinstance(content, Histogram):
                _keep(self.histograms, value.tag, event.step, content)
            elif content is not None:
                if sum(map(len, content)) <= _LONGEST_TEXT:
                    _keep(self.texts, value.tag, event.step, content)
                else:
                    self.left_out["texts beyond 1 MiB"] += 1

    # --- points ------------------------------------------------------------------------------

    def _add(self, parts: Iterable[Part], starts: list[tuple[int, int]]) -> None:
        """Add the points of a block; a session starts at some (record, step)."""
        by_tag: dict[str, list[Part]] = defaultdict(list)
        for part in parts:
            by_tag[part.tag].append(part)
        before = {tag: known.count for tag, known in self._tags.items()}
        whole = {tag: _joined(several) for tag, several in by_tag.items()}
        for record, step in starts:
            counts = dict(before)
            for tag, part in whole.items():
                counts[tag] = counts.get(tag, 0) + int(np.searchsorted(part.records, record))
            self._voids.append((step, counts))
        for tag, part in sorted(whole.items(), key=lambda pair: int(pair[1].records[0])):
            known = self._tags[tag]
            known.steps.append(part.steps)
            known.walls.append(part.walls)
            known.values.append(part.values)
            known.count += len(part.steps)
            self._held += _POINT_BYTES * len(part.steps)
        if self._held > self._limit:
            self._flush()

    def _flush(self) -> None:
        """Put the points that are held on disk."""
        self._spool = self._spool or Spool()
        for tag in self._tags.values():
            if tag.steps:
                columns = (
                    np.concatenate(tag.steps).view(np.float64),
                    np.concatenate(tag.walls),
                    np.concatenate(tag.values),
                )
                steps, walls, values = map(self._spool.put, columns)
                tag.pieces.append((steps, walls, values))
                tag.steps, tag.walls, tag.values = [], [], []
        self._held = 0

    def series(self) -> Iterator[Series]:
        """Every tag with points, in the order of their first; said is how many repeat a step."""
        if self._spool is not None:
            self._flush()
        shared: dict[tuple[int, int, int], IntArray] = {}
        repeated = voided = 0
        for name, tag in self._tags.items():
            steps, walls, values = self._columns(tag)
            index, void = self._valid(name, steps)
            voided += void
            if not len(index):
                continue
            mine = steps[index]
            repeated += len(steps) - void - len(index)
            plain = len(index) == len(steps) and bool((np.diff(index) == 1).all())
            walls = walls if plain else walls[index]
            key = len(mine), int(mine[0]), int(mine[-1])
            if key not in shared or not np.array_equal(shared[key], mine):
                shared[key] = self._put_by(mine.view(np.float64)).view(np.int64)
            yield Series(
                name=name,
                steps=shared[key],
                values=picked(values, None if plain else index),
                wall_times=self._kept_walls(walls),
                place=name,
            )
        if voided:
            text = f"{voided:,} values of steps at which a later session starts anew: left out"
            self.notices.append(Notice("", text))
        if repeated:
            text = f"{repeated:,} values of repeated steps: the last one counts"
            self.notices.append(Notice("", text))

    def _columns(self, tag: _Tag) -> tuple[IntArray, FloatArray, FloatArray | Kept]:
        if not tag.pieces:
            return np.concatenate(tag.steps), np.concatenate(tag.walls), np.concatenate(tag.values)
        steps, walls, values = (Spooled(pieces) for pieces in zip(*tag.pieces, strict=True))
        return steps.load().view(np.int64), walls.load(), values

    def _valid(self, name: str, steps: IntArray) -> tuple[IntArray, int]:
        """(which points count, by rising steps, and how many are void)."""
        valid = np.ones(len(steps), bool)
        for step, counts in self._voids:
            count = counts.get(name, 0)
            valid[:count] &= steps[:count] < step
        index = np.flatnonzero(valid)
        found = steps[index]
        if not (found[1:] > found[:-1]).all():
            _, last = np.unique(found[::-1], return_index=True)
            index = index[len(found) - 1 - last]
        return index, len(steps) - int(valid.sum())

    def _kept_walls(self, walls: FloatArray) -> FloatArray | None:
        """Wall times, NaN where there is none; None without any."""
        known = (walls > 0) & (walls <= _LAST_SECOND)
        if not known.any():
            return None
        return self._put_by(np.where(known, walls, np.nan))

    def _put_by(self, column: FloatArray) -> FloatArray:
        """A whole column; that of a large log lies on disk."""
        return column if self._spool is None else self._spool.mapped(column)


def _keep(known: dict[str, Last], tag: str, step: int, content: Any) -> None:
    count = known[tag].count + 1 if tag in known else 1
    known[tag] = Last(step, content, count)


def _part(tag: str, points: list[tuple[int, int, float, float]]) -> Part:
    records, steps, values, walls = zip(*points, strict=True)
    return Part(
        tag,
        np.array(records, np.int64),
        np.array(steps, np.int64),
        np.array(values, np.float64),
        np.array(walls, np.float64),
    )


def _joined(parts: list[Part]) -> Part:
    """The parts of one tag as one, in the order of their records."""
    if len(parts) == 1:
        return parts[0]
    parts.sort(key=lambda part: int(part.records[0]))
    records = np.concatenate([part.records for part in parts])
    steps = np.concatenate([part.steps for part in parts])
    values = np.concatenate([part.values for part in parts])
    walls = np.concatenate([part.walls for part in parts])
    if (records[1:] >= records[:-1]).all():
        return Part(parts[0].tag, records, steps, values, walls)
    order = np.argsort(records, kind="stable")
    return Part(parts[0].tag, records[order], steps[order], values[order], walls[order])
