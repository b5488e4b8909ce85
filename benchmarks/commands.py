"""Whole processes, timed from outside: seconds, CPU seconds, peak memory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CETRACK = (sys.executable, "-m", "cetrack")
_LAUNCH = Path(__file__).with_name("launch.py")
_KIB = 1024


class CommandError(Exception):
    """A command ended with a code that is not 0; the message is its error, or its last line."""

    def __init__(self, code: int, said: str) -> None:
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("cetrack: error:")]
        super().__init__((errors or lines[-1:] or [f"exit code {code}"])[0])
        self.code = code


@dataclass(frozen=True, slots=True)
class Taken:
    """What a command took; ``peak_mb`` is its largest resident size, 10**6 bytes, with that of the
    processes that it has started."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    stdout: str

    @property
    def told(self) -> str:
        """The times as a remark: on a machine that others use too, they lie apart."""
        return f"{self.seconds:.2f} s, {self.cpu_seconds:.2f} s of CPU"

    @property
    def answer(self) -> Any:
        """The JSON that the command has printed."""
        return json.loads(self.stdout)


def run(command: Sequence[str], folder: Path, variables: Mapping[str, str] | None = None) -> Taken:
    """Run a command in ``folder`` on this checkout's code. Raises CommandError when it fails."""
    with tempfile.TemporaryDirectory() as outputs:
        output = str(Path(outputs) / "said")
        launched = _launched(
            [sys.executable, "-S", str(_LAUNCH), output, *command],
            folder,
            _environment() | dict(variables or {}),
        )
        stdout, stderr = (Path(f"{output}.{name}").read_text("utf-8") for name in ("out", "err"))
    taken = json.loads(launched)
    if taken["code"]:
        raise CommandError(taken["code"], stderr)
    peak_mb = taken["peak_kib"] * _KIB / 1e6
    return Taken(taken["seconds"], taken["cpu_seconds"], peak_mb, stdout)


def _launched(command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> str:
    """What the launcher prints. It and its command end with us when we are interrupted."""
    launcher = subprocess.Popen(
        command, cwd=folder, env=variables, stdout=subprocess.PIPE, text=True, process_group=0
    )
    try:
        said, _ = launcher.communicate()
    except BaseException:
        os.killpg(launcher.pid, signal.SIGKILL)
        launcher.wait()
        raise
    if launcher.returncode:
        raise CommandError(launcher.returncode, f"no such command: {command[4]}")
    return said


def _environment() -> dict[str, str]:
    """This checkout first, and no setting of the user's."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CETRACK_")}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}


def middle(taken: Sequence[Taken]) -> Taken:
    """Of several measurements the one in the middle by time, at the highest peak of all."""
    ordered = sorted(taken, key=lambda one: one.seconds)
    return replace(ordered[(len(ordered) - 1) // 2], peak_mb=max(one.peak_mb for one in taken))
