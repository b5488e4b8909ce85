"""``cetrack check`` from the words of the command line to exit code, stdout, stderr and files."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from junitparser import Failure, JUnitXml, Skipped

from cetrack.cli import main
from cetrack.demo import demo
from cetrack.store import Store
from tests.cli.filling import Spec, fill, uid
from tests.cli.test_commands import Done

GATES = """\
[gates.accuracy]
metric = "accuracy"
filter = "precision=int8"
max_drop = 0.01
min = 0.5

[gates.size]
metric = "model_size_mb"
filter = "precision=int8"
max_ratio = 0.5
missing = "skip"
"""
HOSTILE = 'm<script>|x|`y` **b** & "q" \x1b[31m\x00\x08 ]]> \u202egnp.exe \ud800 \n#1'
Check = Callable[..., Done]


def pair(accuracy: float = 0.905, *, model: str = "resnet50", reason: str = "") -> list[Spec]:
    base = Spec(uid=uid(1), model=model, day="2026-06-01", metrics={"accuracy": 0.91})
    int8 = {"accuracy": accuracy}
    run = Spec(uid=uid(2), model=model, precision="int8", metrics=int8, baseline=base.uid)
    return [base, run]


@pytest.fixture
def check(
    store: Store,
    database_url: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Check:
    """Run ``cetrack check`` in a folder with a gates.toml, on the database of the store."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CETRACK_DB", database_url)
    (tmp_path / "gates.toml").write_text(GATES)

    def run(*args: str) -> Done:
        with pytest.raises(SystemExit) as caught:
            main(["check", *args])
        captured = capsys.readouterr()
        return Done(int(str(caught.value.code)), captured.out, captured.err)

    return run


# --- exit codes ------------------------------------------------------------------------------


def test_all_limits_are_kept(check: Check, store: Store) -> None:
    fill(store, pair())

    done = check()

    assert done.code == 0
    lines = [line.split() for line in done.out.splitlines()]
    assert lines == [
        ["Gates"],
        ["gate", "metric", "status", "passed", "skipped"],
        ["accuracy", "accuracy", "passed", "2", "-"],
        ["size", "model_size_mb", "skipped", "-", "1"],
    ]
    assert done.err == "2 of 3 checks passed, 1 skipped\n"


def test_a_limit_is_broken(check: Check, store: Store) -> None:
    fill(store, pair(0.89))

    done = check()

    assert done.code == 1
    refused = done.out.partition("Refused or accepted\n")[2].splitlines()
    said = "failed accuracy resnet50 int8 accuracy 0.89 at most 0.01 below 0.91 of fp32 run"
    assert refused[1].split() == f"{said} a100000000 0.02 worse a200000000".split(" ")
    assert done.err.startswith("1 of 3 checks failed, 1 passed, 1 skipped\naccept it: ")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("max_drop", "max_dorp"), "gates.toml:4: gates.accuracy.max_dorp: no key called"),
        (('"accuracy"', '"acuracy"'), "gates.toml:2: gates.accuracy.metric: no metric called"),
        (("precision=int8", "precison=int8"), "gates.toml:3: gates.accuracy.filter: filter: "),
        (("[gates.size]", "[gates.size"), "gates.toml:7: "),
    ],
)
def test_a_typo_in_the_file_is_a_usage_error(
    check: Check, store: Store, tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    fill(store, pair())
    (tmp_path / "gates.toml").write_text(GATES.replace(*change))

    done = check()

    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert "hint: did you mean" in done.err or "[gates.size" in change


def test_a_typo_on_the_command_line_is_a_usage_error(check: Check, store: Store) -> None:
    fill(store, pair())

    assert check("--filter", "presicion=int8").code == 2
    assert check("nightly.toml").err.startswith("cetrack: error: nightly.toml: No such file")
    assert check("--accept", "accuracy").err == (
        "cetrack: error: nothing is accepted without a reason\nhint: add --why TEXT\n"
    )
    assert check("--why", "because").code == 2
    assert check("--accepted", "--format", "junit").code == 2
    assert check("--junit", "no/such/folder/report.xml").code == 2


def test_no_database_is_exit_code_4(check: Check) -> None:
    assert check("--db", "nothing.db").code == 4


def test_the_file_is_found_here_or_beside_the_settings(
    check: Check, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, pair())
    below = tmp_path / "below"
    below.mkdir()
    monkeypatch.chdir(below)

    assert check().err.startswith("cetrack: error: no gates.toml here or beside cetrack.toml")
    (tmp_path / "cetrack.toml").write_text("")
    assert check().code == 0
    (below / "gates.toml").write_text('[gates.a]\nmetric = "accuracy"\nmin = 0.99\n')
    assert check().code == 1


def test_the_demo_passes_until_one_worse_run_is_ingested(tmp_path: Path) -> None:
    demo(tmp_path)
    (tmp_path / "gates.toml").write_text(GATES.replace("min = 0.5", "min = 0.9"))
    worse = {"fp32": {"accuracy": 0.99}, "int8": {"accuracy": 0.97, "latency_mean_ms": 0.3}}
    (tmp_path / "worse.json").write_text(json.dumps({"digits_mlp": worse}))

    def cetrack(*args: str) -> int:
        program = [sys.executable, "-m", "cetrack", *args]
        return subprocess.run(program, cwd=tmp_path, check=False, capture_output=True).returncode

    assert cetrack("check") == 0
    assert cetrack("ingest", "worse.json") == 0
    assert cetrack("check") == 1
    assert cetrack("check", "--accept", "accuracy:digits_mlp", "--why", "agreed") == 0
    assert cetrack("check") == 0


# --- accepting -------------------------------------------------------------------------------


def test_accepting_says_what_and_lets_it_pass(check: Check, store: Store) -> None:
    fill(store, pair(0.89))

    done = check("--accept", "accuracy:resnet50", "--why", "smaller model", "--who", "Ann")

    assert done.code == 0
    assert done.err.startswith(
        "accuracy of resnet50 int8 a200000000: accepted at 0.89 by Ann: smaller model\n"
    )
    assert "accepted" in done.out
    (item,) = check("--accepted", "--format", "json").json
    assert (item["accepted_by"], item["reason"], item["value"]) == ("Ann", "smaller model", 0.89)
    assert item["uid"] == uid(2)
    assert check().code == 0


def test_nothing_was_accepted_yet(check: Check) -> None:
    assert check("--accepted") == Done(0, "", "nothing was accepted yet\n")


def test_git_knows_who_accepts(
    check: Check, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, pair(0.89))
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, str(tmp_path / "gitconfig"))
    (tmp_path / "gitconfig").write_text('[user]\n\tname = "Grace Hopper"\n')

    check("--accept", "accuracy", "--why", "agreed")
    assert [it["accepted_by"] for it in check("--accepted", "--format", "json").json] == [
        "Grace Hopper"
    ]


def test_without_git_the_login_accepts(
    check: Check, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, pair(0.89))
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    monkeypatch.setenv("LOGNAME", "hopper")

    check("--accept", "accuracy", "--why", "agreed")
    assert [it["accepted_by"] for it in check("--accepted", "--format", "json").json] == ["hopper"]


# --- outputs ---------------------------------------------------------------------------------


def test_json_has_every_result(check: Check, store: Store) -> None:
    fill(store, pair(0.89))

    report = check("--format", "json").json

    assert report["passed"] is False
    assert report["counts"] == {
        "failed": 1, "missing": 0, "accepted": 0, "passed": 1, "skipped": 1,
    }  # fmt: skip
    failed = next(it for it in report["results"] if it["status"] == "failed")
    assert failed == {
        "gate": "accuracy",
        "check": "max_drop",
        "status": "failed",
        "model": "resnet50",
        "precision": "int8",
        "line": "int8",
        "uid": uid(2),
        "started_at": "2026-06-01T00:00:00Z",
        "measured": [{"metric": "accuracy", "unit": "fraction", "value": 0.89}],
        "limit": "at most 0.01 below 0.91 of fp32 run a100000000",
        "bound": 0.91 - 0.01,
        "reference": 0.91,
        "reference_uid": uid(1),
        "reason": "0.02 worse",
    }


def test_files_are_written_beside_the_table_also_when_it_fails(
    check: Check, store: Store, tmp_path: Path
) -> None:
    fill(store, pair(0.89))

    done = check("--junit", "r.xml", "--md", "r.md", "--json", "r.json")

    assert done.code == 1
    assert done.out.startswith("Gates\n")
    for name, format in (("r.xml", "junit"), ("r.md", "md"), ("r.json", "json")):
        assert (tmp_path / name).read_text() == check("--format", format).out


def test_junit_is_read_by_a_junit_parser(check: Check, store: Store, tmp_path: Path) -> None:
    fill(store, pair(0.89))
    check("--junit", "report.xml")

    parsed = JUnitXml.fromfile(str(tmp_path / "report.xml"))

    assert (parsed.tests, parsed.failures, parsed.skipped, parsed.errors) == (2, 1, 1, 0)
    accuracy, size = parsed
    (case,) = accuracy
    assert (accuracy.name, case.name) == ("accuracy", "resnet50 int8")
    assert case.classname == "cetrack.check.accuracy"
    (failure,) = case.result
    assert isinstance(failure, Failure)
    assert failure.type == "max_drop"
    assert failure.message == (
        "failed: accuracy 0.89, at most 0.01 below 0.91 of fp32 run a100000000 (0.02 worse)"
    )
    assert failure.text.splitlines()[0] == "passed: accuracy 0.89, ≥ 0.5"
    (case,) = size
    assert isinstance(case.result[0], Skipped)


def test_markdown_says_it_in_the_first_line(check: Check, store: Store) -> None:
    fill(store, pair(0.89))

    first, _, rest = check("--format", "md").out.partition("\n\n")

    assert first == "❌ **cetrack check:** 1 of 3 checks failed, 1 passed, 1 skipped"
    table, _, folded = rest.partition("<details>")
    assert len(table.strip().splitlines()) == 3
    assert "| failed | accuracy | resnet50 | int8" in table
    assert folded.startswith("\n<summary>2 that do not stand in the way</summary>\n\n| status")
    assert folded.endswith("|\n\n</details>\n")


def test_markdown_of_a_check_that_passes(check: Check, store: Store) -> None:
    fill(store, pair())

    text = check("--format", "md").out

    assert text.startswith("✅ **cetrack check:** 2 of 3 checks passed, 1 skipped\n\n<details>")


def test_hostile_names_escape_nowhere(check: Check, sqlite_store: Store, tmp_path: Path) -> None:
    fill(sqlite_store, pair(0.89, model="m"))
    with sqlite_store.write() as connection:
        connection.exec_driver_sql(
            "UPDATE model SET name = ?", (HOSTILE.replace("\ud800", "").replace("\x00", ""),)
        )
    database = str(sqlite_store.engine.url.database)

    done = check("--db", database, "--junit", "r.xml", "--md", "r.md")

    assert done.code == 1
    assert "\x1b" not in done.out
    tree = ET.parse(tmp_path / "r.xml")
    (case,) = tree.findall("testsuite[@name='accuracy']/testcase")
    name = case.get("name") or ""
    assert name.startswith('m<script>|x|`y` **b** & "q" \\x1b[31m')
    assert all(char.isprintable() for char in name)
    assert len(JUnitXml.fromfile(str(tmp_path / "r.xml"))) == 2
    rows = [it for it in (tmp_path / "r.md").read_text().splitlines() if "| failed" in it]
    assert len(rows) == 1
    assert "<script>" not in rows[0]
    assert "\\*\\*b\\*\\*" in rows[0]
    assert rows[0].replace("\\|", "").count("|") == 10
    assert "\u202e" not in rows[0]


def test_xml_has_no_character_that_xml_forbids() -> None:
    from cetrack.report.junit import Case, Suite, render

    case = Case(name=HOSTILE, failure=HOSTILE, kind=HOSTILE, lines=[HOSTILE, "\ufffe\uffff"])
    text = render(HOSTILE, [Suite(name=HOSTILE, cases=[case])])

    root: Any = ET.fromstring(text.encode("utf-8"))
    failure = root.find("testsuite/testcase/failure")
    assert failure.get("message") == failure.text.splitlines()[0]
    assert "\\ud800" in failure.text
    assert "\\x00" in failure.text
    assert text.isascii() or "\u202e" not in text


def test_a_long_report_fits_into_a_comment(check: Check, sqlite_store: Store) -> None:
    specs = [
        Spec(
            uid=f"{number:032x}",
            model=f"model_with_a_rather_long_name_{number}",
            precision="int8",
            metrics={"accuracy": 0.4},
        )
        for number in range(500)
    ]
    fill(sqlite_store, specs)

    text = check("--db", str(sqlite_store.engine.url.database), "--format", "md").out

    assert "\nand 900 more\n" in text
    assert len(text) < 65_536
