"""What a training history looks like inside a JSON document, and what is none. Pure.

A history is a list of per-epoch objects, or an object of equally meant lists: ``train_loss``,
``val_accuracy``, or ``loss`` beside others. Lists beside a latency or a power are the samples of a
benchmark, not a history.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cetrack.hints import split_label
from cetrack.metrics import PHASES, resolve
from cetrack.precisions import is_precision
from cetrack.readers.entries import pointer
from cetrack.readers.numbers import is_missing, is_number, number_in_text
from cetrack.readers.rows import STEP_NAMES

_HISTORY_KEYS = frozenset(
    {"epoch_metrics", "epochs", "history", "log", "log_history", "logs", "metrics"}
)
_EPOCH_NAMES = frozenset({"epoch", "epochs"})
_MEASURED = frozenset({"energy", "latency", "power", "throughput"})
_CONTAINERS = frozenset({dict, list})
_DEEPEST = 2  # a model and a precision
# lists that a data set is described by: train_ids, val_files
_NOT_LOGGED = frozenset(
    {
        "files", "ids", "idx", "images", "index", "indices", "keys", "labels", "names", "paths",
        "samples", "set", "size", "sizes", "split",
    }
)  # fmt: skip


# in lower case, what any name of something that is logged per epoch has in it
_MARKS = (b"epoch", b"loss", b"entropy", *sorted(f'"{phase}'.encode() for phase in PHASES))


def may_hold_history(content: bytes) -> bool:
    """False for JSON in which no name can be one of a history: cheaper than going through it."""
    lowered = content.lower()
    return any(mark in lowered for mark in _MARKS) or b"\\u" in lowered


@dataclass(frozen=True, slots=True)
class History:
    """A history, where it is, the names met on the way to it, and the facts beside it."""

    place: str
    content: Any
    names: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


def histories(document: Any) -> Iterator[History]:
    """Every history of a document.

    On the way down keys are a precision (``fp32``), a model, or both (``lenet_int8``).
    """
    if isinstance(document, list):
        if is_history(document):
            yield History("", document)
    elif isinstance(document, dict):
        yield from _below(document, History("", document))


def is_training(value: Any) -> bool:
    """True for an object that holds a history rather than measurements of a benchmark."""
    return (
        isinstance(value, dict) and _is_nested(value) and any(_below(value, History("", value), 1))
    )


def _is_nested(document: Mapping[str, Any]) -> bool:
    """True for an object with a list or an object in it: a history is one of them."""
    return not _CONTAINERS.isdisjoint(map(type, document.values()))


def _below(document: Mapping[str, Any], around: History, depth: int = 0) -> Iterator[History]:
    inner = next((key for key in document if _is_wrapper(key, document[key])), None)
    if depth and _is_measured(document, wrapped=inner is not None):
        return
    if inner is not None:
        facts = {key: value for key, value in document.items() if key != inner}
        place = pointer(around.place, inner)
        yield replace(around, place=place, content=document[inner], facts=facts)
    elif is_history(document):
        yield replace(around, content=document, facts=dict(_beside(document)))
    elif depth < _DEEPEST:
        for key, value in document.items():
            if not (_is_nested(value) if isinstance(value, dict) else is_history(value)):
                continue
            named = _named(key, around.names)
            found = History(pointer(around.place, key), value, {**around.names, **named})
            if isinstance(value, dict):
                yield from _below(value, found, depth + bool(named))
            else:
                yield found


def _is_wrapper(key: str, value: Any) -> bool:
    return key.lower() in _HISTORY_KEYS and is_history(value)


def _is_measured(values: Mapping[str, Any], *, wrapped: bool) -> bool:
    """True for an object with a number that only a benchmark measures, or one of a quality.

    Beside what is surely logged per epoch a quality is that of the last one.
    """
    families = {resolve(key).metric.family for key, value in values.items() if is_number(value)}
    if families & _MEASURED:
        return True
    logged = wrapped or any(item and _is_phased(name) for name, item in lists_of(values))
    return "quality" in families and not logged


def _named(key: str, names: Mapping[str, str]) -> dict[str, str]:
    """What a key on the way names; nothing for a word such as ``results``."""
    if is_precision(key):
        return {"precision": key}
    words, precision = split_label(key)
    if not words:
        return {"precision": precision} if precision else {}
    if precision and "precision" not in names:
        return {"model": _joined(names, words), "precision": precision}
    return {"model": _joined(names, key)}


def _joined(names: Mapping[str, str], model: str) -> str:
    return f"{names['model']}/{model}" if "model" in names else model


def is_history(value: Any) -> bool:
    """True for per-epoch objects, or lists of numbers under the names of training metrics."""
    if isinstance(value, list):
        return are_epochs(value)
    if not isinstance(value, dict):
        return False
    if any(_phase_rows(value)):
        return True
    names = [name for name, item in lists_of(value) if _is_column(item)]
    counted = any(name.lower() in _EPOCH_NAMES for name in names) and len(names) > 1
    return counted or any(map(_is_logged, names))


def are_epochs(values: list[Any]) -> bool:
    """True for objects which all state their epoch, some of them with a number beside it."""
    return bool(values) and all(map(_has_epoch, values)) and any(map(is_epoch, values))


def is_epoch(value: Any) -> bool:
    """True for an object with an epoch and at least one number beside it."""
    if not _has_epoch(value) or "cetrack" in value:
        return False
    numbers = (name for name, cell in flat(value) if _is_cell(cell) and cell is not None)
    return any(name.lower() not in STEP_NAMES for name in numbers)


def _has_epoch(value: Any) -> bool:
    return isinstance(value, dict) and any(
        key.lower() in _EPOCH_NAMES and _is_cell(value[key]) for key in value
    )


def _is_column(values: list[Any]) -> bool:
    """True for a list of numbers, which may be text or missing; an empty one too."""
    return all(map(_is_cell, values)) and (not values or any(cell is not None for cell in values))


def _is_cell(cell: Any) -> bool:
    if isinstance(cell, str):
        return is_missing(cell) or number_in_text(cell) is not None
    return cell is None or is_number(cell)


def _is_logged(name: str) -> bool:
    """True for the name of something that is logged per epoch: of a phase, or a loss."""
    return _is_phased(name) or name.lower() == "losses" or resolve(name).metric.name == "loss"


def _is_phased(name: str) -> bool:
    words = re.split(r"[_/.\- ]", name.lower())
    return len(words) > 1 and words[0] in PHASES and words[-1] not in _NOT_LOGGED


def lists_of(history: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    """Every list of a history, those of ``{"train": {"loss": […]}}`` as ``train/loss``."""
    for key, value in history.items():
        if isinstance(value, list):
            yield key, value
        elif isinstance(value, dict) and key.lower() in PHASES:
            for name, item in value.items():
                if isinstance(item, list):
                    yield f"{key}/{name}", item


def rows_of(history: Any) -> list[Any]:
    """The per-epoch objects of a history that has them, else an empty list.

    Those of ``{"train": [{…}], "val": [{…}]}`` say their phase.
    """
    if isinstance(history, list):
        return history
    return [{"phase": phase, **row} for phase, rows in _phase_rows(history) for row in rows]


def _phase_rows(history: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    for key, value in history.items():
        if key.lower() in PHASES and isinstance(value, list) and are_epochs(value):
            yield key, value


def _beside(history: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What stands in a history beside its lists: names, settings, early-stopping facts."""
    taken = dict(lists_of(history))
    for key, value in history.items():
        phase = isinstance(value, dict) and key.lower() in PHASES
        if key not in taken and not phase:
            yield key, value


def flat(item: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The cells of a per-epoch object; nested ones as ``train/loss``."""
    for key, value in item.items():
        if isinstance(value, dict):
            yield from flat(value, inner_prefix(prefix, key))
        else:
            yield f"{prefix}{key}", value


def inner_prefix(prefix: str, key: str) -> str:
    """What stands before the names in a nested object: ``train/``."""
    separator = "/" if not prefix and key.lower() in PHASES else "."
    return f"{prefix}{key}{separator}"
