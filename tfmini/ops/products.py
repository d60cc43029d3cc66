"""Matrix products: the operations that reach BLAS.

In: vectors, matrices, or batches of matrices in the last two dimensions, leading dimensions
broadcast.  Out: their product, as ``np.matmul`` defines it.
"""

from __future__ import annotations

import math as python_math
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor, op
from tfmini.dtypes import promote
from tfmini.errors import InvalidArgumentError
from tfmini.kernels.matmul import matmul as matmul_in_parts
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import Contraction, conflict
from tfmini.ops import array
from tfmini.ops.complex import conj, conjugated
from tfmini.ops.fit import summed_over_batch
from tfmini.ops.unbroadcast import sum_to_shape
from tfmini.shapes import broadcast_shapes, compatible
from tfmini.spec import TensorSpec

_LARGE = 1 << 15  # elements: smaller products are never worth being cut into parts


def _turned(x: Any, transpose: bool) -> Any:
    """Return ``x`` with its last two dimensions exchanged if ``transpose``; a vector as it is."""
    return x.swapaxes(-1, -2) if transpose and x.ndim > 1 else x


def product(a: Any, b: Any) -> Any:
    """Return ``np.matmul(a, b)`` by the quickest way; float16 is computed in float32."""
    if a.dtype == np.float16 and b.dtype == np.float16:
        return product(a.astype(np.float32), b.astype(np.float32)).astype(np.float16)
    if b.ndim == 2 and a.ndim > 2 and a.flags.c_contiguous and a.shape[-1]:
        # One large product instead of one for each matrix of the batch.
        rows = a.reshape(-1, a.shape[-1])
        return matmul_in_parts(rows, b).reshape(*a.shape[:-1], b.shape[-1])
    return np.matmul(a, b)


def _core(shape: tuple[int | None, ...], transpose: bool) -> tuple[int | None, ...]:
    """Return the one or two dimensions of each matrix that is multiplied."""
    core = shape[-2:]
    return core[::-1] if transpose else core


@op("MatMul")
class _matmul(Contraction):
    """The product of ``a`` and ``b``, each transposed first if its flag says so."""

    threaded = True
    samples = [
        ((2, 3), (3, 4)), ((3, 2), (3, 4), {"transpose_a": True}),
        ((2, 3), (4, 3), {"transpose_b": True}), ((2, 3), (3,)), ((3,), (3, 4)), ((3,), (3,)),
        ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)), ((5, 1, 2, 3), (6, 4, 3), {"transpose_b": True}),
        ((0, 3), (3, 4)), ((2, 0), (0, 4)),
    ]  # fmt: skip
    bad_samples = [((2, 3), (2, 3), InvalidArgumentError), ((2, 3), (), InvalidArgumentError)]

    def compute(
        self, a: Any, b: Any, *, transpose_a: bool = False, transpose_b: bool = False
    ) -> Any:
        if transpose_a:
            a = _turned(a, True)
        if transpose_b:
            b = _turned(b, True)
        if a.ndim > 2 or b.ndim > 2 or a.dtype.char == "e":
            return product(a, b)
        # The method is the same product as np.matmul's, in half the time for small matrices.
        return a.dot(b) if a.size < _LARGE else matmul_in_parts(a, b)

    def infer(
        self, a: TensorSpec, b: TensorSpec, *, transpose_a: bool = False, transpose_b: bool = False
    ) -> TensorSpec:
        self.check_kinds((a.dtype, b.dtype))
        dtype = promote(a.dtype, b.dtype)
        if a.shape == () or b.shape == ():
            raise conflict("matmul needs vectors or matrices", a=a.shape, b=b.shape)
        if a.shape is None or b.shape is None:
            return TensorSpec(None, dtype)
        left, right = _core(a.shape, transpose_a), _core(b.shape, transpose_b)
        if not compatible((left[-1],), (right[0],)):
            flags = f" with transpose_a={transpose_a}, transpose_b={transpose_b}"
            flags = flags if transpose_a or transpose_b else ""
            raise conflict(f"the inner dimensions differ{flags}", a=a.shape, b=b.shape)
        batch = broadcast_shapes(a.shape[:-2], b.shape[:-2]) or ()
        return TensorSpec((*batch, *left[:-1], *right[1:]), dtype)

    def depth(
        self, a: TensorSpec, b: TensorSpec, *, transpose_a: bool = False, transpose_b: bool = False
    ) -> float:
        dims = [_core(a.shape, transpose_a)[-1]] if a.shape else []
        dims += [_core(b.shape, transpose_b)[0]] if b.shape else []
        return next((float(d) for d in dims if d is not None), python_math.inf)

    def dims(
        self, a: TensorSpec, b: TensorSpec, *, transpose_a: bool = False, transpose_b: bool = False
    ) -> str | None:
        if not a.shape or not b.shape:
            return None
        left = "k" if len(a.shape) == 1 else "km" if transpose_a else "mk"
        right = "k" if len(b.shape) == 1 else "nk" if transpose_b else "kn"
        out = (left + right).replace("k", "")
        dots = ["..." if len(s) > 2 else "" for s in (a.shape, b.shape)]
        return f"{dots[0]}{left},{dots[1]}{right}->{max(dots)}{out}"

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        a, b = node.inputs
        ranks = [x.spec.rank for x in (a, b)]
        if None in ranks or 1 in ranks:
            return tuple(matmul_gradient(a, b, grad, wrt, **node.attrs) for wrt in (0, 1))
        ta, tb = node.attrs["transpose_a"], node.attrs["transpose_b"]
        x, y = conjugated(a), conjugated(b)
        da = _matmul(y, grad, tb, True) if ta else _matmul(grad, y, False, not tb)
        if ranks[0] > 2 and ranks[1] == 2 and not ta:
            db = row_products(grad, x) if tb else row_products(x, grad)
            return summed_over_batch(da, a, b), db
        db = _matmul(grad, x, True, ta) if tb else _matmul(x, grad, not ta, False)
        return summed_over_batch(da, a, b), summed_over_batch(db, b, a)


@op("RowProducts")
class row_products(Contraction):
    """Return the sum of the outer products of the rows of ``a`` [..., k] with those of ``b``
    [..., n], of one batch shape: [k, n], the gradient of a matrix that all rows met."""

    dims = "...k,...n->kn"
    threaded = True
    checked = True
    samples = [((2, 3), (2, 4)), ((5, 2, 3), (5, 2, 4)), ((0, 2, 3), (0, 2, 4))]
    bad_samples = [((2, 3), (3, 4), InvalidArgumentError), ((3,), (), InvalidArgumentError)]

    def compute(self, a: Any, b: Any) -> Any:
        rows = python_math.prod(a.shape[:-1])
        left, right = a.reshape(rows, a.shape[-1]), b.reshape(rows, b.shape[-1])
        return _matmul.opdef.compute(left, right, transpose_a=True)

    def infer(self, a: TensorSpec, b: TensorSpec) -> TensorSpec:
        self.check_kinds((a.dtype, b.dtype))
        dtype = promote(a.dtype, b.dtype)
        if () in (a.shape, b.shape):
            raise conflict("rows have one dimension or more", a=a.shape, b=b.shape)
        if a.shape and b.shape and not compatible(a.shape[:-1], b.shape[:-1]):
            raise conflict("the rows differ in number", a=a.shape, b=b.shape)
        return TensorSpec(((a.shape or (None,))[-1], (b.shape or (None,))[-1]), dtype)

    def depth(self, a: TensorSpec, b: TensorSpec) -> float:
        known = a.shape or (None, None)
        return python_math.inf if None in known[:-1] else float(python_math.prod(known[:-1]))

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        a, b = node.inputs
        return _matmul(conjugated(b), grad, False, True), _matmul(conjugated(a), grad)


@op("MatMulGrad")
class matmul_gradient(Contraction):
    """Return the gradient of ``matmul(a, b)`` for ``a`` (``wrt=0``) or ``b`` (1), given ``grad``.

    For inputs that are vectors, or whose rank is known only when it runs.
    """

    same_dtype = False
    samples = [
        ((2, 3), (3,), (2,), {"wrt": 0}), ((2, 3), (3,), (2,), {"wrt": 1}),
        ((3,), (3,), (), {"wrt": 1}), ((3,), (5, 3, 4), (5, 4), {"wrt": 0}),
        ((5, 2, 3), (4, 3), (5, 2, 4), {"wrt": 1, "transpose_b": True}),
    ]  # fmt: skip

    def compute(
        self, a: Any, b: Any, grad: Any, *, wrt: int, transpose_a: bool = False,
        transpose_b: bool = False,
    ) -> Any:  # fmt: skip
        x, g = (a, b)[wrt], grad
        left, right = _turned(a, transpose_a), _turned(b, transpose_b)
        if right.ndim == 1:
            right, g = right[:, np.newaxis], g[..., np.newaxis]
        if left.ndim == 1:
            left, g = left[np.newaxis], g[..., np.newaxis, :]
        if wrt == 0:
            out = product(g, np.conj(_turned(right, True)))
        else:
            out = product(np.conj(_turned(left, True)), g)
        if x.ndim > 1:
            out = _turned(out, (transpose_a, transpose_b)[wrt])
        full = x.shape if x.ndim > 1 else (left, right)[wrt].shape
        out = sum_to_shape.opdef.compute(out, np.array(full))
        return np.array(out.reshape(x.shape), x.dtype, copy=None)

    def infer(
        self, a: TensorSpec, b: TensorSpec, grad: TensorSpec, *, wrt: int, **_attrs: Any
    ) -> TensorSpec:
        x = (a, b)[wrt]
        return TensorSpec(x.shape, x.dtype)

    def dims(
        self, a: TensorSpec, b: TensorSpec, grad: TensorSpec, *, wrt: int, **attrs: bool
    ) -> str | None:
        text = _matmul.opdef.dims(a, b, **attrs)
        if text is None or "..." in text:
            return None
        given, _, out = text.partition("->")
        return f"{given},{out}->{given.split(',')[wrt]}"

    def depth(
        self, a: TensorSpec, b: TensorSpec, grad: TensorSpec, *, wrt: int, **attrs: Any
    ) -> float:
        # As many products as the other input has elements for each element that is summed over.
        other = (b, a)[wrt]
        if other.size is None or not other.shape:
            return python_math.inf
        inner = _matmul.opdef.depth(a, b, **attrs)
        return other.size / max(inner, 1.0)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        # Bilinear: for wrt=0 it is g b^H, whose adjoint is u b for g and u^H g for b.
        a, b, g = node.inputs
        flags = {k: node.attrs[k] for k in ("transpose_a", "transpose_b")}
        if node.attrs["wrt"] == 0:
            return None, matmul_gradient(grad, b, g, 1, **flags), _matmul(grad, b, **flags)
        return matmul_gradient(a, grad, g, 0, **flags), None, _matmul(a, grad, **flags)


def matmul(
    a: Any,
    b: Any,
    transpose_a: bool = False,
    transpose_b: bool = False,
    adjoint_a: bool = False,
    adjoint_b: bool = False,
    a_is_sparse: bool = False,
    b_is_sparse: bool = False,
    name: str | None = None,
) -> Tensor:
    """Return the product of matrices ``a`` and ``b``, or of vectors as ``np.matmul`` takes them.

    Leading dimensions are a batch and broadcast.  ``transpose_*`` exchanges the last two
    dimensions of an input first, ``adjoint_*`` conjugates it as well; a vector stays as it is.
    ``*_is_sparse`` changes nothing here.
    """
    for letter, flags in (("a", (transpose_a, adjoint_a)), ("b", (transpose_b, adjoint_b))):
        if all(flags):
            raise InvalidArgumentError(
                None, None, f"only one of transpose_{letter} and adjoint_{letter} may be true."
            )
    if adjoint_a:
        a = conj(a)
    if adjoint_b:
        b = conj(b)
    return _matmul(a, b, bool(transpose_a or adjoint_a), bool(transpose_b or adjoint_b), name)


def matvec(
    a: Any,
    b: Any,
    transpose_a: bool = False,
    adjoint_a: bool = False,
    a_is_sparse: bool = False,
    b_is_sparse: bool = False,
    name: str | None = None,
) -> Tensor:
    """Return the product of matrices ``a`` [..., m, k] and vectors ``b`` [..., k], as [..., m]."""
    b = array.expand_dims(convert_to_tensor(b), -1)
    column = matmul(a, b, transpose_a=transpose_a, adjoint_a=adjoint_a)
    return array.squeeze(column, [-1], name=name)
