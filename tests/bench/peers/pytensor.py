"""PyTensor, each step one compiled function with its default linker.

In: arrays of `data`. Out: steps. Parameters are shared variables, updated by the function.
"""

import time

import pytensor
import pytensor.tensor as pt

from .. import data
from ..interface import Peer, Step
from .im2col import cnn_logits


def constants(arrays):
    """Data that stays, as shared variables: constants would be folded away."""
    return [pytensor.shared(array) for array in arrays]


def compiled(inputs, output, *values):
    """Return the step of a function of fed values."""
    function = pytensor.function(inputs, output)
    return Step(lambda: function(*values))


def training_step(loss, updates, parameters):
    def state():
        return [parameter.get_value() for parameter in parameters]

    return Step(pytensor.function([], loss, updates=updates), state=state)


def descent(loss, parameters, rate):
    """Return the updates of gradient descent; `rate` has the parameters' dtype."""
    gradients = pt.grad(loss, parameters)
    return [(p, p - rate * g) for p, g in zip(parameters, gradients, strict=True)]


def adam(loss, parameters):
    """Return the updates of Adam with TensorFlow's place of epsilon, in float32."""
    rate, beta1, beta2, epsilon = (pt.constant(c, dtype="float32") for c in data.Adam())
    count = pytensor.shared(data.scalar() * 0)
    step = count + 1
    scaled = rate * pt.sqrt(1 - beta2**step) / (1 - beta1**step)
    updates = [(count, step)]
    for parameter, gradient in zip(parameters, pt.grad(loss, parameters), strict=True):
        zeros = parameter.get_value() * 0
        mean, square = constants([zeros, zeros.copy()])
        new_mean = beta1 * mean + (1 - beta1) * gradient
        new_square = beta2 * square + (1 - beta2) * gradient * gradient
        new = parameter - scaled * new_mean / (pt.sqrt(new_square) + epsilon)
        updates += [(mean, new_mean), (square, new_square), (parameter, new)]
    return updates


def cross_entropy(logits, one_hot):
    log_p = pt.special.log_softmax(logits, axis=1)
    return -pt.mean(pt.sum(one_hot * log_p, axis=1))


def formula(x):
    return pt.sigmoid(2 * x + 1) * pt.tanh(x) - pt.exp(-x * x)


def add_chain(count):
    x = pt.fscalar()
    y = x
    for _ in range(count):
        y = y + x
    return x, y


def count_additions(y):
    """Return how many additions lie behind `y`, without recursion."""
    seen, waiting = set(), [y.owner]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting += [i.owner for i in node.inputs]
    return [len(seen)]


class PyTensor(Peer):
    distribution = "pytensor"
    cannot = {"mlp_adam_callable": "has no sessions, see W3"}

    def affine(self):
        d = data.affine()
        x = pt.dmatrix()
        a, b = constants([d.a, d.b])
        return compiled([x], a @ x + b, d.x)

    def many_feeds(self):
        vectors, offset = data.many_feeds()
        xs, b = [pt.dvector() for _ in vectors], pytensor.shared(offset)
        return compiled(xs, [x + b for x in xs], *vectors)

    def lesson_mlp(self):
        d = data.lesson_mlp()
        x, c, w1, b1, w2, b2 = constants([d.x, d.labels, *d.parameters])
        p = pt.special.softmax(pt.sigmoid(x @ w1 + b1) @ w2 + b2, axis=1)
        loss = -pt.sum(pt.sum(c * pt.log(p), axis=1))
        parameters = [w1, b1, w2, b2]
        return training_step(loss, descent(loss, parameters, data.LESSON_RATE), parameters)

    def _mlp(self, batch):
        """Return the loss of W3, Adam's updates and the parameters, not yet compiled."""
        d = data.mlp(batch)
        x, labels, *parameters = constants([d.x, d.labels, *d.parameters])
        w1, b1, w2, b2, w3, b3 = parameters
        h1 = pt.maximum(x @ w1 + b1, 0)
        h2 = pt.maximum(h1 @ w2 + b2, 0)
        loss = cross_entropy(h2 @ w3 + b3, labels)
        return loss, adam(loss, parameters), parameters

    def mlp_adam(self, batch):
        return training_step(*self._mlp(batch))

    def first_result(self):
        graph = self._mlp(128)
        begin = time.perf_counter()
        training_step(*graph).run()
        return time.perf_counter() - begin

    def wide_matmul(self):
        value, matrices = data.wide_matmul()
        x, weights = pt.fmatrix(), constants(matrices)
        return compiled([x], sum(x @ w @ w @ w for w in weights), value)

    def wide_svd(self):
        value, matrices = data.wide_svd()
        x, others = pt.fmatrix(), constants(matrices)
        svd = pt.linalg.svd
        return compiled([x], sum(svd(x + m, compute_uv=False) for m in others), value)

    def wide_ufunc(self):
        x = pt.fvector()
        branches = [pt.tanh(_single(a) * x + _single(b)) for a, b in data.UFUNC_BRANCHES]
        return compiled([x], sum(branches), data.wide_ufunc())

    def elementwise(self):
        x = pt.fvector()
        return compiled([x], formula(x), data.elementwise())

    def elementwise_gradient(self):
        x = pt.fvector()
        return compiled([x], pt.grad(pt.sum(formula(x)), x), data.elementwise())

    def chain(self, count):
        x, y = add_chain(count)
        return compiled([x], y, data.scalar())

    def build_chain(self, count):
        return Step(lambda: add_chain(count)[1], count_additions)

    def cnn(self):
        d = data.cnn()
        one_hot = (d.labels[:, None] == range(10)).astype("float32")
        x, one_hot, *parameters = constants([d.x, one_hot, *d.parameters])
        loss = cross_entropy(cnn_logits(pt, x, parameters, len(d.x)), one_hot)
        updates = descent(loss, parameters, _single(data.CNN_RATE))
        return training_step(loss, updates, parameters)

    def doubling(self, depth):
        start = x = pt.dvector()
        for _ in range(depth):
            x = x + x
        return compiled([start], x, data.doubling())


def _single(number):
    return pt.constant(number, dtype="float32")


PEER = PyTensor
