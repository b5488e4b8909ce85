"""How the databases answer: by indexes, from aggregates, never from points; views included.

The database is small for a test, so PostgreSQL is asked what it does where reading whole tables
costs too much: a condition that does not reach an index then shows as an index read without one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, event, insert

from cetrack import queries
from cetrack.compare import compare
from cetrack.db import schema
from cetrack.filter import parse
from cetrack.filter.tree import TagRef
from cetrack.models import (
    Experiment,
    Metric,
    Model,
    Param,
    Point,
    Precision,
    Run,
    RunMetric,
    Tag,
)
from cetrack.store import Store
from cetrack.trend import trend
from tests.cli.conftest import Filler, filled_with

DOCS = Path(__file__).resolve().parents[2] / "docs"
RUNS, MODELS, METRICS = 4000, 40, ("accuracy", "latency_mean_ms", "loss", "model_size_mb")
PRECISIONS = ("fp32", "fp16", "int8", "int4")
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
Plans = dict[str, list[str]]

__all__ = ["filled_with"]


@pytest.fixture(scope="module")
def large(filled_with: Filler) -> Store:
    """Some thousand runs in forty models and four precisions; the planner knows how many."""
    store = filled_with("plans", ())
    with store.write() as connection:
        connection.execute(delete(Metric))  # those that the schema brings
        for table, rows in _rows().items():
            connection.execute(insert(table), rows)
    schema.note_sizes(store.engine)
    return store


def _rows() -> Mapping[Any, list[dict[str, Any]]]:
    numbers = range(1, RUNS + 1)
    metrics = dict(enumerate(METRICS, 1))
    pairs = [(run, metric) for run in numbers for metric in metrics]
    return {
        Experiment: [{"id": 1, "name": "e", "created_at": EPOCH}],
        Precision: [{"id": i, "name": name} for i, name in enumerate(PRECISIONS, 1)],
        Metric: [{"id": key, "name": name} for key, name in metrics.items()],
        Model: [
            {"id": i, "name": f"model{i}", "category": "vision" if i % 2 else "nlp"}
            for i in range(1, MODELS + 1)
        ],
        Run: [_run(number) for number in numbers],
        RunMetric: [
            {
                "run_id": run,
                "metric_id": metric,
                "count": 1,
                "nan_count": 0,
                "last_step": 0,
                "last": (run * 7919 % 1000) / 1000,
            }
            for run, metric in pairs
        ],
        Point: [{"run_id": run, "metric_id": metric, "step": 0} for run, metric in pairs],
        Param: [
            {"run_id": run, "key": "lr", "text": str(run % 50), "number": run % 50}
            for run in numbers
        ],
        Tag: [{"run_id": run, "key": "status", "value": "draft"} for run in numbers],
    }


def _run(number: int) -> dict[str, Any]:
    model = number % MODELS + 1
    return {
        "id": number,
        "uid": f"{number:032x}",
        "content_key": str(number),
        "experiment_id": 1,
        "model_id": model,
        "precision_id": number // MODELS % len(PRECISIONS) + 1,
        "kind": "benchmark",
        "status": "finished",
        "started_at": EPOCH + timedelta(hours=number),
        "time_source": "file",
        "baseline_run_id": number - 1 if number > 1 else None,
        "series_key": f"series{model}_{number // MODELS % len(PRECISIONS)}",
        "like_key": f"like{model}",
    }


# --- plans --------------------------------------------------------------------------------------


def plans_of(store: Store, work: Callable[[], object]) -> Plans:
    """Every statement that ``work`` executes, with its plan, a line per step."""
    found: Plans = {}
    with noted(store) as statements:
        work()
    with store.read() as connection:
        connection.exec_driver_sql(_CAREFULLY.get(connection.dialect.name, "SELECT 1"))
        for statement, values in statements:
            found[statement] = _plan(connection, statement, values)
    return found


_CAREFULLY = {"postgresql": "SET LOCAL enable_seqscan = off"}


@contextmanager
def noted(store: Store) -> Iterator[list[tuple[str, Any]]]:
    statements: list[tuple[str, Any]] = []

    def note(_1: Any, _2: Any, statement: str, values: Any, *_: Any) -> None:
        if statement.lstrip().startswith("SELECT"):
            statements.append((statement, values))

    event.listen(store.engine, "before_cursor_execute", note)
    yield statements
    event.remove(store.engine, "before_cursor_execute", note)


def _plan(connection: Connection, statement: str, values: Any) -> list[str]:
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        return [row[3] for row in rows]
    rows = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values)
    return list(_steps(rows.scalar_one()[0]["Plan"]))


def _steps(node: Mapping[str, Any], table: str = "") -> Iterator[str]:
    """Steps that read a table as SQLite writes them: SEARCH by a condition, SCAN without one."""
    table = node.get("Relation Name", table)
    if "Scan" in node["Node Type"] and table and node["Node Type"] != "Bitmap Heap Scan":
        word = "SEARCH" if "Index Cond" in node else "SCAN"
        yield f"{word} {table} ({node.get('Index Cond', '')})"
    for part in node.get("Plans", ()):
        yield from _steps(part, table)


def tables_in(lines: Sequence[str], word: str) -> set[str]:
    """The tables that a plan goes through in this way; an alias counts as what it is."""
    names = (re.match(rf"{word} (\w+)", line) for line in lines)
    aliases = {"reference": "run_metric", "other_run": "run", "baseline": "run", "parent": "run"}
    return {aliases.get(match[1], match[1]) for match in names if match}


def test_the_plans_show_a_scan_where_there_is_one(large: Store) -> None:
    """What the tests below look for is seen where it happens."""
    with large.read() as connection:
        connection.exec_driver_sql(_CAREFULLY.get(connection.dialect.name, "SELECT 1"))
        empty: Any = () if connection.dialect.name == "sqlite" else {}
        points = _plan(connection, "SELECT avg(value) FROM point", empty)
        window = "SELECT rank() OVER (PARTITION BY run_id ORDER BY last) AS r, * FROM run_metric"
        ranked = _plan(connection, f"SELECT * FROM ({window}) AS w WHERE metric_id = 1", empty)

    assert "point" in tables_in(points, "SCAN")
    assert "run_metric" in tables_in(ranked, "SCAN")


# --- filters ------------------------------------------------------------------------------------

NARROW = (
    "category=vision and precision=int8 and accuracy >= 0.9",
    "model=model7 and accuracy >= 0.9 and latency_mean_ms < 0.2",
    'model ~ "model1*" and not tag.status=draft and accuracy > 0.9',
    "accuracy > 0.99",
    "model=model7 and accuracy.max > 0.5",
    "model=model7 and param.lr < 1",
    "started >= 2026-05-30",
    "model=model7 and speedup >= 2",
    "model=model7 and precision=int8 and size_ratio exists",
)


@pytest.mark.parametrize("text", NARROW)
def test_a_filter_is_answered_by_indexes(large: Store, text: str) -> None:
    plans = plans_of(large, lambda: queries.list_runs(large, where=parse(text), limit=20))

    for statement, lines in plans.items():
        grown = {"run", "run_metric", "point", "param", "tag"}
        assert tables_in(lines, "SCAN") & grown == set(), (statement, lines)
        assert "point" not in tables_in(lines, "SEARCH")


def _documented() -> list[str]:
    """The filters of docs/filter.md."""
    blocks = re.findall(r"```text\n(.*?)```", (DOCS / "filter.md").read_text("utf-8"), re.DOTALL)
    lines = (
        re.sub(r" {2,}#.*", "", line).strip() for block in blocks for line in block.split("\n")
    )
    return [line for line in lines if line]


def test_no_filter_reads_points(large: Store) -> None:
    filters = _documented()
    assert len(filters) > 30
    for text in filters:
        plans = plans_of(large, lambda text=text: queries.list_runs(large, where=parse(text)))
        for lines in plans.values():
            assert "point" not in tables_in(lines, "SCAN") | tables_in(lines, "SEARCH")


# --- queries ------------------------------------------------------------------------------------

UID = f"{7:032x}"
WHERE = parse(NARROW[0])
WORK: Mapping[str, Callable[[Store], object]] = {
    "runs": lambda store: queries.list_runs(store, limit=50),
    "sorted by a metric": lambda store: queries.list_runs(store, sort=["-accuracy"], limit=50),
    "everything": lambda store: queries.list_runs(store, detail=queries.Detail.FULL),
    "models": lambda store: queries.list_models(store),
    "some models": lambda store: queries.list_models(store, where=WHERE),
    "metrics": lambda store: queries.list_metrics(store),
    "some metrics": lambda store: queries.list_metrics(store, where=WHERE),
    "size": queries.database_size,
    "one run": lambda store: queries.show_run(store, UID),
    **{
        view: lambda store, view=view: queries.view_rows(store, view, WHERE)
        for view in ("runs", "measurements", "comparisons", "history")
    },
    "history of a metric": lambda store: queries.view_rows(
        store, "history", WHERE, metric="accuracy"
    ),
    "a derived metric": lambda store: queries.list_runs(store, where=parse("speedup >= 2")),
    "compare": compare,
    "compare with all baselines": lambda store: compare(store, where=WHERE, allow_mixed=True),
    "trend": lambda store: trend(store, "accuracy", where=WHERE),
    "trend by a tag": lambda store: trend(store, "accuracy", by=TagRef("status")),
}


@pytest.mark.parametrize("name", WORK)
def test_queries_read_aggregates_and_never_points(large: Store, name: str) -> None:
    plans = plans_of(large, lambda: WORK[name](large))

    assert plans
    for lines in plans.values():
        assert "point" not in tables_in(lines, "SCAN") | tables_in(lines, "SEARCH")


def test_the_trend_of_a_series_is_answered_by_indexes(large: Store) -> None:
    where = parse("model=model7 and precision=int8")
    plans = plans_of(large, lambda: trend(large, "accuracy", where=where))

    for statement, lines in plans.items():
        assert tables_in(lines, "SCAN") & {"run", "run_metric", "point"} == set(), (
            statement,
            lines,
        )


def test_a_comparison_of_one_model_is_answered_by_indexes(large: Store) -> None:
    plans = plans_of(large, lambda: compare(large, where=parse("model=model7")))

    for statement, lines in plans.items():
        assert tables_in(lines, "SCAN") & {"run", "run_metric", "point", "sample"} == set(), (
            statement,
            lines,
        )


def test_the_newest_runs_are_found_without_sorting_all(large: Store) -> None:
    plans = plans_of(large, lambda: queries.list_runs(large, limit=50))

    ordered = next(lines for text, lines in plans.items() if "ORDER BY run.started_at" in text)
    assert not any("USE TEMP B-TREE FOR ORDER BY" in line for line in ordered)


# --- views --------------------------------------------------------------------------------------

BY_NAME = tuple(
    f"SELECT * FROM {view} WHERE {condition}"
    for view in ("history", "measurements", "comparisons")
    for condition in (
        "model = 'model7' AND metric = 'accuracy'",
        "model = 'model7' AND precision = 'int8' AND metric = 'accuracy'",
        "precision = 'int8' AND metric = 'accuracy'",
        "model = 'model7'",
        f"uid = '{UID}'",
    )
    # a series is numbered whole, whichever of its runs is asked for
    if (view, condition) != ("history", f"uid = '{UID}'")
)


@pytest.mark.parametrize("statement", BY_NAME)
def test_a_name_reaches_the_indexes_below_a_view(large: Store, statement: str) -> None:
    with large.read() as connection:
        connection.exec_driver_sql(_CAREFULLY.get(connection.dialect.name, "SELECT 1"))
        empty: Any = () if connection.dialect.name == "sqlite" else {}
        lines = _plan(connection, statement, empty)

    assert "run_metric" in tables_in(lines, "SEARCH")
    assert tables_in(lines, "SCAN") & {"run_metric", "point"} == set(), lines


# --- how many -----------------------------------------------------------------------------------


def test_a_narrow_answer_and_a_wide_one_take_as_many_statements(large: Store) -> None:
    counts = []
    for text in ("model=model7 and precision=int8", "accuracy >= 0"):
        where = parse(text)
        with noted(large) as statements:
            trend(large, "accuracy", where=where, by=TagRef("status"))
            table = queries.list_runs(large, where=where)
            queries.list_runs(large, where=where, detail=queries.Detail.FULL, limit=3000)
            queries.list_models(large, where=where)
            queries.list_metrics(large, where=where)
            for view in ("runs", "measurements", "comparisons", "history"):
                queries.view_rows(large, view, where)
        counts.append((len(table.rows), len(statements)))

    (few, of_few), (many, of_many) = counts
    assert (few, many) == (RUNS // MODELS // len(PRECISIONS), RUNS)
    assert of_few == of_many
