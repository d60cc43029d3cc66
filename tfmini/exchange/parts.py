"""The nodes that TensorFlow has for one of ours.

In: a node, and how names of tensors are written.  Out: messages, the last of them for the node.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from tfmini.dtypes import DType, as_dtype
from tfmini.exchange.attributes import encoded
from tfmini.exchange.forms import Constant, Written, type_attrs
from tfmini.exchange.written import written_form
from tfmini.formats.graphdef import AttrValue, NodeDef
from tfmini.formats.tensors import make_tensor_proto
from tfmini.nodes import Operation, Tensor

Named = Callable[[Tensor], str]


class Result(NamedTuple):
    """An output of one of the nodes."""

    name: str
    dtype: DType | None


class Unknown(Exception):
    """A dtype or rank that the form in TensorFlow needs is not known."""


class Parts:
    """Makes nodes under ``name``.

    Calling it adds one: ``parts("Mul", x, y)``.  Inputs are tensors of the graph, results, and
    arrays; attributes are those that do not follow from the inputs' dtypes.  The result has the
    dtype of the first input unless ``out`` says otherwise.

    Parameters
    ----------
    named : function from a tensor of the graph to its name in the message
    taken : the names that are in use; those made here are added
    expansions : by type, functions that make nodes of one of ours
    """

    def __init__(
        self, name: str, device: str, named: Named, taken: set[str], expansions: Mapping[str, Any]
    ) -> None:
        self.nodes: list[NodeDef] = []
        self.named = named
        self.name, self._device, self._taken = name, device, taken
        self._expansions = expansions

    def __call__(
        self, op: str, *inputs: Tensor | Result | np.ndarray, out: Any = None, **attrs: Any
    ) -> Result:
        given = [self._result(op, item) for item in inputs]
        message = self._added(op, op, [r.name for r in given])
        self._describe(message, type_attrs(op, [r.dtype for r in given]))
        self._describe(message, attrs)
        return Result(message.name, as_dtype(out) if out is not None else given[0].dtype)

    def leaf(self, op: str, **attrs: Any) -> str:
        """Add a node without inputs; return its name."""
        message = self._added(op, op, [])
        self._describe(message, attrs)
        return message.name

    def all_of(self, node: Operation) -> bool:
        """Add the nodes for ``node``, the last as ``name``; return whether they are several."""
        expand = self._expansions.get(node.type)
        if expand is not None:
            try:
                self._finish(expand(self, node, *node.inputs))
            except Unknown:
                self.nodes.clear()
            else:
                return True
        self.one(written_form(node))
        return False

    def one(self, written: Written) -> None:
        """Add one node, and the constants that it takes."""
        inputs = [
            self._constant(i.name, i.value).name if isinstance(i, Constant) else self.named(i)
            for i in written.inputs
        ]
        self._describe(self._added("", written.op, inputs), written.attrs)

    def copied(self, node: Operation, name: str, named: Named) -> list[NodeDef]:
        """Add ``node`` once more, with other inputs; return what was added, it the last."""
        inner = Parts(self._free(name), self._device, named, self._taken, self._expansions)
        self._taken.add(inner.name)
        inner.all_of(node)
        self.nodes += inner.nodes
        return inner.nodes

    def _finish(self, results: Result | list[Result]) -> None:
        """Let the last node have the outputs ``results``."""
        if not isinstance(results, Result) or results.name != self.nodes[-1].name:
            listed = [results] if isinstance(results, Result) else results
            self("IdentityN", *listed, T=tuple([r.dtype for r in listed]))
        self.nodes[-1].name = self.name

    def _describe(self, message: NodeDef, attrs: Mapping[str, Any]) -> None:
        for name, value in attrs.items():
            message.attr.adopt(name, value if isinstance(value, AttrValue) else encoded(value))

    def _result(self, op: str, item: Tensor | Result | np.ndarray) -> Result:
        if isinstance(item, Result):
            return item
        if isinstance(item, np.ndarray):
            return self._constant(f"{op}/const", item)
        if item.dtype is None:
            raise Unknown
        return Result(self.named(item), item.dtype)

    def _constant(self, suffix: str, value: np.ndarray) -> Result:
        proto = make_tensor_proto(value)
        message = self._added(suffix, "Const", [])
        message.attr.adopt("dtype", AttrValue(type=proto.dtype))
        message.attr.adopt("value", AttrValue(tensor=proto))
        return Result(message.name, as_dtype(value.dtype))

    def _added(self, suffix: str, op: str, inputs: list[str]) -> NodeDef:
        name = self._free(f"{self.name}/{suffix}") if suffix else self.name
        self._taken.add(name)
        message = NodeDef(name=name, op=op, input=inputs)
        if self._device:
            message.device = self._device
        self.nodes.append(message)
        return message

    def _free(self, base: str) -> str:
        name, count = base, 0
        while name in self._taken:
            count += 1
            name = f"{base}_{count}"
        return name
