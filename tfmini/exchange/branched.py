"""Conditionals as TensorFlow 1 has them: switches before both branches, and what merges them.

In: a conditional, whose branches are nodes of the graph.  Out: copies of these nodes that run if
they are chosen, and the results of those that did.
"""

from __future__ import annotations

import numpy as np

from tfmini.dtypes import bool_, string
from tfmini.exchange.copies import body_copied
from tfmini.exchange.parts import Parts, Result, Unknown
from tfmini.nodes import Operation, Tensor


def if_(parts: Parts, node: Operation, pred: Tensor, *outer: Tensor) -> list[Result]:
    """Return the results of a conditional: those of either branch, then those of one alone."""
    then, orelse = node.attrs["then"], node.attrs["orelse"]
    if not then.results and not orelse.results:
        raise Unknown
    # What a branch updates must stay a variable for it.
    kinds = ["RefSwitch" if i in node.opdef.updates else "Switch" for i in range(len(node.inputs))]
    switched = [parts(kind, x, pred) for kind, x in zip(kinds[1:], outer, strict=True)]
    switch = parts("Switch", pred, pred)
    no, yes = [parts("Identity", Result(f"{switch.name}:{side}", bool_)) for side in (0, 1)]
    if_no, if_yes = [
        body_copied(
            parts, node, body, [Result(f"{s.name}:{side}", s.dtype) for s in switched], pivot
        )
        for side, body, pivot in ((0, orelse, no), (1, then, yes))
    ]  # fmt: skip
    n = then.visible
    out = [_merge(parts, a, b) for a, b in zip(if_no[:n], if_yes[:n], strict=True)]
    out += [_merge(parts, _nothing(parts, r, no), r) for r in if_yes[n:]]
    return out + [_merge(parts, r, _nothing(parts, r, yes)) for r in if_no[n:]]


def _merge(parts: Parts, a: Result, b: Result) -> Result:
    return parts("Merge", a, b, N=2)


def _nothing(parts: Parts, like: Result, pivot: Result) -> Result:
    """Return a value that is there if ``pivot`` runs, and that nobody takes."""
    if like.dtype is None or like.dtype is string:
        raise Unknown
    made = parts("Identity", np.zeros((), like.dtype.dtype))
    parts.nodes[-2].input.append(f"^{pivot.name}")  # the constant
    return made
