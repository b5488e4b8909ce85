"""docs/plots.md: every command and the Python on the page, run as they stand on the demo."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cetrack.plots.compare import MOST_GROUPS
from cetrack.plots.figure import FRAMES
from cetrack.plots.forms import MOST_CURVES, Size
from tests.test_readme import ROOT, environment

PAGE = ROOT / "docs" / "plots.md"
TEXT = PAGE.read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database of the demo's results."""
    found = tmp_path_factory.mktemp("plots")
    run(f"{sys.executable} -m cetrack ingest {ROOT / 'cetrack' / 'demo' / 'data'}", found)
    return found


def run(command: str, folder: Path) -> None:
    done = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=environment(PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def test_commands(folder: Path) -> None:
    commands = "".join(blocks("sh")).splitlines()
    assert len(commands) > 5
    for line in commands:
        run(line, folder)
    assert {path.name for path in folder.iterdir()} >= {
        "pareto-model_size_mb-accuracy.png",
        "trend.pdf",
        "compare-latency_mean_ms-model_size_mb-accuracy.png",
        "epochs.svg",
        "front.png",
        "accuracy.svg",
    }
    assert (folder / "front.png").read_bytes().startswith(b"\x89PNG")


def test_python(folder: Path) -> None:
    (code,) = blocks("python")
    (folder / "script.py").write_text(code)

    run(f"{sys.executable} -W error script.py", folder)

    assert (folder / "accuracy.pdf").read_bytes().startswith(b"%PDF-")
    assert (folder / "front.svg").read_bytes().startswith(b"<?xml")


def test_numbers_are_those_of_the_code() -> None:
    assert f"At most {MOST_GROUPS} rows" in TEXT
    assert f"the newest {MOST_CURVES} runs" in TEXT
    assert [FRAMES[size].width for size in Size] == [3.3, 6.9, 11.0, 4.0]
    assert FRAMES[Size.COLUMN].text == 7


def test_every_page_that_is_linked_exists() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", TEXT):
        assert (PAGE.parent / target).exists(), target
