"""Estimates of what nodes take, and what follows for the threads of BLAS.

In: a plan whose specs are as far known as they can be.  Out: seconds.  Estimates decide where nodes
run, never what they compute.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from tfmini.opdef import Contraction, Elementwise
from tfmini.plan import Node, Plan, Ref
from tfmini.spec import TensorSpec

# A node whose cost is unknown counts as this much: worth a task of its own.
UNKNOWN_SECONDS = 5e-3
# Of calling a kernel at all.
CALL_SECONDS = 1e-6
# Arithmetic operations a second, on one thread; measured, see tests/bench.
_BLAS_RATE = 6e10
_UFUNC_RATE = 2e9
_OTHER_RATE = 1e9
_BYTES_RATE = 8e9
# OpenBLAS stays in the caller's thread below the first, and gains from threads above the second.
_SMALL_FLOPS = 5e5
_LARGE_FLOPS = 1e9


def node_seconds(node: Node, specs: Mapping[Ref, TensorSpec]) -> float:
    """Return an estimate of how long ``node`` takes on one thread."""
    opdef = node.opdef
    if opdef.cost is None:
        return UNKNOWN_SECONDS
    try:
        flops, nbytes = opdef.cost(*[specs[r] for r in node.inputs], **node.attrs)
    except (ValueError, TypeError, AttributeError):
        return UNKNOWN_SECONDS
    if not (math.isfinite(flops) and math.isfinite(nbytes)):
        return UNKNOWN_SECONDS
    rate = _OTHER_RATE
    if isinstance(opdef, Contraction):
        rate = _BLAS_RATE
    elif isinstance(opdef, Elementwise):
        rate = _UFUNC_RATE
    return CALL_SECONDS + max(flops / rate, nbytes / _BYTES_RATE)


def single_blas_thread(plan: Plan) -> bool:
    """Whether BLAS should keep to one thread while ``plan`` runs inline.

    Kernels share large products between cores themselves.  For middling ones BLAS's own threads
    cost more than they give, above all where another process has one of the cores: they wait for
    each other by spinning.  Only large decompositions, which LAPACK computes, gain from them.
    Small products, which BLAS computes in the caller's thread anyway, need no bound.
    """
    specs = all_specs(plan)
    bounded = unbounded = 0.0
    for node in plan.nodes:
        if node.opdef.blas:
            flops = _flops(node, specs)
            if flops >= _LARGE_FLOPS and not isinstance(node.opdef, Contraction):
                unbounded += flops
            elif flops >= _SMALL_FLOPS:
                bounded += flops
    return bounded > unbounded


def _flops(node: Node, specs: Mapping[Ref, TensorSpec]) -> float:
    try:
        flops = node.opdef.cost(*[specs[r] for r in node.inputs], **node.attrs).flops
    except (ValueError, TypeError, AttributeError):
        return 0.0
    return flops if math.isfinite(flops) else 0.0


def all_specs(plan: Plan) -> dict[Ref, TensorSpec]:
    """Return the specs of all values of ``plan``."""
    specs = dict(plan.specs)
    for node in plan.nodes:
        specs.update(zip(node.outputs, node.specs, strict=True))
    return specs
