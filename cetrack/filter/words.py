"""Atoms of the filter text as words: quotes and escapes undone, places remembered.

Knows characters and columns; does not know what a word means.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

KEYWORDS = frozenset({"and", "or", "not", "in", "exists"})

_PIECE = re.compile(r"""(?s)[^"']+|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'""")
_ESCAPE = re.compile(r"(?s)\\(.)")
_BARE = re.compile(r"[\w./:+\-]+")


class Problem(Exception):  # noqa: N818 - becomes a FilterError as soon as the text is at hand
    """Something wrong at a 0-based column; ``hint`` is what could be written instead."""

    def __init__(self, problem: str, column: int, *, hint: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.column = column
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Word:
    """A value as typed."""

    text: str
    column: int
    quoted: bool


@dataclass(frozen=True, slots=True)
class Name:
    """A name as typed: ``head`` and ``tail`` bare, ``quoted`` between them where there is one."""

    head: str
    quoted: str | None
    tail: str
    column: int


def value_word(atom: str, column: int) -> Word:
    """The atom as a value: all of it bare or all of it quoted."""
    pieces = _PIECE.findall(atom)
    if len(pieces) > 1:
        raise Problem("quotes in the middle of a value", column, hint="quote the whole value")
    if atom[0] in "\"'":
        return Word(_unquoted(atom, column), column, quoted=True)
    return Word(atom, column, quoted=False)


def name_words(atom: str, column: int) -> Name:
    """The atom as a name, at most one piece of it quoted."""
    pieces = list(_PIECE.finditer(atom))
    quoted = [piece for piece in pieces if piece[0][0] in "\"'"]
    if not quoted:
        return Name(atom, None, "", column)
    if len(quoted) > 1 or len(pieces) > 3:
        raise Problem("quotes in the middle of a name", column, hint='write metric."NAME".max')
    [piece] = quoted
    text = _unquoted(piece[0], column + piece.start())
    return Name(atom[: piece.start()], text, atom[piece.end() :], column)


def quoted_text(text: str) -> str:
    """The text in double quotes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def is_bare(text: str) -> bool:
    """True when the text can stand without quotes."""
    return _BARE.fullmatch(text) is not None and text.lower() not in KEYWORDS


def _unquoted(piece: str, column: int) -> str:
    def character(match: re.Match[str]) -> str:
        if match[1] not in "\\\"'":
            raise Problem(
                f"unknown escape \\{match[1]}",
                column + 1 + match.start(),
                hint="a backslash is written \\\\, a quote \\\" or \\'",
            )
        return match[1]

    return _ESCAPE.sub(character, piece[1:-1])
