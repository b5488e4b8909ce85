"""Which folders may be written, and which files may be removed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from cetrack.errors import OutputError
from cetrack.logdirs import MARKER
from cetrack.tb.logdir import Logdir
from tests.tb.reading import times, tree

A = "a/events.out.tfevents.0000000001.cetrack"
B = "b/c/events.out.tfevents.0000000002.cetrack"


def export(root: Path, *paths: str, started_at: float = 1.0) -> Logdir:
    logdir = Logdir.open(root)
    logdir.claim(paths)
    for path in paths:
        with logdir.event_file(path, started_at=started_at):
            pass
    logdir.finish()
    return logdir


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    export(tmp_path / "new" / "logs", A)

    assert sorted(tree(tmp_path / "new" / "logs")) == [MARKER, A]


def test_the_marker_lists_files_and_hashes_and_nothing_of_the_machine(tmp_path: Path) -> None:
    export(tmp_path / "x", A, B)
    export(tmp_path / "y", B, A)

    marker = json.loads((tmp_path / "x" / MARKER).read_text())
    files = tree(tmp_path / "x")
    assert marker["format"] == 2
    assert {path: entry["sha256"] for path, entry in marker["files"].items()} == {
        A: files[A],
        B: files[B],
    }
    assert tree(tmp_path / "x") == tree(tmp_path / "y")


def test_unchanged_files_are_not_touched(tmp_path: Path) -> None:
    export(tmp_path, A, B)
    before = times(tmp_path)

    again = export(tmp_path, A, B)

    assert times(tmp_path) == before
    assert (again.files, again.unchanged, again.removed) == (2, 2, 0)


def test_a_file_that_was_damaged_is_written_again(tmp_path: Path) -> None:
    export(tmp_path, A, B)
    before = tree(tmp_path)
    content = bytearray((tmp_path / A).read_bytes())
    content[-1] ^= 1
    (tmp_path / A).write_bytes(content)
    (tmp_path / B).unlink()

    again = export(tmp_path, A, B)

    assert tree(tmp_path) == before
    assert again.unchanged == 0


def test_what_is_no_longer_written_is_removed_with_its_folders(tmp_path: Path) -> None:
    export(tmp_path, A, B)

    again = export(tmp_path, A)

    assert again.removed == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [MARKER, "a"]


def test_somebody_elses_files_stay(tmp_path: Path) -> None:
    export(tmp_path, A, B)
    (tmp_path / "b" / "notes.txt").write_text("mine")
    (tmp_path / "b" / "c" / "events.out.tfevents.7.host").write_text("mine")

    export(tmp_path, A)

    assert (tmp_path / "b" / "notes.txt").read_text() == "mine"
    assert (tmp_path / "b" / "c" / "events.out.tfevents.7.host").read_text() == "mine"


@pytest.mark.parametrize("name", ["notes.txt", "events.out.tfevents.1.host", ".hidden", "folder/"])
def test_a_folder_with_other_content_is_refused(tmp_path: Path, name: str) -> None:
    if name.endswith("/"):
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).write_text("mine")

    with pytest.raises(OutputError, match="is not empty and was not written by cetrack") as caught:
        Logdir.open(tmp_path)

    assert caught.value.exit_code == 2
    assert caught.value.hint


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("mine")

    with pytest.raises(OutputError, match="is a file, not a folder"):
        Logdir.open(tmp_path / "logs")
    with pytest.raises(OutputError, match="below: Not a directory"):
        Logdir.open(tmp_path / "logs" / "below")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc")
def test_a_folder_that_cannot_be_made() -> None:
    with pytest.raises(OutputError, match=r"^/proc/nobody"):
        Logdir.open(Path("/proc/nobody/logs"))


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    export(tmp_path, A)
    (tmp_path / "b").write_text("in the way")

    with pytest.raises(OutputError) as caught:
        export(tmp_path, A, B)

    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    "marker",
    [
        "",
        "[]",
        "null",
        '{"files": 3, "format": 1}',
        '{"files": {"../../x/events.out.tfevents.1.cetrack": null}, "format": 1}',
        '{"files": {"/etc/events.out.tfevents.1.cetrack": null}, "format": 1}',
        '{"files": {"a/passwd": null}, "format": 1}',
        '{"files": {"a\\\\..\\\\events.out.tfevents.1.cetrack": null}, "format": 1}',
        '{"files": {"a/events.out.tfevents.1.cetrack": 1}, "format": 2}',
        '{"files": {"a/events.out.tfevents.1.cetrack": {"size": 1}}, "format": 2}',
        "[" * 100_000,
    ],
)
def test_a_marker_that_no_export_has_written_is_refused(tmp_path: Path, marker: str) -> None:
    (tmp_path / MARKER).write_text(marker)

    with pytest.raises(OutputError, match="cannot be understood"):
        Logdir.open(tmp_path)


def test_a_marker_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / MARKER).write_text('{"files": {}, "format": 3}')

    with pytest.raises(OutputError, match="format 3"):
        Logdir.open(tmp_path)


def test_links_are_not_followed(tmp_path: Path) -> None:
    logs, elsewhere = tmp_path / "logs", tmp_path / "elsewhere"
    elsewhere.mkdir()
    export(logs, A)
    (logs / "b").symlink_to(elsewhere, target_is_directory=True)

    with pytest.raises(OutputError, match="is a link"):
        export(logs, A, B)

    assert list(elsewhere.iterdir()) == []


def test_a_link_in_the_place_of_a_removed_folder_is_not_followed(tmp_path: Path) -> None:
    logs, elsewhere = tmp_path / "logs", tmp_path / "elsewhere"
    export(logs, A, B)
    export(elsewhere, "c/" + B.rsplit("/", 1)[1])
    (logs / B).unlink()
    (logs / "b" / "c").rmdir()
    (logs / "b").rmdir()
    (logs / "b").symlink_to(elsewhere, target_is_directory=True)
    before = tree(elsewhere)

    with pytest.raises(OutputError, match="is a link"):
        export(logs, A)

    assert tree(elsewhere) == before


def test_a_link_in_the_place_of_a_file_is_replaced_and_its_target_stays(tmp_path: Path) -> None:
    logs, other = tmp_path / "logs", tmp_path / "other"
    export(logs, A)
    content = (logs / A).read_bytes()
    other.write_bytes(content)
    (logs / A).unlink()
    (logs / A).symlink_to(other)

    export(logs, A)

    assert not (logs / A).is_symlink()
    assert (logs / A).read_bytes() == other.read_bytes() == content


def test_a_link_to_the_folder_itself_is_the_users_choice(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "logs").symlink_to(tmp_path / "real", target_is_directory=True)

    export(tmp_path / "logs", A)

    assert (tmp_path / "real" / A).is_file()


def test_an_interrupted_export_can_be_repeated(tmp_path: Path) -> None:
    logdir = Logdir.open(tmp_path)
    logdir.claim([A, B])
    with logdir.event_file(A, started_at=1.0):
        pass
    with pytest.raises(KeyboardInterrupt), logdir.event_file(B, started_at=1.0):
        raise KeyboardInterrupt

    again = export(tmp_path, B)

    assert sorted(tree(tmp_path)) == [MARKER, B]
    assert again.removed == 1
