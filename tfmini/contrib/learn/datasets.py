"""``tf.contrib.learn.datasets``: MNIST, as ``tensorflow.examples`` has it."""

from __future__ import annotations

from tfmini.examples.tutorials.mnist import input_data as mnist

__all__ = ["mnist"]
