"""One language, three evaluators: SQLite, PostgreSQL and Python agree, and all obey logic."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from filter_stores import Spec, inserted
from filter_trees import stores, trees
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, select

from cetrack.filter import matches, parse, to_sql
from cetrack.filter.tree import And, Expr, Not, Or
from cetrack.models import runs_view

# Building a store is what costs, so one is asked many questions.
_settings = settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
_questions = st.lists(trees(), min_size=8, max_size=12)

Answers = list[list[bool]]


def _in_database(connection: Connection, exprs: Sequence[Expr]) -> Answers:
    """The answers of every run, by uid; a NULL would come out as None, and equal neither."""
    columns = [to_sql(expr).label(f"q{number}") for number, expr in enumerate(exprs)]
    query = select(*columns).select_from(runs_view).order_by(runs_view.c.run_id)
    return [list(row) for row in connection.execute(query)]


def _in_python(specs: Sequence[Spec], exprs: Sequence[Expr]) -> Answers:
    runs = [spec.as_filter_run() for spec in specs]
    return [[matches(expr, run) for expr in exprs] for run in runs]


@_settings
@given(specs=stores(), exprs=_questions)
def test_database_and_python_agree(engine: Engine, specs: list[Spec], exprs: list[Expr]) -> None:
    with inserted(engine, specs) as connection:
        found = _in_database(connection, exprs)

    assert found == _in_python(specs, exprs)


@settings(_settings, max_examples=8)
@given(specs=stores(), exprs=_questions)
def test_a_database_obeys_the_laws_of_logic(
    engine: Engine, specs: list[Spec], exprs: list[Expr]
) -> None:
    p, q = exprs[0], exprs[1]
    pairs = [(Not(Not(expr)), expr) for expr in exprs]
    pairs += [
        (Not(And((p, q))), Or((Not(p), Not(q)))),
        (Not(Or((p, q))), And((Not(p), Not(q)))),
        (And((p, Or((p, q)))), p),
    ]
    certain = [Or((expr, Not(expr))) for expr in exprs]
    absurd = [And((expr, Not(expr))) for expr in exprs]

    with inserted(engine, specs) as connection:
        left = _in_database(connection, [one for one, _ in pairs])
        right = _in_database(connection, [other for _, other in pairs])
        always = _in_database(connection, certain)
        never = _in_database(connection, absurd)

    assert left == right
    assert all(map(all, always))
    assert not any(map(any, never))


_STACKED = "model=a"
for _ in range(50):
    _STACKED = f"b=1 or not library=c and ({_STACKED})"
_NEGATED = "model=a"
for _ in range(50):
    _NEGATED = f"not (os=b or library=c and {_NEGATED})"
LARGE = {
    "stacked": _STACKED,
    "negated": _NEGATED,
    "opened": "(" * 50 + "model=a" + ") and b=1 or c.max=2" * 50,
    "or": " or ".join(["os=a"] * 1_100),
    "and": " and ".join(["not os=a"] * 700),
    "in": f"model in ({','.join(['ab'] * 3_200)})",
    "periods": f"started={','.join(['2026'] * 1_100)}",
    "globs": f"model~{','.join(['a*'] * 1_100)}",
    "stars": f"model~{'a*' * 500}",
    "marks": f'model~"{"?" * 1_000}"',
    "classes": f'model~"{"[a-k]*" * 160}"',
    "shape": f"shape=3x{'x'.join('*' * 498)}",
}


@pytest.mark.parametrize("name", LARGE)
def test_the_deepest_and_the_longest_filters_run(engine: Engine, name: str) -> None:
    specs = [Spec("a1", {"model": "a" * 1_000}), Spec("b2", {"input_shape": "x".join("3" * 499)})]
    expr = parse(LARGE[name])

    with inserted(engine, specs) as connection:
        found = list(connection.scalars(select(runs_view.c.uid).where(to_sql(expr))))

    assert found == [spec.uid for spec in specs if matches(expr, spec.as_filter_run())]
