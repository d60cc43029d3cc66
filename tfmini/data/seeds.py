"""Seeds of shuffling: the same order in each session where a seed is set.

In: the graph's seed and the operation's, when a dataset is built.  Out: a function that gives, when
the dataset runs, a generator for each pass.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from tfmini.defaults import DEFAULT_GRAPH_SEED
from tfmini.graph import get_default_graph

Stream = Callable[[], np.random.Generator]


def stream_of(seed: Any, each_pass: bool = True) -> Callable[..., Stream]:
    """Return a function that begins a stream; it takes the value of ``seed`` if there is one.

    A stream gives a generator for each pass: another one if ``each_pass``, else the same again.
    """
    graph = get_default_graph()
    fixed = seed is not None or graph.seed is not None
    graph_seed = DEFAULT_GRAPH_SEED if graph.seed is None else graph.seed
    place = len(graph._operations)

    def begin(*value: Any) -> Stream:
        own = int(value[0]) if value else place
        words = [graph_seed % 2**64, own % 2**64]
        if not fixed:
            words = [int.from_bytes(os.urandom(8), "little")]
        passes = itertools.count()
        return lambda: np.random.default_rng([*words, next(passes) if each_pass else 0])

    return begin
