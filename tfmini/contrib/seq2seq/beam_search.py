"""``BeamSearchDecoder``: several sequences at a time, of which the likeliest go on.

In: a cell, an embedding, start symbols, and a state tiled by ``tile_batch``.  Out: for each row of
the batch the ``beam_width`` likeliest sequences, the best first.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor
from tfmini.contrib.seq2seq.attention_wrapper import AttentionWrapperState
from tfmini.contrib.seq2seq.decoding import Decoder, require_layer
from tfmini.contrib.seq2seq.symbols import embedding_of
from tfmini.dtypes import DType, int32, int64
from tfmini.errors import InvalidArgumentError, InvalidTypeError, UnimplementedError
from tfmini.graph import get_default_graph
from tfmini.nodes import Tensor
from tfmini.ops import (
    activations,
    array,
    control,
    creation,
    indexing,
    joining,
    layout,
    logic,
    math,
    nest,
    reductions,
    selection,
    sorting,
)
from tfmini.ops.beams import gather_tree
from tfmini.ops.casting import cast
from tfmini.ops.division import floordiv, floormod
from tfmini.ops.exponential import log
from tfmini.ops.tensor_arrays import TensorArray
from tfmini.rnn.cell import joined, require_cell
from tfmini.rnn.loops import batch_size, packed, parts
from tfmini.shapes import TensorShape


class BeamSearchDecoderState(
    namedtuple(
        "BeamSearchDecoderState",
        ("cell_state", "log_probs", "finished", "lengths", "accumulated_attention_probs"),
    )
):
    """What a beam search knows between steps; all but the cell's state are [batch, beams].

    ``accumulated_attention_probs`` [batch, beams, memory] is ``()`` without a coverage penalty.
    """

    __slots__ = ()


class BeamSearchDecoderOutput(
    namedtuple("BeamSearchDecoderOutput", ("scores", "predicted_ids", "parent_ids"))
):
    """Of each step and beam: score, symbol, and the beam of the step before."""

    __slots__ = ()


class FinalBeamSearchDecoderOutput(
    namedtuple("FinalBeamDecoderOutput", ("predicted_ids", "beam_search_decoder_output"))
):
    """Sequences int32 [batch, steps, beams], the best first, and what they were made from."""

    __slots__ = ()


class BeamSearchDecoder(Decoder):
    """Each step: the cell for all beams; of all that may follow them, the best go on.

    Parameters
    ----------
    cell : ``RNNCell``
    embedding : table [symbols, n], or a function of ids
    start_tokens : int32 [batch]
    end_token : int32 scalar
    initial_state : as the cell's ``state_size`` says, its tensors [batch * beam_width, ...]: see
        ``tile_batch``
    beam_width : int
    output_layer : ``Layer`` such as ``tf.layers.Dense``, for the cell's outputs; or None
    length_penalty_weight : 0: none.  Scores are divided by ((5 + length) / 6) ** weight (Wu et al.,
        2016, https://arxiv.org/abs/1609.08144)
    coverage_penalty_weight : 0: none.  Finished sequences get weight * sum(log(min(a, 1))) added, a
        being the attention that a place of the memory got (same source)
    reorder_tensor_arrays : whether arrays in the last state, as the history of alignments, are
        stacked and put in order along the path of each beam
    """

    def __init__(
        self, cell: Any, embedding: Any, start_tokens: Any, end_token: Any, initial_state: Any,
        beam_width: int, output_layer: Any = None, length_penalty_weight: Any = 0.0,
        coverage_penalty_weight: Any = 0.0, reorder_tensor_arrays: bool = True,
    ) -> None:  # fmt: skip
        require_cell(cell, "BeamSearchDecoder's cell")
        require_layer(output_layer)
        self._cell, self._output_layer = cell, output_layer
        self._embedding = embedding_of(embedding)
        tokens = convert_to_tensor(start_tokens, int32)
        self._end_token = convert_to_tensor(end_token, int32)
        if tokens.spec.rank not in (None, 1) or self._end_token.spec.rank not in (None, 0):
            raise InvalidArgumentError(
                None, None, f"start_tokens must be a vector and end_token a scalar, not "
                f"{tokens.shape} and {self._end_token.shape}."
            )  # fmt: skip
        self._beams = int(beam_width)
        self._length_weight, self._coverage_weight = length_penalty_weight, coverage_penalty_weight
        self._covers = not (
            isinstance(coverage_penalty_weight, (int, float)) and coverage_penalty_weight == 0
        )
        self._reorders = reorder_tensor_arrays
        self._batch = batch_size([tokens], 0)
        tiled = layout.tile(array.expand_dims(tokens, 1), [1, self._beams])
        self._start_inputs = self._embedding(tiled)
        self._initial = self._mapped(self._split, initial_state)

    @property
    def batch_size(self) -> Any:
        return self._batch

    @property
    def tracks_own_finished(self) -> bool:
        return True

    @property
    def output_size(self) -> BeamSearchDecoderOutput:
        return BeamSearchDecoderOutput(*[TensorShape([self._beams])] * 3)

    @property
    def output_dtype(self) -> BeamSearchDecoderOutput:
        return BeamSearchDecoderOutput(self._dtype, int32, int32)

    @property
    def _dtype(self) -> DType:
        found: DType = nest.flatten(self._initial)[0].dtype
        return found

    def initialize(self, name: str | None = None) -> tuple[Any, Any, Any]:
        """Return (finished, inputs, state); one beam is open, since all are alike."""
        later = np.arange(self._beams) > 0
        shape = [self._batch, 1]
        finished = layout.tile(creation.constant(later[None]), shape)
        chances = np.where(later, -np.inf, 0.0)[None]
        log_probs = layout.tile(creation.constant(chances, self._dtype), shape)
        lengths = creation.zeros_like(finished, int64)
        covered: Any = ()
        if self._covers:
            covered = creation.zeros_like(self._attended(self._initial))
        state = BeamSearchDecoderState(self._initial, log_probs, finished, lengths, covered)
        return finished, self._start_inputs, state

    def step(self, time: Any, inputs: Any, state: Any, name: str | None = None) -> Any:
        with get_default_graph().name_scope(name or "BeamSearchDecoderStep"):
            given = [self._merge(x) for x in nest.flatten(inputs)]
            cell_state = self._mapped(self._merge, state.cell_state)
            logits, cell_state = self._cell(nest.pack(inputs, given), cell_state)
            if self._output_layer is not None:
                logits = self._output_layer(logits)
            after = self._mapped(self._split, cell_state)
            outputs, following = self._search(self._split(logits), after, state)
            inputs = control.cond(
                reductions.reduce_all(following.finished),
                lambda: self._start_inputs,
                lambda: self._embedding(outputs.predicted_ids),
            )
            return outputs, following, inputs, following.finished

    def _search(
        self, logits: Tensor, cell_state: Any, state: Any
    ) -> tuple[BeamSearchDecoderOutput, BeamSearchDecoderState]:
        """Return symbols and beams that go on, of ``logits`` [batch, beams, symbols]."""
        symbols = array.shape(logits)[-1]
        ends = logic.equal(creation.range(symbols), self._end_token)
        open_ = logic.logical_not(state.finished)
        total = array.expand_dims(state.log_probs, 2) + self._chances(logits, ends, state.finished)
        longer = cast(
            logic.logical_and(array.expand_dims(open_, 2), logic.logical_not(ends)), int64
        )
        lengths = array.expand_dims(state.lengths, 2) + longer
        covered: Any = ()
        if self._covers:
            seen = self._attended(cell_state)
            seen = seen * cast(array.expand_dims(open_, 2), seen.dtype)
            covered = state.accumulated_attention_probs + seen
        scores = self._scores(total, lengths, state.finished, covered)
        flat = [self._batch, -1]
        best, places = sorting.top_k(array.reshape(scores, joined(flat)), self._beams)
        ids, parents = floormod(places, symbols), floordiv(places, symbols)
        log_probs = indexing.gather(array.reshape(total, joined(flat)), places, batch_dims=1)
        before = indexing.gather(state.finished, parents, batch_dims=1)
        following = BeamSearchDecoderState(
            cell_state=self._mapped(lambda x: self._of_parents(x, parents), cell_state),
            log_probs=log_probs,
            finished=logic.logical_or(before, logic.equal(ids, self._end_token)),
            lengths=indexing.gather(state.lengths, parents, batch_dims=1)
            + cast(logic.logical_not(before), int64),
            accumulated_attention_probs=self._of_parents(covered, parents) if self._covers else (),
        )
        return BeamSearchDecoderOutput(best, ids, parents), following

    def _chances(self, logits: Tensor, ends: Tensor, finished: Tensor) -> Tensor:
        """Return log probabilities of symbols; after the end of a sequence, of its end alone."""
        low = np.finfo(self._dtype.as_numpy_dtype).min
        only_end = selection.where_v2(ends, cast(0.0, logits.dtype), cast(low, logits.dtype))
        return selection.where_v2(
            array.expand_dims(finished, 2), only_end, activations.log_softmax(logits)
        )

    def _scores(self, total: Tensor, lengths: Tensor, finished: Tensor, covered: Any) -> Tensor:
        scores = total
        weight = self._length_weight
        if not (isinstance(weight, (int, float)) and weight == 0):
            powered = ((5.0 + cast(lengths, total.dtype)) / 6.0) ** cast(weight, total.dtype)
            scores = total / powered
        if self._covers:
            seen = reductions.reduce_sum(log(math.minimum(covered, cast(1.0, covered.dtype))), 2)
            penalty = cast(self._coverage_weight, seen.dtype) * seen
            none = creation.zeros_like(penalty)
            scores = scores + array.expand_dims(selection.where(finished, penalty, none), 2)
        return scores

    def finalize(self, outputs: Any, final_state: Any, sequence_lengths: Any) -> tuple[Any, Any]:
        """Return the sequences, each along its path, and the last state."""
        longest = cast(reductions.reduce_max(final_state.lengths, 1), int32)
        ids = gather_tree(outputs.predicted_ids, outputs.parent_ids, longest, self._end_token)
        if self._reorders:
            final_state = final_state._replace(
                cell_state=self._ordered(
                    final_state.cell_state, outputs.parent_ids, final_state.lengths
                )
            )
        return FinalBeamSearchDecoderOutput(ids, outputs), final_state

    def _ordered(self, cell_state: Any, parent_ids: Tensor, lengths: Tensor) -> Any:
        if isinstance(cell_state, TensorArray):
            return gather_tree_from_array(cell_state.stack(), parent_ids, lengths)
        if not isinstance(cell_state, (list, tuple)):
            return cell_state
        items = [self._ordered(item, parent_ids, lengths) for item in cell_state]
        if hasattr(cell_state, "_fields"):
            return type(cell_state)(*items)
        return type(cell_state)(items)

    def _attended(self, cell_state: Any) -> Tensor:
        """Return the attention [batch, beams, memory] of a step."""
        if not isinstance(cell_state, AttentionWrapperState):
            raise InvalidTypeError(
                None, None, "a coverage_penalty_weight needs an AttentionWrapper as the cell."
            )
        found = cell_state.alignments
        return joining.concat(list(found), -1) if isinstance(found, tuple) else found

    def _mapped(self, function: Callable[[Tensor], Tensor], state: Any) -> Any:
        """Return ``state`` with its tensors changed; scalars and arrays of tensors as they are."""
        values = [
            x if isinstance(x, TensorArray) or x.spec.rank == 0 else function(x)
            for x in parts(state)
        ]
        return packed(state, values)

    def _split(self, x: Tensor) -> Tensor:
        """Return ``x`` [batch * beams, ...] as [batch, beams, ...]."""
        if x.spec.shape is None:
            raise UnimplementedError(
                x.op.info, x.op, "a beam search needs to know the rank of its state."
            )
        inner = list(x.spec.shape[1:])
        out = array.reshape(x, self._shape(x, [self._batch, self._beams], 1))
        batch = self._batch if isinstance(self._batch, int) else None
        out.set_shape([batch, self._beams, *inner])
        return out

    def _merge(self, x: Tensor) -> Tensor:
        """Return ``x`` [batch, beams, ...] as [batch * beams, ...]."""
        out = array.reshape(x, self._shape(x, [self._batch * self._beams], 2))
        rows = self._batch * self._beams if isinstance(self._batch, int) else None
        out.set_shape([rows, *x.spec.shape[2:]])
        return out

    def _shape(self, x: Tensor, first: list[Any], skip: int) -> Any:
        known = x.spec.shape or ()
        inner = [
            array.shape(x)[i] if known[i] is None else known[i] for i in range(skip, len(known))
        ]
        return joined([*first, *inner])

    def _of_parents(self, x: Tensor, parents: Tensor) -> Tensor:
        return indexing.gather(x, parents, batch_dims=1)


def gather_tree_from_array(t: Any, parent_ids: Any, sequence_length: Any) -> Tensor:
    """Return what beams wrote in all steps, along the path that ends in each beam.

    Parameters
    ----------
    t : [steps, batch, beams, ...] or [steps, batch * beams, ...]
    parent_ids : ints [steps, batch, beams]
    sequence_length : ints [batch, beams]; steps after it stay as they are
    """
    t, parents = convert_to_tensor(t), convert_to_tensor(parent_ids, int32)
    lengths = cast(sequence_length, int32)
    steps, beams = array.shape(parents)[0], array.shape(parents)[2]
    here = creation.zeros_like(parents) + creation.range(beams)
    ordered = gather_tree(here, parents, reductions.reduce_max(lengths, 1), beams + 1)
    inside = array.transpose(selection.sequence_mask(lengths, steps), [2, 0, 1])
    ordered = selection.where(inside, ordered, here)
    by_beam = array.reshape(t, joining.concat([array.shape(parents), [-1]], 0))
    out = array.reshape(indexing.gather(by_beam, ordered, batch_dims=2), array.shape(t))
    out.set_shape(t.shape)
    return out
