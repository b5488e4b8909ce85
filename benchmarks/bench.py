"""What the cases share: sizes, a work folder, databases, and work that serves several rows.

A folder of logs is written once, ingested, and the database is exported; ingest, export, memory
and size read their figures from the same measurements.
"""

from __future__ import annotations

import shutil
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping
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
from benchmarks.sizes import Sizes


class WrongWorkError(Exception):
    """A command did other work than was to be measured."""


@dataclass(slots=True, frozen=True)
class Filled:
    """A database of many training logs, and what it took to fill it."""

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
        self._names = 0

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
            self.cetrack("db", "init", "--db", url)
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

    def ingest(self, url: str, path: Path, *, points: int) -> Taken:
        """Ingest a file or folder that holds so many points."""
        taken = self.cetrack("ingest", str(path), "--db", url, "--format", "json")
        _require("points", taken.answer["total"]["points"], points)
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
                taken.append(self.ingest(url, logs, points=points))
                if turn + 1 == repeats:
                    self._stack.push(stack.pop_all())
        return Filled(kind, url, points, commands.middle(taken))

    def exported(self, kind: Kind, points: int) -> Taken:
        """What a full export of such a database takes, into a folder that is new each time."""
        taken: Taken = self.once("export", kind, points, make=lambda: self._exported(kind, points))
        return taken

    def _exported(self, kind: Kind, points: int) -> Taken:
        filled = self.filled(kind, points)
        taken = []
        for turn in range(repeats := self.sizes.repeats if points < self.sizes.large else 1):
            self.say(f"  export of {points:,} points from {kind}, {turn + 1} of {repeats}")
            with self.logdir() as logdir:
                taken.append(self.export(filled.url, logdir))
            _require("runs", taken[-1].answer["runs"], data.runs_of(points))
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
        """Seconds that the bare ordered read of the same rows takes."""
        seconds: float = self.once("bare", filled.url, make=lambda: self._bare(filled))
        return seconds

    def _bare(self, filled: Filled) -> float:
        self.say(f"  bare read of {filled.points:,} points from {filled.kind}")
        command = [sys.executable, "-m", "benchmarks.bare", filled.url]
        answers = [commands.run(command, self.folder).answer for _ in range(self.sizes.repeats)]
        return float(statistics.median(answer["seconds"] for answer in answers))

    def peer(self, name: str) -> Peer:
        """What a peer did per second."""
        peer: Peer = self.once("peer", name, make=lambda: self._peer(name))
        return peer

    def _peer(self, name: str) -> Peer:
        self.say(f"  measuring {name}")
        return peers.measured(name, self.sizes, self.peer_pythons.get(name, sys.executable))

    @property
    def measured_peers(self) -> list[Peer]:
        """Those that have been measured so far."""
        return [made for made in self._done.values() if isinstance(made, Peer)]


def _require(what: str, found: int, wanted: int) -> None:
    if found != wanted:
        raise WrongWorkError(f"{found:,} {what} were done, not {wanted:,}")
