"""What the cases share: sizes, a work folder, databases, and work that serves several rows.

A folder of logs is written once, ingested, and the database is exported; ingest, export, memory
and size read their figures from the same measurements.
"""

from __future__ import annotations

import shutil
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from sqlalchemy.engine import URL

from benchmarks import commands, data, databases, peers
from benchmarks.commands import CETRACK, Taken
from benchmarks.databases import Kind
from benchmarks.peers import Peer
from benchmarks.sizes import WORKERS, Sizes
from cetrack.store import Store

Work = Callable[[], None]


class WrongWorkError(Exception):
    """A command did other work than was to be measured."""


@dataclass(slots=True, frozen=True)
class Filled:
    """A database of many training logs, and what it took WORKERS processes to fill it: as many at
    every size, so that sizes can be compared, and those that two cores are given unasked."""

    kind: Kind
    url: str
    points: int
    ingest: Taken


@dataclass
class Bench:
    """One run of the benchmarks. Use as a context manager: it cleans up."""

    sizes: Sizes
    folder: Path
    postgres: str | None = None
    peer_pythons: Mapping[str, str] = field(default_factory=dict)
    say: Callable[[str], None] = lambda text: print(text, file=sys.stderr, flush=True)

    def __post_init__(self) -> None:
        self._stack = ExitStack()
        self._done: dict[tuple[Any, ...], Any] = {}
        self._bare: dict[str, list[float]] = defaultdict(list)
        self._peers: dict[str, list[Peer]] = defaultdict(list)
        self._names = 0
        self.given: dict[str, str] = {}  # what peers are told of files that they read

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @cached_property
    def server(self) -> URL:
        """The PostgreSQL server, started when it is first needed."""
        self.say("  starting PostgreSQL")
        return self._stack.enter_context(databases.postgres_server(self.postgres))

    def once(self, *key: Any, make: Callable[[], Any]) -> Any:
        """What ``make`` returns, made once for a key."""
        if key not in self._done:
            self._done[key] = make()
        return self._done[key]

    # --- databases ------------------------------------------------------------------------------

    @contextmanager
    def database(self, kind: Kind) -> Iterator[str]:
        """The URL of a fresh database with the schema in it, removed afterwards."""
        self._names += 1
        name = f"cetrack_bench_{self._names}"
        path = self.folder / f"{name}.db"
        url = str(path) if kind is Kind.SQLITE else databases.create(self.server, name)
        try:
            with Store.open(url, create=True):
                pass
            yield url
        finally:
            if kind is Kind.POSTGRES:
                databases.drop(self.server, name)
            for file in self.folder.glob(f"{name}.db*"):
                file.unlink()

    # --- work -----------------------------------------------------------------------------------

    def cetrack(self, *arguments: str) -> Taken:
        """One command of cetrack as a whole process."""
        return commands.run([*CETRACK, *arguments], self.folder)

    def ingest(self, url: str, path: Path, *, points: int, workers: int | None = None) -> Taken:
        """Ingest a file or folder that holds so many points; by default as a user who says nothing
        of workers."""
        options = ["--db", url, "--format", "json", *_parallel(workers)]
        taken = self.cetrack("ingest", str(path), *options)
        require("points", taken.answer["total"]["points"], points)
        return taken

    def export(self, url: str, logdir: Path, *arguments: str) -> Taken:
        """Export to event files."""
        options = ["--db", url, "--format", "json", *arguments]
        return self.cetrack("export-tb", str(logdir), *options)

    def logs(self, points: int) -> Path:
        """A folder of training logs."""
        return Path(self.once("logs", points, make=lambda: self._written_logs(points)))

    def _written_logs(self, points: int) -> Path:
        folder = self.folder / f"logs_{points}"
        self.say(f"  writing logs of {points:,} points")
        data.write_logs(folder, points)
        return folder

    def filled(self, kind: Kind, points: int) -> Filled:
        """A database of that many points; small ones are filled several times."""
        filled: Filled = self.once("filled", kind, points, make=lambda: self._filled(kind, points))
        return filled

    def _filled(self, kind: Kind, points: int) -> Filled:
        logs = self.logs(points)
        taken: list[Taken] = []
        for turn in range(repeats := self.sizes.repeats if points <= self.sizes.small else 1):
            self.say(f"  ingest of {points:,} points into {kind}, {turn + 1} of {repeats}")
            with ExitStack() as stack:
                url = stack.enter_context(self.database(kind))
                taken.append(self.ingest(url, logs, points=points, workers=WORKERS))
                if turn + 1 == repeats:
                    self._stack.push(stack.pop_all())
        return Filled(kind, url, points, commands.middle(taken))

    def exported(
        self, kind: Kind, points: int, *, workers: int | None = None, beside: Sequence[Work] = ()
    ) -> Taken:
        """What a full export of such a database takes, into a folder that is new each time.

        ``beside`` is work that it is compared with, done by turns: both meet the same machine.
        """
        taken: Taken = self.once(
            "export",
            kind,
            points,
            workers,
            make=lambda: self._exported(self.filled(kind, points), workers, beside),
        )
        return taken

    def _exported(self, filled: Filled, workers: int | None, beside: Sequence[Work]) -> Taken:
        taken = []
        for turn in range(repeats := self.sizes.repeats if filled.points < self.sizes.large else 1):
            self.say(
                f"  export of {filled.points:,} points from {filled.kind}, "
                f"{workers or 1} at work, {turn + 1} of {repeats}"
            )
            with self.logdir() as logdir:
                taken.append(self.export(filled.url, logdir, *_parallel(workers)))
            require("runs", taken[-1].answer["runs"], data.runs_of(filled.points))
            for work in beside:
                work()
        return commands.middle(taken)

    @contextmanager
    def logdir(self) -> Iterator[Path]:
        """A folder that is not there yet, removed afterwards."""
        self._names += 1
        folder = self.folder / f"logdir_{self._names}"
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def bare(self, filled: Filled) -> float:
        """Seconds that the bare ordered read of the same rows takes: of its turns the median."""
        if not self._bare[filled.url]:
            for _ in range(self.sizes.repeats):
                self.bare_turn(filled)
        return statistics.median(self._bare[filled.url])

    def bare_turn(self, filled: Filled) -> None:
        """Read the rows once more."""
        self.say(f"  bare read of {filled.points:,} points from {filled.kind}")
        answer = commands.run(
            [sys.executable, "-m", "benchmarks.bare", filled.url], self.folder
        ).answer
        require("points", answer["rows"], filled.points)
        self._bare[filled.url].append(answer["seconds"])

    # --- peers ----------------------------------------------------------------------------------

    def peer(self, name: str, what: str) -> Peer:
        """What a peer did per second, by the median of its turns; measured now if it was not."""
        if not any(what in turn.rates or turn.problem for turn in self._peers[name]):
            for _ in range(self.sizes.repeats):
                self.peer_turn(name, what)
        return peers.summed_up(self._peers[name])

    def peer_turn(self, name: str, *works: str) -> None:
        """A peer does some of its work once more; one that could not do it is left alone.

        On a quick run it does all of its work at the first turn: its start is what takes long.
        """
        turns, quick = self._peers[name], not self.sizes.judged
        if any(turn.problem for turn in turns) or (quick and turns):
            return
        works = () if quick else works
        self.say(f"  measuring {name}")
        python = self.peer_pythons.get(name, sys.executable)
        turns.append(peers.measured(name, self.sizes, python, works, given=self.given))

    @property
    def measured_peers(self) -> list[Peer]:
        """Those that have been measured so far."""
        return [peers.summed_up(turns) for turns in self._peers.values() if turns]


def _parallel(workers: int | None) -> list[str]:
    return [] if workers is None else ["--workers", str(workers)]


def require(what: str, done: int, wanted: int) -> None:
    """Raise WrongWorkError unless as much was done as was to be measured."""
    if done != wanted:
        raise WrongWorkError(f"{done:,} {what} were done, not {wanted:,}")
