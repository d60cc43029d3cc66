"""``TensorArray``: a list of tensors that loops write to and read from.

In: tensors, and which elements they are.  Out: an array, which holds one tensor, its flow: the
value that the operations of ``lists`` pass on.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tfmini.build import apply, convert_to_tensor
from tfmini.dtypes import DType, as_dtype, int32
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.nodes import Operation, Tensor
from tfmini.ops import array, creation
from tfmini.ops.lists import _list_concat, _list_empty, _list_gather, _list_scatter, _list_split
from tfmini.shapes import Shape, TensorShape, as_shape, merge_shapes
from tfmini.spec import TensorSpec


class _Facts:
    """What all handles on one array know: that is, what its first writer has found out."""

    def __init__(self, dtype: DType, shape: Shape, infer_shape: bool, grows: bool) -> None:
        self.dtype = dtype
        self.shape = shape
        self.infer_shape = infer_shape
        self.grows = grows

    def meet(self, shape: Shape) -> None:
        """Learn that an element has ``shape``, or raise where it must have another."""
        if self.infer_shape:
            try:
                self.shape = merge_shapes(self.shape, shape)
            except ValueError as e:
                raise InvalidArgumentError(
                    None, None, f"TensorArray: its elements have one shape: {e}."
                ) from None


class TensorArray:
    """A list of tensors for loops: each element is written once, and may be read many times.

    Every write returns a new ``TensorArray``, to be used from there on; it may be a loop variable.
    Gradients flow through, to any order.

    Parameters
    ----------
    dtype : of all elements
    size : int or scalar integer tensor, how many elements there are
    dynamic_size : bool, whether writing beyond the end makes it longer
    infer_shape : bool, whether all elements must have one static shape
    element_shape : that shape, if known
    """

    def __init__(
        self, dtype: Any, size: Any = None, dynamic_size: bool | None = None,
        clear_after_read: bool | None = None, tensor_array_name: str | None = None,
        handle: Any = None, flow: Any = None, infer_shape: bool = True, element_shape: Any = None,
        colocate_with_first_write_call: bool = True, name: str | None = None,
    ) -> None:  # fmt: skip
        if handle is not None:
            raise InvalidArgumentError(None, None, "TensorArray: give flow, there are no handles.")
        if flow is None:
            if size is None:
                raise InvalidArgumentError(None, None, "TensorArray needs a size.")
            flow = _list_empty(convert_to_tensor(size), name or "TensorArray")
            if dynamic_size:
                flow.spec = TensorSpec((None,), None)
        self._flow: Tensor = flow
        self._facts = _Facts(
            as_dtype(dtype), as_shape(element_shape), bool(infer_shape), bool(dynamic_size)
        )

    # What a structure of tensors needs to take an array apart and together; see ops/nest.py.

    def __tf_flatten__(self) -> list[Tensor]:
        return [self._flow]

    def __tf_pack__(self, tensors: Iterable[Any]) -> TensorArray:
        (flow,) = tensors
        return self._with(flow)

    def _with(self, flow: Tensor) -> TensorArray:
        out = object.__new__(TensorArray)
        out._flow, out._facts = flow, self._facts
        return out

    @property
    def dtype(self) -> DType:
        """The dtype of the elements."""
        return self._facts.dtype

    @property
    def flow(self) -> Tensor:
        """The tensor that stands for the array's state."""
        return self._flow

    @property
    def handle(self) -> Tensor:
        """The flow: there is no other handle."""
        return self._flow

    @property
    def element_shape(self) -> Any:
        """The static shape of elements, as far as it is known."""
        return TensorShape(self._facts.shape)

    @property
    def dynamic_size(self) -> bool:
        return self._facts.grows

    def identity(self) -> TensorArray:
        """Return the array after the control dependencies that surround the call."""
        return self._with(array.identity(self._flow))

    def write(self, index: Any, value: Any, name: str | None = None) -> TensorArray:
        """Return the array with element ``index`` set to ``value``."""
        value = self._element(value)
        self._facts.meet(value.spec.shape)
        return self._scattered(convert_to_tensor(index), value, name or "TensorArrayWriteV3")

    def scatter(self, indices: Any, value: Any, name: str | None = None) -> TensorArray:
        """Return the array with elements ``indices`` set to the slices of ``value``."""
        value = self._element(value)
        shape = value.spec.shape
        self._facts.meet(None if shape is None else shape[1:])
        return self._scattered(convert_to_tensor(indices, int32), value, name)

    def _scattered(self, indices: Tensor, value: Tensor, name: str | None) -> TensorArray:
        attrs = {"grows": self._facts.grows}
        return self._with(apply(_list_scatter.opdef, (self._flow, indices, value), attrs, name))

    def unstack(self, value: Any, name: str | None = None) -> TensorArray:
        """Return the array with all elements set: the slices of ``value`` along dimension 0."""
        value = self._element(value)
        return self.scatter(creation.range(array.shape(value)[0]), value, name)

    def split(self, value: Any, lengths: Any, name: str | None = None) -> TensorArray:
        """Return the array of the pieces of ``value`` along dimension 0, of ``lengths``."""
        value = self._element(value)
        shape = value.spec.shape
        self._facts.meet(None if shape is None else (None, *shape[1:]))
        return self._with(_list_split(value, convert_to_tensor(lengths), name))

    def _element(self, value: Any) -> Tensor:
        value = convert_to_tensor(value, None if isinstance(value, Tensor) else self.dtype)
        if value.dtype not in (None, self.dtype):
            raise InvalidTypeError(
                value.op.info, value.op,
                f"the TensorArray has {self.dtype.name} elements, not {value.dtype.name}; convert "
                "with tf.cast.",
            )  # fmt: skip
        return value

    def read(self, index: Any, name: str | None = None) -> Tensor:
        """Return element ``index``; it is an error if it has not been written."""
        return self._taken(convert_to_tensor(index), name or "TensorArrayReadV3")

    def gather(self, indices: Any, name: str | None = None) -> Tensor:
        """Return elements ``indices``, stacked."""
        return self._taken(convert_to_tensor(indices, int32), name)

    def _taken(self, indices: Tensor, name: str | None) -> Tensor:
        attrs = {"dtype": self.dtype, "shape": self._facts.shape}
        out: Tensor = apply(_list_gather.opdef, (self._flow, indices), attrs, name)
        return out

    def stack(self, name: str | None = None) -> Tensor:
        """Return all elements, stacked along a new dimension 0."""
        return self._taken(creation.range(self.size()), name or "TensorArrayStack")

    def concat(self, name: str | None = None) -> Tensor:
        """Return all elements, one after the other along their dimension 0."""
        attrs = {"dtype": self.dtype, "shape": self._facts.shape}
        out: Tensor = apply(_list_concat.opdef, (self._flow,), attrs, name)
        return out

    def size(self, name: str | None = None) -> Tensor:
        """Return the number of elements, an int32 scalar."""
        return array.size(self._flow, name or "TensorArraySizeV3")

    def close(self, name: str | None = None) -> Operation:
        """Return an operation that does nothing: values are freed after their last use."""
        return array.identity(self._flow, name or "TensorArrayCloseV3").op

    def __repr__(self) -> str:
        return f"<tf.TensorArray of {self.dtype.name}, flow {self._flow.name!r}>"
