"""Text and JSON that every database stores. Pure."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from typing import Any

from cetrack.domain import ParamValue

MAX_NAME = 200

# NUL and lone surrogates are refused by databases; other controls only by good taste
_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def clean_text(text: str) -> str:
    """Text that every database stores: characters that none can become ``\ufffd``."""
    if text.isprintable():  # much faster, and nearly always so
        return text
    return _UNSTORABLE.sub("\ufffd", text)


def clean_name(text: str) -> str:
    """A name: clean, without blanks around it, and cut, with a hash, where it is too long."""
    cleaned = clean_text(text).strip()
    if len(cleaned) <= MAX_NAME:
        return cleaned
    tail = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    return f"{cleaned[: MAX_NAME - 12].rstrip()}…{tail}"


def clean_key(text: str) -> str:
    """A name that must not be blank."""
    return clean_name(text) or "unnamed"


def clean_param(value: ParamValue) -> ParamValue:
    """A parameter that every database stores."""
    return clean_text(value) if isinstance(value, str) else value


def clean_json(value: Any) -> Any:
    """JSON that every database stores: NaN is null, infinities are text."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, Mapping):
        return {clean_text(str(key)): clean_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean_json(item) for item in value]
    return value
