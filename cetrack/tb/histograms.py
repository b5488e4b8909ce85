"""Histograms as TensorBoard reads them: buckets of raw repetitions, or such as were ingested.

Pure; builds protos, writes nothing. Values fall into thirty buckets of one width between the
smallest and the largest, as ``tf.summary.histogram`` has it: one rule for any sample, so that the
histograms of two runs look alike wherever they were written.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from cetrack.domain import FloatArray
from cetrack.tb.protos import Summary, SummaryMetadata, TensorProto, TensorShapeProto
from cetrack.tb.text import escaped

BUCKETS: Final = 30

_COLUMNS = 3  # left edge, right edge, count
_STEPS = range(-(1 << 63), 1 << 63)


def buckets_of(values: FloatArray) -> FloatArray:
    """Buckets float64[30, 3] of ``values`` float64[n], n > 0, all finite.

    Where all values are one, the last bucket holds them and has no width, as in TensorBoard.
    """
    low, high = float(values.min()), float(values.max())
    buckets = np.zeros((BUCKETS, _COLUMNS), np.float64)
    if low == high:
        buckets[:, :2] = low
        buckets[-1, 2] = len(values)
        return buckets
    share = np.arange(BUCKETS + 1) / BUCKETS
    edges = low * (1 - share) + high * share  # high - low may be beyond a double
    edges = np.maximum.accumulate(np.clip(edges, low, high))
    places = np.searchsorted(edges[1:-1], values, side="right")
    buckets[:, 0], buckets[:, 1] = edges[:-1], edges[1:]
    buckets[:, 2] = np.bincount(places, minlength=BUCKETS)
    return buckets


def stored_buckets(content: Any) -> tuple[int, FloatArray] | None:
    """(step, buckets float64[n, 3]) of an artifact's JSON; None where it holds no histogram.

    Anybody can bring an artifact of this kind, so nothing about it is taken for granted.
    """
    try:
        step, buckets = content.get("step", 0), np.array(content["buckets"], np.float64)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        return None
    if buckets.ndim != 2 or buckets.shape[1] != _COLUMNS or not np.isfinite(buckets).all():
        return None
    if isinstance(step, bool) or not isinstance(step, int) or step not in _STEPS:
        return None
    are_ranges = (buckets[:, 0] <= buckets[:, 1]) & (buckets[:, 2] >= 0)
    return (step, buckets) if len(buckets) and are_ranges.all() else None


def sample_value(tag: str, values: FloatArray, unit: str | None) -> Summary.Value | None:
    """The histogram of raw repetitions float64[n], NaN among them; None where none is finite."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return None
    left_out = len(values) - len(finite)
    said = [
        f"repetitions: {len(finite):,}",
        f"unit: {escaped(unit)}" if unit else "",
        f"NaN or infinite, left out: {left_out:,}" if left_out else "",
    ]
    return histogram_value(tag, buckets_of(finite), description="; ".join(filter(None, said)))


def histogram_value(tag: str, buckets: FloatArray, *, description: str = "") -> Summary.Value:
    """A summary value of the histograms plugin; ``description`` is Markdown."""
    plugin = SummaryMetadata.PluginData(plugin_name="histograms")  # no content: version 0
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in buckets.shape])
    tensor = TensorProto(
        dtype="DT_DOUBLE", tensor_shape=shape, tensor_content=buckets.astype("<f8").tobytes()
    )
    metadata = SummaryMetadata(plugin_data=plugin, summary_description=description)
    return Summary.Value(tag=tag, metadata=metadata, tensor=tensor)
