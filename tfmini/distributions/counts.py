"""How often each class comes in several draws: Multinomial and DirichletMultinomial.

In: the number of draws, and logits, probabilities or concentrations, whose last axis is that of the
classes.  Out: counts of that shape, their probabilities and moments, as tensors of floats.
"""

from __future__ import annotations

from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.distributions.discrete import one_of
from tfmini.distributions.distribution import (
    NOT_REPARAMETERIZED,
    Distribution,
    dtype_of,
    parameters,
    special,
)
from tfmini.dtypes import float32, int32
from tfmini.graph import get_default_graph
from tfmini.nodes import Tensor
from tfmini.ops import (
    activations,
    array,
    creation,
    diagonals,
    exponential,
    joining,
    math,
    random,
    reductions,
    selection,
)
from tfmini.ops.casting import cast


class _Counts(Distribution):
    """Base: ``total_count`` [...] draws among the classes of the last axis of the mean."""

    total_count: Tensor
    _shares: Tensor
    _expected: Tensor

    def _batch_shape(self) -> Any:
        return self._expected.shape[:-1]

    def _batch_shape_tensor(self) -> Any:
        return array.shape(self._expected)[:-1]

    def _event_shape(self) -> Any:
        return self._expected.shape[-1:]

    def _event_shape_tensor(self) -> Any:
        return array.shape(self._expected)[-1:]

    def _mean(self) -> Tensor:
        return array.identity(self._expected)

    def _variance(self) -> Tensor:
        return self._spread() * self._expected * (1.0 - self._shares)

    def _covariance(self) -> Tensor:
        """Of two classes: minus the mean of one times the share of the other."""
        products = _column(self._expected) * array.expand_dims(self._shares, -2)
        between = -_column(self._spread()) * products
        return diagonals.matrix_set_diag(between, self._variance())

    def _spread(self) -> Tensor:
        """Return how much larger variances are than those of independent draws: [..., 1]."""
        return creation.ones_like(_column(self.total_count))

    def _log_ways(self, counts: Tensor) -> Tensor:
        """Return the logarithm of the number of orders in which draws give ``counts``."""
        lgamma = special("lgamma")
        found: Tensor = lgamma(self.total_count + 1.0) - reductions.reduce_sum(
            lgamma(counts + 1.0), -1
        )
        return found

    def _counted(self, logits: Tensor, n: Any, seed: int | None) -> Tensor:
        """Return the counts of draws from each row of ``logits`` [n, ..., k]."""
        shape = array.shape(logits)
        most = cast(reductions.reduce_max(self.total_count), int32)
        rows = array.reshape(logits, joining.stack([-1, shape[-1]]))
        draws = random.multinomial(rows, most, seed)  # [rows, most]
        total = array.broadcast_to(self.total_count, shape[:-1])
        wanted = selection.sequence_mask(
            cast(array.reshape(total, [-1]), int32), most, dtype=self.dtype
        )
        taken = selection.one_hot(draws, shape[-1], dtype=self.dtype) * _column(wanted)
        return array.reshape(reductions.reduce_sum(taken, 1), shape)


def _column(x: Tensor) -> Tensor:
    return array.expand_dims(x, -1)


class Multinomial(_Counts):
    """The counts of classes in independent draws, by ``probs`` [..., k] or the softmax of
    ``logits``.

    ``total_count`` is the number of draws, a float, for each distribution of the batch.
    """

    def __init__(
        self,
        total_count: Any,
        logits: Any = None,
        probs: Any = None,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "Multinomial",
    ) -> None:
        arguments = dict(locals())
        with get_default_graph().name_scope(name) as scope:
            given = one_of("Multinomial", logits, probs)
            rows, self.total_count = parameters(validate_args, **given, total_count=total_count)
            if probs is None:
                self.logits, self.probs = rows, activations.softmax(rows)
            else:
                self.logits, self.probs = exponential.log(rows), rows
            self._shares = self.probs
            self._expected = _column(self.total_count) * self._shares
        super().__init__(dtype_of([rows]) or float32, NOT_REPARAMETERIZED, validate_args,
                         allow_nan_stats, arguments, name=scope)  # fmt: skip

    def _sample_n(self, n: Any, seed: int | None = None) -> Tensor:
        shape = joining.concat([array.reshape(n, [1]), array.shape(self._expected)], 0)
        return self._counted(array.broadcast_to(self.logits, shape), n, seed)

    def _log_prob(self, counts: Tensor) -> Tensor:
        each = math.multiply(counts, activations.log_softmax(self.logits))
        return reductions.reduce_sum(each, -1) + self._log_ways(counts)


class DirichletMultinomial(_Counts):
    """The counts of classes in draws by probabilities that a Dirichlet distribution gives.

    ``total_count`` is the number of draws, a float, for each distribution of the batch.
    """

    def __init__(
        self,
        total_count: Any,
        concentration: Any,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "DirichletMultinomial",
    ) -> None:
        arguments = dict(locals())
        with get_default_graph().name_scope(name) as scope:
            self.concentration, self.total_count = parameters(
                validate_args, concentration_=concentration, total_count=total_count
            )
            self.total_concentration = reductions.reduce_sum(self.concentration, -1)
            self._shares = self.concentration / _column(self.total_concentration)
            self._expected = _column(self.total_count) * self._shares
        super().__init__(dtype_of([self.concentration]) or float32, NOT_REPARAMETERIZED,
                         validate_args, allow_nan_stats, arguments, name=scope)  # fmt: skip

    def _sample_n(self, n: Any, seed: int | None = None) -> Tensor:
        alpha = array.broadcast_to(self.concentration, array.shape(self._expected))
        draws = random.random_gamma(array.reshape(n, [1]), alpha, dtype=self.dtype, seed=seed)
        # Another stream than that of the probabilities.
        other = None if seed is None else seed + 1
        return self._counted(exponential.log(draws), n, other)

    def _log_prob(self, counts: Tensor) -> Tensor:
        both = convert_to_tensor(self.concentration + counts)
        return _log_beta(both) - _log_beta(self.concentration) + self._log_ways(counts)

    def _spread(self) -> Tensor:
        total = _column(self.total_concentration)
        return (_column(self.total_count) + total) / (1.0 + total)


def _log_beta(x: Tensor) -> Tensor:
    lgamma = special("lgamma")
    found: Tensor = reductions.reduce_sum(lgamma(x), -1) - lgamma(reductions.reduce_sum(x, -1))
    return found
