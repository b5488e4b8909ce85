"""Hyper-parameters as TensorBoard's HPARAMS tab reads them.

Pure; builds protos, writes nothing. A session (start and end) describes one run and lives in the
run's own file. One experiment record per logdir names the columns: TensorBoard takes the first it
meets, so a second one would hide columns. A column has one type over all runs, and a session must
write its values in that type: TensorBoard drops rows whose value is of another one.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from cetrack.domain import Status
from cetrack.logdirs import FIELDS, PARAM_PREFIX
from cetrack.tb.protos import (
    DataType,
    Experiment,
    HParamInfo,
    HParamsPluginData,
    MetricInfo,
    MetricName,
    SessionEndInfo,
    SessionStartInfo,
    SessionStatus,
    Summary,
    SummaryMetadata,
    TensorProto,
    TensorShapeProto,
)

HParam = bool | float | str

_PARAMS = FIELDS.index("dataset") - 0.5  # their place among the fields
EXPERIMENT_TAG = "_hparams_/experiment"
START_TAG = "_hparams_/session_start_info"
END_TAG = "_hparams_/session_end_info"

_SHOWN_AT_FIRST = 5  # columns; a person has to tick the others
_MAX_CHOICES = 100  # check boxes; a column with more distinct texts gets a search field
_MAX_TEXT = 500
_DIFFERS = b"\x38\x01"  # HParamInfo.differs = true, field 7, newer than tensorboardX's proto
_TYPES: Final[Mapping[type, str]] = {
    bool: "DATA_TYPE_BOOL",
    float: "DATA_TYPE_FLOAT64",
    str: "DATA_TYPE_STRING",
}
_STATUS: Final[Mapping[str, str]] = {
    Status.RUNNING: "STATUS_RUNNING",
    Status.FINISHED: "STATUS_SUCCESS",
    Status.FAILED: "STATUS_FAILURE",
    Status.KILLED: "STATUS_FAILURE",
}


def hparams_of(row: Mapping[str, Any], params: Mapping[str, HParam]) -> dict[str, HParam]:
    """What a run was: its fields (of the runs view) where known, and its params.

    A param that has the name of a field is called ``param.<name>``, as in a filter.
    """
    fields: dict[str, HParam] = {
        name: float(row[name]) if isinstance(row[name], int) else str(row[name])
        for name in FIELDS
        if row[name] is not None
    }
    return fields | {
        f"{PARAM_PREFIX}{key}" if key in FIELDS or key.startswith(PARAM_PREFIX) else key: value
        for key, value in params.items()
    }


def param_value(text: str | None, number: float | None) -> HParam | None:
    """A stored param as a value of its own type; None for what TensorBoard cannot show."""
    if text is None:
        return None
    if number is not None:
        return number if math.isfinite(number) else None
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    return None if text.lower() == "nan" else text


class Columns:
    """The columns of the table: every key of every run, with one type and its values."""

    def __init__(self) -> None:
        self._types: dict[str, type] = {}
        self._values: dict[str, set[str]] = {}
        self._spans: dict[str, tuple[float, float]] = {}
        self._uses: Counter[str] = Counter()
        self._runs = 0

    def add(self, hparams: Mapping[str, HParam]) -> None:
        """Take note of one run's values."""
        self._runs += 1
        self._uses.update(hparams.keys())
        for key, value in hparams.items():
            if self._types.setdefault(key, type(value)) is not type(value):
                self._types[key] = str
            if isinstance(value, float):
                low, high = self._spans.get(key, (value, value))
                self._spans[key] = (min(low, value), max(high, value))
            values = self._values.setdefault(key, set())
            if len(values) <= _MAX_CHOICES:
                values.add(_shown(value))

    @property
    def of_text(self) -> frozenset[str]:
        """The columns that hold text, though some runs may have a number there."""
        return frozenset(key for key, kind in self._types.items() if kind is str)

    def protos(self) -> list[HParamInfo]:
        """The columns, sorted by name.

        TensorBoard shows those first that are marked as differing, in the order of the alphabet.
        Only as many are marked as it shows: model and precision would be hidden otherwise.
        """
        differing = [
            key
            for key, values in self._values.items()
            if len(values) > 1 or self._uses[key] < self._runs
        ]
        marked = frozenset(sorted(differing, key=_rank)[:_SHOWN_AT_FIRST])
        return [self._proto(key, differs=key in marked) for key in sorted(self._types)]

    def _proto(self, key: str, *, differs: bool) -> HParamInfo:
        kind, values = self._types[key], self._values[key]
        column = HParamInfo(name=key, type=DataType.Value(_TYPES[kind]))
        if differs:
            column.MergeFromString(_DIFFERS)
        if kind is float:
            column.domain_interval.min_value, column.domain_interval.max_value = self._spans[key]
        elif kind is bool:
            for text in sorted(values):
                column.domain_discrete.values.add(bool_value=text == "true")
        elif len(values) <= _MAX_CHOICES:
            for text in sorted(values):
                column.domain_discrete.values.add(string_value=text)
        return column


def typed(hparams: Mapping[str, HParam], text_columns: frozenset[str]) -> dict[str, HParam]:
    """One run's values, each in the type of its column."""
    return {key: _shown(value) if key in text_columns else value for key, value in hparams.items()}


def _rank(key: str) -> tuple[float, str]:
    """What was run, on what, its params, then where it belongs."""
    return (FIELDS.index(key) if key in FIELDS else _PARAMS), key


def _shown(value: HParam) -> str:
    """A value as text: what a column of mixed types holds."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.17g}" if value != int(value) or abs(value) >= 1e15 else str(int(value))
    return value[:_MAX_TEXT]


def session_start(hparams: Mapping[str, HParam], *, started_at: float) -> Summary.Value:
    """The record that makes a run a row of the table."""
    start = SessionStartInfo(start_time_secs=started_at)
    for key, value in sorted(hparams.items()):
        if isinstance(value, bool):
            start.hparams[key].bool_value = value
        elif isinstance(value, str):
            start.hparams[key].string_value = value[:_MAX_TEXT]
        else:
            start.hparams[key].number_value = value
    return _value(START_TAG, HParamsPluginData(session_start_info=start))


def session_end(status: str, *, finished_at: float | None) -> Summary.Value:
    """How and when the run ended."""
    end = SessionEndInfo(
        status=SessionStatus.Value(_STATUS[status]), end_time_secs=finished_at or 0.0
    )
    return _value(END_TAG, HParamsPluginData(session_end_info=end))


def experiment(columns: Columns, metrics: Iterable[tuple[str, str]]) -> Summary.Value:
    """The one record of a logdir: hyper-parameter columns and metric columns (tag, heading)."""
    metric_columns: Sequence[MetricInfo] = [
        MetricInfo(name=MetricName(tag=tag), display_name=heading) for tag, heading in metrics
    ]
    content = Experiment(hparam_infos=columns.protos(), metric_infos=metric_columns)
    return _value(EXPERIMENT_TAG, HParamsPluginData(experiment=content))


def _value(tag: str, content: HParamsPluginData) -> Summary.Value:
    plugin = SummaryMetadata.PluginData(
        plugin_name="hparams", content=content.SerializeToString(deterministic=True)
    )
    nothing = TensorProto(
        dtype="DT_FLOAT", tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=0)])
    )
    return Summary.Value(tag=tag, metadata=SummaryMetadata(plugin_data=plugin), tensor=nothing)
