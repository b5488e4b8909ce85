"""When a file was last committed: one ``git log`` per repository."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

from cetrack.repository import ask_git


class GitTimes:
    """Commit times of tracked, unmodified files; asks each repository once."""

    def __init__(self) -> None:
        self._roots: dict[Path, Path | None] = {}
        self._times: dict[Path, dict[str, datetime]] = {}

    def committed_at(self, path: Path) -> datetime | None:
        """The time of the last commit that changed ``path``, None outside a repository, and for
        a file that is untracked or changed since."""
        folder = path.absolute().parent
        if folder not in self._roots:
            self._roots[folder] = _root(folder)
        root = self._roots[folder]
        if root is None:
            return None
        if root not in self._times:
            self._times[root] = _commit_times(root)
        try:
            inside = path.resolve().relative_to(root).as_posix()
        except ValueError:
            return None
        return self._times[root].get(inside)


def _root(folder: Path) -> Path | None:
    if not any((parent / ".git").exists() for parent in (folder, *folder.parents)):
        return None  # the common case without starting a process
    found = _git(folder, "rev-parse", "--show-toplevel")
    return Path(found.strip()).resolve() if found else None


def _commit_times(root: Path) -> dict[str, datetime]:
    log = _git(root, "log", "--format=%x01%ct", "--name-only", "-z", "--no-renames") or ""
    times: dict[str, datetime] = {}
    moment = datetime.fromtimestamp(0, UTC)
    for field in log.replace("\n", "\0").split("\0"):
        if field.startswith("\x01"):
            moment = datetime.fromtimestamp(int(field[1:]), UTC)
        elif field:
            times.setdefault(field, moment)
    changed = _git(root, "diff", "--name-only", "-z", "HEAD") or ""
    for name in changed.split("\0"):
        times.pop(name, None)
    return times


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        return ask_git(folder, *arguments)
    except (OSError, subprocess.SubprocessError):
        return None  # no git, or not one that works here: the next source of time is asked
