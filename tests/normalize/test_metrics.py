"""The catalogue, and what names in files mean by it."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cetrack.domain import Direction
from cetrack.metrics import PHASES, aliases, canonical_name, catalogue, is_known, resolve
from cetrack.units import find_unit, split_suffix

quick = settings(database=None, deadline=None)


@pytest.mark.parametrize(
    ("name", "canonical", "unit", "scale"),
    [
        # what a Compression Engine writes
        ("accuracy", "accuracy", "fraction", 1),
        ("f1_score", "f1_score", "fraction", 1),
        ("sensitivity", "sensitivity", "fraction", 1),
        ("specificity", "specificity", "fraction", 1),
        ("loss", "loss", None, 1),
        ("latency_mean_ms", "latency_mean_ms", "ms", 1),
        ("latency_std_ms", "latency_std_ms", "ms", 1),
        ("model_size_mb", "model_size_mb", "MB", 1),
        ("memory_usage_mb", "memory_usage_mb", "MB", 1),
        ("gpu_memory_usage_mb", "gpu_memory_usage_mb", "MB", 1),
        ("energy_consumption_mw", "power_mw", "mW", 1),
        # other spellings
        ("acc", "accuracy", "fraction", 1),
        ("Top-1 Accuracy (%)", "accuracy", "fraction", Fraction(1, 100)),
        ("accuracy_pct", "accuracy", "fraction", Fraction(1, 100)),
        ("precision", "precision_score", "fraction", 1),
        ("F1", "f1_score", "fraction", 1),
        ("Latency Avg (s)", "latency_mean_ms", "ms", 1000),
        ("latency[us]", "latency_ms", "ms", Fraction(1, 1000)),
        ("mean_latency_us", "latency_mean_ms", "ms", Fraction(1, 1000)),
        ("inference_ns", "latency_ms", "ms", Fraction(1, 10**6)),
        ("latency_ms.p99", "latency_p99_ms", "ms", 1),
        ("latency.mean_ms", "latency_mean_ms", "ms", 1),
        ("latency_min_ms", "latency_min_ms", "ms", 1),
        ("size_kb", "model_size_mb", "MB", Fraction(1, 1000)),
        ("peak_memory(MiB)", "memory_usage_mb", "MB", Fraction(2**20, 10**6)),
        ("power_W", "power_mw", "mW", 1000),
        ("energy_consumption_mj", "energy_mj", "mJ", 1),
        ("energy_per_inference_j", "energy_per_inference_uj", "uJ", 10**6),
        ("fps", "throughput_ips", "1/s", 1),
        ("samples_per_second", "throughput_ips", "1/s", 1),
        ("compression_ratio", "size_ratio", None, 1),
        ("latency_ratio", "speedup", None, 1),
        ("size_reduction_percent", "size_reduction_pct", "%", 1),
        ("params", "num_parameters", None, 1),
        ("lr", "learning_rate", None, 1),
        # phases
        ("train_loss", "train/loss", None, 1),
        ("val/acc", "val/accuracy", "fraction", 1),
        ("Validation Loss", "val/loss", None, 1),
        ("eval.f1", "eval/f1_score", "fraction", 1),
        ("test_accuracy_pct", "test/accuracy", "fraction", Fraction(1, 100)),
        ("training/foo", "train/foo", None, 1),
        # names of their own
        ("train_runtime", "train_runtime", None, 1),
        ("per_class.cat.f1", "per_class.cat.f1", None, 1),
        ("first_token_ms", "first_token_ms", "ms", 1),
        ("Total (s)", "Total (s)", "s", 1),
        ("Total(s)", "Total(s)", None, 1),
        ("latency (min)", "latency (min)", None, 1),
        ("accuracy_min", "accuracy_min", None, 1),
        ("accuracy_ratio", "accuracy_ratio", None, 1),
        ("metrics/mAP50-95(B)", "metrics/mAP50-95(B)", None, 1),
        ("metrics/precision(B)", "metrics/precision(B)", None, 1),
        ("mAP_s", "mAP_s", None, 1),
        ("loss_b", "loss_b", None, 1),
        ("", "", None, 1),
        ("_ms", "_ms", None, 1),
    ],
)
def test_what_names_mean(name: str, canonical: str, unit: str | None, scale: Fraction) -> None:
    found = resolve(name)

    assert (found.metric.name, found.metric.unit, found.scale) == (canonical, unit, scale)
    assert found.doubt is None


@pytest.mark.parametrize(
    ("name", "unit", "canonical", "kept_in", "scale"),
    [
        ("latency", "us", "latency_ms", "ms", Fraction(1, 1000)),
        ("latency_mean_ms", "ms", "latency_mean_ms", "ms", 1),
        ("accuracy", "%", "accuracy", "fraction", Fraction(1, 100)),
        ("accuracy", "-", "accuracy", "fraction", 1),
        ("val_accuracy", "percent", "val/accuracy", "fraction", Fraction(1, 100)),
        ("own", "widgets", "own", "widgets", 1),
        # one unit per dimension, so that two files do not mix theirs under one name
        ("own", "sec", "own", "ms", 1000),
        ("own", "GB", "own", "MB", 1000),
        ("own", "%", "own", "%", 1),
        ("own_time_s", "s", "own_time_s", "s", 1),
        ("train/own", "s", "train/own", "ms", 1000),
        ("size", "GB", "model_size_mb", "MB", 1000),
        # a known name in the unit of something else is not that metric
        ("accuracy", "ms", "accuracy [ms]", "ms", 1),
        ("accuracy", "s", "accuracy [s]", "s", 1),
        ("latency_mean_ms", "ticks", "latency_mean_ms [ticks]", "ticks", 1),
        ("val_accuracy", "ms", "val/accuracy [ms]", "ms", 1),
        ("loss", "nats", "loss [nats]", "nats", 1),
    ],
)
def test_the_unit_beside_a_value_counts(
    name: str, unit: str, canonical: str, kept_in: str, scale: Fraction
) -> None:
    found = resolve(name, unit)

    assert (found.metric.name, found.metric.unit, found.scale) == (canonical, kept_in, scale)
    assert found.doubt is None


@pytest.mark.parametrize(
    ("name", "unit", "kept", "doubt"),
    [
        (
            "latency",
            None,
            "latency",
            "has no unit: kept under its own name, not taken as latency_ms",
        ),
        ("train_latency", None, "train_latency", "not taken as latency_ms"),
        ("latency_min", None, "latency_min", "not taken as latency_min_ms"),
        ("model_size", None, "model_size", "not taken as model_size_mb"),
        ("energy_consumption", None, "energy_consumption", "not taken as power_mw"),
        ("size_reduction", None, "size_reduction", "not taken as size_reduction_pct"),
        ("throughput", "-", "throughput", "not taken as throughput_ips"),
        ("latency_ms", "s", "latency_ms", "ends in ms, its unit is s: taken as s"),
        ("latency_us", "s", "latency_ms", "ends in us, its unit is s: taken as s"),
        ("own_ms", "s", "own_ms", "ends in ms, its unit is s: taken as s"),
    ],
)
def test_what_cannot_be_decided_is_a_doubt(
    name: str, unit: str | None, kept: str, doubt: str
) -> None:
    found = resolve(name, unit)

    assert found.metric.name == kept
    assert found.doubt is not None
    assert doubt in found.doubt
    assert found.metric.name in catalogue() or found.metric.unit in (None, "ms")


@pytest.mark.parametrize(
    ("name", "unit", "known"),
    [
        ("accuracy", None, True), ("val_acc", None, True), ("latency", None, True),
        ("latency", "ms", True), ("latency_us", None, True), ("Accuracy (%)", None, True),
        ("engine", None, False), ("warmup_ms", None, False), ("accuracy", "ms", False),
        ("train_runtime", None, False),
    ],
)  # fmt: skip
def test_which_names_are_known(name: str, unit: str | None, known: bool) -> None:
    assert is_known(name, unit) is known


# --- the catalogue ---------------------------------------------------------------------------


def stems() -> list[tuple[str, str, str]]:
    """(name without unit, dimension, canonical name) of everything in the catalogue."""
    found = []
    for name, metric in catalogue().items():
        unit = find_unit(metric.unit) if metric.unit else None
        dimension = unit.dimension if unit else "number"
        suffixed = split_suffix(name)
        bare = {suffixed[0]} if suffixed and suffixed[1] == unit else set()
        found += [(stem, dimension, name) for stem in {name, *aliases(name), *bare}]
    return found


def test_a_canonical_name_means_itself() -> None:
    for name, metric in catalogue().items():
        found = resolve(name)
        assert (found.metric, found.scale, found.source_unit) == (metric, 1, metric.unit)


def test_no_name_means_two_metrics_of_one_dimension() -> None:
    found = [(stem, dimension) for stem, dimension, _ in stems()]

    assert sorted(set(found)) == sorted(found)


def test_no_alias_is_the_name_of_another_metric() -> None:
    names = set(catalogue())

    assert [alias for name in names for alias in aliases(name) if alias in names] == []


def test_aliases_are_written_as_they_are_looked_up() -> None:
    for name in catalogue():
        for alias in aliases(name):
            assert alias == alias.lower()
            assert not set(alias) & set(" -.()/")
            assert split_suffix(alias) is None, f"{alias} ends in a unit"


@pytest.mark.parametrize(
    ("stem", "canonical"),
    sorted((stem, canonical) for stem, dimension, canonical in stems() if dimension != "number"),
)
def test_every_alias_with_a_unit_is_found(stem: str, canonical: str) -> None:
    metric = catalogue()[canonical]
    assert metric.unit is not None

    assert resolve(f"{stem} ({metric.unit})").metric == metric
    assert resolve(stem, metric.unit).metric == metric


def test_a_name_says_its_unit() -> None:
    for name, metric in catalogue().items():
        if metric.unit not in (None, "fraction"):
            suffixed = split_suffix(name)
            assert suffixed is not None
            assert suffixed[1] == find_unit(metric.unit)


def test_entries_are_whole() -> None:
    for metric in catalogue().values():
        assert metric.direction in (None, Direction.LOWER, Direction.HIGHER)
        assert metric.family
        assert metric.description
        assert not metric.description.endswith(".")
        assert "|" not in metric.description


names = st.one_of(
    st.text(max_size=30),
    st.builds(
        "{}{}{}{}".format,
        st.sampled_from(["", "train_", "val/", "eval ", "x_", "test."]),
        st.sampled_from([*catalogue(), "latency", "size", "acc", "foo", "per.class"]),
        st.sampled_from(
            ["", "_ms", " (s)", "_pct", "_min", ".p99", "_W", "[MiB]", "(B)", "_ratio"]
        ),
        st.sampled_from(["", "#2", ".mean", "_s"]),
    ),
)
units = st.one_of(
    st.none(), st.sampled_from(["ms", "s", "MB", "%", "W", "pt", "-", " "]), st.text()
)


@quick
@given(names, units)
def test_a_resolved_name_means_itself(name: str, unit: str | None) -> None:
    found = resolve(name, unit)

    assert canonical_name(found.metric.name) == found.metric.name or unit is not None
    again = resolve(found.metric.name, found.metric.unit)
    assert (again.metric.name, again.metric.unit) == (found.metric.name, found.metric.unit)
    assert again.scale == 1


def test_phases_are_their_own_canonical_names() -> None:
    for phase in PHASES.values():
        assert PHASES[phase] == phase


def test_a_name_of_any_length_takes_no_time() -> None:
    for name in ("x" * 10**6, " " * 10**6, "(" * 10**6, "a_" * 10**6, "latency" + " " * 10**6):
        assert resolve(name).metric.name == name
