"""Learning-rate schedules, moving averages and the global step follow TensorFlow's formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tfmini as tf
from tfmini.train.averages import assign_moving_average

train = tf.train


def restarts(step, first=7, t_mul=2.0, m_mul=1.0, alpha=0.0):
    length, height = first, 1.0
    while step >= length:
        step, length, height = step - length, length * t_mul, height * m_mul
    wave = height * 0.5 * (1 + math.cos(math.pi * step / length))
    return 0.1 * ((1 - alpha) * wave + alpha)


def linear_cosine(step, steps=30, periods=1.5, alpha=0.1, beta=0.01):
    done = min(step, steps) / steps
    wave = 0.5 * (1 + math.cos(2 * math.pi * periods * done))
    return 0.1 * ((alpha + 1 - done) * wave + beta)


def cycling(step, steps=20, end=0.01, power=2.0):
    length = steps * max(1, math.ceil(step / steps))
    return (0.1 - end) * (1 - step / length) ** power + end


SCHEDULES = {
    "exponential": (
        lambda s: train.exponential_decay(0.1, s, 10, 0.9), lambda n: 0.1 * 0.9 ** (n / 10)
    ),
    "exponential, staircase": (
        lambda s: train.exponential_decay(0.1, s, 10, 0.9, staircase=True),
        lambda n: 0.1 * 0.9 ** (n // 10),
    ),
    "natural exponential": (
        lambda s: train.natural_exp_decay(0.1, s, 10, 0.5), lambda n: 0.1 * math.exp(-0.05 * n)
    ),
    "inverse time": (
        lambda s: train.inverse_time_decay(0.1, s, 10, 0.5, True),
        lambda n: 0.1 / (1 + 0.5 * (n // 10)),
    ),
    "piecewise": (
        lambda s: train.piecewise_constant(s, [3, 5, 40], [1.0, 0.5, 0.25, 0.125]),
        lambda n: 1.0 if n <= 3 else 0.5 if n <= 5 else 0.25 if n <= 40 else 0.125,
    ),
    "polynomial": (
        lambda s: train.polynomial_decay(0.1, s, 20, 0.01, 0.5),
        lambda n: 0.09 * (1 - min(n, 20) / 20) ** 0.5 + 0.01,
    ),
    "polynomial, cycling": (
        lambda s: train.polynomial_decay(0.1, s, 20, 0.01, 2.0, cycle=True), cycling
    ),
    "cosine": (
        lambda s: train.cosine_decay(0.1, s, 30, alpha=0.2),
        lambda n: 0.1 * (0.8 * 0.5 * (1 + math.cos(math.pi * min(n, 30) / 30)) + 0.2),
    ),
    "restarts": (lambda s: train.cosine_decay_restarts(0.1, s, 7), restarts),
    "even restarts": (
        lambda s: train.cosine_decay_restarts(0.1, s, 7, 1.0, 0.9, 0.1),
        lambda n: restarts(n, t_mul=1.0, m_mul=0.9, alpha=0.1),
    ),
    "linear cosine": (
        lambda s: train.linear_cosine_decay(0.1, s, 30, 1.5, 0.1, 0.01), linear_cosine
    ),
    "noisy, without noise": (
        lambda s: train.noisy_linear_cosine_decay(0.1, s, 30, 0.0, 0.5, 1.5, 0.1, 0.01),
        linear_cosine,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules(name):
    make, reference = SCHEDULES[name]
    step = tf.placeholder(tf.int64, [])
    rate = make(step)
    assert rate.dtype is tf.float32
    assert rate.shape.as_list() == []
    with tf.Session() as session:
        ours = [session.run(rate, {step: n}) for n in range(45)]
    # Restarts are at the ends of waves, where float32 may fall on either side.
    np.testing.assert_allclose(ours, [reference(n) for n in range(45)], rtol=2e-5, atol=1e-7)


def test_noise_has_its_variance():
    step = tf.placeholder(tf.float32, [])
    tf.set_random_seed(1)
    rates = tf.stack([train.noisy_linear_cosine_decay(1.0, step, 100, 4.0, 0.5, 0.0)
                      for _ in range(300)])  # fmt: skip
    with tf.Session() as session:
        assert session.run(rates, {step: 0}).std() == pytest.approx(2.0, rel=0.2)
        assert session.run(rates, {step: 15}).std() == pytest.approx(1.0, rel=0.2)


def test_a_schedule_drives_an_optimizer():
    step = train.get_or_create_global_step()
    rate = train.exponential_decay(1.0, step, 1, 0.5)
    w = tf.Variable(0.0)
    op = train.GradientDescentOptimizer(rate).minimize(-w, global_step=step)
    with tf.Session() as session:
        for n in range(4):
            assert session.run(rate) == 0.5**n
            session.run(op)
        assert session.run(w) == 1 + 0.5 + 0.25 + 0.125


def test_misused_schedules():
    step = tf.constant(1)
    with pytest.raises(ValueError, match="global_step"):
        train.exponential_decay(0.1, None, 10, 0.9)
    with pytest.raises(ValueError, match="3 values need 2 boundaries"):
        train.piecewise_constant(step, [1], [0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match=r"boundary 1\.5 is a float"):
        train.piecewise_constant(step, [1.5], [0.1, 0.2])


def test_moving_averages():
    w, fixed = tf.Variable([1.0, 2.0], name="w"), tf.Variable(7.0, name="fixed")
    doubled = tf.multiply(w, 2.0, name="doubled")
    average = train.ExponentialMovingAverage(0.75)
    update = average.apply([w, fixed, doubled])
    assert update.name == "ExponentialMovingAverage"
    assert average.average(w).op.name == "w/ExponentialMovingAverage"
    assert average.average_name(w) == "w/ExponentialMovingAverage"
    assert average.average(tf.Variable(0.0)) is None
    assert tf.moving_average_variables() == [w, fixed]
    assert tf.trainable_variables()[:2] == [w, fixed]
    assert average.average(w) not in tf.trainable_variables()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(w.assign([5.0, 10.0]))
        session.run(update)
        assert session.run(average.average(w)).tolist() == [2, 4]  # from the initial value
        assert session.run(average.average(doubled)).tolist() == [2.5, 5]  # from zero
        assert session.run(average.average(fixed)) == 7


def test_averages_start_at_the_variable():
    w = tf.Variable(tf.random_normal([3]), name="w")
    average = train.ExponentialMovingAverage(0.9)
    average.apply([w])
    with tf.Session() as session:
        for _ in range(2):
            session.run(tf.global_variables_initializer())
            start, kept = session.run([w, average.average(w)])
            assert start.tolist() == kept.tolist()
        session.run(w.assign([1.0, 2.0, 3.0]))
        late = train.ExponentialMovingAverage(0.5)
        session.run(late.apply([w]))
        assert session.run(late.average(w)).tolist() == [1, 2, 3]
    with tf.Session() as session:  # without the initializer
        assert session.run(average.average(w)).tolist() == session.run(w).tolist()


def test_averages_after_a_step_see_its_result():
    w = tf.Variable(0.0)
    step = w.assign_add(1.0)
    average = train.ExponentialMovingAverage(0.5)
    with tf.control_dependencies([step]):
        update = average.apply([w])
    with tf.Session() as session:
        session.run(update)
        assert session.run([w, average.average(w)]) == [1, 0.5]


def test_early_averages_forget_faster():
    w, n = tf.Variable(0.0), tf.placeholder(tf.int32, [])
    average = train.ExponentialMovingAverage(0.9, n)
    update = average.apply([w])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(w.assign(1.0))
        session.run(update, {n: 0})
        assert session.run(average.average(w)) == pytest.approx(0.9)  # decay 1/10
        session.run(w.assign(0.0))
        session.run(update, {n: 1000})
        assert session.run(average.average(w)) == pytest.approx(0.81)  # decay 0.9


def test_averages_without_the_bias_of_their_start():
    x = tf.placeholder(tf.float32, [])
    value = tf.multiply(x, 1.0, name="value")
    average = train.ExponentialMovingAverage(0.9, zero_debias=True)
    update = average.apply([value])
    values = [3.0, 5.0, 4.0]
    with tf.Session() as session:
        for n in range(1, 4):
            session.run(update, {x: values[n - 1]})
            weights = 0.9 ** np.arange(n)[::-1]
            expected = np.dot(weights, values[:n]) / weights.sum()
            assert session.run(average.average(value)) == pytest.approx(expected, rel=1e-5)
    names = {v.op.name for v in tf.global_variables()}
    path = "value/ExponentialMovingAverage"
    assert names == {path, f"{path}/biased", f"{path}/local_step"}


def test_variables_to_restore():
    w, step = tf.Variable(1.0, name="w"), train.get_or_create_global_step()
    average = train.ExponentialMovingAverage(0.9)
    assert average.variables_to_restore() == {
        "w/ExponentialMovingAverage": w, "global_step": step
    }  # fmt: skip
    average.apply()
    assert average.variables_to_restore() == {
        "w/ExponentialMovingAverage": w, "global_step": step
    }  # fmt: skip


def test_misused_averages():
    w, n = tf.Variable(1.0), tf.Variable(1)
    average = train.ExponentialMovingAverage(0.9)
    average.apply([w])
    with pytest.raises(ValueError, match="already"):
        average.apply([w])
    with pytest.raises(TypeError, match="int32"):
        average.apply([n])
    with pytest.raises(ValueError, match="set_shape"):
        average.apply([tf.placeholder(tf.float32, [None]) * 1.0])


def test_assign_moving_average():
    mean = tf.Variable([0.0, 8.0])
    update = assign_moving_average(mean, [4.0, 4.0], 0.75, zero_debias=False)
    with tf.Session() as session:
        assert session.run(update).tolist() == [1, 7]


def test_the_global_step():
    assert train.get_global_step() is None
    step = train.create_global_step()
    assert (step.name, step.dtype, step.shape.as_list()) == ("global_step:0", tf.int64, [])
    assert step not in tf.trainable_variables()
    assert train.get_global_step() is step
    assert train.get_or_create_global_step() is step
    with pytest.raises(ValueError, match="already"):
        train.create_global_step()
    with tf.Session() as session:
        session.run(step.assign_add(3))
        value = train.global_step(session, step)
        assert (type(value), value) == (int, 3)


def test_a_global_step_by_its_name():
    step = tf.Variable(0, name="global_step", trainable=False)
    assert train.get_global_step() is step
    graph = tf.Graph()
    assert train.get_global_step(graph) is None
    assert train.get_or_create_global_step(graph).graph is graph


@pytest.mark.parametrize("wrong", [1.0, [1, 2]])
def test_what_is_no_global_step(wrong):
    with pytest.raises(TypeError, match="global step"):
        train.assert_global_step(tf.Variable(wrong))
