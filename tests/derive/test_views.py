"""Derived metrics in SQL: the views hold what the formulas say, and every question knows them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from cetrack import queries
from cetrack.defining import parse_derived
from cetrack.derive import derived_metrics, evaluate_builtin
from cetrack.deriving import derive
from cetrack.filter.following import derived_rows
from cetrack.ingest import IngestOptions, ingest
from cetrack.models import (
    comparisons_view,
    derived_values_view,
    history_view,
    measurements_view,
)
from cetrack.selecting import asked_metrics, metric_facts, standing_runs, values_of
from cetrack.store import Store
from tests.ingest.producing import write

INPUTS = ("accuracy", "latency_mean_ms", "memory_usage_mb", "model_size_mb", "power_mw")
number = st.one_of(
    st.none(),
    st.sampled_from([0.0, -1.0, 1.0, 5e-324, 1e-200, 1e200, 1.7e308, -1.7e308, 1e-100, 1e100]),
    st.floats(min_value=1e-6, max_value=1e6),
)
metrics = st.fixed_dictionaries(dict.fromkeys(INPUTS, number))


def stored(value: float | None) -> float:
    return float("nan") if value is None else value


def take(store: Store, folder: Path, content: object, **facts: str) -> None:
    folder.mkdir(exist_ok=True)
    path = write(folder / "r.json", content)
    report = ingest(store, [str(path)], IngestOptions(settings=facts))
    assert not report.rejected, report.rejected


def derived_of(store: Store, precision: str = "int8") -> dict[str, float]:
    view = measurements_view.c
    query = select(view.metric, view.value).where(view.derived == 1, view.precision == precision)
    with store.read() as connection:
        return {row.metric: row.value for row in connection.execute(query)}


def followed(store: Store, run_id: int) -> dict[str, float]:
    """What filters, sorts and selections work out for themselves."""
    with store.read() as connection:
        rows = {name: connection.execute(derived_rows(name)).all() for name in derived_metrics()}
    return {
        name: row.value
        for name, found in rows.items()
        for row in found
        if row.run_id == run_id and row.value is not None
    }


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(own=metrics, base=metrics, batch=st.sampled_from([None, 0, 1, 8]))
def test_the_views_compute_what_the_formulas_say(
    store: Store,
    own: dict[str, float | None],
    base: dict[str, float | None],
    batch: int | None,
) -> None:
    with store.write() as connection:
        for table in ("run_metric", "run", "model", "experiment"):
            connection.execute(text(f"DELETE FROM {table}"))
        _insert(connection, own, base, batch)
    found = derived_of(store)
    assert found == followed(store, run_id=2), "filters and sorts know the same numbers"
    one = {name: np.array([stored(value)]) for name, value in own.items()}
    other = {name: np.array([stored(value)]) for name, value in base.items()}
    size = {"batch_size": np.array([float("nan") if batch is None else float(batch)])}
    for name in derived_metrics():
        expected = float(evaluate_builtin(name, one, other, size)[0])
        if name in found:
            assert found[name] == pytest.approx(expected, rel=1e-12, abs=1e-12)
        elif not np.isnan(expected):  # left out where a quotient might overflow, and only there
            values = [abs(stored(value)) for value in (*own.values(), *base.values())]
            assert any(value > 1e99 or 0 < value < 1e-99 for value in values), name


def _insert(connection: object, own: object, base: object, batch: int | None) -> None:
    from cetrack.models import Experiment, Metric, Model, Precision, Run, RunMetric
    from tests.filter.filter_stores import DEFAULTS, EPOCH

    execute = connection.execute  # type: ignore[attr-defined]
    ids = {row.name: row.id for row in execute(select(Metric.id, Metric.name))}
    names = {row.name: row.id for row in execute(select(Precision.id, Precision.name))}
    execute(Experiment.__table__.insert(), [{"id": 1, "name": "e", "created_at": EPOCH}])
    execute(Model.__table__.insert(), [{"id": 1, "name": "m"}])
    for precision in ("fp32", "int8"):
        if precision not in names:
            execute(Precision.__table__.insert(), [{"name": precision}])
    names = {row.name: row.id for row in execute(select(Precision.id, Precision.name))}
    plain = {"kind", "status", "time_source", "started_at", "series_key", "like_key"}
    for number, precision, values in ((1, "fp32", base), (2, "int8", own)):
        row = {name: value for name, value in DEFAULTS.items() if name in plain}
        row |= {
            "id": number,
            "uid": str(number),
            "content_key": str(number),
            "experiment_id": 1,
            "model_id": 1,
            "precision_id": names[precision],
            "batch_size": batch,
            "baseline_run_id": 1 if number == 2 else None,
        }
        execute(Run.__table__.insert(), [row])
        rows = [
            {
                "run_id": number,
                "metric_id": ids[name],
                "count": 1,
                "nan_count": 0,
                "last_step": 0,
                "last": value,
            }
            for name, value in values.items()  # type: ignore[attr-defined]
        ]
        execute(RunMetric.__table__.insert(), rows)


@pytest.fixture
def filled(store: Store, tmp_path: Path) -> Store:
    for night, latency in (("2026-06-01", 4.0), ("2026-06-02", 5.0)):
        content = {
            "m": {
                "fp32": {"accuracy": 0.9, "latency_mean_ms": 8.0, "model_size_mb": 100.0},
                "int8": {"accuracy": 0.88, "latency_mean_ms": latency, "model_size_mb": 25.0},
            }
        }
        folder = tmp_path / night
        take(store, folder, content, batch_size="4")
    return store


def test_every_view_has_the_derived_rows(filled: Store) -> None:
    assert derived_of(filled) == pytest.approx(
        {
            "accuracy_drop": 0.02,
            "accuracy_retention_pct": 0.88 / 0.9 * 100,
            "size_ratio": 4.0,
            "size_reduction_pct": 75.0,
            "speedup": 1.6,
            "throughput_ips": 800.0,
        }
    )
    assert derived_of(filled, "fp32") == {"throughput_ips": 500.0}
    with filled.read() as connection:
        view = comparisons_view.c
        query = select(view.value, view.baseline_value, view.ratio, view.improved, view.stale)
        rows = connection.execute(query.where(view.metric == "speedup")).all()
        assert sorted(tuple(row) for row in rows) == [(1.6, 1.0, 1.6, 1, 0), (2.0, 1.0, 2.0, 1, 0)]
        rate = query.where(view.metric == "throughput_ips").order_by(view.started_at)
        assert [tuple(row)[:3] for row in connection.execute(rate)] == [
            (1000.0, 500.0, 2.0),
            (800.0, 500.0, 1.6),
        ]
        past = history_view.c
        series = select(past.n, past.value, past.previous).where(past.metric == "speedup")
        assert [tuple(row) for row in connection.execute(series.order_by(past.n))] == [
            (1, 2.0, None),
            (2, 1.6, 2.0),
        ]
        named = select(derived_values_view.c.definition).distinct()
        assert list(connection.scalars(named)) == ["built in"]


def test_filters_sorting_columns_and_selections_know_them(filled: Store) -> None:
    def latencies(*filters: str, sort: str = "started_at") -> list[object]:
        where = queries.parse_filter(filled, filters)
        names = ["latency_mean_ms", "speedup", "speedup.max"]
        return list(queries.list_runs(filled, where=where, sort=[sort], columns=names).rows)

    assert latencies("speedup >= 1.8") == [(4.0, 2.0, 2.0)]
    assert latencies("speedup exists", sort="-speedup") == [(4.0, 2.0, 2.0), (5.0, 1.6, 1.6)]
    assert latencies("speedup exists", sort="speedup")[0] == (5.0, 1.6, 1.6)
    assert latencies("not speedup exists and precision=fp32") == [(8.0, None, None)]
    with filled.read() as connection:
        facts = asked_metrics(["speedup", "accuracy_drop"], metric_facts(connection))
        ids = [row["run_id"] for row in standing_runs(connection)]
        found = values_of(connection, ids, facts)
        assert sorted((name, round(it.value, 9)) for (_, name), it in found.items()) == [
            ("accuracy_drop", 0.02),
            ("speedup", 1.6),
        ]


def test_what_a_file_states_wins_over_what_follows(store: Store, tmp_path: Path) -> None:
    content = {
        "m": {
            "fp32": {"accuracy": 0.9, "latency_mean_ms": 8.0},
            "int8": {"accuracy": 0.88, "latency_mean_ms": 4.0, "speedup": 1.9},
        }
    }
    take(store, tmp_path / "r", content)
    view = measurements_view.c
    with store.read() as connection:
        rows = connection.execute(select(view.value, view.derived).where(view.metric == "speedup"))
        assert [tuple(row) for row in rows] == [(1.9, 0)]
    for condition, count in (("speedup > 1.95", 0), ("speedup > 1.85", 1), ("speedup < 1.95", 1)):
        where = queries.parse_filter(store, [condition])
        assert len(queries.list_runs(store, where=where).rows) == count, condition
    sorted_rows = queries.list_runs(store, sort=["-speedup"], columns=["speedup"]).rows
    assert list(sorted_rows) == [(1.9,), (None,)]
    where = queries.parse_filter(store, ["speedup > 1.95"])
    assert queries.list_runs(store, where=where).rows == ()


def test_metrics_of_cetrack_toml_stand_beside_the_measured_ones(filled: Store) -> None:
    definitions = parse_derived({"gain": {"expr": "speedup * size_ratio", "direction": "higher"}})
    derive(filled, definitions)
    view = measurements_view.c
    query = select(view.value, view.derived, view.stale, view.count).where(view.metric == "gain")
    with filled.read() as connection:
        rows = connection.execute(query.order_by(view.started_at)).all()
    assert [tuple(row) for row in rows] == [(8.0, 1, 0, 0), (6.4, 1, 0, 0)]
    where = queries.parse_filter(filled, ["gain > 7"])
    assert len(queries.list_runs(filled, where=where).rows) == 1
    with filled.write() as connection:
        connection.execute(text("UPDATE run SET revision = revision + 1"))
    with filled.read() as connection:
        assert {row.stale for row in connection.execute(query)} == {1}
    derive(filled, definitions)
    with filled.read() as connection:
        assert {row.stale for row in connection.execute(query)} == {0}
    derive(filled, ())
    with filled.read() as connection:
        assert connection.execute(query).all() == []
