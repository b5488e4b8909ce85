"""TensorBoard's messages and checksum as tensorboardX has them, without the rest of tensorboardX.

Importing that package imports torch where it is installed, and clients of clouds: two seconds and
200 MB, for nothing that is used here. Its submodules need none of it, and a later ``import
tensorboardX`` finds them and loads the rest.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

_PACKAGE = "tensorboardX"


@contextmanager
def _submodules_only() -> Iterator[None]:
    """Import what follows as if the package's own code were empty."""
    spec = None if _PACKAGE in sys.modules else importlib.util.find_spec(_PACKAGE)
    if spec is None:
        yield
        return
    empty = ModuleType(_PACKAGE)
    empty.__path__ = list(spec.submodule_search_locations or ())
    sys.modules[_PACKAGE] = empty
    try:
        yield
    finally:
        del sys.modules[_PACKAGE]


with _submodules_only():
    from tensorboardX.crc32c import crc32c
    from tensorboardX.proto.api_pb2 import (
        DataType,
        Experiment,
        HParamInfo,
        MetricInfo,
        MetricName,
    )
    from tensorboardX.proto.api_pb2 import Status as SessionStatus
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.layout_pb2 import Category, Chart, Layout, MultilineChartContent
    from tensorboardX.proto.plugin_hparams_pb2 import (
        HParamsPluginData,
        SessionEndInfo,
        SessionStartInfo,
    )
    from tensorboardX.proto.plugin_text_pb2 import TextPluginData
    from tensorboardX.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboardX.proto.tensor_pb2 import TensorProto
    from tensorboardX.proto.tensor_shape_pb2 import TensorShapeProto

__all__ = [
    "Category",
    "Chart",
    "DataType",
    "Event",
    "Experiment",
    "HParamInfo",
    "HParamsPluginData",
    "Layout",
    "MetricInfo",
    "MetricName",
    "MultilineChartContent",
    "SessionEndInfo",
    "SessionStartInfo",
    "SessionStatus",
    "Summary",
    "SummaryMetadata",
    "TensorProto",
    "TensorShapeProto",
    "TextPluginData",
    "crc32c",
]
