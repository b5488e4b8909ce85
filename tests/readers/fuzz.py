"""Many broken samples through a real ingest: ``python -m tests.readers.fuzz --count 100000``.

Every input is a sample with up to four accidents, beside its whole companions. Nothing may raise,
and every source is wholly in the database or wholly absent. Ends with what became of them.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from cetrack.store import Store
from tests.readers.test_contract import FILES, check_accidents

_AT_ONCE = 1000


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    began = time.monotonic()
    taken = done = 0
    while done < options.count:
        count = min(_AT_ONCE, options.count - done)
        numbers = random.Random(options.seed + done)
        numbers.shuffle(FILES)
        with (
            tempfile.TemporaryDirectory() as folder,
            Store.open(f"{folder}/fuzz.db", create=True) as store,
        ):
            taken += check_accidents(store, Path(folder) / "in", numbers=numbers, count=count)
        done += count
        sys.stderr.write(f"\r{done:,} of {options.count:,}")
    seconds = time.monotonic() - began
    print(
        f"\n{done:,} inputs of {len(FILES)} samples in {seconds:.0f} s: {taken:,} taken, "
        f"{done - taken:,} refused or companions; no traceback, no partial source"
    )


if __name__ == "__main__":
    main()
