"""``tf.contrib.opt``: optimizers beside those of ``tf.train``.

In and out: as of ``tf.train``'s optimizers.
"""

from __future__ import annotations

from tfmini.contrib.opt.decay import (
    AdamWOptimizer,
    DecoupledWeightDecayExtension,
    MomentumWOptimizer,
    extend_with_decoupled_weight_decay,
)
from tfmini.contrib.opt.external import ExternalOptimizerInterface, ScipyOptimizerInterface
from tfmini.contrib.opt.rules import (
    AdamGSOptimizer,
    AddSignOptimizer,
    LARSOptimizer,
    LazyAdamGSOptimizer,
    PowerSignOptimizer,
    RegAdagradOptimizer,
)
from tfmini.contrib.opt.wrappers import (
    MovingAverageOptimizer,
    MultitaskOptimizerWrapper,
    VariableClippingOptimizer,
    clip_gradients_by_global_norm,
)
from tfmini.train.optimizers import AdaMaxOptimizer, LazyAdamOptimizer, NadamOptimizer

__all__ = [
    "AdaMaxOptimizer", "AdamGSOptimizer", "AdamWOptimizer", "AddSignOptimizer",
    "DecoupledWeightDecayExtension", "ExternalOptimizerInterface", "LARSOptimizer",
    "LazyAdamGSOptimizer", "LazyAdamOptimizer", "MomentumWOptimizer", "MovingAverageOptimizer",
    "MultitaskOptimizerWrapper", "NadamOptimizer", "PowerSignOptimizer", "RegAdagradOptimizer",
    "ScipyOptimizerInterface", "VariableClippingOptimizer", "clip_gradients_by_global_norm",
    "extend_with_decoupled_weight_decay",
]  # fmt: skip
