"""Helpers of TensorFlow's inside that have no public name, and that libraries import all the same.

``tensorflow.python.util``'s ``tf_contextlib``, ``tf_decorator`` and ``all_util``; what
``rnn_cell_impl`` makes first states with, and ``core_rnn_cell`` its products.
"""

from __future__ import annotations

import contextlib
import functools
import re
import sys
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from tfmini.rnn.cell import zeros_of
from tfmini.rnn.legacy import linear

contextmanager = contextlib.contextmanager
_zero_state_tensors = zeros_of
_linear = linear


def make_decorator(
    target: Callable[..., Any], decorator_func: Callable[..., Any],
    decorator_name: str | None = None, decorator_doc: str = "", decorator_argspec: Any = None,
) -> Callable[..., Any]:  # fmt: skip
    """Let ``decorator_func``, which calls ``target``, look like it; return ``decorator_func``."""
    return functools.update_wrapper(decorator_func, target)


def unwrap(maybe_tf_decorator: Any) -> tuple[list[Any], Any]:
    """Return the decorated functions around a function, the outermost first, and itself."""
    around = []
    found = maybe_tf_decorator
    while hasattr(found, "__wrapped__"):
        around.append(found)
        found = found.__wrapped__
    return around, found


def remove_undocumented(
    module_name: str, allowed_exception_list: Iterable[str] | None = None,
    doc_string_modules: Iterable[ModuleType] | None = None,
) -> None:  # fmt: skip
    """Delete a module's names, but those listed, private, or called ``@@name`` in docstrings."""
    module = sys.modules[module_name]
    texts = [m.__doc__ or "" for m in doc_string_modules or [module]]
    kept = {*(allowed_exception_list or ()), *re.findall(r"@@(\w+)", "\n".join(texts))}
    for name in [n for n in vars(module) if n not in kept and not n.startswith("_")]:
        delattr(module, name)
