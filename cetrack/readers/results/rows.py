"""The precision that a row of results states, in whichever of its fields. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cetrack.precisions import canonical_method, find_precision, is_precision
from cetrack.readers.numbers import is_number
from cetrack.readers.results.labels import (
    FORMAT_KEYS,
    LABEL_KEYS,
    are_bit_counts,
    bit_label,
    is_format_text,
    slug,
)

_LOOKED_AT = 200  # rows that say which fields there are


@dataclass(frozen=True, slots=True)
class Columns:
    """What the rows of a table have in common.

    ``label`` is the field that tells their precisions, ``counts_bits`` says that the numbers under
    ``precision`` are bits.
    """

    label: str = ""
    counts_bits: bool = False


@dataclass(frozen=True, slots=True)
class RowLabel:
    """The precision of a row as written, the fields that say it, and what else they say."""

    text: str
    keys: tuple[str, ...]
    is_proven: bool = False
    method: str = ""
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class _Said:
    """A label in a row: the field it stands in, None where that is a block of settings."""

    key: str | None
    text: str

    @property
    def bits(self) -> float | None:
        """The bits of its weights, None where it is no format or says no number."""
        found = find_precision(self.text)
        return None if found is None else found[0].weight_bits

    @property
    def is_format(self) -> bool:
        """True when there is a format in it."""
        return find_precision(self.text) is not None


def columns_of(rows: Sequence[Mapping[str, Any]]) -> Columns:
    """What the rows of a table have in common."""
    names = dict.fromkeys(key for row in rows[:_LOOKED_AT] for key in row)
    cells = [row.get(key) for key in names if slug(str(key)) in FORMAT_KEYS for row in rows]
    counts = [cell for cell in cells if is_number(cell)]
    return Columns(_label_field(rows, names), len(counts) > 0 and are_bit_counts(counts))


def _label_field(rows: Sequence[Mapping[str, Any]], names: Mapping[str, None]) -> str:
    """The first field in which some row has what is a precision for sure."""
    by_slug = {slug(str(name)): name for name in names}
    for wanted in LABEL_KEYS:
        name = by_slug.get(wanted)
        if name is not None and any(_proves(row.get(name)) for row in rows):
            return name
    return ""


def _proves(cell: Any) -> bool:
    return isinstance(cell, str) and is_precision(cell)


def row_label(row: Mapping[str, Any], columns: Columns) -> RowLabel | None:
    """The precision of a row; None where nothing in it says one.

    A format in a field, or in a block about the quantisation, goes before a count of bits; where
    they contradict each other the bits count, for names of methods (GPTQ) pass for formats.
    """
    said = _said(row, columns)
    bits, counted = bit_label(row)
    if not bits and columns.counts_bits:
        bits, counted = _counted(row)
    formats = [item for item in said if item.is_format]
    agreeing = [item for item in formats if not bits or _agree(item, bits)]
    plain = next((item for item in said if not item.is_format and item.key is not None), None)
    method = "" if plain is None else canonical_method(plain.text)
    if agreeing:
        best = agreeing[0]
        keys = () if best.key is None else (best.key,)
        return RowLabel(best.text, keys, is_proven=True, method=method if plain else "")
    if bits:
        doubt = f"{formats[0].text!r:.40} and {bits} in one row: taken as {bits}" if formats else ""
        other = canonical_method(formats[0].text) if formats else method
        return RowLabel(bits, counted, is_proven=True, method=other, doubt=doubt)
    if plain is not None:
        return RowLabel(plain.text, (str(plain.key),))
    return None


def _said(row: Mapping[str, Any], columns: Columns) -> list[_Said]:
    """The labels of a row; those of a block about its quantisation first, for they are exact."""
    found = []
    for key, value in row.items():
        if isinstance(value, Mapping) and "quant" in str(key).lower():
            texts = (value.get(name) for name in ("name", "format", "dtype", "precision"))
            found += [_Said(None, str(text)) for text in texts if _is_exact(text)]
    for key, value in row.items():
        if slug(str(key)) in FORMAT_KEYS and is_format_text(value):
            found.append(_Said(str(key), value))
    text = row.get(columns.label) if columns.label else None
    if isinstance(text, str) and is_format_text(text):
        found.append(_Said(columns.label, text))
    return found


def _is_exact(text: Any) -> bool:
    return isinstance(text, str) and find_precision(text) is not None


def _counted(row: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    for key, value in row.items():
        if slug(str(key)) in FORMAT_KEYS and is_number(value):
            return bit_label({"bits": value})[0], (str(key),)
    return "", ()


def _agree(item: _Said, bits: str) -> bool:
    counted = _Said(None, bits).bits
    return counted is None or item.bits is None or abs(counted - item.bits) < 1
