"""Stamps: short hashes of all that a file is made of, taken before it is made.

Pure. Two stamps are equal only if the files are, byte for byte; whoever writes other bytes for
the same runs raises ``ENCODING``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

ENCODING = 2

_DIGITS = 32


def stamp(*parts: Any) -> str:
    """The hash of values that their ``repr`` tells apart."""
    return hashlib.sha256(repr((ENCODING, *parts)).encode("utf-8", "surrogatepass")).hexdigest()[
        :_DIGITS
    ]


def known(revisions: Iterable[int | None]) -> bool:
    """True when every revision was drawn: a blank one (0) says nothing about what belongs to a
    run, for it was put into the database by other means."""
    return all(revisions)
