"""``tf.contrib.layers.optimize_loss``: the step that it takes, against the same step by hand."""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf

optimize_loss = tf.contrib.layers.optimize_loss


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as graph:
        yield graph


def problem():
    """Return (loss, a, b): the gradients are 3 and 4."""
    a, b = tf.Variable(1.0, name="a"), tf.Variable(2.0, name="b")
    return 3.0 * a + 4.0 * b, a, b


def after(loss, variables, steps=1):
    with tf.Session() as session:
        values = [session.run(loss) for _ in range(steps)]
        return values, session.run(variables)


@pytest.mark.parametrize("given", [
    "SGD", tf.train.GradientDescentOptimizer, lambda rate: tf.train.GradientDescentOptimizer(rate),
])  # fmt: skip
def test_a_step(given):
    loss, a, b = problem()
    step = tf.train.get_or_create_global_step()
    made = optimize_loss(loss, None, 0.1, given)
    values, (x, y, count) = after(made, [a, b, step])
    assert values == [11.0]
    np.testing.assert_allclose([x, y], [0.7, 1.6], rtol=1e-6)
    assert count == 1


@pytest.mark.parametrize("name", sorted(tf.contrib.layers.OPTIMIZER_CLS_NAMES))
def test_optimizers_by_name(name):
    loss, a, b = problem()
    values, _ = after(optimize_loss(loss, None, 0.1, name), [a, b], steps=3)
    assert values[0] == 11.0
    assert values[2] < values[1] < values[0]


def test_clipping_multipliers_and_decay():
    loss, a, b = problem()
    step = tf.train.get_or_create_global_step()
    made = optimize_loss(
        loss, step, 0.5, "SGD", gradient_multipliers={a: 2.0, "b:0": 2.0}, clip_gradients=1.0,
        learning_rate_decay_fn=lambda rate, at: rate / tf.cast(at + 1, tf.float32),
    )  # fmt: skip
    # Gradients 6 and 8 become 0.6 and 0.8; rates are 0.5 and 0.25.
    _, (x, y) = after(made, [a, b], steps=2)
    np.testing.assert_allclose([x, y], [1 - 0.75 * 0.6, 2 - 0.75 * 0.8], rtol=1e-6)


def test_clipping_by_a_function_and_noise():
    loss, a, b = problem()
    tf.set_random_seed(1)
    made = optimize_loss(
        loss, None, None, tf.train.GradientDescentOptimizer(1.0), gradient_noise_scale=0.01,
        clip_gradients=lambda pairs: [(g * 0.1, v) for g, v in pairs], variables=[a],
    )  # fmt: skip
    _, (x, y) = after(made, [a, b])
    assert y == 2.0
    assert x != np.float32(0.7)
    assert abs(x - 0.7) < 0.1 * 0.021


def test_updates_come_first_and_steps_need_not_count():
    loss, _, _ = problem()
    seen = tf.Variable(0.0, trainable=False)
    tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, tf.assign_add(seen, 1.0).op)
    step = tf.train.get_or_create_global_step()
    made = optimize_loss(loss, step, 0.1, "SGD", increment_global_step=False)
    _, (times, count) = after(made, [seen, step], steps=2)
    assert (times, count) == (2.0, 0)


def test_summaries():
    loss, _, _ = problem()
    optimize_loss(
        loss, None, 0.1, "SGD", clip_gradients=1.0,
        summaries=tf.contrib.layers.OPTIMIZER_SUMMARIES,
    )  # fmt: skip
    with tf.Session() as session:
        found = tf.Summary.FromString(session.run(tf.summary.merge_all()))
    values = {v.tag.removeprefix("OptimizeLoss/"): v for v in found.value}
    numbers = {k: v.simple_value for k, v in values.items() if not k.startswith("gradients/")}
    assert numbers.pop("loss") == 11.0
    np.testing.assert_allclose(numbers.pop("global_norm/gradient_norm"), 5.0)
    np.testing.assert_allclose(numbers.pop("global_norm/clipped_gradient_norm"), 1.0, rtol=1e-6)
    # The gradients are those that are applied, and a rate that does not decay is no summary.
    assert numbers == pytest.approx({"gradient_norm/a_0": 0.6, "gradient_norm/b_0": 0.8})
    assert {"gradients/a_0", "gradients/b_0"} <= set(values)


@pytest.mark.parametrize(("arguments", "message"), [
    ((None, 0.1, "Best"), "use Adagrad, Adam"), ((None, None, "SGD"), "needs a learning_rate"),
    ((None, -1.0, "SGD"), "from 0"), ((None, 0.1, 5), "not 5"),
])  # fmt: skip
def test_what_is_wrong_is_said(arguments, message):
    loss, _, _ = problem()
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        optimize_loss(loss, *arguments)
    with pytest.raises(tf.errors.InvalidArgumentError, match="'speed'"):
        optimize_loss(loss, None, 0.1, "SGD", summaries=["speed"])
