"""Where the figures come from: hardware and versions, without names of hosts, people or paths."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_LIBRARIES = ("numpy", "sqlalchemy", "orjson", "pandas", "psycopg", "typer", "rich")


def describe() -> dict[str, str]:
    """What is told about this machine and this checkout, by its name."""
    facts = {
        "processor": _processor(),
        "cores": str(
            len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        ),
        "memory": _memory(),
        "load by others before": _load(),
        "system": platform.system(),
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "libraries": ", ".join(_versions()),
        "SQLite": sqlite3.sqlite_version,
        "commit": _commit(),
    }
    return {name: fact for name, fact in facts.items() if fact}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _memory() -> str:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return ""
    return f"{size / 2**30:.0f} GiB"


def _load() -> str:
    try:
        return f"{os.getloadavg()[0]:.1f} of {os.cpu_count()} cores"
    except OSError:
        return ""


def _versions() -> Iterator[str]:
    for name in _LIBRARIES:
        yield f"{name} {importlib.metadata.version(name)}"


def _commit() -> str:
    """The commit of this checkout, blank outside one."""
    try:
        return _git("rev-parse", "--short=10", "HEAD") + (
            " with changes" if _git("status", "--porcelain", "--", "cetrack", "migrations") else ""
        )
    except (OSError, subprocess.CalledProcessError):
        return ""


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=_ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
