"""Rules on gradients: they agree with differences of values, twice, and fit their inputs.

Differences are taken in float64 (complex128) along random directions ``v``: with ``f`` the sum of
the outputs times random weights, ``f(x + h v) - f(x - h v)`` and the gradient's product with ``v``
must agree.  For complex numbers that product is ``Re(conj(g) v)``, which is TensorFlow's meaning
of a gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from tfmini.autodiff import gradients
from tfmini.errors import UnimplementedError
from tfmini.gradient_functions import gradient_function
from tfmini.graph import Graph
from tfmini.nodes import Tensor
from tfmini.opdef import MISSING
from tfmini.session import Session
from tfmini.testing.report import Fault, NotApplicable, rule
from tfmini.testing.samples import Sample
from tfmini.testing.subject import Subject, close, describe

_STEPS = (1e-3, 1e-5)
_TOLERANCE = 2e-7


@rule
def gradient(subject: Subject) -> None:
    """The gradient agrees with differences of compute."""
    for built in _builts(subject):
        _check_first(subject, built)


def _check_first(subject: Subject, built: Built) -> None:
    sample = built.sample
    for k, ((i, x), found) in enumerate(zip(built.xs, built.first(), strict=True)):
        v = _direction(subject, i, x, 7 + k)
        numeric = _difference(partial(built.value, i, v))
        if found is not None:
            _compare(sample, f"input {i}", _product(found, v), numeric, built.scale)
        elif sample.drawn[i] and abs(numeric[0]) > 1e-6:
            raise Fault(
                f"{sample.label}: None for input {i}, which the output depends on "
                f"(a difference gives {numeric[0]:.6g})"
            )


@rule
def complex_gradient(subject: Subject) -> None:
    """If ``kinds`` has complex numbers, the gradient is right for them, also of unknown dtype."""
    if "c" not in (subject.opdef.kinds or ""):
        raise NotApplicable("it does not declare that it takes complex numbers")
    drawn = [s for s in _differentiable(subject) if any(s.drawn)]
    if not drawn:
        raise NotApplicable("no sample has random inputs")
    for sample in drawn:
        turned = [_turned(x, d) for x, d in zip(sample.inputs, sample.drawn, strict=True)]
        for bare in (False, True):
            built = Built(subject, sample.replaced(turned, ", complex"), bare)
            with suppress(UnimplementedError):  # refused, with a reason
                _check_first(subject, built)


def _turned(x: np.ndarray, drawn: bool) -> np.ndarray:
    """Return floats as complex numbers; random ones with an imaginary part."""
    if x.dtype.kind != "f":
        return x
    part = np.random.default_rng(x.size).uniform(0.3, 0.9, x.shape)
    return x + 1j * part if drawn else x.astype(complex)


@rule
def second_gradient(subject: Subject) -> None:
    """The gradient of the gradient agrees with differences of the gradient."""
    refused = "it has no inputs to move"
    checked = False
    for built in _builts(subject):
        try:
            analytic = built.second()
        except UnimplementedError as e:
            refused = e.message
            continue
        if analytic is not None:
            checked = True
            numeric = _difference(built.gradient_at)
            _compare(built.sample, "second order", analytic, numeric, built.gradient_scale)
    if not checked:
        raise NotApplicable(f"its gradient is not differentiable: {refused}")


@rule
def gradient_spec(subject: Subject) -> None:
    """A gradient has its input's shape and dtype, also if those are unknown while building."""
    for built in _builts(subject):
        sample = built.sample
        wanted = dict(zip([i for i, _ in built.xs], built.first(), strict=True))
        bare = Built(subject, sample, bare=True)
        for (i, x), g in zip(bare.xs, bare.first(), strict=True):
            known = wanted[i]
            if g is None or known is None:
                if np.any(g if known is None else known):
                    raise Fault(
                        f"{sample.label}: input {i} has a gradient of {describe(known)} if all is "
                        f"known, {describe(g)} from bare placeholders"
                    )
                continue
            for what, value in (("", known), (", from bare placeholders", g)):
                if value.shape != x.shape or value.dtype != x.dtype:
                    raise Fault(
                        f"{sample.label}{what}: the gradient of input {i} is {describe(value)}, "
                        f"the input {describe(x)}"
                    )
            if not close(g, known):
                raise Fault(
                    f"{sample.label}, from bare placeholders: the gradient of input {i} is "
                    f"{describe(g)}, otherwise {describe(known)}"
                )


def _builts(subject: Subject) -> list[Built]:
    """Return the samples that have gradients, built; those that the op refuses are left out."""
    refused = ""
    builts = []
    for sample in _differentiable(subject):
        built = Built(subject, sample)
        try:
            built.first()
        except UnimplementedError as e:
            refused = e.message
        else:
            builts.append(built)
    if not builts:
        raise NotApplicable(f"no sample can be differentiated: {refused}")
    return builts


def _differentiable(subject: Subject) -> list[Sample]:
    """Return the samples, in double precision, that have gradients; NotApplicable if none."""
    opdef = subject.opdef
    if opdef.gradient is None:
        raise NotApplicable("declared not differentiable")
    if opdef.gradient is MISSING and gradient_function(opdef.type) is None:
        raise NotApplicable("it has no gradient")
    if opdef.random:
        raise NotApplicable("it is random")
    found = []
    for sample in subject.samples:
        double = sample.replaced([_double(x) for x in sample.inputs])
        outputs = subject.compute(double)
        if any(x.dtype.kind in "fc" for x in double.inputs) and any(
            np.asarray(v).dtype in (np.float64, np.complex128) for v in outputs
        ):
            found.append(double)
    if not found:
        raise NotApplicable("no sample has float inputs and float64 outputs")
    return found


def _double(x: np.ndarray) -> np.ndarray:
    wider = {"f": np.float64, "c": np.complex128}.get(x.dtype.kind)
    return x.astype(wider) if wider else x


def _random_like(x: Any, seed: int) -> np.ndarray:
    rng = np.random.default_rng([seed, np.size(x)])
    out = rng.uniform(0.5, 1.5, np.shape(x)) * rng.choice([-1.0, 1.0], np.shape(x))
    if np.asarray(x).dtype.kind == "c":
        out = out + 1j * rng.uniform(0.5, 1.5, np.shape(x))
    return np.asarray(out, np.asarray(x).dtype)


def _direction(subject: Subject, i: int, x: np.ndarray, seed: int) -> np.ndarray:
    """Return a random direction that keeps input ``i`` what it must be."""
    v = _random_like(x, seed)
    return v + np.conj(np.swapaxes(v, -1, -2)) if i in subject.opdef.symmetric else v


def _weights(value: np.ndarray, seed: int) -> np.ndarray:
    """Return random weights, 0 where differences are lost: at infinities and largest numbers."""
    return np.where(np.abs(value) < 1e100, _random_like(value, seed), value.dtype.type(0))


def _product(a: Any, b: Any) -> float:
    """Return the real part of the inner product, over the elements where ``a`` is not 0."""
    a, b = np.asarray(a), np.asarray(b)
    used = a != 0
    return float(np.sum(np.conj(a[used]) * b[used]).real)


def _difference(f: Callable[[float], float]) -> list[float]:
    """Return the derivative of ``f`` at 0 by differences of fourth order, for several steps.

    A large step is exact for smooth functions; a small one does not reach over a kink nearby.
    """
    return [(8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h) for h in _STEPS]


def _compare(
    sample: Sample, what: str, analytic: float, numeric: Sequence[float], scale: float
) -> None:
    best = min(abs(analytic - n) for n in numeric)
    if not best <= _TOLERANCE * (abs(analytic) + scale):
        listed = " or ".join(f"{n:.8g}" for n in numeric)
        raise Fault(f"{sample.label}, {what}: gradient gives {analytic:.8g}, differences {listed}")


class Built:
    """A sample in a graph, with its gradients for random weights of the outputs."""

    def __init__(self, subject: Subject, sample: Sample, bare: bool = False) -> None:
        self.subject, self.sample = subject, sample
        self.graph = Graph()
        values = [np.asarray(v) for v in subject.compute(sample)]
        with self.graph.as_default():
            inputs, self.feeds = subject.tensors(self.graph, sample, bare=bare)
            outputs = subject.outputs(inputs, sample)
        chosen = [j for j, v in enumerate(values) if v.dtype.kind in "fc"]
        self.ys = [outputs[j] for j in chosen]
        self.weights = {j: _weights(values[j], 100 + j) for j in chosen}
        given = [
            i for i, t in enumerate(inputs)
            if isinstance(t, Tensor) and sample.inputs[i].dtype.kind in "fc"
        ]  # fmt: skip
        self.xs = [(i, sample.inputs[i]) for i in given]
        self.tensors = [inputs[i] for i in given]
        self.scale = sum([_product(np.abs(w), np.abs(values[j])) for j, w in self.weights.items()])
        self._grads: list[Tensor | None] | None = None
        self._found: list[np.ndarray | None] | None = None

    def _first(self) -> list[Tensor | None]:
        if self._grads is None:
            with self.graph.as_default():
                self._grads = gradients(
                    self.ys, self.tensors, list(self.weights.values()),
                    unconnected_gradients="none",
                )  # fmt: skip
        return self._grads

    def first(self) -> list[np.ndarray | None]:
        """Return the gradients for the float inputs, or None where there is none."""
        if self._found is not None:
            return self._found
        grads = self._first()
        for (i, x), g in zip(self.xs, grads, strict=True):
            if g is None:
                continue
            spec = g.spec
            if spec.dtype is not None and spec.dtype.dtype != x.dtype:
                raise Fault(f"{self.sample.label}: input {i} is {x.dtype}, its gradient {spec!r}")
        values = iter(self._run([g for g in grads if g is not None]))
        self._found = [None if g is None else np.asarray(next(values)) for g in grads]
        return self._found

    def _run(self, fetches: list[Any], feeds: dict[Any, Any] | None = None) -> list[Any]:
        if not fetches:
            return []
        with Session("sync", graph=self.graph) as session:
            result: list[Any] = session.run(fetches, feeds or self.feeds)
        return result

    def value(self, i: int, direction: Any, h: float) -> float:
        """Return the weighted sum of the outputs, with input ``i`` moved by ``h * direction``."""
        inputs = [np.array(x)[()] for x in self.sample.inputs]
        inputs[i] = inputs[i] + h * direction
        outputs = self.subject.compute(self.sample, inputs)
        return sum([_product(w, np.asarray(outputs[j])) for j, w in self.weights.items()])

    def second(self) -> float | None:
        """Return the derivative of the weighted sum of the gradients along random directions.

        None if there are no gradients.
        """
        grads = [g for g in self._first() if g is not None]
        if not grads or any(t not in self.feeds for t in self.tensors):
            return None
        self._directions = [
            _direction(self.subject, i, x, 31 + k) * (g is not None or self.sample.drawn[i])
            for k, ((i, x), g) in enumerate(zip(self.xs, self.first(), strict=True))
        ]
        values = [g for g in self.first() if g is not None]
        self._seeds = [_random_like(v, 61 + k) for k, v in enumerate(values)]
        self.gradient_scale = sum(
            [float(np.sum(np.abs(s * v))) for s, v in zip(self._seeds, values, strict=True)]
        )
        self._session = Session("sync", graph=self.graph)
        with self.graph.as_default():
            again = gradients(grads, self.tensors, self._seeds, unconnected_gradients="none")
        self._call = self._session.make_callable(grads, list(self.feeds))
        found = self._run([g for g in again if g is not None])
        moved = [v for g, v in zip(again, self._directions, strict=True) if g is not None]
        return sum([_product(g, v) for g, v in zip(found, moved, strict=True)])

    def gradient_at(self, h: float) -> float:
        """Return the weighted sum of the gradients at a step ``h`` along the directions."""
        moved = dict(zip(self.tensors, self._directions, strict=True))
        given = [x + h * moved[t] if t in moved else x for t, x in self.feeds.items()]
        grads = self._call(*given)
        return sum([_product(s, g) for s, g in zip(self._seeds, grads, strict=True)])
