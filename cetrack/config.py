"""Settings: the command line, then the environment, then ``cetrack.toml``, then the default.

``[formats.<name>]`` tables of the file define formats: see :mod:`cetrack.mappings`;
``[derived.<name>]`` and ``[scores.<name>]`` define metrics: see :mod:`cetrack.defining`;
``[reports.<name>]`` tables save reports: see :mod:`cetrack.table_request`.

Pure: reads at most one small file, the nearest ``cetrack.toml`` from the working folder upward,
and knows nothing of databases but how their URLs are written.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cetrack.errors import UsageError
from cetrack.mappings import Format, MappingError, parse_formats
from cetrack.table_request import TableRequest, parse_reports
from cetrack.toml_text import line_of as _line_of
from cetrack.toml_text import read as _read
from cetrack.toml_text import wrong as _wrong

if TYPE_CHECKING:
    from cetrack.definitions import Definition, Derived, Score

FILE_NAME = "cetrack.toml"
DEFAULT_DATABASE = "sqlite:///cetrack.db"
DEFAULT_BUSY_TIMEOUT_S = 15.0
_SQLITE = re.compile(r"(?P<scheme>sqlite(\+pysqlite)?:///)(?P<path>[^?]*)(?P<rest>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a ``cetrack.toml`` says; None where it is silent. Paths in ``db`` are absolute.

    ``path`` is the file itself, None where there is none.
    """

    db: str | None = None
    experiment: str | None = None
    baseline_precision: str | None = None
    formats: tuple[Format, ...] = ()
    derived: tuple[Derived, ...] = ()
    scores: tuple[Score, ...] = ()
    reports: tuple[TableRequest, ...] = ()
    path: Path | None = field(default=None, compare=False)

    @property
    def definitions(self) -> tuple[Definition, ...] | None:
        """Derived metrics and scores, each behind those that it uses; None without a file."""
        if self.path is None or not (self.derived or self.scores):
            return None if self.path is None else ()
        from cetrack.definitions import ordered

        return ordered((*self.derived, *self.scores))


SETTING_NAMES = tuple(item.name for item in fields(Settings) if item.name != "path")


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
    for section in _SECTIONS:
        if section in values:
            values[section] = _definitions(path, text, section, values[section])
    settings = Settings(path=path, **values)
    _check_together(path, text, settings)
    return settings


def _derived(tables: Any, _: str) -> tuple[Derived, ...]:
    from cetrack.defining import parse_derived  # what evaluates formulas is slow to load

    return parse_derived(tables)


def _scores(tables: Any, _: str) -> tuple[Score, ...]:
    from cetrack.defining import parse_scores

    return parse_scores(tables)


# tables of definitions, each with what reads it: raises MappingError with ``name.key`` as key
_SECTIONS: Mapping[str, Callable[[Any, str], tuple[Any, ...]]] = {
    "formats": parse_formats,
    "derived": _derived,
    "scores": _scores,
    "reports": parse_reports,
}


def _definitions(path: Path, text: str, section: str, tables: object) -> tuple[Any, ...]:
    try:
        return _SECTIONS[section](tables, str(path))
    except MappingError as error:
        place = f"{section}.{error.key}" if error.key else section
        raise _wrong_definition(path, text, place, error) from error


def _check_together(path: Path, text: str, settings: Settings) -> None:
    """What no definition shows alone: a cycle, one name for two."""
    try:
        _ = settings.definitions
    except MappingError as error:
        raise _wrong_definition(path, text, error.key, error) from error


def _wrong_definition(path: Path, text: str, place: str, error: MappingError) -> UsageError:
    """``place`` is ``section.name.key``, of which the later parts may be missing."""
    section, *names = place.split(".", 3)
    after = ".".join([section, *names[:1]]) if names else ""
    line = _line_of((names or [section])[-1], text, after=after)
    return _wrong(path, line, f"{place}: {error.problem}", error.hint)


def _check(path: Path, text: str, name: str, value: object) -> None:
    if name not in SETTING_NAMES:
        near = difflib.get_close_matches(name, SETTING_NAMES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"settings: {', '.join(SETTING_NAMES)}"
        raise _wrong(path, _line_of(name, text), f"no setting called '{name}'", hint)
    if name not in _SECTIONS and not isinstance(value, str):
        raise _wrong(path, _line_of(name, text), f"{name} must be text in quotes")


def _anchored(url: str, folder: Path) -> str:
    """A relative SQLite path means the folder of the file that it is written in."""
    if "://" not in url:
        return str(folder / Path(url).expanduser())
    match = _SQLITE.fullmatch(url)
    if match is None or match["path"] in ("", ":memory:"):
        return url
    return f"{match['scheme']}{folder / match['path']}{match['rest']}"
