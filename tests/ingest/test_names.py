"""Which names are looked at where nobody has named the file itself."""

from __future__ import annotations

import pytest

from cetrack import names


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("mlruns/0/ab/metrics/loss", True),
        ("mlruns/0/ab/metrics/train/loss", True),
        ("metrics/loss", True),
        ("runs/train/args.yaml", True),
        ("args.yaml", True),
        ("latest", False),
        ("weights/best.pt", False),
        ("metrics", False),
    ],
)
def test_companions_are_known_by_their_paths(path: str, expected: bool) -> None:
    assert names.beside()(path) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("results", True), (".git", False), (".asv", True), (".benchmarks", True), ("env", True)],
)
def test_folders_that_tools_hide_their_results_in_are_opened(name: str, expected: bool) -> None:
    assert names.is_open(name) is expected
    assert names.is_clone("a/.asv", "env")
    assert not names.is_clone("a", "env")
