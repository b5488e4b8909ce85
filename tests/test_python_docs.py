"""The Python of docs/compare.md and docs/sql.md, run as it stands on the demo's results."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import cetrack
from tests.test_readme import ROOT, environment

EXPECTED = {"compare": "digits_mlp int8 0.975", "sql": ""}


@pytest.mark.parametrize("page", EXPECTED)
def test_python(page: str, tmp_path: Path) -> None:
    with cetrack.open(str(tmp_path / "cetrack.db")) as db:
        db.ingest(ROOT / "cetrack" / "demo" / "data" / "nightly")
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        env=environment(PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert EXPECTED[page] in done.stdout
