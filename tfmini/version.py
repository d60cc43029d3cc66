"""``tf.version``: the release of TensorFlow whose API this is; our own is ``__version__``."""

from __future__ import annotations

VERSION = "1.15.0"
GIT_VERSION = "v1.15.0"
COMPILER_VERSION = ""
GRAPH_DEF_VERSION = 134
GRAPH_DEF_VERSION_MIN_PRODUCER = 0
GRAPH_DEF_VERSION_MIN_CONSUMER = 0
