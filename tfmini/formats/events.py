"""Summaries and events as messages: what TensorBoard reads.

Field numbers are those of TensorFlow's ``summary.proto`` and ``event.proto``.
"""

from __future__ import annotations

from tfmini.formats.fields import Field
from tfmini.formats.protobuf import Message
from tfmini.formats.scalars import Enum
from tfmini.formats.tensors import TensorProto


class SummaryDescription(Message):
    """The kind of data of a summary, by name."""

    type_hint = Field(1, "string")


class HistogramProto(Message):
    """Counts of values in buckets: ``bucket[i]`` lie below ``bucket_limit[i]``."""

    min = Field(1, "double")
    max = Field(2, "double")
    num = Field(3, "double")
    sum = Field(4, "double")
    sum_squares = Field(5, "double")
    bucket_limit = Field(6, "double", repeated=True)
    bucket = Field(7, "double", repeated=True)


class SummaryMetadata(Message):
    """Which plugin of TensorBoard shows a value, and how it is called there."""

    class PluginData(Message):
        """The plugin's name and what it keeps."""

        plugin_name = Field(1, "string")
        content = Field(2, "bytes")

    plugin_data = Field(1, PluginData)
    display_name = Field(2, "string")
    summary_description = Field(3, "string")
    data_class = Field(4, "int32")


class Summary(Message):
    """Named values of one step."""

    class Image(Message):
        """An encoded image; ``colorspace`` is its number of channels."""

        height = Field(1, "int32")
        width = Field(2, "int32")
        colorspace = Field(3, "int32")
        encoded_image_string = Field(4, "bytes")

    class Audio(Message):
        """An encoded sound."""

        sample_rate = Field(1, "float")
        num_channels = Field(2, "int64")
        length_frames = Field(3, "int64")
        encoded_audio_string = Field(4, "bytes")
        content_type = Field(5, "string")

    class Value(Message):
        """One value."""

        tag = Field(1, "string")
        simple_value = Field(2, "float", oneof="value")
        obsolete_old_style_histogram = Field(3, "bytes", oneof="value")
        image = Field(4, lambda: Summary.Image, oneof="value")
        histo = Field(5, HistogramProto, oneof="value")
        audio = Field(6, lambda: Summary.Audio, oneof="value")
        node_name = Field(7, "string")
        tensor = Field(8, TensorProto, oneof="value")
        metadata = Field(9, SummaryMetadata)

    value = Field(1, Value, repeated=True)


class LogMessage(Message):
    """A line of a log."""

    Level = Enum("Level", UNKNOWN=0, DEBUGGING=10, INFO=20, WARN=30, ERROR=40, FATAL=50)
    level = Field(1, Level)
    message = Field(2, "string")


class SessionLog(Message):
    """That a session started, stopped or saved a checkpoint."""

    SessionStatus = Enum("SessionStatus", STATUS_UNSPECIFIED=0, START=1, STOP=2, CHECKPOINT=3)
    status = Field(1, SessionStatus)
    checkpoint_path = Field(2, "string")
    msg = Field(3, "string")


class TaggedRunMetadata(Message):
    """A serialized ``RunMetadata`` and the tag that names its run."""

    tag = Field(1, "string")
    run_metadata = Field(2, "bytes")


class Event(Message):
    """One entry of an event file."""

    wall_time = Field(1, "double")
    step = Field(2, "int64")
    file_version = Field(3, "string", oneof="what")
    graph_def = Field(4, "bytes", oneof="what")
    summary = Field(5, Summary, oneof="what")
    log_message = Field(6, LogMessage, oneof="what")
    session_log = Field(7, SessionLog, oneof="what")
    tagged_run_metadata = Field(8, TaggedRunMetadata, oneof="what")
    meta_graph_def = Field(9, "bytes", oneof="what")
