"""``tf.keras.datasets``."""

from __future__ import annotations

from tfmini.keras.datasets import mnist

__all__ = ["mnist"]
