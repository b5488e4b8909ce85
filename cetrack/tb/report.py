"""What an export counts, and what it reports. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

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

    @classmethod
    def of(cls, target: Logdir, *, runs: int, warnings: Iterable[str]) -> Self:
        """The report on a folder that is finished."""
        lost = f"values beyond float32, written as infinity: {target.beyond_float32:,}"
        return cls(
            logdir=target.root,
            runs=runs,
            scalars=target.scalars,
            files=target.files,
            unchanged=target.unchanged,
            removed=target.removed,
            beyond_float32=target.beyond_float32,
            warnings=(
                *warnings,
                *([f"{lost}; the database keeps them"] if target.beyond_float32 else []),
            ),
        )
