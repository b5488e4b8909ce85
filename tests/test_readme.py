"""Every command and every piece of Python in the README, run as it stands."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from cetrack.config import Settings, find_settings

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
INSTALLS = {  # run by test_packaging and by whoever runs these tests
    "pip install . && cetrack demo",
    'pip install ".[test]" && pytest',
    'pip install ".[postgres]"',
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def environment(**changes: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CETRACK_")}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    return {**kept, "PATH": path, **changes}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder with a results/ folder of real files in it."""
    data = ROOT / "cetrack" / "demo" / "data" / "nightly"
    shutil.copytree(data, tmp_path / "results")
    return tmp_path


def test_commands(folder: Path, postgres_server: URL) -> None:
    env = environment()
    (folder / "gates.toml").write_text(blocks("toml")[1])
    for line in "".join(blocks("sh")).splitlines():
        if line in INSTALLS:
            continue
        if line.startswith("export CETRACK_DB=postgresql://"):
            env["CETRACK_DB"] = postgres_server.render_as_string(hide_password=False)
        elif line.startswith("tensorboard "):
            look_at_tensorboard(line, folder, env)
        else:
            done = subprocess.run(
                line, shell=True, cwd=folder, env=env, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
            assert done.stdout.strip() or written(line, folder), line


def written(line: str, folder: Path) -> bool:
    """Whether a command that writes a file has written it."""
    _, output, name = line.partition(" --output ")
    return bool(output) and (folder / name).stat().st_size > 0


def look_at_tensorboard(line: str, folder: Path, env: dict[str, str]) -> None:
    """Start it, ask it for the runs, and end it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tensorboard.main", *shlex.split(line)[1:]]
    command += ["--port", str(port), "--host", "127.0.0.1"]
    server = subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        runs = wait_for(f"http://127.0.0.1:{port}/data/runs")
    finally:
        server.terminate()
        server.wait(timeout=30)
    assert "trend/int8" in runs
    assert "wdbc_mlp" not in runs


def wait_for(url: str) -> str:
    """What the server answers, once it has seen the runs."""
    answer = ""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                answer = response.read().decode()
        except OSError:
            answer = ""
        if "trend" in answer:
            return answer
        time.sleep(0.5)
    return answer


def test_python(folder: Path) -> None:
    env = environment()
    subprocess.run(
        ["cetrack", "ingest", "results/"], cwd=folder, env=env, check=True, capture_output=True
    )
    for code in blocks("python"):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code],
            cwd=folder,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def test_the_results_file_shown_is_one(folder: Path) -> None:
    (folder / "shown.json").write_text(blocks("json")[0])
    done = subprocess.run(
        ["cetrack", "ingest", "shown.json"],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "2 new" in done.stderr) == (0, True), done.stderr


def test_the_settings_shown_are_settings(folder: Path) -> None:
    (folder / "cetrack.toml").write_text(blocks("toml")[0])

    found = find_settings(folder / "results")

    assert found == Settings(
        db=str(folder / "results.db"), experiment="nightly", baseline_precision="fp32"
    )


def test_every_page_that_is_linked_exists() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
