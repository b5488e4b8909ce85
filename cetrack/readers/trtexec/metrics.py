"""The quantities that trtexec measures, whichever of its files states them. All are ms."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from cetrack.domain import Direction, FloatArray, MetricDef, Notice, Series, Spread

UNIT = "ms"
LATENCY = "latency"
GPU_COMPUTE = "gpu_compute_time"
END_TO_END = "end_to_end_latency"
# names in the summary → stem of the metrics
QUANTITIES: Mapping[str, str] = {
    "Latency": LATENCY,
    "End-to-End Host Latency": END_TO_END,
    "Enqueue Time": "enqueue_time",
    "H2D Latency": "h2d_latency",
    "GPU Compute Time": GPU_COMPUTE,
    "D2H Latency": "d2h_latency",
}
# keys of --exportTimes, those of TensorRT 7 too
DURATIONS: Mapping[str, str] = {
    "latencyMs": LATENCY,
    "endToEndMs": END_TO_END,
    "h2dMs": "h2d_latency",
    "inMs": "h2d_latency",
    "computeMs": GPU_COMPUTE,
    "d2hMs": "d2h_latency",
    "outMs": "d2h_latency",
}
_TRANSFERS = ("h2d_latency", "d2h_latency")
_DESCRIPTIONS = {
    LATENCY: "time of one inference",
    END_TO_END: "from the call of the first copy to the end of the last, waiting included",
    "enqueue_time": "time of the host to enqueue a query",
    "h2d_latency": "time to copy the inputs of a query to the device",
    GPU_COMPUTE: "time of the device to run the kernels of a query",
    "d2h_latency": "time to copy the outputs of a query to the host",
}
_OTHERS = {
    "gpu_compute_time_variation": ("%", "standard deviation of that time over its mean"),
    "engine_build_time_s": ("s", "time to build the engine"),
    "engine_deserialization_time_s": ("s", "time to load the engine"),
    "layer_time_ms": (UNIT, "sum of the mean times of all layers, profiled one by one"),
    "reformat_time_ms": (UNIT, "part of the layers' time that only changes the format of tensors"),
}
PERCENTILES = (90.0, 95.0, 99.0)


def metric_defs(names: Iterable[str]) -> dict[str, MetricDef]:
    """What those of the names mean that are trtexec's own."""
    found = {}
    for name in names:
        stem = next((stem for stem in _DESCRIPTIONS if name.startswith(stem)), None)
        unit, description = _OTHERS.get(name, (UNIT, _DESCRIPTIONS.get(stem or "", "")))
        if description:
            found[name] = MetricDef(
                name=name,
                unit=unit,
                direction=Direction.LOWER,
                family="latency",
                description=description,
            )
    return found


def percentile_name(percentile: float) -> str:
    """``p99``, ``p99.9``."""
    return f"p{percentile:g}"


def statistics(values: FloatArray) -> dict[str, float]:
    """The statistics of finite repetitions float64[n], n > 0, as trtexec computes them."""
    ordered = np.sort(values)
    with np.errstate(over="ignore", invalid="ignore"):
        found = {
            "min": float(ordered[0]),
            "max": float(ordered[-1]),
            "mean": float(ordered.mean()),
            "median": float(np.median(ordered)),
            "std": float(ordered.std()),
        }
    for percentile in PERCENTILES:
        # it excludes the slowest ones, counted in single precision
        share = np.float32(1) - np.float32(percentile) / np.float32(100)
        slowest = int(share * np.float32(len(ordered)))
        place = max(len(ordered) - 1 - slowest, 0)
        found[percentile_name(percentile)] = float(ordered[place])
    return found


def statistic_series(
    stem: str, found: Mapping[str, float], count: int | None, place: str
) -> Iterator[Series]:
    """The metrics of one quantity: its mean with the spread, its median and percentiles.

    Of the latency the shortest and the longest are metrics too, as other tools have them.
    """
    own = {"median", *(name for name in found if name.startswith("p"))}
    if stem == LATENCY:
        own |= {"min", "max"}
    if "mean" in found:
        limits = {name: found[name] for name in ("std", "min", "max") if _is_finite(found, name)}
        spread = Spread(n=count, **limits)
        name = f"{stem}_mean_{UNIT}"
        yield Series.scalar(name, found["mean"], spread=spread, unit=UNIT, place=place)
    for statistic, value in found.items():
        if statistic in own:
            yield Series.scalar(f"{stem}_{statistic}_{UNIT}", value, unit=UNIT, place=place)


def _is_finite(found: Mapping[str, float], name: str) -> bool:
    return math.isfinite(found.get(name, math.nan))


def transfer_notices(longest: Mapping[str, float], place: str) -> Iterator[Notice]:
    """A notice where copies took no time: with ``--noDataTransfers`` there were none.

    ``longest`` is the maximum by stem.
    """
    idle = [stem for stem in _TRANSFERS if longest.get(stem) == 0]
    if idle:
        yield Notice(place, f"{' and '.join(idle)} 0: no data were transferred")
