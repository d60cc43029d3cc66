"""From a call such as ``tf.add(x, 2)`` to a node of the graph.

In: a class of ``opdef.py`` decorated with ``@op("Add")``, and later calls of the function that the
decorator returns.  Out: ``Operation``s whose static shapes and dtypes are already checked, so that
a conflict is an error at the user's line.

The decorator writes a real Python function for each type, with the parameters that ``compute``
has, so that ``help(tf.add)`` and completion work and a call costs no reflection.
"""

from __future__ import annotations

import keyword
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from inspect import Parameter
from types import CodeType
from typing import Any

import numpy as np

from tfmini.conversions import all_converted, converted, is_registered
from tfmini.dtypes import DType, as_dtype
from tfmini.errors import InvalidArgumentError, InvalidTypeError, NodeInfo, OpError
from tfmini.graph import Graph, graph_of, user_source
from tfmini.late import late_type
from tfmini.nodes import Operation, Tensor, describe_inputs
from tfmini.opdef import OpDef
from tfmini.spec import UNKNOWN, TensorSpec, as_array

_NO_ATTRS: dict[str, Any] = {}
_STATIC_VALUE_LIMIT = 64
_WEAK = (int, float, complex)


class Const(OpDef):
    """A value that is part of the graph."""

    is_constant = True
    gradient = None

    def compute(self, *, value: Any) -> Any:
        return value

    def infer(self, *, value: Any) -> TensorSpec:
        if isinstance(value, _WEAK):
            # A bare Python number takes the dtype of what it meets, as it does in NumPy.
            return TensorSpec((), None, value if type(value) is int else None)
        static = None
        if value.dtype.kind in "iu" and value.ndim <= 1 and value.size <= _STATIC_VALUE_LIMIT:
            static = tuple(value.tolist()) if value.ndim else int(value)
        return TensorSpec(value.shape, as_dtype(value.dtype), static)


CONST = Const("Const", "constant")


def make_const(graph: Graph, value: Any, name: str | None = None) -> Tensor:
    """Add ``value`` (an array that nobody else will write, or a Python number) to the graph."""
    return graph.create(CONST, (), {"value": value}, (CONST.infer(value=value),), name).outputs[0]


def convert_to_tensor(
    value: Any,
    dtype: Any = None,
    name: str | None = None,
    preferred_dtype: Any = None,
    dtype_hint: Any = None,
    *,
    graph: Graph | None = None,
) -> Tensor:
    """Return ``value`` as a tensor: as it is, or a constant of the default graph.

    Parameters
    ----------
    value : tensor, variable, lesson-style operation, array, number, or nested list of them
    dtype : the dtype to convert Python data and arrays to; a tensor must have it already.
    dtype_hint, preferred_dtype : the dtype for Python data and arrays that can have it.
    """
    wanted = None if dtype is None else as_dtype(dtype)
    value = converted(value, wanted, name)
    hint = dtype_hint if preferred_dtype is None else preferred_dtype
    if dtype is None and hint is not None and not isinstance(value, (Tensor, Operation)):
        with suppress(InvalidArgumentError, InvalidTypeError):
            return convert_to_tensor(value, hint, name, graph=graph)
    if isinstance(value, Tensor):
        if wanted is not None and value.dtype is not None and value.dtype is not wanted:
            raise InvalidTypeError(
                value.op.info,
                value.op,
                f"the tensor is {value.dtype.name}, {wanted.name} is wanted; convert with tf.cast.",
            )
        return value
    if isinstance(value, Operation):
        if len(value.outputs) != 1:
            raise InvalidTypeError(
                value.info, value, f"it has {len(value.outputs)} outputs, so it is no tensor."
            )
        return value.outputs[0]
    as_tensor = getattr(value, "__tf_tensor__", None)
    if as_tensor is not None:
        return as_tensor(wanted)
    if isinstance(value, (list, tuple)) and _contains_tensor(value):
        return _packed(value, wanted)
    if value is None:
        raise InvalidTypeError(None, None, "None is no tensor; was a function's result forgotten?")
    array = as_array(value, wanted)
    if array is value or not array.flags.owndata:
        array = array.copy()  # the caller may go on writing to his
    array.flags.writeable = False
    return make_const(graph or graph_of(()), array, name)


def _contains_tensor(value: Any) -> bool:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, (list, tuple)):
            stack.extend(item)
        elif (
            isinstance(item, (Tensor, Operation))
            or hasattr(item, "__tf_tensor__")
            or is_registered(item)
        ):
            return True
    return False


def _packed(value: Sequence[Any], dtype: DType | None) -> Tensor:
    """Stack a list that has tensors in it: ``[tf.shape(x)[0], 10]``."""
    parts = [_packed(v, dtype) if isinstance(v, (list, tuple)) and _contains_tensor(v) else v
             for v in value]  # fmt: skip
    hint = dtype or next((p.dtype for p in parts if isinstance(p, Tensor)), None)
    return pack_type()(tuple([convert_to_tensor(p, hint) for p in parts]))


class _PackType:
    """The function that stacks tensors; ``ops/joining.py`` sets it when it is loaded."""

    function: Callable[[Any], Tensor] | None = None

    def __call__(self) -> Callable[[Any], Tensor]:
        if self.function is None:
            raise InvalidTypeError(None, None, "a list that holds tensors needs the built-in ops.")
        return self.function


pack_type = _PackType()


def constant_value(tensor: Any) -> Any:
    """Return the value of a tensor as an array if it is known while building, else None."""
    if not isinstance(tensor, Tensor):
        return np.asarray(tensor)
    if tensor.op.opdef.is_constant:
        return np.asarray(tensor.op.attrs["value"])
    value = tensor.spec.value
    if value is None or (isinstance(value, tuple) and None in value):
        return None
    return np.asarray(value, dtype=tensor.dtype.dtype if tensor.dtype else None)


def apply(
    opdef: OpDef, inputs: Sequence[Any], attrs: dict[str, Any], name: str | None = None
) -> Any:
    """Add a node of type ``opdef`` and return its output tensor, tensors, or the node itself."""
    node = create(opdef, inputs, attrs, name)
    outputs = node.outputs
    if len(outputs) == 1 and not opdef.listed and opdef.result is None:
        return outputs[0]
    if not outputs and not opdef.listed:
        return node
    return opdef.result(*outputs) if opdef.result else list(outputs)


def create(
    opdef: OpDef,
    inputs: Sequence[Any],
    attrs: dict[str, Any],
    name: str | None = None,
    node: Operation | None = None,
) -> Operation:
    """Add a node of type ``opdef``: convert and check the inputs, infer specs, create it."""
    try:
        inputs = all_converted(inputs)
        graph = graph_of(inputs)
        tensors = _tensors(opdef, inputs, graph)
        if attrs:
            late = _late(opdef, attrs)
            if late:
                name = name or opdef.type
                opdef = late_type(opdef, tuple(late))
                tensors = (*tensors, *late.values())
            attrs = {k: _attribute(k, v) for k, v in attrs.items() if k not in late}
        specs = infer_specs(opdef, [t.spec for t in tensors], attrs)
    except OpError as e:
        if e.node_def is not None:
            raise
        raise _at_call(e, opdef, name, inputs) from e.__cause__
    except (ValueError, TypeError) as e:
        raise _at_call(InvalidArgumentError(None, None, f"{e}."), opdef, name, inputs) from e
    return graph.create(opdef, tensors, attrs, specs, name, node=node)


def _late(opdef: OpDef, attrs: dict[str, Any]) -> dict[str, Tensor]:
    """Return the attributes that are tensors whose values nobody knows while building."""
    found = {}
    for name in opdef.late:
        value = attrs.get(name)
        if isinstance(value, (list, tuple)) and _contains_tensor(value):
            value = convert_to_tensor(value)
        if isinstance(value, Tensor) and constant_value(value) is None:
            found[name] = value
    return found


def infer_specs(
    opdef: OpDef, specs: Sequence[TensorSpec], attrs: dict[str, Any]
) -> tuple[TensorSpec, ...]:
    """Return the output specs of ``opdef`` for inputs of ``specs``."""
    if opdef.infer is None:
        return (UNKNOWN,)
    result = opdef.infer(*specs, **attrs)
    return (result,) if type(result) is TensorSpec else tuple(result)


def _at_call(error: OpError, opdef: OpDef, name: str | None, inputs: Sequence[Any]) -> OpError:
    """Return ``error`` with the node that was to be made, the user's line and the inputs."""
    info = NodeInfo(opdef.type, name or opdef.type, user_source())
    tensors = [t for t in inputs if isinstance(t, Tensor)]
    given = f" Inputs: {describe_inputs(tensors)}." if tensors else ""
    return type(error)(info, None, error.message + given)


def _tensors(opdef: OpDef, inputs: Sequence[Any], graph: Graph) -> tuple[Tensor, ...]:
    for value in inputs:
        if not isinstance(value, Tensor):
            break
    else:
        return tuple(inputs)
    hint = weak = None
    if opdef.same_dtype:
        given = [v for v in map(_as_is, inputs) if v is not None]
        hint = next((t.spec.dtype for t in given if t.spec.dtype is not None), None)
        weak = hint is None and given
    out = []
    for value in inputs:
        if weak and type(value) in _WEAK:
            out.append(make_const(graph, value))
        else:
            tensor = _as_is(value)
            out.append(convert_to_tensor(value, hint, graph=graph) if tensor is None else tensor)
    return tuple(out)


def _as_is(value: Any) -> Tensor | None:
    if isinstance(value, Tensor):
        return value
    return convert_to_tensor(value) if isinstance(value, Operation) else None


_DTYPE_ENDS = ("dtype", "out_type", "output_type")  # names of attributes that are dtypes


def _attribute(name: str, value: Any) -> Any:
    """Return an attribute in the form that nodes keep: hashable, without tensors."""
    if value is None or type(value) in (int, float, bool, str, DType):
        return as_dtype(value) if value is not None and name.endswith(_DTYPE_ENDS) else value
    if name.endswith(_DTYPE_ENDS) and not callable(getattr(value, "compute", None)):
        return as_dtype(value)
    if isinstance(value, Tensor):
        known = constant_value(value)
        if known is None:
            raise InvalidArgumentError(
                None, None, f"{name} must be known while the graph is built; {value} is not."
            )
        value = known.tolist()
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return tuple(_attribute(name, v) for v in value)
    if hasattr(value, "__index__") and not isinstance(value, (int, bool)):
        return value.__index__()
    return value


def op(type: str, *, package: str = "") -> Callable[[type[OpDef]], Callable[..., Any]]:
    """Make the decorated class an operation type and return the function that applies it.

    The function has the class's name and docstring, and the type as ``function.opdef``.
    """

    def decorate(cls: Any) -> Callable[..., Any]:
        opdef = cls(type, cls.__name__)
        opdef.package = package or cls.__module__.partition(".")[0]
        return _function(opdef, cls)

    return decorate


def _function(opdef: OpDef, cls: Any) -> Callable[..., Any]:
    """Write the function ``name(inputs..., attributes..., name=None)`` for ``opdef``."""
    schema = opdef.schema
    needed = len(schema.inputs) - schema.optional
    defaults = {f"d_{k}": v for k, v in schema.attrs.items() if v is not Parameter.empty}
    inputs = [n if i < needed else f"{n}=None" for i, n in enumerate(schema.inputs)]
    required = [k for k, v in schema.attrs.items() if v is Parameter.empty]
    optional = [f"{k}=d_{k}" for k in schema.attrs if k not in required]
    parameters = [*inputs[:needed], *required, *inputs[needed:], *optional, "name=None"]
    parameters += [f"{alias}=None" for alias in opdef.aliases]
    attrs = (
        "{" + ", ".join(f"{k!r}: {k}" for k in schema.attrs) + "}" if schema.attrs else "no_attrs_"
    )
    tensors = (
        schema.inputs[0] if schema.variadic else f"({''.join(n + ', ' for n in schema.inputs)})"
    )
    if schema.variadic:
        tensors = f"listed_(opdef_, {tensors}, name)"
    elif schema.optional:
        tensors = f"given_({tensors})"
    lines = [f"def op_({', '.join(parameters)}):"]
    for alias, target in opdef.aliases.items():
        lines.append(f"    if {alias} is not None: {target} = {alias}")
    lines.append(f"    return apply_(opdef_, {tensors}, {attrs}, name)")
    if keyword.iskeyword(cls.__name__):
        raise InvalidArgumentError(None, None, f"{cls.__name__!r} is a Python keyword.")
    # Names with a "_" at the end are no parameters of compute.
    scope = {"apply_": apply, "opdef_": opdef, "no_attrs_": _NO_ATTRS, "listed_": _listed,
             "given_": _given, **defaults}  # fmt: skip
    exec(_compiled("\n".join(lines)), scope)
    function: Any = scope["op_"]
    function.__code__ = function.__code__.replace(
        co_filename=f"<tfmini op {opdef.type}>", co_name=cls.__name__, co_qualname=cls.__qualname__
    )
    function.__name__ = cls.__name__
    function.__doc__ = cls.__doc__
    function.__module__ = cls.__module__
    function.__qualname__ = cls.__qualname__
    function.opdef = opdef
    return function


@cache
def _compiled(source: str) -> CodeType:
    """Return ``source`` compiled: once for all operations that take the same."""
    return compile(source, "<tfmini op>", "exec")


def _listed(opdef: OpDef, values: Any, name: str | None) -> list[Any]:
    if isinstance(values, (list, tuple)):
        return list(values)
    if isinstance(values, (Tensor, Operation)):
        return [values]
    wanted = f"{opdef.schema.inputs[0]} must be a list of tensors, not {values!r}."
    raise _at_call(InvalidTypeError(None, None, wanted), opdef, name, ())


def _given(values: tuple[Any, ...]) -> tuple[Any, ...]:
    while values and values[-1] is None:
        values = values[:-1]
    return values
