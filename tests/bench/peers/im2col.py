"""The CNN of W7 for array libraries that differentiate but have no convolution of their own.

In: a namespace with NumPy's names (`autograd.numpy`, or PyTensor's tensors behind the same
names). Out: its logits. Convolution is 25 shifted views, joined and multiplied once.
"""


def conv_same(xp, x, kernel, shape):
    """5x5 convolution, SAME, of `x` with static shape `shape` (n, h, w, c); HWIO kernel."""
    n, h, w, channels = shape
    outputs = kernel.shape[-1]
    across = xp.zeros((n, h, 2, channels), "float32")
    along = xp.zeros((n, 2, w + 4, channels), "float32")
    padded = xp.concatenate([across, x, across], axis=2)
    padded = xp.concatenate([along, padded, along], axis=1)
    views = [padded[:, i : i + h, j : j + w] for i in range(5) for j in range(5)]
    columns = xp.concatenate(views, axis=3).reshape((n * h * w, 25 * channels))
    product = xp.dot(columns, kernel.reshape((25 * channels, outputs)))
    return product.reshape((n, h, w, outputs))


def max_pool(xp, x, shape):
    """2x2 maximum of `x` with static shape `shape` (n, h, w, c)."""
    n, h, w, c = shape
    return xp.max(xp.reshape(x, (n, h // 2, 2, w // 2, 2, c)), axis=(2, 4))


def cnn_logits(xp, x, parameters, batch):
    """Return the logits (batch, 10)."""
    k1, b1, k2, b2, w3, b3, w4, b4 = parameters
    y = xp.maximum(conv_same(xp, x, k1, (batch, 28, 28, 1)) + b1, 0)
    y = max_pool(xp, y, (batch, 28, 28, 32))
    y = xp.maximum(conv_same(xp, y, k2, (batch, 14, 14, 32)) + b2, 0)
    y = max_pool(xp, y, (batch, 14, 14, 64))
    h = xp.maximum(xp.dot(y.reshape((batch, 3136)), w3) + b3, 0)
    return xp.dot(h, w4) + b4
