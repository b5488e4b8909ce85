"""Settings: the command line, then the environment, then ``cetrack.toml``, then the default.

``[formats.<name>]`` tables of the file define formats: see :mod:`cetrack.mappings`.

Pure: reads at most one small file, the nearest ``cetrack.toml`` from the working folder upward,
and knows nothing of databases but how their URLs are written.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from cetrack.errors import UsageError
from cetrack.mappings import Format, MappingError, parse_formats
from cetrack.toml_text import line_of as _line_of
from cetrack.toml_text import read as _read
from cetrack.toml_text import wrong as _wrong

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


SETTING_NAMES = tuple(field.name for field in fields(Settings))
_FORMATS = "formats"


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
    path = settings_file(folder)
    return Settings() if path is None else load_settings(path)


def settings_file(folder: Path) -> Path | None:
    """The nearest ``cetrack.toml`` in ``folder`` or above."""
    here = folder.absolute()
    places = (place / FILE_NAME for place in (here, *here.parents))
    return next((path for path in places if path.is_file()), None)


def load_settings(path: Path) -> Settings:
    """The settings in a file. Raises UsageError that names the file and the line."""
    text, values = _read(path)
    for name, value in values.items():
        _check(path, text, name, value)
    if "db" in values:
        values["db"] = _anchored(values["db"], path.parent)
    if _FORMATS in values:
        values[_FORMATS] = _formats(path, text, values[_FORMATS])
    return Settings(**values)


def _formats(path: Path, text: str, tables: object) -> tuple[Format, ...]:
    try:
        return parse_formats(tables, str(path))
    except MappingError as error:
        names = error.key.split(".", 2)
        line = _line_of(names[-1], text, after=f"{_FORMATS}.{names[0]}")
        place = f"formats.{error.key}" if error.key else _FORMATS
        raise _wrong(path, line, f"{place}: {error.problem}", error.hint) from error


def _check(path: Path, text: str, name: str, value: object) -> None:
    if name not in SETTING_NAMES:
        near = difflib.get_close_matches(name, SETTING_NAMES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"settings: {', '.join(SETTING_NAMES)}"
        raise _wrong(path, _line_of(name, text), f"no setting called '{name}'", hint)
    if name != _FORMATS and not isinstance(value, str):
        raise _wrong(path, _line_of(name, text), f"{name} must be text in quotes")


def _anchored(url: str, folder: Path) -> str:
    """A relative SQLite path means the folder of the file that it is written in."""
    if "://" not in url:
        return str(folder / Path(url).expanduser())
    match = _SQLITE.fullmatch(url)
    if match is None or match["path"] in ("", ":memory:"):
        return url
    return f"{match['scheme']}{folder / match['path']}{match['rest']}"
