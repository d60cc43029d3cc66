"""The part of a graph that TensorFlow can load.

In: a ``MetaGraphDef`` with signatures.  Out: the same without operations that only this package
has, and without what follows from them: most often the gradients and the step of training.
"""

from __future__ import annotations

from tfmini.exchange.freezing import needed_by, source_of
from tfmini.exchange.written import NATIVE
from tfmini.formats.graphdef import MetaGraphDef, NodeDef, VariableDef
from tfmini.logging import info, warn
from tfmini.saved_model import constants

# The types that graphs are exported with and TensorFlow does not have; an oracle test compares.
OWN = frozenset((
    "Argsort", "AssertInitialized", "BooleanMask", "BooleanMaskGrad", "BroadcastableWeights",
    "BytesSplit", "CastLike", "CountNonzero", "DropoutMask", "EinsumDiagonal",
    "EinsumDiagonalGrad", "ExtractImagePatchesGrad", "Eye", "FractionalArgmax",
    "FractionalSequence", "GRUSequence", "GRUSequenceGrad", "GatherGrad", "GatherNdGrad",
    "GatherOrZero", "GatherTree", "HistogramFixedWidthBins", "LSTMSequence",
    "LSTMSequenceGrad", "LogicalXor", "LogisticLoss", "Masked", "MatMulGrad", "MatrixAdjoint",
    "MeanShare", "Moments", "NormalCdf", "PutAlong", "RNNSequence", "RNNSequenceGrad",
    "ReduceLogSumExp", "Repeat", "RepeatGrad", "ReportUninitialized", "ResizeImages",
    "ResizeImagesGrad", "RowProducts", "Scan", "SearchSorted", "SliceGrad", "Sort",
    "SparseApplyAdaMax", "SparseApplyGradientDescent", "SparseApplyLazyAdam",
    "SparseToDenseGrad", "StatelessScan", "StridedSliceDynamic", "StridedSliceGradDynamic",
    "SumToShape", "TableEntries", "TableExport", "TableFind", "TableFromTextFile",
    "TableInsert", "TableRemove", "TableSize", "TakeAlong", "TensorArrayErase",
    "TensorArrayGradScatter", "TensorArrayLengths", "Unreduce", "UpdatingIf", "WindowSum",
))  # fmt: skip


def make_portable(message: MetaGraphDef) -> None:
    """Take out of ``message`` what TensorFlow does not have, if its signatures do without."""
    nodes = {node.name: node for node in message.graph_def.node}
    own = {name for name, node in nodes.items() if node.op in OWN or NATIVE in node.attr}
    if not own:
        return
    held_up = own & needed_by(nodes, _roots(message))
    if held_up:
        types = ", ".join(sorted({nodes[name].op for name in held_up}))
        warn(f"TensorFlow can't load this model, which needs operations of tfmini: {types}.")
        return
    dropped = _followers(nodes, own)
    kept = [node for node in message.graph_def.node if node.name not in dropped]
    del message.graph_def.node[:]
    message.graph_def.node.extend(kept)
    for key in list(message.collection_def):
        items = message.collection_def[key]
        if items.WhichOneof("kind") == "node_list":
            names = [n for n in items.node_list.value if source_of(n) not in dropped]
            del items.node_list.value[:]
            items.node_list.value.extend(names)
            if not names:
                del message.collection_def[key]
    info(
        f"left out of the model: {len(dropped)} nodes that TensorFlow has not or that follow from "
        'such. With the tag "train" they stay.'
    )


def _roots(message: MetaGraphDef) -> set[str]:
    """Return the names of what the model must have."""
    names = [a.tensor_info.name for a in message.asset_file_def]
    saver = message.saver_def
    names += [saver.filename_tensor_name, saver.save_tensor_name, saver.restore_op_name]
    for signature in message.signature_def.values():
        for tensor in [*signature.inputs.values(), *signature.outputs.values()]:
            parts = tensor.coo_sparse
            names += [tensor.name, parts.values_tensor_name, parts.indices_tensor_name,
                      parts.dense_shape_tensor_name]  # fmt: skip
    for key, items in message.collection_def.items():
        if key in (constants.MAIN_OP_KEY, constants.LEGACY_INIT_OP_KEY):
            names += list(items.node_list.value)
        if key.endswith("variables"):
            for value in items.bytes_list.value:
                variable = VariableDef.FromString(value)
                names += [variable.initializer_name, variable.initial_value_name]
    return {source_of(name) for name in names if name}


def _followers(nodes: dict[str, NodeDef], first: set[str]) -> set[str]:
    """Return ``first`` and all nodes that take values from them, or wait for them."""
    users: dict[str, list[str]] = {}
    for name, node in nodes.items():
        for given in node.input:
            users.setdefault(source_of(given), []).append(name)
    found: set[str] = set()
    pending = list(first)
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += users.get(name, [])
    return found
