"""A place to export to, apart from the database."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """A logdir that does not exist yet."""
    return tmp_path / "logs"
