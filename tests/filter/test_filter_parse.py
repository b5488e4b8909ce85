"""Text and trees: what is read how, and that a tree's text is read back as the tree."""

from __future__ import annotations

import pytest
from filter_trees import trees
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from cetrack.errors import FilterError
from cetrack.filter import FilterRun, format_filter, matches, parse, parse_all, to_sql
from cetrack.filter.tree import (
    And,
    Comparison,
    Exists,
    Expr,
    FieldRef,
    Glob,
    In,
    MetricRef,
    Not,
    Numeral,
    Op,
    Or,
    ParamRef,
    TagRef,
)

A, B, C = (Comparison(FieldRef("model"), Op.EQ, name) for name in "abc")
ACCURACY = MetricRef("accuracy")

TREES: tuple[tuple[str, Expr], ...] = (
    ("model=a or model=b and model=c", Or((A, And((B, C))))),
    ("(model=a or model=b) and model=c", And((Or((A, B)), C))),
    ("model=a and model=b and model=c", And((A, B, C))),
    ("(model=a and model=b) and model=c", And((And((A, B)), C))),
    ("not model=a and model=b", And((Not(A), B))),
    ("NOT(model=a)OR(model=b)", Or((Not(A), B))),
    ("\n model\t=\N{NO-BREAK SPACE}a ", A),
    ("model=order", Comparison(FieldRef("model"), Op.EQ, "order")),
    ("model=in_x", Comparison(FieldRef("model"), Op.EQ, "in_x")),
    ("model='not'", Comparison(FieldRef("model"), Op.EQ, "not")),
    ("model=größe", Comparison(FieldRef("model"), Op.EQ, "größe")),
    (r'model="a\"b\\c"', Comparison(FieldRef("model"), Op.EQ, r'a"b\c')),
    (r"model='a\'b'", Comparison(FieldRef("model"), Op.EQ, "a'b")),
    ('model="a\nb"', Comparison(FieldRef("model"), Op.EQ, "a\nb")),
    ("accuracy>=-1e-3", Comparison(ACCURACY, Op.GE, -0.001)),
    ("accuracy < +inf", Comparison(ACCURACY, Op.LT, float("inf"))),
    ('accuracy < "5."', Comparison(ACCURACY, Op.LT, 5.0)),
    ("batch=1e3", Comparison(FieldRef("batch_size"), Op.EQ, 1000)),
    ("accuracy.last=1", Comparison(ACCURACY, Op.EQ, 1.0)),
    ("metric.accuracy=1", Comparison(ACCURACY, Op.EQ, 1.0)),
    ("train/loss exists", Exists(MetricRef("train/loss"))),
    ("Metric.Device.min exists", Exists(MetricRef("Device", "min"))),
    ('metric."a.max" exists', Exists(MetricRef("a.max"))),
    ('metric."a.max".min exists', Exists(MetricRef("a.max", "min"))),
    ('"a b".max not exists', Not(Exists(MetricRef("a b", "max")))),
    ('"model"=a', A),
    ("env.Runtime_Version=2", Comparison(FieldRef("runtime_version"), Op.EQ, "2")),
    ("param.a.b.max=1", Comparison(ParamRef("a.b.max"), Op.EQ, Numeral("1", 1.0))),
    ('param.a="1"', Comparison(ParamRef("a"), Op.EQ, "1")),
    ("param.a=nan", Comparison(ParamRef("a"), Op.EQ, "nan")),
    ('tag."two words"=1', Comparison(TagRef("two words"), Op.EQ, "1")),
    ("model!=a,b", In(FieldRef("model"), ("a", "b"), negated=True)),
    ("model not in (a)", In(FieldRef("model"), ("a",), negated=True)),
    ("shape=3x*,224", Glob(FieldRef("input_shape"), ("3x*", "224"))),
    ('shape="[3, *]"', Glob(FieldRef("input_shape"), ("3x*",))),
    ('shape="?x*"', Glob(FieldRef("input_shape"), ("[?]x*",))),
    ('shape ~ "?x*"', Glob(FieldRef("input_shape"), ("?x*",))),
    ('shape ~ "3X*"', Glob(FieldRef("input_shape"), ("3x*",))),
    ('shape="ids: 128; mask: 64"', Comparison(FieldRef("input_shape"), Op.EQ, "ids:128;mask:64")),
    ("precision=W8A8", Comparison(FieldRef("precision"), Op.EQ, "int8")),
)


@pytest.mark.parametrize(("text", "expected"), TREES, ids=[text for text, _ in TREES])
def test_text_is_read_as(text: str, expected: Expr) -> None:
    assert parse(text) == expected
    assert parse(format_filter(expected)) == expected


@settings(max_examples=100, deadline=None)
@given(trees())
def test_a_tree_is_read_back_from_its_text(tree: Expr) -> None:
    assert parse(format_filter(tree)) == tree


# --- which names are metrics ------------------------------------------------------------------

KNOWN = ("accuracy", "latency.max", "device", "power_mw")


def _canonical(name: str) -> str:
    return {"energy_consumption_mw": "power_mw", "top1": "accuracy"}.get(name, name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("accuracy exists", ACCURACY),
        ("accuracy.max exists", MetricRef("accuracy", "max")),
        ("latency.max exists", MetricRef("latency.max")),
        ("metric.latency.max exists", MetricRef("latency.max")),
        ("latency.max.min exists", MetricRef("latency.max", "min")),
        ('metric."latency".max exists', MetricRef("latency", "max")),
        ("metric.unheard_of.max exists", MetricRef("unheard_of", "max")),
        ("energy_consumption_mw exists", MetricRef("power_mw")),
        ("top1.mean exists", MetricRef("accuracy", "mean")),
        ('metric."top1" exists', ACCURACY),
        ("device exists", FieldRef("device")),
        ("metric.device exists", MetricRef("device")),
        ("device.max exists", MetricRef("device", "max")),
    ],
)
def test_names_are_resolved(text: str, expected: object) -> None:
    assert parse(text, KNOWN, resolve_metric=_canonical) == Exists(expected)  # type: ignore[arg-type]


def test_a_metric_of_the_database_wins_over_an_alias() -> None:
    known = {"top1", "accuracy"}

    assert parse("top1 exists", known, resolve_metric=_canonical) == Exists(MetricRef("top1"))


def test_without_known_metrics_any_name_is_one() -> None:
    assert parse("anything.max > 1") == Comparison(MetricRef("anything", "max"), Op.GT, 1.0)


def test_several_texts_are_joined_by_and() -> None:
    assert parse_all(["model=a"]) == A
    assert parse_all(["model=a or model=b", "model=c"]) == And((Or((A, B)), C))
    assert parse_all([]) == And(())
    assert format_filter(parse_all([])) == ""


def test_an_error_names_the_text_that_has_it() -> None:
    with pytest.raises(FilterError) as caught:
        parse_all(["model=a", "model=b and"])

    assert caught.value.text == "model=b and"


# --- whatever the text ------------------------------------------------------------------------

PIECES = (
    *("and", "or", "not", "in", "exists", "AND", "(", ")", ",", "=", "!=", "<", ">=", "~", "!~"),
    *("model", "accuracy", "accuracy.max", "metric.x", "param.lr", "tag.a", "env.os", "shape"),
    *("started", "precision", "batch", "seed", "weight_bits", "metric.", "param.", '"', "'", "\\"),
    *(
        "3x*x*",
        "int8",
        "0.9",
        "1e999",
        "nan",
        "2026-01-01",
        "2026-02-31T",
        "resnet*",
        "*",
        "[",
        "]",
    ),
    *('"a b"', "'", '"3x["', '""', "..", "-", "\x00", "\ud800", "é", "“", "&&", "!", "%", "\n"),
)
VALID = (
    'category=vision and (precision in (int8, fp16) or not model ~ "resnet[0-9]*")',
    'metric."metrics/mAP50-95(B)".max >= 0.9 and started <= 2026-01-01T10:00:00+02:00',
    "shape=3x*x*,1x28x28 or param.lr = 0.010 and tag.status not in (draft, 'old one')",
)


@st.composite
def _mutated(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(VALID))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(start + 6, len(text))))
        text = text[:start] + draw(st.sampled_from(PIECES) | st.text(max_size=2)) + text[end:]
    return text


_pieces = st.lists(st.sampled_from(PIECES), max_size=12)


@settings(max_examples=300, deadline=None)
@given(
    st.text(max_size=40) | _mutated() | _pieces.map(" ".join) | _pieces.map("".join),
    st.sampled_from([None, frozenset({"accuracy"})]),
)
@example("(" * 10_000, None)
@example("not " * 2_500, None)
@example("model=" + "a," * 3_000 + "a", None)
@example(f"accuracy < {'9' * 9_000}", None)
@example(f"seed < 1{'0' * 9_000}", None)
@example("seed < 1e99999999", None)
def test_any_text_is_read_or_refused(text: str, known: frozenset[str] | None) -> None:
    read = _read(text, known)

    if isinstance(read, FilterError):
        assert 0 <= read.column <= len(text)
        assert "\n" not in read.text + read.problem + (read.hint or "")
    else:
        assert parse(format_filter(read)) == read
        assert matches(read, FilterRun()) in (True, False)
        assert to_sql(read) is not None


def _read(text: str, known: frozenset[str] | None) -> Expr | FilterError:
    try:
        return parse(text, known)
    except FilterError as error:
        return error


def test_the_deepest_filter_can_be_handled() -> None:
    text = "model=a"
    for _ in range(50):
        text = f"not (model=b or library=c and {text})"

    tree = parse(text)

    assert matches(tree, FilterRun(fields={"model": "a"})) is True
    assert parse(format_filter(tree)) == tree
    assert hash(tree) == hash(parse(text))
    assert str(to_sql(tree).compile(dialect=sqlite.dialect()))
