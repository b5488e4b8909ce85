"""Where settings come from, and what is said when they are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from cetrack.config import (
    DEFAULT_DATABASE,
    Settings,
    busy_timeout_s,
    database_url,
    find_settings,
    load_settings,
)
from cetrack.errors import UsageError


@pytest.mark.parametrize(
    ("option", "environment", "settings", "expected"),
    [
        ("a.db", {"CETRACK_DB": "b.db"}, Settings(db="c.db"), "a.db"),
        (None, {"CETRACK_DB": "b.db"}, Settings(db="c.db"), "b.db"),
        (None, {"CETRACK_DB": ""}, Settings(db="c.db"), "c.db"),
        ("", {}, Settings(), DEFAULT_DATABASE),
    ],
)
def test_the_nearest_word_wins(
    option: str | None, environment: dict[str, str], settings: Settings, expected: str
) -> None:
    assert database_url(option, environment, settings) == expected


def test_the_file_is_found_upward(tmp_path: Path) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    (tmp_path / "cetrack.toml").write_text('experiment = "paper"\nbaseline_precision = "fp16"\n')

    found = find_settings(below)

    assert found == Settings(experiment="paper", baseline_precision="fp16")
    (tmp_path / "a" / "cetrack.toml").write_text("")
    assert find_settings(below) == Settings()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("lab.db", "{here}/lab.db"),
        ("sqlite:///sub/lab.db", "sqlite:///{here}/sub/lab.db"),
        ("sqlite:////abs/lab.db", "sqlite:////abs/lab.db"),
        ("/abs/lab.db", "/abs/lab.db"),
        ("sqlite:///lab.db?timeout=3", "sqlite:///{here}/lab.db?timeout=3"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("postgresql://lab@server/results", "postgresql://lab@server/results"),
    ],
)
def test_a_relative_database_lies_beside_the_file(tmp_path: Path, written: str, meant: str) -> None:
    path = tmp_path / "cetrack.toml"
    path.write_text(f'db = "{written}"\n')

    assert load_settings(path).db == meant.format(here=tmp_path)


@pytest.mark.parametrize(
    ("text", "line", "problem", "hint"),
    [
        (b'db = "x"\ndb = "y"\n', 2, "cannot overwrite a value", None),
        (b"# note\nexperiment = paper\n", 2, "invalid value", None),
        (b'db = "x', 1, "unterminated", None),
        (b'\n\nexperimnt = "x"\n', 3, "no setting called 'experimnt'", "did you mean experiment?"),
        (b'[database]\nurl = "x"\n', 1, "no setting called 'database'", "settings: db"),
        (b"\ndb = 3\n", 2, "db must be text in quotes", None),
    ],
)
def test_a_wrong_file_is_named_with_the_line(
    tmp_path: Path, text: bytes, line: int, problem: str, hint: str | None
) -> None:
    path = tmp_path / "cetrack.toml"
    path.write_bytes(text)

    with pytest.raises(UsageError) as caught:
        load_settings(path)

    assert caught.value.message.startswith(f"{path}:{line}: ")
    assert problem in caught.value.message
    assert hint is None or (caught.value.hint or "").startswith(hint)


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "cetrack.toml"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(UsageError, match="not UTF-8"):
        load_settings(path)


def test_how_long_to_wait_for_another_writer() -> None:
    assert busy_timeout_s({}) == 15.0
    assert busy_timeout_s({"CETRACK_BUSY_TIMEOUT": "0.5"}) == 0.5
    for wrong in ("soon", "-1", "nan", "1e9"):
        with pytest.raises(UsageError, match="CETRACK_BUSY_TIMEOUT"):
            busy_timeout_s({"CETRACK_BUSY_TIMEOUT": wrong})
