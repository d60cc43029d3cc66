"""Batch normalization, with averages of mean and variance kept for when training is over.

Formulas: Ioffe and Szegedy 2015, "Batch Normalization", https://arxiv.org/abs/1502.03167.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from tfmini.dtypes import float16, float32
from tfmini.errors import InvalidArgumentError, UnimplementedError
from tfmini.initializers import Ones, Zeros
from tfmini.layers.base import Layer
from tfmini.layers.choice import smart_cond, smart_constant_value
from tfmini.layers.core import last_dimension
from tfmini.layers.functional import dtype_of
from tfmini.layers.named import initializer_of
from tfmini.layers.spec import InputSpec
from tfmini.nodes import Tensor
from tfmini.ops import array, math, normalization, state
from tfmini.ops.creation import ones_like, zeros_like
from tfmini.ops.normalization import _fused_batch_norm
from tfmini.shapes import TensorShape

_LEAST_EPSILON = 1.001e-5  # TensorFlow's kernels for images take no smaller one


class _Normalized(NamedTuple):
    y: Tensor
    mean: Tensor
    variance: Tensor


class BatchNormalization(Layer):
    """``gamma * (x - mean) / sqrt(variance + epsilon) + beta``, for each channel.

    Called as ``layer(inputs, training=...)``.  In training the moments are those of the batch, and
    two operations that move the averages towards them go to the collection ``UPDATE_OPS``: run
    them along with the training step.  Otherwise the averages are used.

    Parameters
    ----------
    axis : the dimension of the channels, or a list of them
    momentum : share of the old average that an update keeps
    center, scale : whether there is a beta, a gamma
    fused : whether to count the variance for the averages as n / (n - 1) times the batch's
        Default: for inputs of 4 dimensions with channels in dimension 1 or 3, as in TensorFlow.
    training : bool, or scalar bool tensor
    """

    _order = ("gamma", "beta")  # in which they are made

    def __init__(
        self,
        axis: Any = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = Zeros,
        gamma_initializer: Any = Ones,
        moving_mean_initializer: Any = Zeros,
        moving_variance_initializer: Any = Ones,
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: Any = None,
        renorm_momentum: float = 0.99,
        fused: bool | None = None,
        trainable: bool = True,
        virtual_batch_size: int | None = None,
        adjustment: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(trainable, name, **kwargs)
        if renorm or virtual_batch_size is not None or adjustment is not None:
            raise UnimplementedError(
                None, None, "batch normalization has no renorm, virtual_batch_size or adjustment."
            )
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else [int(axis)]
        self.momentum = momentum
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self.beta_initializer = initializer_of(beta_initializer)
        self.gamma_initializer = initializer_of(gamma_initializer)
        self.moving_mean_initializer = initializer_of(moving_mean_initializer)
        self.moving_variance_initializer = initializer_of(moving_variance_initializer)
        self.beta_regularizer = beta_regularizer
        self.gamma_regularizer = gamma_regularizer
        self.beta_constraint = beta_constraint
        self.gamma_constraint = gamma_constraint
        self.fused = fused
        self.gamma: Any = None
        self.beta: Any = None
        self.moving_mean: Any = None
        self.moving_variance: Any = None

    def build(self, input_shape: Any) -> None:
        rank = TensorShape(input_shape).ndims
        if rank is None:
            raise InvalidArgumentError(
                None, None, f"the input of layer {self.name} has no known rank; use set_shape."
            )
        if any(not -rank <= a < rank for a in self.axis):
            raise InvalidArgumentError(
                None, None, f"axis={self.axis} of layer {self.name}: the input has rank {rank}."
            )
        self.axis = [a % rank for a in self.axis]
        fusable = rank == 4 and self.axis in ([1], [3])
        if self.fused and not fusable:
            raise InvalidArgumentError(
                None, None, "fused batch normalization needs 4 dimensions and axis 1 or 3."
            )
        self.fused = fusable if self.fused is None else self.fused
        sizes = {a: last_dimension(self, input_shape, a) for a in self.axis}
        self.input_spec = InputSpec(ndim=rank, axes=dict(sizes))
        one = len(sizes) == 1
        shape = tuple(sizes.values()) if one else tuple(sizes.get(i, 1) for i in range(rank))
        self._make_variables(shape)
        self.built = True

    def _make_variables(self, shape: tuple[int, ...]) -> None:
        dtype = float32 if self._dtype in (None, float16) else self._dtype
        for name in self._order:
            if getattr(self, "scale" if name == "gamma" else "center"):
                made = self.add_weight(
                    name, shape, dtype, getattr(self, f"{name}_initializer"),
                    getattr(self, f"{name}_regularizer"),
                    constraint=getattr(self, f"{name}_constraint"),
                )  # fmt: skip
                setattr(self, name, made)
        self.moving_mean = self.add_weight(
            "moving_mean", shape, dtype, self.moving_mean_initializer, trainable=False
        )
        self.moving_variance = self.add_weight(
            "moving_variance", shape, dtype, self.moving_variance_initializer, trainable=False
        )

    def call(self, inputs: Any, training: Any = False) -> Tensor:
        known = smart_constant_value(training)
        if known is False:
            return self._with_averages(inputs)
        of_batch = self._with_moments_of if len(self.axis) == 1 else self._over_several
        result = smart_cond(
            training,
            lambda: of_batch(inputs),
            lambda: _Normalized(
                self._with_averages(inputs), array.identity(self.moving_mean),
                array.identity(self.moving_variance),
            ),
        )  # fmt: skip
        # Where not training, the new values are the averages themselves, and nothing moves.
        self._add_averages(inputs, result.mean, result.variance)
        y: Tensor = result.y
        y.set_shape(inputs.shape)
        return y

    def compute_output_shape(self, input_shape: Any) -> TensorShape:
        return TensorShape(input_shape)

    def _add_averages(self, inputs: Tensor, mean: Tensor, variance: Tensor) -> None:
        with self.graph.control_dependencies(None):
            for average, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
                step = (average - value) * (1.0 - self.momentum)
                update = state.assign_sub(average, step, name="AssignMovingAvg")
                self.add_update(update, inputs)

    # -- the formulas -------------------------------------------------------------------------

    def _with_moments_of(self, x: Tensor) -> _Normalized:
        """Normalize with the moments of ``x`` over all dimensions but one, by the one operation
        that there is for it."""
        last = (x.spec.rank or 1) - 1
        order = [i for i in range(last + 1) if i not in self.axis] + self.axis
        turned = self.axis != [last]
        epsilon = max(self.epsilon, _LEAST_EPSILON) if self.fused else self.epsilon
        gamma = ones_like(self.moving_mean) if self.gamma is None else self.gamma
        beta = zeros_like(self.moving_mean) if self.beta is None else self.beta
        rows = array.transpose(x, order) if turned else x
        y, mean, unbiased, variance = _fused_batch_norm(rows, gamma, beta, epsilon)
        if turned:
            y = array.transpose(y, [order.index(i) for i in range(last + 1)])
        return _Normalized(y, mean, unbiased if self.fused else variance)

    def _over_several(self, x: Tensor) -> _Normalized:
        """Normalize with the moments over all dimensions but several."""
        others = [i for i in range(x.spec.rank or 0) if i not in self.axis]
        mean, variance = normalization.moments(x, others, keepdims=True)
        return _Normalized(self._normalized(x, mean, variance, self.epsilon), mean, variance)

    def _with_averages(self, x: Tensor) -> Tensor:
        epsilon = max(self.epsilon, _LEAST_EPSILON) if self.fused else self.epsilon
        return self._normalized(x, self.moving_mean, self.moving_variance, epsilon)

    def _normalized(self, x: Tensor, mean: Any, variance: Any, epsilon: float) -> Tensor:
        rank = x.spec.rank or 0
        vectors = [mean, variance, self.beta, self.gamma]
        if len(self.axis) == 1 and self.axis != [rank - 1]:
            shape = [-1 if i in self.axis else 1 for i in range(rank)]
            vectors = [v if v is None else array.reshape(v, shape) for v in vectors]
        if x.dtype is float16:
            vectors = [v if v is None else math.cast(v, float16) for v in vectors]
        if self.fused:
            return normalization.normalized(x, *vectors, epsilon, "FusedBatchNormV3")
        return normalization.batch_normalization(x, *vectors, epsilon)


def batch_normalization(
    inputs: Any,
    axis: Any = -1,
    momentum: float = 0.99,
    epsilon: float = 1e-3,
    center: bool = True,
    scale: bool = True,
    beta_initializer: Any = Zeros,
    gamma_initializer: Any = Ones,
    moving_mean_initializer: Any = Zeros,
    moving_variance_initializer: Any = Ones,
    beta_regularizer: Any = None,
    gamma_regularizer: Any = None,
    beta_constraint: Any = None,
    gamma_constraint: Any = None,
    training: Any = False,
    trainable: bool = True,
    name: str | None = None,
    reuse: Any = None,
    renorm: bool = False,
    renorm_clipping: Any = None,
    renorm_momentum: float = 0.99,
    fused: bool | None = None,
    virtual_batch_size: int | None = None,
    adjustment: Any = None,
) -> Tensor:
    """Return ``gamma * (inputs - mean) / sqrt(variance + epsilon) + beta``.

    In training, the operations in the collection ``UPDATE_OPS`` must be run as well; see
    `BatchNormalization`.
    """
    layer = BatchNormalization(
        axis, momentum, epsilon, center, scale, beta_initializer, gamma_initializer,
        moving_mean_initializer, moving_variance_initializer, beta_regularizer, gamma_regularizer,
        beta_constraint, gamma_constraint, renorm, renorm_clipping, renorm_momentum, fused,
        trainable, virtual_batch_size, adjustment, name, dtype=dtype_of(inputs), _scope=name,
        _reuse=reuse,
    )  # fmt: skip
    return layer(inputs, training=training)
