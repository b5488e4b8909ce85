"""Archives: their members are files like others, and none of them can do harm."""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import zstandard
from sqlalchemy import select

from cetrack import archives
from cetrack import ingest as module
from cetrack.errors import UsageError
from cetrack.forget import forget
from cetrack.ingest import IngestOptions, IngestReport, ingest
from cetrack.models import Param, Source, runs_view
from cetrack.readers import registry
from cetrack.store import Store
from tests.cli.test_program import started
from tests.ingest.producing import history, model, results, write
from tests.ingest.test_beside import Noted, take
from tests.ingest.test_snapshots import exported

MADE = datetime(2025, 6, 1, 12, 0, 30, tzinfo=UTC)
Contents = Mapping[str, Any]


def as_bytes(content: Any) -> bytes:
    if isinstance(content, bytes):
        return content
    return (content if isinstance(content, str) else json.dumps(content)).encode()


def zipped(path: Path, contents: Contents) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            item = zipfile.ZipInfo(name, MADE.timetuple()[:6])
            item.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(item, as_bytes(content))
    return path


def tarred(path: Path, contents: Contents, mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in contents.items():
            item = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            item.mtime = MADE.timestamp()
            body = b"" if isinstance(content, tarfile.TarInfo) else as_bytes(content)
            item.size = len(body)
            archive.addfile(item, io.BytesIO(body))
    return path


def zstd_tarred(path: Path, contents: Contents) -> Path:
    plain = tarred(path.with_suffix(".plain"), contents)
    path.write_bytes(zstandard.ZstdCompressor().compress(plain.read_bytes()))
    plain.unlink()
    return path


MAKERS: dict[str, Callable[[Path, Contents], Path]] = {
    "a.zip": zipped,
    "a.tar": tarred,
    "a.tar.gz": lambda path, contents: tarred(path, contents, "w:gz"),
    "a.tgz": lambda path, contents: tarred(path, contents, "w:gz"),
    "a.tar.bz2": lambda path, contents: tarred(path, contents, "w:bz2"),
    "a.tar.xz": lambda path, contents: tarred(path, contents, "w:xz"),
    "a.tar.zst": zstd_tarred,
    "no-suffix": lambda path, contents: tarred(path, contents, "w:gz"),
}
CONTENTS = {
    "results.json": results(2),
    "night/lenet_int8.csv": "epoch,val_accuracy\n1,0.5\n2,0.75\n",
    "night/packed.json.gz": gzip.compress(as_bytes({"packed": model(7)})),
    "night/weights.onnx": b"\0" * 1000,
    ".hidden/x.json": results(1),
}


@pytest.fixture(autouse=True)
def leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test: no temporary file stays."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    made = partial(tempfile.TemporaryDirectory, dir=folder)
    monkeypatch.setattr(archives, "tempfile", SimpleNamespace(TemporaryDirectory=made))
    yield
    assert list(folder.iterdir()) == []


def rows(store: Store, *columns: str) -> list[tuple[Any, ...]]:
    with store.read() as connection:
        found = connection.execute(select(*(runs_view.c[name] for name in columns)))
        return sorted((tuple(row) for row in found), key=str)


def uris(store: Store) -> set[str]:
    with store.read() as connection:
        return set(connection.scalars(select(Source.uri)))


def problems(report: IngestReport) -> dict[str, str | None]:
    return {item.uri: item.problem for item in report.rejected}


@pytest.mark.parametrize("name", MAKERS)
def test_an_archive_is_what_its_files_are(sqlite_store: Store, tmp_path: Path, name: str) -> None:
    path = MAKERS[name](tmp_path / name, CONTENTS)

    first = take(sqlite_store, path)
    before = exported(sqlite_store)
    again = take(sqlite_store, path)

    inside = ["night/lenet_int8.csv", "night/packed.json.gz", "results.json"]
    assert [item.uri for item in first.sources] == [f"{path}/{each}" for each in inside]
    assert [item.runs_new for item in first.sources] == [1, 2, 4]
    assert {item.status for item in again.sources} == {"unchanged"}
    assert exported(sqlite_store) == before
    assert ("lenet", "int8", "mtime") in rows(sqlite_store, "model", "precision", "time_source")
    assert {row[0] for row in rows(sqlite_store, "started_at")} == {MADE}


def test_an_archive_adds_nothing_to_the_folder_it_was_made_of(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "night"
    write(folder / "results.json", results(3))
    write(folder / "lenet_int8" / "log.json", history([3.0, 2.0]))
    take(store, folder)
    before = rows(store, "uid", "model", "precision")
    path = zipped(
        tmp_path / "night.zip",
        {each.relative_to(folder).as_posix(): each.read_bytes() for each in folder.rglob("*.json")},
    )

    report = take(store, path)

    assert [item.runs_new for item in report.sources] == [0, 0]
    assert rows(store, "uid", "model", "precision") == before


def test_archives_in_a_folder_are_opened(sqlite_store: Store, tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.json", results(1))
    zipped(tmp_path / "in" / "b.zip", {"x.json": {"b": model(2)}})
    zipped(tmp_path / "in" / "weights.zip", {"weights.bin": "x"})
    zipped(tmp_path / "in" / "checkpoint.pt", {"x.json": {"c": model(3)}})
    write(tmp_path / "in" / "c.json", {"d": model(4)})

    report = take(sqlite_store, tmp_path / "in")

    assert [(Path(item.uri).name, item.status) for item in report.sources] == [
        ("a.json", "new"),
        ("x.json", "new"),
        ("c.json", "new"),
        ("weights.zip", "skipped"),
    ]
    named = take(sqlite_store, tmp_path / "in" / "weights.zip")
    assert problems(named) == {
        str(tmp_path / "in" / "weights.zip"): "an archive without a file that a reader may know"
    }


def test_forget_takes_a_member_and_a_whole_archive(store: Store, tmp_path: Path) -> None:
    path = zipped(tmp_path / "A.zip", {"x/a.json": results(1), "b.json": {"other": model(5)}})
    zipped(tmp_path / "a.zip", {"c.json": {"third": model(6)}})
    take(store, path, tmp_path / "a.zip")

    one = forget(store, f"{path}/x/a.json")
    rest = forget(store, str(path))

    assert (len(one.runs), one.sources) == (2, (f"{path}/x/a.json",))
    assert (len(rest.runs), rest.sources) == (2, (f"{path}/b.json",))
    assert rows(store, "model", "precision") == [("third", "fp32"), ("third", "int8")]
    with pytest.raises(UsageError, match="no source and no run"):
        forget(store, str(tmp_path / "A.z"))
    with pytest.raises(UsageError, match="no source and no run"):
        forget(store, "")


def test_forget_takes_a_folder(sqlite_store: Store, tmp_path: Path) -> None:
    write(tmp_path / "in" / "a" / "a.json", results(1))
    write(tmp_path / "in" / "ab.json", {"other": model(5)})
    take(sqlite_store, tmp_path / "in")

    assert forget(sqlite_store, str(tmp_path / "in" / "a")).sources == (
        str(tmp_path / "in" / "a" / "a.json"),
    )


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    target = f"{Noted.__module__}:Noted"
    monkeypatch.setattr(registry, "_BUILT_IN", {**registry._BUILT_IN, "noted": target})
    registry.readers.cache_clear()
    yield
    monkeypatch.undo()
    registry.readers.cache_clear()


@pytest.mark.usefixtures("noted")
def test_companions_are_found_inside_and_nowhere_else(sqlite_store: Store, tmp_path: Path) -> None:
    write(tmp_path / "outside.setting", "1")
    contents = {
        "runs/a.noted": {"noted": 1, "value": 0.5},
        "runs/bits.setting": "8",
        "shared.setting": "all",
        "runs/deep/more.setting": "no",
    }
    path = zipped(tmp_path / "a.zip", contents)
    first = take(sqlite_store, path)
    again = take(sqlite_store, path)
    changed = take(sqlite_store, zipped(path, {**contents, "runs/bits.setting": "4"}))
    at_root = zipped(tmp_path / "b.zip", {"a.noted": {"noted": 1, "value": 0.25}})

    assert [item.status for item in take(sqlite_store, at_root).sources] == ["new"]
    assert [item.status for item in first.sources] == ["new"]
    assert [item.status for item in again.sources] == ["unchanged"]
    assert changed.sources[0].runs_unchanged + changed.sources[0].runs_updated == 1
    with sqlite_store.read() as connection:
        params = sorted(map(tuple, connection.execute(select(Param.key, Param.text))))
    assert params == [("bits.setting", "8"), ("shared.setting", "all")]


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    item = tarfile.TarInfo(name)
    item.type, item.linkname = kind, target
    return item


@pytest.mark.parametrize(
    ("contents", "problem"),
    [
        ({"../evil.json": "x"}, "the member '../evil.json' would leave"),
        ({"a/../../evil.json": "x"}, "the member 'a/../../evil.json' would leave"),
        ({"/etc/evil.json": "x"}, "the member '/etc/evil.json' would leave"),
        ({"..\\evil.json": "x"}, "the member '../evil.json' would leave"),
        ({"C:\\evil.json": "x"}, "the member 'C:/evil.json' would leave"),
        ({"../evil.bin": "x"}, "the member '../evil.bin' would leave"),
    ],
)
@pytest.mark.parametrize("name", ["a.zip", "a.tar"])
def test_a_member_that_would_leave_refuses_the_archive(
    sqlite_store: Store, tmp_path: Path, name: str, contents: Contents, problem: str
) -> None:
    path = MAKERS[name](tmp_path / name, {"good.json": results(1), **contents})

    report = take(sqlite_store, path)

    assert problem in (problems(report)[str(path)] or "")
    assert rows(sqlite_store, "model") == []
    assert not (tmp_path / "evil.json").exists()


def test_what_is_no_file_is_left_out_and_said(sqlite_store: Store, tmp_path: Path) -> None:
    contents = {
        "good.json": results(1),
        "latest.json": link("latest.json", "/etc/passwd"),
        "hard.json": link("hard.json", "good.json", tarfile.LNKTYPE),
        "device.json": link("device.json", "", tarfile.CHRTYPE),
        "pipe.json": link("pipe.json", "", tarfile.FIFOTYPE),
        "latest": link("latest", "night"),
        "inner.zip": zipped(tmp_path / "inner.zip", {"x.json": results(1)}).read_bytes(),
    }
    path = tarred(tmp_path / "a.tar", contents)

    report = take(sqlite_store, path)

    assert problems(report) == {
        f"{path}/latest.json": "a link in an archive, no file",
        f"{path}/hard.json": "a link in an archive, no file",
        f"{path}/device.json": "a device in an archive, no file",
        f"{path}/pipe.json": "a device in an archive, no file",
        f"{path}/inner.zip": "an archive in an archive is not opened",
    }
    assert sum(item.runs_new for item in report.sources) == 2


def test_a_link_in_a_zip_is_left_out(sqlite_store: Store, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        item = zipfile.ZipInfo("link.json")
        item.external_attr = 0o120777 << 16
        archive.writestr(item, "/etc/passwd")

    assert problems(take(sqlite_store, path)) == {
        f"{path}/link.json": "a link in an archive, no file"
    }


def encrypted(path: Path) -> None:
    """Set the flag that says so, in both places where a zip has it."""
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(content))


def damaged(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[60] ^= 0xFF
    path.write_bytes(bytes(content))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


@pytest.mark.parametrize(
    ("name", "harm", "problem"),
    [
        ("a.zip", encrypted, "encrypted, as is a.json"),
        ("a.zip", damaged, "the archive cannot be read: "),
        ("a.zip", cut, "the archive cannot be read: File is not a zip file"),
        ("a.tar.gz", cut, "the archive cannot be read: gzip: "),
        ("a.tar.xz", cut, "the archive cannot be read: xz: "),
        ("a.tar.zst", cut, "the archive cannot be read: zstd: "),
    ],
)
def test_an_archive_that_cannot_be_read_gives_nothing(
    sqlite_store: Store, tmp_path: Path, name: str, harm: Callable[[Path], None], problem: str
) -> None:
    noise = os.urandom(3000).hex()
    path = MAKERS[name](tmp_path / name, {"a.json": results(1), "b.json": f'"{noise}"'})
    harm(path)
    good = write(tmp_path / "good.json", {"good": model(3)})

    report = take(sqlite_store, path, good)

    assert problem in (problems(report)[str(path)] or "")
    assert {row[0] for row in rows(sqlite_store, "model")} == {"good"}


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.zst"])
@pytest.mark.parametrize(
    ("limit", "value", "problem"),
    [
        ("MAX_MEMBERS", 2, "an archive of more than 2 members"),
        ("MAX_BYTES", 5000, "unpacks to more than 0 MiB"),
        ("SUSPICIOUS_BYTES", 1, "unpacks to more than 0 times its size"),
    ],
)
def test_limits(
    sqlite_store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    limit: str,
    value: int,
    problem: str,
) -> None:
    path = MAKERS[name](
        tmp_path / name, {"a.json": results(1), "b.json": "0" * 10_000, "c.json": results(2)}
    )
    monkeypatch.setattr(archives, limit, value)
    if limit == "SUSPICIOUS_BYTES":
        monkeypatch.setattr(archives, "MAX_RATIO", 0)

    report = take(sqlite_store, path)

    assert problem in (problems(report)[str(path)] or "")
    assert rows(sqlite_store, "model") == []


def test_a_list_of_members_that_no_memory_should_hold(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MAX_DIRECTORY_BYTES", 1000)
    path = zipped(tmp_path / "a.zip", {f"{number:030}.json": "1" for number in range(30)})

    assert "a list of members of more than" in (problems(take(sqlite_store, path))[str(path)] or "")


def test_a_header_that_no_memory_should_hold(sqlite_store: Store, tmp_path: Path) -> None:
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, 2**32
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(header.tobuf() + b"\0" * 4096))

    assert "a header of more than 16 MiB" in (problems(take(sqlite_store, path))[str(path)] or "")


@pytest.mark.parametrize("name", ["a.zip", "a.tar"])
def test_odd_names(sqlite_store: Store, tmp_path: Path, name: str) -> None:
    contents = {'q"uo te\n.json': results(1), "dé/ü.json": results(2), "./dot.json": results(3)}
    path = MAKERS[name](tmp_path / name, contents)

    report = take(sqlite_store, path)
    again = take(sqlite_store, path)

    assert not report.rejected
    assert {item.status for item in again.sources} == {"unchanged"}
    assert uris(sqlite_store) == {
        f"{path}/{each}" for each in ('q"uo te\n.json', "dé/ü.json", "dot.json")
    }


def test_a_name_that_is_no_text(sqlite_store: Store, tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w", encoding="latin-1", format=tarfile.GNU_FORMAT) as archive:
        item = tarfile.TarInfo("caf\xe9.json")
        item.size = len(body := as_bytes(results(4)))
        archive.addfile(item, io.BytesIO(body))

    assert not take(sqlite_store, path).rejected
    assert uris(sqlite_store) == {f"{path}/caf\\xe9.json"}


def test_a_member_that_stands_twice_is_its_last_version(
    sqlite_store: Store, tmp_path: Path
) -> None:
    path = tarred(tmp_path / "a.tar", {"a.json": {"m": model(1)}})
    with tarfile.open(path, "a") as archive:
        item = tarfile.TarInfo("a.json")
        item.size = len(body := as_bytes({"m": model(2)}))
        archive.addfile(item, io.BytesIO(body))

    take(sqlite_store, path)

    assert rows(sqlite_store, "model", "precision") == [("m", "fp32"), ("m", "int8")]


def test_other_processes_read_archives_too(database_url: str, tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {f"{number}.json": results(2) for number in range(30)})
    zipped(tmp_path / "b.zip", {"../x.json": "1"})

    def outcome(url: str, workers: int) -> Any:
        with Store.open(url, create=True) as store:
            paths = [str(path), str(tmp_path / "b.zip")]
            report = ingest(store, paths, IngestOptions(), workers=workers)
            return report.sources, exported(store)

    assert outcome(database_url, 2) == outcome(str(tmp_path / "alone.db"), 1)


class Elsewhere:
    """Machines that do not see the temporary folders of this one."""

    size = 2
    elsewhere = far = True
    given: ClassVar[list[str]] = []

    def ordered(self, work: Callable[[Any], Any], units: Iterable[Any]) -> Iterator[Any]:
        for unit in units:
            self.given += [source.uri for source, _ in unit.sources]
            yield work(unit)


def test_other_machines_get_files_and_no_archives(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zipped(tmp_path / "a.zip", {"a.json": results(1)})
    plain = write(tmp_path / "b.json", {"b": model(2)})
    monkeypatch.setattr(module, "crew", lambda **_: nullcontext(Elsewhere()))

    report = ingest(sqlite_store, [str(path), str(plain)])

    assert [item.runs_new for item in report.sources] == [2, 2]
    assert Elsewhere.given == [str(plain)]


def test_the_command_reads_archives(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.json": results(1), "b.json": "{"})

    done = started(
        sys.executable, "-m", "cetrack", "ingest", str(path), "--db", str(tmp_path / "x.db")
    )

    said = done.stderr.decode()
    assert done.returncode == 3
    assert f"rejected: {path}/b.json: byte 1: invalid JSON" in said
    assert "2 files, 1 of them rejected; runs: 2 new" in said
