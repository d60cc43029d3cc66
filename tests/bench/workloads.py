"""What is measured: one `Workload` a row of the table.

In: nothing. Out: `WORKLOADS` (in table order), `select`, which reads names such as ``W1,W3``, and
`PEERS`, each with the module that its users import (None for what is only a file of this folder).
No peer and no NumPy is imported here, so the parent process stays light.
"""

import re
from typing import NamedTuple

PEERS = {
    "numpy_hand": "numpy",
    "tfmini": "tfmini",
    "tfmini_numba": "tfmini_numba",
    "tensorflow": "tensorflow",
    "jax": "jax",
    "torch": "torch",
    "pytensor": "pytensor.tensor",
    "autograd": "autograd.numpy",
    "tensorslow": None,
}
REFERENCE = "numpy_hand"


class Workload(NamedTuple):
    """One row: which method of a peer makes its step, and how the result is judged and shown.

    `kind` is ``step`` (time of a repeated call in a warm worker) or ``fresh`` (a figure that a new
    process reports). `unit` is ``s``, ``MB`` or ``nodes/s``; for the last the time of a step is
    divided into `nodes`. Where `nodes` is given the reference builds no graph, and a peer is right
    when it has built that many. The tolerances, of results and of trained parameters, are
    relative, in the 2-norm (see `check`).
    """

    name: str
    title: str
    method: str
    arguments: tuple = ()
    tolerance: float = 1e-5
    state_tolerance: float = 1e-6
    check_steps: int = 1
    kind: str = "step"
    unit: str = "s"
    nodes: int = 0


# A training step is checked over several losses, the later ones of which depend on the updates
# before. Adam's first steps have length `rate` however small the gradient, so that rounding and
# the place of epsilon (PyTorch's differs from TensorFlow's) move single weights.
_TRAIN = {"check_steps": 5, "tolerance": 1e-3, "state_tolerance": 5e-2}

WORKLOADS = (
    Workload("W1", "affine 2x2", "affine", tolerance=1e-12),
    Workload("W1x", "10 feeds, 10 fetches", "many_feeds", tolerance=1e-12),
    # TF1 holds the learning rate as float32 even for float64 variables: 3e-9 after one step.
    Workload("W2", "lesson's MLP step", "lesson_mlp", check_steps=5, tolerance=1e-6),
    Workload("W3", "MLP Adam step, batch 128", "mlp_adam", (128,), **_TRAIN),
    Workload("W3call", "W3 by make_callable", "mlp_adam_callable", (128,), **_TRAIN),
    Workload("W3b", "MLP Adam step, batch 1024", "mlp_adam", (1024,), **_TRAIN),
    Workload("W3bcall", "W3b by make_callable", "mlp_adam_callable", (1024,), **_TRAIN),
    Workload("W4a", "8 branches of 3 matmuls 1000^2", "wide_matmul", tolerance=1e-4),
    Workload("W4b", "8 branches of SVD 300^2", "wide_svd", tolerance=1e-4),
    Workload("W4c", "8 branches of ufuncs, 4M", "wide_ufunc"),
    Workload("W5f", "element-wise chain, 10M", "elementwise", tolerance=1e-4),
    Workload("W5g", "its gradient, 10M", "elementwise_gradient", tolerance=1e-4),
    Workload("W6a", "chain of 2,000 scalar adds", "chain", (2_000,)),
    Workload("W6b", "chain of 20,000 scalar adds", "chain", (20_000,)),
    Workload("W6build", "chain of 20,000, build", "build_chain", (20_000,), nodes=20_000),
    Workload("W7", "CNN step, batch 64", "cnn", **_TRAIN),
    Workload("W8import", "import, beyond NumPy's own", "import", kind="fresh"),
    Workload("W8first", "W3 graph to first result", "first", kind="fresh"),
    Workload("W8rss3", "peak RSS of W3, 20 steps", "rss", ("W3", 20), kind="fresh", unit="MB"),
    Workload("W8rss5", "peak RSS of W5f, 3 steps", "rss", ("W5f", 3), kind="fresh", unit="MB"),
    Workload(
        "W9", "build a 100,000-node chain", "build_chain", (100_000,), unit="nodes/s", nodes=100_000
    ),
    Workload("W10", "x = x + x, 30 deep", "doubling", (30,), tolerance=1e-12),
)

BY_NAME = {workload.name: workload for workload in WORKLOADS}


def select(names):
    """Return the workloads that a comma-separated list asks for; ``W4`` means all of W4*."""
    if names == "all":
        return list(WORKLOADS)
    chosen = []
    for name in names.split(","):
        exact = [w for w in WORKLOADS if w.name == name]
        group = [w for w in WORKLOADS if re.match(r"W\d+", w.name).group() == name]
        if not exact and not group:
            raise ValueError(f"no workload {name!r}; there are: {', '.join(BY_NAME)}")
        chosen += [w for w in exact or group if w not in chosen]
    return chosen
