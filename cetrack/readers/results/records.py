"""From what was found in a home-made result file to runs: names, facts and numbers sorted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PureWindowsPath
from typing import Any

import numpy as np

from cetrack.domain import Identity, Kind, ModelHint, Notice, RunRecord, Series, Status
from cetrack.precisions import find_precision
from cetrack.readers.entries import Entry, flatten, pointer, read_entry, take_settings
from cetrack.readers.fields import (
    FIELD_KEYS,
    MODEL_KEYS,
    SETTING_BLOCKS,
    filled,
    model_block,
    model_hint,
    with_fields,
)
from cetrack.readers.histories import is_history
from cetrack.readers.numbers import float_of, is_number, is_numeric, whole_number
from cetrack.readers.results.labels import (
    CITED,
    MODEL_PATHS,
    is_comparison,
    is_model_key,
    is_setting,
    model_of_path,
    needs_more_than_zero,
    plain_model,
    slug,
    words_of,
)
from cetrack.readers.results.tree import Found, Results

FORMAT = "results"
_REASONS = ("status_reason", "error_message", "error", "reason", "exception", "message")
_CITED_BY = frozenset({"origin", "provenance", "source"})
_SETTING_WORDS = frozenset({"args", "config", "configuration", "hardware", "settings"})
_ABOUT_MODEL = frozenset({"info", "model", "model_info"})
_BASELINES = ("fp32", "fp64", "bf16", "fp16")


def records_of(results: Results) -> Iterator[RunRecord | Notice]:
    """A record per run, in the order of the file; then what was doubtful about several of them."""
    found = results.runs()
    pairs = _pairs(found)
    doubts: dict[str, list[str]] = {}
    for item in found:
        record = _Record(item, pairs.get(id(item)), doubts).made()
        if record is not None:
            yield record
    for text, places in doubts.items():
        yield Notice(places[0], text + (f" ({len(places)} runs)" if len(places) > 1 else ""))


def _pairs(found: Sequence[Found]) -> dict[int, bool]:
    """Of the runs that are two of one model, a baseline and another: whether it is the other."""
    groups: dict[tuple[Any, ...], list[Found]] = {}
    for item in found:
        rest = {k: v for k, v in item.names.items() if k not in ("precision", "method", "variant")}
        groups.setdefault((item.spots[0].row, *sorted(rest.items())), []).append(item)
    pairs: dict[int, bool] = {}
    for items in groups.values():
        compressed = [not _is_baseline(item) for item in items]
        if len(items) == 2 and sum(compressed) == 1:
            pairs.update(zip(map(id, items), compressed, strict=True))
    return pairs


def _is_baseline(item: Found) -> bool:
    known = find_precision(item.names.get("precision", ""))
    return known is not None and known[0].name in _BASELINES


class _Record:
    """One run while it is made.

    ``is_compressed`` says, of a pair, whether the comparisons around it are its own; ``doubts``
    collects, for all runs of the file, what is said once, with the places.
    """

    def __init__(
        self, found: Found, is_compressed: bool | None, doubts: dict[str, list[str]]
    ) -> None:
        self.found = found
        self.place = found.place
        self.is_compressed = is_compressed
        self.doubts = doubts
        self.values = _with_plain_keys(found.values)
        self.facts = _with_plain_keys(found.facts)

    def made(self) -> RunRecord | None:
        """The record; None for a run without anything: no number, no status."""
        history = self._take_history()
        reason = self._take_reason()
        hint = self._take_model()
        tags, variant = self._take_source()
        self._take_settings()
        self._take_comparisons()
        around = self._around()
        entry = read_entry(self.values, self.place)
        self._move_settings(entry)
        if not (entry.has_numbers or history or reason or "status" in entry.fields):
            return None
        self._say_zeros(entry)
        names = self.found.names
        record = RunRecord(
            format=FORMAT,
            place=self.place,
            kind=Kind.TRAINING if history else Kind.BENCHMARK,
            identity=Identity.SNAPSHOT,
            raw={"names": dict(names), "values": self.found.values},
            model=hint,
            precision=names.get("precision", ""),
            method=names.get("method", ""),
            variant=names.get("variant", "") or variant,
            series=(*entry.series.values(), *history),
            samples=tuple(entry.samples),
            artifacts=(*entry.artifacts, *around.artifacts),
            params={**around.params, **entry.params},
            tags=tags,
            notices=(*around.notices, *entry.notices),
        )
        stated = {**around.fields, **self._named_fields(), **entry.fields}
        return _with_reason(with_fields(record, stated), reason)

    def _doubt(self, text: str) -> None:
        self.doubts.setdefault(text, []).append(self.place)

    # --- facts -------------------------------------------------------------------------------

    def _named_fields(self) -> dict[str, Any]:
        names = self.found.names
        found: dict[str, Any] = {
            name: names[name] for name in ("device", "runtime", "dataset") if name in names
        }
        if names.get("batch_size", "").isdigit():
            found["batch_size"] = int(names["batch_size"])
        return found

    def _around(self) -> Entry:
        """What the facts around the run state: fields, and parameters."""
        blocks = {k: v for k, v in self.facts.items() if _is_block(k, v)}
        rest = {key: value for key, value in self.facts.items() if key not in blocks}
        entry = read_entry(rest, self.place, numbers_are_params=True)
        for key, block in blocks.items():
            take_settings(entry, key, block, pointer("", key))
        return entry

    def _take_model(self) -> ModelHint:
        """What the run, or what is around it, says about the model; its keys are removed."""
        hint = ModelHint()
        blocks = [(k, v) for k, v in self.facts.items() if _is_block(k, v)]
        for holder in (self.values, self.facts, *(block for _, block in blocks)):
            hint = filled(hint, _hint_of(holder))
        for holder in (self.values, self.facts):
            for key in [key for key, value in holder.items() if _says_model(key, value)]:
                del holder[key]
        for key, block in blocks:
            self.facts[key] = {k: v for k, v in block.items() if not _says_model(k, v)}
        name = hint.name or self._other_name() or self.found.names.get("model", "")
        return replace(hint, name=self._plain(name))

    def _other_name(self) -> str:
        """The model under a key of its own, or in the name of its file."""
        both = {**self.facts, **self.values}
        texts = {key: value for key, value in both.items() if isinstance(value, str)}
        own = next((value for key, value in texts.items() if is_model_key(key)), "")
        files = (model_of_path(value) for key, value in texts.items() if slug(key) in MODEL_PATHS)
        return own or next(filter(None, files), "")

    def _plain(self, name: str) -> str:
        """The name less a data set that is glued into it, which is said."""
        dataset = {**self.facts, **self.values}.get("dataset", "")
        model, data = plain_model(name, dataset if isinstance(dataset, str) else "")
        if model != name:
            also = "" if dataset or not data else f" and data set '{data}'"
            self._doubt(f"'{name:.80}' is taken as model '{model}'{also}")
            if also:
                self.facts["dataset"] = data
        return model

    # --- values that are no metrics ----------------------------------------------------------

    def _take_history(self) -> tuple[Series, ...]:
        """The lists of a training as series over their steps from 1."""
        if not is_history(self.values):
            return ()
        lists = {k: v for k, v in self.values.items() if isinstance(v, list) and is_numeric(v)}
        longest = max(map(len, lists.values()), default=0)
        series = []
        for name, numbers in lists.items():
            if len(numbers) == longest:
                del self.values[name]
                kept = [index for index, value in enumerate(numbers) if value is not None]
                cells = np.array([float_of(numbers[index]) for index in kept], np.float64)
                steps = np.array(kept, np.int64) + 1
                series.append(Series(name=name, steps=steps, values=cells, place=self.place))
        return tuple(series)

    def _take_reason(self) -> str:
        for key in _REASONS:
            if isinstance(self.values.get(key), str) and self.values[key].strip():
                return str(self.values.pop(key))
        return ""

    def _take_source(self) -> tuple[dict[str, str], str]:
        """(tags, variant) of a row that is cited and not measured."""
        for key in [key for key in self.values if slug(key) in _CITED_BY]:
            text = self.values[key]
            if isinstance(text, str) and CITED.match(text.strip()):
                del self.values[key]
                self._doubt("cited, not measured: kept as variant 'cited'")
                return {"source": text.strip()}, "cited"
        return {}, ""

    def _take_settings(self) -> None:
        """Move blocks of settings to the facts; of the file of a model its name is enough."""
        for key, value in list(self.values.items()):
            if isinstance(value, Mapping) and key.lower() in SETTING_BLOCKS:
                self.facts[key] = self.values.pop(key)
            elif isinstance(value, Mapping) and words_of(key) & _SETTING_WORDS:
                self.facts.update(flatten(self.values.pop(key), f"{key}."))
        for holder in (self.values, self.facts):
            for key, value in holder.items():
                if slug(key) in MODEL_PATHS and isinstance(value, str):
                    holder[key] = PureWindowsPath(value).name

    def _take_comparisons(self) -> None:
        """Take the comparisons around a pair as numbers of its compressed run."""
        if self.is_compressed is None:
            return
        for key in [key for key in self.facts if _compares(key, self.facts[key])]:
            value = self.facts.pop(key)
            if self.is_compressed:
                self.values.setdefault(key, value)

    def _move_settings(self, entry: Entry) -> None:
        for name, series in list(entry.series.items()):
            if is_setting(name.rpartition(".")[2]) and series.spread is None:
                del entry.series[name]
                number = float(series.values[0])
                whole = whole_number(number)
                entry.params[name] = number if whole is None else whole

    def _say_zeros(self, entry: Entry) -> None:
        """Say that 0 and -1 of what cannot be so small stand for what was not measured."""
        for name, series in entry.series.items():
            value = float(series.values[-1])
            unmeasured = value == 0 and needs_more_than_zero(name)
            if unmeasured or (value == -1 and not is_comparison(name)):
                self._doubt(f"'{name}' is {value:g}, which may mean not measured: kept as read")


def _with_plain_keys(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with the keys of fields as all readers know them: ``Model name``."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        plain = slug(key)
        is_field = plain in FIELD_KEYS or plain in MODEL_KEYS
        found[plain if is_field and plain not in values else key] = value
    return found


def _is_block(key: str, value: Any) -> bool:
    return isinstance(value, Mapping) and key.lower() in SETTING_BLOCKS


def _says_model(key: str, value: Any) -> bool:
    """True for a key that is about the model, with something that can be said of one."""
    lowered = key.lower()
    if lowered in _ABOUT_MODEL and isinstance(value, Mapping):
        return True
    if lowered not in MODEL_KEYS or isinstance(value, (bool, float)) or value is None:
        return False
    shape = MODEL_KEYS[lowered] == "input_shape"
    return isinstance(value, str) or (shape and isinstance(value, (int, list, Mapping)))


def _hint_of(holder: Mapping[str, Any]) -> ModelHint:
    said = {key: value for key, value in holder.items() if _says_model(key, value)}
    blocks = {key: value for key, value in said.items() if key.lower() in _ABOUT_MODEL}
    blocks = {key: value for key, value in blocks.items() if isinstance(value, Mapping)}
    hint, _ = model_hint({key: value for key, value in said.items() if key not in blocks})
    for block in blocks.values():
        hint = filled(hint, model_block(block, hint.name)[0])
    return hint


def _compares(key: str, value: Any) -> bool:
    if not is_comparison(key) or isinstance(value, bool):
        return False
    return is_number(value) or isinstance(value, Mapping)


def _with_reason(record: RunRecord, reason: str) -> RunRecord:
    if not reason:
        return record
    status = record.status if record.status is not Status.FINISHED else Status.FAILED
    return replace(record, status=status, status_reason=reason)
