"""An event file read by cetrack alone: ``python -m benchmarks.events FILE``.

What its peers do is read such a file into arrays or a frame. So does this, without a database;
the imports are not counted.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from cetrack.domain import RunRecord
from cetrack.readers.registry import reader_named
from cetrack.readers.source import Source


def main() -> None:
    """Prints points and CPU seconds as one line of JSON."""
    path = Path(sys.argv[1])
    reader = reader_named("tfevents")
    started = time.process_time()
    records = [
        item for item in reader.read(Source(str(path), path=path)) if isinstance(item, RunRecord)
    ]
    points = sum(len(series.values) for record in records for series in record.series)
    taken = {"points": points, "cpu_seconds": time.process_time() - started}
    sys.stdout.write(json.dumps(taken) + "\n")


if __name__ == "__main__":
    main()
