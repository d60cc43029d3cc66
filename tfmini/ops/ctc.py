"""Connectionist temporal classification: ``ctc_loss`` and its decoders.

In: logits of sequences, whose last class is the blank, how many steps of each count, and labels, a
sparse tensor int32 [batch, labels].  Out: losses [batch]; or sparse tensors of labels.
``kernels/ctc.py`` does the work.
"""

from __future__ import annotations

import math as python_math
from typing import Any

import numpy as np

from tfmini.build import apply, convert_to_tensor, op
from tfmini.defaults import name_scope
from tfmini.dtypes import int32, int64
from tfmini.errors import InvalidArgumentError, UnimplementedError
from tfmini.kernels import ctc
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import Cost, OpDef, conflict, nbytes
from tfmini.ops import array, indexing, joining, logic, math, selection
from tfmini.ops.fit import is_zero
from tfmini.ops.sparse import SparseTensor, as_sparse
from tfmini.ops.static import require_ints
from tfmini.spec import TensorSpec

_INDICES = np.array([[0, 0], [0, 1], [1, 0]])
_VALUES = np.array([0, 2, 1], np.int32)
_LENGTHS = np.array([4, 3], np.int32)


def _check(inputs: TensorSpec, sequence_length: TensorSpec) -> None:
    require_ints(sequence_length=sequence_length)
    if inputs.rank not in (None, 3):
        raise conflict("logits must be [steps, batch, classes]", logits=inputs.shape)
    if sequence_length.rank not in (None, 1):
        raise conflict("sequence_length must be [batch]", sequence_length=sequence_length.shape)
    batches = (inputs.shape or (None,) * 3)[1], (sequence_length.shape or (None,))[0]
    if None not in batches and batches[0] != batches[1]:
        raise conflict("the batches differ", logits=inputs.shape,
                       sequence_length=sequence_length.shape)  # fmt: skip


def _check_lengths(inputs: Any, sequence_length: Any) -> None:
    steps, batch = inputs.shape[:2]
    if np.shape(sequence_length) != (batch,):
        raise ValueError(
            f"sequence_length has shape {np.shape(sequence_length)}, the batch {batch}"
        )
    for row in np.flatnonzero((sequence_length > steps) | (sequence_length < 0)):
        raise InvalidArgumentError(
            None, None, f"sequence_length({row}) is {sequence_length[row]}, of {steps} steps."
        )


@op("CTCLoss")
class _ctc_loss(OpDef):
    """The loss of each sequence, and its gradient for ``inputs`` [steps, batch, classes]."""

    kinds = "f"
    samples = [((4, 2, 4), _INDICES, _VALUES, _LENGTHS)]
    bad_samples = [
        ((4, 2, 4), _INDICES, _VALUES + 2, _LENGTHS, InvalidArgumentError),
        ((1, 2, 4), _INDICES, _VALUES, np.array([1, 1], np.int32), InvalidArgumentError),
        ((4, 2, 4), _INDICES[:2], _VALUES[:2], _LENGTHS, InvalidArgumentError),
    ]

    def compute(
        self, inputs: Any, labels_indices: Any, labels_values: Any, sequence_length: Any, *,
        preprocess_collapse_repeated: bool = False, ctc_merge_repeated: bool = True,
        ignore_longer_outputs_than_inputs: bool = False,
    ) -> Any:  # fmt: skip
        _check_lengths(inputs, sequence_length)
        batch, classes = inputs.shape[1:]
        labels = [
            _checked(labels_values[labels_indices[:, 0] == row], row, classes)
            for row in range(batch)
        ]
        if preprocess_collapse_repeated:
            labels = [ctc.merged(one) for one in labels]
        fits = [len(one) <= n for one, n in zip(labels, sequence_length, strict=True)]
        if not (all(fits) or ignore_longer_outputs_than_inputs):
            row = fits.index(False)
            raise InvalidArgumentError(
                None, None, f"the {len(labels[row])} labels of sequence {row} do not fit into its "
                f"{sequence_length[row]} steps. ignore_longer_outputs_than_inputs=True leaves out "
                "such sequences.",
            )  # fmt: skip
        loss, gradient = ctc.loss(inputs, labels, np.asarray(sequence_length), ctc_merge_repeated)
        loss[np.logical_not(fits)] = 0
        gradient[:, np.logical_not(fits)] = 0
        return loss.astype(inputs.dtype), gradient.astype(inputs.dtype)

    def infer(
        self, inputs: TensorSpec, labels_indices: TensorSpec, labels_values: TensorSpec,
        sequence_length: TensorSpec, **attrs: Any,
    ) -> tuple[TensorSpec, TensorSpec]:  # fmt: skip
        self.check_kinds((inputs.dtype,))
        _check(inputs, sequence_length)
        require_ints(labels=labels_values)
        batch = (inputs.shape or (None, None))[1]
        return TensorSpec((batch,), inputs.dtype), TensorSpec(inputs.shape, inputs.dtype)

    def cost(self, inputs: TensorSpec, *rest: TensorSpec, **attrs: Any) -> Cost:
        size = python_math.inf if inputs.size is None else inputs.size
        return Cost(60.0 * size, nbytes(inputs, inputs))

    def gradient(self, node: Operation, grad: Tensor, grad_gradient: Tensor) -> Grads:
        if not is_zero(grad_gradient):
            raise UnimplementedError(
                node.info, node, "ctc_loss has no second derivative, as in TensorFlow."
            )
        return array.expand_dims(grad, -1) * node.outputs[1], None, None, None


def _checked(labels: Any, row: int, classes: int) -> Any:
    """Return the labels of one sequence up to the blanks that fill it."""
    is_label = (labels >= 0) & (labels < classes - 1)
    count = len(labels) if is_label.all() else int(is_label.argmin())
    if is_label[count:].any() or (labels < 0).any() or (labels >= classes).any():
        raise InvalidArgumentError(
            None, None, f"the labels of sequence {row} are {labels.tolist()}; with {classes} "
            f"classes they must lie in [0, {classes - 1}): the last class is the blank.",
        )  # fmt: skip
    if not count:
        raise InvalidArgumentError(None, None, f"sequence {row} of the batch has no labels.")
    return labels[:count]


class _Decoder(OpDef):
    """Base of what finds labellings: their indices, values and shapes, then scores."""

    kinds = "f"
    gradient = None
    weight = 4.0  # of a logit, in additions

    def infer(
        self, inputs: TensorSpec, sequence_length: TensorSpec, *, top_paths: int = 1, **attrs: Any
    ) -> tuple[TensorSpec, ...]:
        self.check_kinds((inputs.dtype,))
        _check(inputs, sequence_length)
        batch = (inputs.shape or (None, None))[1]
        return (
            *[TensorSpec((None, 2), int64)] * top_paths,
            *[TensorSpec((None,), int64)] * top_paths,
            *[TensorSpec((2,), int64)] * top_paths,
            TensorSpec((batch, top_paths), inputs.dtype),
        )

    def cost(self, inputs: TensorSpec, *rest: TensorSpec, **attrs: Any) -> Cost:
        size = python_math.inf if inputs.size is None else inputs.size
        return Cost(self.weight * size, nbytes(inputs))


@op("CTCGreedyDecoder")
class _ctc_greedy(_Decoder):
    """The labels of the best class of each step."""

    samples = [((4, 2, 4), _LENGTHS), ((4, 2, 4), _LENGTHS, {"merge_repeated": True})]
    bad_samples = [((4, 2, 4), np.array([4, 5], np.int32), InvalidArgumentError)]

    def compute(
        self, inputs: Any, sequence_length: Any, *, merge_repeated: bool = False,
        blank_index: int = -1,
    ) -> Any:  # fmt: skip
        _check_lengths(inputs, sequence_length)
        blank = blank_index % inputs.shape[2]
        found = [
            ctc.greedy(inputs[:n, row], merge_repeated, blank)
            for row, n in enumerate(sequence_length)
        ]
        scores = np.array([[score] for _, score in found], inputs.dtype)
        return *_sparse([labels for labels, _ in found]), scores.reshape(-1, 1)


@op("CTCBeamSearchDecoder")
class _ctc_beam_search(_Decoder):
    """The best labellings among ``beam_width`` prefixes, and their log probabilities."""

    weight = 5000.0
    samples = [((4, 2, 4), _LENGTHS, {"beam_width": 5, "top_paths": 2})]
    bad_samples = [((4, 2, 4), _LENGTHS, {"beam_width": 1, "top_paths": 2}, InvalidArgumentError)]

    def compute(
        self, inputs: Any, sequence_length: Any, *, beam_width: int, top_paths: int,
        merge_repeated: bool = True,
    ) -> Any:  # fmt: skip
        _check_lengths(inputs, sequence_length)
        found = [
            ctc.beam_search(inputs[:n, row], beam_width)[:top_paths]
            for row, n in enumerate(sequence_length)
        ]
        for row, paths in enumerate(found):
            if len(paths) < top_paths:
                raise InvalidArgumentError(
                    None, None, f"sequence {row} has {len(paths)} labellings, not top_paths="
                    f"{top_paths}; beam_width is {beam_width}.",
                )  # fmt: skip
        merge = ctc.merged if merge_repeated else np.asarray
        ranked = [
            _sparse([merge(np.array(paths[rank][0], np.int64)) for paths in found])
            for rank in range(top_paths)
        ]
        scores = np.array([[score for _, score in paths] for paths in found], inputs.dtype)
        parts = [part[kind] for kind in range(3) for part in ranked]
        return *parts, scores.reshape(-1, top_paths)


def _sparse(rows: list[Any]) -> tuple[Any, Any, Any]:
    """Return ``rows`` as a sparse tensor's indices, values and shape, of int64."""
    indices = [(row, i) for row, labels in enumerate(rows) for i in range(len(labels))]
    values = np.concatenate([*rows, np.zeros(0, np.int64)]).astype(np.int64)
    longest = max(map(len, rows), default=0)
    return np.array(indices, np.int64).reshape(-1, 2), values, np.array([len(rows), longest])


def ctc_loss(
    labels: Any,
    inputs: Any = None,
    sequence_length: Any = None,
    preprocess_collapse_repeated: bool = False,
    ctc_merge_repeated: bool = True,
    ignore_longer_outputs_than_inputs: bool = False,
    time_major: bool = True,
    logits: Any = None,
) -> Tensor:
    """Return minus the log probability [batch] of each sequence's labels, however aligned.

    Parameters
    ----------
    labels : SparseTensor int32 [batch, labels], of values in [0, classes - 1)
    inputs, logits : tensor [steps, batch, classes]; [batch, steps, classes] unless ``time_major``
        The last class is the blank.
    sequence_length : ints [batch], of at most ``steps``
    preprocess_collapse_repeated : bool
        Merge repeated labels before anything else.
    ctc_merge_repeated : bool
        False: each step that says a label is a label of its own.
    ignore_longer_outputs_than_inputs : bool
        Give loss 0 to sequences with more labels than steps; else they are an error.
    """
    given = inputs if logits is None else logits
    if given is None or sequence_length is None:
        raise InvalidArgumentError(
            None, None, "ctc_loss needs labels, inputs (or logits) and sequence_length."
        )
    found = as_sparse(labels)
    x = convert_to_tensor(given)
    if not time_major:
        x = array.transpose(x, [1, 0, 2])
    options = {
        "preprocess_collapse_repeated": preprocess_collapse_repeated,
        "ctc_merge_repeated": ctc_merge_repeated,
        "ignore_longer_outputs_than_inputs": ignore_longer_outputs_than_inputs,
    }
    inputs = [x, found.indices, found.values, convert_to_tensor(sequence_length)]
    loss: Tensor = apply(_ctc_loss.opdef, inputs, options)[0]
    return loss


def ctc_greedy_decoder(
    inputs: Any, sequence_length: Any, merge_repeated: bool = True, blank_index: int | None = None
) -> tuple[list[SparseTensor], Tensor]:
    """Return the labels of the best class of each step, and how good they are.

    Parameters
    ----------
    inputs : tensor [steps, batch, classes]
    sequence_length : ints [batch]
    merge_repeated : bool
        Whether a class in successive steps is one label.
    blank_index : int
        The class that is no label; default the last one, and -1 is the last one.

    Returns
    -------
    A list of one sparse tensor int64 [batch, labels], and minus the sum [batch, 1] of the best
    logits.
    """
    options = {"merge_repeated": merge_repeated,
               "blank_index": -1 if blank_index is None else blank_index}  # fmt: skip
    return _decoded(_ctc_greedy.opdef, inputs, sequence_length, options)


def ctc_beam_search_decoder(
    inputs: Any,
    sequence_length: Any,
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
) -> tuple[list[SparseTensor], Tensor]:
    """Return likely labellings, over all their alignments, by a beam search.

    Parameters
    ----------
    inputs : tensor [steps, batch, classes], whose last class is the blank
    sequence_length : ints [batch]
    beam_width : int
        How many prefixes are kept in each step.
    top_paths : int
        How many labellings to return, the best one first.
    merge_repeated : bool
        Whether equal neighbours in the result are merged, also those that a blank parted.

    Returns
    -------
    A list of ``top_paths`` sparse tensors int64 [batch, labels], and their log probabilities
    [batch, top_paths].
    """
    options = {"beam_width": beam_width, "top_paths": top_paths, "merge_repeated": merge_repeated}
    return _decoded(_ctc_beam_search.opdef, inputs, sequence_length, options)


def ctc_beam_search_decoder_v2(
    inputs: Any, sequence_length: Any, beam_width: int = 100, top_paths: int = 1
) -> tuple[list[SparseTensor], Tensor]:
    """Return ``ctc_beam_search_decoder`` of the same arguments that merges nothing."""
    return ctc_beam_search_decoder(inputs, sequence_length, beam_width, top_paths, False)


def _decoded(
    opdef: OpDef, inputs: Any, sequence_length: Any, options: dict[str, Any]
) -> tuple[list[SparseTensor], Tensor]:
    tensors = [convert_to_tensor(inputs), convert_to_tensor(sequence_length)]
    *parts, scores = apply(opdef, tensors, options)
    n = len(parts) // 3
    return [SparseTensor(*parts[rank::n]) for rank in range(n)], scores


def ctc_loss_v2(
    labels: Any, logits: Any, label_length: Any, logit_length: Any,
    logits_time_major: bool = True, unique: Any = None, blank_index: int | None = None,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Return minus the log probability [batch] of each sequence's labels, however aligned.

    Parameters
    ----------
    labels : SparseTensor int32 [batch, labels], or a tensor of that shape
    logits : tensor [steps, batch, classes]; [batch, steps, classes] unless ``logits_time_major``
    label_length : ints [batch], of a tensor of labels; None with a SparseTensor
    logit_length : ints [batch], of at most ``steps``
    unique : accepted, and not used: TensorFlow's way to save time
    blank_index : int
        The class that is no label, -1 for the last one; default 0, and to be given with a
        SparseTensor.
    """
    sparse = isinstance(labels, SparseTensor)
    if sparse and blank_index is None:
        raise InvalidArgumentError(
            None, None, "ctc_loss_v2: give blank_index along with a SparseTensor of labels."
        )
    x = convert_to_tensor(logits)
    classes = x.shape[-1].value if x.shape.ndims else None
    if classes is None:
        raise InvalidArgumentError(
            None, None, "ctc_loss_v2: the number of classes must be known; use set_shape."
        )
    blank = (blank_index or 0) % classes
    found = labels if sparse else _sparse_labels(labels, label_length)
    with name_scope(name, "ctc_loss", [x]):
        # The blank goes to the end, where ctc_loss has it.
        last = joining.concat([x[..., :blank], x[..., blank + 1 :], x[..., blank : blank + 1]], -1)
        values = found.values
        moved = values - math.cast(logic.greater(values, blank), values.dtype or int32)
        indices = SparseTensor(found.indices, moved, found.dense_shape)
        return ctc_loss(indices, last, logit_length, time_major=logits_time_major)


def _sparse_labels(labels: Any, label_length: Any) -> SparseTensor:
    """Return the first ``label_length`` [batch] of ``labels`` [batch, n] as a sparse tensor."""
    if label_length is None:
        raise InvalidArgumentError(None, None, "ctc_loss_v2: a tensor of labels has label_length.")
    dense = convert_to_tensor(labels)
    shape = array.shape(dense, out_type=int64)
    there = selection.sequence_mask(label_length, array.shape(dense)[1])
    indices = selection.where(there)
    return SparseTensor(indices, indexing.gather_nd(dense, indices), shape)
