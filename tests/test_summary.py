"""Summaries: messages of values, and event files."""

from __future__ import annotations

import os
import types

import numpy as np
import pytest

import tfmini as tf
from tfmini.formats.histogram import bucket_limits, histogram
from tfmini.formats.png import png_pixels
from tfmini.summaries.writer import EventsWriter


def values(tensor, feeds=None):
    with tf.Session() as session:
        data = session.run(tensor, feeds)
    assert isinstance(data, bytes)
    return list(tf.Summary.FromString(data).value)


def test_scalars():
    (value,) = values(tf.summary.scalar("loss", tf.constant(2.5)))
    assert (value.tag, value.simple_value) == ("loss", 2.5)
    # The bytes of the specification: field 1 (the value) with tag, then a float of field 2.
    with tf.Session() as session:
        data = session.run(tf.summary.scalar("a", 1.0))
    assert data == b"\n\x08\n\x01a\x15\x00\x00\x80?"


def test_tags_are_scopes():
    with tf.name_scope("outer"):
        first = tf.summary.scalar("my loss", 1.0)
    second = tf.summary.scalar("x", 1.0)
    third = tf.summary.scalar("x", 1.0)
    fourth = tf.summary.scalar("x", 1.0, family="f")
    found = [values(t)[0].tag for t in (first, second, third, fourth)]
    assert found == ["outer/my_loss", "x", "x_1", "f/f/x"]
    assert [t.op.name for t in (first, third, fourth)] == ["outer/my_loss", "x_1", "f/x"]


def test_histograms():
    (value,) = values(tf.summary.histogram("h", tf.constant([0.5, 1.5, 1.6])))
    assert (value.histo.num, value.histo.min, value.histo.max) == (3.0, 0.5, np.float32(1.6))
    assert sum(value.histo.bucket) == 3.0
    with pytest.raises(tf.errors.InvalidArgumentError, match="Nan in summary histogram for: bad"):
        values(tf.summary.histogram("bad", tf.constant([np.nan])))


def test_images():
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3)
    found = values(tf.summary.image("i", pixels))
    assert [v.tag for v in found] == ["i/image/0", "i/image/1"]
    assert png_pixels(found[1].image.encoded_image_string).tolist() == pixels[1].tolist()
    assert (found[0].image.height, found[0].image.colorspace) == (2, 3)
    real = np.array([[0.0, 1.0], [2.0, np.nan]], np.float32).reshape(1, 2, 2, 1)
    (value,) = values(tf.summary.image("positive", real, max_outputs=1))
    assert value.tag == "positive/image"
    assert png_pixels(value.image.encoded_image_string).ravel().tolist() == [0, 127, 255, 255]
    (value,) = values(tf.summary.image("both", real[:, :1] - 1.0, 1))
    assert png_pixels(value.image.encoded_image_string).ravel().tolist() == [1, 128]
    with pytest.raises(tf.errors.InvalidArgumentError, match="height"):
        values(tf.summary.image("bad", pixels[0]))


def test_sounds_and_texts():
    (value,) = values(tf.summary.audio("s", tf.constant([[0.0, 0.5, -1.0]]), 8000, max_outputs=1))
    audio = value.audio
    assert (value.tag, audio.sample_rate, audio.length_frames) == ("s/audio", 8000.0, 3)
    assert np.frombuffer(audio.encoded_audio_string[44:], "<i2").tolist() == [0, 16384, -32768]
    (value,) = values(tf.summary.text("t", tf.constant(["a", "b"])))
    assert value.metadata.plugin_data.plugin_name == "text"
    assert tf.make_ndarray(value.tensor).tolist() == [b"a", b"b"]
    with pytest.raises(ValueError, match="takes strings"):
        tf.summary.text("t", tf.constant(1.0))


def test_merging():
    assert tf.summary.merge_all() is None
    a = tf.placeholder(tf.float32, [])
    tf.summary.scalar("one", a)
    tf.summary.scalar("two", a * 2.0)
    tf.summary.scalar("apart", a, collections=["other"])
    merged = tf.summary.merge_all()
    assert [(v.tag, v.simple_value) for v in values(merged, {a: 3.0})] == [("one", 3), ("two", 6)]
    assert len(values(tf.summary.merge_all("other"), {a: 1.0})) == 1
    same = tf.summary.merge([merged, merged])
    with pytest.raises(tf.errors.InvalidArgumentError, match="Duplicate tag one"):
        values(same, {a: 1.0})
    with pytest.raises(TypeError, match="list"):
        tf.summary.merge(merged)


def events(folder):
    return [e for name in sorted(os.listdir(folder))
            for e in tf.train.summary_iterator(os.path.join(folder, name))]  # fmt: skip


def test_a_writer_of_single_events(tmp_path):
    """What scripts call ``pywrap_tensorflow.EventsWriter``, with events they have made."""
    prefix = str(tmp_path / "logs" / "progress")
    writer = EventsWriter(prefix.encode())
    writer.WriteEvent(tf.Event(wall_time=1.5, step=3, summary=tf.Summary(
        value=[tf.Summary.Value(tag="loss", simple_value=0.5)])))  # fmt: skip
    path = writer.FileName().decode()
    assert path.startswith(prefix + ".out.tfevents.")
    assert len(list(tf.train.summary_iterator(path))) == 1  # the version; the rest waits
    writer.Close()
    version, event = tf.train.summary_iterator(path)
    assert version.file_version == "brain.Event:2"
    assert (event.wall_time, event.step, event.summary.value[0].tag) == (1.5, 3, "loss")


def test_event_files(tmp_path):
    folder = str(tmp_path / "logs")
    v = tf.Variable([1.0, 2.0], name="v")
    text = tf.summary.text("note", tf.constant("hello"))
    tf.summary.histogram("v", v)
    with tf.Session() as session, tf.summary.FileWriter(folder, session.graph) as writer:
        merged = tf.summary.merge_all()
        for step in range(2):
            writer.add_summary(session.run(merged), step)
        writer.add_summary(session.run(text), global_step=np.int64(2))
        manual = tf.Summary(value=[tf.Summary.Value(tag="manual", simple_value=0.5)])
        writer.add_summary(manual, 3)
        writer.add_session_log(tf.SessionLog(status=tf.SessionLog.CHECKPOINT), 4)
        writer.add_run_metadata(tf.RunMetadata(), "run", 5)
        with pytest.raises(ValueError, match="already used"):
            writer.add_run_metadata(tf.RunMetadata(), "run", 6)
        writer.add_event(tf.Event(step=7, log_message=tf.LogMessage(message="m")))
    (name,) = os.listdir(folder)
    assert name.startswith("events.out.tfevents.")
    found = events(folder)
    kinds = [(e.step, e.WhichOneof("what")) for e in found]
    assert kinds == [
        (0, "file_version"), (0, "graph_def"), (0, "meta_graph_def"), (0, "summary"),
        (1, "summary"), (2, "summary"), (3, "summary"), (4, "session_log"),
        (5, "tagged_run_metadata"), (7, "log_message"),
    ]  # fmt: skip
    assert found[0].file_version == "brain.Event:2"
    graph = tf.GraphDef.FromString(found[1].graph_def)
    assert "VariableV2" in [n.op for n in graph.node]
    # TensorBoard is told of a tag's plugin once.
    notes = [x for e in found for x in e.summary.value if x.tag == "note"]
    assert [n.HasField("metadata") for n in notes] == [True, False, False]
    assert writer.get_logdir() == folder


def test_a_writer_flushes_and_reopens(tmp_path):
    folder = str(tmp_path)
    writer = tf.summary.FileWriter(folder, max_queue=2, filename_suffix=".mine")
    summary = tf.Summary(value=[tf.Summary.Value(tag="a", simple_value=1.0)])
    writer.add_summary(summary, 1)
    assert len(events(folder)) == 1
    writer.flush()
    assert len(events(folder)) == 2
    for step in range(3):
        writer.add_summary(summary, step)
    assert len(events(folder)) == 5
    writer.close()
    writer.add_summary(summary, 9)  # dropped, with a notice
    writer.reopen()
    writer.add_summary(summary, 10)
    writer.close()
    assert [e.step for e in events(folder) if e.HasField("summary")] == [1, 0, 1, 2, 10]
    assert len(os.listdir(folder)) == 2
    assert all(".mine" in name for name in os.listdir(folder))


def test_what_is_no_summary(tmp_path):
    writer = tf.summary.FileWriter(str(tmp_path))
    with pytest.raises(TypeError, match="add_summary takes"):
        writer.add_summary(tf.summary.scalar("a", 1.0))
    with pytest.raises(TypeError, match="add_graph"):
        writer.add_graph("graph")
    writer.close()


class Foreign:
    """A message as the package protobuf makes them."""

    def __init__(self, name, message):
        self.DESCRIPTOR = types.SimpleNamespace(name=name)
        self.SerializeToString = message.SerializeToString


def test_messages_of_other_packages(tmp_path):
    plugin = tf.SummaryMetadata.PluginData(plugin_name="curves", content=b"x")
    metadata = tf.SummaryMetadata(plugin_data=plugin)
    (value,) = values(tf.summary.tensor_summary(
        "c", tf.constant([1.0]), summary_metadata=Foreign("SummaryMetadata", metadata)
    ))  # fmt: skip
    assert value.metadata.plugin_data == plugin
    with tf.summary.FileWriter(str(tmp_path)) as writer:
        summary = tf.Summary(value=[tf.Summary.Value(tag="a", simple_value=1.0)])
        writer.add_summary(Foreign("Summary", summary), 3)
        writer.add_event(Foreign("Event", tf.Event(step=4, summary=summary)))
        with pytest.raises(TypeError, match="a Summary message is expected"):
            writer.add_summary(tf.Event())
        with pytest.raises(TypeError, match="a Event message is expected"):
            writer.add_event(summary)
    assert [(e.step, len(e.summary.value)) for e in events(str(tmp_path))[1:]] == [(3, 1), (4, 1)]


def test_one_writer_per_folder(tmp_path):
    one = tf.summary.FileWriterCache.get(str(tmp_path))
    assert tf.summary.FileWriterCache.get(str(tmp_path)) is one
    tf.summary.FileWriterCache.clear()
    assert tf.summary.FileWriterCache.get(str(tmp_path)) is not one
    tf.summary.FileWriterCache.clear()


def test_many_values_fall_into_the_buckets_that_few_do():
    limits = bucket_limits()[1:-1]
    near = [np.nextafter(limits, -np.inf), limits, np.nextafter(limits, np.inf)]
    spread = np.random.default_rng(0).standard_normal(3000) * np.logspace(-15, 22, 3000)
    numbers = np.concatenate([*near, spread, [0.0, -0.0, 5e-324, -5e-324]])
    whole = histogram(numbers)
    counts = dict.fromkeys(whole.bucket_limit, 0)
    for number in numbers:
        alone = histogram([number])
        counts[alone.bucket_limit[alone.bucket.index(1)]] += 1
    assert [counts[limit] for limit in whole.bucket_limit] == whole.bucket


def test_the_projector_is_told_what_to_show(tmp_path):
    projector = tf.contrib.tensorboard.plugins.projector
    config = projector.ProjectorConfig(model_checkpoint_path="model.ckpt-1")
    embedding = config.embeddings.add()
    embedding.tensor_name = "words:0"
    embedding.metadata_path = "labels.tsv"
    embedding.sprite.image_path = "sprite.png"
    embedding.sprite.single_image_dim.extend([28, 28])
    folder = tmp_path / "logs"
    with tf.Graph().as_default(), tf.summary.FileWriter(str(folder)) as writer:
        projector.visualize_embeddings(writer, config)
        with pytest.raises(tf.errors.OpError, match="takes a ProjectorConfig"):
            projector.visualize_embeddings(writer, "words")
    # The text form that protobuf gives this message.
    assert (folder / "projector_config.pbtxt").read_text() == (
        'model_checkpoint_path: "model.ckpt-1"\n'
        "embeddings {\n"
        '  tensor_name: "words:0"\n'
        '  metadata_path: "labels.tsv"\n'
        "  sprite {\n"
        '    image_path: "sprite.png"\n'
        "    single_image_dim: 28\n"
        "    single_image_dim: 28\n"
        "  }\n"
        "}\n"
    )
