"""What happens when a script asks for a name that is not here.

In: a namespace (``tf.nn``) and a name.  Out: one error that says the symbol in full, the script's
line, and the nearest thing there is.

TensorFlow's object layers, ``tf.keras`` and ``tf.estimator``, are out of scope: their namespaces
exist only so that the error can name what was wanted of them.
"""

from __future__ import annotations

import difflib
import dis
import os
import sys
from collections.abc import Iterable, Iterator
from types import FrameType, ModuleType
from typing import Any

from tfmini.deprecated import lookup
from tfmini.errors import NotFoundError
from tfmini.registry import registry

#: The parts of the package that stand for namespaces of TensorFlow.
NAMESPACES = (
    "app", "bitwise", "compat", "contrib", "data", "debugging", "distributions", "dtypes", "errors",
    "estimator", "examples", "feature_column", "flags", "gfile", "graph_util", "image",
    "initializers", "io", "keras", "layers", "linalg", "logging", "lookup", "losses", "manip",
    "math", "metrics", "nest", "nn", "profiler", "python_io", "quantization", "random",
    "resource_loader", "saved_model", "sets", "signal", "sparse", "spectral", "strings", "summary",
    "sysconfig", "test", "tpu", "train", "user_ops", "version",
)  # fmt: skip

# Namespaces inside namespaces that hold no operations of their own here.
_INNER = {
    "activations", "applications", "backend", "callbacks", "constraints", "data", "datasets",
    "estimator", "estimators", "experimental", "export", "initializers", "inputs", "layers",
    "learn", "legacy", "losses", "metrics", "mixed_precision", "models", "optimizers",
    "preprocessing", "python", "regularizers", "utils", "wrappers", "eager", "slim", "framework",
    "rnn", "seq2seq", "legacy_seq2seq", "image", "text", "sequence", "factorization",
    "tensor_forest", "boosted_trees", "training", "distribute", "opt", "crf", "deprecated", "ops",
    "core", "debug", "client", "platform", "proto",
}  # fmt: skip
_OUT_OF_SCOPE = ("keras", "estimator")

#: What the packages in ``plugins/`` add: names below ``tf`` and ``tf.math``, and namespaces.
PACKAGES = {
    "tfmini-special": {
        "erf", "erfc", "lgamma", "digamma", "zeta", "polygamma", "igamma", "igammac", "betainc",
        "lbeta", "bessel_i0", "bessel_i1", "bessel_i0e", "bessel_i1e",
    },
    "tfmini-signal": {"signal", "spectral", "fft", "fft2d", "fft3d", "ifft", "ifft2d", "ifft3d"},
}  # fmt: skip
_SMALLEST_LIKENESS = 0.6


class MissingSymbolError(NotFoundError, AttributeError):
    """The script uses something of TensorFlow that tfmini does not have.

    What is near is sought when the text is asked for: ``hasattr`` must not take long.
    """

    def __init__(self, symbol: str, where: str) -> None:
        self._symbol, self._where = symbol, where
        super().__init__(None, None, symbol)

    def _text(self) -> str:
        return message(self._symbol, self._where)

    message = property(_text, lambda self, _symbol: None)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._symbol, self._where)


class MissingModuleError(ModuleNotFoundError):
    """The script imports something of TensorFlow that tfmini does not have."""


class Namespace(ModuleType):
    """A module whose older names are found, and whose missing ones are errors that help."""

    def __getattr__(self, name: str) -> Any:
        namespace = self.__name__.removeprefix("tfmini.")
        found = lookup(namespace, name)
        if found is None and not name.startswith("_"):
            found = registry.function(f"{namespace}.{name}")
        return absent(namespace, name) if found is None else found


class Gap(ModuleType):
    """A namespace of TensorFlow of which nothing is here but the name."""

    __all__: tuple[str, ...] = ()

    def __getattr__(self, name: str) -> Any:
        namespace = self.__name__.removeprefix("tfmini.")
        found = lookup(namespace, name)
        return absent(namespace, name) if found is None else found


def watch(package: ModuleType) -> None:
    """Let the public namespaces of ``package`` answer for names that they do not have."""
    for module in _modules(package):
        _answers(module)


def watch_namespace(namespace: ModuleType) -> None:
    """Let a namespace that is imported later than the package, and those in it, answer too."""
    for module in _inside([namespace]):
        _answers(module)


def _answers(module: ModuleType) -> None:
    if type(module) is ModuleType:
        module.__class__ = Namespace


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    return _inside([package.__dict__[n] for n in NAMESPACES if n in package.__dict__])


def _inside(pending: list[Any]) -> Iterator[ModuleType]:
    seen: set[str] = set()
    while pending:
        module = pending.pop()
        if not isinstance(module, ModuleType) or module.__name__ in seen:
            continue
        seen.add(module.__name__)
        yield module
        inner = getattr(module, "__all__", None) or {*NAMESPACES, *_INNER}
        found = [vars(module)[n] for n in inner if n in vars(module)]
        pending += [
            m for m in found if getattr(m, "__name__", "").startswith(module.__name__ + ".")
        ]


def absent(namespace: str, name: str) -> Any:
    """Answer for ``tf.<namespace>.<name>``, which is not here: a ``Gap``, or an error."""
    if name.startswith("__"):
        raise AttributeError(name)
    full = f"{namespace}.{name}" if namespace else name
    whole = _OUT_OF_SCOPE if not namespace else _INNER
    if name in whole and name.islower():
        return Gap(f"tfmini.{full}")
    frame = _caller()
    if frame is not None and _is_import(frame):
        raise missing_module(full)
    raise MissingSymbolError(full, _where())


def missing_module(full: str) -> MissingModuleError:
    """Return the error of an import of ``tensorflow.<full>``."""
    return MissingModuleError(message(full, _where()), name=f"tensorflow.{full}")


def message(full: str, where: str) -> str:
    """Return what to say of ``tf.<full>``: the line, whether it is out of scope, what is near or
    which package has it."""
    for package, names in PACKAGES.items():
        if full.removeprefix("math.") in names:
            return (
                f"tfmini has no tf.{full}: it is in {package}; used at {where}. Remedy: pip "
                f"install {package}; if it is installed, `python -m tfmini plugins` says why it "
                f"is not loaded."
            )
    top = full.partition(".")[0]
    why = ", whose object layer tfmini leaves out" if top in _OUT_OF_SCOPE else ""
    scope = f" (tf.{top} is a part of TensorFlow{why})" if why else ""
    near = nearest(full)
    if not near and why:
        near = ["tf.layers and tf.train, in a graph that tf.Session runs"]
    hint = f" Nearest: {', '.join(near)}." if near else ""
    return f"tfmini has no tf.{full}{scope}; used at {where}.{hint}"


def nearest(full: str) -> list[str]:
    """Return up to three symbols that are like ``tf.<full>``: the same name elsewhere first."""
    leaf = full.rpartition(".")[2]
    names = dict.fromkeys(symbols())
    plain = leaf.lower().replace("_", "")
    same = [n for n in names if n.rpartition(".")[2].lower().replace("_", "") == plain]
    if same:
        return [f"tf.{n}" for n in sorted(same, key=lambda n: (n.count("."), len(n)))[:3]]
    likely = difflib.get_close_matches(full, names, n=3, cutoff=_SMALLEST_LIKENESS)
    # Of several places with a name the one that is least deep.
    leaves = {n.rpartition(".")[2]: n for n in sorted(names, key=lambda n: -n.count("."))}
    by_leaf = difflib.get_close_matches(leaf, leaves, n=2, cutoff=_SMALLEST_LIKENESS)
    near = dict.fromkeys([*[leaves[n] for n in by_leaf], *likely])
    namespace = full.rpartition(".")[0]
    return [f"tf.{n}" for n in sorted(near, key=lambda n: n.rpartition(".")[0] != namespace)][:3]


def symbols() -> Iterator[str]:
    """Yield all public symbols of the package, without ``tf.``: ``add``, ``nn.relu``, ..."""
    package = sys.modules["tfmini"]
    for name in dir(package):
        getattr(package, name)  # some namespaces are imported when they are asked for
    yield from _public(package)
    for module in _modules(package):
        prefix = module.__name__.removeprefix("tfmini.")
        yield from (f"{prefix}.{name}" for name in _public(module))


def _public(module: ModuleType) -> list[str]:
    listed: Iterable[str] = getattr(module, "__all__", None) or [
        n for n, v in vars(module).items()
        if not isinstance(v, ModuleType) and _belongs(v, module.__name__)
    ]  # fmt: skip
    return [n for n in listed if not n.startswith("_") and n not in NAMESPACES]


def _belongs(value: Any, module: str) -> bool:
    """Whether ``value`` is of ``module``, and no tool that it imported; all of ours is of tf."""
    origin = str(getattr(value, "__module__", module))
    return origin == module or origin.startswith(module + ".")


def _caller(skipped: tuple[str, ...] = ()) -> FrameType | None:
    """Return the frame that looked the name up, outside the package and files ``skipped``."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith((_PACKAGE, *skipped)):
        frame = frame.f_back
    return frame


def _where() -> str:
    """Return the script's line, as ``file:line``."""
    frame = _caller(("<frozen ",))
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else "an unknown line"


_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


def _is_import(frame: FrameType) -> bool:
    """Whether the frame is at ``from x import name``: there an AttributeError loses its text."""
    code, at = frame.f_code.co_code, frame.f_lasti
    return 0 <= at < len(code) and dis.opname[code[at]] == "IMPORT_FROM"
