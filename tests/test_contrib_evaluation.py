"""Evaluations of checkpoints: ``tf.contrib.training`` and ``slim.evaluation``."""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf

training, evaluation = tf.contrib.training, tf.contrib.slim.evaluation


@pytest.fixture
def checkpoints(tmp_path):
    """Return the folder of a training that left checkpoints of the weights 1 and 2."""
    with tf.Graph().as_default(), tf.Session() as session:
        w = tf.Variable(0.0, name="w")
        step = tf.train.get_or_create_global_step()
        saver = tf.train.Saver()
        for value in (1.0, 2.0):
            session.run([w.assign(value), step.assign(int(value) * 10)])
            saver.save(session, str(tmp_path / "model"), int(value))
    return str(tmp_path)


def metric():
    """Return (value, update) of the mean of w times 1, 2, 3..."""
    w = tf.Variable(0.0, name="w")
    tf.train.get_or_create_global_step()
    count = tf.Variable(0.0, False, [tf.GraphKeys.LOCAL_VARIABLES], name="count")
    return tf.metrics.mean(w * tf.assign_add(count, 1.0))


def test_one_checkpoint_is_evaluated(checkpoints):
    value, update = metric()
    hooks = [training.StopAfterNEvalsHook(3)]
    for weight in (1, 2):
        found = training.evaluate_once(
            f"{checkpoints}/model-{weight}", eval_ops=update, final_ops={"mean": value},
            hooks=hooks,
        )  # fmt: skip
        assert found == {"mean": 2.0 * weight}


def test_the_end_of_the_data_ends_an_evaluation(checkpoints):
    data = tf.data.make_one_shot_iterator(tf.data.Dataset.range(5)).get_next()
    tf.Variable(0.0, name="w")
    value, update = tf.metrics.mean(data)
    found = training.evaluate_once(f"{checkpoints}/model-1", eval_ops=[update], final_ops=value,
                                   hooks=[training.StopAfterNEvalsHook(None)])  # fmt: skip
    assert found == 2.0


def test_each_new_checkpoint_is_evaluated(checkpoints):
    value, update = metric()
    seen = []

    class Later(tf.train.SessionRunHook):
        def end(self, session):
            seen.append(session.run(value))
            state = tf.train.get_checkpoint_state(checkpoints)
            older = state.all_model_checkpoint_paths[0]
            tf.train.update_checkpoint_state(checkpoints, older)

    found = training.evaluate_repeatedly(
        checkpoints, eval_ops=update, final_ops=value, eval_interval_secs=0,
        hooks=[training.StopAfterNEvalsHook(1), Later()], max_number_of_evaluations=2,
    )  # fmt: skip
    assert seen == [2.0, 1.0]
    assert found == 1.0
    again = training.evaluate_repeatedly(
        checkpoints, final_ops=tf.constant(5.0), eval_interval_secs=0, timeout=0
    )
    assert again == 5.0


def test_slim_writes_summaries(checkpoints, tmp_path):
    value, update = metric()
    x = tf.placeholder(tf.float32, [])
    tf.summary.scalar("average", value)
    tf.summary.scalar("x", x)
    other = tf.Variable(7.0, name="other")  # the checkpoint has none
    logs = str(tmp_path / "logs")
    found = evaluation.evaluate_once(
        "", f"{checkpoints}/model-2", logs, num_evals=2, eval_op=update, final_op=[value, other],
        initial_op=tf.group(other.initializer), summary_op_feed_dict={x: 0.5},
        variables_to_restore=[v for v in tf.global_variables() if v is not other],
    )  # fmt: skip
    assert found == [3.0, 7.0]
    tf.summary.FileWriterCache.clear()
    (path,) = (tmp_path / "logs").iterdir()
    (event,) = [e for e in tf.train.summary_iterator(str(path)) if e.HasField("summary")]
    assert event.step == 20
    assert {v.tag: v.simple_value for v in event.summary.value} == {"average": 3.0, "x": 0.5}


def test_slim_evaluates_in_a_loop(checkpoints, tmp_path):
    value, update = metric()
    found = evaluation.evaluation_loop(
        "", checkpoints, str(tmp_path / "logs"), num_evals=3, eval_op=update, final_op=value,
        eval_interval_secs=0, max_number_of_evaluations=1,
    )  # fmt: skip
    assert found == 4.0
    assert next(iter(evaluation.checkpoints_iterator(checkpoints))).endswith("model-2")


def test_the_step_of_an_evaluation_is_one_local_variable():
    step = training.get_or_create_eval_step()
    assert training.get_or_create_eval_step() is step
    assert step in tf.local_variables()
    assert step not in tf.global_variables()
    assert step.dtype.base_dtype is tf.int64
    with tf.Session() as session:
        assert session.run(step) == np.int64(0)
