"""A file of lines in blocks of whole ones, so that no file has to fit into memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cetrack.errors import MalformedSourceError
from cetrack.readers.source import MAX_LINE_BYTES, UTF8_MARK, Source

BLOCK_BYTES = 1 << 18  # larger ones are slower: they pass by the cache


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines; only that which ends the file may lack its end.

    ``offset`` is the number of bytes before it.
    """

    content: bytes
    offset: int


def line_blocks(source: Source, size: int, *, bare_returns: bool = False) -> Iterator[Block]:
    """The lines of a source in blocks of about ``size`` bytes, without a byte-order mark.

    ``bare_returns``: a carriage return alone ends a line too. Raises ReadError.
    """
    parts: list[bytes] = []
    offset = held = 0
    for chunk in _chunks(source, size):
        cut = _last_end(chunk, bare_returns=bare_returns)
        if cut:
            content = b"".join([*parts, chunk[:cut]])
            yield Block(content, offset)
            offset, held, parts = offset + len(content), 0, []
        parts.append(chunk[cut:])
        held += len(chunk) - cut
        if held > MAX_LINE_BYTES:
            limit = f"a line longer than {MAX_LINE_BYTES // 2**20} MiB"
            raise MalformedSourceError(source.uri, f"byte {offset}", limit)
    rest = b"".join(parts)
    if rest:
        yield Block(rest, offset)


def _chunks(source: Source, size: int) -> Iterator[bytes]:
    with source.open() as stream:
        yield stream.read(max(size, len(UTF8_MARK))).removeprefix(UTF8_MARK)
        while chunk := stream.read(size):
            yield chunk


def _last_end(chunk: bytes, *, bare_returns: bool) -> int:
    """Where the last line of a chunk ends; never between the two characters of one end."""
    cut = chunk.rfind(b"\n") + 1
    return cut if cut or not bare_returns else chunk.rfind(b"\r", 0, -1) + 1
