"""Rules on ``infer``: it agrees with compute, whatever is known of the inputs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from tfmini.build import CONST, infer_specs
from tfmini.shapes import compatible
from tfmini.spec import TensorSpec
from tfmini.testing.report import Fault, NotApplicable, rule
from tfmini.testing.samples import Sample
from tfmini.testing.subject import Subject

_MOST_VARIANTS = 24


@rule
def infer(subject: Subject) -> None:
    """For known inputs, the shape that infer gives fits the value's, and the dtype is the value's.

    A dimension may be unknown (it may depend on data), the dtype may not.
    """
    _need_infer(subject)
    for sample, values in zip(subject.samples, subject.values, strict=True):
        specs = infer_specs(subject.opdef, _constants(sample), sample.attrs)
        _compare(sample, "", specs, values)
        for spec, value in zip(specs, values, strict=True):
            if spec.dtype is None:
                raise Fault(f"{sample.label}: the dtype is unknown though all inputs are known")
            if spec.shape is None:
                raise Fault(f"{sample.label}: the rank is unknown though all inputs are known")
            _compare_value(sample, spec, value)


@rule
def infer_unknown(subject: Subject) -> None:
    """With less known of the inputs infer says less, never something else, and does not fail."""
    _need_infer(subject)
    for sample, values in zip(subject.samples, subject.values, strict=True):
        for what, given in _variants(sample):
            try:
                specs = infer_specs(subject.opdef, given, sample.attrs)
            except (TypeError, AttributeError, IndexError, ValueError) as e:
                raise Fault(f"{sample.label}, {what}: {type(e).__name__}: {e}") from e
            _compare(sample, f", {what}", specs, values)


@rule
def infer_refuses(subject: Subject) -> None:
    """Sizes that infer refuses compute refuses too: they may be unknown until it runs."""
    _need_infer(subject)
    for sample in subject.samples:
        for what, other in _resized(sample, subject.opdef.shape_input):
            try:
                infer_specs(subject.opdef, _plain(other), other.attrs)
            except (TypeError, ValueError) as e:
                if _computes(subject, other):
                    raise Fault(
                        f"{sample.label}, {what}: infer refuses it, compute not: {e}"
                    ) from e


def _computes(subject: Subject, sample: Sample) -> bool:
    try:
        subject.call(sample)
    except Exception:  # noqa: BLE001 - whatever it raises is an error to the user
        return False
    return True


def _resized(sample: Sample, shape_input: int | None) -> Iterator[tuple[str, Sample]]:
    """Yield the sample with one dimension of one of several inputs longer, shorter, or 1."""
    places = [(i, a) for i, x in enumerate(sample.inputs) for a in range(x.ndim)]
    for i, axis in places[:_MOST_VARIANTS] if len(sample.inputs) > 1 else ():
        x = sample.inputs[i]
        length = x.shape[axis]
        if i == shape_input or not length:
            continue
        for n in sorted({1, length - 1, length + 1} - {0, length}):
            inputs = [*sample.inputs]
            inputs[i] = x.take(np.arange(n) % length, axis)
            yield f"dimension {axis} of input {i} is {n}", sample.replaced(inputs)


def _need_infer(subject: Subject) -> None:
    if subject.opdef.infer is None:
        raise NotApplicable("it has no infer: its shape is unknown until it runs")


def _constants(sample: Sample) -> list[TensorSpec]:
    """Return the specs that constants would have, small integers with their values."""
    return [CONST.infer(value=x) for x in sample.inputs]


def _plain(sample: Sample) -> list[TensorSpec]:
    return [TensorSpec(s.shape, s.dtype) for s in _constants(sample)]


def _variants(sample: Sample) -> Iterator[tuple[str, Sequence[TensorSpec]]]:
    """Yield specs of the inputs of which some facts are left out."""
    known, plain = _constants(sample), _plain(sample)
    ways = {
        "values": plain,
        "dimensions": [TensorSpec((None,) * len(s.shape or ()), s.dtype) for s in plain],
        "ranks": [TensorSpec(None, s.dtype) for s in plain],
        "dtypes": [TensorSpec(s.shape, None) for s in plain],
        "anything": [TensorSpec(None, None) for _ in plain],
    }
    for what, specs in ways.items():
        yield f"without known {what}", specs
    if 1 < len(known) <= 4:
        for what, i in itertools.product(
            ("values", "dimensions", "ranks", "anything"), range(len(known))
        ):
            yield f"without known {what} of input {i}", [*known[:i], ways[what][i], *known[i + 1 :]]
    single = [(i, a) for i, s in enumerate(plain) for a in range(len(s.shape or ()))]
    for i, axis in single[:_MOST_VARIANTS]:
        shape = list(plain[i].shape or ())
        shape[axis] = None
        spec = TensorSpec(tuple(shape), plain[i].dtype)
        yield f"without known dimension {axis} of input {i}", [*known[:i], spec, *known[i + 1 :]]


def _compare(
    sample: Sample, what: str, specs: Sequence[TensorSpec], values: Sequence[object]
) -> None:
    if len(specs) != len(values):
        raise Fault(
            f"{sample.label}{what}: infer gives {len(specs)} outputs, compute {len(values)}"
        )
    for spec, value in zip(specs, values, strict=True):
        real = TensorSpec.of(value)
        if not compatible(spec.shape, real.shape):
            raise Fault(f"{sample.label}{what}: infer gives {spec!r}, compute {real!r}")
        if spec.dtype is not None and spec.dtype is not real.dtype:
            raise Fault(f"{sample.label}{what}: infer gives {spec!r}, compute {real!r}")


def _compare_value(sample: Sample, spec: TensorSpec, value: object) -> None:
    """Raise if infer says other elements than compute."""
    if spec.value is None:
        return
    said = spec.value if isinstance(spec.value, tuple) else (spec.value,)
    real = np.ravel(np.asarray(value)).tolist()
    if len(said) != len(real) or any(
        s is not None and s != r for s, r in zip(said, real, strict=True)
    ):
        raise Fault(f"{sample.label}: infer says the elements {spec.value}, they are {real}")
