"""The examples run and leave in the database what they say."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from cetrack.ingest import ingest
from cetrack.store import Store
from tests.ingest.test_snapshots import rows

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
needs_torch = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("torch", "sklearn"))),
    reason="needs torch==2.13.0 and scikit-learn",
)


def run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=EXAMPLES, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_torch
@pytest.mark.slow
def test_logging_a_training_and_a_compression(sqlite_store: Store) -> None:
    url = str(sqlite_store.engine.url.database)

    printed = run("log_training.py", "--db", url, "--epochs", "2")

    assert "cetrack show" in printed
    assert rows(sqlite_store, "kind", "precision", "method", "status") == [
        ("benchmark", "fp32", None, "finished"),
        ("compression", "int8", "ptq", "finished"),
        ("training", "fp32", None, "finished"),
    ]
    assert rows(sqlite_store, "baseline_rule", kind="compression") == [("explicit",)]


@needs_torch
@pytest.mark.slow
def test_what_compress_digits_writes_is_understood_without_a_warning(
    sqlite_store: Store, tmp_path: Path
) -> None:
    run("compress_digits.py", "--out", str(tmp_path / "out"), "--models", "wdbc_mlp")

    report = ingest(sqlite_store, [str(tmp_path / "out")])

    assert [(item.reader, item.status) for item in report.sources] == [
        ("compression", "new"),
        ("compression", "new"),
        ("benchmark", "new"),
        ("epochs", "new"),
    ]
    assert [item.notices for item in report.sources] == [()] * 4
    assert rows(sqlite_store, "kind", "precision", "baseline_rule") == [
        ("benchmark", "fp32", None),
        ("benchmark", "int8", "source"),
        ("compression", "fp32", "explicit"),
        ("compression", "int8", "explicit"),
        ("training", "fp32", None),
    ]
