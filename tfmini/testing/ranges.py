"""Rules on what inputs may be: empty, scalars, of other dtypes, and bad ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from inspect import Parameter
from typing import Any

import numpy as np

from tfmini.build import create
from tfmini.dtypes import DType
from tfmini.errors import InvalidArgumentError, InvalidTypeError, OpError
from tfmini.graph import Graph
from tfmini.opdef import MISSING
from tfmini.ops.state import Variable
from tfmini.session import Session
from tfmini.spec import TensorSpec
from tfmini.testing.differentiation import Built
from tfmini.testing.report import Fault, NotApplicable, rule
from tfmini.testing.samples import Sample, domain_of, is_shape
from tfmini.testing.subject import Subject, describe, same_bits


@rule
def zero_size(subject: Subject) -> None:
    """Empty inputs give outputs, and gradients, of the right shape.

    Samples that have an empty input must work; so must those of element-wise operations when they
    are made empty.  Others, made empty, may be refused, with a ValueError or IndexError.
    """
    empty = [s for s in subject.samples if any(x.size == 0 for x in s.inputs)]
    made = [s for sample in subject.samples for s in _emptied(subject, sample)]
    if not subject.opdef.elementwise:
        made = [s for s in made if not _refused(subject, s)]
    for sample in [*empty, *made]:
        _check_edge(subject, sample)
    if not empty and not made:
        raise NotApplicable("no sample has a dimension of 0, or takes it")


def _refused(subject: Subject, sample: Sample) -> bool:
    try:
        subject.compute(sample)
    except (ValueError, IndexError):
        return True
    return False


@rule
def scalars(subject: Subject) -> None:
    """0-d inputs work, and NumPy's scalars give what 0-d arrays give."""
    if subject.opdef.elementwise:
        flat = [s for sample in subject.samples for s in _scalars(subject, sample)]
    else:
        flat = [s for s in subject.samples if any(x.ndim == 0 for x in s.inputs)]
    if not flat:
        raise NotApplicable("no sample has an input without dimensions")
    for sample in flat:
        values = _check_edge(subject, sample)
        as_arrays = subject.compute(sample, [np.array(x) for x in sample.inputs])
        for j, (a, b) in enumerate(zip(as_arrays, values, strict=True)):
            if not same_bits(a, b):
                raise Fault(
                    f"{sample.label}: output {j} is {describe(a)} for 0-d arrays, {describe(b)} "
                    f"for NumPy's scalars"
                )


def _emptied(subject: Subject, sample: Sample) -> Iterator[Sample]:
    """Yield the sample with a first dimension made 0, if infer allows that."""
    cut = _along_rows(sample) if subject.opdef.elementwise else _like_the_first(sample)
    if any(cut):
        inputs = [x[:0] if c else x for x, c in zip(sample.inputs, cut, strict=True)]
        yield from _allowed(subject, sample.replaced(inputs, ", made empty"))


def _along_rows(sample: Sample) -> list[bool]:
    """Return which inputs have the result's first dimension."""
    rank = max([x.ndim for x in sample.inputs], default=0)
    single = len(sample.inputs) == 1
    return [x.ndim == rank > 0 and (x.shape[0] > 1 or single) for x in sample.inputs]


def _like_the_first(sample: Sample) -> list[bool]:
    """Return which of the random inputs are as long as the first."""
    drawn = [d and x.ndim > 0 for x, d in zip(sample.inputs, sample.drawn, strict=True)]
    lengths = [len(x) for x, d in zip(sample.inputs, drawn, strict=True) if d]
    return [d and len(x) == lengths[0] for x, d in zip(sample.inputs, drawn, strict=True)]


def _scalars(subject: Subject, sample: Sample) -> Iterator[Sample]:
    """Yield the sample made of the first elements of its inputs, if that is allowed."""
    if all(x.size for x in sample.inputs):
        inputs = [x.reshape(-1)[0] for x in sample.inputs]
        yield from _allowed(subject, sample.replaced(inputs, ", made 0-d"))


def _allowed(subject: Subject, sample: Sample) -> Iterator[Sample]:
    """Yield ``sample`` unless infer refuses its shapes."""
    try:
        subject.node(sample)
    except InvalidArgumentError:
        return
    yield sample


def _check_edge(subject: Subject, sample: Sample) -> tuple[Any, ...]:
    """Compute, compare with infer, and build the gradients."""
    values = subject.compute(sample)
    for spec, value in zip(subject.specs(sample), values, strict=True):
        real = TensorSpec.of(value)
        if spec.dtype is not real.dtype or len(spec.shape or ()) != len(real.shape or ()):
            raise Fault(f"{sample.label}: infer gives {spec!r}, compute {real!r}")
    opdef = subject.opdef
    if opdef.gradient in (None, MISSING) or opdef.random:
        return values
    if any(np.asarray(v).dtype.kind in "fc" for v in values):
        built = Built(subject, sample)
        for (i, x), g in zip(built.xs, built.first(), strict=True):
            if g is not None and g.shape != x.shape:
                raise Fault(
                    f"{sample.label}: the gradient of input {i} is {describe(g)}, the input "
                    f"{describe(x)}"
                )
    return values


@rule
def dtypes(subject: Subject) -> None:
    """float32, float64 and int32 work, or are refused by ``kinds`` while building."""
    tried = 0
    for sample in subject.samples:
        for wanted in (np.float32, np.float64, np.int32):
            dtype = np.dtype(wanted)
            cast = _in_dtype(subject, sample, dtype)
            if cast is None:
                continue
            tried += 1
            if subject.opdef.kinds is not None and dtype.kind not in subject.opdef.kinds:
                _check_refused(subject, cast, dtype)
            else:
                _check_dtype(subject, cast, dtype)
    if not tried:
        raise NotApplicable("no sample has float inputs")


def _in_dtype(subject: Subject, sample: Sample, dtype: np.dtype) -> Sample | None:
    """Return the sample with its float data as ``dtype``, or None if they can't be."""
    refuses = subject.opdef.kinds is not None and dtype.kind not in subject.opdef.kinds
    if not any(x.dtype.kind == "f" for x in sample.inputs):
        if not refuses or not sample.inputs:
            return None
        first = sample.inputs[0]
        first = np.zeros(first.shape) if first.dtype == object else first.real
        return sample.replaced([first.astype(dtype), *sample.inputs[1:]], f" as {dtype}")
    out = []
    for i, x in enumerate(sample.inputs):
        if x.dtype.kind != "f":
            out.append(x)
        elif dtype.kind == "f" or refuses:
            out.append(x.astype(dtype))
        elif sample.drawn[i]:
            low, high = domain_of(subject.opdef, i)
            numbers = np.arange(int(np.ceil(low)), int(np.floor(high)) + 1)
            if not numbers.size:
                return None
            out.append(np.random.default_rng(i).choice(numbers, x.shape).astype(dtype))
        elif np.array_equal(x, np.floor(x)):
            out.append(x.astype(dtype))
        else:
            return None
    return sample.replaced(out, f" as {dtype}")


def _check_refused(subject: Subject, sample: Sample, dtype: np.dtype) -> None:
    try:
        subject.node(sample)
    except InvalidTypeError:
        return
    raise Fault(f"{sample.label}: kinds = {subject.opdef.kinds!r}, but {dtype} is not refused")


def _check_dtype(subject: Subject, sample: Sample, dtype: np.dtype) -> None:
    try:
        specs = subject.specs(sample)
    except InvalidTypeError:
        if dtype.kind == "f":
            raise
        return  # refused by infer itself
    values = subject.compute(sample)
    fixed = any(isinstance(a, DType) for a in sample.attrs.values())
    for j, (spec, value) in enumerate(zip(specs, values, strict=True)):
        found = TensorSpec.of(value).dtype  # of bytes: string, whatever their length
        real = np.dtype(found)
        if spec.dtype is not found:
            raise Fault(f"{sample.label}: infer gives {spec!r}, output {j} is {describe(value)}")
        if dtype.kind == "f" and real.kind == "f" and real != dtype and not fixed:
            raise Fault(f"{sample.label}: output {j} of {dtype} inputs is {real}")


@rule
def bad_samples(subject: Subject) -> None:
    """Inputs that the class declares bad give the error that it declares, and name the node."""
    if not subject.opdef.bad_samples:
        raise NotApplicable("it declares no bad samples")
    for index, item in enumerate(subject.opdef.bad_samples):
        *given, error = item
        label = f"bad sample {index}"
        try:
            _run_bad(subject, given)
        except OpError as e:
            if not isinstance(e, error):
                raise Fault(f"{label} gives {type(e).__name__} ({e}), not {error.__name__}") from e
            if e.node_def is None or e.node_def.type != subject.opdef.type:
                raise Fault(f"{label}: the error names no node of type {subject.opdef.type}") from e
        except Exception as e:
            raise Fault(f"{label} gives {type(e).__name__}: {e}, not {error.__name__}") from e
        else:
            raise Fault(f"{label} gives no error")


def _run_bad(subject: Subject, given: Sequence[Any]) -> None:
    """Build and run a bad sample: with constants, so that all that can be known is known."""
    items = list(given)
    attrs = items.pop() if items and isinstance(items[-1], dict) else {}
    defaults = {k: v for k, v in subject.opdef.schema.attrs.items() if v is not Parameter.empty}
    values = [np.random.default_rng(i).random(x) if is_shape(x) else x for i, x in enumerate(items)]
    graph = Graph()
    with graph.as_default():
        for i in subject.opdef.updates:
            values[i] = Variable(values[i])
        node = create(subject.opdef, values, {**defaults, **attrs})
    with Session("sync", graph=graph) as session:
        session.run(list(node.outputs) or node)
