"""The reference: each workload as a good NumPy programmer writes it, plain and unblocked.

In: arrays of `data`. Out: steps. Gradients are derived by hand; there are no tricks with buffers,
blocks or threads beyond what BLAS does itself.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .. import data
from ..interface import Peer, Step


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def dense_relu_forward(x, w, b):
    """Return relu(x w + b); its own sign tells later where the gradient passes."""
    return np.maximum(x @ w + b, 0)


def straight_line(count):
    """Return a compiled function of `count` lines ``y = y + x``: no loop, no look-up of names."""
    lines = ["def chain(x):", "    y = x", *["    y = y + x"] * count, "    return y"]
    namespace = {}
    exec("\n".join(lines), namespace)
    return namespace["chain"]


def columns(x, size):
    """im2col for stride 1, SAME: (n, h, w, c) -> (n*h*w, size*size*c)."""
    n, h, w, _ = x.shape
    pad = size // 2
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    windows = sliding_window_view(padded, (size, size), axis=(1, 2))
    return windows.transpose(0, 1, 2, 4, 5, 3).reshape(n * h * w, -1)


def uncolumns(cols, shape, size):
    """col2im, the transpose of `columns`: overlapping windows are summed into (n, h, w, c)."""
    n, h, w, c = shape
    pad = size // 2
    cols = cols.reshape(n, h, w, size, size, c)
    padded = np.zeros((n, h + 2 * pad, w + 2 * pad, c), cols.dtype)
    for i in range(size):
        for j in range(size):
            padded[:, i : i + h, j : j + w] += cols[:, :, :, i, j]
    return padded[:, pad : pad + h, pad : pad + w]


def pool(x):
    """2x2 maximum over (n, h, w, c)."""
    return np.maximum(
        np.maximum(x[:, ::2, ::2], x[:, 1::2, ::2]),
        np.maximum(x[:, ::2, 1::2], x[:, 1::2, 1::2]),
    )


def pool_gradient(x, pooled, gradient):
    """Pass `gradient` to where `x` held the maximum, and only where relu let it through."""
    out = np.empty_like(x)
    for i in (0, 1):
        for j in (0, 1):
            corner = x[:, i::2, j::2]
            out[:, i::2, j::2] = gradient * ((corner == pooled) & (corner > 0))
    return out


def cross_entropy(logits, one_hot):
    """Return the mean softmax cross entropy and its gradient by the logits."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=1, keepdims=True)
    loss = np.mean(np.log(total[:, 0]) - np.sum(shifted * one_hot, axis=1))
    return loss, (e / total - one_hot) / np.float32(len(logits))


class NumpyHand(Peer):
    """Every workload; what builds a graph is the exception, for here there is none."""

    cannot = {"build_chain": "plain NumPy builds no graph"}

    def affine(self):
        a, x, b = data.affine()
        return Step(lambda: a @ x + b)

    def many_feeds(self):
        vectors, b = data.many_feeds()
        return Step(lambda: [x + b for x in vectors])

    def lesson_mlp(self):
        x, c, (w1, b1, w2, b2) = data.lesson_mlp()
        rate = data.LESSON_RATE

        def run():
            nonlocal w1, b1, w2, b2
            h = sigmoid(x @ w1 + b1)
            e = np.exp(h @ w2 + b2)
            p = e / e.sum(axis=1, keepdims=True)
            loss = -(c * np.log(p)).sum(axis=1).sum()
            d2 = p - c
            d1 = (d2 @ w2.T) * h * (1 - h)
            w2 = w2 - rate * (h.T @ d2)
            b2 = b2 - rate * d2.sum(axis=0)
            w1 = w1 - rate * (x.T @ d1)
            b1 = b1 - rate * d1.sum(axis=0)
            return loss

        return Step(run, state=lambda: [w1, b1, w2, b2])

    def mlp_adam(self, batch):
        x, labels, parameters = data.mlp(batch)
        update = adam(parameters)

        def run():
            w1, b1, w2, b2, w3, b3 = parameters
            h1 = dense_relu_forward(x, w1, b1)
            h2 = dense_relu_forward(h1, w2, b2)
            loss, d3 = cross_entropy(h2 @ w3 + b3, labels)
            d2 = (d3 @ w3.T) * (h2 > 0)
            d1 = (d2 @ w2.T) * (h1 > 0)
            update([x.T @ d1, d1.sum(0), h1.T @ d2, d2.sum(0), h2.T @ d3, d3.sum(0)])
            return loss

        return Step(run, state=lambda: parameters)

    # What a session's callable is compared with: the same hand-written step.
    mlp_adam_callable = mlp_adam

    def wide_matmul(self):
        x, weights = data.wide_matmul()
        return Step(lambda: sum(x @ w @ w @ w for w in weights))

    def wide_svd(self):
        x, matrices = data.wide_svd()
        return Step(lambda: sum(np.linalg.svd(x + m, compute_uv=False) for m in matrices))

    def wide_ufunc(self):
        x = data.wide_ufunc()
        return Step(lambda: sum(np.tanh(a * x + b) for a, b in data.UFUNC_BRANCHES))

    def elementwise(self):
        x = data.elementwise()
        return Step(lambda: sigmoid(2 * x + 1) * np.tanh(x) - np.exp(-x * x))

    def elementwise_gradient(self):
        x = data.elementwise()

        def run():
            s, t = sigmoid(2 * x + 1), np.tanh(x)
            return 2 * s * (1 - s) * t + s * (1 - t * t) + 2 * x * np.exp(-x * x)

        return Step(run)

    def chain(self, count):
        # A NumPy scalar: its `+` takes 0.06 us, where `np.add` of 0-d arrays takes 0.4 us.
        x = data.scalar()[()]
        run = straight_line(count)
        return Step(lambda: run(x))

    def cnn(self):
        x, labels, parameters = data.cnn()
        one_hot = np.eye(10, dtype=np.float32)[labels]
        rate = np.float32(data.CNN_RATE)

        def run():
            loss, gradients = cnn_gradients(x, one_hot, parameters)
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter -= rate * gradient
            return loss

        return Step(run, state=lambda: parameters)

    def doubling(self, depth):
        start = data.doubling()

        def run():
            x = start
            for _ in range(depth):
                x = x + x
            return x

        return Step(run)


def adam(parameters):
    """Return a function that updates `parameters` in place, written as in the paper."""
    rate, beta1, beta2, epsilon = data.Adam()
    means = [np.zeros_like(p) for p in parameters]
    squares = [np.zeros_like(p) for p in parameters]
    step = 0

    def update(gradients):
        nonlocal step
        step += 1
        # A Python float, so that float32 arrays stay float32.
        scaled = float(rate * np.sqrt(1 - beta2**step) / (1 - beta1**step))
        for i, g in enumerate(gradients):
            means[i] = beta1 * means[i] + (1 - beta1) * g
            squares[i] = beta2 * squares[i] + (1 - beta2) * g * g
            parameters[i] -= scaled * means[i] / (np.sqrt(squares[i]) + epsilon)

    return update


def cnn_gradients(x, one_hot, parameters):
    """Return the loss of the CNN and the gradients in the order of `parameters`."""
    k1, b1, k2, b2, w3, b3, w4, b4 = parameters
    n = len(x)
    cols1 = columns(x, 5)
    c1 = dense_relu_forward(cols1, k1.reshape(25, 32), b1).reshape(n, 28, 28, 32)
    p1 = pool(c1)
    cols2 = columns(p1, 5)
    c2 = dense_relu_forward(cols2, k2.reshape(800, 64), b2).reshape(n, 14, 14, 64)
    p2 = pool(c2)
    flat = p2.reshape(n, -1)
    h = dense_relu_forward(flat, w3, b3)
    loss, d4 = cross_entropy(h @ w4 + b4, one_hot)

    d3 = (d4 @ w4.T) * (h > 0)
    dp2 = (d3 @ w3.T).reshape(p2.shape)
    dc2 = pool_gradient(c2, p2, dp2).reshape(-1, 64)
    dp1 = uncolumns(dc2 @ k2.reshape(800, 64).T, p1.shape, 5)
    dc1 = pool_gradient(c1, p1, dp1).reshape(-1, 32)
    return loss, [
        (cols1.T @ dc1).reshape(k1.shape), dc1.sum(0),
        (cols2.T @ dc2).reshape(k2.shape), dc2.sum(0),
        flat.T @ d3, d3.sum(0),
        h.T @ d4, d4.sum(0),
    ]  # fmt: skip


PEER = NumpyHand
