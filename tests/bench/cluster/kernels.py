"""Losses and gradients in plain NumPy, derived by hand; sums over rows, so that parts add up.

In: weights and biases, features, labels. Out: the sum of the losses and those of the gradients.
"""

import numpy as np


def loss_and_gradients(weights, x, y):
    """Return (sum of losses, gradients) of a model of `workloads.Problem`."""
    values = [x]
    for i in range(0, len(weights) - 2, 2):
        values.append(np.maximum(values[-1] @ weights[i] + weights[i + 1], 0))
    z = values[-1] @ weights[-2] + weights[-1]
    loss, grad = _logistic(z, y) if z.shape[1] == 1 else _softmax(z, y)
    gradients = []
    for i in range(len(weights) - 2, -1, -2):
        value = values[i // 2]
        gradients[:0] = [value.T @ grad, grad.sum(0)]
        if i:
            grad = (grad @ weights[i].T) * (value > 0)
    return loss, gradients


def _logistic(z, y):
    small = np.exp(-np.abs(z))
    loss = (np.maximum(z, 0) - z * y + np.log1p(small)).sum()
    return loss, np.where(z > 0, 1, small) / (1 + small) - y


def _softmax(z, y):
    rows = np.arange(len(y))
    z = z - z.max(1, keepdims=True)
    e = np.exp(z)
    total = e.sum(1, keepdims=True)
    loss = (np.log(total[:, 0]) - z[rows, y]).sum()
    grad = e / total
    grad[rows, y] -= 1
    return loss, grad


def updated(weights, gradients, step):
    """Return the weights after one step."""
    return [w - np.float32(step) * g for w, g in zip(weights, gradients, strict=True)]
