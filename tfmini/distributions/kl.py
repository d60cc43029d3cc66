"""Kullback and Leibler's divergence between two distributions, by their kinds.

In: two distributions.  Out: a tensor of their batch shape.  ``RegisterKL`` adds pairs of kinds.
"""

from __future__ import annotations

from collections.abc import Callable

from tfmini.defaults import control_dependencies
from tfmini.distributions.continuous import Beta, Gamma, Normal
from tfmini.distributions.discrete import Bernoulli, Categorical, Dirichlet
from tfmini.distributions.distribution import Distribution, special
from tfmini.errors import InvalidArgumentError, UnimplementedError
from tfmini.graph import get_default_graph
from tfmini.nodes import Tensor
from tfmini.ops import activations, array, exponential, logic, math, reductions
from tfmini.ops.assertions import assert_none_equal

_RULES: dict[tuple[type, type], Callable[..., Tensor]] = {}


class RegisterKL:
    """Decorates a function of two distributions and ``name`` that gives their divergence."""

    def __init__(self, dist_cls_a: type, dist_cls_b: type) -> None:
        self._kinds = (dist_cls_a, dist_cls_b)

    def __call__(self, kl_fn: Callable[..., Tensor]) -> Callable[..., Tensor]:
        if not callable(kl_fn):
            raise InvalidArgumentError(None, None, f"{kl_fn!r} is no function.")
        if self._kinds in _RULES:
            a, b = (kind.__name__ for kind in self._kinds)
            raise InvalidArgumentError(None, None, f"{a} and {b} have a divergence already.")
        _RULES[self._kinds] = kl_fn
        return kl_fn


def kl_divergence(
    distribution_a: Distribution,
    distribution_b: Distribution,
    allow_nan_stats: bool = True,
    name: str | None = None,
) -> Tensor:
    """Return the mean, over draws of a, of ``a.log_prob - b.log_prob``, in nats.

    The rule is that of the nearest kinds that ``RegisterKL`` knows.  Without ``allow_nan_stats``
    it raises InvalidArgumentError when it runs and gives NaN.
    """
    lines = type(distribution_a).__mro__, type(distribution_b).__mro__
    pairs = {
        (i + j, i): _RULES[a, b]
        for i, a in enumerate(lines[0]) for j, b in enumerate(lines[1]) if (a, b) in _RULES
    }  # fmt: skip
    if not pairs:
        kinds = " and ".join(type(d).__name__ for d in (distribution_a, distribution_b))
        raise UnimplementedError(
            None, None, f"there is no divergence of {kinds}; tf.distributions.RegisterKL adds one."
        )
    with get_default_graph().name_scope(name or "KullbackLeibler"):
        found = pairs[min(pairs)](distribution_a, distribution_b, name=name)
        if allow_nan_stats:
            return found
        is_number = logic.logical_not(logic.is_nan(found))
        check = assert_none_equal(is_number, False, message="the divergence is NaN")
        with control_dependencies([check]):
            return array.identity(found)


@RegisterKL(Normal, Normal)
def _normals(a: Normal, b: Normal, name: str | None = None) -> Tensor:
    ratio = math.square(a.scale / b.scale)
    return math.square(a.loc - b.loc) / (2.0 * math.square(b.scale)) + 0.5 * (
        ratio - 1.0 - exponential.log(ratio)
    )


@RegisterKL(Gamma, Gamma)
def _gammas(a: Gamma, b: Gamma, name: str | None = None) -> Tensor:
    lgamma, digamma = special("lgamma"), special("digamma")
    return (
        (a.concentration - b.concentration) * digamma(a.concentration)
        + lgamma(b.concentration) - lgamma(a.concentration)
        + b.concentration * (exponential.log(a.rate) - exponential.log(b.rate))
        + a.concentration * (b.rate / a.rate - 1.0)
    )  # fmt: skip


@RegisterKL(Beta, Beta)
def _betas(a: Beta, b: Beta, name: str | None = None) -> Tensor:
    digamma = special("digamma")
    return (
        b._log_beta() - a._log_beta()
        + (a.concentration1 - b.concentration1) * digamma(a.concentration1)
        + (a.concentration0 - b.concentration0) * digamma(a.concentration0)
        + (b.total_concentration - a.total_concentration) * digamma(a.total_concentration)
    )  # fmt: skip


@RegisterKL(Bernoulli, Bernoulli)
def _bernoullis(a: Bernoulli, b: Bernoulli, name: str | None = None) -> Tensor:
    more = exponential.softplus(b.logits) - exponential.softplus(a.logits)
    return a.probs * (a.logits - b.logits) + more


@RegisterKL(Categorical, Categorical)
def _categoricals(a: Categorical, b: Categorical, name: str | None = None) -> Tensor:
    log_a, log_b = (activations.log_softmax(d.logits) for d in (a, b))
    return reductions.reduce_sum(exponential.exp(log_a) * (log_a - log_b), -1)


@RegisterKL(Dirichlet, Dirichlet)
def _dirichlets(a: Dirichlet, b: Dirichlet, name: str | None = None) -> Tensor:
    digamma = special("digamma")
    surprise = digamma(a.concentration) - array.expand_dims(digamma(a.total_concentration), -1)
    parts = (a.concentration - b.concentration) * surprise
    return reductions.reduce_sum(parts, -1) + b._log_norm() - a._log_norm()
