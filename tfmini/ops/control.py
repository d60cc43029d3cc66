"""Control flow in the graph: ``cond``, ``case``, ``switch_case`` and ``while_loop``.

Branches and bodies are functions that build nodes.  Those nodes run only when the choice or loop
comes to them; tensors made outside are computed before.  Gradients flow through, to any order.
Branches may assign to variables, which the node of ``cond`` then does; bodies of loops may not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor
from tfmini.dtypes import bool_
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.graph import Graph, graph_of
from tfmini.nodes import Operation, Tensor
from tfmini.ops import array, creation, debugging, logic, math, nest, reductions
from tfmini.ops.bodies import as_result, body_input, tracing
from tfmini.ops.branches import add_if
from tfmini.ops.loops import add_while
from tfmini.shapes import Shape, as_shape, compatible, format_shape, merge_shapes
from tfmini.spec import TensorSpec


def cond(
    pred: Any,
    true_fn: Callable[[], Any] | None = None,
    false_fn: Callable[[], Any] | None = None,
    strict: bool = False,
    name: str | None = None,
    fn1: Callable[[], Any] | None = None,
    fn2: Callable[[], Any] | None = None,
) -> Any:
    """Return ``true_fn()`` if ``pred`` is true when it runs, else ``false_fn()``.

    Both return tensors of the same types in the same structure.  Only the nodes of the branch
    taken run; what they read from outside is computed in any case.

    Parameters
    ----------
    pred : scalar bool tensor
    true_fn, false_fn : functions without parameters (``fn1``, ``fn2`` are older names)
    strict : bool
        False: a list or tuple of one tensor is returned as the tensor.
    """
    then_fn, else_fn = true_fn if fn1 is None else fn1, false_fn if fn2 is None else fn2
    if not callable(then_fn):
        raise InvalidTypeError(None, None, "cond: true_fn must be callable.")
    if not callable(else_fn):
        raise InvalidTypeError(None, None, "cond: false_fn must be callable.")
    if isinstance(pred, (bool, np.bool_)):
        raise InvalidTypeError(
            None, None, "cond: pred must not be a Python bool: use Python's if, or tf.constant."
        )
    pred = _scalar_bool(convert_to_tensor(pred), "pred of cond")
    graph = graph_of([pred])
    with graph.as_default(), graph.name_scope(name or "cond"):
        structures, branches = [], []
        with tracing(graph, "true") as start:
            _trace_branch(graph, "true_fn", then_fn, strict, structures, branches)
        with tracing(graph, "false"):
            _trace_branch(graph, "false_fn", else_fn, strict, structures, branches)
        nest.require_same_form(*structures, "the results of true_fn and false_fn")
        _require_same_dtypes(*branches)
        outputs = add_if(graph, pred, branches, start)
    return nest.pack(structures[0], outputs)


def _scalar_bool(pred: Tensor, what: str) -> Tensor:
    if pred.dtype not in (None, bool_):
        raise InvalidTypeError(None, None, f"{what} must be bool; it is {pred.dtype.name}.")
    if pred.spec.shape not in (None, ()):
        raise InvalidArgumentError(
            None, None, f"{what} must be a scalar; it has shape {format_shape(pred.spec.shape)}."
        )
    return pred


def _trace_branch(
    graph: Graph, name: str, function: Any, strict: bool, structures: list[Any],
    branches: list[Any],
) -> None:  # fmt: skip
    structure = function()
    if structure is None:
        made = getattr(function, "__qualname__", repr(function))
        raise InvalidArgumentError(
            None, None, f"cond: {name}, which is {made}, returned None; return a tensor (was the "
            f"return forgotten?), or an operation such as tf.no_op()."
        )  # fmt: skip
    if not strict and isinstance(structure, (list, tuple)) and len(structure) == 1:
        structure = structure[0]
    structures.append(structure)
    branches.append([as_result(graph, v) for v in nest.flatten(structure)])


def _require_same_dtypes(then: Sequence[Tensor], orelse: Sequence[Tensor]) -> None:
    for i, (a, b) in enumerate(zip(then, orelse, strict=True)):
        if None not in (a.dtype, b.dtype) and a.dtype is not b.dtype:
            raise InvalidTypeError(
                None,
                None,
                f"true_fn and false_fn must return the same types; result {i} is {a.dtype!r} "
                f"and {b.dtype!r}. Convert one with tf.cast.",
            )


def case(
    pred_fn_pairs: Any,
    default: Callable[[], Any] | None = None,
    exclusive: bool = False,
    strict: bool = False,
    name: str = "case",
) -> Any:
    """Return the result of the first function whose predicate is true, else of ``default``.

    Parameters
    ----------
    pred_fn_pairs : list of (scalar bool tensor, function), or a dict of them
    default : function; without one, that no predicate is true is an error when it runs.
    exclusive : bool
        Whether it is an error that several are true.
    """
    pairs = list(pred_fn_pairs.items() if isinstance(pred_fn_pairs, Mapping) else pred_fn_pairs)
    for pair in pairs:
        if not isinstance(pair, tuple) or len(pair) != 2 or not callable(pair[1]):
            raise InvalidTypeError(
                None, None, "case: give a list of pairs (scalar bool tensor, function)."
            )
        if isinstance(pair[0], (bool, np.bool_)):
            raise InvalidTypeError(
                None, None, "case: predicates must be tensors, not Python bools."
            )
    if not pairs:
        raise InvalidArgumentError(None, None, "case: pred_fn_pairs is empty.")
    preds = [_scalar_bool(convert_to_tensor(p), "a predicate of case") for p, _ in pairs]
    functions = [fn for _, fn in pairs]
    graph = graph_of(preds)
    with graph.as_default(), graph.name_scope(name):
        checks = _case_checks(preds, exclusive, default is None)
        with graph.control_dependencies(checks):
            if default is None:
                default, functions = functions[-1], functions[:-1]
                if not functions:
                    return default()
            choice = default
            for pred, function in zip(reversed(preds[: len(functions)]), reversed(functions),
                                      strict=True):  # fmt: skip
                choice = _choice(pred, function, choice, strict)
            return choice()


def switch_case(
    branch_index: Any,
    branch_fns: Any,
    default: Callable[[], Any] | None = None,
    name: str = "switch_case",
) -> Any:
    """Return the result of the function that ``branch_index`` names.

    Parameters
    ----------
    branch_index : scalar int32 tensor
    branch_fns : list of functions without parameters, or a dict or list of pairs (int, function)
    default : function for any other index; without one, the function of the largest index.
    """
    fns = branch_fns.items() if isinstance(branch_fns, Mapping) else list(branch_fns)
    pairs = [f if isinstance(f, tuple) else (i, f) for i, f in enumerate(fns)]
    for pair in pairs:
        index_ok = len(pair) == 2 and isinstance(pair[0], (int, np.integer))
        if not index_ok or not callable(pair[1]):
            raise InvalidTypeError(
                None, None, "switch_case: give a list of functions, or a dict of ints to functions."
            )
    functions = dict(pairs)
    if not functions or len(functions) != len(pairs):
        raise InvalidArgumentError(
            None, None, "switch_case: give at least one function, and one for each index."
        )
    index = convert_to_tensor(branch_index)
    if index.dtype is not None and not index.dtype.is_integer:
        raise InvalidTypeError(
            None, None, f"switch_case: branch_index must be an int, not {index.dtype.name}."
        )
    with index.graph.as_default(), index.graph.name_scope(name):
        choice = default or functions.pop(max(functions))
        for i in sorted(functions, reverse=True):
            choice = _choice(logic.equal(index, i), functions[i], choice, strict=False)
        return choice()


def _choice(pred: Tensor, function: Any, otherwise: Any, strict: bool) -> Callable[[], Any]:
    return lambda: cond(pred, function, otherwise, strict=strict)


def _case_checks(preds: Sequence[Tensor], exclusive: bool, complete: bool) -> list[Operation]:
    names = ", ".join(p.name for p in preds)
    stacked = convert_to_tensor(list(preds))
    checks = []
    if exclusive:
        count = reductions.reduce_sum(math.cast(stacked, "int32"))
        text = f"more than one predicate of case(exclusive=True) is true, of {names}:"
        checks.append(debugging.Assert(logic.less_equal(count, 1), [text, stacked]))
    if complete:
        text = f"no predicate of case is true, and there is no default, of {names}:"
        checks.append(debugging.Assert(reductions.reduce_any(stacked), [text, stacked]))
    return checks


def while_loop(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    loop_vars: Any,
    shape_invariants: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    name: str | None = None,
    maximum_iterations: Any = None,
    return_same_structure: bool = False,
) -> Any:
    """Return the loop variables after repeating ``body`` while ``cond`` is true.

    Parameters
    ----------
    cond, body : functions of the loop variables
        ``cond`` returns a scalar bool tensor, ``body`` new loop variables of the same structure.
    loop_vars : list, tuple or other structure of tensors
    shape_invariants : shapes in the same structure, with None for dimensions that change
    back_prop : bool
        Whether gradients may flow through.
    maximum_iterations : scalar integer, at which the loop ends in any case
    return_same_structure : bool
        False: a single loop variable is returned as the tensor.
    """
    if not callable(cond) or not callable(body):
        raise InvalidTypeError(None, None, "while_loop: cond and body must be callable.")
    if not nest.flatten(loop_vars):
        raise InvalidArgumentError(None, None, "while_loop: there are no loop variables.")
    leaves = nest.flatten(loop_vars)
    graph = graph_of([v for v in leaves if isinstance(v, Tensor)])
    with graph.as_default(), graph.name_scope(name or "while"):
        initial = [convert_to_tensor(v) for v in leaves]
        shapes = _invariants(loop_vars, shape_invariants, initial)
        specs = [TensorSpec(s, t.dtype) for s, t in zip(shapes, initial, strict=True)]
        limit = None
        if maximum_iterations is not None:
            limit = convert_to_tensor(maximum_iterations)
            initial = [*initial, creation.zeros_like(limit)]
            specs.append(TensorSpec((), limit.dtype))
        with tracing(graph, "body") as start:
            inner = [body_input(graph, spec) for spec in specs]
            variables = _arguments(loop_vars, inner[: len(leaves)])
            test = _scalar_bool(convert_to_tensor(cond(*variables)), "the result of cond")
            if limit is not None:
                test = logic.logical_and(logic.less(inner[-1], limit), test)
            results = _body_results(graph, loop_vars, body(*variables), inner)
            if limit is not None:
                results.append(inner[-1] + creation.ones_like(limit))
        outputs = add_while(graph, list(zip(inner, initial, strict=True)), test, results, start)
        outputs = outputs[: len(leaves)]
        if not back_prop:
            outputs = [array.stop_gradient(t) for t in outputs]
    packed = nest.pack(loop_vars, outputs)
    single = isinstance(packed, (list, tuple)) and len(packed) == 1
    return packed[0] if single and not return_same_structure else packed


def _arguments(loop_vars: Any, tensors: Sequence[Tensor]) -> Sequence[Any]:
    packed = nest.pack(loop_vars, tensors)
    return packed if isinstance(packed, (list, tuple)) else [packed]


def _invariants(loop_vars: Any, given: Any, initial: Sequence[Tensor]) -> list[Shape]:
    if given is None:
        return [t.spec.shape for t in initial]
    leaves: list[Any] = []
    _shape_leaves(loop_vars, given, leaves)
    shapes = [as_shape(s) for s in leaves]
    for i, (shape, tensor) in enumerate(zip(shapes, initial, strict=True)):
        if not compatible(shape, tensor.spec.shape):
            raise InvalidArgumentError(
                None,
                None,
                f"while_loop: loop variable {i} has shape {format_shape(tensor.spec.shape)}, which "
                f"is not compatible with its invariant {format_shape(shape)}.",
            )
    return shapes


def _shape_leaves(structure: Any, shapes: Any, out: list[Any]) -> None:
    """Append the shapes for the leaves of ``structure``; a shape may itself be a list."""
    if isinstance(structure, Mapping):
        for key in sorted(structure):
            _shape_leaves(structure[key], shapes[key], out)
    elif isinstance(structure, (list, tuple)):
        if not isinstance(shapes, (list, tuple)) or len(shapes) != len(structure):
            raise InvalidArgumentError(
                None, None, "while_loop: shape_invariants must have the structure of loop_vars."
            )
        for item, shape in zip(structure, shapes, strict=True):
            _shape_leaves(item, shape, out)
    elif nest.is_composite(structure):
        out.extend([t.spec.shape for t in structure.__tf_flatten__()])
    else:
        out.append(shapes)


def _body_results(
    graph: Graph, loop_vars: Any, returned: Any, inner: Sequence[Tensor]
) -> list[Tensor]:
    if any([v is None for v in nest.flatten(returned)]):
        raise InvalidTypeError(
            None, None, "while_loop: body returned None; return the new loop variables."
        )
    single = isinstance(loop_vars, (list, tuple)) and len(loop_vars) == 1
    if single and not (isinstance(returned, (list, tuple)) and len(returned) == 1):
        returned = [returned] if isinstance(loop_vars, list) else (returned,)
    elif isinstance(loop_vars, (list, tuple)) and isinstance(returned, (list, tuple)):
        returned = list(returned) if isinstance(loop_vars, list) else tuple(returned)
    if hasattr(loop_vars, "_fields") and isinstance(returned, tuple):
        returned = type(loop_vars)(*returned)
    nest.require_same_form(loop_vars, returned, "the loop variables and the results of body")
    results = []
    for i, (value, before) in enumerate(zip(nest.flatten(returned), inner, strict=False)):
        result = as_result(graph, value, before.dtype)
        if None not in (result.dtype, before.dtype) and result.dtype is not before.dtype:
            raise InvalidTypeError(
                None,
                None,
                f"while_loop: loop variable {i} is {before.dtype!r}, but {result.dtype!r} "
                f"after an iteration; convert it with tf.cast.",
            )
        try:
            merge_shapes(before.spec.shape, result.spec.shape)
        except ValueError:
            raise InvalidArgumentError(
                None,
                None,
                f"while_loop: the shape of loop variable {i} is not an invariant: it is "
                f"{format_shape(before.spec.shape)} before and {format_shape(result.spec.shape)} "
                f"after an iteration. Give shape_invariants with None for dimensions that change.",
            ) from None
        results.append(result)
    return results
