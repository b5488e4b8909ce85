"""Random trees and random stores, made so that they often meet."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from filter_stores import MODEL, Spec
from hypothesis import strategies as st

from cetrack.filter import MetricValues, ParamCell
from cetrack.filter.fields import AGGREGATES, FIELDS, ValueKind, kind_of
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
    Period,
    Ref,
    TagRef,
)
from cetrack.filter.values import is_number, period_of
from cetrack.filter.words import Word

# Letters that other case foldings treat alike, and characters that other patterns treat specially.
TEXTS = (
    *(
        "resnet50",
        "ResNet50",
        "RESNET-18",
        "a",
        "A",
        "b",
        "z",
        "é",
        "É",
        "ß",
        "ẞ",
        "ſ",
        "s",
        "K",
        "k",
    ),
    *("\N{KELVIN SIGN}", "İ", "i", "ı", "a b", "a\nb", "\n", "[x]", "a*b", "a?", "50%", "_", "\\"),
    *("^", "-", "]", "!", "x]", "'q'", '"', "and", "0.01", "1e-2", "true", "nan", "😀", "x" * 40),
)
PATTERNS = (
    *("*", "", "?", "??", "res*", "*50", "*NET*", "[a-z]*", "[A-Z]", "[!a-k]", "[]]", "[!]]"),
    *(
        "[]-a]",
        "[a-]",
        "[--/]*",
        "[^a]",
        "[!^]*",
        "[z-a]",
        "[!z-a]",
        "[",
        "[]",
        "[!]",
        "a[b",
        "*\n*",
    ),
    *(
        "[é-ẞ]",
        "[😀-🙏]",
        "\\",
        "a\\*",
        "[\\]",
        "*-*",
        "[[]x]",
        "**a**b",
        "%",
        "_",
        "(a)",
        "a|b",
        "$",
    ),
)
SHAPES = ("3x224x224", "3x32x32", "1x3x4x5", "3x4x5", "224", "3x?", "ids:128;mask:64")
SHAPE_PATTERNS = ("3x*x*", "*", "*x*", "1x*x*x*", "3x[?]", "3x[0-9]*", "3x?", "1*x2*", "ids*", "")
PRECISIONS = ("fp32", "int8", "int8_dynamic", "my_format", "fp32+int8")
NUMBERS = (0.0, -0.0, 0.5, 0.9, 1.0, -1.0, 32.0, 1e-320, 2.0**53, float("inf"), float("-inf"))
WHOLE = (0, 1, 32, -1, 2**53 + 1, 2**63 - 1, -(2**63))
NUMERALS = ("0.01", "0.010", "1e-2", "0", "-0", "inf", "1e308", "007")
TIMES = tuple(
    datetime.fromisoformat(text).replace(tzinfo=UTC)
    for text in (
        "2025-12-31T23:59:59.999999",
        "2026-01-01",
        "2026-01-01T12:00:00.5",
        "2026-01-01T23:59:59.999999",
        "2026-01-02",
        "2026-02-01",
        "0001-01-01",
        "9999-12-31T23:59:59.999998",
    )
)
PERIODS: tuple[Period, ...] = tuple(
    period_of(Word(text, 0, quoted=False), "")
    for text in (
        *("2025", "2026", "2026-01", "2026-01-01", "2026-01-02", "0001", "9999", "9999-12-31"),
        *("2026-01-01T00:00:00", "2026-01-01T12:00:00.500000Z", "9999-12-31T23:59:59.999999"),
    )
)
METRICS = ("accuracy", "train/loss", "metrics/mAP50-95(B)", "latency.max", 'quo"te', "model")
KEYS = ("lr", "two words", "a.max", "ключ", "in", "-")

_ORDER = (Op.LT, Op.LE, Op.GT, Op.GE)
_EQUALITY = (Op.EQ, Op.NE)

# --- trees ------------------------------------------------------------------------------------

refs: st.SearchStrategy[Ref] = st.one_of(
    st.sampled_from(sorted(FIELDS)).map(FieldRef),
    st.sampled_from(["model", "input_shape", "precision", "started_at", "seed"]).map(FieldRef),
    st.builds(MetricRef, st.sampled_from((*METRICS, "unheard/of")), st.sampled_from([*AGGREGATES])),
    st.builds(MetricRef, st.sampled_from(METRICS)),
    st.sampled_from((*KEYS, "unheard/of")).map(ParamRef),
    st.sampled_from((*KEYS, "unheard/of")).map(TagRef),
)
_texts = st.sampled_from(TEXTS)
_numerals = st.sampled_from(NUMERALS).map(lambda text: Numeral(text, float(text)))
_values: dict[ValueKind, st.SearchStrategy[Any]] = {
    ValueKind.TEXT: _texts,
    ValueKind.TAG: _texts | st.just(""),
    ValueKind.NUMBER: st.sampled_from(NUMBERS),
    ValueKind.INT: st.sampled_from(WHOLE),
    ValueKind.TIME: st.sampled_from(PERIODS),
    ValueKind.SHAPE: st.sampled_from(SHAPES),
    ValueKind.PRECISION: st.sampled_from(PRECISIONS),
    ValueKind.PARAM: _numerals | _texts | st.just(""),
}
_worded = (ValueKind.TEXT, ValueKind.TAG, ValueKind.PRECISION, ValueKind.PARAM, ValueKind.SHAPE)
patterns = st.sampled_from(PATTERNS) | st.text("abAB[]!^-*?xx\n.", max_size=8)


@st.composite
def leaves(draw: st.DrawFn) -> Expr:
    """One condition, as the parser would make it."""
    ref = draw(refs)
    kind = kind_of(ref)
    forms = ["compare", "in", "exists", *(["glob"] if kind in _worded else ["order"])]
    form = draw(st.sampled_from([*forms, *(["order"] if kind is ValueKind.PARAM else [])]))
    if form == "exists":
        return Exists(ref)
    if form == "in":
        values = draw(st.lists(_values[kind], min_size=1, max_size=3))
        return In(ref, tuple(values), draw(st.booleans()))
    if form == "glob":
        chosen = st.sampled_from(SHAPE_PATTERNS) if kind is ValueKind.SHAPE else patterns
        return Glob(ref, tuple(draw(st.lists(chosen, min_size=1, max_size=2))), draw(st.booleans()))
    if form == "order":
        value = draw(_numerals if kind is ValueKind.PARAM else _values[kind])
        return Comparison(ref, draw(st.sampled_from(_ORDER)), value)
    return Comparison(ref, draw(st.sampled_from(_EQUALITY)), draw(_values[kind]))


def trees() -> st.SearchStrategy[Expr]:
    """Conditions joined by and, or, not."""

    def joined(parts: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
        several = st.lists(parts, min_size=2, max_size=3).map(tuple)
        return parts.map(Not) | several.map(And) | several.map(Or)

    return st.recursive(leaves(), joined, max_leaves=5)


# --- stores -----------------------------------------------------------------------------------

_NEVER_BLANK = ("experiment", "model", "kind", "status", "time_source", "series_key", "like_key")
_FIXED = ("uid", "baseline_uid", "parent_uid", "weight_bits", "activation_bits")
_stored: dict[ValueKind, st.SearchStrategy[Any]] = {
    **_values,
    ValueKind.NUMBER: st.sampled_from([*NUMBERS, None]),
    ValueKind.TIME: st.sampled_from(TIMES),
}
_cells = st.one_of(
    _numerals.map(lambda numeral: ParamCell(numeral.text, numeral.number)),
    _texts.filter(lambda text: not is_number(text)).map(lambda text: ParamCell(text, None)),
    st.builds(ParamCell, st.none(), st.sampled_from([None, 0.01, 0.0])),
)


@st.composite
def _fields(draw: st.DrawFn) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, field in FIELDS.items():
        needed = name in _NEVER_BLANK or name in ("precision", "started_at")
        if name not in _FIXED and (needed or draw(st.booleans())):
            values[name] = draw(_stored[field.kind])
    return values


@st.composite
def _metric_values(draw: st.DrawFn) -> MetricValues:
    whole = ("count", "nan_count", "last_step")
    return MetricValues(
        **{
            name: draw(_stored[kind]) if name in whole or draw(st.booleans()) else None
            for name, kind in AGGREGATES.items()
        }
    )


@st.composite
def stores(draw: st.DrawFn) -> list[Spec]:
    """A few runs; those of one model agree about it, those of one precision about its bits."""
    number = draw(st.integers(1, 5))
    bits = {
        name: {key: draw(_stored[ValueKind.NUMBER]) for key in ("weight_bits", "activation_bits")}
        for name in PRECISIONS
    }
    models: dict[tuple[Any, ...], dict[str, Any]] = {}
    specs = []
    for index in range(number):
        values = draw(_fields())
        key = tuple(values.get(name) for name in ("model", "library", "input_shape"))
        about = {name: values.pop(name, None) for name in MODEL}
        values |= models.setdefault(key, about) | bits[values["precision"]]
        for link in ("baseline_uid", "parent_uid"):
            values[link] = draw(st.sampled_from([None, *(spec.uid for spec in specs)]))
        specs.append(
            Spec(
                f"Run-{index}",
                values,
                draw(st.dictionaries(st.sampled_from(METRICS), _metric_values(), max_size=3)),
                draw(st.dictionaries(st.sampled_from(KEYS), _cells, max_size=3)),
                draw(st.dictionaries(st.sampled_from(KEYS), _texts | st.just(""), max_size=3)),
            )
        )
    return specs
