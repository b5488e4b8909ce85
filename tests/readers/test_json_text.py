"""JSON and JSON lines as people write them."""

from __future__ import annotations

import contextlib
import json
import math
import time
from typing import Any

import pytest

from cetrack.domain import Notice
from cetrack.errors import MalformedSourceError
from cetrack.readers.json_text import MAX_DEPTH, parse_json
from cetrack.readers.lines import json_lines
from tests.readers.reading import as_bytes, source


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("[1, 2.5, true, null]", [1, 2.5, True, None], id="plain"),
        pytest.param('{"a": Infinity}', {"a": math.inf}, id="Infinity"),
        pytest.param("-Infinity", -math.inf, id="-Infinity"),
        pytest.param("1e400", math.inf, id="10^400 as a float"),
        pytest.param("1" + "0" * 400, 10**400, id="10^400 as an integer"),
        pytest.param("123456789012345678901234567890", 123456789012345678901234567890, id="exact"),
        pytest.param("9" * 5000, math.inf, id="an integer beyond what Python reads"),
        pytest.param("-" + "9" * 5000, -math.inf, id="a negative one"),
        pytest.param('"\\ud800"', "\ud800", id="lone surrogate, escaped"),
        pytest.param('"a\\u0000b"', "a\0b", id="NUL, escaped"),
        pytest.param(b'"\xed\xa0\x80"', "\ud800", id="lone surrogate, encoded"),
        pytest.param('"🚀"', "🚀", id="emoji"),
        pytest.param(" \r\n[]\r\n", [], id="blanks"),
        pytest.param("[" * MAX_DEPTH + "]" * MAX_DEPTH, None, id="as deep as allowed"),
        pytest.param(json.dumps("[" * 1000), "[" * 1000, id="brackets in text"),
        pytest.param(json.dumps(['"[{\\' * 300]), ['"[{\\' * 300], id="escapes in text"),
    ],
)
def test_what_people_write_is_read(text: str | bytes, value: Any) -> None:
    found = parse_json(as_bytes(text), "a.json").value

    if value is not None:
        assert found == value


def test_nan_is_read() -> None:
    assert math.isnan(parse_json(b"NaN", "a.json").value)


@pytest.mark.parametrize(
    ("content", "where", "problem"),
    [
        pytest.param(b"", "", "the file is empty", id="empty"),
        pytest.param(b" \n\t", "", "the file is empty", id="blank"),
        pytest.param(b'{"a": 1', "byte 7", "invalid JSON: Expecting ',' delimiter", id="cut"),
        pytest.param(
            '{"é": 1,}'.encode(), "byte 9", "Expecting property name", id="the byte, not the letter"
        ),
        pytest.param(b"{'a': 1}", "byte 1", "Expecting property name", id="Python, not JSON"),
        pytest.param(b'{"a": 01}', "byte 7", "Expecting ',' delimiter", id="leading zero"),
        pytest.param(b'{"a": 1} {"b": 2}', "byte 9", "Extra data", id="two documents"),
        pytest.param(b'{"caf\xe9": 1}', "byte 5", "not UTF-8 text", id="latin-1"),
        pytest.param(b'"a\0b"', "byte 2", "Invalid control character", id="a bare NUL"),
        pytest.param(
            b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
            "byte 1000",
            "nested more than 200 levels deep",
            id="100,000 objects deep",
        ),
        pytest.param(
            b"[" * 100_000, "byte 200", "nested more than 200 levels deep", id="lists, and cut"
        ),
    ],
)
def test_what_cannot_be_read_says_where(content: bytes, where: str, problem: str) -> None:
    with pytest.raises(MalformedSourceError) as caught:
        parse_json(content, "a.json")

    assert caught.value.where == where
    assert problem in str(caught.value)


def test_of_a_duplicate_key_the_last_counts_and_it_is_said() -> None:
    found = parse_json(b'{"a": 1, "b": {"c": 1, "c": 2, "c": 3}, "a": 4}', "a.json")

    assert found.value == {"a": 4, "b": {"c": 3}}
    assert found.duplicates == ("c", "a")
    assert found.notices == [
        Notice("", "key 'c' stands twice in one object: the last one counts"),
        Notice("", "key 'a' stands twice in one object: the last one counts"),
    ]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b'{"a":"' + b'\\"' * 200_000 + b"\\", id="escapes to the end"),
        pytest.param(b'"' * 200_000 + b"[" * 300, id="quotes"),
        pytest.param(
            b"{" + b",".join(b'"k%d":1' % (n % 50_000) for n in range(60_000)) + b"}",
            id="many duplicates",
        ),
    ],
)
def test_time_is_linear(content: bytes) -> None:
    began = time.monotonic()
    with contextlib.suppress(MalformedSourceError):
        parse_json(content, "a.json")
    assert time.monotonic() - began < 2


# --- lines -----------------------------------------------------------------------------------


def lines(content: str | bytes) -> tuple[list[tuple[int, Any]], list[Notice]]:
    notices: list[Notice] = []
    return list(json_lines(source(content), notices)), notices


def test_lines_are_numbered_from_1_and_blank_ones_left_out() -> None:
    assert lines('\ufeff{"a": 1}\n\n  {"a": 2}\r\n[3]\n') == (
        [(1, {"a": 1}), (3, {"a": 2}), (4, [3])],
        [],
    )


def test_a_line_may_hold_what_strict_parsers_refuse() -> None:
    found, _ = lines('{"a": Infinity}\n{"a": 1e400}\n{"a": "\\ud800"}\n')

    assert found == [(1, {"a": math.inf}), (2, {"a": math.inf}), (3, {"a": "\ud800"})]


@pytest.mark.parametrize("tail", ['{"a"', '{"a": 2', "nul", '{"a": "\\'])
def test_a_last_line_that_is_being_written_is_left_out(tail: str) -> None:
    assert lines(f'{{"a": 1}}\n{tail}') == (
        [(1, {"a": 1})],
        [Notice("line 2", "cut off: left out until it is whole")],
    )


def test_a_last_line_without_an_end_may_be_whole() -> None:
    assert lines('{"a": 1}\n{"a": 2}') == ([(1, {"a": 1}), (2, {"a": 2})], [])


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('{"a": 1}\n{"a"\n{"a": 3}\n', "line 2: .*Expecting ':' delimiter"),
        (b'{"a": 1}\n{"\xff": 1}\n', "line 2: byte 2: not UTF-8 text"),
        ("{}\n" + "[" * 300 + "\n", "line 2: .*nested more than 200 levels deep"),
    ],
)
def test_a_bad_line_is_named(content: str | bytes, problem: str) -> None:
    with pytest.raises(MalformedSourceError, match=problem):
        lines(content)


def test_a_line_deeper_than_our_own_code_goes_is_refused() -> None:
    deep = '{"a":' * 500 + "1" + "}" * 500

    with pytest.raises(MalformedSourceError, match="nested more than 200 levels deep"):
        lines(f"{{}}\n{deep}\n")
