"""Tables for papers on both databases: layout, spreads, baselines, the best, what is refused."""

from __future__ import annotations

import io
import json
import shlex
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cetrack.choices import Which
from cetrack.errors import UsageError
from cetrack.ingest import IngestOptions, ingest
from cetrack.mappings import MappingError
from cetrack.report import Format, render, render_bytes
from cetrack.report.exact import decoded, encoded
from cetrack.report.frozen import FrozenError, sealed, thaw
from cetrack.report.table import Cell, Spread, Table
from cetrack.store import Store
from cetrack.table_request import (
    Best,
    Order,
    Show,
    TableRequest,
    as_command,
    as_toml,
    as_words,
    parse_request,
)
from cetrack.tables import frozen_table, paper_table
from tests.ingest.producing import write

Take = Callable[..., None]
TEXTS = (Format.LATEX, Format.HTML, Format.MD, Format.CSV, Format.JSON)
HOSTILE = (
    "a_b%c&d#e\\f{g}",
    "=1+1",
    "<script>alert(1)</script>",
    "-->x",
    "مرحبا\u202eabc",
    "x\x1b[31m|y",
    "'; DROP TABLE run; --",
    "$x$ ^~ `",
)


@pytest.fixture
def take(store: Store, tmp_path: Path) -> Take:
    """``take(content, seed=1, …)``: ingest a results file with these facts set."""
    count = 0

    def ingest_one(content: Mapping[str, Any], **facts: object) -> None:
        nonlocal count
        count += 1
        path = write(tmp_path / f"r_2026-06-{count % 28 + 1:02}_{count}.json", content)
        settings = {"variant": "v", **{key: str(value) for key, value in facts.items()}}
        report = ingest(store, [str(path)], IngestOptions(settings=settings))
        assert not report.rejected, report.rejected

    return ingest_one


def entry(accuracy: float, latency_ms: float, size_mb: float = 10.0) -> dict[str, float]:
    return {"accuracy": accuracy, "latency_mean_ms": latency_ms, "model_size_mb": size_mb}


def wanted(**words: Any) -> TableRequest:
    return parse_request(words)


def cells(table: Table) -> list[dict[str, Cell]]:
    return [dict(zip(table.names, row, strict=True)) for row in table.rows]


@pytest.fixture
def simple(take: Take) -> None:
    take(
        {
            "resnet": {"fp32": entry(0.80, 8.0, 100.0), "int8": entry(0.79, 4.0, 25.0)},
            "lenet": {"fp32": entry(0.95, 1.0, 2.0), "int8": entry(0.95, 1.5, 0.5)},
        }
    )


# --- layout -------------------------------------------------------------------------------------


def test_without_any_word_models_are_rows_and_precisions_columns(
    simple: None, store: Store
) -> None:
    table = paper_table(store, TableRequest())

    assert table.names == [
        "model",
        *["accuracy.fp32", "accuracy.int8"],
        *["latency_mean_ms.fp32", "latency_mean_ms.int8"],
        *["model_size_mb.fp32", "model_size_mb.int8"],
    ]
    assert table.rows == (
        ("lenet", 0.95, 0.95, 1.0, 1.5, 2.0, 0.5),
        ("resnet", 0.80, 0.79, 8.0, 4.0, 100.0, 25.0),
    )
    groups = [column.group for column in table.columns[1::2]]
    assert groups == ["Accuracy ↑", "Latency mean (ms) ↓", "Model size (MB) ↓"]
    assert [column.heading for column in table.columns[:3]] == ["Model", "fp32", "int8"]
    assert table.notes == ()


def test_columns_may_be_grouped_by_what_they_are_of(simple: None, store: Store) -> None:
    table = paper_table(store, wanted(metrics="acc,latency_mean_ms", order="column"))

    assert [(column.group, column.heading) for column in table.columns[1:]] == [
        ("fp32", "Accuracy ↑"),
        ("fp32", "Latency mean (ms) ↓"),
        ("int8", "Accuracy ↑"),
        ("int8", "Latency mean (ms) ↓"),
    ]
    assert table.rows[1] == ("resnet", 0.80, 8.0, 0.79, 4.0)


def test_precisions_may_be_rows(simple: None, store: Store) -> None:
    table = paper_table(store, wanted(rows="model,precision", metrics="accuracy"))

    assert table.names == ["model", "precision", "accuracy"]
    assert table.columns[2].heading == "Accuracy ↑"
    assert table.rows == (
        ("lenet", "fp32", 0.95),
        ("lenet", "int8", 0.95),
        ("resnet", "fp32", 0.80),
        ("resnet", "int8", 0.79),
    )


def test_models_may_be_columns(simple: None, store: Store) -> None:
    table = paper_table(store, wanted(columns="model", metrics="accuracy"))

    assert table.names == ["precision", "accuracy.lenet", "accuracy.resnet"]
    assert table.rows == (("fp32", 0.95, 0.80), ("int8", 0.95, 0.79))


def test_precisions_come_with_falling_bits_and_the_baseline_first(take: Take, store: Store) -> None:
    take({"m": {name: entry(0.9, 1.0) for name in ("int4", "fp16", "int8", "fp32")}})

    plain = paper_table(store, wanted(metrics="accuracy"))
    compared = paper_table(store, wanted(metrics="accuracy", baseline="FP16", show="value"))

    assert [column.title for column in plain.columns[1:]] == ["fp32", "fp16", "int8", "int4"]
    assert [column.title for column in compared.columns[1:]] == ["fp16", "fp32", "int8", "int4"]


def test_a_cell_without_a_run_is_missing(take: Take, store: Store) -> None:
    take({"a": {"fp32": entry(0.9, 1.0)}, "b": {"int8": {"accuracy": 0.8}}})

    table = paper_table(store, wanted(metrics="accuracy,latency_mean_ms", missing="n/a"))

    assert cells(table) == [
        {"model": "a", "accuracy.fp32": 0.9, "accuracy.int8": None, "latency_mean_ms.fp32": 1.0},
        {"model": "b", "accuracy.fp32": None, "accuracy.int8": 0.8, "latency_mean_ms.fp32": None},
    ]
    for format in (Format.TABLE, Format.MD, Format.HTML, Format.LATEX):
        assert "n/a" in render(table, format)
    assert "n/a" not in render(table, Format.CSV) + render(table, Format.JSON)


def test_rows_are_sorted_by_a_column_or_a_metric(simple: None, store: Store) -> None:
    for key in ("-latency_mean_ms.fp32", "-latency_mean_ms", "accuracy", "-model"):
        table = paper_table(store, wanted(sort=key, best="column"))
        assert [row[0] for row in table.rows] == ["resnet", "lenet"], key
        assert (1, 1) in table.best  # the accuracy of lenet, wherever it went
    with pytest.raises(UsageError, match="no column called 'latncy'"):
        paper_table(store, wanted(sort="latncy"))


def test_the_caption_is_above_the_table(simple: None, store: Store) -> None:
    table = paper_table(store, wanted(caption="INT8 & co"))

    assert "\\caption{INT8 \\& co}" in render(table, Format.LATEX)
    assert '<caption dir="auto">INT8 &amp; co</caption>' in render(table, Format.HTML)
    assert render(table, Format.MD).startswith("**INT8 &amp; co**\n\n")
    assert render(table, Format.TABLE).startswith("INT8 & co\n\n")


def test_decimals_of_a_metric_may_be_set(simple: None, store: Store) -> None:
    table = paper_table(store, wanted(metrics="accuracy", digits=["acc=1"], baseline="fp32"))

    assert render(table, Format.MD).splitlines()[2:4] == [
        "| lenet  |             0.9 |             0.9 |                0.0 |",
        "| resnet |             0.8 |             0.8 |               -1.3 |",
    ]


def test_all_metrics_of_the_runs(simple: None, take: Take, store: Store) -> None:
    take({"other": {"fp32": {"wobble": 1.0}}})

    table = paper_table(store, wanted(rows="model,precision", metrics="all", filter="model=lenet"))

    assert table.names[2:] == ["accuracy", "latency_mean_ms", "model_size_mb"]


# --- several runs in a cell ---------------------------------------------------------------------


def test_seeds_become_mean_and_standard_deviation(take: Take, store: Store) -> None:
    accuracies = [0.91, 0.93, 0.90, 0.925]
    for seed, accuracy in enumerate(accuracies):
        take({"m": {"int8": entry(accuracy, 2.0 + seed)}}, seed=seed)

    table = paper_table(store, TableRequest())

    (row,) = cells(table)
    spread = row["accuracy.int8"]
    assert isinstance(spread, Spread)
    assert spread.mean == pytest.approx(np.mean(accuracies), rel=1e-15)
    assert spread.std == pytest.approx(np.std(accuracies, ddof=1), rel=1e-12)
    assert spread.n == 4
    assert row["model_size_mb.int8"] == 10.0  # no seed changes it
    assert table.notes == (
        "±: standard deviation (n-1) over 4 seeds.",
        "The same in all seeds: Model size.",
    )


def test_the_newest_of_a_seed_counts_unless_all_are_asked_for(take: Take, store: Store) -> None:
    for night, latency in enumerate((9.0, 8.0, 4.0)):
        take({"m": {"int8": entry(0.9, latency)}}, seed=1, host=f"h{night}")

    latest = paper_table(store, wanted(metrics="latency_mean_ms"))
    every = paper_table(store, wanted(metrics="latency_mean_ms", runs="all"))

    assert latest.rows == (("m", 4.0),)
    assert every.rows == (("m", Spread(7.0, pytest.approx(7**0.5), 3)),)
    assert every.notes == ("±: standard deviation (n-1) over 3 runs.",)


def test_a_field_that_splits_a_series_shows_the_newest_of_each_part(
    take: Take, store: Store
) -> None:
    for host, latency in (("h1", 9.0), ("h2", 8.0), ("h1", 7.0)):
        take({"m": {"int8": entry(0.9, latency)}}, seed=1, host=host)

    table = paper_table(store, wanted(rows="model,host", metrics="latency_mean_ms"))

    assert table.rows == (("m", "h1", 7.0), ("m", "h2", 8.0))


def test_repetitions_within_a_run_are_said(take: Take, store: Store) -> None:
    spread = {"mean": 5.0, "std": 0.5, "min": 4.0, "max": 6.0, "n": 10}
    take({"m": {"int8": {"latency_ms": spread}}})

    table = paper_table(store, TableRequest())

    assert table.rows == (("m", Spread(5.0, 0.5, 10)),)
    assert table.notes == ("±: standard deviation (n-1) over the 10 repetitions of one run.",)


def test_series_are_not_mixed_but_told_apart(take: Take, store: Store) -> None:
    take({"m": {"int8": entry(0.9, 4.0)}}, method="ptq", device="cpu")
    take({"m": {"int8": entry(0.8, 3.0)}}, method="qat", device="cpu")
    take({"m": {"int8": entry(0.7, 1.0)}}, method="qat", device="gpu")

    table = paper_table(store, wanted(metrics="accuracy"))

    assert table.names == ["model", "device", "accuracy.int8.ptq", "accuracy.int8.qat"]
    assert table.rows == (("m", "cpu", 0.9, 0.8), ("m", "gpu", None, 0.7))


def test_mixed_series_are_refused_with_the_fields_that_differ(take: Take, store: Store) -> None:
    take({"m": {"int8": entry(0.9, 4.0)}}, device="cpu", batch_size=1)
    take({"m": {"int8": entry(0.8, 2.0)}}, device="gpu", batch_size=8)
    request = wanted(rows="model", columns="precision", metrics="accuracy")

    with pytest.raises(UsageError) as raised:
        paper_table(store, request)

    assert raised.value.message == (
        "accuracy of m int8 would be a mean over several series "
        "(batch_size: 1, 8; device: cpu, gpu)"
    )
    assert raised.value.hint is not None
    assert "add batch_size,device to --rows or --columns" in raised.value.hint
    insisted = paper_table(store, replace(request, allow_mixed=True))
    ((_, cell),) = insisted.rows
    assert isinstance(cell, Spread)
    assert cell.mean == pytest.approx(0.85)
    assert insisted.notes == (
        "±: standard deviation (n-1) over 2 runs.",
        "Means over series that differ in batch_size, device.",
    )
    filtered = paper_table(store, replace(request, filter=("device=gpu",)))
    assert filtered.rows == (("m", 0.8),)


# --- against a baseline -------------------------------------------------------------------------


def test_changes_against_the_baseline(simple: None, store: Store) -> None:
    table = paper_table(
        store,
        wanted(metrics="latency_mean_ms", baseline="fp32", show="value,delta,delta_pct,ratio"),
    )

    assert cells(table) == [
        {
            "model": "lenet",
            "latency_mean_ms.fp32": 1.0,
            "latency_mean_ms.int8": 1.5,
            "latency_mean_ms.int8.delta": 0.5,
            "latency_mean_ms.int8.delta_pct": 50.0,
            "latency_mean_ms.int8.ratio": 1.5,
        },
        {
            "model": "resnet",
            "latency_mean_ms.fp32": 8.0,
            "latency_mean_ms.int8": 4.0,
            "latency_mean_ms.int8.delta": -4.0,
            "latency_mean_ms.int8.delta_pct": -50.0,
            "latency_mean_ms.int8.ratio": 0.5,
        },
    ]
    titles = [column.heading for column in table.columns[1:]]
    assert titles == ["fp32", "int8", "int8 Δ", "int8 Δ%", "int8 ratio"]
    assert table.notes == ("Δ, Δ%, ratio: against fp32 of the same model and conditions.",)


def test_a_change_alone_still_shows_the_baseline(simple: None, store: Store) -> None:
    table = paper_table(store, wanted(metrics="accuracy", baseline="fp32", show="delta"))

    assert table.names == ["model", "accuracy.fp32", "accuracy.int8.delta"]
    assert table.rows[1] == ("resnet", 0.80, pytest.approx(-0.01))


def test_changes_where_precisions_are_rows(simple: None, store: Store) -> None:
    table = paper_table(
        store, wanted(rows="model,precision", metrics="accuracy", baseline="fp32", show="ratio")
    )

    assert table.names == ["model", "precision", "accuracy.ratio"]
    assert table.rows[2:] == (
        ("resnet", "fp32", None),
        ("resnet", "int8", pytest.approx(0.79 / 0.80)),
    )


def test_compressed_fp32_is_compared_with_the_plain_one(take: Take, store: Store) -> None:
    take({"m": {"fp32": entry(0.8, 8.0), "int8": entry(0.79, 4.0)}})
    take({"m": {"fp32": entry(0.6, 6.0)}}, method="pruning")

    table = paper_table(store, wanted(metrics="latency_mean_ms", baseline="fp32", show="delta"))

    assert cells(table) == [
        {
            "model": "m",
            "latency_mean_ms.fp32": 8.0,
            "latency_mean_ms.fp32.pruning.delta": -2.0,
            "latency_mean_ms.int8.delta": -4.0,
        }
    ]


def test_no_share_of_a_baseline_that_is_not_above_zero(take: Take, store: Store) -> None:
    take({"a": {"fp32": {"loss": 0.0}, "int8": {"loss": 1.0}}})
    take({"b": {"fp32": {"loss": 2.0}, "int8": {"loss": 1.0}}})

    table = paper_table(store, wanted(baseline="fp32", show="value,delta,ratio"))

    assert table.rows == (("a", 0.0, 1.0, 1.0, None), ("b", 2.0, 1.0, -1.0, 0.5))
    assert table.notes[-1] == "No share of a baseline that is not above 0: Loss."


def test_what_is_not_like_for_like_is_refused(take: Take, store: Store) -> None:
    take({"m": {"fp32": entry(0.8, 8.0)}}, device="cpu")
    take({"m": {"int8": entry(0.7, 1.0)}}, device="gpu")
    request = wanted(metrics="latency_mean_ms", baseline="fp32")

    with pytest.raises(UsageError, match=r"device: gpu against cpu"):
        paper_table(store, request)

    insisted = paper_table(store, replace(request, allow_mixed=True))
    assert insisted.rows == (("m", 8.0, 1.0, -87.5),)
    assert insisted.notes[-1] == "Compared although not like for like: device differ."
    apart = paper_table(store, replace(request, rows=("model", "device")))
    assert apart.rows == (("m", "cpu", 8.0, None), ("m", "gpu", None, 1.0))


def test_a_baseline_that_is_not_there(simple: None, store: Store) -> None:
    with pytest.raises(UsageError, match="no fp16 run to compare with") as raised:
        paper_table(store, wanted(baseline="fp16"))
    assert raised.value.hint == "there are: fp32, int8"
    with pytest.raises(UsageError, match="does not tell them apart"):
        paper_table(
            store, wanted(rows="model", columns="device", filter="precision=int8", baseline="fp32")
        )
    with pytest.raises(MappingError, match="ratio needs a baseline"):
        wanted(show="value,ratio")


# --- the best -----------------------------------------------------------------------------------


def test_the_best_of_a_row_by_the_direction_of_its_metric(simple: None, store: Store) -> None:
    table = paper_table(store, wanted(metrics="accuracy,latency_mean_ms", best="row"))

    assert bold(table) == {
        ("lenet", "latency_mean_ms.fp32"),
        ("resnet", "accuracy.fp32"),
        ("resnet", "latency_mean_ms.int8"),
    }  # the accuracies of lenet are equal: none is better
    assert table.notes == ("Bold: the best of each metric in a row.",)
    assert "**8.000**" not in render(table, Format.MD)


def test_the_best_of_a_column(simple: None, store: Store) -> None:
    request = wanted(metrics="accuracy,latency_mean_ms", baseline="fp32", best="column")

    assert bold(paper_table(store, request)) == {
        ("lenet", "accuracy.fp32"),
        ("lenet", "accuracy.int8"),
        ("lenet", "accuracy.int8.delta_pct"),
        ("lenet", "latency_mean_ms.fp32"),
        ("lenet", "latency_mean_ms.int8"),
        ("resnet", "latency_mean_ms.int8.delta_pct"),
    }


def test_equals_share_the_best_and_a_metric_without_direction_has_none(
    take: Take, store: Store
) -> None:
    odd = {"wobble": 3.0}
    take(
        {
            "a": {"fp32": entry(0.9, 2.0) | odd},
            "b": {"fp32": entry(0.9, 2.0) | {"wobble": 4.0}},
            "c": {"fp32": entry(0.8, 2.0) | odd},
        }
    )

    table = paper_table(store, wanted(metrics="accuracy,wobble", best="column"))

    assert bold(table) == {("a", "accuracy.fp32"), ("b", "accuracy.fp32")}


def bold(table: Table) -> set[tuple[Cell, str]]:
    return {(table.rows[row][0], table.names[column]) for row, column in table.best}


# --- errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "problem", "hint"),
    [
        ({"rows": "modle"}, "no field called 'modle'", "did you mean model"),
        ({"columns": "precison"}, "no field called 'precison'", "did you mean precision"),
        ({"metrics": "acuracy"}, "no metric called 'acuracy'", "did you mean accuracy"),
        ({"digits": {"acuracy": 2}}, "no metric called 'acuracy'", "did you mean accuracy"),
        ({"filter": "model=nothing"}, "no run with results matches", "cetrack runs"),
    ],
)
def test_what_is_not_there_is_named(
    simple: None, store: Store, words: dict[str, Any], problem: str, hint: str
) -> None:
    with pytest.raises(UsageError, match=problem) as raised:
        paper_table(store, wanted(**words))
    assert hint in str(raised.value.hint)


def test_metrics_that_no_matching_run_has(take: Take, store: Store) -> None:
    take({"a": {"fp32": {"accuracy": 0.9}}, "b": {"fp32": {"wobble": 1.0}}})

    with pytest.raises(UsageError, match="no run that matches has wobble"):
        paper_table(store, wanted(metrics="wobble", filter="model=a"))


def test_an_empty_database(store: Store) -> None:
    with pytest.raises(UsageError, match="no run has results yet"):
        paper_table(store, TableRequest())


# --- names from files ---------------------------------------------------------------------------


def test_hostile_names_pass_through_every_format(take: Take, store: Store) -> None:
    take({name: {"fp32": entry(0.9, 1.0), "int8": entry(0.8, 0.5)} for name in HOSTILE})
    table = paper_table(store, wanted(baseline="fp32", best="row"))

    stored = {name.replace("\x1b", "\ufffd") for name in HOSTILE}
    assert {row[0] for row in table.rows} == stored
    assert [row["model"] for row in json.loads(render(table, Format.JSON))] == [
        row[0] for row in table.rows
    ]
    page = render(table, Format.HTML)
    assert "<script>" not in page
    assert page.count("-->") == 1
    for format in (Format.TABLE, Format.MD, Format.LATEX, Format.HTML):
        written = render(table, format)
        assert not {"\x1b", "\u202e"} & set(written), format
    latex = render(table, Format.LATEX)
    assert "a\\_b\\%c\\&d\\#e\\textbackslash{}f\\{g\\}" in latex
    assert "'=1+1" in render(table, Format.CSV)
    import pyarrow.parquet as parquet

    content = parquet.read_table(io.BytesIO(render_bytes(table, Format.PARQUET)))
    assert set(content.column("model").to_pylist()) == stored


def test_hostile_names_as_columns_stay_apart(take: Take, store: Store) -> None:
    take({name: {"fp32": entry(0.9, 1.0)} for name in HOSTILE})

    table = paper_table(store, wanted(columns="model", metrics="accuracy"))

    assert len(set(table.names)) == len(HOSTILE) + 1
    thawed = thaw(frozen(store, wanted(columns="model", metrics="accuracy")), "x")
    assert thawed == table


# --- provenance and freezing --------------------------------------------------------------------


def frozen(store: Store, request: TableRequest) -> str:
    return frozen_table(store, request, name="paper", version="1.2.3")


def test_where_the_numbers_come_from(simple: None, store: Store) -> None:
    request = wanted(filter=["model=lenet", "precision=int8"], metrics="accuracy")
    lines = paper_table(store, request).provenance

    with store.read() as connection:
        (uid,) = connection.exec_driver_sql(
            "SELECT uid FROM runs WHERE model = 'lenet' AND precision = 'int8'"
        ).scalars()
    assert lines[:2] == (
        "cetrack table --metrics accuracy --filter model=lenet --filter precision=int8",
        "filter: (model=lenet) and (precision=int8); runs: latest",
    )
    assert lines[2].startswith("1 runs, the newest of 2026-06-02T00:00:00Z")
    assert lines[3] == uid
    assert lines[4].startswith("schema 0")
    assert lines == paper_table(store, request).provenance


def test_a_frozen_table_is_the_same_after_many_more_runs(
    simple: None, take: Take, store: Store
) -> None:
    request = wanted(baseline="fp32", best="row", caption="Table 1", missing="?")
    before = {format: render(paper_table(store, request), format) for format in TEXTS}
    text = frozen(store, request)

    many = {f"m{number}": {"fp32": entry(0.5, number + 1.0)} for number in range(98)}
    take(many | {"resnet": {"fp32": entry(0.1, 99.0), "int8": entry(0.2, 98.0)}})

    after = {format: render(thaw(text, "paper.json"), format) for format in TEXTS}
    assert after == before
    now = render(paper_table(store, request), Format.CSV)
    assert now != before[Format.CSV]
    assert len(now.splitlines()) == 101


def test_a_frozen_table_holds_what_it_is_made_of(take: Take, store: Store) -> None:
    for seed, accuracy in enumerate((0.1 + 0.2, 0.7)):
        take({"m": {"int8": entry(accuracy, 2.0)}}, seed=seed)
    whole = json.loads(frozen(store, wanted(metrics="accuracy")))

    assert (whole["format"], whole["version"]) == ("cetrack.frozen-table", 1)
    content = whole["content"]
    assert content["request"] == {"metrics": ["accuracy"]}
    assert (content["name"], content["cetrack"]) == ("paper", "1.2.3")
    assert content["newest_run"] == "2026-06-03T00:00:00Z"
    assert [run["fields"]["seed"] for run in content["runs"]] == [0, 1]
    first = content["runs"][0]
    assert first["values"] == {"accuracy": {"value": 0.1 + 0.2, "std": None, "n": None}}
    assert first["fields"]["started_at"] == {"time": "2026-06-02T00:00:00Z"}
    assert "run_id" not in first["fields"]
    ((source,),) = [run["sources"] for run in content["runs"][:1]]
    assert source["uri"].endswith("r_2026-06-02_1.json")
    assert len(source["sha256"]) == 64
    assert whole == json.loads(frozen(store, wanted(metrics="accuracy")))


def test_the_definition_of_a_derived_metric_is_frozen(simple: None, store: Store) -> None:
    from sqlalchemy import insert, select

    from cetrack.models import Definition, Metric

    with store.write() as connection:
        metric = connection.scalar(select(Metric.id).where(Metric.name == "accuracy"))
        row = {
            "metric_id": metric,
            "kind": "derived",
            "defined_at": datetime(2026, 1, 1, tzinfo=UTC),
        }
        for hash, current in (("old", False), ("new", True)):
            version = {"definition_hash": hash, "content": f"{{{hash}}}", "is_current": current}
            connection.execute(insert(Definition).values(**row, **version))

    content = json.loads(frozen(store, wanted(metrics="accuracy")))["content"]

    assert content["definitions"] == {
        "accuracy": {"kind": "derived", "hash": "new", "content": "{new}"}
    }


def test_a_changed_file_is_refused(simple: None, store: Store) -> None:
    text = frozen(store, TableRequest())
    assert '"lenet"' in text

    with pytest.raises(FrozenError, match="the sha256 does not fit") as raised:
        thaw(text.replace("0.95", "0.96", 1), "paper.json")

    assert raised.value.exit_code == 1
    whole = json.loads(text)
    with pytest.raises(UsageError, match="made by a newer cetrack"):
        thaw(json.dumps(whole | {"version": 2}), "paper.json")
    with pytest.raises(UsageError, match="holds 'paper', not 'other'"):
        thaw(text, "paper.json", name="other")
    assert thaw(text, "paper.json", name="paper") == thaw(text, "paper.json")


def test_a_column_of_an_older_cetrack_is_read(simple: None, store: Store) -> None:
    content = json.loads(frozen(store, TableRequest()))["content"]
    for column in content["table"]["columns"]:
        del column["fold_at"]

    assert thaw(sealed(content), "x") == paper_table(store, TableRequest())


@pytest.mark.parametrize(
    "text",
    ["", "[]", "1", '"x"', "{", '{"format": "cetrack.frozen-table"}', "[" * 100_000, '{"a": NaN}'],
)
def test_what_is_no_frozen_table(text: str) -> None:
    with pytest.raises(UsageError, match="x: not a frozen table"):
        thaw(text, "x")


@pytest.mark.parametrize(
    "table",
    [
        None,
        {},
        {"columns": [], "rows": [[1]], "best": [], "notes": [], "provenance": [], "caption": "",
         "missing": None},
        {"columns": [{"name": "x"}], "rows": []},
    ],
)  # fmt: skip
def test_a_file_with_a_fitting_hash_and_no_table(table: Any) -> None:
    with pytest.raises(FrozenError, match="no table in it"):
        thaw(sealed({"name": "x", "table": table}), "x")


# --- a request written down ---------------------------------------------------------------------


FULL = TableRequest(
    rows=("model", "library"),
    columns=("precision",),
    metrics=("accuracy", 'metric."a,b"'),
    filter=('model ~ "res*"', "accuracy > 0.5"),
    baseline="fp32",
    show=(Show.VALUE, Show.RATIO),
    runs=Which.ALL,
    best=Best.ROW,
    order=Order.COLUMN,
    digits=(("accuracy", 3),),
    sort=("-accuracy.fp32",),
    missing='"—"\x7f\\',
    caption="Size & speed\n2",
    allow_mixed=True,
)


names = st.lists(st.text(min_size=1).filter(str.strip), max_size=3)
requests = st.fixed_dictionaries(
    {},
    optional={
        "rows": names,
        "metrics": names,
        "filter": names,
        "sort": names,
        "caption": st.text(),
        "missing": st.text(),
        "digits": st.dictionaries(st.text(min_size=1), st.integers(0, 15), max_size=2),
        "best": st.sampled_from(list(Best)).map(str),
        "allow_mixed": st.booleans(),
    },
)


@settings(database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(requests)
def test_any_request_survives_the_settings_file(words: dict[str, Any]) -> None:
    request = parse_request(words)

    assert parse_request(as_words(request)) == request
    written = tomllib.loads(as_toml("x", request))
    assert parse_request(written["reports"]["x"]) == request


numbers = st.floats() | st.floats(allow_nan=False)
any_cell = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | numbers
    | st.datetimes().map(lambda moment: moment.replace(tzinfo=UTC, fold=0))
    | st.builds(Spread, numbers, st.none() | numbers, st.none() | st.integers(0))
)


@settings(database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(any_cell)
def test_any_cell_survives_a_frozen_file(cell: Cell) -> None:
    back = decoded(json.loads(json.dumps(encoded(cell), allow_nan=False)))

    assert (type(back), repr(back)) == (type(cell), repr(cell))


def test_a_request_can_be_written_and_read() -> None:
    assert parse_request(as_words(FULL)) == FULL
    written = tomllib.loads(as_toml("paper", FULL))
    assert parse_request(written["reports"]["paper"]) == FULL
    assert as_toml("paper", TableRequest()) == "[reports.paper]\n"
    command = shlex.split(as_command(FULL))
    assert command[:4] == ["cetrack", "table", "--rows", "model,library"]
    assert command[-1] == "--allow-mixed"
    assert as_command(replace(FULL, name="paper")) == "cetrack report paper"
