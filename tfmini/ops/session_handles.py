"""Session handles: values that a session keeps from one run to the next.

In: a tensor.  Out: what, when it is fetched, is a ``TensorHandle``: the value stays in the session
and a later run takes it by the handle, which is fed.
"""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor, op
from tfmini.dtypes import DType, as_dtype, string
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Operation, Tensor
from tfmini.opdef import Cost, OpDef
from tfmini.ops.placeholders import placeholder
from tfmini.spec import TensorSpec


class TensorHandle:
    """What stands for a value kept in a session: ``handle`` is the text to feed for it."""

    def __init__(self, handle: str, dtype: DType, resources: Any) -> None:
        self.handle = handle
        self._dtype = dtype
        self._resources = resources

    def eval(self) -> Any:
        """Return the value."""
        return _kept(self._resources, self.handle)

    def delete(self) -> None:
        """Let the session forget the value."""
        _forget(self._resources, self.handle)

    def get_raw_handle(self) -> str:
        """Return the text; ``delete_session_tensor`` is then who forgets the value."""
        return self.handle

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        # Fed for a tensor it is its value.
        return np.array(self.eval(), dtype)

    def __str__(self) -> str:
        return self.handle


class _HandleTensor:
    """What ``get_session_handle`` returns: fetched, it is a ``TensorHandle``."""

    def __init__(self, kept: Tensor, dtype: DType | None) -> None:
        self._kept, self.dtype = kept, dtype

    @property
    def op(self) -> Operation:
        return self._kept.op

    def __tf_flatten__(self) -> list[Tensor]:
        return [self._kept]

    def __tf_value__(self, values: Any) -> TensorHandle:
        found: TensorHandle = values[0]
        return found


class _Handle(OpDef):
    """Works on the values that the session keeps."""

    resource = True
    gradient = None
    tested_by = "tests of session handles: a handle is known only in its session"

    def cost(self, *_specs: TensorSpec, **_attrs: Any) -> Cost:
        return Cost(0, 0)


@op("GetSessionHandleV2")
class _get_session_handle(_Handle):
    """Keep ``value`` in the session."""

    def compute(self, value: Any, *, resources: Any) -> Any:
        handle = f"GetSessionHandle;{uuid.uuid4().hex}"
        array = np.array(value)
        resources.put(handle, array if array.ndim else array[()])
        out = np.empty((), object)
        out[()] = TensorHandle(handle, as_dtype(array.dtype), resources)
        return out

    def infer(self, value: TensorSpec) -> TensorSpec:
        return TensorSpec((), string)


@op("GetSessionTensor")
class _get_session_tensor(_Handle):
    """Return the value that ``handle`` stands for."""

    def compute(self, handle: Any, *, dtype: DType, resources: Any) -> Any:
        found = np.asarray(_kept(resources, _text(handle)))
        if found.dtype != dtype.dtype:
            raise InvalidArgumentError(
                None, None, f"the value kept is {found.dtype}, {dtype.name} is wanted"
            )
        return found if found.ndim else found[()]

    def infer(self, handle: TensorSpec, *, dtype: DType) -> TensorSpec:
        return TensorSpec(None, dtype)


@op("DeleteSessionTensor")
class _delete_session_tensor(_Handle):
    """Forget the value that ``handle`` stands for."""

    def compute(self, handle: Any, *, resources: Any) -> tuple[()]:
        _forget(resources, _text(handle))
        return ()

    def infer(self, handle: TensorSpec) -> tuple[()]:
        return ()


def get_session_handle(data: Any, name: str | None = None) -> Any:
    """Return what, fetched, is a ``TensorHandle``: the value of ``data`` stays in the session."""
    tensor = convert_to_tensor(data)
    return _HandleTensor(_get_session_handle(tensor, name), tensor.dtype)


def get_session_tensor(handle: Any, dtype: Any, name: str | None = None) -> tuple[Tensor, Tensor]:
    """Return a placeholder for the text of a handle, and the value kept under it, of ``dtype``.

    ``handle`` is one that fits: another one may be fed.
    """
    holder = placeholder(string, [])
    return holder, _get_session_tensor(holder, as_dtype(dtype), name)


def delete_session_tensor(handle: Any, name: str | None = None) -> tuple[Tensor, Operation]:
    """Return a placeholder for the text of a handle, and the operation that forgets its value."""
    holder = placeholder(string, [])
    return holder, _delete_session_tensor(holder, name)


def _text(handle: Any) -> str:
    value = handle.item() if isinstance(handle, np.ndarray) else handle
    return value.decode() if isinstance(value, bytes) else str(value)


def _kept(resources: Any, handle: str) -> Any:
    found = resources.get(handle, lambda: None)
    if found is None:
        raise InvalidArgumentError(None, None, f"this session keeps nothing under {handle!r}.")
    return found


def _forget(resources: Any, handle: str) -> None:
    _kept(resources, handle)
    resources.put(handle, None)
