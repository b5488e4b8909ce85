"""The wheel: what is in it, and the main job from it, in a clean environment elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.slow


def call(*command: str, cwd: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    call(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), ".", cwd=ROOT)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_the_package_the_migrations_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    migrations = {path.name for path in (ROOT / "migrations" / "versions").glob("*.py")}

    assert {f"cetrack/migrations/versions/{name}" for name in migrations} <= names
    assert {
        "cetrack/py.typed",
        "cetrack/metrics.toml",
        "cetrack/filter/grammar.lark",
        "cetrack/demo/data/README.md",
        "cetrack/migrations/env.py",
    } <= names
    roots = {name.split("/")[0] for name in names}
    assert {root for root in roots if not root.endswith(".dist-info")} == {"cetrack"}
    assert not [name for name in names if "/tests/" in name or name.endswith(".pyc")]


def test_the_main_job_from_the_wheel_in_a_clean_environment(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    binaries = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin")
    call(str(binaries / "pip"), "install", "-q", str(wheel), cwd=tmp_path)
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}

    printed = call(str(binaries / "cetrack"), "demo", cwd=tmp_path, env=env)
    database = str(tmp_path / "cetrack-demo" / "cetrack.db")
    listed = call(
        str(binaries / "cetrack"),
        "runs",
        "--db",
        database,
        "--format",
        "csv",
        cwd=tmp_path,
        env=env,
    )
    called = call(str(binaries / "python"), "-m", "cetrack", "--version", cwd=tmp_path, env=env)

    assert "digits_cnn" in printed
    assert listed.count("\n") == 61
    assert called.startswith("cetrack 0.")
    assert list((tmp_path / "cetrack-demo" / "tb").rglob("events.out.tfevents.*"))
