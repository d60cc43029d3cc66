"""Conditionals as TensorFlow 1 has them: switches before both branches, and what merges them.

In: a conditional, whose branches are nodes of the graph.  Out: copies of these nodes that run if
they are chosen, and the results of those that did.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.dtypes import bool_
from tfmini.exchange.outputs import tensor_name
from tfmini.exchange.parts import Parts, Result, Unknown
from tfmini.nodes import Operation, Ref, Tensor, ref_of
from tfmini.ops.bodies import Program
from tfmini.ops.state import VARIABLE


def if_(parts: Parts, node: Operation, pred: Tensor, *outer: Tensor) -> list[Result]:
    """Return the results of a conditional: those of either branch, then those of one alone."""
    then, orelse = node.attrs["then"], node.attrs["orelse"]
    if not then.results and not orelse.results:
        raise Unknown
    switched = [_switch(parts, pred, x) for x in outer]
    pivot = parts("Switch", pred, pred)
    no, yes = (
        _Branch(parts, node, body, [Result(f"{s.name}:{side}", s.dtype) for s in switched],
                parts("Identity", Result(f"{pivot.name}:{side}", bool_)))
        for side, body in enumerate((orelse, then))
    )  # fmt: skip
    n = then.visible
    out = [_merge(parts, a, b) for a, b in zip(no.results[:n], yes.results[:n], strict=True)]
    out += [_merge(parts, no.nothing(r), r) for r in yes.results[n:]]
    return out + [_merge(parts, r, yes.nothing(r)) for r in no.results[n:]]


def _switch(parts: Parts, pred: Tensor, x: Tensor) -> Result:
    """What a branch updates must stay a variable for it."""
    return parts("RefSwitch" if x.op.opdef is VARIABLE else "Switch", x, pred)


def _merge(parts: Parts, a: Result, b: Result) -> Result:
    return parts("Merge", a, b, N=2)


class _Branch:
    """One branch: its ``inputs``, and the node ``pivot`` that runs only if it is chosen."""

    def __init__(
        self, parts: Parts, node: Operation, body: Program, inputs: list[Result], pivot: Result
    ) -> None:
        self._parts, self._pivot = parts, pivot
        self._made: dict[Ref, Result] = dict(zip(body.inputs, inputs, strict=True))
        inside: dict[Operation, str] = {}
        for op in [node.graph._operations[i] for i in sorted(body.ids)]:
            added = parts.copied(op, f"{node.name}/{op.name}", self._named)
            last = added[-1]
            before = [f"^{inside[c]}" for c in op.control_inputs if c in inside]
            for message in added:
                if not message.input:
                    message.input.append(f"^{pivot.name}")
                elif message.op != "Const":
                    message.input.extend(before)
            inside[op] = last.name
            for tensor in op.outputs:
                if tensor.dtype is not None:
                    made = Result(tensor_name(tensor, last.name), tensor.dtype)
                    self._made[ref_of(tensor)] = made
        self.results = [self._result(ref) for ref in body.results]

    def _result(self, ref: Ref) -> Result:
        if ref not in self._made:
            raise Unknown
        # What is not computed here must still come from here, to be absent where this is not run.
        return self._made[ref]

    def _named(self, tensor: Tensor) -> str:
        return self._result(ref_of(tensor)).name

    def nothing(self, like: Result) -> Result:
        """Return a value that is there if this branch is chosen, and that nobody takes."""
        value: Any = np.zeros((), like.dtype.dtype)
        made = self._parts("Identity", value)
        constant = self._parts.nodes[-2]
        constant.input.append(f"^{self._pivot.name}")
        return made
