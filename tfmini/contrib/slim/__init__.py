"""``tf.contrib.slim``: the layers and scopes of ``tf.contrib``, under one name.

In and out: as ``tf.contrib.layers`` and ``tf.contrib.framework``.
"""

from __future__ import annotations

from tfmini.contrib import framework, layers, metrics
from tfmini.contrib.framework import *  # noqa: F403
from tfmini.contrib.layers import *  # noqa: F403
from tfmini.contrib.slim import evaluation, learning, losses, model_analyzer

__all__ = [
    "evaluation", "learning", "losses", "metrics", "model_analyzer",
]  # fmt: skip
__all__ += framework.__all__
__all__ += layers.__all__
