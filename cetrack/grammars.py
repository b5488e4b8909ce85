"""What the languages of filters and formulas share: a grammar beside the code, read by tokens.

The parser is asked before every token what it would accept, so that an error can say it. Pure;
lark is loaded where something is parsed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lark import Lark, Token, Tree

END = "$END"
Explain = Callable[["Sequence[Token]", int, "Token", set[str]], Exception]


@cache
def parser_of(package: str) -> Lark:
    """The parser of the ``grammar.lark`` of a package."""
    from lark import Lark

    grammar = files(package).joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", lexer="basic")


def tree_of(parser: Lark, text: str, tokens: Sequence[Token], explained: Explain) -> Tree[Token]:
    """The tree of the tokens of ``text``.

    Raises what ``explained`` makes of the tokens, the place of the first wrong one, itself (END
    where something is missing) and the kinds of token that were possible there.
    """
    from lark import Token

    driver = parser.parse_interactive()
    end = Token(END, "", start_pos=len(text.rstrip()))
    for place, token in enumerate([*tokens, end]):
        expected: set[str] = driver.accepts()  # type: ignore[no-untyped-call]
        if token.type not in expected:
            raise explained(tokens, place, token, expected)
        result = driver.feed_token(token)
    tree: Tree[Token] = result
    return tree


def place_of(token: Token) -> int:
    """The 0-based column of a token."""
    assert token.start_pos is not None
    return token.start_pos
