"""``cetrack plot`` from the words of the command line to files, on both databases."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cetrack.cli import main, output
from cetrack.cli.figures import write_figure
from cetrack.errors import UsageError
from cetrack.store import Store
from tests.cli.conftest import Filler
from tests.cli.filling import Spec, uid
from tests.plots.test_figures import png_size, svg_texts


def nightly(number: int, model: str, day: str, latency: float) -> list[Spec]:
    base = {"accuracy": 0.8, "latency_mean_ms": 8.0, "model_size_mb": 100.0}
    small = {"accuracy": 0.79, "latency_mean_ms": latency, "model_size_mb": 25.0}
    first, second = uid(number), uid(number + 1)
    return [
        Spec(uid=first, model=model, day=day, metrics=base),
        Spec(uid=second, model=model, precision="int8", day=day, metrics=small, baseline=first),
    ]


RUNS = (
    *nightly(10, "resnet50", "2026-06-01", 4.0),
    *nightly(12, "resnet50", "2026-06-02", 4.2),
    *nightly(20, "$x_1$", "2026-06-01", 3.0),
    Spec(uid=uid(30), kind="training", metrics={"val/accuracy": [0.1, 0.5, 0.7]}),
)


@pytest.fixture
def url(filled_with: Filler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A filled database; commands run in an empty folder."""
    monkeypatch.chdir(tmp_path)
    store: Store = filled_with("plots", RUNS)
    return store.engine.url.render_as_string(hide_password=False)


def plot(url: str, *args: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["plot", *args, "--db", url])
    return int(str(caught.value.code))


@pytest.mark.parametrize(
    ("args", "name", "texts"),
    [
        (
            ("pareto", "--x", "model_size_mb"),
            "pareto-model_size_mb-accuracy",
            {"model size [MB]   ← better", "resnet50", "$x_1$", "fp32", "int8"},
        ),
        (
            ("trend", "latency_mean_ms", "--filter", "precision=int8", "--by", "date"),
            "trend-latency_mean_ms",
            {"resnet50, int8", "$x_1$, int8", "2026-06-01", "2026-06-02"},
        ),
        (
            ("compare", "--metrics", "latency_mean_ms,accuracy"),
            "compare-latency_mean_ms-accuracy",
            {"latency mean [ms]", "accuracy", "resnet50", "$x_1$", "int8"},
        ),
        (
            ("compare", "--by", "library"),
            "compare-library",
            {"torchvision", "change against fp32 [%]   ← better"},
        ),
        (
            ("epochs", "val/accuracy"),
            "epochs-val_accuracy",
            {"resnet50, fp32", "val/accuracy   better →", "step"},
        ),
    ],
)
def test_the_file_is_called_after_what_it_shows(
    url: str,
    capsys: pytest.CaptureFixture[str],
    args: tuple[str, ...],
    name: str,
    texts: set[str],
) -> None:
    assert plot(url, *args, "--format", "svg") == 0

    (path,) = Path().iterdir()
    assert path.name == f"{name}.svg"
    assert texts <= set(svg_texts(path.read_bytes()))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[-1] == f"{path.stat().st_size:,} bytes in {name}.svg"


def test_the_suffix_says_what_is_written(url: str) -> None:
    Path("f.pdf").write_bytes(b"of yesterday")

    assert plot(url, "epochs", "val/accuracy", "--output", "f.pdf") == 0
    assert plot(url, "epochs", "val/accuracy", "-o", "f.PNG", "--size", "screen") == 0

    assert Path("f.pdf").read_bytes().startswith(b"%PDF-")
    assert png_size(Path("f.PNG").read_bytes())[0] == 1320
    assert sorted(path.name for path in Path().iterdir()) == ["f.PNG", "f.pdf"]


def test_trend_draws_its_lines_too(url: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["trend", "latency_mean_ms", "--db", url, "--plot", "t.svg"])

    assert caught.value.code == 0
    assert {"resnet50", "fp32", "int8"} <= set(svg_texts(Path("t.svg").read_bytes()))


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (("epochs", "val/acuracy"), "no metric called 'val/acuracy'"),
        (("epochs", "val/accuracy", "-o", "f.bmp"), "f.bmp: not a figure"),
        (("epochs", "val/accuracy", "-o", "f.png", "--format", "svg"), "contradict"),
        (("epochs", "val/accuracy", "-o", "none/f.png"), "none/f.png: No such file or directory"),
        (("epochs", "val/accuracy", "--filter", "model=none"), "no run with results matches"),
        (("trend", "latency_mean_ms", "--by", "comit"), "no axis called 'comit'"),
        (("compare", "--by", "librar"), "'librar' is not one of"),
        (("compare", "--metrics", "val/accuracy"), "none of the compared runs has val/accuracy"),
        (("pareto", "--x", "val/accuracy"), "no run"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    url: str, capsys: pytest.CaptureFixture[str], args: tuple[str, ...], problem: str
) -> None:
    assert plot(url, *args) == 2

    assert problem in capsys.readouterr().err
    assert list(Path().iterdir()) == []


def test_a_dash_writes_to_stdout_and_only_there(sqlite_template: Path, tmp_path: Path) -> None:
    from tests.cli.filling import fill

    shutil.copy(sqlite_template, tmp_path / "cetrack.db")
    with Store.open(str(tmp_path / "cetrack.db")) as store:
        fill(store, RUNS)
    command = [sys.executable, "-m", "cetrack", "plot", "epochs", "val/accuracy", "-o", "-"]

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (0, b"")
    assert png_size(done.stdout)[0] == 990
    assert [path.name for path in tmp_path.glob("*.png")] == []


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_is_spared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())

    with pytest.raises(UsageError, match="stdout is a terminal"):
        output.write_bytes(b"\x89PNG")


def test_no_name_leads_out_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    for name in ("trend-../../etc/passwd", "trend-" + "x" * 400, "trend-\x1b[31m\n"):
        write_figure(lambda format: b"figure", name, None)

    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["trend-.._.._etc_passwd.png", "trend-_31m.png", f"trend-{'x' * 94}.png"]


def test_help_and_lists_do_not_load_matplotlib(sqlite_template: Path, tmp_path: Path) -> None:
    shutil.copy(sqlite_template, tmp_path / "cetrack.db")
    script = (
        "import sys\n"
        "from cetrack.cli import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "finally:\n    print([n for n in ('matplotlib', 'numpy', 'scipy') if n in sys.modules])\n"
    )
    for args, loaded in ((["plot", "epochs", "--help"], "[]"), (["runs"], "['numpy']")):
        done = subprocess.run(
            [sys.executable, "-c", script, *args],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout.splitlines()[-1] == loaded, done.stderr
