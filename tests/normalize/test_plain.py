"""Runs of plain numbers: the short way gives what the long one does."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cetrack.domain import (
    Environment,
    Identity,
    Kind,
    MetricDef,
    MetricSeries,
    ModelHint,
    NormalRun,
    RunRecord,
    Series,
)
from cetrack.normalize import normalize
from cetrack.plain import PlainMetrics, PlainSeries, metrics_of, points_of, split_plain
from cetrack.readers.entries import is_metric_name, pointer, read_entry, read_measured

NAMES = [
    "accuracy", "acc", "top1", "latency_mean_ms", "latency_us", "latency (s)", "size_kb", "loss",
    "model_size_mb", "energy_kwh", "memory_usage_mib", "f1", "a/b~c", "accuracy_pct", "power_w",
    "x", "batch_size", "seed", "epochs", "", "throughput_fps", "bits", "latency", "\ud800",
]  # fmt: skip
numbers = st.dictionaries(
    st.sampled_from(NAMES),
    st.floats(allow_nan=True, allow_infinity=True)
    | st.integers(-5, 10**6)
    | st.sampled_from(
        [0.5, 50.0, 1e308, -1.0, 10**400, True, None, "12 ms", "fast", {"mean": 1.0}]
    ),
)


def record(series: Any, **more: Any) -> RunRecord:
    return RunRecord(
        format="benchmark",
        place="/m/int8",
        kind=Kind.BENCHMARK,
        identity=Identity.SNAPSHOT,
        series=series,
        **more,
    )


def told(item: Series | MetricSeries) -> tuple[Any, ...]:
    """All of a series of one point, comparable also where it is NaN."""
    fields = {name: value for name, value in vars(item).items() if name not in ("steps", "values")}
    return item.steps.tolist(), [repr(value) for value in item.values.tolist()], fields


def told_run(run: NormalRun) -> Any:
    return [told(item) for item in run.series], run.notices


@given(numbers)
def test_the_short_way_is_the_long_one(values: dict[str, Any]) -> None:
    entry, series = read_measured(values, "/m/int8")
    whole = read_entry(values, "/m/int8")

    assert [told(item) for item in series] == [told(item) for item in whole.series.values()]
    assert entry.params == whole.params
    assert entry.fields == whole.fields
    short = normalize(record(series))
    assert told_run(short) == told_run(normalize(record(tuple(whole.series.values()))))
    assert points_of(short.series) == sum(len(item.steps) for item in short.series)
    assert list(metrics_of(short.series)) == [item.metric for item in short.series]


@pytest.mark.parametrize(
    ("values", "is_plain"),
    [
        ({"accuracy": 0.9, "latency_us": 1500.0, "x": 3}, True),
        ({"accuracy": 1, "loss": -0.5}, True),
        ({}, True),
        ({"accuracy": 90.0}, False),  # looks like a percentage: said
        ({"latency_ms": -1.0}, False),
        ({"acc": 0.9, "top1": 0.8}, False),  # one metric twice
    ],
)
def test_what_is_to_be_said_goes_the_long_way(values: dict[str, Any], is_plain: bool) -> None:
    run = normalize(record(read_measured(values, "")[1]))

    assert isinstance(run.series, PlainMetrics) is is_plain


def test_definitions_of_the_source_go_the_long_way() -> None:
    stated = {"x": MetricDef(name="x", unit="m", description="way")}
    run = normalize(record(PlainSeries({"x": 1.0}, "", pointer), metric_defs=stated))

    assert [item.metric.description for item in run.series] == ["way"]


def test_a_plain_sequence_is_a_sequence() -> None:
    series = PlainSeries({"a": 1.0, "b": 2.0}, "/m", pointer)

    assert [item.name for item in series] == ["a", "b"]
    assert series[-1].place == "/m/b"
    assert [item.name for item in series[:1]] == ["a"]
    with pytest.raises(IndexError):
        series[2]
    assert split_plain({"a": 1, "b": "x", "seed": 3}, is_metric_name) == (
        {"a": 1.0},
        {"b": "x", "seed": 3},
    )


def test_a_run_travels() -> None:
    run = normalize(
        record(
            PlainSeries({"latency_us": 1500.0}, "", pointer),
            model=ModelHint(name="m"),
            environment=Environment(device="cpu"),
            seed=0,
            params={"a": 1},
        )
    )
    bare = replace(run, record=replace(run.record, series=()))

    found = pickle.loads(pickle.dumps(bare))

    assert vars(found.record) == vars(bare.record)
    assert told_run(found) == told_run(run)
    assert [item.values.tolist() for item in found.series] == [[1.5]]
    blank = record(())
    assert vars(pickle.loads(pickle.dumps(blank))) == vars(blank)
