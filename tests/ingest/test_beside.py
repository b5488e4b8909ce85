"""What lies beside results: companions of a source, and files that hold no results at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from cetrack.domain import Identity, Kind, Notice, RunRecord, Series
from cetrack.ingest import IngestOptions, IngestReport, ingest
from cetrack.models import Param, runs_view
from cetrack.models import Source as SourceRow
from cetrack.readers import registry
from cetrack.readers.base import Match, Objection, Reader, has_keys, lacking
from cetrack.readers.source import Source
from cetrack.store import Store
from tests.ingest.producing import history, write


def take(store: Store, *paths: Path, **options: Any) -> IngestReport:
    return ingest(store, [str(path) for path in paths], IngestOptions(**options))


def rows(store: Store, *columns: str) -> list[tuple[Any, ...]]:
    with store.read() as connection:
        found = connection.execute(select(*(runs_view.c[name] for name in columns)))
        return sorted((tuple(row) for row in found), key=str)


class Noted(Reader):
    """A format whose settings lie in files beside it."""

    name = "noted"
    version = 1
    suffixes = (".noted", ".txt")
    patterns = ("RESULT-*",)
    companions = ("*.setting", "../shared.setting")
    description = recognises = maps_to = example = "x"

    def sniff(self, source: Source) -> Match:
        if source.name.endswith(".setting.txt"):
            return Match.COMPANION
        return Match.YES if has_keys(source, ["noted", "value"]) else Match.NO

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        raw = source.json.value
        yield RunRecord(
            format="noted",
            place="",
            kind=Kind.BENCHMARK,
            identity=Identity.SNAPSHOT,
            raw=raw,
            series=(Series.scalar("accuracy", raw["value"]),),
            params={
                item.name: item.read_bytes().decode()
                for pattern in self.companions
                for item in source.companions(pattern)
            },
        )

    def objection(self, source: Source) -> Objection | None:
        return lacking(["noted", "value"], source.json_keys, "key")


@pytest.fixture(autouse=True)
def noted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    known = {**registry.readers(), "noted": Noted()}
    monkeypatch.setattr(registry, "_BUILT_IN", {**registry._BUILT_IN, "noted": f"{__name__}:Noted"})
    registry.readers.cache_clear()
    assert registry.readers().keys() == known.keys()
    yield
    monkeypatch.undo()
    registry.readers.cache_clear()


def test_a_source_is_read_again_when_a_companion_changes(store: Store, tmp_path: Path) -> None:
    write(tmp_path / "runs" / "a.noted", {"noted": 1, "value": 0.5})
    write(tmp_path / "runs" / "bits.setting", "8")
    write(tmp_path / "shared.setting", "all")
    first = take(store, tmp_path)
    again = take(store, tmp_path)
    write(tmp_path / "runs" / "group.setting", "128")

    changed = take(store, tmp_path)

    assert [item.status for item in first.sources] == ["new"]
    assert [item.status for item in again.sources] == ["unchanged"]
    assert [item.status for item in changed.sources] == ["updated"]
    with store.read() as connection:
        params = dict(map(tuple, connection.execute(select(Param.key, Param.text))))
    assert params == {"bits.setting": "8", "group.setting": "128", "shared.setting": "all"}


def test_a_source_is_known_again_whichever_folder_was_named(
    sqlite_store: Store, tmp_path: Path
) -> None:
    write(tmp_path / "lab" / "runs" / "a.noted", {"noted": 1, "value": 0.5})
    write(tmp_path / "lab" / "runs" / ".hidden.setting", "8")
    write(tmp_path / "lab" / "shared.setting", "all")
    first = take(sqlite_store, tmp_path)

    again = [
        take(sqlite_store, path).sources[0].status
        for path in (tmp_path / "lab", tmp_path / "lab" / "runs", tmp_path / "lab/runs/a.noted")
    ]

    assert [item.status for item in first.sources] == ["new"]
    assert again == ["unchanged"] * 3
    with sqlite_store.read() as connection:  # one version of it: it was not read again
        assert connection.scalar(select(func.count()).select_from(SourceRow)) == 1


def test_files_without_results_are_skipped_and_companions_named(
    store: Store, tmp_path: Path
) -> None:
    write(tmp_path / "RESULT-7", {"noted": 1, "value": 0.5})
    write(tmp_path / "a.setting.txt", "8")
    write(tmp_path / "notes.txt", "buy milk")
    write(tmp_path / "unknown.json", {"noted": 1, "other": 2})

    report = take(store, tmp_path)

    found = {Path(item.uri).name: (item.status, item.problem) for item in report.sources}
    assert found == {
        "RESULT-7": ("new", None),
        "a.setting.txt": ("companion", None),
        "notes.txt": ("skipped", "no reader understands it"),
        "unknown.json": (
            "rejected",
            "a JSON object in a shape that no reader knows; nearest are noted: no key 'value'",
        ),
    }
    named = take(store, tmp_path / "notes.txt")
    assert [item.status for item in named.sources] == ["rejected"]


def test_a_run_that_nobody_names_is_kept_and_named_later(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "proj" / "runs" / "metrics.json", {"train_loss": [3, 2, 1.5]})
    take(store, path)
    before = rows(store, "model", "precision")

    take(store, path, settings={"precision": "int8"})

    assert before == [("proj", "unknown")]
    assert rows(store, "model", "precision") == [("proj", "int8")]


def test_an_unknown_precision_has_no_baseline(store: Store, tmp_path: Path) -> None:
    write(tmp_path / "a" / "lenet_fp32.json", history([3, 2, 1]))
    write(tmp_path / "a" / "lenet.json", {"model": "lenet", "train_loss": [4, 3, 1]})

    take(store, tmp_path)

    assert sorted(rows(store, "precision", "baseline_uid")) == [("fp32", None), ("unknown", None)]


class Broken(Reader):
    """A reader with a defect."""

    name = "broken"
    version = 1
    suffixes = (".broken",)
    description = recognises = maps_to = example = "x"

    def sniff(self, source: Source) -> Match:
        return Match.YES if source.name.endswith(".broken") else Match.NO

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        raise ZeroDivisionError("by\nzero")


def test_a_defect_of_a_reader_stops_no_other_file(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.readers(), "broken", Broken())
    write(tmp_path / "a.broken", "x")
    write(tmp_path / "b.json", history([3, 2, 1]))

    report = take(store, tmp_path)

    assert [(item.status, item.problem) for item in report.sources] == [
        ("rejected", "cetrack's reader failed: ZeroDivisionError: by zero"),
        ("new", None),
    ]
