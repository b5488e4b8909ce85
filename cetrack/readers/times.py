"""Times as files write them. Pure; a time without a zone is taken as UTC."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = 946_684_800, 4_102_444_800  # 2000 and 2100: what can be a time in seconds
_YEARS = range(1900, 3000)  # the ends of the calendar overflow in other zones
_COMPACT = re.compile(r"^(\d{4})(\d\d)(\d\d)[T_\- ]?(?:(\d\d)(\d\d)(\d\d)?)?Z?$", re.ASCII)
_IN_NAME = re.compile(
    r"(?<!\d)(20\d\d)[-_.]?([01]\d)[-_.]?([0-3]\d)"
    r"(?:[T_\-. ]?([0-2]\d)[-_.:h]?([0-5]\d)(?:[-_.:m]?([0-5]\d))?)?(?!\d)"
)


def parse_time(value: Any) -> datetime | None:
    """The moment that a value states, None when it states none.

    ISO 8601 with or without zone, ``20260131T0900``, and seconds, milli-, micro- or nanoseconds
    since 1970, as text or as a number.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    if isinstance(value, int) and not abs(value) < 1e20:
        return None
    text = value.strip() if isinstance(value, str) else str(value)
    if not 4 < len(text) < 64:
        return None
    compact = _COMPACT.match(text)
    if compact:
        return _moment(compact.groups())
    try:
        return _from_epoch(float(text))
    except ValueError:
        return _from_text(text)


def _from_text(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.replace("/", "-"))
    except ValueError:
        return None
    if moment.year not in _YEARS:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def time_in_name(name: str) -> datetime | None:
    """A date, with or without a time of day, inside a file's name."""
    found = _IN_NAME.search(name)
    return _moment(found.groups()) if found else None


def _from_epoch(number: float) -> datetime | None:
    if not math.isfinite(number):
        return None
    for unit in (1, 1000, 1_000_000, 1_000_000_000):
        if _FIRST <= number / unit <= _LAST:
            return _EPOCH + timedelta(seconds=number / unit)
    return None


def _moment(parts: tuple[str | None, ...]) -> datetime | None:
    try:
        moment = datetime(*(int(part or 0) for part in parts), tzinfo=UTC)  # type: ignore[misc, arg-type]
    except ValueError:
        return None
    return moment if moment.year in _YEARS else None
