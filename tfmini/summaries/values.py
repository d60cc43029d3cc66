"""The functions of ``tf.summary`` that add summaries to a graph.

In: a name and a tensor.  Out: a string tensor with a serialized ``Summary``, also put into the
collection ``GraphKeys.SUMMARIES``, which ``merge_all`` merges.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tfmini.build import apply, convert_to_tensor
from tfmini.dtypes import string
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.formats.events import SummaryMetadata
from tfmini.graph import Graph, GraphKeys, get_default_graph, graph_of
from tfmini.logging import info
from tfmini.nodes import Tensor
from tfmini.ops.summaries import (
    _audio_summary,
    _histogram_summary,
    _image_summary,
    _merge_summary,
    _scalar_summary,
    _tensor_summary,
)

_ILLEGAL = re.compile(r"[^-/\w.]")


def _clean_tag(name: str) -> str:
    clean = _ILLEGAL.sub("_", name).lstrip("/")
    if clean != name:
        info("Summary name %s is illegal; using %s instead.", name, clean)
    return clean


@contextmanager
def _scope(graph: Graph, name: str, family: str | None, default: str) -> Iterator[tuple[str, str]]:
    """Give the tag and the node's name: the scope that the summary's nodes are in."""
    clean = _clean_tag(str(name) if name else default)
    base = f"{_clean_tag(family)}/{clean}" if family else clean
    with graph.name_scope(base) as scope:
        own = scope.rstrip("/")
        yield (f"{_clean_tag(family)}/{own}" if family else own), scope


def _collect(graph: Graph, tensor: Tensor, collections: Iterable[Any] | None) -> Tensor:
    keys = (GraphKeys.SUMMARIES,) if collections is None else tuple(collections)
    graph.add_to_collections(keys, tensor)
    return tensor


def scalar(name: str, tensor: Any, collections: Any = None, family: str | None = None) -> Tensor:
    """Return a summary of ``tensor``, one number, under the tag ``name``.

    ``family`` groups tags in TensorBoard: the tag becomes ``family/.../name``.
    """
    graph = graph_of([tensor])
    with _scope(graph, name, family, "ScalarSummary") as (tag, node):
        tags = convert_to_tensor(tag, name="tags", graph=graph)
        made = apply(_scalar_summary.opdef, (tags, convert_to_tensor(tensor)), {}, node)
    return _collect(graph, made, collections)


def histogram(name: str, values: Any, collections: Any = None, family: str | None = None) -> Tensor:
    """Return a summary of the distribution of ``values``, a tensor of any shape."""
    graph = graph_of([values])
    with _scope(graph, name, family, "HistogramSummary") as (tag, node):
        tags = convert_to_tensor(tag, name="tag", graph=graph)
        made = apply(_histogram_summary.opdef, (tags, convert_to_tensor(values)), {}, node)
    return _collect(graph, made, collections)


def image(
    name: str, tensor: Any, max_outputs: int = 3, collections: Any = None,
    family: str | None = None,
) -> Tensor:  # fmt: skip
    """Return a summary of images: ``tensor`` is (batch, height, width, 1, 3 or 4 channels).

    uint8 values are shown as they are; others scaled per image: the largest is white, and 0 is
    black, or mid-grey where there are negative values.
    """
    graph = graph_of([tensor])
    with _scope(graph, name, family, "ImageSummary") as (tag, node):
        tags = convert_to_tensor(tag, name="tag", graph=graph)
        attrs = {"max_images": int(max_outputs), "bad_color": (255, 0, 0, 255)}
        made = apply(_image_summary.opdef, (tags, convert_to_tensor(tensor)), attrs, node)
    return _collect(graph, made, collections)


def audio(
    name: str, tensor: Any, sample_rate: Any, max_outputs: int = 3, collections: Any = None,
    family: str | None = None,
) -> Tensor:  # fmt: skip
    """Return a summary of sounds: ``tensor`` is (batch, frames) or (batch, frames, channels), with
    values within -1 and 1, ``sample_rate`` in hertz."""
    graph = graph_of([tensor])
    with _scope(graph, name, family, "AudioSummaryV2") as (tag, node):
        tags = convert_to_tensor(tag, name="tag", graph=graph)
        rate = convert_to_tensor(sample_rate, name="sample_rate", graph=graph)
        attrs = {"max_outputs": int(max_outputs)}
        made = apply(_audio_summary.opdef, (tags, convert_to_tensor(tensor), rate), attrs, node)
    return _collect(graph, made, collections)


def tensor_summary(
    name: str, tensor: Any, summary_description: str | None = None, collections: Any = None,
    summary_metadata: SummaryMetadata | None = None, family: str | None = None,
    display_name: str | None = None,
) -> Tensor:  # fmt: skip
    """Return a summary of a tensor as it is, for a plugin of TensorBoard."""
    metadata = SummaryMetadata()
    if summary_metadata is not None:
        metadata.CopyFrom(summary_metadata)
    metadata.display_name = display_name or metadata.display_name
    metadata.summary_description = summary_description or metadata.summary_description
    graph = graph_of([tensor])
    with _scope(graph, name, family, "TensorSummary") as (tag, node):
        tags = convert_to_tensor(tag, name="tag", graph=graph)
        described = convert_to_tensor(
            metadata.SerializeToString(), name="serialized_summary_metadata", graph=graph
        )
        inputs = (tags, convert_to_tensor(tensor), described)
        made = apply(_tensor_summary.opdef, inputs, {}, node)
    return _collect(graph, made, collections)


def text(name: str, tensor: Any, collections: Any = None) -> Tensor:
    """Return a summary of text: a string tensor, shown as Markdown, a table if it has rows."""
    given = convert_to_tensor(tensor)
    if given.dtype is not None and given.dtype is not string:
        raise InvalidArgumentError(
            given.op.info, given.op, f"a text summary takes strings, not {given.dtype.name}."
        )
    plugin = SummaryMetadata.PluginData(plugin_name="text")
    metadata = SummaryMetadata(plugin_data=plugin)
    return tensor_summary(name, given, collections=collections, summary_metadata=metadata)


def merge(inputs: Sequence[Any], collections: Any = None, name: str | None = None) -> Tensor:
    """Return one summary with the values of all ``inputs``."""
    if not isinstance(inputs, (list, tuple)):
        raise InvalidTypeError(None, None, f"merge takes a list of summaries, not {inputs!r}.")
    graph = graph_of(inputs)
    with graph.name_scope(_clean_tag(name or "Merge")):
        made = apply(_merge_summary.opdef, tuple(inputs), {}, "MergeSummary")
    if collections:
        graph.add_to_collections(collections, made)
    return made


def merge_all(
    key: Any = GraphKeys.SUMMARIES, scope: str | None = None, name: str | None = None
) -> Tensor | None:
    """Return one summary with all of the default graph's, or None if there are none."""
    found = get_default_graph().get_collection(key, scope)
    return merge(found, name=name) if found else None
