"""The global step: the variable that counts how often a model has been updated.

In: a graph.  Out: its step variable, found by its collection or its name, or made.
"""

from __future__ import annotations

from typing import Any

from tfmini.dtypes import int64
from tfmini.errors import InvalidArgumentError, InvalidTypeError, NotFoundError
from tfmini.graph import Graph, GraphKeys, get_default_graph
from tfmini.initializers import zeros_initializer
from tfmini.logging import error
from tfmini.nodes import Tensor
from tfmini.shared_variables import get_variable


def get_global_step(graph: Graph | None = None) -> Any:
    """Return the graph's global step, or None: the one of its collection, or ``global_step:0``."""
    graph = graph or get_default_graph()
    found = graph.get_collection(GraphKeys.GLOBAL_STEP)
    if len(found) > 1:
        error("Multiple tensors in global_step collection.")
        return None
    if found:
        step = found[0]
    else:
        try:
            step = graph.get_tensor_by_name("global_step:0")
        except NotFoundError:
            return None
    assert_global_step(step)
    return step


def create_global_step(graph: Graph | None = None) -> Any:
    """Return a new global step: int64, zero; ValueError if the graph has one."""
    graph = graph or get_default_graph()
    if get_global_step(graph) is not None:
        raise InvalidArgumentError(
            None, None, "the graph has a global step already; use get_or_create_global_step."
        )
    with graph.as_default(), graph.name_scope(None):
        return get_variable(
            GraphKeys.GLOBAL_STEP,
            shape=[],
            dtype=int64,
            initializer=zeros_initializer(),
            trainable=False,
            collections=[GraphKeys.GLOBAL_VARIABLES, GraphKeys.GLOBAL_STEP],
        )


def get_or_create_global_step(graph: Graph | None = None) -> Any:
    """Return the graph's global step, made if there is none."""
    graph = graph or get_default_graph()
    step = get_global_step(graph)
    return create_global_step(graph) if step is None else step


def assert_global_step(global_step_tensor: Any) -> None:
    """Raise TypeError unless the argument is a scalar integer tensor or variable."""
    if not isinstance(global_step_tensor, Tensor):
        raise InvalidTypeError(None, None, f"{global_step_tensor!r} is no tensor or variable.")
    spec, op = global_step_tensor.spec, global_step_tensor.op
    if spec.dtype is not None and spec.dtype.dtype.kind not in "iu":
        raise InvalidTypeError(op.info, op, f"a global step must be an int, not {spec.dtype.name}.")
    if spec.shape not in (None, ()):
        raise InvalidTypeError(op.info, op, f"a global step must be 0-d, not of shape {spec!r}.")


def global_step(sess: Any, global_step_tensor: Any) -> int:
    """Return the value of the global step in ``sess`` as an int."""
    return int(sess.run(global_step_tensor))
