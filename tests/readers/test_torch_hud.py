"""PyTorch's benchmark records → runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.readers.reading import Reading, claimed_by, read, sample, values


def record(name: str, *numbers: Any, **more: Any) -> dict[str, Any]:
    return {
        "benchmark": {"name": "suite", "dtype": "int8"},
        "model": {"name": "resnet50"},
        "metric": {"name": name, "benchmark_values": list(numbers)},
        **more,
    }


def records(*items: Any) -> Reading:
    return read(json.dumps(list(items)))


def test_records_that_differ_in_their_metric_are_one_run() -> None:
    run = read(sample("torch_hud/lines.json")).runs[0]

    assert (run.model.name, run.precision.name) == ("llama-2-7b", "int8_dynamic")
    assert values(run) == {"tokens_per_s": 9.5, "memory_usage_mb": 7750.0}
    assert [item.values.tolist() for item in run.samples] == [[7500.0, 8000.0]]
    environment = run.record.environment
    assert (environment.device, environment.accelerator) == ("cuda", "NVIDIA A100-SXM4-40GB")
    assert (environment.runtime, run.record.variant) == ("inductor", "TorchAO benchmark")
    assert run.record.task == "inference"
    assert run.params == {"compile": True, "target.tokens_per_second": 10, "origins": "torchao"}


def test_what_the_ci_fills_in_is_taken() -> None:
    first, second = read(sample("torch_hud/list.json")).runs

    assert first.record.started_at == datetime(2026, 6, 1, tzinfo=UTC)
    assert first.record.git_commit == "6f1c0ffee6f1c0ffee6f1c0ffee6f1c0ffee0001"
    assert (first.record.environment.host, first.record.batch_size) == ("runner-7", 8)
    assert first.record.environment.accelerator == "NVIDIA A10G"
    assert first.record.tags == {"git_repo": "pytorch/ao", "git_head_branch": "main"}
    assert values(first) == {"latency_ms": 12.1}
    assert (second.precision.name, values(second)) == ("mystery", {"accuracy": 0.75})
    assert "'accuracy' has no values: left out" in [notice.text for notice in second.notices]


def test_a_metric_that_stands_twice_and_what_is_no_record_are_said() -> None:
    reading = records(record("a", 1), record("a", 2), record("b", None), record("c", 3))
    run = reading.runs[0]

    assert values(run) == {"a": 2.0, "c": 3.0}
    assert [notice.text for notice in run.notices] == [
        "another 'a': the last one counts",
        "'b' has no values: left out",
    ]


@pytest.mark.parametrize("key", ["benchmark", "model", "inputs", "head_sha", "runners"])
def test_records_of_other_circumstances_are_other_runs(key: str) -> None:
    other = record("b", 2)
    other[key] = {**other[key], "mode": "x"} if isinstance(other.get(key), dict) else {"a": 1}

    assert len(records(record("a", 1), other).records) == 2


def test_a_line_that_is_no_record_is_said_and_a_cut_one_waited_for() -> None:
    text = f'{json.dumps(record("a", 1))}\n{{"b": 1}}\n{{"benchm'

    reading = read(text, "records.jsonl")

    assert len(reading.records) == 1
    assert reading.notices == [
        "line 2: no record of a metric: left out",
        "line 3: cut off: left out until it is whole",
    ]


@pytest.mark.parametrize(
    "item",
    [
        {"benchmark": {"name": "x"}, "metric": {"name": "y", "benchmark_values": [1]}},
        {**record("a", 1), "model": "resnet"},
        {**record("a", 1), "metric": {"name": "a", "value": 1}},
        {**record("a", 1), "benchmark": {}},
    ],
)
def test_other_records_are_not_claimed(item: Any) -> None:
    assert claimed_by([item]) == []
    assert claimed_by([record("a", 1), item]) == []
    assert claimed_by([record("a", 1)]) == ["torch_hud"]
