"""``tf.contrib.crf``: linear-chain conditional random fields, for tagging sequences.

In: scores of each step's tags [batch, steps, tags], scores of each tag after each [tags, tags], and
how many steps of each sequence count.  Out: log-likelihoods of tags [batch], or the best tags
(Lafferty et al. 2001, https://repository.upenn.edu/handle/20.500.14332/6188).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor
from tfmini.dtypes import int32
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Tensor
from tfmini.ops import array, creation, functional, indexing, joining, reductions, selection
from tfmini.ops.casting import cast
from tfmini.shared_variables import get_variable

__all__ = [
    "crf_binary_score", "crf_decode", "crf_log_likelihood", "crf_log_norm", "crf_sequence_score",
    "crf_unary_score", "viterbi_decode",
]  # fmt: skip


def crf_log_likelihood(
    inputs: Any, tag_indices: Any, sequence_lengths: Any, transition_params: Any = None
) -> tuple[Tensor, Any]:
    """Return the log-likelihood [batch] of the tags, and the scores of transitions.

    Parameters
    ----------
    inputs : floats [batch, steps, tags], the scores of each step's tags
    tag_indices : ints [batch, steps]
    sequence_lengths : ints [batch]
    transition_params : floats [tags, tags], scores of a tag (column) after one (row); by default
        a new variable "transitions"
    """
    inputs = convert_to_tensor(inputs)
    if transition_params is None:
        tags = inputs.shape[2].value
        transition_params = get_variable("transitions", [tags, tags], inputs.dtype)
    score = crf_sequence_score(inputs, tag_indices, sequence_lengths, transition_params)
    return score - crf_log_norm(inputs, sequence_lengths, transition_params), transition_params


def crf_sequence_score(
    inputs: Any, tag_indices: Any, sequence_lengths: Any, transition_params: Any
) -> Tensor:
    """Return the score [batch] of the tags: the sum of those of the tags and the transitions."""
    return crf_unary_score(tag_indices, sequence_lengths, inputs) + crf_binary_score(
        tag_indices, sequence_lengths, transition_params
    )


def crf_unary_score(tag_indices: Any, sequence_lengths: Any, inputs: Any) -> Tensor:
    """Return the sum [batch] of the scores of each step's tag."""
    inputs, tags = convert_to_tensor(inputs), _ints(tag_indices)
    scores = indexing.batch_gather(inputs, array.expand_dims(tags, -1))[:, :, 0]
    return reductions.reduce_sum(scores * _valid(inputs, sequence_lengths, inputs.dtype), 1)


def crf_binary_score(tag_indices: Any, sequence_lengths: Any, transition_params: Any) -> Tensor:
    """Return the sum [batch] of the scores of each step from one tag to the next."""
    tags, transitions = _ints(tag_indices), convert_to_tensor(transition_params)
    steps = joining.stack([tags[:, :-1], tags[:, 1:]], -1)
    valid = _valid(tags, sequence_lengths, transitions.dtype)[:, 1:]
    return reductions.reduce_sum(indexing.gather_nd(transitions, steps) * valid, 1)


def crf_log_norm(inputs: Any, sequence_lengths: Any, transition_params: Any) -> Tensor:
    """Return the logarithm [batch] of the sum, over all tags there can be, of exp(score).

    It is 0 for a sequence of no steps.
    """
    inputs, transitions = convert_to_tensor(inputs), convert_to_tensor(transition_params)

    def step(alphas: Tensor, element: Any) -> Tensor:
        scores, valid = element
        paths = reductions.reduce_logsumexp(array.expand_dims(alphas, 2) + transitions, 1)
        return selection.where_v2(valid, paths + scores, alphas)

    alphas = functional.foldl(step, _later(inputs, sequence_lengths), inputs[:, 0])
    total = reductions.reduce_logsumexp(alphas, 1)
    return selection.where_v2(_ints(sequence_lengths) > 0, total, creation.zeros_like(total))


def crf_decode(
    potentials: Any, transition_params: Any, sequence_length: Any
) -> tuple[Tensor, Tensor]:
    """Return the tags int32 [batch, steps] of the highest score, and that score [batch].

    The parameters are those of ``crf_log_likelihood``; tags past a sequence's end are 0.
    """
    scores, transitions = convert_to_tensor(potentials), convert_to_tensor(transition_params)
    own = creation.range(array.shape(scores)[2])

    def step(state: Any, element: Any) -> tuple[Tensor, Tensor]:
        best, _ = state
        now, valid = element
        paths = array.expand_dims(best, 2) + transitions
        before = reductions.argmax(paths, 1, output_type=int32)
        return (
            selection.where_v2(valid, reductions.reduce_max(paths, 1) + now, best),
            selection.where_v2(valid, before, own),  # a sequence that has ended keeps its tag
        )

    first = scores[:, 0]
    none = creation.zeros_like(first, int32)
    best, before = functional.scan(step, _later(scores, sequence_length), (first, none))
    final = joining.concat([array.expand_dims(first, 0), best], 0)[-1]
    last = reductions.argmax(final, 1, output_type=int32)

    def back(tag: Tensor, links: Tensor) -> Tensor:
        return indexing.batch_gather(links, array.expand_dims(tag, -1))[:, 0]

    tags = functional.scan(back, before, last, reverse=True)
    tags = array.transpose(joining.concat([tags, array.expand_dims(last, 0)], 0))
    return tags * _valid(scores, sequence_length, int32), reductions.reduce_max(final, 1)


def viterbi_decode(score: Any, transition_params: Any) -> tuple[list[int], Any]:
    """Return the list of best tags, and their score, for NumPy arrays of one sequence.

    ``score`` [steps, tags] and ``transition_params`` [tags, tags] are values, not tensors.
    """
    if isinstance(score, Tensor) or isinstance(transition_params, Tensor):
        raise InvalidArgumentError(
            None, None, "viterbi_decode takes arrays: fetch them, or use crf_decode in the graph."
        )
    best, links = np.array(score[0]), []
    for now in score[1:]:
        paths = best[:, None] + transition_params
        links.append(paths.argmax(0))
        best = now + paths.max(0)
    tags = [int(best.argmax())]
    for link in reversed(links):
        tags.append(int(link[tags[-1]]))
    return tags[::-1], best.max()


def _ints(x: Any) -> Tensor:
    found: Tensor = cast(convert_to_tensor(x), int32)
    return found


def _valid(like: Tensor, lengths: Any, dtype: Any) -> Tensor:
    """Return 1 for the steps of [batch, steps] that count, else 0."""
    return selection.sequence_mask(_ints(lengths), array.shape(like)[1], dtype)


def _later(inputs: Tensor, lengths: Any) -> tuple[Tensor, Tensor]:
    """Return the scores from the second step on, steps first, and which of them count."""
    valid = array.transpose(selection.sequence_mask(_ints(lengths), array.shape(inputs)[1]))
    return array.transpose(inputs, [1, 0, 2])[1:], array.expand_dims(valid[1:], -1)
