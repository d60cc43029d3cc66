"""Older spellings: each gives what it stands for, with one notice."""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf
from tfmini import deprecated, logging


@pytest.fixture(autouse=True)
def notices(caplog):
    logging.forget_notices()
    return caplog


def at(path):
    found = tf
    for part in path.split("."):
        found = getattr(found, part)
    return found


@pytest.mark.parametrize("old", deprecated.OLD_NAMES)
def test_an_older_name_is_that_of_today(old, notices):
    assert at(old) is at(deprecated.OLD_NAMES[old])
    assert at(old) is not None
    assert notices.text.count("older spelling") == 1


def test_other_parameters():
    with tf.op_scope([], None, "there"):
        assert tf.constant(1.0).op.name == "there/Const"
    summary = tf.scalar_summary("train loss", tf.constant(2.0))
    merged = tf.merge_all_summaries()
    with tf.Session() as session:
        for tensor in (summary, merged):
            (value,) = tf.Summary.FromString(session.run(tensor)).value
            assert (value.tag, value.simple_value) == ("train_loss", 2.0)


def test_a_summary_of_several_scalars():
    summary = tf.scalar_summary(["a", "b c"], tf.constant([1.0, 2.0]))
    with tf.Session() as session:
        found = tf.Summary.FromString(session.run(summary)).value
    assert [(v.tag, v.simple_value) for v in found] == [("a", 1.0), ("b_c", 2.0)]


def test_sides_of_resized_images(notices):
    images = tf.zeros([2, 4, 6, 1])
    nearest = tf.image.ResizeMethod.NEAREST_NEIGHBOR
    found = [
        tf.image.resize_images(images, 8, 9),
        tf.image.resize_images(images, tf.constant(8), tf.constant(9), nearest, True),
        tf.image.resize_images(images, new_height=8, new_width=9, method=nearest),
        tf.image.resize_images(images, [8, 9], nearest),
    ]
    for resized in found:
        with tf.Session() as session:
            assert session.run(resized).shape == (2, 8, 9, 1)
    assert notices.text.count("new_height, new_width) is older") == 1
    with pytest.raises(tf.errors.OpError):
        tf.image.resize_images(images, 8)


def test_adjoint_factors_of_batch_matmul():
    x = tf.constant([[[1.0 + 1j, 2.0]]])
    with tf.Session() as session:
        found = session.run(tf.batch_matmul(x, x, adj_y=True))
    assert found.tolist() == [[[6.0]]]


def test_the_shape_of_sparse_tensors(notices):
    x = tf.SparseTensor(indices=[[0, 1]], values=[2.0], shape=[2, 2])
    fed = tf.sparse_placeholder(tf.float32)
    value = tf.SparseTensorValue(indices=[[0, 1]], values=[2.0], shape=[2, 2])
    assert value == ([[0, 1]], [2.0], [2, 2])
    assert value == value._replace(values=[2.0])
    with tf.Session() as session:
        assert session.run(tf.sparse_tensor_to_dense(x)).tolist() == [[0, 2], [0, 0]]
        assert session.run(tf.sparse_reduce_sum(fed), {fed: value}) == 2
    for wrong in ({}, {"dense_shape": [2, 2], "shape": [2, 2]}):
        with pytest.raises(TypeError, match="needs its dense_shape, given once"):
            tf.SparseTensor([[0, 1]], [2.0], **wrong)


def test_cells_need_no_input_size(notices):
    cells = tf.nn.rnn_cell
    for cell in (cells.BasicLSTMCell(3, input_size=2), cells.GRUCell(3, input_size=None)):
        assert cell.output_size == 3
    assert notices.text.count("input_size of a cell is not needed") == 1


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda x: tf.concat(1, [x, x]), [[1, 2, 1, 2], [3, 4, 3, 4]]),
        (lambda x: tf.concat(concat_dim=0, values=[x, x]), [[1, 2], [3, 4], [1, 2], [3, 4]]),
        (lambda x: tf.concat([x, x], 0), [[1, 2], [3, 4], [1, 2], [3, 4]]),
        (lambda x: tf.split(1, 2, x)[1], [[2], [4]]),
        (lambda x: tf.split(split_dim=1, num_split=2, value=x)[0], [[1], [3]]),
        (lambda x: tf.split(x, 2, 1)[1], [[2], [4]]),
        (lambda x: tf.split(x, 2)[1], [[3, 4]]),
        (lambda x: tf.pack([x, x])[1], [[1, 2], [3, 4]]),
        (lambda x: tf.sub(tf.mul(x, x), tf.neg(x)), [[2, 6], [12, 20]]),
    ],
)
def test_older_orders_of_parameters(call, expected):
    with tf.Session() as session:
        assert session.run(call(tf.constant([[1.0, 2.0], [3.0, 4.0]]))).tolist() == expected


def test_the_axis_of_concat_must_be_given():
    with pytest.raises(tf.errors.InvalidArgumentError, match="needs an axis"):
        tf.concat([[1.0], [2.0]])


def test_cross_entropies_take_logits_first(notices):
    logits, labels = tf.constant([[1.0, 2.0]]), tf.constant([[0.0, 1.0]])
    pairs = [
        (tf.nn.softmax_cross_entropy_with_logits, labels, labels),
        (tf.nn.sigmoid_cross_entropy_with_logits, labels, labels),
        (tf.nn.sparse_softmax_cross_entropy_with_logits, tf.constant([1]), tf.constant([1])),
    ]
    with tf.Session() as session:
        for function, old, new in pairs:
            a, b = session.run([function(logits, old), function(labels=new, logits=logits)])
            assert np.array_equal(a, b)
        by_name = tf.nn.sigmoid_cross_entropy_with_logits(logits=logits, targets=labels)
        assert session.run(by_name).shape == (1, 2)
    assert notices.text.count("order before TensorFlow 1.0") == 3


def test_verbosity_silences_notices(notices):
    level = tf.logging.get_verbosity()
    try:
        tf.logging.set_verbosity(tf.logging.ERROR)
        logging.notice("said once")
    finally:
        tf.logging.set_verbosity(level)
    assert "said once" not in notices.text
