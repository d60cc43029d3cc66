"""``tf.contrib.opt``: optimizers beside those of ``tf.train``."""

from __future__ import annotations

from tfmini.train.optimizers import AdaMaxOptimizer, LazyAdamOptimizer, NadamOptimizer

__all__ = ["AdaMaxOptimizer", "LazyAdamOptimizer", "NadamOptimizer"]
