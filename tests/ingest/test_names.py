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
