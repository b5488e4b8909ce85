"""docs/check.md: its files, its commands with their exit codes and its Python, as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cetrack.gate import Status
from cetrack.gates import KEYS, gate_keys_markdown, load_gates
from tests.test_readme import ROOT, environment

PAGE = ROOT / "docs" / "check.md"
TEXT = PAGE.read_text(encoding="utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    return str(found)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("check")
    (found / "gates.toml").write_text(block("toml"), encoding="utf-8")
    (found / "worse.json").write_text(block("json"), encoding="utf-8")
    return found


def run(folder: Path, *command: str, shell: bool = False) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command[0] if shell else list(command),
        shell=shell,
        cwd=folder,
        env=environment(PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        check=False,
    )


def test_commands_and_then_python(folder: Path) -> None:
    lines = block("sh").splitlines()
    assert len(lines) == 8
    for line in lines:
        command, _, code = line.partition("# exit code ")
        done = run(folder, command, shell=True)
        assert done.returncode == int(code or 0), f"{line}\n{done.stdout}\n{done.stderr}"
        assert done.stdout.strip(), line
        if code:
            assert re.search(r"failed +accuracy +digits_cnn +int8", done.stdout), done.stdout
            assert (folder / "report.xml").read_text().count("<failure") == 1
            assert (folder / "summary.md").read_text().startswith("❌ **cetrack check:** 1 of ")
    done = run(folder, sys.executable, "-W", "error", "-c", block("python"))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_the_keys_and_the_statuses_are_those_of_the_code(folder: Path) -> None:
    assert f"<!-- keys -->\n{gate_keys_markdown()}<!-- end of keys -->" in TEXT
    for status in Status:
        assert f"\n| {status} | " in TEXT
    gates = load_gates(folder / "gates.toml")
    assert len(gates) == 5
    for name in KEYS:
        assert f"`{name}" in TEXT


def test_the_workflow_is_one() -> None:
    steps = yaml.safe_load(block("yaml"))["jobs"]["compression"]["steps"]
    assert any("cetrack check" in step.get("run", "") for step in steps)


def test_every_page_that_is_linked_exists() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", TEXT):
        assert (PAGE.parent / target).exists(), target
