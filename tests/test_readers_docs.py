"""The reader of docs/readers.md passes the contract that the page speaks of."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from cetrack.testing import ReaderContract, opened

PAGE = (Path(__file__).parents[1] / "docs" / "readers.md").read_text(encoding="utf-8")
SAMPLE = "scales 1\nlenet int8 latency_ms 4.2\nlenet fp32 latency_ms 9.5\nvgg int8 size_kb 120\n"


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The test class of the page, with a sample where it looks for one."""
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "a.scales").write_text(SAMPLE)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "page"}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(block, names)
    return names["TestScales"]()


@pytest.mark.parametrize("name", [name for name in vars(ReaderContract) if name.startswith("test")])
def test_the_reader_of_the_page_passes(made: Any, name: str) -> None:
    getattr(made, name)()


def test_a_line_becomes_a_run(made: Any) -> None:
    (sample,) = made._main_files()
    runs = made._runs(opened(sample, sample.parent))

    assert [(run.model.name, run.precision) for run in runs] == [
        ("lenet", "int8"),
        ("lenet", "fp32"),
        ("vgg", "int8"),
    ]
