"""Operations in the lesson's class style, and the lesson's own faults, which are not here.

The lesson is "Deep Learning From Scratch"; its implementation, TensorSlow, computes shared nodes
again and again, is recursive, and gets several gradients wrong.
"""

from __future__ import annotations

import inspect
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import tfmini as tf


class scaled(tf.Operation):
    """``rate * x``, with a count of how often it ran here."""

    runs = 0

    def __init__(self, x, rate=2.0):
        super().__init__([x])
        self.rate = rate

    def compute(self, x_value):
        type(self).runs += 1
        return x_value * self.rate


@tf.RegisterGradient("scaled")
def _scaled_gradient(op, grad):
    return grad * op.rate


class add(tf.Operation):
    """The lesson's own first operation."""

    def __init__(self, x, y):
        super().__init__([x, y])

    def compute(self, x_value, y_value):
        return x_value + y_value


@tf.RegisterGradient("add")
def _add_gradient(op, grad):
    grads = []
    for value in op.inputs:
        g = grad
        while np.ndim(g) > np.ndim(value):
            g = np.sum(g, axis=0)
        for axis, size in enumerate(np.shape(value)):
            if size == 1:
                g = np.sum(g, axis=axis, keepdims=True)
        grads.append(g)
    return grads


def run(fetches, feed=None, target="sync"):
    with tf.Session(target) as session:
        return session.run(fetches, feed)


# -- the class style ---------------------------------------------------------------------------


def test_operations_are_nodes_and_values():
    x = tf.placeholder()
    y = scaled(x, rate=3.0)
    assert isinstance(y, tf.Operation)
    assert y.type == y.name == "scaled"
    assert y.input_nodes == [x.op]
    assert x.op.consumers == [y]
    assert tf.get_default_graph().get_operations()[-1] is y
    z = add(y, [1.0, 1.0])
    assert run([y, z, z + 1.0], {x: [1, 2]})[2].tolist() == [5, 8]
    assert run(z, {y: [0.0, 0.0]}).tolist() == [1, 1]


def test_attributes_set_in_init_are_there_in_compute():
    class holder(tf.Operation):
        def __init__(self, x):
            self.early = 1
            super().__init__([x])
            self.late = {"a": [2]}
            self.node = x  # leads to the graph: compute must not need it

        def compute(self, x_value):
            assert not hasattr(self, "node")
            assert not hasattr(self, "graph")
            return x_value + self.early + self.late["a"][0]

    assert run(holder(tf.constant(1.0))) == 4


def test_source_is_the_line_that_constructs():
    class twice(scaled):
        def __init__(self, x):
            super().__init__(x, 2.0)

    class bare(tf.Operation):
        def compute(self, x_value):
            return x_value

    here = inspect.currentframe().f_lineno + 1
    y = twice(tf.constant(1.0))
    z = bare([y])
    assert [y.source, z.source] == [(__file__, here), (__file__, here + 1)]


def test_lists_numbers_and_arrays_are_inputs():
    assert run(add([1.0, 2.0], 3.0)).tolist() == [4, 5]
    assert run(add(np.ones(2), tf.constant([1.0, 1.0]))).tolist() == [2, 2]


def test_compute_may_return_python_values():
    class size(tf.Operation):
        def __init__(self, x):
            super().__init__([x])

        def compute(self, x_value):
            return [len(x_value), 1]

    assert run(size(tf.zeros([3]))).tolist() == [3, 1]


def test_compute_must_return_something():
    class forgetful(tf.Operation):
        def __init__(self, x):
            super().__init__([x])

        def compute(self, x_value):
            x_value + 1

    with pytest.raises(
        TypeError, match=r'forgetful node "forgetful" \(.*test_lesson.*returned None'
    ):
        run(forgetful(tf.constant(1.0)))


def test_compute_must_not_return_a_node():
    class tensorial(tf.Operation):
        def __init__(self, x):
            super().__init__([x])

        def compute(self, x_value):
            return tf.exp(x_value)

    with pytest.raises(TypeError, match=r"tensorial node .*returned a node of a graph"):
        run(tensorial(tf.constant(1.0)))


def test_init_must_make_the_node():
    class absent(tf.Operation):
        def __init__(self, x):
            self.x = x

        def compute(self, x_value):
            return x_value

    made = absent(tf.constant(1.0))
    for careless in (lambda: run(made), lambda: made + 1.0, lambda: made.name):
        with pytest.raises(AttributeError, match=r"super\(\).__init__\(\[x, y\]\)"):
            careless()
    with pytest.raises(AttributeError, match="'absent' object has no attribute 'y'"):
        _ = made.y


@pytest.mark.parametrize("arguments", [lambda x, y: (x, y), lambda x, y: (x,)])
def test_inputs_are_one_list(arguments):
    class loose(tf.Operation):
        def __init__(self, x, y):
            super().__init__(*arguments(x, y))

        def compute(self, x_value, y_value):
            return x_value

    with pytest.raises(TypeError, match=r"loose node .*test_lesson.*must be one list"):
        loose(tf.constant(1.0), tf.constant(2.0))


def test_the_decorator_needs_a_name():
    with pytest.raises(TypeError, match=r"write @tf\.RegisterGradient\('name"):
        tf.RegisterGradient(lambda op, grad: grad)


def test_a_class_needs_compute():
    class incomplete(tf.Operation):
        def __init__(self, x):
            super().__init__([x])

    with pytest.raises(TypeError, match="incomplete needs a compute"):
        incomplete(tf.constant(1.0))


def test_gradients_of_values():
    x, b = tf.placeholder(tf.float64, [None, 2]), tf.Variable(np.zeros((1, 2)))
    y = add(scaled(x, 3.0), b)
    gx, gb = tf.gradients(y, [x, b])
    values = run([gx, gb], {x: np.ones((4, 2))})
    assert values[0].tolist() == [[3, 3]] * 4
    assert values[1].tolist() == [[4, 4]]


def test_gradients_are_fitted_to_their_inputs():
    class plus(tf.Operation):
        def __init__(self, x, y):
            super().__init__([x, y])

        def compute(self, x_value, y_value):
            return x_value + y_value

    @tf.RegisterGradient("plus")
    def _lazy(op, grad):
        return [grad, grad]  # as the lesson writes it, without a thought of broadcasting

    x, b = tf.placeholder(), tf.Variable([0.0, 0.0])
    gx, gb = tf.gradients(plus(x, b), [x, b])
    values = run([gx, gb], {x: np.ones((3, 2))})
    assert values[0].shape == (3, 2)
    assert values[1].tolist() == [3, 3]


@pytest.mark.parametrize(
    ("gradient", "says"),
    [
        (lambda op, grad: (grad, grad), "returned 2 values for 1 inputs"),
        (lambda op, grad: np.zeros((5, 7)), r"has shape \[5, 7\] for an input of shape \[2\]"),
        (lambda op, grad: 1 / 0, "ZeroDivisionError"),
        (lambda op, grad: None, "gradient of faulty returned None"),
        (lambda op, grad: [tf.identity(grad)], "returned a node of a graph"),
    ],
)
def test_faulty_gradients(gradient, says):
    class faulty(tf.Operation):
        def __init__(self, x):
            super().__init__([x])

        def compute(self, x_value):
            return x_value

    tf.RegisterGradient("faulty")(gradient)
    x = tf.placeholder(tf.float64)
    g = tf.gradients(faulty(x), x)
    with pytest.raises(tf.errors.OpError, match=says) as caught:
        run(g, {x: [1.0, 2.0]})
    assert __file__ in str(caught.value)


def test_a_missing_gradient_is_named():
    class plain(tf.Operation):
        def __init__(self, x):
            super().__init__([x])

        def compute(self, x_value):
            return x_value

    x = tf.constant(1.0)
    with pytest.raises(
        tf.errors.UnimplementedError, match=r"plain has no gradient.*RegisterGradient"
    ):
        tf.gradients(plain(x), x)


# -- faults of the lesson's implementation -----------------------------------------------------


def test_shared_nodes_are_computed_once():
    scaled.runs = 0
    y = scaled(tf.constant(1.0), 1.0)
    for _ in range(16):
        y = add(y, y)
    assert run(y) == 2**16
    assert scaled.runs == 1


def test_forward_values_are_computed_once_for_gradients_too():
    scaled.runs = 0
    x = tf.constant(1.0)
    y = scaled(x)
    z = tf.exp(y) * y
    run([z, *tf.gradients(z, x)])
    assert scaled.runs == 1


def test_long_chains_need_no_recursion():
    x = y = tf.constant(1.0)
    for _ in range(3 * sys.getrecursionlimit()):
        y = y + 0.001
    value, slope = run([y, tf.gradients(y, x)[0]])
    assert np.isclose(value, 1 + 3 * sys.getrecursionlimit() * 0.001, rtol=1e-3)
    assert slope == 1


def test_gradient_of_broadcasting():
    x, b = tf.placeholder(), tf.Variable([1.0, 1.0])
    assert run(tf.gradients(x * b, b), {x: [[1, 2], [3, 4], [5, 6]]})[0].tolist() == [9, 12]


def test_gradient_of_reuse_and_skip_connections():
    x = tf.placeholder(tf.float64)
    h = x * x
    assert run(tf.gradients(h * x + h + x, x), {x: 2.0}) == [3 * 4 + 4 + 1]


def test_consumers_outside_the_loss():
    w = tf.Variable([1.0, 2.0])
    loss = tf.reduce_sum(w * w)
    tf.argmax(w * 3.0)
    with tf.Session() as session:
        session.run(tf.train.GradientDescentOptimizer(0.5).minimize(loss))
        assert session.run(w).tolist() == [0, 0]


def test_softmax_does_not_overflow():
    x = tf.placeholder(tf.float32)
    y = tf.nn.softmax(x)
    values = run([y, *tf.gradients(y[..., 0], x)], {x: [[1000.0, 0.0], [-1000.0, -1000.0]]})
    assert values[0].tolist() == [[1, 0], [0.5, 0.5]]
    assert np.isfinite(values[1]).all()


def test_the_callers_arrays_do_not_change():
    initial, fed = np.ones((2, 2)), np.array([1.0, 2.0])
    w = tf.Variable(initial)
    x = tf.placeholder()
    loss = tf.reduce_sum(tf.square(tf.matmul(w, x)))
    train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
    with tf.Session() as session:
        for _ in range(3):
            session.run(train, {x: fed})
        assert not np.array_equal(session.run(w), np.ones((2, 2)))
    assert initial.tolist() == [[1, 1], [1, 1]]
    assert fed.tolist() == [1, 2]


def test_compute_that_writes_to_its_input_is_an_error(target):
    class destructive(tf.Operation):
        def __init__(self, x):
            super().__init__([x])

        def compute(self, x_value):
            x_value += 1
            return x_value

    x = tf.placeholder(tf.float64, name="x")
    array = np.zeros(3)
    y = destructive(x)
    with tf.Session(target) as session:
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            session.run(y, {x: array})
        text = str(caught.value)
        assert "destructive" in text
        assert __file__ in text
        assert "read-only" in text
        assert session.run(x + 1.0, {x: array}).tolist() == [1, 1, 1]
    assert not array.any()


def test_an_operation_cannot_be_its_own_input():
    class loop(tf.Operation):
        def __init__(self):
            super().__init__([self])

        def compute(self, x_value):
            return x_value

    with pytest.raises(tf.errors.InvalidArgumentError, match=r'loop node "loop" .*no cycles'):
        loop()


# -- elsewhere ---------------------------------------------------------------------------------


def test_operations_run_everywhere(target):
    x = tf.placeholder(tf.float64)
    y = add(scaled(x, 3.0), x)
    g = tf.gradients(y, x)[0]
    values = run([y, g], {x: [1.0, 2.0]}, target)
    assert values[0].tolist() == [4, 8]
    assert values[1].tolist() == [4, 4]


SCRIPT = """
import numpy as np
import tfmini as tf

FACTOR = 3.0

def helper(x):
    return x * FACTOR

class mine(tf.Operation):
    def __init__(self, x, shift):
        super().__init__([x])
        self.shift = shift

    def compute(self, x_value):
        return helper(x_value) + self.shift

@tf.RegisterGradient("mine")
def _gradient(op, grad):
    return grad * FACTOR

@tf.op("Other")
class other(tf.Elementwise):
    "Return x + 1."
    def compute(self, x, *, out=None):
        return np.add(x, 1, out=out)
    def gradient(self, node, grad):
        return (grad,)

if __name__ == "__main__":
    from distributed import LocalCluster

    x = tf.placeholder(tf.float64)
    y = other(mine(x, 1.0))
    fetches = [y, tf.gradients(y, x)[0]]
    def show(target):
        with tf.Session(target) as session:
            print([v.tolist() for v in session.run(fetches, {x: [1.0, 2.0]})])
    show("threads")
    show("processes")
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster:
        show(cluster)
"""


@pytest.mark.cluster
def test_operations_of_a_script_run_everywhere(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    # Dask's nanny may have logged that a worker was slow to end.
    assert "Traceback" not in done.stderr
    assert done.stdout.splitlines() == ["[[5.0, 8.0], [3.0, 3.0]]"] * 3
