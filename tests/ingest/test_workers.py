"""Ingest with other processes and with a cluster: the same database as without."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cetrack.ingest import IngestOptions, ingest
from cetrack.store import Store
from tests.ingest.producing import compression, history, metrics, model, results, write
from tests.ingest.test_snapshots import exported


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A Dask scheduler with two worker processes on this machine."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as found:
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files that share runs, build on each other, are logs, or are wrong."""
    found = tmp_path / "in"
    for number in range(25):
        write(found / f"a{number}.json", {**results(2), f"own{number}": model(number)})
    write(found / "b.json", results(3))
    write(found / "c.json", compression(model(3)["fp32"], metrics(0.88, 4, 27)))
    for number in range(3):
        write(found / f"h{number}.json", history([1.0 + number, 0.5, 0.4]))
    rows = "\n".join(f"{epoch},{epoch / 7}" for epoch in range(1, 2000))
    write(found / "lenet_fp32.csv", f"epoch,train_loss\n{rows}\n")
    write(found / "wrong.json", "{")
    return found


def outcome(url: str, folder: Path, **hands: Any) -> tuple[list[Any], Any]:
    """(what each file gave, what the database then holds)."""
    with Store.open(url, create=True) as store:
        report = ingest(store, [str(folder)], IngestOptions(settings={"device": "cpu"}), **hands)
        assert [item.uri for item in report.rejected] == [str(folder / "wrong.json")]
        return list(report.sources), exported(store)


def expected(tmp_path: Path, folder: Path) -> tuple[list[Any], Any]:
    """The same with this process alone."""
    return outcome(str(tmp_path / "alone.db"), folder)


def test_other_processes_read_and_the_result_is_the_same(
    database_url: str, tmp_path: Path, folder: Path
) -> None:
    sources, runs = expected(tmp_path, folder)
    assert outcome(database_url, folder, workers=2) == (sources, runs)
    again, same = outcome(database_url, folder, workers=2)
    assert {item.status for item in again} == {"unchanged", "rejected"}
    assert same == runs


@pytest.mark.slow
def test_a_cluster_reads_and_the_result_is_the_same(
    database_url: str, tmp_path: Path, folder: Path, cluster: Any
) -> None:
    found = outcome(database_url, folder, cluster=cluster.scheduler_address)
    assert found == expected(tmp_path, folder)


@pytest.mark.slow
def test_a_worker_that_is_lost_loses_and_doubles_nothing(
    database_url: str, tmp_path: Path, folder: Path, cluster: Any
) -> None:
    victims = [worker.pid for worker in cluster.workers.values()]

    def kill_one(done: int, total: int, current: str) -> None:
        if victims:
            os.kill(victims.pop(), signal.SIGKILL)
            victims.clear()

    found = outcome(database_url, folder, cluster=cluster.scheduler_address, progress=kill_one)
    assert not victims
    assert found == expected(tmp_path, folder)
