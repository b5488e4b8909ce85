"""Which runs stand for a series, and their numbers, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from cetrack.errors import UsageError
from cetrack.filter import parse
from cetrack.ingest import IngestOptions, ingest
from cetrack.selecting import (
    Which,
    asked_metrics,
    coverage,
    metric_facts,
    require_runs,
    samples_of,
    standing_runs,
    values_of,
)
from cetrack.store import Store
from tests.ingest.producing import write


def take(store: Store, folder: Path, name: str, content: object, **settings: str) -> None:
    path = write(folder / name, content)
    report = ingest(store, [str(path)], IngestOptions(settings=settings))
    assert not report.rejected, report.rejected


@pytest.fixture
def filled(store: Store, tmp_path: Path) -> Store:
    for night, latency in (("2026-06-01", 9.0), ("2026-06-02", 8.0)):
        for seed in ("1", "2"):
            content = {"m": {"int8": {"latency_mean_ms": latency + int(seed), "accuracy": 0.9}}}
            take(store, tmp_path, f"r_{seed}_{night}.json", content, seed=seed, variant="v")
    return store


def test_the_newest_run_of_every_seed_stands_for_a_series(filled: Store) -> None:
    with filled.read() as connection:
        facts = metric_facts(connection)
        rows = standing_runs(connection)
        metrics = asked_metrics(["latency_mean_ms"], facts)
        values = values_of(connection, [row["run_id"] for row in rows], metrics)
        assert {row["seed"]: values[row["run_id"], "latency_mean_ms"].value for row in rows} == {
            1: 9.0,
            2: 10.0,
        }
        every = standing_runs(connection, which=Which.ALL)
        assert [row["started_at"].day for row in every] == [1, 1, 2, 2]
        one = standing_runs(connection, parse("seed=1"), Which.ALL)
        assert [row["seed"] for row in one] == [1, 1]
        assert coverage(connection, [row["run_id"] for row in one]) == {
            "accuracy": 2,
            "latency_mean_ms": 2,
        }


def test_a_failed_run_stands_for_nothing(filled: Store, tmp_path: Path) -> None:
    from sqlalchemy import update

    from cetrack.models import Run

    with filled.write() as connection:
        newest = standing_runs(connection)[-1]["run_id"]
        connection.execute(update(Run).where(Run.id == newest).values(status="failed"))
    with filled.read() as connection:
        assert newest not in [row["run_id"] for row in standing_runs(connection)]
        assert newest not in [row["run_id"] for row in standing_runs(connection, which=Which.ALL)]


def test_repetitions_and_samples_are_read(store: Store, tmp_path: Path) -> None:
    spread = {"mean": 5.0, "std": 0.5, "min": 4.0, "max": 6.0, "n": 10}
    take(store, tmp_path, "r.json", {"m": {"int8": {"latency_ms": spread, "accuracy": 0.5}}})
    with store.read() as connection:
        facts = metric_facts(connection)
        ids = [row["run_id"] for row in standing_runs(connection)]
        values = values_of(connection, ids, list(facts.values()))
        spreads = {name: (it.value, it.std, it.n) for (_, name), it in values.items()}
        assert (5.0, 0.5, 10) in spreads.values()
        assert spreads["accuracy"] == (0.5, None, None)
        assert samples_of(connection, ids, list(facts.values())) == {}


def test_names_are_resolved_and_unknown_ones_refused(filled: Store) -> None:
    with filled.read() as connection:
        facts = metric_facts(connection)
    assert [it.name for it in asked_metrics(["acc", "accuracy"], facts)] == ["accuracy"]
    with pytest.raises(UsageError, match="no metric called 'acuracy'") as raised:
        asked_metrics(["acuracy"], facts)
    assert "accuracy" in str(raised.value.hint)


def test_nothing_to_answer_from_is_said(store: Store) -> None:
    with store.read() as connection, pytest.raises(UsageError, match="no run has results yet"):
        require_runs(standing_runs(connection), None)
    with pytest.raises(UsageError, match="matches"):
        require_runs([], parse("precision=int8"))
