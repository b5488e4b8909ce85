"""The language of formulas: its laws, what it means, and what it says about a bad one."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cetrack.errors import FormulaError
from cetrack.formula import Node, Of, Ref, evaluate, format_formula, parse, parse_name, refs
from cetrack.formula.tree import AGGREGATES, FUNCTIONS, Binary, Call, Name, Number, Op
from tests.derive.formulas import NUMBERS, REFS, slow_value, trees

A, B = Ref(Of.METRIC, "a"), Ref(Of.METRIC, "b")
FLOATS = st.floats() | st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.0, 0.5, math.nan, math.inf, 1e308])
EXACT = ("min", "max", "abs", "sqrt", "clamp")
ARITHMETIC = (Op.PLUS, Op.MINUS, Op.TIMES, Op.OVER)


def value(text: str, **values: float) -> float:
    """The value of a formula for one run whose metrics are ``values``."""
    arrays = {Ref(Of.METRIC, name): np.array([number]) for name, number in values.items()}
    [found] = evaluate(parse(text), arrays)
    return float(found)


def outcome(text: str) -> Node | FormulaError:
    """What becomes of a text."""
    try:
        return parse(text)
    except FormulaError as error:
        return error


# --- laws ---------------------------------------------------------------------------------------


@settings(deadline=None)
@given(trees(NUMBERS | st.builds(Name, REFS)))
def test_text_and_tree_are_the_same(tree: Node) -> None:
    assert parse(format_formula(tree)) == tree


@settings(deadline=None)
@given(trees(NUMBERS | st.builds(Name, REFS)))
def test_every_name_is_found(tree: Node) -> None:
    found = refs(tree)
    assert len(set(found)) == len(found)
    assert refs(parse(format_formula(tree))) == found


@settings(deadline=None)
@given(
    trees(NUMBERS | st.builds(Name, st.sampled_from([A, B])), ARITHMETIC, EXACT),
    st.lists(st.tuples(FLOATS, FLOATS), min_size=1, max_size=5),
)
def test_arrays_give_what_plain_numbers_give(tree: Node, rows: list[tuple[float, float]]) -> None:
    columns = {A: np.array([row[0] for row in rows]), B: np.array([row[1] for row in rows])}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = evaluate(tree, columns)
    expected = [slow_value(tree, dict(zip((A, B), row, strict=True))) for row in rows]
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, expected)


@settings(deadline=None)
@given(st.sampled_from([*FUNCTIONS, "**"]), st.tuples(FLOATS, FLOATS, FLOATS))
def test_every_function_is_that_of_python(name: str, numbers: tuple[float, ...]) -> None:
    names = [Ref(Of.METRIC, letter) for letter in "abc"]
    values = dict(zip(names, numbers, strict=True))
    tree: Node = Binary(Op.POWER, Name(names[0]), Name(names[1]))
    if name in FUNCTIONS:
        tree = Call(name, tuple(map(Name, names[: FUNCTIONS[name].least])))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        [found] = evaluate(tree, {ref: np.array([number]) for ref, number in values.items()})
    assert found == pytest.approx(slow_value(tree, values), rel=1e-14, abs=5e-324, nan_ok=True)


@settings(deadline=None)
@given(trees(st.builds(Name, st.sampled_from([A, B]))), FLOATS)
def test_what_is_missing_stays_missing(tree: Node, number: float) -> None:
    columns: Mapping[Ref, np.ndarray] = {A: np.array([number]), B: np.array([math.nan])}
    [found] = evaluate(tree, columns)
    assert not math.isinf(found)
    if B in refs(tree):
        assert math.isnan(found)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_a_formula_or_an_error_with_a_caret(text: str) -> None:
    found = outcome(text)
    if isinstance(found, FormulaError):
        assert "\n" not in found.problem
        assert len(str(found).splitlines()) == 3
        assert 0 <= found.column <= len(found.text)
    else:
        assert parse(format_formula(found)) == found


# --- meaning ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("7 - 2 - 1", 4),
        ("8 / 2 / 2", 2),
        ("2 ** 3 ** 2", 512),
        ("-2 ** 2", -4),
        ("2 ** -1", 0.5),
        ("--3", 3),
        ("1e3 + .5 + 2.", 1002.5),
        ("min(3, 1, 2) + max(3, 1, 2)", 4),
        ("clamp(5, 0, 1) + clamp(-5, 0, 1) + clamp(0.25, 0, 1)", 1.25),
        ("abs(-2) + sqrt(9) + exp(0) + log(1) + log2(8) + log10(1000)", 12),
        ("100 * a / b", 50),
        ("9 ** 9 ** 9 ** 9", math.nan),
        ("1 / (9 ** 9 ** 9)", math.nan),
        ("a / 0", math.nan),
        ("0 / (a - a)", math.nan),
        ("0 ** -1", math.nan),
        ("(0 - 8) ** 0.5", math.nan),
        ("log(0)", math.nan),
        ("log10(-a)", math.nan),
        ("sqrt(-a)", math.nan),
        ("exp(1000)", math.nan),
        ("missing ** 0", math.nan),
        ("1 ** missing", math.nan),
        ("min(a, missing)", math.nan),
        ("clamp(missing, 0, 1)", math.nan),
    ],
)
def test_a_formula_means_what_it_says(text: str, expected: float) -> None:
    assert value(text, a=1.0, b=2.0) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("accuracy", Ref(Of.METRIC, "accuracy")),
        ("latency_mean_ms.max", Ref(Of.METRIC, "latency_mean_ms", "max")),
        ("per_class.cat.f1", Ref(Of.METRIC, "per_class.cat.f1")),
        ('metric."val/accuracy".max', Ref(Of.METRIC, "val/accuracy", "max")),
        ('metric."a.max"', Ref(Of.METRIC, "a.max")),
        ('metric."a \\"b\\" \\\\"', Ref(Of.METRIC, 'a "b" \\')),
        ("metric.batch_size", Ref(Of.METRIC, "batch_size")),
        ("batch_size", Ref(Of.FIELD, "batch_size")),
        ("param.lr", Ref(Of.PARAM, "lr")),
        ("param.optim.max", Ref(Of.PARAM, "optim.max")),
        ('param."a b"', Ref(Of.PARAM, "a b")),
        ("baseline.accuracy", Ref(Of.METRIC, "accuracy", of_baseline=True)),
        ('baseline.metric."x/y".min', Ref(Of.METRIC, "x/y", "min", True)),
        ("baseline.weight_bits", Ref(Of.FIELD, "weight_bits", of_baseline=True)),
        ("baseline.param.lr", Ref(Of.PARAM, "lr", of_baseline=True)),
        ("metric.baseline.x", Ref(Of.METRIC, "baseline.x")),
        ("metric.baseline", Ref(Of.METRIC, "baseline")),
        ("min", Ref(Of.METRIC, "min")),
        ("genauigkeit_ä", Ref(Of.METRIC, "genauigkeit_ä")),
    ],
)
def test_a_name_says_what_it_is_of(text: str, expected: Ref) -> None:
    assert parse_name(text) == expected


def test_a_formula_without_names_has_a_value() -> None:
    assert evaluate(parse("2 * 3"), {}).tolist() == [6.0]
    assert evaluate(parse("2 * 3"), {A: np.zeros(3)}).tolist() == [6.0] * 3


def test_aggregates_are_those_of_the_filter_language() -> None:
    from cetrack.filter.fields import AGGREGATES as IN_FILTERS

    assert tuple(IN_FILTERS) == AGGREGATES


# --- what is wrong ------------------------------------------------------------------------------

BAD = [
    # text, problem, where the caret stands, a part of the hint
    ("", "empty", 0, "accuracy / model_size_mb"),
    ("a +", "nothing follows '+'", 2, None),
    ("+ a", "nothing stands before '+'", 0, "write for example"),
    ("a b", "unexpected b after a", 2, "write a * b"),
    ("2x", "unexpected x after 2", 1, "write 2 * x"),
    ("2 (a)", "'(' after 2", 2, "write 2 * ("),
    ("a ^ 2", "unknown character ^", 2, "write **"),
    ("a ÷ 2", "unknown character ÷", 2, "write /"),
    ("a > 2", "unknown character >", 2, "no conditions"),
    ("a; b", "unknown character ;", 1, "a formula has"),
    ("a\x00", "unknown character '\\x00'", 1, "a formula has"),
    ("'a'", "unexpected '", 0, 'metric."val/accuracy"'),
    ('metric."a', "the quote is not closed", 7, "end the name"),
    ("baseline.baseline.x", "a baseline has no baseline here", 0, "metric.baseline.x"),
    ("(a", "'(' is not closed", 0, None),
    ("min(a", "'(' is not closed", 3, None),
    ("a)", "')' closes nothing", 1, None),
    (")", "')' closes nothing", 0, None),
    ("()", "empty parentheses", 0, None),
    ("1,5", "a comma outside of a function", 1, "decimal point"),
    ("(a *)", "nothing follows '*'", 3, None),
    ("sqr(a)", "no function called sqr", 0, "did you mean sqrt?"),
    ("__import__(a)", "no function called __import__", 0, "functions: min, max"),
    ("sqrt(a, b)", "sqrt takes 1 argument, not 2", 0, None),
    ("min(a)", "min takes 2 or more arguments, not 1", 0, None),
    ("clamp(a, b)", "clamp takes 3 arguments, not 2", 0, None),
    ("1e999", "a number that is too large", 0, None),
    ("1 + baseline", "baseline of what?", 4, "baseline.accuracy"),
    ("param * 2", "no name after 'param'", 0, None),
    ('x."y"', "unknown namespace x", 0, 'metric."NAME"'),
    ('metric.a."b"', "quotes in the middle of a name", 9, None),
    ('metric.""', "no name between the quotes", 7, None),
    ('metric."a".mx', "unexpected .mx after a name", 10, "did you mean .max?"),
    ('param."a".max', "unexpected .max after a name", 9, None),
    ('metric."\\q"', "unknown escape or character in a quoted name", 7, "backslash"),
    ('metric."\\ud800"', "unknown escape or character in a quoted name", 7, "backslash"),
    ("-" * 51 + "a", "nested deeper than 50 levels", 50, None),
    ("(" * 51 + "a" + ")" * 51, "nested deeper than 50 levels", 50, None),
    ("2" + "**2" * 51, "nested deeper than 50 levels", 151, None),
    ("a+" * 151 + "a", "more than 300 names, numbers and signs", 300, "a name of its own"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "problem", "column", "hint"), BAD)
def test_a_bad_formula_is_shown_with_a_caret(
    text: str, problem: str, column: int, hint: str | None
) -> None:
    with pytest.raises(FormulaError) as caught:
        parse(text)
    error = caught.value
    assert (error.problem, error.column) == (problem, column)
    assert error.exit_code == 2
    assert str(error).splitlines()[2] == "  " + " " * column + "^"
    if hint is None:
        assert error.hint is None or error.hint
    else:
        assert hint in (error.hint or "")


@pytest.mark.parametrize(
    "text",
    ["(" * 10_000, "-" * 10_000, "9**" * 3_000 + "9", "a" * 1_000_000, "1" * 9_999, '"' * 9_999],
    ids=["parentheses", "signs", "powers", "a megabyte", "digits", "quotes"],
)
def test_a_hostile_formula_is_refused_at_once(text: str) -> None:
    started = time.process_time()
    with pytest.raises(FormulaError) as caught:
        parse(text)
    assert time.process_time() - started < 2
    assert caught.value.column <= len(text)


def test_the_longest_formulas_are_worked_out() -> None:
    chain = "a" + "+a" * 149
    signs = " + ".join(["-a * -a"] * 37)
    assert value(chain, a=1.0) == 150
    assert value(signs, a=1.0) == 37
    assert format_formula(parse(format_formula(parse(chain)))) == " + ".join("a" * 150)
    assert parse("0.1") == Number(0.1)


def test_a_calculation_is_no_name() -> None:
    with pytest.raises(FormulaError, match="not the name of a metric"):
        parse_name("a / b")
