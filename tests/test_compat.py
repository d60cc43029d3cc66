"""Scripts that say ``import tensorflow``: how they run, what they see, what they are told."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import textwrap
import types

import numpy as np
import pytest

import tfmini as tf
from tfmini import flags, logging, missing
from tfmini.compat import hook, mnist
from tfmini.examples.tutorials.mnist import input_data
from tfmini.summaries.writer import EventsWriter

RUN = [sys.executable, "-m", "tfmini", "run"]


def run(tmp_path, text, *arguments, name="script.py", command=RUN):
    (tmp_path / name).write_text(textwrap.dedent(text))
    return subprocess.run(
        [*command, name, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )


def python(tmp_path, name, *arguments):
    return subprocess.run(
        [sys.executable, name, *arguments], cwd=tmp_path, capture_output=True, text=True
    )


def test_a_script_runs_unchanged(tmp_path):
    (tmp_path / "beside.py").write_text("import tensorflow as tf\nrate = tf.constant(0.5)\n")
    done = run(
        tmp_path,
        """
        from __future__ import print_function
        import sys
        import tensorflow as tf
        import tensorflow.compat.v1 as tf1
        from tensorflow.python.framework import ops
        from tensorflow.python.framework import graph_util
        from tensorflow.python.layers import utils
        from tensorflow.python.ops import math_ops
        from beside import rate

        print(tf.__version__, __name__, __file__, sys.argv, sys.modules["__main__"].__file__)
        print(math_ops.matmul is tf.matmul, tf1.Session is tf.Session)
        with tf.Session() as sess:
            print(sess.run(rate * 4.0), sess.run(tf.constant("text")))
        print(graph_util.extract_sub_graph is tf.graph_util.extract_sub_graph)
        print(utils.smart_cond(True, lambda: "known", None))
        ops.reset_default_graph()
        print(len(tf.get_default_graph().get_operations()))
        """,
        "--flag",
        "3",
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "1.15.0 __main__ script.py ['script.py', '--flag', '3'] script.py",
        "True True",
        "2.0 b'text'",
        "True",
        "known",
        "0",
    ]


@pytest.mark.parametrize(
    "text",
    ["def f():\n    return 1 / 0\n\nf()", "import sys; sys.exit(3)", "import sys; sys.exit('why')",
     "x = (", "raise KeyboardInterrupt"],
)  # fmt: skip
def test_ends_are_those_of_python(tmp_path, text):
    ours = run(tmp_path, text)
    theirs = python(tmp_path, "script.py")
    assert ours.stderr.replace(str(tmp_path) + "/", "") == theirs.stderr.replace(
        str(tmp_path) + "/", ""
    )
    assert ours.stdout == theirs.stdout
    # A signal's status is negative; shells and we say 130.
    assert ours.returncode == (130 if theirs.returncode < 0 else theirs.returncode)


def test_a_script_that_is_not_there(tmp_path):
    done = subprocess.run([*RUN, "nothing.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert "can't open file" in done.stderr


def test_a_missing_symbol_is_one_error(tmp_path):
    text = "import tensorflow as tf\n\ntf.keras.layers.Dense(3)\n"
    done = run(tmp_path, text)
    lines = done.stderr.splitlines()
    assert done.returncode == 1
    assert [line for line in lines if "File" in line] == ['  File "script.py", line 3, in <module>']
    assert "tf.keras.layers.Dense" in lines[-1]
    assert "script.py:3" in lines[-1]
    assert "Nearest" in lines[-1]


def test_assignments_that_scripts_leave_unordered(tmp_path):
    """Critics that are trained and clipped in one run: neither is lost; here it is an error."""
    text = """
        import tensorflow as tf
        w = tf.get_variable("w", initializer=[4.0, -4.0])
        loss = tf.reduce_sum(tf.square(tf.sigmoid(w) * w))
        train = tf.train.GradientDescentOptimizer(0.5).minimize(loss)
        clip = w.assign(tf.clip_by_value(w, -1.0, 1.0))
        slope = tf.gradients(loss, w)[0]
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            before = sess.run(slope)
            for fetches in ([train, clip], [clip, train]):
                sess.run(tf.global_variables_initializer())
                sess.run(fetches)
                print(abs(sess.run(w) - ([1.0, -1.0] - 0.5 * before)).max() < 1e-6)
        """
    done = run(tmp_path, text)
    assert done.stdout.split() == ["True", "True"], done.stderr
    assert done.stderr.count("no defined order") == 1
    plain = textwrap.dedent(text).replace("import tensorflow as tf", "import tfmini as tf")
    (tmp_path / "plain.py").write_text(plain)
    done = python(tmp_path, "plain.py")
    assert "both assign to variable 'w'" in done.stderr
    assert done.returncode == 1


def test_gradients_that_scripts_expect_to_be_none(tmp_path):
    text = """
        import tensorflow as tf
        a, b = tf.Variable(1.0), tf.Variable(1.0)
        grads = tf.gradients(2.0 * a, [a, b])
        print(grads[0].eval(session=tf.Session()), grads[1])
        """
    done = run(tmp_path, text)
    assert done.stdout.split() == ["2.0", "None"], done.stderr
    assert "no gradient reaches it" in done.stderr


def test_variables_fetched_beside_their_update(tmp_path):
    """A fetched variable has the value after the run; what reads it has the one before."""
    text = """
        import tensorflow as tf
        w = tf.Variable(1.0)
        twice = 2.0 * w
        step = w.assign_add(1.0)
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            print(*sess.run([w, twice, step.op]), sess.run(w))
        """
    done = run(tmp_path, text)
    assert done.stdout.split() == ["2.0", "2.0", "None", "2.0"], done.stderr
    plain = textwrap.dedent(text).replace("import tensorflow as tf", "import tfmini as tf")
    (tmp_path / "plain.py").write_text(plain)
    assert python(tmp_path, "plain.py").stdout.split() == ["1.0", "2.0", "None", "2.0"]


def test_messages_are_read_as_text(tmp_path):
    text = """
        import tensorflow as tf
        from google.protobuf import text_format
        tf.constant(2.0, name="two")
        text = text_format.MessageToString(tf.get_default_graph().as_graph_def())
        found = tf.GraphDef()
        text_format.Merge(text, found)
        print(found.node[0].name, text == str(found))
        try:
            text_format.Parse("node {", tf.GraphDef())
        except text_format.ParseError as e:
            print(type(e).__name__)
        """
    done = run(tmp_path, text)
    assert done.stdout.split() == ["two", "True", "ParseError"], done.stderr


def test_notebooks(tmp_path):
    cells = [
        {"cell_type": "markdown", "source": ["# no code"]},
        {
            "cell_type": "code",
            "source": ["%matplotlib inline\n", "import tensorflow as tf\n", "x = 2"],
        },
        {"cell_type": "code", "source": "!ls\ny = x * 3\ny"},
        {"cell_type": "code", "source": ["%%bash\n", "echo no"]},
        {"cell_type": "code", "source": "print(tf.Session().run(tf.constant(y)));"},
    ]
    path = tmp_path / "book.ipynb"
    path.write_text(json.dumps({"cells": cells, "nbformat": 4}))
    done = subprocess.run(
        [sys.executable, "-m", "tfmini", "book.ipynb"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout.split() == ["6", "6"]
    assert done.stderr.count("skipped") == 3
    cells.append({"cell_type": "code", "source": "a = 1\n1 / 0"})
    path.write_text(json.dumps({"cells": cells, "nbformat": 4}))
    done = subprocess.run([*RUN, "book.ipynb"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "book.ipynb, cell 5" in done.stderr
    assert "1 / 0" in done.stderr
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "source": "x = (1,"}]}))
    done = subprocess.run([*RUN, "book.ipynb"], cwd=tmp_path, capture_output=True, text=True)
    assert done.stderr.splitlines()[0] == '  File "book.ipynb, cell 1", line 1'


def test_a_script_on_a_cluster(tmp_path, cluster):
    done = run(
        tmp_path,
        """
        import tensorflow as tf
        x = tf.random_normal([200, 200], seed=1)
        with tf.Session() as sess:
            print(sess.list_devices()[-1].name)
            print(sess.run(tf.reduce_sum(x - x)))
        """,
        command=[*RUN, "--scheduler", cluster.scheduler_address],
    )
    assert done.stdout.split() == ["/job:localhost/replica:0/task:1/device:CPU:0", "0.0"]


# -- names ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "near"),
    [("nn.reluu", "Nearest: tf.nn.relu6?,"), ("reduce_men", "tf.reduce_mean"),
     ("nn.softmax_v2", "tf.nn.softmax"),
     ("contrib.layers.conv2dd", "tf.contrib.layers.conv2d"), ("contrib.nope", ""),
     ("test.no_such", ""), ("estimator.DNNClassifier", "tf.layers"),
     ("keras.layers.Dense", "tf.layers.Dense")],
)  # fmt: skip
def test_what_is_missing_names_what_is_near(path, near):
    with pytest.raises(AttributeError, match=f"no tf.{path}.*test_compat.py.*{near}"):
        _at(path)


def test_what_a_package_has_names_the_package():
    for path in ("erf", "math.erf", "fft", "signal"):
        assert "pip install tfmini-s" in missing.message(path, "here")


def test_older_names_of_contrib():
    assert tf.contrib.framework.get_global_step is tf.train.get_global_step
    assert callable(tf.contrib.deprecated.scalar_summary)


def _at(path):
    found = tf
    for part in path.split("."):
        found = getattr(found, part)
    return found


def test_missing_imports(monkeypatch):
    hook.install()
    try:
        with pytest.raises(ImportError, match=r"no tf.fooo; used at .*test_compat.py"):
            from tensorflow import fooo  # noqa: F401
        with pytest.raises(ImportError, match=r"tf.keras.layers.Dense "):
            from tensorflow.keras.layers import Dense  # noqa: F401
        with pytest.raises(ModuleNotFoundError, match=r"no tf.no_such; used"):
            import tensorflow.no_such.thing
        import tensorflow

        assert tensorflow.nn.relu is tf.nn.relu
        assert not hasattr(tensorflow, "fooo")
        assert "matmul" in dir(tensorflow)
    finally:
        hook.uninstall()
    assert "tensorflow" not in sys.modules


def test_modules_of_the_inside_have_their_older_functions():
    hook.install()
    try:
        from tensorflow.python.ops import rnn, seq2seq

        assert rnn.rnn is tf.nn.static_rnn
        assert rnn.bidirectional_rnn is tf.nn.static_bidirectional_rnn
        assert seq2seq.rnn_decoder is tf.contrib.legacy_seq2seq.rnn_decoder
    finally:
        hook.uninstall()


def test_scripts_find_what_numpy_has_dropped(tmp_path):
    (tmp_path / "beside.py").write_text("import numpy\nfloats = numpy.float\n")
    done = run(
        tmp_path,
        """
        import numpy as np
        import tensorflow as tf
        from beside import floats

        ragged = np.array([[1], [2, 3]])
        print(ragged.dtype, ragged.shape, np.asarray([1, 2]).dtype, np.int(3.5), np.int(2.5))
        print(floats, np.product([2, 3]), np.NINF, np.bool is np.bool_, hasattr(np, "none"))
        try:
            np.array([[1], [2, 3]], np.float32)
        except ValueError:
            print("lists of different lengths are no array of floats")
        """,
    )
    assert done.stdout.splitlines() == [
        "object (2,) int64 3 2",
        "<class 'float'> 6 -inf True False",
        "lists of different lengths are no array of floats",
    ]
    assert done.stderr.count("np.int ") == done.stderr.count("lengths differ") == 1
    assert not hasattr(np, "product"), "it is for scripts alone"


def test_scripts_beside_it_may_be_called_as_what_the_package_needs(tmp_path):
    (tmp_path / "dask.py").write_text("raise SystemExit('the wrong one')")
    text = """
        import tensorflow as tf
        with tf.Session(target="threads") as session:
            print(session.run(tf.constant(2.0) + 1.0))
        """
    assert run(tmp_path, text).stdout == "3.0\n"


def test_protocol_buffers_are_found_where_tensorflow_has_them():
    hook.install()
    try:
        from tensorflow.core.framework import attr_value_pb2
        from tensorflow.core.util.event_pb2 import Event
        from tensorflow.python import pywrap_tensorflow

        assert attr_value_pb2.AttrValue is tf.AttrValue
        assert Event is tf.Event
        assert pywrap_tensorflow.EventsWriter is EventsWriter
        assert pywrap_tensorflow.NewCheckpointReader is tf.train.NewCheckpointReader
    finally:
        hook.uninstall()


def test_functions_of_libraries_have_gradients_of_their_own():
    hook.install()
    try:
        from tensorflow.python.framework import function

        @function.Defun(tf.float32, tf.float32, tf.float32)
        def swapped(x, y, dy):
            return 10.0 * dy * y, 100.0 * dy * x

        @function.Defun(grad_func=swapped)
        def product(x, y):
            return x * y

        @function.Defun(
            python_grad_func=lambda call, dy, _: dy * call.outputs[0] + call.inputs[0],
            shape_func=lambda call: [[2], call.inputs[0].shape],
            noinline=True,
        )
        def pair(x):
            return tf.reshape(x, tf.shape(x)), 3.0 * x

        x, y = tf.constant([2.0, 3.0]), tf.constant([5.0, 7.0])
        z, (first, second) = product(x, y), pair(x, name="here")
        plain = function.Defun(tf.float32, func_name="third")(lambda x: x**3)(2.0)
        assert first.shape.as_list() == second.shape.as_list() == [2]
        assert second.op.name.startswith("here/")
        grads = [*tf.gradients(z, [x, y]), *tf.gradients(first, x)]
        with tf.Session() as session:
            for found, wanted in zip(
                session.run([z, plain, *grads]),
                ([10, 21], 8, [50, 70], [200, 300], [4, 6]),
                strict=True,
            ):
                np.testing.assert_allclose(found, wanted)
        with pytest.raises(tf.errors.InvalidArgumentError, match="3 arguments, not 1"):
            swapped(x)
        with pytest.raises(TypeError, match="float32"):
            swapped(tf.constant(1), x, y)
    finally:
        hook.uninstall()


def test_the_products_of_cells_that_scripts_write_themselves():
    hook.install()
    try:
        from tensorflow.contrib.rnn.python.ops import core_rnn_cell

        x, h = tf.ones([2, 3]), tf.ones([2, 1])
        with tf.variable_scope("a"):
            both = core_rnn_cell._linear(
                [x, h], 5, True, tf.ones_initializer(), tf.ones_initializer()
            )
        with tf.variable_scope("b"):
            one = core_rnn_cell._linear(x, 2, False, kernel_initializer=tf.ones_initializer())
        names = ["a/kernel:0", "a/bias:0", "b/kernel:0"]
        assert [v.name for v in tf.trainable_variables()] == names
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            values = session.run([both, one])
        assert [v.tolist() for v in values] == [[[5.0] * 5] * 2, [[3.0] * 2] * 2]
    finally:
        hook.uninstall()


def test_meta_graphs_hold_a_librarys_own_objects(tmp_path):
    class Unit:  # a library's object; the message is any protocol buffer
        def __init__(self, name):
            self.name = name

    def write(unit, export_scope=None):
        return tf.NodeDef(name=unit.name) if unit.name else None

    hook.install()
    try:
        from tensorflow.python.framework import ops

        with pytest.raises(tf.errors.InvalidArgumentError, match="proto_type"):
            ops.register_proto_function("units", from_proto=Unit)
        ops.register_proto_function(
            "units", tf.NodeDef, write, lambda m, import_scope=None: Unit((import_scope, m.name))
        )
        assert ops.get_collection_proto_type("units") is tf.NodeDef
        with tf.Graph().as_default() as graph:
            graph.add_to_collection("units", Unit("left"))
            graph.add_to_collection("units", Unit(""))
            tf.train.export_meta_graph(tmp_path / "graph.meta")
        with tf.Graph().as_default() as graph:
            tf.train.import_meta_graph(tmp_path / "graph.meta")
            tf.train.import_meta_graph(tmp_path / "graph.meta", import_scope="again")
            names = [u.name for u in graph.get_collection("units")]
        assert names == [(None, "left"), ("again", "left")]
        assert ops.strip_name_scope("again/left", "again") == "left"
    finally:
        hook.uninstall()


def test_libraries_find_what_they_take_from_the_inside():
    hook.install()
    try:
        from tensorflow.python.ops import rnn_cell_impl
        from tensorflow.python.util import tf_contextlib, tf_decorator, tf_inspect
        from tensorflow.python.util.all_util import remove_undocumented

        @tf_contextlib.contextmanager
        def twice(x):
            yield 2 * x

        def outer(*args):
            return twice(*args)

        with tf_decorator.make_decorator(twice, outer)(3) as six:
            assert (six, outer.__name__) == (6, "twice")
        assert tf_decorator.unwrap(outer)[0][0] is outer
        module = sys.modules["a_library"] = types.ModuleType("a_library", "Has @@told.")
        vars(module).update(told=1, listed=2, other=3, _own=4)
        assert tf_inspect.getargspec(lambda a, *b, c=1: 0) == (["a"], "b", None, None)
        assert tf_inspect.getargspec(tf.layers.Dense(3)).args[:2] == ["self", "inputs"]
        assert tf_inspect.isfunction(outer)
        c, h = rnn_cell_impl._zero_state_tensors((3, tf.TensorShape([2, 4])), 5, tf.float64)
        assert (c.shape.as_list(), h.shape.as_list(), h.dtype) == ([5, 3], [5, 2, 4], tf.float64)
        remove_undocumented("a_library", ["listed"])
        assert [n for n in vars(module) if not n.startswith("__")] == ["told", "listed", "_own"]
    finally:
        sys.modules.pop("a_library", None)
        hook.uninstall()


def test_modules_inside_contrib_have_the_functions_of_their_part(tmp_path):
    text = """
        from tensorflow.contrib.framework.python.ops import add_arg_scope, arg_scope
        @add_arg_scope
        def twice(x, factor=2):
            return factor * x
        with arg_scope([twice], factor=3):
            print(twice(5))
        """
    assert run(tmp_path, text).stdout == "15\n"


def test_public_symbols_are_there():
    symbols = list(missing.symbols())
    assert {"matmul", "nn.relu", "train.AdamOptimizer", "initializers.zeros"} <= set(symbols)
    assert len(symbols) == len(set(symbols))
    for symbol in symbols:
        _at(symbol)


# -- the digits -------------------------------------------------------------------------------


def write_idx(path, array):
    head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    data = head + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for part, n in (("train", 12), ("t10k", 5)):
        write_idx(tmp_path / f"{part}-images-idx3-ubyte.gz", rng.integers(0, 256, (n, 28, 28)))
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte", np.arange(n) % 10)
    return tmp_path


def test_local_files_are_read(folder):
    data = input_data.read_data_sets(str(folder), one_hot=True, validation_size=5000)
    assert [part.num_examples for part in data] == [11, 1, 5]
    assert data.test.images.shape == (5, 784)
    assert data.test.images.dtype == np.float32
    assert 0.99 < data.test.images.max() <= 1.0
    assert data.test.labels.tolist() == np.eye(10)[np.arange(5)].tolist()
    plain = tf.contrib.learn.datasets.mnist.load_mnist(str(folder))
    assert plain.train.labels.ndim == 1
    whole = input_data.read_data_sets(str(folder), reshape=False, dtype=tf.uint8)
    assert whole.train.images.shape == (11, 28, 28, 1)
    assert whole.train.images.dtype == whole.train.labels.dtype == np.uint8


def test_batches_go_through_all_examples_in_each_epoch(folder):
    train = input_data.read_data_sets(str(folder), validation_size=0, seed=4).train
    seen = np.concatenate([train.next_batch(5)[0] for _ in range(12)])
    assert train.epochs_completed == 4
    _, counts = np.unique(seen, axis=0, return_counts=True)
    assert counts.tolist() == [5] * 12
    assert len(train.next_batch(30)[1]) == 30  # more than there are
    first = input_data.read_data_sets(str(folder), validation_size=0).train
    _, labels = first.next_batch(3, shuffle=False)
    assert labels.tolist() == [0, 1, 2]


def test_damaged_files_are_named(folder):
    path = folder / "t10k-labels-idx1-ubyte"
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(tf.errors.DataLossError, match=r"t10k-labels.* cut off"):
        mnist.load(folder)


def test_digits_stand_in_and_say_so(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    logging.forget_notices()
    (x, y), (x_test, y_test) = tf.keras.datasets.mnist.load_data()
    assert "scikit-learn's 1797 digits" in caplog.text
    assert x.shape == (1540, 28, 28)
    assert x.dtype == y.dtype == np.uint8
    assert len(x_test) == len(y_test) == 257
    assert set(y) == set(range(10))


def test_enlarging_keeps_values_and_means():
    small = np.random.default_rng(0).random((2, 8, 8))
    large = mnist.enlarged(small)
    assert np.allclose(mnist.enlarged(np.full((1, 8, 8), 0.3)), 0.3)
    assert np.allclose(large.mean((1, 2)), small.mean((1, 2)), atol=0.02)
    assert small.min() <= large.min() <= large.max() <= small.max()


# -- flags and texts --------------------------------------------------------------------------


@pytest.fixture
def values(monkeypatch):
    fresh = flags.FlagValues()
    monkeypatch.setattr(flags, "FLAGS", fresh)
    flags.DEFINE_float("rate", 0.1, "step size")
    flags.DEFINE_integer("steps", 10, "how many", lower_bound=1)
    flags.DEFINE_boolean("fast", False, "hurry")
    flags.DEFINE_string("name", None, "name")
    flags.DEFINE_list("sizes", "3,4", "sizes")
    flags.DEFINE_multi_integer("n", [1], "numbers")
    flags.DEFINE_enum("mode", "train", ["train", "test"], "what to do")
    return fresh


def test_flags_are_read(values):
    rest = values(["prog", "--rate=0.5", "-steps", "7", "--fast", "left", "--n", "4", "--n=5",
                   "--name", "x", "--sizes=1, 2", "--", "--rate=9"])  # fmt: skip
    assert rest == ["prog", "left", "--rate=9"]
    assert values.flag_values_dict() == {
        "rate": 0.5, "steps": 7, "fast": True, "name": "x", "sizes": ["1", "2"], "n": [4, 5],
        "mode": "train",
    }  # fmt: skip
    assert values(["prog", "--nofast"]) == ["prog"]
    assert values.fast is False
    values.rate = 2.0
    assert values.rate == 2.0


def test_scripts_list_flags_by_the_inner_name_of_absl(values):
    values._parse_flags(["--steps=7"])
    assert values.__flags is values.__dict__["__flags"]
    assert [f"{k.upper()}={v}" for k, v in sorted(values.__flags.items())][-1] == "STEPS=7"
    assert values.__flags["steps"].value == 7


@pytest.mark.parametrize(
    ("argv", "message"),
    [(["--steps=x"], "--steps=x"), (["--steps=0"], "not between"),
     (["--mode=run"], "train, test"), (["--rate"], "needs a value"),
     (["--fast=maybe"], "true or false"), (["--what"], "unknown flag")],
)  # fmt: skip
def test_wrong_flags(values, argv, message):
    with pytest.raises(flags.Error, match=message):
        values(["prog", *argv])


@pytest.mark.parametrize(("default", "says"), [("abc", "--n=abc"), (1.5, "--n=1.5")])
def test_wrong_defaults_name_the_flag(values, default, says):
    with pytest.raises(flags.IllegalFlagValueError, match=says):
        flags.DEFINE_integer("n", default, "how many")


def test_flags_are_read_when_first_asked_for(values, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["prog", "--steps=3", "--someone_elses=1"])
    assert values.steps == 3
    with pytest.raises(AttributeError, match=r"no flag 'stepz'.*steps"):
        _ = values.stepz


def test_app_run(values, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["prog", "--steps=3", "a"])
    with pytest.raises(SystemExit) as exit:
        tf.app.run(lambda argv: [*argv[1:], values.steps])
    assert exit.value.code == ["a", 3]


def test_texts():
    assert tf.compat.as_bytes("é") == b"\xc3\xa9"
    assert tf.compat.as_str(b"a") == tf.compat.as_text("a") == "a"
    assert tf.compat.as_str_any(3) == "3"
    assert tf.compat.v1 is tf
    with pytest.raises(TypeError, match="text or bytes"):
        tf.compat.as_bytes(3)
