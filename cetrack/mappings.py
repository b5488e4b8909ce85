"""Formats that people describe in ``cetrack.toml``, and what is wrong with a description. Pure.

``docs/mappings.md`` is the page about them. A definition is a value: it travels to other processes
with the options of an ingest.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import astuple, dataclass, field
from enum import StrEnum
from typing import Any

FIELDS = (
    "model", "precision", "library", "category", "description", "input_shape", "dataset", "split",
    "task", "device", "accelerator", "runtime", "runtime_version", "host", "method", "variant",
    "name", "experiment", "batch_size", "seed", "time", "status", "git_commit",
)  # fmt: skip
_KEYS = ("match", "keys", "kind", "rows", *FIELDS, "metrics", "ignore")
KINDS = ("benchmark", "training", "compression")  # those of the domain, which is slow to load
ALL = "*"
_RESERVED = "suggest"  # a word of 'cetrack formats'
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_KEY_OF = re.compile(r"key\(\s*(\d{1,2})\s*\)")
_FILE_OF = re.compile(r"file\((?P<pattern>.+)\)")
_MARK = "{}"
_VERSIONS = 2**31 - 1


class How(StrEnum):
    """Where the value of a field is found."""

    ROW = "row"  # a path from the object, or the row, of the run
    ROOT = "root"  # a path from the top of the document
    KEY = "key"  # what the n-th * of ``rows`` stands for
    CONSTANT = "constant"
    FILE = "file"  # the part of the file's name at {}


@dataclass(frozen=True, slots=True)
class Where:
    """One field: how to find it, and the path, the number, the text or the pattern."""

    how: How
    text: str


@dataclass(frozen=True, slots=True)
class MetricRule:
    """A number in a file: its path, cetrack's name for it, and its unit, None where the name says
    it. The path ``*`` stands for all other numbers."""

    path: str
    name: str
    unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format as ``[formats.<name>]`` defines it; ``origin`` is the file that does."""

    name: str
    origin: str = field(default="", compare=False)
    match: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    kind: str = KINDS[0]
    rows: str = ""
    fields: tuple[tuple[str, Where], ...] = ()
    metrics: tuple[MetricRule, ...] = (MetricRule(ALL, ALL),)
    ignore: tuple[str, ...] = ()

    @property
    def version(self) -> int:
        """A number that is another one for another definition."""
        defined = repr((*astuple(self)[:1], *astuple(self)[2:]))
        return int(hashlib.sha256(defined.encode()).hexdigest()[:12], 16) % _VERSIONS + 1

    @property
    def wildcards(self) -> int:
        """How many keys ``key(n)`` can mean."""
        return self.rows.split(".").count(ALL)


class MappingError(Exception):
    """A definition that makes no sense: ``key`` is where, the message what, ``hint`` what to do."""

    def __init__(self, key: str, problem: str, hint: str | None = None) -> None:
        super().__init__(problem)
        self.key = key
        self.problem = problem
        self.hint = hint


def parse_format(name: str, table: Any, origin: str = "") -> Format:
    """The format that a table of ``cetrack.toml`` defines. Raises MappingError."""
    if not _NAME.fullmatch(name) or name == _RESERVED:
        raise MappingError("", f"'{name}' is no name of a format", "letters, digits, _ and -")
    if not isinstance(table, Mapping):
        raise MappingError("", "must be a table", f"write [formats.{name}]")
    for key in table:
        if key not in _KEYS:
            raise unknown(key, key, _KEYS, "key")
    values = {key: _PARSERS[key](key, table[key]) for key in _PARSERS if key in table}
    if not values.get("match") and not values.get("keys"):
        hint = 'match = "bench_*.csv", or keys = ["model", "latency"]'
        raise MappingError("match", "nothing says which files are of it", hint)
    where = tuple((key, _where(key, table[key])) for key in FIELDS if key in table)
    made = Format(name=name, origin=origin, fields=where, **values)
    for key, found in where:
        if found.how is How.KEY and not 0 < int(found.text) <= made.wildcards:
            problem = f"key({found.text}), but rows = '{made.rows}' has {made.wildcards} wildcards"
            raise MappingError(key, problem)
    return made


def parse_formats(tables: Any, origin: str) -> tuple[Format, ...]:
    """All formats of a ``[formats]`` table. Raises MappingError with ``name.key`` as key."""
    if not isinstance(tables, Mapping):
        raise MappingError("", "must be a table of formats", "write [formats.my_bench]")
    found = []
    for name, table in tables.items():
        try:
            found.append(parse_format(name, table, origin))
        except MappingError as error:
            key = f"{name}.{error.key}" if error.key else name
            raise MappingError(key, error.problem, error.hint) from None
    return tuple(found)


# --- the keys of a definition ----------------------------------------------------------------


def _texts(key: str, value: Any) -> tuple[str, ...]:
    """A text, or a list of them."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(x, str) and x for x in texts) or not texts:
        raise MappingError(key, "must be text in quotes, or a list of texts")
    return tuple(texts)


def _kind(key: str, value: Any) -> str:
    if value not in KINDS:
        raise unknown(key, str(value), KINDS, "kind")
    return str(value)


def _path(key: str, value: Any) -> str:
    if not isinstance(value, str) or not all(value.split(".")):
        raise MappingError(key, "must be a path such as 'results.*.*'")
    return value


def _metrics(key: str, value: Any) -> tuple[MetricRule, ...]:
    if not isinstance(value, Mapping) or not value:
        problem = 'must be a table: the name in the file = "the name in cetrack"'
        raise MappingError(key, problem, f'write "{ALL}" = true for all numbers')
    return tuple(_rule(f"{key}.{path}", path, rule) for path, rule in value.items())


def _rule(key: str, path: str, rule: Any) -> MetricRule:
    if path == ALL:
        if rule is not True:
            raise MappingError(key, f'"{ALL}" = true is all that can be said of all numbers')
        return MetricRule(ALL, ALL)
    if isinstance(rule, str) and rule.strip():
        return MetricRule(path, rule.strip())
    if not isinstance(rule, Mapping) or not rule:
        raise MappingError(key, "must be a name, or { name = …, unit = … }")
    for name, text in rule.items():
        if name not in ("name", "unit"):
            raise unknown(key, name, ("name", "unit"), "key")
        if not isinstance(text, str) or not text.strip():
            raise MappingError(key, f"{name} must be text in quotes")
    return MetricRule(path, rule.get("name", path).strip(), rule.get("unit"))


def _where(key: str, value: Any) -> Where:
    """A path, ``/path``, ``key(n)``, ``= constant`` or ``file(pattern)``."""
    if isinstance(value, int) and not isinstance(value, bool):
        hint = f'a constant is written "= {value}"'
        raise MappingError(key, "must be text that says where the value is", hint)
    if not isinstance(value, str) or not value.strip():
        raise MappingError(key, "must be text that says where the value is")
    text = value.strip()
    if text.startswith("="):
        constant = text[1:].strip()
        if not constant:
            raise MappingError(key, "a constant without a value", 'write "= int8"')
        return Where(How.CONSTANT, constant)
    numbered = _KEY_OF.fullmatch(text)
    if numbered:
        return Where(How.KEY, str(int(numbered[1])))
    pattern = _FILE_OF.fullmatch(text)
    if pattern:
        if pattern["pattern"].count(_MARK) != 1:
            hint = 'write "file({}_int8*.json)": {} is the part that counts'
            raise MappingError(key, "file(…) needs one {} in its pattern", hint)
        return Where(How.FILE, pattern["pattern"])
    if text.startswith("/"):
        return Where(How.ROOT, _path(key, text[1:]))
    return Where(How.ROW, text)


_PARSERS: Mapping[str, Callable[[str, Any], Any]] = {
    "match": _texts,
    "keys": _texts,
    "kind": _kind,
    "rows": _path,
    "metrics": _metrics,
    "ignore": _texts,
}


def unknown(key: str, text: str, known: Iterable[str], what: str) -> MappingError:
    """The error of a name that is none of the known ones, with the nearest of them."""
    names = list(known)
    near = difflib.get_close_matches(text, names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(names)}"
    return MappingError(key, f"no {what} called '{text}'", hint)


# --- file names ------------------------------------------------------------------------------


def part_of_name(pattern: str, name: str) -> str:
    """What stands at ``{}`` of a file's name by a pattern with ``*``; blank where it does not fit.

    ``file({}_int8*.json)`` of ``lenet_int8_v2.json`` is ``lenet``.
    """
    pieces = re.split(r"(\{\}|\*|\?)", pattern)
    kinds = {_MARK: "(.+?)", "*": ".*", "?": "."}
    found = re.fullmatch("".join(kinds.get(piece) or re.escape(piece) for piece in pieces), name)
    return found[1] if found else ""
