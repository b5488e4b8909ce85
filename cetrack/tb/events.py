"""Event files: written aside, placed whole. No clock, no host name, no thread.

Knows files, not runs; how records are encoded is in ``records``. Points go in as arrays.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import IO

import numpy as np

from cetrack.domain import FloatArray, IntArray
from cetrack.logdirs import FILE_VERSION, PREFIX, SUFFIX
from cetrack.tb.protos import Event, Summary
from cetrack.tb.records import encoded, framed, one_by_one

_LOOP_BELOW = 32  # points; look-ups for so few cost more than a loop
_AT_ONCE = 16_384  # points encoded together: what a processor's cache holds
_BUFFER = 1 << 20  # bytes kept before anything is written

_Columns = tuple[IntArray, FloatArray, FloatArray]


def file_name(stamp: float) -> str:
    """The name of an event file; ``stamp`` is in seconds since the epoch."""
    return f"{PREFIX}{int(stamp):010d}{SUFFIX}"


class EventFile:
    """One event file, kept in memory or beside its place until ``commit`` renames it into it.

    ``points`` counts what was written. ``unchanged`` says that it was there already.
    """

    def __init__(self, path: Path, *, started_at: float) -> None:
        self.path = path
        self.points = 0
        self.unchanged = False
        self._beyond_float32 = 0
        self._size = 0
        self._started_at = started_at
        self._hash = hashlib.sha256()
        self._series: list[tuple[str, _Columns]] = []  # to be encoded together
        self._waiting = 0  # their points
        self._pending: list[bytes | bytearray] = []
        self._pending_size = 0
        # The process id keeps two exports at once from writing into one file; TensorBoard reads
        # only names that contain "tfevents".
        self._partial = path.with_name(f".cetrack-{os.getpid()}.partial")
        self._stream: IO[bytes] | None = None
        self._append(framed(_first_event(started_at)))

    @property
    def sha256(self) -> str:
        """Of everything written so far."""
        self._encode()
        return self._hash.hexdigest()

    @property
    def size(self) -> int:
        """Bytes so far."""
        self._encode()
        return self._size

    @property
    def beyond_float32(self) -> int:
        """Values so far that became ±Inf on the way."""
        self._encode()
        return self._beyond_float32

    def write_series(
        self, tag: str, steps: IntArray, values: FloatArray, wall_times: FloatArray
    ) -> None:
        """Write ``steps`` int64[n], ``values`` float64[n], ``wall_times`` float64[n] (seconds).

        A point whose wall time is unknown (NaN) gets the start of the file. A series may come in
        parts: the bytes are the same.
        """
        self.points += len(steps)
        for start in range(0, len(steps), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            self._series.append((tag, (steps[part], values[part], wall_times[part])))
            self._waiting += len(steps[part])
            if self._waiting >= _AT_ONCE:
                self._encode()

    def _encode(self) -> None:
        """Turn the series that are waiting into bytes."""
        if not self._series:
            return
        tags, parts = zip(*self._series, strict=True)
        counts = [len(part[0]) for part in parts]
        steps, values, walls = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        self._series.clear()
        self._waiting = 0
        with np.errstate(over="ignore"):
            singles = values.astype(np.float32)
        self._beyond_float32 += int(np.count_nonzero(np.isinf(singles) & np.isfinite(values)))
        walls[~np.isfinite(walls)] = self._started_at
        make = one_by_one if len(steps) < _LOOP_BELOW else encoded
        for chunk in make(tags, counts, steps, singles, walls):
            self._append(chunk)

    def write_value(self, value: Summary.Value, *, step: int = 0) -> None:
        """Write one summary value that is not a scalar, at the start of the file."""
        self._encode()
        event = Event(wall_time=self._started_at, step=step, summary=Summary(value=[value]))
        self._append(framed(event.SerializeToString(deterministic=True)))

    def commit(self) -> None:
        """Make the file appear, whole, in place of what was there."""
        self._encode()
        self._spill()
        if self._stream is not None:
            self._stream.close()
        self._partial.replace(self.path)

    def discard(self) -> None:
        """Forget what was written; the file that is there stays as it is."""
        if self._stream is not None:
            self._stream.close()
            with suppress(OSError):
                self._partial.unlink()
        self._pending.clear()
        self._series.clear()

    def _append(self, chunk: bytes | bytearray) -> None:
        self._hash.update(chunk)
        self._size += len(chunk)
        self._pending.append(chunk)
        self._pending_size += len(chunk)
        if self._pending_size >= _BUFFER:
            self._spill()

    def _spill(self) -> None:
        if self._stream is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = self._partial.open("wb")
        self._stream.writelines(self._pending)
        self._pending.clear()
        self._pending_size = 0


def _first_event(started_at: float) -> bytes:
    return Event(wall_time=started_at, file_version=FILE_VERSION).SerializeToString()  # type: ignore[no-any-return]
