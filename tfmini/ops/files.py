"""Files as operations: ``read_file``, ``write_file``, ``matching_files``.

In: names and contents as string tensors.  Out: contents and names as string tensors.
"""

from __future__ import annotations

import errno
import glob
import os
from typing import Any

import numpy as np

from tfmini.build import op
from tfmini.dtypes import string
from tfmini.errors import (
    FailedPreconditionError,
    NotFoundError,
    OpError,
    PermissionDeniedError,
    ResourceExhaustedError,
    UnknownError,
)
from tfmini.opdef import Cost, OpDef
from tfmini.spec import TensorSpec


def as_text(value: Any) -> str:
    """Return the value of a scalar string, however it is held, as text."""
    item = value.item() if isinstance(value, np.ndarray) else value
    return os.fsdecode(item) if isinstance(item, bytes) else str(item)


def as_bytes(value: Any) -> bytes:
    """Return the value of a scalar string, however it is held, as bytes."""
    item = value.item() if isinstance(value, np.ndarray) else value
    return item if isinstance(item, bytes) else str(item).encode()


def file_error(error: OSError, name: Any) -> OpError:
    """Return the error of ``tf.errors`` for what the operating system says of a file."""
    kind: type[OpError] = UnknownError
    if isinstance(error, FileNotFoundError):
        kind = NotFoundError
    elif isinstance(error, PermissionError):
        kind = PermissionDeniedError
    elif isinstance(error, (IsADirectoryError, NotADirectoryError)):
        kind = FailedPreconditionError
    elif error.errno in (errno.ENOSPC, errno.EDQUOT):
        kind = ResourceExhaustedError
    return kind(None, None, f"{as_text(name)}: {error.strerror or error}.")


def read(name: Any) -> bytes:
    """Return what is in the file."""
    try:
        with open(as_text(name), "rb") as file:
            return file.read()
    except OSError as e:
        raise file_error(e, name) from e


def matching(patterns: Any) -> np.ndarray:
    """Return the names of the files that match one of ``patterns``, sorted."""
    found = {name for p in np.asarray(patterns, object).ravel() for name in glob.glob(as_text(p))}
    names = np.empty(len(found), object)
    names[:] = [os.fsencode(name) for name in sorted(found)]
    return names


class StringOp(OpDef):
    """Base of operations whose work depends on what a string holds, or on a file.

    ``work`` is a guess of it: as many additions as would take the same time.
    """

    work = 2e4

    gradient = None
    tested_by = "tests of files and of parsing: samples are numbers"

    def cost(self, *_specs: TensorSpec, **_attrs: Any) -> Cost:
        return Cost(self.work, self.work)


@op("ReadFile")
class read_file(StringOp):
    """Return the contents of a file as a scalar string."""

    stateful = True  # another file, another day

    def compute(self, filename: Any) -> Any:
        return np.array(read(filename), object)

    def infer(self, filename: TensorSpec) -> TensorSpec:
        return TensorSpec((), string)


@op("WriteFile")
class write_file(StringOp):
    """Write ``contents`` to a file; folders on its way are made."""

    stateful = True

    def compute(self, filename: Any, contents: Any) -> tuple[()]:
        path = as_text(filename)
        try:
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            with open(path, "wb") as file:
                file.write(as_bytes(contents))
        except OSError as e:
            raise file_error(e, filename) from e
        return ()

    def infer(self, filename: TensorSpec, contents: TensorSpec) -> tuple[()]:
        return ()


@op("MatchingFiles")
class matching_files(StringOp):
    """Return the names of the files that match ``pattern`` (or one of several), sorted."""

    stateful = True

    def compute(self, pattern: Any) -> Any:
        return matching(pattern)

    def infer(self, pattern: TensorSpec) -> TensorSpec:
        return TensorSpec((None,), string)
