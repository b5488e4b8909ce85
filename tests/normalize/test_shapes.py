"""Input shapes: many spellings, one text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cetrack.shapes import parse_shape, split_batch

quick = settings(database=None, deadline=None)


@pytest.mark.parametrize(
    ("value", "shape", "batch"),
    [
        ([3, 224, 224], "3x224x224", None),
        ((3, 224, 224), "3x224x224", None),
        ("3x224x224", "3x224x224", None),
        ("3X224X224", "3x224x224", None),
        ("3×224×224", "3x224x224", None),
        ("3 x 224 x 224", "3x224x224", None),
        ("[3, 224, 224]", "3x224x224", None),
        ("(3,224,224)", "3x224x224", None),
        ("3 224 224", "3x224x224", None),
        ("torch.Size([3, 224, 224])", "3x224x224", None),
        ([1, 3, 224, 224], "3x224x224", 1),
        ("1x3x224x224", "3x224x224", 1),
        ([8, 3, 224, 224], "8x3x224x224", None),
        ([None, 224, 224, 3], "224x224x3", None),
        ([-1, 3, 224, 224], "3x224x224", None),
        ("batch x 3 x 224 x 224", "3x224x224", None),
        ("?x128", "128", None),
        ("images:1x3x224x224", "3x224x224", 1),
        ("image: [1, 3, 224, 224]", "3x224x224", 1),
        ({"ids": [1, 128], "mask": [1, 128]}, "ids:1x128;mask:1x128", None),
        ("ids:1x128;mask:1x128", "ids:1x128;mask:1x128", None),
        ({"image": [1, 3, 8, 8], "boxes": [1, 5]}, "image:3x8x8;boxes:1x5", 1),
        ({"input:0": [3, 8], "b;c": [4]}, "input_0:3x8;b_c:4", None),
        ({"only": [3, 8]}, "3x8", None),
        (224, "224", None),
        ("224", "224", None),
        ([1, 28, 28], "1x28x28", None),
        ([1, 1, 28, 28], "1x28x28", 1),
        ([1, 1, 16, 112, 112], "16x112x112", 1),
        ([1, 16, 112, 112], "16x112x112", 1),
        (["3", "224", "?"], "3x224x?", None),
        ("NCHW[1, 3, 224, 224]", "3x224x224", 1),
        ("NHWC(1,224,224,3)", "224x224x3", 1),
        ("float32[1,3,224,224]", "3x224x224", 1),
        ("1*3*224*224", "3x224x224", 1),
        ("[1..32, 3, 224, 224]", "3x224x224", None),
        ("{images: [1, 3, 224, 224]}", "3x224x224", 1),
        ("ids:1x128,mask:1x128", "ids:1x128;mask:1x128", None),
        ("ids: [1, 128], mask: [1, 128]", "ids:1x128;mask:1x128", None),
        ("image:1x3x8x8, boxes:1x5", "image:3x8x8;boxes:1x5", 1),
    ],
    ids=lambda value: f"{value!s:.30}",
)
def test_spellings_of_shapes(value: Any, shape: str, batch: int | None) -> None:
    assert split_batch(value) == (shape, batch)
    assert parse_shape(value) == shape


@pytest.mark.parametrize(
    "value",
    [
        None, "", " ", "x", ";", "a;b", True, 0, -5, 2.5, 10**400, [], [0], [3, 0], [2.5], [[3]],
        ["a"], [True], {}, {"a": {"b": [3]}}, {"a": "b:3"}, {"a": []}, "3x-2", "3xx4", "image",
        "http://a/b", "16:9:4", "call(3, 4)", "{}", "3**4",
        "3..4..5", "²x3", "1" * 20, [3] * 13, "x".join(["3"] * 13), "3x" * 5000,
        {f"input{n}": [3, 224, 224] for n in range(200)},
    ],
    ids=lambda value: f"{value!s:.20}",
)  # fmt: skip
def test_what_is_no_shape(value: Any) -> None:
    assert parse_shape(value) is None


dimensions = st.one_of(st.integers(1, 10**9 - 1), st.sampled_from([1, -1, None, "?", "n"]))
shapes = st.lists(dimensions, min_size=1, max_size=12)
inputs = st.dictionaries(st.text(max_size=10), shapes, min_size=1, max_size=4)


@quick
@given(st.one_of(shapes, inputs))
def test_a_canonical_shape_is_its_own(value: Any) -> None:
    shape = parse_shape(value)

    if shape is not None:
        assert parse_shape(shape) == shape
        assert split_batch(shape) == (shape, None)
        assert len(shape) <= 1000


@quick
@given(st.lists(st.integers(2, 1000), min_size=1, max_size=6))
def test_list_and_text_are_the_same_shape(dims: list[int]) -> None:
    text = "x".join(map(str, dims))

    assert parse_shape(dims) == parse_shape(str(dims)) == parse_shape(text) == text


@quick
@given(st.lists(st.integers(1, 1000), min_size=3, max_size=6))
def test_with_or_without_its_batch_a_shape_is_the_same(dims: list[int]) -> None:
    assert parse_shape([1, *dims]) == parse_shape([None, *dims]) or len(dims) == 3
    assert parse_shape(["?", *dims]) == parse_shape(dims)


@quick
@given(st.text())
def test_no_text_raises_and_what_is_found_is_canonical(text: str) -> None:
    shape = parse_shape(text)

    assert shape is None or parse_shape(shape) == shape
