"""Which readers there are, and which one a source belongs to."""

from __future__ import annotations

import codecs
import difflib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache, lru_cache
from importlib import import_module
from importlib.metadata import entry_points

from cetrack.errors import MalformedSourceError, ReadError, UnknownFormatError, UsageError
from cetrack.mappings import Format
from cetrack.precisions import spellings
from cetrack.readers.base import Match, Objection, Reader
from cetrack.readers.mapped import MappedReader
from cetrack.readers.source import Source

GROUP = "cetrack.readers"
_LFS = b"version https://git-lfs.github.com/spec/"
_NEAREST = 2  # readers whose objection to a file is shown
_BUILT_IN = {
    "aim": "cetrack.readers.aim:AimReader",
    "asv": "cetrack.readers.asv:AsvReader",
    "bencher": "cetrack.readers.bencher:BencherReader",
    "benchmark": "cetrack.readers.benchmark:BenchmarkReader",
    "cemi": "cetrack.readers.cemi:CemiReader",
    "cetrack": "cetrack.readers.cetrack_runs:CetrackReader",
    "compression": "cetrack.readers.compression:CompressionReader",
    "dvclive": "cetrack.readers.dvclive:DvcliveReader",
    "epochs": "cetrack.readers.epochs:EpochsReader",
    "google_benchmark": "cetrack.readers.google_benchmark:GoogleBenchmarkReader",
    "keras_cv": "cetrack.readers.keras_cv:KerasCvReader",
    "lighteval": "cetrack.readers.lighteval:LightevalReader",
    "lightning": "cetrack.readers.lightning:LightningReader",
    "lm_eval": "cetrack.readers.lm_eval:LmEvalReader",
    "lnt": "cetrack.readers.lnt:LntReader",
    "mlflow": "cetrack.readers.mlflow:MlflowReader",
    "mlperf": "cetrack.readers.mlperf:MlperfReader",
    "mlperf_tiny": "cetrack.readers.mlperf_tiny:MlperfTinyReader",
    "nncf": "cetrack.readers.nncf:NncfReader",
    "nni": "cetrack.readers.nni:NniReader",
    "olive": "cetrack.readers.olive:OliveReader",
    "openvino": "cetrack.readers.openvino:OpenvinoReader",
    "optimum_benchmark": "cetrack.readers.optimum_benchmark:OptimumBenchmarkReader",
    "optuna": "cetrack.readers.optuna:OptunaReader",
    "pyperf": "cetrack.readers.pyperf:PyperfReader",
    "pytest_benchmark": "cetrack.readers.pytest_benchmark:PytestBenchmarkReader",
    "qai_hub": "cetrack.readers.qai_hub:QaiHubReader",
    "results": "cetrack.readers.results:ResultsReader",
    "sacred": "cetrack.readers.sacred:SacredReader",
    "tfevents": "cetrack.readers.tfevents:TfeventsReader",
    "timm": "cetrack.readers.timm:TimmReader",
    "torch_hud": "cetrack.readers.torch_hud:TorchHudReader",
    "trainer_state": "cetrack.readers.trainer_state:TrainerStateReader",
    "trtexec": "cetrack.readers.trtexec:TrtexecReader",
    "ultralytics": "cetrack.readers.ultralytics:UltralyticsReader",
    "wandb": "cetrack.readers.wandb:WandbReader",
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
            reader = entry.load()()
        except Exception as error:  # a plug-in may fail in any way
            raise UsageError(f"the plug-in {entry.value} cannot be loaded: {error}") from error
        if Reader not in type(reader).__mro__:
            problem = f"the plug-in {entry.value} is no subclass of cetrack.readers.base.Reader"
            raise UsageError(problem)
        found[entry.name] = reader
    return found


def readers_with(formats: tuple[Format, ...]) -> Mapping[str, Reader]:
    """All readers, and one for each of the formats that the user has defined.

    Raises UsageError for a format with the name of another reader.
    """
    return _joined(formats) if formats else readers()


@lru_cache(maxsize=8)
def _joined(formats: tuple[Format, ...]) -> Mapping[str, Reader]:
    found = dict(readers())
    for item in formats:
        if item.name in found:
            problem = f"{item.origin}: formats.{item.name}: there is a reader of that name"
            raise UsageError(problem, hint=f"call it my_{item.name}")
        found[item.name] = MappedReader(item)
    return found


def _load(target: str) -> Reader:
    module, _, name = target.partition(":")
    reader: Reader = getattr(import_module(module), name)()
    return reader


def reader_named(name: str, formats: tuple[Format, ...] = ()) -> Reader:
    """A reader by name. Raises UsageError with the nearest names."""
    known = readers_with(formats)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
        raise UsageError(f"no reader called '{name}'", hint=hint)
    return known[name]


def check_content(source: Source) -> None:
    """Raises ReadError for a file that is empty, or that only stands for another one."""
    if not source.head.strip():
        raise ReadError(source.uri, "the file is empty")
    if source.head.startswith(_LFS):
        raise ReadError(
            source.uri, "a git-LFS pointer, not the file", hint="git lfs pull brings the files"
        )


def choose(source: Source, formats: tuple[Format, ...] = ()) -> tuple[Reader, Match]:
    """The one reader that recognises the content, and how; a format of the user goes first.

    Raises ReadError for JSON that does not parse, and UnknownFormatError when no reader, or more
    than one, is sure.
    """
    check_content(source)
    known = readers_with(formats)
    answers = _answers(source, known, [item.name for item in formats])
    level = max(answers.values(), default=Match.NO)
    if level is Match.NO:
        raise _not_understood(source, known)
    sure = [name for name, answer in answers.items() if answer == level]
    if len(sure) > 1 and level is not Match.COMPANION:
        raise UnknownFormatError(
            source.uri, f"could be {' or '.join(sure)}", hint=f"say which: --reader {sure[0]}"
        )
    return known[sure[0]], level


def _answers(
    source: Source, known: Mapping[str, Reader], own: Sequence[str]
) -> Mapping[str, Match]:
    """What the formats of the user say of a source; where they all deny it the other readers, and
    last those that are asked only then."""
    usual = [name for name, item in known.items() if not item.is_last_resort and name not in own]
    last = [name for name, item in known.items() if item.is_last_resort]
    answers: dict[str, Match] = {}
    for names in (own, usual, last):
        answers = {name: known[name].sniff(source) for name in names}
        if any(answers.values()):
            break
    return answers


def _not_understood(source: Source, known: Mapping[str, Reader]) -> ReadError:
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
    return UnknownFormatError(source.uri, problem + _nearest(source, known), hint=hint)


def _nearest(source: Source, known: Mapping[str, Reader]) -> str:
    """The readers that a source is nearest to, and what each of them misses."""
    said: list[tuple[Objection, str]] = []
    for name, reader in known.items():
        found = None
        with suppress(ReadError):  # of a part that only this reader asks for
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
its name; in a folder only files with a name below are looked at, packed (`.gz`, `.bz2`, `.xz`,
`.zst`) or not, and archives of such files; [sources.md](sources.md) says where files may come from.
Text is UTF-8, or UTF-16 with a byte-order mark. What a reader did not understand is a warning of
the file; what it cannot read at all rejects the file, and no other.

Numbers are kept as they are: NaN, infinities and integers of any length are taken, numbers written
as text (`"0.91"`, `"91 %"`) where the name is a known metric's or ends in a unit. A one-dimensional
list of numbers is a sample, `{mean, std, min, max, n}` one metric with its spread, other nested
numbers get dotted names, text is a parameter. `docs/metrics.md` says which names are one metric.

A model or a precision that the file does not state is taken from `--set`, else from its path:
`lenet/int8/log.csv`, `lenet_int8.csv`. What nobody names is `unknown`, with a warning, until a
later ingest with `--set` says it. The baseline of a compression is fp32 unless it says otherwise.
`docs/run.schema.json` is the JSON Schema of cetrack's own format.

A file that none of them understands can be described in `cetrack.toml`: [mappings.md](mappings.md)
says how, and `cetrack formats suggest FILE` drafts the description. [readers.md](readers.md) is
about readers of your own.
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
    parts = [section_markdown(reader) for _, reader in sorted(built_in().items())]
    rows = [
        f"| `{item.name}` | {_bits(item.weight_bits)} | {_bits(item.activation_bits)} "
        f"| {', '.join(f'`{text}`' for text in others)} |\n"
        for item, others in spellings()
    ]
    return "\n".join([_INTRODUCTION, *parts, _PRECISIONS + "".join(rows)])


def section_markdown(reader: Reader) -> str:
    """What there is to say about a reader, as a section of a page."""
    files = " ".join(f"`{name}`" for name in (*reader.suffixes, *reader.patterns))
    example = f"\n```text\n{reader.example}```\n" if reader.example else ""
    return (
        f"## {reader.name}\n\n- reads: {reader.description}\n"
        f"- recognises: {reader.recognises}\n- makes: {reader.maps_to}\n"
        f"- files: {files}\n{example}"
    )


def _bits(bits: float | None) -> str:
    return "" if bits is None else f"{bits:g}"
