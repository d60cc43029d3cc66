"""The lesson's algorithm, as "Deep Learning From Scratch" (TensorSlow) teaches it.

In: arrays of `data`. Out: steps. Every node is an object that keeps its last value; each run
collects the nodes anew by a recursive post-order walk that keeps no set of visited nodes;
gradients of values flow back in breadth-first order. Written anew for this comparison; the
algorithm's limits (recursion depth, shared nodes) are kept on purpose, for they are the lesson's.
"""

import numpy as np

from .. import data
from ..interface import Peer, Step, Unsupported


class Node:
    """Base of all nodes: `output` is the value of the last run."""

    def __init__(self, inputs=()):
        self.inputs, self.consumers, self.output = inputs, [], None
        for node in inputs:
            node.consumers.append(self)


class Placeholder(Node):
    pass


class Variable(Node):
    def __init__(self, value):
        super().__init__()
        self.value = value


class Operation(Node):
    """`compute` maps input values to the value; `backward` maps (node, grad) to input grads."""

    def __init__(self, compute, inputs, backward=None):
        super().__init__(inputs)
        self.compute, self.backward = compute, backward


def postorder(node, order):
    """Append all that `node` needs, and then `node`; what is shared is appended again."""
    if isinstance(node, Operation):
        for source in node.inputs:
            postorder(source, order)
    order.append(node)
    return order


def run(node, feed):
    """Return the value of `node`: what the lesson's `Session.run` does."""
    for each in postorder(node, []):
        if isinstance(each, Placeholder):
            each.output = feed[each]
        elif isinstance(each, Variable):
            each.output = each.value
        else:
            each.output = each.compute(*[source.output for source in each.inputs])
    return node.output


def gradients(loss):
    """Return {node: gradient of `loss`}, from the outputs of the last run, breadth-first."""
    found, visited, queue = {}, {loss}, [loss]
    while queue:
        node = queue.pop(0)
        found[node] = np.ones_like(loss.output) if node is loss else _gradient_of(node, found)
        for source in node.inputs:
            if source not in visited:
                visited.add(source)
                queue.append(source)
    return found


def _gradient_of(node, found):
    total = 0
    for consumer in node.consumers:
        if consumer not in found:
            raise Unsupported("breadth-first order reaches a shared node before its consumers")
        parts = consumer.backward(consumer, found[consumer])
        total = total + sum(
            part for part, source in zip(parts, consumer.inputs, strict=True) if source is node
        )
    return total


def unbroadcast(gradient, shape):
    """Sum `gradient` over what broadcasting added, so that it fits `shape`."""
    while np.ndim(gradient) > len(shape):
        gradient = gradient.sum(axis=0)
    for axis, size in enumerate(shape):
        if size == 1 and gradient.shape[axis] != 1:
            gradient = gradient.sum(axis=axis, keepdims=True)
    return gradient


def add(x, y):
    return Operation(
        np.add,
        [x, y],
        lambda node, grad: [unbroadcast(grad, np.shape(source.output)) for source in node.inputs],
    )


def matmul(x, y):
    return Operation(
        np.matmul,
        [x, y],
        lambda node, grad: [grad @ node.inputs[1].output.T, node.inputs[0].output.T @ grad],
    )


def multiply(x, y):
    return Operation(
        np.multiply,
        [x, y],
        lambda node, grad: [
            unbroadcast(grad * node.inputs[1].output, np.shape(node.inputs[0].output)),
            unbroadcast(grad * node.inputs[0].output, np.shape(node.inputs[1].output)),
        ],
    )


def negative(x):
    return Operation(np.negative, [x], lambda node, grad: [-grad])


def log(x):
    return Operation(np.log, [x], lambda node, grad: [grad / node.inputs[0].output])


def exp(x):
    return Operation(np.exp, [x], lambda node, grad: [grad * node.output])


def tanh(x):
    return Operation(np.tanh, [x], lambda node, grad: [grad * (1 - node.output**2)])


def sigmoid(x):
    return Operation(
        lambda value: 1 / (1 + np.exp(-value)),
        [x],
        lambda node, grad: [grad * node.output * (1 - node.output)],
    )


def softmax(x):
    def compute(value):
        e = np.exp(value)
        return e / e.sum(axis=1)[:, None]

    return Operation(
        compute,
        [x],
        lambda node, grad: [(grad - (grad * node.output).sum(axis=1)[:, None]) * node.output],
    )


def reduce_sum(x, axis=None):
    def backward(node, grad):
        shape = np.shape(node.inputs[0].output)
        spread = grad if axis is None else np.expand_dims(grad, axis)
        return [np.broadcast_to(spread, shape)]

    return Operation(lambda value: np.sum(value, axis), [x], backward)


def svdvals(x):
    return Operation(lambda value: np.linalg.svd(value, compute_uv=False), [x])


def minimize(loss, rate):
    """Return the node that, run after `loss`, moves every variable down its gradient."""

    def compute():
        for node, gradient in gradients(loss).items():
            if isinstance(node, Variable):
                node.value = node.value - rate * gradient

    return Operation(compute, [])


def total(nodes):
    """Return the sum of nodes as a chain of additions."""
    result = nodes[0]
    for node in nodes[1:]:
        result = add(result, node)
    return result


def stepped(fetch, feed):
    return Step(lambda: run(fetch, feed))


def formula(x):
    gate = sigmoid(add(multiply(Variable(np.float32(2)), x), Variable(np.float32(1))))
    bump = exp(negative(multiply(x, x)))
    return add(multiply(gate, tanh(x)), negative(bump))


class TensorSlow(Peer):
    cannot = {
        "mlp_adam": "the lesson has neither relu nor Adam",
        "mlp_adam_callable": "the lesson has neither relu nor Adam",
        "cnn": "the lesson has no convolution",
    }

    def affine(self):
        d = data.affine()
        x = Placeholder()
        return stepped(add(matmul(Variable(d.a), x), Variable(d.b)), {x: d.x})

    def many_feeds(self):
        vectors, offset = data.many_feeds()
        b, xs = Variable(offset), [Placeholder() for _ in vectors]
        zs, feed = [add(x, b) for x in xs], dict(zip(xs, vectors, strict=True))
        # Its session takes one fetch at a time.
        return Step(lambda: [run(z, feed) for z in zs])

    def lesson_mlp(self):
        d = data.lesson_mlp()
        x, c = Placeholder(), Placeholder()
        w1, b1, w2, b2 = weights = [Variable(value) for value in d.parameters]
        h = sigmoid(add(matmul(x, w1), b1))
        p = softmax(add(matmul(h, w2), b2))
        loss = negative(reduce_sum(reduce_sum(multiply(c, log(p)), axis=1)))
        train, feed = minimize(loss, data.LESSON_RATE), {x: d.x, c: d.labels}

        def step():
            value = run(loss, feed)
            run(train, feed)
            return value

        return Step(step, state=lambda: [w.value for w in weights])

    def wide_matmul(self):
        value, matrices = data.wide_matmul()
        x, ws = Placeholder(), list(map(Variable, matrices))
        return stepped(total([matmul(matmul(matmul(x, w), w), w) for w in ws]), {x: value})

    def wide_svd(self):
        value, matrices = data.wide_svd()
        x = Placeholder()
        return stepped(total([svdvals(add(x, Variable(m))) for m in matrices]), {x: value})

    def wide_ufunc(self):
        x, pairs = Placeholder(), np.float32(data.UFUNC_BRANCHES)
        branches = [tanh(add(multiply(Variable(a), x), Variable(b))) for a, b in pairs]
        return stepped(total(branches), {x: data.wide_ufunc()})

    def elementwise(self):
        x = Placeholder()
        return stepped(formula(x), {x: data.elementwise()})

    def elementwise_gradient(self):
        x = Placeholder()
        loss, feed = reduce_sum(formula(x)), {x: data.elementwise()}

        def step():
            run(loss, feed)
            return gradients(loss)[x]

        return Step(step)

    def chain(self, count):
        x, chain = _chain(count)
        return stepped(chain, {x: data.scalar()})

    def build_chain(self, count):
        return Step(lambda: _chain(count)[0], lambda x: [len(set(x.consumers))])

    def doubling(self, depth):
        start = x = Placeholder()
        visits = 1
        for _ in range(depth):
            x, visits = add(x, x), 2 * visits + 1
        if visits > 10_000_000:
            # Computed rather than tried: the list of nodes alone would fill the memory.
            raise Unsupported(f"its walk would list {visits:,} nodes")
        return stepped(x, {start: data.doubling()})


def _chain(count):
    x = Placeholder()
    y = x
    for _ in range(count):
        y = add(y, x)
    return x, y


PEER = TensorSlow
