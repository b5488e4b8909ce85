r"""Any text as LaTeX that every engine typesets, pdflatex with its first fonts included.

Letters with accents, Greek and the usual symbols become commands. What pdflatex has no glyph for,
Chinese or an emoji, and what must not act, a control or a change of direction, is written as its
escape: ``\u65e5``. No package is needed.
"""

from __future__ import annotations

import re
import unicodedata

from cetrack.report.cells import visible

# `[` and `*` at the start of a row would be arguments of the \\ before it; `"` is active in babel
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",
    "[": "{[}",
    "*": "{*}",
} | {char: f"\\{char}" for char in "_%&#{}$"}
_LETTERS = {
    "ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L",
    "ı": "i", "ȷ": "j", "§": "S", "¶": "P", "©": "copyright", "£": "pounds", "†": "dag",
    "‡": "ddag", "…": "dots", "–": "textendash", "—": "textemdash", "‘": "textquoteleft",
    "’": "textquoteright", "“": "textquotedblleft", "”": "textquotedblright",
    "¡": "textexclamdown", "¿": "textquestiondown",
}  # fmt: skip
_GREEK = {
    unicodedata.lookup(f"GREEK SMALL LETTER {name}"): name.lower()
    for name in (
        "ALPHA", "BETA", "GAMMA", "DELTA", "EPSILON", "ZETA", "ETA", "THETA", "IOTA", "KAPPA",
        "MU", "NU", "XI", "PI", "RHO", "SIGMA", "TAU", "UPSILON", "PHI", "CHI", "PSI", "OMEGA",
    )
} | {
    unicodedata.lookup(f"GREEK CAPITAL LETTER {name}"): name.capitalize()
    for name in (
        "GAMMA", "DELTA", "THETA", "XI", "PI", "SIGMA", "UPSILON", "PHI", "PSI", "OMEGA",
    )
} | {"λ": "lambda", "Λ": "Lambda", "µ": "mu"}  # fmt: skip
_SYMBOLS = {
    "×": "times", "÷": "div", "±": "pm", "·": "cdot", "•": "bullet", "≤": "leq", "≥": "geq",
    "≠": "neq", "≈": "approx", "∞": "infty", "√": "surd", "∂": "partial", "∑": "sum",
    "∆": "Delta", "←": "leftarrow", "→": "rightarrow", "↑": "uparrow", "↓": "downarrow",
    "↔": "leftrightarrow", "⇒": "Rightarrow", "∈": "in", "¬": "neg",
}  # fmt: skip
_MATH = {char: f"\\{name}" for char, name in (_GREEK | _SYMBOLS).items()} | {
    "−": "-",
    "°": r"^{\circ}",
    "¹": "^{1}",
    "²": "^{2}",
    "³": "^{3}",
}
_COMMANDS = (
    _SPECIAL
    | {char: f"\\{name}{{}}" for char, name in _LETTERS.items()}
    | {char: f"${math}$" for char, math in _MATH.items()}
)
_ABOVE = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u",
    "\u0307": ".", "\u0308": '"', "\u030a": "r", "\u030b": "H", "\u030c": "v",
}  # fmt: skip
_BELOW = {"\u0327": "c", "\u0323": "d", "\u0331": "b"}
_PLAIN = re.compile(r"[A-Za-z0-9 .:;/()+=@\]]*")
# two hyphens stay two hyphens, two commas two commas
_LIGATURE = re.compile(r"(?<=-)(?=-)|(?<=[`!?])(?=`)|(?<=')(?=')|(?<=,)(?=,)")


def escaped(text: str) -> str:
    """The text without any meaning to LaTeX: ASCII, braces balanced, one line."""
    if _PLAIN.fullmatch(text):
        return text
    shown = visible(unicodedata.normalize("NFC", text))
    return "{}".join("".join(map(_char, piece)) for piece in _LIGATURE.split(shown))


def _char(char: str) -> str:
    if char in _COMMANDS:
        return _COMMANDS[char]
    return char if char.isascii() else _accented(char) or _escape(char)


def _accented(char: str) -> str | None:
    """A letter with one accent, None for anything else."""
    parts = unicodedata.normalize("NFD", char)
    base, mark = parts[0], parts[1:]
    if not (base.isascii() and base.isalpha()):
        return None
    if mark in _BELOW:
        return f"\\{_BELOW[mark]}{{{base}}}"
    without_dot = f"\\{base}" if base in "ij" else base
    return f"\\{_ABOVE[mark]}{{{without_dot}}}" if mark in _ABOVE else None


def _escape(char: str) -> str:
    return _COMMANDS["\\"] + char.encode("unicode_escape").decode()[1:]
