"""Rules on ``dims`` and ``cost``: what decides how an operation is cut up and where it runs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfmini.build import CONST
from tfmini.dims import Labels, part_shape, read_dims
from tfmini.opdef import Cost
from tfmini.spec import TensorSpec
from tfmini.testing.report import Fault, NotApplicable, rule
from tfmini.testing.samples import Sample
from tfmini.testing.subject import Subject, close, describe


@rule
def dims(subject: Subject) -> None:
    """Split along a dimension, computed and joined (or summed) again, the result is the same."""
    if subject.opdef.dims is None:
        raise NotApplicable("it has no dims: it runs unsharded")
    if subject.opdef.random:
        raise NotApplicable("its parts draw other numbers than the whole")
    checked = False
    for sample, values in zip(subject.samples, subject.values, strict=True):
        text = dims_of(subject, sample)
        if text is not None:
            checked = True
            _check_dims(subject, sample, text, values)
    if not checked:
        raise NotApplicable("dims gives None for all samples")


def dims_of(subject: Subject, sample: Sample) -> str | None:
    """Return the einsum-like string for ``sample``."""
    rule_ = subject.opdef.dims
    return rule_ if isinstance(rule_, str) else rule_(*_specs(sample), **sample.attrs)


def _specs(sample: Sample) -> list[TensorSpec]:
    return [CONST.infer(value=x) for x in sample.inputs]


def _check_dims(subject: Subject, sample: Sample, text: str, values: Sequence[Any]) -> None:
    try:
        taken, given, fixed = read_dims(
            text, [x.ndim for x in sample.inputs], [np.ndim(v) for v in values]
        )
    except ValueError as e:
        raise Fault(str(e)) from None
    sizes: dict[str, int] = {}
    for labels, x in zip(taken, sample.inputs, strict=True):
        for label, n in zip(labels, x.shape, strict=True):
            known = sizes.setdefault(label, n)
            if known == 1 and label.startswith("..."):
                sizes[label] = n
            elif n not in (known, 1 if label.startswith("...") else known):
                raise Fault(f"{sample.label}: {text!r} gives {label!r} the sizes {known} and {n}")
    for labels, value in zip(given, values, strict=True):
        for label, n in zip(labels, np.shape(value), strict=True):
            if sizes.get(label, n) != n:
                raise Fault(
                    f"{sample.label}: {text!r}, but {label!r} is {sizes[label]} in the inputs and "
                    f"{n} in the output"
                )
    for label, size in sizes.items():
        if label not in fixed and size > 1:
            _check_split(subject, sample, text, values, taken, given, label, size)


def _check_split(
    subject: Subject, sample: Sample, text: str, values: Sequence[Any],
    taken: list[Labels], given: list[Labels], label: str, size: int,
) -> None:  # fmt: skip
    middle = (size + 1) // 2
    parts = []
    for part in (slice(0, middle), slice(middle, size)):
        inputs = []
        for i, (labels, x) in enumerate(zip(taken, sample.inputs, strict=True)):
            if i == subject.opdef.shape_input and label in given[0]:
                inputs.append(part_shape(x, given[0].index(label), part.stop - part.start))
                continue
            cut = label in labels and x.shape[labels.index(label)] == size
            index = tuple([part if cut and other == label else slice(None) for other in labels])
            inputs.append(x[index] if labels else x[()])
        parts.append(subject.compute(sample, inputs))
    for j, labels in enumerate(given):
        a, b = parts[0][j], parts[1][j]
        joined = np.concatenate([a, b], labels.index(label)) if label in labels else a + b
        joined = np.asarray(joined).astype(np.asarray(a).dtype, copy=False)
        if not close(joined, np.asarray(values[j])):
            raise Fault(
                f"{sample.label}: split along {label!r} of {text!r}, output {j} becomes "
                f"{describe(joined)} instead of {describe(values[j])}"
            )


@rule
def cost(subject: Subject) -> None:
    """Cost is never negative or NaN, grows with size, and is finite where all sizes are known."""
    if subject.opdef.cost is None:
        raise NotApplicable("it has no cost: it is taken as heavy")
    for sample in subject.samples:
        small = _cost(subject, sample, "known inputs", _specs(sample), sample.attrs)
        known = all(s.size is not None for s in subject.specs(sample))
        if known and not all(math.isfinite(n) for n in small):
            raise Fault(f"{sample.label}: the cost {small} is not finite though all is known")
        unknown = [TensorSpec(None, s.dtype) for s in _specs(sample)]
        _cost(subject, sample, "unknown shapes", unknown, sample.attrs)
        larger = _larger(sample)
        if larger is None:
            continue
        try:
            large = _cost(subject, sample, "larger inputs", larger, sample.attrs)
        except (ValueError, TypeError):
            continue  # the attributes or other inputs fit no other shape
        if large.flops < small.flops or large.bytes < small.bytes:
            raise Fault(f"{sample.label}: {large} for inputs of twice the size, {small} for these")


def _larger(sample: Sample) -> list[TensorSpec] | None:
    """Return the specs with the dimensions of random inputs doubled, but for those of 1."""
    if not any(sample.drawn):
        return None
    specs = []
    for spec, drawn in zip(_specs(sample), sample.drawn, strict=True):
        shape = tuple([n if n == 1 or n is None else 2 * n for n in spec.shape or ()])
        specs.append(TensorSpec(shape, spec.dtype) if drawn else spec)
    return specs


def _cost(
    subject: Subject, sample: Sample, what: str, specs: Sequence[TensorSpec],
    attrs: Mapping[str, Any],
) -> Cost:  # fmt: skip
    found = subject.opdef.cost(*specs, **attrs)
    if not isinstance(found, Cost):
        raise Fault(f"{sample.label}: cost returns {found!r}, not a tf.Cost")
    if not all(n >= 0 for n in found):
        raise Fault(f"{sample.label}, {what}: the cost is {found}")
    return found
