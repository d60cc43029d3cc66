"""The main job: learn to read handwritten digits.

A network with one hidden layer is trained on scikit-learn's 8x8 images of digits, with Adam and
minibatches. Here, on this machine's threads:

    python examples/07_digits.py

or on a Dask cluster, with the same losses:

    dask scheduler                          # prints its address
    dask worker tcp://127.0.0.1:8786        # as many as you like, on any machine
    python examples/07_digits.py --scheduler tcp://127.0.0.1:8786
"""

import argparse
import sys
import time

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import tfmini as tf


def build_network(n_pixels, n_hidden, n_classes):
    """Return what is fed (images, labels, dropout rate) and what is fetched (loss, accuracy,
    the operation that trains)."""
    images = tf.placeholder(tf.float32, [None, n_pixels], name="images")
    labels = tf.placeholder(tf.int64, [None], name="labels")
    rate = tf.placeholder_with_default(0.0, [], name="dropout_rate")
    # Initial weights are scaled such that a layer's outputs vary about as much as its inputs.
    w1 = tf.Variable(tf.random_normal([n_pixels, n_hidden], stddev=(2 / n_pixels) ** 0.5))
    b1 = tf.Variable(tf.zeros([n_hidden]))
    w2 = tf.Variable(tf.random_normal([n_hidden, n_classes], stddev=(2 / n_hidden) ** 0.5))
    b2 = tf.Variable(tf.zeros([n_classes]))
    # While training, hidden nodes are left out at random, so that none relies on another.
    hidden = tf.nn.dropout(tf.nn.relu(tf.matmul(images, w1) + b1), rate=rate)
    logits = tf.matmul(hidden, w2) + b2
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    loss = tf.reduce_mean(losses)
    hits = tf.equal(tf.argmax(logits, axis=1), labels)
    accuracy = tf.reduce_mean(tf.cast(hits, tf.float32))
    return (images, labels, rate), (loss, accuracy, tf.train.AdamOptimizer(0.002).minimize(loss))


def main(argv=None):
    """Train; return the mean loss of each epoch and the accuracy on unseen images."""
    parser = argparse.ArgumentParser(description="Learn to read handwritten digits.")
    parser.add_argument("--scheduler", help="a Dask scheduler, e.g. tcp://127.0.0.1:8786")
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--batch-size", type=int, default=64)
    options = parser.parse_args(argv)

    digits = load_digits()
    x_train, x_test, y_train, y_test = train_test_split(
        digits.data / 16.0, digits.target, test_size=0.2, random_state=0, stratify=digits.target
    )
    order = np.random.default_rng(0)
    start, history = time.perf_counter(), []
    with tf.Graph().as_default(), tf.Session(options.scheduler) as session:
        tf.set_random_seed(0)
        (images, labels, rate), (loss, accuracy, train) = build_network(64, 256, 10)
        for epoch in range(1, options.epochs + 1):
            losses = []
            shuffled = order.permutation(len(x_train))
            for first in range(0, len(x_train), options.batch_size):
                batch = shuffled[first : first + options.batch_size]
                feeds = {images: x_train[batch], labels: y_train[batch], rate: 0.3}
                losses.append(session.run([loss, train], feeds)[0])
            history.append(float(np.mean(losses)))
            seen = session.run(accuracy, {images: x_test, labels: y_test})
            progress = f"epoch {epoch}/{options.epochs}  loss {history[-1]:.4f}  test {seen:.1%}"
            end = "\r" if sys.stdout.isatty() and epoch < options.epochs else "\n"
            print(f"{progress}  {time.perf_counter() - start:.1f} s", end=end, flush=True)
    return history, float(seen)


if __name__ == "__main__":
    _, test_accuracy = main()
    assert test_accuracy >= 0.97, f"only {test_accuracy:.1%} of the test images were read right"
