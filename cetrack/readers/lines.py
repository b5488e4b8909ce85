"""JSON objects, one per line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import orjson

from cetrack.domain import Notice
from cetrack.errors import MalformedSourceError, ReadError
from cetrack.readers.blocks import BLOCK_BYTES, line_blocks
from cetrack.readers.json_text import MAX_DEPTH, any_json, parse_json
from cetrack.readers.source import Source


def json_lines(source: Source, notices: list[Notice]) -> Iterator[tuple[int, Any]]:
    """(line number from 1, value) of every line that is not blank.

    A last line without an end that does not parse is left out, with a notice: a writer may still
    be busy with it. Raises MalformedSourceError naming the line.
    """
    before = 0
    for block in line_blocks(source, BLOCK_BYTES):
        lines = block.content.removesuffix(b"\n").split(b"\n")
        whole = block.content.endswith(b"\n")
        yield from _careful(lines, before, source.uri, notices, is_whole=whole)
        before += len(lines)


def json_blocks(
    source: Source, notices: list[Notice], size: int = BLOCK_BYTES
) -> Iterator[tuple[Sequence[int], list[Any]]]:
    """(line numbers, values) of the same lines in blocks of about ``size`` bytes."""
    before = 0
    for block in line_blocks(source, size):
        lines = block.content.removesuffix(b"\n").split(b"\n")
        values = _plain_values(lines, block.content)
        if values is not None:
            yield range(before + 1, before + 1 + len(lines)), values
        else:
            whole = block.content.endswith(b"\n")
            pairs = list(_careful(lines, before, source.uri, notices, is_whole=whole))
            yield [number for number, _ in pairs], [value for _, value in pairs]
        before += len(lines)


def _plain_values(lines: Sequence[bytes], block: bytes) -> list[Any] | None:
    """The values of lines of which none needs care; None where one does."""
    brackets = block.count(b"{") + block.count(b"[")
    if brackets > len(lines) and any(map(_may_be_deep, lines)):
        return None
    try:
        return list(map(orjson.loads, lines))
    except orjson.JSONDecodeError:
        return None


def _may_be_deep(text: bytes) -> bool:
    """True for what orjson may take deeper than our own code goes."""
    return text.count(b"{") + text.count(b"[") > MAX_DEPTH


def _careful(
    lines: Sequence[bytes], before: int, uri: str, notices: list[Notice], *, is_whole: bool
) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(lines, before + 1):
        text = line.strip()
        if not text:
            continue
        try:
            yield number, _value(text, uri)
        except ReadError as error:
            if not is_whole and number == before + len(lines):
                notices.append(Notice(f"line {number}", "cut off: left out until it is whole"))
                return
            raise MalformedSourceError(
                uri, f"line {number}", error.problem, hint=error.hint
            ) from error


def _value(text: bytes, uri: str) -> Any:
    if not _may_be_deep(text):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            with suppress(ValueError):  # NaN, huge integers and surrogates
                return any_json(text)
    return parse_json(text, uri).value
