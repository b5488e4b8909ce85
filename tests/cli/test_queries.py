"""Lists of runs, models and metrics, and one run, on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from cetrack import queries
from cetrack.db import schema
from cetrack.errors import UsageError
from cetrack.queries import Detail
from cetrack.report import Format, Table, render_sections
from cetrack.store import Store
from tests.cli.conftest import Filler
from tests.cli.filling import Spec, fill, uid

RUNS = (
    Spec(
        uid=uid(1),
        metrics={"accuracy": 0.80, "latency_mean_ms": 8.0, "odd, (name)": 1.0, "name": 7.0},
        params={"lr": 0.1, "opt": "sgd", "layers": 50},
        tags={"status": "draft"},
    ),
    Spec(
        uid=uid(2),
        precision="int8",
        metrics={"accuracy": 0.79, "latency_mean_ms": 4.0},
        params={"lr": 0.01},
        baseline=uid(1),
    ),
    Spec(uid=uid(3), model="Bert", library="", day="2026-06-05", metrics={"accuracy": 0.9}),
    Spec(
        uid=uid(4),
        model="alexnet",
        library="timm",
        kind="training",
        day="2026-05-01",
        metrics={"val/accuracy": [0.5, 0.7, 0.6]},
    ),
)


@pytest.fixture
def filled(filled_with: Filler) -> Store:
    return filled_with("queries", RUNS)


def names(table: Table, column: str = "uid") -> list[Any]:
    return [str(cell)[:2] for cell in table.cells(table.names.index(column))]


def column(table: Table, name: str) -> list[Any]:
    return table.cells(table.names.index(name))


def test_runs_are_listed_newest_first_with_the_metrics_that_matter(filled: Store) -> None:
    table = queries.list_runs(filled)

    assert names(table) == ["a3", "a1", "a2", "a4"]
    assert table.names == [
        *("uid", "model", "library", "precision", "kind", "started_at"),
        *("accuracy", "latency_mean_ms", "val/accuracy", "metric.name", "odd, (name)"),
    ]
    assert column(table, "accuracy") == [0.9, 0.8, 0.79, None]
    assert column(table, "val/accuracy") == [None, None, None, 0.6]


def test_blank_columns_are_left_out(filled: Store) -> None:
    where = queries.parse_filter(filled, ["model=Bert"])

    table = queries.list_runs(filled, where=where)

    assert table.names == ["uid", "model", "precision", "kind", "started_at", "accuracy"]


def test_every_field_and_every_metric(filled: Store) -> None:
    table = queries.list_runs(filled, detail=Detail.FULL)

    assert {"run_id", "series_key", "baseline_uid", "seed"} <= set(table.names)
    assert table.names[-5:] == [
        *("accuracy", "latency_mean_ms", "metric.name", "odd, (name)", "val/accuracy")
    ]
    assert column(table, "metric.name") == [None, 7.0, None, None]
    assert column(table, "uid")[0] == uid(3)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("model", ["Bert", "resnet50", "resnet50", "alexnet"]),
        ("accuracy", [0.9, 0.8, 0.79, None]),
        ("top1", [0.9, 0.8, 0.79, None]),
        ("metric.accuracy", [0.9, 0.8, 0.79, None]),
        ("val/accuracy.max", [None, None, None, 0.7]),
        ("val/accuracy.min", [None, None, None, 0.5]),
        ("val/accuracy.mean", [None, None, None, pytest.approx(0.6)]),
        ("val/accuracy.max_step", [None, None, None, 2]),
        ('metric."odd, (name)"', [None, 1.0, None, None]),
        ("metric.name", [None, 7.0, None, None]),
        ("name", [None, None, None, None]),
        ("param.lr", [None, 0.1, 0.01, None]),
        ("param.layers", [None, 50, None, None]),
        ("param.opt", [None, "sgd", None, None]),
        ("tag.status", [None, "draft", None, None]),
        ("env.device", ["cpu"] * 4),
    ],
)
def test_columns(filled: Store, asked: str, expected: list[Any]) -> None:
    table = queries.list_runs(filled, columns=[asked])

    assert table.cells(0) == expected


def test_several_columns_come_as_asked(filled: Store) -> None:
    table = queries.list_runs(
        filled, columns=["model,accuracy.max", 'metric."odd, (name)"', "param.lr , tag.status"]
    )

    assert table.names == ["model", "accuracy.max", "odd, (name)", "param.lr", "tag.status"]
    assert table.rows[1] == ("resnet50", 0.8, 1.0, 0.1, "draft")


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("accuracy", ["a2", "a1", "a3", "a4"]),
        ("-accuracy", ["a3", "a1", "a2", "a4"]),
        ("model,-precision", ["a3", "a4", "a2", "a1"]),  # by bytes: B before a
        ("started_at", ["a4", "a1", "a2", "a3"]),
        ("-param.lr", ["a1", "a2", "a3", "a4"]),
        ("param.opt", ["a1", "a2", "a3", "a4"]),
        ("tag.status", ["a1", "a2", "a3", "a4"]),
        ("-val/accuracy.max", ["a4", "a1", "a2", "a3"]),
        ("library", ["a4", "a1", "a2", "a3"]),
    ],
)
def test_sorting_is_the_same_everywhere_with_blanks_last(
    filled: Store, sort: str, expected: list[str]
) -> None:
    assert names(queries.list_runs(filled, sort=[sort])) == expected


def test_a_limit_says_how_many_there_are(filled: Store) -> None:
    where = queries.parse_filter(filled, ["accuracy exists"])

    table = queries.list_runs(filled, where=where, sort=["-accuracy"], limit=2)

    assert names(table) == ["a3", "a1"]
    assert column(table, "accuracy") == [0.9, 0.8]
    assert table.total == 3


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ("accurcy", "accuracy"),
        ("modle", "model"),
        ("metric.nothing", None),
        ("param.lrr", "param.lr"),
        ("tag.statu", "tag.status"),
        ("a b c", None),
    ],
)
def test_an_unknown_column_names_the_nearest(filled: Store, wrong: str, hint: str | None) -> None:
    with pytest.raises(UsageError, match="no column called") as caught:
        queries.list_runs(filled, columns=[wrong])
    assert hint is None or hint in (caught.value.hint or "")
    with pytest.raises(UsageError, match="no column called"):
        queries.list_runs(filled, sort=[f"-{wrong}"])


@contextmanager
def counted(engine: Engine) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_1: Any, _2: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


def test_the_number_of_statements_does_not_grow_and_none_reads_points(store: Store) -> None:
    few = [Spec(uid=uid(n), metrics={"accuracy": 0.5}, params={"lr": 1}) for n in range(100, 102)]
    many = [Spec(uid=uid(n), metrics={"accuracy": 0.5}, params={"lr": 1}) for n in range(200, 800)]
    counts = []
    for specs in (few, many):
        fill(store, specs) if specs is few else _add(store, specs)
        with counted(store.engine) as statements:
            queries.list_runs(store, limit=900)
            queries.list_runs(store, columns=["accuracy,param.lr"], sort=["-accuracy"])
            queries.list_runs(store, detail=Detail.FULL)
            queries.list_models(store)
            queries.list_metrics(store)
            queries.show_run(store, uid(100))
        counts.append(len(statements))
        assert not [text for text in statements if " point" in text.lower()]

    assert counts[0] == counts[1]


def _add(store: Store, specs: list[Spec]) -> None:
    from cetrack.interning import Interner
    from cetrack.store import insert_runs

    with store.write() as connection:
        insert_runs(connection, Interner(connection), [spec.new_run() for spec in specs])


# --- one run ------------------------------------------------------------------------------------


def test_everything_about_a_run(filled: Store) -> None:
    shown = json.loads(render_sections(queries.show_run(filled, "a2"), Format.JSON))

    assert shown["uid"] == uid(2)
    assert (shown["model"], shown["precision"], shown["device"]) == ("resnet50", "int8", "cpu")
    assert shown["baseline_uid"] == uid(1)
    assert shown["params"] == {"lr": 0.01}
    assert shown["artifacts"] == []
    assert shown["sources"] == [
        {
            "uri": "/results/nightly.json",
            "place": f"/{uid(2)}",
            "reader": "benchmark",
            "seen_at": "2026-06-02T00:00:00Z",
        }
    ]
    assert [row["metric"] for row in shown["metrics"]] == ["latency_mean_ms", "accuracy"]
    latency = shown["comparison"][0]
    assert (latency["value"], latency["baseline_value"], latency["ratio"]) == (4.0, 8.0, 0.5)
    assert [row["improved"] for row in shown["comparison"]] == [True, False]


def test_the_spread_of_a_training_run(filled: Store) -> None:
    shown = json.loads(render_sections(queries.show_run(filled, uid(4)), Format.JSON))

    (accuracy,) = shown["metrics"]
    assert (accuracy["min"], accuracy["max"], accuracy["value"]) == (0.5, 0.7, 0.6)
    assert (accuracy["count"], accuracy["last_step"]) == (3, 3)
    assert accuracy["mean"] == pytest.approx(0.6)
    assert accuracy["std"] == pytest.approx(0.1)
    assert shown["comparison"] == []


def test_a_uid_may_be_shortened_as_long_as_it_is_clear(filled: Store) -> None:
    assert queries.find_uid(filled, "A3") == uid(3)
    with pytest.raises(UsageError, match="no run begins with 'zz'"):
        queries.find_uid(filled, "zz")
    with pytest.raises(UsageError, match="no run begins with ''"):
        queries.find_uid(filled, "")
    with pytest.raises(UsageError, match="'a' begins several runs") as caught:
        queries.find_uid(filled, "a")
    assert "a100000000 (resnet50 fp32)" in (caught.value.hint or "")


def test_a_uid_is_no_pattern(filled: Store) -> None:
    with pytest.raises(UsageError, match="no run begins with 'a_'"):
        queries.find_uid(filled, "a_")


# --- models and metrics -------------------------------------------------------------------------


def test_models(filled: Store) -> None:
    table = queries.list_models(filled)

    assert [row[0] for row in table.rows] == ["Bert", "alexnet", "resnet50"]
    assert table.rows[2][1:6] == ("torchvision", "vision", "3x224x224", "fp32, int8", 2)
    assert str(table.rows[0][6]).startswith("2026-06-05")
    assert table.rows[0][1] is None


def test_models_of_the_runs_that_match(filled: Store) -> None:
    where = queries.parse_filter(filled, ["precision=INT8"])

    assert [row[:1] + row[4:6] for row in queries.list_models(filled, where=where).rows] == [
        ("resnet50", "int8", 1)
    ]


def test_metrics(filled: Store) -> None:
    rows = {row[0]: row[1:] for row in queries.list_metrics(filled).rows}

    assert list(rows) == sorted(rows)
    assert rows["accuracy"][:4] == ("fraction", "higher", "quality", 3)
    assert rows["odd, (name)"][:2] == (None, None)
    where = queries.parse_filter(filled, ["kind=training"])
    assert [row[0] for row in queries.list_metrics(filled, where=where).rows] == ["val/accuracy"]


def test_the_size_of_a_database(filled: Store) -> None:
    sizes = dict(queries.database_size(filled).rows)

    assert (sizes["run"], sizes["point"], sizes["source"]) == (4, 10, 1)
    assert isinstance(sizes["size_bytes"], int)
    assert sizes["schema"] == schema.head()


def test_an_empty_database(store: Store) -> None:
    assert queries.list_runs(store).rows == ()
    assert queries.list_runs(store, detail=Detail.FULL).names[0] == "run_id"
    assert queries.list_models(store).rows == ()
    assert queries.list_metrics(store).rows == ()
    assert dict(queries.database_size(store).rows)["point"] == 0
