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
from tfmini.ops.string_values import StringOp, as_bytes, as_text, string_vector
from tfmini.spec import TensorSpec


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
    return string_vector([os.fsencode(name) for name in sorted(found)])


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
