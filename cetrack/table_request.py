"""Which table of results is asked for: the options of ``cetrack table``, the ``[reports.<name>]``
tables of ``cetrack.toml``, and what is wrong with one. Pure.

``docs/tables.md`` is the page about them.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, TypeVar

from cetrack.choices import Which
from cetrack.mappings import MappingError, unknown

MOST_DIGITS = 15  # decimals that a double can have
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_COMMA = re.compile(r""",(?=(?:[^"]*"[^"]*")*[^"]*$)""")  # outside quotes


class Show(StrEnum):
    """What a cell says of a metric; all but the value need a baseline."""

    VALUE = "value"
    DELTA = "delta"  # value - baseline
    DELTA_PCT = "delta_pct"  # of the baseline
    RATIO = "ratio"  # value / baseline


class Best(StrEnum):
    """Among which cells of a metric the best one is marked."""

    NONE = "none"
    ROW = "row"
    COLUMN = "column"


class Order(StrEnum):
    """What the columns are grouped by."""

    METRIC = "metric"
    COLUMN = "column"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRequest:
    """A table that somebody wants; blank means: as it is usual.

    ``rows`` and ``columns`` are fields of the ``runs`` view; ``filter`` are texts of which all
    have to hold; ``digits`` are decimals by metric; ``missing`` stands in cells without a value.
    """

    name: str = ""
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    filter: tuple[str, ...] = ()
    baseline: str = ""
    show: tuple[Show, ...] = ()
    runs: Which = Which.LATEST
    best: Best = Best.NONE
    order: Order = Order.METRIC
    digits: tuple[tuple[str, int], ...] = ()
    sort: tuple[str, ...] = ()
    missing: str = ""
    caption: str = ""
    allow_mixed: bool = False

    def __post_init__(self) -> None:
        """Raise MappingError where two settings contradict each other."""
        if self.baseline or set(self.show) <= {Show.VALUE}:
            return
        shown = next(show for show in self.show if show is not Show.VALUE)
        raise MappingError("show", f"{shown} needs a baseline", "a baseline is a precision: fp32")


def parse_reports(tables: Any, origin: str = "") -> tuple[TableRequest, ...]:
    """All reports of a ``[reports]`` table. Raises MappingError with ``name.key`` as key."""
    if not isinstance(tables, Mapping):
        raise MappingError("", "must be a table of reports", "write [reports.my_table]")
    found = []
    for name, table in tables.items():
        try:
            found.append(parse_report(name, table))
        except MappingError as error:
            key = f"{name}.{error.key}" if error.key else name
            raise MappingError(key, error.problem, error.hint) from None
    return tuple(found)


def parse_report(name: str, table: Any) -> TableRequest:
    """The report that a table of ``cetrack.toml`` defines. Raises MappingError."""
    require_name(name)
    if not isinstance(table, Mapping):
        raise MappingError("", "must be a table", f"write [reports.{name}]")
    return parse_request({**table}, name=name)


def require_name(name: str) -> None:
    """Raise MappingError for what cannot be the name of a report."""
    if not _NAME.fullmatch(name):
        raise MappingError("", f"'{name}' is no name of a report", "letters, digits, _ and -")


def parse_request(values: Mapping[str, Any], *, name: str = "") -> TableRequest:
    """The request that words and lists of words describe, however they were given.

    Raises MappingError with the key for one that is unknown or makes no sense.
    """
    for key in values:
        if key not in _PARSERS:
            raise unknown(key, key, _PARSERS, "key")
    parsed = {key: _PARSERS[key](key, value) for key, value in values.items()}
    return replace(TableRequest(**parsed), name=name)


# --- the keys of a request ---------------------------------------------------------------------


def split_names(texts: Sequence[str]) -> list[str]:
    """``["a,b", 'metric."x,y"']`` → the three names in it."""
    parts = (part.strip() for text in texts for part in _COMMA.split(text))
    return [part for part in parts if part]


def _texts(key: str, value: Any) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise MappingError(key, "must be text in quotes, or a list of texts")
    return tuple(text for text in texts if text.strip())


def _names(key: str, value: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(split_names(_texts(key, value))))


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise MappingError(key, "must be text in quotes")
    return value


def _flagged(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise MappingError(key, "must be true or false")
    return value


_Choice = TypeVar("_Choice", bound=StrEnum)


def _one_of(kind: type[_Choice]) -> Callable[[str, Any], _Choice]:
    def parse(key: str, value: Any) -> _Choice:
        if value not in list(kind):
            raise unknown(key, str(value), list(kind), f"choice of {key}")
        return kind(value)

    return parse


def _shows(key: str, value: Any) -> tuple[Show, ...]:
    parse = _one_of(Show)
    return tuple(parse(key, name) for name in _names(key, value))


def _digits(key: str, value: Any) -> tuple[tuple[str, int], ...]:
    """A table metric → decimals, or texts like ``accuracy=3``."""
    if not isinstance(value, Mapping):
        pairs = [text.rpartition("=") for text in _names(key, value)]
        value = {metric.strip(): _whole(number) for metric, _, number in pairs}
    for metric, places in value.items():
        is_whole = isinstance(places, int) and not isinstance(places, bool)
        if not metric or not is_whole or not 0 <= places <= MOST_DIGITS:
            problem = f"decimals are a metric and a number from 0 to {MOST_DIGITS}"
            raise MappingError(key, problem, "accuracy=3 on the command line")
    return tuple((str(metric), places) for metric, places in value.items())


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"\s*[0-9]{1,3}\s*", text) else None


_PARSERS: Mapping[str, Callable[[str, Any], Any]] = {
    "rows": _names,
    "columns": _names,
    "metrics": _names,
    "filter": _texts,
    "baseline": _text,
    "show": _shows,
    "runs": _one_of(Which),
    "best": _one_of(Best),
    "order": _one_of(Order),
    "digits": _digits,
    "sort": _names,
    "missing": _text,
    "caption": _text,
    "allow_mixed": _flagged,
}


# --- a request written down --------------------------------------------------------------------


def as_words(request: TableRequest) -> dict[str, Any]:
    """What differs from the usual, as words: ``parse_request`` of it is the request."""
    usual = TableRequest()
    said = ((field.name, getattr(request, field.name)) for field in fields(TableRequest))
    return {
        key: _words(value)
        for key, value in said
        if key in _PARSERS and value != getattr(usual, key)
    }


def _words(value: Any) -> Any:
    if isinstance(value, tuple):
        pairs = value and isinstance(value[0], tuple)
        return dict(value) if pairs else [str(item) for item in value]
    return str(value) if isinstance(value, str) else value


def as_toml(name: str, request: TableRequest) -> str:
    """The ``[reports.<name>]`` table to put into ``cetrack.toml``."""
    lines = [f"[reports.{name}]"]
    lines += [f"{key} = {_toml(value)}" for key, value in as_words(request).items()]
    return "".join(f"{line}\n" for line in lines)


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_toml(key)} = {_toml(item)}" for key, item in value.items())
        return f"{{ {pairs} }}"
    # text and lists of text are written alike in both languages, but for a delete character
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def as_command(request: TableRequest) -> str:
    """The command that makes the table; that of a saved report is short."""
    if request.name:
        return f"cetrack report {request.name}"
    return shlex.join(["cetrack", "table", *_arguments(request)])


def _arguments(request: TableRequest) -> Iterator[str]:
    for key, value in as_words(request).items():
        if value is True:
            yield _flag(key)
        elif isinstance(value, Mapping):
            yield from (_flag(key), ",".join(f"{name}={item}" for name, item in value.items()))
        elif key == "filter":
            for text in value:
                yield from (_flag(key), text)
        else:
            yield from (_flag(key), value if isinstance(value, str) else ",".join(value))


def _flag(key: str) -> str:
    return f"--{key.replace('_', '-')}"
