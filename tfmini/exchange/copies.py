"""Copies of nodes, for where TensorFlow has them: on a side of a switch, in a loop, or in a layer.

In: nodes, and what stands for tensors that they take.  Out: the copies, and what stands for the
tensors that they give.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tfmini.exchange.outputs import tensor_name
from tfmini.exchange.parts import Parts, Result, Unknown
from tfmini.nodes import Operation, Ref, Tensor, ref_of
from tfmini.ops.bodies import Program


def body_copied(
    parts: Parts, node: Operation, body: Program, inputs: Sequence[Result], pivot: Result
) -> list[Result]:
    """Copy ``body``, a part of ``node``, with ``inputs``; return its results.

    Nodes without inputs wait for ``pivot``, which runs whenever the body does.
    """
    nodes = [node.graph._operations[i] for i in sorted(body.ids)]
    copies = Copies(parts, nodes, dict(zip(body.inputs, inputs, strict=True)), pivot)
    return [copies.result(ref) for ref in body.results]


class Copies:
    """Copies of ``nodes``, in order, in ``parts``; ``given`` stands for tensors from outside."""

    def __init__(
        self, parts: Parts, nodes: Iterable[Operation], given: Mapping[Ref, Result],
        pivot: Result | None = None,
    ) -> None:  # fmt: skip
        self._made: dict[Ref, Result] = dict(given)
        inside: dict[Operation, str] = {}
        for op in nodes:
            added = parts.copied(op, f"{parts.name}/{op.name}", self._named)
            before = [f"^{inside[c]}" for c in op.control_inputs if c in inside]
            for message in added:
                if not message.input and pivot is not None:
                    message.input.append(f"^{pivot.name}")
                elif message.op != "Const":
                    message.input.extend(before)
            inside[op] = added[-1].name
            for tensor in op.outputs:
                if tensor.dtype is not None:
                    name = tensor_name(tensor, added[-1].name)
                    self._made[ref_of(tensor)] = Result(name, tensor.dtype)

    def result(self, ref: Ref) -> Result:
        """Return what stands for a tensor."""
        if ref not in self._made:
            raise Unknown
        return self._made[ref]

    def _named(self, tensor: Tensor) -> str:
        return self.result(ref_of(tensor)).name
