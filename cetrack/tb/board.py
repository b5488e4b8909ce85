"""The tags that the COMPRESSION plugin of TensorBoard reads.

Pure. One TensorBoard run per model, called like the first part of its tags; the plugin takes the
last value of a tag, knows fp32 and int8 only, and shows a run with a ``compression/`` tag. It
answers in JSON, which has no NaN and no infinity: such numbers are left out.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cetrack.derive import evaluate_builtin
from cetrack.logdirs import EXPERIMENT_RUN
from cetrack.tb import hparams
from cetrack.tb.events import EventFile
from cetrack.tb.lines import qualified, started
from cetrack.tb.tags import component, distinct
from cetrack.tb.text import escaped, text_value

Row = Mapping[str, Any]
Numbers = Mapping[str, float]

BASELINE, COMPRESSED = "fp32", "int8"
_KINDS = frozenset({"benchmark", "compression"})

# tag below the model → canonical metric; both precisions must have it
SIDE_BY_SIDE = {
    "metrics/accuracy": "accuracy",
    "metrics/f1_score": "f1_score",
    "metrics/loss": "loss",
    "metrics/sensitivity": "sensitivity",
    "metrics/specificity": "specificity",
    "performance/latency_ms": "latency_mean_ms",
    "performance/latency_std_ms": "latency_std_ms",
    "performance/model_size_mb": "model_size_mb",
    "performance/memory_usage_mb": "memory_usage_mb",
    "performance/gpu_memory_mb": "gpu_memory_usage_mb",
    "performance/energy_mw": "power_mw",
}


# tag below the model → derived metric; what the plugin calls energy is power
DERIVED = {
    "compression/accuracy_drop": "accuracy_drop",
    "compression/accuracy_retention_pct": "accuracy_retention_pct",
    "compression/energy_ratio": "power_ratio",
    "compression/memory_reduction_mb": "memory_reduction_mb",
    "compression/size_ratio": "size_ratio",
    "compression/size_reduction_pct": "size_reduction_pct",
    "compression/speedup": "speedup",
}
_POWER_SAVED = "compression/energy_reduction_mw"

# column of the HPARAMS tab → tag below the model; the tab shows the first five at first
HPARAM_METRICS = {
    "hparam/accuracy_fp32": f"metrics/accuracy/{BASELINE}",
    "hparam/accuracy_int8": f"metrics/accuracy/{COMPRESSED}",
    "hparam/accuracy_drop": "compression/accuracy_drop",
    "hparam/size_ratio": "compression/size_ratio",
    "hparam/speedup": "compression/speedup",
    "hparam/memory_reduction_mb": "compression/memory_reduction_mb",
    "hparam/energy_reduction_mw": "compression/energy_reduction_mw",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A model's newest compressed run and the run it is held against, under one run name."""

    run: str
    baseline: Row
    compressed: Row

    @property
    def like_for_like(self) -> bool:
        """True when both ran on the same device, batch, dataset …"""
        return bool(self.baseline["like_key"] == self.compressed["like_key"])


def pairs(rows: Iterable[Row]) -> list[Pair]:
    """One pair per model that has both precisions, sorted by run name."""
    models: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        if row["kind"] in _KINDS and row["precision"] in (BASELINE, COMPRESSED):
            models[row["model"], row["library"], row["input_shape"]].append(row)
    chosen = {key: pair for key, runs in models.items() if (pair := _newest_pair(runs))}
    names = _run_names(chosen)
    found = [
        Pair(run=names[key], baseline=baseline, compressed=compressed)
        for key, (baseline, compressed) in chosen.items()
    ]
    return sorted(found, key=lambda pair: pair.run)


def _newest_pair(runs: list[Row]) -> tuple[Row, Row] | None:
    """Like for like if there is such a pair; then the newest int8 run, beside its own baseline."""
    alike: dict[str, list[Row]] = defaultdict(list)
    for row in runs:
        alike[row["like_key"]].append(row)
    found = [pair for group in alike.values() if (pair := _pair_of(group))]
    return max(found, key=lambda pair: age(pair[1]), default=_pair_of(runs))


def _pair_of(runs: list[Row]) -> tuple[Row, Row] | None:
    baselines = [row for row in runs if row["precision"] == BASELINE]
    compressed = max((row for row in runs if row["precision"] == COMPRESSED), key=age, default=None)
    if compressed is None or not baselines:
        return None
    own = [row for row in baselines if row["uid"] == compressed["baseline_uid"]]
    return max(own or baselines, key=age), compressed


def age(row: Row) -> tuple[Any, str]:
    """What puts runs in the order in which they were made."""
    return row["started_at"], row["uid"]


def _run_names(chosen: Mapping[tuple[Any, ...], tuple[Row, Row]]) -> dict[tuple[Any, ...], str]:
    """A model's name; where several models share one, with the fields that tell them apart."""
    by_name: dict[str, dict[str, Row]] = defaultdict(dict)
    keys: dict[str, tuple[Any, ...]] = {}
    for key, (_, compressed) in chosen.items():
        by_name[key[0]][compressed["uid"]] = compressed
        keys[compressed["uid"]] = key
    plain = {
        keys[uid]: name
        for model, models in by_name.items()
        for uid, name in qualified(model, models, fields=("library", "input_shape")).items()
    }
    components = distinct(sorted(set(plain.values())), reserved=frozenset({EXPERIMENT_RUN}))
    return {key: components[name] for key, name in plain.items()}


def scalars(pair: Pair, baseline: Numbers, compressed: Numbers) -> dict[str, float]:
    """Tag → value; ``baseline`` and ``compressed`` are the runs' last values by metric."""
    both = {name: (baseline[name], compressed[name]) for name in baseline.keys() & compressed}
    found = {
        f"{place}/{precision}": value
        for place, metric in SIDE_BY_SIDE.items()
        if _is_shown(metric, both)
        for precision, value in zip((BASELINE, COMPRESSED), both[metric], strict=True)
    }
    found |= _derived(baseline, compressed)
    found |= _metadata(pair.baseline)
    found |= {column: found[place] for column, place in HPARAM_METRICS.items() if place in found}
    return {
        place if place in HPARAM_METRICS else f"{pair.run}/{place}": value
        for place, value in sorted(found.items())
        if math.isfinite(value)
    }


def _derived(baseline: Numbers, compressed: Numbers) -> dict[str, float]:
    """Tag below the model → what the two runs' numbers come to, NaN where nothing."""
    own, of_baseline = (
        {name: np.array([value], np.float64) for name, value in numbers.items()}
        for numbers in (compressed, baseline)
    )
    found = {
        place: evaluate_builtin(name, own, of_baseline, {}).item()
        for place, name in DERIVED.items()
    }
    saved = baseline.get("power_mw", math.nan) - compressed.get("power_mw", math.nan)
    return found | {_POWER_SAVED: saved}


def _is_shown(metric: str, both: Mapping[str, tuple[float, float]]) -> bool:
    """GPU memory is shown where a GPU was used at all."""
    return metric in both and (metric != "gpu_memory_usage_mb" or max(both[metric]) > 0)


def _metadata(row: Row) -> dict[str, float]:
    shape = row["input_shape"] or ""
    sizes = [] if ":" in shape else shape.split("x")  # several named inputs have no one height
    places = ("input_channels", "input_height", "input_width")
    found = {
        f"metadata/{place}": float(size)
        for place, size in zip(places, sizes, strict=False)
        if size.isdigit()
    }
    if row["device"] is not None:
        found["metadata/device_gpu"] = float(row["device"] in ("gpu", "cuda"))
    return found


def write_pair(
    event_file: EventFile,
    pair: Pair,
    columns: hparams.Columns,
    last: Mapping[int, Numbers],
) -> None:
    """Write a model's numbers; ``last`` maps run ids to last values by metric."""
    both = (last.get(row["run_id"], {}) for row in (pair.baseline, pair.compressed))
    at_zero, unknown = np.zeros(1, np.int64), np.full(1, np.nan)
    for tag, value in scalars(pair, *both).items():
        event_file.write_series(tag, at_zero, np.array([value], np.float64), unknown)
    event_file.write_value(text_value(f"{pair.run}/metadata/info", description(pair)))
    values = hparams.typed(hparams_of(pair), columns.of_text)
    event_file.write_value(hparams.session_start(values, started_at=started(pair.compressed)))
    event_file.write_value(hparams.session_end(pair.compressed["status"], finished_at=None))


def hparams_of(pair: Pair) -> dict[str, hparams.HParam]:
    """The pair's row of the HPARAMS table."""
    row = pair.compressed
    found = {"model_name": row["model"], "library": row["library"], "category": row["category"]}
    return {name: value for name, value in found.items() if value is not None}


def headings() -> list[tuple[str, str]]:
    """(tag, heading) of the metrics of the HPARAMS table."""
    return [(tag, tag.removeprefix("hparam/")) for tag in HPARAM_METRICS]


def description(pair: Pair) -> str:
    """The model in words, as Markdown."""
    row = pair.compressed
    facts = {
        "Model": row["model"],
        "Library": row["library"],
        "Category": row["category"],
        "Description": row["model_description"],
        "Input Shape": row["input_shape"],
        "FP32 run": pair.baseline["uid"],
        "INT8 run": row["uid"],
    }
    return "  \n".join(
        f"{name}: {escaped(str(it))}" for name, it in facts.items() if it is not None
    )


def warnings(rows: Sequence[Row], pairs: Sequence[Pair]) -> list[str]:
    """What the plugin will not show, or not fairly."""
    left_out = {row["model"] for row in rows} - {pair.compressed["model"] for pair in pairs}
    unlike = [pair.run for pair in pairs if not pair.like_for_like]
    found = []
    if left_out:
        found.append(
            f"{len(left_out):,} models without both an fp32 and an int8 run are left out: "
            f"{_some(left_out)}"
        )
    if unlike:
        found.append(f"{len(unlike):,} pairs are not like for like: {_some(unlike)}")
    return found


def _some(names: Iterable[str]) -> str:
    shown = sorted(component(name) for name in names)
    return ", ".join(shown[:5]) + (" …" if len(shown) > 5 else "")
