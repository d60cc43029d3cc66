"""Distributions of whole numbers: Bernoulli and Categorical; and Dirichlet, of probabilities.

In: logits, or probabilities, or concentrations, whose last axis is that of the classes.  Out:
draws, probabilities and moments as tensors.
"""

from __future__ import annotations

from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.distributions.distribution import (
    FULLY_REPARAMETERIZED,
    NOT_REPARAMETERIZED,
    Distribution,
    OfNumbers,
    dtype_of,
    parameters,
    special,
)
from tfmini.dtypes import float32, int32
from tfmini.errors import InvalidArgumentError
from tfmini.graph import get_default_graph
from tfmini.nodes import Tensor
from tfmini.ops import (
    activations,
    array,
    creation,
    exponential,
    joining,
    logic,
    losses,
    random,
    reductions,
    selection,
)
from tfmini.ops.casting import cast
from tfmini.ops.division import multiply_no_nan
from tfmini.ops.shapes import broadcast_dynamic_shape


def one_of(kind: str, logits: Any, probs: Any) -> dict[str, Any]:
    """Return the one of ``logits`` and ``probs`` that is given, by its name."""
    if (logits is None) == (probs is None):
        raise InvalidArgumentError(None, None, f"{kind} takes either logits or probs.")
    return {"logits": logits} if probs is None else {"probs": probs}


class Bernoulli(OfNumbers):
    """1 with probability ``probs``, which is the sigmoid of ``logits``, else 0."""

    def __init__(
        self,
        logits: Any = None,
        probs: Any = None,
        dtype: Any = int32,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "Bernoulli",
    ) -> None:
        arguments = dict(locals())
        with get_default_graph().name_scope(name) as scope:
            given = one_of("Bernoulli", logits, probs)
            self._parts = tuple(parameters(validate_args, **given))
            if probs is None:
                self.logits = self._parts[0]
                self.probs = exponential.sigmoid(self.logits)
            else:
                self.probs = self._parts[0]
                self.logits = exponential.log(self.probs) - exponential.log1p(-self.probs)
        super().__init__(dtype, NOT_REPARAMETERIZED, validate_args, allow_nan_stats, arguments,
                         name=scope)  # fmt: skip

    def _sample_n(self, n: Any, seed: int | None = None) -> Tensor:
        u = random.random_uniform(self._draws_of(n), dtype=self.probs.dtype, seed=seed)
        found: Tensor = cast(logic.less(u, self.probs), self.dtype)
        return found

    def _log_prob(self, event: Tensor) -> Tensor:
        zeros = creation.zeros_like(self.logits)
        labels = cast(event, self.logits.dtype or float32) + zeros
        logits = self.logits + creation.zeros_like(labels)
        return -losses.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits)

    def _entropy(self) -> Tensor:
        return exponential.softplus(-self.logits) + self.logits * (1.0 - self.probs)

    def _mean(self) -> Tensor:
        return array.identity(self.probs)

    def _variance(self) -> Tensor:
        return self.probs * (1.0 - self.probs)

    def _mode(self) -> Tensor:
        found: Tensor = cast(logic.greater(self.probs, 0.5), self.dtype)
        return found


class _OfClasses(Distribution):
    """Base of the kinds with a parameter whose last axis is that of classes."""

    _rows: Tensor

    def _batch_shape(self) -> Any:
        return self._rows.shape[:-1]

    def _batch_shape_tensor(self) -> Any:
        return array.shape(self._rows)[:-1]


class Categorical(_OfClasses):
    """A class of [0, k), by the probabilities ``probs`` [..., k] or the softmax of ``logits``."""

    def __init__(
        self,
        logits: Any = None,
        probs: Any = None,
        dtype: Any = int32,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "Categorical",
    ) -> None:
        arguments = dict(locals())
        with get_default_graph().name_scope(name) as scope:
            (self._rows,) = parameters(validate_args, **one_of("Categorical", logits, probs))
            if probs is None:
                self.logits, self.probs = self._rows, activations.softmax(self._rows)
            else:
                self.logits, self.probs = exponential.log(self._rows), self._rows
            last = self._rows.shape[-1].value if self._rows.shape.ndims else None
            self.event_size = (
                array.shape(self._rows)[-1] if last is None else convert_to_tensor(last, int32)
            )
        super().__init__(dtype, NOT_REPARAMETERIZED, validate_args, allow_nan_stats, arguments,
                         name=scope)  # fmt: skip

    def _event_shape_tensor(self) -> Any:
        return convert_to_tensor([], int32)

    def _sample_n(self, n: Any, seed: int | None = None) -> Tensor:
        rows = array.reshape(self.logits, joining.stack([-1, self.event_size]))
        draws = cast(random.multinomial(rows, n, seed), self.dtype)
        shape = joining.concat([array.reshape(n, [1]), array.shape(self.logits)[:-1]], 0)
        return array.reshape(array.transpose(draws), shape)

    def _log_prob(self, k: Tensor) -> Tensor:
        k, logits = cast(k, int32), self.logits
        static = self.batch_shape
        if not (static.is_fully_defined() and k.shape.as_list() == static.as_list()):
            shape = broadcast_dynamic_shape(array.shape(k), array.shape(logits)[:-1])
            logits = array.broadcast_to(
                logits, joining.concat([shape, array.reshape(self.event_size, [1])], 0)
            )
            k = array.broadcast_to(k, shape)
        return -losses.sparse_softmax_cross_entropy_with_logits(labels=k, logits=logits)

    def _entropy(self) -> Tensor:
        log_probs = activations.log_softmax(self.logits)
        # A class that never comes adds nothing.
        return -reductions.reduce_sum(multiply_no_nan(log_probs, exponential.exp(log_probs)), -1)

    def _mode(self) -> Tensor:
        from tfmini.ops.reductions import argmax

        found: Tensor = cast(argmax(self.logits, -1), self.dtype)
        return found


class Dirichlet(_OfClasses):
    """Vectors of k probabilities, with density like the product of ``x**(concentration - 1)``."""

    def __init__(
        self,
        concentration: Any,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "Dirichlet",
    ) -> None:
        arguments = dict(locals())
        with get_default_graph().name_scope(name) as scope:
            (self._rows,) = parameters(validate_args, concentration_=concentration)
            self.concentration = self._rows
            self.total_concentration = reductions.reduce_sum(self._rows, -1)
        super().__init__(dtype_of([self._rows]) or float32, FULLY_REPARAMETERIZED, validate_args,
                         allow_nan_stats, arguments, name=scope)  # fmt: skip

    def _event_shape(self) -> Any:
        return self._rows.shape[-1:]

    def _event_shape_tensor(self) -> Any:
        return array.shape(self._rows)[-1:]

    def _sample_n(self, n: Any, seed: int | None = None) -> Tensor:
        draws = random.random_gamma([n], self.concentration, dtype=self.dtype, seed=seed)
        return draws / reductions.reduce_sum(draws, -1, keepdims=True)

    def _log_norm(self) -> Tensor:
        lgamma = special("lgamma")
        parts = reductions.reduce_sum(lgamma(self.concentration), -1)
        found: Tensor = parts - lgamma(self.total_concentration)
        return found

    def _log_prob(self, x: Tensor) -> Tensor:
        parts = exponential.xlogy(self.concentration - 1.0, x)
        return reductions.reduce_sum(parts, -1) - self._log_norm()

    def _entropy(self) -> Tensor:
        digamma = special("digamma")
        a, total = self.concentration, self.total_concentration
        k = cast(array.shape(a)[-1], self.dtype)
        return (
            self._log_norm() + (total - k) * digamma(total)
            - reductions.reduce_sum((a - 1.0) * digamma(a), -1)
        )  # fmt: skip

    def _total(self) -> Tensor:
        return array.expand_dims(self.total_concentration, -1)

    def _mean(self) -> Tensor:
        return self.concentration / self._total()

    def _variance(self) -> Tensor:
        mean = self._mean()
        return mean * (1.0 - mean) / (1.0 + self._total())

    def _mode(self) -> Tensor:
        k = cast(array.shape(self.concentration)[-1], self.dtype)
        value = (self.concentration - 1.0) / (self._total() - k)
        exists = reductions.reduce_all(logic.greater(self.concentration, 1.0), -1, keepdims=True)
        return selection.where_v2(exists, value, float("nan"))
