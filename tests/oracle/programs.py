"""Short programs for functions that take functions, variables or conditions.

In: a module with TensorFlow 1's interface, one of its functions, and arguments.  Out: tensors.
Runs in both environments, and so imports nothing of this package.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Module = Any  # tfmini or TensorFlow
Function = Any
Tensor = Any


def after(tf: Module, function: Function, *args: Any, **kwargs: Any) -> Tensor:
    """``1.0`` once what ``function`` returns has run: for assertions."""
    made = function(*args, **kwargs)
    with tf.control_dependencies([made] if hasattr(made, "op") or hasattr(made, "outputs") else []):
        return tf.constant(1.0)


def told(tf: Module, function: Function, x: Tensor) -> Tensor:
    """What ``function`` says of a tensor, of its size or of its dtype, in words."""
    given = {"assert_same_float_dtype": [x], "dimension_value": x.shape[0]}
    return tf.constant(str(function(given.get(function.__name__, x))).split("'")[-1])


def changed(tf: Module, function: Function, start: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """A variable after a change."""
    variable = tf.Variable(start)
    with tf.control_dependencies([variable.initializer]):
        return tf.identity(function(variable, *args, **kwargs))


def square_or_double(tf: Module, function: Function, x: Tensor, y: Tensor) -> Tensor:
    """``cond``: ``x * x`` where the sum of ``y`` is positive, else ``2 * x + y``."""
    positive = tf.reduce_sum(y) > 0
    return function(positive, lambda: x * x, lambda: 2 * x + y)


def first_of_three(tf: Module, function: Function, x: Tensor, n: Tensor) -> Tensor:
    """``case``: by the value of ``n``."""
    pairs = [(tf.equal(n, 0), lambda: x * x), (tf.less(n, 2), lambda: tf.exp(x))]
    return function(pairs, default=lambda: -x)


def one_of_list(tf: Module, function: Function, x: Tensor, n: Tensor) -> Tensor:
    """``switch_case``: by the place ``n``."""
    return function(n, [lambda: x * x, lambda: tf.exp(x), lambda: -x])


def powers(tf: Module, function: Function, x: Tensor, n: Tensor, **kwargs: Any) -> Any:
    """``while_loop``: a counter, and ``tanh(2 * x)`` so often."""
    zero = tf.constant(0)
    return function(lambda i, _: i < n, lambda i, y: (i + 1, tf.tanh(2 * y)), [zero, x], **kwargs)


def mapped(tf: Module, function: Function, x: Tensor, **kwargs: Any) -> Tensor:
    """``map_fn``: each row squared, less its maximum."""
    return function(lambda row: row * row - tf.reduce_max(row), x, **kwargs)


def mapped_pair(tf: Module, function: Function, x: Tensor, y: Tensor) -> Any:
    """``map_fn`` of two tensors to two of other dtypes."""
    dtypes = (tf.float32, tf.int32)
    return function(lambda p: (p[0] * p[1], tf.cast(p[0] > p[1], tf.int32)), (x, y), dtype=dtypes)


def folded(tf: Module, function: Function, x: Tensor, *start: Tensor, **kwargs: Any) -> Tensor:
    """``foldl``, ``foldr`` and ``scan``: ``a * row + row``."""
    return function(lambda a, row: a * row + row, x, *start, **kwargs)


def in_python(tf: Module, function: Function, x: Tensor, y: Tensor, **kwargs: Any) -> Any:
    """``py_func`` of two arrays, with two results."""
    dtypes = [tf.float32, tf.float32]
    return function(lambda a, b: (a @ b, np.float32(a.size)), [x, y], dtypes, **kwargs)


def slope(tf: Module, function: Function, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """The gradient of the sum of the squares: differentiated, it shows the second order."""
    (found,) = tf.gradients(tf.reduce_sum(tf.square(function(x, *args, **kwargs))), x)
    return found


def through_arrays(tf: Module, function: Function, x: Tensor) -> Any:
    """Two rows, put into TensorArrays and taken out again."""
    rows = tf.TensorArray(tf.float32, size=2).unstack(x)
    parts = tf.TensorArray(tf.float32, size=2).split(x, [1, 1])
    return function(rows.stack()), rows.gather([1]), rows.read(0), parts.concat()


def own_gradient(_tf: Module, function: Function, x: Tensor) -> Tensor:
    """``custom_gradient``: the square of ``x``, with three times its derivative."""
    return function(lambda x: (x * x, lambda grad: 6 * x * grad))(x)


def each(tf: Module, function: Function, x: Tensor, times: int, *args: Any) -> Tensor:
    """What ``function`` draws, ``times`` times."""
    return tf.map_fn(lambda _: function(x, *args), tf.zeros([times]))


def flipped_often(tf: Module, function: Function, x: Tensor, times: int) -> Tensor:
    """How often ``x`` comes out as it was, of ``times``: rounded to tenths."""
    same = tf.map_fn(lambda _: tf.reduce_mean(tf.cast(tf.equal(function(x), x), tf.float32)),
                     tf.zeros([times]))  # fmt: skip
    return tf.round(10 * tf.reduce_mean(same))


def recurrent(tf: Module, function: Function, x: Tensor, *args: Any, **kwargs: Any) -> Any:
    """A recurrent network of three units."""
    return _scoped(tf, lambda: function(_Cell(tf), x, *args, dtype=tf.float32, **kwargs))


def recurrent_both_ways(tf: Module, function: Function, x: Tensor, **kwargs: Any) -> Any:
    """Two recurrent networks of three units."""
    cells = _Cell(tf), _Cell(tf)
    return _scoped(tf, lambda: function(*cells, x, dtype=tf.float32, **kwargs))


class _Cell:
    """``tanh([x, h] @ w + b)``, three units: TensorFlow 2.16 and later has no cells of its own."""

    output_size = state_size = 3

    def __init__(self, tf: Module) -> None:
        self.tf = tf

    def zero_state(self, batch_size: Any, dtype: Any) -> Tensor:
        return self.tf.zeros([batch_size, 3], dtype)

    def __call__(self, x: Tensor, state: Tensor, scope: Any = None) -> tuple[Tensor, Tensor]:
        tf = self.tf
        w = tf.get_variable("w", [x.shape[-1], 3])
        h = tf.tanh(tf.matmul(x, w) + state * tf.get_variable("b", [3]))
        return h, h


def _scoped(tf: Module, make: Any) -> Any:
    """What ``make`` returns, in a scope of its own where weights are small and all different."""

    def start(shape: Any, dtype: Any = None, partition_info: Any = None) -> Any:
        sizes = [int(n) for n in shape]
        return tf.constant(np.cos(np.arange(np.prod(sizes))).reshape(sizes) / 2, tf.float32)

    with tf.variable_scope(None, "scope", initializer=start):
        return make()


def updated(_tf: Module, function: Function, *args: Any, **kwargs: Any) -> Tensor:
    """What a metric is after its first update."""
    return function(*args, **kwargs)[1]


def parsed(
    tf: Module, function: Function, serialized: Tensor, *features: Any, **kwargs: Any
) -> Any:
    """Examples, parsed by ``features``: dicts of name to (kind, shape, dtype, more...)."""
    made = [
        {name: getattr(tf.io, kind)(*fields) for name, (kind, *fields) in spec.items()}
        for spec in features
    ]
    return function(serialized, *made, **kwargs)


def and_back(
    tf: Module, function: Function, x: Tensor, way_back: str, *args: Any, **kwargs: Any
) -> Tensor:
    """What the function at ``way_back`` makes of the result of ``function``."""
    space, _, name = way_back.rpartition(".")
    return getattr(getattr(tf, space) if space else tf, name)(function(x), *args, **kwargs)
