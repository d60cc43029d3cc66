"""Random tensors.

Each operation draws from its own stream (``rng``), which the session derives from the graph's
seed, the operation's seed or name, and the number of the run: so results depend neither on the
scheduler nor on unrelated operations.  ``seed`` is there for the session alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor, op
from tfmini.defaults import own_scope
from tfmini.dtypes import DType, as_dtype, float32, float64, int32, int64
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Tensor
from tfmini.ops import array, creation, math, slicing
from tfmini.ops.static import Copy, as_list, require_ints, shape_from
from tfmini.shapes import Shape
from tfmini.spec import TensorSpec


class _Draw(Copy):
    """A draw of the given ``shape`` and ``dtype``."""

    random = True
    gradient = None
    shape_input = 0
    weight = 10.0
    samples = [([2, 3], {"dtype": float64}), (np.zeros(0, np.int32), {"dtype": float32})]

    def infer(self, shape: TensorSpec, *, dtype: DType, seed: Any = None) -> TensorSpec:
        require_ints(shape=shape)
        if not dtype.is_floating:
            raise ValueError(f"{dtype.name} can't hold a continuous distribution; use a float type")
        return TensorSpec(shape_from(shape), dtype)


def _native(dtype: DType) -> np.dtype:
    """Return the dtype to draw in: float32 and float64 are NumPy's own."""
    return dtype.dtype if dtype.size >= 4 else np.dtype(np.float32)


@op("RandomStandardNormal")
class _random_standard_normal(_Draw):
    """Draws from the normal distribution of mean 0 and deviation 1."""

    def compute(self, shape: Any, *, rng: Any, dtype: DType, seed: Any = None) -> Any:
        return rng.standard_normal(as_list(shape), _native(dtype)).astype(dtype.dtype, copy=False)


@op("TruncatedNormal")
class _truncated_normal(_Draw):
    """Draws from the standard normal distribution, those beyond two deviations drawn again."""

    weight = 15.0

    def compute(self, shape: Any, *, rng: Any, dtype: DType, seed: Any = None) -> Any:
        out = rng.standard_normal(as_list(shape), _native(dtype))
        flat = np.reshape(out, -1)
        beyond = np.flatnonzero(np.abs(flat) > 2.0)
        while beyond.size:
            again = rng.standard_normal(beyond.size, _native(dtype))
            flat[beyond] = again
            beyond = beyond[np.abs(again) > 2.0]
        return flat.reshape(as_list(shape)).astype(dtype.dtype, copy=False)


@op("RandomUniform")
class _random_uniform(_Draw):
    """Draws from the uniform distribution on [0, 1)."""

    weight = 3.0

    def compute(self, shape: Any, *, rng: Any, dtype: DType, seed: Any = None) -> Any:
        return rng.random(as_list(shape), _native(dtype)).astype(dtype.dtype, copy=False)


def random_normal(
    shape: Any,
    mean: Any = 0.0,
    stddev: Any = 1.0,
    dtype: Any = float32,
    seed: int | None = None,
    name: str | None = None,
) -> Tensor:
    """Return a tensor of ``shape``, drawn from the normal distribution: other numbers in each run.

    ``seed`` (see ``tf.set_random_seed`` too): the same numbers in each session.
    """
    draws = _random_standard_normal(shape, as_dtype(dtype), seed)
    return scaled(draws, stddev, mean, name or "random_normal")


def truncated_normal(
    shape: Any,
    mean: Any = 0.0,
    stddev: Any = 1.0,
    dtype: Any = float32,
    seed: int | None = None,
    name: str | None = None,
) -> Tensor:
    """Return draws from the normal distribution, none further than two deviations from the mean.

    The parameters are those of ``random_normal``.
    """
    draws = _truncated_normal(shape, as_dtype(dtype), seed)
    return scaled(draws, stddev, mean, name or "truncated_normal")


def random_uniform(
    shape: Any,
    minval: Any = 0,
    maxval: Any = None,
    dtype: Any = float32,
    seed: int | None = None,
    name: str | None = None,
) -> Tensor:
    """Return draws from the uniform distribution on [minval, maxval); maxval must be given for
    integers and is 1 by default for floats.

    The other parameters are those of ``random_normal``.
    """
    wanted, name = as_dtype(dtype), name or "random_uniform"
    if wanted.is_integer:
        if maxval is None:
            raise InvalidArgumentError(None, None, f"maxval must be given for {wanted.name}.")
        bounds = [convert_to_tensor(b, wanted) for b in (minval, maxval)]
        return _random_uniform_int(shape, *bounds, seed, name)
    draws = _random_uniform(shape, wanted, seed)
    low, high = minval, 1.0 if maxval is None else maxval
    width = math.subtract(high, low) if _any_tensor(low, high) else high - low
    return scaled(draws, width, low, name)


def _any_tensor(*values: Any) -> bool:
    return any(isinstance(v, Tensor) for v in values)


def scaled(draws: Tensor, factor: Any, shift: Any, name: str) -> Tensor:
    """Return ``draws * factor + shift`` without steps that do nothing."""
    steps = [
        (math.multiply, factor) if not _is(factor, 1) else None,
        (math.add, shift) if not _is(shift, 0) else None,
    ]
    out = draws
    for function, operand in [s for s in steps if s is not None]:
        out = function(out, convert_to_tensor(operand, draws.dtype))
    return array.identity(out, name)


def _is(value: Any, number: int) -> bool:
    return isinstance(value, (int, float, np.number)) and value == number


@op("RandomUniformInt")
class _random_uniform_int(Copy):
    """Integers drawn from [minval, maxval), all equally likely."""

    random = True
    gradient = None
    shape_input = 0
    weight = 5.0
    samples = [([2, 3], 0, 10)]
    bad_samples = [([2, 3], 5, 5, InvalidArgumentError)]

    def compute(self, shape: Any, minval: Any, maxval: Any, *, rng: Any, seed: Any = None) -> Any:
        dtype = np.result_type(minval, maxval)
        return np.asarray(rng.integers(minval, maxval, as_list(shape), dtype))

    def infer(
        self, shape: TensorSpec, minval: TensorSpec, maxval: TensorSpec, *, seed: Any = None
    ) -> TensorSpec:
        require_ints(shape=shape, minval=minval, maxval=maxval)
        return TensorSpec(shape_from(shape), minval.dtype)


@op("RandomGamma")
class _random_gamma(Copy):
    """``shape`` draws for each of ``alpha``, from the gamma distribution of that shape and rate 1.

    Not differentiable with respect to ``alpha``.
    """

    random = True
    kinds = "f"
    weight = 30.0
    samples = [([3], np.array([0.5, 2.0])), (np.zeros(0, np.int32), 1.5)]

    def compute(self, shape: Any, alpha: Any, *, rng: Any, seed: Any = None) -> Any:
        dims = (*as_list(shape), *np.shape(alpha))
        return np.asarray(rng.gamma(alpha, 1.0, dims)).astype(alpha.dtype)

    def infer(self, shape: TensorSpec, alpha: TensorSpec, *, seed: Any = None) -> TensorSpec:
        require_ints(shape=shape)
        self.check_kinds((alpha.dtype,))
        return TensorSpec(_joined(shape_from(shape), alpha.shape), alpha.dtype)


def _joined(first: Shape, last: Shape) -> Shape:
    return None if first is None or last is None else (*first, *last)


def random_gamma(
    shape: Any,
    alpha: Any,
    beta: Any = None,
    dtype: Any = float32,
    seed: int | None = None,
    name: str | None = None,
) -> Tensor:
    """Return ``shape`` draws for each pair of ``alpha`` and ``beta`` from the gamma distributions
    with that shape parameter and rate (1 unless given).

    Differentiable with respect to ``beta`` only.
    """
    wanted = as_dtype(dtype)
    alpha = convert_to_tensor(alpha, wanted)
    if beta is None:
        return _random_gamma(shape, alpha, seed, name or "random_gamma")
    beta = convert_to_tensor(beta, wanted)
    spread = math.add(alpha, creation.zeros_like(beta))
    draws = math.realdiv(_random_gamma(shape, spread, seed), beta)
    # As in TensorFlow: a rate so large that the quotient is 0 gives the smallest positive number.
    return math.maximum(draws, np.finfo(wanted.dtype).tiny, name or "random_gamma")


@op("RandomPoissonV2")
class _random_poisson(Copy):
    """``shape`` draws for each of ``lam`` from the Poisson distribution of that mean."""

    random = True
    gradient = None
    weight = 20.0
    samples = [([3], np.array([0.5, 20.0]), {"dtype": float32})]

    def compute(self, shape: Any, lam: Any, *, rng: Any, dtype: DType, seed: Any = None) -> Any:
        dims = (*as_list(shape), *np.shape(lam))
        return np.asarray(rng.poisson(lam, dims)).astype(dtype.dtype)

    def infer(
        self, shape: TensorSpec, lam: TensorSpec, *, dtype: DType, seed: Any = None
    ) -> TensorSpec:
        require_ints(shape=shape)
        return TensorSpec(_joined(shape_from(shape), lam.shape), dtype)


def random_poisson(
    lam: Any, shape: Any, dtype: Any = float32, seed: int | None = None, name: str | None = None
) -> Tensor:
    """Return ``shape`` draws for each of ``lam`` from the Poisson distribution of that mean."""
    lam = convert_to_tensor(lam, None if isinstance(lam, Tensor) else float32)
    return _random_poisson(shape, lam, as_dtype(dtype), seed, name or "random_poisson")


@op("Multinomial")
class _multinomial(Copy):
    """``num_samples`` draws of classes for each row of unnormalised log-probabilities."""

    random = True
    gradient = None
    kinds = "f"
    weight = 30.0
    samples = [((2, 3), 4, {"dtype": int64})]

    def compute(
        self, logits: Any, num_samples: Any, *, rng: Any, dtype: DType, seed: Any = None
    ) -> Any:
        rows, classes = logits.shape
        count = int(num_samples)
        if not rows or not count:
            return np.zeros((rows, count), dtype.dtype)
        if not classes:
            raise ValueError(f"there are no classes in logits of shape {logits.shape}")
        logits = logits.astype(np.float64)
        weights = np.exp(logits - logits.max(1, keepdims=True))
        limits = np.cumsum(weights, 1)
        limits /= limits[:, -1:]
        # One search for all rows: row i's limits lie between i and i + 1.
        shift = np.arange(rows)[:, None]
        draws = rng.random((rows, count)) + shift
        found = np.searchsorted((limits + shift).reshape(-1), draws.reshape(-1), "right")
        return (np.minimum(found.reshape(rows, count) - shift * classes, classes - 1)).astype(
            dtype.dtype
        )

    def infer(
        self, logits: TensorSpec, num_samples: TensorSpec, *, dtype: DType, seed: Any = None
    ) -> TensorSpec:
        self.check_kinds((logits.dtype,))
        require_ints(num_samples=num_samples)
        if logits.shape is not None and len(logits.shape) != 2:
            raise ValueError(f"logits must be a matrix, not of rank {len(logits.shape)}")
        rows = None if logits.shape is None else logits.shape[0]
        return TensorSpec((rows, num_samples.value), dtype)


@own_scope("multinomial")
def multinomial(
    logits: Any,
    num_samples: Any,
    seed: int | None = None,
    name: str | None = None,
    output_dtype: Any = None,
) -> Tensor:
    """Return ``num_samples`` draws of classes, int64, for each row of ``logits``, which are
    log-probabilities up to a constant."""
    dtype = int64 if output_dtype is None else as_dtype(output_dtype)
    return _multinomial(logits, num_samples, dtype, seed, "Multinomial")


def categorical(
    logits: Any,
    num_samples: Any,
    dtype: Any = None,
    seed: int | None = None,
    name: str | None = None,
) -> Tensor:
    """Return ``num_samples`` draws of classes, int64, for each row of ``logits``."""
    return multinomial(logits, num_samples, seed, name or "categorical", dtype)


@op("RandomShuffle")
class _random_shuffle(Copy):
    """The slices of ``value`` along its first dimension in random order."""

    random = True
    gradient = None
    samples = [((4, 2),), ((0,),)]

    def compute(self, value: Any, *, rng: Any, seed: Any = None) -> Any:
        return value.take(rng.permutation(len(value)), 0) if np.ndim(value) else np.array(value)

    def infer(self, value: TensorSpec, *, seed: Any = None) -> TensorSpec:
        return TensorSpec(value.shape, value.dtype)


def random_shuffle(value: Any, seed: int | None = None, name: str | None = None) -> Tensor:
    """Return the slices of ``value`` along its first dimension in random order."""
    return _random_shuffle(value, seed, name)


def random_crop(value: Any, size: Any, seed: int | None = None, name: str | None = None) -> Tensor:
    """Return a part of ``value`` of the given ``size``, at a random place."""
    x, size = convert_to_tensor(value), convert_to_tensor(size)
    room = math.subtract(array.shape(x), size)
    # Integers from 0 to room, all equally likely: the float is below 1, so the floor is in range.
    draws = _random_uniform(array.shape(size), float64, seed)
    ahead = math.multiply(draws, math.cast(math.add(room, 1), float64))
    return slicing.slice(x, math.cast(ahead, int32), size, name or "random_crop")
