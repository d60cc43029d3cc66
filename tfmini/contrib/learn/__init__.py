"""``tf.contrib.learn``, without its estimators: texts as numbers, and MNIST.

In: texts, folders of files.  Out: arrays.
"""

from __future__ import annotations

from tfmini.contrib.learn import datasets, preprocessing

__all__ = ["ModeKeys", "datasets", "preprocessing"]


class ModeKeys:
    """What a model function is called for."""

    TRAIN = "train"
    EVAL = "eval"
    INFER = "infer"
