"""The structure of a dataset's elements: tuples and dicts of tensors, nested.

In: what users give and return, as tensors, arrays, lists (which are arrays here), tuples, dicts.
Out: the same structure with tensors, or with specs, at its leaves.  ``ops/nest.py`` flattens it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tfmini.build import convert_to_tensor
from tfmini.data.source import stacked
from tfmini.dtypes import DType, as_dtype, int64, string
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.nodes import Tensor
from tfmini.ops import nest
from tfmini.ops.sparse import SparseTensor
from tfmini.ops.string_values import as_text
from tfmini.shapes import Shape, TensorShape, as_shape, compatible, format_shape
from tfmini.spec import TensorSpec, as_array

STRING = TensorSpec((), string)


class Sparse(NamedTuple):
    """The three parts of a sparse tensor, as a component that is a structure itself."""

    indices: Any
    values: Any
    dense_shape: Any


def mapped(function: Callable[[Any], Any], structure: Any) -> Any:
    """Return ``structure`` with ``function`` of each leaf; lists are leaves."""
    if isinstance(structure, Mapping):
        return {key: mapped(function, value) for key, value in structure.items()}
    if isinstance(structure, tuple):
        items = [mapped(function, value) for value in structure]
        return type(structure)(*items) if hasattr(structure, "_fields") else tuple(items)
    return function(structure)


def as_tensors(structure: Any) -> Any:
    """Return ``structure`` with tensors at its leaves, sparse ones in their parts."""

    def parts(value: Any) -> Any:
        if isinstance(value, SparseTensor):
            return Sparse(value.indices, value.values, value.dense_shape)
        return convert_to_tensor(value)

    return mapped(parts, structure)


def walked(structure: Any, dense: Callable[[Any], Any], sparse: Callable[[Sparse], Any]) -> Any:
    """Return ``structure`` with a function of each component, that knows sparse ones as a whole."""
    if isinstance(structure, Sparse):
        return sparse(structure)
    if isinstance(structure, Mapping):
        return {key: walked(value, dense, sparse) for key, value in structure.items()}
    if isinstance(structure, tuple):
        items = [walked(value, dense, sparse) for value in structure]
        return type(structure)(*items) if hasattr(structure, "_fields") else tuple(items)
    return dense(structure)


class NestedSpec(TensorSpec):
    """A component that is a dataset, of elements of ``form``, as ``window`` makes them."""

    __slots__ = ("form", "_present")

    def __init__(self, form: Any, present: Callable[[Tensor], Any]) -> None:
        super().__init__((), None)
        self.form = form
        self._present = present

    def presented(self, tensor: Tensor) -> Any:
        return self._present(tensor)


def presented(form: Any, tensors: Sequence[Tensor]) -> Any:
    """Return the components of an element of ``form`` as users see them."""
    leaves = [
        spec.presented(tensor) if isinstance(spec, NestedSpec) else tensor
        for spec, tensor in zip(nest.flatten(form), tensors, strict=True)
    ]
    return walked(nest.pack(form, leaves), lambda t: t, lambda parts: SparseTensor(*parts))


def specs(tensors: Any) -> Any:
    """Return what is known of a structure of tensors."""
    return mapped(lambda t: TensorSpec(t.spec.shape, t.spec.dtype), tensors)


def without_first(form: Any) -> Any:
    """Return the specs of slices along the first dimension."""

    def refuse(_parts: Sparse) -> Any:
        raise InvalidTypeError(
            None, None, "sparse tensors have no slices here; make them dense with "
            "tf.sparse_tensor_to_dense first."
        )  # fmt: skip

    return walked(form, lambda s: TensorSpec(s.shape and s.shape[1:], s.dtype), refuse)


def batched(form: Any, length: int | None) -> Any:
    """Return the specs of ``length`` elements stacked."""
    return walked(
        form,
        lambda s: TensorSpec(None if s.shape is None else (length, *s.shape), s.dtype),
        _batched_parts,
    )


def _batched_parts(parts: Sparse) -> Sparse:
    rank = parts.dense_shape.shape and parts.dense_shape.shape[0]
    more = None if rank is None else rank + 1
    return Sparse(TensorSpec((None, more), int64), parts.values, TensorSpec((more,), int64))


def has_sparse(form: Any) -> bool:
    """Whether a component is a sparse tensor."""
    return any(nest.flatten(walked(form, lambda _spec: False, lambda _parts: True)))


def joined(form: Any, group: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    """Return elements of ``form`` as one, their sparse components stacked as sparse tensors."""
    out: list[Any] = []
    place = 0
    kinds = nest.flatten(walked(form, lambda s: [1], lambda p: [3]))
    for width in kinds:
        parts = [element[place : place + width] for element in group]
        out += stacked(parts) if width == 1 else _stacked_sparse(parts)
        place += width
    return tuple(out)


def _stacked_sparse(parts: Sequence[tuple[Any, ...]]) -> list[np.ndarray]:
    numbers = np.repeat(np.arange(len(parts)), [len(values) for _i, values, _s in parts])
    indices = np.concatenate([i for i, _v, _s in parts])
    shape = np.max([s for _i, _v, s in parts], 0)
    return [
        np.column_stack([numbers, indices]).astype(np.int64),
        np.concatenate([v for _i, v, _s in parts]),
        np.array([len(parts), *shape], np.int64),
    ]


def common(a: Any, b: Any) -> Any:
    """Return the specs of elements that are of ``a`` or of ``b``."""
    nest.require_same_form(a, b, "concatenate: the elements")
    return nest.pack(a, [_common(m, n) for m, n in zip(nest.flatten(a), nest.flatten(b),
                                                        strict=True)])  # fmt: skip


def _common(a: TensorSpec, b: TensorSpec) -> TensorSpec:
    if a.dtype is not b.dtype:
        raise InvalidTypeError(None, None, f"concatenate: elements are {a!r} and {b!r}; convert "
                               f"one with map and tf.cast.")  # fmt: skip
    if a.shape is None or b.shape is None or len(a.shape) != len(b.shape):
        return TensorSpec(None, a.dtype)
    dims = [m if m == n else None for m, n in zip(a.shape, b.shape, strict=True)]
    return TensorSpec(tuple(dims), a.dtype)


class Structured:
    """What has elements of one structure of specs, ``_form``."""

    _form: Any

    @property
    def output_types(self) -> Any:
        """The dtypes of an element's components, in its structure."""
        return walked(self._form, lambda spec: spec.dtype, lambda parts: parts.values.dtype)

    @property
    def output_shapes(self) -> Any:
        """The static shapes of an element's components, in its structure."""
        return walked(self._form, lambda spec: TensorShape(spec.shape), _dense_shape)

    @property
    def output_classes(self) -> Any:
        """``tf.Tensor`` or ``tf.SparseTensor`` for each component, in the structure."""
        return walked(self._form, lambda spec: Tensor, lambda parts: SparseTensor)

    @property
    def element_spec(self) -> Any:
        """What is known of an element's components, in its structure."""
        return self._form


def _dense_shape(parts: Sparse) -> TensorShape:
    rank = parts.dense_shape.shape and parts.dense_shape.shape[0]
    return TensorShape(None if rank is None else [None] * rank)


def of_types(output_types: Any, output_shapes: Any = None, output_classes: Any = None) -> Any:
    """Return the structure of specs for structures of dtypes, shapes (None: unknown), classes."""
    dtypes = mapped(as_dtype, output_types)
    flat = nest.flatten(dtypes)
    given = [None] * len(flat) if output_shapes is None else shape_leaves(dtypes, output_shapes)
    sparse = [False] * len(flat)
    if output_classes is not None:
        sparse = nest.flatten(mapped(lambda kind: kind is SparseTensor, output_classes))
    return nest.pack(dtypes, [_spec(*leaf) for leaf in zip(flat, given, sparse, strict=True)])


def _spec(dtype: DType, shape: Shape, sparse: bool) -> Any:
    if not sparse:
        return TensorSpec(shape, dtype)
    rank = None if shape is None else len(shape)
    return Sparse(
        TensorSpec((None, rank), int64), TensorSpec((None,), dtype), TensorSpec((rank,), int64)
    )


def shape_leaves(form: Any, given: Any) -> list[Shape]:
    """Return the shapes in ``given``, a structure like ``form`` in which a shape is a leaf.

    A tuple stands for a structure where ``form`` has one, for a shape where it has none.
    """
    if isinstance(form, Mapping):
        if not isinstance(given, Mapping) or form.keys() != given.keys():
            raise InvalidTypeError(None, None, f"shapes {given!r} must have the keys {list(form)}.")
        return [shape for key in sorted(form) for shape in shape_leaves(form[key], given[key])]
    if isinstance(form, (tuple, list)):
        if not isinstance(given, (tuple, list)) or len(given) != len(form):
            raise InvalidTypeError(
                None, None, f"shapes {given!r} must have the structure of the {len(form)} types."
            )
        parts = zip(form, given, strict=True)
        return [shape for f, g in parts for shape in shape_leaves(f, g)]
    return [as_shape(given)]


def require_fit(wanted: Any, given: Any, what: str) -> None:
    """Raise unless elements of the specs ``given`` can be those of ``wanted``."""
    nest.require_same_form(wanted, given, what)
    for w, g in zip(nest.flatten(wanted), nest.flatten(given), strict=True):
        if (w.dtype is not None and g.dtype is not w.dtype) or not compatible(w.shape, g.shape):
            raise InvalidTypeError(None, None, f"{what} must have the same types and shapes: "
                                   f"{w!r} is wanted, {g!r} given.")  # fmt: skip


def checked(value: Any, spec: TensorSpec, what: str) -> Any:
    """Return ``value``, that a user's function gave, as an array of ``spec``."""
    dtype = spec.dtype
    if dtype is not None and dtype.dtype == object:
        array: Any = as_array(value, string)
    else:
        array = np.asarray(value)
        target = dtype.dtype if dtype else array.dtype
        plain = not hasattr(value, "dtype")
        told = array.size or not plain  # an empty list says nothing of its type
        if array.dtype != target and told and not np.can_cast(
            array.dtype, target, "same_kind" if plain else "safe"
        ):  # fmt: skip
            raise InvalidTypeError(
                None, None, f"{what} gave {array.dtype}, its type is {dtype!r}: {value!r:.60}."
            )
        array = array.astype(target, copy=False)
    if not compatible(array.shape, spec.shape):
        raise InvalidArgumentError(
            None,
            None,
            f"{what} gave shape {format_shape(array.shape)}, wanted is {format_shape(spec.shape)}.",
        )
    return array


def texts(value: Any) -> list[str]:
    """Return the strings of a scalar or a vector."""
    return [as_text(v) for v in np.asarray(value, object).ravel()]


def flat_values(form: Any, value: Any, specs: Sequence[TensorSpec], what: str) -> tuple[Any, ...]:
    """Return what a user's function gave for an element, flat, of the types wanted."""
    leaves = list(_leaves(form, value, what))
    return tuple([checked(v, s, what) for v, s in zip(leaves, specs, strict=True)])


def _leaves(form: Any, value: Any, what: str) -> Iterable[Any]:
    if isinstance(form, Mapping):
        if not isinstance(value, Mapping) or value.keys() != form.keys():
            raise InvalidTypeError(None, None, f"{what} gave {value!r:.80}, keys {list(form)} "
                                   f"are wanted.")  # fmt: skip
        for key in sorted(form):
            yield from _leaves(form[key], value[key], what)
    elif isinstance(form, tuple):
        if not isinstance(value, (tuple, list)) or len(value) != len(form):
            raise InvalidTypeError(None, None, f"{what} gave {value!r:.80}, a tuple of {len(form)} "
                                   f"is wanted.")  # fmt: skip
        for f, v in zip(form, value, strict=True):
            yield from _leaves(f, v, what)
    else:
        yield value
