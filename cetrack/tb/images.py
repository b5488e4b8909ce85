"""Images as TensorBoard reads them. Pure; builds protos, writes nothing."""

from __future__ import annotations

import struct
from typing import Final

from cetrack.tb.protos import Summary, SummaryMetadata, TensorProto, TensorShapeProto

_SIZE: Final = struct.Struct(">II")  # width and height, of the first chunk of a PNG
_SIZE_AT: Final = 16


def image_value(tag: str, png: bytes, *, description: str = "") -> Summary.Value:
    """A summary value of the images plugin holding one PNG; ``description`` is Markdown."""
    size = [str(number).encode() for number in _SIZE.unpack_from(png, _SIZE_AT)]
    plugin = SummaryMetadata.PluginData(plugin_name="images")  # no content: version 0
    tensor = TensorProto(
        dtype="DT_STRING",
        string_val=[*size, png],
        tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=3)]),
    )
    metadata = SummaryMetadata(plugin_data=plugin, summary_description=description)
    return Summary.Value(tag=tag, metadata=metadata, tensor=tensor)
