"""Globs: one meaning in Python, SQLite and PostgreSQL, held against a plain definition."""

from __future__ import annotations

import pytest
from filter_trees import PATTERNS, TEXTS, patterns
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, literal, select

from cetrack.filter.glob import CharClass, Item, Wild, fold, glob_matches, parse_glob
from cetrack.filter.sql import glob_condition

GLOBS = (
    ("resnet*", "ResNet50", True),
    ("resnet*", "a resnet", False),
    ("resnet", "resnet50", False),
    ("", "", True),
    ("", "a", False),
    ("*", "", True),
    ("?", "", False),
    ("a?c", "a\nc", True),
    ("a*c", "a\n\nc", True),
    ("*a*b*", "xxaxxbxx", True),
    ("*ab", "aab", True),
    ("*a?b", "aab", True),
    ("[A-Z]", "q", True),
    ("[!a-y]", "Z", True),
    ("[!a-y]", "B", False),
    ("[A-_]", "b", True),  # the capitals of the range in either case
    ("[A-_]", "_", True),
    ("[Z-a]", "b", False),
    *(("[z-a]", text, False) for text in "abmz-"),
    ("[!z-a]", "m", True),
    ("[]]", "]", True),
    ("[!]]", "]", False),
    ("[!]]", "a", True),
    ("[]-]", "-", True),
    ("[]-a]", "_", True),
    ("[!]", "[!]", True),
    ("[", "[", True),
    ("[]", "[]", True),
    ("a[b", "A[B", True),
    ("[^a]", "^", True),
    ("[^]", "^", True),
    ("[^-]", "-", True),
    ("[a^-]", "-", True),
    ("[--/]", ".", True),
    ("[*]", "*", True),
    ("[*]", "a", False),
    ("[?]", "?", True),
    ("[[]", "[", True),
    ("\\", "\\", True),
    ("[\\]", "\\", True),
    ("[\\d]", "5", False),
    ("é", "É", False),
    ("k", "\N{KELVIN SIGN}", False),
    ("s", "ſ", False),
    ("?", "😀", True),
    ("[😀-🙏]", "😂", True),
    ("[à-ÿ]", "é", True),
    ("a.c", "abc", False),
    ("(a|b)", "a", False),
    ("a{2}", "aa", False),
    ("%", "abc", False),
    ("_", "a", False),
    ("^a$", "a", False),
    ("a", "a\n", False),
)


@pytest.mark.parametrize(("pattern", "text", "expected"), GLOBS)
def test_a_glob_matches_the_whole_text(pattern: str, text: str, expected: bool) -> None:
    assert glob_matches(pattern, text) is expected


def _plainly_matches(items: tuple[Item, ...], text: str) -> bool:
    """The definition: slow, and without any other pattern language."""
    if not items:
        return not text
    if items[0] is Wild.MANY:
        return any(_plainly_matches(items[1:], text[skip:]) for skip in range(len(text) + 1))
    return bool(text) and _takes(items[0], text[0]) and _plainly_matches(items[1:], text[1:])


def _takes(item: Item, char: str) -> bool:
    match item:
        case CharClass(ranges, negated):
            return negated != any(low <= ord(char) <= high for low, high in ranges)
        case Wild():
            return True
        case _:
            return item == char


_texts = st.sampled_from([text for text in TEXTS if len(text) < 20]) | st.text(
    "abAB[]!^-*?x\n.", max_size=8
)


@settings(max_examples=200, deadline=None)
@given(patterns, _texts)
def test_python_matches_as_defined(pattern: str, text: str) -> None:
    assert glob_matches(pattern, text) is _plainly_matches(parse_glob(pattern), fold(text))


@settings(max_examples=20, deadline=None)
@given(pairs=st.lists(st.tuples(patterns, _texts), min_size=20, max_size=40))
def test_a_database_matches_as_python_does(engine: Engine, pairs: list[tuple[str, str]]) -> None:
    assert _in_database(engine, pairs) == [glob_matches(*pair) for pair in pairs]


def test_a_database_matches_every_hard_pattern_as_python_does(engine: Engine) -> None:
    pairs = [(pattern, text) for pattern in PATTERNS for text in TEXTS]
    pairs += [(pattern, text) for pattern, text, _ in GLOBS]

    assert _in_database(engine, pairs) == [glob_matches(*pair) for pair in pairs]


def _in_database(engine: Engine, pairs: list[tuple[str, str]]) -> list[bool]:
    found: list[bool] = []
    with engine.connect() as connection:
        for start in range(0, len(pairs), 100):
            columns = [
                glob_condition(literal(text), pattern).label(f"q{number}")
                for number, (pattern, text) in enumerate(pairs[start : start + 100])
            ]
            found.extend(connection.execute(select(*columns)).one())
    return found


def test_many_stars_take_no_time() -> None:
    assert not glob_matches("*a" * 100 + "b", "a" * 5_000)
