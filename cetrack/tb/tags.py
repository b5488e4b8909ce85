"""Names in a logdir: run directories and tags, safe on every file system, never one for two.

Pure. Knows how names are made, not what is written under them.

A name is cleaned: ``/`` becomes ``--`` (``facebook/opt`` is ``facebook--opt``, as model hubs write
it), everything unsafe becomes ``_``. When the name cannot be told from its cleaned form, the first
ten hex digits of its sha256 are appended (``~1f9a03c2e4``), so two names never share one.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Self

from cetrack.logdirs import DERIVED_GROUP
from cetrack.tb.views import TagOrder

MAX_BYTES = 100
MAX_TAG_BYTES = 250

_FORBIDDEN = frozenset('\\<>:"|?*')  # by Windows, in file names
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})  # control, bidi, unpaired …
_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(\.|$)")
_MARK = re.compile(r"~[0-9a-f]{10}$")
_MARK_BYTES = 11
_OTHER = "other"  # the group of what has none
_UID = re.compile(r"[0-9a-f]{10,}")


def component(name: str, *, reserved: frozenset[str] = frozenset()) -> str:
    """``name`` as one safe path component of at most 100 bytes; different names stay different."""
    text = unicodedata.normalize("NFC", name).replace("/", "--")
    text = "".join("_" if _is_unsafe(char) or char in _FORBIDDEN else char for char in text)
    text = re.sub(r"\.\.+|^\.|^ +|[. ]+$", "_", text) or "_"
    if _DEVICES.match(text):
        text = f"_{text}"
    return _told_apart(
        name,
        text,
        restored=text.replace("--", "/"),
        limit=MAX_BYTES,
        forced=text.casefold() in reserved,
    )


def tag(name: str) -> str:
    """``name`` as a tag: parts between slashes are groups; different names stay different."""
    text = "".join("_" if _is_unsafe(char) else char for char in name)
    text = "/".join(_tag_part(part) for part in text.split("/"))
    return _told_apart(name, text, restored=text, limit=MAX_TAG_BYTES)


def _tag_part(part: str) -> str:
    return re.sub(r"^\.+$|^ +| +$", "_", part) or "_"


def _is_unsafe(char: str) -> bool:
    category = unicodedata.category(char)
    return category in _UNSAFE_CATEGORIES or (category == "Zs" and char != " ")


def _told_apart(name: str, text: str, *, restored: str, limit: int, forced: bool = False) -> str:
    """``text``, marked with a hash of ``name`` unless it alone gives the name back.

    A name that happens to end like a mark is marked too: otherwise it could pass for another.
    """
    size = len(text.encode("utf-8"))
    if restored == name and size <= limit and not _MARK.search(text) and not forced:
        return text
    return _marked(name, text, limit=limit)


def _marked(name: str, text: str, *, limit: int) -> str:
    return f"{_cut(text, limit - _MARK_BYTES)}~{_short_hash(name)}"


def _cut(text: str, limit: int) -> str:
    """The first ``limit`` bytes, without half a character at the end."""
    return text.encode("utf-8")[:limit].decode("utf-8", "ignore")


def _short_hash(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:10]


def distinct(names: Iterable[str], *, reserved: frozenset[str] = frozenset()) -> dict[str, str]:
    """Every name's component; also told apart where a file system ignores case.

    All names that differ only in case are marked, whichever came first: the result does not
    depend on the order in which a database learned them.
    """
    cleaned = {name: component(name, reserved=reserved) for name in names}
    folded = Counter(text.casefold() for text in cleaned.values())
    return {
        name: _marked(name, text, limit=MAX_BYTES)
        if folded[text.casefold()] > 1 and not _MARK.search(text)
        else text
        for name, text in cleaned.items()
    }


def metric_tags(families: Mapping[str, str]) -> dict[str, str]:
    """Metric name → tag: ``<family>/<metric>``, or the name itself where it has a slash.

    ``families`` maps every metric of the database to its family, so that a log which names a
    metric ``quality/accuracy`` itself is told from the metric accuracy of that family.
    """
    plain = {
        name: tag(f"{_group(family)}/{name}")
        for name, family in families.items()
        if "/" not in name
    }
    taken = set(plain.values())
    own = {name: _own_tag(name) for name in families if "/" in name}
    return plain | {
        name: _marked(name, text, limit=MAX_TAG_BYTES) if text in taken else text
        for name, text in own.items()
    }


def _group(family: str) -> str:
    return _OTHER if family in ("", DERIVED_GROUP) else family


def _own_tag(name: str) -> str:
    """A log's own name; not among those of what follows from measured numbers."""
    text = tag(name)
    if text.startswith(f"{DERIVED_GROUP}/"):
        return _marked(name, f"{_OTHER}/{text}", limit=MAX_TAG_BYTES)
    return text


def sample_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Metric name → tag of the histogram of its repetitions: ``<tag>/samples``.

    ``tags`` maps every metric of the database to its own tag. A tag of TensorBoard holds either
    numbers or histograms, so none of those is taken again.
    """
    return own_tags({name: f"{text}/samples" for name, text in tags.items()}, set(tags.values()))


def derived_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Metric name → tag of its values that follow from others: ``derived/<metric>``.

    ``tags`` are those of stated values, from which they are told apart: who reads the files back
    must not take them for measured.
    """
    names = {name: f"{DERIVED_GROUP}/{name}" for name in tags}
    return own_tags(names, set(tags.values()))


def own_tags(names: Mapping[str, str], taken: Container[str]) -> dict[str, str]:
    """Key → the tag of its name, told apart from those that are ``taken``."""
    found = {key: (name, tag(name)) for key, name in names.items()}
    return {
        key: _marked(name, text, limit=MAX_TAG_BYTES) if text in taken else text
        for key, (name, text) in found.items()
    }


@lru_cache(maxsize=65536)
def pair_tag(
    model: str,
    metric: str,
    *,
    order: TagOrder,
    suffix: str = "",
    taken: frozenset[str] = frozenset(),
) -> str:
    """The tag of a model's metric; the model's part has no slash, so the pair can be read back.

    A metric that ``suffix`` would make one of the tags ``taken`` (the ratio of ``power`` beside the
    metric ``power_ratio``) is told apart from it.
    """
    text = tag(metric) + suffix
    if text in taken:
        text = _marked(metric, text, limit=MAX_TAG_BYTES)
    pair = (component(model), text)
    return "/".join(pair if order is TagOrder.BY_MODEL else reversed(pair))


@dataclass(frozen=True, slots=True)
class Names:
    """The components of everything in a database that run directories are named after."""

    experiments: Mapping[str, str]
    models: Mapping[str, str]
    precisions: Mapping[str, str]

    @classmethod
    def of(
        cls, *, experiments: Iterable[str], models: Iterable[str], precisions: Iterable[str]
    ) -> Self:
        """Components for all the names, told apart."""
        return cls(distinct(experiments), distinct(models), distinct(precisions))

    def run_directory(self, row: Mapping[str, Any]) -> str:
        """``runs/<experiment>/<model>/<precision>/<date>_<uid>`` of a row of the runs view."""
        return "/".join(
            (
                "runs",
                self.experiments[row["experiment"]],
                self.models[row["model"]],
                self.precisions[row["precision"]],
                f"{_stamp(row['started_at'])}_{_short_uid(row['uid'])}",
            )
        )


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%d-%H%M%S")


def _short_uid(uid: str) -> str:
    """Ten hex digits; a uid that is not hex itself (a log's own id) is hashed."""
    return uid[:10] if _UID.fullmatch(uid) else _short_hash(uid)
