"""The configuration of optimum-benchmark: which run it is, and what is left as parameters.

Settings are dotted names (``backend.torch_dtype``), as the tables of 2023 have them as columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cetrack.domain import Environment, ModelHint, ParamValue
from cetrack.readers.numbers import is_number, param_of, whole_number
from cetrack.readers.quantization import model_and_format, stated_quantization

_TARGET = re.compile(r"(^|\.)_target_$")
_LISTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")
_MODEL = ("backend.model", "model")
_LIBRARY = ("backend.library", "library")
_DEVICE = ("backend.device", "device")
_TASK = ("backend.task", "task")
_SEED = ("backend.seed", "seed")
_NAME = ("name", "experiment_name")
_SHAPES = ("scenario.input_shapes.", "benchmark.input_shapes.")
_GPUS = ("environment.gpu", "environment.gpus")
_BATCH = "batch_size"
_NO_PARAMS = frozenset(
    {*_DEVICE, *_LIBRARY, *_TASK, *_SEED, *_NAME, "backend.name", "backend.version"}
    | {shapes + _BATCH for shapes in _SHAPES}
)
_SWITCHES = {"False": False, "True": True}  # in a table
_IMAGE = ("num_channels", "height", "width")
_TEXT_TASKS = re.compile(
    r"text|token|fill-mask|feature-extraction|question|translation|summarization|multiple-choice"
)


def dotted(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings as dotted names, less what is still to be filled in (``${…}``).

    Lists stay what they are.
    """
    for key, value in settings.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from dotted(value, f"{name}.")
        elif not (isinstance(value, str) and value.startswith("${")):
            yield name, value


def is_config(value: Any) -> bool:
    """True for a configuration: a backend, and what is run on it."""
    return (
        isinstance(value, Mapping)
        and isinstance(value.get("backend"), Mapping)
        and ("scenario" in value or "benchmark" in value)
        and ("launcher" in value or "environment" in value or "experiment_name" in value)
    )


def model_of(settings: Mapping[str, Any]) -> str:
    """The model's id or path, as it is stated."""
    return _text(settings, _MODEL)


def on_gpu(settings: Mapping[str, Any]) -> bool | None:
    """Whether the model ran on a GPU, None where no device is stated."""
    device = _text(settings, _DEVICE)
    return device.startswith(("cuda", "gpu", "rocm", "xpu")) if device else None


def fields_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What settings say about a run, as arguments of its record."""
    if not settings:
        return {}
    name, named = model_and_format(model_of(settings))
    quantization = stated_quantization(_of_backend(settings), named)
    return {
        "model": ModelHint(
            name=name, library=_text(settings, _LIBRARY), input_shape=_input_shape(settings)
        ),
        "precision": quantization.precision,
        "method": quantization.method,
        "environment": _environment(settings),
        "task": _text(settings, _TASK),
        "seed": _whole(settings, _SEED),
        "batch_size": _positive(_shape(settings, _BATCH)),
        "name": _text(settings, _NAME),
        "variant": _text(settings, _NAME),
        "params": _params(settings),
    }


def _of_backend(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of the backend and of its quantisation, by their last name."""
    prefixes = ("backend.", "backend.quantization_config.")
    return {
        name.removeprefix(prefix): value
        for prefix in prefixes
        for name, value in settings.items()
        if name.startswith(prefix) and "." not in name.removeprefix(prefix)
    }


def _text(settings: Mapping[str, Any], keys: Sequence[str]) -> str:
    values = (settings.get(key) for key in keys)
    return next((v.strip() for v in values if isinstance(v, str) and v.strip()), "")


def _whole(settings: Mapping[str, Any], keys: Sequence[str]) -> int | None:
    found = (whole_number(settings.get(key)) for key in keys)
    return next((number for number in found if number is not None), None)


def _shape(settings: Mapping[str, Any], key: str) -> Any:
    return next((settings[p + key] for p in _SHAPES if settings.get(p + key) is not None), None)


def _positive(value: Any) -> int | None:
    number = whole_number(value)
    return number if number and number > 0 else None


def _input_shape(settings: Mapping[str, Any]) -> str:
    """The shape of one input: those of other modalities are defaults that nothing uses."""
    task = _text(settings, _TASK)
    image = [_positive(_shape(settings, key)) for key in _IMAGE]
    if "image" in task and all(image):
        return f"[{', '.join(map(str, image))}]"
    length = _positive(_shape(settings, "sequence_length"))
    return str(length) if length and _TEXT_TASKS.search(task) else ""


def _environment(settings: Mapping[str, Any]) -> Environment:
    device = _text(settings, _DEVICE)
    gpus = next((found for key in _GPUS if (found := _items(settings.get(key)))), [])
    cpu = _text(settings, ("environment.cpu",))
    details = {
        name.removeprefix("environment."): _param(value)
        for name, value in settings.items()
        if name.startswith("environment.") and value not in (None, "") and name not in _GPUS
    }
    return Environment(
        device=device,
        accelerator=", ".join(dict.fromkeys(gpus)) if on_gpu(settings) else cpu,
        runtime=_text(settings, ("backend.name",)),
        runtime_version=_text(settings, ("backend.version",)),
        os=_text(settings, ("environment.platform", "environment.system")),
        details=details,
    )


def _items(value: Any) -> list[str]:
    """A list of names; in a table it is what Python prints of one."""
    if isinstance(value, list):
        return [item for item in value if isinstance(item, str)]
    return [a or b for a, b in _LISTED.findall(value)] if isinstance(value, str) else []


def _params(settings: Mapping[str, Any]) -> dict[str, ParamValue]:
    """Settings that are no fields; the environment stands with that of the run."""
    return {
        name: _param(value)
        for name, value in settings.items()
        if value not in (None, "", [])
        and name not in _NO_PARAMS
        and not name.startswith("environment.")
        and not _TARGET.search(name)
    }


def _param(value: Any) -> ParamValue:
    if is_number(value):
        # a table has no integers
        whole = whole_number(value) if isinstance(value, float) else None
        return param_of(value) if whole is None else whole
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return _SWITCHES.get(value, value) if isinstance(value, str) else bool(value)
