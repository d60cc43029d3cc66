"""``tf.contrib.tensorboard.plugins``: settings of TensorBoard's plugins."""

from __future__ import annotations

from tfmini.contrib.tensorboard.plugins import projector

__all__ = ["projector"]
