"""A first draft of a ``[formats.<name>]`` table for a file that no reader understands.

It looks for the objects, or rows, that are alike, and says of each of their names what it may be.
People read it, change what is wrong, and put it into ``cetrack.toml``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from cetrack.errors import ReadError
from cetrack.hints import path_hints
from cetrack.mappings import ALL
from cetrack.metrics import resolve
from cetrack.precisions import find_precision, is_precision
from cetrack.readers.fields import FIELD_KEYS, MODEL_KEYS, SETTING_BLOCKS, field_value
from cetrack.readers.mapped import Item, document_of, items_at
from cetrack.readers.numbers import is_number, is_numeric, number_in_text
from cetrack.readers.results.labels import (
    FORMAT_KEYS,
    LABEL_KEYS,
    is_bit_field,
    is_device,
    is_format_text,
    is_measure,
    is_model_key,
    is_runtime,
    is_setting,
    slug,
)
from cetrack.readers.results.values import is_spread
from cetrack.readers.source import Source

_LOOKED_AT = 200  # runs that say which names there are
_DEEPEST = 8
_LIKENESS = 0.5  # share of keys that objects have in common to be alike
_BARE = re.compile(r"[A-Za-z0-9_-]+")
# fields of a definition, by what the keys of other readers state
_FIELD_OF = {"started_at": "time", "finished_at": "", "name": "name"}


@dataclass
class Draft:
    """A definition while it is drafted: lines of TOML, each with a comment or none."""

    name: str
    match: str
    keys: list[str] = field(default_factory=list)
    rows: str = ""
    fields: dict[str, tuple[str, str]] = field(default_factory=dict)
    metrics: dict[str, tuple[str, str]] = field(default_factory=dict)
    params: list[str] = field(default_factory=list)

    def toml(self) -> str:
        """The text for ``cetrack.toml``."""
        lines = [f"[formats.{self.name}]", f"match = {_quoted(self.match)}"]
        if self.keys:
            lines.append(f"keys = [{', '.join(map(_quoted, self.keys))}]")
        if self.rows:
            lines.append(f"rows = {_quoted(self.rows)}")
        open_fields = [name for name in ("model", "precision") if name not in self.fields]
        lines += [f'# {name} = "= NAME"  # nothing in the file says it' for name in open_fields]
        lines += [_line(name, *said) for name, said in self.fields.items()]
        if self.params:
            lines.append(f"# kept as parameters: {', '.join(self.params)}")
        lines += ["", f"[formats.{self.name}.metrics]"]
        lines += [_line(path, *said) for path, said in self.metrics.items()]
        return "\n".join(lines) + "\n"


def _line(name: str, value: str, comment: str) -> str:
    key = name if _BARE.fullmatch(name) else _quoted(name)
    return f"{key} = {_quoted(value)}" + (f"  # {comment}" if comment else "")


def _quoted(text: str) -> str:
    """A TOML string: JSON's escapes are among those of TOML."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def draft(source: Source) -> Draft:
    """The draft for a file. Raises ReadError where no numbers are found that belong to runs."""
    document = document_of(source)
    path = _rows_path(document)
    found = [item for item, _ in zip(items_at(document, path), range(_LOOKED_AT), strict=False)]
    names = _leaves([item.value for item in found])
    made = Draft(_name(source), _pattern(source.name), rows=path)
    made.keys = _keys(document, path)
    _add_fields(made, source, document, found, names)
    taken = {where for where, _ in made.fields.values()}
    for name, cells in names.items():
        if name in taken:
            continue
        if any(map(_is_measurement, cells)) and not (_is_stated(name) or is_setting(_last(name))):
            made.metrics[name] = _metric(name)
        elif cells:
            made.params.append(name)
    if not made.metrics:
        raise ReadError(source.uri, "no numbers in it that could be those of runs")
    return made


# --- where the runs are ----------------------------------------------------------------------


def _rows_path(document: Any) -> str:
    """The path with wildcards at which the runs are: blank for a single one, or a plain list."""
    if isinstance(document, list):
        inner = _path_below(_first(document), 0)
        return ".".join([ALL, *inner]) if inner else ""
    return ".".join(_path_below(document, 0))


def _path_below(node: Any, depth: int) -> list[str]:
    if not isinstance(node, Mapping) or depth > _DEEPEST:
        return []
    children = {str(key): value for key, value in node.items() if _is_container(key, value)}
    objects = {key: value for key, value in children.items() if isinstance(value, Mapping)}
    if _are_precisions(objects) or (len(objects) > 1 and _are_alike(list(objects.values()))):
        return [ALL, *_path_below(next(iter(objects.values())), depth + 1)]
    numbers = any(is_number(value) for value in node.values())
    for key, value in sorted(children.items(), key=lambda pair: -_weight(pair[1])):
        if isinstance(value, list):
            inner = _path_below(_first(value), depth + 1)
            return [key, ALL, *inner] if inner else [key]
        inner = _path_below(value, depth + 1)
        if _weight(value) and (ALL in inner or not numbers):  # beside numbers it is a part of a run
            return [key, *inner]
    return []


def _is_container(key: Any, value: Any) -> bool:
    """True for an object or a list of some that is no metric with its statistics."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(item, Mapping) for item in value)
    if not isinstance(value, Mapping) or is_spread(value):
        return False
    return not is_measure(str(key)) or any(isinstance(item, Mapping) for item in value.values())


def _are_precisions(objects: Mapping[str, Any]) -> bool:
    return bool(objects) and all(find_precision(key) is not None for key in objects)


def _are_alike(objects: Sequence[Mapping[str, Any]]) -> bool:
    """True for objects with about the same keys, and numbers somewhere in them."""
    first = set(objects[0])
    for item in objects[1:]:
        if len(first & set(item)) < _LIKENESS * len(first | set(item)):
            return False
    return all(map(_weight, objects))


def _weight(value: Any, depth: int = 0) -> int:
    """How many numbers are in a value."""
    if depth > _DEEPEST:
        return 0
    if isinstance(value, Mapping):
        return sum(_weight(item, depth + 1) for item in value.values())
    if isinstance(value, list):
        return sum(_weight(item, depth + 1) for item in value[:_LOOKED_AT])
    return int(is_number(value))


def _first(values: Sequence[Any]) -> Any:
    return next((value for value in values if isinstance(value, Mapping)), None)


def _keys(document: Any, path: str) -> list[str]:
    """What marks a file of this kind: the columns of its rows, or the way to them."""
    if isinstance(document, list):
        first = _first(document) or {}
        marks = [str(key) for key in first if not path or isinstance(first[key], (list, Mapping))]
        return marks[:4]
    head = path.partition(".")[0]
    if head and head != ALL:
        return [head]
    return [] if head else [str(key) for key in document][:4]


# --- what the names are ----------------------------------------------------------------------


def _leaves(values: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The values of every dotted name; a number's statistics are one value."""
    found: dict[str, list[Any]] = {}
    for value in values:
        for name, cell in _flat(value, ""):
            found.setdefault(name, []).append(cell)
    return found


def _flat(value: Mapping[str, Any], prefix: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        name = f"{prefix}{key}"
        if isinstance(item, Mapping) and not is_spread(item) and depth < _DEEPEST:
            yield from _flat(item, f"{name}.", depth + 1)
        elif item is not None:
            yield name, item


def _is_measurement(cell: Any) -> bool:
    if isinstance(cell, str):
        return number_in_text(cell) is not None
    return is_number(cell) or is_spread(cell) or (isinstance(cell, list) and is_numeric(cell))


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _is_stated(name: str) -> bool:
    """True for a name inside a block of settings."""
    return any(part.lower() in SETTING_BLOCKS for part in name.split(".")[:-1])


def _metric(name: str) -> tuple[str, str]:
    """(cetrack's name, comment) of a number: its own name where the catalogue has none."""
    found = resolve(name)
    unit = f"unit {found.source_unit}" if found.source_unit else "no unit"
    if found.doubt:
        return name, 'no unit: write { name = "…", unit = "ms" } to say it'
    return name, f"{found.metric.name}, {unit}" if found.metric.name != name else unit


def _add_fields(
    made: Draft,
    source: Source,
    document: Any,
    found: Sequence[Item],
    names: Mapping[str, Sequence[Any]],
) -> None:
    """Say where the fields of the runs are: in them, on the way to them, around them, outside."""
    levels = _levels(found)
    for name in _precision_fields(names):
        made.fields.setdefault("precision", (name, ""))
    for number, keys in enumerate(levels, 1):
        kind = _kind_of(keys)
        if kind and kind not in made.fields:
            made.fields[kind] = (f"key({number})", f"{', '.join(keys[:3])} …")
    for name, cells in names.items():
        kind = _field_of(name, cells)
        if kind and kind not in made.fields:
            made.fields[kind] = (name, "")
    if isinstance(document, Mapping) and made.rows:
        around = [pair for pair in _flat(document, "") if not pair[0].startswith(f"{made.rows}.")]
        for key, value in around:
            kind = _field_of(key, [value]) if _is_stated(key) or "." not in key else ""
            if kind and kind not in made.fields:
                made.fields[kind] = (f"/{key}", "")
    _add_name(made, source)


def _levels(found: Sequence[Item]) -> list[list[str]]:
    """The different keys of every wildcard; none for the numbers of a list."""
    columns = zip(*(item.keys for item in found), strict=True)
    return [list(dict.fromkeys(column)) for column in columns]


def _kind_of(keys: Sequence[str]) -> str:
    """What the keys at a wildcard name."""
    if all(key.isdigit() for key in keys):
        return ""
    if any(map(is_precision, keys)) or all(find_precision(key) is not None for key in keys):
        return "precision"
    kinds = {"device": all(map(is_device, keys)), "runtime": any(map(is_runtime, keys))}
    return next((kind for kind, fits in kinds.items() if fits), "model")


def _precision_fields(names: Mapping[str, Sequence[Any]]) -> Iterator[str]:
    """The names under which precisions stand, the surest first."""
    for name, cells in names.items():
        if slug(name) in FORMAT_KEYS and all(map(is_format_text, cells)):
            yield name
    for name, cells in names.items():
        labelled = slug(name) in LABEL_KEYS and all(isinstance(cell, str) for cell in cells)
        if labelled and any(map(is_precision, cells)):
            yield name
    yield from filter(is_bit_field, names)


def _field_of(name: str, cells: Sequence[Any]) -> str:
    """The field that a name states, blank for another one."""
    own = _last(name) if _is_stated(name) else name
    plain = slug(own)
    if plain in MODEL_KEYS or is_model_key(own):
        kind = MODEL_KEYS.get(plain, "name")
        texts = all(isinstance(cell, (str, list)) for cell in cells)
        return "" if not texts else ("model" if kind == "name" else kind)
    stated = FIELD_KEYS.get(plain, "")
    if not stated or any(field_value(stated, cell) is None for cell in cells):
        return ""
    return _FIELD_OF.get(stated, stated)


def _add_name(made: Draft, source: Source) -> None:
    """Take from the file's name what nothing inside of it says."""
    bare = PurePath(source.name)
    model, precision = path_hints(bare, bare)
    if precision and "precision" not in made.fields:
        made.fields["precision"] = (f"= {precision}", "by the file's name")
    if precision and model and "model" not in made.fields and model in source.name:
        pattern = "{}".join(map(_pattern, source.name.split(model, 1)))
        made.fields["model"] = (f"file({pattern})", "by the file's name")


def _name(source: Source) -> str:
    stem = re.sub(r"[^a-z0-9]+", "_", PurePath(source.name).stem.lower()).strip("_")
    bare = re.sub(r"_?\d+(_\d+)*$", "", stem).strip("_")
    return f"my_{bare}"[:60] if bare else "my_format"


def _pattern(name: str) -> str:
    """The file's name with * for its numbers: those of tomorrow's file are others."""
    return re.sub(r"\d{2,}([-_.:T]?\d{2,})*", "*", re.sub(r"[*?\[\]]", "?", name))
