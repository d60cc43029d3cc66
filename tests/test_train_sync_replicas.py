"""``tf.train.SyncReplicasOptimizer``: updates from the mean of several gradients."""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf

START = np.arange(8, dtype=np.float32).reshape(4, 2) / 4


def problem(sparse):
    """Return (variable, loss, placeholder) of a problem with gradients of all rows, or of some."""
    v = tf.Variable(START, name="v")
    x = tf.placeholder(tf.int32 if sparse else tf.float32, [3])
    if sparse:
        return v, tf.reduce_sum(tf.square(tf.gather(v, x) - 1.0)), x
    return v, tf.reduce_sum(tf.square(tf.reduce_sum(v) * x)), x


def trained(make, sparse, batches):
    with tf.Graph().as_default(), tf.Session() as session:
        v, loss, x = problem(sparse)
        step = tf.train.get_or_create_global_step()
        train = make().minimize(loss, step)
        session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        for batch in batches:
            session.run(train, {x: batch})
        return session.run([v, step])


MAKERS = {
    "adam": lambda: tf.train.AdamOptimizer(0.1),
    "momentum": lambda: tf.train.MomentumOptimizer(0.1, 0.9),
    "adagrad": lambda: tf.train.AdagradOptimizer(0.1),
}
BATCHES = {False: [[0.1, 0.2, 0.0], [0.3, 0.1, 0.2], [0.0, 0.1, 0.1], [0.2, 0.2, 0.1]],
           True: [[0, 0, 2], [2, 1, 1], [0, 1, 0], [2, 2, 2]]}  # fmt: skip


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("name", MAKERS)
def test_one_replica_is_the_optimizer_itself(name, sparse):
    make = MAKERS[name]
    alone = trained(make, sparse, BATCHES[sparse])
    found = trained(lambda: tf.train.SyncReplicasOptimizer(make(), 1), sparse, BATCHES[sparse])
    np.testing.assert_allclose(found[0], alone[0], rtol=1e-6)
    assert found[1] == alone[1] == 4


@pytest.mark.parametrize("name", MAKERS)
def test_equal_gradients_have_themselves_for_their_mean(name):
    make, (first, second, *_) = MAKERS[name], BATCHES[False]
    alone = trained(make, False, [first, second])
    found = trained(
        lambda: tf.train.SyncReplicasOptimizer(make(), 2, 2), False, [first, first, second, second]
    )
    np.testing.assert_allclose(found[0], alone[0], rtol=1e-6)
    assert found[1] == 2


def test_the_mean_of_gradients_moves_the_variable():
    def make():
        return tf.train.SyncReplicasOptimizer(tf.train.GradientDescentOptimizer(0.1), 2)

    total, (first, second) = START.sum(), np.square(BATCHES[False][:2]).sum(1)
    v, step = trained(make, False, BATCHES[False][:2])
    np.testing.assert_allclose(v, START - 0.1 * 2 * total * (first + second) / 2, rtol=1e-5)
    assert step == 1
    v, step = trained(make, False, BATCHES[False][:1])
    assert (v.tolist(), step) == (START.tolist(), 0)


def test_rows_have_the_mean_of_the_gradients_that_had_them():
    def make():
        return tf.train.SyncReplicasOptimizer(tf.train.MomentumOptimizer(0.1, 0.9), 2)

    slope = 2 * (START - 1)
    v, step = trained(make, True, BATCHES[True][:2])  # row 0 twice in one, row 2 once in each
    expected = START - 0.1 * slope * np.array([[2.0], [2.0], [1.0], [0.0]])
    np.testing.assert_allclose(v, expected, rtol=1e-5)
    assert step == 1


def test_averages_follow_updates():
    v = tf.Variable(4.0, name="v")
    step = tf.train.get_or_create_global_step()
    average = tf.train.ExponentialMovingAverage(0.5)
    optimizer = tf.train.SyncReplicasOptimizer(
        tf.train.GradientDescentOptimizer(1.0), 2, variable_averages=average,
        variables_to_average=[v],
    )  # fmt: skip
    train = optimizer.minimize(2.0 * v, step)
    assert optimizer.get_slot_names() == []
    assert optimizer.variables() == []
    with tf.Session() as session:
        session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        seen = []
        for _ in range(4):
            session.run(train)
            seen.append(session.run([v, average.average(v)]))
    assert seen == [[4, 4], [2, 3], [2, 3], [0, 1.5]]


def test_a_monitored_session_with_its_hook():
    v = tf.Variable(3.0)
    step = tf.train.get_or_create_global_step()
    optimizer = tf.train.SyncReplicasOptimizer(tf.train.AdamOptimizer(0.1), 2, 2)
    with pytest.raises(tf.errors.OpError, match="before get_chief_queue_runner"):
        optimizer.get_chief_queue_runner()
    train = optimizer.minimize(v * v, global_step=step)
    hooks = [optimizer.make_session_run_hook(True), tf.train.StopAtStepHook(last_step=3)]
    runs = 0
    with tf.train.MonitoredTrainingSession(hooks=hooks) as session:
        while not session.should_stop():
            session.run(train)
            runs += 1
    assert runs == 6


def test_the_older_way_with_a_supervisor():
    v = tf.Variable(3.0, name="v")
    step = tf.train.get_or_create_global_step()
    optimizer = tf.train.SyncReplicasOptimizer(tf.train.GradientDescentOptimizer(0.5), 1)
    train = optimizer.minimize(v, global_step=step)
    runner, tokens = optimizer.get_chief_queue_runner(), optimizer.get_init_tokens_op()
    supervisor = tf.train.Supervisor(
        is_chief=True, global_step=step, local_init_op=optimizer.chief_init_op,
        ready_for_local_init_op=optimizer.ready_for_local_init_op,
    )  # fmt: skip
    with supervisor.managed_session() as session:
        supervisor.start_queue_runners(session, [runner])
        session.run(tokens)
        session.run(train)
        assert session.run([v, step]) == [2.5, 1]


def test_misuse():
    v = tf.Variable(1.0)
    optimizer = tf.train.SyncReplicasOptimizer(tf.train.AdamOptimizer(), 2)
    with pytest.raises(ValueError, match="needs a global_step"):
        optimizer.minimize(v * v)
    with pytest.raises(ValueError, match="no gradients to apply"):
        optimizer.apply_gradients([(None, v)], tf.train.get_or_create_global_step())
    with pytest.raises(ValueError, match="1 or more"):
        tf.train.SyncReplicasOptimizer(tf.train.AdamOptimizer(), 0)
