"""What a script does, noted from inside its process: the same for both backends.

In: the module that answers ``import tensorflow``, and two variables of the environment.
``CORPUS_SEED`` shifts each seed that the script gives to ``tf.set_random_seed``: its data, which
NumPy's seed makes, stays as it is.  Out: the file that ``CORPUS_FETCHED`` names, in JSON: the last
real numbers that ``Session.run`` gave to each line of the script, and the means of the last arrays.

Needs NumPy, and neither tfmini nor TensorFlow.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
from functools import cache

import numpy as np

real = cache(os.path.realpath)  # asked in each run, for the same few files


def watch(tf, script):
    """Note what ``script``, a path, fetches from ``tf``'s sessions; shift its seeds."""
    shift = 1000 * int(os.environ.get("CORPUS_SEED", "0"))
    given = tf.set_random_seed

    def set_random_seed(seed):
        given(seed if seed is None else seed + shift)

    tf.set_random_seed = set_random_seed
    # An InteractiveSession is no Session in TensorFlow; both have the `run` of one base.
    owner = next(c for c in tf.Session.__mro__ if "run" in vars(c))
    run, fetched = owner.run, {}

    def noted(session, *args, **kwargs):
        result = run(session, *args, **kwargs)
        for i, numbers in enumerate(result if type(result) in (list, tuple) else (result,)):
            if isinstance(numbers, (np.floating, np.ndarray)) and numbers.dtype.kind == "f":
                fetched[line_in(script), i] = numbers
        return result

    owner.run = noted
    if path := os.environ.get("CORPUS_FETCHED"):
        atexit.register(write, fetched, path)


def line_in(script):
    """Return the number of the line of ``script`` that runs now, 0 if none does."""
    frame = sys._getframe(1)
    while frame is not None and real(frame.f_code.co_filename) != script:
        frame = frame.f_back
    return frame.f_lineno if frame else 0


def write(fetched, path):
    """Write what each line got last, as ``{"line 7": 0.5, "line 7 #1": 2.0}``."""
    named = {
        f"line {n} #{i}" if i else f"line {n}": float(np.mean(numbers, dtype=np.float64))
        for (n, i), numbers in fetched.items()
        if np.size(numbers)
    }
    with open(path, "w") as file:
        json.dump(named, file)
