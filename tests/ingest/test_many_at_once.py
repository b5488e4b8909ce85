"""Several programs that ingest the same files at the same time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from cetrack.store import Store
from tests.ingest.producing import compression, history, metrics, model, results, write
from tests.ingest.test_snapshots import exported, rows, take

SCRIPT = """
import sys
from cetrack.ingest import ingest
from cetrack.store import Store
with Store.open(sys.argv[1]) as store:
    report = ingest(store, [sys.argv[2]])
assert not report.rejected, report.rejected
"""


def test_nothing_is_lost_or_doubled(database_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    for number in range(6):
        write(folder / f"{number}.json", {**results(5), f"own{number}": model(number)})
    write(folder / "c.json", compression(model(3)["fp32"], metrics(0.88, 4, 27)))
    write(folder / "h.json", history([1.0, 0.5]))

    command = [sys.executable, "-c", SCRIPT, database_url, str(folder)]
    programs = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    failures = [text for program in programs if (text := program.communicate()[1])]

    assert failures == []
    with Store.open(database_url) as store:
        together = exported(store)
        assert len(rows(store, "uid")) == 10 + 12 + 1 + 1
        assert rows(store, "uid", baseline_rule="pending") == []
        take(store, folder)
        assert exported(store) == together
