"""From nodes to straight-line Python.

In: nodes in order, the values that come from outside, the values that must leave.  Out: a
``Function``: generated source, one line a node, with kernels and attributes bound by name; a
value's variable is used again, or cleared, right after its last use.

The generated source is data (names, positions) plus objects that pickle: a ``Function`` travels to
a worker and is compiled there.  An exception is traced to its node by the line that raised it, so
that running costs nothing for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from time import perf_counter
from typing import Any

import numpy as np

from tfmini.errors import NodeInfo, node_error
from tfmini.nodes import describe_inputs
from tfmini.opdef import OpDef
from tfmini.plan import RESOURCES, Node, Ref

# What Python writes with an operator; NumPy's scalars take that many times quicker than the ufunc,
# and by the same rules: but for the last bit of complex products.
_SYMBOLS = {
    np.add: "({} + {})", np.subtract: "({} - {})", np.multiply: "({} * {})",
    np.true_divide: "({} / {})", np.negative: "(-{})",
}  # fmt: skip

# Values known to be smaller than this are left for their variable's next use to drop.
_SMALL_BYTES = 1 << 14


class Function:
    """A compiled sequence of nodes: call it with the values of ``inputs``, get ``outputs``."""

    def __init__(
        self,
        source: str,
        scope: Mapping[str, Any],
        kernels: Mapping[str, OpDef],
        lines: Mapping[int, tuple[NodeInfo, tuple[str, ...]]],
        inputs: Sequence[Ref],
        outputs: Sequence[Ref],
    ) -> None:
        self.source = source
        self.scope = scope
        self.kernels = kernels
        self.lines = lines
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self.seconds: float | None = None  # what its last run in this process took
        self._compile()

    def _compile(self) -> None:
        scope = {**self.scope, **{name: opdef.computed_by for name, opdef in self.kernels.items()}}
        self.code = compile(self.source, "<tfmini region>", "exec")
        exec(self.code, scope)
        # Kernels follow IEEE 754 without warnings, as TensorFlow's do.
        self.call: Callable[..., Any] = np.errstate(all="ignore")(scope["region"])

    def __call__(self, *values: Any) -> tuple[Any, ...]:
        start = perf_counter()
        try:
            results: tuple[Any, ...] = self.call(*values)
        except Exception as e:
            error = self.explain(e)
            if error is e:  # as its own cause it would send who follows causes in circles
                raise
            raise error from e
        self.seconds = perf_counter() - start
        return results

    @cached_property
    def ticking(self) -> Function:
        """The same with a first argument, which is called after each node: how it is timed."""
        source: list[str] = []
        lines = {}
        for number, line in enumerate(self.source.split("\n"), 1):
            source.append(line.replace("(", "(tick, ", 1) if number == 1 else line)
            if number in self.lines:
                lines[len(source)] = self.lines[number]
                source.append("    tick()")
        parts = (self.scope, self.kernels, lines, self.inputs, self.outputs)
        return Function("\n".join(source), *parts)

    def explain(self, error: Exception) -> Exception:
        """Return ``error`` as an ``OpError`` that names the node whose line raised it."""
        trace = error.__traceback__
        found = step = None
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == "<tfmini region>":
                found = trace
            elif trace.tb_frame.f_code.co_filename == "<tfmini fused>":
                step = trace.tb_frame.f_globals["infos"].get(trace.tb_lineno)
            trace = trace.tb_next
        if found is None or found.tb_lineno not in self.lines:
            return error
        info, names = self.lines[found.tb_lineno]
        scope = {**found.tb_frame.f_globals, **found.tb_frame.f_locals}
        return node_error(step or info, error, describe_inputs([scope.get(n) for n in names]))

    def __reduce__(self) -> Any:
        # Types, not their methods: a type travels by reference, a method of it would by value.
        parts = (self.source, self.scope, self.kernels, self.lines, self.inputs, self.outputs)
        return Function, parts


def generate(
    nodes: Sequence[Node],
    inputs: Sequence[Ref],
    outputs: Sequence[Ref],
    constants: Mapping[Ref, Any],
    streams: Mapping[int, Ref] | None = None,
) -> Function:
    """Return the function that runs ``nodes`` in order.

    Parameters
    ----------
    inputs : values given by the caller, as positional arguments
    outputs : values returned, as a tuple in this order
    constants : values bound into the function
    streams : for each random node the input that carries its stream's key
    """
    return _Writer(nodes, inputs, outputs, constants, streams or {}).function()


class _Writer:
    def __init__(
        self,
        nodes: Sequence[Node],
        inputs: Sequence[Ref],
        outputs: Sequence[Ref],
        constants: Mapping[Ref, Any],
        streams: Mapping[int, Ref],
    ) -> None:
        self.nodes = nodes
        self.inputs = inputs
        self.outputs = outputs
        self.constants = constants
        self.streams = streams
        self.scope: dict[str, Any] = {}
        self.names: dict[Ref, str] = {}
        self.free: list[str] = []
        self.count = 0
        self.sources: list[str] = []
        self.lines: dict[int, tuple[NodeInfo, tuple[str, ...]]] = {}
        self.kernels: dict[int, str] = {}
        self.opdefs: dict[str, OpDef] = {}
        self.sizes = {r: s.nbytes for n in nodes for r, s in zip(n.outputs, n.specs, strict=True)}

    def function(self) -> Function:
        for i, ref in enumerate(self.inputs):
            self.names[ref] = f"a{i}"
        self.sources.append(f"def region({', '.join(f'a{i}' for i in range(len(self.inputs)))}):")
        last = self._last_uses()
        for position, node in enumerate(self.nodes):
            self._write(position, node, last)
        results = "".join(f"{self._name(ref)}, " for ref in self.outputs)
        self.sources.append(f"    return ({results})")
        return Function(
            "\n".join(self.sources),
            self.scope,
            self.opdefs,
            self.lines,
            self.inputs,
            self.outputs,
        )

    def _last_uses(self) -> dict[Ref, int]:
        last: dict[Ref, int] = {}
        for position, node in enumerate(self.nodes):
            for ref in node.outputs:
                last[ref] = position
            for ref in node.inputs:
                last[ref] = position
            if node.id in self.streams:
                last[self.streams[node.id]] = position
        for ref in self.outputs:
            last[ref] = len(self.nodes)
        return last

    def _write(self, position: int, node: Node, last: Mapping[Ref, int]) -> None:
        arguments = [self._name(ref) for ref in node.inputs]
        call = self._call(node, arguments)
        dying = dict.fromkeys(
            [r for r in node.inputs if last[r] == position and r not in self.constants]
        )
        freed = {ref: self.names.pop(ref) for ref in dying}
        self.free.extend(freed.values())
        targets = [self._take(ref) for ref in node.outputs]
        unused = [r for r in node.outputs if last[r] == position]
        assigned = ", ".join(targets)
        if not node.specs:
            text = f"    {call}"
        elif len(node.specs) == 1 and not node.opdef.listed:
            text = f"    {assigned} = {call}"
        else:
            text = f"    {assigned}, = {call}"
        self.sources.append(text)
        self.lines[len(self.sources)] = (node.info, tuple(arguments))
        large = [n for r, n in freed.items() if n not in targets and self._is_large(r)]
        for ref in unused:
            name = self.names.pop(ref)
            self.free.append(name)
            if self._is_large(ref):
                large.append(name)
        if large:
            self.sources.append(f"    {' = '.join(large)} = None")

    def _is_large(self, ref: Ref) -> bool:
        size = self.sizes.get(ref)
        return size is None or size >= _SMALL_BYTES

    def _name(self, ref: Ref) -> str:
        name = self.names.get(ref)
        if name is None:
            name = self.names[ref] = f"c{len(self.names)}_{ref[0]}_{ref[1]}".replace("-", "m")
            value = self.constants[ref]
            # NumPy computes much quicker with its scalars than with 0-d arrays.
            self.scope[name] = (
                value[()] if isinstance(value, np.ndarray) and not value.ndim else value
            )
        return name

    def _take(self, ref: Ref) -> str:
        if self.free:
            name = self.free.pop()
        else:
            name = f"v{self.count}"
            self.count += 1
        self.names[ref] = name
        return name

    def _call(self, node: Node, arguments: list[str]) -> str:
        opdef = node.opdef
        if opdef.runs_as_ufunc and opdef.ufunc in _SYMBOLS and not _is_complex_product(node):
            return _SYMBOLS[opdef.ufunc].format(*arguments)
        name = self.kernels.get(id(opdef))
        if name is None:
            name = f"k{len(self.kernels)}_{opdef.function_name}"
            self.kernels[id(opdef)] = name
            self.opdefs[name] = opdef
        return f"{name}({', '.join([*arguments, *self._attributes(node)])})"

    def _attributes(self, node: Node) -> list[str]:
        out = []
        for key, value in node.attrs.items():
            if value is None or type(value) in (bool, int):
                out.append(f"{key}={value!r}")
            else:
                name = f"t{len(self.scope)}"
                self.scope[name] = value
                out.append(f"{key}={name}")
        if node.id in self.streams:
            self.scope["generator"] = generator
            out.append(f"rng=generator({self._name(self.streams[node.id])})")
        if node.opdef.resource:
            out.append(f"resources={self._name(RESOURCES)}")
        return out


def _is_complex_product(node: Node) -> bool:
    """Whether ``node`` multiplies complex numbers, for all that is known."""
    dtype = node.specs[0].dtype
    return node.opdef.ufunc is np.multiply and (dtype is None or dtype.dtype.kind == "c")


def generator(key: tuple[int, ...]) -> np.random.Generator:
    """Return the Philox stream of ``key``: (seed word, seed word, draw[, shard])."""
    first, second, draw, *shard = key
    # A list of one large and one small int would become floats.
    words = np.array([first, second], np.uint64)
    philox = np.random.Philox(key=words, counter=[0, 0, *(shard or [0]), draw])
    return np.random.Generator(philox)
