"""What holds for every reader, on whole, cut and broken sources; plug-ins run the same suite."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import func, select

from cetrack.domain import Identity, RunRecord
from cetrack.errors import ReadError
from cetrack.ingest import IngestOptions, ingest
from cetrack.models import Run, RunSource
from cetrack.models import Source as SourceRow
from cetrack.readers.base import Match
from cetrack.readers.registry import built_in, choose, readers
from cetrack.reading import DEFECT
from cetrack.store import Store
from cetrack.testing import ReaderContract, mutated, opened
from tests.readers.reading import SAMPLES, source

FILES = sorted(path for path in SAMPLES.rglob("*") if path.is_file())
SETTINGS = {"model": "m", "precision": "int8"}

# the readers that only say why a format cannot be read
REFUSING = {"aim"}

for _name, _reader in built_in().items():
    if _name in REFUSING:
        continue
    globals()[f"Test_{_name}"] = type(
        f"Test_{_name}", (ReaderContract,), {"reader": _reader, "samples": SAMPLES / _name}
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SAMPLES).as_posix())
def test_a_sample_is_chosen_by_its_own_reader(path: Path) -> None:
    reader, _ = choose(opened(path, SAMPLES))

    assert reader.name == path.relative_to(SAMPLES).parts[0]


def test_accidents_are_sniffed_by_all() -> None:
    numbers = random.Random(3)
    for path in FILES:
        for _ in range(5):
            found = source(mutated(path.read_bytes(), numbers), path.name)
            for reader in readers().values():
                reader.sniff(found)
                with suppress(ReadError):
                    reader.objection(found)


def test_accidents_are_wholly_in_or_wholly_absent(store: Store, tmp_path: Path) -> None:
    check_accidents(store, tmp_path, numbers=random.Random(11), count=300)


def check_accidents(store: Store, folder: Path, *, numbers: random.Random, count: int) -> int:
    """Ingest broken samples, each beside its whole companions; returns how many were taken."""
    paths = []
    for number in range(count):
        sample = FILES[number % len(FILES)]
        target = folder / str(number)
        target.mkdir(parents=True)
        for beside in sample.parent.iterdir() if sample.parent.parent != SAMPLES else [sample]:
            if beside.is_file():
                (target / beside.name).write_bytes(beside.read_bytes())
        path = target / sample.name
        path.write_bytes(mutated(sample.read_bytes(), numbers))
        paths.append(str(path))

    report = ingest(store, paths, IngestOptions(settings=SETTINGS))

    assert len(report.sources) == len(set(paths))
    assert all(item.problem and "\n" not in item.problem for item in report.rejected)
    assert [item for item in report.rejected if DEFECT in (item.problem or "")] == []
    taken = {
        Path(item.uri).absolute().as_posix(): item
        for item in report.sources
        if item.reader and item.status not in ("rejected", "companion")
    }
    with store.read() as connection:
        stored = dict(map(tuple, connection.execute(select(SourceRow.uri, SourceRow.run_count))))
        orphans = select(func.count()).where(~Run.id.in_(select(RunSource.run_id)))
        assert connection.scalar(orphans) == 0
    for uri, item in taken.items():
        met = item.runs_new + item.runs_updated + item.runs_unchanged
        assert stored[uri] == met, uri
    return len(taken)


def test_a_dry_run_of_accidents_reports_and_never_raises(tmp_path: Path) -> None:
    numbers = random.Random(11)
    for number in range(200):
        sample = numbers.choice(FILES)
        path = tmp_path / str(number) / sample.name
        path.parent.mkdir(parents=True)
        path.write_bytes(mutated(sample.read_bytes(), numbers))

    report = ingest(None, [str(tmp_path)], IngestOptions(dry_run=True))

    assert all(item.problem for item in report.rejected)
    assert 0 < len(report.rejected) < len(report.sources)


def test_snapshots_have_a_raw_entry_and_logs_have_points() -> None:
    for path in FILES:
        found = opened(path, SAMPLES)
        reader, match = choose(found)
        items = [] if match is Match.COMPANION else list(reader.read(found))
        for item in items:
            if isinstance(item, RunRecord) and item.identity is Identity.SNAPSHOT:
                assert item.raw
            elif isinstance(item, RunRecord) and item.identity is Identity.LOG:
                assert item.series
