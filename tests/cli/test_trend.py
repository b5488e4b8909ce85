"""``cetrack trend`` as a program: what it prints, in every format, and its exit codes."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.main import get_command

from cetrack.analysis.changes import DEFAULT_ALPHA
from cetrack.cli import app, main
from cetrack.report.sparkline import BLOCKS, PLAIN
from cetrack.store import Store
from tests.cli.conftest import Filler
from tests.cli.filling import Spec, uid

HOSTILE = '=cmd,"x"<b>$\\_&%{}[bold]|\x1b[31m\u202eevil'


def _specs() -> list[Spec]:
    draws = np.random.default_rng(5)
    specs = []
    for day in range(24):
        slower, faster = (1.2, 1.0) if day >= 12 else (1.0, 1.3)
        latencies = {"resnet50": slower, "mobilenet": faster, HOSTILE: 1.0}
        for number, (model, factor) in enumerate(latencies.items()):
            latency = 10 * factor * (1 + 0.01 * draws.standard_normal())
            specs.append(
                Spec(
                    uid=uid(1000 + day * 10 + number),
                    model=model,
                    precision="int8",
                    day=f"2026-06-{day + 1:02}",
                    metrics={"latency_mean_ms": latency if day != 5 else float("nan")},
                    tags={"release": f"v{day // 4}"},
                )
            )
    return specs


@pytest.fixture
def filled(filled_with: Filler) -> Store:
    return filled_with("trend_command", _specs())


@dataclass(frozen=True)
class Done:
    """What a command did."""

    out: str
    err: str


class Trends:
    """``cetrack trend`` on one database, in this process."""

    def __init__(self, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
        self.store = store
        self.url = store.engine.url.render_as_string(hide_password=False)
        self._capsys = capsys

    def run(self, *args: str, code: int = 0) -> Done:
        with pytest.raises(SystemExit) as caught:
            main(["trend", *args, "--db", self.url])
        captured = self._capsys.readouterr()
        assert caught.value.code == code, captured.err
        return Done(captured.out, captured.err)

    def text(self, *args: str) -> str:
        return self.run(*args).out


@pytest.fixture
def trends(filled: Store, capsys: pytest.CaptureFixture[str]) -> Trends:
    return Trends(filled, capsys)


def command() -> Any:
    """The command as typer sees it."""
    return get_command(app).commands["trend"]  # type: ignore[attr-defined]


def on_terminal(store: Store, *args: str, **environment: str) -> str:
    """What a terminal of 100 columns gets."""
    url = store.engine.url.render_as_string(hide_password=False)
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "cetrack", "trend", *args, "--db", url]
    whole = {**os.environ, "COLUMNS": "100", "TERM": "xterm", **environment}
    with subprocess.Popen(command, stdout=follower, stderr=follower, env=whole) as process:
        os.close(follower)
        parts = []
        while True:
            try:
                part = os.read(leader, 65536)
            except OSError:  # the other side is closed
                break
            if not part:
                break
            parts.append(part)
        assert process.wait() == 0
    os.close(leader)
    return re.sub(r"\x1b\[[0-9;]*m", "", b"".join(parts).decode("utf-8")).replace("\r\n", "\n")


def test_people_read_lines_with_those_that_became_worse_first(trends: Trends) -> None:
    shown = trends.text("latency_mean_ms")
    titles = [line for line in shown.splitlines() if line and not line.startswith(" ")]
    assert titles[:4] == [
        "resnet50,int8: latency_mean_ms",
        "resnet50,int8: 1 change",
        "mobilenet,int8: latency_mean_ms",
        "mobilenet,int8: 1 change",
    ]
    assert len(titles) == 5
    first = shown.split("\n\n")
    course = next(line for line in first[0].splitlines() if "trend" in line)
    drawn = course.split("trend  ")[1]
    assert len(drawn) == 24
    assert drawn[5] == " "
    assert set(drawn) <= {*BLOCKS, " "}
    row = first[1].splitlines()[2].split()
    assert row[:3] == ["13", "2026-06-13", uid(1120)[:10]]
    assert row[6] == "worse"
    assert float(row[5]) == pytest.approx(20, abs=2)


def test_a_terminal_shows_some_lines_and_says_how_many_there_are(filled: Store) -> None:
    whole = on_terminal(filled, "latency_mean_ms")
    assert "resnet50,int8: 1 change" in whole
    assert "\x1b" not in whole
    assert "\u202e" not in whole
    limited = on_terminal(filled, "latency_mean_ms", "--limit", "1")
    assert "mobilenet" not in limited


def test_a_stream_of_ascii_gets_a_course_of_ascii(filled: Store) -> None:
    ascii_only = {"PYTHONIOENCODING": "ascii:backslashreplace", "PYTHONUTF8": "0"}
    shown = on_terminal(filled, "latency_mean_ms", "-f", "model=resnet50", **ascii_only)
    (course,) = (line for line in shown.splitlines() if "trend" in line)
    assert set(course.split("trend  ")[1].rstrip()) <= {*PLAIN, " "}
    assert "\\u" not in shown


def test_hostile_names_harm_no_output(trends: Trends) -> None:
    shown = trends.text("latency_mean_ms")
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    markdown = trends.text("latency_mean_ms", "--format", "md")
    assert "<b>" not in markdown
    assert "\x1b" not in markdown
    values = trends.text("latency_mean_ms", "--points", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(values)))
    assert {row["model"][:5] for row in rows} == {"'=cmd", "resne", "mobil"}


def test_csv_holds_the_changes_or_the_values(trends: Trends) -> None:
    changes = list(csv.DictReader(io.StringIO(trends.text("latency_mean_ms", "--format", "csv"))))
    assert [(row["line"], row["n"], row["improved"]) for row in changes] == [
        ("resnet50,int8", "13", "false"),
        ("mobilenet,int8", "13", "true"),
    ]
    assert float(changes[0]["ratio"]) == pytest.approx(1.2, abs=0.02)
    options = ("--points", "--format", "csv", "-f", "model=resnet50", "-f", "started < 2026-06-08")
    values = list(csv.DictReader(io.StringIO(trends.text("latency_mean_ms", *options))))
    assert [row["n"] for row in values] == list("1234567")
    assert values[5]["value"] == ""
    assert values[0]["started_at"] == "2026-06-01T00:00:00Z"


def test_json_holds_everything(trends: Trends) -> None:
    found = json.loads(trends.text("latency_mean_ms", "--format", "json"))
    assert found["metric"]["direction"] == "lower"
    assert found["metric"]["unit"] == "ms"
    assert found["notes"] == []
    line = found["lines"][0]
    assert line["fields"]["model"] == "resnet50"
    assert [point["n"] for point in line["points"]] == list(range(1, 25))
    assert line["points"][5]["value"] is None
    (change,) = line["changes"]
    assert change["uid"] == uid(1120)
    assert change["improved"] is False
    models = [line["fields"]["model"] for line in found["lines"]]
    assert [name[:6] for name in models] == ["resnet", "mobile", HOSTILE[:6]]


def test_other_axes(trends: Trends) -> None:
    options = ("-f", "model=resnet50", "--format", "json")
    found = json.loads(trends.text("latency_mean_ms", "--by", "tag.release", *options))
    assert [point["label"] for point in found["lines"][0]["points"]] == [
        f"v{number}" for number in range(6)
    ]
    shown = trends.text("latency_mean_ms", "--by", "tag.release", "-f", "model=resnet50")
    assert " v3 " in shown
    done = trends.run("latency_mean_ms", "--by", "commit")
    assert "72 of 72 runs are left out: they have no commit" in done.err
    assert done.out == ""


def test_alpha_decides_what_is_a_change(trends: Trends) -> None:
    assert "change" not in trends.text("latency_mean_ms", "--alpha", "1e-200")


def test_questions_without_sense_are_refused(trends: Trends) -> None:
    wrong = {
        "did you mean latency_mean_ms?": ["latency_mean"],
        "did you mean commit?": ["latency_mean_ms", "--by", "comit"],
        "did you mean release?": ["latency_mean_ms", "--by", "tag.releases"],
        "such as 0.01": ["latency_mean_ms", "--alpha", "1"],
        "end it in .png, .svg, .pdf": ["latency_mean_ms", "--plot", "x.jpeg"],
    }
    for hint, args in wrong.items():
        assert hint in trends.run(*args, code=2).err
    nothing = trends.run("latency_mean_ms", "-f", "model=none")
    assert "no run that matches has latency_mean_ms" in nothing.err
    empty = trends.run("latency_mean_ms", "-f", "model=none", "--format", "json")
    assert json.loads(empty.out)["lines"] == []


def test_without_the_extra_the_history_is_shown(filled: Store) -> None:
    url = filled.engine.url.render_as_string(hide_password=False)
    code = f"""
import sys
sys.modules["ruptures"] = None
from cetrack.cli import main
main(["trend", "latency_mean_ms", "--db", {url!r}])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert b'change points need ruptures and scipy: pip install "cetrack[stats]"' in done.stderr
    shown = done.stdout.decode()
    assert "resnet50,int8: latency_mean_ms" in shown
    assert "change" not in shown


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_a_plot_is_written(trends: Trends, tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("cetrack.plots")
    path = tmp_path / f"trend.{suffix}"
    done = trends.run("latency_mean_ms", "-f", "model=resnet50", "--plot", str(path))
    assert "resnet50,int8" in done.out
    begins = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}
    assert path.read_bytes().startswith(begins[suffix])
    missing = trends.run("latency_mean_ms", "--plot", str(tmp_path / "no" / "x.png"), code=2)
    assert "No such file" in missing.err


def test_the_examples_of_the_help_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    examples = re.findall(r"^\s*cetrack (trend .*)$", command().help, re.MULTILINE)
    assert len(examples) == 4
    monkeypatch.chdir(tmp_path)
    for line in ("demo d", *examples):
        args = shlex.split(line.partition(" > ")[0])
        if "--plot" in args:
            pytest.importorskip("cetrack.plots")
        with pytest.raises(SystemExit) as caught:
            main(args if args[0] == "demo" else [*args, "--db", "d/cetrack.db"])
        assert caught.value.code == 0, (line, capsys.readouterr().err)


def test_the_default_alpha_is_that_of_the_analysis() -> None:
    (option,) = (it for it in command().params if it.name == "alpha")
    assert option.default == DEFAULT_ALPHA


def test_help_loads_no_statistics() -> None:
    code = "import sys, cetrack.cli; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) & {"scipy", "ruptures", "numpy", "matplotlib"} == set()
