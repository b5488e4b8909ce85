"""Choosing a reader, plug-ins, and the pages made from the registry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cetrack.domain import Notice, RunRecord
from cetrack.errors import ReadError, UnknownFormatError, UsageError
from cetrack.metrics import metrics_markdown
from cetrack.readers import registry
from cetrack.readers.base import Match, Reader
from cetrack.readers.registry import built_in, choose, formats_markdown, reader_named, readers
from cetrack.readers.source import Source
from tests.readers.reading import claimed_by, source

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param("", "the file is empty", id="empty"),
        pytest.param(" \n", "the file is empty", id="blank"),
        pytest.param("[1, 2]", "a JSON list in a shape that no reader knows", id="list"),
        pytest.param('{"a": 1}', "a JSON object in a shape that no reader knows", id="object"),
        pytest.param('{"a": 1}\n{"b": 2}\n', "JSON lines in a shape that no reader", id="lines"),
        pytest.param('{"a": ', "byte 6: invalid JSON", id="cut"),
        pytest.param('{"a": 1} 5', "byte 9: invalid JSON: Extra data", id="two documents"),
        pytest.param("a,b\n1,2\n", "no reader understands it", id="another table"),
        pytest.param("\0\1\2", "a binary file that no reader knows", id="binary"),
        pytest.param("Größe".encode("latin-1"), "byte 2: not UTF-8 text", id="latin-1"),
        pytest.param(
            b"version https://git-lfs.github.com/spec/v1\n", "a git-LFS pointer", id="git-lfs"
        ),
        pytest.param(b"\x1f\x8b\x08", "gzip: ", id="cut gzip"),
    ],
)
def test_what_nobody_reads_says_why(content: str | bytes, problem: str) -> None:
    with pytest.raises(ReadError) as caught:
        choose(source(content))

    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_letter_at_the_end_of_the_head_is_not_taken_for_another_encoding() -> None:
    text = "x" * 65_535 + "é" * 10

    with pytest.raises(UnknownFormatError, match="no reader understands it"):
        choose(source(text))


def test_a_reader_is_found_by_name_and_a_misspelt_one_helped() -> None:
    assert reader_named("epochs").name == "epochs"
    with pytest.raises(UsageError) as caught:
        reader_named("epoch")
    assert caught.value.hint == "did you mean epochs?"
    with pytest.raises(UsageError) as caught:
        reader_named("zzz")
    assert caught.value.hint == f"there are: {', '.join(built_in())}"


# --- plug-ins --------------------------------------------------------------------------------


class Plugged(Reader):
    """A reader of a format that a plug-in brings."""

    name = "plugged"
    version = 1
    suffixes = (".plug",)
    description = recognises = maps_to = example = "x"

    def sniff(self, source: Source) -> Match:
        return Match.MAYBE if source.head.startswith(b"plug") else Match.NO

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        yield Notice("", "read")


@dataclass
class EntryPoint:
    """What importlib.metadata knows of a plug-in."""

    name: str
    loaded: Any
    value: str = "somewhere:Plugged"

    def load(self) -> Any:
        if isinstance(self.loaded, Exception):
            raise self.loaded
        return self.loaded


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    def install(*found: EntryPoint) -> None:
        monkeypatch.setattr(registry, "entry_points", lambda group: list(found))
        readers.cache_clear()

    yield install
    monkeypatch.undo()
    readers.cache_clear()


def test_a_plug_in_is_asked_too(plug: Any) -> None:
    plug(EntryPoint("plugged", Plugged))

    assert list(readers()) == [*built_in(), "plugged"]
    assert choose(source("plug it"))[0].name == "plugged"


def test_two_readers_that_are_unsure_leave_it_to_the_user(plug: Any) -> None:
    plug(EntryPoint("plugged", Plugged), EntryPoint("other", Plugged))

    with pytest.raises(UnknownFormatError, match="could be plugged or other") as caught:
        choose(source("plug it"))

    assert caught.value.hint == "say which: --reader plugged"


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (EntryPoint("epochs", Plugged), "redefines the reader 'epochs'"),
        (EntryPoint("plugged", ImportError("no torch")), "cannot be loaded: no torch"),
        (EntryPoint("plugged", object), "is no subclass of cetrack.readers.base.Reader"),
        (EntryPoint("plugged", lambda: 1 / 0), "cannot be loaded: division by zero"),
    ],
)
def test_a_broken_plug_in_is_an_error_that_names_it(
    plug: Any, found: EntryPoint, problem: str
) -> None:
    plug(found)

    with pytest.raises(UsageError, match=problem) as caught:
        readers()

    assert "somewhere:Plugged" in str(caught.value)


# --- documentation ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [("formats.md", formats_markdown), ("metrics.md", metrics_markdown)],
)
def test_the_pages_are_what_the_registry_and_the_catalogue_say(name: str, text: Any) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == text()


@pytest.mark.parametrize("name", sorted(built_in()))
def test_the_example_of_a_reader_is_its_own(name: str) -> None:
    if built_in()[name].is_binary:
        return
    whole = built_in()[name].example
    for example in [whole] if claimed_by(whole) == [name] else whole.split("\n\n"):
        assert claimed_by(example) == [name]
        assert [
            item for item in built_in()[name].read(source(example)) if isinstance(item, RunRecord)
        ]


@pytest.mark.parametrize("name", sorted(built_in()))
def test_a_reader_describes_itself(name: str) -> None:
    reader = built_in()[name]

    assert reader.name == name
    assert reader.version >= 1
    assert all(suffix.startswith(".") for suffix in reader.suffixes)
    for text in (reader.description, reader.recognises, reader.maps_to):
        assert text
        assert not text.endswith(".")


def test_the_examples_are_json_as_people_write_it() -> None:
    json.loads(built_in()["cetrack"].example)
