"""The built-in operations, one module per subject.

They come through the same hook as those of any other package: this module is the plugin
``tfmini``.
"""

from __future__ import annotations

from types import ModuleType

from tfmini import build
from tfmini.hookspecs import hookimpl
from tfmini.ops import (
    activations,
    along,
    array,
    assertions,
    bitwise,
    blocks,
    casting,
    complex,
    contraction,
    control,
    convolution,
    creation,
    cumulative,
    debugging,
    decompositions,
    diagonals,
    division,
    exponential,
    functional,
    indexing,
    joining,
    layout,
    linalg,
    logic,
    losses,
    math,
    nn,
    normalization,
    operators,
    padding,
    pooling,
    powers,
    products,
    random,
    reductions,
    rounding,
    scattering,
    segment,
    selection,
    shapes,
    slicing,
    solvers,
    sorting,
    state,
    training,
    trigonometry,
    unbroadcast,
)
from tfmini.registry import BUILTIN, registry


@hookimpl
def tfmini_ops() -> list[ModuleType]:
    return [
        build, activations, along, array, assertions, bitwise, blocks, casting, complex,
        contraction, control, convolution, creation, cumulative, debugging, decompositions,
        diagonals, division, exponential, functional, indexing, joining, layout, linalg, logic,
        losses, math, nn, normalization, padding, pooling, powers, products, random, reductions,
        rounding, scattering, segment, selection, shapes, slicing, solvers, sorting, state,
        training, trigonometry, unbroadcast,
    ]  # fmt: skip


operators.install()
registry.register(__import__(__name__, fromlist=["ops"]), BUILTIN)
