"""Packages that a session sends to workers: pure Python, as files that Dask's workers can import.

In: a distribution and its modules.  Out: paths for Dask's plugin ``UploadFile``: a module's own
file, or an archive of a package's folder.
"""

from __future__ import annotations

import importlib.util
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from tfmini.errors import FailedPreconditionError

_COMPILED = {".so", ".pyd", ".dll", ".dylib"}


def files_of(package: str, modules: Iterable[str]) -> list[str]:
    """Return the files to upload for the top-level modules of ``modules``."""
    return [_file_of(package, name) for name in dict.fromkeys(m.split(".")[0] for m in modules)]


def _file_of(package: str, module: str) -> str:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise FailedPreconditionError(
            None, None, f"package {package!r}: module {module!r} has no file that could be sent."
        )
    origin = Path(spec.origin)
    if not spec.submodule_search_locations:
        _require_pure(package, [origin])
        return str(origin)
    folder = origin.parent
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and "__pycache__" not in p.parts]
    _require_pure(package, files)
    path = Path(tempfile.mkdtemp(prefix="tfmini-")) / f"{module}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in files:
            archive.write(file, Path(module) / file.relative_to(folder))
    return str(path)


def _require_pure(package: str, files: Iterable[Path]) -> None:
    compiled = [f.name for f in files if f.suffix in _COMPILED]
    if compiled:
        raise FailedPreconditionError(
            None,
            None,
            f"package {package!r} can't be sent to workers: it has compiled files "
            f"({', '.join(compiled[:3])}). Install it there.",
        )
