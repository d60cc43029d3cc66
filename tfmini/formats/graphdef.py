"""Graphs as messages: ``GraphDef``, ``MetaGraphDef`` and what is in them.

Field numbers are those of TensorFlow's ``graph.proto``, ``node_def.proto``, ``attr_value.proto``,
``meta_graph.proto``, ``variable.proto`` and ``saver.proto``.
"""

from __future__ import annotations

from tfmini.formats.fields import Field, Map
from tfmini.formats.protobuf import Message
from tfmini.formats.scalars import Enum
from tfmini.formats.tensors import DataType, TensorProto, TensorShapeProto


class NameAttrList(Message):
    """A function's name and attributes."""

    name = Field(1, "string")
    attr = Map(2, "string", lambda: AttrValue)


class AttrValue(Message):
    """The value of one attribute of a node."""

    class ListValue(Message):
        """A list of values of one kind."""

        s = Field(2, "bytes", repeated=True)
        i = Field(3, "int64", repeated=True)
        f = Field(4, "float", repeated=True)
        b = Field(5, "bool", repeated=True)
        type = Field(6, DataType, repeated=True)
        shape = Field(7, TensorShapeProto, repeated=True)
        tensor = Field(8, TensorProto, repeated=True)
        func = Field(9, NameAttrList, repeated=True)

    list = Field(1, ListValue, oneof="value")
    s = Field(2, "bytes", oneof="value")
    i = Field(3, "int64", oneof="value")
    f = Field(4, "float", oneof="value")
    b = Field(5, "bool", oneof="value")
    type = Field(6, DataType, oneof="value")
    shape = Field(7, TensorShapeProto, oneof="value")
    tensor = Field(8, TensorProto, oneof="value")
    placeholder = Field(9, "string", oneof="value")
    func = Field(10, NameAttrList, oneof="value")


class NodeDef(Message):
    """A node: inputs are ``"node"``, ``"node:1"`` or, for control, ``"^node"``."""

    name = Field(1, "string")
    op = Field(2, "string")
    input = Field(3, "string", repeated=True)
    device = Field(4, "string")
    attr = Map(5, "string", AttrValue)


class OperationType(Message):
    """What kind of operation a node is: TensorFlow's ``OpDef``, as far as scripts read it."""

    class ArgDef(Message):
        """An input of the operation."""

        name = Field(1, "string")

    name = Field(1, "string")
    input_arg = Field(2, ArgDef, repeated=True)
    is_stateful = Field(17, "bool")


class VersionDef(Message):
    """Versions of the writer, and of the readers that it allows."""

    producer = Field(1, "int32")
    min_consumer = Field(2, "int32")
    bad_consumers = Field(3, "int32", repeated=True)


class FunctionDefLibrary(Message):
    """Functions of a graph: kept as they are."""


class GraphDef(Message):
    """All nodes of a graph."""

    node = Field(1, NodeDef, repeated=True)
    library = Field(2, FunctionDefLibrary)
    version = Field(3, "int32")
    versions = Field(4, VersionDef)


class SaveSliceInfoDef(Message):
    """Which part of a larger variable a variable is."""

    full_name = Field(1, "string")
    full_shape = Field(2, "int64", repeated=True)
    var_offset = Field(3, "int64", repeated=True)
    var_shape = Field(4, "int64", repeated=True)


class VariableDef(Message):
    """A variable: the names of the tensors and the operation that make it one."""

    variable_name = Field(1, "string")
    initializer_name = Field(2, "string")
    snapshot_name = Field(3, "string")
    save_slice_info_def = Field(4, SaveSliceInfoDef)
    is_resource = Field(5, "bool")
    initial_value_name = Field(6, "string")
    trainable = Field(7, "bool")


class SaverDef(Message):
    """A Saver: the nodes that save and restore, and its options."""

    CheckpointFormatVersion = Enum("CheckpointFormatVersion", LEGACY=0, V1=1, V2=2)

    filename_tensor_name = Field(1, "string")
    save_tensor_name = Field(2, "string")
    restore_op_name = Field(3, "string")
    max_to_keep = Field(4, "int32")
    sharded = Field(5, "bool")
    keep_checkpoint_every_n_hours = Field(6, "float")
    version = Field(7, CheckpointFormatVersion)


class Any(Message):
    """A serialized message and, as an address, its type."""

    type_url = Field(1, "string")
    value = Field(2, "bytes")


class CollectionDef(Message):
    """A collection of a graph: names of nodes and tensors, or values."""

    class NodeList(Message):
        """Names of nodes or tensors."""

        value = Field(1, "string", repeated=True)

    class BytesList(Message):
        """Strings, or serialized messages."""

        value = Field(1, "bytes", repeated=True)

    class Int64List(Message):
        """Integers."""

        value = Field(1, "int64", repeated=True)

    class FloatList(Message):
        """Floats."""

        value = Field(1, "float", repeated=True)

    class AnyList(Message):
        """Serialized messages with their types."""

        value = Field(1, Any, repeated=True)

    node_list = Field(1, NodeList, oneof="kind")
    bytes_list = Field(2, BytesList, oneof="kind")
    int64_list = Field(3, Int64List, oneof="kind")
    float_list = Field(4, FloatList, oneof="kind")
    any_list = Field(5, AnyList, oneof="kind")


class TensorInfo(Message):
    """A tensor of a signature."""

    class CooSparse(Message):
        """The parts of a sparse tensor."""

        values_tensor_name = Field(1, "string")
        indices_tensor_name = Field(2, "string")
        dense_shape_tensor_name = Field(3, "string")

    name = Field(1, "string", oneof="encoding")
    coo_sparse = Field(4, CooSparse, oneof="encoding")
    dtype = Field(2, DataType)
    tensor_shape = Field(3, TensorShapeProto)


class SignatureDef(Message):
    """Named inputs and outputs of a model."""

    inputs = Map(1, "string", TensorInfo)
    outputs = Map(2, "string", TensorInfo)
    method_name = Field(3, "string")


class AssetFileDef(Message):
    """A file that a model needs: its name in the model's folder, the tensor that holds its path."""

    tensor_info = Field(1, TensorInfo)
    filename = Field(2, "string")


class MetaGraphDef(Message):
    """A graph with its collections and the way to restore its variables."""

    class MetaInfoDef(Message):
        """What the graph needs and who wrote it."""

        meta_graph_version = Field(1, "string")
        tags = Field(4, "string", repeated=True)
        tensorflow_version = Field(5, "string")
        tensorflow_git_version = Field(6, "string")
        stripped_default_attrs = Field(7, "bool")

    meta_info_def = Field(1, MetaInfoDef)
    graph_def = Field(2, GraphDef)
    saver_def = Field(3, SaverDef)
    collection_def = Map(4, "string", CollectionDef)
    signature_def = Map(5, "string", SignatureDef)
    asset_file_def = Field(6, AssetFileDef, repeated=True)


class SavedModel(Message):
    """The graphs of a model, apart by their tags."""

    saved_model_schema_version = Field(1, "int64")
    meta_graphs = Field(2, MetaGraphDef, repeated=True)
