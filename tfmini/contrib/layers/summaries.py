"""Summaries of whole collections: of activations, weights, biases.

In: tensors, or the name of a collection and a pattern of names.  Out: summaries, which are in the
collection that ``tf.summary.merge_all`` merges.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.dtypes import bool_, string
from tfmini.graph import GraphKeys, get_default_graph
from tfmini.nodes import Tensor
from tfmini.ops import logic, math, reductions
from tfmini.summaries.values import histogram, scalar

Summarizer = Callable[[Any], Tensor | None]
_CUT_AT_ZERO = ("Relu", "Softplus", "Relu6")


def summarize_tensor(tensor: Any, tag: str | None = None) -> Tensor | None:
    """Return a scalar's summary, or a histogram; None for bools and strings.

    ``tag`` is by default the name of the tensor's operation and "_summary".
    """
    if convert_to_tensor(tensor).dtype in (bool_, string):
        return None
    summarize = scalar if tensor.shape.ndims == 0 else histogram
    return summarize(tag or f"{tensor.op.name}_summary", tensor)


def summarize_activation(op: Any) -> Tensor:
    """Return a histogram of an activation; also make scalars: of ReLU and softplus the share of
    inputs that are below 0, and of ReLU6 the share of those above 6."""
    if op.op.type in _CUT_AT_ZERO:
        scalar(f"{op.op.name}/zeros", _share(logic.less(op.op.inputs[0], 0.0)))
    if op.op.type == "Relu6":
        scalar(f"{op.op.name}/sixes", _share(logic.greater(op.op.inputs[0], 6.0)))
    return histogram(f"{op.op.name}/activation", op)


def _share(chosen: Tensor) -> Tensor:
    return reductions.reduce_mean(math.cast(chosen, "float32"))


def summarize_tensors(
    tensors: Iterable[Any], summarizer: Summarizer = summarize_tensor
) -> list[Tensor | None]:
    """Return what ``summarizer`` makes of each tensor."""
    return [summarizer(tensor) for tensor in tensors]


def summarize_collection(
    collection: str, name_filter: str | None = None, summarizer: Summarizer = summarize_tensor
) -> list[Tensor | None]:
    """Return what ``summarizer`` makes of the tensors in a collection whose names begin with a
    match of the pattern ``name_filter``."""
    members = get_default_graph().get_collection(collection)
    chosen = [x for x in members if name_filter is None or re.match(name_filter, x.op.name)]
    return summarize_tensors(chosen, summarizer)


def summarize_variables(
    name_filter: str | None = None, summarizer: Summarizer = summarize_tensor
) -> list[Tensor | None]:
    """Return the summaries of the global variables."""
    return summarize_collection(GraphKeys.GLOBAL_VARIABLES, name_filter, summarizer)


def summarize_weights(
    name_filter: str | None = None, summarizer: Summarizer = summarize_tensor
) -> list[Tensor | None]:
    """Return the summaries of the collection ``GraphKeys.WEIGHTS``."""
    return summarize_collection(GraphKeys.WEIGHTS, name_filter, summarizer)


def summarize_biases(
    name_filter: str | None = None, summarizer: Summarizer = summarize_tensor
) -> list[Tensor | None]:
    """Return the summaries of the collection ``GraphKeys.BIASES``."""
    return summarize_collection(GraphKeys.BIASES, name_filter, summarizer)


def summarize_activations(
    name_filter: str | None = None, summarizer: Summarizer = summarize_activation
) -> list[Tensor | None]:
    """Return the summaries of the collection ``GraphKeys.ACTIVATIONS``."""
    return summarize_collection(GraphKeys.ACTIVATIONS, name_filter, summarizer)
