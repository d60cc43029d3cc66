"""Operations with one fault each, for the test of the conformance kit.

``FAULTS`` maps a rule to the operations that break it; ``sound`` and the like break none.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

import numpy as np

import tfmini as tf
from tfmini import errors
from tfmini.opdef import Cost, OpDef
from tfmini.shapes import compatible
from tfmini.spec import TensorSpec

FAULTS: dict[str, list[Any]] = {}
ALSO: dict[str, set[str]] = {}  # rules that the same fault breaks by its nature


def breaks(rule: str, *also: str) -> Any:
    """Put the operation that is decorated among those that break ``rule`` (and ``also``)."""

    def add(function: Any) -> Any:
        FAULTS.setdefault(rule, []).append(function)
        ALSO[function.__name__] = set(also)
        return function

    return add


class Doubling(tf.Elementwise):
    """What most of these do right: ``2 * x``."""

    kinds = "f"
    samples = [((2, 3),), ((),)]

    def compute(self, x, *, out=None):
        return np.multiply(x, 2.0, out=out)

    def gradient(self, node, grad):
        return (2.0 * grad,)


class Plain(OpDef):
    """What others do right: the same, without element-wise evaluation."""

    kinds = "f"
    samples = [((2, 3),), ((),), ((0, 3),)]

    def compute(self, x):
        return np.multiply(x, 2.0)

    def infer(self, x):
        self.check_kinds((x.dtype,))
        return TensorSpec(x.shape, x.dtype)

    def cost(self, x):
        size = float("inf") if x.size is None else x.size
        return Cost(size, 16.0 * size)

    def gradient(self, node, grad):
        return (2.0 * grad,)


@tf.op("PlantedSound")
class sound(Doubling):
    """Return ``2 * x``.

    >>> sound(tf.constant(1.0)).dtype
    tf.float32
    """

    kinds = "fc"
    bad_samples = [(np.array([1, 2]), errors.InvalidTypeError)]


@tf.op("PlantedSoundProduct")
class sound_product(OpDef):
    """Return the product of a matrix and a vector."""

    samples = [((3, 4), (4,))]
    dims = "mk,k->m"

    def compute(self, x, y):
        return np.matmul(x, y)

    def infer(self, x, y):
        rows = None if x.shape is None else x.shape[0]
        return TensorSpec((rows,), x.dtype and y.dtype and x.dtype)

    def gradient(self, node, grad):
        x, y = node.inputs
        column = tf.expand_dims(grad, 1)
        return column * y, tf.reduce_sum(column * x, 0)


@tf.op("PlantedSoundNoise")
class sound_noise(OpDef):
    """Return ``x`` with noise."""

    random = True
    gradient = None
    samples = [((2, 3),)]

    def compute(self, x, *, rng):
        return x + rng.standard_normal(np.shape(x), np.float32).astype(x.dtype)

    def infer(self, x):
        return TensorSpec(x.shape, x.dtype)


# -- what the class says ------------------------------------------------------------------------


@breaks("docstring")
@tf.op("PlantedNoDocstring")
class no_docstring(Doubling):
    pass


@breaks("docstring")
@tf.op("PlantedWrongExample")
class wrong_example(Doubling):
    """Return ``2 * x``.

    >>> wrong_example(tf.constant(1.0)).dtype
    tf.float64
    """


@breaks("samples")
@tf.op("PlantedNoSamples")
class no_samples(Doubling):
    """Return ``2 * x``."""

    samples = []


@breaks("samples", "*")
@tf.op("PlantedTooManyInputs")
class too_many_inputs(Doubling):
    """Return ``2 * x``."""

    samples = [((2, 3), (3,))]


@breaks("samples", "*")
@tf.op("PlantedUnbuildable")
class unbuildable(Doubling):
    """Return ``2 * x``."""

    samples = [(np.array([1, 2, 3]),)]


@breaks("samples")
@tf.op("PlantedSquareSamples")
class square_samples(Doubling):
    """Return ``2 * x``."""

    samples = [((3, 3),)]


@breaks("attributes")
@tf.op("PlantedUnhashable")
class unhashable(OpDef):
    """Return ``x`` times the entry "factor" of a dict."""

    gradient = None
    kinds = "f"
    samples = [((2, 3), {"table": {"factor": 2.0}})]

    def compute(self, x, *, table):
        return x * table["factor"]

    def infer(self, x, *, table):
        self.check_kinds((x.dtype,))
        return TensorSpec(x.shape, x.dtype)


@breaks("name")
@tf.op("Tanh")
class taken_type(Doubling):
    """Return ``2 * x``."""


@breaks("name")
@tf.op("PlantedTakenName", package="planted")
class gradients(Doubling):
    """Return ``2 * x``."""


@breaks("name", "*")
@tf.op("Planted name")
class odd_type(Doubling):
    """Return ``2 * x``."""


# -- infer --------------------------------------------------------------------------------------


@breaks("infer", "infer_unknown", "dtypes", "zero_size", "scalars")
@tf.op("PlantedWrongDtype")
class wrong_dtype(Plain):
    """Return ``2 * x``."""

    gradient = None

    def infer(self, x):
        self.check_kinds((x.dtype,))
        return TensorSpec(x.shape, tf.float16)


@breaks("infer", "infer_unknown")
@tf.op("PlantedSwappedAxes")
class swapped_axes(Plain):
    """Return ``2 * x``."""

    gradient = None

    def infer(self, x):
        self.check_kinds((x.dtype,))
        return TensorSpec(None if x.shape is None else x.shape[::-1], x.dtype)


@breaks("infer")
@tf.op("PlantedWrongElements")
class wrong_elements(OpDef):
    """Return ``x + 1``."""

    gradient = None
    samples = [([1, 2],)]

    def compute(self, x):
        return np.add(x, 1)

    def infer(self, x):
        return TensorSpec(x.shape, x.dtype, x.value)


@breaks("infer_unknown", "gradient_spec")
@tf.op("PlantedNeedsRank")
class needs_rank(Plain):
    """Return ``2 * x``."""

    def infer(self, x):
        self.check_kinds((x.dtype,))
        return TensorSpec(tuple(x.shape), x.dtype)


@breaks("infer_unknown")
@tf.op("PlantedGuesses")
class guesses(Plain):
    """Return ``2 * x``; an unknown dimension is taken to be 1."""

    def infer(self, x):
        self.check_kinds((x.dtype,))
        known = x.shape and tuple([1 if n is None else n for n in x.shape])
        return TensorSpec(known, x.dtype)


@breaks("infer_refuses")
@tf.op("PlantedBroadcasts")
class broadcasts(OpDef):
    """Return ``x + y`` for shapes that must be equal, so it says; ``compute`` broadcasts."""

    gradient = None
    samples = [((2, 3), (2, 3))]

    def compute(self, x, y):
        return np.add(x, y)

    def infer(self, x, y):
        if not compatible(x.shape, y.shape):
            raise ValueError("the shapes must be equal")
        return TensorSpec(x.shape, x.dtype)


# -- compute ------------------------------------------------------------------------------------


@breaks("inputs")
@tf.op("PlantedWritesInput")
class writes_input(Plain):
    """Return ``2 * x``."""

    def compute(self, x):
        result = np.multiply(x, 2.0)
        if np.ndim(x) and x.flags.writeable:
            x *= 0.0
        return result


@breaks("inputs", "executors")
@tf.op("PlantedNeedsWriteable")
class needs_writeable(Plain):
    """Return ``2 * x``."""

    def compute(self, x):
        if np.ndim(x):
            x *= 2.0
            result = x.copy()
            x /= 2.0
            return result
        return x * 2.0


@breaks("alias")
@tf.op("PlantedReturnsInput")
class returns_input(Plain):
    """Return ``x``."""

    def compute(self, x):
        return x

    def gradient(self, node, grad):
        return (grad,)


@breaks("alias")
@tf.op("PlantedKeepsResult")
class keeps_result(Plain):
    """Return zeros."""

    gradient = None
    kept: dict[Any, Any] = {}

    def compute(self, x):
        return self.kept.setdefault((np.shape(x), x.dtype), np.zeros(np.shape(x), x.dtype))


@breaks("alias")
@tf.op("PlantedOverlapping")
class overlapping(OpDef):
    """Return ``2 * x`` twice."""

    gradient = None
    samples = [((2, 3),)]

    def compute(self, x):
        y = 2 * x
        return y, y

    def infer(self, x):
        return TensorSpec(x.shape, x.dtype), TensorSpec(x.shape, x.dtype)


@breaks("out", "fusion")
@tf.op("PlantedReadsAfterWriting")
class reads_after_writing(Doubling):
    """Return ``2 * x * x``."""

    def compute(self, x, *, out=None):
        y = np.multiply(x, 2.0, out=out)
        return np.multiply(y, x, out=out)

    def gradient(self, node, grad):
        return (4.0 * grad * node.inputs[0],)


@breaks("out", "fusion")
@tf.op("PlantedIgnoresOut")
class ignores_out(Doubling):
    """Return ``2 * x``."""

    def compute(self, x, *, out=None):
        return np.multiply(x, 2.0)


@breaks("blocks", "dims", "fusion")
@tf.op("PlantedCentred")
class centred(tf.Elementwise):
    """Return ``x`` less its mean, which no block knows."""

    gradient = None
    kinds = "f"
    samples = [((4, 3),)]

    def compute(self, x, *, out=None):
        return np.subtract(x, np.sum(x) / max(np.size(x), 1), out=out, dtype=x.dtype)


@breaks("layouts")
@tf.op("PlantedMemoryOrder")
class memory_order(Plain):
    """Return ``2 * x``."""

    def compute(self, x):
        return np.reshape(np.ravel(x, order="K") * 2.0, np.shape(x))


@breaks("deterministic", "inputs", "layouts", "scalars", "executors", "pickles")
@tf.op("PlantedGlobalRandom")
class global_random(Plain):
    """Return ``x`` with noise."""

    gradient = None

    def compute(self, x):
        return x + np.random.random(np.shape(x)).astype(x.dtype)


@breaks("deterministic", "*")
@tf.op("PlantedUndeclaredRandom")
class undeclared_random(Plain):
    """Return ``x`` with noise."""

    gradient = None

    def compute(self, x, *, rng):
        return x + rng.random(np.shape(x)).astype(x.dtype)


@breaks("deterministic")
@tf.op("PlantedIgnoresStream")
class ignores_stream(Plain):
    """Return ``2 * x``."""

    random = True
    gradient = None

    def compute(self, x, *, rng):
        return 2.0 * x


# -- gradients ----------------------------------------------------------------------------------


@breaks("gradient")
@tf.op("PlantedWrongFactor")
class wrong_factor(Doubling):
    """Return ``x * x``."""

    def compute(self, x, *, out=None):
        return np.multiply(x, x, out=out)

    def gradient(self, node, grad):
        return (grad * node.inputs[0] * node.inputs[0],)


@breaks("gradient")
@tf.op("PlantedSwappedGradients")
class swapped_gradients(tf.Elementwise):
    """Return ``2 * x + 3 * y``."""

    kinds = "f"
    samples = [((2, 3), (3,))]

    def compute(self, x, y):
        return 2.0 * x + 3.0 * y

    def gradient(self, node, grad):
        return 3.0 * grad, 2.0 * grad


@breaks("gradient")
@tf.op("PlantedMissingGradient")
class missing_gradient(tf.Elementwise):
    """Return ``x + y``."""

    kinds = "f"
    samples = [((2, 3), (3,))]

    def compute(self, x, y):
        return np.add(x, y)

    def gradient(self, node, grad):
        return grad, None


@breaks("gradient")
@tf.op("PlantedNotConjugated")
class not_conjugated(OpDef):
    """Return ``1j * x``."""

    samples = [(np.array([1.0 + 2.0j, -0.5j]),)]

    def compute(self, x):
        return x * np.asarray(1j, x.dtype)

    def infer(self, x):
        return TensorSpec(x.shape, x.dtype)

    def gradient(self, node, grad):
        return (grad * tf.constant(np.array(1j)),)


@breaks("complex_gradient")
@tf.op("PlantedRealsOnly")
class reals_only(Doubling):
    """Return ``x * x``."""

    kinds = "fc"

    def compute(self, x, *, out=None):
        return np.multiply(x, x, out=out)

    def gradient(self, node, grad):
        return (2.0 * grad * tf.identity(node.inputs[0]),)


@breaks("second_gradient")
@tf.op("PlantedStopped")
class stopped(Doubling):
    """Return ``x * x``, with a gradient that counts as constant."""

    def compute(self, x, *, out=None):
        return np.multiply(x, x, out=out)

    def gradient(self, node, grad):
        return (2.0 * grad * tf.stop_gradient(node.inputs[0]),)


@breaks("gradient_spec")
@tf.op("PlantedNeedsStaticShape")
class needs_static_shape(Plain):
    """Return ``2 * x``."""

    def gradient(self, node, grad):
        return (grad * tf.fill(node.inputs[0].shape.as_list(), np.float64(2.0)),)


@breaks("gradient_spec", "gradient", "second_gradient", "dtypes", "zero_size")
@tf.op("PlantedSummedGradient")
class summed_gradient(OpDef):
    """Return ``2 * x`` as far as the first dimension goes."""

    samples = [((2, 3),)]

    def compute(self, x):
        return np.sum(2.0 * x, dtype=x.dtype)

    def infer(self, x):
        return TensorSpec((), x.dtype)

    def gradient(self, node, grad):
        return (2.0 * grad,)


# -- dims and cost ------------------------------------------------------------------------------


@breaks("dims")
@tf.op("PlantedMean")
class mean_as_sum(OpDef):
    """Return the mean over the last axis."""

    gradient = None
    dims = "ab->a"
    kinds = "f"
    samples = [((2, 4),)]

    def compute(self, x):
        return np.mean(x, axis=-1)

    def infer(self, x):
        self.check_kinds((x.dtype,))
        return TensorSpec(x.shape and x.shape[:-1], x.dtype)


@breaks("dims")
@tf.op("PlantedWrongLetters")
class wrong_letters(Plain):
    """Return ``2 * x``."""

    gradient = None
    samples = [((2, 3),)]
    dims = "ab->ba"


@breaks("cost")
@tf.op("PlantedNegativeCost")
class negative_cost(Plain):
    """Return ``2 * x``."""

    def cost(self, x):
        return Cost(-1.0, 0.0)


@breaks("cost")
@tf.op("PlantedInfiniteCost")
class infinite_cost(Plain):
    """Return ``2 * x``."""

    def cost(self, x):
        return Cost(float("inf"), 0.0)


@breaks("cost")
@tf.op("PlantedShrinkingCost")
class shrinking_cost(Plain):
    """Return ``2 * x``."""

    def cost(self, x):
        return Cost(1e6 / (x.size or 1), 0.0)


@breaks("cost")
@tf.op("PlantedBareCost")
class bare_cost(Plain):
    """Return ``2 * x``."""

    def cost(self, x):
        return (x.size or 0) * 2.0


# -- inputs -------------------------------------------------------------------------------------


@breaks("zero_size")
@tf.op("PlantedNeedsElements")
class needs_elements(Doubling):
    """Return ``2 * x``."""

    def compute(self, x, *, out=None):
        np.max(x)
        return np.multiply(x, 2.0, out=out)


@breaks("scalars")
@tf.op("PlantedNeedsArray")
class needs_array(Doubling):
    """Return ``2 * x``."""

    samples = [((2, 3),)]

    def compute(self, x, *, out=None):
        x.flags["C_CONTIGUOUS"]
        if isinstance(x, np.generic):
            return x
        return np.multiply(x, 2.0, out=out)


@breaks("dtypes")
@tf.op("PlantedUpcasts")
class upcasts(Plain):
    """Return ``2 * x``, in float64."""

    def compute(self, x):
        return np.multiply(x, np.float64(2.0), dtype=np.float64)

    def infer(self, x):
        self.check_kinds((x.dtype,))
        return TensorSpec(x.shape, tf.float64)


@breaks("dtypes")
@tf.op("PlantedRefusesNothing")
class refuses_nothing(Plain):
    """Return ``2 * x``."""

    def infer(self, x):
        return TensorSpec(x.shape, x.dtype)


@breaks("dtypes")
@tf.op("PlantedIntsFail")
class ints_fail(Plain):
    """Return ``2 * x``."""

    kinds = None

    def compute(self, x):
        return x * x.dtype.type(np.finfo(x.dtype).eps) * 0 + 2 * x


@breaks("bad_samples")
@tf.op("PlantedAcceptsBad")
class accepts_bad(Doubling):
    """Return ``2 * x``."""

    bad_samples = [((2,), errors.InvalidArgumentError)]


@breaks("bad_samples")
@tf.op("PlantedOtherError")
class other_error(Plain):
    """Return ``2 * x`` for positive numbers."""

    samples = [((2, 3),), ((0, 3),), ((),)]
    domain = (1.0, 2.0)
    bad_samples = [(np.array([-1.0]), errors.InvalidArgumentError)]

    def compute(self, x):
        if np.any(x < 0):
            raise KeyError("negative")
        return np.multiply(x, 2.0)


# -- places -------------------------------------------------------------------------------------


@breaks("executors")
@tf.op("PlantedThreadBound")
class thread_bound(Plain):
    """Return ``2 * x``, but ``3 * x`` outside the main thread."""

    gradient = None

    def compute(self, x):
        alone = threading.current_thread() is threading.main_thread()
        return np.multiply(x, 2.0 if alone else 3.0)


@breaks("pickles")
@tf.op("PlantedProcessBound")
class process_bound(Plain):
    """Return ``2 * x``, but ``3 * x`` where pytest is not loaded."""

    gradient = None

    def compute(self, x):
        return np.multiply(x, 2.0 if "pytest" in sys.modules else 3.0)


def _local() -> Any:
    @tf.op("PlantedLocal")
    class local(Doubling):
        """Return ``2 * x``."""

    return local


breaks("pickles", "executors")(_local())


@breaks("fusion", "out")
@tf.op("PlantedLastBlock")
class last_block(Doubling):
    """Return ``2 * x``, but 0 where a block is written into ``out``."""

    def compute(self, x, *, out=None):
        if out is not None:
            out[...] = 0.0
            return out
        return np.multiply(x, 2.0)
