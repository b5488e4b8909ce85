"""What a wrong filter is told: the sentence, the column under the caret, the next step."""

from __future__ import annotations

import pytest

from cetrack.errors import FilterError
from cetrack.filter import parse

KNOWN = {"accuracy", "latency_ms", "train/loss", "latency.max", "power_mw"}

# The text, with a ^ line under it as it is shown; the sentence; a part of the hint ("" none).
ERRORS: tuple[tuple[str, str, str, str], ...] = (
    # nothing, or nothing more
    ("", "^", "empty", "category=vision"),
    ("   ", "^", "empty", "category=vision"),
    ("model=a and", "        ^", "nothing follows 'and'", ""),
    ("model=a or )", "        ^", "nothing follows 'or'", ""),
    ("not", "^", "nothing follows 'not'", ""),
    ("model=a and and model=b", "        ^", "nothing follows 'and'", ""),
    ("and model=a", "^", "nothing stands before 'and'", "NAME OPERATOR VALUE"),
    ("= 3", "^", "nothing stands before '='", "NAME OPERATOR VALUE"),
    ("in (a, b)", "^", "nothing stands before 'in'", ""),
    # parentheses
    ("(model=a", "^", "'(' is not closed", ""),
    ("(model=a or (model=b", "            ^", "'(' is not closed", ""),
    ("((model=a) or model=b", "^", "'(' is not closed", ""),
    ("model=a)", "       ^", "')' closes nothing", ""),
    (")", "^", "')' closes nothing", ""),
    ("()", "^", "empty parentheses", ""),
    ("(", "^", "'(' is not closed", ""),
    ("model in (a, b", "         ^", "'(' is not closed", ""),
    # operators
    ("model", "     ^", "no operator after model", "model = VALUE"),
    ("model resnet50", "      ^", "no operator after model", "model = VALUE"),
    ("model:a", "       ^", "no operator after model:a", "write model = a"),
    ("(model)", "      ^", "no operator after model", ""),
    ("model not resnet", "          ^", "expected 'in' or 'exists' after 'not'", ""),
    ("accuracy => 1", "         ^", "unknown operator =>", "write >="),
    ("accuracy <> 1", "         ^", "unknown operator <>", "write !="),
    ("model=a && model=b", "        ^", "unknown operator &&", "write and"),
    ("model=a | model=b", "        ^", "unknown operator |", "write or"),
    ("!(model=a)", "^", "unknown operator !", "write not"),
    ("model =~= a", "      ^", "unknown operator =~=", "operators are = =="),
    ("accuracy > 0.5 < 0.9", "               ^", "unexpected < after 0.5", "do not chain"),
    ("0.5 < accuracy", "^", "0.5 stands where a name is expected", "accuracy > 0.9"),
    # values
    ("model =", "       ^", "no value after '='", ""),
    ("model = and library=b", "        ^", "no value after '='", 'quoted: "and"'),
    ("model = a,", "          ^", "no value after ','", ""),
    ("model = (a, b)", "        ^", "no value after '='", "in (a, b)"),
    ("model in ()", "          ^", "no value after '('", ""),
    ("model in a, b", "         ^", "'in' is followed by a list in parentheses", "(int8, fp16)"),
    ("model = resnet 50", "               ^", "unexpected 50 after resnet", "value with spaces"),
    (
        "model=a, library=b",
        "                ^",
        "unexpected = after library",
        "a comma separates values",
    ),
    ("model in (a b)", "            ^", "unexpected b after a", ""),
    ('model = "a', "        ^", "the quote is not closed", 'end the text with "'),
    ("model = a'", "         ^", "the quote is not closed", ""),
    ("model = “a”", "        ^", "unknown character “", "quotes are \" or '"),
    ("model = 50%", "          ^", "unknown character '%'", "is quoted"),
    ('model = a"b"', "        ^", "quotes in the middle of a value", "quote the whole"),
    (r'model = "C:\temp"', "           ^", r"unknown escape \t", r"a backslash is written \\"),
    ("model = resnet*", "        ^", "'*' is a wildcard only after ~", 'model ~ "resnet*"'),
    ('library = ""', "          ^", "an empty value never matches", "library not exists"),
    ("accuracy = high", "           ^", "'high' is not a number, and accuracy is one", ""),
    ("accuracy in (1, b)", "                ^", "'b' is not a number, and accuracy is one", ""),
    ("accuracy = nan", "           ^", "nan is not a value", "not accuracy exists"),
    ("accuracy < 1e999", "           ^", "number beyond the range of a double", ""),
    ("accuracy < 1_000", "           ^", "'1_000' is not a number, and accuracy is one", ""),
    ("accuracy < ١", "           ^", "'١' is not a number, and accuracy is one", ""),
    (
        "weight_bits = eight",
        "              ^",
        "'eight' is not a number, and weight_bits is one",
        "",
    ),
    ("batch = 2.5", "        ^", "batch is a whole number, 2.5 is not", ""),
    ("seed = inf", "       ^", "seed is a whole number, inf is not", ""),
    ("seed = 9223372036854775808", "       ^", "whole number beyond 64 bits", ""),
    ("accuracy >= 1, 2", "               ^", ">= takes one value", ""),
    ("param.lr < small", "           ^", "'small' is not a number, and param.lr is one", ""),
    ("started > yesterday", "          ^", "'yesterday' is no date, and started is one", "2026-01"),
    ("started > 2026-02-30", "          ^", "2026-02-30 is no date or time", "2026-01-31"),
    ("started > 2026-13", "          ^", "2026-13 is no date or time", ""),
    ("started > 0000", "          ^", "0000 is no date or time", ""),
    ("started = 2026-01-01T25:00", "          ^", "2026-01-01T25:00 is no date or time", ""),
    (
        "started > 0001-01-01T00:00:00+01:00",
        "          ^",
        "0001-01-01T00:00:00+01:00 is no date or time",
        "",
    ),
    ("shape = big", "        ^", "'big' is not a shape", "3x224x224"),
    ("shape = 3x*x", "        ^", "'3x*x' is not a shape", "3x*x*"),
    # kinds and operators
    (
        "device > 3",
        "       ^",
        "device is text and has no order",
        "metric.device > 3",
    ),
    ("shape >= 3x224", "      ^", "shape is text and has no order", "metric.input_shape"),
    ("tag.rank > 3", "         ^", "tag.rank is text and has no order", "param.NAME > 3"),
    ('accuracy ~ "0.9*"', "         ^", "~ compares text, and accuracy is a number", "accuracy >="),
    ("started !~ 2026*", "        ^", "!~ compares text, and started is a time", "= 2026-01"),
    ('seed ~ "4?"', "     ^", "~ compares text, and seed is a whole number", ""),
    # names
    ("acuracy > 1", "^", "unknown field or metric acuracy", "did you mean accuracy"),
    ("Modle = a", "^", "unknown field or metric Modle", "did you mean model"),
    ("latency > 1", "^", "unknown field or metric latency", "latency"),
    ("category=a and xyzzy > 1", "               ^", "unknown field or metric xyzzy", "param.NAME"),
    ("params.lr > 1", "^", "unknown name params.lr", "did you mean param.lr?"),
    ("acuracy.max > 1", "^", "unknown field or metric acuracy", "did you mean accuracy"),
    ("device.max > 1", "^", "unknown field or metric device", ""),
    ("env.devise = gpu", "^", "unknown env.devise", "did you mean env.device?"),
    ("env.zzz = gpu", "^", "unknown env.zzz", "env has device"),
    ("param. = 1", "^", "no name after 'param.'", ""),
    ('"" exists', "^", "no name between the quotes", ""),
    ('tag."" = a', "^", "no name after 'tag.'", ""),
    ('param."a".max = 1', "^", "unexpected .max after a name", ""),
    ('metric."a".maxx = 1', "^", "unexpected .maxx after a name", "did you mean .max?"),
    ('metric."a"b = 1', "^", "unexpected b after a name", "a metric has .last"),
    ('metric.a"b" = 1', "^", "quotes in the middle of a name", 'quote all of it: "a'),
    ('a"b" = 1', "^", "unknown namespace a", 'metric."NAME"'),
    ("\"a\"'b' = 1", "^", "quotes in the middle of a name", 'metric."NAME".max'),
    ("acc* > 1", "^", "a name holds no '*'", "after ~"),
    ("param.l* > 1", "^", "a name holds no '*'", ""),
    # what no database can hold
    ("model = a\0b", "         ^", "not text: no database can hold this character", ""),
    ("model = \udcff", "        ^", "not text: no database can hold this character", ""),
)


@pytest.mark.parametrize(
    ("text", "caret", "problem", "hint"),
    ERRORS,
    ids=[f"{number}-{problem}" for number, (_, _, problem, _) in enumerate(ERRORS)],
)
def test_an_error_says_what_and_where(text: str, caret: str, problem: str, hint: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(text, KNOWN)

    error = caught.value
    assert (error.problem, error.column) == (problem, caret.index("^"))
    assert hint in (error.hint or "")
    assert (error.hint is None) <= (hint == "")


def test_a_number_is_no_name_even_where_any_name_is_a_metric() -> None:
    with pytest.raises(FilterError, match=r"0\.5 stands where a name is expected"):
        parse("0.5 < accuracy")


def test_the_message_shows_the_filter_with_a_caret() -> None:
    with pytest.raises(FilterError) as caught:
        parse("model=a\n  and device > 3")

    assert str(caught.value) == (
        "filter: device is text and has no order\n"
        "  model=a   and device > 3\n"
        "                       ^"
    )
    assert caught.value.exit_code == 2


def test_a_filter_that_is_too_long_is_not_shown_whole() -> None:
    with pytest.raises(FilterError) as caught:
        parse("model=a or " * 1000)

    assert caught.value.problem == "longer than 10,000 characters"
    assert len(str(caught.value)) < 200


def test_a_pattern_has_a_limit() -> None:
    parse(f'model ~ "{"a" * 1_000}"')

    with pytest.raises(FilterError, match="pattern longer than 1,000 characters"):
        parse(f'model ~ "{"a" * 1_001}"')


@pytest.mark.parametrize(("opening", "column"), [("(", 50), ("not (", 250), ("not ", 200)])
def test_nesting_has_a_limit(opening: str, column: int) -> None:
    closing = ")" if "(" in opening else ""
    parse(opening * 50 + "model not in (a)" + closing * 50)

    with pytest.raises(FilterError) as caught:
        parse(opening * 51 + "model not in (a)" + closing * 51)

    assert caught.value.problem == "nested deeper than 50 levels"
    assert caught.value.column == column
