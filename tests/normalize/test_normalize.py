"""From the words of a source to cetrack's own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cetrack.cleaning import clean_json, clean_key, clean_name, clean_text
from cetrack.domain import (
    Artifact,
    Direction,
    Environment,
    Identity,
    Kind,
    MetricDef,
    ModelHint,
    NormalRun,
    RunRecord,
    Sample,
    Series,
    Spread,
)
from cetrack.normalize import normalize

quick = settings(database=None, deadline=None)
PLACE = "/m/int8"


def record(**changes: Any) -> RunRecord:
    stated: dict[str, Any] = {
        "format": "x",
        "place": PLACE,
        "kind": Kind.BENCHMARK,
        "identity": Identity.SNAPSHOT,
        "precision": "int8",
        **changes,
    }
    return RunRecord(**stated)


def measured(values: Mapping[str, float], **changes: Any) -> NormalRun:
    series = tuple(Series.scalar(name, value) for name, value in values.items())
    return normalize(record(series=series, **changes))


def values(run: NormalRun) -> dict[str, float]:
    return {item.metric.name: item.values.tolist()[0] for item in run.series}


def texts(run: NormalRun) -> list[str]:
    return [notice.text for notice in run.notices]


# --- metrics ---------------------------------------------------------------------------------


def test_names_and_units_are_canonical_and_their_source_is_kept() -> None:
    (series,) = measured({"Latency Avg (us)": 1750.0}).series

    assert (series.metric.name, series.metric.unit) == ("latency_mean_ms", "ms")
    assert series.metric.direction is Direction.LOWER
    assert series.values.tolist() == [1.75]
    assert (series.source_name, series.source_unit, series.scale) == (
        "Latency Avg (us)",
        "us",
        0.001,
    )


def test_a_spread_is_converted_and_its_count_is_not() -> None:
    spread = Spread(std=500.0, min=1000.0, max=3000.0, n=10)
    series = Series.scalar("latency_us", 2000.0, spread=spread)

    (found,) = normalize(record(series=(series,))).series

    assert found.spread == Spread(std=0.5, min=1.0, max=3.0, n=10)


def test_samples_are_converted() -> None:
    samples = (Sample(name="latency_samples_us", values=np.array([1000.0, math.nan])),)

    (found,) = normalize(record(samples=samples)).samples

    assert found.metric.name == "latency_ms"
    assert found.values[0] == 1.0
    assert math.isnan(found.values[1])


def test_two_samples_of_one_metric_are_both_kept() -> None:
    samples = tuple(
        Sample(name=name, values=np.array([1.0]))
        for name in ("latency_ms", "latencies_ms", "x", "x")
    )

    found = normalize(record(samples=samples)).samples

    assert [item.metric.name for item in found] == ["latency_ms", "latencies_ms", "x", "x#2"]


@pytest.mark.parametrize(
    ("stated", "kept", "said"),
    [
        pytest.param({"acc": 0.5, "top1": 0.5}, {"accuracy": 0.5}, [], id="equal"),
        pytest.param(
            {"acc": 0.4, "accuracy": 0.5},
            {"acc": 0.4, "accuracy": 0.5},
            ["'acc' is another 'accuracy': kept under its own name"],
            id="the canonical name wins, whatever the order",
        ),
        pytest.param(
            {"acc": 0.4, "top1": 0.5},
            {"accuracy": 0.4, "top1": 0.5},
            ["'top1' is another 'accuracy': kept under its own name"],
            id="of two aliases the first wins",
        ),
        pytest.param(
            {"latency_us": 3000.0, "latency_ms": 3.0}, {"latency_ms": 3.0}, [], id="equal by unit"
        ),
        pytest.param(
            {"acc": math.nan, "accuracy": math.nan}, {"accuracy": math.nan}, [], id="both NaN"
        ),
    ],
)
def test_two_names_of_one_metric(
    stated: dict[str, float], kept: dict[str, float], said: list[str]
) -> None:
    run = measured(stated)

    assert repr(values(run)) == repr(kept)
    assert texts(run) == said


def test_series_keep_the_order_of_the_file() -> None:
    stated = {"zeta": 1.0, "acc": 2.0, "loss": 3.0, "alpha": 4.0}

    assert list(values(measured(stated))) == ["zeta", "accuracy", "loss", "alpha"]


def test_many_names_that_clean_to_one_are_all_kept() -> None:
    run = measured({f"a{chr(number)}": float(number) for number in range(1, 9)})

    assert list(values(run)) == ["a\ufffd", *(f"a\ufffd#{number}" for number in range(2, 9))]


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({"latency_ms": -3.5}, "negative latency -3.5: kept as read"),
        ({"model_size_mb": -1.0}, "negative size -1: kept as read"),
        ({"accuracy": 91.2}, "accuracy 91.2 looks like a percentage: kept as read"),
        ({"accuracy_pct": 9120.0}, "accuracy 9120 looks like a percentage: kept as read"),
        (
            {"latency": 3.0},
            "'latency' has no unit: kept under its own name, not taken as latency_ms",
        ),
    ],
)
def test_what_is_doubtful_is_said(stated: dict[str, float], said: str) -> None:
    assert texts(measured(stated)) == [said]


@pytest.mark.parametrize(
    "stated",
    [
        {"accuracy": 1.0},
        {"accuracy_pct": 100.0},
        {"loss": -9.0},
        {"accuracy": math.nan},
        {"accuracy": math.inf},
        {"perplexity": 1e24},
        {"energy_consumption_mw": 1500.0},
    ],
)
def test_what_is_not_doubtful_is_not_said(stated: dict[str, float]) -> None:
    assert texts(measured(stated)) == []


def test_a_definition_counts_where_the_catalogue_has_none() -> None:
    defs = {
        "own": MetricDef(
            name="own", unit="pt", direction=Direction.HIGHER, family="f\0", description="d\0"
        ),
        "accuracy": MetricDef(name="accuracy", direction=Direction.LOWER, description="wrong"),
    }

    own, accuracy = measured({"own": 1.0, "accuracy": 0.5}, metric_defs=defs).series

    assert own.metric == MetricDef(
        name="own", unit=None, direction=Direction.HIGHER, family="f\ufffd", description="d\ufffd"
    )
    assert accuracy.metric.direction is Direction.HIGHER
    assert accuracy.metric.description == "share of samples classified right"


def test_what_was_normalised_before_is_taken_as_it_is() -> None:
    run = measured(
        {"latency_ms": 3.0, "old_name": 4.0},
        metric_defs={
            "latency_ms": MetricDef(name="latency_ms", unit="ms", direction=Direction.LOWER),
            "old_name": MetricDef(name="old_name", unit="px", family="mine"),
        },
        origins={"latency_ms": ("lat\0_us", "us\0", 0.001), "old_name": ("o", None, 1.0)},
    )

    latency, old = run.series
    assert (latency.values.tolist(), latency.source_name, latency.source_unit, latency.scale) == (
        [3.0],
        "lat\ufffd_us",
        "us\ufffd",
        0.001,
    )
    assert latency.metric.description.startswith("time of one inference")
    assert (old.metric.unit, old.metric.family, old.metric.description) == ("px", "mine", "")


# --- precision, model, method ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("precision", "name", "runtime", "method", "variant"),
    [
        ("INT8", "int8", "", "", ""),
        ("onnx_int8", "int8", "onnxruntime", "", ""),
        ("trt fp16", "fp16", "tensorrt", "", ""),
        ("qat-int8", "int8", "", "qat", ""),
        ("M2 — PTQ INT8", "int8", "", "ptq", "M2 — PTQ INT8"),
        ("zz9", "zz9", "", "", ""),
    ],
)
def test_what_stands_beside_a_precision_fills_fields(
    precision: str, name: str, runtime: str, method: str, variant: str
) -> None:
    run = normalize(record(precision=precision))

    assert run.precision.name == name
    assert run.record.environment.runtime == runtime
    assert (run.record.method, run.record.variant) == (method, variant)


def test_what_is_stated_wins_over_what_stands_beside_a_precision() -> None:
    stated = record(
        precision="M2 onnx int8 qat",
        method="PTQ",
        variant="v",
        environment=Environment(runtime="tvm"),
    )

    run = normalize(stated)

    assert run.record.environment.runtime == "tvm"
    assert (run.record.method, run.record.variant) == ("ptq", "v")


def test_an_unknown_precision_is_kept_and_said() -> None:
    run = normalize(record(precision="Mystery 9"))

    assert run.precision.name == "mystery_9"
    assert texts(run) == ["unknown precision 'Mystery 9': kept as such"]


@pytest.mark.parametrize(
    ("shape", "batch", "canonical", "known_batch", "said"),
    [
        ("[1, 3, 8, 8]", None, "3x8x8", 1, []),
        ("[1, 3, 8, 8]", 4, "3x8x8", 4, []),
        ("3x8x8", None, "3x8x8", None, []),
        ("", 4, "", 4, []),
        ("tall", None, "tall", None, ["'tall' is no shape: kept as text"]),
    ],
)
def test_shapes_and_their_batch(
    shape: str, batch: int | None, canonical: str, known_batch: int | None, said: list[str]
) -> None:
    run = normalize(record(model=ModelHint(name="m", input_shape=shape), batch_size=batch))

    assert (run.model.input_shape, run.record.batch_size) == (canonical, known_batch)
    assert texts(run) == said


def test_a_model_name_that_was_cut_stays_readable() -> None:
    run = normalize(record(model=ModelHint(name="x" * 5000)))

    assert len(run.model.name) == 199
    assert run.model.name.startswith("x" * 180)
    assert run.params == {"model_name": "x" * 5000}
    assert texts(run) == ["model name cut or cleaned: see parameter model_name"]


# --- text ------------------------------------------------------------------------------------


def test_every_text_of_a_run_can_be_stored() -> None:
    bad = "a\0\ud800\x1b"
    stated = record(
        model=ModelHint(name=bad, library=bad, category=bad, description=bad),
        precision="int8",
        environment=Environment(device=bad, details={bad: [bad, {"x": math.inf}]}),
        method=bad,
        name=bad,
        variant=bad,
        dataset=bad,
        split=bad,
        task=bad,
        git_commit=bad,
        status_reason=bad,
        params={bad: bad},
        tags={bad: bad},
        artifacts=(Artifact(name=bad, kind=bad, uri=bad, sha256=bad, content={bad: bad}),),
        series=(Series.scalar(bad, 1.0, unit=bad),),
        samples=(Sample(name=bad, values=np.array([1.0]), unit=bad),),
    )

    run = normalize(stated)

    cleaned = repr(
        (run.model, run.params, run.tags, run.series[0].metric, run.samples[0].metric,
         run.series[0].source_name, run.series[0].source_unit, run.record.environment,
         run.record.artifacts, run.record.method, run.record.name, run.record.variant,
         run.record.dataset, run.record.split, run.record.task, run.record.git_commit,
         run.record.status_reason)
    )  # fmt: skip
    for unstorable in ("\\x00", "\\ud800", "\\x1b"):
        assert unstorable not in cleaned
    assert "'Infinity'" in cleaned


def test_blank_names_get_one() -> None:
    run = measured({"": 1.0}, params={" ": "x"}, tags={"": "y"})

    assert list(values(run)) == ["unnamed"]
    assert (run.params, run.tags) == ({"unnamed": "x"}, {"unnamed": "y"})


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("plain", "plain"),
        (" blanks\n", "blanks"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("nul\0", "nul\ufffd"),
        ("bell\x07", "bell\ufffd"),
        ("half\ud83d", "half\ufffd"),
        ("🚀 é", "🚀 é"),
        ("'; drop table run; --", "'; drop table run; --"),
        ("../../etc/x", "../../etc/x"),
    ],
)
def test_names_are_cleaned(text: str, cleaned: str) -> None:
    assert clean_name(text) == cleaned


def test_two_long_names_stay_two() -> None:
    first, second = clean_name("x" * 300 + "a"), clean_name("x" * 300 + "b")

    assert first != second
    assert max(len(first), len(second)) <= 200


def test_json_is_cleaned() -> None:
    stated = {"a\0": [math.nan, math.inf, -math.inf, 1, 1.5, True, None, ("t",)], "b": {"c": "\0"}}

    assert clean_json(stated) == {
        "a\ufffd": [None, "Infinity", "-Infinity", 1, 1.5, True, None, ["t"]],
        "b": {"c": "\ufffd"},
    }


@quick
@given(st.text())
def test_cleaning_is_done_once_and_for_all(text: str) -> None:
    for clean in (clean_text, clean_name, clean_key):
        cleaned = clean(text)
        assert clean(cleaned) == cleaned
        cleaned.encode()
        assert "\0" not in cleaned
    assert 0 < len(clean_key(text)) <= 200


@quick
@given(st.text(), st.text(), st.text())
def test_no_text_makes_normalize_raise(name: str, precision: str, shape: str) -> None:
    stated = record(
        model=ModelHint(name=name, input_shape=shape),
        precision=precision,
        series=(Series.scalar(name, 1.0, unit=shape),),
    )

    run = normalize(stated)

    assert len(run.series) == 1
    assert run.precision.name
