"""Rules on ``compute``: what it does to its inputs, to ``out``, and from one call to the next."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from tfmini.testing.report import Fault, NotApplicable, rule
from tfmini.testing.samples import Sample
from tfmini.testing.subject import STREAM, Subject, close, describe, same_bits

_ROWS, _BLOCK = 700, 193


@rule
def inputs(subject: Subject) -> None:
    """Inputs are not written, and may be arrays that can't be."""
    for sample, values in zip(subject.samples, subject.values, strict=True):
        given = [np.array(x) for x in sample.inputs]
        subject.compute(sample, given)
        for i, (x, before) in enumerate(zip(given, sample.inputs, strict=True)):
            if not same_bits(x, before):
                raise Fault(f"{sample.label}: compute writes to input {i}")
        _equal(sample, "read-only inputs", subject.compute(sample, sample.inputs), values)


@rule
def alias(subject: Subject) -> None:
    """Outputs share no memory with inputs (the first, if ``view``), each other, or other calls."""
    for sample in subject.samples:
        given = [np.array(x) for x in sample.inputs]
        outputs = subject.compute(sample, given)
        for j, out in enumerate(outputs):
            for i, x in enumerate(given):
                if np.shares_memory(out, x) and not (subject.opdef.view and i == 0):
                    raise Fault(f"{sample.label}: output {j} shares memory with input {i}")
        if subject.opdef.view:
            continue
        for a, b in itertools.combinations(range(len(outputs)), 2):
            if np.shares_memory(outputs[a], outputs[b]):
                raise Fault(f"{sample.label}: outputs {a} and {b} share memory")
        again = subject.compute(sample)
        for j, (a, b) in enumerate(zip(outputs, again, strict=True)):
            if np.shares_memory(a, b):
                raise Fault(f"{sample.label}: output {j} is the same array in another call")


@rule
def out(subject: Subject) -> None:
    """A result written into ``out`` is the plain result, also if ``out`` is one of the inputs."""
    if not subject.has("out"):
        raise NotApplicable("compute takes no out")
    for sample, values in zip(subject.samples, subject.values, strict=True):
        if np.ndim(values[0]) == 0:
            continue
        target = np.full_like(values[0], 1)
        _check_out(
            subject, sample, "a new out", [np.array(x) for x in sample.inputs], target, values
        )
        if not subject.opdef.elementwise:
            continue
        for i, x in enumerate(sample.inputs):
            if x.shape == values[0].shape and x.dtype == values[0].dtype:
                given = [np.array(x) for x in sample.inputs]
                _check_out(subject, sample, f"out = input {i}", given, given[i], values)
        _check_one_array(subject, sample)


def _check_one_array(subject: Subject, sample: Sample) -> None:
    """All inputs and out may be one array: ``x * x`` in place."""
    first = sample.inputs[0] if sample.inputs else None
    if first is None or any(
        x.shape != first.shape or x.dtype != first.dtype for x in sample.inputs
    ):
        return
    values = subject.compute(sample, [first.copy() for _ in sample.inputs])
    if np.shape(values[0]) == first.shape and np.asarray(values[0]).dtype == first.dtype:
        x = first.copy()
        _check_out(subject, sample, "out = all inputs", [x] * len(sample.inputs), x, values)


def _check_out(
    subject: Subject, sample: Sample, what: str, given: list[Any], target: Any, values: Any
) -> None:
    given = [x if np.ndim(x) else x[()] for x in given]
    subject.compute(sample, given, out=target)
    if not same_bits(target, values[0]):
        raise Fault(
            f"{sample.label}, {what}: out holds {describe(target)}, the plain result is "
            f"{describe(values[0])}"
        )
    for i, (x, before) in enumerate(zip(given, sample.inputs, strict=True)):
        if x is not target and not same_bits(x, before) and what != "out = all inputs":
            raise Fault(f"{sample.label}, {what}: compute writes to input {i}")


@rule
def blocks(subject: Subject) -> None:
    """Evaluated block by block, an element-wise operation gives the bits of one whole call."""
    if not subject.opdef.elementwise:
        raise NotApplicable("it is not element-wise")
    for sample, values in zip(subject.samples, subject.values, strict=True):
        shape = np.shape(values[0])
        if len(shape) == 0 or np.size(values[0]) == 0:
            continue
        cut = [x.ndim == len(shape) and x.shape[0] == shape[0] for x in sample.inputs]
        if not any(cut):
            continue
        tall = [
            np.tile(x, (_ROWS, *[1] * (x.ndim - 1))) if c else x
            for x, c in zip(sample.inputs, cut, strict=True)
        ]
        (whole,) = subject.compute(sample, tall)
        parts = []
        for start in range(0, len(whole), _BLOCK):
            block = [x[start : start + _BLOCK] if c else x for x, c in zip(tall, cut, strict=True)]
            parts.append(subject.compute(sample, block)[0])
        if not same_bits(np.concatenate(parts), whole):
            raise Fault(f"{sample.label}: in blocks of {_BLOCK} rows the result is another")


@rule
def layouts(subject: Subject) -> None:
    """Inputs may have any strides: transposed, sliced, broadcast."""
    for sample, values in zip(subject.samples, subject.values, strict=True):
        for what, given in _layouts(sample):
            outputs = subject.compute(sample, given)
            _equal(sample, what, outputs, values, exact=False)


def _layouts(sample: Sample) -> Iterator[tuple[str, list[Any]]]:
    yield (
        "inputs in Fortran's order",
        [np.array(x, order="F")[()] for x in sample.inputs],
    )
    strided = []
    for x in sample.inputs:
        wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype) if x.ndim else x
        if x.ndim:
            wide[..., ::2] = x
            strided.append(wide[..., ::2])
        else:
            strided.append(x[()])
    yield "inputs with strides", strided


@rule
def deterministic(subject: Subject) -> None:
    """Equal inputs give equal bits; a random operation is declared so and follows its stream."""
    opdef = subject.opdef
    if opdef.random != subject.has("rng"):
        raise Fault("`random = True` and the keyword `rng` of compute belong together")
    streams = []
    for sample, values in zip(subject.samples, subject.values, strict=True):
        first = subject.compute(sample)
        _equal(sample, "a second call", first, values)
        if opdef.random:
            other = subject.compute(sample, stream=(*STREAM[:2], STREAM[2] + 1))
            streams += [(np.asarray(a), np.asarray(b)) for a, b in zip(first, other, strict=True)]
    if streams and all(same_bits(a, b) for a, b in streams):
        raise Fault("another seed gives the same values in all samples")


def _equal(sample: Sample, what: str, got: Any, wanted: Any, exact: bool = True) -> None:
    for j, (a, b) in enumerate(zip(got, wanted, strict=True)):
        if not (same_bits(a, b) if exact else close(a, b)):
            raise Fault(
                f"{sample.label}, {what}: output {j} is {describe(a)}, otherwise {describe(b)}"
            )
