"""Derived metrics and scores of ``cetrack.toml``: their values, and what is wrong with one."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cetrack.config import Settings, load_settings
from cetrack.definitions import (
    RESERVED,
    Definition,
    Derived,
    Missing,
    Part,
    Score,
    ordered,
    relative_names,
    restored,
    versions,
)
from cetrack.domain import Direction
from cetrack.errors import UsageError
from cetrack.filter.fields import AGGREGATES, FIELD_OF
from cetrack.filter.words import KEYWORDS
from cetrack.formula import Of, Ref, evaluate, parse

Load = Callable[[str], Settings]
SCORE = """
[scores.deploy]
missing = "{missing}"
[scores.deploy.parts]
accuracy_retention_pct = {{ weight = 3, worst = 90, best = 100 }}
latency_mean_ms = {{ weight = 1, worst = 20, best = 4 }}
"""


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Reads a text as a ``cetrack.toml``."""

    def loaded(text: str) -> Settings:
        path = tmp_path / "cetrack.toml"
        path.write_text(text, encoding="utf-8")
        return load_settings(path)

    return loaded


def arrays(**columns: list[float]) -> dict[Ref, np.ndarray]:
    return {Ref(Of.METRIC, name): np.array(values) for name, values in columns.items()}


# --- what a definition is -----------------------------------------------------------------------


def test_a_derived_metric_is_read(load: Load) -> None:
    [found] = load("""
        [derived.efficiency]
        expr = "accuracy/model_size_mb"
        unit = "1/MB"
        direction = "higher"
        description = "accuracy per megabyte"
    """).derived

    assert found == Derived(
        name="efficiency",
        node=parse("accuracy / model_size_mb"),
        unit="1/MB",
        direction=Direction.HIGHER,
        description="accuracy per megabyte",
    )
    assert found.formula == "accuracy / model_size_mb"


def test_definitions_come_in_the_order_in_which_they_are_worked_out(load: Load) -> None:
    settings = load("""
        [derived.a]
        expr = "c + 1"
        [derived.c]
        expr = "b * accuracy"
        [derived.b]
        expr = "speedup"
        [scores.s.parts]
        a = { weight = 1, worst = 0, best = 1 }
    """)

    assert [item.name for item in settings.definitions or ()] == ["b", "c", "a", "s"]


def test_a_folder_without_settings_defines_nothing_and_forbids_nothing(load: Load) -> None:
    assert Settings().definitions is None
    assert load("").definitions == ()


# --- scores -------------------------------------------------------------------------------------


def test_a_score_worked_out_by_hand(load: Load) -> None:
    [score] = load(SCORE.format(missing="none")).scores
    values = arrays(
        accuracy_retention_pct=[95, 100, 80, 99, math.nan, 120],
        latency_mean_ms=[12, 4, 30, math.nan, 4, 1],
    )

    found = score.evaluate(values)

    # (3 * 0.5 + 1 * 0.5) / 4 · both at their best · both at their worst · no score · none · clamped
    np.testing.assert_allclose(found, [0.5, 1, 0, math.nan, math.nan, 1])
    np.testing.assert_allclose(evaluate(parse(score.formula), values), found, rtol=1e-15)


def test_a_score_may_do_without_what_is_missing(load: Load) -> None:
    [score] = load(SCORE.format(missing="renormalise")).scores
    values = arrays(
        accuracy_retention_pct=[95, math.nan, math.nan, math.inf],
        latency_mean_ms=[4, 12, math.nan, 4],
    )

    np.testing.assert_allclose(score.evaluate(values), [0.625, 0.5, math.nan, 1])


FINITE = st.floats(-1e6, 1e6)
PARTS = st.lists(
    st.tuples(st.floats(1e-3, 1e3), FINITE, FINITE).filter(lambda it: abs(it[1] - it[2]) > 1e-3),
    min_size=1,
    max_size=5,
)


@settings(deadline=None)
@given(PARTS, st.data())
def test_a_score_lies_between_worst_and_best(
    bounds: list[tuple[float, float, float]], data: st.DataObject
) -> None:
    parts = tuple(Part(Ref(Of.METRIC, f"m{n}"), *numbers) for n, numbers in enumerate(bounds))
    score = Score(name="s", parts=parts)
    numbers = [data.draw(FINITE) for _ in parts]
    values = [
        {part.ref: np.array([number]) for part, number in zip(parts, row, strict=True)}
        for row in (numbers, [part.worst for part in parts], [part.best for part in parts])
    ]

    between, worst, best = (float(score.evaluate(row)[0]) for row in values)

    assert worst == 0
    assert best == pytest.approx(1)
    assert 0 <= between <= 1 + 1e-12
    expected = sum(
        part.weight * min(max((number - part.worst) / (part.best - part.worst), 0), 1)
        for part, number in zip(parts, numbers, strict=True)
    ) / sum(part.weight for part in parts)
    assert between == pytest.approx(expected, abs=1e-12)


# --- versions -----------------------------------------------------------------------------------


def derived(name: str, expr: str, **more: str) -> Derived:
    return Derived(name=name, node=parse(expr), **more)  # type: ignore[arg-type]


def hashes(*definitions: Definition) -> dict[str, str]:
    return {item.definition.name: item.hash for item in versions(ordered(definitions))}


def test_a_hash_stays_what_it_is() -> None:
    found = hashes(derived("a", "accuracy / 2"), derived("b", "a * speedup"))

    assert found == {"a": A_HASH, "b": B_HASH}


A_HASH = "2320ffc6f230bddacd4766674a2d1f21dd35df2463bd9d8a076e33960f4e0d85"
B_HASH = "8d95210aa6fa780be5fa0d6c8af09d5dfba3209ce1981ac8a50abf360c6fd142"


def test_a_hash_changes_with_what_decides_the_values() -> None:
    base = hashes(derived("a", "accuracy / 2"), derived("b", "a + 1"))
    spaced = hashes(derived("a", "(accuracy)/2.0"), derived("b", "a+1"))
    described = hashes(derived("a", "accuracy / 2", description="x", unit="y"), derived("b", "a+1"))
    other = hashes(derived("a", "accuracy / 3"), derived("b", "a + 1"))

    assert base == spaced == described
    assert base["a"] != other["a"]
    assert base["b"] != other["b"]  # it uses a


def test_a_score_has_another_hash_for_another_bound_but_not_for_another_order(load: Load) -> None:
    text = SCORE.format(missing="none")
    lines = text.splitlines(keepends=True)
    swapped = "".join([*lines[:-2], lines[-1], lines[-2]])
    other = text.replace("worst = 20", "worst = 21")
    renormalised = SCORE.format(missing="renormalise")

    found = [hashes(*load(it).scores)["deploy"] for it in (text, swapped, other, renormalised)]

    assert found[0] == found[1]
    assert len(set(found)) == 3


def test_a_definition_comes_back_from_its_content(load: Load) -> None:
    settings = load(
        SCORE.format(missing="renormalise")
        + """
        "metric.\\"val/accuracy\\".max" = { weight = 1, worst = 0.5, best = 1 }
        [derived.a]
        expr = 'log(param.lr) * baseline.metric."val/x".min'
        unit = "dB"
        direction = "lower"
        description = "some"
        """
    )
    for version in versions(settings.definitions or ()):
        made = version.definition
        found = restored(
            made.name,
            version.content,
            unit=made.unit,
            direction=made.direction,
            description=made.description,
        )
        assert found == made
        assert versions([found])[0].hash == version.hash
        assert pickle.loads(pickle.dumps(made)) == made  # with an ingest's options, to a worker


# --- what is wrong ------------------------------------------------------------------------------

WRONG = [
    # text, line, problem, a part of the hint
    ("derived = 3", 1, "derived: must be a table of definitions", "[derived.my_metric]"),
    ("[derived]\na = 3", 2, "derived.a: must be a table", "write [derived.a]"),
    ("[derived.a]", 1, "derived.a.expr: there is no formula", "accuracy / model_size_mb"),
    ("[derived.a]\nexpr = 3", 2, "derived.a.expr: must be a formula in quotes", ""),
    ("[derived.a]\nexpr = '3'", 2, "derived.a.expr: names no metric", ""),
    ("[derived.a]\nexpr = 'x'\nexp = 'y'", 3, "no key called 'exp'", "did you mean expr?"),
    ("[derived.a]\nexpr = 'x'\ndirection = 'up'", 3, "no direction called 'up'", "lower, higher"),
    ("[derived.a]\nexpr = 'x'\nunit = 3", 3, "must be text in quotes", ""),
    ("[derived.a]\nexpr = 'x'\nunit = '" + "m" * 33 + "'", 3, "longer than 32", ""),
    ("\n[derived.a]\nunit = 'x'\nexpr = 'a +* b'", 4, "nothing stands before '*'\n  a +* b\n", ""),
    ("[derived.'a b']\nexpr = 'x'", 1, "'a b' is no name of a metric", "letters"),
    ("[derived.model]\nexpr = 'x'", 1, "'model' is a field of runs", "something else"),
    ("[derived.Batch]\nexpr = 'x'", 1, "'Batch' is a field of runs", "something else"),
    ("[derived.accuracy]\nexpr = 'x'", 1, "'accuracy' is a metric that files state", "else"),
    ("[derived.speedup]\nexpr = 'x'", 1, "'speedup' is derived by cetrack itself", "else"),
    ("[scores.aurora_score.parts]", 1, "'aurora_score' is a metric that files state", "else"),
    ("[derived.a]\nexpr = 'a'", 2, "formula that needs its own result: a → a", ""),
    (
        "[derived.a]\nexpr = 'b'\n[derived.b]\nexpr = 'a'",
        2,
        "derived.a.expr: a formula that needs its own result: a → b → a",
        "",
    ),
    (
        "[derived.x]\nexpr = 'speedup'\n[scores.x.parts]\na = {weight=1, worst=0, best=1}",
        3,
        "scores.x.parts: 'x' is defined twice",
        "",
    ),
    (
        "[derived.a]\nexpr = 'baseline.speedup'",
        2,
        "derived.a.expr: speedup is itself relative to a baseline",
        "without 'baseline.'",
    ),
    (
        "[derived.a]\nexpr = 'baseline.b'\n[derived.b]\nexpr = 'c'\n"
        "[derived.c]\nexpr = '1/speedup'",
        2,
        "derived.a.expr: b is itself relative to a baseline",
        "",
    ),
    ("[derived.a]\nexpr = 'b.max'\n[derived.b]\nexpr = 'x'", 2, "b is one value", "write b"),
    ("[scores.s]", 1, "scores.s.parts: there are no parts", "[scores.s.parts]"),
    ("[scores.s]\nparts = []", 2, "must be a table of 1 to 50 metrics", "speedup = {"),
    ("[scores.s.parts]\nspeedup = 1", 2, "scores.s.parts.speedup: must be a table", "weight = 1"),
    ("[scores.s.parts]\nx = {weight=1, worst=0}", 2, "best is missing", "weight = 1"),
    ("[scores.s.parts]\nx = {weight=1, worst=0, best='1'}", 2, "best must be a number", ""),
    ("[scores.s.parts]\nx = {weight=1, worst=0, best=true}", 2, "best must be a number", ""),
    ("[scores.s.parts]\nx = {weight=nan, worst=0, best=1}", 2, "weight must be a finite", ""),
    ("[scores.s.parts]\nx = {weight=1, worst=0, best=inf}", 2, "best must be a finite", ""),
    ("[scores.s.parts]\nx = {weight=0, worst=0, best=1}", 2, "weight must be above 0", "leave out"),
    ("[scores.s.parts]\nx = {weight=1, worst=2, best=2}", 2, "worst and best must differ", "above"),
    ("[scores.s.parts]\nx = {weigth=1, worst=0, best=1}", 2, "no key called 'weigth'", "weight?"),
    ("[scores.s.parts]\nx.max = {weight=1, worst=0, best=1}", 2, "called 'max'", '"x.max"'),
    ("[scores.s.parts]\n'x / y' = {weight=1, worst=0, best=1}", 2, "not the name", "[derived."),
    (
        "[scores.s.parts]\nx = {weight=1, worst=0, best=1}\n"
        "'metric.x' = {weight=1, worst=0, best=1}",
        1,
        "x is there twice",
        "",
    ),
    ("[scores.s]\nmissing = 'zero'\n[scores.s.parts]", 2, "no way called 'zero'", "none, renorm"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "problem", "hint"), WRONG)
def test_a_wrong_definition_is_named_with_its_line(
    load: Load, tmp_path: Path, text: str, line: int, problem: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        load(text)

    assert caught.value.message.startswith(f"{tmp_path / 'cetrack.toml'}:{line}: ")
    assert problem in caught.value.message
    assert hint in (caught.value.hint or "")


def test_no_name_of_a_filter_can_be_defined() -> None:
    namespaces = {"metric", "param", "tag", "env", "baseline"}
    assert {*FIELD_OF, *KEYWORDS, *namespaces} == RESERVED
    assert set(Missing) == {"none", "renormalise"}
    assert "last" in AGGREGATES


def test_which_metrics_compare_with_a_baseline_themselves() -> None:
    part = Part(Ref(Of.METRIC, "lost"), 1.0, 0.0, 1.0)
    definitions = ordered(
        [
            Derived(name="density", node=parse("accuracy / latency_mean_ms")),
            Derived(name="lost", node=parse("baseline.accuracy - accuracy")),
            Derived(name="gained", node=parse("speedup - 1")),
            Derived(name="rate", node=parse("throughput_ips / 2")),
            Score(name="worth", parts=(part,)),
        ]
    )

    found = relative_names(definitions)

    assert found >= {"lost", "gained", "worth", "speedup", "accuracy_drop"}
    assert not found & {"density", "rate", "throughput_ips", "energy_per_inference_uj"}
