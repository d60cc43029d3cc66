"""``tf.train.Example`` and ``SequenceExample``: one training example as named lists of values.

Field numbers are those of TensorFlow's ``example.proto`` and ``feature.proto``.
"""

from __future__ import annotations

from tfmini.formats.fields import Field, Map
from tfmini.formats.protobuf import Message


class BytesList(Message):
    """A list of byte strings."""

    value = Field(1, "bytes", repeated=True)


class FloatList(Message):
    """A list of 32-bit floats."""

    value = Field(1, "float", repeated=True)


class Int64List(Message):
    """A list of 64-bit integers."""

    value = Field(1, "int64", repeated=True)


class Feature(Message):
    """One of the three kinds of lists."""

    bytes_list = Field(1, BytesList, oneof="kind")
    float_list = Field(2, FloatList, oneof="kind")
    int64_list = Field(3, Int64List, oneof="kind")


class Features(Message):
    """Lists by name."""

    feature = Map(1, "string", Feature)


class FeatureList(Message):
    """A list of lists: one per step of a sequence."""

    feature = Field(1, Feature, repeated=True)


class FeatureLists(Message):
    """Lists of lists by name."""

    feature_list = Map(1, "string", FeatureList)


class Example(Message):
    """One example."""

    features = Field(1, Features)


class SequenceExample(Message):
    """One example that is a sequence: ``context`` for the whole, ``feature_lists`` per step."""

    context = Field(1, Features)
    feature_lists = Field(2, FeatureLists)
