"""Differences between two outcomes of one case.

In: TensorFlow's outcome and ours.  Out: a list of differences, each with its aspect: "raises",
"value", "dtype", "static" (shape) or "gradient".
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tests.oracle.evaluate import VARIANTS, Case, Outcome

TOLERANCE = {"float16": 1e-2, "float32": 2e-5, "float64": 1e-10, "complex64": 5e-5,
             "complex128": 1e-10}  # fmt: skip
LOOSER = 5.0  # for gradients, which are longer sums
RANDOM = ("random", "truncated_normal", "multinomial", "dropout")
SAMPLER = "candidate_sampler"


class Difference(NamedTuple):
    aspect: str
    text: str


def differences(case: Case, theirs: Outcome, ours: Outcome) -> list[Difference]:
    """Return what differs, given that TensorFlow did not refuse."""
    if ours.error:
        return [Difference("raises", f"tfmini raises {ours.error}")]
    if len(theirs.values) != len(ours.values):
        return [Difference("value", f"{len(theirs.values)} outputs there, {len(ours.values)} here")]
    out = []
    alike = alike_random if is_random(case.op) else _alike
    for i, (a, b) in enumerate(zip(theirs.values, ours.values, strict=True)):
        if a.dtype != b.dtype:
            out.append(Difference("dtype", f"output {i}: {a.dtype} there, {b.dtype} here"))
        elif not alike(a, b, 1.0):
            out.append(Difference("value", f"output {i}: {_show(a)} there, {_show(b)} here"))
    out += _specs(theirs, ours)
    return out + _gradients(theirs, ours, is_random(case.op))


def is_random(op: str) -> bool:
    """Whether the values of ``op`` are random, so that only distributions can be compared."""
    return op.endswith(SAMPLER) or any(part.startswith(RANDOM) for part in op.split("."))


def _specs(theirs: Outcome, ours: Outcome) -> list[Difference]:
    out = []
    pairs = zip(theirs.specs, ours.specs, ours.values, strict=True)
    for i, ((shape, dtype), (my_shape, my_dtype), value) in enumerate(pairs):
        if dtype != my_dtype:
            out.append(Difference("dtype", f"output {i}: {dtype} there, {my_dtype} here, inferred"))
        elif not _as_sharp(shape, my_shape, value):
            out.append(Difference("static", f"output {i}: {shape} there, {my_shape} here"))
    for name in VARIANTS if theirs.variants else ():
        a, b = theirs.variants[name], ours.variants[name]
        if isinstance(a, str):
            continue
        if isinstance(b, str):
            out.append(Difference("raises", f"{name} dimensions: tfmini raises {b}"))
            continue
        if not all(map(_as_sharp, a, b, ours.values)):
            out.append(Difference("static", f"{name} dimensions: {a} there, {b} here"))
    return out


def _as_sharp(shape: Any, mine: Any, value: np.ndarray) -> bool:
    """Whether ``mine`` is true and says all that ``shape`` says: more is welcome.

    TensorFlow's own shape is not asked for where it is wrong.
    """
    true = list(value.shape)
    return _covers(mine, true) and (_covers(shape, mine) or not _covers(shape, true))


def _covers(shape: Any, other: Any) -> bool:
    if shape is None:
        return True
    if other is None or len(shape) != len(other):
        return False
    return all(d is None or d == n for d, n in zip(shape, other, strict=True))


def _gradients(theirs: Outcome, ours: Outcome, random: bool) -> list[Difference]:
    if theirs.gradient_error or theirs.gradients is None:
        return []
    if ours.gradient_error:
        return [Difference("gradient", f"tfmini raises {ours.gradient_error}")]
    if ours.gradients is None:
        return [Difference("gradient", "there, none here")]
    out = []
    for i, (a, b) in enumerate(zip(theirs.gradients, ours.gradients, strict=True)):
        if not (random or _same_gradient(a, b)):  # what is drawn decides the gradient
            out.append(Difference("gradient", f"input {i}: {_show(a)} there, {_show(b)} here"))
    if ours.loose_error:
        out.append(Difference("gradient", f"of unknown shapes: {ours.loose_error}"))
    loose = ours.loose_gradients or ()
    for i, (a, b) in enumerate(zip(theirs.gradients, loose, strict=bool(loose))):
        if not (out or random or _same_gradient(a, b)):
            text = f"input {i} of unknown shape: {_show(a)} there, {_show(b)} here"
            out.append(Difference("gradient", text))
    return out


def _same_gradient(a: Any, b: Any) -> bool:
    if a is None or b is None:
        known = b if a is None else a
        return known is None or not np.any(known)  # None and zeros say the same
    return _alike(a, b, LOOSER)


def _alike(a: np.ndarray, b: np.ndarray, slack: float) -> bool:
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.dtype.kind in "fc":
        limit = slack * TOLERANCE[a.dtype.name]
        with np.errstate(all="ignore"):
            return bool(np.allclose(a, b, rtol=limit, atol=limit, equal_nan=True))
    return np.array_equal(a, b)


def alike_random(a: np.ndarray, b: np.ndarray, _slack: float = 1.0) -> bool:
    """Whether two samples may be of one distribution (Kolmogorov and Smirnov, p about 1e-6)."""
    if a.shape != b.shape:
        return False
    if a.ndim == 2 and a.size > 1000 and a.shape[0] > a.shape[1]:
        return all(alike_random(x, y) for x, y in zip(a.T, b.T, strict=True))
    x, y = np.sort(a.ravel()).astype(float), np.sort(b.ravel()).astype(float)
    if x.size < 1000:
        return bool(np.allclose(x, y))  # a shuffle
    both = np.concatenate([x, y])
    slack = 1e-5 * np.abs(both)  # equal numbers may be rounded otherwise
    below, above = [[np.searchsorted(z, t, "right") for z in (x, y)]
                    for t in (both - slack, both + slack)]  # fmt: skip
    distance = max((below[0] - above[1]).max(), (below[1] - above[0]).max())
    return bool(distance / x.size < 2.7 * np.sqrt(2 / x.size))


def _show(value: Any) -> str:
    if value is None:
        return "None"
    numbers = np.array2string(value.ravel()[:24], precision=6, separator=",", max_line_width=10**6)
    return f"{value.dtype}{list(value.shape)} {numbers}"
