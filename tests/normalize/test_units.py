"""Units: what a name or a text means, and conversions that are rounded once."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cetrack.metrics import catalogue
from cetrack.units import Unit, convert, find_unit, scale_between, split_suffix

quick = settings(database=None, deadline=None)
SYMBOLS = (
    "ns", "us", "ms", "s", "min", "h", "bit", "B", "kB", "MB", "GB", "TB", "KiB", "MiB", "GiB",
    "uW", "mW", "W", "uJ", "mJ", "J", "mWh", "Wh", "kWh", "%", "fraction", "1/s",
)  # fmt: skip


def known(text: str) -> Unit:
    unit = find_unit(text)
    assert unit is not None
    return unit


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("ms", "ms"), ("MS", "ms"), (" Milliseconds ", "ms"), ("µs", "us"), ("μs", "us"),
        ("sec", "s"), ("S", "s"), ("ns", "ns"), ("minutes", "min"), ("h", "h"),
        ("B", "B"), ("bytes", "B"), ("kB", "kB"), ("KB", "kB"), ("mb", "MB"), ("GB", "GB"),
        ("MiB", "MiB"), ("mib", "MiB"), ("bits", "bit"),
        ("mW", "mW"), ("mw", "mW"), ("W", "W"), ("mJ", "mJ"), ("J", "J"), ("kWh", "kWh"),
        ("%", "%"), ("percent", "%"), ("pct", "%"), ("fraction", "fraction"),
        ("fps", "1/s"), ("FPS", "1/s"), ("qps", "1/s"), ("1/s", "1/s"),
        ("KiB", "KiB"), ("GiB", "GiB"), ("kilobytes", "kB"), ("mebibytes", "MiB"), ("TB", "TB"),
        ("µW", "uW"), ("μW", "uW"), ("µJ", "uJ"), ("μJ", "uJ"), ("uJ", "uJ"), ("Wh", "Wh"),
        ("mWh", "mWh"),
        ("ms/im", "ms"), ("samples/s", "1/s"), ("images/sec", "1/s"), ("img/s", "1/s"),
    ],
)  # fmt: skip
def test_spellings_of_units(text: str, symbol: str) -> None:
    assert known(text).symbol == symbol


@pytest.mark.parametrize(
    "text",
    ["MW", "MJ", "Mb", "Gb", "b", "", "x", "m", "G", "mAh", "°C", "tokens/s", "it/s", "steps/s"],
)
def test_what_is_no_unit_or_another_one(text: str) -> None:
    assert find_unit(text) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("latency_mean_ms", ("latency_mean", "ms")),
        ("latency_us", ("latency", "us")),
        ("Latency-ms", ("Latency", "ms")),
        ("latency mean ms", ("latency mean", "ms")),
        ("size_KB", ("size", "kB")),
        ("energy_mJ", ("energy", "mJ")),
        ("tokens_per_second", ("tokens", "1/s")),
        ("samples_per_s", ("samples", "1/s")),
        ("throughput_fps", ("throughput", "1/s")),
        ("accuracy_pct", ("accuracy", "%")),
        ("epoch_time_s", ("epoch_time", "s")),
        ("power_W", ("power", "W")),
        ("energy_j", ("energy", "J")),
        ("model_size_B", ("model_size", "B")),
        ("duration_h", ("duration", "h")),
        ("accuracy_%", ("accuracy", "%")),
        ("size_on_disk-bytes", ("size_on_disk", "B")),
        ("inference_time_milliseconds", ("inference_time", "ms")),
        # words and letters of a name
        ("latency_min", None),
        ("accuracy_ratio", None),
        ("compression_ratio", None),
        ("mAP_s", None),
        ("bits_per_byte", None),
        ("wiki.bits per byte", None),
        ("loss_b", None),
        ("variant_h", None),
        ("norm_w", None),
        ("group_j", None),
        ("power_MW", None),
        ("size_Mb", None),
        ("ms", None),
        ("_ms", None),
        ("latencyms", None),
        ("", None),
        ("___", None),
    ],
)
def test_the_unit_at_the_end_of_a_name(name: str, expected: tuple[str, str] | None) -> None:
    found = split_suffix(name)

    assert (None if found is None else (found[0], found[1].symbol)) == expected


def test_units_of_different_things_have_no_scale() -> None:
    with pytest.raises(ValueError, match="mW is a power, not a energy"):
        scale_between(known("mW"), known("mJ"))


@pytest.mark.parametrize(
    ("number", "source", "target", "expected"),
    [
        (1750.0, "us", "ms", 1.75),
        (0.1, "s", "ms", 100.0),
        (3.0, "min", "ms", 180_000.0),
        (1.0, "MiB", "MB", 1.048576),
        (1.5, "GB", "MB", 1500.0),
        (8_000_000.0, "bit", "MB", 1.0),
        (91.0, "%", "fraction", 0.91),
        (2.5, "W", "mW", 2500.0),
        (1.0, "kWh", "mJ", 3.6e9),
        (0.25, "J", "mJ", 250.0),
    ],
)
def test_conversions(number: float, source: str, target: str, expected: float) -> None:
    scale = scale_between(known(source), known(target))

    assert convert(np.array([number]), scale).tolist() == [expected]


def scales() -> list[Fraction]:
    """Every scale that a conversion between two known units can have."""
    units = [known(symbol) for symbol in SYMBOLS]
    pairs = [(a, b) for a in units for b in units if a.dimension == b.dimension]
    return sorted({scale_between(a, b) for a, b in pairs})


numbers = st.floats(allow_nan=False, allow_infinity=False)


@quick
@given(numbers, st.sampled_from(scales()))
def test_a_conversion_is_rounded_once(number: float, scale: Fraction) -> None:
    try:
        exact = float(Fraction(number) * scale)  # correctly rounded
    except OverflowError:
        exact = math.inf if number > 0 else -math.inf

    (converted,) = convert(np.array([number]), scale).tolist()

    assert converted == exact


@quick
@given(st.lists(numbers, max_size=20), st.sampled_from(scales()))
def test_an_array_is_converted_number_by_number(values: list[float], scale: Fraction) -> None:
    whole = convert(np.array(values, np.float64), scale)

    assert whole.tolist() == [convert(np.array([n]), scale).tolist()[0] for n in values]


@quick
@given(st.floats(-1e9, 1e9), st.sampled_from(scales()))
def test_there_and_back_is_the_same_number(number: float, scale: Fraction) -> None:
    there = convert(np.array([number]), scale)

    (back,) = convert(there, 1 / scale).tolist()

    assert back == pytest.approx(number, rel=1e-15, abs=1e-300)


@quick
@given(st.sampled_from(SYMBOLS), st.sampled_from(SYMBOLS), st.sampled_from(SYMBOLS))
def test_scales_compose(first: str, second: str, third: str) -> None:
    a, b, c = known(first), known(second), known(third)
    if a.dimension == b.dimension == c.dimension:
        assert scale_between(a, b) * scale_between(b, c) == scale_between(a, c)
        assert scale_between(a, b) * scale_between(b, a) == 1


@pytest.mark.parametrize("number", [math.inf, -math.inf])
def test_infinities_stay(number: float) -> None:
    for scale in scales():
        assert convert(np.array([number]), scale).tolist() == [number]


def test_nan_stays() -> None:
    for scale in scales():
        assert math.isnan(convert(np.array([math.nan]), scale)[0])


def test_a_number_beyond_a_float_becomes_infinite_without_a_warning() -> None:
    for scale in scales():
        if scale > 2:
            assert convert(np.array([1.7e308]), scale).tolist() == [math.inf]


def test_every_unit_of_the_catalogue_is_known() -> None:
    for metric in catalogue().values():
        assert metric.unit is None or find_unit(metric.unit) is not None


@quick
@given(st.text())
def test_no_text_raises(text: str) -> None:
    find_unit(text)
    split_suffix(text)
