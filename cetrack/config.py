"""Settings: the command line, then the environment, then ``cetrack.toml``, then the default.

``[formats.<name>]`` tables of the file define formats: see :mod:`cetrack.mappings`;
``[reports.<name>]`` tables save reports: see :mod:`cetrack.table_request`.

Pure: reads at most one small file, the nearest ``cetrack.toml`` from the working folder upward,
and knows nothing of databases but how their URLs are written.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from cetrack.errors import UsageError
from cetrack.mappings import Format, MappingError, parse_formats
from cetrack.table_request import TableRequest, parse_reports

FILE_NAME = "cetrack.toml"
DEFAULT_DATABASE = "sqlite:///cetrack.db"
DEFAULT_BUSY_TIMEOUT_S = 15.0
_SQLITE = re.compile(r"(?P<scheme>sqlite(\+pysqlite)?:///)(?P<path>[^?]*)(?P<rest>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a ``cetrack.toml`` says; None where it is silent. Paths in ``db`` are absolute."""

    db: str | None = None
    experiment: str | None = None
    baseline_precision: str | None = None
    formats: tuple[Format, ...] = ()
    reports: tuple[TableRequest, ...] = ()


SETTING_NAMES = tuple(field.name for field in fields(Settings))
# settings that are tables of named tables, and what makes values of them
_SECTIONS: Mapping[str, Callable[[Any, str], Any]] = {
    "formats": parse_formats,
    "reports": parse_reports,
}


def database_url(option: str | None, environment: Mapping[str, str], settings: Settings) -> str:
    """The database to use: ``--db``, else ``CETRACK_DB``, else ``cetrack.toml``, else the default.

    Blank means not given.
    """
    return option or environment.get("CETRACK_DB") or settings.db or DEFAULT_DATABASE


def busy_timeout_s(environment: Mapping[str, str]) -> float:
    """How long to wait for another writer: ``CETRACK_BUSY_TIMEOUT`` in seconds."""
    text = environment.get("CETRACK_BUSY_TIMEOUT", "")
    try:
        seconds = float(text) if text else DEFAULT_BUSY_TIMEOUT_S
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 86_400:
        raise UsageError(f"CETRACK_BUSY_TIMEOUT is '{text}'", hint="give it seconds, such as 60")
    return seconds


def find_settings(folder: Path) -> Settings:
    """The settings of the nearest ``cetrack.toml`` in ``folder`` or above; none is no error."""
    here = folder.absolute()
    for place in (here, *here.parents):
        path = place / FILE_NAME
        if path.is_file():
            return load_settings(path)
    return Settings()


def load_settings(path: Path) -> Settings:
    """The settings in a file. Raises UsageError that names the file and the line."""
    text = _text(path)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        problem = str(error).partition(" (at ")[0].lower()
        raise _wrong(path, line.group(1) if line else str(_lines(text)), problem) from error
    for name, value in values.items():
        _check(path, text, name, value)
    if "db" in values:
        values["db"] = _anchored(values["db"], path.parent)
    for section in _SECTIONS.keys() & values.keys():
        values[section] = _parsed(path, text, section, values[section])
    return Settings(**values)


def _parsed(path: Path, text: str, section: str, tables: object) -> Any:
    try:
        return _SECTIONS[section](tables, str(path))
    except MappingError as error:
        names = error.key.split(".", 2)
        line = _line_of(names[-1], text, after=f"{section}.{names[0]}")
        place = f"{section}.{error.key}" if error.key else section
        raise _wrong(path, line, f"{place}: {error.problem}", error.hint) from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 text", hint="save the file as UTF-8") from error
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


def _check(path: Path, text: str, name: str, value: object) -> None:
    if name not in SETTING_NAMES:
        near = difflib.get_close_matches(name, SETTING_NAMES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"settings: {', '.join(SETTING_NAMES)}"
        raise _wrong(path, _line_of(name, text), f"no setting called '{name}'", hint)
    if name not in _SECTIONS and not isinstance(value, str):
        raise _wrong(path, _line_of(name, text), f"{name} must be text in quotes")


def _wrong(path: Path, line: str, problem: str, hint: str | None = None) -> UsageError:
    return UsageError(f"{path}:{line}: {problem}", hint=hint)


def _line_of(name: str, text: str, *, after: str = "") -> str:
    """The line that a key, or a table, stands in, behind the one in which ``after`` does."""
    outer = re.search(rf"^\s*\[+\s*{re.escape(after)}\b", text, re.MULTILINE) if after else None
    start = outer.end() if outer else 0
    key = re.compile(rf"^\s*\[*\s*[\"']?{re.escape(name)}\b", re.MULTILINE)
    begin = key.search(text, start) or outer
    return str(text.count("\n", 0, begin.end()) + 1) if begin else "1"


def _lines(text: str) -> int:
    return text.count("\n") + 1


def _anchored(url: str, folder: Path) -> str:
    """A relative SQLite path means the folder of the file that it is written in."""
    if "://" not in url:
        return str(folder / Path(url).expanduser())
    match = _SQLITE.fullmatch(url)
    if match is None or match["path"] in ("", ":memory:"):
        return url
    return f"{match['scheme']}{folder / match['path']}{match['rest']}"
