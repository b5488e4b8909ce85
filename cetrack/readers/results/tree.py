"""Finding the runs inside a home-made result document, wherever its precisions stand. Pure.

A document is walked from the outside in. Every key on the way is a precision, a name (of a model, a
device, a runtime), a group of numbers, or nothing; a number belongs to the names that were met on
its way, and what is left of the way is its name: ``{"latency_ms": {"int8": 4.2}}`` and
``{"int8": {"latency_ms": 4.2}}`` are the same. What stands outside of a precision is a fact about
all runs below it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cetrack.domain import Notice
from cetrack.hints import split_label
from cetrack.metrics import is_known
from cetrack.precisions import find_precision, is_precision
from cetrack.readers.entries import pointer
from cetrack.readers.fields import MODEL_KEYS, SETTING_BLOCKS
from cetrack.readers.numbers import is_number
from cetrack.readers.results.labels import (
    PLURALS,
    Label,
    Split,
    branch_label,
    is_bit_field,
    is_blank,
    is_device,
    is_group,
    is_measure,
    is_runtime,
    slug,
    split_key,
    split_method,
    words_of,
)
from cetrack.readers.results.rows import Columns, RowLabel, columns_of, row_label
from cetrack.readers.results.values import (
    are_names,
    are_objects,
    has_measures,
    has_objects,
    is_format,
    is_spread,
    is_value,
    labelled_keys,
    measures,
)
from cetrack.units import find_unit

_ABOUT = frozenset({"info", "model_info", "model"})
_ABOUT_WORDS = frozenset({"env", "environment", "hardware", "info", "machine", "system"})
_DEEPEST = 12


@dataclass(frozen=True, eq=False)
class Spot:
    """Where the walk is: what the way named, and the facts that stand on it.

    ``is_run``: the numbers here are those of a run. ``is_proven``: its precision is one beyond
    doubt. ``is_glued``: it was part of a number's own name. ``branch``: see :class:`Label`.
    """

    place: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    group: tuple[str, ...] = ()
    expects: str = ""
    row: str = ""
    depth: int = 0
    is_run: bool = False
    is_proven: bool = False
    is_glued: bool = False
    branch: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    parent: Spot | None = None

    def below(self, key: str, **changes: Any) -> Spot:
        """One level down, with nothing stated there yet."""
        changes = {"expects": "", "place": pointer(self.place, key), **changes}
        return replace(self, depth=self.depth + 1, facts={}, parent=self, **changes)

    def named(self, key: str, **names: str) -> Spot:
        """One level down, which is that of a name."""
        said = {name: text for name, text in names.items() if text}
        if "model" in said and "model" in self.names:
            said["model"] = f"{self.names['model']}/{said['model']}"
        run = self.is_run or "precision" in said
        proven = self.is_proven or is_precision(said.get("precision", ""))
        return self.below(key, names={**self.names, **said}, is_run=run, is_proven=proven)

    def around(self) -> dict[str, Any]:
        """The facts of all levels; those further inside win."""
        outer = self.parent.around() if self.parent is not None else {}
        return {**outer, **self.facts}


@dataclass(eq=False)
class Found:
    """One run: what names it, the facts around it, and the values that are its own."""

    place: str
    names: Mapping[str, str]
    values: dict[str, Any] = field(default_factory=dict)
    spots: list[Spot] = field(default_factory=list)

    @property
    def facts(self) -> dict[str, Any]:
        """What is stated around it."""
        merged: dict[str, Any] = {}
        for spot in self.spots:
            merged = {**spot.around(), **merged}
        return merged

    @property
    def is_proven(self) -> bool:
        """True when its precision is one beyond doubt, and somebody measured it."""
        return any(spot.is_proven for spot in self.spots) and self.is_measured

    def measured(self) -> list[str]:
        """The names of its values that people measure."""
        return [key for key, value in self.values.items() if measures(key, value)]

    @property
    def is_measured(self) -> bool:
        """True when some value is what people measure."""
        return bool(self.measured())


@dataclass(eq=False)
class Results:
    """All runs of a document, in its order, and what was doubtful on the way.

    ``lists`` counts numbers that only their position in a list tells apart, ``nameless`` those of
    a precision but of no metric, ``unmeasured`` the places where a file says that it measured
    nothing.
    """

    found: dict[Any, Found] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    lists: int = 0
    nameless: int = 0
    unmeasured: int = 0

    def runs(self) -> list[Found]:
        """Those which hold anything."""
        return [item for item in self.found.values() if item.values]

    def is_sure(self) -> bool:
        """True when a run is proven to have a precision, and numbers that somebody measured.

        A single number with a format in its name may be a setting of something else.
        """
        proven = [item for item in self.runs() if item.is_proven]
        whole = any(not spot.is_glued for item in proven for spot in item.spots)
        branches = {item.spots[0].branch for item in self.runs() if item.is_measured}
        several = sum(len(item.values) for item in proven) > 1
        return whole or several or branches >= {"original", "changed"}


def find_results(document: Any, *, whole: bool = False) -> Results:
    """The runs of a JSON or YAML document; a ``whole`` one is a run, or each row of it is one."""
    walk = _Walk()
    spot = Spot(is_run=whole)
    if isinstance(document, list):
        walk.rows(document, spot)
    elif isinstance(document, Mapping):
        walk.node(document, spot)
    return walk.results


def find_rows(
    rows: Sequence[Mapping[str, Any]], places: Sequence[str], *, whole: bool = False
) -> Results:
    """The runs of a table: of every row one, or one per precision in its headings."""
    walk = _Walk()
    walk.rows(rows, Spot(is_run=whole), places)
    return walk.results


class _Walk:
    """One walk through a document."""

    def __init__(self) -> None:
        self.results = Results()

    def node(self, values: Mapping[str, Any], spot: Spot) -> None:
        """Take everything in an object: first what it states about itself, then what is below."""
        if spot.depth > _DEEPEST:
            return
        if values.get("measured") is False:
            self._unmeasured(values, spot)
            return
        if not spot.is_run:
            label = _stated(values)
            if label is not None:
                values = {key: value for key, value in values.items() if key not in label.keys}
                spot = self._labelled(label, spot)
        labels = {} if spot.is_run else labelled_keys(values)
        for key, value in values.items():
            if key in labels:
                self._put_glued(key, labels[key], value, spot)
            else:
                self._leaf(str(key), value, spot)
        for key, value in values.items():
            if isinstance(value, Mapping):
                self._below(str(key), value, spot)
            elif _are_rows(value, spot):
                self.rows(value, spot.below(str(key)))

    def rows(self, rows: Sequence[Any], spot: Spot, places: Sequence[str] = ()) -> None:
        """Take the rows of a list: of each its precision is a field, a key, or that around it."""
        objects = [(index, row) for index, row in enumerate(rows) if isinstance(row, Mapping)]
        columns = columns_of([row for _, row in objects])
        for index, row in objects:
            place = places[index] if places else pointer(spot.place, index)
            inner = spot.below(str(index), place=place, row=place)
            label = None if spot.names.get("precision") else row_label(row, columns)
            if row.get("measured") is False:
                self._unmeasured(row, inner)
            elif label is None:
                self.node(row, inner)
            else:
                rest = {key: value for key, value in row.items() if key not in label.keys}
                self.node(rest, self._labelled(label, inner))

    def _unmeasured(self, values: Mapping[str, Any], spot: Spot) -> None:
        reason = next((values[key] for key in ("reason", "note") if key in values), "")
        why = f": {reason!s:.80}" if reason else ""
        self.results.unmeasured += 1
        self.results.notices.append(Notice(spot.place, f"not measured{why}: left out"))

    def _labelled(self, stated: RowLabel, spot: Spot) -> Spot:
        """The same spot, as that of a run whose precision is stated."""
        branch = None if find_precision(stated.text) is not None else branch_label(stated.text)
        label = branch or Label(stated.text)
        for doubt in filter(None, (label.doubt, stated.doubt)):
            self.results.notices.append(Notice(spot.place, doubt))
        said = {"precision": label.text, "method": label.method or stated.method}
        said["variant"] = label.variant
        names = {**spot.names, **{key: value for key, value in said.items() if value}}
        proven = stated.is_proven
        return replace(spot, names=names, is_run=True, is_proven=proven, branch=label.branch)

    # --- values ------------------------------------------------------------------------------

    def _leaf(self, key: str, value: Any, spot: Spot) -> None:
        """Take a value that is no object, or the spread of a metric that the way has named."""
        nested = isinstance(value, Mapping)
        if _are_rows(value, spot):
            return
        if not spot.is_run and spot.group and is_value(value) and is_format(key):
            self._put(spot.named(key, precision=key), ".".join(spot.group), value)
        elif nested:
            return
        elif spot.is_run:
            self._put(spot, ".".join([*spot.group, key]), value)
        elif is_precision(key):
            self._without_name(key, value, spot)
        elif (split := _split(key, spot)) is not None and is_value(value):
            self._put_glued(key, split, value, spot)
        else:
            spot.facts[key] = value

    def _put_glued(self, key: str, split: Split, value: Any, spot: Spot) -> None:
        named = spot.named(key, precision=split.precision)
        glued = replace(named, place=spot.place, is_glued=True)
        if find_unit(split.rest) is not None and is_number(value):  # fp32_ms: the group is the name
            value = {"value": value, "unit": split.rest}
        self._put(glued, ".".join([*spot.group, split.rest]), value)

    def _without_name(self, key: str, value: Any, spot: Spot) -> None:
        """Refuse a number, or a list of them, that stands under a precision without a name."""
        text = "a number of a precision, but nothing says of which metric: left out"
        self.results.nameless += is_number(value)
        if isinstance(value, list):
            self.results.lists += 1
            text = "a list by position, nothing says what each number is of: left out"
        if value is not None:
            self.results.notices.append(Notice(pointer(spot.place, key), text))

    def _put(self, spot: Spot, name: str, value: Any) -> None:
        """Add a value to the run that the way names."""
        key = (spot.row, *sorted(spot.names.items()))
        known = self.results.found.get(key)
        if known is None:
            known = self.results.found[key] = Found(spot.place, spot.names)
        if all(spot is not other for other in known.spots):
            known.spots.append(spot)
        known.values[_free(name, known.values)] = value

    # --- objects -----------------------------------------------------------------------------

    def _below(self, key: str, value: Mapping[str, Any], spot: Spot) -> None:
        """Go into an object under the meaning of its key."""
        label = _label_of(key, expected=spot.expects == "precision")
        if spot.is_run:
            self._below_run(key, value, spot)
        elif spot.group and is_spread(value) and is_format(key):
            return  # taken as a whole
        elif _is_about(key, spot):
            spot.facts[key] = value
        elif spot.expects and spot.expects != "precision":
            self.node(value, spot.named(key, **{spot.expects: key}))
        elif label is not None:
            self._enter(key, label, value, spot)
        else:
            self._enter_name(key, value, spot)

    def _enter(self, key: str, label: Label, value: Mapping[str, Any], spot: Spot) -> None:
        """Go into the object of a precision."""
        if label.doubt:
            self.results.notices.append(Notice(pointer(spot.place, key), label.doubt))
        names = {"precision": label.text, "method": label.method, "variant": label.variant}
        inner = replace(spot.named(key, **names), branch=label.branch, parent=spot)
        if label.method == "pruning" and are_names(value):
            for name, item in value.items():
                self.node(item, inner.named(str(name), variant=f"{key}_{name}"))
        else:
            self.node(value, inner)

    def _enter_name(self, key: str, value: Mapping[str, Any], spot: Spot) -> None:
        """Go into the object of a model, a device or a runtime, or of a group of numbers."""
        model, precision = split_label(key)
        if slug(key) in PLURALS and has_objects(value):
            self.node(value, spot.below(key, expects=PLURALS[slug(key)]))
        elif precision and has_measures(value):
            self.node(value, spot.named(key, model=model, precision=precision))
        elif not _has_precision(value):
            spot.facts[key] = value
        elif is_blank(key):
            self.node(value, spot.below(key))
        elif is_group(key):
            self.node(value, spot.below(key, group=(*spot.group, key)))
        else:
            kinds = {"device": is_device(key), "runtime": is_runtime(key)}
            kind = next((name for name, fits in kinds.items() if fits), "model")
            self.node(value, spot.named(key, **{kind: key}))

    def _below_run(self, key: str, value: Mapping[str, Any], spot: Spot) -> None:
        """Go on where names follow a precision; take what is a metric as a whole."""
        kind = PLURALS.get(slug(key), "")
        if kind and kind != "precision" and are_names(value):
            self.node(value, spot.below(key, expects=kind))
        elif spot.expects and spot.expects != "precision":
            self.node(value, spot.named(key, **{spot.expects: key}))
        elif is_device(key) and "device" not in spot.names and has_measures(value):
            self.node(value, spot.named(key, device=key))
        elif is_runtime(key) and "runtime" not in spot.names and has_measures(value):
            self.node(value, spot.named(key, runtime=key))
        elif not spot.row and _is_name(key, value, spot):
            model, method = split_method(key) if spot.branch == "changed" else (key, "")
            self.node(value, spot.named(key, model=model, method=method))
        elif _is_about(key, spot):
            spot.facts[key] = value
        else:
            self._put(spot, ".".join([*spot.group, key]), value)


def _free(name: str, taken: Mapping[str, Any]) -> str:
    number = 1
    while (candidate := name if number == 1 else f"{name}#{number}") in taken:
        number += 1
    return candidate


# --- what a key and its value are ------------------------------------------------------------


def _split(key: str, spot: Spot) -> Split | None:
    """A key that names a precision and a metric; inside of a group any other name is one."""
    found = split_key(key)
    if found is None:
        return None
    named = bool(spot.group) or is_measure(found.rest) or find_unit(found.rest) is not None
    return found if named else None


def _are_rows(value: Any, spot: Spot) -> bool:
    """True for a list of objects that are runs of their own."""
    if not are_objects(value):
        return False
    nameless = spot.is_run and "precision" not in spot.names
    return not spot.is_run or (nameless and any(map(has_measures, value)))


def _is_about(key: str, spot: Spot) -> bool:
    """True for a block that states facts instead of results."""
    about = key.lower() in SETTING_BLOCKS or bool(words_of(key) & _ABOUT_WORDS) or key == "model"
    return about and not spot.expects


def _label_of(key: str, *, expected: bool) -> Label | None:
    """The precision that a key with an object under it is; where one is expected any name is."""
    if is_precision(key) or (expected and find_precision(key) is not None):
        return Label(key)
    return branch_label(key) or (Label(key) if expected else None)


def _is_name(key: str, value: Mapping[str, Any], spot: Spot) -> bool:
    """True for a key below a precision that is a model: nothing names one, and metrics follow."""
    if "model" in spot.names or spot.group or is_group(key) or is_spread(value):
        return False
    if any(name.lower() in MODEL_KEYS for name in spot.around()):
        return False
    return has_measures(value) and not is_blank(key)


def _has_precision(value: Any, depth: int = 0) -> bool:
    """True when a key or a field below says a precision."""
    if depth > _DEEPEST:
        return False
    if isinstance(value, list):
        return any(_has_precision(item, depth + 1) for item in value if isinstance(item, Mapping))
    return isinstance(value, Mapping) and (
        any(map(_says_precision, value))
        or row_label(value, columns_of([value])) is not None
        or any(_has_precision(item, depth + 1) for item in value.values())
    )


def _says_precision(key: Any) -> bool:
    text = str(key)
    said = _label_of(text, expected=False) is not None or split_key(text) is not None
    return said or PLURALS.get(slug(text)) == "precision"


def _stated(values: Mapping[str, Any]) -> RowLabel | None:
    """The precision that an object states about itself, or a block of settings in it does; none
    where precisions are below it."""
    if any(isinstance(item, Mapping) and _says_precision(key) for key, item in values.items()):
        return None
    own = row_label(values, Columns())
    if own is not None:
        counted = any(map(is_bit_field, own.keys))  # as a processor does
        return own if not counted or any(map(is_known, values)) else None
    for key, block in values.items():
        if isinstance(block, Mapping) and str(key).lower() in (*SETTING_BLOCKS, *_ABOUT):
            inner = row_label(block, Columns())
            if inner is not None and inner.is_proven:
                return replace(inner, keys=())
    return None
