"""Gates that people describe in a TOML file, and what is wrong with a description. Pure.

``docs/check.md`` is the page about them.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from cetrack import toml_text
from cetrack.domain import Direction
from cetrack.errors import UsageError

FILE_NAME = "gates.toml"
_TABLE = "gates"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_FEWEST_RUNS = 3  # of less nobody can say how far they scatter
USUAL_RUNS = 8


class Missing(StrEnum):
    """What a gate makes of a run that it cannot judge."""

    FAIL = "fail"
    SKIP = "skip"
    PASS = "pass"  # noqa: S105 - no password


@dataclass(frozen=True, slots=True)
class History:
    """A limit against the past of a series: ``max_z`` standard deviations, of ``min_runs`` runs at
    least, and of the ``last`` ones only where that is given."""

    max_z: float
    min_runs: int = USUAL_RUNS
    last: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A gate as ``[gates.<name>]`` defines it.

    ``metrics`` is one metric with ``limits`` and ``history``, or several of which no run may be
    dominated by more than ``slack_pct``. ``lines`` are where its keys stand in the file ``origin``;
    the blank key is the gate itself.
    """

    name: str
    metrics: tuple[str, ...]
    filters: tuple[str, ...] = ()
    limits: Mapping[str, float] = field(default_factory=dict)
    history: History | None = None
    slack_pct: float = 0.0
    direction: Direction | None = None
    newest_only: bool = False
    allow_mixed: bool = False
    missing: Missing = Missing.FAIL
    origin: Path = field(default=Path(FILE_NAME), compare=False)
    lines: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def is_pareto(self) -> bool:
        """True for a gate about several metrics at once."""
        return len(self.metrics) > 1

    def wrong(self, key: str, problem: str, hint: str | None = None) -> UsageError:
        """The error for what turned out to be wrong with one of its keys."""
        line = self.lines.get(key) or self.lines.get("", "1")
        place = f"{_TABLE}.{self.name}.{key}" if key else f"{_TABLE}.{self.name}"
        return toml_text.wrong(self.origin, line, f"{place}: {problem}", hint)


class GateError(Exception):
    """A gate that makes no sense: ``key`` is where, the message what, ``hint`` what to do."""

    def __init__(self, key: str, problem: str, hint: str | None = None) -> None:
        super().__init__(problem)
        self.key = key
        self.problem = problem
        self.hint = hint


def load_gates(path: Path) -> tuple[Gate, ...]:
    """The gates of a file, in its order. Raises UsageError that names file, line and key."""
    text, values = toml_text.read(path)
    for name in values:
        if name != _TABLE:
            hint = _nearest(name, [_TABLE]) or f"a gate is written [{_TABLE}.my_gate]"
            line = toml_text.line_of(name, text)
            raise toml_text.wrong(path, line, f"no table called '{name}'", hint)
    tables = values.get(_TABLE)
    if not isinstance(tables, Mapping) or not tables:
        raise toml_text.wrong(path, "1", "no gate in it", f"write [{_TABLE}.my_gate]")
    return tuple(_gate(path, text, name, table) for name, table in tables.items())


def _gate(path: Path, text: str, name: str, table: Any) -> Gate:
    try:
        values = _values(name, table)
        lines = {key: _line(text, name, key) for key in ("", *table)}
        return Gate(name=name, origin=path, lines=lines, **values)
    except GateError as error:
        line = _line(text, name, error.key.partition(".")[0])
        place = f"{_TABLE}.{name}.{error.key}" if error.key else f"{_TABLE}.{name}"
        raise toml_text.wrong(path, line, f"{place}: {error.problem}", error.hint) from error


def _line(text: str, name: str, key: str = "") -> str:
    """Where a key of a gate stands or, for a blank one, the gate."""
    table = f"{_TABLE}.{name}"
    if not toml_text.has_table(table, text):
        return toml_text.line_of(name, text, after=_TABLE)
    return toml_text.line_of(key, text, after=table) if key else toml_text.line_of(table, text)


def _values(name: str, table: Any) -> dict[str, Any]:
    """The fields of a gate by its table. Raises GateError."""
    if not _NAME.fullmatch(name):
        raise GateError("", "no name of a gate", "letters, digits, _ and -")
    if not isinstance(table, Mapping):
        raise GateError("", "must be a table", f"write [{_TABLE}.{name}]")
    for key in table:
        if key not in KEYS:
            raise _unknown(key, key, KEYS, "key")
    found = {key: KEYS[key].parse(key, value) for key, value in table.items()}
    limits = {key: found.pop(key) for key in LIMITS if key in found}
    _check_limits(found, limits)
    metric, pareto = found.pop("metric", None), found.pop("pareto", None)
    if (metric is None) == (pareto is None):
        hint = 'write metric = "accuracy", or pareto = ["latency_mean_ms", "accuracy"]'
        raise GateError("", "needs either a metric or a pareto", hint)
    filters = {"filters": found.pop("filter", ())}
    return {**found, **filters, "limits": limits, "metrics": pareto or (metric,)}


def _check_limits(found: Mapping[str, Any], limits: Mapping[str, float]) -> None:
    """Raise GateError for limits that are missing or contradict each other."""
    given = [*limits, *(key for key in ("history",) if key in found)]
    if "pareto" in found:
        for key in (*given, "direction"):
            if key in found or key in limits:
                raise GateError(key, "is of one metric and does not go with pareto")
    elif "slack_pct" in found:
        raise GateError("slack_pct", "goes with pareto only")
    elif not given:
        raise GateError("", "limits nothing", f"limits: {', '.join((*LIMITS, 'history'))}")
    for low, high in (("min", "max"), ("min_ratio", "max_ratio")):
        if low in limits and high in limits and limits[low] > limits[high]:
            raise GateError(low, f"{limits[low]:g} is above {high} = {limits[high]:g}")


# --- the keys of a gate ----------------------------------------------------------------------


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise GateError(key, "must be text in quotes")
    return value.strip()


def _texts(key: str, value: Any) -> tuple[str, ...]:
    """A text, or a list of them."""
    if not isinstance(value, list):
        return (_text(key, value),)
    return tuple(_text(key, item) for item in value)


def _several(key: str, value: Any) -> tuple[str, ...]:
    names = _texts(key, value)
    if len(set(names)) < 2:
        hint = 'pareto = ["latency_mean_ms", "accuracy"]'
        raise GateError(key, "must be a list of two metrics or more", hint)
    return tuple(dict.fromkeys(names))


def _number(key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise GateError(key, "must be a number")
    return float(value)


def _amount(key: str, value: Any) -> float:
    if _number(key, value) < 0:
        raise GateError(key, "must not be negative")
    return float(value)


def _count(key: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < _FEWEST_RUNS:
        raise GateError(key, f"must be a whole number, {_FEWEST_RUNS} or more")
    return value


def _flag(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise GateError(key, "must be true or false")
    return value


def _missing(key: str, value: Any) -> Missing:
    return Missing(_one_of(key, value, [*Missing]))


def _direction(key: str, value: Any) -> Direction:
    return Direction(_one_of(key, value, [*Direction]))


def _one_of(key: str, value: Any, known: Iterable[str]) -> str:
    names = [str(name) for name in known]
    if value not in names:
        raise _unknown(key, str(value), names, "value")
    return str(value)


def _history(key: str, value: Any) -> History:
    parsers: Mapping[str, Callable[[str, Any], Any]]
    parsers = {"max_z": _amount, "min_runs": _count, "last": _count}
    if not isinstance(value, Mapping) or "max_z" not in value:
        raise GateError(key, "must be { max_z = 3.0 }", "min_runs and last may be added")
    for name in value:
        if name not in parsers:
            raise _unknown(f"{key}.{name}", name, parsers, "key")
    made = History(**{name: parsers[name](f"{key}.{name}", it) for name, it in value.items()})
    if made.last is not None and made.last < made.min_runs:
        raise GateError(f"{key}.last", f"{made.last} is below min_runs = {made.min_runs}")
    return made


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a gate: how its value is read, an example of it, and what it means."""

    parse: Callable[[str, Any], Any]
    example: str
    meaning: str


LIMITS: Mapping[str, Key] = {
    "min": Key(_number, "0.9", "the value is not below this, in the metric's unit"),
    "max": Key(_number, "5.0", "the value is not above this"),
    "max_drop": Key(
        _amount,
        "0.01",
        "how much worse than its baseline a run may be, in the metric's unit: lower where "
        "higher is better, higher where lower is",
    ),
    "max_worse_pct": Key(_amount, "5", "the same in per cent of the baseline"),
    "min_ratio": Key(_amount, "0.2", "value ÷ baseline is not below this"),
    "max_ratio": Key(_amount, "0.9", "value ÷ baseline is not above this"),
}
KEYS: Mapping[str, Key] = {
    "metric": Key(_text, '"accuracy"', "the metric, by any of its names"),
    "filter": Key(
        _texts,
        '"precision=int8"',
        "which runs the gate is for; a list of filters: all have to hold. All runs without it",
    ),
    **LIMITS,
    "history": Key(
        _history,
        "{ max_z = 3, min_runs = 8 }",
        "how many standard deviations worse than the past of its series a run may be; "
        f"`min_runs` earlier runs are needed ({USUAL_RUNS} unless said otherwise), and `last = 30` "
        "looks at no more than those",
    ),
    "pareto": Key(
        _several,
        '["latency_mean_ms", "accuracy"]',
        "instead of `metric`: no earlier run of the same model, set-up and precision is at least "
        "as good in all of them and better in one",
    ),
    "slack_pct": Key(_amount, "2", "with `pareto`: only what is better by more per cent counts"),
    "direction": Key(
        _direction, '"lower"', "which way is better, for a metric that does not say so itself"
    ),
    "newest_only": Key(
        _flag,
        "true",
        "judge one run per series; else, where runs have seeds, the newest one of every seed is",
    ),
    "allow_mixed": Key(
        _flag, "true", "compare with a baseline of another device, batch size, dataset … too"
    ),
    "missing": Key(
        _missing,
        '"skip"',
        "what a run that cannot be judged counts as: `fail` (unless said otherwise), `skip` or "
        "`pass`",
    ),
}


def gate_keys_markdown() -> str:
    """The table of keys for the documentation."""
    rows = [f"| `{name} = {key.example}` | {key.meaning} |\n" for name, key in KEYS.items()]
    return f"| key | meaning |\n|---|---|\n{''.join(rows)}"


def _unknown(key: str, text: str, known: Iterable[str], what: str) -> GateError:
    names = list(known)
    hint = _nearest(text, names) or f"there are: {', '.join(names)}"
    return GateError(key, f"no {what} called '{text}'", hint)


def _nearest(text: str, names: list[str]) -> str | None:
    near = difflib.get_close_matches(text, names, n=1)
    return f"did you mean {near[0]}?" if near else None
