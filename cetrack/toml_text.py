"""Reading a TOML file that people write: what is wrong is said with the file and the line. Pure."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from cetrack.errors import UsageError


def read(path: Path) -> tuple[str, dict[str, Any]]:
    """The text of a file and what it says. Raises UsageError that names the file and the line."""
    text = _text(path)
    try:
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        problem = str(error).partition(" (at ")[0].lower()
        raise wrong(path, line.group(1) if line else str(_lines(text)), problem) from error


def wrong(path: Path, line: str, problem: str, hint: str | None = None) -> UsageError:
    """The error for something wrong in a line of a file."""
    return UsageError(f"{path}:{line}: {problem}", hint=hint)


def line_of(name: str, text: str, *, after: str = "") -> str:
    """The line that a key, or a table, stands in: inside the table ``after``, where it is given.

    That of the table itself where the key is written in another way.
    """
    outer = _header(after).search(text) if after else None
    start, end = (outer.end(), _end(after, text, outer.end())) if outer else (0, len(text))
    key = re.compile(rf"^\s*\[*\s*[\"']?{re.escape(name)}(?![\w-])", re.MULTILINE)
    begin = key.search(text, start, end) or outer
    return str(text.count("\n", 0, begin.end()) + 1) if begin else "1"


def has_table(name: str, text: str) -> bool:
    """True where the table has a heading of its own."""
    return _header(name).search(text) is not None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 text", hint="save the file as UTF-8") from error
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


def _end(table: str, text: str, start: int) -> int:
    """Where the next table begins that is not inside this one."""
    following = re.compile(rf"^\s*\[+(?!\[)\s*(?![\s\[]|{re.escape(table)}\.)", re.MULTILINE)
    found = following.search(text, start)
    return found.start() if found else len(text)


def _header(name: str) -> re.Pattern[str]:
    return re.compile(rf"^\s*\[+\s*{re.escape(name)}(?![\w-])", re.MULTILINE)


def _lines(text: str) -> int:
    return text.count("\n") + 1
