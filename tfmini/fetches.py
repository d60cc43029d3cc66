"""Fetches: the structure of what is asked for, and of what comes back.

In: tensors, operations, names, nested in lists, tuples, dicts and namedtuples.  Out: the flat
elements, a function that puts values into the same structure, and what must be done to a value so
that it is the caller's own.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from tfmini.conversions import in_session
from tfmini.errors import InvalidTypeError
from tfmini.graph import Graph
from tfmini.nodes import Operation, Tensor
from tfmini.ops import nest
from tfmini.plan import Plan, Ref


def frozen(fetches: Any) -> Any:
    """Return a hashable form of nested fetches."""
    if isinstance(fetches, dict):
        kind = (type(fetches), getattr(fetches, "default_factory", None))
        return (kind, *[(k, frozen(v)) for k, v in fetches.items()])
    if isinstance(fetches, (list, tuple)):
        return (type(fetches), *[frozen(v) for v in fetches])
    return fetches


def flatten(graph: Graph, fetches: Any) -> tuple[list[Any], Callable[[Sequence[Any]], Any]]:
    """Return the elements fetched and the function that puts their values in the structure.

    The function takes the values of the tensors among the elements, in order.
    """
    elements: list[Any] = []
    count = itertools.count()

    def build(item: Any) -> Callable[[Sequence[Any]], Any]:
        if isinstance(item, dict):
            keys, parts = list(item), [build(v) for v in item.values()]
            kind: Any = type(item)
            if isinstance(item, defaultdict):
                kind = partial(kind, item.default_factory)
            return lambda values: kind([(k, p(values)) for k, p in zip(keys, parts, strict=True)])
        if isinstance(item, (list, tuple)):
            parts = [build(v) for v in item]
            if hasattr(item, "_fields"):
                return lambda values: type(item)(*[p(values) for p in parts])
            return lambda values: type(item)([p(values) for p in parts])
        if nest.is_composite(item):  # a sparse tensor
            parts = [build(t) for t in item.__tf_flatten__()]
            return lambda values: item.__tf_value__([p(values) for p in parts])
        functions = in_session(item)
        if functions is not None:
            listed, contract = functions.fetch(item)
            parts = [build(t) for t in listed]
            return lambda values: contract([p(values) for p in parts])
        element = _element(graph, item)
        elements.append(element)
        if isinstance(element, Tensor):
            index = next(count)
            return lambda values: values[index]
        return lambda values: None

    rebuild = build(fetches)
    if type(fetches) is list and all(isinstance(f, Tensor) for f in fetches):
        return elements, list
    return elements, rebuild


def _element(graph: Graph, item: Any) -> Tensor | Operation:
    if item is None:
        raise InvalidTypeError(None, None, "None can't be fetched; was a result forgotten?")
    if isinstance(item, Operation) and len(item.outputs) == 1 and type(item) is not Operation:
        item = item.outputs[0]  # a lesson-style operation stands for its value
    try:
        return graph.as_graph_element(item)
    except InvalidTypeError:
        raise InvalidTypeError(
            None,
            None,
            f"{item!r} can't be fetched: fetch tensors, variables, operations or their names.",
        ) from None


def finishers(plan: Plan) -> list[tuple[int, Callable[[Any], Any]]]:
    """Return for which fetches the value must be copied or unwrapped before the user gets it."""
    made = {r: n for n in plan.nodes for r in n.outputs}
    kept = {r for _, r in plan.updates}
    seen: set[Ref] = set()
    out: list[tuple[int, Callable[[Any], Any]]] = []
    for i, ref in enumerate(plan.fetches):
        node = made.get(ref)
        if node is None or node.opdef.view or ref in kept or ref in seen:
            out.append((i, _own))
        elif node.specs[ref[1]].shape is None or node.specs[ref[1]].shape == ():
            out.append((i, _unwrapped))
        seen.add(ref)
    return out


def passed_on(plan: Plan) -> list[tuple[int, Callable[[Any], Any]]]:
    """Return for which fetches the value must be changed before it is a feed of the next plan."""
    shapes = {r: n.specs[r[1]].shape for n in plan.nodes for r in n.outputs}
    return [(i, _as_fed) for i, ref in enumerate(plan.fetches) if not shapes.get(ref)]


def _as_fed(value: Any) -> Any:
    """Return a scalar as feeds have it: NumPy's, but an array where it is a string."""
    if isinstance(value, (bytes, str)):
        return np.array(value, object)
    text = isinstance(value, np.ndarray) and value.dtype.hasobject
    return value if text else _unwrapped(value)


def _own(value: Any) -> Any:
    """Return a copy: the value belongs to a variable, a constant, a feed or another fetch."""
    if isinstance(value, bytes):
        return value  # NumPy's own bytes would lose zeros at the end
    array = np.array(value)
    return array if array.ndim else array[()]


def frozen_copy(value: Any) -> Any:
    """Return a copy that nobody can write to; NumPy's scalar for a 0-d array."""
    if isinstance(value, bytes):
        return value
    array = np.array(value)
    array.flags.writeable = False
    return array if array.ndim else array[()]


def _unwrapped(value: Any) -> Any:
    """Return NumPy's scalar for a 0-d array, as TensorFlow does."""
    return value[()] if type(value) is np.ndarray and value.ndim == 0 else value
