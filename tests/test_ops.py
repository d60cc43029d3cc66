"""All built-in operations: the conformance kit, and values against NumPy and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import scipy.special

import tfmini as tf
from tfmini import testing
from tfmini.opdef import MISSING
from tfmini.registry import registry
from tfmini.testing.places import Shared
from tfmini.testing.report import run_rule

OPS = {o.type: o for o in testing.ops_of("tfmini")}
SHARED = Shared()
SUBJECTS = {name: SHARED.add(opdef) for name, opdef in OPS.items()}

# Differentiable only in theory, for the reason that the class gives.
WITHOUT_GRADIENT = {"RandomGamma"}


@pytest.mark.parametrize("rule", testing.RULES)
@pytest.mark.parametrize("name", OPS)
def test_conformance(name, rule):
    report = run_rule(rule, SUBJECTS[name], OPS[name].expected_failures)
    if report.outcome == testing.SKIPPED:
        return  # a rule that does not apply is no test that was left out
    assert report.ok, report.detail


@pytest.mark.parametrize("name", OPS)
def test_gradient_is_given_or_declared_impossible(name):
    assert OPS[name].gradient is not MISSING or name in WITHOUT_GRADIENT


@pytest.mark.parametrize("name", OPS)
def test_rules_are_complete(name):
    opdef = OPS[name]
    assert opdef.infer is not None or opdef.is_variable  # each has its own spec
    assert opdef.cost is not None or SUBJECTS[name].is_leaf
    assert registry.type(name) is opdef


def test_same_bits_on_a_cluster(client):
    shared = Shared(client)
    subjects = [shared.add(opdef) for opdef in OPS.values()]
    reports = [run_rule("executors", s) for s in subjects]
    assert "cluster" in shared.executed
    assert [str(r) for r in reports if not r.ok] == []


def _axis(attrs):
    return {"axis": attrs["axis"], "keepdims": attrs["keepdims"]}


def _excluding(total, unit):
    """Return a cumulative operation by its definition, one step after the other."""

    def run(x, *, axis, exclusive, reverse):
        x = np.flip(x, axis) if reverse else x
        y = total(x, axis=axis)
        if exclusive:
            first = np.full_like(np.take(y, [0], axis), unit)
            y = np.concatenate([first, np.delete(y, -1, axis)], axis)
        return np.flip(y, axis) if reverse else y

    return run


def _segments(ufunc, start):
    def run(data, ids, count):
        out = np.full((int(count), *data.shape[ids.ndim :]), start, data.dtype)
        for i, row in zip(ids.ravel(), data.reshape(-1, *data.shape[ids.ndim :]), strict=True):
            if i >= 0:
                out[i] = ufunc(out[i], row)
        return out

    return run


def _matmul(a, b, *, transpose_a, transpose_b):
    a = np.swapaxes(a, -1, -2) if transpose_a and a.ndim > 1 else a
    b = np.swapaxes(b, -1, -2) if transpose_b and b.ndim > 1 else b
    return a @ b


def _scatter(start, ufunc):
    """Return the definition of a scatter: ``ufunc.at`` the indices on what ``start`` makes."""

    def run(*given):
        tensor, indices, updates = start(*given)
        out = np.array(tensor)
        ufunc.at(out, tuple(np.moveaxis(indices, -1, 0)), updates)
        return out

    return run


def _shifted(x, below, above):
    rows, columns = np.indices(x.shape[-2:])
    lower = (below < 0) | (rows - columns <= below)
    upper = (above < 0) | (columns - rows <= above)
    return np.where(lower & upper, x, 0)


def _one_hot(indices, depth, on_value, off_value, *, axis):
    hot = np.expand_dims(indices, axis) == np.expand_dims(
        np.arange(depth),
        tuple(i for i in range(indices.ndim + 1) if i != axis % (indices.ndim + 1)),
    )
    return np.where(hot, on_value, off_value)


def _entropy(logits, labels):
    return -np.sum(labels * scipy.special.log_softmax(logits, -1), -1)


# The operation's type, and the function of its inputs and attributes that it must equal.
REFERENCES = {
    "Abs": np.abs,
    "Acos": np.arccos,
    "Acosh": np.arccosh,
    "Add": np.add,
    "AddN": lambda *xs: np.sum(xs, 0),
    "All": lambda x, **a: np.all(x, **_axis(a)),
    "Angle": np.angle,
    "Any": lambda x, **a: np.any(x, **_axis(a)),
    "ArgMax": lambda x, **a: np.argmax(x, a["dimension"]),
    "ArgMin": lambda x, **a: np.argmin(x, a["dimension"]),
    "Argsort": lambda x, *, axis, descending: np.argsort(
        -x if descending else x, axis, kind="stable"
    ),
    "Asin": np.arcsin,
    "Asinh": np.arcsinh,
    "Atan": np.arctan,
    "Atan2": np.arctan2,
    "Atanh": np.arctanh,
    "BitwiseAnd": np.bitwise_and,
    "BitwiseOr": np.bitwise_or,
    "BitwiseXor": np.bitwise_xor,
    "BroadcastTo": lambda x, shape: np.broadcast_to(x, shape),
    "Cast": lambda x, *, dtype: x.astype(dtype.as_numpy_dtype),
    "Ceil": np.ceil,
    "Cholesky": np.linalg.cholesky,
    "ClipByValue": np.clip,
    "Complex": lambda x, y: x + 1j * y,
    "ConcatV2": lambda *xs, axis: np.concatenate(xs, axis),
    "Conj": np.conj,
    "Cos": np.cos,
    "Cosh": np.cosh,
    "CountNonzero": lambda x, **a: np.count_nonzero(x, **_axis(a)),
    "Cumprod": _excluding(np.cumprod, 1),
    "Cumsum": _excluding(np.cumsum, 0),
    "Diag": lambda x: np.diag(x.ravel()).reshape(x.shape * 2),
    "DivNoNan": lambda x, y: np.where(y == 0, 0, x / np.where(y == 0, 1, y)),
    "Einsum": lambda *xs, equation: np.einsum(equation, *xs),
    "Elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "Equal": np.equal,
    "EuclideanNorm": lambda x, **a: np.sqrt(np.sum(np.square(x), **_axis(a))),
    "Exp": np.exp,
    "ExpandDims": lambda x, *, axis: np.expand_dims(x, axis),
    "Expm1": np.expm1,
    "Eye": lambda shape, *, dtype: np.broadcast_to(np.eye(*shape[-2:]), shape),
    "Fill": lambda dims, value: np.full(dims, value),
    "Floor": np.floor,
    "FloorDiv": np.floor_divide,
    "FloorMod": np.mod,
    "Greater": np.greater,
    "GreaterEqual": np.greater_equal,
    "Imag": np.imag,
    "Invert": np.invert,
    "InvertPermutation": np.argsort,
    "IsFinite": np.isfinite,
    "IsInf": np.isinf,
    "IsNan": np.isnan,
    "L2Loss": lambda x: np.sum(x**2) / 2,
    "LeftShift": np.left_shift,
    "LeakyRelu": lambda x, *, alpha: np.where(x > 0, x, alpha * x),
    "Less": np.less,
    "LinSpace": lambda *a: np.linspace(*a),
    "LessEqual": np.less_equal,
    "Log": np.log,
    "Log1p": np.log1p,
    "LogSoftmax": lambda x, *, axis: scipy.special.log_softmax(x, axis),
    "LogicalAnd": np.logical_and,
    "LogicalNot": np.logical_not,
    "LogicalOr": np.logical_or,
    "LogicalXor": np.logical_xor,
    "MatMul": _matmul,
    "LogMatrixDeterminant": lambda x: np.linalg.slogdet(x)[0],
    "MatrixBandPart": _shifted,
    "MatrixDeterminant": np.linalg.det,
    "MatrixInverse": np.linalg.inv,
    "MatrixSolve": np.linalg.solve,
    "Max": lambda x, **a: np.max(x, **_axis(a)),
    "Maximum": np.maximum,
    "Mean": lambda x, **a: np.mean(x, **_axis(a)),
    "Min": lambda x, **a: np.min(x, **_axis(a)),
    "Minimum": np.minimum,
    "Mul": np.multiply,
    "Neg": np.negative,
    "NormalCdf": scipy.special.ndtr,
    "NotEqual": np.not_equal,
    "Pack": lambda *xs, axis: np.stack(xs, axis),
    "Pad": lambda x, pads, value: np.pad(x, pads.reshape(-1, 2), constant_values=value),
    "Pow": np.power,
    "Prod": lambda x, **a: np.prod(x, **_axis(a)),
    "Range": lambda *limits: np.arange(*limits),
    "Rank": np.ndim,
    "Real": np.real,
    "RealDiv": np.true_divide,
    "Reciprocal": np.reciprocal,
    "ReduceLogSumExp": lambda x, **a: scipy.special.logsumexp(x, **_axis(a)),
    "Repeat": lambda x, n, *, axis: np.repeat(x, n, axis),
    "Reshape": lambda x, shape: np.reshape(x, shape),
    "Relu": lambda x: np.maximum(x, 0),
    "Relu6": lambda x: np.clip(x, 0, 6),
    "ReverseV2": lambda x, *, axis: np.flip(x, axis),
    "RightShift": np.right_shift,
    "Rint": np.rint,
    "Roll": lambda x, shift, *, axis: np.roll(x, shift, axis),
    "Round": np.round,
    "Rsqrt": lambda x: 1 / np.sqrt(x),
    "ScatterNd": _scatter(lambda i, u, shape: (np.zeros(shape), i, u), np.add),
    "SelectV2": np.where,
    "Selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
    "Shape": lambda x, *, out_type: np.shape(x),
    "Size": lambda x, *, out_type: np.size(x),
    "Sigmoid": scipy.special.expit,
    "Sign": np.sign,
    "Sin": np.sin,
    "Sinh": np.sinh,
    "Softmax": lambda x, *, axis: scipy.special.softmax(x, axis),
    "Softplus": lambda x: np.logaddexp(0, x),
    "Softsign": lambda x: x / (1 + np.abs(x)),
    "Sort": lambda x, *, axis, descending: (
        np.flip(np.sort(x, axis), axis) if descending else np.sort(x, axis)
    ),
    "Split": lambda x, *, num, axis: np.split(x, num, axis)[0],
    "Sqrt": np.sqrt,
    "Square": np.square,
    "SquaredDifference": lambda x, y: np.abs(x - y) ** 2,
    "Squeeze": lambda x, *, axis: np.squeeze(x, axis),
    "Sub": np.subtract,
    "Sum": lambda x, **a: np.sum(x, **_axis(a)),
    "TakeAlong": lambda x, i, *, axis: np.take_along_axis(x, i, axis),
    "Svd": lambda x, **_: np.linalg.svd(x, compute_uv=False),
    "SelfAdjointEigV2": lambda x, **_: np.linalg.eigvalsh(x),
    "Tan": np.tan,
    "Tanh": np.tanh,
    "TensorScatterAdd": _scatter(lambda *a: a, np.add),
    "TensorScatterSub": _scatter(lambda *a: a, np.subtract),
    "Tile": np.tile,
    "TopKV2": lambda x, k: np.flip(np.sort(x, -1), -1)[..., : int(k)],
    "Transpose": lambda x, *, perm, conjugate: np.transpose(np.conj(x) if conjugate else x, perm),
    "TruncateDiv": lambda x, y: np.trunc(x / y),
    "TruncateMod": np.fmod,
    "UnsortedSegmentProd": _segments(np.multiply, 1),
    "UnsortedSegmentSum": _segments(np.add, 0),
    "OneHot": _one_hot,
    "Unique": lambda x, **_: x[np.sort(np.unique(x, return_index=True)[1])],
    "Unpack": lambda x, *, num, axis: np.moveaxis(x, axis, 0)[0],
    "Where": np.argwhere,
    "Xdivy": lambda x, y: np.where(x == 0, 0, x / y),
    "Xlog1py": scipy.special.xlog1py,
    "Xlogy": scipy.special.xlogy,
    "ZerosLike": lambda x, *, dtype: np.zeros_like(x, dtype and dtype.as_numpy_dtype),
    "OnesLike": lambda x, *, dtype: np.ones_like(x, dtype and dtype.as_numpy_dtype),
}


NEED_ELEMENTS = {"LogSoftmax", "Softmax"}  # in SciPy, not here


@pytest.mark.parametrize("name", REFERENCES)
def test_value_equals_the_reference(name):
    subject = SUBJECTS[name]
    for sample, (value, *_) in zip(subject.samples, subject.values, strict=True):
        if name in NEED_ELEMENTS and not sample.inputs[0].size:
            continue
        with np.errstate(all="ignore"):
            wanted = np.asarray(REFERENCES[name](*sample.inputs, **sample.attrs))
        assert np.shape(value) == wanted.shape
        np.testing.assert_allclose(value, wanted, rtol=1e-12, atol=1e-14)


def test_softmax_cross_entropy_equals_its_definition():
    (sample, *_), (values, *_) = (
        getattr(SUBJECTS["SoftmaxCrossEntropyWithLogits"], what) for what in ("samples", "values")
    )
    np.testing.assert_allclose(values[0], _entropy(*sample.inputs), rtol=1e-12)


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
@pytest.mark.parametrize("name", [n for n, o in OPS.items() if o.elementwise and o.gradient])
def test_gradient_of_a_large_array_is_that_of_its_rows(name, dtype):
    """Through the session as users run it: specialised, fused, evaluated in blocks."""
    subject = SUBJECTS[name]
    sample = subject.samples[0]
    if not all(sample.drawn) or sample.inputs[0].ndim != 2:
        return
    rows = [x.astype(dtype.as_numpy_dtype) for x in sample.inputs]
    tall = [np.tile(x, (9001, 1)) if x.shape == rows[0].shape else x for x in rows]
    with tf.Graph().as_default(), tf.Session() as session:
        xs = [tf.placeholder(dtype) for _ in rows]
        (y,) = subject.outputs([*xs], sample)
        (grad,) = tf.gradients(y, xs[0], unconnected_gradients="zero")
        small = session.run([y, grad], dict(zip(xs, rows, strict=True)))
        large = session.run([y, grad], dict(zip(xs, tall, strict=True)))
    for a, b in zip(small, large, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(np.tile(a, (9001, 1)), b)
