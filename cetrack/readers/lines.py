"""JSON objects, one per line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from cetrack.domain import Notice
from cetrack.errors import MalformedSourceError, ReadError
from cetrack.readers.json_text import MAX_DEPTH, parse_json
from cetrack.readers.source import MAX_LINE_BYTES, Source


def json_lines(source: Source, notices: list[Notice]) -> Iterator[tuple[int, Any]]:
    """(line number from 1, value) of every line that is not blank.

    A last line without an end that does not parse is left out, with a notice: a writer may still
    be busy with it. Raises MalformedSourceError naming the line.
    """
    with source.open() as stream:
        number = 0
        while line := stream.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(line) > MAX_LINE_BYTES:
                raise MalformedSourceError(source.uri, f"line {number}", "longer than 256 MiB")
            text = line.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else line.strip()
            if not text:
                continue
            try:
                value = _value(text, source.uri)
            except ReadError as error:
                if not line.endswith(b"\n"):
                    notices.append(Notice(f"line {number}", "cut off: left out until it is whole"))
                    return
                raise MalformedSourceError(
                    source.uri, f"line {number}", error.problem, hint=error.hint
                ) from error
            yield number, value


def _value(text: bytes, uri: str) -> Any:
    if text.count(b"{") + text.count(b"[") <= MAX_DEPTH:  # orjson goes deeper than our own code
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            pass  # NaN, huge integers and surrogates are for the slower parser
    return parse_json(text, uri).value
