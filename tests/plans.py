"""Helpers for tests of plans: a naive interpreter, and random graphs.

In: a plan and the values of its leaves.  Out: the values of its results, computed one node after
the other with nothing but each type's ``compute``: what every pass and executor must agree with,
to the bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st

import tfmini as tf
from tfmini.codegen import generator
from tfmini.plan import Plan, Ref, build_plan


def evaluate(plan: Plan, leaves: Mapping[Ref, Any]) -> list[Any]:
    """Return the results of ``plan``, node by node."""
    values = {**plan.constants, **leaves}
    with np.errstate(all="ignore"):
        for node in plan.nodes:
            extra = {"rng": generator(values[node.id, -1])} if node.opdef.random else {}
            out = node.opdef.compute(*[values[r] for r in node.inputs], **node.attrs, **extra)
            single = len(node.specs) == 1 and not node.opdef.listed
            values.update(zip(node.outputs, [out] if single else list(out), strict=True))
    return [values[r] for r in plan.results]


def same_bits(a: Any, b: Any) -> bool:
    """Whether two values are equal in dtype, shape and every bit."""
    a, b = np.asarray(a), np.asarray(b)
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def plan_of(fetches: Any, feeds: Any) -> Plan:
    """Return the verified plan of ``fetches`` before any pass."""
    fetches = fetches if isinstance(fetches, list) else [fetches]
    return build_plan(fetches, list(feeds), graph_seed=None).verify()


def leaves_of(plan: Plan, feeds: Mapping[Any, Any]) -> dict[Ref, Any]:
    """Return the leaf values for ``evaluate`` from a feed_dict of arrays."""
    return {(t.op.id, t.value_index): v for t, v in feeds.items()}


_UNARY = [
    tf.negative, tf.exp, tf.tanh, tf.sigmoid, tf.square, tf.abs, tf.identity, tf.stop_gradient,
    lambda x: x * 1.0, lambda x: 2.0 - x, lambda x: x / 3.0, tf.transpose,
    lambda x: tf.reduce_sum(x, axis=0, keepdims=True), lambda x: tf.reduce_mean(x),
    lambda x: tf.reshape(x, [-1]), lambda x: tf.cast(tf.cast(x, tf.float64), tf.float32),
    lambda x: tf.concat([x, x], 0), lambda x: tf.cast(x < 0.5, tf.float32),
]  # fmt: skip
_BINARY = [
    tf.add,
    tf.subtract,
    tf.multiply,
    tf.maximum,
    tf.minimum,
    lambda x, y: tf.add_n([x, x]) * y,
]


@st.composite
def random_graphs(draw: Any, rows: int = 6, columns: int = 5) -> tuple[list[Any], dict[Any, Any]]:
    """Draw a graph of up to 25 nodes with shared parts; return its fetches and a feed_dict."""
    tf.Graph().as_default()
    unknown = draw(st.booleans())
    x = tf.placeholder(tf.float32, [None, columns] if unknown else [rows, columns])
    y = tf.placeholder(tf.float32, [None, None] if unknown else [rows, columns])
    row = tf.constant(np.linspace(-1, 1, columns), tf.float32)
    values = [x, y, x + row, tf.constant(0.5)]
    shapes = [(rows, columns)] * 3 + [()]
    for _ in range(draw(st.integers(1, 20))):
        i = draw(st.integers(0, len(values) - 1))
        if draw(st.booleans()):
            made = draw(st.sampled_from(_UNARY))(values[i]) if shapes[i] else values[i] * 0.5
        else:
            alike = [j for j, s in enumerate(shapes) if s in (shapes[i], ())]
            j = draw(st.sampled_from(alike))
            a, b = (i, j) if shapes[i] else (j, i)
            pick = draw(st.sampled_from(_BINARY))
            made = pick(values[a], values[b])
        values.append(made)
        shapes.append(_shape_of(made, {x: (rows, columns), y: (rows, columns)}))
    picks = draw(st.lists(st.integers(4, len(values) - 1), min_size=1, max_size=3))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    feeds = {t: rng.standard_normal((rows, columns)).astype(np.float32) for t in (x, y)}
    return [values[i] for i in picks], feeds


def _shape_of(tensor: Any, fed: Mapping[Any, tuple[int, ...]]) -> tuple[int, ...]:
    plan = plan_of(tensor, list(fed))
    leaves = {(t.op.id, 0): np.zeros(s, np.float32) for t, s in fed.items()}
    return tuple(np.shape(evaluate(plan, leaves)[0]))
