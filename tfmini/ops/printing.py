"""``tf.print``: values of tensors written while the graph runs.

In: tensors, structures of them and anything else.  Out: an operation that writes one text.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfmini import logging
from tfmini.build import convert_to_tensor, create
from tfmini.dtypes import string
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Operation, Tensor
from tfmini.opdef import Cost, OpDef
from tfmini.ops import formatting
from tfmini.ops.sparse import SparseTensor
from tfmini.spec import TensorSpec

_PLACE = "\0"  # where a tensor's value goes, in a template
_LEVELS = ("debug", "info", "warning", "warn", "error", "fatal")


class PrintV2Type(OpDef):
    """Writes a text to a stream, in the process that runs it."""

    stateful = True
    gradient = None
    tested_by = "tests of print: it writes to the terminal"

    def compute(self, text: Any, *, stream: str, end: str) -> tuple[()]:
        value = np.asarray(text)[()]
        shown = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        if stream.startswith("file://"):
            with open(stream.removeprefix("file://"), "a", encoding="utf-8") as file:
                file.write(shown + end)
        elif stream in _LEVELS:
            getattr(logging, stream)("%s", shown)
        else:
            print(shown, end=end, file=getattr(sys, stream), flush=True)
        return ()

    def infer(self, text: TensorSpec, *, stream: str, end: str) -> tuple[()]:
        return ()

    def cost(self, text: TensorSpec, *, stream: str, end: str) -> Cost:
        return Cost(1.0, 8.0)


PRINT_V2 = PrintV2Type("PrintV2", "print_v2")


def print_(
    *inputs: Any,
    output_stream: Any = None,
    summarize: int = 3,
    sep: str = " ",
    end: str = "\n",
    name: str | None = None,
) -> Operation:
    """Return an operation that writes ``inputs`` when it runs: run it, or put it before what
    shall come after with ``tf.control_dependencies``.

    Parameters
    ----------
    inputs : tensors, lists, tuples and dicts of them, or anything else, which is written as it is
    output_stream : sys.stderr (default), sys.stdout, tf.logging.info or its like, or "file://PATH"
    summarize : of longer dimensions so many items are written at each end; -1: all
    """
    stream = _stream(output_stream)
    tensors: list[Tensor] = []
    only = inputs[0] if len(inputs) == 1 else None
    if isinstance(only, Tensor) and only.dtype is string and only.spec.shape == ():
        text = only  # as it is, without quotes
    else:
        template = sep.join([_written(x, tensors, outermost=True) for x in inputs])
        text = formatting.format(template, tensors, _PLACE, summarize)
    return create(PRINT_V2, [text], {"stream": stream, "end": end}, name or "print")


def _stream(given: Any) -> str:
    if given is None or given in (sys.stderr, sys.__stderr__):
        return "stderr"
    if given in (sys.stdout, sys.__stdout__):
        return "stdout"
    if isinstance(given, str) and given.startswith("file://"):
        return given
    for level in _LEVELS:
        if given is getattr(logging, level):
            return level
    raise InvalidArgumentError(
        None, None, f"output_stream={given!r}: give sys.stdout, sys.stderr, tf.logging.info or its "
        'like, or "file://PATH".',
    )  # fmt: skip


def _written(value: Any, tensors: list[Tensor], outermost: bool = False) -> str:
    """Return ``value`` as a text with a place for each tensor, which is added to ``tensors``."""
    if isinstance(value, SparseTensor):
        parts = zip(("indices", "values", "shape"), value.__tf_flatten__(), strict=True)
        inside = ", ".join([f"{key}={_written(part, tensors)}" for key, part in parts])
        return f"SparseTensor({inside})"
    if isinstance(value, (Tensor, Operation)) or hasattr(value, "__tf_tensor__"):
        tensors.append(convert_to_tensor(value))
        return _PLACE
    if isinstance(value, Mapping):
        items = [f"{key!r}: {_written(item, tensors)}" for key, item in sorted(value.items())]
        return f"{{{', '.join(items)}}}"
    if isinstance(value, (list, tuple)):
        parts = ", ".join([_written(item, tensors) for item in value])
        if isinstance(value, list):
            return f"[{parts}]"
        return f"({parts},)" if len(value) == 1 else f"({parts})"
    return str(value) if outermost else repr(value)
