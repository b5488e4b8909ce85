"""What the database itself can do: ``python -m benchmarks.bare URL`` reads every point in order.

Prints, as one line of JSON, the rows read and the seconds from opening the connection to the last
array. Nothing of cetrack is used.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing

import numpy as np

_ROW = np.dtype([("run", "i8"), ("metric", "i8"), ("step", "i8"), ("value", "f8"), ("wall", "f8")])
_QUERY = "SELECT run_id, metric_id, step, value, wall_time FROM point ORDER BY 1, 2, 3"
_ROWS = 50_000
_BYTES = 4 * 2**20
# COPY's binary format: a header of 19 bytes; a row is a count of fields, then lengths and values
_COPY = (
    "COPY (SELECT run_id, metric_id, step, coalesce(value, 'NaN'), coalesce(wall_time, 'NaN') "
    "FROM point ORDER BY 1, 2, 3) TO STDOUT (FORMAT BINARY)"
)
_HEADER = 19
_TRAILER = 2
_COPY_ROW = np.dtype(
    [("fields", ">i2"), *((f"f{n}", [("length", ">i4"), ("value", ">i8")]) for n in range(5))]
)


def read_sqlite(path: str) -> int:
    """The cursor's rows straight into structured arrays."""
    count = 0
    with closing(sqlite3.connect(path)) as connection:
        rows = iter(connection.execute(_QUERY))
        while len(batch := np.fromiter(itertools.islice(rows, _ROWS), _ROW)):
            count += len(batch)
    return count


def read_postgres(url: str) -> int:
    """Binary COPY, taken apart as arrays."""
    import psycopg

    count, pending, skipped = 0, bytearray(), _HEADER
    with psycopg.connect(url) as connection, connection.cursor().copy(_COPY) as copy:
        for block in copy:
            pending += block
            if len(pending) >= _BYTES:
                count += _taken_apart(pending, skipped)
                skipped = 0
    return count + _taken_apart(pending[: len(pending) - _TRAILER], skipped)


def _taken_apart(pending: bytearray, skipped: int) -> int:
    """How many whole rows there were; what is left over stays."""
    rows = (len(pending) - skipped) // _COPY_ROW.itemsize
    stop = skipped + rows * _COPY_ROW.itemsize
    batch = np.frombuffer(bytes(pending[skipped:stop]), _COPY_ROW)
    for number in range(5):
        batch[f"f{number}"]["value"].astype(np.int64)
    del pending[:stop]
    return len(batch)


def main() -> None:
    """A URL of PostgreSQL, or the path of a SQLite file."""
    url = sys.argv[1]
    read: Callable[[str], int] = read_postgres if "://" in url else read_sqlite
    started = time.perf_counter()
    rows = read(url)
    taken = {"rows": rows, "seconds": time.perf_counter() - started}
    sys.stdout.write(json.dumps(taken) + "\n")


if __name__ == "__main__":
    main()
