"""Einsum and tensordot: sums of products over any dimensions."""

from __future__ import annotations

import math as python_math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor, op
from tfmini.defaults import own_scope
from tfmini.dtypes import promote
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Grads, Operation, Operators, Tensor
from tfmini.opdef import Contraction, conflict
from tfmini.ops import array, creation
from tfmini.ops.casting import cast_like
from tfmini.ops.complex import conjugated
from tfmini.ops.static import Copy, View, shape_from
from tfmini.ops.unbroadcast import sum_to_shape
from tfmini.shapes import Shape, broadcast_shapes
from tfmini.spec import TensorSpec

_SMALL = 1 << 10  # elements
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@op("Einsum")
class _einsum(Contraction):
    """The sum of products that an explicit ``equation`` says, no label twice in one term."""

    checked = True
    samples = [
        ((2, 3), (3, 4), {"equation": "ij,jk->ik"}),
        ((5, 2, 3), (5, 3), {"equation": "bij,bj->ib"}),
        ((2, 3), {"equation": "ij->j"}), ((2, 3), (4,), {"equation": "ij,k->"}),
        ((5, 2, 3), (3, 4), {"equation": "...ij,jk->...ik"}),
        ((2, 3), (3, 4), (4, 5), {"equation": "ij,jk,kl->li"}),
    ]  # fmt: skip

    def compute(self, *inputs: Any, equation: str) -> Any:
        small = max(x.size for x in inputs) <= _SMALL and len(inputs) < 3
        # Optimised, it is made of matrix products; finding the way to them takes 10 us.
        out = np.einsum(equation, *inputs, optimize=not small)
        return out if out.base is None else out.copy()

    def infer(self, *specs: TensorSpec, equation: str) -> TensorSpec:
        self.check_kinds(tuple([s.dtype for s in specs]))
        dtype = promote(*[s.dtype for s in specs])
        terms, out = _split(equation)
        sizes, dots = _label_sizes(terms, specs)
        if "..." in out:
            if dots is None:
                return TensorSpec(None, dtype)
            head, tail = out.split("...")
            shape = (*[sizes[c] for c in head], *dots, *[sizes[c] for c in tail])
        else:
            shape = tuple([sizes[c] for c in out])
        return TensorSpec(shape, dtype)

    def depth(self, *specs: TensorSpec, equation: str) -> float:
        terms, out = _split(equation)
        sizes, _ = _label_sizes(terms, specs)
        summed = [n for c, n in sizes.items() if c not in out]
        return python_math.inf if None in summed else float(python_math.prod(summed))

    def dims(self, *specs: TensorSpec, equation: str) -> str | None:
        terms, _ = _split(equation)
        return equation if len(terms) == len(specs) else None

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        terms, out = _split(node.attrs["equation"])
        return tuple([_gradient_of(node.inputs, terms, out, i, grad) for i in range(len(terms))])


def _gradient_of(
    inputs: Sequence[Tensor], terms: list[str], out: str, place: int, grad: Tensor
) -> Tensor:
    """Return the gradient for one input: the others and ``grad`` contracted to its labels."""
    x, mine = inputs[place], terms[place]
    others = [(t, conjugated(y)) for i, (t, y) in enumerate(zip(terms, inputs, strict=True))
              if i != place]  # fmt: skip
    parts = [(out, grad), *others]
    there = set("".join(t for t, _ in parts))
    for axis, label in _axes(mine):
        if label not in there:
            # It was summed alone: each element along it gets the same.
            length = array.shape(x)[axis]
            parts.append((label, cast_like(creation.ones([length]), grad)))
    dots = "..." in "".join(t for t, _ in parts)
    target = mine if "..." in mine or not dots else "..." + mine
    result = _einsum([p for _, p in parts], f"{','.join(t for t, _ in parts)}->{target}")
    if dots:
        result = sum_to_shape(result, array.shape(x))
    return result


def _axes(term: str) -> list[tuple[int, str]]:
    head, _, tail = term.partition("...")
    return [*enumerate(head), *[(i - len(tail), c) for i, c in enumerate(tail)]]


def _split(equation: str) -> tuple[list[str], str]:
    left, out = equation.split("->")
    return left.split(","), out


def _label_sizes(
    terms: list[str], specs: Sequence[TensorSpec]
) -> tuple[dict[str, int | None], Shape]:
    """Return the size of each label, and the broadcast shape that "..." stands for."""
    if len(terms) != len(specs):
        raise ValueError(f"the equation has {len(terms)} terms for {len(specs)} tensors")
    lengths: dict[str, list[int | None]] = {}
    dots: list[Shape] = []
    for term, spec in zip(terms, specs, strict=True):
        named = term.replace("...", "")
        shape = spec.shape
        if shape is None:
            shape = (None,) * len(named)
            if "..." in term:
                dots.append(None)
        elif "..." in term:
            start = term.index("...")
            dots.append(shape[start : max(start, start + len(shape) - len(named))])
        extra = len(shape) - len(named)
        if extra < 0 or (extra and "..." not in term):
            raise conflict(f"{term!r} does not fit", tensor=spec.shape)
        for axis, c in _axes(term):
            lengths.setdefault(c, []).append(shape[axis])
    sizes = {c: _length(c, found) for c, found in lengths.items()}
    return sizes, broadcast_shapes(*dots) if dots else ()


def _length(label: str, found: Sequence[int | None]) -> int | None:
    """Return the size of a label: one, for only what "..." stands for is broadcast."""
    known = list(dict.fromkeys([n for n in found if n is not None]))
    if len(known) > 1:
        listed = " and ".join(map(str, known))
        raise ValueError(f"label {label!r} has several sizes: {listed}")
    return known[0] if known else None


@op("EinsumDiagonal")
class _take_diagonal(View):
    """The elements of ``x`` where equal ``labels`` have equal indices, each label once."""

    samples = [((3, 3), {"labels": "ii"}), ((2, 3, 2), {"labels": "iji"})]

    def compute(self, x: Any, *, labels: str) -> Any:
        return np.einsum(f"{labels}->{_once(labels)}", x)

    def infer(self, x: TensorSpec, *, labels: str) -> TensorSpec:
        if x.shape is None:
            return TensorSpec(None if "." in labels else (None,) * len(_once(labels)), x.dtype)
        sizes, dots = _label_sizes([labels], [x])
        shape: list[int | None] = []
        for c in re.findall(r"\.\.\.|.", _once(labels)):
            shape.extend(dots or () if c == "..." else [sizes[c]])
        return TensorSpec(tuple(shape), x.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (_put_diagonal(grad, array.shape(node.inputs[0]), node.attrs["labels"]),)


@op("EinsumDiagonalGrad")
class _put_diagonal(Copy):
    """Zeros of ``shape`` with ``x`` where equal ``labels`` have equal indices."""

    samples = [((3,), [3, 3], {"labels": "ii"})]

    def compute(self, x: Any, shape: Any, *, labels: str) -> Any:
        out = np.zeros(shape.tolist(), x.dtype)
        np.einsum(f"{labels}->{_once(labels)}", out)[...] = x
        return out

    def infer(self, x: TensorSpec, shape: TensorSpec, *, labels: str) -> TensorSpec:
        return TensorSpec(shape_from(shape), x.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return _take_diagonal(grad, node.attrs["labels"]), None


def _once(labels: str) -> str:
    """Return each label once, in the order of their first places."""
    return "".join(dict.fromkeys(re.findall(r"\.\.\.|.", labels)))


def einsum(equation: str, *inputs: Any, name: str | None = None) -> Tensor:
    """Return the sum of products that ``equation`` says: "ij,jk->ik" is the matrix product.

    Each tensor has a term with one letter for each dimension.  Letters that are missing behind
    the arrow are summed over; without an arrow, the letters that occur once are kept, in
    alphabetical order.  ``...`` stands for dimensions that broadcast, a letter twice in one term
    for a diagonal.
    """
    terms, out = _parsed(equation, len(inputs))
    tensors = list(inputs)
    for i, term in enumerate(terms):
        once = _once(term)
        if once != term:
            tensors[i] = _take_diagonal(convert_to_tensor(tensors[i]), term)
            terms[i] = once
    return _einsum(tensors, f"{','.join(terms)}->{out}", name)


def _parsed(equation: str, count: int) -> tuple[list[str], str]:
    text = equation.replace(" ", "")
    if not re.fullmatch(r"[a-zA-Z.,]*(->[a-zA-Z.]*)?", text) or ".." in text.replace("...", ""):
        raise InvalidArgumentError(None, None, f"einsum can't read the equation {equation!r}.")
    left, arrow, out = text.partition("->")
    terms = left.split(",")
    if len(terms) != count:
        raise InvalidArgumentError(
            None, None, f"equation {equation!r} has {len(terms)} terms for {count} tensors."
        )
    found = left.replace(".", "").replace(",", "")
    if not arrow:
        single = sorted(c for c in set(found) if found.count(c) == 1)
        out = ("..." if "..." in left else "") + "".join(single)
    letters = out.replace("...", "")
    if len(set(letters)) != len(letters) or not set(letters) <= set(found):
        raise InvalidArgumentError(
            None, None, f"equation {equation!r}: letters behind the arrow must occur once there, "
            f"and somewhere before it."
        )  # fmt: skip
    if "..." in left and "..." not in out:
        raise InvalidArgumentError(None, None, f"equation {equation!r} must keep its '...'.")
    return terms, out


@own_scope("Tensordot")
def tensordot(a: Any, b: Any, axes: Any, name: str | None = None) -> Tensor:
    """Return the sum of products of ``a`` and ``b`` over ``axes``.

    ``axes`` is a number n, for the last n dimensions of ``a`` and the first n of ``b``, or a list
    of dimensions of each.
    """
    hint = next((t.dtype for t in (a, b) if isinstance(t, Tensor)), None)
    a, b = (x if isinstance(x, Operators) else convert_to_tensor(x, hint) for x in (a, b))
    a, b = convert_to_tensor(a), convert_to_tensor(b)
    rank_a, rank_b = a.spec.rank, b.spec.rank
    if rank_a is None or rank_b is None:
        raise InvalidArgumentError(None, None, "tensordot needs known ranks; use set_shape before.")
    if isinstance(axes, int):
        pairs = list(zip(range(rank_a - axes, rank_a), range(axes), strict=True))
    else:
        listed = [[x] if isinstance(x, int) else list(x) for x in axes]
        if len(listed) != 2 or len(listed[0]) != len(listed[1]):
            raise InvalidArgumentError(None, None, f"axes {axes!r} must name equally many of each.")
        pairs = list(zip(*listed, strict=True))
    for i, j in pairs:
        if not (-rank_a <= i < rank_a and -rank_b <= j < rank_b):
            raise InvalidArgumentError(
                None, None, f"axes {axes!r} are out of range for ranks {rank_a} and {rank_b}."
            )
    of_a = list(_LETTERS[:rank_a])
    of_b = list(_LETTERS[rank_a : rank_a + rank_b])
    for i, j in pairs:
        of_b[j] = of_a[i]
    kept = [c for c in of_a if c not in of_b] + [c for c in of_b if c not in of_a]
    equation = f"{''.join(of_a)},{''.join(of_b)}->{''.join(kept)}"
    return _einsum([a, b], equation, "MatMul")
