"""What a filter can name: the table of fields, the aggregates of a metric, kinds of values.

A field's name is also the name of its column in the ``runs`` view. Pure: knows no SQL; asks
``precisions`` and ``shapes`` how values are spelled.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from cetrack.filter.glob import fold
from cetrack.filter.tree import FieldRef, MetricRef, ParamRef, Ref, TagRef


class ValueKind(StrEnum):
    """What a reference holds, which decides its operators and how its values are read."""

    TEXT = "text"
    NUMBER = "number"
    INT = "whole number"
    TIME = "time"
    SHAPE = "shape"
    PRECISION = "precision"
    TAG = "text, blank included"
    PARAM = "text or number"


@dataclass(frozen=True, slots=True)
class Field:
    """A column of the ``runs`` view; ``aliases`` are other names for it."""

    name: str
    kind: ValueKind
    meaning: str
    aliases: tuple[str, ...] = ()


_TEXT, _INT, _TIME = ValueKind.TEXT, ValueKind.INT, ValueKind.TIME

_TABLE = (
    Field("uid", _TEXT, "the run's name for people and files"),
    Field("experiment", _TEXT, "campaign"),
    Field("model", _TEXT, "model name"),
    Field("library", _TEXT, "where the model comes from"),
    Field("category", _TEXT, "kind of task, e.g. vision"),
    Field("input_shape", ValueKind.SHAPE, "without the batch, e.g. 3x224x224", ("shape",)),
    Field("precision", ValueKind.PRECISION, "number format, in any spelling"),
    Field("weight_bits", ValueKind.NUMBER, "bits of a weight"),
    Field("activation_bits", ValueKind.NUMBER, "bits of an activation"),
    Field("kind", _TEXT, "benchmark, training or compression"),
    Field("method", _TEXT, "compression method, e.g. ptq"),
    Field("name", _TEXT, "the run's own name"),
    Field("variant", _TEXT, "which of several set-ups of the same producer"),
    Field("dataset", _TEXT, "what it was measured on"),
    Field("split", _TEXT, "part of the dataset"),
    Field("task", _TEXT, "what the model was asked to do"),
    Field("seed", _INT, "random seed"),
    Field("batch_size", _INT, "samples per inference or training step", ("batch",)),
    Field("device", _TEXT, "cpu, gpu …"),
    Field("accelerator", _TEXT, "name of the chip"),
    Field("runtime", _TEXT, "what executed the model"),
    Field("runtime_version", _TEXT, "version of the runtime"),
    Field("host", _TEXT, "machine name"),
    Field("os", _TEXT, "operating system"),
    Field("status", _TEXT, "running, finished, failed or killed"),
    Field("status_reason", _TEXT, "why it failed"),
    Field("started_at", _TIME, "when it ran", ("started",)),
    Field("time_source", _TEXT, "where started_at was found"),
    Field("finished_at", _TIME, "when it ended", ("finished",)),
    Field("git_commit", _TEXT, "commit of the code that was measured", ("commit",)),
    Field("baseline_uid", _TEXT, "the run it is compared with", ("baseline",)),
    Field("baseline_rule", _TEXT, "which rule chose the baseline"),
    Field("parent_uid", _TEXT, "the run it is a part of", ("parent",)),
    Field("model_description", _TEXT, "free text about the model"),
    Field("series_key", _TEXT, "runs of one line of a trend share it"),
    Field("like_key", _TEXT, "runs that may be compared share it"),
)
FIELDS = {field.name: field for field in _TABLE}
FIELD_OF = {name: field for field in _TABLE for name in (field.name, *field.aliases)}
ENVIRONMENT = ("device", "accelerator", "runtime", "runtime_version", "host", "os")

AGGREGATES = {
    "last": ValueKind.NUMBER,
    "first": ValueKind.NUMBER,
    "min": ValueKind.NUMBER,
    "max": ValueKind.NUMBER,
    "mean": ValueKind.NUMBER,
    "std": ValueKind.NUMBER,
    "count": ValueKind.INT,
    "nan_count": ValueKind.INT,
    "n": ValueKind.INT,
    "last_step": ValueKind.INT,
    "min_step": ValueKind.INT,
    "max_step": ValueKind.INT,
}


def kind_of(ref: Ref) -> ValueKind:
    """What a reference holds."""
    match ref:
        case FieldRef(name):
            return FIELDS[name].kind
        case MetricRef(_, aggregate):
            return AGGREGATES[aggregate]
        case ParamRef():
            return ValueKind.PARAM
        case TagRef():
            return ValueKind.TAG
        case _:
            assert_never(ref)


# --- spellings ----------------------------------------------------------------------------------

_DIMENSIONS = re.compile(r"[x×,\s]+")
_SIMPLE_PATTERN = re.compile(r"[\[(]?\s*(?:[0-9]+|\*)(?:\s*[x×,]\s*(?:[0-9]+|\*))*\s*[\])]?")
_WITH_BATCH = re.compile(r"1(?:x[0-9*]+){3,}")


def canonical_precision(text: str) -> str:
    """The name under which the database keeps a precision, whatever its spelling."""
    from cetrack.precisions import parse_precision, unknown_precision  # keeps this table light

    return (parse_precision(text) or unknown_precision(text)).name


def canonical_shape(text: str) -> str | None:
    """A shape as dimensions joined by ``x``, a batch included if there is one; None if it is none.

    A dimension may be ``*``; in a shape of several named inputs it may not.
    """
    folded = fold(text)
    if "*" not in folded and _parse_shape(folded) is None:
        return None
    if ":" in folded or ";" in folded:
        return None if "*" in folded else re.sub(r"\s+", "", folded)
    items = _DIMENSIONS.split(folded.strip().strip("[](){}<>").strip(" ,"))
    dims = [item if item == "*" else _parse_shape(item) for item in items]
    return None if None in dims else "x".join(dim for dim in dims if dim)


def canonical_shape_pattern(text: str) -> str:
    """A pattern of numbers and stars as dimensions joined by ``x``; any other glob as it is."""
    if _SIMPLE_PATTERN.fullmatch(fold(text)):
        return canonical_shape(text) or text
    return text


def shape_spellings(shape: str) -> tuple[str, ...]:
    """The texts that may stand in the database for a canonical shape: with and without batch.

    The database keeps shapes without the batch; whether a leading 1 is one, only the rank tells.
    """
    return tuple(dict.fromkeys((shape, _parse_shape(shape) or shape)))


def shape_pattern_spellings(pattern: str) -> tuple[str, ...]:
    """The same for a pattern."""
    return (pattern, pattern[2:]) if _WITH_BATCH.fullmatch(pattern) else (pattern,)


def _parse_shape(text: str) -> str | None:
    from cetrack.shapes import parse_shape  # keeps this table light

    return parse_shape(text)


# --- documentation ------------------------------------------------------------------------------


def field_table_markdown() -> str:
    """The table of fields for the documentation."""
    rows = [
        f"| {' · '.join(f'`{name}`' for name in (field.name, *field.aliases))} "
        f"| {field.kind} | {field.meaning} |"
        for field in _TABLE
    ]
    return "\n".join(["| field | holds | meaning |", "|---|---|---|", *rows]) + "\n"
