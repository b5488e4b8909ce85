"""What command line tools print, line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cetrack.domain import Notice
from cetrack.readers.blocks import BLOCK_BYTES, line_blocks
from cetrack.readers.source import Source

_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_LONGEST = 100_000  # characters of a line that are looked at


def console_lines(source: Source, notices: list[Notice]) -> Iterator[tuple[int, str]]:
    """(number from 1, text without colours and line end) of every line of a log.

    A log mixes what many programs print: lines that are not UTF-8 are read as Latin-1, with one
    notice for all of them. Raises ReadError.
    """
    before = 0
    foreign: list[int] = []
    for block in line_blocks(source, BLOCK_BYTES):
        lines = block.content.removesuffix(b"\n").split(b"\n")
        for number, line in enumerate(lines, before + 1):
            try:
                text = line[:_LONGEST].decode()
            except UnicodeDecodeError:
                text = line[:_LONGEST].decode("latin-1")
                foreign.append(number)
            yield number, _COLOUR.sub("", text).rstrip() if "\x1b" in text else text.rstrip()
        before += len(lines)
    if foreign:
        text = f"{len(foreign)} lines are not UTF-8: read as Latin-1"
        notices.append(Notice(f"line {foreign[0]}", text))
