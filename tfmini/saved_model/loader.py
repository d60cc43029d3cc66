"""``tf.saved_model.loader``: a model from its folder into a session.

In: a folder, and the tags of a graph in it.  Out: the graph in the session's, its variables set,
and the operation run that the model names for this moment.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from tfmini.errors import OpError
from tfmini.formats.graphdef import AssetFileDef, MetaGraphDef, SavedModel
from tfmini.formats.prototext import merge_text
from tfmini.formats.wire import DecodeError
from tfmini.logging import info
from tfmini.nodes import Operation
from tfmini.saved_model import constants
from tfmini.saved_model.signature_constants import INIT_OP_SIGNATURE_KEY
from tfmini.train.saver import import_meta_graph


def maybe_saved_model_directory(export_dir: Any) -> bool:
    """Whether the folder has the file of a saved model."""
    names = (constants.SAVED_MODEL_FILENAME_PB, constants.SAVED_MODEL_FILENAME_PBTXT)
    return any([os.path.isfile(os.path.join(os.fspath(export_dir), n)) for n in names])


contains_saved_model = maybe_saved_model_directory


def load(
    sess: Any, tags: Iterable[str], export_dir: Any, import_scope: str | None = None,
    **saver_kwargs: Any,
) -> MetaGraphDef:  # fmt: skip
    """Add a model to the graph of ``sess``, set its variables, and return its ``MetaGraphDef``.

    Parameters
    ----------
    tags : those of the graph, all of them, as ``[tag_constants.SERVING]``
    export_dir : folder that ``SavedModelBuilder`` has written, here or in TensorFlow 1
    import_scope : before the names of all nodes
    saver_kwargs : of ``tf.train.import_meta_graph``
    """
    folder = os.fspath(export_dir)
    message = _tagged(_read(folder), [tags] if isinstance(tags, str) else list(tags))
    with sess.graph.as_default():
        saver = import_meta_graph(message, import_scope=import_scope, **saver_kwargs)
        prefix = os.path.join(folder, constants.VARIABLES_DIRECTORY, constants.VARIABLES_FILENAME)
        if saver is not None and os.path.exists(prefix + ".index"):
            saver.restore(sess, prefix)
        else:
            info("The specified SavedModel has no variables; no checkpoints were restored.")
        start = _start(message, import_scope, sess)
        if start is not None:
            sess.run(start, _assets(message, folder, import_scope, sess))
    return message


def _read(folder: str) -> SavedModel:
    binary = os.path.join(folder, constants.SAVED_MODEL_FILENAME_PB)
    text = os.path.join(folder, constants.SAVED_MODEL_FILENAME_PBTXT)
    path = binary if os.path.isfile(binary) else text
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        raise OSError(
            f"SavedModel file does not exist at: {folder}/{{{constants.SAVED_MODEL_FILENAME_PBTXT}|"
            f"{constants.SAVED_MODEL_FILENAME_PB}}}"
        ) from None
    try:
        if path == binary:
            return SavedModel.FromString(data)
        return merge_text(data, SavedModel())
    except (DecodeError, OpError, UnicodeDecodeError) as e:
        raise OSError(f"Cannot parse file {path}: {e}.") from e


def _tagged(model: SavedModel, tags: list[str]) -> MetaGraphDef:
    for message in model.meta_graphs:
        if set(message.meta_info_def.tags) == set(tags):
            found: MetaGraphDef = message
            return found
    there = ", ".join(repr(list(m.meta_info_def.tags)) for m in model.meta_graphs)
    raise RuntimeError(
        f"MetaGraphDef associated with tags {tags!r} could not be found in SavedModel; its graphs "
        f"have the tags {there or 'of none'}."
    )


def _start(message: MetaGraphDef, scope: str | None, sess: Any) -> Operation | None:
    """Return the operation to run after loading."""
    names = []
    if INIT_OP_SIGNATURE_KEY in message.signature_def:
        outputs = message.signature_def[INIT_OP_SIGNATURE_KEY].outputs
        names += [outputs[INIT_OP_SIGNATURE_KEY].name]
    for key in (constants.MAIN_OP_KEY, constants.LEGACY_INIT_OP_KEY):
        if key in message.collection_def:
            names += list(message.collection_def[key].node_list.value)
    if not names:
        return None
    found: Operation = sess.graph.get_operation_by_name(_in(scope, names[0]))
    return found


def _assets(message: MetaGraphDef, folder: str, scope: str | None, sess: Any) -> dict[Any, str]:
    """Return the paths of the model's files by the tensors that stand for them."""
    assets = list(message.asset_file_def)
    if not assets and constants.ASSETS_KEY in message.collection_def:
        items = message.collection_def[constants.ASSETS_KEY].any_list.value
        assets = [AssetFileDef.FromString(item.value) for item in items]
    return {
        sess.graph.get_tensor_by_name(_in(scope, asset.tensor_info.name)): os.path.join(
            folder, constants.ASSETS_DIRECTORY, asset.filename
        )
        for asset in assets
    }


def _in(scope: str | None, name: str) -> str:
    return f"{scope}/{name}" if scope else name
