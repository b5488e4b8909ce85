"""numerics.yaml of Qualcomm AI Hub: accuracy per device, precision and runtime.

They are of a part of the dataset (``num_partial_samples``). The one of PyTorch is of fp32.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cetrack.domain import (
    Environment,
    Identity,
    Kind,
    ModelHint,
    ParamValue,
    RunRecord,
    Series,
)
from cetrack.readers.entries import pointer
from cetrack.readers.numbers import float_or_none, is_number, param_of
from cetrack.readers.source import Source

# runtime as written → (runtime, the tool whose version is its own)
RUNTIMES = {
    "onnx": ("onnxruntime", "onnx_runtime"),
    "precompiled_qnn_onnx": ("precompiled_qnn_onnx", "onnx_runtime"),
    "qnn": ("qnn", "qairt"),
    "qnn_context_binary": ("qnn_context_binary", "qairt"),
    "qnn_dlc": ("qnn_dlc", "qairt"),
    "tflite": ("tflite", "tflite"),
    "torchscript_onnx": ("onnxruntime", ""),
    "torchscript_onnx_qnn": ("qnn", ""),
    "torchscript_onnx_tflite": ("tflite", ""),
}
_PRECISION, _RUNTIME = "fp32", "pytorch"  # of the reference that the model was taken from
_Key = tuple[str, str, str]  # precision, device, runtime
_REFERENCE: _Key = (_PRECISION, "", _RUNTIME)


@dataclass(frozen=True, slots=True)
class _Accuracy:
    place: str
    name: str
    value: float
    unit: str | None
    dataset: str
    samples: ParamValue

    @property
    def series(self) -> Series:
        return Series.scalar(self.name, self.value, unit=self.unit, place=self.place)

    @property
    def raw(self) -> list[Any]:
        return [self.name, self.value, self.dataset]


@dataclass(eq=False)
class Accuracies:
    """All of a file by precision, device and runtime; those that were joined are remembered."""

    found: dict[_Key, list[_Accuracy]] = field(default_factory=dict)
    joined_keys: set[_Key] = field(default_factory=set)

    def joined(self, record: RunRecord, precision: str, device: str, runtime: str) -> RunRecord:
        """The record with the accuracies that belong to it."""
        key = (precision, device, runtime)
        items = self.found.get(key)
        if not items:
            return record
        self.joined_keys.add(key)
        return replace(
            record,
            raw={**record.raw, "numerics": [item.raw for item in items]},
            series=(*record.series, *(item.series for item in items)),
            **_circumstances(items, record.params),
        )

    def records(self, model: str = "") -> Iterator[RunRecord]:
        """A run of its own for everything that was joined to none."""
        for key, items in self.found.items():
            if key in self.joined_keys:
                continue
            precision, device, runtime = key
            name, _ = RUNTIMES.get(runtime, (runtime, ""))
            yield RunRecord(
                format="qai_hub",
                place=items[0].place,
                kind=Kind.BENCHMARK,
                identity=Identity.SNAPSHOT,
                raw={"runtime": runtime, "numerics": [item.raw for item in items]},
                model=ModelHint(name=model),
                precision=precision,
                environment=Environment(device=device, runtime=name),
                series=tuple(item.series for item in items),
                **_circumstances(items, {}),
            )


def _circumstances(items: list[_Accuracy], params: Mapping[str, ParamValue]) -> dict[str, Any]:
    datasets = {item.dataset for item in items}
    counts = [item.samples for item in items if item.samples is not None]
    known = {"num_partial_samples": counts[0]} if counts else {}
    return {
        "dataset": datasets.pop() if len(datasets) == 1 else "",
        "params": {**params, **known},
    }


def is_numerics(source: Source) -> bool:
    """True for a list of metrics that were taken on devices."""
    if b"device_metric" not in source.head or source.looks_like_json:
        return False
    document = source.yaml
    metrics = document.get("metrics") if isinstance(document, dict) else None
    return isinstance(metrics, list) and any(
        isinstance(item, dict) and {"device_metric", "metric_name"} <= item.keys()
        for item in metrics
    )


def accuracies(document: Any) -> Accuracies:
    """The accuracies of a file; none where it is something else."""
    found = Accuracies()
    metrics = document.get("metrics") if isinstance(document, dict) else None
    for number, metric in enumerate(metrics if isinstance(metrics, list) else ()):
        if isinstance(metric, dict):
            for key, value, place in _values(metric, f"/metrics/{number}"):
                found.found.setdefault(key, []).append(_accuracy(metric, value, place))
    return found


def _values(metric: Mapping[str, Any], place: str) -> Iterator[tuple[_Key, float, str]]:
    reference = float_or_none(metric.get("partial_torch_metric"))
    if reference is not None:
        yield _REFERENCE, reference, f"{place}/partial_torch_metric"
    above = f"{place}/device_metric"
    for device, precisions in _items(metric.get("device_metric")):
        for precision, runtimes in _items(precisions):
            for runtime, values in _items(runtimes):
                known = values if isinstance(values, dict) else {}
                value = float_or_none(known.get("partial_metric"))
                if value is not None:
                    where = pointer(pointer(pointer(above, device), precision), runtime)
                    yield (precision, device, runtime), value, where


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    yield from value.items() if isinstance(value, dict) else ()


def _accuracy(metric: Mapping[str, Any], value: float, place: str) -> _Accuracy:
    unit, dataset = metric.get("metric_unit"), metric.get("dataset_name")
    count: Any = metric.get("num_partial_samples")
    return _Accuracy(
        place=place,
        name=str(metric.get("metric_name") or "accuracy"),
        value=value,
        unit=unit if isinstance(unit, str) and unit else None,
        dataset=dataset if isinstance(dataset, str) else "",
        samples=param_of(count) if is_number(count) else None,
    )
