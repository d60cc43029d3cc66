"""``tf.initializers``: how variables get their first values.

In: a shape and a dtype, from ``get_variable`` or the user's own call.  Out: a tensor of the graph;
a session computes it when it initialises the variable.

Distributions follow TensorFlow 1.15.  Where they depend on the number of inputs and outputs of a
unit (Glorot, He, LeCun), a shape is read as ``(*window, inputs, outputs)``.
"""

from __future__ import annotations

import math as python_math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfmini.dtypes import as_dtype, float32
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.nodes import Tensor
from tfmini.ops import array, creation, decompositions, diagonals, initialized, math, shapes, state
from tfmini.ops import random as draws
from tfmini.shapes import as_shape, format_shape

# The deviation of a standard normal distribution that is cut off at 2 and -2.
_CUT_DEVIATION = 0.87962566103423978


class Initializer:
    """Base of initializers: objects that are called with a shape and return a tensor."""

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal initializer."""
        return {k: getattr(v, "name", v) if k == "dtype" else v for k, v in vars(self).items()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return the initializer that ``get_config`` described."""
        return cls(**config)


def _floating(dtype: Any) -> Any:
    wanted = as_dtype(dtype)
    if not wanted.is_floating:
        raise InvalidArgumentError(
            None,
            None,
            f"this initializer draws floats, the variable is {wanted.name}; use "
            f"tf.zeros_initializer() or tf.constant_initializer(value).",
        )
    return wanted


def _known(shape: Any) -> tuple[int, ...]:
    dims = as_shape(shape)
    if dims is None or None in dims:
        raise InvalidArgumentError(
            None, None, f"an initializer needs a known shape, not {format_shape(dims)}."
        )
    return tuple([int(d) for d in dims if d is not None])


class Zeros(Initializer):
    """All elements 0."""

    def __init__(self, dtype: Any = float32) -> None:
        self.dtype = as_dtype(dtype)

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        return creation.zeros(shape, dtype or self.dtype)


class Ones(Initializer):
    """All elements 1."""

    def __init__(self, dtype: Any = float32) -> None:
        self.dtype = as_dtype(dtype)

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        return creation.ones(shape, dtype or self.dtype)


class Constant(Initializer):
    """The given number, list or array; where the shape has more elements, the last repeated."""

    def __init__(self, value: Any = 0, dtype: Any = float32, verify_shape: bool = False) -> None:
        if not (np.isscalar(value) or isinstance(value, (list, tuple, np.ndarray))):
            raise InvalidTypeError(
                None, None, f"a constant initializer takes a number, list or array, not {value!r}."
            )
        self.value = value
        self.dtype = as_dtype(dtype)
        self.verify_shape = verify_shape

    def __call__(
        self,
        shape: Any,
        dtype: Any = None,
        partition_info: Any = None,
        verify_shape: bool | None = None,
    ) -> Tensor:
        verify = self.verify_shape if verify_shape is None else verify_shape
        return creation.constant(self.value, dtype or self.dtype, shape, verify_shape=verify)

    def get_config(self) -> dict[str, Any]:
        return {"value": self.value, "dtype": self.dtype.name}  # as TensorFlow's


class RandomUniform(Initializer):
    """Uniform on [minval, maxval); maxval is 1 by default for floats, needed for ints."""

    def __init__(
        self, minval: Any = 0, maxval: Any = None, seed: int | None = None, dtype: Any = float32
    ) -> None:
        self.minval = minval
        self.maxval = maxval
        self.seed = seed
        self.dtype = as_dtype(dtype)

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        return draws.random_uniform(shape, self.minval, self.maxval, dtype or self.dtype, self.seed)


class RandomNormal(Initializer):
    """Normal with the given mean and standard deviation."""

    def __init__(
        self, mean: Any = 0.0, stddev: Any = 1.0, seed: int | None = None, dtype: Any = float32
    ) -> None:
        self.mean = mean
        self.stddev = stddev
        self.seed = seed
        self.dtype = _floating(dtype)

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        wanted = _floating(dtype or self.dtype)
        return draws.random_normal(shape, self.mean, self.stddev, wanted, self.seed)


class TruncatedNormal(RandomNormal):
    """Normal, with what is beyond two ``stddev`` drawn again (so the deviation is 0.88 of it)."""

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        wanted = _floating(dtype or self.dtype)
        return draws.truncated_normal(shape, self.mean, self.stddev, wanted, self.seed)


class UniformUnitScaling(Initializer):
    """Uniform on ``factor * sqrt(3 / inputs) * [-1, 1)``, inputs: all dimensions but the last.

    Keeps the scale of the input: Sussillo and Abbott 2014, arXiv:1412.6558.
    """

    def __init__(self, factor: float = 1.0, seed: int | None = None, dtype: Any = float32) -> None:
        self.factor = factor
        self.seed = seed
        self.dtype = _floating(dtype)

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        inputs = max(1.0, float(python_math.prod(_known(shape)[:-1])))
        limit = self.factor * python_math.sqrt(3.0 / inputs)
        wanted = _floating(dtype or self.dtype)
        return draws.random_uniform(shape, -limit, limit, wanted, self.seed)


def fans(shape: Sequence[int]) -> tuple[float, float]:
    """Return how many inputs and outputs a unit with weights of ``shape`` has."""
    if not shape:
        return 1.0, 1.0
    if len(shape) == 1:
        return float(shape[0]), float(shape[0])
    window = float(python_math.prod(shape[:-2]))
    return shape[-2] * window, shape[-1] * window


class VarianceScaling(Initializer):
    """Draws of variance ``scale / n``.

    Parameters
    ----------
    mode : "fan_in", "fan_out" or "fan_avg"
        n is a unit's number of inputs, of outputs, or their mean.
    distribution : "truncated_normal" (or "normal"), "untruncated_normal" or "uniform"
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
        dtype: Any = float32,
    ) -> None:
        if scale <= 0.0:
            raise InvalidArgumentError(None, None, f"scale must be positive, not {scale!r}.")
        self.scale = scale
        self.mode = _one_of("mode", mode, ("fan_in", "fan_out", "fan_avg"))
        names = ("normal", "uniform", "truncated_normal", "untruncated_normal")
        self.distribution = _one_of("distribution", distribution, names)
        self.seed = seed
        self.dtype = _floating(dtype)

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        wanted = _floating(dtype or self.dtype)
        fan_in, fan_out = fans(_known(shape))
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2.0}[self.mode]
        variance = self.scale / max(1.0, n)
        if self.distribution == "uniform":
            limit = python_math.sqrt(3.0 * variance)
            return draws.random_uniform(shape, -limit, limit, wanted, self.seed)
        stddev = python_math.sqrt(variance)
        if self.distribution == "untruncated_normal":
            return draws.random_normal(shape, 0.0, stddev, wanted, self.seed)
        return draws.truncated_normal(shape, 0.0, stddev / _CUT_DEVIATION, wanted, self.seed)


def _one_of(what: str, value: str, names: Sequence[str]) -> str:
    lowered = str(value).lower()
    if lowered not in names:
        raise InvalidArgumentError(
            None, None, f"{what} must be one of {', '.join(names)}, not {value!r}."
        )
    return lowered


class Orthogonal(Initializer):
    """A random matrix with orthogonal rows or columns, times ``gain``.

    Dimensions before the last are taken together.  Saxe et al. 2014, arXiv:1312.6120.
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None, dtype: Any = float32) -> None:
        self.gain = gain
        self.seed = seed
        self.dtype = _floating(dtype)

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        dims = _known(shape)
        if len(dims) < 2:
            raise InvalidArgumentError(
                None, None, f"an orthogonal matrix has 2 dimensions or more, not {list(dims)}."
            )
        rows, columns = python_math.prod(dims[:-1]), dims[-1]
        tall = (max(rows, columns), min(rows, columns))
        normal = draws.random_normal(tall, dtype=_floating(dtype or self.dtype), seed=self.seed)
        q, r = decompositions.qr(normal, full_matrices=False)
        q = math.multiply(q, math.sign(diagonals.diag_part(r)))  # uniform over all such matrices
        if rows < columns:
            q = shapes.matrix_transpose(q)
        return math.multiply(array.reshape(q, dims), self.gain)


class Identity(Initializer):
    """The identity matrix, times ``gain``; rows and columns beyond the square are 0."""

    def __init__(self, gain: float = 1.0, dtype: Any = float32) -> None:
        self.gain = gain
        self.dtype = _floating(dtype)

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        dims = _known(shape)
        if len(dims) != 2:
            raise InvalidArgumentError(
                None, None, f"an identity matrix has 2 dimensions, not {list(dims)}."
            )
        matrix = creation.eye(*dims, dtype=as_dtype(dtype or self.dtype))
        return matrix if self.gain == 1.0 else math.multiply(matrix, self.gain)


class GlorotUniform(VarianceScaling):
    """Uniform on ``sqrt(6 / (inputs + outputs)) * [-1, 1)``; Glorot and Bengio 2010."""

    def __init__(self, seed: int | None = None, dtype: Any = float32) -> None:
        super().__init__(1.0, "fan_avg", "uniform", seed, dtype)

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.seed, "dtype": self.dtype.name}


class GlorotNormal(VarianceScaling):
    """Truncated normal of variance ``2 / (inputs + outputs)``; Glorot and Bengio 2010."""

    def __init__(self, seed: int | None = None, dtype: Any = float32) -> None:
        super().__init__(1.0, "fan_avg", "truncated_normal", seed, dtype)

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.seed, "dtype": self.dtype.name}


def he_normal(seed: int | None = None) -> VarianceScaling:
    """Return a truncated normal of variance ``2 / inputs``; He et al. 2015, arXiv:1502.01852."""
    return VarianceScaling(2.0, "fan_in", "truncated_normal", seed)


def he_uniform(seed: int | None = None) -> VarianceScaling:
    """Return the uniform distribution of variance ``2 / inputs``; He et al. 2015."""
    return VarianceScaling(2.0, "fan_in", "uniform", seed)


def lecun_normal(seed: int | None = None) -> VarianceScaling:
    """Return a truncated normal of variance ``1 / inputs``; LeCun et al. 1998."""
    return VarianceScaling(1.0, "fan_in", "truncated_normal", seed)


def lecun_uniform(seed: int | None = None) -> VarianceScaling:
    """Return the uniform distribution of variance ``1 / inputs``; LeCun et al. 1998."""
    return VarianceScaling(1.0, "fan_in", "uniform", seed)


zeros = zeros_initializer = Zeros
ones = ones_initializer = Ones
constant = constant_initializer = Constant
random_uniform = random_uniform_initializer = RandomUniform
random_normal = random_normal_initializer = RandomNormal
truncated_normal = truncated_normal_initializer = TruncatedNormal
uniform_unit_scaling = uniform_unit_scaling_initializer = UniformUnitScaling
variance_scaling = variance_scaling_initializer = VarianceScaling
orthogonal = orthogonal_initializer = Orthogonal
identity = identity_initializer = Identity
glorot_uniform = glorot_uniform_initializer = GlorotUniform
glorot_normal = glorot_normal_initializer = GlorotNormal

# TensorFlow keeps the initializing operations here too.
variables = state.variables_initializer
global_variables = state.global_variables_initializer
local_variables = state.local_variables_initializer
tables_initializer = initialized.tables_initializer
