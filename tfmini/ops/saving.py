"""Writing tensors to a checkpoint, and reading them back.

In: a prefix, names, tensors.  Out: TensorFlow's V2 checkpoint files (``formats/bundle.py``), or the
tensors in them.  The files are those of the session's own machine, wherever else the run goes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.dtypes import as_dtype
from tfmini.errors import InvalidArgumentError, UnimplementedError
from tfmini.formats.bundle import BundleReader, write_bundle
from tfmini.opdef import OpDef
from tfmini.ops.string_values import as_text
from tfmini.spec import TensorSpec


def _names(values: Any, slices: Any) -> list[str]:
    if any([as_text(s) for s in np.asarray(slices, object).ravel()]):
        raise UnimplementedError(
            None, None, "parts of tensors (shape_and_slices) can't be saved or restored"
        )
    return [as_text(v) for v in np.asarray(values, object).ravel()]


class SaveV2(OpDef):
    """Write tensors: inputs are prefix, names, slices (all ""), then the tensors."""

    resource = True
    stateful = True
    gradient = None

    def compute(self, *inputs: Any, resources: Any = None) -> tuple[()]:
        prefix, names, slices, *tensors = inputs
        wanted = _names(names, slices)
        if len(wanted) != len(tensors):
            raise InvalidArgumentError(
                None, None, f"{len(wanted)} names given for {len(tensors)} tensors"
            )
        write_bundle(as_text(prefix), dict(zip(wanted, tensors, strict=True)))
        return ()

    def infer(self, *inputs: TensorSpec) -> tuple[TensorSpec, ...]:
        return ()


class RestoreV2(OpDef):
    """Read tensors called ``tensor_names`` from the checkpoint ``prefix``."""

    resource = True
    stateful = True
    gradient = None
    listed = True

    def compute(
        self, prefix: Any, tensor_names: Any, shape_and_slices: Any, *, dtypes: Any,
        resources: Any = None,
    ) -> tuple[Any, ...]:  # fmt: skip
        reader = BundleReader(as_text(prefix))
        names = _names(tensor_names, shape_and_slices)
        return tuple([_read(reader, n, d) for n, d in zip(names, dtypes, strict=True)])

    def infer(
        self, prefix: TensorSpec, tensor_names: TensorSpec, shape_and_slices: TensorSpec, *,
        dtypes: Any,
    ) -> tuple[TensorSpec, ...]:  # fmt: skip
        return tuple([TensorSpec(None, None if d is None else as_dtype(d)) for d in dtypes])


def _read(reader: BundleReader, name: str, dtype: Any) -> np.ndarray:
    array = reader.read(name)
    if dtype is not None and array.dtype != as_dtype(dtype).dtype:
        raise InvalidArgumentError(
            None,
            None,
            f"tensor {name!r} of checkpoint {reader.prefix} is {as_dtype(array.dtype).name}, "
            f"{as_dtype(dtype).name} is wanted",
        )
    return array


SAVE, RESTORE = SaveV2("SaveV2", "save"), RestoreV2("RestoreV2", "restore")
