"""``import tensorflow``, answered by tfmini in this process.

In: imports of ``tensorflow`` and anything below it.  Out: alias modules, whose names are looked up
in tfmini each time for the first time.  ``tensorflow.python.*`` and ``tensorflow.core.*``,
TensorFlow's inside, are answered by the public names: a script that imports
``tensorflow.python.ops.math_ops`` finds ``matmul``.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from tfmini import assignments, autodiff
from tfmini.compat import text_format
from tfmini.deprecated import lookup
from tfmini.missing import NAMESPACES, Gap, absent, missing_module

VERSION = "1.15.0"  # what scripts that ask for a version are told

# Where modules of TensorFlow's inside have their public names; default: everywhere.
_INSIDE = {
    "rnn_cell": ("nn.rnn_cell", "contrib.rnn"),
    "rnn_cell_impl": ("nn.rnn_cell", "contrib.rnn", "compat.inside"),
    "core_rnn_cell": ("nn.rnn_cell", "contrib.rnn", "compat.inside"),
    "core_rnn_cell_impl": ("nn.rnn_cell", "contrib.rnn", "compat.inside"),
    "seq2seq": ("contrib.legacy_seq2seq", "contrib.seq2seq"),
    "gfile": ("gfile",),
    "app": ("app",),
    "flags": ("flags",),
    "tf_logging": ("logging",),
    "init_ops": ("initializers", ""),
    "initializers": ("initializers", "contrib.layers"),
    "regularizers": ("contrib.layers",),
    "layers": ("layers", "contrib.layers"),
    "variable_scope": ("",),
    "utils": ("layers.choice", "layers", "saved_model.utils"),
    "main_op": ("saved_model.main_op",),
    "timeline": ("compat.timeline",),
    "moving_averages": ("train.averages",),
    "device_lib": ("devices",),
    "mnist": ("examples.tutorials.mnist.input_data",),
    "text": ("contrib.learn.preprocessing",),
    "hparam": ("contrib.training",),
    "lookup_ops": (
        "lookup.vocabularies",
        "lookup.tables",
        "lookup.mutable",
        "lookup.initializers",
        "",
    ),
    **dict.fromkeys(
        ("feature_column", "feature_column_lib", "feature_column_v2", "sequence_feature_column"),
        ("feature_column", "feature_column.layers", "feature_column.columns"),
    ),
    "freeze_graph": ("saved_model.freeze_graph",),
    "inspect_checkpoint": ("train.inspect_checkpoint",),
    "pywrap_tensorflow": ("train", "summaries.writer"),
    "session": ("session", "conversions", ""),
    "tf_contextlib": ("compat.inside",),
    "tf_decorator": ("compat.inside",),
    "tf_inspect": ("compat.inspecting",),
    "all_util": ("compat.inside",),
    "function": ("compat.defun",),
}
_EVERYWHERE = ("", "nn", "train", "math", "summary", "layers", "losses", "metrics", "initializers",
               "errors", "compat", "saved_model", "io", "data", "test",
               "exchange.collected", "contrib.framework")  # fmt: skip


class Alias(ModuleType):
    """A module ``tensorflow...`` that stands for namespaces of tfmini, searched in order."""

    def __init__(self, name: str, places: Sequence[str]) -> None:
        super().__init__(name)
        self.__path__: list[str] = []
        self._places = tuple(places)
        self.__doc__ = f"{name}, as tfmini has it."

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        found = self._find(name)
        if not isinstance(found, Gap):
            self.__dict__[name] = found
        return found

    def _find(self, name: str) -> Any:
        if self._places == ("",):
            if name in ("__version__", "VERSION"):
                return VERSION
            if name == "python":
                return importlib.import_module("tensorflow.python")
            return getattr(sys.modules["tfmini"], name)
        if len(self._places) == 1:
            found: Any = _module(self._places[0]) or sys.modules["tfmini"]
            for part in (
                (*self._places[0].split("."), name) if found.__name__ == "tfmini" else [name]
            ):
                found = getattr(found, part)
            return found
        for place in self._places:
            module = _module(place)
            if module is not None and name in dir(module):
                found = getattr(module, name)
                if isinstance(found, ModuleType):  # tfmini's own inside is not TensorFlow's
                    if self.__name__.endswith(f".{name}"):  # rnn.rnn was a function
                        continue
                    found = importlib.import_module(f"{self.__name__}.{name}")
                return found
        if name in _INSIDE:
            return importlib.import_module(f"{self.__name__}.{name}")
        for place in self._places:
            older = lookup(place, name)
            if older is not None:
                return older
        return absent(self.__name__.removeprefix("tensorflow."), name)

    def __dir__(self) -> list[str]:
        return sorted({n for place in self._places for n in dir(_module(place) or self)})


def _module(place: str) -> ModuleType | None:
    """Return the namespace of tfmini called ``place``, or None."""
    found: Any = sys.modules["tfmini"]
    for part in place.split(".") if place else ():
        inner = vars(found).get(part)
        if inner is None:
            try:
                inner = importlib.import_module(f"{found.__name__}.{part}")
            except ImportError:
                return None
        found = inner
    return found if isinstance(found, ModuleType) else None


class Finder:
    """Finds ``tensorflow`` and its submodules in tfmini; ``sys.meta_path`` asks it first."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return how to load module ``name``; MissingModuleError if there is nothing like it."""
        top, _, rest = name.partition(".")
        if top != "tensorflow":
            return None
        return ModuleSpec(name, _Loader(_places(rest)), is_package=True)


class ProtobufFinder:
    """Finds ``google.protobuf.text_format``; asked last, so only if protobuf is not installed."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name not in ("google", "google.protobuf", "google.protobuf.text_format"):
            return None
        return ModuleSpec(name, _ProtobufLoader(), is_package=not name.endswith("text_format"))


class _ProtobufLoader(Loader):
    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None  # as for any module

    def exec_module(self, module: ModuleType) -> None:
        if module.__name__.endswith("text_format"):
            vars(module).update(
                {k: v for k, v in vars(text_format).items() if not k.startswith("__")}
            )


class _Loader(Loader):
    def __init__(self, places: Sequence[str]) -> None:
        self._places = places

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return Alias(spec.name, self._places)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is left to do."""


def _places(rest: str) -> Sequence[str]:
    """Return the namespaces that ``tensorflow.<rest>`` stands for."""
    if rest in ("", "compat.v1", "_api.v1", "compat.v1.compat.v1"):
        return ("",)
    rest = rest.removeprefix("compat.v1.").removeprefix("_api.v1.")
    parts = rest.split(".")
    if parts[0] == "core" or "python" in parts:  # the protocol buffers, or the inside
        own = [parts[-1]] if parts[-1] in NAMESPACES else []
        if "python" in parts:
            own += [".".join(parts[: parts.index("python")])]  # contrib.framework.python.ops
        return _INSIDE.get(parts[-1], (*filter(None, own), *_EVERYWHERE))
    if _module(rest) is not None or _is_gap(parts):
        return (rest,)
    raise missing_module(rest)


def _is_gap(parts: Sequence[str]) -> bool:
    """Whether the path ends in a namespace that exists in name only."""
    found: Any = sys.modules["tfmini"]
    try:
        for part in parts:
            found = getattr(found, part)
    except AttributeError:
        return False
    return isinstance(found, Gap)


_finder, _protobuf_finder = Finder(), ProtobufFinder()


def install() -> None:
    """Answer ``import tensorflow`` from now on; a TensorFlow that was imported is in the way."""
    assignments.needs_order = False
    assignments.fetches_last = True
    autodiff.unconnected_is_error = False
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
        sys.meta_path.append(_protobuf_finder)
    for name in [n for n in sys.modules if n == "tensorflow" or n.startswith("tensorflow.")]:
        if not isinstance(sys.modules[name], Alias):
            del sys.modules[name]


def uninstall() -> None:
    """Leave ``import tensorflow`` to Python's own finders again."""
    assignments.needs_order = True
    assignments.fetches_last = False
    autodiff.unconnected_is_error = True
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
        sys.meta_path.remove(_protobuf_finder)
    for name in [n for n, m in sys.modules.items() if isinstance(m, Alias)]:
        del sys.modules[name]
