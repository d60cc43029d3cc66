"""``SavedModelBuilder``: graphs with their signatures, variables and files, in one folder.

In: sessions or graphs, tags, signatures.  Out: ``saved_model.pb``, the variables as a checkpoint in
``variables/``, and copies of the files that the graphs read in ``assets/``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from typing import Any

from tfmini.errors import InvalidArgumentError
from tfmini.exchange.metagraph import export_meta_graph
from tfmini.formats.graphdef import MetaGraphDef, SavedModel, SignatureDef
from tfmini.formats.prototext import to_text
from tfmini.graph import Graph, GraphKeys, get_default_graph
from tfmini.nodes import Operation, Tensor
from tfmini.saved_model import constants, signature_constants, tag_constants
from tfmini.saved_model.portable import make_portable
from tfmini.saved_model.signature_def_utils import predict_signature_def
from tfmini.saved_model.tensor_info import build_tensor_info
from tfmini.train.checkpoints import write_text
from tfmini.train.saver import Saver


class SavedModelBuilder:
    """Writes a model to the folder ``export_dir``, which must be new or empty.

    The first graph is added with its variables, which all others share; ``save`` writes the graphs.
    """

    def __init__(self, export_dir: Any) -> None:
        self._dir = os.fsdecode(export_dir)
        if os.path.isdir(self._dir) and os.listdir(self._dir):
            raise AssertionError(
                f"Export directory already exists, and isn't empty: {self._dir}. Give another "
                "one, or remove what is there."
            )
        os.makedirs(self._dir, exist_ok=True)
        self._model = SavedModel(saved_model_schema_version=constants.SAVED_MODEL_SCHEMA_VERSION)
        self._has_variables = False

    def add_meta_graph_and_variables(
        self, sess: Any, tags: Iterable[str],
        signature_def_map: Mapping[str, SignatureDef] | None = None,
        assets_collection: Iterable[Tensor] | None = None, legacy_init_op: Operation | None = None,
        clear_devices: bool = False, main_op: Operation | None = None,
        strip_default_attrs: bool = False, saver: Saver | None = None,
    ) -> None:  # fmt: skip
        """Add the graph of ``sess``, and write its variables; to be called once, and first.

        Parameters
        ----------
        tags : by which a loader finds the graph, such as ``[tag_constants.SERVING]``
            Without "train" among them, operations that TensorFlow does not have are left out,
            with all that follows from them (most often the step of training), if they can be.
        signature_def_map : signatures by name
        assets_collection : string tensors, constants, that hold the paths of files to copy
        main_op, legacy_init_op : the operation to run after loading; one of them
        saver : ``Saver`` of the variables to write, default all global ones
        clear_devices : whether to leave out the devices that ``tf.device`` named
        strip_default_attrs : accepted; defaults are not written
        """
        if self._has_variables:
            raise AssertionError(
                "Graph state including variables and assets has already been saved. Please invoke "
                "add_meta_graph() instead."
            )
        with sess.graph.as_default():
            saver = saver or Saver(allow_empty=True)
            # Files and operations are checked before anything is written.
            message = self._described(
                sess.graph, tags, signature_def_map, assets_collection,
                _one(main_op, legacy_init_op), saver, clear_devices,
            )  # fmt: skip
            if saver.saver_def is not None:
                prefix = os.path.join(
                    self._dir, constants.VARIABLES_DIRECTORY, constants.VARIABLES_FILENAME
                )
                saver.save(sess, prefix, write_meta_graph=False, write_state=False)
        self._model.meta_graphs.append(message)
        self._has_variables = True

    def add_meta_graph(
        self, tags: Iterable[str], signature_def_map: Mapping[str, SignatureDef] | None = None,
        assets_collection: Iterable[Tensor] | None = None, legacy_init_op: Operation | None = None,
        clear_devices: bool = False, main_op: Operation | None = None,
        strip_default_attrs: bool = False, saver: Saver | None = None,
    ) -> None:  # fmt: skip
        """Add the default graph, which shares the variables written before."""
        if not self._has_variables:
            raise AssertionError(
                "Graph state including variables and assets has not been saved yet. Please invoke "
                "`add_meta_graph_and_variables()` first."
            )
        graph = get_default_graph()
        self._model.meta_graphs.append(self._described(
            graph, tags, signature_def_map, assets_collection, _one(main_op, legacy_init_op),
            saver or Saver(allow_empty=True), clear_devices,
        ))  # fmt: skip

    def save(self, as_text: bool = False) -> str:
        """Write the graphs and return the file's path; ``as_text``: ``saved_model.pbtxt``."""
        name = (
            constants.SAVED_MODEL_FILENAME_PBTXT if as_text else constants.SAVED_MODEL_FILENAME_PB
        )
        path = os.path.join(self._dir, name)
        write_text(path, to_text(self._model) if as_text else self._model.SerializeToString())
        return path

    def _described(
        self, graph: Graph, tags: Iterable[str],
        signatures: Mapping[str, SignatureDef] | None, assets: Iterable[Tensor] | None,
        init: tuple[str, Operation] | None, saver: Saver, clear_devices: bool,
    ) -> MetaGraphDef:  # fmt: skip
        _check(signatures or {})
        files = _files(assets or ())
        message = export_meta_graph(
            graph=graph, saver_def=saver.as_saver_def(), clear_devices=clear_devices
        )
        for name, signature in (signatures or {}).items():
            message.signature_def[name].CopyFrom(signature)
        given = [tags] if isinstance(tags, str) else list(tags)
        message.meta_info_def.tags.extend(given)
        if init is not None:
            key, node = init
            if not isinstance(node, Operation):
                raise InvalidArgumentError(
                    None, None, f"main_op needs to be an Operation: {node!r}"
                )
            message.collection_def[key].node_list.value.append(node.name)
        self._copy(files, message)
        if tag_constants.TRAINING not in given:
            make_portable(message)
        return message

    def _copy(self, files: list[tuple[Tensor, str]], message: MetaGraphDef) -> None:
        folder = os.path.join(self._dir, constants.ASSETS_DIRECTORY)
        taken: dict[str, str] = {}
        for tensor, path in files:
            if path not in taken.values():
                name = _unused(os.path.basename(path), taken)
                taken[name] = path
                os.makedirs(folder, exist_ok=True)
                shutil.copyfile(path, os.path.join(folder, name))
            asset = message.asset_file_def.add()
            asset.filename = next(n for n, p in taken.items() if p == path)
            asset.tensor_info.CopyFrom(build_tensor_info(tensor))
            # TensorFlow 1 has them here, later versions in the field.
            item = message.collection_def[constants.ASSETS_KEY].any_list.value.add()
            item.type_url = constants.ASSET_TYPE_URL
            item.value = asset.SerializeToString()


def simple_save(
    session: Any, export_dir: Any, inputs: Mapping[str, Any], outputs: Mapping[str, Any],
    legacy_init_op: Operation | None = None,
) -> None:  # fmt: skip
    """Write the graph and variables of ``session`` as a model from ``inputs`` to ``outputs``.

    Both are tensors by name.  The model has the tag "serve" and the signature "serving_default".
    """
    builder = SavedModelBuilder(export_dir)
    builder.add_meta_graph_and_variables(
        session, tags=[tag_constants.SERVING],
        signature_def_map={
            signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY: predict_signature_def(
                inputs, outputs
            )
        },
        assets_collection=session.graph.get_collection(GraphKeys.ASSET_FILEPATHS),
        main_op=legacy_init_op, clear_devices=True,
    )  # fmt: skip
    builder.save()


def _one(
    main_op: Operation | None, legacy_init_op: Operation | None
) -> tuple[str, Operation] | None:
    if main_op is not None and legacy_init_op is not None:
        raise InvalidArgumentError(None, None, "give main_op or legacy_init_op, not both.")
    if main_op is not None:
        return constants.MAIN_OP_KEY, main_op
    return None if legacy_init_op is None else (constants.LEGACY_INIT_OP_KEY, legacy_init_op)


def _check(signatures: Mapping[str, SignatureDef]) -> None:
    for name, signature in signatures.items():
        for info in [*signature.inputs.values(), *signature.outputs.values()]:
            if info.WhichOneof("encoding") is None:
                raise AssertionError(
                    f"signature {name!r}: a TensorInfo names no tensor; make it with "
                    "tf.saved_model.utils.build_tensor_info."
                )
            if not info.dtype:
                raise AssertionError(f"signature {name!r}: the dtype of {info.name} is missing.")


def _files(assets: Iterable[Tensor]) -> list[tuple[Tensor, str]]:
    out = []
    for tensor in assets:
        value = tensor.op.attrs.get("value") if isinstance(tensor, Tensor) else None
        path = None if value is None else value.item() if hasattr(value, "item") else value
        if not isinstance(path, (str, bytes)):
            raise InvalidArgumentError(
                None, None, f"{tensor!r} of the assets is no constant that holds a path."
            )
        path = os.fsdecode(path)
        if not os.path.isfile(path):
            raise InvalidArgumentError(None, None, f"the asset {path!r} is no file.")
        out.append((tensor, path))
    return out


def _unused(name: str, taken: Mapping[str, str]) -> str:
    stem, number = name, 0
    while name in taken:
        number += 1
        name = f"{stem}_{number}"
    return name
