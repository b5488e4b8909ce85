"""Gates written as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cetrack.gate import Gate, load_gates
from tests.gate.nights import Gates


@pytest.fixture
def gates(tmp_path: Path) -> Gates:
    def made(text: str) -> tuple[Gate, ...]:
        path = tmp_path / "gates.toml"
        path.write_text(text)
        return load_gates(path)

    return made
