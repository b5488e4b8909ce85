"""``--set key=value``: what the user states about runs that their files leave open. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from cetrack.domain import Kind, RunRecord
from cetrack.errors import UsageError
from cetrack.precisions import parse_precision
from cetrack.readers.numbers import whole_number

_MODEL = ("library", "category", "input_shape", "description")
_PLACES = ("device", "accelerator", "runtime", "runtime_version", "host", "os")
_TEXTS = ("precision", "method", "name", "variant", "dataset", "split", "task", "git_commit")
_NUMBERS = ("seed", "batch_size")
_KEYS = ("model", *_MODEL, *_PLACES, *_TEXTS, *_NUMBERS, "kind")


def check_settings(settings: Mapping[str, str]) -> None:
    """Raise UsageError for a key or a value that no run can have."""
    for key, value in settings.items():
        if key.startswith(("param.", "tag.")) and key.partition(".")[2]:
            continue
        if key not in _KEYS:
            near = difflib.get_close_matches(key, _KEYS, n=1)
            known = f"keys: {', '.join(_KEYS)}, param.NAME, tag.NAME"
            raise UsageError(
                f"--set does not know '{key}'", hint=f"did you mean {near[0]}?" if near else known
            )
        if key in _NUMBERS and whole_number(value) is None:
            raise UsageError(f"--set {key}: {value!r} is not a whole number")
        if key == "kind" and value not in list(Kind):
            raise UsageError(f"--set kind: {value!r} is none of {', '.join(Kind)}")


def apply_settings(record: RunRecord, settings: Mapping[str, str]) -> tuple[RunRecord, list[str]]:
    """The record with its blanks filled, and a sentence for every contradiction.

    What a file states wins over ``--set``; a path is only a hint and does not.
    """
    contradictions: list[str] = []
    for key, value in settings.items():
        known = _value_of(record, key)
        if known in (None, "") or key in record.weak or (key == "kind"):
            record = _with(record, key, value)
        elif not _agree(key, str(known), value):
            said = f"'{known!s:.60}' in the file"
            contradictions.append(f"{key} is {said}: --set {key}={value} not used")
    return record, contradictions


def _agree(key: str, known: str, value: str) -> bool:
    if key != "precision":
        return known == value
    formats = parse_precision(known), parse_precision(value)
    return known == value or (formats[0] is not None and formats[0] == formats[1])


def _value_of(record: RunRecord, key: str) -> Any:
    head, _, rest = key.partition(".")
    if rest:
        return (record.params if head == "param" else record.tags).get(rest)
    if key == "model":
        return record.model.name
    holder: Any = record
    if key in _MODEL:
        holder = record.model
    elif key in _PLACES:
        holder = record.environment
    return getattr(holder, key)


def _with(record: RunRecord, key: str, value: str) -> RunRecord:
    head, _, rest = key.partition(".")
    weak = record.weak - {key}
    if rest and head == "param":
        return replace(record, params={**record.params, rest: value})
    if rest:
        return replace(record, tags={**record.tags, rest: value})
    if key in (*_MODEL, "model"):
        name = "name" if key == "model" else key
        return replace(record, model=replace(record.model, **{name: value}), weak=weak)
    if key in _PLACES:
        place: dict[str, Any] = {key: value}
        return replace(record, environment=replace(record.environment, **place))
    convert: Callable[[str], Any] = {"seed": int, "batch_size": int, "kind": Kind}.get(key, str)
    return replace(record, weak=weak, **{key: convert(value)})
