"""How text compares: ASCII case folding, and globs in three dialects that agree.

A glob is parsed once into items; Python's ``re``, PostgreSQL's ``~`` and SQLite's ``GLOB`` each
get their own spelling of the same items, all to be applied to folded text. Knows nothing of
filters or databases.

``*`` any text, ``?`` any character, ``[a-z]`` one of these, ``[!a-z]`` none of these, a ``]`` right
after the bracket is one of them, a bracket that nothing closes is itself. There is no escape
character: ``[*]`` is a literal star.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from string import ascii_letters, ascii_lowercase, ascii_uppercase, digits
from typing import assert_never

MAX_PATTERN = 1_000  # characters; PostgreSQL compiles longer ones for seconds

_TO_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
_UPPER = (ord("A"), ord("Z"))
_FOLD = ord("a") - ord("A")
_PLAIN = frozenset(ascii_letters + digits)

Range = tuple[int, int]


def fold(text: str) -> str:
    """The text with A–Z, and nothing else, in lower case."""
    return text.translate(_TO_LOWER)


class Wild(Enum):
    """What is not a character of its own."""

    ONE = "?"
    MANY = "*"


@dataclass(frozen=True, slots=True)
class CharClass:
    """One character inside (``negated``: outside) ``ranges``: sorted, disjoint code points."""

    ranges: tuple[Range, ...]
    negated: bool = False


Item = str | Wild | CharClass


@lru_cache(maxsize=1024)
def parse_glob(pattern: str) -> tuple[Item, ...]:
    """The items of a pattern: folded characters, wildcards (no two stars in a row), classes."""
    items: list[Item] = []
    place = 0
    while place < len(pattern):
        char = pattern[place]
        end = _class_end(pattern, place) if char == "[" else None
        item = _single(char) if end is None else _char_class(pattern[place + 1 : end])
        place = place + 1 if end is None else end + 1
        if not (item is Wild.MANY and items and items[-1] is Wild.MANY):
            items.append(item)
    return tuple(items)


def _single(char: str) -> Item:
    return Wild(char) if char in "*?" else fold(char)


def _class_end(pattern: str, start: int) -> int | None:
    """Where the class that opens at ``start`` closes; None when nothing closes it."""
    first = start + 2 if pattern[start + 1 : start + 2] == "!" else start + 1
    end = pattern.find("]", first + 1)
    return None if end < 0 else end


def _char_class(body: str) -> Item:
    negated = body.startswith("!")
    members = body[1:] if negated else body
    ranges = _merged(piece for span in _spans(members) for piece in _folded(span))
    return Wild.ONE if negated and not ranges else CharClass(ranges, negated)


def _spans(members: str) -> Iterator[Range]:
    """``a-z`` is a range, a dash at either end itself; a range that runs backwards is empty."""
    place = 0
    while place < len(members):
        is_range = place + 2 < len(members) and members[place + 1] == "-"
        low, high = members[place], members[place + 2] if is_range else members[place]
        if low <= high:
            yield ord(low), ord(high)
        place += 3 if is_range else 1


def _folded(span: Range) -> Iterator[Range]:
    """The range, and its capitals once more as small letters."""
    yield span
    low, high = max(span[0], _UPPER[0]), min(span[1], _UPPER[1])
    if low <= high:
        yield low + _FOLD, high + _FOLD


def _merged(spans: Iterable[Range]) -> tuple[Range, ...]:
    merged: list[Range] = []
    for low, high in sorted(spans):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(high, merged[-1][1])
        else:
            merged.append((low, high))
    return tuple(merged)


# --- shapes -------------------------------------------------------------------------------------


def shape_globs(pattern: str) -> tuple[str, str]:
    """What text of the pattern's rank must match, and what it must not.

    With exactly as many ``x`` in the text as in the pattern, no star can reach beyond its
    dimension: the second glob holds for text with more.
    """
    rank = sum(item == "x" for item in parse_glob(pattern))
    return pattern, "*" + "x*" * (rank + 1)


# --- Python -------------------------------------------------------------------------------------


def glob_matches(pattern: str, text: str) -> bool:
    """Whether the whole text matches, ASCII letters in either case."""
    return _python_regex(pattern).fullmatch(fold(text)) is not None


@lru_cache(maxsize=1024)
def _python_regex(pattern: str) -> re.Pattern[str]:
    """A regex that never backtracks over a star: an atomic group takes the first match.

    The first place where the piece after a star matches is always good enough, as whatever
    follows it begins with a star again; only the last piece has to be tried at every place.
    """
    pieces = [""]
    for item in parse_glob(pattern):
        if item is Wild.MANY:
            pieces.append("")
        else:
            pieces[-1] += _python_item(item)
    if len(pieces) == 1:
        return re.compile(pieces[0], re.DOTALL)
    middle = "".join(f"(?>.*?{piece})" for piece in pieces[1:-1])
    return re.compile(f"{pieces[0]}{middle}.*{pieces[-1]}", re.DOTALL)


def _python_item(item: str | Wild | CharClass) -> str:
    match item:
        case str():
            return re.escape(item)
        case Wild():
            return "."
        case CharClass(ranges=()):
            return "(?!)"
        case CharClass(ranges, negated):
            inner = "".join(rf"\U{low:08x}-\U{high:08x}" for low, high in ranges)
            return f"[{'^' if negated else ''}{inner}]"
        case _:
            assert_never(item)


# --- PostgreSQL ---------------------------------------------------------------------------------


def postgres_regex(pattern: str) -> str:
    """The pattern as an anchored advanced regular expression."""
    return f"^(?:{''.join(_postgres_item(item) for item in parse_glob(pattern))})$"


def _postgres_item(item: Item) -> str:
    match item:
        case str():
            return _postgres_char(ord(item))
        case Wild.MANY:
            return ".*"
        case Wild.ONE:
            return "."
        case CharClass(ranges=()):
            return "$."  # nothing follows the end
        case CharClass(ranges, negated):
            inner = "".join(f"{_postgres_char(low)}-{_postgres_char(high)}" for low, high in ranges)
            return f"[{'^' if negated else ''}{inner}]"
        case _:
            assert_never(item)


def _postgres_char(code: int) -> str:
    """ASCII punctuation as a character code: inside a class a backslash would not do for all."""
    char = chr(code)
    return rf"\u{code:04x}" if code < 128 and char not in _PLAIN else char


# --- SQLite -------------------------------------------------------------------------------------

_AWKWARD = "]^-"  # mean something in a class, depending on where they stand


def sqlite_glob(pattern: str) -> str:
    """The pattern in the words of SQLite's GLOB."""
    return "".join(_sqlite_item(item) for item in parse_glob(pattern))


def _sqlite_item(item: Item) -> str:
    match item:
        case str():
            return f"[{item}]" if item in "*?[" else item
        case Wild():
            return item.value
        case CharClass(ranges=()):
            return f"[^{chr(1)}-{chr(sys.maxunicode)}]"  # a backward range would match its start
        case CharClass(ranges, negated):
            return _sqlite_class(ranges, negated=negated)
        case _:
            assert_never(item)


def _sqlite_class(ranges: tuple[Range, ...], *, negated: bool) -> str:
    """Awkward characters are taken out of the ranges and put where they stand for themselves.

    ``]`` first, ``-`` last, ``^`` anywhere but first; alone, a ``^`` needs no class.
    """
    special = [char for char in _AWKWARD if any(low <= ord(char) <= high for low, high in ranges)]
    rest = "".join(
        chr(low) if low == high else f"{chr(low)}-{chr(high)}" for low, high in _without(ranges)
    )
    if special == ["^"] and not rest and not negated:
        return "^"
    first = "]" if "]" in special else ""
    last = "".join(char for char in "^-" if char in special)
    if last == "^-" and not rest and not first and not negated:
        last = "-^"
    return f"[{'^' if negated else ''}{first}{rest}{last}]"


def _without(ranges: tuple[Range, ...]) -> Iterator[Range]:
    """The ranges without the awkward characters."""
    cuts = sorted(ord(char) for char in _AWKWARD)
    for low, high in ranges:
        start = low
        for cut in cuts:
            if start <= cut <= high:
                if start < cut:
                    yield start, cut - 1
                start = cut + 1
        if start <= high:
            yield start, high
