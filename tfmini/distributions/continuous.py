"""Distributions of real numbers: Normal, Uniform, Laplace, Exponential, Gamma, Beta, StudentT.

In: parameters, tensors of floats that broadcast.  Out: draws, densities and moments as tensors.
Formulas are those of Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions (1994).
"""

from __future__ import annotations

import math as python_math
from typing import Any

from tfmini.defaults import control_dependencies
from tfmini.distributions.distribution import (
    FULLY_REPARAMETERIZED,
    OfNumbers,
    dtype_of,
    parameters,
    special,
)
from tfmini.dtypes import float32
from tfmini.graph import get_default_graph
from tfmini.nodes import Tensor
from tfmini.ops import array, creation, exponential, logic, math, random, reductions, selection
from tfmini.ops.assertions import assert_less

_HALF_LOG_2PI = 0.5 * python_math.log(2 * python_math.pi)
_FAR = -10.0  # where log(cdf) of a normal number is better taken from a series


class _Real(OfNumbers):
    """Base: sets what all kinds have; ``given`` are the parameters, "_" marks positive ones."""

    def __init__(
        self, arguments: dict[str, Any], validate_args: bool, allow_nan_stats: bool, name: str,
        **given: Any,
    ) -> None:  # fmt: skip
        with get_default_graph().name_scope(name) as scope:
            self._parts = tuple(parameters(validate_args, **given))
        dtype = dtype_of(self._parts) or float32
        super().__init__(dtype, FULLY_REPARAMETERIZED, validate_args, allow_nan_stats, arguments,
                         name=scope)  # fmt: skip

    def _undefined(self, exists: Tensor, value: Tensor) -> Tensor:
        """Return ``value`` where it exists, elsewhere NaN, or an error as the user chose."""
        if self.allow_nan_stats:
            return selection.where_v2(exists, value, float("nan"))
        from tfmini.ops.debugging import Assert

        with control_dependencies([Assert(reductions.reduce_all(exists), ["it does not exist"])]):
            return array.identity(value)


class Normal(_Real):
    """The normal distribution with mean ``loc`` and standard deviation ``scale``."""

    def __init__(
        self,
        loc: Any,
        scale: Any,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "Normal",
    ) -> None:
        super().__init__(dict(locals()), validate_args, allow_nan_stats, name, loc=loc,
                         scale_=scale)  # fmt: skip
        self.loc, self.scale = self._parts

    def _sample_n(self, n: Any, seed: int | None = None) -> Tensor:
        draws = random.random_normal(self._draws_of(n), dtype=self.dtype, seed=seed)
        return draws * self.scale + self.loc

    def _z(self, x: Tensor) -> Tensor:
        return (x - self.loc) / self.scale

    def _log_prob(self, x: Tensor) -> Tensor:
        return -0.5 * math.square(self._z(x)) - (_HALF_LOG_2PI + exponential.log(self.scale))

    def _cdf(self, x: Tensor) -> Tensor:
        return 0.5 * special("erfc")(self._z(x) * -python_math.sqrt(0.5))

    def _survival_function(self, x: Tensor) -> Tensor:
        return 0.5 * special("erfc")(self._z(x) * python_math.sqrt(0.5))

    def _log_cdf(self, x: Tensor) -> Tensor:
        return _log_normal_cdf(self._z(x))

    def _log_survival_function(self, x: Tensor) -> Tensor:
        return _log_normal_cdf(-self._z(x))

    def _entropy(self) -> Tensor:
        return self._over_batch(0.5 + _HALF_LOG_2PI + exponential.log(self.scale))

    def _mean(self) -> Tensor:
        return self._over_batch(self.loc)

    _mode = _mean

    def _stddev(self) -> Tensor:
        return self._over_batch(self.scale)


def _log_normal_cdf(z: Tensor) -> Tensor:
    """Return log(cdf) of the standard normal distribution, by a series where the cdf is tiny."""
    far = logic.less(z, _FAR)
    x = selection.where_v2(far, z, 2 * _FAR)  # so that no gradient is of what is not chosen
    r = 1.0 / math.square(x)
    series = 1.0 - r * (1.0 - r * (3.0 - r * (15.0 - 105.0 * r)))
    tail = -0.5 * math.square(x) - exponential.log(-x) - _HALF_LOG_2PI + exponential.log(series)
    near = selection.where_v2(far, creation.zeros_like(z), z)
    body = exponential.log(0.5 * special("erfc")(near * -python_math.sqrt(0.5)))
    return selection.where_v2(far, tail, body)


class Uniform(_Real):
    """The uniform distribution on [``low``, ``high``)."""

    def __init__(
        self,
        low: Any = 0.0,
        high: Any = 1.0,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "Uniform",
    ) -> None:
        super().__init__(dict(locals()), validate_args, allow_nan_stats, name, low=low, high=high)
        self.low, self.high = self._parts
        if validate_args:
            with self._scope("checks"), control_dependencies([assert_less(self.low, self.high)]):
                self.low, self.high = map(array.identity, self._parts)

    def range(self, name: str = "range") -> Tensor:
        """Return ``high - low``."""
        with self._scope(name):
            return self.high - self.low

    def _sample_n(self, n: Any, seed: int | None = None) -> Tensor:
        draws = random.random_uniform(self._draws_of(n), dtype=self.dtype, seed=seed)
        return self.low + (self.high - self.low) * draws

    def _prob(self, x: Tensor) -> Tensor:
        inside = logic.logical_and(logic.greater_equal(x, self.low), logic.less(x, self.high))
        found = selection.where_v2(inside, 1.0 / (self.high - self.low), 0.0)
        return selection.where_v2(logic.is_nan(x), x, found)

    def _cdf(self, x: Tensor) -> Tensor:
        share = (x - self.low) / (self.high - self.low)
        return math.minimum(math.maximum(share, 0.0), 1.0)

    def _entropy(self) -> Tensor:
        return exponential.log(self.high - self.low)

    def _mean(self) -> Tensor:
        return 0.5 * (self.low + self.high)

    def _stddev(self) -> Tensor:
        return (self.high - self.low) / python_math.sqrt(12.0)

    def _variance(self) -> Tensor:
        return math.square(self.high - self.low) / 12.0


class Laplace(_Real):
    """The Laplace distribution: an exponential decay of rate 1 / ``scale`` on both sides of
    ``loc``."""

    def __init__(
        self,
        loc: Any,
        scale: Any,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "Laplace",
    ) -> None:
        super().__init__(dict(locals()), validate_args, allow_nan_stats, name, loc=loc,
                         scale_=scale)  # fmt: skip
        self.loc, self.scale = self._parts

    def _sample_n(self, n: Any, seed: int | None = None) -> Tensor:
        # 1 - |u| is never 0: u is of [-1, 1) and its low end is moved.
        u = random.random_uniform(self._draws_of(n), -1.0, 1.0, self.dtype, seed)
        size = math.minimum(math.abs(u), 1.0 - self.dtype.dtype.type(1e-7))
        return self.loc - self.scale * math.sign(u) * exponential.log1p(-size)

    def _z(self, x: Tensor) -> Tensor:
        return (x - self.loc) / self.scale

    def _log_prob(self, x: Tensor) -> Tensor:
        return -math.abs(self._z(x)) - python_math.log(2.0) - exponential.log(self.scale)

    def _cdf(self, x: Tensor) -> Tensor:
        z = self._z(x)
        return 0.5 - 0.5 * math.sign(z) * exponential.expm1(-math.abs(z))

    def _entropy(self) -> Tensor:
        return self._over_batch(1.0 + python_math.log(2.0) + exponential.log(self.scale))

    def _mean(self) -> Tensor:
        return self._over_batch(self.loc)

    _mode = _mean

    def _stddev(self) -> Tensor:
        return self._over_batch(self.scale * python_math.sqrt(2.0))


class Gamma(_Real):
    """The gamma distribution of shape ``concentration`` and rate ``rate``."""

    def __init__(
        self,
        concentration: Any,
        rate: Any,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "Gamma",
    ) -> None:
        super().__init__(dict(locals()), validate_args, allow_nan_stats, name,
                         concentration_=concentration, rate_=rate)  # fmt: skip
        self.concentration, self.rate = self._parts

    def _sample_n(self, n: Any, seed: int | None = None) -> Tensor:
        return random.random_gamma([n], self.concentration, self.rate, self.dtype, seed)

    def _log_prob(self, x: Tensor) -> Tensor:
        a, b = self._parts
        return exponential.xlogy(a - 1.0, x) - b * x + a * exponential.log(b) - special("lgamma")(a)

    def _cdf(self, x: Tensor) -> Tensor:
        a = self._over_batch(self.concentration)
        return special("igamma")(a + creation.zeros_like(x), self.rate * x)

    def _entropy(self) -> Tensor:
        a, b = self._parts
        return a - exponential.log(b) + special("lgamma")(a) + (1.0 - a) * special("digamma")(a)

    def _mean(self) -> Tensor:
        return self.concentration / self.rate

    def _variance(self) -> Tensor:
        return self.concentration / math.square(self.rate)

    def _mode(self) -> Tensor:
        value = (self.concentration - 1.0) / self.rate
        return self._undefined(logic.greater(value, 0.0), value)


class Exponential(Gamma):
    """The exponential distribution of rate ``rate``: Gamma of concentration 1."""

    def __init__(
        self,
        rate: Any,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "Exponential",
    ) -> None:
        arguments = dict(locals())
        _Real.__init__(self, arguments, validate_args, allow_nan_stats, name, rate_=rate)
        (self.rate,) = self._parts
        self.concentration = creation.ones_like(self.rate)

    def _sample_n(self, n: Any, seed: int | None = None) -> Tensor:
        u = random.random_uniform(self._draws_of(n), dtype=self.dtype, seed=seed)
        return -exponential.log1p(-u) / self.rate  # u is less than 1

    def _log_prob(self, x: Tensor) -> Tensor:
        return exponential.log(self.rate) - self.rate * x

    def _cdf(self, x: Tensor) -> Tensor:
        return -exponential.expm1(-self.rate * x)

    def _entropy(self) -> Tensor:
        return 1.0 - exponential.log(self.rate)

    def _mode(self) -> Tensor:
        return creation.zeros_like(self.rate)


class Beta(_Real):
    """The beta distribution on (0, 1), with density like ``x**(concentration1 - 1) *
    (1 - x)**(concentration0 - 1)``."""

    def __init__(
        self,
        concentration1: Any = None,
        concentration0: Any = None,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "Beta",
    ) -> None:
        super().__init__(
            dict(locals()), validate_args, allow_nan_stats, name,
            concentration1_=concentration1, concentration0_=concentration0,
        )  # fmt: skip
        self.concentration1, self.concentration0 = self._parts
        self.total_concentration = self.concentration1 + self.concentration0

    def _sample_n(self, n: Any, seed: int | None = None) -> Tensor:
        again = None if seed is None else seed + 1
        g1, g0 = (
            random.random_gamma([n], self._over_batch(c), dtype=self.dtype, seed=s)
            for c, s in zip(self._parts, (seed, again), strict=True)
        )
        return g1 / (g1 + g0)

    def _log_beta(self) -> Tensor:
        lgamma = special("lgamma")
        a, b = self._parts
        found: Tensor = lgamma(a) + lgamma(b) - lgamma(self.total_concentration)
        return found

    def _log_prob(self, x: Tensor) -> Tensor:
        a, b = self._parts
        return exponential.xlogy(a - 1.0, x) + exponential.xlog1py(b - 1.0, -x) - self._log_beta()

    def _cdf(self, x: Tensor) -> Tensor:
        zeros = creation.zeros_like(x)
        a, b = (self._over_batch(c) + zeros for c in self._parts)
        return special("betainc")(a, b, x + creation.zeros_like(a))

    def _entropy(self) -> Tensor:
        digamma = special("digamma")
        a, b = self._parts
        total = self.total_concentration
        return (
            self._log_beta() - (a - 1.0) * digamma(a) - (b - 1.0) * digamma(b)
            + (total - 2.0) * digamma(total)
        )  # fmt: skip

    def _mean(self) -> Tensor:
        return self.concentration1 / self.total_concentration

    def _variance(self) -> Tensor:
        mean = self._mean()
        return mean * (1.0 - mean) / (1.0 + self.total_concentration)

    def _mode(self) -> Tensor:
        a, b = self._parts
        exists = logic.logical_and(logic.greater(a, 1.0), logic.greater(b, 1.0))
        return self._undefined(exists, (a - 1.0) / (self.total_concentration - 2.0))


class StudentT(_Real):
    """Student's t-distribution of ``df`` degrees of freedom, moved to ``loc`` and times
    ``scale``."""

    def __init__(
        self,
        df: Any,
        loc: Any,
        scale: Any,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "StudentT",
    ) -> None:
        super().__init__(dict(locals()), validate_args, allow_nan_stats, name, df_=df, loc=loc,
                         scale=scale)  # fmt: skip
        self.df, self.loc, self.scale = self._parts

    def _sample_n(self, n: Any, seed: int | None = None) -> Tensor:
        again = None if seed is None else seed + 1
        normal = random.random_normal(self._draws_of(n), dtype=self.dtype, seed=seed)
        half = 0.5 * self._over_batch(self.df)
        gamma = random.random_gamma([n], half, dtype=self.dtype, seed=again)
        return normal * math.rsqrt(gamma / half) * self.scale + self.loc

    def _log_norm(self) -> Tensor:
        lgamma = special("lgamma")
        return (
            exponential.log(math.abs(self.scale)) + 0.5 * exponential.log(self.df)
            + 0.5 * python_math.log(python_math.pi) + lgamma(0.5 * self.df)
            - lgamma(0.5 * (self.df + 1.0))
        )  # fmt: skip

    def _log_prob(self, x: Tensor) -> Tensor:
        z = (x - self.loc) / self.scale
        return -0.5 * (self.df + 1.0) * exponential.log1p(z * z / self.df) - self._log_norm()

    def _entropy(self) -> Tensor:
        digamma = special("digamma")
        half, more = 0.5 * self.df, 0.5 * (self.df + 1.0)
        return self._over_batch(self._log_norm() + more * (digamma(more) - digamma(half)))

    def _mean(self) -> Tensor:
        return self._undefined(
            logic.greater(self._over_batch(self.df), 1.0), self._over_batch(self.loc)
        )

    def _mode(self) -> Tensor:
        return self._over_batch(self.loc)

    def _variance(self) -> Tensor:
        df = self._over_batch(self.df)
        above = logic.greater(df, 2.0)
        finite = math.square(self.scale) * df / selection.where_v2(above, df - 2.0, 1.0)
        value = selection.where_v2(above, finite, float("inf"))
        return self._undefined(logic.greater(df, 1.0), value)
