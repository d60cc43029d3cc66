"""HIPS autograd: NumPy that records a tape while it computes.

In: arrays of `data`. Out: steps. Optimizers are written by hand, as its users do.
"""

import autograd.numpy as np
from autograd import elementwise_grad, value_and_grad

from .. import data
from ..interface import Peer, Step
from .im2col import cnn_logits
from .numpy_hand import adam


def cross_entropy(logits, one_hot):
    shifted = logits - np.max(logits, axis=1, keepdims=True)
    log_p = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    return -np.mean(np.sum(one_hot * log_p, axis=1))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def formula(x):
    return sigmoid(2 * x + 1) * np.tanh(x) - np.exp(-x * x)


def descent_step(loss_of, parameters, rate):
    """Return the step of gradient descent, in place."""
    gradient_of = value_and_grad(loss_of)

    def run():
        loss, gradients = gradient_of(parameters)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter -= rate * gradient
        return loss

    return Step(run, state=lambda: parameters)


class Autograd(Peer):
    distribution = "autograd"
    cannot = {
        "build_chain": "its tape is built by a run only",
        "mlp_adam_callable": "has no sessions, see W3",
    }

    def affine(self):
        a, x, b = data.affine()
        return Step(lambda: np.dot(a, x) + b)

    def many_feeds(self):
        vectors, b = data.many_feeds()
        return Step(lambda: [np.add(x, b) for x in vectors])

    def lesson_mlp(self):
        x, c, parameters = data.lesson_mlp()

        def loss_of(parameters):
            w1, b1, w2, b2 = parameters
            e = np.exp(np.dot(sigmoid(np.dot(x, w1) + b1), w2) + b2)
            p = e / np.sum(e, axis=1, keepdims=True)
            return -np.sum(np.sum(c * np.log(p), axis=1))

        return descent_step(loss_of, parameters, data.LESSON_RATE)

    def mlp_adam(self, batch):
        x, labels, parameters = data.mlp(batch)
        update = adam(parameters)

        def loss_of(parameters):
            w1, b1, w2, b2, w3, b3 = parameters
            h1 = np.maximum(np.dot(x, w1) + b1, 0)
            h2 = np.maximum(np.dot(h1, w2) + b2, 0)
            return cross_entropy(np.dot(h2, w3) + b3, labels)

        gradient_of = value_and_grad(loss_of)

        def run():
            loss, gradients = gradient_of(parameters)
            update(gradients)
            return loss

        return Step(run, state=lambda: parameters)

    def wide_matmul(self):
        x, weights = data.wide_matmul()
        return Step(lambda: sum(np.dot(np.dot(np.dot(x, w), w), w) for w in weights))

    def wide_svd(self):
        x, matrices = data.wide_svd()
        return Step(lambda: sum(np.linalg.svd(x + m, compute_uv=False) for m in matrices))

    def wide_ufunc(self):
        x = data.wide_ufunc()
        return Step(lambda: sum(np.tanh(a * x + b) for a, b in data.UFUNC_BRANCHES))

    def elementwise(self):
        x = data.elementwise()
        return Step(lambda: formula(x))

    def elementwise_gradient(self):
        x = data.elementwise()
        gradient = elementwise_grad(formula)
        return Step(lambda: gradient(x))

    def chain(self, count):
        x = data.scalar()

        def run():
            y = x
            for _ in range(count):
                y = np.add(y, x)
            return y

        return Step(run)

    def cnn(self):
        x, labels, parameters = data.cnn()
        one_hot = np.eye(10, dtype=np.float32)[labels]

        def loss_of(parameters):
            return cross_entropy(cnn_logits(np, x, parameters, len(x)), one_hot)

        return descent_step(loss_of, parameters, np.float32(data.CNN_RATE))

    def doubling(self, depth):
        start = data.doubling()

        def run():
            x = start
            for _ in range(depth):
                x = np.add(x, x)
            return x

        return Step(run)


PEER = Autograd
