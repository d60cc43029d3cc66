"""Whole networks: what they are made of, what they give, and how they change.

In: a module with TensorFlow 1's interface, and a function that builds a network.  Out: named
arrays, the same from both modules if they agree.  Runs in both environments, and so imports only
NumPy and the standard library.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

Found = dict[str, np.ndarray]  # of a run: what was seen, by name
Run = Callable[[Any], Found]  # of a module, tfmini or TensorFlow

SAMPLE = "sample "  # such arrays are random: their distributions are compared
COLLECTIONS = ("trainable_variables", "variables", "local_variables", "losses",
               "regularization_losses", "update_ops")  # fmt: skip


def array(name: str, *shape: int, low: float = -1.0, high: float = 1.0) -> np.ndarray:
    """Return numbers that depend on ``name`` and ``shape`` alone."""
    rng = np.random.default_rng(zlib.crc32(f"{name} {shape}".encode()))
    return np.asarray(rng.uniform(low, high, shape)).astype("float32")


def network(build: Callable[..., Any], *inputs: Any) -> Run:
    """Return a run of the network that ``build(tf, *tensors)`` makes.

    ``inputs``: shapes of random floats, or arrays; the size of their first dimension is not known
    to the network.  The run sees the variables by name, shape and dtype, the collections, the
    static shapes, the outputs, the gradients by inputs and variables, and the variables after
    their updates.
    """
    arrays = [x if isinstance(x, np.ndarray) else array(str(i), *x) for i, x in enumerate(inputs)]

    def run(tf: Any) -> Found:
        with tf.Graph().as_default(), tf.Session() as session:
            fed = [tf.placeholder(x.dtype, [None, *x.shape[1:]]) for x in arrays]
            outputs = flat(build(tf, *fed))
            feeds = dict(zip(fed, arrays, strict=True))
            found = _made(tf, outputs)
            _set_variables(tf, session)
            for i, value in enumerate(session.run(outputs, feeds)):
                found[f"output {i}"] = np.asarray(value)
            found |= _gradients(tf, session, outputs, feeds)
            found |= _losses(tf, session, feeds)
            session.run(tf.get_collection("update_ops"), feeds)
            if tf.get_collection("update_ops"):
                found |= {f"updated {v.name}": session.run(v) for v in tf.global_variables()}
            return found

    return run


def flat(tree: Any) -> list[Any]:
    """Return the tensors in nested tuples, lists and dicts."""
    if isinstance(tree, dict):
        return [y for key in sorted(tree) for y in flat(tree[key])]
    return [y for item in tree for y in flat(item)] if isinstance(tree, (list, tuple)) else [tree]


def _made(tf: Any, outputs: list[Any]) -> Found:
    members = {c: tf.get_collection(c) for c in COLLECTIONS}
    names = [f"{c}: {[m.name for m in ms]}" for c, ms in members.items() if "variables" in c]
    counts = [f"{c}: {len(ms)}" for c, ms in members.items() if "variables" not in c]
    shapes = [f"{y.shape} {y.dtype.base_dtype.name}" for y in outputs]
    return {
        "variables": described(tf.global_variables()),
        "collections": np.array(names + counts),
        "shapes": np.array(shapes),
    }


def described(variables: list[Any]) -> np.ndarray:
    """Return names, shapes and dtypes."""
    each = [f"{v.name} {v.shape} {v.dtype.base_dtype.name}" for v in variables]
    return np.array(each, dtype="U")


def _set_variables(tf: Any, session: Any) -> None:
    """Give every variable a value of its name; where variances are, positive ones."""
    session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
    for v in tf.global_variables():
        low = 0.2 if "variance" in v.name else -1.0
        shape = [int(n) for n in v.shape]
        v.load(array(v.name, *shape, low=low).astype(v.dtype.base_dtype.as_numpy_dtype), session)


def _gradients(tf: Any, session: Any, outputs: list[Any], feeds: dict[Any, Any]) -> Found:
    """Return the derivatives of a loss that feels every number of the outputs."""
    loss = tf.add_n([tf.reduce_sum(tf.sin(1.3 * y) * y) for y in outputs if y.dtype.is_floating])
    xs = [x for x in feeds if x.dtype.is_floating]
    by = {f"gradient by input {i}": x for i, x in enumerate(xs)}
    by |= {f"gradient by {v.name}": v for v in tf.trainable_variables()}
    found = dict(zip(by, tf.gradients(loss, list(by.values())), strict=True))
    dense = {k: tf.convert_to_tensor(g) for k, g in found.items() if g is not None}
    return {k: np.asarray(v) for k, v in session.run(dense, feeds).items()}


def _losses(tf: Any, session: Any, feeds: dict[Any, Any]) -> Found:
    chosen = tf.get_collection("losses") + tf.get_collection("regularization_losses")
    return {f"loss {i}": np.asarray(v) for i, v in enumerate(session.run(chosen, feeds))}
