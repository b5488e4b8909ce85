"""Every committed version of results: what changed when, read without a work tree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from cetrack import repository
from cetrack.errors import UsageError
from cetrack.forget import forget
from cetrack.history import History
from cetrack.ingest import IngestOptions, IngestReport, ingest, take_in
from cetrack.models import Param, Source, runs_view
from cetrack.readers import registry
from cetrack.store import Store
from tests.cli.test_program import started
from tests.ingest.producing import results
from tests.ingest.test_beside import Noted
from tests.ingest.test_snapshots import exported

START = 1_700_000_000
DAY = 86_400
COMMITS = 200


def git(folder: Path, *arguments: str, at: int = START, given: bytes = b"") -> str:
    env = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@example.org",
        "GIT_AUTHOR_DATE": f"{at} +0000",
        "GIT_COMMITTER_DATE": f"{at} +0000",
    }
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        input=given,
        capture_output=True,
        env=env,
        check=True,
    )
    return done.stdout.decode("utf-8", "surrogateescape").strip()


def new_repository(folder: Path) -> Path:
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    return folder


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def commit(folder: Path, files: dict[str, Any], *, at: int) -> str:
    """Commit these files (None: deleted) and return the hash."""
    for name, content in files.items():
        if content is None:
            (folder / name).unlink()
        else:
            write(folder / name, content)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", "x", at=at)
    return git(folder, "rev-parse", "HEAD")


def take(store: Store, folder: Path, *pathspecs: str, rev: str = "HEAD") -> IngestReport:
    return take_in(store, [History(str(folder), pathspecs, rev=rev)], IngestOptions())


def rows(store: Store, *columns: str) -> list[tuple[Any, ...]]:
    with store.read() as connection:
        query = select(*(runs_view.c[name] for name in columns))
        query = query.order_by(runs_view.c.started_at, runs_view.c.model, runs_view.c.precision)
        return [tuple(row) for row in connection.execute(query)]


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def entry(accuracy: float) -> dict[str, Any]:
    return {"accuracy": accuracy, "latency_mean_ms": 4.0}


Expected = list[tuple[str, str, datetime, str, str]]


@pytest.fixture(scope="module")
def nightly(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Expected]:
    """A repository of 200 commits, made by one fast-import, and the runs that are in it.

    Every third commit changes no results, every other one a single entry.
    """
    folder = new_repository(tmp_path_factory.mktemp("git") / "lab")
    content = {f"model{n}": {"fp32": entry(0.9), "int8": entry(0.8)} for n in range(4)}
    stream: list[bytes] = []
    changes: list[tuple[int, str]] = []
    for number in range(COMMITS):
        who = f"A <a@example.org> {START + number * DAY} +0000"
        path = "results/nightly.json"
        if number % 3 == 2:
            path, data = "README.md", f"night {number}".encode()
        else:
            if number:
                model = f"model{number % 4}"
                content[model]["int8"] = entry(0.5 + number / 1000)
                changes.append((number, model))
            data = json.dumps(content, indent=1).encode()
        stream += [
            f"commit refs/heads/main\ncommitter {who}\ndata 1\nx\n".encode(),
            f"M 100644 inline {path}\ndata {len(data)}\n".encode() + data + b"\n",
        ]
    git(folder, "fast-import", "--quiet", given=b"".join(stream))
    hashes = git(folder, "rev-list", "--reverse", "main").split()
    first = [
        (f"model{n}", precision, moment(START), "git", hashes[0])
        for n in range(4)
        for precision in ("fp32", "int8")
    ]
    later = [
        (model, "int8", moment(START + number * DAY), "git", hashes[number])
        for number, model in changes
    ]
    return folder, [*first, *later]


COLUMNS = ("model", "precision", "started_at", "time_source", "git_commit")


def test_exactly_what_changed_becomes_runs_in_order(
    store: Store, nightly: tuple[Path, Expected]
) -> None:
    folder, expected = nightly
    began = time.monotonic()
    report = take(store, folder)
    took = time.monotonic() - began

    assert rows(store, *COLUMNS) == expected
    assert len(report.sources) == len(expected) - 8 + 1
    assert [item.runs_new for item in report.sources] == [8] + [1] * (len(expected) - 8)
    assert {item.status for item in report.sources} == {"new"}
    assert not any(item.notices for item in report.sources)
    assert report.remarks == ()
    assert took < 60  # a few seconds on a machine that does nothing else


def test_again_adds_nothing_and_a_bare_clone_is_the_same(
    store: Store, nightly: tuple[Path, Expected], tmp_path: Path
) -> None:
    folder, expected = nightly
    take(store, folder)
    before = exported(store)

    began = time.monotonic()
    again = take(store, folder)
    took = time.monotonic() - began
    bare = tmp_path / "lab.git"
    git(tmp_path, "clone", "-q", "--bare", str(folder), str(bare))
    cloned = take(store, bare)

    assert {item.status for item in again.sources} == {"unchanged"}
    assert took < 20
    assert {item.status for item in cloned.sources} == {"unchanged"}
    assert rows(store, *COLUMNS) == expected
    assert exported(store) == before


def test_a_bare_repository_gives_the_runs_and_keys(
    sqlite_store: Store, nightly: tuple[Path, Expected], tmp_path: Path
) -> None:
    folder, expected = nightly
    bare = tmp_path / "lab.git"
    git(tmp_path, "clone", "-q", "--bare", str(folder), str(bare))

    report = take(sqlite_store, bare, "results")

    assert rows(sqlite_store, *COLUMNS) == expected
    digits = expected[0][4][:12]
    assert report.sources[0].uri == f"{bare}:results/nightly.json@{digits}"


def test_other_processes_read_history_too(
    sqlite_store: Store, nightly: tuple[Path, Expected]
) -> None:
    folder, expected = nightly
    take_in(sqlite_store, [History(str(folder))], IngestOptions(), workers=2)

    assert rows(sqlite_store, *COLUMNS) == expected


def test_one_process_reads_all_objects(
    sqlite_store: Store, nightly: tuple[Path, Expected], monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[Sequence[str]] = []
    started_by = subprocess.Popen.__init__

    def noted(self: Any, command: Sequence[str], *rest: Any, **more: Any) -> None:
        commands.append(command)
        started_by(self, command, *rest, **more)

    monkeypatch.setattr(subprocess.Popen, "__init__", noted)
    take(sqlite_store, nightly[0])

    asked = Counter(
        next(word for word in command[3:] if "=" not in word and word != "-c")
        for command in commands
    )
    assert asked["cat-file"] == 1
    assert sum(asked.values()) < 10


def test_the_work_tree_is_never_touched(sqlite_store: Store, tmp_path: Path) -> None:
    folder = new_repository(tmp_path / "r")
    first = commit(folder, {"a.json": {"a": {"int8": entry(0.5)}}}, at=START)
    commit(folder, {"a.json": {"a": {"int8": entry(0.6)}}}, at=START + DAY)
    (folder / "a.json").write_text("being edited")
    (folder / "new.json").write_text("untracked")
    status, index = git(folder, "status", "--porcelain"), (folder / ".git" / "index").read_bytes()

    take(sqlite_store, folder)

    assert git(folder, "status", "--porcelain") == status
    assert (folder / ".git" / "index").read_bytes() == index
    assert rows(sqlite_store, "git_commit")[0] == (first,)
    assert len(rows(sqlite_store, "uid")) == 2


def test_deleted_renamed_and_reverted_files(sqlite_store: Store, tmp_path: Path) -> None:
    folder = new_repository(tmp_path / "r")
    old, new = ({"a": {"int8": entry(value)}} for value in (0.5, 0.6))
    hashes = [
        commit(folder, {"a.json": old}, at=START),
        commit(folder, {"a.json": new}, at=START + DAY),
        commit(folder, {"a.json": old}, at=START + 2 * DAY),
        commit(folder, {"a.json": None, "b/renamed.json": old}, at=START + 3 * DAY),
        commit(folder, {"b/renamed.json": None}, at=START + 4 * DAY),
    ]

    report = take(sqlite_store, folder)

    assert [item.uri for item in report.sources] == [
        f"{folder}:a.json@{hashes[0][:12]}",
        f"{folder}:a.json@{hashes[1][:12]}",
        f"{folder}:b/renamed.json@{hashes[3][:12]}",
    ]
    assert [item.status for item in report.sources] == ["new", "new", "unchanged"]
    assert rows(sqlite_store, "git_commit") == [(hashes[0],), (hashes[1],)]


def test_the_same_blob_is_read_from_git_once(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = new_repository(tmp_path / "r")
    same = {"a": {"int8": entry(0.5)}}
    commit(folder, {f"{n}.json": same for n in range(5)}, at=START)
    asked: list[str] = []
    get = repository._Objects.get

    def noted(self: Any, name: str) -> Any:
        asked.append(name)
        return get(self, name)

    monkeypatch.setattr(repository._Objects, "get", noted)
    report = take(sqlite_store, folder)

    assert len(report.sources) == 5
    assert len(asked) == len(set(asked)) == 1


def test_merges(sqlite_store: Store, tmp_path: Path) -> None:
    folder = new_repository(tmp_path / "r")

    def content(**values: float) -> dict[str, Any]:
        return {"a.json": {name: {"int8": entry(value)} for name, value in values.items()}}

    commit(folder, content(m=0.1, n=0.1), at=START)
    git(folder, "checkout", "-q", "-b", "side")
    side = commit(folder, content(m=0.2, n=0.1), at=START + DAY)
    git(folder, "checkout", "-q", "main")
    main = commit(folder, content(m=0.1, n=0.3), at=START + 2 * DAY)
    git(folder, "merge", "-q", "-s", "ours", "--no-commit", "side", at=START + 3 * DAY)
    merged = commit(folder, content(m=0.2, n=0.4), at=START + 3 * DAY)
    git(folder, "checkout", "-q", "side")
    git(folder, "merge", "-q", "-X", "theirs", "main", at=START + 4 * DAY)

    main_only = History(str(folder), rev=main)
    report = take(sqlite_store, folder, rev="main")

    assert len(main_only) == 2
    assert [item.uri.rpartition("@")[2] for item in report.sources][1:] == [
        side[:12], main[:12], merged[:12]
    ]  # fmt: skip
    found = rows(sqlite_store, "model", "git_commit")
    assert found[2:] == [("m", side), ("n", main), ("n", merged)]
    assert len(History(str(folder), rev="side")) == len(report.sources)


def test_what_is_no_regular_file_is_left_out(sqlite_store: Store, tmp_path: Path) -> None:
    inner = new_repository(tmp_path / "inner")
    commit(inner, {"x.json": results(1)}, at=START)
    folder = new_repository(tmp_path / "r")
    (folder / "link.json").symlink_to("a.json")
    git(
        folder, "-c", "protocol.file.allow=always", "submodule", "-q", "add", str(inner), "sub.json"
    )
    commit(folder, {"a.json": results(1), ".hidden/b.json": results(2)}, at=START)

    report = take(sqlite_store, folder)

    assert [item.uri.split(":")[1].partition("@")[0] for item in report.sources] == ["a.json"]


LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def test_an_lfs_pointer_is_named_as_such(sqlite_store: Store, tmp_path: Path) -> None:
    folder = new_repository(tmp_path / "r")
    commit(folder, {"a.json": LFS}, at=START)

    problems = [item.problem for item in take(sqlite_store, folder).rejected]
    plain = ingest(sqlite_store, [str(folder / "a.json")], IngestOptions(reader="benchmark"))

    assert problems == ["a git-LFS pointer, not the file"]
    assert plain.rejected[0].problem == "a git-LFS pointer, not the file"
    assert plain.rejected[0].hint == "git lfs pull brings the files"


def test_a_huge_blob_is_refused_and_the_next_one_read(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "MAX_BLOB_BYTES", 2 * 2**20)
    folder = new_repository(tmp_path / "r")
    large = "epoch,loss\n" + "".join(f"{n},{n / 7}\n" for n in range(60_000))
    assert 2**20 < len(large) < 2 * 2**20
    commit(folder, {"a.json": " " * 3 * 2**20, "b_fp32.csv": large, "c.json": results(1)}, at=START)

    report = take(sqlite_store, folder)

    assert [(item.status, item.problem) for item in report.sources] == [
        ("rejected", "git cannot read it: larger than 2 MiB"),
        ("new", None),
        ("new", None),
    ]
    assert report.sources[1].points == 60_000


def test_odd_names(sqlite_store: Store, tmp_path: Path) -> None:
    folder = new_repository(tmp_path / "r")
    odd = ['q"uo te.json', "new\nline.json", ":colon.json", "\x01.json", "dé.json", "a@b.json"]
    commit(folder, {name: {f"m{n}": {"int8": entry(n)}} for n, name in enumerate(odd)}, at=START)
    bad = os.fsencode(folder) + b"/caf\xe9.json"
    Path(os.fsdecode(bad)).write_text(json.dumps({"m": {"int8": entry(0.5)}}))
    head = commit(folder, {}, at=START + 1)

    report = take(sqlite_store, folder)
    again = take(sqlite_store, folder)

    names = {item.uri.removeprefix(f"{folder}:").rpartition("@")[0] for item in report.sources}
    assert names == {*odd, "caf\\xe9.json"}
    assert {item.status for item in report.sources} == {"new"}
    assert {item.status for item in again.sources} == {"unchanged"}
    assert report.sources[-1].uri.endswith(head[:12])


def test_a_log_that_grows_from_commit_to_commit_is_one_run(store: Store, tmp_path: Path) -> None:
    folder = new_repository(tmp_path / "r")
    text = "epoch,val_accuracy\n"
    hashes = []
    for epoch in range(1, 5):
        text += f"{epoch},{epoch / 10}\n"
        hashes.append(commit(folder, {"lenet_int8.csv": text}, at=START + epoch))

    report = take(store, folder)
    plain = ingest(store, [str(folder / "lenet_int8.csv")])

    assert [item.status for item in report.sources] == ["new", "updated", "updated", "updated"]
    assert [item.status for item in plain.sources] == ["unchanged"]
    assert rows(store, "model", "git_commit", "started_at") == [
        ("lenet", hashes[0], moment(START + 1))
    ]


def test_plain_files_first_and_their_history_later(sqlite_store: Store, tmp_path: Path) -> None:
    folder = new_repository(tmp_path / "r")
    first = commit(folder, {"a.json": {"a": {"int8": entry(0.5)}}}, at=START)
    both = {"a": {"int8": entry(0.5)}, "b": {"int8": entry(0.6)}}
    second = commit(folder, {"a.json": both}, at=START + DAY)
    ingest(sqlite_store, [str(folder / "a.json")])

    report = take(sqlite_store, folder)

    assert [(item.runs_new, item.notices) for item in report.sources] == [(0, ()), (0, ())]
    assert rows(sqlite_store, "model", "started_at", "git_commit") == [
        ("a", moment(START), first),
        ("b", moment(START + DAY), second),
    ]


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> None:
    target = f"{Noted.__module__}:Noted"
    monkeypatch.setattr(registry, "_BUILT_IN", {**registry._BUILT_IN, "noted": target})
    registry.readers.cache_clear()
    monkeypatch.context()


@pytest.mark.usefixtures("noted")
def test_companions_are_those_of_the_commit(sqlite_store: Store, tmp_path: Path) -> None:
    folder = new_repository(tmp_path / "r")
    beside = {"shared.setting": "all", "runs/bits.setting": "8", "runs/deep/x.setting": "no"}
    try:
        commit(folder, {"runs/a.noted": {"noted": 1, "value": 0.5}, **beside}, at=START)
        (folder / "runs" / "bits.setting").unlink()
        later = {"runs/a.noted": {"noted": 1, "value": 0.6}, "runs/group.setting": "128"}
        commit(folder, later, at=START + 1)
        write(folder / "runs" / "untracked.setting", "1")

        report = take(sqlite_store, folder)
        again = take(sqlite_store, folder)
    finally:
        registry.readers.cache_clear()

    assert [item.status for item in report.sources] == ["new", "new"]
    assert [item.status for item in again.sources] == ["unchanged", "unchanged"]
    query = select(runs_view.c.started_at, Param.key, Param.text)
    query = query.join(Param, Param.run_id == runs_view.c.run_id).order_by("started_at", "key")
    with sqlite_store.read() as connection:
        found = [tuple(row)[1:] for row in connection.execute(query)]
    assert found == [
        ("bits.setting", "8"),
        ("shared.setting", "all"),
        ("group.setting", "128"),
        ("shared.setting", "all"),
    ]


def test_pathspecs_and_folders_choose_files(tmp_path: Path) -> None:
    folder = new_repository(tmp_path / "r")
    files = {"a/x.json": results(1), "b/x.json": results(2), "b/y.out": "{}", "package.json": "{}"}
    commit(folder, files, at=START)

    def chosen(where: Path, *pathspecs: str) -> list[str]:
        with History(str(where), pathspecs).opened() as sources:
            return [item.uri.removeprefix(f"{folder}:").partition("@")[0] for item in sources]

    assert chosen(folder) == ["a/x.json", "b/x.json", "package.json"]
    assert chosen(folder, "a") == ["a/x.json"]
    assert chosen(folder / "b") == ["b/x.json"]
    assert chosen(folder / "b", "y.out") == ["b/y.out"]
    assert chosen(folder, "*.out") == ["b/y.out"]
    assert chosen(folder, ":(exclude)a", "b") == ["b/x.json"]


def test_files_of_another_kind_are_passed_over(sqlite_store: Store, tmp_path: Path) -> None:
    folder = new_repository(tmp_path / "r")
    for number in range(3):
        commit(folder, {"package.json": {"name": "x", "version": str(number)}}, at=START + number)

    report = take(sqlite_store, folder)

    assert [item.status for item in report.sources] == ["skipped"] * 3


def test_a_shallow_clone_is_said(
    sqlite_store: Store, nightly: tuple[Path, Expected], tmp_path: Path
) -> None:
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth", "30", f"file://{nightly[0]}", str(shallow))

    report = take(sqlite_store, shallow)

    assert report.remarks == (
        f"{shallow} is a shallow clone without its older versions: git fetch --unshallow",
    )
    assert 15 < len(report.sources) < 30


def test_forget_takes_a_version_a_file_and_a_repository(
    sqlite_store: Store, tmp_path: Path
) -> None:
    folder = new_repository(tmp_path / "r")
    first = commit(folder, {"a.json": {"a": {"int8": entry(0.5)}}}, at=START)
    commit(folder, {"a.json": {"a": {"int8": entry(0.6)}}}, at=START + 1)
    commit(folder, {"b.json": {"b": {"int8": entry(0.6)}}}, at=START + 2)
    take(sqlite_store, folder)

    assert len(forget(sqlite_store, f"{folder}:a.json@{first[:12]}").runs) == 1
    assert len(forget(sqlite_store, f"{folder}:a.json", dry_run=True).runs) == 1
    assert len(forget(sqlite_store, str(folder)).runs) == 2
    with sqlite_store.read() as connection:
        assert connection.scalars(select(Source.uri)).all() == []


def test_what_makes_no_sense(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    empty = new_repository(tmp_path / "empty")
    full = new_repository(tmp_path / "full")
    commit(full, {"a.txt.md": "x"}, at=START)
    cases = [
        (str(plain), "HEAD", "not a git repository"),
        (str(tmp_path / "gone"), "HEAD", "no such folder"),
        ("https://example.org/x.git", "HEAD", "no such folder"),
        (str(empty), "HEAD", "no commit 'HEAD'"),
        (str(full), "nothing", "no commit 'nothing'"),
        (str(full), "--output=x", "no commit '--output=x'"),
        (str(full), "HEAD", "a file that a reader may know is in no commit of HEAD"),
    ]
    for folder, rev, problem in cases:
        with pytest.raises(UsageError, match=problem) as caught:
            History(folder, rev=rev)
        assert "\n" not in caught.value.message
    monkeypatch.setenv("PATH", str(plain))
    with pytest.raises(UsageError, match="git is not installed"):
        History(str(full))


def test_the_command(nightly: tuple[Path, Expected], tmp_path: Path) -> None:
    folder, expected = nightly
    db = str(tmp_path / "x.db")
    command = [sys.executable, "-m", "cetrack", "ingest", "--db", db]

    done = started(*command, "--git-history", str(folder), "--branch", "main", "results/")
    lost = started(*command, "--rev", "main", "x.json")
    nothing = started(*command)
    wrong = started(*command, "--git-history", str(tmp_path))

    assert (done.returncode, f"{len(expected)} new" in done.stderr.decode()) == (0, True)
    assert (lost.returncode, b"--rev is for --git-history" in lost.stderr) == (2, True)
    assert (nothing.returncode, b"nothing to ingest was named" in nothing.stderr) == (2, True)
    assert wrong.returncode == 2
    assert wrong.stderr.count(b"\n") == 1


def test_a_hook_asks_about_the_repository_that_was_named(
    nightly: tuple[Path, Expected], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = new_repository(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))

    assert len(History(str(nightly[0]))) == len(nightly[1]) - 7
