"""Files of settings that lie beside results: ``args.yaml``, ``hparams.yaml``, ``config.json``.

What they state becomes fields, parameters and artifacts of the run. A broken one is a notice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

from cetrack.domain import Artifact, MetricDef, Notice, ParamValue
from cetrack.errors import ReadError
from cetrack.readers.base import Match
from cetrack.readers.entries import flatten
from cetrack.readers.fields import field_value
from cetrack.readers.source import Source

_MANY = 100  # settings in one block: rather a table, such as the labels of a data set
_LONG = 1000  # characters of one setting
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.\w+")
_SECRET = re.compile(
    r"(password|passwd|secret|api_?key|(hub|auth|access|api|hf|wandb|bearer)_(token|key))$",
    re.IGNORECASE,
)
_PARTS = re.compile(r"[\\/]+")
_WEIGHTS = re.compile(
    r"\.(bin|ckpt|engine|h5|hdf5|keras|mlmodel|mlpackage|onnx|pb|pt|pth|safetensors|tflite"
    r"|torchscript|xml|yaml|yml)$",
    re.IGNORECASE,
)


def settings_beside(source: Source, name: str) -> tuple[dict[str, Any], list[Notice]]:
    """The mapping in the YAML or JSON file of that name beside a source; empty where there is none.

    One that cannot be read is a notice.
    """
    beside = source.companion(name)
    if beside is None:
        return {}, []
    try:
        value = document_of(beside)
    except ReadError as error:
        return {}, [Notice(name, f"{error.problem}: left out")]
    if value is None:
        return {}, []
    if not isinstance(value, dict):
        return {}, [Notice(name, "no mapping of settings: left out")]
    return value, []


def marked_settings(
    source: Source, name: str, marks: Iterable[str]
) -> tuple[dict[str, Any], list[Notice]]:
    """The same of a file that counts only with all of the keys that its own tool writes."""
    settings, said = settings_beside(source, name)
    return (settings if settings.keys() >= set(marks) else {}), said


def document_of(source: Source) -> Any:
    """The whole content, as JSON or YAML by the name. Raises ReadError."""
    return source.json.value if source.name.endswith(".json") else source.yaml


def is_settings(source: Source, names: Iterable[str], keys: Iterable[str]) -> bool:
    """True for a file with one of the ``names`` whose mapping has all of the ``keys``.

    Raises ReadError.
    """
    if source.name not in names:
        return False
    value = document_of(source)
    return isinstance(value, dict) and value.keys() >= set(keys)


def beside_or_alone(source: Source, names: Iterable[str]) -> Match:
    """COMPANION where one of the ``names`` lies beside the source, else YES."""
    return Match.COMPANION if any(map(source.companion, names)) else Match.YES


def path_parts(source: Source) -> tuple[str, ...]:
    """The folders of a source, and its name at last; also where it is no file on disk."""
    path = (
        PurePath(source.uri.replace("\\", "/")) if source.path is None else source.path.absolute()
    )
    return path.parts


def parameters(
    settings: Mapping[str, Any], prefix: str = ""
) -> tuple[dict[str, ParamValue], tuple[Artifact, ...]]:
    """Settings as parameters with dotted names; long lists and large blocks as artifacts.

    What is not set, e-mail addresses and secrets are left out.
    """
    params: dict[str, ParamValue] = {}
    artifacts: list[Artifact] = []
    for key, value in settings.items():
        name = f"{prefix}{key}"
        if isinstance(value, (dict, list)) and _is_large(value):
            artifacts.append(Artifact(name=name, content=value))
            continue
        found = flatten({name: value})
        params.update({label: item for label, item in found if _is_kept(label, item)})
    return params, tuple(artifacts)


def fields_from(settings: dict[str, Any], keys: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a run that ``keys`` (key → field) state, removed from the settings."""
    found: dict[str, Any] = {}
    for key, name in keys.items():
        value = settings.get(key)
        taken = None if isinstance(value, (bool, dict, list)) else field_value(name, value)
        if taken is None or name in found or (name == "batch_size" and taken <= 0):
            continue
        found[name] = taken
        del settings[key]
    return found


def first_flag(settings: Mapping[str, Any], flags: Iterable[tuple[str, str]]) -> str:
    """The text of the first flag (key, text) that is true; blank where none is."""
    return next((text for key, text in flags if settings.get(key) is True), "")


def first_text(settings: Mapping[str, Any], keys: Iterable[str]) -> str:
    """The first of the keys' values that is text and not blank."""
    values = (settings.get(key) for key in keys)
    return next((value for value in values if isinstance(value, str) and value.strip()), "")


def model_name(path: str) -> str:
    """What a model is called whose file or hub name is ``path``: ``runs/yolov8n.pt`` → yolov8n."""
    return _WEIGHTS.sub("", base_name(path))


def base_name(path: str) -> str:
    """The last part of a path of any system."""
    return next(filter(None, reversed(_PARTS.split(path.strip()))), "")


def defined(metrics: Iterable[MetricDef]) -> dict[str, Any]:
    """Arguments of a record for metrics whose unit the format defines: name and unit stay."""
    known = {metric.name: metric for metric in metrics}
    origins = {name: (name, metric.unit, 1.0) for name, metric in known.items()}
    return {"metric_defs": known, "origins": origins}


def _is_kept(name: str, value: ParamValue) -> bool:
    if value is None or value == "":
        return False
    return not (isinstance(value, str) and (_SECRET.search(name) or _EMAIL.fullmatch(value)))


def _is_large(value: Any) -> bool:
    """True for more than a person would read as parameters."""
    count = length = 0
    waiting = [value]
    while waiting and count <= _MANY and length <= _LONG:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
        else:
            count += 1
            length += len(str(item))
    return bool(waiting) or count > _MANY or length > _LONG
