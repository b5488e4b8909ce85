"""KerasCV's registry of trainings: model → version → what was trained, how, and how well.

All numbers are text. The logs that Keras itself writes are read by ``epochs``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cetrack.domain import (
    Artifact,
    Identity,
    Kind,
    ModelHint,
    Notice,
    ParamValue,
    RunRecord,
    Series,
)
from cetrack.readers.base import Match, Objection, Reader, lacking, matched
from cetrack.readers.beside import fields_from, parameters
from cetrack.readers.entries import pointer
from cetrack.readers.fields import as_fields
from cetrack.readers.numbers import float_of, is_number, number_in_text
from cetrack.readers.source import Source

FORMAT = "keras_cv"
_MARKS = ("epochs_trained", "script", "tensorboard_logs")
_AUTHORS = "script_authors"  # beside the models
_SETTINGS = frozenset({"accelerators", "args", "contributor", "script", "tensorboard_logs"})
_FIELDS = {"batch_size": "batch_size", "seed": "seed"}


class KerasCvReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = (".json",)
    description = "KerasCV's registry of trainings"
    recognises = (
        "a JSON object: model → version → `epochs_trained`, `script`, `tensorboard_logs` and a "
        "metric such as `validation_accuracy`"
    )
    maps_to = "one training run per model and version"
    example = """\
{"densenet121": {"v0": {"accelerators": 2, "args": {"batch_size": "64"}, "contributor": "someone",
   "epochs_trained": 90, "script": {"name": "basic_training.py", "version": "0a1b2c3d"},
   "tensorboard_logs": "https://example.org/logs/1", "validation_accuracy": "0.7123"}}}
"""

    def sniff(self, source: Source) -> Match:
        """YES when some model has a version with all marks."""
        return matched(_is_registry, source)

    def objection(self, source: Source) -> Objection | None:
        """The marks that a version lacks."""
        versions = [entry for _, _, entry in _versions(_document(source))]
        return lacking(_MARKS, versions[0], "key") if versions else None

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run per version, in the order of the file."""
        yield from source.json.notices
        for name, version, entry in _versions(source.json.value):
            place = pointer(pointer("", name), version)
            if any(mark in entry for mark in _MARKS):
                yield _record(name, version, entry, place)
            elif name != _AUTHORS:
                yield Notice(place, "no training: left out")


def _document(source: Source) -> Any:
    whole = source.looks_like_json and source.first_object is None
    return source.json.value if whole else None


def _is_registry(source: Source) -> bool:
    return any(entry.keys() >= set(_MARKS) for _, _, entry in _versions(_document(source)))


def _versions(document: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name, versions in document.items() if isinstance(document, dict) else ():
        for version, entry in versions.items() if isinstance(versions, dict) else ():
            if isinstance(entry, dict):
                yield name, version, entry


def _record(name: str, version: str, entry: dict[str, Any], place: str) -> RunRecord:
    args, script = (_mapping(entry.get(key)) for key in ("args", "script"))
    settings = dict(args)
    fields = fields_from(settings, _FIELDS)
    params, artifacts = parameters(settings)
    commit = script.get("version")
    series, rest = _measured(entry, place)
    logs = entry.get("tensorboard_logs")
    if isinstance(logs, str) and logs:
        artifacts = (*artifacts, Artifact(name="tensorboard_logs", kind="link", uri=logs))
    return RunRecord(
        format=FORMAT,
        place=place,
        kind=Kind.TRAINING,
        identity=Identity.SNAPSHOT,
        raw=entry,
        model=ModelHint(name=name, library=FORMAT),
        variant=version,
        git_commit=commit if isinstance(commit, str) else "",
        series=tuple(series),
        params={**params, **rest},
        artifacts=artifacts,
        **as_fields(fields),
    )


def _measured(entry: Mapping[str, Any], place: str) -> tuple[list[Series], dict[str, ParamValue]]:
    """What was measured, and what else is said; who did it is not kept."""
    series: list[Series] = []
    rest = {f"script.{key}": item for key, item in _mapping(entry.get("script")).items()}
    rest["accelerators"] = entry.get("accelerators")
    for key, value in entry.items():
        if key in _SETTINGS:
            continue
        found = number_in_text(value) if isinstance(value, str) else None
        if is_number(value):
            found = float_of(value), ""
        if found is None:
            rest[key] = value
        else:
            unit = found[1] or None
            series.append(Series.scalar(key, found[0], unit=unit, place=pointer(place, key)))
    return series, parameters(rest)[0]


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
