"""Search: networks of several sizes and learning rates, trained side by side in one graph.

The models are independent branches of the graph, so one run takes a step of each, and the session
spreads them: over this machine's threads, or with --scheduler over the workers of a Dask cluster.
The best on held-out images is the search's answer; all of them together are an ensemble.
"""

import argparse
import itertools

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import tfmini as tf

HIDDEN = (64, 256, 1024)
RATES = (0.0003, 0.003, 0.03)


def build_model(images, labels, n_hidden, rate):
    """Return the class probabilities and the training operation of one network."""
    with tf.variable_scope(f"hidden_{n_hidden}_rate_{rate}"):
        hidden = tf.layers.dense(images, n_hidden, activation=tf.nn.relu)
        logits = tf.layers.dense(hidden, 10)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        train = tf.train.AdamOptimizer(rate).minimize(tf.reduce_mean(losses))
    return tf.nn.softmax(logits), train


def accuracy(probabilities, labels):
    """Return the share of images whose most probable class is right."""
    hits = tf.equal(tf.argmax(probabilities, axis=1), labels)
    return tf.reduce_mean(tf.cast(hits, tf.float32))


def main(argv=None):
    """Train all; return the choices and accuracies of each, and the accuracy of the ensemble."""
    parser = argparse.ArgumentParser(description="Search for the best network.")
    parser.add_argument("--scheduler", help="a Dask scheduler, e.g. tcp://127.0.0.1:8786")
    parser.add_argument("--steps", type=int, default=120)
    options = parser.parse_args(argv)

    digits = load_digits()
    x_train, x_test, y_train, y_test = train_test_split(
        (digits.data / 16.0).astype(np.float32), digits.target, test_size=0.25, random_state=0
    )
    choices = list(itertools.product(HIDDEN, RATES))
    with tf.Graph().as_default(), tf.Session(options.scheduler) as session:
        tf.set_random_seed(0)
        images = tf.placeholder(tf.float32, [None, 64], name="images")
        labels = tf.placeholder(tf.int64, [None], name="labels")
        probabilities, steps = zip(
            *[build_model(images, labels, *choice) for choice in choices], strict=True
        )
        for _ in range(options.steps):
            session.run(steps, {images: x_train, labels: y_train})
        scores = [accuracy(p, labels) for p in probabilities]
        ensemble = accuracy(tf.add_n(probabilities), labels)
        seen, together = session.run([scores, ensemble], {images: x_test, labels: y_test})

    results = sorted(zip(map(float, seen), choices, strict=True), reverse=True)
    for score, (n_hidden, rate) in results:
        print(f"{n_hidden:4} hidden nodes, learning rate {rate:<7}: {score:.1%} right")
    print(f"all {len(choices)} together: {together:.1%} right")
    return results, float(together)


if __name__ == "__main__":
    found, of_all = main()
    assert found[0][0] >= 0.96, f"even the best network reads only {found[0][0]:.1%} right"
