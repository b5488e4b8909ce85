"""Watch: ingest files as they appear and grow. What is known is in the database, nowhere else.

So a watch that is ended and started again goes on where it was: what is there is met first, and
what is known of it already stays as it is.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any

from cetrack import names
from cetrack.discover import files_below, found_in, origins
from cetrack.domain import Notice
from cetrack.errors import ConflictError, DatabaseUnavailableError, UsageError
from cetrack.ingest import IngestOptions, IngestReport, SourceReport, take_in
from cetrack.readers.source import Source
from cetrack.settling import Due, Settling, lines_so_far
from cetrack.store import Store

_TICK_S = 0.25
_RESCAN_S = 60.0  # what no event told of is met then
_POLL_S = 2.0  # where the system has no events
_LONGEST_PAUSE_S = 30.0
_SILENT = frozenset({"companion", "skipped", "unchanged"})
# the paths that changed; None: any may have
Changes = set[Path] | None


@dataclass(slots=True, kw_only=True)
class Totals:
    """What a watch has done: the files that gave something or were rejected, and their runs."""

    taken: set[str] = field(default_factory=set)
    rejected: set[str] = field(default_factory=set)
    runs_new: int = 0
    runs_updated: int = 0

    def add(self, item: SourceReport) -> None:
        """Count one source, by its latest state."""
        now, before = self.taken, self.rejected
        if item.status == "rejected":
            now, before = before, now
        now.add(item.uri)
        before.discard(item.uri)
        self.runs_new += item.runs_new
        self.runs_updated += item.runs_updated


def check_folders(folders: Sequence[str]) -> None:
    """Raises UsageError for a folder that is not there when a watch begins."""
    for folder in folders:
        if not Path(folder).is_dir():
            raise UsageError(f"{folder}: no such folder", hint="watch takes folders")


class Watch:
    """Ingests what appears and grows in some folders.

    ``tell`` gets the report of every source that gave something or was rejected, ``say`` sentences
    about the watch itself. ``poll_s`` looks at all files so often instead of waiting for events.
    """

    def __init__(
        self,
        store: Store,
        folders: Sequence[str],
        options: IngestOptions,
        *,
        tell: Callable[[SourceReport], None],
        say: Callable[[str], None],
        settle_s: float = 1.0,
        poll_s: float | None = None,
        workers: int | None = 1,
    ) -> None:
        self.totals = Totals()
        self._store = store
        self._folders = [Path(folder) for folder in dict.fromkeys(folders)]
        self._options = options
        self._tell, self._say = tell, say
        self._poll_s = poll_s
        self._workers = workers
        self._settling = Settling(settle_s)
        self._tick_s = min(_TICK_S, settle_s)
        self._is_wanted, self._is_beside = names.wanted(options.formats), names.beside()
        self._pause_s = self._not_before = 0.0
        self._said: set[tuple[str, Notice]] = set()  # a log that grows warns once

    def run(self) -> None:
        """Go on until interrupted."""
        self._scan(first=True)
        self._say(f"catching up with {len(self._settling):,} files")
        self._step()
        for changes in self._changes():
            if changes is None:
                self._scan()
            else:
                self._note(changes)
            self._step()

    # --- what changes --------------------------------------------------------------------------

    def _changes(self) -> Iterator[Changes]:
        """What has changed, over and over; the wait between two is short."""
        there = self._there()
        while True:
            try:
                for changes in self._events(there) if self._poll_s is None else self._polls():
                    yield changes
                    now = self._there()
                    if now != there:
                        self._say_there(there, now)
                        there = now
                        yield None
                        break
            except FileNotFoundError:  # it has vanished just now
                yield from self._ticks(self._tick_s)
            except (OSError, RuntimeError) as error:  # no events, or too many folders for them
                self._poll_s = _POLL_S
                self._say(f"no file events ({error}): looking every {_POLL_S:g} seconds instead")

    def _there(self) -> Mapping[Path, tuple[int, int]]:
        """Which of the folders are there; one that was made anew is another one."""
        found = {}
        for folder in self._folders:
            try:
                state = folder.stat()
            except OSError:
                continue
            found[folder] = (state.st_dev, state.st_ino)
        return found

    def _say_there(self, before: Mapping[Path, Any], now: Mapping[Path, Any]) -> None:
        for folder in self._folders:
            if (folder in before) != (folder in now):
                what = "is there again" if folder in now else "has vanished: waiting for it"
                self._say(f"{folder} {what}")

    def _events(self, there: Mapping[Path, Any]) -> Iterator[Changes]:
        from watchfiles import watch

        if not there:
            yield from self._ticks(1.0)
            return
        tick_ms = int(self._tick_s * 1000)
        scanned = -math.inf  # what came before events were listened to is looked for at once
        for changes in watch(
            *(folder.resolve() for folder in there),
            watch_filter=None,
            debounce=tick_ms,
            step=min(50, tick_ms),
            rust_timeout=tick_ms,
            yield_on_timeout=True,
            ignore_permission_denied=True,
        ):
            if time.monotonic() - scanned >= _RESCAN_S:
                scanned = time.monotonic()
                yield None
            yield {Path(path) for _, path in changes}

    def _polls(self) -> Iterator[Changes]:
        while True:
            yield from self._ticks(self._poll_s or _POLL_S)
            yield None

    def _ticks(self, seconds: float) -> Iterator[Changes]:
        """Time passes; what was noted comes to rest."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(self._tick_s, left))
            yield set()

    # --- from changes to files ---------------------------------------------------------------

    def _scan(self, *, first: bool = False) -> None:
        """Note every file; those of before the start are as old as they say."""
        now, clock = time.monotonic(), time.time()
        for folder in self._folders:
            for path in files_below(folder):
                if self._matters(path):
                    self._settling.note(path, now, age_s=_age_s(path, clock) if first else 0.0)

    def _note(self, changes: set[Path]) -> None:
        now = time.monotonic()
        for changed in sorted(changes):
            path = self._as_named(changed)
            if path is None:
                continue
            paths = files_below(path) if path.is_dir() else [path]
            for each in paths:
                if self._matters(each):
                    self._settling.note(each, now)

    def _as_named(self, changed: Path) -> Path | None:
        """The path below the folder as the user named that; None for a hidden one."""
        for folder in self._folders:
            whole = folder.resolve()
            if changed.is_relative_to(whole):
                inner = changed.relative_to(whole)
                return folder / inner if all(map(names.is_open, inner.parts)) else None
        return None

    def _matters(self, path: Path) -> bool:
        return self._is_result(path.name) or self._is_beside(path.as_posix())

    def _is_result(self, name: str) -> bool:
        return self._is_wanted(name) or names.is_archive_name(name)

    def _step(self) -> None:
        """Ingest what has come to rest."""
        now = time.monotonic()
        if now < self._not_before:
            return
        due = self._settling.due(now)
        if due:
            self._take(due)

    def _take(self, due: Sequence[Due]) -> None:
        sources = self._sources(due)
        if not sources:
            return
        try:
            report = take_in(
                self._store,
                origins(sources, self._options.formats),
                self._options,
                workers=self._workers,
            )
        except (ConflictError, DatabaseUnavailableError) as error:
            self._wait_for_database(due, error)
            return
        if self._pause_s:
            self._say("the database can be used again")
            self._pause_s = 0.0
        self._report(report, {str(item.path): item for item in due})

    def _wait_for_database(self, due: Sequence[Due], error: Exception) -> None:
        if not self._pause_s:
            self._say(f"{error}: trying again until it works")
        self._pause_s = min(max(2 * self._pause_s, 1.0), _LONGEST_PAUSE_S)
        now = time.monotonic()
        self._not_before = now + self._pause_s
        self._settling.again(due, now)

    def _report(self, report: IngestReport, due: Mapping[str, Due]) -> None:
        """Tell what was done; a file that makes no sense may be half a file yet."""
        now = time.monotonic()
        for item in report.sources:
            if item.status in _SILENT:
                continue
            if item.status == "rejected":
                of = due.get(item.uri) or _archive_of(item.uri, due)
                if of is not None and self._settling.doubt(of, now):
                    continue
            self.totals.add(item)
            fresh = tuple(each for each in item.notices if (item.uri, each) not in self._said)
            self._said.update((item.uri, each) for each in fresh)
            self._tell(replace(item, notices=fresh))
        for remark in report.remarks:
            self._say(f"note: {remark}")

    def _sources(self, due: Sequence[Due]) -> list[Source]:
        """What to read: the files themselves, and those that they may be companions of."""
        found: dict[Path, Source] = {}
        for item in due:
            folder = next(each for each in self._folders if item.path.is_relative_to(each))
            if self._is_beside(item.path.as_posix()):
                for path in _neighbours(item.path, folder):
                    if self._is_result(path.name) and path not in self._settling:
                        found.setdefault(path, found_in(folder, path))
            if self._is_result(item.path.name):
                source = found_in(folder, item.path)
                begun = lines_so_far(source) if item.is_restless else source
                if begun is not None:
                    found[item.path] = begun
        return [found[path] for path in sorted(found)]


def _archive_of(uri: str, due: Mapping[str, Due]) -> Due | None:
    """The archive that a member is from."""
    return next((due[str(path)] for path in PurePath(uri).parents if str(path) in due), None)


def _age_s(path: Path, clock: float) -> float:
    try:
        return max(clock - path.stat().st_mtime, 0.0)
    except OSError:
        return 0.0


def _neighbours(path: Path, folder: Path) -> Iterator[Path]:
    """The files that a companion may belong to: beside it, above it, and one folder below."""
    above = [each for each in path.parents if each.is_relative_to(folder)]
    try:
        below = [each for each in path.parent.iterdir() if each.is_dir()]
        for each in (*above, *filter(lambda found: names.is_open(found.name), below)):
            yield from (found for found in each.iterdir() if found.is_file())
    except OSError:  # gone meanwhile
        return
