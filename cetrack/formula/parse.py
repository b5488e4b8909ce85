"""Formula text → tree; everything wrong is reported with its place.

The grammar is in ``grammar.lark``; lark is loaded where there is a formula. Knows no database: that
a metric exists is for others to check.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from cetrack.errors import FormulaError
from cetrack.formula.tree import (
    AGGREGATES,
    FIELDS,
    FUNCTIONS,
    LAST,
    Binary,
    Call,
    Name,
    Negative,
    Node,
    Number,
    Of,
    Op,
    Ref,
)
from cetrack.grammars import END, parser_of, place_of, tree_of

if TYPE_CHECKING:
    from lark import Token, Tree

MAX_LENGTH = 10_000  # characters
MAX_TOKENS = 300  # which also bounds how deep a tree can be
MAX_DEPTH = 50  # parentheses and signs that are open at once

_PACKAGE = "cetrack.formula"
_BINARY = ("PLUS", "MINUS", "STAR", "SLASH", "COMMA")
_BEFORE_A_SIGN = (*_BINARY, "_POWER", "LPAR")
_OPS = {"plus": Op.PLUS, "minus": Op.MINUS, "times": Op.TIMES, "over": Op.OVER, "power": Op.POWER}
_MEANT = {"^": "**", "×": "*", "·": "*", "÷": "/", ":": "/", "−": "-", "–": "-"}
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"')
_NOT_ONE_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_EXAMPLE = "write for example: accuracy / model_size_mb"


class _Problem(Exception):  # noqa: N818 - becomes a FormulaError as soon as the text is at hand
    def __init__(self, problem: str, column: int, hint: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.column = column
        self.hint = hint


def parse(text: str) -> Node:
    """The tree of a formula. Raises FormulaError, whatever the text."""
    try:
        return _node(_syntax_tree(text))
    except _Problem as problem:
        raise _formula_error(problem, text) from None


def parse_name(text: str) -> Ref:
    """The one name that a text is. Raises FormulaError also for any other formula."""
    node = parse(text)
    if not isinstance(node, Name):
        hint = "a calculation has a definition of its own: [derived.NAME]"
        raise FormulaError("not the name of a metric", text, 0, hint=hint)
    return node.ref


def _formula_error(problem: _Problem, text: str) -> FormulaError:
    """Everything on one line, character for character, so that the caret stands where it should."""
    shown, column = text, problem.column
    if len(text) > MAX_LENGTH:
        shown, column = f"{text[:60]} …", 0
    hint = None if problem.hint is None else _NOT_ONE_LINE.sub(" ", problem.hint)
    sentence, line = (_NOT_ONE_LINE.sub(" ", part) for part in (problem.problem, shown))
    return FormulaError(sentence, line, column, hint=hint)


def _syntax_tree(text: str) -> Tree[Token]:
    tokens = _tokens(text)
    _check_size(tokens)
    return tree_of(parser_of(_PACKAGE), text, tokens, _explained)


# --- tokens -------------------------------------------------------------------------------------


def _tokens(text: str) -> list[Token]:
    from lark.exceptions import UnexpectedCharacters

    if len(text) > MAX_LENGTH:
        raise _Problem(f"longer than {MAX_LENGTH:,} characters", 0)
    if not text.strip():
        raise _Problem("empty", 0, _EXAMPLE)
    try:
        return list(parser_of(_PACKAGE).lex(text))
    except UnexpectedCharacters as error:
        raise _strange_character(text, error.pos_in_stream or 0) from None


def _strange_character(text: str, column: int) -> _Problem:
    char = text[column]
    if text[column : column + 2] == '."':
        return _Problem("the quote is not closed", column + 1, 'end the name with "')
    if char in "\"'“”„‘’":
        return _Problem(
            f"unexpected {char}", column, 'a quoted name is written metric."val/accuracy"'
        )
    hint = f"write {_MEANT[char]}" if char in _MEANT else "a formula has + - * / ** ( ) and names"
    if char in "<>=!&|":
        hint = "a formula has no conditions; min, max and clamp limit a value"
    shown = char if char.isprintable() else repr(char)
    return _Problem(f"unknown character {shown}", column, hint)


def _check_size(tokens: Sequence[Token]) -> None:
    if len(tokens) > MAX_TOKENS:
        raise _Problem(
            f"more than {MAX_TOKENS} names, numbers and signs",
            place_of(tokens[MAX_TOKENS]),
            "define a part of it under a name of its own",
        )
    open_: list[str] = []
    for token, before in zip(tokens, (None, *tokens), strict=False):
        is_sign = before is None or before.type in _BEFORE_A_SIGN
        if token.type in _BINARY and not is_sign:  # ends what bound more tightly
            while open_ and open_[-1] != "LPAR":
                open_.pop()
        elif token.type in ("LPAR", "MINUS", "_POWER"):
            open_.append(token.type)
        elif token.type == "RPAR":
            while open_ and open_.pop() != "LPAR":
                pass
        if len(open_) > MAX_DEPTH:
            raise _Problem(f"nested deeper than {MAX_DEPTH} levels", place_of(token))


# --- what went wrong ----------------------------------------------------------------------------


def _explained(tokens: Sequence[Token], place: int, token: Token, expected: set[str]) -> _Problem:
    """The sentence for an unexpected token, by what was expected in its place."""
    before = tokens[place - 1] if place else None
    if "NAME" in expected:
        return _no_term(before, token)
    if token.type == "RPAR":
        return _Problem("')' closes nothing", place_of(token))
    if token.type == END:
        return _Problem("'(' is not closed", place_of(_unclosed(tokens)))
    if token.type == "COMMA":
        hint = "a comma separates the arguments of a function; a decimal point is written ."
        return _Problem("a comma outside of a function", place_of(token), hint)
    if token.type == "LPAR":
        return _Problem(f"'(' after {before}", place_of(token), f"write {before} * (")
    hint = f"did you forget a sign? write {before} * {token}"
    return _Problem(f"unexpected {token} after {before}", place_of(token), hint)


def _no_term(before: Token | None, token: Token) -> _Problem:
    if token.type == END and before is not None:
        if before.type == "LPAR":
            return _Problem("'(' is not closed", place_of(before))
        return _Problem(f"nothing follows '{before}'", place_of(before))
    if token.type == "RPAR" and before is not None and before.type == "LPAR":
        return _Problem("empty parentheses", place_of(before))
    if token.type == "RPAR" and before is not None:
        return _Problem(f"nothing follows '{before}'", place_of(before))
    if token.type == "RPAR":
        return _Problem("')' closes nothing", place_of(token))
    return _Problem(f"nothing stands before '{token}'", place_of(token), _EXAMPLE)


def _unclosed(tokens: Sequence[Token]) -> Token:
    open_: list[Token] = []
    for token in tokens:
        if token.type == "LPAR":
            open_.append(token)
        elif token.type == "RPAR":
            open_.pop()
    return open_[-1]


# --- from syntax to meaning ---------------------------------------------------------------------


def _node(tree: Tree[Token]) -> Node:
    first = tree.children[0]
    match tree.data:
        case "number":
            return _number(cast("Token", first))
        case "name":
            return Name(_ref(str(first), place_of(cast("Token", first))))
        case "call":
            return _call(cast("Token", first), cast("list[Tree[Token]]", tree.children[1:]))
    nodes = [_node(cast("Tree[Token]", part)) for part in tree.children]
    return Negative(nodes[0]) if tree.data == "negative" else Binary(_OPS[tree.data], *nodes)


def _number(token: Token) -> Number:
    value = float(token)
    if value == float("inf"):
        raise _Problem("a number that is too large", place_of(token))
    return Number(value)


def _call(token: Token, arguments: Sequence[Tree[Token]]) -> Call:
    function = FUNCTIONS.get(str(token))
    if function is None:
        near = difflib.get_close_matches(token.lower(), FUNCTIONS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"functions: {', '.join(FUNCTIONS)}"
        raise _Problem(f"no function called {token}", place_of(token), hint)
    given = len(arguments)
    if given < function.least or given > (function.most or given):
        wanted = str(function.least) if function.most else f"{function.least} or more"
        plural = "" if wanted == "1" else "s"
        problem = f"{token} takes {wanted} argument{plural}, not {given}"
        raise _Problem(problem, place_of(token))
    return Call(str(token), tuple(map(_node, arguments)))


def _ref(name: str, column: int) -> Ref:
    """What a name means: ``baseline.`` first, then a namespace, then, of a metric, an aggregate."""
    head, _, rest = name.partition(".")
    if head == "baseline":
        if not rest:
            hint = "write for example: baseline.accuracy"
            raise _Problem("baseline of what?", column, hint)
        if rest.partition(".")[0] == "baseline":
            hint = "a metric of that name is written metric.baseline.x"
            raise _Problem("a baseline has no baseline here", column, hint)
        inner = _ref_of_run(rest, column + len("baseline."))
        return Ref(inner.of, inner.name, inner.aggregate, of_baseline=True)
    return _ref_of_run(name, column)


def _ref_of_run(name: str, column: int) -> Ref:
    head, dot, rest = name.partition(".")
    if head in ("metric", "param") and not rest:
        raise _Problem(f"no name after '{head}'", column)
    if head == "param":
        return _param(rest, column + len("param."))
    if head == "metric":
        return _metric(rest, column + len("metric."))
    if name.startswith('"') or ('"' in rest and dot):
        raise _Problem(f"unknown namespace {head}", column, 'write metric."NAME" or param."NAME"')
    return Ref(Of.FIELD, name) if name in FIELDS else _metric(name, column)


def _param(name: str, column: int) -> Ref:
    key, tail = _unquoted(name, column)
    if tail:
        raise _Problem(f"unexpected {tail} after a name", column + len(name) - len(tail))
    return Ref(Of.PARAM, key)


def _metric(name: str, column: int) -> Ref:
    if '"' not in name:
        base, dot, last = name.rpartition(".")
        aggregated = dot and last in AGGREGATES
        return Ref(Of.METRIC, base, last) if aggregated else Ref(Of.METRIC, name)
    key, tail = _unquoted(name, column)
    if tail and tail[1:] not in AGGREGATES:
        near = difflib.get_close_matches(tail[1:], AGGREGATES, 1)
        hint = f"did you mean .{near[0]}?" if near else f"a metric has .{', .'.join(AGGREGATES)}"
        place = column + len(name) - len(tail)
        raise _Problem(f"unexpected {tail} after a name", place, hint)
    return Ref(Of.METRIC, key, tail[1:] or LAST)


def _unquoted(name: str, column: int) -> tuple[str, str]:
    """(name, what follows it); a quoted name is a JSON string."""
    if '"' not in name:
        return name, ""
    match = _QUOTED.match(name)
    if match is None:
        hint = "quote all of it"
        raise _Problem("quotes in the middle of a name", column + name.index('"'), hint)
    try:
        text: str = json.loads(match[0])
        text.encode()
    except ValueError:
        hint = 'a backslash is written \\\\, a quote \\"'
        raise _Problem("unknown escape or character in a quoted name", column, hint) from None
    if not text:
        raise _Problem("no name between the quotes", column)
    return text, name[match.end() :]
