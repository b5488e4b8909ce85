"""docs/sources.md: every command and the Python on the page, run as they stand."""

from __future__ import annotations

import gzip
import re
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from cetrack import archives, packing, settling
from tests.ingest.test_git_history import commit, git, new_repository
from tests.test_readme import ROOT, environment

PAGE = ROOT / "docs" / "sources.md"
WAIT_S = 60


def blocks(language: str) -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that the page names, of real results."""
    found = tmp_path_factory.mktemp("sources")
    (found / "results").mkdir()
    nights = sorted((ROOT / "cetrack" / "demo" / "data" / "nightly").glob("*/results/*.json"))
    lab = new_repository(found / "lab")
    for number, path in enumerate(nights, start=1):
        content = path.read_bytes()
        commit(lab, {"results/nightly.json": content.decode()}, at=1_780_000_000 + number)
        name = found / "results" / f"nightly_2026-06-0{number}.json"
        if number < len(nights):
            name.write_bytes(content)
        else:
            name.with_suffix(".json.gz").write_bytes(gzip.compress(content))
    with tarfile.open(found / "results-june.tar.gz", "w:gz") as archive:
        archive.add(found / "results", "results")
    git(found, "clone", "-q", "--bare", "lab", "lab.git")
    return found


def test_commands(folder: Path) -> None:
    commands = "".join(blocks("sh")).splitlines()
    assert len(commands) > 8
    for line in commands:
        if line.startswith("cetrack watch "):
            watch(line, folder)
            continue
        done = subprocess.run(
            line, shell=True, cwd=folder, env=program(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        assert done.stdout.strip() or "dry run" in done.stderr, line


def program() -> dict[str, str]:
    return environment(PYTHONPATH=str(ROOT))


def watch(line: str, folder: Path) -> None:
    """Start it, wait until it has begun, and end it."""
    said = folder / "said"
    with said.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", *line.split()], cwd=folder, env=program(), stderr=stream
        )
    end = time.monotonic() + WAIT_S
    while "catching up with" not in said.read_text() and time.monotonic() < end:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=WAIT_S) == 130, said.read_text()
    assert re.search(r"\d+ files? ingested", said.read_text()), said.read_text()


def test_python(folder: Path) -> None:
    (code,) = blocks("python")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,
        env=program(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_every_page_that_is_linked_exists() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", PAGE.read_text(encoding="utf-8")):
        assert (PAGE.parent / target).exists(), target


def test_the_limits_are_those_of_the_code() -> None:
    text = PAGE.read_text(encoding="utf-8")
    limits = f"more than {archives.MAX_MEMBERS:,} members, {archives.MAX_BYTES // 2**30} GiB"
    assert limits in text
    assert f"{packing.MAX_RATIO} times its size" in text
    assert settling.PATIENCE == 5
