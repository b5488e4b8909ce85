"""Where a figure goes: a file that appears whole or not at all, or stdout."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from cetrack.cli import output
from cetrack.cli.files import write_whole
from cetrack.errors import UsageError
from cetrack.plots.forms import ImageFormat, Size

STDOUT = Path("-")
_NOT_IN_FILES = re.compile(r"[^A-Za-z0-9.+=-]+")
_LONGEST_NAME = 100
_SUFFIXES = ", ".join(f".{kind}" for kind in ImageFormat)

Target = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Where to write it; the suffix says what it is. - writes to stdout.",
        show_default="KIND-METRIC.png in this folder",
    ),
]
FigureFormat = Annotated[
    ImageFormat | None,
    typer.Option("--format", help="What to write.", show_default="by the suffix, else png"),
]
FigureSize = Annotated[
    Size,
    typer.Option("--size", help="For a column of a paper, its whole page, a screen, or a card."),
]


def write_figure(
    draw: Callable[..., bytes],
    name: str,
    target: Path | None,
    format: ImageFormat | None = None,
) -> None:
    """Call ``draw(format=…)`` and write its figure to ``target``, else to a file called ``name``.

    Raises OutputError where it cannot be written, UsageError for a suffix that is no figure's.
    """
    kind = figure_format(target, format)
    if target == STDOUT:
        output.write_bytes(draw(format=kind))
        return
    path = target or Path(f"{_file_stem(name)}.{kind}")
    content = draw(format=kind)
    write_whole(path, content)
    output.say(f"{len(content):,} bytes in {path}")


def figure_format(target: Path | None, format: ImageFormat | None = None) -> ImageFormat:
    """What ``target`` is to be written as: PNG where neither it nor ``format`` says otherwise.

    Raises UsageError for a suffix that is no figure's, or that contradicts ``format``.
    """
    suffix = target.suffix.removeprefix(".").lower() if target else ""
    if not suffix:
        return format or ImageFormat.PNG
    if suffix not in list(ImageFormat):
        raise UsageError(f"{target}: not a figure", hint=f"end it in {_SUFFIXES}")
    if format not in (None, suffix):
        raise UsageError(f"{target} and --format {format} contradict", hint="leave out --format")
    return ImageFormat(suffix)


def _file_stem(name: str) -> str:
    """A name from anywhere as that of a file in this folder."""
    return _NOT_IN_FILES.sub("_", name).strip("._")[:_LONGEST_NAME]
