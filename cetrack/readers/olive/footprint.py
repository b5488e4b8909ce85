"""A footprint of Olive: every model that a workflow made, from which one and by which pass. Pure.

The input model is the baseline of what quantisation made of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from cetrack.domain import Identity, Kind, Link, ModelHint, Notice, RunRecord
from cetrack.precisions import find_precision
from cetrack.readers.entries import flatten, pointer
from cetrack.readers.olive.metrics import metric_series
from cetrack.readers.times import parse_time

_NODE = frozenset({"from_pass", "metrics", "model_id", "parent_model_id"})
# pass in lower case → (precision, method)
_PASSES = {
    "autoawqquantizer": ("awq", "ptq"),
    "gptqquantizer": ("gptq", "ptq"),
    "incdynamicquantization": ("int8", "ptq_dynamic"),
    "incquantization": ("int8", "ptq"),
    "incstaticquantization": ("int8", "ptq"),
    "onnxdynamicquantization": ("int8", "ptq_dynamic"),
    "onnxfloattofloat16": ("fp16", ""),
    "onnxmatmul4quantizer": ("int4_weight_only", "ptq"),
    "onnxquantization": ("int8", "ptq"),
    "onnxstaticquantization": ("int8", "ptq"),
    "openvinoquantization": ("int8", "ptq"),
    "openvinoquantizationwithaccuracy": ("int8", "ptq"),
    "quantizationawaretraining": ("int8", "qat"),
    "vitisaiquantization": ("int8", "ptq"),
}
_STATED = ("precision", "weight_type")
_TAGS = ("is_pareto_frontier", "model_id")
_GAP = re.compile(r"[\\/]+")
_MAX_PASSES = 100


def is_footprint(document: Mapping[str, Any]) -> bool:
    """True for an object of nodes alone."""
    return all(isinstance(item, dict) and item.keys() >= _NODE for item in document.values())


def footprint_runs(document: Mapping[str, Mapping[str, Any]]) -> Iterator[RunRecord | Notice]:
    """One run per model that was evaluated."""
    evaluated = [key for key, node in document.items() if _values(node)]
    roots = [key for key, node in document.items() if node["parent_model_id"] is None]
    root = roots[0] if roots else ""
    hint = ModelHint(name=_name(document.get(root, {})))
    for key in evaluated:
        yield _run(key, _chain(document, key), hint, root if root in evaluated else "")
    if len(evaluated) < len(document):
        count = len(document) - len(evaluated)
        yield Notice("", f"{count} models were not evaluated: no run made")


def _values(node: Mapping[str, Any]) -> Mapping[str, Any]:
    metrics = node.get("metrics")
    values = metrics.get("value") if isinstance(metrics, dict) else None
    return values if isinstance(values, dict) else {}


def _chain(document: Mapping[str, Mapping[str, Any]], key: str) -> list[Mapping[str, Any]]:
    """A node, and those that it was made from; a loop ends it."""
    found: list[Mapping[str, Any]] = []
    seen: set[str] = set()
    current: Any = key
    while isinstance(current, str) and current in document and current not in seen:
        if len(found) == _MAX_PASSES:
            break
        seen.add(current)
        found.append(document[current])
        current = document[current]["parent_model_id"]
    return found


def _run(key: str, chain: list[Mapping[str, Any]], hint: ModelHint, root: str) -> RunRecord:
    node, place = chain[0], pointer("", key)
    passes = [name for item in reversed(chain) if isinstance(name := item["from_pass"], str)]
    precision, method = next(filter(any, map(_made, chain)), ("", ""))
    series, definitions = metric_series(_values(node), f"{place}/metrics/value")
    is_compressed = bool(precision)
    config = node.get("pass_run_config")
    return RunRecord(
        format="olive",
        place=place,
        kind=Kind.COMPRESSION if is_compressed else Kind.BENCHMARK,
        identity=Identity.SNAPSHOT,
        raw={name: value for name, value in node.items() if name != "model_config"},
        model=hint,
        precision=precision,
        method=method,
        variant=" > ".join(passes) or "input model",
        started_at=parse_time(node.get("start_time")),
        finished_at=parse_time(node.get("end_time")),
        baseline=Link(place=pointer("", root)) if root and is_compressed else None,
        series=tuple(series),
        params=dict(flatten(config)) if isinstance(config, dict) else {},
        tags=_tags(node),
        metric_defs=definitions,
    )


def _made(node: Mapping[str, Any]) -> tuple[str, str]:
    """(precision, method) that a pass gives a model; blank where it leaves that as it is."""
    name = node["from_pass"]
    config = node.get("pass_run_config")
    settings = config if isinstance(config, dict) else {}
    if not isinstance(name, str):
        return "", ""
    precision, method = _PASSES.get(name.lower(), ("", ""))
    if not precision:
        return ("fp16", "") if settings.get("float16") is True else ("", "")
    stated = (settings[key] for key in _STATED if isinstance(settings.get(key), str))
    said = next((text for text in stated if find_precision(text) is not None), "")
    if settings.get("quant_mode") == "dynamic":
        method = "ptq_dynamic"
    return said or precision, method


def _tags(node: Mapping[str, Any]) -> dict[str, str]:
    metrics = node.get("metrics")
    met = metrics.get("if_goals_met") if isinstance(metrics, dict) else None
    known = {f"olive_{key}": node.get(key) for key in _TAGS}
    return {
        key: str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in {**known, "olive_goals_met": met}.items()
        if value is not None
    }


def _name(root: Mapping[str, Any]) -> str:
    """The input model: the last part of its path or of its name on a hub."""
    model = root.get("model_config")
    config = model.get("config") if isinstance(model, dict) else None
    values = config if isinstance(config, dict) else {}
    hub = values.get("hf_config")
    stated = (hub if isinstance(hub, dict) else {}).get("model_name") or values.get("model_path")
    if not isinstance(stated, str):
        return ""
    name = _GAP.split(stated.rstrip("/\\"))[-1]
    path = PurePath(name)
    return path.stem if path.suffix in (".onnx", ".pt", ".pth", ".xml") else name
