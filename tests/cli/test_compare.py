"""``cetrack compare`` and ``cetrack pareto``, from the words typed to what is seen."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cetrack.cli import main
from cetrack.store import Store
from tests.cli.conftest import Filler
from tests.cli.filling import uid
from tests.comparing import Measured

HOSTILE = "=cmd|' /C calc'!A0 & \\textbf{x} <b>|`\x1b[31m\u202e_$%#"

_BASE = Measured(
    uid=uid(1),
    dataset="imagenet",
    batch_size=1,
    runtime="onnxruntime",
    metrics={"accuracy": 0.8, "latency_mean_ms": 8.0, "model_size_mb": 100.0},
)
_INT8 = replace(
    _BASE,
    uid=uid(2),
    precision="int8",
    metrics={"accuracy": 0.75, "latency_mean_ms": 10.0, "model_size_mb": 25.0},
)
RUNS = [
    _BASE,
    _INT8,
    replace(_INT8, uid=uid(3), device="gpu"),
    replace(_BASE, uid=uid(4), model=HOSTILE, library="timm"),
    replace(_INT8, uid=uid(5), model=HOSTILE, library="timm", method=HOSTILE),
    replace(_INT8, uid=uid(6), model=HOSTILE, library="timm"),
]

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def runs(filled_with: Filler) -> Store:
    return filled_with("compared", RUNS)


@pytest.fixture
def cetrack(
    runs: Store,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Run:
    """Run a command on these runs: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CETRACK_DB", runs.engine.url.render_as_string(hide_password=False))

    def run(*args: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            main(args)
        captured = capsys.readouterr()
        return int(str(caught.value.code)), captured.out, captured.err

    return run


def test_people_see_precisions_side_by_side_and_what_is_odd(cetrack: Run) -> None:
    code, out, err = cetrack("compare", "--filter", "model=resnet50")
    assert code == 0
    assert out.splitlines() == [
        "model     precision  accuracy  change   latency_mean_ms  change     model_size_mb  change",
        "resnet50  fp32           0.80                         8                       100",
        "          int8           0.75  -0.05 ✗               10  +25.0 % ✗             25  "
        "-75.0 % ✓",
    ]
    assert err.splitlines() == [
        "✓ better, ✗ worse than fp32; significance unknown: it needs repetitions on both sides",
        "accuracy drop beyond noise (accuracy): resnet50 int8 -0.05",
        "slower than its baseline (latency_mean_ms): resnet50 int8 +25.0 %",
        "not compared: 1",
        "  resnet50 int8 (a300000000): device is gpu, baseline a100000000 has cpu",
        "--allow-mixed compares them all the same, and says so",
        "unknown on both sides and taken as equal: accelerator, split",
    ]


def test_json_holds_everything(cetrack: Run) -> None:
    code, out, err = cetrack("compare", "-f", "model=resnet50", "--format", "json")
    assert (code, err) == (0, "")
    answer = json.loads(out)
    assert (answer["baseline"], answer["by"], answer["test_count"]) == ("fp32", "model", 0)
    by_name = {(it["column"], it["metric"]): it for it in answer["entries"]}
    size = by_name["int8", "model_size_mb"]
    assert (size["value"], size["baseline"], size["ratio"]) == (25.0, 100.0, 0.25)
    assert (size["improved"], size["like_for_like"], size["uids"]) == (True, True, uid(2))
    assert by_name["fp32", "accuracy"]["is_baseline"] is True
    (refusal,) = answer["refusals"]
    assert (refusal["uid"], refusal["baseline_uid"]) == (uid(3), uid(1))
    assert refusal["fields"] == "device"
    assert answer["notes"] == [
        {"note": "unknown on both sides and taken as equal: accelerator, split"}
    ]


def test_csv_is_the_long_form_and_runs_no_formula(cetrack: Run) -> None:
    code, out, err = cetrack("compare", "--format", "csv", "--metrics", "acc,model_size_mb")
    assert code == 0
    assert "not compared: 1" in err
    rows = list(csv.DictReader(io.StringIO(out)))
    assert len(rows) == 10
    assert {row["metric"] for row in rows} == {"accuracy", "model_size_mb"}
    assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row.values())
    assert [
        row["delta"] for row in rows if row["column"] == "int8" and row["model"] == "resnet50"
    ] == [
        repr(0.75 - 0.8),
        "-75.0",
    ]


@pytest.mark.parametrize("format", ["table", "md", "json", "csv"])
def test_no_name_escapes(cetrack: Run, format: str) -> None:
    for command in (["compare"], ["compare", "--by", "library"], ["pareto", "--all"]):
        code, out, err = cetrack(*command, "--format", format)
        assert code == 0
        assert "\x1b" not in out + err
        if format in ("table", "md"):
            assert "\u202e" not in out
        if format == "md":
            assert "<b>" not in out
        assert "\u202e" not in err


def test_mixed_comparisons_are_flagged(cetrack: Run) -> None:
    code, out, err = cetrack("compare", "-f", "model=resnet50", "--allow-mixed")
    assert code == 0
    assert "int8,device=gpu" in out
    assert "not compared" not in err
    assert "not like for like: resnet50 int8,device=gpu" in err


def test_groups_of_models_say_how_many(cetrack: Run) -> None:
    code, out, _ = cetrack("compare", "--by", "library", "--metrics", "model_size_mb")
    assert code == 0
    assert [line.split()[:4] for line in out.splitlines()][:3] == [
        ["library", "precision", "models", "model_size_mb"],
        ["timm", "fp32", "1", "100"],
        ["int8", "1", "25", "-75.0"],
    ]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--metrics", "latncy_mean_ms"], "did you mean latency_mean_ms"),
        (["--baseline", "fp23"], "did you mean fp32"),
        (["--by", "color"], "--by"),
        (["--filter", "modle=x"], "did you mean"),
        (["--filter", "model=nothing"], "no run with results matches"),
        (["--filter", "precision=fp32"], "nothing to compare: all runs are fp32"),
        (["--filter", "device=gpu"], "device is gpu, baseline a100000000 has cpu"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(cetrack: Run, args: list[str], said: str) -> None:
    code, out, err = cetrack("compare", *args)
    assert (code, out) == (2, "")
    assert said in err


def test_a_front_as_people_see_it(cetrack: Run) -> None:
    code, out, err = cetrack("pareto", "--x", "model_size_mb", "--filter", "model=resnet50")
    assert code == 0
    assert [line.split()[:2] for line in out.splitlines()] == [
        ["run", "model_size_mb"],
        ["resnet50", "int8,device=cpu"],
        ["resnet50", "int8,device=gpu"],
        ["resnet50", "fp32"],
    ]
    assert err.splitlines() == [
        "3 of 3 on the front: model_size_mb lower is better, accuracy higher is better",
        "the points differ in device: cpu, gpu",
    ]


def test_all_points_say_whether_they_are_on_the_front(cetrack: Run) -> None:
    _, out, err = cetrack("pareto", "--format", "json", "--all", "-f", "model=resnet50")
    assert {(it["precision"], it["on_front"]) for it in json.loads(out)} == {
        ("fp32", True),
        ("int8", False),
    }
    assert err.startswith("1 of 3 on the front")
    _, front, _ = cetrack("pareto", "--format", "json", "-f", "model=resnet50")
    assert [it["uid"] for it in json.loads(front)] == [uid(1)]


def test_a_plot_is_drawn_in_the_format_of_its_name(cetrack: Run, tmp_path: Path) -> None:
    code, _, err = cetrack("pareto", "--plot", "front.txt")
    assert code == 2
    assert "end it in .png, .svg, .pdf" in err
    pytest.importorskip("cetrack.plots")
    code, _, err = cetrack("pareto", "--plot", "front.png")
    assert code == 0, err
    assert (tmp_path / "front.png").read_bytes().startswith(b"\x89PNG")
    code, _, err = cetrack("pareto", "--plot", "nowhere/front.png")
    assert code == 2
    assert "nowhere/front.png" in err


def test_without_repetitions_no_statistics_are_loaded(runs: Store, tmp_path: Path) -> None:
    program = (
        "import sys\nfrom cetrack.cli import main\n"
        "try: main(['compare'])\nexcept SystemExit as done: assert done.code == 0\n"
        "print(*(m for m in ('scipy', 'pandas', 'matplotlib', 'ruptures', 'pyarrow') "
        "if m in sys.modules), file=sys.stderr)"
    )
    url = runs.engine.url.render_as_string(hide_password=False)
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"CETRACK_DB": url, "PYTHONPATH": str(Path(__file__).parents[2])},
        cwd=tmp_path,
    )
    assert done.stderr.splitlines()[-1] == ""
