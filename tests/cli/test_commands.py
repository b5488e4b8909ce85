"""Commands from the words of the command line to exit code, stdout and stderr."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cetrack.cli import app, main, output
from cetrack.report import Column, Format, Table
from cetrack.store import Store
from tests.cli.filling import Spec, fill, uid

RESULTS = {
    "resnet50": {
        "fp32": {"accuracy": 0.80, "latency_mean_ms": 8.0, "model_size_mb": 100.0},
        "int8": {"accuracy": 0.79, "latency_mean_ms": 4.0, "model_size_mb": 25.0},
        "model_info": {"library": "timm", "category": "vision", "input_shape": [3, 224, 224]},
    }
}


@dataclass(frozen=True)
class Done:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out, parse_constant=lambda name: pytest.fail(name))


Cetrack = Callable[..., Done]


@pytest.fixture
def cetrack(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Cetrack:
    """Run a command in an empty folder, in this process."""
    monkeypatch.chdir(tmp_path)

    def run(*args: str) -> Done:
        with pytest.raises(SystemExit) as caught:
            main(args)
        captured = capsys.readouterr()
        return Done(int(str(caught.value.code)), captured.out, captured.err)

    return run


@pytest.fixture
def nightly(tmp_path: Path) -> Path:
    """A results file in the folder that commands run in."""
    path = tmp_path / "nightly_2026-06-01.json"
    path.write_text(json.dumps(RESULTS))
    return path


@pytest.fixture
def ingested(cetrack: Cetrack, nightly: Path) -> Cetrack:
    """The same, with the results in ./cetrack.db."""
    assert cetrack("ingest", nightly.name).code == 0
    return cetrack


# --- ingest -------------------------------------------------------------------------------------


def test_ingest_says_what_became_of_each_file(cetrack: Cetrack, nightly: Path) -> None:
    (nightly.parent / "broken.json").write_text('{"a": [1,')

    done = cetrack("ingest", ".", "--set", "device=jetson")

    assert done.code == 3
    lines = [line.split() for line in done.out.splitlines()]
    assert lines[0] == [
        "source",
        *["format", "status", "new", "updated", "unchanged", "points", "warnings"],
    ]
    assert lines[1] == ["broken.json", "-", "rejected", "-", "-", "-", "-", "-"]
    assert lines[2] == [nightly.name, "benchmark", "new", "2", "-", "-", "6", "-"]
    assert "rejected: broken.json: " in done.err
    assert "2 files, 1 of them rejected; runs: 2 new, 0 updated, 0 unchanged; 6 points" in done.err
    assert cetrack("runs", "--columns", "device").out.split() == ["device", "jetson", "jetson"]


def test_ingesting_again_changes_nothing(ingested: Cetrack, nightly: Path) -> None:
    done = ingested("ingest", nightly.name)

    assert done.code == 0
    assert "0 new, 0 updated, 2 unchanged; 0 points" in done.err


def test_the_warnings_of_an_archive_are_not_a_flood(cetrack: Cetrack, tmp_path: Path) -> None:
    for number in range(25):
        entry = {"fp32": {"accuracy": 90 + number / 100}}
        (tmp_path / f"{number:02}.json").write_text(json.dumps({f"model{number}": entry}))

    done = cetrack("ingest", str(tmp_path))
    said = [line for line in done.err.splitlines() if line.startswith("warning:")]
    assert len(said) == 21
    assert said[-1] == "warning: 5 more in 5 other files; --format json has them all"


def test_ingest_as_json(cetrack: Cetrack, nightly: Path) -> None:
    report = cetrack("ingest", nightly.name, "--format", "json").json

    assert report["total"] == {"runs_new": 2, "runs_updated": 0, "runs_unchanged": 0, "points": 6}
    assert report["sources"][0]["status"] == "new"
    assert report["sources"][0]["reader"] == "benchmark"


def test_a_dry_run_needs_no_database_and_makes_none(cetrack: Cetrack, nightly: Path) -> None:
    done = cetrack("ingest", nightly.name, "--dry-run")

    assert done.code == 0
    rows = [line.split() for line in done.out.splitlines()]
    assert ["new", "resnet50", "int8", "benchmark", "nightly", "/resnet50/int8"] in [
        row[:6] for row in rows
    ]
    assert "accuracy         fraction  accuracy" in done.out
    assert done.err.startswith("dry run, nothing was stored: 1 file; runs: 2 new")
    assert not Path("cetrack.db").exists()


def test_a_dry_run_shows_what_tells_runs_apart_and_every_unit(
    cetrack: Cetrack, tmp_path: Path
) -> None:
    row = {"net": "lenet", "dtype": "int8", "latency_us": 610.0, "size_kb": 60, "raw_ms": [0.6]}
    rows = [{**row, "batch": batch} for batch in (1, 8)]
    (tmp_path / "sweep.json").write_text(json.dumps(rows))

    done = cetrack("ingest", "sweep.json", "--dry-run")

    lines = [line.split() for line in done.out.splitlines()]
    head = "change model precision kind variant batch_size place started_at metrics samples"
    assert head.split() in lines
    assert [line[5] for line in lines if line[:2] == ["new", "lenet"]] == ["1", "8"]
    assert ["latency_ms", "ms", "latency_us", "us", "2"] in lines
    assert ["model_size_mb", "MB", "size_kb", "kB", "2"] in lines
    assert ["raw_ms", "ms", "(repetitions)", "-", "2"] in lines
    report = cetrack("ingest", "sweep.json", "--dry-run", "--format", "json").json
    run = report["sources"][0]["planned"][1]
    assert (run["batch_size"], run["metrics"]["latency_ms"]["scale"]) == (8, 0.001)


def test_a_dry_run_knows_what_is_there(ingested: Cetrack, nightly: Path) -> None:
    assert "0 new, 0 updated, 2 unchanged" in ingested("ingest", str(nightly), "--dry-run").err


def test_of_many_files_only_those_with_something_to_say_are_listed(
    cetrack: Cetrack, tmp_path: Path
) -> None:
    for number in range(51):
        (tmp_path / f"n{number:02}.json").write_text(
            json.dumps({"lenet": {"fp32": {"accuracy": number / 100}}})
        )
    (tmp_path / "empty.json").touch()

    done = cetrack("ingest", ".", "--at", "2026-01-31T14:00+01:00")

    assert done.code == 3
    assert [line.split()[0] for line in done.out.splitlines()] == ["source", "empty.json"]
    assert "52 files, 1 of them rejected; runs: 51 new" in done.err
    assert {row["started_at"] for row in cetrack("runs", "--format", "json").json} == {
        "2026-01-31T13:00:00Z"
    }


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["nowhere.json"], "no such file: nowhere.json"),
        (["x", "--set", "device"], "--set device: not KEY=VALUE"),
        (["x", "--at", "yesterday"], "--at yesterday: not a time"),
        (["x", "--reader", "benchmrk"], "no reader called 'benchmrk'"),
        (["x", "--format", "csv"], "Invalid value for '--format'"),
    ],
)
def test_ingest_refuses(cetrack: Cetrack, args: list[str], problem: str) -> None:
    done = cetrack("ingest", *args)

    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("cetrack: error: ")
    assert problem in done.err


def test_settings_of_the_project_apply(cetrack: Cetrack, nightly: Path) -> None:
    Path("cetrack.toml").write_text('db = "lab.db"\nexperiment = "july"\n')

    cetrack("ingest", nightly.name)

    assert Path("lab.db").exists()
    assert cetrack("runs", "--columns", "experiment").out.split() == ["experiment"] + ["july"] * 2


# --- reading ------------------------------------------------------------------------------------


def test_runs(ingested: Cetrack) -> None:
    done = ingested("runs", "--filter", "precision=INT8")

    assert done.err == ""
    header, row = done.out.splitlines()
    assert header.split() == [
        *("uid", "model", "library", "precision", "kind", "started_at"),
        *("accuracy", "latency_mean_ms", "model_size_mb"),
    ]
    assert row.split()[1:] == [
        *("resnet50", "timm", "int8", "benchmark", "2026-06-01", "0.79", "4", "25")
    ]


def test_runs_for_programs(ingested: Cetrack) -> None:
    rows = ingested("runs", "--format", "json", "--sort", "-accuracy").json

    assert [row["accuracy"] for row in rows] == [0.80, 0.79]
    assert rows[1]["baseline_uid"] == rows[0]["uid"]
    text = ingested("runs", "--format", "csv", "--limit", "1").out
    assert next(iter(csv.DictReader(io.StringIO(text))))["precision"] == "fp32"


def test_nothing_to_list_is_said_on_stderr(ingested: Cetrack) -> None:
    done = ingested("runs", "--filter", "accuracy > 1")

    assert (done.code, done.out, done.err) == (0, "", "no runs match\n")
    assert ingested("runs", "--filter", "accuracy > 1", "--format", "json").out == "[]\n"


def test_a_filter_that_cannot_be_read_shows_where(ingested: Cetrack) -> None:
    done = ingested("runs", "--filter", "precisoin=int8")

    assert done.code == 2
    assert done.err.splitlines()[1:3] == ["  precisoin=int8", "  ^"]


def test_show(ingested: Cetrack) -> None:
    found = ingested("runs", "--filter", "precision=int8", "--format", "json").json[0]["uid"]

    done = ingested("show", found[:9])

    assert done.out.startswith(f"run {found}\n  experiment       default\n")
    assert "compared with fp32 run" in done.out
    assert "series_key" not in done.out
    assert "min" not in done.out  # of a single number there is no spread to show
    assert ingested("show", found, "--format", "json").json["comparison"][0]["ratio"] == 0.5
    assert ingested("show", found, "--format", "csv").out.startswith("metric,value,unit,min,")
    assert "### metrics" in ingested("show", found, "--format", "md").out


def test_models_and_metrics(ingested: Cetrack) -> None:
    models = ingested("models", "--columns", "model,runs").out
    assert models.splitlines()[1].split() == ["resnet50", "2"]
    metrics = ingested("metrics", "--sort", "-metric", "--format", "json").json
    assert [row["metric"] for row in metrics] == ["model_size_mb", "latency_mean_ms", "accuracy"]
    assert ingested("models", "--sort", "nothing").code == 2


def test_sql(ingested: Cetrack, monkeypatch: pytest.MonkeyPatch) -> None:
    query = "SELECT model, COUNT(*) AS n, COUNT(*) AS n, 9e999 AS most FROM runs GROUP BY model"

    assert ingested("sql", query, "--format", "json").json == [
        {"model": "resnet50", "n": 2, "n_2": 2, "most": "Infinity"}
    ]
    monkeypatch.setattr("sys.stdin", io.StringIO("SELECT '100%' AS x, ':y' AS y\n"))
    assert ingested("sql", "-", "--format", "csv").out == "x,y\n100%,:y\n"
    assert ingested("sql", "SELECT 1 WHERE 1 = 0").err == "no rows\n"
    refused = ingested("sql", "DELETE FROM run")
    assert (refused.code, refused.out) == (2, "")
    assert ingested("sql", "SELECT nothing FROM runs").code == 2


def test_sql_stops_in_time(ingested: Cetrack) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT MAX(i) FROM n"

    done = ingested("sql", endless, "--timeout", "0.1")

    assert done.code == 2
    assert "stopped after 0.1 s" in done.err


def test_formats(cetrack: Cetrack) -> None:
    rows = cetrack("formats", "--format", "json").json

    assert "benchmark" in [row["reader"] for row in rows]
    assert all(row["recognises"] and row["maps_to"] for row in rows)


def test_one_format_with_its_example(cetrack: Cetrack) -> None:
    assert '{"timestamp": "2026-06-01T02:00:00Z"' in cetrack("formats", "benchmark").out
    assert cetrack("formats", "results", "--format", "json").json["makes"].startswith("one bench")
    assert cetrack("formats", "epochs", "--format", "md").out.startswith("## epochs\n\n- reads: ")
    wrong = cetrack("formats", "benchmrk")
    assert (wrong.code, wrong.err) == (
        2,
        "cetrack: error: no reader called 'benchmrk'\nhint: did you mean benchmark?\n",
    )
    assert "unexpected argument 'x'" in cetrack("formats", "benchmark", "x").err


def test_a_suggested_format_makes_a_file_readable(cetrack: Cetrack, tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text("net;p50 us\nlenet;610\n")
    assert cetrack("ingest", "odd.csv").code == 3

    done = cetrack("formats", "suggest", "odd.csv")
    assert done.code == 0
    assert "put this into cetrack.toml" in done.err
    (tmp_path / "cetrack.toml").write_text(done.out)

    assert "my_odd" in cetrack("formats").out
    assert "as [formats.my_odd] of" in cetrack("formats", "my_odd").out
    report = cetrack("ingest", "odd.csv", "--format", "json").json
    assert (report["sources"][0]["reader"], report["total"]["runs_new"]) == ("my_odd", 1)
    again = cetrack("ingest", "odd.csv", "--reader", "my_odd", "--format", "json").json
    assert again["sources"][0]["runs_unchanged"] == 1


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["suggest"], "'suggest' needs a file"),
        (["suggest", "gone.json"], "no such file: gone.json"),
    ],
)
def test_suggest_needs_a_file(cetrack: Cetrack, args: list[str], problem: str) -> None:
    done = cetrack("formats", *args)

    assert done.code == 2
    assert problem in done.err


def test_a_file_that_no_draft_can_be_made_for(cetrack: Cetrack, tmp_path: Path) -> None:
    (tmp_path / "note.json").write_text('{"note": "nothing"}')

    done = cetrack("formats", "suggest", "note.json")

    assert done.code == 3
    assert "no numbers in it that could be those of runs" in done.err


def test_a_wrong_format_in_the_settings_is_one_line(cetrack: Cetrack, tmp_path: Path) -> None:
    (tmp_path / "cetrack.toml").write_text('[formats.bench]\nmatch = "a"\nmodle = "x"\n')

    done = cetrack("ingest", "a.json")

    assert done.code == 2
    assert done.err == (
        f"cetrack: error: {tmp_path}/cetrack.toml:3: formats.bench.modle: "
        "no key called 'modle'\nhint: did you mean model?\n"
    )


# --- changing -----------------------------------------------------------------------------------


def test_forget_asks_first(ingested: Cetrack, nightly: Path) -> None:
    planned = ingested("forget", nightly.name, "--dry-run")
    assert planned.code == 0
    assert "this would be 2 runs and 1 source" in planned.err
    alone = ingested("forget", nightly.name)
    assert alone.code == 2
    assert "hint: add --yes" in alone.err
    assert len(ingested("runs").out.splitlines()) == 3

    done = ingested("forget", nightly.name, "--yes")

    assert done.code == 0
    assert "removed 2 runs and 1 source" in done.err
    assert ingested("runs").err == "no runs yet\n"


@pytest.mark.parametrize(("answer", "code", "left"), [("y\n", 0, 0), ("n\n", 1, 2)])
def test_a_person_may_be_asked(
    ingested: Cetrack,
    nightly: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    code: int,
    left: int,
) -> None:
    keyboard = io.StringIO(answer)
    keyboard.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stdin", keyboard)

    done = ingested("forget", nightly.name)

    assert done.code == code
    assert "Remove 2 runs and 1 source?" in done.err
    assert len(ingested("runs", "--format", "json").json) == left


def test_models_are_corrected(ingested: Cetrack) -> None:
    assert ingested("model", "set", "resnet50", "library=torchvision").code == 0
    assert ingested("models", "--columns", "library").out.split() == ["library", "torchvision"]
    assert ingested("model", "set", "resnet50", "colour=red").code == 2
    assert ingested("model", "set", "resnet50", "vision").code == 2
    assert ingested("model", "merge", "resnet50", "resnet50").code == 2


def test_runs_travel_from_one_database_to_another(ingested: Cetrack) -> None:
    done = ingested("export-runs", "--output", "runs.jsonl")
    assert (done.code, done.out) == (0, "")
    assert "2 runs in runs.jsonl" in done.err
    assert ingested("export-runs").out == Path("runs.jsonl").read_text()

    assert ingested("ingest", "runs.jsonl", "--db", "copy.db").code == 0

    first, second = (
        ingested("runs", "--columns", "uid,accuracy", "--format", "csv", *where).out
        for where in ([], ["--db", "copy.db"])
    )
    assert first == second
    assert ingested("export-runs", "--output", "no/such/folder.jsonl").code == 2
    assert not list(Path().glob(".*.part"))


# --- databases ----------------------------------------------------------------------------------


def test_the_life_of_a_database(cetrack: Cetrack, empty_url: str) -> None:
    db = ("--db", empty_url)

    assert cetrack("db", "current", *db).out == "none\n"
    assert cetrack("runs", *db).code == 4
    assert cetrack("db", "init", *db).out.startswith("made ")
    assert cetrack("db", "init", *db).out.startswith("exists already: ")
    assert cetrack("db", "current", *db).out == "0005\n"
    checked = cetrack("db", "check", *db)
    assert checked.code == 0
    assert checked.out.endswith("no difference, schema 0005\n")
    assert cetrack("db", "downgrade", "0001", *db).code == 2
    assert cetrack("db", "downgrade", "0001", "--yes", *db).code == 0
    outdated = cetrack("runs", *db)
    assert outdated.code == 4
    assert "cetrack db upgrade" in outdated.err
    assert cetrack("db", "upgrade", *db).out.endswith("schema 0001 -> 0005\n")
    sizes = cetrack("db", "stats", "--format", "json", *db).json
    assert {"what": "run", "count": 0} in sizes


def test_check_finds_a_difference(cetrack: Cetrack, sqlite_store: Store) -> None:
    with sqlite_store.write() as connection:
        connection.exec_driver_sql("DROP VIEW history")

    done = cetrack("db", "check", "--db", str(sqlite_store.engine.url.database))

    assert done.code == 1
    assert done.out == "view history is missing\n"


@pytest.mark.parametrize("command", [["runs"], ["db", "current"], ["db", "stats"]])
def test_passwords_are_never_shown(cetrack: Cetrack, command: list[str]) -> None:
    done = cetrack(*command, "--db", "postgresql://me:s3cret@127.0.0.1:1/x")

    assert done.code == 4
    assert "127.0.0.1" in done.err
    assert "s3cret" not in done.out + done.err


# --- the program --------------------------------------------------------------------------------


def test_usage_errors_are_one_line_and_a_hint(cetrack: Cetrack) -> None:
    done = cetrack("runs", "--nonsense")

    assert done.code == 2
    assert done.err.splitlines()[0].startswith("cetrack: error: No such option: --nonsense")
    assert done.err.splitlines()[1] == "hint: cetrack runs --help"


def test_a_traceback_only_when_asked(cetrack: Cetrack, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Traceback" not in cetrack("runs").err
    debugged = cetrack("--debug", "runs")
    assert debugged.code == 4
    assert "Traceback" in debugged.err
    monkeypatch.setenv("CETRACK_DEBUG", "1")
    assert "Traceback" in cetrack("runs").err


def test_an_interrupt_has_its_own_code(cetrack: Cetrack, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cetrack.cli.opening.open_store", interrupted)

    assert cetrack("runs").code == 130


@pytest.mark.parametrize(
    "path",
    [
        *("ingest", "runs", "show", "models", "metrics", "sql", "export-runs", "forget", "formats"),
        *("demo", "model set", "model merge", "db init", "db upgrade", "db downgrade"),
        *("db current", "db check", "db stats"),
    ],
)
def test_every_command_shows_examples(path: str) -> None:
    result = CliRunner().invoke(app, [*path.split(), "--help"])

    assert result.exit_code == 0
    assert f"Examples:\n    cetrack {path}" in result.output


def test_a_terminal_gets_a_screenful_that_fits(
    cetrack: Cetrack, sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs = [
        Spec(uid=uid(n), model="evil [red]\x1b[31m", metrics={"accuracy": n / 1000, "loss": 1.0})
        for n in range(100, 160)
    ]
    fill(sqlite_store, specs)
    monkeypatch.setattr(output, "is_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")

    done = cetrack("runs", "--db", str(sqlite_store.engine.url.database))

    assert max(map(len, done.out.splitlines())) <= 60
    assert len(done.out.splitlines()) == 51
    assert "[red]" in done.out
    assert "\x1b" not in done.out
    assert "50 of 60 runs; --limit 0 shows all" in done.err
    assert "left out, the window is too narrow: library, kind, started_at" in done.err


# --- other formats ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        ("runs",),
        ("metrics",),
        ("models",),
        ("sql", "SELECT model, precision, metric, value FROM measurements"),
        ("db", "stats"),
        ("formats",),
    ],
)
def test_every_list_can_be_written_for_papers_and_pages(
    ingested: Cetrack, command: tuple[str, ...]
) -> None:
    latex, html = (ingested(*command, "--format", format) for format in ("latex", "html"))

    assert (latex.code, html.code) == (0, 0)
    assert latex.out.startswith("% needs \\usepackage{booktabs} in the preamble\n\\begin{tabular}")
    assert html.out.startswith("<!doctype html>\n")


def test_a_run_can_be_shown_as_latex_and_html(ingested: Cetrack) -> None:
    uid = ingested("runs", "--columns", "uid", "--format", "csv").out.split()[1]

    latex, html = (ingested("show", uid, "--format", format) for format in ("latex", "html"))

    assert f"\\textbf{{run {uid}}}" in latex.out
    assert f'<h2 dir="auto">run {uid}</h2>' in html.out


def test_a_terminal_gets_no_parquet(ingested: Cetrack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "is_terminal", lambda: True)

    done = ingested("runs", "--format", "parquet")

    assert (done.code, done.out) == (2, "")
    assert "this result is no text, and stdout is a terminal" in done.err
    assert "hint: send it to a file, e.g. cetrack runs --format parquet > runs.parquet" in done.err


def test_parquet_without_pyarrow_is_refused(
    ingested: Cetrack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)

    done = ingested("runs", "--format", "parquet")

    assert (done.code, done.out) == (2, "")
    assert 'hint: pip install "cetrack[parquet]"' in done.err


def test_notes_are_below_a_table_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "is_terminal", lambda: True)
    table = Table(
        columns=(Column(name="x"),),
        rows=(("a",),),
        best=frozenset({(0, 0)}),
        notes=("evil [red]\x1b[31m",),
    )

    output.emit(table, Format.TABLE)

    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == ["x", "a", "evil [red]\\x1b[31m"]
