"""What TensorBoard shows of event files, where there is one: its server is started and asked.

``TFMINI_TENSORBOARD_PYTHON`` names an interpreter that has the package tensorboard, if this one has
not; it needs neither TensorFlow nor tfmini.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys

import numpy as np
import pytest

import tfmini as tf
from tfmini.formats.protobuf import Field, Message

# Writes a JSON object of route to answer; the folder and the routes are the arguments.
ASK = """
import json, sys, time, urllib.request
from tensorboard import program
folder, *routes = sys.argv[1:]
board = program.TensorBoard()
options = ["--logdir", folder, "--port", "0", "--reload_interval", "0", "--load_fast", "false"]
board.configure(argv=[None, *options])
url = board.launch() + "data/"
def ask(route):
    with urllib.request.urlopen(url + route) as answer:
        return answer.read()
while ask("runs").strip() == b"[]":
    time.sleep(0.05)
found = {route: ask(route) for route in routes}
picture = json.loads(found["plugin/images/images?run=run&tag=pixels/image/0&sample=0"])[0]
found["picture"] = ask("plugin/images/individualImage?" + picture["query"])
print(json.dumps({route: answer.decode("latin1") for route, answer in found.items()}))
"""
ROUTES = [
    "runs", "plugins_listing", "plugin/scalars/tags", "plugin/scalars/scalars?run=run&tag=height",
    "plugin/histograms/histograms?run=run&tag=weights",
    "plugin/distributions/distributions?run=run&tag=weights", "plugin/images/tags",
    "plugin/images/images?run=run&tag=pixels/image/0&sample=0", "plugin/audio/tags",
    "plugin/audio/audio?run=run&tag=tone/audio/0&sample=0", "plugin/text/text?run=run&tag=note",
    "plugin/graphs/info", "plugin/graphs/graph?run=run",
    "plugin/graphs/run_metadata?run=run&tag=first", "plugin/custom_scalars/layout",
    "plugin/custom_scalars/scalars?run=run&tag=height", "plugin/timeseries/tags",
]  # fmt: skip
PIXELS = np.arange(96, dtype=np.uint8).reshape(2, 4, 4, 3)
SHOWN = {"scalars", "histograms", "distributions", "images", "audio", "text", "graphs",
         "custom_scalars", "timeseries"}  # fmt: skip


def interpreter() -> str | None:
    here = sys.executable if importlib.util.find_spec("tensorboard") else None
    return os.environ.get("TFMINI_TENSORBOARD_PYTHON") or here


class Lines(Message):
    tag = Field(1, "string", repeated=True)


class Chart(Message):
    title = Field(1, "string")
    multiline = Field(2, Lines)


class Category(Message):
    title = Field(1, "string")
    chart = Field(2, Chart, repeated=True)


class Layout(Message):
    """What the plugin of custom scalars shows, as TensorBoard's ``layout.proto`` has it."""

    category = Field(2, Category, repeated=True)


def layout_summary() -> tf.Summary:
    chart = Chart(title="heights", multiline=Lines(tag=["height"]))
    layout = Layout(category=[Category(title="all", chart=[chart])])
    plugin = tf.SummaryMetadata.PluginData(plugin_name="custom_scalars")
    value = tf.Summary.Value(
        tag="custom_scalars__config__",
        metadata=tf.SummaryMetadata(plugin_data=plugin),
        tensor=tf.make_tensor_proto(layout.SerializeToString(), dtype=tf.string),
    )
    return tf.Summary(value=[value])


def write(folder: str) -> None:
    """Write two steps of a training with every kind of summary."""
    with tf.Graph().as_default() as graph, tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 2], "x")
        with tf.name_scope("layer"):
            w = tf.Variable(np.linspace(-1, 1, 6, dtype="f").reshape(2, 3), name="w")
            y = tf.tanh(tf.matmul(x, w), name="y")
        train = tf.train.AdamOptimizer(0.1).minimize(tf.reduce_mean(y))
        tf.summary.scalar("height", x[0, 0])
        tf.summary.histogram("weights", w)
        tf.summary.image("pixels", tf.constant(PIXELS))
        tf.summary.audio("tone", tf.sin(tf.range(0.0, 99.0))[tf.newaxis], 8000.0)
        tf.summary.text("note", tf.constant("so *it* goes"))
        merged = tf.summary.merge_all()
        session.run(tf.global_variables_initializer())
        metadata, options = tf.RunMetadata(), tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
        with tf.summary.FileWriter(folder, graph) as writer:
            writer.add_summary(layout_summary())
            for step in range(2):
                feeds = {x: [[step + 0.5, 1.0]]}
                values = session.run([merged, train], feeds, options, metadata)
                writer.add_summary(values[0], step)
            writer.add_run_metadata(metadata, "first", 0)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    python = interpreter()
    if python is None:
        pytest.skip("no TensorBoard here: set TFMINI_TENSORBOARD_PYTHON")
    folder = tmp_path_factory.mktemp("logs")
    write(str(folder / "run"))
    command = [python, "-W", "ignore", "-c", ASK, str(folder), *ROUTES]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_every_plugin_has_something_to_show(answers: dict[str, str]) -> None:
    assert json.loads(answers["runs"]) == ["run"]
    listed = json.loads(answers["plugins_listing"])
    assert {name for name in SHOWN if not listed[name]["enabled"]} == set()


def test_scalars_and_custom_scalars(answers: dict[str, str]) -> None:
    points = json.loads(answers["plugin/scalars/scalars?run=run&tag=height"])
    assert [[step, value] for _, step, value in points] == [[0, 0.5], [1, 1.5]]
    layout = json.loads(answers["plugin/custom_scalars/layout"])
    assert layout["category"][0]["chart"][0]["multiline"]["tag"] == ["height"]
    chosen = json.loads(answers["plugin/custom_scalars/scalars?run=run&tag=height"])
    assert [p[2] for p in chosen["tag_to_events"]["height"]] == [0.5, 1.5]
    assert json.loads(answers["plugin/timeseries/tags"])["scalars"]["runTagInfo"]["run"]


def test_histograms_and_distributions(answers: dict[str, str]) -> None:
    first, _ = json.loads(answers["plugin/histograms/histograms?run=run&tag=weights"])
    buckets = first[2]
    assert sum(count for _, _, count in buckets) == 6
    assert (buckets[0][0], buckets[-1][1]) == (-1.0, 1.0)
    spread, _ = json.loads(answers["plugin/distributions/distributions?run=run&tag=weights"])
    assert [spread[2][0], spread[2][-1]] == [[0, -1.0], [10000, 1.0]]


def test_images_sounds_and_texts(answers: dict[str, str]) -> None:
    tags = json.loads(answers["plugin/images/tags"])["run"]
    assert set(tags) == {"pixels/image/0", "pixels/image/1"}
    picture = answers["picture"].encode("latin1")
    with tf.Graph().as_default(), tf.Session() as session:
        assert session.run(tf.image.decode_png(picture)).tolist() == PIXELS[0].tolist()
    assert set(json.loads(answers["plugin/audio/tags"])["run"]) == {"tone/audio/0"}
    sound = json.loads(answers["plugin/audio/audio?run=run&tag=tone/audio/0&sample=0"])
    assert sound[0]["contentType"] == "audio/wav"
    text = json.loads(answers["plugin/text/text?run=run&tag=note"])
    assert text[0]["text"] == "<p>so <em>it</em> goes</p>"


def test_graphs_and_runs(answers: dict[str, str]) -> None:
    info = json.loads(answers["plugin/graphs/info"])["run"]
    assert info["run_graph"]
    assert info["tags"]["first"]["profile"]
    graph = answers["plugin/graphs/graph?run=run"]
    assert 'name: "layer/MatMul"\n  op: "MatMul"\n  input: "x"' in graph
    assert "_output_shapes" in graph
    assert 'node_name: "layer/MatMul"' in answers["plugin/graphs/run_metadata?run=run&tag=first"]
