"""How dimensions flow through an operation, read from its rule ``dims``.

In: a string such as ``"mk,kn->mn"`` and the ranks of inputs and outputs.  Out: a label for each
dimension.  A label missing on the right is summed over; labels in brackets can't be split.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tfmini.opdef import OpDef
from tfmini.spec import TensorSpec

Labels = list[str]  # one for each axis: a letter, or "...0" for the last broadcast axis
_TOKEN = re.compile(r"\.\.\.|\[[A-Za-z]\]|[A-Za-z]")


class Flow(NamedTuple):
    """The labels of each input's dimensions and each output's, and those that can't be split."""

    inputs: list[Labels]
    outputs: list[Labels]
    fixed: set[str]


def flow_of(
    opdef: OpDef,
    specs: Sequence[TensorSpec],
    attrs: Mapping[str, Any],
    output_ranks: Sequence[int],
) -> Flow | None:
    """Return how dimensions flow for inputs of these specs, or None if no rule says."""
    rule = opdef.dims
    text = rule if isinstance(rule, str) or rule is None else rule(*specs, **attrs)
    if text is None or any([s.rank is None for s in specs]):
        return None
    return read_dims(text, [s.rank or 0 for s in specs], output_ranks)


def read_dims(text: str, ranks: Sequence[int], output_ranks: Sequence[int]) -> Flow:
    """Return the labels that ``text`` gives to tensors of these ranks; ValueError if it can't."""
    left, arrow, right = text.replace(" ", "").partition("->")
    if not arrow:
        if left != "...":
            raise ValueError(f"dims {text!r}: an arrow is missing")
        taken = [_expand(["..."], r, text) for r in ranks]
        return Flow(taken, [_expand(["..."], r, text) for r in output_ranks], set())
    fixed = {t[1] for t in _TOKEN.findall(text) if t.startswith("[")}
    sides = []
    for side, wanted in ((left, ranks), (right, output_ranks)):
        terms = side.split(",") if wanted else []
        if len(terms) != len(wanted):
            raise ValueError(
                f"dims {text!r}: {len(terms)} terms in {side!r} for {len(wanted)} tensors"
            )
        sides.append(
            [_expand(_tokens(t, text), r, text) for t, r in zip(terms, wanted, strict=True)]
        )
    return Flow(sides[0], sides[1], fixed)


def _tokens(term: str, text: str) -> list[str]:
    tokens = _TOKEN.findall(term)
    if "".join(tokens) != term:
        raise ValueError(f"dims {text!r}: {term!r} can't be read")
    return [t.strip("[]") for t in tokens]


def _expand(tokens: list[str], rank: int, text: str) -> Labels:
    """Replace ``...`` by as many labels as the rank leaves, counted from the right."""
    if "..." in tokens:
        at, free = tokens.index("..."), rank - len(tokens) + 1
        tokens = [*tokens[:at], *[f"...{free - 1 - i}" for i in range(free)], *tokens[at + 1 :]]
    if len(tokens) != rank:
        raise ValueError(f"dims {text!r}: {len(tokens)} letters for a tensor of rank {rank}")
    return tokens


def part_shape(shape: Any, dim: int, size: int) -> Any:
    """Return a shape vector for a part that has ``size`` along ``dim``; -1 stays."""
    out = shape.copy()
    if out[dim] != -1:
        out[dim] = size
    return out
