"""What one event says, whatever it is: numbers, histograms, text, settings of a session.

Knows messages, not files. Everything that is neither (images, audio, graphs) is named only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from cetrack.domain import FloatArray
from cetrack.readers.tfevents import wire
from cetrack.readers.tfevents.tensors import (
    NUMBERS,
    STRING,
    Tensor,
    numbers,
    tensor_of,
    texts,
)
from cetrack.readers.tfevents.wire import BYTES, EIGHT_BYTES, FOUR_BYTES, Field, WireError, fields

SUMMARY = 5
_WALL, _STEP, _VERSION, _SESSION = 1, 2, 3, 7
# field of an event → what to call what is in it
_NO_NUMBERS: Mapping[int, str] = {
    4: "graphs",
    6: "log messages",
    8: "run metadata",
    9: "graphs",
}
# field of a summary's value → what to call it
_MEDIA: Mapping[int, str] = {3: "old histograms", 4: "images", 6: "audio clips"}
_TAG, _SIMPLE, _HISTOGRAM, _NODE, _TENSOR, _METADATA = 1, 2, 5, 7, 8, 9
_STARTED = 1  # the status of a session that begins


class Histogram(NamedTuple):
    """Buckets float64[n, 3]: left edge, right edge, count; and what is stated about them all."""

    buckets: FloatArray
    stated: dict[str, float]


@dataclass(slots=True)
class Session:
    """What the hparams plugin says about a run."""

    settings: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, str] = field(default_factory=dict)  # tag → heading, of a table of runs
    model_uri: str = ""
    group: str = ""
    started_s: float = 0.0
    finished_s: float = 0.0
    status: int | None = None

    def add(self, later: Session) -> None:
        """Take what another record says about the same run; of two statements the later counts."""
        self.settings |= later.settings
        self.metrics |= later.metrics
        for name in ("model_uri", "group", "finished_s"):
            setattr(self, name, getattr(later, name) or getattr(self, name))
        self.started_s = self.started_s or later.started_s
        self.status = self.status if later.status is None else later.status


class Value(NamedTuple):
    """One value of a summary: ``content`` is a float, a Histogram, a list of texts or a Session;
    else ``left_out`` says what it is."""

    tag: str
    content: Any = None
    left_out: str = ""


@dataclass(slots=True)
class Event:
    """An event: ``starts`` says that a session begins, which voids later steps of an earlier one;
    ``left_out`` what it holds besides a summary."""

    wall_time: float = 0.0
    step: int = 0
    version: str = ""
    starts: bool = False
    left_out: str = ""
    values: list[Value] = field(default_factory=list)


def event_of(content: bytes, start: int, end: int, plugins: dict[str, str]) -> Event:
    """The event that lies there. Raises WireError.

    ``plugins`` remembers by tag which plugin its values belong to: a writer need not repeat it.
    """
    event = Event()
    for item in fields(content, start, end):
        if item.number == _WALL:
            event.wall_time = wire.number(content, item)
        elif item.number == _STEP:
            event.step = wire.signed(item.value)
        elif item.number == _VERSION:
            event.version = wire.text(content, item)
        elif item.number == _SESSION:
            session = fields(content, item.start, item.end)
            event.starts = any(it.number == 1 and it.value == _STARTED for it in session)
        elif item.number == SUMMARY and item.kind == BYTES:
            for value in fields(content, item.start, item.end):
                if value.number == 1 and value.kind == BYTES:
                    event.values.append(_value_of(content, value, plugins))
        else:
            event.left_out = _NO_NUMBERS.get(item.number, event.left_out)
    return event


def _value_of(content: bytes, value: Field, plugins: dict[str, str]) -> Value:
    inside = {item.number: item for item in fields(content, value.start, value.end)}
    tag = wire.text(content, inside[_TAG]) if _TAG in inside else ""
    plugin, data = _plugin_of(content, inside.get(_METADATA))
    if plugin == "hparams":
        return Value(tag, _session_of(content, data)) if data else Value(tag)
    if _SIMPLE in inside:
        return Value(tag, wire.number(content, inside[_SIMPLE]))
    if _HISTOGRAM in inside:
        return Value(tag, _histogram_of(content, inside[_HISTOGRAM]))
    if _TENSOR in inside:
        item = inside[_TENSOR]
        tensor = tensor_of(content, item.start, item.end)
        if plugin:
            plugins.setdefault(tag, plugin)
        elif tensor.shape or tensor.kind == STRING:
            plugin = plugins.get(tag, "")
        return _tensor_value(content, tag, plugin, tensor)
    media = next((name for number, name in _MEDIA.items() if number in inside), "")
    return Value(tag, left_out=media)


def _plugin_of(content: bytes, metadata: Field | None) -> tuple[str, Field | None]:
    """(name of the plugin that a value belongs to, the field of what that keeps beside it)."""
    name, data = "", None
    if metadata is not None:
        for item in fields(content, metadata.start, metadata.end):
            if item.number == 1 and item.kind == BYTES:
                for inner in fields(content, item.start, item.end):
                    name = wire.text(content, inner) if inner.number == 1 else name
                    data = inner if inner.number == 2 else data
    return name, data


def _tensor_value(content: bytes, tag: str, plugin: str, tensor: Tensor) -> Value:
    if tensor.kind == STRING:
        if plugin in ("text", ""):
            return Value(tag, texts(content, tensor))
        return Value(tag, left_out=_named(plugin))
    if plugin == "histograms":
        found = numbers(content, tensor)
        if found is None or len(found) % 3:
            raise WireError("a histogram without three numbers for each bucket")
        return Value(tag, Histogram(found.reshape(-1, 3), {}))
    if plugin == "scalars" or (not plugin and not tensor.shape):
        found = numbers(content, tensor) if tensor.size == 1 else None
        if found is not None and len(found) == 1:
            return Value(tag, float(found[0]))
    return Value(tag, left_out=_named(plugin))


def _named(plugin: str) -> str:
    return f"values of the plugin {plugin}" if plugin else "tensors"


def _histogram_of(content: bytes, histogram: Field) -> Histogram:
    names = {1: "min", 2: "max", 3: "count", 4: "sum", 5: "sum_squares"}
    stated: dict[str, float] = {}
    rights: list[float] = []
    counts: list[float] = []
    for item in fields(content, histogram.start, histogram.end):
        if item.number in names:
            stated[names[item.number]] = wire.number(content, item)
        elif item.number in (6, 7):
            (rights if item.number == 6 else counts).extend(wire.doubles(content, item))
    if len(rights) != len(counts):
        raise WireError("a histogram whose limits are not as many as its counts")
    if rights:
        lefts = [stated.get("min", rights[0]), *rights[:-1]]
        rights[-1] = stated.get("max", rights[-1])  # the limit is the largest of all floats
    else:
        lefts = []
    return Histogram(np.array([lefts, rights, counts], np.float64).T.reshape(-1, 3), stated)


# --- sessions --------------------------------------------------------------------------------


def _session_of(content: bytes, data: Field) -> Session:
    found = Session()
    for item in fields(content, data.start, data.end):
        if item.number == 2 and item.kind == BYTES:
            _take_experiment(content, item, found)
        elif item.number == 3 and item.kind == BYTES:
            _take_start(content, item, found)
        elif item.number == 4 and item.kind == BYTES:
            found.status = 0
            for inner in fields(content, item.start, item.end):
                if inner.number == 1:
                    found.status = inner.value
                elif inner.number == 2:
                    found.finished_s = wire.number(content, inner)
    return found


def _take_experiment(content: bytes, experiment: Field, found: Session) -> None:
    for metric in fields(content, experiment.start, experiment.end):
        if metric.number == 5 and metric.kind == BYTES:
            tag = heading = ""
            for item in fields(content, metric.start, metric.end):
                if item.number == 1 and item.kind == BYTES:
                    inner = fields(content, item.start, item.end)
                    tag = next((wire.text(content, it) for it in inner if it.number == 2), "")
                elif item.number == 3:
                    heading = wire.text(content, item)
            found.metrics[tag] = heading


def _take_start(content: bytes, start: Field, found: Session) -> None:
    for item in fields(content, start.start, start.end):
        if item.number == 1 and item.kind == BYTES:
            key, value = "", None
            for inner in fields(content, item.start, item.end):
                if inner.number == 1:
                    key = wire.text(content, inner)
                elif inner.number == 2 and inner.kind == BYTES:
                    value = _json_value(content, inner)
            found.settings[key] = value
        elif item.number == 2:
            found.model_uri = wire.text(content, item)
        elif item.number == 4:
            found.group = wire.text(content, item)
        elif item.number == 5:
            found.started_s = wire.number(content, item)


def _json_value(content: bytes, value: Field) -> str | float | bool | None:
    """A number, a text or a truth value; the plugin takes no others."""
    for item in fields(content, value.start, value.end):
        if item.number == 2:
            return wire.number(content, item)
        if item.number == 3:
            return wire.text(content, item)
        if item.number == 4:
            return bool(item.value)
    return None


# --- layout of a row -------------------------------------------------------------------------


class Scalar(NamedTuple):
    """Where in an event the tag of a number lies, where the number, and how to read it."""

    tag: tuple[int, int]
    value: tuple[int, int]
    kind: str
    read: Callable[[Any], FloatArray]


Layout = tuple[Scalar, ...]


def layout_of(event: bytes, begin: int) -> Layout | None:
    """How an event is laid out that has nothing but scalars from ``begin`` on; None for another.

    What it takes as a scalar, ``event_of`` takes as the same.
    """
    try:
        outer = list(fields(event, begin, len(event)))
        if len(outer) != 1 or (outer[0].number, outer[0].kind) != (SUMMARY, BYTES):
            return None
        values = list(fields(event, outer[0].start, outer[0].end))
        found = [_scalar(event, item) for item in values if item.number == 1]
    except WireError:
        return None
    if len(found) != len(values) or None in found:
        return None
    return tuple(item for item in found if item is not None) or None


def _scalar(event: bytes, value: Field) -> Scalar | None:
    items = list(fields(event, value.start, value.end))
    inside = {item.number: item for item in items}
    if len(inside) != len(items) or inside.keys() - {_TAG, _SIMPLE, _NODE, _TENSOR, _METADATA}:
        return None
    plugin, _ = _plugin_of(event, inside.get(_METADATA))
    if plugin not in ("", "scalars") or _TAG not in inside or inside[_TAG].kind != BYTES:
        return None
    tag = inside[_TAG].start, inside[_TAG].end
    simple, tensor = inside.get(_SIMPLE), inside.get(_TENSOR)
    if simple is not None and tensor is None and simple.kind == FOUR_BYTES:
        return Scalar(tag, (simple.start, simple.end), "<f4", NUMBERS[1].read)
    if tensor is not None and simple is None and tensor.kind == BYTES:
        return _tensor_scalar(event, tag, tensor_of(event, tensor.start, tensor.end))
    return None


def _tensor_scalar(event: bytes, tag: tuple[int, int], tensor: Tensor) -> Scalar | None:
    number = NUMBERS.get(tensor.kind)
    if number is None or tensor.shape:
        return None
    where = [tensor.content] if tensor.content else tensor.values
    if len(where) != 1 or (tensor.content and tensor.values):
        return None
    fits = where[0].end - where[0].start == np.dtype(number.kind).itemsize
    if tensor.content:
        fits &= where[0].kind == BYTES
    else:  # whole numbers are of any width there
        fits &= where[0].number == number.values and number.kind in ("<f4", "<f8")
    if fits and where[0].kind in (BYTES, FOUR_BYTES, EIGHT_BYTES):
        return Scalar(tag, (where[0].start, where[0].end), number.kind, number.read)
    return None
