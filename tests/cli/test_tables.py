"""cetrack table, report and freeze: from the words of the command line to files, on both
databases."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cetrack.cli import output
from cetrack.config import load_settings
from cetrack.errors import UsageError
from cetrack.table_request import Best, Show, TableRequest
from tests.cli.test_commands import Cetrack, cetrack
from tests.ingest.producing import write

__all__ = ["cetrack"]  # a fixture

COMMAND = ("table", "--metrics", "accuracy,latency_mean_ms", "--baseline", "fp32", "--best", "row")


def results(accuracy: float, latency_ms: float) -> dict[str, object]:
    baseline = {"accuracy": 0.9, "latency_mean_ms": 8.0}
    compressed = {"accuracy": accuracy, "latency_mean_ms": latency_ms}
    return {"m_1": {"fp32": baseline, "int8": compressed}}


@pytest.fixture
def filled(
    cetrack: Cetrack, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Cetrack:
    """Commands on a database with one model at two precisions."""
    monkeypatch.setenv("CETRACK_DB", database_url)
    write(tmp_path / "in" / "r_2026-06-01.json", results(0.88, 4.0))
    assert cetrack("ingest", "in/r_2026-06-01.json").code == 0
    return cetrack


def test_a_table_without_a_word(filled: Cetrack) -> None:
    done = filled("table")

    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "Model  Accuracy ↑ fp32  Accuracy ↑ int8  Latency mean (ms) ↓ fp32"
        "  Latency mean (ms) ↓ int8",
        "m_1              0.900            0.880                         8"
        "                         4",
    ]


def test_the_end_of_the_name_says_the_format(filled: Cetrack, tmp_path: Path) -> None:
    starts = {
        "t.md": "| Model",
        "t.tex": "% needs",
        "t.html": "<!doctype html>",
        "t.csv": "model,accuracy.fp32",
        "t.JSON": '[{"model": "m_1"',
        "t.txt": "Model",
        "t.parquet": "PAR1",
    }
    for name, start in starts.items():
        done = filled(*COMMAND, "--output", name)
        assert (done.code, done.out, done.err) == (0, "", f"1 row in {name}\n"), name
        assert (tmp_path / name).read_bytes().startswith(start.encode()), name
    assert filled(*COMMAND, "-o", "t.md", "--format", "csv").code == 0
    assert (tmp_path / "t.md").read_text().startswith("model,")
    assert [path.name for path in tmp_path.glob(".*.part")] == []


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["-o", "t.docx"], "t.docx: the end of the name says no format"),
        (["-o", "nowhere/t.md"], "nowhere/t.md: No such file"),
        (["--show", "delta"], "--show: delta needs a baseline"),
        (["--show", "dleta"], "did you mean delta"),
        (["--digits", "accuracy=x"], "--digits: decimals are a metric and a number"),
        (["--rows", "modle"], "did you mean model"),
        (["--filter", "acuracy > 1"], "did you mean"),
        (["--sort", "modle"], "did you mean model"),
    ],
)
def test_wrong_words_are_usage_errors(
    filled: Cetrack, arguments: list[str], problem: str, tmp_path: Path
) -> None:
    done = filled("table", *arguments)

    assert (done.code, done.out) == (2, "")
    assert problem in done.err
    assert list(tmp_path.glob("t.*")) == []


def test_a_file_that_cannot_be_replaced_stays(filled: Cetrack, tmp_path: Path) -> None:
    (tmp_path / "t.md").mkdir()

    done = filled("table", "-o", "t.md")

    assert done.code == 2
    assert "t.md: " in done.err
    assert list(tmp_path.glob(".*")) == []


# --- reports ------------------------------------------------------------------------------------


def test_a_saved_report_is_the_table_of_the_command(filled: Cetrack, tmp_path: Path) -> None:
    saved = filled(*COMMAND, "--digits", "accuracy=1", "--save", "paper")
    assert (saved.code, saved.err) == (0, "")
    (tmp_path / "cetrack.toml").write_text('experiment = "e"\n' + saved.out)

    for format in ("csv", "json", "table", "parquet"):
        report = filled("report", "paper", "--format", format, "-o", "report")
        table = filled(*COMMAND, "--digits", "accuracy=1", "--format", format, "-o", "table")
        assert (report.code, table.code) == (0, 0)
        made = (tmp_path / "report").read_bytes()
        if format == "parquet":
            import pyarrow.parquet as parquet

            assert parquet.read_table("report").equals(parquet.read_table("table"))
        else:
            assert made == (tmp_path / "table").read_bytes()
    assert filled(*COMMAND, "--save", "paper").code == 2


def test_reports_are_listed(cetrack: Cetrack, tmp_path: Path) -> None:
    assert "no reports in cetrack.toml" in cetrack("report").err
    (tmp_path / "cetrack.toml").write_text(
        '[reports.paper]\nmetrics = "accuracy"\ncaption = "T 1"\n[reports.all]\n'
    )

    assert cetrack("report", "--format", "json").json == [
        {
            "report": "paper",
            "caption": "T 1",
            "same_as": "cetrack table --metrics accuracy --caption 'T 1'",
        },
        {"report": "all", "caption": None, "same_as": "cetrack table"},
    ]
    unknown = cetrack("report", "papre")
    assert unknown.code == 2
    assert "no report called 'papre'" in unknown.err
    assert "did you mean paper?" in unknown.err


def test_what_a_report_says(tmp_path: Path) -> None:
    path = tmp_path / "cetrack.toml"
    path.write_text(
        """
        [reports.paper]
        rows = ["model", "library"]
        metrics = "accuracy, latency_mean_ms"
        filter = "library=timm"
        baseline = "fp32"
        show = ["value", "delta_pct"]
        best = "row"
        digits = { accuracy = 3 }
        allow_mixed = true
        """
    )

    assert load_settings(path).reports == (
        TableRequest(
            name="paper",
            rows=("model", "library"),
            metrics=("accuracy", "latency_mean_ms"),
            filter=("library=timm",),
            baseline="fp32",
            show=(Show.VALUE, Show.DELTA_PCT),
            best=Best.ROW,
            digits=(("accuracy", 3),),
            allow_mixed=True,
        ),
    )


@pytest.mark.parametrize(
    ("text", "line", "problem", "hint"),
    [
        (
            "[reports.p]\nmetrcs = 'a'",
            2,
            "p.metrcs: no key called 'metrcs'",
            "mean metrics",
        ),
        ("[formats]\n[reports.p]\n\nbest = 'rows'", 4, "p.best: no choice of best", "row"),
        ("[reports.p]\nrows = 3", 2, "p.rows: must be text in quotes, or a list", None),
        ("[reports.p]\ndigits = { a = 99 }", 2, "p.digits: decimals are a metric", None),
        ("[reports.p.digits]\na = 'x'", 1, "p.digits: decimals are a metric", None),
        ("[reports.p]\nallow_mixed = 1", 2, "p.allow_mixed: must be true or false", None),
        ("[reports.p]\ncaption = 1", 2, "p.caption: must be text", None),
        ("[reports.p]\nshow = 'delta'", 2, "p.show: delta needs a baseline", "fp32"),
        ("[reports.p]\nbest='row'\n[reports.q]\nbest='x'", 4, "q.best", "there are"),
        ("[reports.'a b']\nbest='row'", 1, "'a b' is no name of a report", "letters"),
        ("[reports]\np = 1", 2, "p: must be a table", "write [reports.p]"),
        ("reports = 1", 1, "must be a table of reports", "write [reports.my_table]"),
    ],
)
def test_a_wrong_report_is_named_with_the_line(
    tmp_path: Path, text: str, line: int, problem: str, hint: str | None
) -> None:
    path = tmp_path / "cetrack.toml"
    path.write_text(text)

    with pytest.raises(UsageError) as caught:
        load_settings(path)

    assert caught.value.message.startswith(f"{path}:{line}: reports"), caught.value.message
    assert problem in caught.value.message
    assert hint is None or hint in str(caught.value.hint)


# --- freezing -----------------------------------------------------------------------------------


def test_a_frozen_report_needs_no_database(
    filled: Cetrack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = '[reports.paper]\nbaseline = "fp32"\nbest = "row"\ncaption = "T"\n'
    (tmp_path / "cetrack.toml").write_text(report)
    formats = ("latex", "html", "md", "csv", "json", "table")
    before = {format: filled("report", "paper", "--format", format).out for format in formats}

    done = filled("freeze", "paper")
    assert (done.code, done.out, done.err) == (0, "paper.cetrack.json\n", "")
    write(tmp_path / "in" / "r_2026-07-01.json", results(0.5, 99.0))
    assert filled("ingest", "in/r_2026-07-01.json").code == 0
    assert filled("report", "paper", "--format", "csv").out != before["csv"]
    (tmp_path / "cetrack.toml").unlink()
    monkeypatch.setenv("CETRACK_DB", str(tmp_path / "nothing" / "there.db"))

    for format in formats:
        again = filled("report", "--from", "paper.cetrack.json", "--format", format)
        assert (again.code, again.out, again.err) == (0, before[format], ""), format
    named = filled("report", "paper", "--from", "paper.cetrack.json", "-o", "t.tex")
    assert named.code == 0
    assert (tmp_path / "t.tex").read_text() == before["latex"]
    other = filled("report", "other", "--from", "paper.cetrack.json")
    assert other.code == 2
    assert "holds 'paper', not 'other'" in other.err


def test_a_table_can_be_frozen_under_any_name(filled: Cetrack, tmp_path: Path) -> None:
    table = filled(*COMMAND, "--format", "md").out

    done = filled("freeze", "table2", *COMMAND[1:], "-o", "supplement.json")

    assert (done.code, done.out) == (0, "supplement.json\n")
    assert filled("report", "--from", "supplement.json", "--format", "md").out == table
    for wrong in (["papre"], ["a/b", "--best", "row"]):
        assert filled("freeze", *wrong).code == 2
    (tmp_path / "cetrack.toml").write_text("[reports.paper]\n")
    assert "did you mean paper?" in filled("freeze", "papre").err
    both = filled("freeze", "paper", "--best", "row")
    assert both.code == 2
    assert "the options say something else" in both.err


def test_a_changed_file_is_a_negative_answer(filled: Cetrack, tmp_path: Path) -> None:
    assert filled("freeze", "p", "--best", "row").code == 0
    path = tmp_path / "p.cetrack.json"
    whole = json.loads(path.read_text())
    whole["content"]["table"]["rows"][0][1] = 0.99
    path.write_text(json.dumps(whole))

    done = filled("report", "--from", path.name, "--format", "csv")

    assert (done.code, done.out) == (1, "")
    assert "the sha256 does not fit" in done.err
    path.write_text("[]")
    assert filled("report", "--from", path.name).code == 2
    path.write_bytes(b"\xff")
    assert filled("report", "--from", path.name).code == 2
    assert "nowhere.json: No such file" in filled("report", "--from", "nowhere.json").err


# --- a terminal ---------------------------------------------------------------------------------


def test_a_person_sees_caption_and_notes(filled: Cetrack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "is_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")

    done = filled(*COMMAND, "--caption", "Table [1]")

    lines = [line.rstrip() for line in done.out.splitlines()]
    assert lines[0] == "Table [1]"
    assert lines[-1].strip() == "Bold: the best of each metric in a row."
    assert "0.880" in done.out
