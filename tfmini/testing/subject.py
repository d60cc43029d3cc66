"""The operation under test: its samples, and ways to compute and to build it.

In: a function made by ``@op``, or its ``OpDef``.  Out: a ``Subject``, on which the rules work.
Values are made once and shared by the rules; arrays given to ``compute`` are always fresh copies,
so that an operation that breaks one rule does not seem to break the others.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from tfmini.build import apply, convert_to_tensor, create
from tfmini.codegen import generator
from tfmini.dtypes import as_dtype
from tfmini.errors import InvalidTypeError
from tfmini.graph import Graph
from tfmini.nodes import Operation, Tensor
from tfmini.opdef import OpDef
from tfmini.ops.placeholders import placeholder
from tfmini.ops.state import Variable
from tfmini.spec import TensorSpec
from tfmini.testing.report import Fault, NotApplicable
from tfmini.testing.samples import Sample, materialise

STREAM = (1, 2, 0)


class Subject:
    """One operation type, as the rules see it.

    Attributes
    ----------
    opdef : OpDef
    function : callable or None
        What users call; None if the class is no longer there by its name.
    shared : Any
        What rules share between operations; see ``places.py``.
    """

    def __init__(self, op: Any, shared: Any = None) -> None:
        opdef = op if isinstance(op, OpDef) else getattr(op, "opdef", None)
        if not isinstance(opdef, OpDef):
            raise InvalidTypeError(
                None, None, f"{op!r} is no operation: give a function made by @op, or its OpDef."
            )
        self.opdef = opdef
        self.function = _function_of(opdef) if op is opdef else op
        self.shared = shared

    @property
    def name(self) -> str:
        return self.opdef.function_name

    @property
    def is_leaf(self) -> bool:
        """Whether it computes nothing, since sessions give its value."""
        opdef = self.opdef
        return opdef.is_placeholder or opdef.is_variable or opdef.is_constant

    def has(self, keyword: str) -> bool:
        """Whether compute takes the reserved keyword ``rng`` or ``out``."""
        return keyword in self.opdef.schema.reserved

    # -- samples --------------------------------------------------------------------------------

    @cached_property
    def samples(self) -> list[Sample]:
        """All samples, with attributes in the form that nodes keep."""
        if not self.opdef.samples:
            raise NotApplicable(
                "a leaf" if self.is_leaf else self.opdef.tested_by or "there are no samples"
            )
        return [self._normalised(i, item) for i, item in enumerate(self.opdef.samples)]

    def _normalised(self, index: int, item: Any) -> Sample:
        sample = materialise(self.opdef, index, item)
        return sample._replace(attrs=dict(self.node(sample).attrs))

    @cached_property
    def values(self) -> list[tuple[Any, ...]]:
        """The outputs of each sample, from plain calls of compute."""
        return [self.compute(s) for s in self.samples]

    # -- computing ------------------------------------------------------------------------------

    def compute(
        self,
        sample: Sample,
        inputs: Sequence[Any] | None = None,
        out: Any = None,
        stream: tuple[int, int, int] = STREAM,
    ) -> tuple[Any, ...]:
        """Return the outputs of compute, always as a tuple; see ``call``."""
        return self.as_outputs(sample, self.call(sample, inputs, out, stream))

    def call(
        self,
        sample: Sample,
        inputs: Sequence[Any] | None = None,
        out: Any = None,
        stream: tuple[int, int, int] = STREAM,
    ) -> Any:
        """Return what compute returns.

        It gets what the engine would give: NumPy's scalars for 0-d arrays, no warnings from
        floating-point arithmetic.  Other warnings are errors.
        """
        if inputs is None:
            inputs = [np.array(x)[()] for x in sample.inputs]
        opdef, keywords = self.opdef, dict(sample.attrs)
        if self.has("rng"):
            keywords["rng"] = generator(stream)
        if out is not None:
            keywords["out"] = out
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("error")
            return (opdef.computed_by if opdef.checked else opdef.compute)(*inputs, **keywords)

    def as_outputs(self, sample: Sample, result: Any) -> tuple[Any, ...]:
        """Return what compute returned as a tuple of outputs."""
        count = len(self.specs(sample))
        if count == 1 and not self.opdef.listed:
            return (result,)
        if not isinstance(result, (tuple, list)) or len(result) != count:
            raise Fault(f"{sample.label}: infer gives {count} outputs, compute {result!r}")
        return tuple(result)

    # -- building -------------------------------------------------------------------------------

    def specs(self, sample: Sample) -> tuple[TensorSpec, ...]:
        """Return the inferred specs of the outputs for full specs of the inputs."""
        return tuple([t.spec for t in self.node(sample).outputs])

    def node(self, sample: Sample) -> Operation:
        """Return a node for ``sample`` in a graph of its own."""
        graph = Graph()
        with graph.as_default():
            return create(self.opdef, self.tensors(graph, sample)[0], sample.attrs)

    def tensors(
        self, graph: Graph, sample: Sample, bare: bool = False, fed: bool = False
    ) -> tuple[list[Any], dict[Tensor, Any]]:
        """Return inputs for ``sample`` in ``graph``, and their feeds.

        Parameters
        ----------
        bare : placeholders know neither shape nor dtype, numbers stay Python's
        fed : integers are fed too, instead of being constants
        """
        out: list[Any] = []
        feeds: dict[Tensor, Any] = {}
        for i, x in enumerate(sample.inputs):
            number = sample.numbers[i]
            if i in self.opdef.updates:
                out.append(Variable(x.copy()))
            elif bare and number is not None and self.opdef.same_dtype:
                out.append(number)
            elif not bare and not fed and x.dtype.kind in "iu":
                out.append(convert_to_tensor(x))
            else:
                known = () if bare else (as_dtype(x.dtype), x.shape)
                tensor: Any = placeholder(*known)
                feeds[tensor] = x
                out.append(tensor)
        return out, feeds

    def outputs(self, inputs: Sequence[Any], sample: Sample) -> tuple[Any, ...]:
        """Return the output tensors of a node with ``inputs`` and the attributes of ``sample``."""
        result = apply(self.opdef, inputs, sample.attrs)
        if isinstance(result, Operation):
            return result.outputs
        return tuple(result) if isinstance(result, (list, tuple)) else (result,)

    @property
    def floats(self) -> bool:
        """Whether some sample has float or complex inputs and outputs."""
        return any(
            any(x.dtype.kind in "fc" for x in s.inputs)
            and any(np.asarray(v).dtype.kind in "fc" for v in values)
            for s, values in zip(self.samples, self.values, strict=True)
        )


def _function_of(opdef: OpDef) -> Any:
    """Return the function of the module that defines ``opdef``, if it is there by its name."""
    module = sys.modules.get(type(opdef).__module__)
    function = getattr(module, opdef.function_name, None)
    return function if getattr(function, "opdef", None) is opdef else None


def same_bits(a: Any, b: Any) -> bool:
    """Whether two arrays are equal to the last bit; one NaN is as good as another."""
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.dtype == object:
        return a.tolist() == b.tolist()
    if a.tobytes() == b.tobytes():
        return True
    if a.dtype.kind not in "fc":
        return False
    a, b = np.array(a), np.array(b)
    parts = [(a, b)] if a.dtype.kind == "f" else [(a.real, b.real), (a.imag, b.imag)]
    for x, y in parts:
        x[np.isnan(x)] = np.nan
        y[np.isnan(y)] = np.nan
    return a.tobytes() == b.tobytes()


def close(a: Any, b: Any, tolerance: float = 1e-10) -> bool:
    """Whether two arrays are equal but for the order of sums, relative to their largest element."""
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.dtype.kind not in "fc":
        return bool(np.array_equal(a, b))
    if a.dtype.itemsize <= 4 or a.dtype == np.complex64:
        tolerance = max(tolerance, 1e-4)
    finite = np.abs(a[np.isfinite(a)])
    scale = float(finite.max()) if finite.size else 0.0
    return bool(np.allclose(a, b, rtol=tolerance, atol=tolerance * scale, equal_nan=True))


def describe(value: Any) -> str:
    """Return dtype, shape and, of small arrays, the elements of ``value``."""
    array = np.asarray(value)
    text = f"{array.dtype}{list(array.shape)}"
    return f"{text} {array.tolist()}" if array.size <= 6 else text
