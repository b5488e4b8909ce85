"""A formula as a tree of frozen values. Knows neither its text nor how it is evaluated.

Trees come from :func:`cetrack.formula.parse`, whose promises they keep: numbers are finite and not
negative (a minus is a :class:`Negative`), and a function has as many arguments as it takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

LAST = "last"  # the aggregate that a metric's bare name means
AGGREGATES = (
    "last", "first", "min", "max", "mean", "std", "count", "nan_count", "n", "last_step",
    "min_step", "max_step",
)  # fmt: skip
FIELDS = ("batch_size", "weight_bits", "activation_bits")  # of a run, that are numbers


class Of(StrEnum):
    """What a name in a formula is the name of."""

    METRIC = "metric"
    PARAM = "param"
    FIELD = "field"


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """A number of a run, or of the baseline that it is compared with."""

    of: Of
    name: str
    aggregate: str = LAST  # of a metric
    of_baseline: bool = False

    @property
    def own(self) -> Ref:
        """The same of the run itself."""
        return replace(self, of_baseline=False)


class Op(StrEnum):
    """What joins two terms."""

    PLUS = "+"
    MINUS = "-"
    TIMES = "*"
    OVER = "/"
    POWER = "**"


@dataclass(frozen=True, slots=True)
class Number:
    """A number, finite and not negative."""

    value: float


@dataclass(frozen=True, slots=True)
class Name:
    """A number that each run has its own of."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class Negative:
    """Minus the part."""

    part: Node


@dataclass(frozen=True, slots=True)
class Binary:
    """Two terms and what joins them."""

    op: Op
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Call:
    """A function of :data:`FUNCTIONS` and its arguments."""

    function: str
    arguments: tuple[Node, ...]


Node = Number | Name | Negative | Binary | Call


@dataclass(frozen=True, slots=True)
class Function:
    """How many arguments a function takes (``most`` None: any number), and what it is."""

    least: int
    most: int | None
    meaning: str


FUNCTIONS = {
    "min": Function(2, None, "the smallest of its arguments"),
    "max": Function(2, None, "the largest of its arguments"),
    "abs": Function(1, 1, "the value without its sign"),
    "sqrt": Function(1, 1, "the square root; no value below 0"),
    "exp": Function(1, 1, "e to the power of the value"),
    "log": Function(1, 1, "the natural logarithm; no value at or below 0"),
    "log2": Function(1, 1, "the logarithm to the base 2; no value at or below 0"),
    "log10": Function(1, 1, "the logarithm to the base 10; no value at or below 0"),
    "clamp": Function(3, 3, "clamp(x, low, high): x, but not below low and not above high"),
}


def parts(node: Node) -> tuple[Node, ...]:
    """What a node is made of."""
    match node:
        case Negative(part):
            return (part,)
        case Binary(_, left, right):
            return (left, right)
        case Call(_, arguments):
            return arguments
    return ()


def refs(node: Node) -> tuple[Ref, ...]:
    """The names in a formula, each once, in the order in which they are first met."""
    return tuple(dict.fromkeys(_refs(node)))


def _refs(node: Node) -> Iterator[Ref]:
    if isinstance(node, Name):
        yield node.ref
    for part in parts(node):
        yield from _refs(part)
