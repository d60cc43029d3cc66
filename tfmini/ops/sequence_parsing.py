"""``parse_sequence_example``: from serialized ``tf.train.SequenceExample`` messages to tensors.

In: byte strings, and the features wanted: of the whole example ("context") and of its steps.  Out:
dicts of tensors; those of steps have a dimension of steps in front of their shape.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tfmini.build import apply, convert_to_tensor
from tfmini.dtypes import DType, int64, string
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.formats.wire import DecodeError
from tfmini.ops import parsing
from tfmini.ops.parsing import FixedLenSequenceFeature, VarLenFeature
from tfmini.ops.sparse import SparseTensor
from tfmini.ops.string_values import StringOp, as_bytes
from tfmini.shapes import format_shape
from tfmini.spec import TensorSpec

Steps = list[Any]  # the values of a feature in each step


class _Wanted(NamedTuple):
    """A feature of steps in the form that nodes keep; without a shape it is sparse."""

    key: str
    type: DType
    shape: tuple[int, ...] | None
    allow_missing: bool


def _step_lists(serialized: bytes) -> dict[bytes, list[bytes]]:
    """Return the features of steps, not yet decoded, by name."""
    found: dict[bytes, list[bytes]] = {}
    try:
        for field, _type, lists in parsing.fields(serialized):
            entries = [v for n, _t, v in parsing.fields(lists) if n == 1] if field == 2 else []
            for entry in entries:
                parts = {n: v for n, _t, v in parsing.fields(entry)}
                steps = parsing.fields(parts.get(2, b""))
                found[parts.get(1, b"")] = [v for n, _t, v in steps if n == 1]
    except (DecodeError, TypeError) as e:
        raise InvalidArgumentError(
            None, None, f"{serialized!r:.60} is no serialized SequenceExample: {e}"
        ) from e
    return found


class _ParseSteps(StringOp):
    """The wanted features of steps, of one example or of a vector of them."""

    listed = True

    def compute(self, serialized: Any, *, wanted: tuple[_Wanted, ...], single: bool) -> list[Any]:
        texts = [serialized] if single else serialized
        examples = [_step_lists(as_bytes(t)) for t in texts]
        out: list[Any] = []
        for w in wanted:
            found = [_decoded(e.get(w.key.encode()), w, i) for i, e in enumerate(examples)]
            if w.shape is None:
                out += _sparse(found, w, single)
            else:
                out += _dense(found, w, single)
        return out

    def infer(
        self, serialized: TensorSpec, *, wanted: tuple[_Wanted, ...], single: bool
    ) -> list[TensorSpec]:
        if serialized.rank not in ((0, None) if single else (1, None)):
            what = "a scalar" if single else "a vector"
            raise ValueError(f"serialized must be {what} of strings, not {serialized!r}")
        batch: tuple[Any, ...] = () if single else (serialized.shape or (None,))
        out = []
        for w in wanted:
            if w.shape is None:
                rank = 2 + len(batch)
                out += [TensorSpec((None, rank), int64), TensorSpec((None,), w.type),
                        TensorSpec((rank,), int64)]  # fmt: skip
            else:
                out.append(TensorSpec((*batch, None, *w.shape), w.type))
                out += [] if single else [TensorSpec(batch, int64)]
        return out


def _decoded(steps: Sequence[bytes] | None, w: _Wanted, number: int) -> Steps:
    if steps is None:
        if not w.allow_missing:
            raise InvalidArgumentError(
                None, None, f"the list of {w.key!r} is required, but missing in example {number}; "
                "allow_missing=True takes it as empty."
            )  # fmt: skip
        steps = []
    empty = np.zeros(0, w.type.dtype)
    found = [parsing.values_of(step, w.key, w.type) for step in steps]
    rows = [empty if v is None else v for v in found]
    size = None if w.shape is None else math.prod(w.shape)
    for place, row in enumerate(rows):
        if size is not None and row.size != size:
            raise InvalidArgumentError(
                None, None, f"step {place} of {w.key!r} in example {number} has {row.size} values; "
                f"shape {format_shape(w.shape)} needs {size}"
            )  # fmt: skip
    return rows


def _dense(examples: list[Steps], w: _Wanted, single: bool) -> list[Any]:
    """Return the values, shorter examples with zeros at the end; of a batch, the lengths too."""
    assert w.shape is not None
    lengths = np.array([len(steps) for steps in examples], np.int64)
    shape = (len(examples), int(lengths.max(initial=0)), *w.shape)
    out = np.full(shape, b"" if w.type is string else 0, w.type.dtype)
    for target, steps in zip(out, examples, strict=True):
        for place, row in enumerate(steps):
            target[place] = row.reshape(w.shape)
    return [out[0]] if single else [out, lengths]


def _sparse(examples: list[Steps], w: _Wanted, single: bool) -> list[Any]:
    """Return indices, values and the dense shape."""
    rows = [row for steps in examples for row in steps]
    counts = np.array([row.size for row in rows], np.int64)
    lengths = np.array([len(steps) for steps in examples], np.int64)
    step = [np.arange(n) for n in lengths]
    within = [np.arange(n) for n in counts]
    columns = [
        np.repeat(np.repeat(np.arange(len(examples)), lengths), counts),
        np.repeat(np.concatenate([*step, np.zeros(0, np.int64)]), counts),
        np.concatenate([*within, np.zeros(0, np.int64)]),
    ]
    indices = np.stack(columns, 1).astype(np.int64)
    shape = np.array([len(examples), lengths.max(initial=0), counts.max(initial=0)], np.int64)
    values = np.concatenate([*rows, np.zeros(0, w.type.dtype)])
    return [indices[:, 1:], values, shape[1:]] if single else [indices, values, shape]


_PARSE_STEPS = _ParseSteps("ParseSequenceExample", "_parse_sequence_example")
_PARSE_SINGLE_STEPS = _ParseSteps("ParseSingleSequenceExample", "_parse_single_sequence_example")


def parse_single_sequence_example(
    serialized: Any, context_features: Mapping[str, Any] | None = None,
    sequence_features: Mapping[str, Any] | None = None, example_name: Any = None,
    name: str | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:  # fmt: skip
    """Return the features of one serialized SequenceExample: (of the whole, of its steps).

    Parameters
    ----------
    context_features : a dict as for ``parse_single_example``
    sequence_features : a dict from names to ``FixedLenSequenceFeature`` (a tensor [steps] + shape)
        or ``VarLenFeature`` (a sparse tensor [steps, longest])
    """
    context, steps, _ = _parsed(serialized, context_features, sequence_features, True, name)
    return context, steps


def parse_sequence_example(
    serialized: Any, context_features: Mapping[str, Any] | None = None,
    sequence_features: Mapping[str, Any] | None = None, example_names: Any = None,
    name: str | None = None,
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:  # fmt: skip
    """Return the features of a vector of SequenceExamples: (of the whole, of steps, lengths).

    As ``parse_single_sequence_example`` with a dimension for the batch in front: features of steps
    are as long as the longest example has them, zeros follow in shorter ones, and the third dict
    has the lengths, int64 [batch], of those that are no sparse tensors.
    """
    return _parsed(serialized, context_features, sequence_features, False, name)


def _parsed(
    serialized: Any, context: Mapping[str, Any] | None, steps: Mapping[str, Any] | None,
    single: bool, name: str | None,
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:  # fmt: skip
    if not context and not steps:
        raise InvalidArgumentError(None, None, "give context_features, sequence_features or both.")
    serialized = convert_to_tensor(serialized, string)
    found: dict[str, Any] = {}
    if context:  # it is where an Example has its features
        parse = parsing.parse_single_example if single else parsing.parse_example
        found = parse(serialized, context, name)
    wanted = tuple([_wanted(key, steps[key]) for key in sorted(steps)] if steps else [])
    opdef = _PARSE_SINGLE_STEPS if single else _PARSE_STEPS
    attrs = {"wanted": wanted, "single": single}
    outputs = iter(apply(opdef, [serialized], attrs, name) if wanted else [])
    lists, lengths = {}, {}
    for w in wanted:
        if w.shape is None:
            lists[w.key] = SparseTensor(*[next(outputs) for _ in range(3)])
        else:
            lists[w.key] = next(outputs)
            if not single:
                lengths[w.key] = next(outputs)
    return found, lists, lengths


def _wanted(key: str, feature: Any) -> _Wanted:
    if isinstance(feature, VarLenFeature):
        return _Wanted(key, parsing.type_of(key, feature.dtype), None, True)
    if not isinstance(feature, FixedLenSequenceFeature):
        raise InvalidTypeError(
            None, None, f"feature {key!r} of steps is {feature!r}; use tf.FixedLenSequenceFeature "
            "or tf.VarLenFeature."
        )  # fmt: skip
    shape = parsing.shape_of(key, feature.shape)
    return _Wanted(key, parsing.type_of(key, feature.dtype), shape, bool(feature.allow_missing))
