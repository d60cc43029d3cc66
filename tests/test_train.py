"""Optimizers follow TensorFlow's formulas, and keep to their part of the graph."""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf
from tfmini.train.optimizers import AdaMaxOptimizer, LazyAdamOptimizer, NadamOptimizer


def descend(w, g, state, rate=0.1):
    return w - rate * g


def momentum(w, g, state, rate=0.1, momentum=0.9, nesterov=False):
    state["a"] = state.get("a", 0.0) * momentum + g
    return w - rate * (g + momentum * state["a"] if nesterov else state["a"])


def adam(w, g, state, rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8):
    t = state["t"] = state.get("t", 0) + 1
    state["m"] = beta1 * state.get("m", 0.0) + (1 - beta1) * g
    state["v"] = beta2 * state.get("v", 0.0) + (1 - beta2) * g * g
    scaled = rate * np.sqrt(1 - beta2**t) / (1 - beta1**t)
    return w - scaled * state["m"] / (np.sqrt(state["v"]) + epsilon)


def adagrad(w, g, state, rate=0.3, initial=0.1):
    state["a"] = state.get("a", initial) + g * g
    return w - rate * g / np.sqrt(state["a"])


def adadelta(w, g, state, rate=1.0, rho=0.95, epsilon=1e-8):
    state["a"] = rho * state.get("a", 0.0) + (1 - rho) * g * g
    update = g * np.sqrt(state.get("u", 0.0) + epsilon) / np.sqrt(state["a"] + epsilon)
    state["u"] = rho * state.get("u", 0.0) + (1 - rho) * update * update
    return w - rate * update


def rms(w, g, state, rate=0.01, decay=0.9, momentum=0.0, epsilon=1e-10, centered=False):
    state["ms"] = decay * state.get("ms", 1.0) + (1 - decay) * g * g
    state["mg"] = decay * state.get("mg", 0.0) + (1 - decay) * g
    under = state["ms"] - (state["mg"] ** 2 if centered else 0.0)
    state["mom"] = momentum * state.get("mom", 0.0) + rate * g / np.sqrt(under + epsilon)
    return w - state["mom"]


def soft(x, threshold):
    return np.sign(x) * np.maximum(np.abs(x) - threshold, 0.0)


def ftrl(w, g, state, rate=0.3, power=-0.5, initial=0.1, l1=0.0, l2=0.0, shrinkage=0.0):
    before = state.get("n", initial)
    after = state["n"] = before + g * g
    change = (after**-power - before**-power) / rate
    state["z"] = state.get("z", 0.0) + g + 2 * shrinkage * w - change * w
    return -soft(state["z"], l1) / (after**-power / rate + 2 * l2)


def proximal(w, g, state, rate=0.1, l1=0.0, l2=0.0):
    return soft(w - rate * g, rate * l1) / (1 + rate * l2)


def proximal_adagrad(w, g, state, rate=0.3, initial=0.1, l1=0.0, l2=0.0):
    state["a"] = state.get("a", initial) + g * g
    return proximal(w, g, state, rate / np.sqrt(state["a"]), l1, l2)


def adamax(w, g, state, rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8):
    t = state["t"] = state.get("t", 0) + 1
    state["m"] = beta1 * state.get("m", 0.0) + (1 - beta1) * g
    state["v"] = np.maximum(beta2 * state.get("v", 0.0), np.abs(g))
    return w - rate / (1 - beta1**t) * state["m"] / (state["v"] + epsilon)


def nadam(w, g, state, rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8):
    t = state["t"] = state.get("t", 0) + 1
    state["m"] = beta1 * state.get("m", 0.0) + (1 - beta1) * g
    state["v"] = beta2 * state.get("v", 0.0) + (1 - beta2) * g * g
    scaled = rate * np.sqrt(1 - beta2**t) / (1 - beta1**t)
    ahead = beta1 * state["m"] + (1 - beta1) * g
    return w - scaled * ahead / (np.sqrt(state["v"]) + epsilon)


OPTIMIZERS = {
    "descent": (lambda: tf.train.GradientDescentOptimizer(0.1), descend, {}),
    "momentum": (lambda: tf.train.MomentumOptimizer(0.1, 0.9), momentum, {}),
    "nesterov": (
        lambda: tf.train.MomentumOptimizer(0.1, 0.9, use_nesterov=True), momentum,
        {"nesterov": True},
    ),
    "adam": (lambda: tf.train.AdamOptimizer(), adam, {}),
    "adam with its own rates": (
        lambda: tf.train.AdamOptimizer(0.05, 0.8, 0.9, 1e-4), adam,
        {"rate": 0.05, "beta1": 0.8, "beta2": 0.9, "epsilon": 1e-4},
    ),
    "adagrad": (lambda: tf.train.AdagradOptimizer(0.3), adagrad, {}),
    "adadelta": (lambda: tf.train.AdadeltaOptimizer(1.0), adadelta, {}),
    "adadelta with its own rates": (
        lambda: tf.train.AdadeltaOptimizer(0.5, 0.8, 1e-3), adadelta,
        {"rate": 0.5, "rho": 0.8, "epsilon": 1e-3},
    ),
    "rmsprop": (lambda: tf.train.RMSPropOptimizer(0.01), rms, {}),
    "rmsprop with momentum": (
        lambda: tf.train.RMSPropOptimizer(0.02, 0.8, 0.5, 1e-3), rms,
        {"rate": 0.02, "decay": 0.8, "momentum": 0.5, "epsilon": 1e-3},
    ),
    "rmsprop, centered": (
        lambda: tf.train.RMSPropOptimizer(0.02, 0.8, 0.5, 1e-3, centered=True), rms,
        {"rate": 0.02, "decay": 0.8, "momentum": 0.5, "epsilon": 1e-3, "centered": True},
    ),
    "ftrl": (lambda: tf.train.FtrlOptimizer(0.3), ftrl, {}),
    "ftrl with penalties": (
        lambda: tf.train.FtrlOptimizer(
            0.3, -0.7, 0.2, 0.01, 0.02, l2_shrinkage_regularization_strength=0.05
        ),
        ftrl,
        {"power": -0.7, "initial": 0.2, "l1": 0.01, "l2": 0.02, "shrinkage": 0.05},
    ),
    "proximal": (lambda: tf.train.ProximalGradientDescentOptimizer(0.1), proximal, {}),
    "proximal with penalties": (
        lambda: tf.train.ProximalGradientDescentOptimizer(0.1, 0.02, 0.03), proximal,
        {"l1": 0.02, "l2": 0.03},
    ),
    "proximal adagrad": (
        lambda: tf.train.ProximalAdagradOptimizer(0.3, 0.1, 0.02, 0.03), proximal_adagrad,
        {"l1": 0.02, "l2": 0.03},
    ),
    "adamax": (lambda: AdaMaxOptimizer(), adamax, {}),
    "nadam": (lambda: NadamOptimizer(), nadam, {}),
}  # fmt: skip
every = pytest.mark.parametrize("name", OPTIMIZERS)


@every
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fifty_steps(name, dtype):
    make, reference, options = OPTIMIZERS[name]
    rng = np.random.default_rng(0)
    a, target = rng.standard_normal((5, 3)), rng.standard_normal((5, 2))
    starts = [rng.standard_normal((3, 2)), rng.standard_normal(2), np.array(0.5)]
    w, b, s = variables = [tf.Variable(x.astype(dtype)) for x in starts]
    loss = tf.reduce_mean(
        tf.square((tf.matmul(tf.constant(a.astype(dtype)), w) + b) * s - target.astype(dtype))
    )
    step = make().minimize(loss)
    values, states = [x.copy() for x in starts], [{}, {}, {}]
    with tf.Session() as session:
        for _ in range(50):
            session.run(step)
            h = a @ values[0] + values[1]
            d = 2 * (h * values[2] - target) / target.size
            grads = [a.T @ (d * values[2]), (d * values[2]).sum(0), np.sum(d * h)]
            values = [
                reference(v, g, st, **options)
                for v, g, st in zip(values, grads, states, strict=True)
            ]
        for ours, theirs in zip(session.run(variables), values, strict=True):
            assert ours.dtype == dtype
            np.testing.assert_allclose(ours, theirs, rtol=2e-4 if dtype == np.float32 else 1e-9)


@every
def test_global_step(name):
    w, step = tf.Variable(1.0), tf.Variable(0, trainable=False)
    train = OPTIMIZERS[name][0]().minimize(w * w, global_step=step)
    with tf.Session() as session:
        for n in range(3):
            assert session.run(step) == n
            session.run(train)
        assert session.run(step) == 3


@every
def test_var_list(name):
    a, b = tf.Variable([1.0, 2.0]), tf.Variable([3.0, 4.0])
    fixed = tf.Variable([5.0, 6.0], trainable=False)
    loss = tf.reduce_sum(a * b * fixed)
    only_a = OPTIMIZERS[name][0]().minimize(loss, var_list=[a])
    both = OPTIMIZERS[name][0]().minimize(loss)
    with tf.Session() as session:
        session.run(only_a)
        assert session.run(b).tolist() == [3, 4]
        assert session.run(a).tolist() != [1, 2]
        session.run(both)
        assert session.run(b).tolist() != [3, 4]
        assert session.run(fixed).tolist() == [5, 6]


@every
def test_compute_and_apply_are_minimize(name):
    make = OPTIMIZERS[name][0]

    def train(split):
        with tf.Graph().as_default(), tf.Session() as session:
            w = tf.Variable([1.0, -2.0])
            loss = tf.reduce_sum(w**4)
            optimizer = make()
            if split:
                pairs = optimizer.compute_gradients(loss)
                assert [v for _, v in pairs] == [w]
                step = optimizer.apply_gradients(pairs)
            else:
                step = optimizer.minimize(loss)
            for _ in range(3):
                session.run(step)
            return session.run(w).tolist()

    assert train(True) == train(False)


def test_gradients_may_be_changed_between():
    w = tf.Variable([3.0, -4.0])
    optimizer = tf.train.GradientDescentOptimizer(1.0)
    pairs = optimizer.compute_gradients(tf.reduce_sum(w * w))
    step = optimizer.apply_gradients([(tf.clip_by_value(g, -1.0, 1.0), v) for g, v in pairs])
    with tf.Session() as session:
        session.run(step)
        assert session.run(w).tolist() == [2, -3]


def test_grad_loss():
    w = tf.Variable(1.0)
    step = tf.train.GradientDescentOptimizer(0.1).minimize(w * 2.0, grad_loss=tf.constant(10.0))
    with tf.Session() as session:
        session.run(step)
        assert session.run(w) == pytest.approx(-1)


def test_updates_use_gradients_of_one_version():
    a, b = tf.Variable(1.0), tf.Variable(2.0)
    step = tf.train.GradientDescentOptimizer(1.0).minimize(a * b)
    with tf.Session() as session:
        session.run(step)
        assert session.run([a, b]) == [-1, 1]
        # The loss fetched beside a step is that before it.
        assert session.run([a * b, step])[0] == -1


def test_variables_that_the_loss_does_not_need_stay():
    a, unused = tf.Variable(1.0), tf.Variable(5.0)
    optimizer = tf.train.GradientDescentOptimizer(0.5)
    assert [g is None for g, _ in optimizer.compute_gradients(a * a)] == [False, True]
    step = optimizer.minimize(a * a)
    with tf.Session() as session:
        session.run(step)
        assert session.run([a, unused]) == [0, 5]


@every
def test_slots_may_be_made_late(name):
    """A session that already runs takes an optimizer that is made afterwards."""
    w = tf.Variable([1.0, 2.0])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(w.assign([3.0, 4.0]))
        step = OPTIMIZERS[name][0]().minimize(tf.reduce_sum(w * w))
        session.run(step)
        assert (session.run(w) < [3, 4]).all()


def test_slots():
    w = tf.Variable([1.0, 2.0], name="w")
    optimizer = tf.train.AdamOptimizer()
    step = optimizer.minimize(tf.reduce_sum(w * w))
    assert optimizer.get_name() == "Adam"
    assert optimizer.get_slot_names() == ["m", "v"]
    m = optimizer.get_slot(w, "m")
    assert m.op.name == "w/Adam"
    assert optimizer.get_slot(w, "v").op.name == "w/Adam_1"
    assert optimizer.get_slot(w, "none") is None
    assert {v.op.name for v in optimizer.variables()} == {
        "w/Adam",
        "w/Adam_1",
        "beta1_power",
        "beta2_power",
    }
    assert tf.trainable_variables() == [w]
    assert m in tf.global_variables()
    with tf.Session() as session:
        assert session.run(m).tolist() == [0, 0]
        session.run(step)
        np.testing.assert_allclose(session.run(m), [0.2, 0.4], rtol=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_rows_that_were_not_gathered_stay(name):
    """As in TensorFlow, where gradients of gather are tf.IndexedSlices."""
    make, reference, options = OPTIMIZERS[name]
    start = np.random.default_rng(0).standard_normal((5, 2))
    table = tf.Variable(start)
    ids, more = tf.placeholder(tf.int32, [None, 2]), tf.placeholder(tf.int32, [None])
    rows = tf.reduce_sum(tf.nn.embedding_lookup(table, ids), 1) + tf.gather(table, more)
    step = make().minimize(tf.reduce_sum(tf.square(rows)))
    value, states = start.copy(), [{} for _ in start]
    dense = name.startswith(("adam", "nadam")) and name != "adamax"
    with tf.Session() as session:
        for batch, extra in [([[0, 1], [3, 3]], [1, 0]), ([[0, 3]], [0]), ([[1, 3]], [3])]:
            session.run(step, {ids: batch, more: extra})
            grad = np.zeros_like(value)
            picks = [(*b, e) for b, e in zip(batch, extra, strict=True)]
            for pick in picks:
                for i in pick:
                    grad[i] += 2 * value[list(pick)].sum(0)
            moved, picked = value.copy(), {i for pick in picks for i in pick}
            for i in range(5) if dense else picked:
                row = reference(value[i], grad[i], states[i], **options)
                if i in picked or name != "nadam":  # whose moments alone decay in all rows
                    moved[i] = row
            value = moved
            if name == "adamax":  # its power counts steps, not those of a row
                for state in states:
                    state["t"] = max(s.get("t", 0) for s in states)
        np.testing.assert_allclose(session.run(table), value, rtol=1e-7)
        assert session.run(table)[4].tolist() == start[4].tolist()


CLIPPED = {
    "value": (
        lambda grads: [tf.clip_by_value(g, -0.5, 0.5) for g in grads],
        lambda rows: np.clip(rows, -0.5, 0.5),
    ),
    "norm": (
        lambda grads: [tf.clip_by_norm(g, 0.5) for g in grads],
        lambda rows: rows * 0.5 / max(0.5, np.sqrt((rows**2).sum())),
    ),
    "global_norm": (
        lambda grads: tf.clip_by_global_norm(grads, 0.5)[0],
        lambda rows: rows * 0.5 / max(0.5, np.sqrt((rows**2).sum())),
    ),
}


@pytest.mark.parametrize("name", CLIPPED)
def test_clipped_gradients_of_rows_are_of_rows(name):
    """As in TensorFlow, rows that repeat are clipped before they add up, and others stay."""
    clip, reference = CLIPPED[name]
    start = np.arange(8.0).reshape(4, 2) / 4
    table, ids = tf.Variable(start), tf.placeholder(tf.int32, [None])
    loss = tf.reduce_sum(tf.square(tf.nn.embedding_lookup(table, ids)))
    optimizer = tf.train.MomentumOptimizer(0.1, 0.9)
    grads, variables = zip(*optimizer.compute_gradients(loss), strict=True)
    step = optimizer.apply_gradients(zip(clip(list(grads)), variables, strict=True))
    value, speed = start.copy(), np.zeros_like(start)
    with tf.Session() as session:
        for batch in ([0, 1], [1, 1, 2], [2, 3]):
            session.run(step, {ids: batch})
            rows, grad = reference(2 * value[batch]), np.zeros_like(value)
            np.add.at(grad, batch, rows)
            moved = sorted(set(batch))
            speed[moved] = 0.9 * speed[moved] + grad[moved]
            value[moved] -= 0.1 * speed[moved]
        np.testing.assert_allclose(session.run(table), value)


def test_lazy_adam_leaves_other_rows():
    table = tf.Variable(np.ones((3, 2)))
    plain = tf.train.AdamOptimizer(0.1).minimize(tf.reduce_sum(tf.gather(table, [0]) ** 2))
    lazy = LazyAdamOptimizer(0.1)
    row = lazy.minimize(tf.reduce_sum(tf.gather(table, [0]) ** 2))
    other = lazy.minimize(tf.reduce_sum(tf.gather(table, [1]) ** 2))
    with tf.Session() as session:
        session.run(plain)
        session.run(tf.global_variables_initializer())
        session.run(row)
        first = session.run(table)
        assert (first[0] < 1).all()
        session.run(other)
        assert session.run(table)[0].tolist() == first[0].tolist()


def test_dual_averaging_follows_from_sums():
    rate, l1, l2 = 0.3, 0.01, 0.02
    w, step = tf.Variable([1.0, -2.0, 0.5]), tf.Variable(0, trainable=False)
    c = np.array([0.5, 1.0, -0.005])
    optimizer = tf.train.AdagradDAOptimizer(rate, step, 0.1, l1, l2)
    train = optimizer.minimize(tf.reduce_sum(w * c.astype(np.float32)), global_step=step)
    with tf.Session() as session:
        for t in range(1, 6):
            session.run(train)
            expected = -soft(t * c, l1 * t) * rate / (l2 * t * rate + np.sqrt(0.1 + t * c * c))
            np.testing.assert_allclose(session.run(w), expected, rtol=1e-5)


def test_ftrl_without_a_gradient_gives_zero():
    w = tf.Variable([1.0, 2.0])
    step = tf.train.FtrlOptimizer(0.1, initial_accumulator_value=0.0).minimize(w[0] * 2.0)
    with tf.Session() as session:
        session.run(step)
        assert session.run(w)[1] == 0


# The variables of TensorFlow 1.15, in the order of their names.
NAMES = {
    "descent": [],
    "momentum": ["w/Momentum:0"],
    "adam": ["beta1_power:0", "beta2_power:0", "w/Adam:0", "w/Adam_1:0"],
    "adagrad": ["w/Adagrad:0"],
    "adadelta": ["w/Adadelta:0", "w/Adadelta_1:0"],
    "rmsprop": ["w/RMSProp:0", "w/RMSProp_1:0"],
    "rmsprop, centered": ["w/RMSProp:0", "w/RMSProp_1:0", "w/RMSProp_2:0"],
    "ftrl": ["w/Ftrl:0", "w/Ftrl_1:0"],
    "proximal": [],
    "proximal adagrad": ["w/ProximalAdagrad:0"],
    "adamax": ["beta1_power:0", "w/AdaMax:0", "w/AdaMax_1:0"],
}
SLOTS = {
    "rmsprop, centered": ["mg", "momentum", "rms"],
    "ftrl": ["accum", "linear"],
    "adadelta": ["accum", "accum_update"],
    "proximal adagrad": ["accumulator"],
}


@pytest.mark.parametrize("name", NAMES)
def test_names(name):
    optimizer = OPTIMIZERS[name][0]()
    w = tf.Variable([1.0, 2.0], name="w")
    step = optimizer.minimize(tf.reduce_sum(w * w), tf.train.get_or_create_global_step())
    assert step.name == optimizer.get_name()
    assert [v.name for v in optimizer.variables()] == NAMES[name]
    assert optimizer.get_slot_names() == SLOTS.get(name, optimizer.get_slot_names())


def test_names_follow_the_scopes_as_tensorflows_do():
    with tf.variable_scope("net"):
        w = tf.get_variable("w", [2])
        optimizer = tf.train.AdamOptimizer()
        optimizer.minimize(tf.reduce_sum(w * w))
    with tf.name_scope("train"):
        other = tf.train.AdamOptimizer(name="Other")
        other.minimize(tf.reduce_sum(w * w))
    assert [v.op.name for v in optimizer.variables()] == [
        "net/beta1_power", "net/beta2_power", "net/net/w/Adam", "net/net/w/Adam_1"
    ]  # fmt: skip
    assert [v.op.name for v in other.variables()] == [
        "net/w/Other", "net/w/Other_1", "train/beta1_power", "train/beta2_power"
    ]  # fmt: skip


def test_an_optimizer_written_for_tensorflow():
    """A subclass with the methods that TensorFlow 1.15 documents for its own optimizers."""

    class SignDescent(tf.train.Optimizer):
        def __init__(self, rate, name="SignDescent"):
            super().__init__(False, name)
            self._rate = rate

        def compute_gradients(self, loss, var_list, **kwargs):
            return super().compute_gradients(2.0 * loss, var_list, **kwargs)

        def _create_slots(self, var_list):
            for v in var_list:
                self._zeros_slot(v, "seen", self._name)

        def _prepare(self):
            self._rate_t = tf.convert_to_tensor(self._call_if_callable(self._rate))

        def _apply_dense(self, grad, var):
            seen = self.get_slot(var, "seen")
            moved = tf.assign_sub(var, self._rate_t * tf.sign(grad))
            return tf.group(moved, tf.assign_add(seen, tf.abs(grad)))

    w = tf.Variable([1.0, -2.0], name="w")
    optimizer = SignDescent(lambda: 0.5)
    step = optimizer.minimize(tf.reduce_sum(w * w))
    with tf.Session() as session:
        session.run(step)
        assert session.run(w).tolist() == [0.5, -1.5]
        assert session.run(optimizer.get_slot(w, "seen")).tolist() == [4, 8]


def test_a_rate_that_is_a_function_is_called_once():
    calls = []
    a, b = tf.Variable(1.0), tf.Variable(2.0)
    optimizer = tf.train.RMSPropOptimizer(lambda: calls.append(1) or 0.1)
    optimizer.minimize(a * b)
    assert calls == [1]


def test_hyper_parameters_may_be_tensors_and_functions():
    rate = tf.placeholder(tf.float64, [])
    w = tf.Variable(1.0)
    step = tf.train.GradientDescentOptimizer(rate).minimize(w * 1.0)
    other = tf.train.GradientDescentOptimizer(lambda: 0.25).minimize(w * 1.0)
    with tf.Session() as session:
        session.run(step, {rate: 0.5})
        assert session.run(w) == 0.5
        session.run(other)
        assert session.run(w) == 0.25
    decayed = tf.Variable(1.0, trainable=False)
    halves = tf.train.GradientDescentOptimizer(decayed).minimize(w * 1.0)
    with tf.Session() as session:
        session.run(halves)
        session.run(decayed.assign(0.5))
        session.run(halves)
        assert session.run(w) == -0.5


def test_constraints():
    w = tf.Variable([1.0, -1.0], constraint=lambda value: tf.maximum(value, 0.0))
    step = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_sum(w))
    with tf.Session() as session:
        session.run(step)
        np.testing.assert_allclose(session.run(w), [0.9, 0.0], rtol=1e-6)


def test_optimizers_work_outside_the_graphs_block():
    graph = tf.Graph()
    with graph.as_default():
        w = tf.Variable([1.0, 2.0])
        loss = tf.reduce_sum(w * w)
    step = tf.train.AdamOptimizer(0.1).minimize(loss)
    assert step.graph is graph
    assert tf.get_default_graph().get_operations() == []
    with tf.Session(graph=graph) as session:
        session.run(step)


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda o, w, n: o.minimize(tf.constant(1.0)), r"no gradient reaches any.*w: "),
        (lambda o, w, n: o.minimize(w * w, var_list=[tf.constant(1.0)]), "no tf.Variable"),
        (lambda o, w, n: o.minimize(tf.cast(n, tf.float32), var_list=[n]), "int32"),
        (lambda o, w, n: o.apply_gradients([]), "no variables"),
        (lambda o, w, n: o.apply_gradients([(None, w)]), "no gradients.*w"),
        (lambda o, w, n: o.apply_gradients([(w * 1.0, w * 2.0)]), "pairs"),
        (lambda o, w, n: o.minimize(w * w, var_list=[]), "nothing to optimize"),
        (lambda o, w, n: o.minimize(w * w, gate_gradients=3), "gate_gradients=3"),
        (lambda o, w, n: tf.train.AdagradOptimizer(0.1, 0.0), "positive"),
        (lambda o, w, n: tf.train.FtrlOptimizer(0.1, 0.5), "learning_rate_power"),
        (lambda o, w, n: tf.train.FtrlOptimizer(0.1, l1_regularization_strength=-1.0), "l1_"),
        (lambda o, w, n: o.apply_gradients([(tf.zeros([3]), w)]), r"\[2\].*\[3\]"),
    ],
)
def test_misuse(act, says):
    w, n = tf.Variable([1.0, 2.0], name="w"), tf.Variable(1)
    with pytest.raises(tf.errors.InvalidArgumentError, match=says):
        act(tf.train.GradientDescentOptimizer(0.1), w, n)


def test_nothing_to_optimize():
    with pytest.raises(ValueError, match="no trainable variables"):
        tf.train.GradientDescentOptimizer(0.1).minimize(tf.constant(1.0))


def test_a_failed_step_changes_nothing(target):
    x = tf.placeholder(tf.float32)
    w = tf.Variable([1.0, 2.0])
    loss = tf.reduce_sum(tf.reshape(x, [2]) * w)
    step = tf.train.AdamOptimizer(0.1).minimize(loss)
    with tf.Session(target) as session:
        session.run(step, {x: [1.0, 1.0]})
        before = session.run(tf.global_variables())
        with pytest.raises(tf.errors.InvalidArgumentError):
            session.run(step, {x: [1.0, 1.0, 1.0]})
        for a, b in zip(before, session.run(tf.global_variables()), strict=True):
            assert np.array_equal(a, b)
