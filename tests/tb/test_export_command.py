"""``cetrack export-tb`` as people type it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cetrack.cli import main
from cetrack.store import Store
from tests.tb.building import fill, nights
from tests.tb.reading import runs


@pytest.fixture
def db(sqlite_store: Store) -> str:
    fill(sqlite_store, [*nights("resnet50", 2), *nights("vgg16", 2)])
    return str(sqlite_store.engine.url.database)


def cetrack(*args: object) -> int:
    """Run the program in this process; its exit code."""
    with pytest.raises(SystemExit) as caught:
        main([str(arg) for arg in args])
    return int(caught.value.code or 0)


def test_the_report_and_the_next_command(
    db: str, logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cetrack("export-tb", "--logdir", logs, "--db", db) == 0

    out, err = capsys.readouterr()
    header, row = out.splitlines()
    assert header.split() == ["logdir", "runs", "scalars", "files", "unchanged", "removed"]
    assert row.split()[1:] == ["8", "84", "12", "0", "0"]
    assert err.splitlines()[-1] == f"next: tensorboard --logdir {logs}"


def test_filters_views_and_order(db: str, logs: Path) -> None:
    options = ["--filter", "model=vgg16", "--filter", "precision=int8", "--view", "trend"]

    assert cetrack("export-tb", logs, *options, "--tags", "by-metric", "--db", db) == 0

    assert runs(logs) == ["trend/int8"]


def test_json(db: str, logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cetrack("export-tb", logs, "-f", "model=none", "--format", "json", "--db", db) == 0

    out, err = capsys.readouterr()
    found = json.loads(out)
    assert (found["runs"], found["logdir"]) == (0, str(logs))
    assert found["warnings"] == ["no run matches the filter"]
    assert "warning: no run matches the filter" in err
    assert "tensorboard" not in err


def test_a_board(db: str, logs: Path) -> None:
    assert cetrack("export-tb", logs, "--layout", "compression-board", "--db", db) == 0

    assert runs(logs) == ["_hparams", "resnet50", "vgg16"]


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ([], "no folder to write to"),
        (["a", "--logdir", "b"], "two folders"),
        (["x", "--layout", "compression-board", "--view", "runs"], "belong to the default layout"),
        (["x", "--filter", "modle=vgg16"], "modle"),
        (["x", "--view", "nothing"], "nothing"),
        (["thesis"], "is not empty and was not written by cetrack"),
    ],
)
def test_mistakes_are_said_in_one_line(
    args: list[str],
    problem: str,
    db: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "main.tex").write_text("mine")

    assert cetrack("export-tb", *args, "--db", db) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert problem in err
    assert "Traceback" not in err


def test_an_export_loads_neither_pandas_nor_tensorboard() -> None:
    code = (
        "import cetrack.export_tb, sys; "
        "print(sorted({'pandas', 'tensorboard', 'typer', 'alembic'} & set(sys.modules)))"
    )

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"


def test_the_command_loads_no_torch_and_leaves_it_for_others(db: str, logs: Path) -> None:
    code = f"""
import sys
from cetrack.cli import main
try:
    main(["export-tb", {str(logs)!r}, "--db", {db!r}])
except SystemExit as ended:
    assert not ended.code
print("tensorboardX.proto.event_pb2" in sys.modules, "torch" in sys.modules)
"""

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.splitlines()[-1] == "True False"


def test_the_help_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert cetrack("export-tb", "--help") == 0

    out, _ = capsys.readouterr()
    assert "cetrack export-tb logs/" in out
    assert "--layout compression-board" in out
