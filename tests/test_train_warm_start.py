"""``tf.train.warm_start``: variables of a checkpoint, and vocabularies that have changed."""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf

TABLE = np.arange(8, dtype=np.float32).reshape(4, 2) + 1


@pytest.fixture
def old(tmp_path):
    """Return the prefix of a checkpoint with ``model/w``, ``model/b`` and a table of four words."""
    with tf.Graph().as_default(), tf.Session() as session:
        tf.Variable([1.0, 2.0], name="model/w")
        tf.Variable([3.0], name="model/b")
        tf.Variable(TABLE, name="table")
        tf.Variable(9, trainable=False, name="step")
        session.run(tf.global_variables_initializer())
        (tmp_path / "old.txt").write_text("a\nb\nc\nd\n")
        (tmp_path / "new.txt").write_text("d\nx\nb\nunused\n")
        return tf.train.Saver().save(session, str(tmp_path / "model"))


def started(*variables):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return [np.asarray(v).tolist() for v in session.run(list(variables))]


def info(old, **more):
    folder = old.removesuffix("model")
    given = {"new_vocab": f"{folder}new.txt", "new_vocab_size": 3, "num_oov_buckets": 1,
             "old_vocab": f"{folder}old.txt"}  # fmt: skip
    return tf.train.VocabInfo(**given | more)


def test_trainable_variables_by_a_pattern(old):
    w = tf.Variable([0.0, 0.0], name="model/w")
    b = tf.Variable([0.0], name="model/b")
    step = tf.Variable(0, trainable=False, name="step")
    tf.train.warm_start(old, ".*w")
    assert started(w, b, step) == [[1, 2], [0], 0]
    tf.train.warm_start(old)
    assert started(w, b, step) == [[1, 2], [3], 0]
    tf.train.warm_start(old, ["st"])
    assert started(step) == [9]


def test_variables_that_had_another_name(old):
    w = tf.Variable([0.0, 0.0], name="renamed")
    tf.train.warm_start(old, [w], var_name_to_prev_var_name={"renamed": "model/w"})
    assert started(w) == [[1, 2]]


@pytest.mark.parametrize("wanted", [".*", None])
def test_rows_follow_their_words(old, wanted):
    table = tf.get_variable("table", [4, 2])
    tf.train.warm_start(old, wanted, {"table": info(old)})
    assert started(table) == [[TABLE[3].tolist(), [0, 0], TABLE[1].tolist(), [0, 0]]]


def test_columns_and_a_backup_for_new_words(old):
    tf.reset_default_graph()
    with tf.Graph().as_default(), tf.Session() as session:
        flat = tf.Variable(TABLE.T, name="flat")
        session.run(flat.initializer)
        path = tf.train.Saver().save(session, f"{old}-flat")
    flat = tf.get_variable("flat", [2, 4])
    ones = tf.ones_initializer()
    tf.train.warm_start(path, [flat], {"flat": info(old, backup_initializer=ones, axis=1)})
    (found,) = started(flat)
    expected = np.ones((2, 4), np.float32)
    expected[:, [0, 2]] = TABLE.T[:, [3, 1]]
    assert found == expected.tolist()


def test_words_beyond_the_size_of_the_old_vocabulary_are_new(old):
    table = tf.get_variable("table", [4, 2])
    tf.train.warm_start(old, [table], {"table": info(old, old_vocab_size=2)})
    assert started(table) == [[[0, 0], [0, 0], TABLE[1].tolist(), [0, 0]]]
    tf.train.warm_start(old, [table], {"table": info(old, old_vocab_size=1)})
    assert started(table) == [np.zeros((4, 2)).tolist()]


def test_mistakes_are_named(old):
    w = tf.Variable([0.0, 0.0], name="model/w")
    with pytest.raises(ValueError, match="of no variable that is warm-started: nope"):
        tf.train.warm_start(old, [w], var_name_to_prev_var_name={"nope": "model/w"})
    with pytest.raises(ValueError, match="of no variable that is warm-started: table"):
        tf.train.warm_start(old, [w], {"table": info(old)})
    with pytest.raises(ValueError, match="lists variables or patterns"):
        tf.train.warm_start(old, [3])
    with pytest.raises(ValueError, match="2 slices, its VocabInfo 3 words and 1 buckets"):
        tf.train.warm_start(old, [w], {"model/w": info(old)})
    table = tf.get_variable("table", [6, 2])
    with pytest.raises(ValueError, match="has 4 words, not 5"):
        tf.train.warm_start(old, [table], {"table": info(old, new_vocab_size=5)})
    with pytest.raises(ValueError, match="no vocabulary along axis 1"):
        tf.train.warm_start(old, [w], {"model/w": info(old, axis=1)})
    with pytest.raises(LookupError, match="to get tensor 'elsewhere'"):
        tf.train.warm_start(old, [tf.Variable(1.0, name="elsewhere")])
