"""The peers, each measured in a process of its own by an interpreter that may be its own."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import commands
from benchmarks.peer_work import NOT_INSTALLED
from benchmarks.sizes import Sizes

# peer → what it does in the attributes of Sizes that say how much
WORK: Mapping[str, Mapping[str, str]] = {
    "tensorboardX": {"points": "tensorboardx"},
    "mlflow": {"points": "mlflow", "runs": "mlflow_runs"},
    "trackio": {"csv": "trackio", "points": "trackio"},
    "aim": {"points": "aim"},
    "tensorboard": {"events": "events"},
    "tbparse": {"events": "events"},
}
# a peer leaves nothing in the user's folders, and tells nobody that it was here
_HOMES = ("HOME", "TRACKIO_DIR")
_QUIET = {"DO_NOT_TRACK": "1", "MLFLOW_DISABLE_TELEMETRY": "true", "HF_HUB_OFFLINE": "1"}


@dataclass(frozen=True, slots=True)
class Peer:
    """What a peer did per second, by kind of work; ``problem`` says why it did nothing."""

    name: str
    version: str | None = None
    rates: Mapping[str, float] = field(default_factory=dict)
    problem: str = ""

    def told(self, what: str, unit: str) -> str:
        """The rate of a kind of work as a remark."""
        rate = self.rates.get(what)
        return f"{self.name}: {rate:,.0f} {unit}" if rate else f"{self.name}: {self.problem}"


def measured(
    name: str,
    sizes: Sizes,
    python: str,
    works: Collection[str] = (),
    *,
    given: Mapping[str, str] | None = None,
) -> Peer:
    """Let a peer do its work once: the kinds that are named, or all of them.

    ``given`` are environment variables that say what there is to be read.
    """
    variables = _QUIET | dict(given or {})
    amounts = [
        f"{what}={getattr(sizes, size)}"
        for what, size in WORK[name].items()
        if not works or what in works
    ]
    command = [python, "-m", "benchmarks.peer_work", name, *amounts]
    with tempfile.TemporaryDirectory() as folder:
        try:
            taken = commands.run(command, Path(folder), dict.fromkeys(_HOMES, folder) | variables)
        except commands.CommandError as error:
            missing = error.code == NOT_INSTALLED
            return Peer(name, problem="not installed" if missing else f"failed: {error}")
    rates = json.loads(taken.stdout.splitlines()[-1])
    return Peer(name, rates.pop("version"), rates)


def summed_up(turns: Sequence[Peer]) -> Peer:
    """The median rate of every kind of work; a problem where there was one."""
    rates: dict[str, list[float]] = {}
    for turn in turns:
        for what, rate in turn.rates.items():
            rates.setdefault(what, []).append(rate)
    medians = {what: statistics.median(found) for what, found in rates.items()}
    version = next((turn.version for turn in turns if turn.version), None)
    problem = next((turn.problem for turn in turns if turn.problem), "")
    return Peer(turns[0].name, version, medians, problem)
