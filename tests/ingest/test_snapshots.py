"""Results files met again: unchanged, rewritten, copied, in any order, with --set."""

from __future__ import annotations

import gzip
import itertools
import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from cetrack.ingest import IngestOptions, IngestReport, ingest
from cetrack.models import Base, comparisons_view, runs_view
from cetrack.runs_format import as_line, export_runs
from cetrack.store import Store
from tests.ingest.producing import compression, history, metrics, model, results, write

JUNE = datetime(2026, 6, 1, tzinfo=UTC)


def exported(store: Store) -> str:
    return "\n".join(as_line(run) for run in export_runs(store))


def row_counts(store: Store) -> dict[str, int]:
    with store.read() as connection:
        return {
            name: connection.scalar(select(func.count()).select_from(table)) or 0
            for name, table in Base.metadata.tables.items()
        }


def rows(store: Store, *columns: str, **where: Any) -> list[tuple[Any, ...]]:
    query = select(*(runs_view.c[name] for name in columns)).filter_by(**where)
    with store.read() as connection:
        return sorted((tuple(row) for row in connection.execute(query)), key=str)


def take(store: Store, *paths: Path, **options: Any) -> IngestReport:
    report = ingest(store, [str(path) for path in paths], IngestOptions(**options))
    assert not report.rejected, report.rejected
    return report


def test_a_results_file_becomes_a_run_per_model_and_precision(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "results" / "nightly.json", results(10))

    report = take(store, path)

    assert (report.sources[0].reader, report.sources[0].runs_new) == ("benchmark", 20)
    assert (
        rows(store, "library", "category", "input_shape", "device", "kind", model="model3")
        == [("timm", "vision", "3x224x224", "cpu", "benchmark")] * 2
    )


def test_ingesting_twice_changes_nothing(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    write(folder / "a.json", results(3))
    write(folder / "b.json", compression(metrics(0.5, 1, 2), metrics(0.4, 0.5, 1)))
    take(store, folder)
    before = exported(store), row_counts(store)

    report = take(store, folder)

    assert {source.status for source in report.sources} == {"unchanged"}
    assert (exported(store), row_counts(store)) == before


def test_rewriting_one_model_of_ten_makes_exactly_its_runs_new(
    store: Store, tmp_path: Path
) -> None:
    path = tmp_path / "results.json"
    content = results(10)
    take(store, write(path, content), at=JUNE)
    old = set(rows(store, "uid"))
    content["model7"]["fp32"]["latency_mean_ms"] = 99.0
    content["model7"]["int8"]["latency_mean_ms"] = 44.0

    report = take(store, write(path, content), at=JUNE.replace(month=7))

    source = report.sources[0]
    assert (source.runs_new, source.runs_updated, source.runs_unchanged) == (2, 0, 18)
    new = set(rows(store, "uid")) - old
    assert {uid for (uid,) in rows(store, "uid", model="model7")} >= {uid for (uid,) in new}
    with store.read() as connection:
        from cetrack.models import history_view

        query = select(history_view.c.n, history_view.c.value).where(
            history_view.c.model == "model7",
            history_view.c.precision == "int8",
            history_view.c.metric == "latency_mean_ms",
        )
        assert sorted(map(tuple, connection.execute(query))) == [(1, 11.0), (2, 44.0)]


def test_a_copied_or_packed_file_adds_no_run(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "results.json", results(4))
    take(store, path)
    before = exported(store)
    shutil.copy2(path, tmp_path / "copy of results.json")
    packed = tmp_path / "elsewhere" / "results.json.gz"
    packed.parent.mkdir()
    packed.write_bytes(gzip.compress(path.read_bytes()))
    os.utime(packed, (path.stat().st_mtime, path.stat().st_mtime))

    report = take(store, tmp_path)

    assert sum(source.runs_new + source.runs_updated for source in report.sources) == 0
    assert exported(store) == before


def ten_files(folder: Path) -> list[Path]:
    """Models with and without library, int8 before fp32, a compression of a known baseline."""
    full = model(3)
    content: list[Any] = [
        {"model0": model(0)},
        {"model0": {"int8": metrics(0.7, 3, 30)}},
        {"model1": {"int8": metrics(0.6, 3, 30), "model_info": {"library": "timm"}}},
        {"model1": {"fp32": metrics(0.65, 9, 120)}},
        {"model2": {"int8": metrics(0.5, 2, 20)}},
        {"model2": {"fp32": metrics(0.55, 8, 80), "model_info": {"input_shape": [3, 32, 32]}}},
        {"model3": full},
        compression(full["fp32"], metrics(0.885, 4, 27)),
        {"model4": {"fp16": metrics(0.4, 5, 50), "model_info": {"library": "timm"}}},
        {"model4": {"fp32": metrics(0.41, 9, 99)}},
    ]
    paths = [write(folder / f"file{number}.json", item) for number, item in enumerate(content)]
    for number, path in enumerate(paths):
        os.utime(path, (1_780_000_000 + number, 1_780_000_000 + number))
    return paths


@pytest.mark.parametrize("how", ["one command", "a command per file"])
def test_the_order_of_files_does_not_matter(
    how: str, tmp_path: Path, sqlite_template: Path
) -> None:
    paths = ten_files(tmp_path / "files")
    orders = [
        paths,
        paths[::-1],
        *itertools.islice(itertools.permutations(paths), 9, 3_000_000, 290_000),
    ]
    seen: set[str] = set()
    for number, order in enumerate(orders):
        database = tmp_path / f"{number}.db"
        shutil.copy(sqlite_template, database)
        with Store.open(str(database)) as store:
            for part in [order] if how == "one command" else [[path] for path in order]:
                take(store, *part)
            seen.add(exported(store))
    assert len(seen) == 1
    assert seen.pop().count('"library": "timm"') == 10


def test_int8_finds_its_fp32_in_the_same_file_or_in_an_earlier_one(
    store: Store, tmp_path: Path
) -> None:
    together = write(tmp_path / "together.json", {"a": model(1)})
    later = write(tmp_path / "later.json", {"b": {"int8": metrics(0.5, 1, 2)}})
    earlier = write(tmp_path / "earlier.json", {"b": {"fp32": metrics(0.6, 2, 8)}})

    take(store, together)
    take(store, later, at=JUNE.replace(day=2))
    assert rows(store, "baseline_rule", model="b") == [(None,)]
    take(store, earlier, at=JUNE)

    assert rows(store, "baseline_rule", precision="int8", model="a") == [("source",)]
    assert rows(store, "baseline_rule", precision="int8", model="b") == [("history",)]


def test_of_several_tests_of_a_model_each_finds_the_fp32_of_its_own(
    store: Store, tmp_path: Path
) -> None:
    def timed(test: str, precision: str, mean: float) -> dict[str, Any]:
        name = f"{test}[resnet50-{precision}]"
        return {
            "name": name,
            "fullname": f"tests/test_models.py::{name}",
            "extra_info": {"model": "resnet50"},
            "stats": {"mean": mean, "rounds": 3},
        }

    session = {
        "datetime": "2026-06-01T02:00:00",
        "version": "5.1.0",
        "benchmarks": [
            timed("test_load", "fp32", 1.0),
            timed("test_infer", "int8", 0.25),
            timed("test_load", "int8", 0.5),
            timed("test_infer", "fp32", 0.75),
        ],
    }
    take(store, write(tmp_path / "0001_session.json", session))

    names = ("variant", "metric", "value", "baseline_value")
    measured = comparisons_view.c.derived == 0
    query = select(*(comparisons_view.c[name] for name in names)).where(measured)
    query = query.order_by("variant")
    with store.read() as connection:
        found = [tuple(row) for row in connection.execute(query)]
    assert found == [
        ("tests/test_models.py::test_infer", "latency_mean_ms", 250.0, 750.0),
        ("tests/test_models.py::test_load", "latency_mean_ms", 500.0, 1000.0),
    ]


def test_a_compression_result_finds_the_benchmark_that_it_repeats(
    store: Store, tmp_path: Path
) -> None:
    full = model(3)
    first = write(tmp_path / "1.json", compression(full["fp32"], metrics(0.885, 4, 27)))
    take(store, first)
    assert len(rows(store, "uid")) == 2

    about = {"dataset": "imagenet", "batch_size": 8}
    take(store, write(tmp_path / "2.json", {"model3": full, "config": about}))

    assert rows(store, "precision", "kind", "baseline_rule") == [
        ("fp32", "benchmark", None),
        ("int8", "benchmark", "source"),
        ("int8", "compression", "explicit"),
    ]
    assert rows(store, "library", kind="compression") == [("timm",)]
    with store.read() as connection:
        like = select(comparisons_view.c.like_for_like).where(comparisons_view.c.method == "ptq")
        assert set(connection.scalars(like)) == {1}
    again = write(tmp_path / "3.json", compression(full["fp32"], metrics(0.88, 5, 27)))
    assert take(store, again).sources[0].runs_new == 1


def test_set_fills_blanks_and_a_contradiction_of_the_identity_is_a_new_run(
    store: Store, tmp_path: Path
) -> None:
    entry = metrics(0.5, 1, 2)
    del entry["evaluated_on"]
    path = write(tmp_path / "r.json", {"a": {"int8": entry}})
    take(store, path)

    filled = take(store, path, settings={"device": "gpu0", "library": "timm"})
    same = take(store, path, settings={"device": "gpu0", "category": "vision"})
    other = take(store, path, settings={"device": "gpu1"})
    without = take(store, path, at=JUNE)

    assert [item.sources[0].status for item in (filled, same, other)] == [
        "updated",
        "updated",
        "new",
    ]
    assert without.sources[0].runs_new == 0
    assert rows(store, "device", "library") == [("gpu0", "timm"), ("gpu1", "timm")]


def test_repeat_makes_the_same_numbers_a_new_run(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "r.json", {"a": model(1)})
    take(store, path, at=JUNE)

    take(store, path, at=JUNE.replace(day=2), repeat=True)
    take(store, path, at=JUNE.replace(day=3), repeat=True)

    assert len(rows(store, "uid")) == 6
    assert take(store, path, at=JUNE).sources[0].status == "unchanged"


def test_a_newer_reader_rewrites_in_place(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cetrack.readers.benchmark import BenchmarkReader

    path = write(tmp_path / "r.json", {"a": model(1)})
    take(store, path)
    before = exported(store)

    monkeypatch.setattr(BenchmarkReader, "version", BenchmarkReader.version + 1)
    report = take(store, path)

    assert (report.sources[0].status, report.sources[0].runs_updated) == ("updated", 2)
    assert exported(store) == before
    assert take(store, path).sources[0].status == "unchanged"


def test_a_model_with_several_completions_stays_blank_and_is_said(
    store: Store, tmp_path: Path
) -> None:
    write(tmp_path / "1.json", {"a": {**model(1), "model_info": {"library": "timm"}}})
    write(tmp_path / "2.json", {"a": {**model(2), "model_info": {"library": "torchvision"}}})
    write(tmp_path / "3.json", {"a": {"int8": metrics(0.5, 1, 2)}})

    report = take(store, tmp_path)

    assert rows(store, "library", model="a")[-1] == (None,) or (None,) in rows(store, "library")
    assert "cetrack model merge" in report.remarks[0]


def test_the_time_comes_from_the_most_trusted_witness(store: Store, tmp_path: Path) -> None:
    stated = {"timestamp": "2026-05-04T03:02:01Z", "a": {"fp32": metrics(0.1, 1, 1)}}
    write(tmp_path / "stated_2020-01-01.json", stated)
    named = write(tmp_path / "b_20260203_040506.json", {"b": {"fp32": metrics(0.2, 1, 1)}})
    write(tmp_path / "night 2026-01-31" / "d.json", {"d": {"fp32": metrics(0.4, 1, 1)}})
    plain = write(tmp_path / "c.json", {"c": {"fp32": metrics(0.3, 1, 1)}})
    os.utime(plain, (1_700_000_000, 1_700_000_000))

    take(store, tmp_path)

    assert rows(store, "model", "time_source", "started_at") == [
        ("a", "file", datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)),
        ("b", "name", datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)),
        ("c", "mtime", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        ("d", "name", datetime(2026, 1, 31, tzinfo=UTC)),
    ]
    take(store, named, plain, at=JUNE)
    assert [row[0] for row in rows(store, "time_source")] == ["file", "name", "option", "option"]


def test_a_tracked_file_has_the_time_of_its_commit(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import subprocess

    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-03-03T03:03:03Z")
    write(tmp_path / "a b.json", {"a": {"fp32": metrics(0.1, 1, 1)}})
    changed = write(tmp_path / "b.json", {"b": {"fp32": metrics(0.2, 1, 1)}})
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=n", "-c", "user.email=e@e", "commit", "-qm", "m"],
    ):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)
    write(changed, {"b": {"fp32": metrics(0.21, 1, 1)}})

    take(sqlite_store, tmp_path)

    assert rows(sqlite_store, "model", "time_source") == [("a", "git"), ("b", "mtime")]


def test_round_trip_through_our_own_format_is_lossless(
    store: Store, tmp_path: Path, sqlite_template: Path
) -> None:
    content = results(3)
    content["model1"]["int8"]["latency_samples_ms"] = [1.5, 2.5, 3.5]
    content["model1"]["int8"]["per_class"] = {"cat": {"f1": 0.25}, "matrix": [[1, 2], [3, 4]]}
    content["model2"]["int8"]["throughput_fps"] = {"mean": 10.0, "std": 0.5, "n": 7}
    content["model2"]["fp32"]["odd"] = float("nan")
    content["model2"]["fp32"]["far"] = float("inf")
    content["config"] = {"seed": 3, "note": "ünïcode 🚀"}
    write(tmp_path / "in" / "r.json", content)
    write(tmp_path / "in" / "c.json", compression(content["model1"]["fp32"], metrics(1, 2, 3)))
    losses = '{"model": "m", "precision": "fp32", "train_loss": [1, NaN, 0.1], "val_loss": [3]}'
    write(tmp_path / "in" / "h.json", losses)
    take(store, tmp_path / "in")
    text = exported(store)

    out = write(tmp_path / "out.jsonl", text + "\n")
    shutil.copy(sqlite_template, tmp_path / "second.db")
    with Store.open(str(tmp_path / "second.db")) as second:
        report = take(second, out)
        assert report.sources[0].runs_new == text.count("\n") + 1
        assert exported(second) == text
        assert take(second, out).sources[0].status == "unchanged"


def test_what_a_killed_command_left_unlinked_the_next_one_links(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "r.json", {"a": model(1)})
    with monkeypatch.context() as killed:
        killed.setattr("cetrack.ingest._Work.finish", lambda self: [])
        take(store, path)
    assert rows(store, "baseline_rule") == [("pending",), ("pending",)]

    assert take(store, path).sources[0].status == "unchanged"

    assert rows(store, "precision", "baseline_rule") == [("fp32", None), ("int8", "source")]


def test_what_the_catalogue_learns_does_not_double_the_database(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = {"a": {"onnx_ptq_int8": metrics(0.5, 1, 2), "FP32 (baseline)": metrics(0.6, 2, 8)}}
    path = write(tmp_path / "r.json", content)
    log = write(tmp_path / "h.json", history([1.0, 0.5], method="magnitude_pruning"))
    take(store, path, log)
    before = rows(store, "uid")

    monkeypatch.setattr("cetrack.normalize.METHODS", {})
    monkeypatch.setattr("cetrack.normalize.RUNTIMES", {})
    take(store, path, log, at=JUNE)

    assert rows(store, "uid") == before


def test_an_export_brings_no_baseline_that_a_run_did_not_have(
    store: Store, tmp_path: Path, sqlite_template: Path
) -> None:
    take(store, write(tmp_path / "1.json", {"a": {"int8": metrics(0.5, 1, 2)}}), at=JUNE)
    later = write(tmp_path / "2.json", {"a": {"fp32": metrics(0.6, 2, 8)}})
    take(store, later, at=JUNE.replace(month=7))
    text = exported(store)
    assert "baseline" not in text

    shutil.copy(sqlite_template, tmp_path / "second.db")
    with Store.open(str(tmp_path / "second.db")) as second:
        take(second, write(tmp_path / "out.jsonl", text + "\n"))
        assert exported(second) == text


def test_every_ingest_asks_git_anew(sqlite_store: Store, tmp_path: Path) -> None:
    def git(*command: str) -> None:
        who = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
        subprocess.run(["git", "-C", str(tmp_path), *who, *command], check=True)

    git("init", "-q")
    for name in ("a", "b"):
        write(tmp_path / f"{name}.json", {name: model(1)})
        git("add", f"{name}.json")
        git("commit", "-qm", name)
        take(sqlite_store, tmp_path / f"{name}.json")
    found = rows(sqlite_store, "model", "time_source")
    assert set(found) == {("a", "git"), ("b", "git")}
