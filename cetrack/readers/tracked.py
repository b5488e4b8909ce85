"""Runs as trackers keep them: points that were logged one by one, settings, a status, an id.

Shared by the readers of other trackers' stores. Knows none of their formats.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from cetrack.domain import (
    Artifact,
    FloatArray,
    Identity,
    IntArray,
    Kind,
    ModelHint,
    Notice,
    ParamValue,
    RunRecord,
    Series,
    Status,
)
from cetrack.identity import own_uid
from cetrack.precisions import find_precision
from cetrack.readers.entries import pointer, read_entry
from cetrack.readers.fields import MODEL_KEYS, filled, model_block, model_hint, with_fields
from cetrack.readers.numbers import INT64_MAX

# settings that name a number format, the surest first
_PRECISION_KEYS = (
    "precision", "model_dtype", "weight_dtype", "quantization", "quantization_type", "quant_type",
    "mixed_precision", "dtype", "torch_dtype",
)  # fmt: skip
# switches of trainers: what is computed in, whatever the weights were saved as
_SWITCHES = ("bf16", "fp16", "fp8", "int8", "int4")
_MODEL_PATHS = (
    "model_name_or_path", "pretrained_model_name_or_path", "base_model_name_or_path",
    "_name_or_path", "model_path",
)  # fmt: skip
_MODEL_NAMES = frozenset({"model.name", "model/name", "model.model_name"})
_MODEL_BLOCKS = frozenset({"model", "model_info"})
# a tracker knows these itself
_TRACKED = frozenset({"status", "started_at", "finished_at"})
_NUMBER = re.compile(r"[-+]?(\d{1,4000}|(\d+\.\d*|\.\d+|\d+(?=[eE]))([eE][-+]?\d{1,5})?)", re.ASCII)
_BOOLS = {"True": True, "true": True, "False": False, "false": False}
_NO_MODEL = ModelHint()
_MANY = 3  # points of a metric at one step, from which on nobody can have meant the step


@dataclass(frozen=True, kw_only=True)
class Stated:
    """What settings say about a run, and those that say nothing but themselves."""

    model: ModelHint = _NO_MODEL
    precision: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, ParamValue] = field(default_factory=dict)
    artifacts: tuple[Artifact, ...] = ()
    notices: tuple[Notice, ...] = ()


def stated_by(settings: Mapping[str, Any], place: str = "") -> Stated:
    """Sort settings, nested or with dotted names."""
    hint, rest = _model(settings)
    if isinstance(rest.get("dataset"), Mapping):
        block = dict(rest.pop("dataset"))
        rest |= {"dataset": block.pop("name", None), **_dotted("dataset", block)}
    precision, rest = _precision(rest)
    entry = read_entry(rest, place, numbers_are_params=True)
    fields = {name: value for name, value in entry.fields.items() if name not in _TRACKED}
    return Stated(
        model=hint,
        precision=precision,
        fields=fields,
        params=entry.params,
        artifacts=tuple(entry.artifacts),
        notices=tuple(entry.notices),
    )


def _dotted(key: str, block: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{key}.{name}": value for name, value in block.items()}


def _model(settings: Mapping[str, Any]) -> tuple[ModelHint, dict[str, Any]]:
    """The model, and the settings without what named it; a path to its weights stays one."""
    hint = ModelHint()
    rest: dict[str, Any] = {}
    for key, value in settings.items():
        lowered = key.lower()
        if lowered in _MODEL_BLOCKS and isinstance(value, Mapping):
            known, left = model_block(value)
            hint = filled(hint, known)
            rest.update({key: left} if left else {})
        elif lowered in _MODEL_NAMES and isinstance(value, str):
            hint = filled(hint, ModelHint(name=value))
        elif lowered in MODEL_KEYS and isinstance(value, (str, list, int)):
            hint = filled(hint, model_hint({key: value})[0])
        else:
            rest[key] = value
    path = next((settings[key] for key in _MODEL_PATHS if _is_text(settings.get(key))), "")
    return filled(hint, ModelHint(name=base_name(path))), rest


def _precision(settings: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The number format, and the settings without the one that named it."""
    rest = dict(settings)
    switch = next((name for name in _SWITCHES if rest.get(name) is True), "")
    for wanted in _PRECISION_KEYS:
        if switch and wanted == "dtype":
            break
        for key, value in settings.items():
            if key.lower() == wanted and isinstance(value, str) and find_precision(value):
                del rest[key]
                return value, rest
    return switch, rest


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def base_name(path: str) -> str:
    """The last part of a path of any system, or of the name of a repository."""
    return PurePosixPath(path.replace("\\", "/").rstrip("/")).name


def typed(text: str) -> ParamValue:
    """A setting that a tracker keeps as text: a number or a truth value where it can be none
    else."""
    if text in _BOOLS:
        return _BOOLS[text]
    if not _NUMBER.fullmatch(text):
        return text
    if text.lstrip("+-").isdigit():
        number = int(text)
        # 007 is a label
        return number if str(number) == text and abs(number) <= INT64_MAX else text
    return float(text)


# --- points ----------------------------------------------------------------------------------


def logged(
    name: str, steps: IntArray, values: FloatArray, seconds: FloatArray, notices: list[Notice]
) -> Series:
    """The series of points as they were logged: ``seconds`` float64[n] since the epoch.

    Of a repeated step the latest value counts. Where all of three or more points stand at step 0,
    nobody has said a step, and their order in time is.
    """
    order = np.lexsort((seconds, steps))
    steps, values, seconds = steps[order], values[order], seconds[order]
    repeated = int(np.count_nonzero(steps[1:] == steps[:-1]))
    if repeated and repeated == len(steps) - 1 and len(steps) >= _MANY and steps[0] == 0:
        steps = np.arange(len(steps), dtype=np.int64)
        notices.append(Notice(name, f"{len(steps)} values without a step: numbered in their order"))
    elif repeated:
        last = np.append(steps[1:] != steps[:-1], [True])
        steps, values, seconds = steps[last], values[last], seconds[last]
        text = f"{repeated} values of repeated steps: the latest one counts"
        notices.append(Notice(name, text))
    walls = None if np.isnan(seconds).all() else seconds
    return Series(name=name, steps=steps, values=values, wall_times=walls, place=name)


def distinct(series: Iterable[Series], notices: list[Notice]) -> list[Series]:
    """The series without a second one of a name."""
    kept: dict[str, Series] = {}
    for item in series:
        if item.name in kept:
            notices.append(Notice(item.name, "logged in two ways: the first one counts"))
        kept.setdefault(item.name, item)
    return list(kept.values())


def kind_of(series: Iterable[Series], status: Status) -> Kind:
    """A training logs again and again; what has ended with one step each is a benchmark."""
    grows = status is Status.RUNNING or any(len(item.steps) > 1 for item in series)
    return Kind.TRAINING if grows else Kind.BENCHMARK


def tracked_run(
    format: str,
    run_id: str,
    place: str,
    stated: Stated,
    *,
    series: Iterable[Series],
    status: Status,
    notices: Iterable[Notice] = (),
    tags: Mapping[str, str] | None = None,
    **known: Any,
) -> RunRecord:
    """A run that its tracker knows by ``run_id``; ``known`` are fields that the tracker states."""
    points = tuple(series)
    record = RunRecord(
        format=format,
        place=place,
        kind=kind_of(points, status),
        identity=Identity.UID,
        uid=own_uid(format, run_id),
        model=stated.model,
        precision=stated.precision,
        status=status,
        series=points,
        params=stated.params,
        tags={f"{format}.run_id": run_id, **(tags or {})},
        notices=(
            *(Notice(pointer(place, item.place) if place else item.place, item.text)
              for item in notices),
            *stated.notices,
        ),
        **{"artifacts": stated.artifacts, **known},
    )  # fmt: skip
    return with_fields(record, stated.fields)
