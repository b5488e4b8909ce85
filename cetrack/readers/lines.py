"""JSON objects, one per line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from cetrack.errors import MalformedSourceError, ReadError
from cetrack.readers.json_text import parse_json
from cetrack.readers.source import MAX_LINE_BYTES, Source


def json_lines(source: Source) -> Iterator[tuple[int, Any]]:
    """(line number from 1, value) of every line that is not blank.

    Raises MalformedSourceError naming the line; ``TornLineError`` for a last line without an end,
    which a writer may still be busy with.
    """
    with source.open() as stream:
        number = 0
        while line := stream.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(line) > MAX_LINE_BYTES:
                raise MalformedSourceError(source.uri, f"line {number}", "longer than 256 MiB")
            text = line.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else line.strip()
            if text:
                yield number, _value(text, source.uri, number, whole=line.endswith(b"\n"))


class TornLineError(MalformedSourceError):
    """The last line has no end and does not parse: it is still being written, or was cut off."""


def _value(text: bytes, uri: str, number: int, *, whole: bool) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass  # NaN, huge integers and surrogates are for the slower parser
    try:
        return parse_json(text, uri).value
    except ReadError as error:
        kind = MalformedSourceError if whole else TornLineError
        raise kind(uri, f"line {number}", error.problem) from error
