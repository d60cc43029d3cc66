"""Attributes of nodes as messages.

In: an attribute as nodes keep it.  Out: an ``AttrValue``; and back.  Numbers, strings, dtypes,
arrays and plain lists have TensorFlow's form; what TensorFlow has no form for (None, nested tuples,
floats that need 64 bits, bodies of loops) is a named list of attributes.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from tfmini.assignments import Versions
from tfmini.dtypes import DType
from tfmini.errors import UnimplementedError
from tfmini.exchange.outputs import tensor_name
from tfmini.formats.graphdef import AttrValue
from tfmini.formats.tensors import (
    dtype_of_number,
    make_ndarray,
    make_tensor_proto,
    shape_of_proto,
    shape_proto,
)
from tfmini.graph import Graph
from tfmini.ops.bodies import Program
from tfmini.ops.index import Index

_NONE, _TUPLE, _DOUBLE, _INDEX, _ELLIPSIS, _BODY = (
    "None", "tuple", "double", "index", "...", "body"
)  # fmt: skip
OPAQUE = "opaque"  # something that no file can hold; its text is kept


def encoded(value: Any, graph: Graph | None = None) -> AttrValue:
    """Return an attribute of a node of ``graph`` as a message."""
    if isinstance(value, (bool, np.bool_)):
        return AttrValue(b=bool(value))
    if isinstance(value, int) and -(1 << 63) <= value < 1 << 63:
        return AttrValue(i=value)
    if isinstance(value, (str, bytes)):
        return AttrValue(s=value.encode() if isinstance(value, str) else value)
    if isinstance(value, DType):
        return AttrValue(type=value.as_datatype_enum)
    if isinstance(value, np.ndarray):
        return AttrValue(tensor=make_tensor_proto(value))
    if isinstance(value, float):
        if single(value) == value or value != value:
            return AttrValue(f=value)
        return _named(_DOUBLE, [AttrValue(tensor=make_tensor_proto(value, np.float64))])
    if type(value) is tuple:
        return _listed(value) or _named(_TUPLE, [encoded(v, graph) for v in value])
    return _own(value, graph)


def single(value: float) -> float:
    """Return the shortest decimal that is ``value`` in 32 bits: what a file's float stood for."""
    with np.errstate(over="ignore"):
        return float(str(np.float32(value)))


def _own(value: Any, graph: Graph | None) -> AttrValue:
    if value is None:
        return _named(_NONE, [])
    if value is Ellipsis:
        return _named(_ELLIPSIS, [])
    if isinstance(value, Index):
        return _named(_INDEX, [encoded(v) for v in value.items])
    if isinstance(value, Program) and graph is not None:
        return _body(value, graph)
    return _named(OPAQUE, [AttrValue(s=repr(value).encode())])


def _named(name: str, values: list[AttrValue]) -> AttrValue:
    out = AttrValue()
    out.func.name = name
    for i, value in enumerate(values):
        out.func.attr[f"{i:06d}"].CopyFrom(value)
    return out


def _listed(values: tuple[Any, ...]) -> AttrValue | None:
    """Return a list of one plain kind, or None if it is none."""
    kinds = {type(v) for v in values}
    out = AttrValue()
    out.list.SetInParent()
    if kinds == {int} and all([-(1 << 63) <= v < 1 << 63 for v in values]):
        out.list.i.extend(values)
    elif kinds == {bool}:
        out.list.b.extend(values)
    elif kinds == {str}:
        out.list.s.extend([v.encode() for v in values])
    elif kinds == {float} and all([single(v) == v for v in values]):
        out.list.f.extend(values)
    elif kinds == {DType}:
        out.list.type.extend([v.as_datatype_enum for v in values])
    elif kinds:
        return None
    return out


def _body(program: Program, graph: Graph) -> AttrValue:
    """Return the names of a body's inputs, results and nodes, which are nodes of the graph."""

    def names(refs: Any) -> AttrValue:
        nodes = graph._operations
        return encoded(tuple([tensor_name(nodes[i].outputs[o]) for i, o in refs]))

    visible = program.visible
    nodes = tuple([graph._operations[i].name for i in sorted(program.ids)])
    return _named(
        _BODY,
        [names(program.inputs), names(program.results[:visible]), names(program.results[visible:]),
         encoded(nodes)],
    )  # fmt: skip


def body_names(attr: AttrValue) -> list[str]:
    """Return the names of the tensors and nodes that bodies in an attribute are made of."""
    pending, found = [attr], []
    while pending:
        item = pending.pop()
        if item.WhichOneof("value") == "func":
            inner = [item.func.attr[key] for key in item.func.attr]
            if item.func.name == _BODY:
                found += [name.decode() for value in inner for name in value.list.s]
            else:
                pending += inner
    return found


def decoded(attr: AttrValue, scope: Any = None) -> Any:
    """Return the attribute that a message holds.

    ``scope`` (with ``tensor(name)`` and ``operation(name)``) finds the nodes of bodies.
    """
    kind = attr.WhichOneof("value")
    if kind == "s":
        return _text(attr.s)
    if kind == "f":
        return single(attr.f)
    if kind == "type":
        return dtype_of_number(attr.type)
    if kind == "shape":
        return shape_of_proto(attr.shape)
    if kind == "tensor":
        return make_ndarray(attr.tensor)
    if kind == "list":
        return _decoded_list(attr.list)
    if kind == "func":
        return _decoded_own(attr.func, scope)
    return getattr(attr, kind) if kind in ("i", "b") else None


def _text(value: bytes) -> str | bytes:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def _decoded_list(values: AttrValue.ListValue) -> tuple[Any, ...]:
    for field, items in values.ListFields():
        if field.name == "s":
            return tuple([_text(s) for s in items])
        if field.name == "type":
            return tuple([dtype_of_number(t) for t in items])
        if field.name == "shape":
            return tuple([shape_of_proto(s) for s in items])
        if field.name == "f":
            return tuple([single(f) for f in items])
        return tuple(items)
    return ()


def _decoded_own(func: Any, scope: Any) -> Any:
    values = [func.attr[key] for key in sorted(func.attr)]
    if func.name == _NONE:
        return None
    if func.name == _ELLIPSIS:
        return Ellipsis
    if func.name == _BODY and scope is not None:
        return _decoded_body([decoded(v) for v in values], scope)
    if func.name in (_TUPLE, _INDEX, _DOUBLE):
        items = tuple([decoded(v, scope) for v in values])
        if func.name == _DOUBLE:
            return float(items[0])
        return Index(items) if func.name == _INDEX else items
    text = values[0].s.decode() if func.name == OPAQUE and values else func.name
    raise UnimplementedError(None, None, f"{text} can't come from a file")


def _decoded_body(names: list[tuple[str, ...]], scope: Any) -> Program:
    inputs, results, hidden = [[scope.tensor(n) for n in group] for group in names[:3]]
    nodes = sorted([scope.operation(n) for n in names[3]], key=lambda node: node.id)
    cut: Any = SimpleNamespace(nodes=nodes, versions=Versions(nodes, {}))
    return Program(cut, inputs, results, hidden)


def shape_attr(shape: Any) -> AttrValue:
    """Return a static shape as TensorFlow keeps it in attributes."""
    return AttrValue(shape=shape_proto(shape))
