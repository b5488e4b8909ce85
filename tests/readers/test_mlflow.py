"""MLflow's stores: folders, SQLite of several versions, PostgreSQL."""

from __future__ import annotations

import gzip
import math
import shutil
import sqlite3
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select
from sqlalchemy.engine import URL

from cetrack.domain import Kind, Link, Status
from cetrack.errors import ReadError, UsageError
from cetrack.identity import own_uid
from cetrack.ingest import IngestOptions, ingest
from cetrack.models import Source as SourceRow
from cetrack.models import runs_view
from cetrack.readers.base import Match
from cetrack.readers.registry import choose, readers
from cetrack.readers.source import Source
from cetrack.servers import server_source
from cetrack.store import Store
from tests.readers.databases import (
    FP32,
    INT8,
    OPTUNA_NEW,
    fill,
    mlflow_file,
    mlflow_rows,
    mlflow_schema,
    sqlite_file,
)
from tests.readers.reading import Reading, points, read, sample, values
from tests.readers.test_realdata import FOLDER

RUN = "d4" * 16
MLRUNS = "mlflow/mlruns/7"


def opened(path: Path, *, found: bool = False) -> Source:
    return Source(str(path), path=path, found=found)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A copy of the sample's folders; the folder of its run."""
    shutil.copytree(sample(MLRUNS).path or "", tmp_path / "mlruns" / "7")
    return tmp_path / "mlruns" / "7" / RUN


def put(run: Path, name: str, content: str | bytes) -> None:
    path = run / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def read_run(run: Path) -> Reading:
    return read(opened(run / "meta.yaml"))


# --- the file store --------------------------------------------------------------------------


def test_a_folder_is_one_run_with_all_that_lies_in_it() -> None:
    reading = read(sample(f"{MLRUNS}/{RUN}/meta.yaml"))

    (record,), (run,) = reading.records, reading.runs
    assert reading.reader == "mlflow"
    assert record.uid == own_uid("mlflow", RUN)
    assert record.kind is Kind.TRAINING
    assert record.experiment == "edge"
    assert record.name == "lenet-int8"
    assert record.status is Status.FINISHED
    assert record.started_at is not None
    assert record.started_at.isoformat() == "2026-01-01T00:00:00+00:00"
    assert record.finished_at is not None
    assert (record.finished_at - record.started_at).total_seconds() == 120
    assert record.git_commit == "0123456789abcdef0123456789abcdef01234567"
    assert record.tags == {"mlflow.run_id": RUN, "team": "edge"}
    assert (run.model.name, run.precision.name, run.params) == ("lenet", "int8", {"lr": 0.01})
    assert points(run) == {
        "train/loss": {1: 0.91, 2: 0.52, 3: 0.43},
        "val/accuracy": {3: 0.874},
    }
    walls = record.series[0].wall_times
    assert walls is not None
    assert walls.tolist() == [1767225601, 1767225602, 1767225603]
    assert reading.said == []


@pytest.mark.parametrize(
    "name",
    [
        "meta.yaml", f"{RUN}/metrics/train_loss", f"{RUN}/metrics/val/accuracy", f"{RUN}/params/lr",
        f"{RUN}/tags/team",
    ],
)  # fmt: skip
def test_what_lies_around_a_run_is_read_with_it(name: str) -> None:
    reader, match = choose(sample(f"{MLRUNS}/{name}"))

    assert (reader.name, match) == ("mlflow", Match.COMPANION)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("meta.yaml", "name: lenet\nversion: 3\n"),
        ("metrics/loss", "1 0.5 0\n"),
        ("params/lr", "0.1"),
    ],
)
def test_what_only_looks_like_it_is_not_claimed(tmp_path: Path, name: str, content: str) -> None:
    put(tmp_path, name, content)

    assert readers()["mlflow"].sniff(opened(tmp_path / name)) is Match.NO


@pytest.mark.parametrize(
    ("number", "status"),
    [
        ("1", Status.RUNNING),
        ("2", Status.RUNNING),
        ("3", Status.FINISHED),
        ("4", Status.FAILED),
        ("5", Status.KILLED),
        ("FAILED", Status.FAILED),
    ],
)
def test_the_number_of_a_status(run: Path, number: str, status: Status) -> None:
    meta = (run / "meta.yaml").read_text()
    put(run, "meta.yaml", meta.replace("status: 3", f"status: {number}"))

    assert read_run(run).records[0].status is status


def test_an_unknown_status_is_said(run: Path) -> None:
    put(run, "meta.yaml", (run / "meta.yaml").read_text().replace("status: 3", "status: 9"))

    assert read_run(run).said == [": unknown status '9': taken as finished"]


@pytest.mark.parametrize("deleted", [f"{RUN}/meta.yaml", "meta.yaml"])
def test_a_deleted_run_is_skipped_with_a_word(run: Path, deleted: str) -> None:
    meta = run.parent / deleted
    meta.write_text(meta.read_text().replace("stage: active", "stage: deleted"))

    reading = read_run(run)

    assert reading.records == []
    assert reading.notices == [f": deleted run {RUN}: left out"]


LINES = [
    pytest.param("5000 0.5 1\n4000 0.7 1\n3000 0.9 0\n", {0: 0.9, 1: 0.5},
                 "loss: 1 values of repeated steps: the latest one counts", id="repeated step"),
    pytest.param("1000 3 0\n2000 2 0\n3000 1 0\n", {0: 3, 1: 2, 2: 1},
                 "loss: 3 values without a step: numbered in their order", id="no step said"),
    pytest.param("1000 2 0\n2000 1 0\n", {0: 1},
                 "loss: 1 values of repeated steps: the latest one counts", id="corrected once"),
    pytest.param("1000 0.5 3\r\n2000 0.4 4\r\n", {3: 0.5, 4: 0.4}, None, id="CRLF"),
    pytest.param("1000 0.5\n2000 0.4\n3000 0.3\n", {0: 0.5, 1: 0.4, 2: 0.3},
                 "loss: 3 values without a step: numbered in their order", id="before steps"),
    pytest.param("1000 0.5 1 mnist test 4a1b\n2000 0.4 2\n", {1: 0.5, 2: 0.4}, None,
                 id="with a data set"),
    pytest.param("1000 nan 1\n2000 inf 2\n", {1: math.nan, 2: math.inf}, None, id="not finite"),
    pytest.param("1 1.7976931348623157e308 1\n2 -1.7976931348623157e+308 2\n",
                 {1: math.inf, 2: -math.inf}, None, id="infinity as SQL has it"),
    pytest.param("1000 0.5 1\n2000 zero 2\n3000\n", {1: 0.5},
                 "metrics/loss: 2 lines are not 'timestamp value step': left out", id="no numbers"),
    pytest.param("1000 0.5 9007199254740993\n", {9007199254740993: 0.5}, None, id="huge step"),
    pytest.param("1000 0.5 1" + "0" * 30 + "\n2000 1 2\n", {2: 1.0},
                 "metrics/loss: 1 lines are not 'timestamp value step': left out", id="no int64"),
    pytest.param("1000 0.5 1.5\n2000 1 2\n", {2: 1.0},
                 "metrics/loss: 1 lines are not 'timestamp value step': left out", id="no step"),
    pytest.param("\n1000 0.5 -3\n", {-3: 0.5}, None, id="negative step, blank line"),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "expected", "said"), LINES)
def test_lines_of_a_metric(
    run: Path, lines: str, expected: dict[int, float], said: str | None
) -> None:
    put(run, "metrics/loss", lines)

    reading = read_run(run)

    assert points(reading.runs[0])["loss"] == pytest.approx(expected, nan_ok=True)
    assert reading.said == ([] if said is None else [said])


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("metrics/loss", "", "metrics/loss: no values: left out"),
        ("metrics/loss", b"\x1f\x8b\x08garbage-garbage", "metrics/loss: gzip: "),
        ("params/x", "Größe".encode("latin-1"), "params/x: byte 2: not UTF-8 text: left out"),
        ("params/x", b"x" * (2**20 + 1), "params/x: larger than any value of MLflow: left out"),
        ("../meta.yaml", "{", "../meta.yaml: line 2: invalid YAML: "),
    ],
)
def test_a_broken_file_costs_itself_and_no_more(
    run: Path, name: str, content: str | bytes, said: str
) -> None:
    put(run, name, content)

    reading = read_run(run)

    assert points(reading.runs[0])["train/loss"] == {1: 0.91, 2: 0.52, 3: 0.43}
    (notice,) = reading.said
    assert notice.startswith(said)


def test_many_values_are_read_as_they_are_few(run: Path) -> None:
    count = 30_000
    put(run, "metrics/loss", "".join(f"{1000 + n} {n / 8} {n}\n" for n in range(count)))

    loss = next(item for item in read_run(run).records[0].series if item.name == "loss")

    assert np.array_equal(loss.steps, np.arange(count))
    assert np.array_equal(loss.values, np.arange(count) / 8)
    assert loss.wall_times is not None
    assert loss.wall_times[-1] == (1000 + count - 1) / 1000


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3), ("-0.5", -0.5), ("1e-3", 0.001), ("True", True), ("007", "007"), ("", ""),
        ("1" * 30, "1" * 30), ("adam", "adam"), ("1_000", "1_000"), ("nan", "nan"),
        ("a\nb\n", "a\nb"), ("٣", "٣"),
    ],
)  # fmt: skip
def test_a_parameter_is_what_its_text_says(run: Path, text: str, value: Any) -> None:
    put(run, "params/x", text)

    assert read_run(run).runs[0].params["x"] == value


@pytest.mark.parametrize(
    ("params", "model", "precision"),
    [
        ({"model": "lenet", "precision": "INT8"}, "lenet", "int8"),
        ({"model_name_or_path": "/srv/llama-7b/", "bf16": "True"}, "llama-7b", "bf16"),
        ({"model_name": "vgg", "precision": "0.91"}, "vgg", "unknown"),
        ({"model/name": "vgg", "torch_dtype": "torch.float16"}, "vgg", "fp16"),
    ],
)
def test_parameters_state_model_and_precision(
    run: Path, params: dict[str, str], model: str, precision: str
) -> None:
    shutil.rmtree(run / "params")
    for name, text in params.items():
        put(run, f"params/{name}", text)

    (found,) = read_run(run).runs

    assert (found.model.name, found.precision.name) == (model, precision)


def test_the_first_experiment_is_none_that_anyone_named(run: Path) -> None:
    put(run, "../meta.yaml", (run.parent / "meta.yaml").read_text().replace("edge", "Default"))
    put(run, "meta.yaml", (run / "meta.yaml").read_text().replace("'7'", "'0'"))

    assert read_run(run).records[0].experiment == ""


def test_an_ingest_knows_a_run_again_when_it_has_grown(sqlite_store: Store, run: Path) -> None:
    def take() -> list[str]:
        report = ingest(sqlite_store, [str(run.parents[1])], IngestOptions())
        return [item.status for item in report.sources if item.status != "companion"]

    first, again = take(), take()
    put(run, "metrics/train_loss", (run / "metrics/train_loss").read_text() + "1 0.4 4\n")

    assert (first, again, take()) == (["new"], ["unchanged"], ["updated"])
    with sqlite_store.read() as connection:
        variants = connection.scalars(select(runs_view.c.variant)).all()
    assert variants == [None]


# --- SQLite ----------------------------------------------------------------------------------


def check_database(reading: Reading, *, old: bool = False) -> None:
    """What is in the database that tests make."""
    int8, fp32 = reading.records
    first, second = reading.runs
    assert [int8.uid, fp32.uid] == [own_uid("mlflow", INT8), own_uid("mlflow", FP32)]
    assert (int8.kind, fp32.kind) == (Kind.TRAINING, Kind.BENCHMARK)
    assert (int8.status, fp32.status) == (Status.RUNNING, Status.FAILED)
    assert (int8.experiment, int8.name, int8.place) == ("edge", "lenet-int8", f"/runs/{INT8}")
    assert int8.parent == Link(uid=own_uid("mlflow", FP32))
    assert (int8.git_commit, fp32.git_commit) == ("", "f" * 40)
    assert int8.dataset == ("" if old else "mnist")
    assert int8.tags == {"mlflow.run_id": INT8, "team": "edge", "source": "train.py"}
    assert (first.model.name, first.precision.name, first.params) == ("lenet", "int8", {"lr": 0.01})
    assert (second.model.name, second.precision.name, second.params) == ("lenet", "fp32", {})
    assert values(second) == {"val/accuracy": 0.93}
    assert ": deleted run " + "c3" * 16 + ": left out" in reading.notices
    found = points(first)
    if old:
        assert found == {
            "loss": {0: 0.9, 1: 0.5, 2: 0.4},
            "grad": {0: math.inf, 1: -math.inf},
        }
        return
    assert found["grad"] == {1: math.inf, 2: -math.inf}
    assert found["loss"] == pytest.approx({1: 0.9, 2: 0.4, 3: math.nan}, nan_ok=True)
    assert f"/runs/{INT8}/loss: 1 values of repeated steps: the latest one counts" in reading.said


def test_a_database_has_the_runs_that_were_not_deleted() -> None:
    check_database(read(sample("mlflow/store.db")))


def test_a_database_of_an_old_version_lacks_columns() -> None:
    check_database(read(sample("mlflow/old.sqlite")), old=True)


def test_a_database_is_the_same_however_it_is_packed(tmp_path: Path) -> None:
    content = mlflow_file(tmp_path / "m.db").read_bytes()
    (tmp_path / "m.db.gz").write_bytes(gzip.compress(content))

    check_database(read(opened(tmp_path / "m.db.gz")))
    check_database(read(Source("-", content=content)))


def beside(path: Path) -> dict[str, bytes]:
    return {item.name: item.read_bytes() for item in path.parent.iterdir()}


def test_a_database_in_use_is_read_with_its_log_and_never_touched(tmp_path: Path) -> None:
    path = mlflow_file(tmp_path / "m.db")
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("UPDATE runs SET name = 'renamed'")
    connection.commit()
    before = beside(path)

    reading = read(opened(path))

    assert sorted(before) == ["m.db", "m.db-shm", "m.db-wal"]
    assert beside(path) == before
    assert [record.name for record in reading.records] == ["renamed", "renamed"]
    connection.close()
    before = beside(path)
    assert list(before) == ["m.db"]
    read(opened(path))
    assert beside(path) == before


def test_rows_that_are_no_points_are_counted(tmp_path: Path) -> None:
    path = mlflow_file(tmp_path / "m.db")
    connection = sqlite3.connect(path)
    rows = [("loss", "high", 1, INT8, 5, 0), ("loss", 0.3, None, INT8, 6, None),
            ("loss", None, 1, INT8, 7, 1), ("loss", 0.2, 1, INT8, 7.5, 0),
            ("loss", 0.2, 1, "nobody", 8, 0), ("loss", 0.2, 1, b"\xff", 8, 0)]  # fmt: skip
    connection.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", rows)
    connection.commit()
    connection.close()

    reading = read(opened(path))

    expected = {1: 0.9, 2: 0.4, 3: math.nan, 6: 0.3, 7: math.nan}
    assert points(reading.runs[0])["loss"] == pytest.approx(expected, nan_ok=True)
    assert f"/runs/{INT8}/loss: 2 values are no numbers: left out" in reading.said


def test_an_empty_database_says_so(tmp_path: Path) -> None:
    path = sqlite_file(tmp_path / "m.db", mlflow_schema())

    reading = read(opened(path))

    assert (reading.records, reading.notices) == ([], [": no runs in it"])


def test_a_damaged_database_is_rejected_with_a_word(tmp_path: Path) -> None:
    content = bytearray(mlflow_file(tmp_path / "m.db").read_bytes())
    content[1024:] = b"\xee" * (len(content) - 1024)

    with pytest.raises(ReadError, match="sqlite: "):
        read(Source("m.db", content=bytes(content)), reader="mlflow")


def test_other_databases_are_told_apart(tmp_path: Path) -> None:
    schema = {name: columns for name, columns in mlflow_schema().items() if name != "params"}
    path = sqlite_file(tmp_path / "m.db", schema)

    with pytest.raises(ReadError) as caught:
        choose(opened(path))

    assert "nearest are mlflow: no table 'params'" in str(caught.value)
    with pytest.raises(ReadError, match="no database of MLflow: no table 'params'"):
        read(opened(path), reader="mlflow")


def test_a_database_of_cetrack_in_a_folder_is_left_alone(
    tmp_path: Path, sqlite_template: Path
) -> None:
    path = tmp_path / "own.db"
    shutil.copy(sqlite_template, path)
    before = beside(path)

    assert choose(opened(path, found=True))[1] is Match.COMPANION
    report = ingest(None, [str(tmp_path)], IngestOptions(dry_run=True))
    with pytest.raises(ReadError) as caught:
        choose(opened(path))

    assert report.sources == ()
    assert "a database of cetrack itself: 'cetrack export-runs' writes" in str(caught.value)
    assert beside(path) == before


def test_a_young_database_of_cetrack_is_known_by_its_log(sqlite_store: Store) -> None:
    with sqlite_store.read() as connection:
        path = Path(str(connection.engine.url.database))
    connection_ = sqlite3.connect(path)
    connection_.execute("CREATE TABLE young (x)")
    connection_.commit()

    assert path.with_name(f"{path.name}-wal").stat().st_size
    assert choose(opened(path, found=True))[1] is Match.COMPANION
    connection_.close()


# --- PostgreSQL ------------------------------------------------------------------------------


@pytest.fixture
def server_url(postgres_server: URL) -> Iterator[URL]:
    """A fresh database on the server."""
    import psycopg

    name = f"tracker_{uuid.uuid4().hex}"
    admin = postgres_server.set(drivername="postgresql")
    with psycopg.connect(text(admin), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield admin.set(database=name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def text(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def on_server(url: URL, *statements: str) -> None:
    import psycopg

    with psycopg.connect(text(url)) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@pytest.fixture
def mlflow_server(server_url: URL) -> URL:
    import psycopg

    with psycopg.connect(text(server_url)) as connection:
        fill(connection.execute, mlflow_schema(), mlflow_rows(), mark="%s")
    return server_url


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_a_server_has_the_same_runs(mlflow_server: URL, scheme: str) -> None:
    url = text(mlflow_server).replace("postgresql", scheme, 1)

    check_database(read(server_source(url)))


def test_a_server_of_an_old_version(server_url: URL) -> None:
    import psycopg

    with psycopg.connect(text(server_url)) as connection:
        schema, rows = mlflow_schema(old=True), mlflow_rows(old=True)
        fill(connection.execute, schema, rows, mark="%s")

    check_database(read(server_source(text(server_url))), old=True)


def test_a_server_is_ingested_like_a_file_and_its_password_goes_nowhere(
    store: Store, mlflow_server: URL
) -> None:
    url = text(mlflow_server.set(username="postgres", password="hush&hush"))

    def take() -> list[str]:
        report = ingest(store, [url], IngestOptions())
        assert "hush" not in repr(report)
        return [item.status for item in report.sources]

    first, again = take(), take()
    on_server(mlflow_server, f"UPDATE tags SET value = 'x' WHERE run_uuid = '{INT8}'")
    tagged = take()
    on_server(mlflow_server, f"INSERT INTO metrics VALUES ('loss', 0.1, 9, '{INT8}', 9, false)")

    assert (first, again) == (["new"], ["unchanged"])
    assert "unchanged" not in (tagged + take())[1:]
    with store.read() as connection:
        keys = connection.scalars(select(SourceRow.uri).distinct()).all()
    assert len(keys) == 1
    assert keys[0].startswith("postgresql://postgres@/tracker_")
    assert "hush" not in keys[0]


def test_a_server_is_never_written(mlflow_server: URL) -> None:
    import psycopg

    with (
        pytest.raises(ReadError, match="read-only transaction"),
        server_source(text(mlflow_server)).opened() as tables,
    ):
        connection: psycopg.Connection[Any] = tables._connection  # type: ignore[attr-defined]
        connection.execute("UPDATE runs SET name = ''")


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        ("CREATE TABLE runs (x int)", "no database of MLflow: no tables 'experiments', 'metrics'"),
        (
            "CREATE TABLE alembic_version (x int); CREATE TABLE run_metric (x int)",
            "a database of cetrack itself",
        ),
    ],
)
def test_a_server_without_runs_of_a_tracker_says_so(
    server_url: URL, make: str, problem: str
) -> None:
    on_server(server_url, *make.split(";"))

    report = ingest(None, [text(server_url)], IngestOptions(dry_run=True))

    assert report.rejected[0].problem is not None
    assert report.rejected[0].problem.startswith(problem)


def test_a_server_may_hold_a_storage_of_optuna(server_url: URL) -> None:
    import psycopg

    rows = [
        ("studies", ["study_id", "study_name"], [(1, "s")]),
        (
            "trials",
            ["trial_id", "number", "study_id", "state", "datetime_start"],
            [(1, 0, 1, "COMPLETE", "2026-06-01 02:00:00")],
        ),
        ("trial_values", ["trial_id", "objective", "value"], [(1, 0, 0.5)]),
    ]
    with psycopg.connect(text(server_url)) as connection:
        fill(connection.execute, OPTUNA_NEW, rows, mark="%s")

    reading = read(server_source(text(server_url)))

    assert reading.reader == "optuna"
    assert values(reading.runs[0]) == {"objective": 0.5}


@pytest.mark.parametrize(
    ("url", "shown", "problem"),
    [
        ("postgresql://me:s%40cret@localhost:1/x", "postgresql://me@localhost:1/x", "refused"),
        ("postgresql://localhost:1/x?password=s3cret&user=me",
         "postgresql://localhost:1/x?user=me", "refused"),
        ("postgresql://me:s3cret@localhost:1/x?nonsense=1",
         "postgresql://me@localhost:1/x?nonsense=1", "nonsense"),
    ],
)  # fmt: skip
def test_a_server_that_cannot_be_reached(url: str, shown: str, problem: str) -> None:
    found = server_source(url)

    with pytest.raises(ReadError, match=problem) as caught:
        read(found)

    assert found.key == found.uri == shown
    for said in (str(caught.value), repr(caught.value), repr(found)):
        assert "cret" not in said


def test_a_wrong_password_is_not_repeated(mlflow_server: URL) -> None:
    on_server(mlflow_server, "CREATE ROLE nobody_here LOGIN")
    with pytest.raises(ReadError) as caught:
        read(server_source(text(mlflow_server.set(username="nobody", password="s3cret"))))

    assert "s3cret" not in str(caught.value)
    on_server(mlflow_server, "DROP ROLE nobody_here")


@pytest.mark.parametrize("url", ["postgresql://me:s3cret@[::1/x", "postgresql://me:s3cret@h:a/x"])
def test_a_url_that_is_none_is_a_usage_error(url: str) -> None:
    with pytest.raises(UsageError, match="cannot be parsed") as caught:
        ingest(None, [url], IngestOptions(dry_run=True))

    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("kind", ["mysql", "sqlite", "https"])
def test_another_server_is_refused_without_its_password(kind: str) -> None:
    with pytest.raises(UsageError, match=f"runs cannot be read from {kind} URLs") as caught:
        ingest(None, [f"{kind}://me:s3cret@host/x"], IngestOptions(dry_run=True))

    assert "s3cret" not in str(caught.value)


# --- MLflow itself, and real files -----------------------------------------------------------


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_what_mlflow_itself_writes_is_read(tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow")
    client = mlflow.tracking.MlflowClient(f"sqlite:///{tmp_path / 'real.db'}")
    experiment = client.create_experiment("edge")
    run_id = client.create_run(experiment, tags={"team": "edge"}, run_name="one").info.run_id
    client.log_param(run_id, "model", "lenet")
    client.log_param(run_id, "precision", "int8")
    for step, value in enumerate([0.9, math.nan, math.inf]):
        client.log_metric(run_id, "train/loss", value, step=step)
    client.set_terminated(run_id, "FAILED")

    reading = read(opened(tmp_path / "real.db"))

    (record,), (found,) = reading.records, reading.runs
    assert record.uid == own_uid("mlflow", run_id)
    assert (record.experiment, record.name, record.status) == ("edge", "one", Status.FAILED)
    assert (found.model.name, found.precision.name) == ("lenet", "int8")
    expected = {0: 0.9, 1: math.nan, 2: math.inf}
    assert points(found)["train/loss"] == pytest.approx(expected, nan_ok=True)


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no real files in {FOLDER}")
def test_real_stores() -> None:
    report = ingest(None, [str(FOLDER / "mlflow")], IngestOptions(dry_run=True))
    found = {Path(item.uri).relative_to(FOLDER / "mlflow").parts[0]: [] for item in report.sources}
    for item in report.sources:
        found[Path(item.uri).relative_to(FOLDER / "mlflow").parts[0]].append(item.status)

    assert {name.partition("__")[0]: sorted(statuses) for name, statuses in found.items()} == {
        "01ravi-kumar": ["companion", "new", "new", "new"],
        "G-Research": ["unchanged"],
        "optuna": ["companion"],
    }
    runs = [run for item in report.sources for run in item.planned]
    metrics = [{name: entry["last"] for name, entry in run["metrics"].items()} for run in runs]
    assert {"mae": 0.5468937617444851, "r2": 0.21507388730162136, "rmse": 0.6949250931211745} in (
        metrics
    )
    assert all(run["params"] == {"alpha": 0.2, "l1_ratio": 0.6} for run in runs)
