"""What a benchmark says about its model and number format: in its settings, or in its own name.

Shared by the readers of benchmark harnesses, which know neither of the two. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cetrack.domain import Environment, ModelHint
from cetrack.precisions import METHODS, RUNTIMES, find_precision, is_precision
from cetrack.readers.entries import Entry, read_entry
from cetrack.readers.fields import model_hint

# keys of a number format, the plainest first; ``precision`` may also be the classification metric
_FORMAT_KEYS = (
    "precision",
    "dtype",
    "torch_dtype",
    "weight_dtype",
    "number_format",
    "quantization",
    "quant_type",
    "format",
)
_PIECE = re.compile(r"[^\[\](){}<>/,:;|='\"\s-]+")
_TAIL = re.compile(r"(?:[^_.]|\.(?=\d))+")  # a dot before a digit is a point: 1.58bit
_WORD = re.compile(r"[0-9A-Za-z.]+")
_SETTING = re.compile(r"\w+=$")
_TRADE = frozenset({*RUNTIMES, *METHODS})
_LONGEST = 3  # words of a format behind a name: w_only_int8
_LONGEST_NAME = 500
_OPENING, _CLOSING = "[({<", "])}>"
_BETWEEN = "-_/,;|:. "


@dataclass(frozen=True, slots=True)
class Stated:
    """A sorted object of settings or measurements, less what it said about model and format."""

    model: ModelHint
    precision: str
    entry: Entry


def text_in(values: Mapping[str, Any], key: str) -> str:
    """The text under a key; blank for anything else."""
    value = values.get(key)
    return value if isinstance(value, str) else ""


def object_in(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The object under a key; an empty one for anything else."""
    value = values.get(key)
    return value if isinstance(value, dict) else {}


def read_stated(
    values: Mapping[str, Any], place: str, *, numbers_are_params: bool = False
) -> Stated:
    """Sort an object; a key such as ``dtype`` states the format where its text spells one."""
    rest = dict(values)
    precision = ""
    lowered = {str(key).lower(): key for key in reversed(rest)}
    for name in _FORMAT_KEYS:
        value = rest.get(lowered.get(name, ""))
        if not precision and isinstance(value, str) and find_precision(value) is not None:
            precision = rest.pop(lowered[name])
    hint, rest = model_hint(rest)
    return Stated(hint, precision, read_entry(rest, place, numbers_are_params=numbers_are_params))


def on_device(environment: Environment, fields: Mapping[str, Any]) -> Environment:
    """The environment of a run with these fields: the processor of the host, which harnesses
    state, is no accelerator of a run on another device."""
    device = str(fields.get("device") or "cpu")
    return environment if "cpu" in device.lower() else replace(environment, accelerator="")


def split_precision(name: str) -> tuple[str, str]:
    """(name without the number format in it, the format as written); blank where it is not sure.

    ``test_infer[resnet50-int8]`` → ``test_infer[resnet50]``, ``BM_Resnet_int8/4`` →
    ``BM_Resnet/4``. A name of two formats (a conversion) is of neither.
    """
    if len(name) > _LONGEST_NAME:
        return name, ""
    spans = list(_formats(name))
    elsewhere = name
    for start, stop in reversed(spans):
        elsewhere = elsewhere[:start] + elsewhere[stop:]
    words = [name[start:stop] for start, stop in spans]
    words += filter(is_precision, _WORD.findall(elsewhere))
    if not spans or len({_canonical(word) for word in words}) != 1:
        return name, ""
    for start, stop in reversed(spans):
        name = _without(name, start, stop)
    return name, words[0]


def without_piece(name: str, piece: str) -> str:
    """A name without one of its pieces: ``test_infer[resnet50-4]`` less ``resnet50``."""
    for match in re.finditer(re.escape(piece), name) if piece else ():
        start, stop = match.span()
        before, after = name[:start][-1:], name[stop:][:1]
        if before and before in f"{_OPENING}-/,=" and after in f"{_CLOSING}-/,":
            return _without(name, start, stop)
    return name


def _formats(name: str) -> Iterator[tuple[int, int]]:
    """Where every number format stands that is a piece of the name, or ends one."""
    for piece in _PIECE.finditer(name):
        words = list(_TAIL.finditer(piece.group()))
        for word in words[-_LONGEST:]:
            text = piece.group()[word.start() :]
            if is_precision(text) and _is_bare(text):
                yield piece.start() + word.start(), piece.end()
                break


def _is_bare(text: str) -> bool:
    """True for a format with nothing beside it but a runtime or a method."""
    known = find_precision(text)
    return known is not None and _TRADE.issuperset(known[1])


def _canonical(text: str) -> str:
    known = find_precision(text)
    return known[0].name if known else text


def _without(name: str, start: int, stop: int) -> str:
    """Cut a span out, with what parted it from its neighbour and brackets that become empty."""
    left, right = name[:start], name[stop:]
    if left[-1:] == right[:1] and left[-1:] in ("'", '"'):
        left, right = left[:-1], right[1:]
    left = _SETTING.sub("", left)
    if left[-1:] in (*_OPENING, ""):
        right = right.lstrip(_BETWEEN)
    elif not right or right[0] in f"{_CLOSING}{_BETWEEN}[({{<":
        left = left.rstrip(_BETWEEN)
    if left[-1:] and left[-1] in _OPENING and right[:1] == _CLOSING[_OPENING.index(left[-1])]:
        left, right = left[:-1], right[1:]
    return left + right
