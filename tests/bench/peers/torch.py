"""PyTorch, eager.

In: arrays of `data` as CPU tensors (images as NCHW, its layout). Out: steps that return tensors.
"""

import torch
from torch.nn import functional

from .. import data
from ..interface import Peer, Step


def tensors(arrays):
    return [torch.tensor(array) for array in arrays]


def parameters(arrays):
    return [torch.tensor(array, requires_grad=True) for array in arrays]


def training_step(loss_of, optimizer, state):
    """Return the step of a usual training loop; `state()` returns the parameters to compare."""

    def run():
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        optimizer.step()
        return loss

    return Step(run, lambda loss: arrays([loss]), state)


def arrays(tensors):
    return [tensor.detach().numpy() for tensor in tensors]


def formula(x):
    return torch.sigmoid(2 * x + 1) * torch.tanh(x) - torch.exp(-x * x)


class Torch(Peer):
    distribution = "torch"
    cannot = {
        "build_chain": "eager: builds no graph apart from a run",
        "mlp_adam_callable": "has no sessions, see W3",
    }

    def __init__(self, threads):
        super().__init__(threads)
        torch.set_num_threads(threads)

    def affine(self):
        a, x, b = tensors(data.affine())
        return Step(lambda: a @ x + b)

    def many_feeds(self):
        vectors, offset = data.many_feeds()
        xs, (b,) = tensors(vectors), tensors([offset])
        return Step(lambda: [x + b for x in xs])

    def lesson_mlp(self):
        d = data.lesson_mlp()
        x, c = tensors([d.x, d.labels])
        w1, b1, w2, b2 = weights = parameters(d.parameters)

        def loss_of():
            p = torch.softmax(torch.sigmoid(x @ w1 + b1) @ w2 + b2, dim=1)
            return -(c * torch.log(p)).sum(dim=1).sum()

        optimizer = torch.optim.SGD(weights, data.LESSON_RATE)
        return training_step(loss_of, optimizer, lambda: arrays(weights))

    def mlp_adam(self, batch):
        d = data.mlp(batch)
        x, labels = tensors([d.x, d.labels])
        w1, b1, w2, b2, w3, b3 = weights = parameters(d.parameters)
        rate, beta1, beta2, epsilon = data.Adam()

        def loss_of():
            h1 = torch.relu(x @ w1 + b1)
            h2 = torch.relu(h1 @ w2 + b2)
            return functional.cross_entropy(h2 @ w3 + b3, labels)

        optimizer = torch.optim.Adam(weights, rate, (beta1, beta2), epsilon)
        return training_step(loss_of, optimizer, lambda: arrays(weights))

    def wide_matmul(self):
        value, matrices = data.wide_matmul()
        (x,), weights = tensors([value]), tensors(matrices)
        return Step(lambda: sum(x @ w @ w @ w for w in weights))

    def wide_svd(self):
        value, matrices = data.wide_svd()
        (x,), others = tensors([value]), tensors(matrices)
        return Step(lambda: sum(torch.linalg.svdvals(x + m) for m in others))

    def wide_ufunc(self):
        (x,) = tensors([data.wide_ufunc()])
        return Step(lambda: sum(torch.tanh(a * x + b) for a, b in data.UFUNC_BRANCHES))

    def elementwise(self):
        (x,) = tensors([data.elementwise()])
        return Step(lambda: formula(x))

    def elementwise_gradient(self):
        (x,) = parameters([data.elementwise()])
        return Step(lambda: torch.autograd.grad(formula(x).sum(), x)[0])

    def chain(self, count):
        (x,) = tensors([data.scalar()])

        def run():
            y = x
            for _ in range(count):
                y = y + x
            return y

        return Step(run)

    def cnn(self):
        d = data.cnn()
        x = torch.tensor(d.x.transpose(0, 3, 1, 2).copy())
        labels = torch.tensor(d.labels).long()
        k1, b1, k2, b2, w3, b3, w4, b4 = weights = parameters(_nchw(d.parameters))

        def loss_of():
            p1 = functional.max_pool2d(torch.relu(functional.conv2d(x, k1, b1, padding=2)), 2)
            p2 = functional.max_pool2d(torch.relu(functional.conv2d(p1, k2, b2, padding=2)), 2)
            h = torch.relu(p2.flatten(1) @ w3 + b3)
            return functional.cross_entropy(h @ w4 + b4, labels)

        optimizer = torch.optim.SGD(weights, data.CNN_RATE)
        return training_step(loss_of, optimizer, lambda: _nhwc(arrays(weights)))

    def doubling(self, depth):
        (start,) = tensors([data.doubling()])

        def run():
            x = start
            for _ in range(depth):
                x = x + x
            return x

        return Step(run)


def _nchw(arrays):
    """Kernels as OIHW, and the rows of the dense layer in the order in which NCHW flattens."""
    k1, b1, k2, b2, w3, *rest = arrays
    w3 = w3.reshape(7, 7, 64, 1024).transpose(2, 0, 1, 3).reshape(3136, 1024)
    return [k1.transpose(3, 2, 0, 1).copy(), b1, k2.transpose(3, 2, 0, 1).copy(), b2, w3, *rest]


def _nhwc(arrays):
    """Undo `_nchw`."""
    k1, b1, k2, b2, w3, *rest = arrays
    w3 = w3.reshape(64, 7, 7, 1024).transpose(1, 2, 0, 3).reshape(3136, 1024)
    return [k1.transpose(2, 3, 1, 0), b1, k2.transpose(2, 3, 1, 0), b2, w3, *rest]


PEER = Torch
