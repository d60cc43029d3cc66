"""Parameters are TensorFlow 1.15's: names, order, defaults.

``tf1_signatures.txt`` has them as TensorFlow 1.15.5 itself tells (``oracle/signatures.py`` wrote
it), of functions, classes and methods; ``...`` is a default that is no plain value.  A call that
fits there must fit here; here may be more parameters, behind, and defaults where there are none.
"""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import pytest

import tfmini as tf
from tfmini import missing

LINES = (Path(__file__).parent / "tf1_signatures.txt").read_text().splitlines()

# What differs on purpose.
ON_PURPOSE = {
    # made by other calls, never by users
    "DType", "dtypes.DType", "Tensor", "ReaderBase", "data.Iterator",
    "train.MonitoredSession.StepContext",
    # parameters that nobody names, or that would do nothing here
    "as_dtype", "dtypes.as_dtype", "get_static_value", "nn.rnn_cell.DeviceWrapper.build",
    # functions that are attached to a class: their first parameter stands for self
    "Graph.as_graph_def", "Variable.to_proto",
    # other defaults that mean the same
    "Variable", "errors.UnknownError", "nn.batch_norm_with_global_normalization",
    "train.remove_checkpoint", "scatter_update", "scatter_nd_update",
    "contrib.layers.safe_embedding_lookup_sparse", "contrib.slim.safe_embedding_lookup_sparse",
    # the same for all operators
    "linalg.LinearOperatorIdentity.add_to_tensor",
    # one function for max_pool2d and max_pool: what is pooled comes first, or by either name
    "nn.max_pool2d",
    # those of tf.train, with its names
    "contrib.framework.init_from_checkpoint", "contrib.framework.list_variables",
    "contrib.framework.load_checkpoint", "contrib.framework.load_variable",
    # all helpers take what any of them takes, in one order
    "contrib.seq2seq.TrainingHelper.next_inputs", "contrib.seq2seq.TrainingHelper.sample",
}  # fmt: skip
REQUIRED = object()
ANY = object()  # a default that can't be compared


def parsed(line: str) -> tuple[str, dict[str, Any]]:
    """Return the name, and of each parameter its default."""
    name, _, parameters = line.partition("(")
    (function,) = ast.parse(f"def f({parameters}: pass").body
    assert isinstance(function, ast.FunctionDef)
    given = function.args
    defaults = [*[REQUIRED] * (len(given.args) - len(given.defaults)), *given.defaults]
    found = dict(zip([a.arg for a in given.args], defaults, strict=True))
    found.update(zip([a.arg for a in given.kwonlyargs], given.kw_defaults, strict=True))
    return name, {n: d if d is REQUIRED else value(d) for n, d in found.items()}


def value(node: ast.AST | None) -> Any:
    if node is None:
        return REQUIRED
    try:
        found = ast.literal_eval(node)  # type: ignore[arg-type]
    except ValueError:  # inf
        return float(ast.unparse(node))
    return ANY if found is ... else found


def found(name: str) -> Any:
    """Return what has this name here, without its ``self``; None if nothing has."""
    here: Any = tf
    for part in name.split("."):
        here = getattr(here, part, None)
        if here is None or isinstance(here, missing.Gap):
            return None
    return here


def differences(theirs: dict[str, Any], signature: inspect.Signature) -> list[str]:
    ours = {n: p for n, p in signature.parameters.items() if n != "self"}
    kinds = {p.kind for p in ours.values()}
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return []
    named = [n for n, p in ours.items() if p.kind is not p.VAR_KEYWORD]
    out = []
    if inspect.Parameter.VAR_KEYWORD not in kinds:
        out += [f"no {n}" for n in theirs if n not in named]
    known = [n for n in theirs if n in named]
    if named[: len(known)] != known:
        out.append(f"the order is {', '.join(named)}")
    for n in known:
        default = ours[n].default
        if theirs[n] is not REQUIRED and default is inspect.Parameter.empty:
            out.append(f"{n} has no default")
        elif theirs[n] not in (REQUIRED, ANY) and not same(theirs[n], default):
            out.append(f"{n}={default!r}, not {theirs[n]!r}")
    return out


def same(a: Any, b: Any) -> bool:
    """Whether two defaults mean the same: None is what the function itself chooses, and sizes
    may be given once for all dimensions."""
    if (a, b) == (None, False) or (isinstance(a, str) and b is None):
        return True
    if isinstance(a, tuple) and isinstance(b, int):
        return set(a) == {b}
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return list(a) == list(b)
    return bool(a == b)


@pytest.mark.parametrize("line", LINES, ids=[line.partition("(")[0] for line in LINES])
def test_calls_that_fit_tensorflow_fit_here(line: str) -> None:
    name, theirs = parsed(line)
    here = found(name)
    if here is None or name in ON_PURPOSE:
        return
    try:
        signature = inspect.signature(here)
    except ValueError:
        return
    assert differences(theirs, signature) == []
