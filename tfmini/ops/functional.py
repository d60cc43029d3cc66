"""Functions applied along the first dimension: ``map_fn``, ``scan``, ``foldl``, ``foldr``.

All are scans: one node that runs the function's nodes for each slice, in order.  Gradients flow
through, to any order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.dtypes import as_dtype
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.graph import graph_of
from tfmini.nodes import Tensor
from tfmini.ops import array, joining, nest
from tfmini.ops.bodies import as_result, body_input, slice_input, tracing
from tfmini.ops.loops import add_scan
from tfmini.shapes import format_shape, merge_shapes


def map_fn(
    fn: Callable[[Any], Any],
    elems: Any,
    dtype: Any = None,
    parallel_iterations: int | None = None,
    back_prop: bool = True,
    swap_memory: bool = False,
    infer_shape: bool = True,
    name: str | None = None,
) -> Any:
    """Return ``fn`` of each slice of ``elems`` along dimension 0, stacked.

    Parameters
    ----------
    elems : tensor, or a structure of tensors of which ``fn`` gets a structure of slices
    dtype : the structure of dtypes that ``fn`` returns; needed if it differs from ``elems``
    """
    arrays = _arrays(fn, elems, "map_fn")
    graph = graph_of(arrays)
    with graph.as_default(), graph.name_scope(name or "map"):
        with tracing(graph, "body") as start:
            slices = [slice_input(graph, t) for t in arrays]
            returned = fn(nest.pack(elems, slices))
            form = elems if dtype is None else dtype
            nest.require_same_form(form, returned, "map_fn: dtype (or elems) and the results of fn")
            wanted = (
                [t.dtype for t in arrays] if dtype is None else map(as_dtype, nest.flatten(dtype))
            )
            ys = [as_result(graph, v, d)
                  for v, d in zip(nest.flatten(returned), wanted, strict=True)]  # fmt: skip
            _require_dtypes(ys, form, arrays, dtype)
        outputs = add_scan(graph, [], list(zip(slices, arrays, strict=True)), [], ys, start)
        return nest.pack(returned, _given_back(outputs, back_prop))


def scan(
    fn: Callable[[Any, Any], Any],
    elems: Any,
    initializer: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    infer_shape: bool = True,
    reverse: bool = False,
    name: str | None = None,
) -> Any:
    """Return all values of ``a = fn(a, x)`` for each slice ``x`` of ``elems``, stacked.

    Parameters
    ----------
    initializer : the first ``a``, of any structure; by default the first slice, which is then the
        first result too.
    reverse : bool
        Whether to go from the last slice to the first; results stand at their slices' places.
    """
    return _fold("scan", fn, elems, initializer, back_prop, reverse, name)


def foldl(
    fn: Callable[[Any, Any], Any],
    elems: Any,
    initializer: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    name: str | None = None,
) -> Any:
    """Return the last value of ``a = fn(a, x)`` for each slice ``x`` of ``elems``; see scan."""
    return _fold("foldl", fn, elems, initializer, back_prop, False, name)


def foldr(
    fn: Callable[[Any, Any], Any],
    elems: Any,
    initializer: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    name: str | None = None,
) -> Any:
    """Return the last value of ``a = fn(a, x)`` for the slices of ``elems`` from last to first."""
    return _fold("foldr", fn, elems, initializer, back_prop, True, name)


def _fold(
    kind: str, fn: Any, elems: Any, initializer: Any, back_prop: bool, reverse: bool,
    name: str | None,
) -> Any:  # fmt: skip
    arrays = _arrays(fn, elems, kind)
    graph = graph_of(arrays)
    with graph.as_default(), graph.name_scope(name or kind):
        form = elems if initializer is None else initializer
        rest, first = arrays, [convert_to_tensor(v) for v in nest.flatten(initializer)
                               if initializer is not None]  # fmt: skip
        if initializer is None:
            first = [t[-1] if reverse else t[0] for t in arrays]
            rest = [t[:-1] if reverse else t[1:] for t in arrays]
        with tracing(graph, "body") as start:
            before = [body_input(graph, t.spec) for t in first]
            slices = [slice_input(graph, t) for t in rest]
            returned = fn(nest.pack(form, before), nest.pack(elems, slices))
            what = f"{kind}: the initializer (or elems) and the results of fn"
            nest.require_same_form(form, returned, what)
            after = [as_result(graph, v, b.dtype)
                     for v, b in zip(nest.flatten(returned), before, strict=True)]  # fmt: skip
            _require_invariant(kind, before, after)
        ys = after if kind == "scan" else []
        outputs = add_scan(
            graph, list(zip(before, first, strict=True)), list(zip(slices, rest, strict=True)),
            after, ys, start, reverse,
        )  # fmt: skip
        results = outputs[len(first) :] if kind == "scan" else outputs
        if kind == "scan" and initializer is None:
            results = [_with_first(y, f, reverse) for y, f in zip(results, first, strict=True)]
        return nest.pack(form, _given_back(results, back_prop))


def _with_first(stacked: Tensor, first: Tensor, reverse: bool) -> Tensor:
    row = array.expand_dims(first, 0)
    # Of no further steps the stack does not know its rows' shape.
    dims = joining.concat([array.shape(stacked)[:1], array.shape(first)], 0)
    stacked = array.reshape(stacked, dims)
    return joining.concat([stacked, row] if reverse else [row, stacked], 0)


def _given_back(outputs: Sequence[Tensor], back_prop: bool) -> list[Tensor]:
    return list(outputs) if back_prop else [array.stop_gradient(t) for t in outputs]


def _arrays(fn: Any, elems: Any, kind: str) -> list[Tensor]:
    if not callable(fn):
        raise InvalidTypeError(None, None, f"{kind}: fn must be callable.")
    arrays = [convert_to_tensor(e) for e in _leaves(elems)]
    if not arrays:
        raise InvalidArgumentError(None, None, f"{kind}: elems is empty.")
    lengths = {t.spec.shape[0] for t in arrays if t.spec.shape} - {None}
    if len(lengths) > 1 or any(t.spec.shape == () for t in arrays):
        shapes = ", ".join(format_shape(t.spec.shape) for t in arrays)
        raise InvalidArgumentError(
            None, None, f"{kind}: elems must have a first dimension, the same in all: {shapes}."
        )
    return arrays


def _leaves(elems: Any) -> list[Any]:
    return nest.flatten(elems) if isinstance(elems, (list, tuple, Mapping)) else [elems]


def _require_dtypes(ys: Sequence[Tensor], form: Any, arrays: Sequence[Tensor], dtype: Any) -> None:
    wanted = [t.dtype for t in arrays] if dtype is None else map(as_dtype, nest.flatten(dtype))
    for y, d in zip(ys, wanted, strict=True):
        if None not in (y.dtype, d) and y.dtype is not d:
            raise InvalidTypeError(
                None, None, f"map_fn: fn returns {y.dtype!r}, not {d!r}; give dtype."
            )


def _require_invariant(kind: str, before: Sequence[Tensor], after: Sequence[Tensor]) -> None:
    for b, a in zip(before, after, strict=True):
        if None not in (a.dtype, b.dtype) and a.dtype is not b.dtype:
            raise InvalidTypeError(
                None, None,
                f"{kind}: fn is given {b.dtype!r} and returns {a.dtype!r}; convert with tf.cast.",
            )  # fmt: skip
        try:
            merge_shapes(b.spec.shape, a.spec.shape)
        except ValueError:
            raise InvalidArgumentError(
                None, None,
                f"{kind}: fn is given shape {format_shape(b.spec.shape)} and returns "
                f"{format_shape(a.spec.shape)}; they must be equal.",
            ) from None  # fmt: skip
