"""What an ingest says about many files that are alike."""

from __future__ import annotations

import pytest

from cetrack.cli import ingest_report
from cetrack.ingest import IngestReport, SourceReport


def test_what_is_rejected_for_one_reason_is_summed_up(capsys: pytest.CaptureFixture[str]) -> None:
    def rejected(uri: str, problem: str, hint: str | None = None) -> SourceReport:
        return SourceReport(uri=uri, status="rejected", problem=problem, hint=hint)

    pointers = [rejected(f"r:a.json@{n}", "a git-LFS pointer", "git lfs pull") for n in range(50)]
    report = IngestReport(sources=(*pointers, rejected("b.json", "the file is empty")))

    ingest_report.show(report, planned=False)

    said = capsys.readouterr().err.splitlines()
    assert said[:20] == [f"rejected: r:a.json@{n}: a git-LFS pointer" for n in range(20)]
    assert said[20:] == [
        "rejected: 30 more: a git-LFS pointer; --format json has them all",
        "  hint: git lfs pull",
        "rejected: b.json: the file is empty",
        "51 files, 51 of them rejected; runs: 0 new, 0 updated, 0 unchanged; 0 points",
    ]
