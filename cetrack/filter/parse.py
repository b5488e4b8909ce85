"""Filter text → tree: names resolved, values typed, everything wrong reported with its place.

Pure: knows which fields there are and, when told, which metrics; knows no database.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, cast

from cetrack.errors import FilterError
from cetrack.filter.fields import (
    AGGREGATES,
    ENVIRONMENT,
    FIELD_OF,
    ValueKind,
    canonical_shape_pattern,
    kind_of,
)
from cetrack.filter.glob import MAX_PATTERN, fold
from cetrack.filter.syntax import MAX_LENGTH, syntax_tree
from cetrack.filter.tree import (
    And,
    Comparison,
    Exists,
    Expr,
    FieldRef,
    Glob,
    In,
    MetricRef,
    Not,
    Op,
    Or,
    ParamRef,
    Ref,
    TagRef,
    all_of,
)
from cetrack.filter.values import is_number, numeral_of, typed_value
from cetrack.filter.words import Name, Problem, Word, name_words, value_word
from cetrack.grammars import place_of

if TYPE_CHECKING:
    from lark import Token, Tree

MetricResolver = Callable[[str], str]

_NAMESPACES = ("metric", "param", "tag", "env")
_OPS = {"==": Op.EQ} | {op.value: op for op in Op}
_ORDER = frozenset({Op.LT, Op.LE, Op.GT, Op.GE})
_WORDED = frozenset({ValueKind.TEXT, ValueKind.TAG, ValueKind.SHAPE, ValueKind.PRECISION})
_NOT_ONE_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def as_is(name: str) -> str:
    """The resolver that knows no aliases."""
    return name


def parse(
    text: str,
    known_metrics: Collection[str] | None = None,
    *,
    resolve_metric: MetricResolver = as_is,
) -> Expr:
    """The tree of one filter.

    ``known_metrics`` are the names of metrics that exist: any other bare name is an error. Without
    them every bare name that is no field is taken for a metric. ``resolve_metric`` turns another
    name of a metric into its canonical one. Raises FilterError.
    """
    try:
        return _Reader(known_metrics, resolve_metric).expression(syntax_tree(text))
    except Problem as problem:
        raise _filter_error(problem, text) from None


def parse_all(
    texts: Sequence[str],
    known_metrics: Collection[str] | None = None,
    *,
    resolve_metric: MetricResolver = as_is,
) -> Expr:
    """The tree of several filters that all have to hold; of none, one that always holds."""
    return all_of(
        tuple(parse(text, known_metrics, resolve_metric=resolve_metric) for text in texts)
    )


def _filter_error(problem: Problem, text: str) -> FilterError:
    """Everything on one line, character for character, so that the caret stands where it should."""
    shown = text if len(text) <= MAX_LENGTH else f"{text[:60]} …"
    hint = None if problem.hint is None else _NOT_ONE_LINE.sub(" ", problem.hint)
    sentence, line = (_NOT_ONE_LINE.sub(" ", part) for part in (problem.problem, shown))
    return FilterError(sentence, line, problem.column, hint=hint)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads a syntax tree with the names of one database."""

    known_metrics: Collection[str] | None
    resolve_metric: MetricResolver

    def expression(self, tree: Tree[Token]) -> Expr:
        """Any node."""
        if tree.data in ("either", "both", "negation"):
            parts = tuple(self.expression(cast("Tree[Token]", part)) for part in tree.children)
            joined: dict[str, Expr] = {"either": Or(parts), "both": And(parts)}
            return joined.get(tree.data) or Not(parts[0])
        return self._condition(tree)

    def _condition(self, tree: Tree[Token]) -> Expr:
        atom = cast("Token", tree.children[0])
        ref = self._reference(name_words(str(atom), place_of(atom)))
        match tree.data:
            case "present":
                return Exists(ref)
            case "missing":
                return Not(Exists(ref))
        words = _values(cast("Tree[Token]", tree.children[-1]))
        if tree.data == "comparison":
            return _comparison(ref, cast("Token", tree.children[1]), words, of=str(atom))
        return _membership(ref, words, negated=tree.data == "none_of", of=str(atom))

    # --- names ----------------------------------------------------------------------------------

    def _reference(self, name: Name) -> Ref:
        namespace, dot, rest = name.head.partition(".")
        if dot and fold(namespace) in _NAMESPACES:
            return self._named_outright(name, fold(namespace), rest)
        if name.quoted is not None and name.head:
            raise Problem(
                f"unknown namespace {name.head}",
                name.column,
                hint='write metric."NAME", param."NAME" or tag."NAME"',
            )
        if name.quoted == "":
            raise Problem("no name between the quotes", name.column)
        field = FIELD_OF.get(fold(name.head)) or FIELD_OF.get(name.quoted or "")
        if field is not None and not name.tail:
            return FieldRef(field.name)
        return self._metric(name, name.head)

    def _named_outright(self, name: Name, namespace: str, rest: str) -> Ref:
        if name.quoted is not None and rest:
            raise Problem(
                "quotes in the middle of a name", name.column, hint=f'quote all of it: "{rest}…"'
            )
        key = rest if name.quoted is None else name.quoted
        if not key:
            raise Problem(f"no name after '{namespace}.'", name.column)
        if namespace == "metric":
            return self._metric(name, rest, outright=True)
        if name.tail:
            raise Problem(f"unexpected {name.tail} after a name", name.column)
        if namespace == "env":
            return _environment_field(key, name.column)
        _refuse_star(name, key)
        return ParamRef(key) if namespace == "param" else TagRef(key)

    def _metric(self, name: Name, bare: str, *, outright: bool = False) -> MetricRef:
        """The metric and its aggregate; a metric that is itself called ``x.max`` wins."""
        if name.quoted is not None:
            base, aggregate = name.quoted, _quoted_aggregate(name)
        else:
            _refuse_star(name, bare)
            base, aggregate = _split_aggregate(bare)
            if self.known_metrics is not None and self._is_known(bare):
                base, aggregate = bare, "last"
        if not outright:
            self._check_bare(base, name.column)
        known = self.known_metrics is not None and base in self.known_metrics
        return MetricRef(base if known else self.resolve_metric(base), aggregate)

    def _check_bare(self, name: str, column: int) -> None:
        if is_number(name):
            raise Problem(
                f"{name} stands where a name is expected",
                column,
                hint="write for example accuracy > 0.9",
            )
        if self.known_metrics is not None and not self._is_known(name):
            raise self._unknown(name, column)

    def _is_known(self, metric: str) -> bool:
        known = self.known_metrics or ()
        return metric in known or self.resolve_metric(metric) in known

    def _unknown(self, name: str, column: int) -> Problem:
        namespace, dot, rest = name.partition(".")
        if dot and rest and (meant := get_close_matches(fold(namespace), _NAMESPACES, 1, 0.75)):
            return Problem(f"unknown name {name}", column, hint=f"did you mean {meant[0]}.{rest}?")
        candidates = {fold(known): known for known in (*FIELD_OF, *(self.known_metrics or ()))}
        close = get_close_matches(fold(name), list(candidates), 3)
        hint = "param.NAME and tag.NAME are the settings and tags of a run"
        if close:
            hint = f"did you mean {' or '.join(candidates[item] for item in close)}?"
        return Problem(f"unknown field or metric {name}", column, hint=hint)


def _environment_field(key: str, column: int) -> FieldRef:
    if fold(key) in ENVIRONMENT:
        return FieldRef(fold(key))
    close = get_close_matches(fold(key), ENVIRONMENT, 1)
    hint = f"did you mean env.{close[0]}?" if close else f"env has {', '.join(ENVIRONMENT)}"
    raise Problem(f"unknown env.{key}", column, hint=hint)


def _split_aggregate(name: str) -> tuple[str, str]:
    base, dot, last = name.rpartition(".")
    return (base, last) if dot and base and last in AGGREGATES else (name, "last")


def _quoted_aggregate(name: Name) -> str:
    if not name.tail:
        return "last"
    if name.tail[0] == "." and name.tail[1:] in AGGREGATES:
        return name.tail[1:]
    close = get_close_matches(name.tail, AGGREGATES, 1)
    hint = f"did you mean .{close[0]}?" if close else f"a metric has .{', .'.join(AGGREGATES)}"
    raise Problem(f"unexpected {name.tail} after a name", name.column, hint=hint)


def _refuse_star(name: Name, bare: str) -> None:
    if name.quoted is None and "*" in bare:
        raise Problem("a name holds no '*'", name.column, hint="wildcards stand in values, after ~")


# --- values -------------------------------------------------------------------------------------


def _values(tree: Tree[Token]) -> list[Word]:
    return [value_word(str(token), place_of(token)) for token in cast("list[Token]", tree.children)]


def _comparison(ref: Ref, token: Token, words: list[Word], *, of: str) -> Expr:
    if token in ("~", "!~"):
        return _glob(ref, token, words, of=of)
    op, kind = _OPS[token], kind_of(ref)
    if op in _ORDER:
        _check_order(ref, token, words, of=of)
    elif len(words) > 1 or _is_pattern(kind, words):
        return _membership(ref, words, negated=op is Op.NE, of=of)
    if op in _ORDER and kind is ValueKind.PARAM:
        return Comparison(ref, op, numeral_of(words[0], of))  # even in quotes: text has no order
    return Comparison(ref, op, typed_value(kind, words[0], of=of))


def _check_order(ref: Ref, token: Token, words: list[Word], *, of: str) -> None:
    if kind_of(ref) in _WORDED:
        hint = f"a number to compare with is a parameter: param.NAME {token} {words[0].text}"
        if isinstance(ref, FieldRef):
            hint = f"for a metric of that name write metric.{ref.name} {token} {words[0].text}"
        raise Problem(f"{of} is text and has no order", place_of(token), hint=hint)
    if len(words) > 1:
        raise Problem(f"{token} takes one value", words[1].column)


def _membership(ref: Ref, words: list[Word], *, negated: bool, of: str) -> Expr:
    kind = kind_of(ref)
    if _is_pattern(kind, words):
        shapes = (str(typed_value(kind, word, of=of)) for word in words)
        patterns = (shape.replace("?", "[?]") for shape in shapes)  # a dynamic dimension is itself
        return Glob(ref, tuple(map(_short, patterns, words)), negated)
    return In(ref, tuple(typed_value(kind, word, of=of) for word in words), negated)


def _is_pattern(kind: ValueKind, words: list[Word]) -> bool:
    """Among shapes, ``3x*x*`` needs no ``~``."""
    return kind is ValueKind.SHAPE and any("*" in word.text for word in words)


def _glob(ref: Ref, token: Token, words: list[Word], *, of: str) -> Glob:
    kind = kind_of(ref)
    if kind not in _WORDED and kind is not ValueKind.PARAM:
        example = "started = 2026-01" if kind is ValueKind.TIME else f"{of} >= 1 and {of} < 10"
        raise Problem(
            f"{token} compares text, and {of} is a {kind}",
            place_of(token),
            hint=f"write for example: {example}",
        )
    spelled = canonical_shape_pattern if kind is ValueKind.SHAPE else as_is
    negated = token.value.startswith("!")
    return Glob(ref, tuple(_short(spelled(word.text), word) for word in words), negated)


def _short(pattern: str, word: Word) -> str:
    if len(pattern) > MAX_PATTERN:
        raise Problem(f"pattern longer than {MAX_PATTERN:,} characters", word.column)
    return pattern
