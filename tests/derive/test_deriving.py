"""Derived metrics and scores in a database: worked out, stale, worked out again; both databases."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update

import cetrack
from cetrack.config import load_settings
from cetrack.definitions import Definition
from cetrack.deriving import DeriveReport, derive, example, list_derived
from cetrack.errors import UsageError
from cetrack.filter import parse
from cetrack.ingest import IngestOptions, IngestReport, ingest
from cetrack.models import Definition as DefinitionRow
from cetrack.models import DerivedValue, Metric, Precision, Run, RunMetric
from cetrack.store import Store, delete_runs, touch, update_run
from tests.derive.formulas import slow_value
from tests.ingest.producing import write

EFFICIENCY = """
[derived.efficiency]
expr = "accuracy / model_size_mb"
unit = "1/MB"
direction = "higher"
"""
SCORE = """
[scores.deploy]
missing = "{missing}"
[scores.deploy.parts]
accuracy_retention_pct = {{ weight = 3, worst = 90, best = 100 }}
speedup = {{ weight = 1, worst = 1, best = 3 }}
"""
FP32 = {"accuracy": 0.8, "latency_mean_ms": 20.0, "model_size_mb": 16.0}
INT8 = {"accuracy": 0.76, "latency_mean_ms": 10.0, "model_size_mb": 4.0}
Read = Callable[[str], tuple[Definition, ...]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Definitions from the text of a ``cetrack.toml``."""

    def definitions(text: str) -> tuple[Definition, ...]:
        path = tmp_path / "cetrack.toml"
        path.write_text(text, encoding="utf-8")
        found = load_settings(path).definitions
        assert found is not None
        return found

    return definitions


def take(
    store: Store, folder: Path, content: Mapping[str, Any], *definitions: Definition, night: int = 1
) -> IngestReport:
    """Ingest ``{model: {precision: metrics}}`` of one night."""
    path = write(folder / f"results_2026-06-{night:02}.json", content)
    report = ingest(store, [str(path)], IngestOptions(definitions=definitions))
    assert not report.rejected, report.rejected
    return report


def values(store: Store, name: str) -> dict[tuple[str, str], float]:
    """(model, precision) → the current value of a user-defined metric."""
    query = (
        select(Run.name, Run.id, Precision.name, DerivedValue.value)
        .select_from(DerivedValue.__table__)
        .join(Metric, Metric.id == DerivedValue.metric_id)
        .join(Run, Run.id == DerivedValue.run_id)
        .join(Precision, Precision.id == Run.precision_id)
        .join(
            DefinitionRow,
            (DefinitionRow.metric_id == Metric.id)
            & (DefinitionRow.definition_hash == DerivedValue.definition_hash),
        )
        .where(Metric.name == name, DefinitionRow.is_current)
    )
    from cetrack.models import runs_view

    models = select(runs_view.c.run_id, runs_view.c.model)
    with store.read() as connection:
        names = dict(tuple(row) for row in connection.execute(models))
        rows = connection.execute(query).all()
    found = {(names[run_id], precision): value for _, run_id, precision, value in rows}
    assert len(found) == len(rows)
    return found


def counts(report: DeriveReport) -> dict[str, tuple[str, int, int]]:
    return {item.metric: (item.change, item.values, item.none) for item in report.derivations}


def listed(store: Store, *definitions: Definition) -> dict[str, dict[str, Any]]:
    table = list_derived(store, definitions)
    rows = [dict(zip(table.names, row, strict=True)) for row in table.rows]
    return {row["metric"]: row for row in rows}


def run_ids(store: Store, precision: str) -> list[int]:
    query = select(Run.id).join(Precision, Precision.id == Run.precision_id)
    with store.read() as connection:
        return list(connection.scalars(query.where(Precision.name == precision).order_by(Run.id)))


# --- values -------------------------------------------------------------------------------------


def test_values_are_those_of_the_formula(store: Store, tmp_path: Path, read: Read) -> None:
    take(store, tmp_path, {"m": {"fp32": FP32, "int8": INT8}})
    definitions = read(EFFICIENCY + SCORE.format(missing="none"))

    report = derive(store, definitions)

    assert counts(report) == {"efficiency": ("new", 2, 0), "deploy": ("new", 1, 0)}
    assert values(store, "efficiency") == {("m", "fp32"): 0.05, ("m", "int8"): 0.19}
    # retention 95 %: half of 90 … 100; twice as fast: half of 1 … 3
    assert values(store, "deploy") == {("m", "int8"): pytest.approx((3 * 0.5 + 0.5) / 4)}
    with store.read() as connection:
        metric = connection.execute(
            select(Metric.unit, Metric.direction, Metric.family).where(Metric.name == "efficiency")
        ).one()
    assert tuple(metric) == ("1/MB", "higher", "derived")


def test_every_kind_of_name_is_read(store: Store, tmp_path: Path, read: Read) -> None:
    fp32 = {**FP32, "latency_mean_ms": {"mean": 20.0, "std": 2.0, "n": 5}, "my own/metric": 7}
    int8 = {**INT8, "latency_mean_ms": {"mean": 10.0, "std": 1.0, "n": 5}, "my own/metric": 5}
    path = write(tmp_path / "r.json", {"m": {"fp32": fp32, "int8": int8}})
    options = IngestOptions(settings={"batch_size": "8", "param.lr": "0.25"})
    ingest(store, [str(path)], options)
    read_all = read("""
        [derived.a]
        expr = 'metric."my own/metric" - baseline.metric."my own/metric"'
        [derived.b]
        expr = "latency_mean_ms.std + 10 * baseline.latency_mean_ms.std"
        [derived.c]
        expr = "batch_size * param.lr + baseline.batch_size"
        [derived.d]
        expr = "baseline.weight_bits / weight_bits"
        [derived.e]
        expr = "a + size_reduction_pct + throughput_ips + baseline.throughput_ips + baseline.g"
        [derived.f]
        expr = "param.momentum"
        [derived.g]
        expr = "2 * batch_size"
    """)

    derive(store, read_all)

    [run] = values(store, "a")
    found = {item.name: values(store, item.name).get(run) for item in read_all}
    assert found == {
        "a": -2.0,
        "b": 21.0,
        "c": 10.0,
        "d": 4.0,
        "e": -2.0 + 75.0 + 800.0 + 400.0 + 16.0,
        "f": None,
        "g": 16.0,
    }


def test_a_value_that_a_file_states_wins_as_an_operand(
    store: Store, tmp_path: Path, read: Read
) -> None:
    take(store, tmp_path, {"m": {"fp32": FP32, "int8": {**INT8, "speedup": 5.0}}})
    derive(store, read("[derived.a]\nexpr = 'speedup'\n[derived.b]\nexpr = 'size_ratio'"))

    assert values(store, "a") == {("m", "int8"): 5.0}
    assert values(store, "b") == {("m", "int8"): 4.0}


def test_what_cannot_be_worked_out_has_no_value(store: Store, tmp_path: Path, read: Read) -> None:
    content = {
        "zero": {"fp32": {**FP32, "latency_mean_ms": 0.0}, "int8": {**INT8, "model_size_mb": 0.0}},
        "less": {"fp32": {**FP32, "latency_mean_ms": -1.0}, "int8": INT8},
        "lost": {"fp32": FP32, "int8": {"accuracy": 0.5}},
        "alone": {"int8": INT8},
    }
    take(store, tmp_path, content)
    definitions = read(
        EFFICIENCY
        + "[derived.faster]\nexpr = 'speedup'\n[derived.big]\nexpr = 'exp(9999 * accuracy)'"
    )

    derive(store, definitions)

    assert values(store, "faster") == {}
    assert values(store, "big") == {}
    assert set(values(store, "efficiency")) == {
        ("zero", "fp32"), ("less", "fp32"), ("less", "int8"), ("lost", "fp32"), ("alone", "int8"),
    }  # fmt: skip


def test_a_score_may_do_without_a_part(store: Store, tmp_path: Path, read: Read) -> None:
    take(store, tmp_path, {"m": {"fp32": FP32, "int8": {"accuracy": 0.76}}})

    derive(store, read(SCORE.format(missing="none")))
    assert values(store, "deploy") == {}
    derive(store, read(SCORE.format(missing="renormalise")))
    assert values(store, "deploy") == {("m", "int8"): pytest.approx(0.5)}


def test_many_runs_are_what_one_run_is(store: Store, tmp_path: Path, read: Read) -> None:
    content = {
        f"m{n}": {
            "fp32": {**FP32, "latency_mean_ms": 20.0 + n},
            "int8": {**INT8, "latency_mean_ms": 1.0 + n * n} if n % 3 else {"accuracy": 0.1},
        }
        for n in range(40)
    }
    take(store, tmp_path, content)
    [definition] = read("[derived.a]\nexpr = 'log(baseline.latency_mean_ms) / latency_mean_ms'")

    derive(store, [definition])

    expected = {}
    for name, entry in content.items():
        numbers = {
            ref: entry["fp32" if ref.of_baseline else "int8"].get(ref.name, math.nan)
            for ref in definition.refs
        }
        value = slow_value(definition.node, numbers)  # type: ignore[union-attr]
        if not math.isnan(value):
            expected[name, "int8"] = pytest.approx(value, rel=1e-14)
    assert values(store, "a") == expected
    assert len(expected) == 26


# --- what is worked out again -------------------------------------------------------------------


def test_only_what_is_missing_or_stale_is_worked_out(
    store: Store, tmp_path: Path, read: Read
) -> None:
    take(store, tmp_path, {f"m{n}": {"fp32": FP32, "int8": INT8} for n in range(3)})
    definitions = read(EFFICIENCY + "[derived.faster]\nexpr = 'speedup'")
    derive(store, definitions)

    assert counts(derive(store, definitions)) == {
        "efficiency": ("unchanged", 0, 0),
        "faster": ("unchanged", 0, 0),
    }
    [first, *_] = run_ids(store, "fp32")
    with store.write() as connection:
        touch(connection, [first])
    assert listed(store, *definitions)["faster"]["stale"] == 1
    assert listed(store, *definitions)["efficiency"]["stale"] == 2
    assert counts(derive(store, definitions)) == {
        "efficiency": ("unchanged", 2, 0),  # the run, and the run that it is the baseline of
        "faster": ("unchanged", 1, 0),
    }
    assert listed(store, *definitions)["efficiency"]["stale"] == 0
    assert counts(derive(store, definitions, everything=True)) == {
        "efficiency": ("unchanged", 6, 0),
        "faster": ("unchanged", 3, 3),
    }


def test_a_value_follows_its_operands(store: Store, tmp_path: Path, read: Read) -> None:
    take(store, tmp_path, {"m": {"fp32": FP32, "int8": INT8}})
    definitions = read(
        EFFICIENCY + "[derived.faster]\nexpr = 'speedup'\n[derived.of_batch]\nexpr = 'batch_size'"
    )
    derive(store, definitions)
    [int8], [fp32] = run_ids(store, "int8"), run_ids(store, "fp32")

    with store.write() as connection:
        connection.execute(
            update(RunMetric).where(RunMetric.run_id == int8).values(last=RunMetric.last / 2)
        )
        touch(connection, [int8])
        update_run(connection, fp32, {"batch_size": 32})
    derive(store, definitions)
    assert values(store, "faster") == {("m", "int8"): 4.0}
    assert values(store, "of_batch") == {("m", "fp32"): 32.0}

    with store.write() as connection:
        connection.execute(delete(RunMetric).where(RunMetric.run_id == int8))
        touch(connection, [int8])
    assert counts(derive(store, definitions))["efficiency"] == ("unchanged", 0, 1)
    assert values(store, "faster") == {}
    assert set(values(store, "efficiency")) == {("m", "fp32")}
    assert counts(derive(store, definitions))["efficiency"] == ("unchanged", 0, 0)


def test_a_run_that_loses_its_baseline_loses_the_value(
    store: Store, tmp_path: Path, read: Read
) -> None:
    take(store, tmp_path, {"m": {"fp32": FP32, "int8": INT8}})
    definitions = read(EFFICIENCY + "[derived.faster]\nexpr = 'speedup'")
    derive(store, definitions)

    with store.write() as connection:
        delete_runs(connection, run_ids(store, "fp32"))
    assert listed(store, *definitions)["faster"]["stale"] == 1
    derive(store, definitions)

    assert values(store, "faster") == {}
    assert listed(store, *definitions)["faster"]["stale"] == 0


def test_another_definition_is_another_version(store: Store, tmp_path: Path, read: Read) -> None:
    take(store, tmp_path, {"m": {"fp32": FP32, "int8": INT8}, "n": {"int8": {"accuracy": 0.5}}})
    derive(store, read(EFFICIENCY + "[derived.twice]\nexpr = '2 * efficiency'"))
    before = listed(store)

    changed = read(
        EFFICIENCY.replace("accuracy /", "100 * accuracy /")
        + "[derived.twice]\nexpr = '2 * efficiency'"
    )
    stale = listed(store, *changed)
    assert (stale["efficiency"]["runs"], stale["efficiency"]["stale"]) == (2, 2)
    assert stale["twice"]["version"] != before["twice"]["version"]
    assert counts(derive(store, changed)) == {
        "efficiency": ("changed", 2, 0),
        "twice": ("changed", 2, 0),
    }
    assert values(store, "twice")["m", "int8"] == 38.0
    assert listed(store)["efficiency"]["stale"] == 0
    with store.read() as connection:
        versions = connection.execute(select(DefinitionRow.is_current)).scalars().all()
        assert sorted(versions) == [False, False, True, True]
        assert len(connection.execute(select(DerivedValue.run_id)).all()) == 8  # the old ones stay

    back = read(EFFICIENCY + "[derived.twice]\nexpr = '2 * efficiency'")
    assert counts(derive(store, back)) == {
        "efficiency": ("changed", 0, 0),  # the values of that version are still there
        "twice": ("changed", 0, 0),
    }
    assert listed(store)["twice"]["version"] == before["twice"]["version"]


def test_a_run_without_a_value_in_the_new_version_is_not_stale_for_ever(
    store: Store, tmp_path: Path, read: Read
) -> None:
    take(store, tmp_path, {"m": {"fp32": FP32, "int8": INT8}})
    derive(store, read("[derived.a]\nexpr = 'accuracy'"))

    changed = read("[derived.a]\nexpr = 'speedup'")
    assert counts(derive(store, changed)) == {"a": ("changed", 1, 1)}
    assert (listed(store, *changed)["a"]["runs"], listed(store, *changed)["a"]["stale"]) == (1, 0)
    assert counts(derive(store, changed)) == {"a": ("unchanged", 0, 0)}


def test_what_is_not_defined_any_more_is_retired(store: Store, tmp_path: Path, read: Read) -> None:
    take(store, tmp_path, {"m": {"fp32": FP32, "int8": INT8}})
    derive(store, read(EFFICIENCY + "[derived.faster]\nexpr = 'speedup'"))

    assert counts(derive(store, None)) == {
        "efficiency": ("unchanged", 0, 0),
        "faster": ("unchanged", 0, 0),
    }
    assert listed(store)["faster"]["source"] == "database only"
    assert listed(store, *read(EFFICIENCY))["efficiency"]["source"] == "cetrack.toml"
    report = derive(store, read(EFFICIENCY))
    assert counts(report)["faster"] == ("retired", 0, 0)
    assert "faster" not in listed(store)
    assert values(store, "faster") == {}


def test_a_description_and_a_unit_are_no_new_version(
    store: Store, tmp_path: Path, read: Read
) -> None:
    take(store, tmp_path, {"m": {"int8": INT8}})
    derive(store, read(EFFICIENCY))

    told = read(EFFICIENCY.replace('"1/MB"', '"per MB"') + 'description = "some"')
    assert counts(derive(store, told)) == {"efficiency": ("unchanged", 0, 0)}
    assert listed(store)["efficiency"]["unit"] == "per MB"


def test_only_some_runs_or_none_at_all(store: Store, tmp_path: Path, read: Read) -> None:
    take(store, tmp_path, {"m": {"fp32": FP32, "int8": INT8}})
    definitions = read(EFFICIENCY)

    dry = derive(store, definitions, dry_run=True)
    assert counts(dry) == {"efficiency": ("new", 2, 0)}
    assert listed(store) == {key: row for key, row in listed(store).items() if not row["version"]}
    derive(store, definitions, where=parse("precision=int8"))
    assert set(values(store, "efficiency")) == {("m", "int8")}
    assert counts(derive(store, definitions, dry_run=True)) == {"efficiency": ("unchanged", 1, 0)}
    assert set(values(store, "efficiency")) == {("m", "int8")}


# --- what is wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("acuracy", "did you mean accuracy"),
        ("my_metrik", "did you mean my_metric"),
        ("speed_up", "did you mean speedup?"),
        ("xyzzy", "'cetrack metrics' lists them"),
    ],
)
def test_an_unknown_name_is_an_error_with_the_nearest(
    store: Store, tmp_path: Path, read: Read, name: str, hint: str
) -> None:
    take(store, tmp_path, {"m": {"int8": {**INT8, "my_metric": 3}}})
    definitions = read(f"[derived.a]\nexpr = '1 + baseline.{name}.max'")

    for work in (derive, list_derived):
        with pytest.raises(UsageError) as caught:
            work(store, definitions)
        message = f"derived.a: no metric called '{name}' in baseline.{name}.max"
        assert caught.value.message == message
        assert hint in (caught.value.hint or "")
    assert counts(derive(store, None)) == {}


def test_a_name_that_files_use_cannot_be_defined(store: Store, tmp_path: Path, read: Read) -> None:
    take(store, tmp_path, {"m": {"int8": {**INT8, "efficiency": 3}}})

    with pytest.raises(UsageError, match="'efficiency' is a metric that files of this database"):
        derive(store, read(EFFICIENCY))


def test_a_file_that_states_the_name_later_wins(store: Store, tmp_path: Path, read: Read) -> None:
    definitions = read(EFFICIENCY)
    take(store, tmp_path, {"m": {"int8": INT8}}, *definitions)
    take(store, tmp_path, {"n": {"int8": {**INT8, "efficiency": 3}}}, *definitions, night=2)

    assert set(values(store, "efficiency")) == {("m", "int8")}
    derive(store, definitions, everything=True)
    assert set(values(store, "efficiency")) == {("m", "int8")}


# --- ingest and code ----------------------------------------------------------------------------


def test_an_ingest_works_out_its_own_runs(store: Store, tmp_path: Path, read: Read) -> None:
    take(store, tmp_path, {"before": {"int8": INT8}})
    definitions = read(EFFICIENCY)

    report = take(store, tmp_path, {"m": {"int8": INT8}}, *definitions, night=2)

    assert set(values(store, "efficiency")) == {("m", "int8")}
    assert report.remarks == (
        "efficiency: new or changed; 'cetrack derive' works out what was there before",
    )
    again = take(store, tmp_path, {"n": {"int8": INT8}}, night=3)  # by what the database knows
    assert again.remarks == ()
    assert set(values(store, "efficiency")) == {("m", "int8"), ("n", "int8")}


def test_a_baseline_may_come_later(store: Store, tmp_path: Path, read: Read) -> None:
    definitions = read("[derived.faster]\nexpr = 'speedup'")
    take(store, tmp_path, {"m": {"int8": INT8}}, *definitions, night=2)
    assert values(store, "faster") == {}

    take(store, tmp_path, {"m": {"fp32": FP32}}, *definitions, night=1)
    assert values(store, "faster") == {("m", "int8"): 2.0}


def test_what_an_ingest_does_not_know_stays_in_the_database(
    store: Store, tmp_path: Path, read: Read
) -> None:
    derive(store, read("[derived.faster]\nexpr = 'speedup'"))

    take(store, tmp_path, {"m": {"fp32": FP32, "int8": INT8}}, *read(EFFICIENCY))

    assert values(store, "faster") == {("m", "int8"): 2.0}
    assert len(values(store, "efficiency")) == 2


def test_a_definition_that_cannot_be_used_does_not_stop_an_ingest(
    store: Store, tmp_path: Path, read: Read
) -> None:
    report = take(store, tmp_path, {"m": {"int8": INT8}}, *read("[derived.a]\nexpr = 'acuracy'"))

    assert report.remarks == (
        "derived metrics are not worked out: derived.a: no metric called 'acuracy' in acuracy",
    )
    assert [source.runs_new for source in report.sources] == [1]


def test_a_run_from_code_is_worked_out_when_it_is_finished(
    store: Store, database_url: str, read: Read
) -> None:
    derive(store, read(EFFICIENCY))

    with cetrack.start_run(model="m", precision="int8", db=database_url) as run:
        run.log(INT8)

    assert values(store, "efficiency") == {("m", "int8"): 0.19}


def test_python_goes_by_the_settings_of_its_folder(
    store: Store, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cetrack.toml").write_text(EFFICIENCY)
    with cetrack.open(database_url) as database:
        database.ingest([write(tmp_path / "a.json", {"m": {"int8": INT8}})])
        assert values(store, "efficiency") == {("m", "int8"): 0.19}
        report = database.derive("precision=int8", everything=True)

    assert counts(report) == {"efficiency": ("unchanged", 1, 0)}


def test_an_aurora_score_of_a_file_stays_a_metric(store: Store, tmp_path: Path, read: Read) -> None:
    definitions = read(example())
    content = {"m": {"fp32": FP32, "int8": {**INT8, "aurora_score": 87.5}}}

    take(store, tmp_path, content, *definitions)

    with store.read() as connection:
        stated = (
            select(RunMetric.last, Metric.family)
            .join(Metric, Metric.id == RunMetric.metric_id)
            .where(Metric.name == "aurora_score")
        )
        assert [tuple(row) for row in connection.execute(stated)] == [(87.5, "score")]
    # no power was measured: retention 95 %, speed-up 2, size ratio 4
    expected = (4 * 0.5 + 2 * (1 / 3) + 2 * 1) / 8
    assert values(store, "aurora") == {("m", "int8"): pytest.approx(expected)}


def test_the_example_counts_energy(store: Store, tmp_path: Path, read: Read) -> None:
    fp32, int8 = {**FP32, "power_mw": 300.0}, {**INT8, "power_mw": 240.0}
    take(store, tmp_path, {"m": {"fp32": fp32, "int8": int8}}, *read(example()))

    assert values(store, "energy_ratio") == {("m", "int8"): 2.5}
    expected = (4 * 0.5 + 2 * (1 / 3) + 2 * 1 + 2 * 0.5) / 10
    assert values(store, "aurora") == {("m", "int8"): pytest.approx(expected)}


# --- the list -----------------------------------------------------------------------------------


def test_built_in_metrics_are_listed_with_their_runs(store: Store, tmp_path: Path) -> None:
    content = {
        "m": {"fp32": FP32, "int8": {**INT8, "power_mw": 3.0}},
        "n": {"int8": {"throughput_ips": 9.0, "speedup": 2.0}},
    }
    take(store, tmp_path, content)

    found = {name: row["runs"] for name, row in listed(store).items()}

    assert found == {
        "size_ratio": 1,
        "size_reduction_pct": 1,
        "speedup": 2,
        "accuracy_drop": 1,
        "accuracy_retention_pct": 1,
        "memory_reduction_mb": 0,
        "power_ratio": 0,
        "energy_per_inference_uj": 1,
        "throughput_ips": 1,
    }


def test_a_long_chain_of_definitions_is_worked_out(
    store: Store, tmp_path: Path, read: Read
) -> None:
    take(store, tmp_path, {"m": {"fp32": FP32, "int8": INT8}})
    chain = "".join(f"[derived.c{n + 1}]\nexpr = 'c{n} + c{n}'\n" for n in range(60))
    text = f"[derived.c0]\nexpr = '1 + 0 * accuracy'\n{chain}[derived.z]\nexpr = 'baseline.c60'"

    derive(store, read(text))

    assert values(store, "c60")["m", "int8"] == 2.0**60
    assert values(store, "z") == {("m", "int8"): 2.0**60}
