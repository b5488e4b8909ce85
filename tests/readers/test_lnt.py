"""LNT reports of version 2 → runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cetrack.domain import Status
from tests.readers.reading import claimed_by, read, sample, values


def report(*tests: Any, **more: Any) -> dict[str, Any]:
    return {"format_version": "2", "machine": {}, "run": {}, "tests": list(tests), **more}


def test_a_test_is_a_run_in_the_units_of_the_default_suite() -> None:
    first, second, _ = read(sample("lnt/report.json")).runs

    assert (first.model.name, first.precision.name) == ("SingleSource/resnet50", "int8")
    assert values(first) == pytest.approx(
        {
            "latency_mean_ms": 4.2,
            "compile_time": 1500.0,
            "code_size": 0.08192,
            "memory_usage_mb": 25.0,
            "score": 12.5,
        }
    )
    assert first.samples[0].values.tolist() == pytest.approx([4.2, 4.0, 4.4])
    assert first.params["hash"] == "d41d8cd98f"
    assert (second.model.name, second.precision.name) == ("gemm", "fp32")
    assert values(second) == {"latency_ms": 250.0}


def test_machine_and_run_reach_every_test() -> None:
    for run in read(sample("lnt/report.json")).runs:
        record = run.record
        assert (record.environment.host, record.environment.os) == ("board-3", "Linux 6.8")
        assert record.started_at == datetime(2026, 6, 1, 2, tzinfo=UTC)
        assert record.finished_at == datetime(2026, 6, 1, 2, 10, tzinfo=UTC)
        assert record.git_commit == "6f1c0ffee"
        assert run.params["cflags"] == "-O3"
        assert run.params["hardware"] == "armv8"


@pytest.mark.parametrize(
    ("status", "failed"),
    [(0, False), (1, True), (2, True), ("PASS", False), ("FAIL", True), ([], False), (None, False)],
)
def test_a_status_that_is_not_0_is_a_failure(status: Any, failed: bool) -> None:
    run = read(report({"name": "a", "execution_status": status})).runs[0]

    assert (run.record.status is Status.FAILED) == failed
    assert run.record.status_reason == ("execution_status" if failed else "")


@pytest.mark.parametrize(
    ("revision", "expected"), [("6f1c0ffee", "6f1c0ffee"), ("r1234", ""), (1234, ""), (None, "")]
)
def test_a_revision_is_a_commit_where_it_is_a_hash(revision: Any, expected: str) -> None:
    content = report({"name": "a", "score": 1}, run={"llvm_project_revision": revision})

    assert read(content).records[0].git_commit == expected


def test_a_test_without_a_name_is_said() -> None:
    reading = read(report({"name": "a", "score": 1}, {"score": 1}, 5))

    assert len(reading.records) == 1
    assert reading.notices == [
        "/tests/1: a test without a name: left out",
        "/tests/2: a test without a name: left out",
    ]


@pytest.mark.parametrize(
    "content",
    [
        report(format_version="3"),
        report(format_version=2),
        {**report(), "tests": {}},
        {"format_version": "2", "tests": []},
    ],
)
def test_other_reports_are_not_claimed(content: Any) -> None:
    assert claimed_by(content) == []
