"""The built-in operations, one module per subject.

They come through the same hook as those of any other package: this module is the plugin
``tfmini``.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from tfmini import build
from tfmini.hookspecs import hookimpl
from tfmini.ops import operators
from tfmini.registry import BUILTIN, registry

MODULES = [
    "activations", "adaptive", "along", "array", "assertions", "bitwise", "blocks", "branches",
    "candidates", "casting", "codecs", "colors", "complex", "contraction", "control", "convolution",
    "counting", "creation", "cumulative", "debugging", "decompositions", "diagonals", "distances",
    "division", "dynamic_axes", "exponential", "files", "functional", "grouping", "gru", "indexing",
    "initialized", "joining", "layout", "linalg", "lists", "logic", "loops", "losses", "lstm",
    "math", "nn", "normalization", "padding", "parsing", "patches", "placeholders", "pooling",
    "powers", "products", "proximal", "random", "recurrent", "reductions", "resizing", "rounding",
    "scatter_variables", "scattering", "segment", "selection", "sequence_parsing", "shapes",
    "slicing", "solvers", "sorting", "sparse", "sparse_training", "state", "summaries", "text",
    "training", "trigonometry", "unbroadcast", "weighting",
]  # fmt: skip


@hookimpl
def tfmini_ops() -> list[ModuleType]:
    return [build, *[import_module(f"{__name__}.{m}") for m in MODULES]]


operators.install()
registry.register(import_module(__name__), BUILTIN)
