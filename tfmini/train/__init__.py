"""Training: optimizers (``tf.train``)."""

from __future__ import annotations

from tfmini.train.optimizer import Optimizer
from tfmini.train.optimizers import (
    AdamOptimizer,
    GradientDescentOptimizer,
    MomentumOptimizer,
)

__all__ = ["AdamOptimizer", "GradientDescentOptimizer", "MomentumOptimizer", "Optimizer"]
