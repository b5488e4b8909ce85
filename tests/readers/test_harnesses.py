"""What holds for all readers of benchmark harnesses: encodings, line ends, other tools' files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cetrack.errors import ReadError
from cetrack.testing import described
from tests.readers.reading import SAMPLES, claimed_by, read, values

HARNESSES = (
    "asv", "bencher", "google_benchmark", "lnt", "nncf", "olive", "pyperf", "pytest_benchmark",
    "qai_hub", "torch_hud",
)  # fmt: skip
FILES = [
    path
    for name in HARNESSES
    for path in sorted((SAMPLES / name).rglob("*.*"))
    if path.is_file() and path.name not in ("benchmarks.json", "machine.json")
]
each_file = pytest.mark.parametrize(
    "path", FILES, ids=lambda path: f"{path.parent.name}-{path.name}"
)


def encoded(text: str, how: str) -> bytes:
    if how == "CRLF":
        return text.replace("\n", "\r\n").encode()
    return text.encode(how)


@each_file
@pytest.mark.parametrize("how", ["utf-8-sig", "utf-16", "CRLF"])
def test_the_encoding_of_a_file_does_not_matter(path: Path, how: str) -> None:
    text = path.read_text(encoding="utf-8")
    plain, other = read(text, path.name), read(encoded(text, how), path.name)

    assert other.reader == plain.reader
    assert described([values(run) for run in other.runs]) == described(
        [values(run) for run in plain.runs]
    )
    assert described(other.notices) == described(plain.notices)


@each_file
def test_half_a_file_is_an_error_or_less_of_it(path: Path) -> None:
    whole = path.read_bytes()
    try:
        reading = read(whole[: len(whole) // 2], path.name)
    except ReadError:
        return
    assert len(reading.records) <= len(read(whole, path.name).records)


@pytest.mark.parametrize(
    "content",
    [
        {"benchmarks": []},
        {"benchmarks": [{"name": "a", "value": 1}]},
        {"benchmarks": {"a": 1}},
        {"results": {"a": 1}, "version": 1},
        {"metrics": [{"metric_name": "a", "value": 1}]},
        [{"benchmark": "a", "metric": "b", "value": 1}],
        {"run": {}, "tests": []},
        {"models": [{"name": "a", "performance": 1}]},
    ],
)
def test_a_file_that_is_only_alike_is_nobodys(content: Any) -> None:
    assert claimed_by(content) == []
    assert claimed_by(json.dumps(content), "results.yaml") == []
