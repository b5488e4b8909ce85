"""Formats that ``cetrack.toml`` defines: one reader per definition.

What a definition does not name is kept as a parameter, unless it says to ignore it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import PurePath
from typing import Any

import numpy as np

from cetrack.domain import (
    Artifact,
    Identity,
    Kind,
    ModelHint,
    Notice,
    ParamValue,
    RunRecord,
    Sample,
    Series,
)
from cetrack.errors import ReadError
from cetrack.mappings import ALL, Format, How, MetricRule, Where, part_of_name
from cetrack.precisions import find_precision
from cetrack.readers.base import Match, Objection, Reader, matched
from cetrack.readers.csv_text import header
from cetrack.readers.entries import Entry, flatten, pointer, read_entry
from cetrack.readers.fields import as_fields, field_value, model_hint, with_fields
from cetrack.readers.lines import json_lines
from cetrack.readers.numbers import (
    float_of,
    is_missing,
    is_number,
    is_numeric,
    number_in_text,
    shortened,
)
from cetrack.readers.results.labels import bit_label
from cetrack.readers.results.tables import table_cells
from cetrack.readers.source import Source

_SUFFIXES = (".json", ".jsonl", ".csv", ".tsv", ".yaml", ".yml")
_YAML = (".yaml", ".yml")
_MODEL = ("library", "category", "description", "input_shape")
_OWN_NAMES = {"time": "started_at"}  # of fields that are called otherwise in a record
_PLAIN = frozenset({"experiment", "git_commit", "method", "name", "split", "task", "variant"})
_LONG = 20  # values of a list that may be a parameter
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Item:
    """One run in a document: where it is, what the wildcards stand for, its object."""

    place: str
    keys: tuple[str, ...]
    value: Mapping[str, Any]


class MappedReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    maps_to = "one run per object or row, as the definition says"

    def __init__(self, definition: Format) -> None:
        self.definition = definition
        self.name = definition.name
        self.version = definition.version
        self.suffixes = () if definition.match else _SUFFIXES
        self.patterns = tuple(PurePath(pattern).name for pattern in definition.match)
        self.description = f"as [formats.{definition.name}] of {definition.origin} defines it"
        said = [f"a name like {' or '.join(definition.match)}"] if definition.match else []
        said += [f"{', '.join(definition.keys)} in it"] if definition.keys else []
        self.recognises = " and ".join(said)
        self.example = ""

    def sniff(self, source: Source) -> Match:
        """YES for a file that the definition matches, with an object where it says runs are."""
        return matched(self._is_of_it, source)

    def _is_of_it(self, source: Source) -> bool:
        return self._fits(source) and next(iter(self._items(source)), None) is not None

    def _fits(self, source: Source) -> bool:
        return is_named(self.definition, source) and _has_keys(self.definition, source)

    def objection(self, source: Source) -> Objection | None:
        """What of the definition is not in a file that is named like one of it."""
        try:
            if not self.definition.match or not is_named(self.definition, source):
                return None
            if not _has_keys(self.definition, source):
                missing = [key for key in self.definition.keys if key not in _names(source)]
                return Objection(0.9, f"no key {', '.join(map(repr, missing))}")
            return Objection(0.95, f"no object at rows = '{self.definition.rows}'")
        except ReadError:
            return None

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run per object or row."""
        notices: list[Notice] = []
        document = _document(source, notices)
        missed: dict[str, list[str]] = {}
        count = 0
        for item in _items(document, self.definition.rows):
            count += 1
            yield _Run(self.definition, item, document.content, source, missed).made()
        yield from notices
        for key, places in missed.items():
            text = f"{key} is in {count - len(places)} of {count} runs"
            yield Notice(places[0], text)
        if not count:
            problem = f"no object at rows = '{self.definition.rows}'"
            raise ReadError(source.uri, problem, hint=f"see [formats.{self.name}] in cetrack.toml")

    def _items(self, source: Source) -> Iterator[Item]:
        return _items(_document(source, []), self.definition.rows)


# --- which files -----------------------------------------------------------------------------


def is_named(definition: Format, source: Source) -> bool:
    """True for a file with a name, or the end of a path, that the definition matches."""
    path = PurePath(source.uri.replace("\\", "/")).parent / source.name
    return not definition.match or any(map(path.match, definition.match))


def _has_keys(definition: Format, source: Source) -> bool:
    return not definition.keys or _names(source).issuperset(definition.keys)


def _names(source: Source) -> frozenset[str]:
    """The columns of a table, the keys of an object or of the first one of a list."""
    if source.json_keys:
        return source.json_keys
    if not source.is_text:
        return frozenset()
    if source.looks_like_json or source.name.lower().endswith(_YAML):
        content = source.json.value if source.looks_like_json else source.yaml
        first = content[0] if isinstance(content, list) and content else content
        return frozenset(first) if isinstance(first, Mapping) else frozenset()
    return frozenset(header(source))


# --- documents -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Document:
    """The content of a source, and of a table or of lines the place of each row."""

    content: Any
    places: tuple[str, ...] = ()


def _document(source: Source, notices: list[Notice]) -> _Document:
    """The content, by what it looks like; adds its notices. Raises ReadError."""
    if source.first_object is not None:
        pairs = [(f"line {number}", item) for number, item in json_lines(source, notices)]
        return _Document([item for _, item in pairs], tuple(place for place, _ in pairs))
    if source.looks_like_json:
        notices.extend(source.json.notices)
        return _Document(source.json.value)
    if source.name.lower().endswith(_YAML):
        return _Document(source.yaml)
    table = table_cells(source)
    notices.extend(table.notices)
    return _Document(table.rows, tuple(table.places))


def document_of(source: Source) -> Any:
    """What a source holds: a document, or a list of rows. Raises ReadError."""
    return _document(source, []).content


def items_at(content: Any, path: str) -> Iterator[Item]:
    """The objects at a path with wildcards; a list at its end is one of them."""
    yield from _items(_Document(content), path)


def _items(document: _Document, path: str) -> Iterator[Item]:
    """The runs at a path, in the order of the file; a list at its end is one of runs."""
    parts = path.split(".") if path else []
    yield from _below(document.content, parts, Item("", (), {}), document.places)


def _below(value: Any, parts: list[str], item: Item, places: tuple[str, ...]) -> Iterator[Item]:
    if not parts:
        if isinstance(value, Mapping):
            yield replace(item, value=value)
        elif isinstance(value, list):
            for index, inner in enumerate(value):
                if isinstance(inner, Mapping):
                    yield replace(item, place=_place(item, index, places), value=inner)
        return
    part, rest = parts[0], parts[1:]
    pairs: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        pairs = value.items() if part == ALL else [(part, value.get(part))]
    elif isinstance(value, list):
        known = part == ALL or (part.isdigit() and int(part) < len(value))
        pairs = (
            enumerate(value) if part == ALL else [(int(part), value[int(part)])] if known else ()
        )
    for key, inner in pairs:
        keys = (*item.keys, str(key)) if part == ALL else item.keys
        place = _place(item, key, places if isinstance(value, list) else ())
        yield from _below(inner, rest, Item(place, keys, {}), ())


def _place(item: Item, key: Any, places: tuple[str, ...]) -> str:
    return places[key] if places and not item.place else pointer(item.place, key)


def at(value: Any, path: str) -> Any:
    """What stands at a dotted path; a key may have dots in it. ``_MISSING`` where nothing does."""
    if isinstance(value, list):
        head, _, rest = path.partition(".")
        if head.isdigit() and int(head) < len(value):
            return at(value[int(head)], rest) if rest else value[int(head)]
        return _MISSING
    if not isinstance(value, Mapping):
        return _MISSING
    if path in value:
        return value[path]
    end = path.rfind(".")
    while end > 0:
        if path[:end] in value:
            found = at(value[path[:end]], path[end + 1 :])
            if found is not _MISSING:
                return found
        end = path.rfind(".", 0, end)
    return _MISSING


# --- one run ---------------------------------------------------------------------------------


class _Run:
    """One run while it is made; ``missed`` collects, for all, what was not there."""

    def __init__(
        self,
        definition: Format,
        item: Item,
        root: Any,
        source: Source,
        missed: dict[str, list[str]],
    ) -> None:
        self.definition = definition
        self.item = item
        self.root = root
        self.source = source
        self.missed = missed
        self.notices: list[Notice] = []
        self.series: list[Series] = []
        self.samples: list[Sample] = []
        self.artifacts: list[Artifact] = []
        self.params: dict[str, ParamValue] = {}

    def made(self) -> RunRecord:
        """The record of the run."""
        stated = {name: self._value(name, where) for name, where in self.definition.fields}
        stated = {name: value for name, value in stated.items() if value not in (None, "", [])}
        hint = self._hint(stated)
        precision = self._precision(stated.pop("precision", ""))
        fields = as_fields(self._fields(stated))
        for rule in self.definition.metrics:
            if rule.path != ALL:
                self._measure(rule)
        rest = self._rest()
        record = RunRecord(
            format=self.definition.name,
            place=self.item.place,
            kind=Kind(self.definition.kind),
            identity=Identity.SNAPSHOT,
            raw={"keys": list(self.item.keys), "values": self.item.value},
            model=hint,
            precision=precision,
            series=tuple(self.series),
            samples=tuple(self.samples),
            artifacts=tuple(self.artifacts),
            params=self.params,
            notices=tuple(self.notices),
            **fields,
        )
        return with_fields(record, rest.fields)

    def _say(self, text: str) -> None:
        self.notices.append(Notice(self.item.place, text))

    def _miss(self, key: str) -> None:
        self.missed.setdefault(key, []).append(self.item.place)

    # --- fields ------------------------------------------------------------------------------

    def _value(self, name: str, where: Where) -> Any:
        if where.how is How.CONSTANT:
            return where.text
        if where.how is How.KEY:
            return self.item.keys[int(where.text) - 1]
        if where.how is How.FILE:
            found: Any = part_of_name(where.text, self.source.name) or _MISSING
        else:
            holder = self.root if where.how is How.ROOT else self.item.value
            found = at(holder, where.text)
        if found is _MISSING or found is None:
            self._miss(f"{name} ('{where.text}')")
            return None
        return found

    def _hint(self, stated: dict[str, Any]) -> ModelHint:
        said = {"model": stated.pop("model", None)}
        said.update({name: stated.pop(name) for name in _MODEL if name in stated})
        return model_hint({key: value for key, value in said.items() if value is not None})[0]

    def _precision(self, value: Any) -> str:
        """The precision as written; a whole number counts bits."""
        text = str(value)
        if find_precision(text) is None:
            counted = bit_label({"bits": value})[0]
            return counted or text
        return text

    def _fields(self, stated: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in stated.items():
            name = _OWN_NAMES.get(key, key)
            plain = str(value) if name in _PLAIN and is_number(value) else value
            known = field_value(name, plain)
            if known is None:
                self._say(f"{shortened(value)} is no {key}: left out")
            else:
                found[name] = known
        return found

    # --- numbers -----------------------------------------------------------------------------

    def _measure(self, rule: MetricRule) -> None:
        """Take the number that a rule names."""
        value = at(self.item.value, rule.path)
        if value is _MISSING or value is None:
            self._miss(f"'{rule.path}'")
        elif is_number(value):
            self._add(rule, float_of(value), rule.unit)
        elif isinstance(value, str):
            number = number_in_text(value)
            if number is not None:
                self._add(rule, number[0], rule.unit or number[1] or None)
            elif not is_missing(value):
                self._say(f"'{rule.path}' is {shortened(value)}, no number: left out")
        elif isinstance(value, list) and is_numeric(value):
            self._add_list(rule, value)
        elif isinstance(value, Mapping):
            self._add_object(rule, value)
        else:
            self._say(f"'{rule.path}' is {shortened(value)}, no number: left out")

    def _add(self, rule: MetricRule, value: float, unit: str | None) -> None:
        place = f"{self.item.place}/{rule.path}" if self.item.place[:1] in ("", "/") else rule.path
        single = Series.scalar(rule.name, value, unit=unit, place=place)
        self.series.append(replace(single, source_name=rule.path))

    def _add_list(self, rule: MetricRule, values: list[Any]) -> None:
        """A list: the steps of a training from 1, else repetitions."""
        kept = [index for index, value in enumerate(values) if value is not None]
        cells = np.array([float_of(values[index]) for index in kept], np.float64)
        if self.definition.kind == Kind.TRAINING:
            steps = np.array(kept, np.int64) + 1
            made = Series(name=rule.name, steps=steps, values=cells, unit=rule.unit)
            self.series.append(replace(made, place=rule.path, source_name=rule.path))
        else:
            self.samples.append(Sample(name=rule.name, values=cells, unit=rule.unit))

    def _add_object(self, rule: MetricRule, value: Mapping[str, Any]) -> None:
        """The statistics of a number, or nested ones under dotted names."""
        entry = read_entry({rule.name: value}, self.item.place)
        for series in entry.series.values():
            tail = series.name.removeprefix(rule.name)
            unit = rule.unit or series.unit
            self.series.append(replace(series, unit=unit, source_name=f"{rule.path}{tail}"))
        self.samples.extend(replace(item, unit=rule.unit or item.unit) for item in entry.samples)
        self.params.update(entry.params)
        self.notices.extend(entry.notices)

    def _rest(self) -> Entry:
        """Take what no rule names: numbers if all are asked for, else parameters.

        Returns what else stands there: it fills fields that are not defined.
        """
        used = [where.text for _, where in self.definition.fields if where.how is How.ROW]
        used += [rule.path for rule in self.definition.metrics if rule.path != ALL]
        rest = _without(self.item.value, frozenset(used), self.definition.ignore)
        if any(rule.path == ALL for rule in self.definition.metrics):
            entry = read_entry(rest, self.item.place)
            self.series.extend(entry.series.values())
            self.samples.extend(entry.samples)
            self.artifacts.extend(entry.artifacts)
            self.params.update(entry.params)
            self.notices.extend(entry.notices)
            return entry
        long = {k: v for k, v in rest.items() if isinstance(v, list) and len(v) > _LONG}
        self.artifacts.extend(Artifact(name=key, content=value) for key, value in long.items())
        self.params.update(flatten({k: v for k, v in rest.items() if k not in long}))
        return Entry()


def _without(
    values: Mapping[str, Any], used: frozenset[str], ignored: tuple[str, ...], prefix: str = ""
) -> dict[str, Any]:
    """The object less the paths that are used, and those which are to be ignored."""
    kept: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if name in used or any(fnmatchcase(name, pattern) for pattern in ignored):
            continue
        if isinstance(value, Mapping):
            value = _without(value, used, ignored, f"{name}.")
            if not value:
                continue
        kept[str(key)] = value
    return kept
