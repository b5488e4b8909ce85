"""Names in a logdir."""

from __future__ import annotations

import hashlib
import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cetrack.tb.tags import Names, component, distinct, metric_tags, pair_tag, tag
from cetrack.tb.views import TagOrder

TRICKY = st.sampled_from(
    ["/", "\\", ".", "..", "-", "--", "_", " ", "~", "con", "A", "a", ":", "é"]
)
NAMES = st.one_of(
    st.text(max_size=30),
    st.lists(TRICKY, max_size=6).map("".join),
    st.text(min_size=80, max_size=300),
    st.text(max_size=8).map(component),  # names that look as if they had been cleaned
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("resnet50", "resnet50"),
        ("facebook/opt-125m", "facebook--opt-125m"),
        ("Модель 2", "Модель 2"),
        ("模型", "模型"),
        ("yolov8n.pt", "yolov8n.pt"),
        ("a--b", "a--b~"),
        ("../../etc/x", "_--_--etc--x~"),
        ("con", "_con~"),
        ("Con.txt", "_Con.txt~"),
        ("", "_~"),
        (".", "_~"),
        (".hidden", "_hidden~"),
        ("a:b", "a_b~"),
        ("a\nb", "a_b~"),
        ("\u202eevil", "_evil~"),
        ("ends with dot.", "ends with dot_~"),
        ("x" * 5000, "x" * 89 + "~"),
    ],
)
def test_a_name_as_a_path_component(name: str, expected: str) -> None:
    mark = hashlib.sha256(name.encode()).hexdigest()[:10]

    assert component(name) == (expected + mark if expected.endswith("~") else expected)


def test_long_names_are_cut_between_characters() -> None:
    found = component("模" * 60)

    assert len(found.encode()) <= 100
    assert found.startswith("模" * 29 + "~")


@given(NAMES)
def test_a_component_is_safe(name: str) -> None:
    found = component(name)

    assert 0 < len(found.encode("utf-8")) <= 100
    assert ".." not in found
    assert not found.startswith((".", " "))
    assert not found.endswith((".", " "))
    assert not set(found) & set('/\\<>:"|?*\0')
    assert all(unicodedata.category(char) not in ("Cc", "Cf", "Cs") for char in found)
    assert found.split(".")[0].casefold() not in {"con", "nul", "prn", "aux", "com1", "lpt9"}


@given(st.lists(NAMES, unique=True, max_size=12))
def test_no_two_names_share_a_component_even_where_case_is_ignored(names: list[str]) -> None:
    found = distinct(names)

    folded = {unicodedata.normalize("NFD", text.casefold()) for text in found.values()}
    assert len(folded) == len(names)


@given(st.lists(NAMES, unique=True, max_size=12))
def test_no_two_names_share_a_component_on_their_own(names: list[str]) -> None:
    assert len({component(name) for name in names}) == len(names)


@given(st.lists(NAMES, unique=True, max_size=12))
def test_no_two_names_share_a_tag(names: list[str]) -> None:
    found = {tag(name) for name in names}

    assert len(found) == len(names)
    assert all(len(text.encode("utf-8")) <= 250 for text in found)
    assert all(part for text in found for part in text.split("/"))


@given(st.dictionaries(NAMES, st.sampled_from(["", "quality", "a", "a/b", "other"]), max_size=10))
def test_no_two_metrics_share_a_tag(families: dict[str, str]) -> None:
    assert len(set(metric_tags(families).values())) == len(families)


@given(st.lists(st.tuples(NAMES, NAMES), unique=True, max_size=10), st.sampled_from(TagOrder))
def test_no_two_pairs_of_model_and_metric_share_a_tag(
    pairs: list[tuple[str, str]], order: TagOrder
) -> None:
    assert len({pair_tag(*pair, order=order) for pair in pairs}) == len(pairs)


def test_case_twins_are_both_marked_and_the_order_does_not_matter() -> None:
    found = distinct(["ResNet", "resnet", "vgg"])

    assert found == distinct(["vgg", "resnet", "ResNet"])
    assert found["vgg"] == "vgg"
    assert found["ResNet"].startswith("ResNet~")
    assert found["resnet"].startswith("resnet~")


def test_a_metric_is_grouped_by_family_unless_its_log_grouped_it() -> None:
    found = metric_tags(
        {"accuracy": "quality", "train/loss": "train", "foo": "", "quality/accuracy": "other"}
    )

    assert found["accuracy"] == "quality/accuracy"
    assert found["train/loss"] == "train/loss"
    assert found["foo"] == "other/foo"
    assert found["quality/accuracy"].startswith("quality/accuracy~")


def test_ordinary_characters_of_metric_names_stay() -> None:
    assert tag("metrics/mAP50-95(B)") == "metrics/mAP50-95(B)"
    assert tag("lat: p99 <5 ms>|x") == "lat: p99 <5 ms>|x"


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (TagOrder.BY_MODEL, "facebook--opt/val/accuracy_ratio"),
        (TagOrder.BY_METRIC, "val/accuracy_ratio/facebook--opt"),
    ],
)
def test_the_order_of_model_and_metric(order: TagOrder, expected: str) -> None:
    assert pair_tag("facebook/opt", "val/accuracy", order=order, suffix="_ratio") == expected


def test_a_run_directory() -> None:
    names = Names.of(experiments=["night/ly"], models=["resnet50"], precisions=["int8"])
    row = {
        "experiment": "night/ly",
        "model": "resnet50",
        "precision": "int8",
        "uid": "0123456789abcdef",
        "started_at": datetime(2026, 3, 1, 23, 59, 58, 900_000, tzinfo=UTC),
    }

    assert names.run_directory(row) == ("runs/night--ly/resnet50/int8/20260301-235958_0123456789")
    assert names.run_directory({**row, "uid": "version_0"}).endswith("_7afa50999e")


def test_no_stated_metric_is_among_the_derived() -> None:
    found = metric_tags({"density": "derived", "derived/loss": "", "derived": "", "loss": ""})

    assert found["density"] == "other/density"
    assert found["derived/loss"].startswith("other/derived/loss~")
    assert found["derived"] == "other/derived"
    assert not [text for text in found.values() if text.startswith("derived/")]
