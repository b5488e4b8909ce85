"""What ``cetrack demo`` says to do next works on what it has made."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from cetrack.cli import main


def test_the_commands_at_the_end_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "a demo's folder"  # what a shell would split

    def run(*args: str) -> str:
        with pytest.raises(SystemExit) as caught:
            main(args)
        captured = capsys.readouterr()
        assert caught.value.code == 0, (args, captured.err)
        return captured.out

    hints = run("demo", str(folder)).partition("Look at them:\n")[2].splitlines()

    assert len(hints) == 6
    tensorboard, *commands = map(shlex.split, hints)
    assert tensorboard[:3] == ["tensorboard", "--logdir", str(folder / "tb")]
    assert [command[1] for command in commands] == ["compare", "trend", "table", "plot", "runs"]
    for program, *args in commands:
        assert program == "cetrack"
        assert "digits_cnn" in run(*args) or args[0] == "plot"
    assert list(tmp_path.glob("*.png"))
