"""docs/derived.md: its commands run, its definitions are understood, its limits are those."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from cetrack.config import load_settings
from cetrack.formula import parse
from cetrack.formula.tree import AGGREGATES, FIELDS, FUNCTIONS
from tests.test_readme import ROOT, environment

PAGE = ROOT / "docs" / "derived.md"
TEXT = PAGE.read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def cetrack(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cetrack", *args],
        cwd=folder,
        env=environment(PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        check=False,
    )


def test_its_commands_run(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "cetrack" / "demo" / "data" / "nightly", tmp_path / "results")
    for line in "".join(blocks("sh")).splitlines():
        command, _, target = line.partition(" >> ")
        done = cetrack(tmp_path, *command.split()[1:])
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        assert done.stdout.strip()
        if target:
            with (tmp_path / target).open("a") as file:
                file.write(done.stdout)
    assert re.search(r"^aurora .* 36 +0 +cetrack\.toml$", done.stdout, re.MULTILINE)

    (tmp_path / "cetrack.toml").write_text("[derived.a]\nexpr = 'acuracy * 2'\n")
    done = cetrack(tmp_path, "derive")
    assert done.returncode == 2
    assert "derived.a: no metric called 'acuracy'" in done.stderr
    assert "did you mean accuracy" in done.stderr
    (tmp_path / "cetrack.toml").write_text("[derived.a]\nexpr = 'accuracy *'\n")
    done = cetrack(tmp_path, "derive")
    assert done.returncode == 2
    assert "cetrack.toml:2: derived.a.expr: nothing follows '*'\n  accuracy *\n" in done.stderr


def test_its_definitions_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "cetrack.toml"
    path.write_text("".join(blocks("toml")), encoding="utf-8")

    found = load_settings(path)

    assert [item.name for item in found.derived] == [
        "accuracy_per_mb",
        "val_gain",
        "cost",
        "cost_per_point",
    ]
    assert [item.name for item in found.scores] == ["deploy"]
    assert len(found.definitions or ()) == 5


def test_it_has_all_of_the_language() -> None:
    reference = TEXT[TEXT.index("| in a formula") : TEXT.index("## Scores")]
    for name in (*FUNCTIONS, *FIELDS, *AGGREGATES[1:6]):
        assert f"`{name}" in reference, name
    from cetrack.formula.parse import MAX_DEPTH, MAX_LENGTH, MAX_TOKENS

    words = " ".join(reference.split())
    assert f"{MAX_LENGTH:,} characters, {MAX_TOKENS} names" in words
    assert f"{MAX_DEPTH} levels" in words
    for example in ('param."a b"', 'metric."val/accuracy".max', "-2 ** 2", "1e-3"):
        assert example in reference
        parse(example)
