"""What event files say about a run beside its numbers: settings, texts, sessions, its place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

from cetrack.domain import Artifact, ModelHint, ParamValue, Status
from cetrack.errors import ReadError
from cetrack.metrics import PHASES
from cetrack.precisions import find_precision
from cetrack.readers.entries import flatten, read_entry
from cetrack.readers.fields import MODEL_KEYS, filled, model_hint
from cetrack.readers.json_text import parse_json
from cetrack.readers.source import Source
from cetrack.readers.tfevents.log import Last, Log
from cetrack.readers.tfevents.values import Session

FORMAT = "tfevents"
_NAME = re.compile(
    r"tfevents\.\d{10}\.(?P<host>.+?)(?:\.\d+\.\d+)?(?:\.v2|\.profile-empty)?$", re.ASCII
)
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PRECISION_KEYS = ("precision", "dtype", "torch_dtype")
_STATUS: Mapping[int | None, Status] = {2: Status.FAILED, 3: Status.RUNNING}
_TEXT_SUFFIX = "/text_summary"  # which PyTorch and tensorboardX add
_SHORT_TEXT = 200  # characters of what may be a setting
_LONGEST_SECONDS = 253_402_300_799  # the end of the year 9999


@dataclass(slots=True)
class Facts:
    """What is known about a run."""

    model: ModelHint = field(default_factory=ModelHint)
    precision: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    params: dict[str, ParamValue] = field(default_factory=dict)
    artifacts: list[Artifact] = field(default_factory=list)


def facts_of(log: Log, source: Source) -> Facts:
    """What the files of one folder state, and the names of file and folder."""
    facts = Facts()
    settings = log.session.settings
    _take_settings(facts, {key: tidy(value) for key, value in settings.items()}, "")
    for tag, last in log.texts.items():
        _take_text(facts, tag.removesuffix(_TEXT_SUFFIX) or tag, last)
    for tag, last in log.histograms.items():
        facts.artifacts.append(_histogram(tag, last))
    if log.session.model_uri:
        facts.params.setdefault("model_uri", log.session.model_uri)
    facts.params = {
        key: value
        for key, value in facts.params.items()
        if value is not None and not (isinstance(value, str) and _MAIL.fullmatch(value))
    }
    facts.artifacts = list(_told_apart(facts.artifacts))
    facts.fields["name"] = folder = folder_of(source)
    if folder.lower() in PHASES:  # as Keras and TensorFlow call the halves of a training
        facts.fields.setdefault("split", PHASES[folder.lower()])
    host = _NAME.search(source.name)
    if host is not None:
        facts.fields.setdefault("host", host["host"])
    return facts


def folder_of(source: Source) -> str:
    """The name of the folder that is the run; blank for a stream."""
    return "" if source.path is None else PurePath(source.key).parent.name


def _take_settings(facts: Facts, settings: Mapping[str, Any], prefix: str) -> None:
    """Take settings: what they say about the run, and the others as parameters."""
    odd = {key: value for key, value in settings.items() if not _is_said(key, value)}
    plain = {key: value for key, value in settings.items() if key not in odd}
    for key in _PRECISION_KEYS:
        value = plain.get(key)
        if isinstance(value, str) and find_precision(value) and not facts.precision:
            facts.precision = plain.pop(key)
    path = plain.get("_name_or_path")
    if isinstance(path, str) and path:
        local = path.startswith((".", "/", "~")) or "\\" in path
        plain.setdefault("model_name", PurePath(path.replace("\\", "/")).name if local else path)
    hint, rest = model_hint(plain)
    facts.model = filled(facts.model, hint)
    entry = read_entry(rest, "", numbers_are_params=True)
    facts.fields = {**entry.fields, **facts.fields}
    facts.params.update({f"{prefix}{key}": value for key, value in entry.params.items()})
    facts.params.update({f"{prefix}{key}": value for key, value in flatten(odd)})


def _is_said(key: str, value: Any) -> bool:
    """False for what only bears the name of a model: the text that a program makes of one."""
    if key.lower() not in MODEL_KEYS or not isinstance(value, str):
        return True
    return len(value) <= _SHORT_TEXT and not set("<>\n") & set(value)


def _take_text(facts: Facts, name: str, last: Last) -> None:
    text = "\n".join(last.content)
    settings = _object_in(text)
    if settings is not None:
        _take_settings(facts, settings, f"{name}.")
    elif len(text) <= _SHORT_TEXT and "\n" not in text.strip():
        facts.params.setdefault(name, text.strip())
    else:
        content = {"step": last.step, "text": text}
        facts.artifacts.append(Artifact(name=name, kind="text", content=content))


def _object_in(text: str) -> dict[str, Any] | None:
    if not text.lstrip().startswith("{"):
        return None
    try:
        value = parse_json(text.encode("utf-8", "replace"), "").value
    except ReadError:
        return None
    return value if isinstance(value, dict) else None


def _histogram(tag: str, last: Last) -> Artifact:
    content = {
        "step": last.step,
        "steps": last.count,
        "buckets": last.content.buckets.tolist(),
        **last.content.stated,
    }
    return Artifact(name=tag, kind="histogram", content=content)


def _told_apart(artifacts: list[Artifact]) -> Iterator[Artifact]:
    """The artifacts, each under a name of its own."""
    taken: set[str] = set()
    for item in artifacts:
        name, number = item.name, 2
        while name in taken:
            name, number = f"{item.name}#{number}", number + 1
        taken.add(name)
        yield Artifact(name=name, kind=item.kind, content=item.content)


def tidy(value: Any) -> Any:
    """A setting as people write it: the plugin knows one kind of number only."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def status_of(session: Session) -> Status:
    """How a session ended; one that does not say has ended."""
    return _STATUS.get(session.status, Status.FINISHED)


def moment(seconds: float) -> datetime | None:
    """Seconds since the epoch as a time; None where they are none."""
    return datetime.fromtimestamp(seconds, UTC) if 0 < seconds <= _LONGEST_SECONDS else None
