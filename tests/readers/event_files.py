"""Event files put together by hand, in the forms that the writers of them have."""

from __future__ import annotations

import struct
import warnings
from typing import Any

from cetrack.tb.records import framed

with warnings.catch_warnings():  # what TensorBoard carries with it is older than this Python
    warnings.simplefilter("ignore", DeprecationWarning)
    from tensorboard.compat.proto.event_pb2 import Event, SessionLog
    from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary, SummaryMetadata
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
    from tensorboard.plugins.hparams.plugin_data_pb2 import (
        HParamsPluginData,
        SessionEndInfo,
        SessionStartInfo,
    )

__all__ = ["Event", "HistogramProto", "SessionLog", "Summary", "TensorProto"]

BEGAN = 1_780_000_000.25
VERSION = Event(wall_time=BEGAN, file_version="brain.Event:2")


def file_of(*events: Event | bytes) -> bytes:
    """An event file; bytes stand for a record as it is."""
    records = (it if isinstance(it, bytes) else framed(it.SerializeToString()) for it in events)
    return framed(VERSION.SerializeToString()) + b"".join(records)


def event(step: int, *values: Summary.Value, wall: float | None = None) -> Event:
    """An event with these values; its wall time is a second a step."""
    return Event(
        wall_time=BEGAN + step if wall is None else wall, step=step, summary=Summary(value=values)
    )


def simple(tag: str, value: float) -> Summary.Value:
    """A scalar of TensorFlow 1, PyTorch, tensorboardX."""
    return Summary.Value(tag=tag, simple_value=value)


def metadata(plugin: str, content: bytes = b"") -> SummaryMetadata:
    """What says which plugin a value belongs to."""
    data = SummaryMetadata.PluginData(plugin_name=plugin, content=content)
    return SummaryMetadata(plugin_data=data)


def tensor(tag: str, plugin: str = "scalars", shape: tuple[int, ...] = (), **fields: Any) -> Any:
    """A value of TensorFlow 2: a tensor of some plugin."""
    sizes = TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in shape])
    return Summary.Value(
        tag=tag,
        metadata=metadata(plugin) if plugin else None,
        tensor=TensorProto(tensor_shape=sizes, **fields),
    )


def scalar(tag: str, value: float) -> Summary.Value:
    """A scalar of TensorFlow 2, as its writer in C++ puts it."""
    return tensor(tag, dtype="DT_FLOAT", tensor_content=struct.pack("<f", value))


def text(tag: str, *texts: str) -> Summary.Value:
    """A value of the TEXT tab."""
    content = [item.encode() for item in texts]
    return tensor(tag, "text", (len(texts),), dtype="DT_STRING", string_val=content)


def session(status: int | None = None, finished: float = 0.0, **start: Any) -> Summary.Value:
    """A record of the HPARAMS tab: ``hparams`` is a dict, the rest fields of a session's start."""
    if status is not None:
        end = SessionEndInfo(status=status, end_time_secs=finished)
        content = HParamsPluginData(session_end_info=end)
        tag = "_hparams_/session_end_info"
    else:
        settings = start.pop("hparams", {})
        info = SessionStartInfo(**start)
        for key, value in settings.items():
            kind = {bool: "bool_value", str: "string_value"}.get(type(value), "number_value")
            setattr(info.hparams[key], kind, value)
        content = HParamsPluginData(session_start_info=info)
        tag = "_hparams_/session_start_info"
    return Summary.Value(tag=tag, metadata=metadata("hparams", content.SerializeToString()))


def starts(step: int) -> Event:
    """A session of TensorFlow 1 begins, or goes on, at a step."""
    return Event(wall_time=BEGAN, step=step, session_log=SessionLog(status=SessionLog.START))
