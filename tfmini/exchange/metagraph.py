"""A graph with its collections, as a ``MetaGraphDef``.

In: a graph.  Out: the message, in a file or not; and back, with the collections filled.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Any

from tfmini.errors import InvalidArgumentError, NotFoundError, OpError
from tfmini.exchange import collected
from tfmini.exchange.exporting import graph_to_def
from tfmini.exchange.importing import Importer
from tfmini.exchange.variable_defs import describe
from tfmini.formats.graphdef import CollectionDef, GraphDef, MetaGraphDef, SaverDef, VariableDef
from tfmini.formats.protobuf import Message
from tfmini.formats.prototext import merge_text, to_text
from tfmini.formats.wire import DecodeError
from tfmini.graph import Graph, GraphKeys, get_default_graph
from tfmini.nodes import Operation, Tensor
from tfmini.ops.state import Variable

# Collections whose items are variables, which a file holds as messages.
_OF_VARIABLES = (
    GraphKeys.GLOBAL_VARIABLES, GraphKeys.TRAINABLE_VARIABLES, GraphKeys.LOCAL_VARIABLES,
    GraphKeys.MODEL_VARIABLES, GraphKeys.MOVING_AVERAGE_VARIABLES, GraphKeys.CONCATENATED_VARIABLES,
    "metric_variables", GraphKeys.GLOBAL_STEP,
)  # fmt: skip
# What TensorFlow keeps of its own machinery, which has no meaning here.
_DROPPED = (GraphKeys.COND_CONTEXT, GraphKeys.WHILE_CONTEXT, GraphKeys.QUEUE_RUNNERS)


def export_meta_graph(
    filename: Any = None, meta_info_def: Any = None, graph_def: GraphDef | None = None,
    saver_def: SaverDef | None = None, collection_list: Iterable[str] | None = None,
    as_text: bool = False, graph: Graph | None = None, export_scope: str | None = None,
    clear_devices: bool = False, clear_extraneous_savers: bool = False,
    strip_default_attrs: bool = False, save_debug_info: bool = False, **kwargs: Any,
) -> MetaGraphDef:  # fmt: skip
    """Return a graph with its collections as a message, and write it to ``filename`` if given.

    Parameters
    ----------
    graph : Graph, default the default graph
    saver_def : the nodes that save and restore its variables, as ``saver.as_saver_def()``
    collection_list : names of collections; default all
    as_text : bool
        Whether the file has the text form.
    clear_devices : bool
        Whether to leave out the devices that ``tf.device`` named.
    """
    source = graph or get_default_graph()
    if export_scope is not None:
        raise InvalidArgumentError(
            None, None, "export_scope: a part of a graph can't be exported; export the whole."
        )
    out = MetaGraphDef()
    if meta_info_def is not None:
        out.meta_info_def.CopyFrom(meta_info_def)
    out.meta_info_def.tensorflow_version = out.meta_info_def.tensorflow_version or "1.15.0"
    out.graph_def.CopyFrom(graph_def or graph_to_def(source))
    if clear_devices:
        for node in out.graph_def.node:
            node.device = ""
    if saver_def is not None:
        out.saver_def.CopyFrom(saver_def)
    keys = source.get_all_collection_keys() if collection_list is None else collection_list
    for key in keys:
        if isinstance(key, str):
            _write_collection(out, key, source.get_collection(key))
    if filename is not None:
        path = os.fspath(filename)
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "wb") as file:
            file.write(to_text(out).encode() if as_text else out.SerializeToString())
    return out


def _write_collection(out: MetaGraphDef, key: str, items: list[Any]) -> None:
    found = CollectionDef()
    own = collected.written(key, items)
    if own is not None:
        found.bytes_list.value.extend(own)
    elif key in _OF_VARIABLES and all([isinstance(i, Variable) for i in items]):
        found.bytes_list.value.extend([v.to_proto().SerializeToString() for v in items])
    elif all([isinstance(i, (Tensor, Operation)) for i in items]):
        found.node_list.value.extend([i.name for i in items])
    elif all([isinstance(i, Message) for i in items]):
        found.bytes_list.value.extend([i.SerializeToString() for i in items])
    elif all([isinstance(i, (str, bytes)) for i in items]):
        found.bytes_list.value.extend([i.encode() if isinstance(i, str) else i for i in items])
    elif all([isinstance(i, int) for i in items]):
        found.int64_list.value.extend(items)
    elif all([isinstance(i, (int, float)) for i in items]):
        found.float_list.value.extend(items)
    else:  # other objects: a queue runner, a regularizer
        return
    out.collection_def[key].CopyFrom(found)


def read_meta_graph(meta_graph_or_file: Any) -> MetaGraphDef:
    """Return the message that a file holds, as bytes or as text."""
    if isinstance(meta_graph_or_file, MetaGraphDef):
        return meta_graph_or_file
    path = os.fspath(meta_graph_or_file)
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        raise InvalidArgumentError(None, None, f"file {path} does not exist.") from None
    try:
        return MetaGraphDef.FromString(data)
    except DecodeError as e:
        try:
            return merge_text(data, MetaGraphDef())
        except (OpError, UnicodeDecodeError):
            raise InvalidArgumentError(
                None, None, f"file {path} is no MetaGraphDef: {e.message}"
            ) from e


def import_scoped_meta_graph(
    meta_graph_or_file: Any, clear_devices: bool = False, graph: Graph | None = None,
    import_scope: str | None = None, input_map: Any = None,
    unbound_inputs_col_name: str | None = "unbound_inputs",
    restore_collections_predicate: Any = None,
) -> dict[str, Variable]:  # fmt: skip
    """Add a meta graph to ``graph`` (default: the default graph), with its collections.

    Returns the variables by their names in the message.
    """
    message = read_meta_graph(meta_graph_or_file)
    target = graph or get_default_graph()
    prefix = f"{import_scope}/" if import_scope else ""
    importer = Importer(target, message.graph_def, prefix, input_map or {}, not clear_devices)
    importer.run()
    found: dict[int, Variable] = {id(v): v for v in importer.variables}
    for key in message.collection_def:
        if key not in _DROPPED and (
            restore_collections_predicate is None or restore_collections_predicate(key)
        ):
            _read_collection(importer, target, key, message.collection_def[key], prefix)
    return {v.op.name.removeprefix(prefix): v for v in found.values()}


def _read_collection(
    importer: Importer, graph: Graph, key: str, items: CollectionDef, prefix: str
) -> None:
    kind = items.WhichOneof("kind")
    if kind is None or kind == "any_list":  # files of a saved model, which its loader reads
        return
    values = getattr(items, kind).value
    for value in values:
        if kind == "node_list":
            found = _element(importer, value)
        elif kind == "bytes_list" and key in _OF_VARIABLES:
            found = _variable(importer, VariableDef.FromString(value))
        elif kind == "bytes_list" and collected.get_from_proto_function(key) is not None:
            found = collected.read(key, value, prefix.rstrip("/") or None)
        elif kind == "bytes_list" and key == GraphKeys.SAVERS:
            found = SaverDef.FromString(value)
        elif kind == "bytes_list":
            found = _plain_text(value)
        else:
            found = value
        if found is not None:
            graph.add_to_collection(key, found)


def _plain_text(value: bytes) -> str | bytes:
    text = value.decode(errors="replace")
    return text if re.fullmatch(r"[\x20-\x7e\n\t]*", text) else value


def _element(importer: Importer, name: str) -> Any:
    try:
        return importer.element(name)
    except (NotFoundError, InvalidArgumentError):
        return None


def _variable(importer: Importer, definition: VariableDef) -> Variable | None:
    found = _element(importer, definition.variable_name)
    if not isinstance(found, Variable):
        return None
    assigned = _element(importer, definition.initializer_name)
    describe(found, definition, assigned if isinstance(assigned, Operation) else None)
    return found
