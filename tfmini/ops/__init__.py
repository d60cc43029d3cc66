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
    adaptive,
    along,
    array,
    assertions,
    bitwise,
    blocks,
    branches,
    candidates,
    casting,
    codecs,
    colors,
    complex,
    contraction,
    control,
    convolution,
    counting,
    creation,
    cumulative,
    debugging,
    decompositions,
    diagonals,
    division,
    dynamic_axes,
    exponential,
    files,
    functional,
    gru,
    indexing,
    initialized,
    joining,
    layout,
    linalg,
    logic,
    loops,
    losses,
    lstm,
    math,
    nn,
    normalization,
    operators,
    padding,
    parsing,
    patches,
    pooling,
    powers,
    products,
    proximal,
    random,
    recurrent,
    reductions,
    resizing,
    rounding,
    scatter_variables,
    scattering,
    segment,
    selection,
    shapes,
    slicing,
    solvers,
    sorting,
    sparse,
    sparse_training,
    state,
    summaries,
    tensor_arrays,
    text,
    training,
    trigonometry,
    unbroadcast,
    weighting,
)
from tfmini.registry import BUILTIN, registry


@hookimpl
def tfmini_ops() -> list[ModuleType]:
    return [
        build, activations, adaptive, along, array, assertions, bitwise, blocks, branches,
        candidates, casting, codecs, colors, complex, contraction, control, convolution, counting,
        creation, cumulative, debugging, decompositions, diagonals, division, dynamic_axes,
        exponential, files, functional, gru, indexing, initialized, joining, layout, linalg, logic,
        loops, losses, lstm, math, nn, normalization, padding, parsing, patches, pooling, powers,
        products, proximal, random, recurrent, reductions, resizing, rounding, scatter_variables,
        scattering, segment, selection, shapes, slicing, solvers, sorting, sparse, sparse_training,
        state, summaries, tensor_arrays, text, training, trigonometry, unbroadcast, weighting,
    ]  # fmt: skip


operators.install()
registry.register(__import__(__name__, fromlist=["ops"]), BUILTIN)
