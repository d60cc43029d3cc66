"""Cases and their outcomes: the one piece that runs in both environments.

In: a module with TensorFlow 1's interface (tfmini, or TensorFlow itself) and cases.  Out: one
outcome per case, plain data that both environments can unpickle.  Imports only NumPy and the
standard library, and of its own package ``programs`` alone: TensorFlow's environment has no more.
"""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

programs = importlib.import_module(f"{__package__}.programs" if __package__ else "programs")

SPARSE = {"indices", "values", "dense_shape"}
VARIANTS = ("first", "none", "unknown")
BATCH = 20  # cases per graph: TensorFlow copies the whole graph for each new run


class Case(NamedTuple):
    """One call of one function.

    An array in ``args`` or ``kwargs``, also within a list, tuple or dict, is fed through a
    placeholder of its dtype and shape; a dict of indices, values and dense_shape makes a sparse
    tensor.  Anything else is passed as it is.
    """

    op: str  # a path below tf: "nn.relu"
    label: str  # tells the cases of an op apart
    args: list[Any]
    kwargs: dict[str, Any]
    variants: bool = True  # also build it with shapes known in part
    through: str = ""  # a function applied to each output, e.g. "square" where signs are free
    differentiated: int | None = None  # how many of the first outputs to differentiate
    program: str = ""  # what to call in place of the function: see ``programs``

    @property
    def dtypes(self) -> set[str]:
        """The dtypes of the inputs."""
        return {str(a.dtype) for a in arrays_in([self.args, self.kwargs])}


class Outcome(NamedTuple):
    """What became of a case.

    ``specs`` are (static shape or None, dtype) of the outputs, ``variants`` maps each of
    ``VARIANTS`` to the static shapes that result, or to an error.  ``gradients`` has an array or
    None per float input; it is None as a whole where there is nothing to differentiate.
    """

    error: str = ""
    values: list[np.ndarray] | None = None
    specs: list[tuple[Any, str]] | None = None
    variants: dict[str, Any] | None = None
    gradients: list[Any] | None = None
    gradient_error: str = ""
    loose_gradients: list[Any] | None = None  # through placeholders of unknown shape
    loose_error: str = ""


def arrays_in(tree: Any) -> list[np.ndarray]:
    """Return the arrays in nested lists, tuples and dicts."""
    if isinstance(tree, np.ndarray):
        return [tree]
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, (list, tuple)):
        return [a for item in tree for a in arrays_in(item)]
    return []


def lookup(tf: Any, path: str) -> Any:
    """Return the function at ``path`` below ``tf``, or None."""
    found = tf
    for part in path.split("."):
        found = getattr(found, part, None)
    return found


def evaluate_all(
    tf: Any,
    cases: Iterable[Case],
    config: Any = None,
    loose: bool = False,
    types: set[str] | None = None,
) -> list[Outcome]:
    """Return the outcomes of ``cases``.

    ``loose``: differentiate through placeholders of unknown shape too.  ``types``: gets the types
    of all nodes that were made.
    """
    listed, outcomes = list(cases), []
    while len(outcomes) < len(listed):
        with tf.Graph().as_default() as graph:
            tf.set_random_seed(1)
            with tf.Session(graph=graph, config=config) as session:
                for case in listed[len(outcomes) :][:BATCH]:
                    function = _function(tf, case)
                    outcomes.append(_evaluate(tf, session, function, case, loose))
                    # TensorFlow runs nothing more in a graph that has a node without a kernel.
                    if outcomes[-1].error or outcomes[-1].gradient_error:
                        break
            if types is not None:
                types.update(node.type for node in graph.get_operations())
    return outcomes


def _function(tf: Any, case: Case) -> Callable[..., Any]:
    """Return what the arguments of ``case`` are for."""
    function: Callable[..., Any] = lookup(tf, case.op)
    return partial(getattr(programs, case.program), tf, function) if case.program else function


def _evaluate(tf: Any, session: Any, function: Any, case: Case, loose: bool) -> Outcome:
    try:
        feed: dict[Any, Any] = {}
        before = set(_variables(tf))
        outputs = _build(tf, function, case, feed, "known")
        session.run([v.initializer for v in _variables(tf) if v not in before], feed)
        values = [np.asarray(v) for v in session.run(outputs, feed)]
    except Exception as e:  # noqa: BLE001 - whatever it is, it is the outcome
        return Outcome(error=_brief(e))
    specs = [(_static(y), y.dtype.base_dtype.name) for y in outputs]
    shapes = {v: _shapes(tf, function, case, v) for v in VARIANTS} if case.variants else {}
    gradients, error = _gradients(tf, session, case, outputs, values, feed)
    out = Outcome("", values, specs, shapes, gradients, error)
    if not (loose and case.variants and gradients):
        return out
    try:
        feed = {}
        outputs = _build(tf, function, case, feed, "unknown")
    except Exception:  # noqa: BLE001 - the variants say it
        return out
    gradients, error = _gradients(tf, session, case, outputs, values, feed)
    return out._replace(loose_gradients=gradients, loose_error=error)


def _variables(tf: Any) -> list[Any]:
    return [*tf.global_variables(), *tf.local_variables()]


def _build(
    tf: Any, function: Callable[..., Any], case: Case, feed: dict[Any, Any], variant: str
) -> list[Any]:
    """Call ``function``; return the output tensors, and the placeholders in ``feed``."""

    def placed(tree: Any) -> Any:
        if isinstance(tree, np.ndarray):
            x = tf.placeholder(tf.as_dtype(tree.dtype), _declared(tree.shape, variant))
            feed[x] = tree
            return x
        if isinstance(tree, (list, tuple)) and arrays_in(tree):
            return type(tree)(placed(item) for item in tree)
        if isinstance(tree, dict):
            parts = {k: placed(v) for k, v in tree.items()}
            return tf.SparseTensor(**parts) if tree.keys() == SPARSE else parts
        return tree

    args = [placed(a) for a in case.args]
    kwargs = {k: placed(v) for k, v in case.kwargs.items()}
    outputs = _listed(tf, function(*args, **kwargs))
    return [lookup(tf, case.through)(y) for y in outputs] if case.through else outputs


def _declared(shape: tuple[int, ...], variant: str) -> Any:
    if variant == "unknown":
        return None
    if variant == "first":
        return [None, *shape[1:]] if shape else []
    return [None] * len(shape) if variant == "none" else list(shape)


def _listed(tf: Any, result: Any) -> list[Any]:
    """Return the tensors in the ``result`` of a call; what is known without a run is made one."""
    if isinstance(result, dict):
        result = [result[k] for k in sorted(result)]
    if isinstance(result, tf.SparseTensor):
        result = [result.indices, result.values, result.dense_shape]
    if isinstance(result, (list, tuple)):
        return [y for item in result for y in _listed(tf, item)]
    if result is None:
        return []
    if hasattr(result, "as_list"):
        return [tf.convert_to_tensor(np.array(result.as_list()))]
    return [result if hasattr(result, "op") else tf.convert_to_tensor(np.asarray(result))]


def _static(tensor: Any) -> list[int | None] | None:
    shape = tensor.get_shape()
    return None if shape.ndims is None else shape.as_list()


def _shapes(tf: Any, function: Any, case: Case, variant: str) -> Any:
    try:
        with tf.Graph().as_default():
            return [_static(y) for y in _build(tf, function, case, {}, variant)]
    except Exception as e:  # noqa: BLE001 - whatever it is, it is the outcome
        return _brief(e)


def _gradients(
    tf: Any, session: Any, case: Case, outputs: list[Any], values: list[Any], feed: dict[Any, Any]
) -> tuple[list[Any] | None, str]:
    xs = [x for x in feed if feed[x].dtype.kind in "fc"]
    pairs = list(zip(outputs, values, strict=True))[: case.differentiated]
    chosen = [(y, v) for y, v in pairs if v.dtype.kind in "fc"]
    if not xs or not chosen:
        return None, ""
    ys = [y for y, _ in chosen]
    rng = np.random.default_rng(zlib.crc32(case.label.encode()))
    cotangents = [tf.convert_to_tensor(_cotangent(rng, v)) for _, v in chosen]
    try:
        found = tf.gradients(ys, xs, cotangents, unconnected_gradients="none")
        dense = [tf.convert_to_tensor(g) for g in found if g is not None]
        results = iter(session.run(dense, feed))
        return [None if g is None else np.asarray(next(results)) for g in found], ""
    except Exception as e:  # noqa: BLE001 - whatever it is, it is the outcome
        return None, _brief(e)


def _cotangent(rng: np.random.Generator, value: np.ndarray) -> np.ndarray:
    out = rng.uniform(0.5, 1.5, value.shape)
    if value.dtype.kind == "c":
        out = out + 1j * rng.uniform(0.5, 1.5, value.shape)
    return np.asarray(out).astype(value.dtype)


def _brief(error: Exception) -> str:
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= 300 else text[:297] + "..."
