"""docs/tables.md: every command on the page, run as it stands, with the settings that it shows."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

from cetrack.table_request import TableRequest, parse_request
from tests.test_readme import ROOT, environment

PAGE = ROOT / "docs" / "tables.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_everything_on_the_page(tmp_path: Path) -> None:
    env = environment(PYTHONPATH=str(ROOT))
    outputs: list[str] = []
    for language, content in re.findall(r"```(\w+)\n(.*?)```", TEXT, re.DOTALL):
        if language == "toml":
            with (tmp_path / "cetrack.toml").open("a") as file:
                file.write(content)
        elif language == "sh":
            outputs = [run(line, tmp_path, env) for line in content.splitlines()]
        elif language == "python":
            assert "\\toprule" in run(shlex.join([sys.executable, "-c", content]), tmp_path, env)
        else:
            assert outputs[-1].startswith(f"{content}\n<!--"), outputs[-1]
    for name in ("table1.tex", "table1.html", "table1.csv", "supplement.json"):
        assert (tmp_path / name).stat().st_size > 100, name


def run(line: str, folder: Path, env: dict[str, str]) -> str:
    """The output of a command; a setting of the environment stays for the next ones."""
    if line.startswith("export "):
        name, _, value = line.removeprefix("export ").partition("=")
        env[name] = value
        return ""
    done = subprocess.run(
        line, shell=True, cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    assert done.stdout.strip() or " --output " in line or " >> " in line, line
    return done.stdout


def test_the_keys_are_those_of_the_code() -> None:
    (listed,) = re.findall(r"The keys are (.*?)\. A key", TEXT, re.DOTALL)
    keys = re.findall(r"`(\w+)`", listed)

    fields = [name for name in TableRequest.__dataclass_fields__ if name != "name"]
    assert keys == fields
    assert parse_request({}) == TableRequest()


def test_every_page_that_is_linked_exists() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", TEXT):
        assert (PAGE.parent / target).exists(), target
