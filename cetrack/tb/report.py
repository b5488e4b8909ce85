"""What an export counts, and what it reports. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from cetrack.tb.events import EventFile
from cetrack.tb.logdir import Logdir


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportReport:
    """What an export did: of ``files``, ``unchanged`` were there already, byte for byte."""

    logdir: Path
    runs: int
    scalars: int
    files: int
    unchanged: int
    removed: int
    beyond_float32: int
    warnings: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Tally:
    """What has been written so far."""

    runs: int = 0
    scalars: int = 0
    beyond_float32: int = 0
    warnings: list[str] = field(default_factory=list)

    def count(self, event_file: EventFile) -> None:
        """Add up what a file holds."""
        self.scalars += event_file.points
        self.beyond_float32 += event_file.beyond_float32

    def report(self, target: Logdir) -> ExportReport:
        """The whole, once ``target`` is finished."""
        lost = f"values beyond float32, written as infinity: {self.beyond_float32:,}"
        return ExportReport(
            logdir=target.root,
            runs=self.runs,
            scalars=self.scalars,
            files=target.files,
            unchanged=target.unchanged,
            removed=target.removed,
            beyond_float32=self.beyond_float32,
            warnings=(
                *self.warnings,
                *([f"{lost}; the database keeps them"] if self.beyond_float32 else []),
            ),
        )
