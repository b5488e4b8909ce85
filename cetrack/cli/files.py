"""Results that go to a file: in the format that its name says, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from cetrack.errors import OutputError, UsageError
from cetrack.report import Format

Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write here, not to stdout. The name's end decides the format unless --format does.",
        show_default=False,
    ),
]
FormatOrSuffix = Annotated[
    Format | None,
    typer.Option(
        "--format", help="How to write the result.", show_default="as --output ends, else table"
    ),
]
_SUFFIXES: Mapping[str, Format] = {
    ".tex": Format.LATEX,
    ".html": Format.HTML,
    ".md": Format.MD,
    ".csv": Format.CSV,
    ".json": Format.JSON,
    ".parquet": Format.PARQUET,
    ".txt": Format.TABLE,
}


def chosen_format(format: Format | None, target: Path | None) -> Format:
    """The format that was asked for, else that of the file's name, else a table for people."""
    if format is not None or target is None:
        return format or Format.TABLE
    found = _SUFFIXES.get(target.suffix.lower())
    if found is None:
        known = ", ".join(_SUFFIXES)
        raise UsageError(
            f"{target}: the end of the name says no format",
            hint=f"end it in one of {known}, or add --format",
        )
    return found


def write_whole(target: Path, content: bytes) -> None:
    """The file appears whole, by rename, or stays as it was. Raises OutputError."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(target)
    except OSError as error:
        raise OutputError(f"{target}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
