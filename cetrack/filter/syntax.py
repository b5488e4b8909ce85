"""Filter text → syntax tree, and what to say when it has none.

Wraps lark, which is loaded where there is a filter: the grammar is in ``grammar.lark``. Knows no
names and no values. Whatever the text, the only exception is
:class:`cetrack.filter.words.Problem`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cetrack.filter.words import Problem
from cetrack.grammars import END, parser_of, place_of, tree_of

if TYPE_CHECKING:
    from lark import Token, Tree

MAX_LENGTH = 10_000
MAX_DEPTH = 50

OPERATORS = ("=", "==", "!=", "<", "<=", ">", ">=", "~", "!~")
_MEANT = {
    "!": "not",
    "&": "and",
    "&&": "and",
    "<>": "!=",
    "=!": "!=",
    "=<": "<=",
    "===": "=",
    "=>": ">=",
    "=~": "~",
    "|": "or",
    "||": "or",
    "~=": "~",
    "~~": "~",
}
_JOINS = ("_AND", "_OR")
_PACKAGE = "cetrack.filter"


def syntax_tree(text: str) -> Tree[Token]:
    """The tree of a filter; raises Problem."""
    tokens = _tokens(text)
    _check_depth(tokens)
    return tree_of(parser_of(_PACKAGE), text, tokens, _explained)


# --- tokens -------------------------------------------------------------------------------------


def _tokens(text: str) -> list[Token]:
    from lark.exceptions import UnexpectedCharacters

    _check_text(text)
    try:
        tokens = list(parser_of(_PACKAGE).lex(text))
    except UnexpectedCharacters as error:
        raise _strange_character(text, error.pos_in_stream or 0) from None
    for token in tokens:
        if token.type == "OP" and token not in OPERATORS:
            raise _unknown_operator(token)
    return tokens


def _check_text(text: str) -> None:
    if len(text) > MAX_LENGTH:
        raise Problem(f"longer than {MAX_LENGTH:,} characters", 0)
    if not text.strip():
        raise Problem("empty", 0, hint="write for example: category=vision and accuracy >= 0.9")
    for column, char in enumerate(text):
        if char == "\0" or "\ud800" <= char <= "\udfff":
            raise Problem("not text: no database can hold this character", column)


def _strange_character(text: str, column: int) -> Problem:
    char = text[column]
    if char in "\"'":
        return Problem("the quote is not closed", column, hint=f"end the text with {char}")
    if char in "“”„‘’«»":
        return Problem(f"unknown character {char}", column, hint="quotes are \" or '")
    hint = "a value with other characters than letters, digits and _ . / : + - is quoted"
    return Problem(f"unknown character {char!r}", column, hint=hint)


def _unknown_operator(token: Token) -> Problem:
    meant = _MEANT.get(token)
    hint = f"write {meant}" if meant else f"operators are {' '.join(OPERATORS)}"
    return Problem(f"unknown operator {token}", place_of(token), hint=hint)


def _check_depth(tokens: Sequence[Token]) -> None:
    """Count what is open at each place: parentheses, and the nots before them."""
    open_: list[str] = []
    for token, before in zip(tokens, (None, *tokens), strict=False):
        is_operator = before is not None and before.type == "ATOM"  # not in, not exists
        if token.type == "LPAR" or (token.type == "_NOT" and not is_operator):
            open_.append(token.type)
        elif token.type == "RPAR":
            while open_ and open_.pop() != "LPAR":
                pass
        if token.type in ("RPAR", *_JOINS):
            while open_ and open_[-1] == "_NOT":
                open_.pop()
        is_list = before is not None and before.type == "_IN"
        if len(open_) > MAX_DEPTH and open_.count(token.type) > MAX_DEPTH + is_list:
            raise Problem(f"nested deeper than {MAX_DEPTH} levels", place_of(token))


# --- what went wrong ----------------------------------------------------------------------------


def _explained(tokens: Sequence[Token], place: int, token: Token, expected: set[str]) -> Problem:
    """The sentence for an unexpected token, by what was expected in its place."""
    before = tokens[place - 1] if place else None
    if "LPAR" in expected and "ATOM" in expected:
        return _no_condition(before, token)
    if "LPAR" in expected:
        return _no_list(token)
    if "ATOM" in expected:
        return _no_value(before, token)
    if "_EXISTS" in expected:
        return _no_operator(before, token)
    return _no_join(tokens, place, token)


def _no_condition(before: Token | None, token: Token) -> Problem:
    if before is not None and before.type in (*_JOINS, "_NOT"):
        return Problem(f"nothing follows '{before}'", place_of(before))
    if token.type == "RPAR" and before is not None:
        return Problem("empty parentheses", place_of(before))
    if token.type == "RPAR":
        return Problem("')' closes nothing", place_of(token))
    if token.type == END and before is not None:
        return Problem("'(' is not closed", place_of(before))
    return Problem(
        f"nothing stands before '{token}'",
        place_of(token),
        hint="a condition is NAME OPERATOR VALUE, for example accuracy >= 0.9",
    )


def _no_list(token: Token) -> Problem:
    return Problem(
        "'in' is followed by a list in parentheses",
        place_of(token),
        hint="write for example: precision in (int8, fp16)",
    )


def _no_value(before: Token | None, token: Token) -> Problem:
    hint = None
    if token.type in ("_AND", "_OR", "_NOT", "_IN", "_EXISTS"):
        hint = f'as a value, a keyword is quoted: "{token}"'
    if token.type == "LPAR":
        hint = "a list is written a, b or in (a, b)"
    return Problem(f"no value after '{before}'", place_of(token), hint=hint)


def _no_operator(before: Token | None, token: Token) -> Problem:
    if before is not None and before.type == "_NOT":
        return Problem("expected 'in' or 'exists' after 'not'", place_of(token))
    hint = f"write for example: {before} = VALUE, or {before} exists"
    if before is not None and ":" in before:
        hint = f"write {before.replace(':', ' = ', 1)}"
    return Problem(f"no operator after {before}", place_of(token), hint=hint)


def _no_join(tokens: Sequence[Token], place: int, token: Token) -> Problem:
    before = tokens[place - 1]
    if token.type == END:
        return Problem("'(' is not closed", place_of(_unclosed(tokens)))
    if token.type == "RPAR":
        return Problem("')' closes nothing", place_of(token))
    hint = "join conditions with and, or; quote a value with spaces"
    if place > 1 and tokens[place - 2].type == "COMMA":
        hint = "a comma separates values; join conditions with and, or"
    elif token.type == "OP":
        hint = "comparisons do not chain; join two of them with and"
    return Problem(f"unexpected {token} after {before}", place_of(token), hint=hint)


def _unclosed(tokens: Sequence[Token]) -> Token:
    open_: list[Token] = []
    for token in tokens:
        if token.type == "LPAR":
            open_.append(token)
        elif token.type == "RPAR":
            open_.pop()
    return open_[-1]
