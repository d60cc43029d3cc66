"""The process in TensorFlow's environment: ``python worker.py IN OUT``, started by ``run``.

In: a pickle of ``{"names": paths, "aliases": {path: paths}, "cases": [...]}``.  Out: a pickle of
the paths that TensorFlow has, of the aliases that it makes functions of their own, of its op
types, and of the outcomes.  Cases and outcomes travel as plain tuples.
"""

from __future__ import annotations

import os
import pickle
import sys
import warnings
from typing import Any

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="0", CUDA_VISIBLE_DEVICES="-1")
warnings.simplefilter("ignore")

import tensorflow.compat.v1 as tf  # noqa: E402 - what is set above must come first
from evaluate import Case, evaluate_all, lookup  # noqa: E402 - in this file's folder


def main(source: str, target: str) -> None:
    tf.disable_v2_behavior()
    tf.logging.set_verbosity(tf.logging.FATAL)
    with open(source, "rb") as f:
        asked: dict[str, Any] = pickle.load(f)
    known = {name for name in asked["names"] if callable(lookup(tf, name))}
    cases = [Case(*fields) for fields in asked["cases"]]
    # The path that a case is evaluated by: tfmini may have more names for a function.
    paths = {
        path: next((n for n in (path, *aliases) if n in known), "")
        for path, aliases in asked["aliases"].items()
    }
    own = [
        (path, alias)
        for path, aliases in asked["aliases"].items()
        for alias in aliases
        if alias in known and lookup(tf, paths[path]) is not lookup(tf, alias)
    ]
    wanted = [(c.op, c._replace(op=paths[c.op])) for c in cases if paths[c.op]]
    # One dtype of each row will do to see that a second name does the same.
    first: dict[str, list[Case]] = {}
    for c in cases:
        if c.variants:
            first.setdefault(c.op, []).append(c)
    wanted += [(alias, c._replace(op=alias)) for path, alias in own for c in first.get(path, ())]
    config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
    # Rewrites of the graph are no semantics, and take most of the time of so many small graphs.
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    outcomes = evaluate_all(tf, [c for _, c in wanted], config)
    answer = {
        "version": tf.__version__,
        "known": sorted(known),
        "paths": paths,
        "own": own,
        "types": sorted(name for name in dir(tf.raw_ops) if not name.startswith("_")),
        "outcomes": {(op, c.label): tuple(o) for (op, c), o in zip(wanted, outcomes, strict=True)},
    }
    with open(target, "wb") as f:
        pickle.dump(answer, f)


if __name__ == "__main__":
    main(*sys.argv[1:])
