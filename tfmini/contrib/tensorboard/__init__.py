"""``tf.contrib.tensorboard``: settings of TensorBoard's plugins."""

from __future__ import annotations

from tfmini.contrib.tensorboard import plugins

__all__ = ["plugins"]
