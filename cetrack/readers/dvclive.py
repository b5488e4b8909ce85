"""DVCLive: a folder with ``metrics.json``, ``params.yaml`` and a table per metric.

``plots/metrics/<name>.tsv`` holds the steps of a metric, ``metrics.json`` the last value of each. A
summary alone, without a table, is a run of single numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

import numpy as np

from cetrack.domain import Identity, Kind, ModelHint, Notice, RunRecord, Series, copied
from cetrack.errors import ReadError
from cetrack.readers.base import Match, Reader, matched
from cetrack.readers.beside import (
    base_name,
    fields_from,
    first_flag,
    first_text,
    model_name,
    parameters,
    path_parts,
    settings_beside,
)
from cetrack.readers.csv_text import csv_rows, header
from cetrack.readers.fields import as_fields
from cetrack.readers.numbers import float_of, is_number, whole_number
from cetrack.readers.rows import one_group
from cetrack.readers.source import Source

FORMAT = "dvclive"
_METRICS, _PIPELINE, _PARAMS = "metrics.json", "dvc.yaml", "params.yaml"
_TABLES = "plots/metrics/**/*.tsv"
_MODEL_KEYS = ("model_name_or_path", "model_name", "model", "arch", "architecture", "backbone")
_FIELDS = {
    "batch_size": "batch_size",
    "per_device_train_batch_size": "batch_size",
    "seed": "seed",
    "dataset": "dataset",
    "dataset_name": "dataset",
    "task": "task",
}
# flags of Hugging Face's training arguments: both mean mixed precision
_FLAGS = (("bf16", "amp_bf16"), ("fp16", "amp"))


class DvcliveReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = (".json", ".tsv")
    patterns = (_PIPELINE,)
    companions = (_METRICS, _PIPELINE, _PARAMS, _TABLES)
    description = "folders of DVCLive"
    recognises = (
        "`metrics.json` with a `step` and numbers beside `plots/metrics/*.tsv` or DVCLive's own "
        "`dvc.yaml`; such a `dvc.yaml` where there is no `metrics.json`"
    )
    maps_to = (
        "one training run per folder, step = DVCLive's step, with the times of its tables; "
        "`params.yaml` beside it is its parameters"
    )
    example = """\
{"step": 40, "lr": 0.001, "train": {"loss": 0.31}, "eval": {"loss": 0.44, "accuracy": 0.87}}
"""

    def sniff(self, source: Source) -> Match:
        """YES for the summary of a folder, MAYBE for one that lies alone, COMPANION for the rest of
        it."""
        if source.name.endswith((".tsv", ".yaml")):
            return _beside(source)
        if not matched(_is_summary, source):
            return matched(_is_plot, source, Match.COMPANION)
        return Match.YES if _has_tables(source) or _is_live(source) else Match.MAYBE

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run."""
        tables = source.companions(_TABLES)
        summary: dict[str, Any] = {}
        if source.looks_like_json:
            yield from source.json.notices
            summary = source.json.value if isinstance(source.json.value, dict) else {}
        series, said = _tables(source, tables)
        yield from said
        is_log = bool(series)
        series += _summary(summary, {item.name for item in series})
        if not series:
            raise ReadError(source.uri, "no metric in it, and no table in plots/metrics beside it")
        settings, said = settings_beside(source, _PARAMS)
        yield from said
        yield _record(series, summary, settings, is_log=is_log)


def _is_summary(source: Source) -> bool:
    """True for an object with a step and, somewhere, another number; without lists."""
    if not source.looks_like_json or source.first_object is not None:
        return False
    value = source.json.value
    if not isinstance(value, dict) or whole_number(value.get("step")) is None:
        return False
    if isinstance(value["step"], (bool, str)) or "epochs" in value:
        return False
    cells = [cell for name, cell in _named(value) if name != "step"]
    return any(map(is_number, cells)) and not any(isinstance(cell, list) for cell in cells)


def _named(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The values of a summary under the names that they were logged with: ``eval/loss``."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _named(value, f"{prefix}{key}/")
        else:
            yield f"{prefix}{key}", value


def _beside(source: Source) -> Match:
    """What a file of a folder is that is not its summary."""
    if source.name == _PIPELINE:
        if not matched(_is_pipeline, source):
            return Match.NO
        if source.companion(_METRICS) is not None:
            return Match.COMPANION
        return Match.YES if _has_tables(source) else Match.NO
    if source.name == _PARAMS:
        return matched(_is_folder, source, Match.COMPANION)
    return matched(_is_plot, source, Match.COMPANION)


def _is_pipeline(source: Source) -> bool:
    value = source.yaml
    plots = value.get("plots") if isinstance(value, dict) else None
    if not isinstance(plots, list):
        return False
    named = [name for item in plots for name in (item if isinstance(item, dict) else [item])]
    return any("plots/metrics" in str(name) for name in named)


def _is_live(source: Source) -> bool:
    pipeline = source.companion(_PIPELINE)
    return pipeline is not None and bool(matched(_is_pipeline, pipeline))


def _has_tables(source: Source) -> bool:
    return bool(source.companions(_TABLES))


def _is_folder(source: Source) -> bool:
    """True beside a summary with tables, or beside DVCLive's own pipeline."""
    summary = source.companion(_METRICS)
    has_summary = summary is not None and _is_summary(summary)
    return (has_summary and _has_tables(source)) or _is_live(source)


def _is_plot(source: Source) -> bool:
    """True for what lies in the folder ``plots`` beside a summary or a pipeline.

    A table of a metric has a column that is called like it.
    """
    folders = path_parts(source)[-2::-1]
    depth = next((up for up, part in enumerate(folders) if part == "plots"), None)
    if depth is None:
        return False
    if source.name.endswith(".tsv") and header(source)[-1:] != [PurePath(source.name).stem]:
        return False
    above = "../" * (depth + 1)
    return any(source.companion(f"{above}{name}") for name in (_METRICS, _PIPELINE))


# --- the run ---------------------------------------------------------------------------------


def _tables(source: Source, tables: list[Source]) -> tuple[list[Series], list[Notice]]:
    series: list[Series] = []
    notices: list[Notice] = []
    root = source.inner.parent / "plots" / "metrics"
    for table in tables:
        name = table.inner.relative_to(root).with_suffix("").as_posix()
        try:
            rows = csv_rows(table)
        except ReadError as error:
            notices.append(Notice(f"plots/metrics/{name}.tsv", f"{error.problem}: left out"))
            continue
        rows.step_names, rows.unique_steps = ("step",), True
        group = one_group(rows)
        said = (*rows.notices, *group.notices)
        notices += [Notice(f"plots/metrics/{name}.tsv", item.text) for item in said]
        series += [copied(item, name=name, place=name) for item in group.series[:1]]
    return series, notices


def _summary(summary: Mapping[str, Any], known: set[str]) -> list[Series]:
    """What the summary has and no table, at the step of the summary."""
    step = np.array([max(0, whole_number(summary.get("step")) or 0)], np.int64)
    return [
        copied(Series.scalar(name, float_of(cell), place=f"/{name}"), steps=step)
        for name, cell in dict(_named(summary)).items()
        if name != "step" and is_number(cell) and name not in known
    ]


def _record(
    series: list[Series], summary: dict[str, Any], settings: dict[str, Any], *, is_log: bool
) -> RunRecord:
    named = first_text(settings, _MODEL_KEYS)
    precision = first_text(settings, ["precision", "dtype", "torch_dtype"])
    precision = precision or first_flag(settings, _FLAGS)
    fields = fields_from(settings, _FIELDS)
    if "dataset" in fields:
        fields["dataset"] = base_name(fields["dataset"])
    texts = {name: cell for name, cell in _named(summary) if isinstance(cell, (str, bool))}
    params, artifacts = parameters({**settings, **texts})
    return RunRecord(
        format=FORMAT,
        place="",
        kind=Kind.TRAINING,
        identity=Identity.LOG if is_log else Identity.SNAPSHOT,
        raw=None if is_log else summary,
        model=ModelHint(name=model_name(named)),
        precision=precision,
        series=tuple(series),
        params=params,
        artifacts=artifacts,
        **as_fields(fields),
    )
