"""The base of distributions: what their users call, and what each kind gives.

A distribution has parameters that broadcast to ``batch_shape``: independent distributions.  One
draw of one of them has ``event_shape``, () for numbers.  ``sample(s)`` has shape ``s + batch_shape
+ event_shape``, and ``log_prob`` of it ``s + batch_shape``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor
from tfmini.defaults import control_dependencies
from tfmini.dtypes import DType, as_dtype, int32
from tfmini.errors import InvalidArgumentError, UnimplementedError
from tfmini.graph import get_default_graph
from tfmini.missing import absent
from tfmini.nodes import Tensor
from tfmini.ops import array, exponential, joining, math, reductions
from tfmini.ops.assertions import assert_positive
from tfmini.ops.shapes import broadcast_dynamic_shape, broadcast_static_shape
from tfmini.registry import registry
from tfmini.shapes import TensorShape


class ReparameterizationType:
    """Whether a draw is a differentiable function of the parameters."""

    def __init__(self, rep_type: str) -> None:
        self._name = rep_type

    def __repr__(self) -> str:
        return f"<Reparameterization Type: {self._name}>"


FULLY_REPARAMETERIZED = ReparameterizationType("FULLY_REPARAMETERIZED")
NOT_REPARAMETERIZED = ReparameterizationType("NOT_REPARAMETERIZED")


class Distribution:
    """Base class: its methods call those of a kind that have their name with ``_`` before it.

    Parameters
    ----------
    dtype : of draws
    reparameterization_type : ``FULLY_REPARAMETERIZED`` or ``NOT_REPARAMETERIZED``
    validate_args : bool
        Whether running it checks the parameters.
    allow_nan_stats : bool
        Whether a mean that there is not is NaN, rather than an error.
    parameters : dict, what the kind was made with, for ``copy``
    graph_parents : list, unused
    name : str, of the scope of its operations
    """

    def __init__(
        self,
        dtype: Any,
        reparameterization_type: ReparameterizationType,
        validate_args: bool,
        allow_nan_stats: bool,
        parameters: dict[str, Any] | None = None,
        graph_parents: Sequence[Any] | None = None,
        name: str | None = None,
    ) -> None:
        name = name or type(self).__name__
        if not name.endswith("/"):
            with get_default_graph().name_scope(name) as name:
                pass
        self.dtype = as_dtype(dtype)
        self.reparameterization_type = reparameterization_type
        self.validate_args = validate_args
        self.allow_nan_stats = allow_nan_stats
        self.name = name
        self._parameters = dict(parameters or {})

    @property
    def parameters(self) -> dict[str, Any]:
        """The arguments that it was made with."""
        return {k: v for k, v in self._parameters.items() if k != "self" and not k.startswith("__")}

    def copy(self, **override_parameters_kwargs: Any) -> Any:
        """Return a distribution of the same kind with some parameters changed."""
        return type(self)(**{**self.parameters, **override_parameters_kwargs})

    @property
    def batch_shape(self) -> TensorShape:
        return TensorShape(self._batch_shape())

    @property
    def event_shape(self) -> TensorShape:
        return TensorShape(self._event_shape())

    def batch_shape_tensor(self, name: str = "batch_shape_tensor") -> Tensor:
        """Return ``batch_shape`` as a tensor of ints, known when it runs."""
        with self._scope(name):
            return _vector(self.batch_shape, self._batch_shape_tensor)

    def event_shape_tensor(self, name: str = "event_shape_tensor") -> Tensor:
        """Return ``event_shape`` as a tensor of ints, known when it runs."""
        with self._scope(name):
            return _vector(self.event_shape, self._event_shape_tensor)

    def is_scalar_event(self, name: str = "is_scalar_event") -> Tensor:
        """Return whether a draw is a number."""
        with self._scope(name):
            return convert_to_tensor(self.event_shape.ndims == 0)

    def is_scalar_batch(self, name: str = "is_scalar_batch") -> Tensor:
        """Return whether this is one distribution."""
        with self._scope(name):
            return convert_to_tensor(self.batch_shape.ndims == 0)

    def sample(self, sample_shape: Any = (), seed: int | None = None, name: str = "sample") -> Any:
        """Return draws of shape ``sample_shape + batch_shape + event_shape``."""
        with self._scope(name):
            given = convert_to_tensor(sample_shape, int32)
            prefix = array.reshape(given, [-1])
            static = prefix.spec.value
            known = None if static is None else [int(n) for n in np.ravel(static)]
            count = reductions.reduce_prod(prefix) if known is None else int(np.prod(known))
            draws = self._sample_n(count, seed)
            rest = self.batch_shape.concatenate(self.event_shape)
            if known is not None and rest.is_fully_defined():
                return array.reshape(draws, [*known, *rest.as_list()])
            shape = joining.concat([prefix, array.shape(draws)[1:]], 0)
            found = array.reshape(draws, shape)
            if known is not None:
                found.set_shape(TensorShape(known).concatenate(rest))
            return found

    def log_prob(self, value: Any, name: str = "log_prob") -> Any:
        """Return the logarithm of the density or probability of ``value``."""
        return self._of(value, name, ("_log_prob",), ("_prob", exponential.log))

    def prob(self, value: Any, name: str = "prob") -> Any:
        """Return the density or probability of ``value``."""
        return self._of(value, name, ("_prob",), ("_log_prob", exponential.exp))

    def cdf(self, value: Any, name: str = "cdf") -> Any:
        """Return the probability of a draw of at most ``value``."""
        return self._of(value, name, ("_cdf",), ("_log_cdf", exponential.exp))

    def log_cdf(self, value: Any, name: str = "log_cdf") -> Any:
        """Return the logarithm of ``cdf``."""
        return self._of(value, name, ("_log_cdf",), ("_cdf", exponential.log))

    def survival_function(self, value: Any, name: str = "survival_function") -> Any:
        """Return the probability of a draw of more than ``value``."""
        return self._of(
            value, name, ("_survival_function",), ("_cdf", _complement),
            ("_log_cdf", lambda x: _complement(exponential.exp(x))),
        )  # fmt: skip

    def log_survival_function(self, value: Any, name: str = "log_survival_function") -> Any:
        """Return the logarithm of ``survival_function``."""
        with self._scope(name):
            if hasattr(self, "_log_survival_function"):
                return self._log_survival_function(self._value(value))
            return exponential.log(self.survival_function(value))

    def quantile(self, value: Any, name: str = "quantile") -> Any:
        """Return the number that a draw exceeds with probability ``1 - value``."""
        return self._of(value, name, ("_quantile",))

    def mean(self, name: str = "mean") -> Any:
        """Return the mean."""
        return self._statistic(name, ("_mean",))

    def mode(self, name: str = "mode") -> Any:
        """Return the likeliest draw."""
        return self._statistic(name, ("_mode",))

    def variance(self, name: str = "variance") -> Any:
        """Return the variance."""
        return self._statistic(name, ("_variance",), ("_stddev", math.square))

    def stddev(self, name: str = "stddev") -> Any:
        """Return the standard deviation."""
        return self._statistic(name, ("_stddev",), ("_variance", math.sqrt))

    def covariance(self, name: str = "covariance") -> Any:
        """Return the covariance matrix of a draw's elements."""
        return self._statistic(name, ("_covariance",))

    def entropy(self, name: str = "entropy") -> Any:
        """Return Shannon's entropy in nats."""
        return self._statistic(name, ("_entropy",))

    def cross_entropy(self, other: Distribution, name: str = "cross_entropy") -> Any:
        """Return the mean of ``-other.log_prob`` of draws of this distribution, in nats."""
        with self._scope(name):
            return self.kl_divergence(other) + self.entropy()

    def kl_divergence(self, other: Distribution, name: str = "kl_divergence") -> Any:
        """Return how much more than the entropy ``cross_entropy`` is (Kullback and Leibler)."""
        from tfmini.distributions.kl import kl_divergence

        with self._scope(name):
            return kl_divergence(self, other, self.allow_nan_stats)

    def __repr__(self) -> str:
        return (
            f"<tf.distributions.{type(self).__name__} {self.name!r} batch_shape="
            f"{self.batch_shape} event_shape={self.event_shape} dtype={self.dtype.name}>"
        )

    # -- for the kinds ----------------------------------------------------------------------------

    def _batch_shape(self) -> Any:
        raise self._lacks("batch_shape")

    def _event_shape(self) -> Any:
        return ()

    def _batch_shape_tensor(self) -> Any:
        raise self._lacks("batch_shape_tensor")

    def _event_shape_tensor(self) -> Any:
        raise self._lacks("event_shape_tensor")

    def _sample_n(self, n: Any, seed: int | None = None) -> Any:
        raise self._lacks("sample")

    def _draws_of(self, n: Any) -> Any:
        """Return the shape of ``n`` draws of numbers: a list where it is known."""
        batch = self.batch_shape
        if isinstance(n, int) and batch.is_fully_defined():
            return [n, *batch.as_list()]
        return joining.concat([array.reshape(n, [1]), self._batch_shape_tensor()], 0)

    @contextmanager
    def _scope(self, name: str) -> Iterator[None]:
        graph = get_default_graph()
        with graph.name_scope(self.name), graph.name_scope(name):
            yield

    def _value(self, value: Any) -> Tensor:
        """Return ``value`` as a tensor, of this dtype where it can be."""
        if isinstance(value, Tensor):
            return value
        try:
            return convert_to_tensor(value, self.dtype)
        except InvalidArgumentError:
            return convert_to_tensor(value)

    def _of(self, value: Any, name: str, *ways: tuple[Any, ...]) -> Any:
        with self._scope(name):
            return self._first(name, ways, self._value(value))

    def _statistic(self, name: str, *ways: tuple[Any, ...]) -> Any:
        with self._scope(name):
            return self._first(name, ways)

    def _first(self, what: str, ways: Sequence[tuple[Any, ...]], *arguments: Any) -> Any:
        """Return what the first method that there is gives, made into what is wanted."""
        for method, *after in ways:
            if hasattr(self, method):
                found = getattr(self, method)(*arguments)
                return after[0](found) if after else found
        raise self._lacks(what)

    def _lacks(self, what: str) -> UnimplementedError:
        return UnimplementedError(None, None, f"{type(self).__name__} has no {what}.")


def _complement(x: Tensor) -> Tensor:
    found: Tensor = 1.0 - x
    return found


def _vector(static: TensorShape, dynamic: Callable[[], Any]) -> Tensor:
    known = static.is_fully_defined()
    return convert_to_tensor(static.as_list(), int32) if known else dynamic()


class OfNumbers(Distribution):
    """Base of the kinds whose draws are numbers: all parameters broadcast to the batch."""

    _parts: tuple[Tensor, ...] = ()

    def _batch_shape(self) -> Any:
        return _broadcast([p.shape for p in self._parts], broadcast_static_shape)

    def _batch_shape_tensor(self) -> Any:
        return _broadcast([array.shape(p) for p in self._parts], broadcast_dynamic_shape)

    def _event_shape_tensor(self) -> Any:
        return convert_to_tensor([], int32)

    def _over_batch(self, x: Tensor) -> Tensor:
        """Return ``x``, which some of the parameters gave, in the shape of the batch."""
        return array.broadcast_to(x, _vector(self.batch_shape, self._batch_shape_tensor))


def _broadcast(shapes: Sequence[Any], both: Callable[[Any, Any], Any]) -> Any:
    found, *rest = shapes
    for shape in rest:
        found = both(found, shape)
    return found


def parameters(validate_args: bool, **given: Any) -> list[Tensor]:
    """Return parameters as float tensors of one dtype; those whose name ends in ``_`` must be
    positive, which ``validate_args`` checks in each run."""
    dtype = next((x.dtype for x in given.values() if isinstance(x, Tensor)), None)
    found = []
    for name, value in given.items():
        x = convert_to_tensor(value, None if isinstance(value, Tensor) else dtype)
        if x.dtype is not None and not x.dtype.is_floating:
            raise InvalidArgumentError(
                None,
                None,
                f"{name.rstrip('_')} is {x.dtype.name}, not floats: write 1.0.",
            )
        if validate_args and name.endswith("_"):
            with control_dependencies([assert_positive(x)]):
                x = array.identity(x)
        found.append(x)
    return found


def special(name: str) -> Callable[..., Any]:
    """Return a special function of the package tfmini-special, or raise what names it."""
    found: Callable[..., Any] = registry.function(name) or absent("", name)
    return found


def dtype_of(parts: Sequence[Tensor]) -> DType | None:
    """Return the dtype of parameters, as far as it is known."""
    return next((p.dtype for p in parts if p.dtype is not None), None)
