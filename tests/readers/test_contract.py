"""What holds for every reader, on whole, cut and broken sources."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cetrack.domain import Identity, NormalRun, Notice, RunRecord
from cetrack.errors import ReadError
from cetrack.identity import canonical_json, content_key, head_key
from cetrack.ingest import IngestOptions, ingest
from cetrack.normalize import normalize
from cetrack.readers.base import Match
from cetrack.readers.registry import choose, readers
from cetrack.readers.source import Source
from tests.readers.reading import SAMPLES, source

FILES = sorted(path for path in SAMPLES.rglob("*") if path.is_file())
CONTENTS = [path.read_bytes() for path in FILES]
SETTINGS = {"model": "m", "precision": "int8"}
each_sample = pytest.mark.parametrize(
    "path", FILES, ids=lambda path: path.relative_to(SAMPLES).as_posix()
)


def opened(path: Path) -> Source:
    return Source(str(path), path=path)


def described(value: Any) -> Any:
    """A value as text that is equal for equal values, arrays included."""
    if isinstance(value, np.ndarray):
        return [repr(item) for item in value.tolist()]
    if isinstance(value, (list, tuple)):
        return [described(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: described(getattr(value, name)) for name in value.__dataclass_fields__}
    return repr(value)


def consume(found: Source, *, reader: str | None = None) -> list[RunRecord | Notice]:
    """Read, normalise and identify everything; raises only ReadError, or this test fails."""
    chosen = readers()[reader] if reader else choose(found)[0]
    items = list(chosen.read(found))
    for item in items:
        if isinstance(item, RunRecord):
            check(item, normalize(item))
    return items


def attempt(found: Source, reader: str | None) -> bool:
    """True when the source was read; a rejection is one line."""
    try:
        return bool(consume(found, reader=reader))
    except ReadError as error:
        problem = str(error)
    assert "\n" not in problem
    return False


def check(record: RunRecord, run: NormalRun) -> None:
    """What the store relies on."""
    names = [series.metric.name for series in run.series]
    assert len(set(names)) == len(names)
    for series in run.series:
        assert len(series.steps) == len(series.values) > 0
        assert (np.diff(series.steps) > 0).all()
        assert series.steps.dtype == np.int64
        assert series.values.dtype == np.float64
    stored = [*names, *run.params, *run.tags, run.model.name, run.model.input_shape]
    for text in [*stored, run.precision.name, *map(str, run.params.values())]:
        text.encode()
        assert "\0" not in text
    assert all(0 < len(name) <= 200 for name in [*names, *run.params, *run.tags])
    for value in run.params.values():
        assert not isinstance(value, int) or abs(value) < 2**63
    canonical_json(record.raw)
    content_key(record, "default", ordinal=0)
    head_key(record, record.series, where="")


@each_sample
def test_a_sample_is_claimed_by_exactly_its_own_reader(path: Path) -> None:
    folder = path.relative_to(SAMPLES).parts[0]
    reader, match = choose(opened(path))

    assert reader.name == folder
    assert (match is Match.MAYBE) == (folder == "results")  # which goes last of all


@each_sample
def test_reading_twice_gives_equal_records(path: Path) -> None:
    found = opened(path)
    if choose(found)[1] is Match.COMPANION:
        return

    first, second = consume(found), consume(opened(path))

    assert described(first) == described(second) == described(consume(found))
    assert any(isinstance(item, RunRecord) for item in first)


@each_sample
def test_a_cut_sample_raises_only_read_errors_or_says_what_is_missing(path: Path) -> None:
    content = path.read_bytes()
    for end in range(0, len(content), 10):
        for name in (None, *readers()):
            attempt(source(content[:end], path.name), name)


_VALUES = (
    b"NaN", b"null", b"true", b"1e400", b"-1", b"[]", b"{}", b'""', b'"\\ud800"', b'"\\u0000"',
    b"1" * 400, b"[1, null]", b'{"mean": 1, "std": 2}', b'"n/a"', b"0.5", b"[[1]]",
    b"9223372036854775808", b'"NaN"', b'{"value": 1, "unit": "s"}', b'"int8"', b'"12 ms"',
)  # fmt: skip
_KEYS = (
    b'"epoch"', b'"model"', b'"precision"', b'"metrics"', b'"fp32"', b'"baseline"', b'"compressed"',
    b'"seed"', b'"status"', b'"timestamp"', b'"train_loss"', b'"history"', b'"train"', b'"steps"',
    b'"values"', b'"wall_times"', b'"unit"', b'"input_shape"', b'"cetrack"', b'""', b'"n"',
    b'"uid"', b'"environment"', b'"params"', b'"artifacts"', b'"model_info"', b'"config"',
)  # fmt: skip
_VALUE = re.compile(rb'(?<=[:\[,])\s*("[^"]*"|-?[\d.]+|null|true|false|NaN)')
_KEY = re.compile(rb'("[^"]*")(?=\s*:)')


def mutated(content: bytes, numbers: random.Random) -> bytes:
    """A content with up to four accidents: bytes flipped, lost or doubled, other values or keys."""
    for _ in range(numbers.randint(1, 4)):
        at = numbers.randrange(len(content) + 1)
        end = min(len(content), at + numbers.randint(1, 30))
        kind = numbers.randrange(7)
        if kind == 0:
            content = content[:at] + bytes([numbers.randrange(256)]) + content[at + 1 :]
        elif kind == 1:
            content = content[:at] + content[end:]
        elif kind == 2:
            content = content[:end] + content[at:]
        elif kind == 3:
            content = content[:at] + numbers.choice(CONTENTS)[at:end] + content[at:]
        elif kind == 4:
            content = (
                content[:at] + bytes([numbers.choice(b'{}[]",:;\t\r\n\\ 0-.e#')]) + content[at:]
            )
        else:
            pattern, new = (_VALUE, _VALUES) if kind == 5 else (_KEY, _KEYS)
            places = list(pattern.finditer(content))
            if places:
                place = numbers.choice(places)
                content = content[: place.start(1)] + numbers.choice(new) + content[place.end(1) :]
    return content


@pytest.mark.parametrize("seed", range(4))
def test_thousands_of_accidents_raise_only_read_errors(seed: int) -> None:
    numbers = random.Random(seed)
    taken = 0
    for _ in range(1500):
        content = mutated(numbers.choice(CONTENTS), numbers)
        name = numbers.choice(["a.json", "a.jsonl", "a.csv"])
        found = source(content, name)
        for reader in readers().values():
            reader.sniff(found)
        for chosen in (None, numbers.choice(sorted(readers()))):
            taken += attempt(found, chosen)
    assert taken > 300


def test_random_bytes_are_sniffed_without_a_word() -> None:
    numbers = random.Random(5)
    starts = [b"", b"{", b"[", b"\x1f\x8b", b"\xff\xfe", b"\xef\xbb\xbf{", b"epoch,", b'{"a":1}\n{']
    for _ in range(5000):
        content = numbers.choice(starts) + numbers.randbytes(numbers.randrange(60))
        for reader in readers().values():
            reader.sniff(source(content))


def test_a_dry_run_of_accidents_reports_and_never_raises(tmp_path: Path) -> None:
    numbers = random.Random(11)
    names = ["lenet_int8.json", "log.jsonl", "vgg/fp32.csv", "a.json.gz"]
    for number in range(400):
        path = tmp_path / str(number) / numbers.choice(names)
        path.parent.mkdir(parents=True)
        path.write_bytes(mutated(numbers.choice(CONTENTS), numbers))

    report = ingest(None, [str(tmp_path)], IngestOptions(dry_run=True))
    stated = ingest(None, [str(tmp_path)], IngestOptions(dry_run=True, settings=SETTINGS))

    assert len(report.sources) == len(stated.sources) == 400
    assert all(item.problem for item in report.rejected)
    assert 0 < len(stated.rejected) == len(report.rejected) < 400


def test_snapshots_have_a_raw_entry_and_logs_have_points() -> None:
    for path in FILES:
        for item in consume(opened(path)):
            if isinstance(item, RunRecord) and item.identity is Identity.SNAPSHOT:
                assert item.raw
            elif isinstance(item, RunRecord) and item.identity is Identity.LOG:
                assert item.series
