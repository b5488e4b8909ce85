"""Which readers there are, and which one a source belongs to."""

from __future__ import annotations

import codecs
import difflib
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from cetrack.errors import MalformedSourceError, ReadError, UnknownFormatError, UsageError
from cetrack.precisions import spellings
from cetrack.readers.base import Match, Objection, Reader
from cetrack.readers.source import Source

GROUP = "cetrack.readers"
_NEAREST = 2  # readers whose objection to a file is shown
_BUILT_IN = {
    "benchmark": "cetrack.readers.benchmark:BenchmarkReader",
    "cetrack": "cetrack.readers.cetrack_runs:CetrackReader",
    "compression": "cetrack.readers.compression:CompressionReader",
    "epochs": "cetrack.readers.epochs:EpochsReader",
    "results": "cetrack.readers.results:ResultsReader",
}


def built_in() -> dict[str, Reader]:
    """The readers that come with cetrack."""
    return {name: _load(target) for name, target in _BUILT_IN.items()}


@cache
def readers() -> dict[str, Reader]:
    """All readers by name: the built-in ones and those of installed plug-ins."""
    found = built_in()
    for entry in entry_points(group=GROUP):
        if entry.name in found:
            raise UsageError(f"the plug-in {entry.value} redefines the reader '{entry.name}'")
        try:
            found[entry.name] = entry.load()()
        except Exception as error:  # a plug-in may fail in any way
            raise UsageError(f"the plug-in {entry.value} cannot be loaded: {error}") from error
    return found


def _load(target: str) -> Reader:
    module, _, name = target.partition(":")
    reader: Reader = getattr(import_module(module), name)()
    return reader


def reader_named(name: str) -> Reader:
    """A reader by name. Raises UsageError with the nearest names."""
    if name not in readers():
        near = difflib.get_close_matches(name, readers(), n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(readers())}"
        raise UsageError(f"no reader called '{name}'", hint=hint)
    return readers()[name]


def choose(source: Source) -> tuple[Reader, Match]:
    """The one reader that recognises the content, and how.

    Raises ReadError for JSON that does not parse, and UnknownFormatError when no reader, or more
    than one, is sure.
    """
    if not source.head.strip():
        raise ReadError(source.uri, "the file is empty")
    answers = {name: reader.sniff(source) for name, reader in readers().items()}
    level = max(answers.values())
    if level is Match.NO:
        raise _not_understood(source)
    sure = [name for name, answer in answers.items() if answer == level]
    if len(sure) > 1 and level is not Match.COMPANION:
        raise UnknownFormatError(
            source.uri, f"could be {' or '.join(sure)}", hint=f"say which: --reader {sure[0]}"
        )
    return readers()[sure[0]], level


def _not_understood(source: Source) -> ReadError:
    hint = "'cetrack formats' lists what is read and how it is recognised"
    if not source.looks_like_json:
        problem = (
            "no reader understands it" if _is_text(source) else "a binary file that no reader knows"
        )
    elif source.first_object is not None:
        problem = "JSON lines in a shape that no reader knows"
    else:  # raises where the JSON does not parse
        names = {"dict": "a JSON object", "list": "a JSON list"}
        kind = names.get(type(source.json.value).__name__, "JSON")
        problem = f"{kind} in a shape that no reader knows"
    return UnknownFormatError(source.uri, problem + _nearest(source), hint=hint)


def _nearest(source: Source) -> str:
    """The readers that a source is nearest to, and what each of them misses."""
    said: list[tuple[Objection, str]] = []
    for name, reader in readers().items():
        found = reader.objection(source)
        if found is not None:
            said.append((found, name))
    said.sort(key=lambda item: (-item[0].nearness, item[1]))
    shown = [f"{name}: {objection.why}" for objection, name in said[:_NEAREST]]
    return f"; nearest are {'; '.join(shown)}" if shown else ""


def _is_text(source: Source) -> bool:
    """False for bytes that no text has. Raises MalformedSourceError for text that is not UTF-8."""
    if not source.is_text:
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(source.head)
    except UnicodeDecodeError as error:
        raise MalformedSourceError(
            source.uri, f"byte {error.start}", "not UTF-8 text", hint="save the file as UTF-8"
        ) from error
    return True


# --- documentation ---------------------------------------------------------------------------

_INTRODUCTION = """\
# Formats

What cetrack reads, made from the readers themselves. A file is recognised by its content, whatever
its name; in a folder only files with a suffix below are looked at, packed with gzip (`.gz`) or not.
Text is UTF-8, or UTF-16 with a byte-order mark. What a reader did not understand is a warning of
the file; what it cannot read at all rejects the file, and no other.

Numbers are kept as they are: NaN, infinities and integers of any length are taken, numbers written
as text (`"0.91"`, `"91 %"`) where the name is a known metric's or ends in a unit. A one-dimensional
list of numbers is a sample, `{mean, std, min, max, n}` one metric with its spread, other nested
numbers get dotted names, text is a parameter. `docs/metrics.md` says which names are one metric.

A model or a precision that the file does not state is taken from `--set`, else from its path:
`lenet/int8/log.csv`, `lenet_int8.csv`. The baseline of a compression is fp32 unless it says
otherwise. `docs/run.schema.json` is the JSON Schema of cetrack's own format.
"""
_PRECISIONS = """\
## Spellings of precisions

Case, a comment in brackets and a namespace (`torch.float16`) do not matter, nor do `_`, `-` and
blanks. A runtime or a method beside it (`onnx_int8`, `PTQ INT8`) fills that field of the run.
`FP32+INT8` is a combination; `w2a8` and the GGUF names (`Q4_K_M`) say their bits themselves. A
label without a format (`quantized`, `ptq`) is kept as it is, with a warning.

| precision | weight bits | activation bits | other spellings |
|---|---|---|---|
"""


def formats_markdown() -> str:
    """The text of docs/formats.md."""
    parts = [_section(name, reader) for name, reader in sorted(built_in().items())]
    rows = [
        f"| `{item.name}` | {_bits(item.weight_bits)} | {_bits(item.activation_bits)} "
        f"| {', '.join(f'`{text}`' for text in others)} |\n"
        for item, others in spellings()
    ]
    return "\n".join([_INTRODUCTION, *parts, _PRECISIONS + "".join(rows)])


def _section(name: str, reader: Reader) -> str:
    suffixes = " ".join(f"`{suffix}`" for suffix in reader.suffixes)
    return (
        f"## {name}\n\n- reads: {reader.description}\n"
        f"- recognises: {reader.recognises}\n- makes: {reader.maps_to}\n"
        f"- suffixes: {suffixes}\n\n```text\n{reader.example}```\n"
    )


def _bits(bits: float | None) -> str:
    return "" if bits is None else f"{bits:g}"
