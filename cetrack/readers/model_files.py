"""What the path of a model's file says: the name of the model and its precision."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePosixPath

from cetrack.domain import Notice, RunRecord
from cetrack.hints import path_hints, split_label
from cetrack.readers.source import Source

_SUFFIX = re.compile(
    r"\.(bin|blob|caffemodel|ckpt|engine|h5|keras|onnx|pb|plan|prototxt|pt|pth|tflite|trt|uff|xml)$",
    re.IGNORECASE,
)
# what graph exporters call every model
_EXPORTED = frozenset(
    {
        "", "main_graph", "model", "model0", "model1", "tensorflow_frontend_ir", "tf2onnx",
        "tf_model", "torch-jit-export", "torch_jit", "unknown",
    }
)  # fmt: skip


def base_name(path: str) -> str:
    """The last part of a path as any system writes it; blank for a folder or none."""
    return re.split(r"[\\/]", path.strip().strip("\"'"))[-1]


def bare_model(path: str) -> str:
    """The name of a model's file without its suffixes: ``net.qat.onnx.engine`` → ``net.qat``."""
    name = base_name(path)
    while (shorter := _SUFFIX.sub("", name)) != name:
        name = shorter
    return name


def named_model(path: str) -> tuple[str, str]:
    """(model, precision) that the path of a model's file names, blank where it does not.

    ``public/resnet-50/FP16/resnet-50.xml`` is ``resnet-50`` at fp16. A folder names a model only
    beside a precision: what is above ``model.onnx`` is as often a home.
    """
    bare = bare_model(path)
    if not bare:
        return "", ""
    folders = re.split(r"[\\/]", path.strip().strip("\"'"))[:-1]
    file = f"{bare}.model"  # a suffix to be taken off: the others belong to the name
    return path_hints(PurePosixPath(file), PurePosixPath("/".join([*folders, file])))


def graph_name(text: str) -> str:
    """The name of a graph where it says anything: exporters call all models ``main_graph``."""
    return "" if text.strip().lower() in _EXPORTED else text.strip()


def with_file_label(record: RunRecord, source: Source, tool: str) -> RunRecord:
    """The record with the model that the name of its own file gives, less the tool's name.

    ``lenet_int8_trtexec.log`` is of ``lenet``. Nothing changes where the model is known.
    """
    if record.model.name or source.path is None:
        return record
    stem = source.name.rpartition(".")[0]
    label = re.sub(rf"(?:^|[-_. ]+)(?:{tool})(?=$|[-_. ])", "", stem, flags=re.IGNORECASE)
    name = split_label(label)[0] if label != stem else ""
    if not name:
        return record
    text = f"model '{name}' is taken from the file's name"
    return replace(
        record,
        model=replace(record.model, name=name),
        weak=record.weak | {"model"},
        notices=(*record.notices, Notice(record.place, text)),
    )
