"""How long the command line takes before it does anything."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator

from benchmarks import commands
from benchmarks.bench import Bench
from benchmarks.case import Case, Row, at_most
from benchmarks.commands import CETRACK
from benchmarks.databases import Kind

_LIBRARIES = (sys.executable, "-c", "import typer, rich")


def _startup(bench: Bench) -> Iterator[Row]:
    ours, theirs = [], []
    for _ in range(bench.sizes.short_repeats):  # by turns: both meet the same machine
        ours.append(1000 * commands.run([*CETRACK, "--help"], bench.folder).seconds)
        theirs.append(1000 * commands.run(_LIBRARIES, bench.folder).seconds)
    help_ms, libraries_ms = statistics.median(ours), statistics.median(theirs)
    yield Row(work="`cetrack --help`", measured=help_ms, unit="ms", bar=at_most(300))
    yield Row(
        work='`cetrack --help`: against `python -c "import typer, rich"`',
        measured=help_ms / libraries_ms,
        unit="×",
        bar=at_most(2),
        note=f"the libraries: {libraries_ms:.0f} ms",
    )
    with bench.database(Kind.SQLITE) as url:
        taken = [
            1000 * bench.cetrack("runs", "--db", url).seconds
            for _ in range(bench.sizes.short_repeats)
        ]
    yield Row(
        work="`cetrack runs` on an empty database", measured=statistics.median(taken), unit="ms"
    )


STARTUP = Case("startup", "start of the command line", _startup)
