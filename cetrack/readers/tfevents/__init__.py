"""TensorBoard event files: what TensorFlow, Keras, PyTorch and their like write while they train.

All event files of a folder are one run, as TensorBoard sees it, and a folder below it is another.
Nothing but numpy is needed: records are taken apart by ``framing``, scalars by ``points``, all else
by ``values``.
"""

from __future__ import annotations

from collections.abc import Iterator

from cetrack.domain import Identity, Kind, Notice, RunRecord, Series, Status
from cetrack.errors import MalformedSourceError, ReadError
from cetrack.readers.base import Match, Objection, Reader, matched
from cetrack.readers.fields import with_fields
from cetrack.readers.source import Source
from cetrack.readers.tfevents.export import alone, place_of, record_of_export
from cetrack.readers.tfevents.facts import FORMAT, facts_of, moment, status_of
from cetrack.readers.tfevents.framing import first_record
from cetrack.readers.tfevents.log import Log
from cetrack.readers.tfevents.values import event_of
from cetrack.readers.tfevents.wire import WireError

_PATTERN = "*tfevents*"
_VERSION = "brain.Event:"
_PLACEHOLDER = ("hp_metric", -1.0)  # what Lightning logs where it is given no metric


class TfeventsReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = ()
    patterns = (_PATTERN,)
    companions = (_PATTERN,)
    description = "TensorBoard event files of TensorFlow, Keras, PyTorch, Lightning, tensorboardX"
    recognises = (
        "a first record that agrees with its checksums and holds `brain.Event:…`; the other event "
        "files of the folder are read with the first by name"
    )
    maps_to = (
        "one training run per folder, tags as metrics, steps and wall times as written; of a step "
        "that is repeated the last value, of texts and histograms the last; sessions of the "
        "HPARAMS tab and texts as parameters. Damaged records are left out, with a warning, and "
        "so are images, audio and graphs. An export of cetrack gives back the runs that it was "
        "made of"
    )
    example = """\
runs/resnet50_int8/events.out.tfevents.1780000000.gpu01.4711.0 (binary):
  wall_time 1780000000.25  file_version "brain.Event:2"
  wall_time 1780000012.50  step 100  train/loss 0.693
  wall_time 1780000024.75  step 200  train/loss 0.412
"""
    is_binary = True

    def sniff(self, source: Source) -> Match:
        """YES for the first event file of a folder, COMPANION for the others."""
        match = matched(_is_event_file, source)
        return Match.COMPANION if match and _is_later(source) else match

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """The run of the folder."""
        if not _is_event_file(source):
            raise MalformedSourceError(source.uri, "byte 0", "no record of an event file")
        place = place_of(source)
        if place is not None and not place.is_run:
            text = f"computed from runs by cetrack ({place.view}): no run made"
            yield Notice("", text)
            return
        log = _log_of(source)
        place = place or alone(log, source)
        if place is not None:
            yield from _notices(log, record_of_export(log, source, place))
            return
        series = tuple(log.series())
        if series:
            yield from _notices(log, _record(log, source, series))
        else:
            yield from log.notices
            yield from _left_out(log)
            yield Notice("", "no numbers: no run made")

    def objection(self, source: Source) -> Objection | None:
        """A file that is called like an event file, and is none."""
        if "tfevents" not in source.name:
            return None
        return Objection(0.5, "its first record does not agree with its checksums")


def _is_event_file(source: Source) -> bool:
    event = first_record(source.head)
    if event is None:
        return False
    try:
        return event_of(event, 0, len(event), {}).version.startswith(_VERSION)
    except WireError:
        return False


def _others(source: Source) -> list[Source]:
    """The other event files of the folder; a file of another name stands alone."""
    if "tfevents" not in source.name:
        return []
    return [item for item in source.companions(_PATTERN) if matched(_is_event_file, item)]


def _is_later(source: Source) -> bool:
    return any(item.key < source.key for item in _others(source))


def _log_of(source: Source) -> Log:
    log = Log()
    log.read(source)
    for other in _others(source):
        try:
            log.read(other, other.name)
        except ReadError as error:
            log.notices.append(Notice("", str(error)))
    return log


def _record(log: Log, source: Source, series: tuple[Series, ...]) -> RunRecord:
    facts = facts_of(log, source)
    status = status_of(log.session)
    record = RunRecord(
        format=FORMAT,
        place="",
        kind=Kind.TRAINING,
        identity=Identity.LOG,
        model=facts.model,
        precision=facts.precision,
        status=status,
        status_reason="STATUS_FAILURE" if status is Status.FAILED else "",
        started_at=moment(log.session.started_s),
        finished_at=moment(log.session.finished_s),
        series=series,
        params=facts.params,
        tags={"group": log.session.group} if log.session.group else {},
        artifacts=tuple(facts.artifacts),
    )
    return with_fields(record, facts.fields)


def _notices(log: Log, record: RunRecord) -> Iterator[RunRecord | Notice]:
    yield from log.notices
    yield from _left_out(log)
    name, value = _PLACEHOLDER
    if any(item.name == name and (item.values == value).all() for item in record.series):
        yield Notice(name, f"{value:g} is Lightning's placeholder for no metric: kept as read")
    yield record


def _left_out(log: Log) -> Iterator[Notice]:
    """What was no number, counted; and that of texts and histograms the last ones are kept."""
    if log.left_out:
        counts = (f"{count:,} {what}" for what, count in sorted(log.left_out.items()))
        yield Notice("", f"left out: {', '.join(counts)}")
    for what, found in (("texts", log.texts), ("histograms", log.histograms)):
        earlier = sum(last.count - 1 for last in found.values())
        if earlier:
            yield Notice("", f"{earlier:,} earlier {what} of {len(found):,} tags: the last is kept")
