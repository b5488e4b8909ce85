"""Real result files of other tools: none makes ingest raise, none is taken for what it is not.

They stay out of the project: REALDATA names their folder, else they lie beside the checkout.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cetrack.ingest import IngestOptions, SourceReport, ingest
from cetrack.readers.source import Source
from tests.readers.reading import claimed_by

BESIDE = Path(__file__).parents[3] / "shared" / "realdata"
FOLDER = Path(os.environ.get("REALDATA", BESIDE))
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no real files in {FOLDER}")
# training logs with an epoch column, or Hugging Face's log_history
LOGS = {
    "keras_yolo": ("results.csv", "_log.csv", "_training.log"),
    "lightning_csv": ("metrics.csv",),
    "trainer_state": ("trainer_state.json",),
}


def files() -> list[Path]:
    return sorted(path for path in FOLDER.rglob("*") if path.is_file())


def test_every_claim_is_right() -> None:
    claims = {}
    for path in files():
        found = Source(str(path), path=path)
        claimed = claimed_by(found)
        if claimed:
            claims[path.relative_to(FOLDER)] = claimed

    expected = {
        path.relative_to(FOLDER): ["epochs"]
        for path in files()
        if path.name.endswith(LOGS.get(path.relative_to(FOLDER).parts[0], ()))
    }
    assert claims == expected
    assert len(claims) == 15


def test_no_file_makes_a_dry_run_raise() -> None:
    report = ingest(None, [str(path) for path in files()], IngestOptions(dry_run=True))

    assert all(item.problem for item in report.rejected)


def test_the_training_logs_are_taken() -> None:
    stated = IngestOptions(dry_run=True)
    report = ingest(None, [str(path) for path in files()], stated)
    taken = {Path(item.uri).relative_to(FOLDER).parts[0]: item for item in report.sources
             if item.status == "new"}  # fmt: skip

    assert set(taken) == set(LOGS)
    assert sum(item.status == "new" for item in report.sources) == 15


def by_name(report: list[SourceReport], part: str) -> SourceReport:
    return next(item for item in report if part in item.uri)


def test_steps_of_real_logs() -> None:
    stated = IngestOptions(dry_run=True, settings={"model": "m", "precision": "fp32"})
    paths = [str(path) for path in files() if path.name.endswith(("metrics.csv", "_state.json"))]
    report = list(ingest(None, paths, stated).sources)

    neuron = by_name(report, "neuron_0").planned[0]["metrics"]
    assert (neuron["train/loss"]["points"], neuron["val/loss"]["points"]) == (54, 10)
    alpaca = by_name(report, "stanford_alpaca").planned[0]["metrics"]
    assert (alpaca["loss"]["points"], alpaca["train/loss"]["points"]) == (1218, 1)
