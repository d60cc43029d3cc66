"""Strings taken apart and put together.

In: strings.  Out: their pieces, as a sparse tensor or a vector; or fewer strings, joined along
dimensions, as n-grams, or by segment.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfmini.build import apply, convert_to_tensor, op
from tfmini.dtypes import int64, string
from tfmini.errors import InvalidArgumentError, UnimplementedError
from tfmini.nodes import Tensor
from tfmini.opdef import Cost, OpDef, conflict
from tfmini.ops.sparse import SparseTensor
from tfmini.ops.static import elements_of, require_ints
from tfmini.ops.string_values import as_bytes, as_text, string_vector
from tfmini.shapes import compatible
from tfmini.spec import TensorSpec

_LINES = np.array([["a b  c", ""], [" d", "e,f"]], object)


class _Pieces(OpDef):
    kinds: Any = "O"
    gradient = None

    def cost(self, first: TensorSpec, *_specs: TensorSpec, **_attrs: Any) -> Cost:
        size = float("inf") if first.size is None else float(first.size)
        return Cost(1e3 * size, 64.0 * size)


@op("StringSplit")
class _string_split(_Pieces):
    """The pieces of a vector of strings: places, pieces, and the shape."""

    samples = [(np.array(["a b  c", "", "d"], object), {"delimiter": " "}),
               (np.array(["a,b;c"], object), {"delimiter": ",;", "skip_empty": False})]  # fmt: skip

    def compute(self, source: Any, *, delimiter: str = " ", skip_empty: bool = True) -> Any:
        places: list[tuple[int, int]] = []
        pieces: list[Any] = []
        widest = 0
        for i, value in enumerate(source.tolist()):
            parts = _pieces(as_text(value), delimiter) if value else []
            parts = [p for p in parts if p] if skip_empty else parts
            places += [(i, j) for j in range(len(parts))]
            pieces += [as_bytes(p) for p in parts]
            widest = max(widest, len(parts))
        indices = np.array(places, np.int64).reshape(-1, 2)
        return indices, string_vector(pieces), np.array([len(source), widest], np.int64)

    def infer(self, source: TensorSpec, **_attrs: Any) -> tuple[TensorSpec, ...]:
        self.check_kinds((source.dtype,))
        if source.shape is not None and len(source.shape) != 1:
            raise ValueError("a vector of strings is needed")
        return TensorSpec((None, 2), int64), TensorSpec((None,), string), TensorSpec((2,), int64)


def _pieces(text: str, delimiter: str) -> list[str]:
    """Return ``text`` split at each character of ``delimiter``; at all characters if it is ""."""
    if not delimiter:
        return list(text)
    return re.split(f"[{re.escape(delimiter)}]", text)


def string_split(
    source: Any, sep: str | None = None, skip_empty: bool = True, delimiter: str | None = None,
    result_type: str = "SparseTensor", name: str | None = None,
) -> SparseTensor:  # fmt: skip
    """Return the pieces of a vector of strings as a sparse matrix, a row for each string.

    Parameters
    ----------
    sep (or delimiter) : each of its characters separates, by default " "; "": single characters
    skip_empty : bool, whether empty pieces are left out
    """
    _require_sparse(result_type)
    rule = sep if sep is not None else " " if delimiter is None else delimiter
    indices, values, shape = _string_split(source, rule, skip_empty, name)
    return SparseTensor(indices, values, shape)


def _require_sparse(result_type: str) -> None:
    if result_type != "SparseTensor":
        raise UnimplementedError(
            None,
            None,
            f"result_type={result_type!r}: tfmini has no ragged tensors; use 'SparseTensor'.",
        )


@op("StringSplitV2")
class _split_strings(_Pieces):
    """The pieces of strings: places, pieces, and the shape, of one more dimension."""

    samples = [(_LINES, {"sep": "", "maxsplit": -1}), (_LINES, {"sep": " ", "maxsplit": 1}),
               (np.array("a b", object), {"sep": "", "maxsplit": -1})]  # fmt: skip

    def compute(self, input: Any, *, sep: str, maxsplit: int) -> Any:
        shape = np.shape(input) or (1,)
        flat = np.asarray(input, object).reshape(-1)
        rows = [as_bytes(s).split(sep.encode() or None, maxsplit) for s in flat]
        counts = np.array([len(row) for row in rows], np.int64)
        which = np.repeat(np.arange(len(rows)), counts)
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        places = np.stack([*np.unravel_index(which, shape), within], 1).astype(np.int64)
        widest = int(counts.max(initial=0))
        values = string_vector([piece for row in rows for piece in row])
        return places, values, np.array([*shape, widest], np.int64)

    def infer(self, input: TensorSpec, *, sep: str, maxsplit: int) -> tuple[TensorSpec, ...]:
        self.check_kinds((input.dtype,))
        rank = None if input.rank is None else max(input.rank, 1) + 1
        return TensorSpec((None, rank), int64), TensorSpec((None,), string), TensorSpec(
            (rank,), int64
        )  # fmt: skip


def string_split_v2(
    input: Any = None, sep: str | None = None, maxsplit: int = -1,
    result_type: str = "SparseTensor", source: Any = None, name: str | None = None,
) -> SparseTensor:  # fmt: skip
    """Return the pieces of strings as a sparse tensor of one more dimension (``strings.split``).

    Parameters
    ----------
    sep : the whole of it separates; None or "": white space, and no piece is empty
    maxsplit : how many separators count at most; -1: all
    """
    _require_sparse(result_type)
    given = input if source is None else source
    if given is None:
        raise InvalidArgumentError(None, None, "give strings to split.")
    attrs = {"sep": sep or "", "maxsplit": maxsplit}
    return SparseTensor(*apply(_split_strings.opdef, (given,), attrs, name))


@op("BytesSplit")
class _bytes_split(_Pieces):
    """The bytes of one string."""

    samples = [(np.array(b"a\xc3\xa9", object),), (np.array(b"", object),)]

    def compute(self, input: Any) -> Any:
        data = as_bytes(input)
        return string_vector([data[i : i + 1] for i in range(len(data))])

    def infer(self, input: TensorSpec) -> TensorSpec:
        self.check_kinds((input.dtype,))
        return TensorSpec((None,), string)


def bytes_split(input: Any, name: str | None = None) -> Tensor:
    """Return the bytes of one string as strings, [bytes]."""
    given = convert_to_tensor(input, string)
    if given.spec.rank != 0:
        raise UnimplementedError(
            None, None, f"strings of shape {given.shape} have rows of different lengths, which "
            f"tfmini has no ragged tensors for; give one string, or use tf.string_split(x, '').",
        )  # fmt: skip
    out: Tensor = apply(_bytes_split.opdef, (given,), {}, name)
    return out


@op("ReduceJoin")
class _reduce_join(_Pieces):
    """Strings joined along dimensions."""

    samples = [(_LINES, {"axis": (1,), "separator": ","}), (_LINES, {"axis": (0,)})]

    def compute(
        self, inputs: Any, *, axis: Sequence[int], keepdims: bool = False, separator: str = ""
    ) -> Any:
        rank = np.ndim(inputs)
        axes = [a % rank for a in axis]
        rest = [i for i in range(rank) if i not in axes]
        moved = np.transpose(inputs, [*rest, *reversed(axes)])  # the first axis is joined first
        lead = moved.shape[: len(rest)]
        rows = moved.reshape(*lead, -1)
        out = np.empty(lead, object)
        for at in np.ndindex(*lead):
            row = rows[at].tolist()
            out[at] = as_bytes(separator.join([as_text(x) for x in row]))
        shape = [1 if i in axes else n for i, n in enumerate(inputs.shape)]
        return out.reshape(shape) if keepdims else out

    def infer(
        self, inputs: TensorSpec, *, axis: Sequence[int], keepdims: bool = False,
        separator: str = "",
    ) -> TensorSpec:  # fmt: skip
        self.check_kinds((inputs.dtype,))
        if inputs.shape is None:
            return TensorSpec(None, string)
        rank = len(inputs.shape)
        if any(not -rank <= a < rank for a in axis):
            raise ValueError(f"axis {list(axis)} is out of range for rank {rank}")
        axes = {a % rank for a in axis}
        kept = [1 if i in axes else n for i, n in enumerate(inputs.shape)]
        shape = kept if keepdims else [n for i, n in enumerate(inputs.shape) if i not in axes]
        return TensorSpec(tuple(shape), string)

    def cost(self, inputs: TensorSpec, **_attrs: Any) -> Cost:
        size = float("inf") if inputs.size is None else inputs.size
        return Cost(300.0 * size, 64.0 * size)


def reduce_join(
    inputs: Any, axis: Any = None, keep_dims: bool | None = None, separator: str = "",
    name: str | None = None, reduction_indices: Any = None, keepdims: bool | None = None,
) -> Tensor:  # fmt: skip
    """Return strings joined along ``axis`` (default: all dimensions) with ``separator``."""
    x = convert_to_tensor(inputs)
    axis = reduction_indices if axis is None else axis
    if axis is None:
        if x.spec.rank is None:
            raise InvalidArgumentError(None, None, "the rank must be known, or axis given.")
        axis = tuple(reversed(range(x.spec.rank)))
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    kept = bool(keep_dims if keepdims is None else keepdims)
    attrs = {"axis": axes, "keepdims": kept, "separator": separator}
    out: Tensor = apply(_reduce_join.opdef, (x,), attrs, name)
    return out


@op("StringNGrams")
class _ngrams(_Pieces):
    """Neighbours along the last dimension, joined."""

    samples = [
        (_LINES, {"widths": (1, 2), "separator": "|", "left": "<", "right": ">", "padding": -1,
                  "keep_short": False}),
        (_LINES, {"widths": (3,), "separator": " ", "left": "", "right": "", "padding": 0,
                  "keep_short": True}),
    ]  # fmt: skip

    def compute(
        self, data: Any, *, widths: tuple[int, ...], separator: str, left: str, right: str,
        padding: int, keep_short: bool,
    ) -> Any:  # fmt: skip
        rows = data.reshape(-1, data.shape[-1])
        count = _count(data.shape[-1], widths, padding, keep_short)
        out = np.empty((len(rows), count or 0), object)
        for i, row in enumerate(rows):
            words = [as_bytes(word) for word in row]
            out[i] = _joined(words, widths, separator, left, right, padding, keep_short)
        return out.reshape(*data.shape[:-1], count)

    def infer(
        self, data: TensorSpec, *, widths: tuple[int, ...], separator: str, left: str, right: str,
        padding: int, keep_short: bool,
    ) -> TensorSpec:  # fmt: skip
        self.check_kinds((data.dtype,))
        if data.shape is None:
            return TensorSpec(None, string)
        if not data.shape:
            raise conflict("ngrams are of the last dimension", data=data.shape)
        count = _count(data.shape[-1], widths, padding, keep_short)
        return TensorSpec((*data.shape[:-1], count), string)


def _border(width: int, padding: int) -> int:
    """Return how many pads there are at each end; fewer than make an n-gram of pads alone."""
    return width - 1 if padding < 0 else min(padding, width - 1)


def _count(length: int | None, widths: Sequence[int], padding: int, keep_short: bool) -> int | None:
    """Return how many n-grams ``length`` words make."""
    if length is None:
        return None
    each = [max(length + 2 * _border(w, padding) - w + 1, 0) for w in widths]
    return sum(each) or int(keep_short and length > 0)


def _joined(
    words: list[bytes], widths: Sequence[int], separator: str, left: str, right: str, padding: int,
    keep_short: bool,
) -> list[bytes]:  # fmt: skip
    glue, found = separator.encode(), []
    for width in widths:
        border = _border(width, padding)
        padded = [left.encode()] * border + words + [right.encode()] * border
        found += [glue.join(padded[i : i + width]) for i in range(len(padded) - width + 1)]
    if not found and keep_short and words:
        border = max(padding, 0)
        found = [glue.join([left.encode()] * border + words + [right.encode()] * border)]
    return found


def ngrams(
    data: Any, ngram_width: int | Sequence[int], separator: str = " ", pad_values: Any = None,
    padding_width: int | None = None, preserve_short_sequences: bool = False,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Return strings that are neighbours along the last dimension, joined.

    Parameters
    ----------
    data : strings [..., words]
    ngram_width : how many together; those of several widths come one after the other
    pad_values : what is before the first and after the last: a string, or a pair; None: nothing
    padding_width : how many pads at each end, less than the width; by default that less one
    preserve_short_sequences : join all words if they are too few for any n-gram
    """
    widths = (ngram_width,) if isinstance(ngram_width, int) else tuple(ngram_width)
    if not widths or min(widths) < 1:
        raise InvalidArgumentError(None, None, f"ngram_width {ngram_width} must be 1 or more.")
    if pad_values is None and padding_width:
        raise InvalidArgumentError(None, None, "padding_width needs pad_values.")
    pads = (pad_values,) * 2 if isinstance(pad_values, (str, bytes)) else pad_values
    left, right = ("", "") if pads is None else [as_bytes(pad).decode() for pad in pads]
    padding = 0 if pads is None else -1 if padding_width is None else padding_width
    attrs = {
        "widths": widths, "separator": separator, "left": left, "right": right,
        "padding": padding, "keep_short": preserve_short_sequences,
    }  # fmt: skip
    out: Tensor = apply(_ngrams.opdef, (data,), attrs, name)
    return out


@op("UnsortedSegmentJoin")
class unsorted_segment_join(_Pieces):
    """Return the strings of each segment joined with ``separator``, in their order.

    Shapes: inputs [*ids, ...], segment_ids [*ids] in 0..num_segments-1; the result is
    [num_segments, ...], "" where nothing is.
    """

    kinds = None
    samples = [
        (_LINES, np.array([1, 0]), np.int32(3), {"separator": ":"}),
        (_LINES, np.array([[1, 0], [1, 1]]), np.int32(2)),
    ]
    bad_samples = [(_LINES, np.array([0, 5]), np.int32(3), InvalidArgumentError)]

    def compute(
        self, inputs: Any, segment_ids: Any, num_segments: Any, *, separator: str = ""
    ) -> Any:
        count, ids = int(num_segments), segment_ids.reshape(-1)
        if ids.size and not ((ids >= 0) & (ids < count)).all():
            raise ValueError(f"segment_ids must be in 0..{count - 1}")
        if inputs.shape[: segment_ids.ndim] != segment_ids.shape:
            raise ValueError(f"inputs {inputs.shape} do not begin with {segment_ids.shape}")
        tail = inputs.shape[segment_ids.ndim :]
        wide = int(np.prod(tail))
        parts: list[list[list[bytes]]] = [[[] for _ in range(wide)] for _ in range(count)]
        for segment, row in zip(ids.tolist(), inputs.reshape(len(ids), wide), strict=True):
            for into, value in zip(parts[segment], row, strict=True):
                into.append(as_bytes(value))
        glue = separator.encode()
        joined = [glue.join(words) for row in parts for words in row]
        return string_vector(joined).reshape(count, *tail)

    def infer(
        self, inputs: TensorSpec, segment_ids: TensorSpec, num_segments: TensorSpec, *,
        separator: str = "",
    ) -> TensorSpec:  # fmt: skip
        require_ints(segment_ids=segment_ids, num_segments=num_segments)
        known = elements_of(num_segments)
        if inputs.shape is None or segment_ids.shape is None:
            return TensorSpec(None, string)
        rank = len(segment_ids.shape)
        if not compatible(inputs.shape[:rank], segment_ids.shape):
            raise conflict("inputs must begin with the shape of segment_ids",
                           inputs=inputs.shape, segment_ids=segment_ids.shape)  # fmt: skip
        return TensorSpec((known[0] if known else None, *inputs.shape[rank:]), string)
