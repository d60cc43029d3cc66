"""Exponentials, square roots and logarithms of square matrices.

In: a stack of matrices, [..., n, n].  Out: the principal value for each.

Sources: N. Higham, "The scaling and squaring method for the matrix exponential revisited" (2005);
N. Higham, "Functions of Matrices" (2008), algorithms 6.3 and 11.9; W. Hoskins and D. Walton, and
L. Dieci and others, for logarithms by quadrature.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

# The degree of the Pade approximant of exp, and up to which norm it is exact to a rounding:
# Higham (2005), table 2.3.
_PADE, _PADE_NORM = 13, 5.371920351148152

_LOG_NODES = 8  # of the Gauss-Legendre rule for log, exact to a rounding up to
_LOG_NORM = 0.25  # this distance from the identity: Higham (2008), table 11.1, has 0.264 for 7
_MOST_ROOTS = 100  # a matrix so near to singular that more were needed has no logarithm


def exponential(a: Any) -> Any:
    """Return ``exp(a)`` for matrices [..., n, n] by scaling, a Pade approximant and squaring.

    In double precision always: in single, squaring would lose half of the digits.
    """
    if not a.size:
        return np.array(a)
    x = a.reshape(-1, *a.shape[-2:]).astype(np.result_type(a, np.float64), copy=False)
    norms = np.abs(x).sum(-2).max(-1)
    halvings = np.zeros(len(x), int)
    large = np.isfinite(norms) & (norms > _PADE_NORM)
    halvings[large] = np.ceil(np.log2(norms[large] / _PADE_NORM))
    x = _pade(np.ldexp(1.0, -halvings)[:, None, None] * x)
    for done in range(halvings.max()):
        pending = halvings > done
        x[pending] = x[pending] @ x[pending]
    return x.reshape(a.shape).astype(a.dtype, copy=False)


def _pade(x: Any) -> Any:
    """Return the diagonal Pade approximant of exp: ``q(-x)**-1 q(x)``.

    ``q`` has the coefficients ``(2m - k)! m! / ((2m)! (m - k)! k!)``, here over the last of them.
    """
    m = _PADE
    q = [math.factorial(2 * m - k) // (math.factorial(m - k) * math.factorial(k)) / 1.0
         for k in range(m + 1)]  # fmt: skip
    square = power = x @ x
    identity = np.eye(x.shape[-1])
    even, odd = q[0] * identity + q[2] * power, q[1] * identity + q[3] * power
    for k in range(4, m + 1, 2):
        power = power @ square
        even += q[k] * power
        odd += q[k + 1] * power
    odd = x @ odd
    return np.linalg.solve(even - odd, even + odd)


def square_root(a: Any) -> Any:
    """Return principal square roots; NaN of a real matrix whose root isn't real."""
    roots = _of_each(_triangular_root, a)
    if a.dtype.kind == "c":
        return roots.astype(a.dtype, copy=False)
    real = roots.real.astype(a.dtype)
    noise = math.sqrt(np.finfo(float).eps) * np.abs(roots).max((-1, -2), initial=0)
    real[~(np.abs(roots.imag).max((-1, -2), initial=0) <= noise)] = np.nan
    return real


def logarithm(a: Any) -> Any:
    """Return principal logarithms of complex matrices; NaN of a singular one."""
    return _of_each(_triangular_log, a).astype(a.dtype, copy=False)


def _of_each(function: Any, a: Any) -> Any:
    """Return the function of each matrix, given the one that is for upper triangular ones."""
    out = np.empty(a.shape, np.complex128)
    for index in np.ndindex(a.shape[:-2]) if a.size else ():
        q, t = schur(a[index])
        out[index] = q @ function(t) @ q.conj().T
    return out


def _triangular_root(t: Any) -> Any:
    """Return the root of an upper triangular matrix, column by column (Higham 2008, 6.3)."""
    root = np.diag(np.sqrt(t.diagonal()))
    for j in range(1, len(t)):
        for i in reversed(range(j)):
            rest = t[i, j] - root[i, i + 1 : j] @ root[i + 1 : j, j]
            # Two eigenvalues 0: any number will do if the rest is 0, and none otherwise.
            root[i, j] = rest / (root[i, i] + root[j, j]) if rest else 0
    return root


def _triangular_log(t: Any) -> Any:
    """Return the logarithm of an upper triangular matrix: of a root near the identity, times the
    power of 2 (Higham 2008, 11.9)."""
    n, root, roots = len(t), t, 0
    identity = np.eye(n)
    while np.abs(root - identity).sum(0).max(initial=0) > _LOG_NORM:
        if roots == _MOST_ROOTS:
            return np.full_like(t, np.nan)
        root, roots = _triangular_root(root), roots + 1
    # log(1 + x) is the integral of x / (1 + s x) for s from 0 to 1.
    nodes, weights = np.polynomial.legendre.leggauss(_LOG_NODES)
    x, out = root - identity, np.zeros_like(t)
    for s, w in zip((1 + nodes) / 2, weights / 2, strict=True):
        out += w * np.linalg.solve(identity + s * x, x)
    out *= 2.0**roots
    np.fill_diagonal(out, np.log(t.diagonal()))  # these are known without any rounding
    return out


def schur(a: Any) -> tuple[Any, Any]:
    """Return unitary ``q`` and upper triangular ``t`` with ``a = q @ t @ adjoint(q)``, complex128.

    By the orthogonalised eigenvectors, which do for nearly all matrices; where they are too near
    to dependent, by deflation.
    """
    a, half = a.astype(np.complex128), len(a) // 2
    if not np.all(np.isfinite(a)):
        return np.eye(len(a)), np.full_like(a, np.nan)
    if half and not a[half:, :half].any():
        return _of_two(a, half)
    q = np.linalg.qr(np.linalg.eig(a)[1])[0]
    t = q.conj().T @ a @ q
    rest = np.abs(np.tril(t, -1)).max(initial=0)
    if rest > 10 * len(a) * np.finfo(float).eps * np.abs(a).max(initial=0):
        q, t = _by_deflation(a)
    return q, np.triu(t)


def _of_two(a: Any, half: int) -> tuple[Any, Any]:
    """Return the Schur form of a matrix whose lower left part is 0, as those that derivatives are
    made of: they have eigenvalues twice, and no others than their parts have."""
    q, t = np.zeros_like(a), np.zeros_like(a)
    for part in (slice(None, half), slice(half, None)):
        q[part, part], t[part, part] = schur(a[part, part])
    t[:half, half:] = q[:half, :half].conj().T @ a[:half, half:] @ q[half:, half:]
    return q, t


def _by_deflation(a: Any) -> tuple[Any, Any]:
    """Return a Schur form, split off one eigenvalue at a time.

    A left null vector of ``t - eigenvalue``, made the last axis by a reflection, leaves a last row
    of zeros before the eigenvalue.  Each step is stable whatever the eigenvectors are.
    """
    q, t = np.eye(len(a), dtype=a.dtype), a.copy()
    for m in range(len(a), 1, -1):
        value = np.linalg.eigvals(t[:m, :m])[-1]
        v = np.linalg.svd(t[:m, :m] - value * np.eye(m))[0][:, -1]
        # The reflection along v - phase * e that takes v to a multiple of the last axis e.
        v[-1] += np.exp(1j * np.angle(v[-1]))
        v = v / np.linalg.norm(v)
        t[:m] -= 2 * v[:, None] * (v.conj() @ t[:m])
        for x in (t, q):
            x[:, :m] -= 2 * (x[:, :m] @ v)[:, None] * v.conj()
    return q, t
