"""Export by other processes and by a cluster: the same tree as by one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cetrack.domain import Kind
from cetrack.errors import UsageError
from cetrack.export_tb import export_tb
from cetrack.store import Store
from tests.tb.building import MORNING, Spec, fill, nights
from tests.tb.reading import times, tree

LOG = Spec(
    kind=Kind.TRAINING,
    metrics={"train/loss": [(step, 1.0 / (step + 1), MORNING.timestamp()) for step in range(3000)]},
    params={"lr": 0.1},
)
SPECS = [*nights("resnet50", 15), *nights("vgg16", 15), LOG]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A Dask scheduler with two worker processes on this machine."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as found:
        yield found


def test_other_processes_write_the_same_tree(store: Store, tmp_path: Path) -> None:
    fill(store, SPECS)
    alone = export_tb(store, tmp_path / "alone")
    seen: list[tuple[int, int]] = []
    report = export_tb(
        store,
        tmp_path / "several",
        workers=2,
        progress=lambda done, total, _: seen.append((done, total)),
    )
    assert tree(tmp_path / "several") == tree(tmp_path / "alone")
    assert (report.scalars, report.files, report.runs) == (alone.scalars, alone.files, alone.runs)
    assert seen[-1] == (61, 61)
    assert len(seen) > 1

    before = times(tmp_path / "several")
    again = export_tb(store, tmp_path / "several", workers=2)
    assert again.unchanged == again.files
    assert times(tmp_path / "several") == before


@pytest.mark.slow
def test_a_cluster_writes_the_same_tree(
    database_url: str, tmp_path: Path, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the workers are elsewhere: a relative folder must not matter
    with Store.open(database_url) as store:
        fill(store, SPECS)
        export_tb(store, Path("alone"))
        if store.engine.dialect.name == "sqlite":
            with pytest.raises(UsageError, match="needs PostgreSQL"):
                export_tb(store, Path("logs"), cluster=cluster.scheduler_address)
            assert not Path("logs").exists()
            return
        export_tb(store, Path("logs"), cluster=cluster.scheduler_address)
    assert tree(Path("logs")) == tree(Path("alone"))
