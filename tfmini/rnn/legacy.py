"""``tf.contrib.legacy_seq2seq``: sequence to sequence networks over lists of steps.

In: lists of tensors [batch, ...], one for each step.  Out: the list of outputs, and the last state.
A ``loop_function(previous output, step)`` gives the decoder's next input in the place of the
list's; without one, all steps run at once.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.dtypes import as_dtype, float32
from tfmini.errors import InvalidArgumentError
from tfmini.graph import get_default_graph
from tfmini.initializers import Zeros
from tfmini.nodes import Tensor
from tfmini.ops import (
    activations,
    array,
    control,
    convolving,
    creation,
    exponential,
    joining,
    nest,
    nn,
    products,
    reductions,
)
from tfmini.rnn.cell import inputs_in, joined
from tfmini.rnn.losses import legacy_sequence_loss, sequence_loss_by_example
from tfmini.rnn.running import static_rnn
from tfmini.rnn.wrappers import EmbeddingWrapper, OutputProjectionWrapper
from tfmini.shared_variables import get_variable
from tfmini.variable_scope import get_variable_scope, variable_scope

Loop = Callable[[Any, int], Any]


def rnn_decoder(
    decoder_inputs: Sequence[Any], initial_state: Any, cell: Any,
    loop_function: Loop | None = None, scope: Any = None,
) -> tuple[list[Any], Any]:  # fmt: skip
    """Return (outputs, last state) of ``cell``, which begins with ``initial_state``.

    Parameters
    ----------
    loop_function : function of (previous output, step) that returns the next input
        With it, only the first of ``decoder_inputs`` is used; the others say how many steps
        there are.
    """
    if loop_function is None:
        return static_rnn(cell, decoder_inputs, initial_state, scope=scope or "rnn_decoder")
    state, outputs = initial_state, []
    with variable_scope(scope or "rnn_decoder"):
        for i, given in enumerate(decoder_inputs):
            if i:
                with variable_scope("loop_function", reuse=True):
                    given = loop_function(outputs[-1], i)
                get_variable_scope().reuse_variables()
            output, state = cell(given, state)
            outputs.append(output)
    return outputs, state


def basic_rnn_seq2seq(
    encoder_inputs: Sequence[Any], decoder_inputs: Sequence[Any], cell: Any, dtype: Any = float32,
    scope: Any = None,
) -> tuple[list[Any], Any]:  # fmt: skip
    """Return (outputs, last state) of a decoder that begins where a copy of ``cell`` ended."""
    with variable_scope(scope or "basic_rnn_seq2seq"):
        _, state = static_rnn(copy.deepcopy(cell), encoder_inputs, dtype=dtype)
        return rnn_decoder(decoder_inputs, state, cell)


def tied_rnn_seq2seq(
    encoder_inputs: Sequence[Any], decoder_inputs: Sequence[Any], cell: Any,
    loop_function: Loop | None = None, dtype: Any = float32, scope: Any = None,
) -> tuple[list[Any], Any]:  # fmt: skip
    """Return (outputs, last state) of a decoder that has the variables of the encoder."""
    with variable_scope("combined_tied_rnn_seq2seq"):
        scope = scope or "tied_rnn_seq2seq"
        _, state = static_rnn(cell, encoder_inputs, dtype=dtype, scope=scope)
        with variable_scope(get_variable_scope(), reuse=True):
            return rnn_decoder(decoder_inputs, state, cell, loop_function, scope)


def _next_embedding(embedding: Any, projection: Any, update: bool) -> Loop:
    """Return the function that embeds the symbol of the largest output."""

    def loop_function(previous: Any, _step: int) -> Any:
        if projection is not None:
            previous = nn.xw_plus_b(previous, projection[0], projection[1])
        found = nn.embedding_lookup(embedding, reductions.argmax(previous, 1))
        return found if update else array.stop_gradient(found)

    return loop_function


def _embedded(
    inputs: Sequence[Any], symbols: int, size: int, projection: Any, feed_previous: bool,
    update: bool, dtype: Any,
) -> tuple[list[Any], Loop | None]:  # fmt: skip
    """Return the embedded inputs, and the loop function if outputs are fed."""
    embedding = get_variable("embedding", [symbols, size], dtype)
    loop = _next_embedding(embedding, projection, update) if feed_previous else None
    return [nn.embedding_lookup(embedding, ids) for ids in inputs], loop


def embedding_rnn_decoder(
    decoder_inputs: Sequence[Any], initial_state: Any, cell: Any, num_symbols: int,
    embedding_size: int, output_projection: Any = None, feed_previous: bool = False,
    update_embedding_for_previous: bool = True, scope: Any = None,
) -> tuple[list[Any], Any]:  # fmt: skip
    """Return (outputs, last state) of a decoder of symbols, lists of int32 [batch].

    Parameters
    ----------
    output_projection : (matrix [units, num_symbols], bias), which makes logits of fed outputs
    feed_previous : whether the decoder gets the likeliest symbol of its last output
    update_embedding_for_previous : False: no gradient flows into embeddings of fed symbols
    """
    with variable_scope(scope or "embedding_rnn_decoder"):
        dtype = get_variable_scope().dtype
        inputs, loop = _embedded(
            decoder_inputs, num_symbols, embedding_size, output_projection, feed_previous,
            update_embedding_for_previous, dtype,
        )  # fmt: skip
        return rnn_decoder(inputs, initial_state, cell, loop)


def embedding_rnn_seq2seq(
    encoder_inputs: Sequence[Any], decoder_inputs: Sequence[Any], cell: Any,
    num_encoder_symbols: int, num_decoder_symbols: int, embedding_size: int,
    output_projection: Any = None, feed_previous: Any = False, dtype: Any = None,
    scope: Any = None,
) -> tuple[list[Any], Any]:  # fmt: skip
    """Return (outputs, last state) of an encoder and a decoder of symbols.

    Without an ``output_projection``, outputs are logits [batch, num_decoder_symbols].
    ``feed_previous`` may be a scalar bool tensor.
    """
    with variable_scope(scope or "embedding_rnn_seq2seq", dtype=dtype) as opened:
        encoder = EmbeddingWrapper(copy.deepcopy(cell), num_encoder_symbols, embedding_size)
        _, state = static_rnn(encoder, encoder_inputs, dtype=dtype or opened.dtype)
        if output_projection is None:
            cell = OutputProjectionWrapper(cell, num_decoder_symbols)

        def decoded(feed: bool) -> tuple[list[Any], Any]:
            return embedding_rnn_decoder(
                decoder_inputs, state, cell, num_decoder_symbols, embedding_size,
                output_projection, feed, not feed or isinstance(feed_previous, bool),
            )  # fmt: skip

        return _fed_or_not(feed_previous, decoded)


def _fed_or_not(feed: Any, decoded: Callable[[bool], tuple[list[Any], Any]]) -> Any:
    """Return ``decoded(feed)``; for a tensor, either, with the same variables."""
    if isinstance(feed, bool):
        return decoded(feed)
    reuse = get_variable_scope().reuse

    def branch(fed: bool, again: Any) -> Any:
        with variable_scope(get_variable_scope(), reuse=again):
            return decoded(fed)

    return control.cond(feed, lambda: branch(True, reuse), lambda: branch(False, True), strict=True)


def linear(
    args: Any, output_size: int, bias: bool, bias_initializer: Any = None,
    kernel_initializer: Any = None,
) -> Tensor:  # fmt: skip
    """Return the product of ``args`` [batch, n], one or several side by side, with the variable
    "kernel", plus "bias" (zeros at first) if wanted: [batch, output_size]."""
    values = list(args) if isinstance(args, (list, tuple)) else [args]
    x = joining.concat(values, 1) if len(values) > 1 else convert_to_tensor(values[0])
    shape = [inputs_in(x.shape, "linear"), output_size]
    product = products.matmul(x, get_variable("kernel", shape, x.dtype, kernel_initializer))
    if not bias:
        return product
    first = Zeros() if bias_initializer is None else bias_initializer
    return nn.bias_add(product, get_variable("bias", [output_size], x.dtype, first))


class _Attention:
    """Weighted sums over ``states`` [batch, length, size], one for each head.

    Bahdanau et al. 2014 (arXiv:1409.0473), as in Vinyals et al. 2014 (arXiv:1412.7449): the
    weights are the softmax of ``v . tanh(W state + U query)``.
    """

    def __init__(self, states: Tensor, heads: int) -> None:
        self._length, self._size = states.spec.shape[1:]
        self._length = array.shape(states)[1] if self._length is None else self._length
        size = self._size
        self._hidden = array.reshape(states, [-1, self._length, 1, size])
        self._keys, self._vectors = [], []
        for head in range(heads):
            w = get_variable(f"AttnW_{head}", [1, 1, size, size], states.dtype)
            self._keys.append(convolving.conv2d(self._hidden, w, [1, 1, 1, 1], "SAME"))
            self._vectors.append(get_variable(f"AttnV_{head}", [size], states.dtype))

    def __call__(self, query: Any) -> list[Tensor]:
        found = []
        for head, (keys, v) in enumerate(zip(self._keys, self._vectors, strict=True)):
            with variable_scope(f"Attention_{head}"):
                y = linear(nest.flatten(query), self._size, True)
            y = array.reshape(y, [-1, 1, 1, self._size])
            scores = reductions.reduce_sum(v * exponential.tanh(keys + y), [2, 3])
            weights = array.reshape(activations.softmax(scores), [-1, self._length, 1, 1])
            total = reductions.reduce_sum(weights * self._hidden, [1, 2])
            found.append(array.reshape(total, [-1, self._size]))
        return found


def attention_decoder(
    decoder_inputs: Sequence[Any], initial_state: Any, attention_states: Any, cell: Any,
    output_size: int | None = None, num_heads: int = 1, loop_function: Loop | None = None,
    dtype: Any = None, scope: Any = None, initial_state_attention: bool = False,
) -> tuple[list[Any], Any]:  # fmt: skip
    """Return (outputs, last state) of a decoder that looks at ``attention_states``.

    Parameters
    ----------
    attention_states : tensor [batch, length, size]
    output_size : of the outputs; default the cell's
    num_heads : how many weighted sums of the states each step sees
    initial_state_attention : whether the first step sees them, by ``initial_state``, instead of
        zeros
    """
    if not decoder_inputs or num_heads < 1:
        raise InvalidArgumentError(None, None, "attention needs inputs, and one head or more.")
    states = convert_to_tensor(attention_states)
    if states.spec.rank != 3 or states.spec.shape[2] is None:
        raise InvalidArgumentError(
            None, None, f"attention_states must be [batch, length, size], not {states.shape}."
        )
    size = cell.output_size if output_size is None else output_size
    with variable_scope(scope or "attention_decoder", dtype=dtype):
        attention = _Attention(states, num_heads)
        batch = array.shape(decoder_inputs[0])[0]
        shape = joined([batch, states.spec.shape[2]])
        seen = [creation.zeros(shape, states.dtype) for _ in range(num_heads)]
        for t in seen:
            t.set_shape([None, states.spec.shape[2]])
        if initial_state_attention:
            seen = attention(initial_state)
        state, outputs = initial_state, []
        for i, given in enumerate(decoder_inputs):
            if i:
                get_variable_scope().reuse_variables()
                if loop_function is not None:
                    with variable_scope("loop_function", reuse=True):
                        given = loop_function(outputs[-1], i)
            x = linear([given, *seen], inputs_in(given.shape, "attention_decoder"), True)
            output, state = cell(x, state)
            again = True if i == 0 and initial_state_attention else None
            with variable_scope(get_variable_scope(), reuse=again):
                seen = attention(state)
            with variable_scope("AttnOutputProjection"):
                outputs.append(linear([output, *seen], size, True))
    return outputs, state


def embedding_attention_decoder(
    decoder_inputs: Sequence[Any], initial_state: Any, attention_states: Any, cell: Any,
    num_symbols: int, embedding_size: int, num_heads: int = 1, output_size: int | None = None,
    output_projection: Any = None, feed_previous: bool = False,
    update_embedding_for_previous: bool = True, dtype: Any = None, scope: Any = None,
    initial_state_attention: bool = False,
) -> tuple[list[Any], Any]:  # fmt: skip
    """Return (outputs, last state) of an ``attention_decoder`` of symbols."""
    with variable_scope(scope or "embedding_attention_decoder", dtype=dtype) as opened:
        inputs, loop = _embedded(
            decoder_inputs, num_symbols, embedding_size, output_projection, feed_previous,
            update_embedding_for_previous, opened.dtype,
        )  # fmt: skip
        return attention_decoder(
            inputs, initial_state, attention_states, cell, output_size, num_heads, loop,
            initial_state_attention=initial_state_attention,
        )  # fmt: skip


def embedding_attention_seq2seq(
    encoder_inputs: Sequence[Any], decoder_inputs: Sequence[Any], cell: Any,
    num_encoder_symbols: int, num_decoder_symbols: int, embedding_size: int, num_heads: int = 1,
    output_projection: Any = None, feed_previous: Any = False, dtype: Any = None,
    scope: Any = None, initial_state_attention: bool = False,
) -> tuple[list[Any], Any]:  # fmt: skip
    """Return (outputs, last state) of ``embedding_rnn_seq2seq`` with attention to the encoder."""
    with variable_scope(scope or "embedding_attention_seq2seq", dtype=dtype) as opened:
        encoder = EmbeddingWrapper(copy.deepcopy(cell), num_encoder_symbols, embedding_size)
        encoded, state = static_rnn(encoder, encoder_inputs, dtype=as_dtype(dtype or opened.dtype))
        attended = joining.stack(encoded, 1)
        size = None
        if output_projection is None:
            cell, size = OutputProjectionWrapper(cell, num_decoder_symbols), num_decoder_symbols

        def decoded(feed: bool) -> tuple[list[Any], Any]:
            return embedding_attention_decoder(
                decoder_inputs, state, attended, cell, num_decoder_symbols, embedding_size,
                num_heads, size, output_projection, feed,
                not feed or isinstance(feed_previous, bool),
                initial_state_attention=initial_state_attention,
            )  # fmt: skip

        return _fed_or_not(feed_previous, decoded)


def model_with_buckets(
    encoder_inputs: Sequence[Any], decoder_inputs: Sequence[Any], targets: Sequence[Any],
    weights: Sequence[Any], buckets: Sequence[tuple[int, int]], seq2seq: Callable[..., Any],
    softmax_loss_function: Any = None, per_example_loss: bool = False, name: str | None = None,
) -> tuple[list[Any], list[Any]]:  # fmt: skip
    """Return the outputs and the losses of ``seq2seq`` for each bucket (input, output length).

    ``seq2seq`` is a function of (encoder inputs, decoder inputs); all buckets use its variables.
    """
    longest_in, longest_out = buckets[-1]
    for what, given, wanted in (
        ("encoder_inputs", encoder_inputs, longest_in), ("targets", targets, longest_out),
        ("weights", weights, longest_out),
    ):  # fmt: skip
        if len(given) < wanted:
            raise InvalidArgumentError(
                None, None, f"{what} has {len(given)} steps, the last bucket {wanted}."
            )
    outputs, losses = [], []
    loss = sequence_loss_by_example if per_example_loss else legacy_sequence_loss
    with get_default_graph().name_scope(name or "model_with_buckets"):
        for i, (most_in, most_out) in enumerate(buckets):
            with variable_scope(get_variable_scope(), reuse=True if i else None):
                found, _ = seq2seq(encoder_inputs[:most_in], decoder_inputs[:most_out])
                outputs.append(found)
                losses.append(loss(found, targets[:most_out], weights[:most_out],
                                   softmax_loss_function=softmax_loss_function))  # fmt: skip
    return outputs, losses
