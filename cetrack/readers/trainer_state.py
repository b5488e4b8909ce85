"""Hugging Face's Trainer: ``trainer_state.json``, and the flat summaries that lie beside it.

The rows of ``log_history`` have three shapes: training, evaluation, and one that closes the run.
Folders of checkpoints each hold a beginning of the same log. What is known at the end only is
logged at the last step: a log that is met while it grows stays the same run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from cetrack.domain import (
    Artifact,
    Direction,
    Identity,
    Kind,
    MetricDef,
    ModelHint,
    Notice,
    ParamValue,
    RunRecord,
    Series,
    Status,
    copied,
)
from cetrack.errors import ReadError
from cetrack.readers.base import Match, Objection, Reader, has_keys, lacking, matched
from cetrack.readers.beside import (
    base_name,
    beside_or_alone,
    defined,
    fields_from,
    first_text,
    is_settings,
    parameters,
    path_parts,
    settings_beside,
)
from cetrack.readers.fields import as_fields
from cetrack.readers.gather import Gather, gathered
from cetrack.readers.numbers import float_of, is_number, whole_number
from cetrack.readers.objects import take_objects
from cetrack.readers.rows import STEP_NAMES, Group, Rows, one_group
from cetrack.readers.source import Source

FORMAT = "trainer_state"
LIBRARY = "transformers"
STATE = "trainer_state.json"
ALL_RESULTS = "all_results.json"
_PARTIAL_RESULTS = ("train_results.json", "eval_results.json", "predict_results.json")
_RESULTS = (ALL_RESULTS, *_PARTIAL_RESULTS)
_ABOVE, _BELOW = "../", "checkpoint-*/"  # of a checkpoint, and from the folder of the training
_MARKS = ("log_history", "global_step", "is_world_process_zero")
_RUNTIMES = frozenset({"train_runtime", "eval_runtime", "predict_runtime", "test_runtime"})
_CONFIG, _ADAPTER = "config.json", "adapter_config.json"
# what the library saves with a model, and what proves that it did
_SAVED = {
    _CONFIG: {"model_type", "transformers_version"},
    _ADAPTER: {"peft_type", "base_model_name_or_path"},
    "generation_config.json": {"transformers_version"},
    "tokenizer_config.json": {"tokenizer_class"},
    "model.safetensors.index.json": {"metadata", "weight_map"},
    "pytorch_model.bin.index.json": {"metadata", "weight_map"},
}
# these prove nothing by themselves
_TOKENS = frozenset(
    {
        "added_tokens.json", "preprocessor_config.json", "special_tokens_map.json",
        "tokenizer.json", "vocab.json",
    }
)  # fmt: skip
# of the Trainer's own book-keeping, or in the log already
_LEFT_OUT = frozenset(
    {
        "epoch", "global_step", "is_hyper_param_search", "is_local_process_zero",
        "is_world_process_zero", "log_history", "stateful_callbacks", "total_flos",
    }
)  # fmt: skip
_BITS_OF_METHODS = 4  # what GPTQ and AWQ mean where nobody says otherwise


class TrainerStateReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = (".json",)
    companions = (
        *_RESULTS,
        *(f"{folder}{name}" for folder in ("", _ABOVE, _BELOW) for name in (_CONFIG, _ADAPTER)),
    )
    description = "training logs and results of Hugging Face's Trainer"
    recognises = (
        "`trainer_state.json` with its `log_history`; `all_results.json` and its parts: a flat "
        "object with `train_runtime` or `eval_runtime`"
    )
    maps_to = (
        "one training run, step = the Trainer's step; one run per file of results that lies alone. "
        "Model and number format are those of `config.json` and `adapter_config.json` beside it"
    )
    example = """\
{"epoch": 1.0, "global_step": 20, "is_world_process_zero": true, "max_steps": 20,
 "log_history": [
   {"epoch": 0.5, "learning_rate": 5e-05, "loss": 2.31, "step": 10},
   {"epoch": 0.5, "eval_loss": 2.2, "eval_runtime": 3.1, "step": 10},
   {"epoch": 1.0, "learning_rate": 2e-05, "loss": 1.98, "step": 20},
   {"epoch": 1.0, "step": 20, "total_flos": 1e15, "train_loss": 2.1, "train_runtime": 61.5}]}
"""

    def sniff(self, source: Source) -> Match:
        """YES for a state, and for results without one; COMPANION for what is read with it."""
        if matched(_is_state, source):
            return Match.YES
        if matched(_is_results, source):
            mains = {ALL_RESULTS: (STATE,)} | dict.fromkeys(_PARTIAL_RESULTS, (STATE, ALL_RESULTS))
            return beside_or_alone(source, mains.get(source.name, ()))
        return matched(_is_saved, source, Match.COMPANION)

    def objection(self, source: Source) -> Objection | None:
        """The keys that a state would have."""
        return lacking(_MARKS, source.json_keys, "key")

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run."""
        document = source.json.value
        yield from source.json.notices
        if not isinstance(document, dict):
            raise ReadError(source.uri, "no JSON object of a Trainer")
        if "log_history" in document:
            yield from _read_state(source, document)
        else:
            yield from _read_results(source, document)


def _is_state(source: Source) -> bool:
    return has_keys(source, _MARKS) and isinstance(_whole(source).get("log_history"), list)


def _is_results(source: Source) -> bool:
    document = _whole(source)
    return not _RUNTIMES.isdisjoint(document) and not any(
        isinstance(value, (dict, list)) for value in document.values()
    )


def _whole(source: Source) -> Mapping[str, Any]:
    """The document where it is an object, not JSON lines; else nothing."""
    whole = source.looks_like_json and source.first_object is None
    value = source.json.value if whole else None
    return value if isinstance(value, dict) else {}


def _is_saved(source: Source) -> bool:
    if source.name in _TOKENS:
        return source.companion(STATE) is not None
    return source.name in _SAVED and is_settings(source, (source.name,), _SAVED[source.name])


# --- the log ---------------------------------------------------------------------------------


def _read_state(source: Source, state: dict[str, Any]) -> Iterator[RunRecord | Notice]:
    rows = _rows(source.uri, state["log_history"])
    yield from rows.notices
    group = one_group(rows)
    if all(item.name in STEP_NAMES for item in group.series):
        yield from group.notices
        yield Notice("/log_history", "nothing was logged yet: no run made")
        return
    results, said = _results_beside(source)
    yield from said
    config, adapter, said = _configs(source)
    yield from said
    settings = {key: value for key, value in state.items() if key not in _LEFT_OUT}
    fields = fields_from(settings, {"train_batch_size": "batch_size", "trial_name": "name"})
    params, artifacts = _parameters({**settings, **group.facts}, adapter)
    series, more = _with_results(group, results)
    yield RunRecord(
        format=FORMAT,
        place="",
        kind=Kind.TRAINING,
        identity=Identity.LOG,
        model=_model(config, adapter),
        precision=_precision(config),
        status=_status(state),
        series=series,
        params={**more, **params},
        artifacts=artifacts,
        notices=group.notices,
        **_seconds(series),
        **as_fields(fields),
    )


def _rows(uri: str, history: Any) -> Rows:
    def fill(gather: Gather) -> None:
        kept = []
        for number, row in enumerate(history if isinstance(history, list) else ()):
            if isinstance(row, dict):
                kept.append((number, row))
            else:
                gather.notices.append(Notice(f"/log_history/{number}", "no object: left out"))
        take_objects(gather, [number for number, _ in kept], [row for _, row in kept])

    rows = gathered(uri, fill)
    rows.step_names, rows.unique_steps = ("step",), True
    return rows


def _with_results(
    group: Group, results: Mapping[str, Any]
) -> tuple[tuple[Series, ...], dict[str, ParamValue]]:
    """The series of the log, with results that it does not have at its last step; parameters."""
    series = list(group.series)
    known = {item.name for item in series}
    last = max(int(item.steps[-1]) for item in series)
    measured, params = _sorted({key: results[key] for key in results if key not in known})
    step = np.array([last], np.int64)
    series += [copied(item, steps=step) for item in measured]
    return tuple(series), params


def _seconds(series: Iterable[Series]) -> dict[str, Any]:
    """Run times are in seconds, which their names do not say."""
    names = (item.name for item in series if item.name.endswith("_runtime"))
    return defined(
        MetricDef(name=name, unit="s", direction=Direction.LOWER, family="training")
        for name in names
    )


def _status(state: Mapping[str, Any]) -> Status:
    """Finished with a closing row, at the last step, or where a callback ended it."""
    closed = any("train_runtime" in row for row in state["log_history"] if isinstance(row, dict))
    step, last = (whole_number(state.get(key)) for key in ("global_step", "max_steps"))
    done = step is not None and (step == 0 or (last is not None and 0 < last <= step))
    callbacks = state.get("stateful_callbacks")
    control = callbacks.get("TrainerControl") if isinstance(callbacks, dict) else None
    asked = control.get("args") if isinstance(control, dict) else None
    stopped = isinstance(asked, dict) and asked.get("should_training_stop") is True
    return Status.FINISHED if closed or done or stopped else Status.RUNNING


# --- results ---------------------------------------------------------------------------------


def _results_beside(source: Source) -> tuple[dict[str, Any], list[Notice]]:
    found: dict[str, Any] = {}
    notices: list[Notice] = []
    for name in reversed(_RESULTS):  # what all of them say wins
        values, said = settings_beside(source, name)
        found.update(values)
        notices += said
    return found, notices


def _read_results(source: Source, results: dict[str, Any]) -> Iterator[RunRecord | Notice]:
    measured, params = _sorted(results)
    if not measured:
        raise ReadError(source.uri, "neither a log_history nor results in it")
    config, adapter, said = _configs(source)
    yield from said
    more, artifacts = _parameters({}, adapter)
    yield RunRecord(
        format=FORMAT,
        place="",
        kind=Kind.TRAINING if any(key.startswith("train_") for key in results) else Kind.BENCHMARK,
        identity=Identity.SNAPSHOT,
        raw=results,
        model=_model(config, adapter),
        precision=_precision(config),
        series=tuple(measured),
        params={**params, **more},
        artifacts=artifacts,
        **_seconds(measured),
    )


def _sorted(results: Mapping[str, Any]) -> tuple[list[Series], dict[str, ParamValue]]:
    """Measurements and parameters: how many samples a set has was not measured."""
    settings = {
        key: value
        for key, value in results.items()
        if not is_number(value) or key.endswith("_samples")
    }
    series = [
        Series.scalar(key, float_of(value), place=f"/{key}")
        for key, value in results.items()
        if key not in settings
    ]
    return series, parameters(settings)[0]


# --- the model -------------------------------------------------------------------------------


def _configs(source: Source) -> tuple[dict[str, Any], dict[str, Any], list[Notice]]:
    """The settings of the model and of its adapter.

    All checkpoints of a training and its own folder have the same: one may lie in another of them.
    """
    config, said = _nearest(source, _CONFIG, "model_type")
    adapter, also_said = _nearest(source, _ADAPTER, "peft_type")
    return config, adapter, said + also_said


def _nearest(source: Source, name: str, mark: str) -> tuple[dict[str, Any], list[Notice]]:
    """The settings in the nearest file of that name; another tool's lacks the ``mark``."""
    if any(part.startswith("checkpoint-") for part in path_parts(source)[-2:-1]):
        places = [name, f"{_ABOVE}{name}"]
    else:
        below = source.companions(f"{_BELOW}{name}")
        places = [name, *("/".join(path_parts(each)[-2:]) for each in below)]
    notices: list[Notice] = []
    for place in places:
        settings, said = settings_beside(source, place)
        notices += said
        if mark in settings:
            return settings, notices
    return {}, notices


def _model(config: Mapping[str, Any], adapter: Mapping[str, Any]) -> ModelHint:
    named = first_text(adapter, ["base_model_name_or_path"]) or first_text(
        config, ["_name_or_path"]
    )
    name = base_name(named)
    if name.startswith("checkpoint-") or set(name) <= {"."}:
        name = ""  # a folder of this training, not what it began with
    return ModelHint(name=name, library=LIBRARY)


def _precision(config: Mapping[str, Any]) -> str:
    quantized = config.get("quantization_config")
    if isinstance(quantized, dict) and (label := _quantized(quantized)):
        return label
    return first_text(config, ["torch_dtype", "dtype"])


def _quantized(settings: Mapping[str, Any]) -> str:
    if settings.get("load_in_4bit") is True:
        return first_text(settings, ["bnb_4bit_quant_type"]) or "fp4"
    if settings.get("load_in_8bit") is True:
        return "int8"
    method = first_text(settings, ["quant_method"]).lower()
    bits = whole_number(settings.get("bits"))
    if bits in (None, _BITS_OF_METHODS) and method:
        return method
    return f"int{bits}" if bits else ""


def _parameters(
    settings: Mapping[str, Any], adapter: Mapping[str, Any]
) -> tuple[dict[str, ParamValue], tuple[Artifact, ...]]:
    params, artifacts = parameters(settings)
    more, others = parameters(adapter, "adapter.")
    return {**params, **more}, (*artifacts, *others)
