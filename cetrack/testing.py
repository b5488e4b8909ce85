"""What every reader has to pass, ours and those of plug-ins.

::

    from pathlib import Path
    from cetrack.testing import ReaderContract

    class TestMyReader(ReaderContract):
        reader = MyReader()
        samples = Path(__file__).parent / "samples" / "mine"

pytest runs it. ``samples`` is a folder of files as the format's own tool writes them, each with its
companions beside it; the reader need not be installed as a plug-in. Only assertions fail: anything
but ReadError that a reader raises is a failure of its test.
"""

from __future__ import annotations

import random
import re
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any, ClassVar

import numpy as np

from cetrack.domain import Identity, NormalRun, Notice, RunRecord
from cetrack.errors import ReadError
from cetrack.identity import canonical_json, content_key, head_key
from cetrack.normalize import normalize
from cetrack.readers.base import Match, Reader
from cetrack.readers.registry import readers
from cetrack.readers.source import Source

_INT64_END = 2**63
_LONGEST_NAME = 200
_CUTS = 400  # of a sample: every tenth byte of a small one
_ACCIDENTS = 300
_RANDOM_HEADS = 500
_STARTS = (b"", b"{", b"[", b"\x1f\x8b", b"\xff\xfe", b"\xef\xbb\xbf{", b"epoch,", b'{"a":1}\n{')


class ReaderContract:
    """Set ``reader`` and ``samples``; see the module."""

    reader: ClassVar[Reader]
    samples: ClassVar[Path]

    def test_it_describes_itself(self) -> None:
        """Name, version and what the docs print."""
        reader = self.reader
        assert re.fullmatch(r"[a-z][a-z0-9_]*", reader.name)
        assert reader.version >= 1
        assert reader.suffixes or reader.patterns, "in a folder it would never be asked"
        assert all(suffix.startswith(".") for suffix in reader.suffixes)
        for text in (reader.description, reader.recognises, reader.maps_to, reader.example):
            assert text.strip()

    def test_samples_are_its_own(self) -> None:
        """It is sure of every sample, no other reader is, and some of them hold runs."""
        files = self._files()
        assert files, f"no samples in {self.samples}"
        for path in files:
            source = opened(path, self.samples)
            mine = self.reader.sniff(source)
            assert mine > Match.MAYBE or self.reader.is_last_resort, path
            others = [
                item
                for item in readers().values()
                if item.name != self.reader.name and not item.is_last_resort
            ]
            rivals = [item.name for item in others if item.sniff(source) >= mine]
            assert not rivals or mine is Match.COMPANION, (path, rivals)
        assert any(self._runs(opened(path, self.samples)) for path in files)

    def test_reading_twice_gives_equal_records(self) -> None:
        """From one source and from a fresh one."""
        for path in self._main_files():
            source = opened(path, self.samples)
            first = described(list(self.reader.read(source)))
            assert first == described(list(self.reader.read(source)))
            assert first == described(list(self.reader.read(opened(path, self.samples))))

    def test_runs_can_be_stored(self) -> None:
        """Steps rise, names are unique, values fit the columns of a database."""
        for path in self._main_files():
            for record in self._runs(opened(path, self.samples)):
                check_run(record, normalize(record))

    def test_a_cut_sample_is_read_or_refused(self) -> None:
        """At every tenth byte; a refusal is one line."""
        for path in self._main_files():
            content = path.read_bytes()
            with self._folder(path) as copy:
                for end in range(0, len(content), max(10, len(content) // _CUTS)):
                    copy.write_bytes(content[:end])
                    attempt(self.reader, opened(copy, copy.parent))

    def test_accidents_are_read_or_refused(self) -> None:
        """Bytes flipped, lost and doubled, other values and keys; in companions too."""
        numbers = random.Random(self.reader.name)
        for path in self._files():
            content = path.read_bytes()
            with self._folder(path) as copy:
                mains = [item for item in self._main_files() if item.parent == path.parent]
                names = [item.name for item in mains] or [path.name]
                for _ in range(max(1, _ACCIDENTS // len(self._files()))):
                    copy.write_bytes(mutated(content, numbers))
                    for name in {path.name, *names}:
                        attempt(self.reader, opened(copy.parent / name, copy.parent))

    def test_other_encodings_are_read_or_refused(self) -> None:
        """With a byte-order mark, as UTF-16, with the line ends of Windows the runs are the same;
        bytes that are no text are refused."""
        for path in self._main_files():
            content = path.read_bytes()
            if self.reader.is_binary or not _is_text(content):
                continue
            with self._folder(path) as copy:
                count = len(self._runs(opened(copy, copy.parent)))
                text = content.decode()
                unix = text.replace("\r\n", "\n")
                for other in (
                    b"\xef\xbb\xbf" + content,
                    unix.replace("\n", "\r\n").encode(),
                    text.encode("utf-16"),
                ):
                    copy.write_bytes(other)
                    assert len(self._runs(opened(copy, copy.parent))) == count, path
                copy.write_bytes(content[: len(content) // 2] + b"\xe9\xff" + content)
                attempt(self.reader, opened(copy, copy.parent))

    def test_sniffing_never_raises(self) -> None:
        """Whatever the file begins with; an objection may find it unreadable."""
        numbers = random.Random(5)
        for _ in range(_RANDOM_HEADS):
            content = numbers.choice(_STARTS) + numbers.randbytes(numbers.randrange(60))
            source = Source("file", content=content)
            self.reader.sniff(source)
            with suppress(ReadError):
                self.reader.objection(source)

    def _files(self) -> list[Path]:
        return sorted(path for path in self.samples.rglob("*") if path.is_file())

    def _main_files(self) -> list[Path]:
        """The samples without the companions."""
        pairs = [(path, self.reader.sniff(opened(path, self.samples))) for path in self._files()]
        return [path for path, match in pairs if match not in (Match.COMPANION, Match.NO)]

    def _runs(self, source: Source) -> list[RunRecord]:
        if self.reader.sniff(source) is Match.COMPANION:
            return []
        return [item for item in self.reader.read(source) if isinstance(item, RunRecord)]

    def _folder(self, path: Path) -> _Copied:
        return _Copied(path, self.samples)


class _Copied:
    """A copy of a sample with all that lies in its folder and above it, to be broken."""

    def __init__(self, path: Path, samples: Path) -> None:
        self._path = path
        self._samples = samples
        self._holder = tempfile.TemporaryDirectory(prefix="cetrack-contract-")

    def __enter__(self) -> Path:
        whole = Path(self._holder.name) / "samples"
        shutil.copytree(self._samples, whole)
        return whole / self._path.relative_to(self._samples)

    def __exit__(self, *_: object) -> None:
        self._holder.cleanup()


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in content


def opened(path: Path, below: Path) -> Source:
    """A file as ``ingest`` opens it when the folder ``below`` was named."""
    return Source(str(path), path=path, inner=PurePath(path.relative_to(below)))


def attempt(reader: Reader, source: Source) -> list[RunRecord]:
    """The runs of a source, checked and normalised; none where it is refused, in one line."""
    try:
        reader.sniff(source)
        reader.objection(source)
        found = [item for item in reader.read(source) if not isinstance(item, Notice)]
    except ReadError as error:
        assert "\n" not in str(error)
        return []
    for record in found:
        check_run(record, normalize(record))
    return found


def check_run(record: RunRecord, run: NormalRun) -> None:
    """Assert what the store relies on."""
    names = [series.metric.name for series in run.series]
    assert len(set(names)) == len(names), names
    for series in run.series:
        assert len(series.steps) == len(series.values) > 0, series.source_name
        assert (np.diff(series.steps) > 0).all(), series.source_name
        assert series.steps.dtype == np.int64
        assert series.values.dtype == np.float64
    stored = [*names, *run.params, *run.tags, run.model.name, run.model.input_shape]
    for text in [*stored, run.precision.name, *map(str, run.params.values())]:
        text.encode()
        assert "\0" not in text
    assert all(0 < len(name) <= _LONGEST_NAME for name in [*names, *run.params, *run.tags])
    for value in run.params.values():
        assert not isinstance(value, int) or abs(value) < _INT64_END
    if record.identity is Identity.SNAPSHOT:
        canonical_json(record.raw)
        content_key(record, "default", ordinal=0)
    elif record.identity is Identity.UID:
        assert record.uid
    head_key(record, record.series, where="")


def described(value: Any) -> Any:
    """A value as plain text and lists that are equal for equal values, arrays included."""
    if isinstance(value, np.ndarray):
        return [repr(item) for item in value.tolist()]
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [described(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: described(getattr(value, name)) for name in value.__dataclass_fields__}
    return repr(value)


# --- accidents -----------------------------------------------------------------------------------

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
_CELLS = (
    b"", b"nan", b"NA", b"None", b"inf", b"-1", b"1e999", b"0,5", b"-", b"x" * 300, b"1" * 400,
    b"\xe9", b"\0", b"'", b'"', b"  7 ", b"0x10", b"1_000", b"int8", b"12 ms",
)  # fmt: skip
_VALUE = re.compile(rb'(?<=[:\[,])\s*("[^"]*"|-?[\d.]+|null|true|false|NaN)')
_KEY = re.compile(rb'("[^"]*")(?=\s*:)')
_CELL = re.compile(rb"([^,;\t\n\r =:]+)")
_PUNCTUATION = b'{}[]",:;\t\r\n\\ 0-.e#'


def mutated(content: bytes, numbers: random.Random) -> bytes:
    """A content with up to four accidents: bytes flipped, lost, doubled or put in, lines repeated
    or swapped, other values, keys and cells."""
    for _ in range(numbers.randint(1, 4)):
        content = numbers.choice(_ACCIDENT_KINDS)(content, numbers)
    return content


def _span(content: bytes, numbers: random.Random) -> tuple[int, int]:
    at = numbers.randrange(len(content) + 1)
    return at, min(len(content), at + numbers.randint(1, 30))


def _flip(content: bytes, numbers: random.Random) -> bytes:
    at, _ = _span(content, numbers)
    return content[:at] + bytes([numbers.randrange(256)]) + content[at + 1 :]


def _lose(content: bytes, numbers: random.Random) -> bytes:
    at, end = _span(content, numbers)
    return content[:at] + content[end:]


def _double(content: bytes, numbers: random.Random) -> bytes:
    at, end = _span(content, numbers)
    return content[:end] + content[at:]


def _put_in(content: bytes, numbers: random.Random) -> bytes:
    at, _ = _span(content, numbers)
    return content[:at] + bytes([numbers.choice(_PUNCTUATION)]) + content[at:]


def _shuffle_lines(content: bytes, numbers: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    if lines:
        first, second = numbers.randrange(len(lines)), numbers.randrange(len(lines))
        lines.insert(first, lines[second])
    return b"".join(lines)


def _replace(pattern: re.Pattern[bytes], choices: Sequence[bytes]) -> Any:
    def replaced(content: bytes, numbers: random.Random) -> bytes:
        places = list(pattern.finditer(content[:20_000]))
        if not places:
            return content
        place = numbers.choice(places)
        return content[: place.start(1)] + numbers.choice(choices) + content[place.end(1) :]

    return replaced


_ACCIDENT_KINDS = (
    _flip, _lose, _double, _put_in, _shuffle_lines, _replace(_VALUE, _VALUES),
    _replace(_KEY, _KEYS), _replace(_CELL, _CELLS),
)  # fmt: skip
