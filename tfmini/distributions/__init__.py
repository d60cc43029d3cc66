"""``tf.distributions``: draws, densities, moments and divergences of probability distributions.

In: parameters, tensors of floats.  Out: objects whose methods give tensors.  What needs a special
function, ``lgamma`` for the density of Gamma, takes it from the package tfmini-special.
"""

from __future__ import annotations

import sys

from tfmini.distributions.continuous import (
    Beta,
    Exponential,
    Gamma,
    Laplace,
    Normal,
    StudentT,
    Uniform,
)
from tfmini.distributions.counts import DirichletMultinomial, Multinomial
from tfmini.distributions.discrete import Bernoulli, Categorical, Dirichlet
from tfmini.distributions.distribution import (
    FULLY_REPARAMETERIZED,
    NOT_REPARAMETERIZED,
    Distribution,
    ReparameterizationType,
)
from tfmini.distributions.kl import RegisterKL, kl_divergence
from tfmini.missing import watch_namespace

__all__ = [
    "FULLY_REPARAMETERIZED",
    "NOT_REPARAMETERIZED",
    "Bernoulli",
    "Beta",
    "Categorical",
    "Dirichlet",
    "DirichletMultinomial",
    "Distribution",
    "Exponential",
    "Gamma",
    "Laplace",
    "Multinomial",
    "Normal",
    "RegisterKL",
    "ReparameterizationType",
    "StudentT",
    "Uniform",
    "kl_divergence",
]  # fmt: skip

watch_namespace(sys.modules[__name__])
