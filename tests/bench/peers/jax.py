"""JAX, each step one jitted function.

In: arrays of `data`, put on the device. Out: steps that wait until their results are ready.
"""

import os

import jax
import jax.numpy as jnp
import numpy as np

from .. import data
from ..interface import Peer, Step


def jitted(function, *arguments):
    """Return the step of a pure function, called with `arguments`."""
    compiled = jax.jit(function)
    placed = jax.device_put(arguments)
    return Step(lambda: jax.block_until_ready(compiled(*placed)))


def training_step(loss_of, update, state):
    """Return the step that replaces `state`, a tuple whose first item is the parameters."""

    def step(state):
        loss, gradients = jax.value_and_grad(loss_of)(state[0])
        return update(state, gradients), loss

    # The old state is given up, so that its memory may be reused.
    compiled = jax.jit(step, donate_argnums=0)
    state = jax.device_put(state)

    def run():
        nonlocal state
        state, loss = jax.block_until_ready(compiled(state))
        return loss

    return Step(run, state=lambda: state[0])


def descend(rate):
    """Return the update of plain gradient descent."""

    def update(state, gradients):
        return ([p - rate * g for p, g in zip(state[0], gradients, strict=True)],)

    return update


def adam(state, gradients):
    """Adam with TensorFlow's place of epsilon; state is (parameters, means, squares, count)."""
    rate, beta1, beta2, epsilon = data.Adam()
    parameters, means, squares, count = state
    count = count + 1
    scaled = (rate * jnp.sqrt(1 - beta2**count) / (1 - beta1**count)).astype(jnp.float32)
    means = [beta1 * m + (1 - beta1) * g for m, g in zip(means, gradients, strict=True)]
    squares = [beta2 * s + (1 - beta2) * g * g for s, g in zip(squares, gradients, strict=True)]
    moments = zip(parameters, means, squares, strict=True)
    parameters = [p - scaled * m / (jnp.sqrt(s) + epsilon) for p, m, s in moments]
    return parameters, means, squares, count


def cross_entropy(logits, one_hot):
    return -jnp.mean(jnp.sum(one_hot * jax.nn.log_softmax(logits), axis=1))


def formula(x):
    return jax.nn.sigmoid(2 * x + 1) * jnp.tanh(x) - jnp.exp(-x * x)


def conv_pool(x, kernel, bias):
    y = jax.lax.conv_general_dilated(
        x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    y = jax.nn.relu(y + bias)
    # A NumPy scalar: only a known minus infinity is recognised as a maximum with a gradient.
    lowest = np.float32(-np.inf)
    return jax.lax.reduce_window(y, lowest, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "SAME")


class Jax(Peer):
    distribution = "jax"
    cannot = {"mlp_adam_callable": "has no sessions, see W3"}

    def __init__(self, threads):
        super().__init__(threads)
        # Read when the CPU client is made, which is at the first array and so after this.
        os.environ["PJRT_NPROC"] = os.environ["NPROC"] = str(threads)
        jax.config.update("jax_platforms", "cpu")
        jax.config.update("jax_enable_x64", True)

    def affine(self):
        return jitted(lambda a, x, b: a @ x + b, *data.affine())

    def many_feeds(self):
        vectors, b = data.many_feeds()
        return jitted(lambda xs, b: [x + b for x in xs], vectors, b)

    def lesson_mlp(self):
        d = data.lesson_mlp()
        x, c = jax.device_put((d.x, d.labels))

        def loss_of(parameters):
            w1, b1, w2, b2 = parameters
            p = jax.nn.softmax(jax.nn.sigmoid(x @ w1 + b1) @ w2 + b2)
            return -jnp.sum(jnp.sum(c * jnp.log(p), axis=1))

        return training_step(loss_of, descend(data.LESSON_RATE), (d.parameters,))

    def mlp_adam(self, batch):
        d = data.mlp(batch)
        x, labels = jax.device_put((d.x, d.labels))

        def loss_of(parameters):
            w1, b1, w2, b2, w3, b3 = parameters
            h = jax.nn.relu(jax.nn.relu(x @ w1 + b1) @ w2 + b2)
            return cross_entropy(h @ w3 + b3, labels)

        zeros = [0 * p for p in d.parameters]
        return training_step(loss_of, adam, (d.parameters, zeros, [z.copy() for z in zeros], 0))

    def wide_matmul(self):
        x, weights = data.wide_matmul()
        return jitted(lambda x, ws: sum(x @ w @ w @ w for w in ws), x, weights)

    def wide_svd(self):
        x, matrices = data.wide_svd()
        svd = jnp.linalg.svd
        return jitted(lambda x, ms: sum(svd(x + m, compute_uv=False) for m in ms), x, matrices)

    def wide_ufunc(self):
        branches = data.UFUNC_BRANCHES
        return jitted(lambda x: sum(jnp.tanh(a * x + b) for a, b in branches), data.wide_ufunc())

    def elementwise(self):
        return jitted(formula, data.elementwise())

    def elementwise_gradient(self):
        return jitted(jax.grad(lambda x: jnp.sum(formula(x))), data.elementwise())

    def chain(self, count):
        return jitted(lambda x: add_chain(x, count), data.scalar())

    def build_chain(self, count):
        x = data.scalar()

        def run():
            # A new function each time, for a known one comes from the cache.
            return jax.make_jaxpr(lambda x: add_chain(x, count))(x)

        return Step(run, lambda traced: [len(traced.jaxpr.eqns)])

    def cnn(self):
        d = data.cnn()
        x, one_hot = jax.device_put((d.x, jax.nn.one_hot(d.labels, 10, dtype=jnp.float32)))

        def loss_of(parameters):
            k1, b1, k2, b2, w3, b3, w4, b4 = parameters
            flat = conv_pool(conv_pool(x, k1, b1), k2, b2).reshape(len(x), -1)
            return cross_entropy(jax.nn.relu(flat @ w3 + b3) @ w4 + b4, one_hot)

        return training_step(loss_of, descend(data.CNN_RATE), (d.parameters,))

    def doubling(self, depth):
        def run(x):
            for _ in range(depth):
                x = x + x
            return x

        return jitted(run, data.doubling())


def add_chain(x, count):
    y = x
    for _ in range(count):
        y = y + x
    return y


PEER = Jax
