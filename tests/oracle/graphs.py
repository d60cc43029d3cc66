"""Random graphs of small tensors whose shapes may be unknown until they run, and their gradients.

What no list of cases has: operations on what others leave, shapes that turn out not to fit.  Both
sides must give the same values, or both refuse.  What is refused on one side alone on purpose is
left out: products of vectors, cross entropies of broadcast logits, gradients of no rows.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from .network import Found, array

SEEDS = range(600)
LIMIT = 1e-6

Tensor = Any
Unary, Binary = Callable[[Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]


def unary(tf: Any) -> list[Unary]:
    """Return operations on one tensor of float64."""

    def of_rank(rank: int, function: Unary) -> Unary:
        """Leave tensors of fewer dimensions as they are: what is refused differs there."""
        return lambda t: function(t) if (t.shape.ndims or 0) >= rank else t

    return [
        tf.tanh,
        tf.nn.relu,
        tf.stop_gradient,
        tf.reduce_sum,
        tf.transpose,
        lambda t: tf.sqrt(tf.abs(t)),
        lambda t: tf.where(t > 0.3, t, tf.zeros_like(t)),
        lambda t: tf.placeholder_with_default(t, None),
        lambda t: tf.cond(tf.reduce_sum(t) > 0.0, lambda: 2.0 * t, lambda: t - 1.0),
        lambda t: tf.while_loop(lambda n, _: n < 3, lambda n, u: (n + 1, 1.5 * u), (0, t))[1],
        *[
            of_rank(1, function)
            for function in (
                lambda t: tf.reduce_mean(t, 0),
                lambda t: tf.reduce_prod(t, -1),
                lambda t: tf.reduce_max(t, -1, keepdims=True),
                lambda t: tf.reduce_logsumexp(t, 0, keepdims=True),
                lambda t: tf.nn.softmax(t),
                lambda t: tf.nn.moments(t, [0])[1],
                lambda t: tf.nn.l2_normalize(t, 0),
                lambda t: tf.cumsum(t, 0, exclusive=True),
                lambda t: tf.reverse(t, [0]),
                lambda t: tf.sort(t, 0),
                lambda t: tf.concat([t, 3.0 * t], 0),
                lambda t: tf.stack([t, t + 1.0], -1),
                lambda t: tf.expand_dims(t, 0),
                lambda t: tf.reshape(t, [-1]),
                lambda t: tf.reshape(t, [tf.shape(t)[0], -1]),
                lambda t: tf.pad(t, [[1, 0]] * t.shape.ndims),
                lambda t: tf.tile(t, [2] + [1] * (t.shape.ndims - 1)),
                lambda t: tf.gather(t, [0, 0]),
                lambda t: tf.scan(tf.add, t),
                lambda t: t[1:],
                lambda t: t[::-1],
                lambda t: t[..., -1],
                lambda t: tf.cast(tf.shape(t)[0], "float64") * t,
                lambda t: tf.clip_by_norm(t, 1.0),
            )
        ],
        of_rank(2, lambda t: tf.matmul(t, t, transpose_a=True)),
        of_rank(2, lambda t: tf.matmul(t, t, transpose_b=True)),
        of_rank(2, lambda t: tf.linalg.diag_part(t)),
        of_rank(
            2,
            lambda t: tf.nn.softmax_cross_entropy_with_logits(
                labels=tf.nn.softmax(t[:, ::-1]), logits=t
            ),
        ),
    ]


def binary(tf: Any) -> list[Binary]:
    """Return operations on two tensors of float64."""

    def with_ranks(first: int, second: int, function: Binary) -> Binary:
        """Leave the first tensor as it is where one has another rank."""
        return lambda a, b: (
            function(a, b) if (a.shape.ndims, b.shape.ndims) == (first, second) else a
        )

    return [
        tf.add,
        tf.multiply,
        tf.maximum,
        tf.squared_difference,
        lambda a, b: a / (tf.abs(b) + 1.0),
        lambda a, b: tf.add_n([a, b]),
        with_ranks(2, 2, lambda a, b: tf.concat([a, b], 0)),
        with_ranks(2, 2, tf.matmul),
        with_ranks(2, 2, lambda a, b: tf.matmul(a, b, transpose_a=True)),
        with_ranks(2, 2, lambda a, b: tf.tensordot(a, b, 1)),
        with_ranks(2, 2, lambda a, b: tf.einsum("ij,ik->jk", a, b)),
        with_ranks(2, 1, tf.nn.bias_add),
        with_ranks(2, 2, lambda a, b: tf.unsorted_segment_sum(
            a, tf.zeros([tf.shape(b)[0]], "int32"), 2)),
        lambda a, b: tf.nn.sigmoid_cross_entropy_with_logits(labels=a, logits=b),
    ]  # fmt: skip


def built(seed: int) -> Callable[[Any], Found]:
    """Return the run of one graph."""

    def run(tf: Any) -> Found:
        draw = random.Random(seed)
        rows, columns = draw.randint(1, 3), draw.randint(1, 3)
        others = draw.choice([rows, rows, rows, 1])
        with tf.Graph().as_default(), tf.Session() as session:
            x = tf.placeholder("float64", draw.choice([[None, columns], [None, None], None]))
            y = tf.placeholder("float64", [None, columns])
            feeds = {x: array("x", rows, columns), y: array("y", others, columns)}
            pool = [x, y, tf.constant(array("w", columns, 2).astype("float64"))]
            ones, twos = unary(tf), binary(tf)
            try:
                for _ in range(draw.randint(1, 5)):
                    a, b = draw.choice(pool[-3:]), draw.choice(pool)
                    which = draw.randrange(len(ones) + len(twos))
                    pool.append(
                        ones[which](a) if which < len(ones) else twos[which - len(ones)](a, b)
                    )
                z = tf.reduce_sum(pool[-1])
                slopes = tf.gradients(z, [x, y], unconnected_gradients="zero")
                slopes = [tf.convert_to_tensor(g) for g in slopes]  # of rows too
                values = session.run([pool[-1], *slopes], feeds)
            except (tf.errors.OpError, ValueError, TypeError):
                return {"refused": np.array(True)}
            return {f"value {i}": np.asarray(v) for i, v in enumerate(values)}

    return run


RUNS = {f"graph {seed}": built(seed) for seed in SEEDS}
