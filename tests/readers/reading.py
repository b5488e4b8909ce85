"""Sources from literals, and what comes of them: records, notices, normalised runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cetrack.domain import NormalRun, Notice, RunRecord
from cetrack.normalize import normalize
from cetrack.readers.registry import choose, readers
from cetrack.readers.source import Source

SAMPLES = Path(__file__).parent / "samples"


def as_bytes(content: Any) -> bytes:
    """Bytes and text as they are, anything else as JSON."""
    if isinstance(content, bytes):
        return content
    text = content if isinstance(content, str) else json.dumps(content)
    return text.encode("utf-8", "surrogatepass")


def source(content: Any, name: str = "file.json") -> Source:
    """A stream of that name."""
    return Source(name, content=as_bytes(content))


def sample(name: str) -> Source:
    """A sample file."""
    path = SAMPLES / name
    return Source(str(path), path=path)


@dataclass(frozen=True)
class Reading:
    """What a reader yielded for a source."""

    reader: str
    records: list[RunRecord]
    notices: list[str]

    @property
    def runs(self) -> list[NormalRun]:
        """The records, normalised."""
        return [normalize(record) for record in self.records]

    @property
    def said(self) -> list[str]:
        """All notices, those of the runs included, as ``place: text``."""
        of_runs = [said(notice) for run in self.runs for notice in run.notices]
        return [*self.notices, *of_runs]


def said(notice: Notice) -> str:
    """A notice as one line."""
    return f"{notice.place}: {notice.text}"


def read(content: Any, name: str = "file.json", *, reader: str | None = None) -> Reading:
    """Read with the reader that claims the content, or the one named."""
    found = content if isinstance(content, Source) else source(content, name)
    chosen = readers()[reader] if reader else choose(found)[0]
    items = list(chosen.read(found))
    return Reading(
        chosen.name,
        [item for item in items if isinstance(item, RunRecord)],
        [said(item) for item in items if isinstance(item, Notice)],
    )


def claimed_by(content: Any, name: str = "file.json") -> list[str]:
    """The readers with the highest claim to a content."""
    found = content if isinstance(content, Source) else source(content, name)
    answers = {key: item.sniff(found) for key, item in readers().items()}
    return [key for key, answer in answers.items() if answer and answer == max(answers.values())]


def points(run: NormalRun) -> dict[str, dict[int, float]]:
    """Metric → step → value."""
    return {
        item.metric.name: dict(zip(item.steps.tolist(), item.values.tolist(), strict=True))
        for item in run.series
    }


def values(run: NormalRun) -> dict[str, float]:
    """Metric → its only value."""
    return {name: only[0] for name, only in points(run).items()}
