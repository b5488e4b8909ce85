"""The language of formulas, in which derived metrics and scores are defined.

::

    node = parse("100 * accuracy / baseline.accuracy")
    evaluate(node, {ref: values for ref in refs(node)})  # one per run, NaN: no value

Text becomes a tree, and the tree is evaluated on arrays. Nothing is ever executed: a formula can
only do arithmetic, and length and depth are limited. Pure.
"""

from __future__ import annotations

from cetrack.formula.evaluate import evaluate
from cetrack.formula.format import format_formula, format_ref
from cetrack.formula.parse import parse, parse_name
from cetrack.formula.tree import Name, Node, Of, Ref, refs

__all__ = [
    "Name",
    "Node",
    "Of",
    "Ref",
    "evaluate",
    "format_formula",
    "format_ref",
    "parse",
    "parse_name",
    "refs",
]
