"""One object of measurements, sorted into metrics, samples, fields, params and artifacts."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from cetrack.domain import Environment, Identity, Kind, ModelHint, RunRecord, Spread, Status
from cetrack.readers.entries import Entry, block_prefix, flatten, pointer, read_entry
from cetrack.readers.fields import filled, model_block, model_hint, with_fields


def metrics(entry: Entry) -> dict[str, tuple[float, str | None]]:
    return {name: (float(item.values[0]), item.unit) for name, item in entry.series.items()}


def texts(entry: Entry) -> list[str]:
    return [f"{notice.place}: {notice.text}" for notice in entry.notices]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param({"accuracy": 0.5}, {"accuracy": (0.5, None)}, id="float"),
        pytest.param({"anything": 3}, {"anything": (3.0, None)}, id="unknown integer"),
        pytest.param({"x": 10**400}, {"x": (math.inf, None)}, id="10^400"),
        pytest.param({"x": -(10**400)}, {"x": (-math.inf, None)}, id="-10^400"),
        pytest.param({"accuracy": "0.5"}, {"accuracy": (0.5, None)}, id="text of a known name"),
        pytest.param({"accuracy": "91 %"}, {"accuracy": (91.0, "%")}, id="percentage as text"),
        pytest.param({"latency": "3 ms"}, {"latency": (3.0, "ms")}, id="text with the unit needed"),
        pytest.param({"latency": "3"}, {"latency": (3.0, None)}, id="text without it"),
        pytest.param({"warmup_ms": "3"}, {"warmup_ms": (3.0, None)}, id="text, unit in the name"),
        pytest.param(
            {"per_class": {"cat": {"f1": 0.5}, "dog": {"f1": 1}}},
            {"per_class.cat.f1": (0.5, None), "per_class.dog.f1": (1.0, None)},
            id="nested numbers get dotted names",
        ),
        pytest.param(
            {"latency": {"mean": 3, "p99": 9, "unit": "ms"}},
            {"latency": (3.0, "ms"), "latency.p99": (9.0, "ms")},
            id="a unit is that of all numbers in its object",
        ),
        pytest.param(
            {"latency": {"p50": 3, "p99": 9, "unit": "us"}},
            {"latency.p50": (3.0, "us"), "latency.p99": (9.0, "us")},
            id="also without a mean",
        ),
        pytest.param(
            {"size": {"value": 4, "unit": "MB", "label": "big"}}, {"size": (4.0, "MB")}, id="value"
        ),
        pytest.param(
            {"a": {"b": 1}, "a.b": 2}, {"a.b": (1.0, None), "a.b#2": (2.0, None)}, id="#2"
        ),
        pytest.param({"memory": "DDR4"}, {}, id="text that is no number"),
        pytest.param({"speed": "fast", "name": "3 h"}, {}, id="text of unknown names"),
        pytest.param({"model_id": "7B"}, {}, id="billions"),
        pytest.param({"flag": True}, {}, id="true is no number"),
        pytest.param({"x": None}, {}, id="null is nothing"),
        pytest.param({"num_runs": 100, "lr": 0.1, "seed": 3}, {}, id="settings are no metrics"),
    ],
)
def test_which_values_are_metrics(
    values: dict[str, Any], expected: dict[str, tuple[float, str | None]]
) -> None:
    assert metrics(read_entry(values, "")) == expected


@pytest.mark.parametrize(
    ("value", "mean", "spread", "rest"),
    [
        pytest.param(
            {"mean": 3, "std": 0.5, "min": 2, "max": 4, "n": 10},
            3.0,
            Spread(std=0.5, min=2.0, max=4.0, n=10),
            {},
            id="mean, std, min, max, n",
        ),
        pytest.param(
            {"Mean": 3, "StdDev": 0.5, "Count": 10.0},
            3.0,
            Spread(std=0.5, n=10),
            {},
            id="in other words",
        ),
        pytest.param({"avg": 3, "stdev": 1}, 3.0, Spread(std=1.0), {}, id="avg, stdev"),
        pytest.param({"value": 3, "mean": 2}, 2.0, Spread(), {"x.value": 3.0}, id="mean first"),
        pytest.param({"mean": 3, "p99": 9}, 3.0, Spread(), {"x.p99": 9.0}, id="others stay"),
        pytest.param(
            {"mean": 3, "n": 2.5, "std": math.inf},
            3.0,
            Spread(),
            {"x.n": 2.5, "x.std": math.inf},
            id="no count, no deviation",
        ),
        pytest.param({"mean": 3, "n": 10**30}, 3.0, Spread(), {"x.n": 1e30}, id="a count too big"),
        pytest.param({"mean": 3, "n": -1}, 3.0, Spread(), {"x.n": -1.0}, id="a count below zero"),
        pytest.param({"mean": 3, "std": True}, 3.0, Spread(), {}, id="true"),
    ],
)
def test_a_mean_with_its_spread_is_one_metric(
    value: dict[str, Any], mean: float, spread: Spread, rest: dict[str, float]
) -> None:
    series = dict(read_entry({"x": value}, "").series)
    only = series.pop("x")

    assert only.values.tolist() == [mean]
    assert only.spread == spread
    assert {name: item.values[0] for name, item in series.items()} == rest


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param({"x": [1, 2.5]}, {"x": [1.0, 2.5]}, id="numbers"),
        pytest.param({"x": [1, None, 10**400]}, {"x": [1.0, None, math.inf]}, id="missing, huge"),
        pytest.param({"x": {"mean": 2, "values": [1, 3]}}, {"x": [1.0, 3.0]}, id="behind a mean"),
        pytest.param({"x": {"values": [1, 3]}}, {"x.values": [1.0, 3.0]}, id="without a mean"),
        pytest.param({"x": []}, {}, id="empty"),
        pytest.param({"x": [True, False]}, {}, id="true and false"),
        pytest.param({"x": [[1, 2], [3, 4]]}, {}, id="a matrix"),
        pytest.param({"x": ["a", "b"]}, {}, id="text"),
    ],
)
def test_which_lists_are_samples(values: dict[str, Any], expected: dict[str, Any]) -> None:
    found = {
        item.name: [None if math.isnan(number) else number for number in item.values.tolist()]
        for item in read_entry(values, "").samples
    }

    assert found == expected


def test_what_is_neither_number_nor_text_is_an_artifact() -> None:
    entry = read_entry({"confusion": [[5, 1], [2, 4]], "rows": [{"a": 1}], "mixed": [1, "a"]}, "")

    assert {item.name: item.content for item in entry.artifacts} == {
        "confusion": [[5, 1], [2, 4]],
        "rows": [{"a": 1}],
        "mixed": [1, "a"],
    }


def test_text_and_switches_are_parameters() -> None:
    entry = read_entry(
        {"engine": "trt", "fused": True, "layers": ["a", "b"], "num_runs": 2**70, "x": {"y": "z"}},
        "",
    )

    assert entry.params == {
        "engine": "trt",
        "fused": True,
        "layers": "a, b",
        "num_runs": "1180591620717411303424",
        "x.y": "z",
    }


def test_a_block_says_by_its_name_what_is_in_it() -> None:
    entry = read_entry(
        {
            "metrics": {"accuracy": 0.5, "latency": {"mean": 3, "unit": "ms"}},
            "config": {"depth": 2, "seed": 7, "device": "gpu"},
            "hardware": {"cores": 8, "os": "linux"},
            "calibration": {"samples": 128, "batch_size": 32},
            "device": "cpu",
            "other": {"depth": 2},
        },
        "",
    )

    assert metrics(entry) == {
        "accuracy": (0.5, None),
        "latency": (3.0, "ms"),
        "other.depth": (2.0, None),
    }
    assert entry.fields == {"seed": 7, "device": "cpu", "os": "linux"}
    assert entry.params == {
        "depth": 2,
        "hardware.cores": 8,
        "calibration.samples": 128,
        "calibration.batch_size": 32,
    }


def test_in_a_block_of_settings_nothing_is_a_metric() -> None:
    block = {"lr": 0.1, "sizes": [1, 2], "latency_ms": "3", "inner": {"depth": 2}, "seed": "7"}
    entry = read_entry(block, "/config", numbers_are_params=True)

    assert not entry.has_numbers
    assert entry.fields == {"seed": 7}
    assert entry.params == {"lr": 0.1, "sizes": "1, 2", "latency_ms": "3", "inner.depth": 2}


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({"evaluated_on": "gpu"}, {"device": "gpu"}),
        ({"Device": "cuda:0"}, {"device": "cuda:0"}),
        ({"batch_size": "32"}, {"batch_size": 32}),
        ({"seed": 7.0}, {"seed": 7}),
        ({"status": "OK"}, {"status": Status.FINISHED}),
        ({"status": "interrupted"}, {"status": Status.KILLED}),
        ({"timestamp": 1769850000}, {"started_at": datetime(2026, 1, 31, 9, tzinfo=UTC)}),
        ({"framework": "PyTorch", "git_sha": "abc"}, {"runtime": "PyTorch", "git_commit": "abc"}),
        ({"dataset": "  "}, {}),
        ({"dataset": ["a"]}, {}),
        ({"x": {"device": "cpu"}}, {}),
    ],
)
def test_keys_that_state_a_field(values: dict[str, Any], fields: dict[str, Any]) -> None:
    assert read_entry(values, "").fields == fields


@pytest.mark.parametrize(
    ("values", "params", "said"),
    [
        ({"seed": "lucky"}, {"seed": "lucky"}, "/seed: 'lucky' is no seed: kept as a parameter"),
        ({"seed": 2**64}, {"seed": str(2**64)}, None),
        ({"device": 0}, {"device": 0}, "/device: 0 is no device: kept as a parameter"),
        ({"split": 0.2}, {"split": 0.2}, "/split: 0.2 is no split: kept as a parameter"),
        ({"date": "31.1.26"}, {"date": "31.1.26"}, None),
        ({"status": "meh"}, {"status": "meh"}, None),
    ],
)
def test_a_field_that_cannot_be_one_is_a_parameter(
    values: dict[str, Any], params: dict[str, Any], said: str | None
) -> None:
    entry = read_entry(values, "")

    assert (entry.params, entry.fields, entry.series) == (params, {}, {})
    assert len(entry.notices) == 1
    assert said in (None, texts(entry)[0])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"accuracy": "0.91"}, "/accuracy: number written as text: '0.91'"),
        ({"accuracy": "n/a"}, "/accuracy: 'n/a' is not a number: left out"),
        ({"loss": "focal"}, "/loss: 'focal' is not a number: kept as a parameter"),
        ({"loss": math.nan}, "/loss: NaN: stored as a missing value"),
        ({"loss": math.inf}, "/loss: infinite, or beyond a 64-bit float"),
        ({"a": {"b": 1}, "a.b": 2}, "/a.b: second value named 'a.b': kept as '#2'"),
        ({"a/b": {"c~": math.nan}}, "/a~1b/c~0: NaN: stored as a missing value"),
    ],
)
def test_doubtful_values_are_said(values: dict[str, Any], said: str) -> None:
    assert texts(read_entry(values, "")) == [said]


def test_a_wide_object_takes_linear_time() -> None:
    entry = read_entry({f"metric_{number}": 1.0 for number in range(20_000)}, "")

    assert len(entry.series) == 20_000


def test_pointers_are_escaped() -> None:
    assert pointer("/a", "b/c~d") == "/a/b~1c~0d"


def test_settings_are_flattened() -> None:
    block = {"samples": 128, "observer": {"kind": "minmax", "axes": [0, 1]}, "on": True, "x": None}

    assert dict(flatten(block, "calibration.")) == {
        "calibration.samples": 128,
        "calibration.observer.kind": "minmax",
        "calibration.observer.axes": "0, 1",
        "calibration.on": True,
        "calibration.x": None,
    }


@pytest.mark.parametrize(
    ("block", "prefix"), [("config", ""), ("Settings", ""), ("hardware", "hardware.")]
)
def test_a_block_prefixes_its_settings_unless_its_name_says_nothing(
    block: str, prefix: str
) -> None:
    assert block_prefix(block) == prefix


# --- models and fields -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "hint"),
    [
        ({"model": "lenet"}, ModelHint(name="lenet")),
        ({"Model_Name": "lenet", "library": "timm"}, ModelHint(name="lenet", library="timm")),
        ({"input_shape": [3, 224, 224]}, ModelHint(input_shape="[3, 224, 224]")),
        ({"input_size": 224}, ModelHint(input_shape="224")),
        (
            {"input_shape": {"ids": [1, 128], "mask": [1, 128]}},
            ModelHint(input_shape="ids:[1, 128];mask:[1, 128]"),
        ),
        ({"category": None, "description": ""}, ModelHint()),
    ],
)
def test_what_an_object_says_about_a_model(values: dict[str, Any], hint: ModelHint) -> None:
    assert model_hint(values) == (hint, {})


def test_the_rest_is_handed_back() -> None:
    values = {"name": "x", "model": {"deep": 1}, "lr": 0.1}

    assert model_hint(values) == (ModelHint(), values)


def test_in_a_block_about_the_model_its_name_may_be_plain() -> None:
    assert model_block({"name": "lenet", "library": "x"}) == (
        ModelHint(name="lenet", library="x"),
        {},
    )
    assert model_block({"name": "LeNet, the first"}, "lenet") == (
        ModelHint(name="lenet"),
        {"name": "LeNet, the first"},
    )


def test_blanks_of_a_hint_are_filled() -> None:
    first = ModelHint(name="lenet", library="a")
    second = ModelHint(name="other", library="b", category="vision")

    assert filled(first, second) == ModelHint(name="lenet", library="a", category="vision")


def test_fields_fill_what_a_record_leaves_open() -> None:
    record = RunRecord(
        format="x",
        place="",
        kind=Kind.BENCHMARK,
        identity=Identity.SNAPSHOT,
        environment=Environment(device="cpu"),
        dataset="cifar",
        status=Status.FAILED,
    )
    fields = {
        "device": "gpu",
        "os": "linux",
        "dataset": "mnist",
        "seed": 3,
        "status": Status.FINISHED,
    }

    found = with_fields(record, fields)

    assert found.environment == Environment(device="cpu", os="linux")
    assert (found.dataset, found.seed, found.status) == ("cifar", 3, Status.FAILED)
