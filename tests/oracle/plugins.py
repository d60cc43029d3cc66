"""The packages of plugins/ that have operations of TensorFlow, loaded from the checkout."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tfmini.registry import registry

FOLDER = Path(__file__).resolve().parents[2] / "plugins"
PACKAGES = ("tfmini-special", "tfmini-signal")


class Loaded(NamedTuple):
    names: list[str]  # what the packages put below tf by ``tfmini_names``
    absent: list[str]  # packages that lack a dependency, and why


@contextmanager
def loaded() -> Iterator[Loaded]:
    """Have the operations of ``PACKAGES`` below ``tf``."""
    registry.load_entry_points()
    paths, registered, found = list(sys.path), [], Loaded([], [])
    for package in PACKAGES:
        sys.path.append(str(FOLDER / package))
        try:
            module = importlib.import_module(package.replace("-", "_"))
        except ModuleNotFoundError as e:
            found.absent.append(f"{package} ({e})")
            continue
        found.names.extend(module.tfmini_names())
        if all(name.partition(":")[0] != package for name in registry.reports):
            registered.append(f"{package}:checkout")
            registry.register(module, registered[-1])
    try:
        yield found
    finally:
        sys.path[:] = paths
        for name in registered:
            registry.unregister(name)
