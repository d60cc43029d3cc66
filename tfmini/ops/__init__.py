"""The built-in operations, one module per subject.

They come through the same hook as those of any other package: this module is the plugin
``tfmini``.
"""

from __future__ import annotations

import gc
from importlib import import_module
from types import ModuleType
from typing import Any

from tfmini import build, dtypes
from tfmini.hookspecs import hookimpl
from tfmini.ops import operators
from tfmini.registry import BUILTIN, registry

MODULES = [
    "activations", "adaptive", "along", "array", "assertions", "beams", "bitwise", "blocks",
    "boxes", "branches", "candidates", "casting", "codecs", "colors", "complex", "contraction",
    "control", "convolution", "counting", "creation", "crossing", "ctc", "cumulative", "debugging",
    "decompositions", "diagonals", "distances", "division", "dynamic_axes", "elimination",
    "encodings", "exponential", "files", "formatting", "fractional_pooling", "functional",
    "glimpses", "grouping", "gru", "hash_buckets", "indexing", "initialized", "joining",
    "jpeg", "layout", "linalg", "lists", "logic", "lookup_tables", "loops", "losses", "lstm",
    "math", "matrix_functions", "nn", "normalization", "padding", "parsing", "patches",
    "placeholders", "pooling", "powers", "products", "proximal", "quantization", "random",
    "random_boxes", "recurrent", "reductions", "representation", "resizing", "rounding",
    "scatter_variables", "scattering", "segment", "selection", "sequence_parsing",
    "session_handles", "sets", "shapes",
    "sliced_variables", "slicing", "solvers", "sorting", "sparse", "sparse_training", "state",
    "stateless",
    "string_pieces", "summaries", "suppression", "text", "training", "trigonometry",
    "unbroadcast", "unicode", "weighting",
]  # fmt: skip


@hookimpl
def tfmini_ops() -> list[ModuleType]:
    return [build, *[import_module(f"{__name__}.{m}") for m in MODULES]]


@hookimpl
def tfmini_names() -> dict[str, Any]:
    """What TensorFlow has below ``tf.dtypes`` too; that module comes before all operations."""
    from tfmini.ops import casting, complex, text

    return {
        "dtypes.cast": casting.cast, "dtypes.saturate_cast": casting.saturate_cast,
        "dtypes.as_string": text.as_string, "dtypes.complex": complex.complex,
        "dtypes.bool": dtypes.bool_, "dtypes.half": dtypes.float16,
        "dtypes.double": dtypes.float64,
    }  # fmt: skip


def _register() -> None:
    """Register this module.  All that this makes stays: Python's garbage collector, which would
    look at each object several times and take a tenth of the import, rests meanwhile.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        registry.register(import_module(__name__), BUILTIN)
    finally:
        if collecting:
            gc.enable()


operators.install()
_register()
