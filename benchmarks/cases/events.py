"""A TensorBoard event file into arrays, against those who read such files today."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator

from benchmarks import commands, data, peer_work
from benchmarks.bench import Bench, require
from benchmarks.case import Case, Row, amount, at_least, ratio
from benchmarks.sizes import METRICS

# peer → what of it is called
_PEERS = {"tensorboard": "EventAccumulator", "tbparse": "SummaryReader"}


def _events(bench: Bench) -> Iterator[Row]:
    points = bench.sizes.events
    path = bench.folder / "events" / "events.out.tfevents.1780000000.bench.1.0"
    bench.say(f"  writing an event file of {points:,} points")
    data.write_event_file(path, 3, points // METRICS)
    bench.given[peer_work.EVENTS] = str(path)
    taken = []
    for turn in range(bench.sizes.repeats):
        bench.say(f"  reading it, {turn + 1} of {bench.sizes.repeats}")
        command = [sys.executable, "-m", "benchmarks.events", str(path)]
        taken.append(commands.run(command, bench.folder))
        require("points", taken[-1].answer["points"], points)
        for name in _PEERS:
            bench.peer_turn(name, "events")
    rate = points / statistics.median(one.answer["cpu_seconds"] for one in taken)
    yield Row(
        work=f"reading an event file of {amount(points)} points, in process",
        measured=rate,
        unit="points/s",
        note=f"by CPU time; {path.stat().st_size / 1e6:.0f} MB, {METRICS} tags; "
        f"{max(one.peak_mb for one in taken):.0f} MB of memory",
    )
    for name, called in _PEERS.items():
        theirs = bench.peer(name, "events")
        yield Row(
            work=f"reading an event file against {name} {called}",
            measured=ratio(rate, theirs.rates.get("events")),
            unit="×",
            bar=at_least(20),
            note=f"{theirs.told('events', 'points/s')}; the same file, by CPU time",
        )


EVENTS = Case("event-files", "reading of a TensorBoard event file", _events)
