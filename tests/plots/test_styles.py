"""What precisions look like, names in figures, and where labels go."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from cetrack.plots.placing import Box, place_labels
from cetrack.plots.styles import COLOURS, DASHES, FIXED, MARKERS, luminance, styles
from cetrack.plots.texts import axis_text, labels, measure_text, shorten, shown
from cetrack.precisions import parse_precision
from cetrack.selecting import MetricFacts
from tests.plots.made import ACCURACY, HOSTILE, LATENCY, LOSS, SIZE

PRECISIONS = st.sampled_from(
    [*FIXED, "int8_static", "gptq", "nf4", "int8,method=qat", "fp32,seed=1"]
)


def test_the_table_is_of_precisions_that_there_are() -> None:
    for name in FIXED:
        known = parse_precision(name)
        assert known is not None
        assert known.name == name


def test_in_grey_two_precisions_differ_in_marker_and_mostly_in_lightness() -> None:
    for one, other in itertools.combinations(FIXED.values(), 2):
        assert one.marker != other.marker
        assert one.colour != other.colour or one.dashes != other.dashes
    usual = [luminance(FIXED[name].colour) for name in ("fp32", "int8", "int4", "fp16")]
    assert min(abs(a - b) for a, b in itertools.combinations(usual, 2)) > 0.06
    assert all(luminance(colour) < 0.5 for colour in COLOURS)  # seen on white paper


def test_lightness_is_that_of_a_calculator() -> None:
    assert luminance("#000000") == 0
    assert abs(luminance("#ffffff") - 1) < 1e-9
    assert abs(luminance("#bcbcbc") - 0.503) < 0.001


@given(st.sets(PRECISIONS, min_size=1))
def test_a_precision_looks_the_same_whatever_is_beside_it(names: set[str]) -> None:
    found = styles(names)

    assert set(found) == names
    assert all(found[name] == FIXED[name] for name in names if name in FIXED)
    assert len({style.marker for style in found.values()}) == min(len(names), len(MARKERS))


@settings(max_examples=30)
@given(st.lists(st.text(max_size=9), max_size=20))
def test_any_label_has_a_style(names: list[str]) -> None:
    found = styles(names)

    assert found == styles(reversed(names))
    for style in found.values():
        assert style.colour in COLOURS
        assert style.marker in MARKERS
        assert style.dashes in DASHES


def test_relatives_have_the_colour_of_their_precision_and_follow_it() -> None:
    found = styles(["int4", "int8,method=qat", "int8_static", "int8", "fp32"])

    assert list(found) == ["fp32", "int8", "int8,method=qat", "int8_static", "int4"]
    assert len({found[name].colour for name in found if name.startswith("int8")}) == 1


def test_a_qualified_precision_alone_looks_like_its_precision() -> None:
    seeds = styles(["int8,seed=1", "int8,seed=2"])

    assert seeds["int8,seed=1"] == FIXED["int8"]
    assert seeds["int8,seed=2"].colour == FIXED["int8"].colour
    assert seeds["int8,seed=2"].dashes != FIXED["int8"].dashes


# --- texts --------------------------------------------------------------------------------------


def test_axes_name_the_metric_its_unit_and_the_better_side() -> None:
    assert axis_text(LATENCY) == "latency mean [ms]   ← better"
    assert axis_text(ACCURACY) == "accuracy   better →"
    assert measure_text(SIZE) == "model size [MB]"
    assert measure_text(LOSS) == "train/loss"
    assert axis_text(MetricFacts(1, "my $x_1$", "J", None, "other")) == "my $x_1$ [J]"
    assert measure_text(MetricFacts(1, "speedup", None, "higher", "compression")) == "speedup"


def test_what_no_font_has_is_written_as_an_escape() -> None:
    assert shown("résumé µ Ω שלום") == "résumé µ Ω שלום"
    assert shown("模型") == "\\u6a21\\u578b"
    assert shown("a\x1b[31m\u202e\ud800") == "a\\x1b[31m\\u202e\\ud800"


def test_long_names_lose_their_middle_and_stay_apart() -> None:
    assert shorten("resnet50_v1_imagenet_pretrained", 15) == "resnet5…trained"
    names = [f"{'x' * 40}{middle}{'y' * 40}" for middle in "abc"]

    texts = labels(names, most=20)

    assert len(set(texts.values())) == 3
    assert all(len(text) <= 20 for text in texts.values())


@given(st.lists(st.text(max_size=40), max_size=20), st.integers(12, 30))
def test_different_names_are_shown_differently(names: list[str], most: int) -> None:
    texts = labels([*names, *HOSTILE], most=most)

    assert len(set(texts.values())) == len(texts)
    assert all(len(text) <= most for text in texts.values())
    assert all(text.isprintable() for text in texts.values())


# --- places -------------------------------------------------------------------------------------

COORDINATES = st.floats(0, 400, allow_nan=False)


def overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@given(st.lists(st.tuples(COORDINATES, COORDINATES), max_size=30))
def test_labels_cover_nothing(points: list[tuple[float, float]]) -> None:
    markers = [(x - 3, y - 3, x + 3, y + 3) for x, y in points]

    places = place_labels(
        points, [(40, 10)] * len(points), inside=(0, 0, 400, 400), obstacles=markers, gap=4
    )

    boxes = [place.box for place in places if place is not None]
    assert not any(overlap(a, b) for a, b in itertools.combinations(boxes, 2))
    assert not any(overlap(box, marker) for box in boxes for marker in markers)
    assert all(box[0] >= 0 and box[1] >= 0 and box[2] <= 400 and box[3] <= 400 for box in boxes)


def test_a_single_label_stands_at_the_right_above_its_point() -> None:
    (place,) = place_labels([(100, 100)], [(40, 10)], inside=(0, 0, 400, 400), gap=4)

    assert place is not None
    assert place.box == (104, 104, 144, 114)
    assert place.line_from is None


def test_without_room_there_is_no_place() -> None:
    assert place_labels([(5, 5)], [(40, 10)], inside=(0, 0, 30, 30), gap=4) == [None]
