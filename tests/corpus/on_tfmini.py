"""Run a TensorFlow 1 script on tfmini, as ``python -m tfmini run`` does, and watch it."""

from __future__ import annotations

import os
import sys

import tfmini as tf
from tests.corpus.watch import watch
from tfmini.__main__ import main

if __name__ == "__main__":
    watch(tf, os.path.realpath(sys.argv[1]))
    sys.exit(main(["run", *sys.argv[1:]]))
