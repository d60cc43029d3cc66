"""Rows for random functions: what is compared is the distribution, the shape and the dtype."""

from __future__ import annotations

import numpy as np

from tests.oracle.draw import A, T, row

N = 20_000
NORMAL = "random_normal random.normal"
UNIFORM = "random_uniform random.uniform"
TRUNCATED = "truncated_normal random.truncated_normal"

# fmt: off
ROWS = [
    row(f"{NORMAL} {UNIFORM} {TRUNCATED}", [N]),
    row(f"{NORMAL} {TRUNCATED}", [2, N // 2], 3.0, 0.5, "float64"),
    row(f"{NORMAL} {TRUNCATED}", [N], dtype="float16"),
    row(NORMAL, [N, 1], T(1, 1), T(1, 1, low=0.5, high=2)),
    row(UNIFORM, [N], -2.0, 5.0),
    row(UNIFORM, [N], -2, 9, "int32"),
    row(UNIFORM, [N], 0, 3, "int64"),
    row(f"{NORMAL} {UNIFORM} {TRUNCATED}", [0, 3]),
    row(f"{NORMAL} {UNIFORM} {TRUNCATED}", A([100, 200], "int32")),
    row("random_gamma random.gamma", [N], 0.5),
    row("random_gamma random.gamma", [N], 3.0, 2.0, dtype="float64"),
    row("random_gamma random.gamma", [N // 2], A([0.5, 4.0])),
    row("random_poisson random.poisson", 3.5, [N]),
    row("random_poisson random.poisson", A([0.3, 40.0]), [N // 2], "float64"),
    row("multinomial random.multinomial random.categorical", A([[0.0, 1.0, -1.0]]), N),
    row("random.categorical", A([[0.0, -np.inf, -1.0]], "float64"), N, dtype="int32"),
    row("random.stateless_normal random.stateless_uniform random.stateless_truncated_normal", [N],
        [5, 7]),
    row("random.stateless_normal random.stateless_truncated_normal", [2, N // 2],
        A([5, 7], "int64"), 3.0, 0.5, "float64"),
    row("random.stateless_uniform", [N], A([5, 7], "int32"), -2, 9, "int32"),
    row("random.stateless_uniform", A([100, 200], "int32"), [5, 7], -2.0, 5.0),
    row("random.stateless_multinomial random.stateless_categorical", A([[0.0, 1.0, -1.0]]), N,
        [5, 7]),
    row("random.stateless_categorical", A([[0.0, -np.inf, -1.0]], "float64"), N, [5, 7], "int32"),
    row("random_shuffle random.shuffle", T(5, 3)),
    row("random_shuffle random.shuffle", T(0, 3)),
    row("random_crop", A(np.ones((4, 5))), [2, 3]),
    row("nn.dropout", A(np.ones(N)), rate=0.3),
    row("nn.dropout", A(np.ones(N)), 0.3),
    row("nn.dropout", A(np.ones((N, 2))), rate=0.5, noise_shape=[N, 1]),
]
# fmt: on
