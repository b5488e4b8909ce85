"""PyTorch Lightning's CSVLogger: ``metrics.csv``, with ``hparams.yaml`` beside it.

A row per call of the logger: training, validation and learning rates of one step stand on
different rows. Rows are counted by the Trainer's step; the epoch is a metric.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cetrack.domain import Identity, Kind, ModelHint, Notice, RunRecord
from cetrack.readers.base import Match, Objection, Reader, lacking, matched
from cetrack.readers.beside import (
    base_name,
    fields_from,
    first_text,
    is_settings,
    model_name,
    parameters,
    settings_beside,
)
from cetrack.readers.csv_text import csv_rows, header
from cetrack.readers.fields import as_fields
from cetrack.readers.rows import NO_METRICS, groups
from cetrack.readers.source import Source

FORMAT = "lightning"
_METRICS, _HPARAMS, _CONFIG = "metrics.csv", "hparams.yaml", "config.yaml"
_STEPS = frozenset({"epoch", "step"})
# what the logger's names end with where a metric is logged at steps and at epochs
_SUFFIXES = ("_step", "_epoch")
_CONFIG_MARKS = ("seed_everything", "trainer")
_MODEL_KEYS = ("model_name", "model", "arch", "architecture", "backbone", "encoder_name")
_FIELDS = {"batch_size": "batch_size", "seed": "seed", "dataset": "dataset", "task": "task"}
# https://lightning.ai/docs/pytorch/stable/common/precision.html: "16" was the old name of 16-mixed
_PRECISIONS = {
    "16": "amp",
    "16-mixed": "amp",
    "16-true": "fp16",
    "32": "fp32",
    "32-true": "fp32",
    "64": "fp64",
    "64-true": "fp64",
    "bf16": "amp_bf16",
    "bf16-mixed": "amp_bf16",
    "bf16-true": "bf16",
    "transformer-engine": "fp8",
}


class LightningReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = (".csv",)
    companions = (_HPARAMS, _CONFIG)
    description = "metrics of PyTorch Lightning's CSVLogger"
    recognises = (
        "CSV with the columns `step` and `epoch` and metrics such as `train_loss_step` or "
        "`lr-Adam`; any metrics where the file is called `metrics.csv`"
    )
    maps_to = (
        "one training run, step = the Trainer's step; `hparams.yaml` and the `config.yaml` of "
        "LightningCLI beside it are its parameters, and name model, precision, batch size and seed"
    )
    example = """\
epoch,step,train_loss_step,train_loss_epoch,val_acc
0,9,0.91,,
0,9,,,0.62
0,9,,0.95,
1,19,0.55,,
"""

    def sniff(self, source: Source) -> Match:
        """YES for the table, COMPANION for the settings beside it."""
        if source.name in (_HPARAMS, _CONFIG):
            return matched(_is_beside, source, Match.COMPANION)
        return matched(_is_metrics, source)

    def objection(self, source: Source) -> Objection | None:
        """The columns that a table called metrics.csv would have."""
        return None if source.name != _METRICS else lacking(_STEPS, header(source), "column")

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run; one per model or precision where the table has such a column."""
        rows = csv_rows(source)
        rows.step_names = ("step",)
        yield from rows.notices
        settings, said = settings_beside(source, _HPARAMS)
        yield from said
        config, said = settings_beside(source, _CONFIG)
        yield from said
        known = _known({**settings, **_opened(config)})
        for group in groups(rows):
            if all(item.name in _STEPS for item in group.series):
                yield from group.notices
                yield Notice("", "no numbers in the rows: no run made")
                continue
            stated = {**group.facts, **group.key}
            yield RunRecord(
                format=FORMAT,
                place="#" + ",".join(map("=".join, group.key.items())) if group.key else "",
                kind=Kind.TRAINING,
                identity=Identity.LOG,
                series=group.series,
                notices=group.notices,
                **{**known, **_named(known, stated)},
            )


def _is_metrics(source: Source) -> bool:
    if not source.is_text or source.looks_like_json:
        return False
    names = set(header(source))
    metrics = {name for name in names if name and name.lower() not in NO_METRICS}
    if "step" not in names or not metrics:
        return False
    if source.name == _METRICS and ("epoch" in names or source.companion(_HPARAMS) is not None):
        return True
    marked = any(name.endswith(_SUFFIXES) or name.startswith("lr-") for name in metrics)
    return "epoch" in names and marked


def _is_beside(source: Source) -> bool:
    if source.name == _CONFIG:
        return is_settings(source, (_CONFIG,), _CONFIG_MARKS)
    table = source.companion(_METRICS)
    return table is not None and _is_metrics(table)


def _opened(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of LightningCLI under the names that hyper-parameters have.

    Another tool's file of that name says nothing.
    """
    if not all(key in config for key in _CONFIG_MARKS):
        return {}
    found = dict(config)
    for key in ("model", "data"):
        block = config.get(key)
        if isinstance(block, dict):
            inner = block.get("init_args")
            found.update(inner if isinstance(inner, dict) else {})
            if isinstance(block.get("class_path"), str):
                found[f"{key}_class"] = block["class_path"]
            found.pop(key, None)
    trainer = config["trainer"]
    if isinstance(trainer, dict) and trainer.get("precision") is not None:
        found["precision"] = trainer["precision"]
    found["seed"] = found.pop("seed_everything")
    return found


def _known(settings: dict[str, Any]) -> dict[str, Any]:
    """What is said about the run outside of its table, as arguments of a record."""
    named = first_text(settings, _MODEL_KEYS)
    classed = first_text(settings, ["model_class"]).rpartition(".")[2]
    name = model_name(named) if named else classed
    precision = settings.get("precision")
    written = "" if isinstance(precision, (bool, float, dict, list)) else str(precision or "")
    fields = fields_from(settings, _FIELDS)
    if "dataset" in fields:
        fields["dataset"] = base_name(fields["dataset"])
    params, artifacts = parameters(settings)
    return {
        "model": ModelHint(name=name),
        "precision": _PRECISIONS.get(written, written),
        "params": params,
        "artifacts": artifacts,
        **as_fields(fields),
    }


def _named(known: Mapping[str, Any], stated: Mapping[str, str]) -> dict[str, Any]:
    """What the columns of a table say about a run, which goes before what is said beside it."""
    rest = {key.lower(): value for key, value in stated.items()}
    model = rest.pop("model", "") or rest.pop("model_name", "")
    precision = rest.pop("precision", "") or rest.pop("dtype", "")
    return {
        "model": ModelHint(name=model) if model else known["model"],
        "precision": precision or known["precision"],
        "params": {**known["params"], **rest},
    }
