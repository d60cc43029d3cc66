"""Random tensors that depend on a seed alone: the same seed gives the same numbers in each run.

In: shapes and a seed, a tensor of two ints.  Out: draws of the distributions of ``random.py``.
They are a Philox stream whose key is the seed; TensorFlow's numbers for that seed are others.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor, op
from tfmini.dtypes import DType, as_dtype, float32, float64, int64
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Tensor
from tfmini.opdef import conflict
from tfmini.ops import math, random
from tfmini.ops.random import scaled
from tfmini.ops.static import Copy, require_ints
from tfmini.shapes import compatible
from tfmini.spec import TensorSpec

_SEED = np.array([7, -3])


def _generator(seed: Any) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=seed.astype(np.int64).view(np.uint64)))


def _check_seed(seed: TensorSpec) -> None:
    require_ints(seed=seed)
    if not compatible(seed.shape, (2,)):
        raise conflict("the seed must be two ints", seed=seed.shape)


class _Stateless(Copy):
    """Base of draws of a shape; ``source`` is the type that draws them from a given stream."""

    gradient = None
    weight = 10.0
    samples = [
        ([2, 3], _SEED, {"dtype": float64}),
        (np.zeros(0, np.int32), _SEED, {"dtype": float32}),
    ]
    bad_samples = [([2, 3], [1, 2, 3], {"dtype": float64}, InvalidArgumentError)]
    source: Any = None

    def compute(self, shape: Any, seed: Any, *, dtype: DType) -> Any:
        return self.source.compute(shape, rng=_generator(seed), dtype=dtype)

    def infer(self, shape: TensorSpec, seed: TensorSpec, *, dtype: DType) -> TensorSpec:
        _check_seed(seed)
        spec: TensorSpec = self.source.infer(shape, dtype=dtype)
        return spec


@op("StatelessRandomNormal")
class _stateless_normal(_Stateless):
    """Draws from the normal distribution of mean 0 and deviation 1."""

    source = random._random_standard_normal.opdef


@op("StatelessTruncatedNormal")
class _stateless_truncated_normal(_Stateless):
    """Draws from the standard normal distribution, those beyond two deviations drawn again."""

    source = random._truncated_normal.opdef


@op("StatelessRandomUniform")
class _stateless_uniform(_Stateless):
    """Draws from the uniform distribution on [0, 1)."""

    source = random._random_uniform.opdef


@op("StatelessRandomUniformInt")
class _stateless_uniform_int(Copy):
    """Integers drawn from [minval, maxval), all equally likely."""

    gradient = None
    weight = 5.0
    samples = [([2, 3], _SEED, 0, 10)]
    bad_samples = [([2, 3], _SEED, 5, 5, InvalidArgumentError)]

    def compute(self, shape: Any, seed: Any, minval: Any, maxval: Any) -> Any:
        source = random._random_uniform_int.opdef
        return source.compute(shape, minval, maxval, rng=_generator(seed))

    def infer(
        self, shape: TensorSpec, seed: TensorSpec, minval: TensorSpec, maxval: TensorSpec
    ) -> TensorSpec:
        _check_seed(seed)
        spec: TensorSpec = random._random_uniform_int.opdef.infer(shape, minval, maxval)
        return spec


@op("StatelessMultinomial")
class _stateless_multinomial(Copy):
    """``num_samples`` draws of classes for each row of unnormalised log-probabilities."""

    gradient = None
    kinds = "f"
    weight = 30.0
    samples = [((2, 3), 4, _SEED, {"output_dtype": int64})]

    def compute(self, logits: Any, num_samples: Any, seed: Any, *, output_dtype: DType) -> Any:
        source = random._multinomial.opdef
        return source.compute(logits, num_samples, rng=_generator(seed), dtype=output_dtype)

    def infer(
        self, logits: TensorSpec, num_samples: TensorSpec, seed: TensorSpec, *, output_dtype: DType
    ) -> TensorSpec:
        _check_seed(seed)
        source = random._multinomial.opdef
        spec: TensorSpec = source.infer(logits, num_samples, dtype=output_dtype)
        return spec


def _seeded(seed: Any) -> Any:
    """Return a seed as a tensor; Python ints may have 64 bits."""
    return seed if isinstance(seed, (Tensor, np.ndarray)) else convert_to_tensor(seed, int64)


def stateless_normal(
    shape: Any,
    seed: Any,
    mean: Any = 0.0,
    stddev: Any = 1.0,
    dtype: Any = float32,
    name: str | None = None,
) -> Tensor:
    """Return draws from the normal distribution, the same for the same ``seed`` (two ints)."""
    draws = _stateless_normal(shape, _seeded(seed), as_dtype(dtype))
    return scaled(draws, stddev, mean, name or "stateless_random_normal")


def stateless_truncated_normal(
    shape: Any,
    seed: Any,
    mean: Any = 0.0,
    stddev: Any = 1.0,
    dtype: Any = float32,
    name: str | None = None,
) -> Tensor:
    """Return draws from the normal distribution, none further than two deviations from the mean,
    the same for the same ``seed`` (two ints)."""
    draws = _stateless_truncated_normal(shape, _seeded(seed), as_dtype(dtype))
    return scaled(draws, stddev, mean, name or "stateless_truncated_normal")


def stateless_uniform(
    shape: Any,
    seed: Any,
    minval: Any = 0,
    maxval: Any = None,
    dtype: Any = float32,
    name: str | None = None,
) -> Tensor:
    """Return draws from the uniform distribution on [minval, maxval), the same for the same
    ``seed`` (two ints); maxval must be given for integers and is 1 by default for floats."""
    wanted, name = as_dtype(dtype), name or "stateless_random_uniform"
    if wanted.is_integer:
        if maxval is None:
            raise InvalidArgumentError(None, None, f"maxval must be given for {wanted.name}.")
        low, high = (convert_to_tensor(b, wanted) for b in (minval, maxval))
        return _stateless_uniform_int(shape, _seeded(seed), low, high, name)
    draws = _stateless_uniform(shape, _seeded(seed), wanted)
    low = convert_to_tensor(minval, wanted)
    high = convert_to_tensor(1.0 if maxval is None else maxval, wanted)
    return scaled(draws, math.subtract(high, low), low, name)


def stateless_multinomial(
    logits: Any,
    num_samples: Any,
    seed: Any,
    output_dtype: Any = int64,
    name: str | None = None,
) -> Tensor:
    """Return ``num_samples`` draws of classes for each row of ``logits``, which are
    log-probabilities up to a constant; the same for the same ``seed`` (two ints)."""
    return _stateless_multinomial(
        logits, num_samples, _seeded(seed), as_dtype(output_dtype), name or "stateless_multinomial"
    )


def stateless_categorical(
    logits: Any, num_samples: Any, seed: Any, dtype: Any = int64, name: str | None = None
) -> Tensor:
    """Return ``num_samples`` draws of classes for each row of ``logits``; see
    ``stateless_multinomial``."""
    return stateless_multinomial(logits, num_samples, seed, dtype, name or "stateless_categorical")
