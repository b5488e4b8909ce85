"""Values as typed → values of the kind that they are compared with.

Numbers are plain decimal numbers or ``inf``; times are a year, a month, a day or a timestamp.
Knows nothing of names, trees of conditions or databases.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from cetrack.filter.fields import ValueKind, canonical_precision, canonical_shape
from cetrack.filter.tree import Numeral, Period, Value
from cetrack.filter.words import Problem, Word

_NUMBER = re.compile(r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf(?:inity)?)", re.I)
_DAY = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9:.]+(?:Z|[+-][0-9:]+)?")
_WHOLE_LIMIT = 2**63  # what a column of either database can hold
_MOST_DIGITS = 400  # no double needs more, and huge exponents would be huge integers
_LAST_MOMENT = datetime.max.replace(tzinfo=UTC)
_TIME_HINT = "write 2026-01-31, 2026-01, 2026 or 2026-01-31T12:00:00Z"


def typed_value(kind: ValueKind, word: Word, *, of: str) -> Value:
    """The value that ``word`` means beside a reference of this kind, which is called ``of``."""
    return _READ[kind](word, of)


def is_number(text: str) -> bool:
    """True for what is read as a number where text and numbers are both possible."""
    return len(text) <= _MOST_DIGITS and _NUMBER.fullmatch(text) is not None


def number_of(word: Word, of: str) -> float:
    """The word as a double."""
    if word.text.lower().lstrip("+-") == "nan":
        raise Problem(
            "nan is not a value", word.column, hint=f"find runs without one: not {of} exists"
        )
    if not is_number(word.text):
        raise Problem(f"{word.text!r} is not a number, and {of} is one", word.column)
    number = float(word.text)
    if number in (float("inf"), float("-inf")) and "inf" not in word.text.lower():
        raise Problem("number beyond the range of a double", word.column)
    return number


def numeral_of(word: Word, of: str) -> Numeral:
    """The word as a number that remembers its spelling."""
    return Numeral(word.text, number_of(word, of))


def _whole(word: Word, of: str) -> int:
    number = number_of(word, of)
    plain = re.fullmatch(r"[+-]?[0-9]+", word.text)
    whole = int(word.text) if plain else int(number) if number.is_integer() else None
    if whole is None:
        raise Problem(f"{of} is a whole number, {word.text} is not", word.column)
    if not -_WHOLE_LIMIT <= whole < _WHOLE_LIMIT:
        raise Problem("whole number beyond 64 bits", word.column)
    return whole


def _text(word: Word, of: str) -> str:
    if not word.text:
        raise Problem("an empty value never matches", word.column, hint=f"write {of} not exists")
    return _without_star(word, of)


def _without_star(word: Word, of: str) -> str:
    if "*" in word.text and not word.quoted:
        raise Problem(
            "'*' is a wildcard only after ~",
            word.column,
            hint=f'write {of} ~ "{word.text}", or quote the value if the star is meant',
        )
    return word.text


def _precision(word: Word, of: str) -> str:
    return canonical_precision(_text(word, of))


def _shape(word: Word, of: str) -> str:
    shape = canonical_shape(word.text)
    if shape is None:
        raise Problem(
            f"{word.text!r} is not a shape",
            word.column,
            hint=f"write {of} = 3x224x224, or 3x*x* for a pattern",
        )
    return shape


def _param(word: Word, of: str) -> Value:
    if not word.quoted and is_number(word.text):
        return numeral_of(word, of)
    return _without_star(word, of)


# --- time ---------------------------------------------------------------------------------------


def period_of(word: Word, of: str) -> Period:
    """The year, month or day that the word names, or the microsecond of a timestamp."""
    day = _DAY.fullmatch(word.text)
    try:
        if day:
            return _calendar_period(word.text, day)
        if _TIMESTAMP.fullmatch(word.text.upper()):
            return _instant(word.text.upper())
    except (ValueError, OverflowError):
        raise Problem(f"{word.text} is no date or time", word.column, hint=_TIME_HINT) from None
    raise Problem(f"{word.text!r} is no date, and {of} is one", word.column, hint=_TIME_HINT)


def _calendar_period(text: str, match: re.Match[str]) -> Period:
    year, month, day = (int(part) if part else None for part in match.groups())
    assert year is not None
    start = datetime(year, month or 1, day or 1, tzinfo=UTC)
    if day:
        return Period(text, start, _later(start, timedelta(days=1)))
    last = (year, 12) if month is None else (year, month)
    if last == (9999, 12):
        return Period(text, start, _LAST_MOMENT)
    following = (last[0] + 1, 1) if last[1] == 12 else (last[0], last[1] + 1)
    return Period(text, start, datetime(*following, 1, tzinfo=UTC))


def _instant(text: str) -> Period:
    moment = datetime.fromisoformat(text)
    utc = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    canonical = utc.replace(tzinfo=None).isoformat() + "Z"
    return Period(canonical, utc, _later(utc, timedelta(microseconds=1)))


def _later(start: datetime, by: timedelta) -> datetime:
    """The calendar ends with the year 9999."""
    return _LAST_MOMENT if start > _LAST_MOMENT - by else start + by


_READ: dict[ValueKind, Callable[[Word, str], Value]] = {
    ValueKind.TEXT: _text,
    ValueKind.NUMBER: number_of,
    ValueKind.INT: _whole,
    ValueKind.TIME: period_of,
    ValueKind.SHAPE: _shape,
    ValueKind.PRECISION: _precision,
    ValueKind.TAG: _without_star,
    ValueKind.PARAM: _param,
}
