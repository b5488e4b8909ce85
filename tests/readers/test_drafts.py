"""Drafts of formats: what is put into cetrack.toml as it is makes a strange file readable."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from cetrack.config import load_settings
from cetrack.errors import ReadError
from cetrack.ingest import IngestOptions, SourceReport, ingest
from cetrack.readers.drafts import draft
from cetrack.readers.source import Source
from tests.readers.reading import claimed_by, source

ROW = {"net": "lenet", "lat": 0.61}


def drafted(tmp_path: Path, name: str, content: Any) -> tuple[dict[str, Any], SourceReport]:
    """The drafted table, and what a dry run makes of the file with it."""
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    text = draft(Source(str(path), path=path)).toml()
    (tmp_path / "cetrack.toml").write_text(text)
    formats = load_settings(tmp_path / "cetrack.toml").formats
    (report,) = ingest(None, [str(path)], IngestOptions(dry_run=True, formats=formats)).sources
    (table,) = tomllib.loads(text)["formats"].values()
    assert report.reader == formats[0].name
    return table, report


def runs_of(report: SourceReport) -> list[tuple[str, str, dict[str, float]]]:
    return [
        (run["model"], run["precision"], {k: v["last"] for k, v in run["metrics"].items()})
        for run in report.planned
    ]


def test_positional_columns_with_odd_headings(tmp_path: Path) -> None:
    text = (
        "network;batch;p50 us;flash;when\nlenet;1;610;60.5;2026-02-03\nvgg;8;9100;9000;2026-02-04\n"
    )
    assert claimed_by(text, "sweep_17.csv") == []

    table, report = drafted(tmp_path, "sweep_17.csv", text)

    assert table["match"] == "sweep_*.csv"
    assert table["model"] == "network"
    assert table["batch_size"] == "batch"
    assert runs_of(report) == [
        ("lenet", "unknown", {"p50 us": 610.0, "flash": 60.5}),
        ("vgg", "unknown", {"p50 us": 9100.0, "flash": 9000.0}),
    ]
    assert [run["batch_size"] for run in report.planned] == [1, 8]
    assert report.planned[0]["metrics"]["p50 us"]["unit"] == "us"


def test_objects_below_keys_that_name_them(tmp_path: Path) -> None:
    content = {
        "date": "2026-02-03",
        "config": {"device": "orin", "opset": 17},
        "nets": {
            "lenet": {"int8": {"lat": 0.61, "extra": {"sz": 60}}, "fp32": {"lat": 1.92}},
            "vgg": {"int8": {"lat": 8.5}, "fp32": {"lat": 4.5}},
        },
    }
    table, report = drafted(tmp_path, "nets.json", content)

    assert table["rows"] == "nets.*.*"
    assert (table["model"], table["precision"]) == ("key(1)", "key(2)")
    assert (table["time"], table["device"]) == ("/date", "/config.device")
    assert runs_of(report) == [
        ("lenet", "int8", {"lat": 0.61, "extra.sz": 60.0}),
        ("lenet", "fp32", {"lat": 1.92}),
        ("vgg", "int8", {"lat": 8.5}),
        ("vgg", "fp32", {"lat": 4.5}),
    ]
    assert {run["device"] for run in report.planned} == {"orin"}
    assert report.planned[0]["started_at"].startswith("2026-02-03")


def test_a_list_below_a_key(tmp_path: Path) -> None:
    content = {"tool": "x", "entries": [{**ROW, "cond": "W8A8 INT8", "threads": 4},
                                        {**ROW, "cond": "FP32", "lat": None}]}  # fmt: skip
    table, report = drafted(tmp_path, "list.json", content)

    assert (table["rows"], table["model"], table["precision"]) == ("entries", "net", "cond")
    assert runs_of(report) == [("lenet", "int8", {"lat": 0.61}), ("lenet", "fp32", {})]
    assert report.planned[0]["params"] == {"threads": 4}


def test_a_single_object_with_its_precision_in_the_name(tmp_path: Path) -> None:
    table, report = drafted(
        tmp_path, "lenet_int8_20260203.json", {"fps": 10.5, "stages": {"grab_ms": 9.5, "hud": 0}}
    )

    assert "rows" not in table
    assert table["model"] == "file({}_int8_*.json)"
    assert table["precision"] == "= int8"
    assert runs_of(report) == [
        ("lenet", "int8", {"throughput_ips": 10.5, "stages.grab_ms": 9.5, "stages.hud": 0.0})
    ]


def test_lines_and_yaml(tmp_path: Path) -> None:
    lines = "".join(json.dumps({**ROW, "bits": bits}) + "\n" for bits in (32, 8))
    assert runs_of(drafted(tmp_path, "log.jsonl", lines)[1]) == [
        ("lenet", "fp32", {"lat": 0.61}),
        ("lenet", "int8", {"lat": 0.61}),
    ]
    text = "boards:\n  rpi5:\n    lat: {mean: 2.0, std: 0.1}\n  orin:\n    lat: {mean: 1.0}\n"
    table, report = drafted(tmp_path, "boards.yaml", text)
    assert table["rows"] == "boards.*"
    assert {tuple(run["metrics"]) for run in report.planned} == {("lat",)}


def test_hostile_names_survive_toml(tmp_path: Path) -> None:
    names = ['a"b', "c\\d", "e\nf", "g.h", "ü", "*", "i#j", "\x7f"]
    content = [{"net": "m", **dict.fromkeys([f"{name}_ms" for name in names], 1.5)}]

    _, report = drafted(tmp_path, "x[1]*.json", content)

    assert len(report.planned[0]["metrics"]) == len(names)


@pytest.mark.parametrize(
    "content",
    ["[]", "{}", "[1, 2]", "3", '{"measured": false}', '{"a": "text"}', "a,b\nx,y\n", '{"a": ', ""],
)
def test_a_file_without_runs_is_told(content: str) -> None:
    with pytest.raises(ReadError):
        draft(source(content, "x.csv"))


def test_a_draft_says_what_nothing_in_the_file_says() -> None:
    text = draft(source([{"lat": 1.5}], "list.json")).toml()

    assert '# model = "= NAME"  # nothing in the file says it' in text
    assert '# precision = "= NAME"  # nothing in the file says it' in text
    assert 'lat = "lat"  # no unit' in text
