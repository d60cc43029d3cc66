"""The digits again, cut into shards: training on data that stays where it is.

The images are a Dask array in chunks. Each step runs the network on a few shuffled rows of every
chunk, where that chunk is, adds up the gradients, and updates the weights once. Here on threads:

    python examples/09_sharded_digits.py

or on processes, which could be machines, with the same losses:

    python examples/09_sharded_digits.py --workers 2
"""

import argparse
from contextlib import nullcontext

import dask
import dask.array as da
import numpy as np
from distributed import Client
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import tfmini as tf


def build_network(images, labels):
    """Return the predicted classes, the loss and the operation that trains."""
    hidden = tf.layers.dense(images, 128, activation=tf.nn.relu)
    logits = tf.layers.dense(hidden, 10)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    loss = tf.reduce_mean(losses)  # over the rows of all shards
    return tf.argmax(logits, axis=1), loss, tf.train.AdamOptimizer(0.005).minimize(loss)


def train(session, x, y, x_test, y_test, epochs):
    """Return the mean loss of each epoch, and the accuracy on unseen images."""
    tf.set_random_seed(0)
    images = tf.placeholder(tf.float32, [None, 64], name="images")
    labels = tf.placeholder(tf.int64, [None], name="labels")
    classes, loss, step = build_network(images, labels)
    # 16 rows of each of the 4 chunks; their numbers are drawn beside the chunks, from the seed.
    batches = tf.data.Minibatches({images: x, labels: y}, batch_size=64, seed=0)
    history = []
    for number in range(epochs):
        losses = [session.run([loss, step], feed)[0] for feed in batches.epoch(number)]
        history.append(float(np.mean(losses)))
        print(f"epoch {number + 1}/{epochs}  {len(batches)} batches  loss {history[-1]:.4f}")
    seen = session.run(classes, {images: x_test})
    return history, float(np.mean(seen == y_test))


def main(argv=None):
    """Train on threads or processes; return what ``train`` returns."""
    parser = argparse.ArgumentParser(description="Learn to read digits that lie in shards.")
    parser.add_argument("--workers", type=int, help="processes to start (default: use threads)")
    parser.add_argument("--epochs", type=int, default=10)
    options = parser.parse_args(argv)

    digits = load_digits()
    x, x_test, y, y_test = train_test_split(
        (digits.data / 16.0).astype(np.float32), digits.target, test_size=0.2, random_state=0
    )
    # Larger data would come from da.from_zarr, dask.dataframe.read_parquet and the like.
    rows = -(-len(x) // 4)
    chunks = da.from_array(x, (rows, 64)), da.from_array(y, rows)

    cluster = nullcontext()
    if options.workers:
        cluster = Client(n_workers=options.workers, threads_per_worker=1, dashboard_address=":0")
    with cluster, tf.Graph().as_default(), tf.Session() as session:
        # Into the memory of the workers, or of this process: from here on nothing moves.
        x_chunks, y_chunks = dask.persist(*chunks)
        return train(session, x_chunks, y_chunks, x_test, y_test, options.epochs)


if __name__ == "__main__":
    _, accuracy = main()
    assert accuracy >= 0.95, f"only {accuracy:.1%} of the test images were read right"
