"""Files under the names of ``tf.gfile`` and ``tf.io.gfile``.

In: names of files here (text or bytes).  Out: their contents, or ``tf.errors`` where the operating
system refuses.
"""

from __future__ import annotations

import glob as _glob
import inspect
import os
import shutil
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, NamedTuple

from tfmini.errors import (
    AlreadyExistsError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
)
from tfmini.ops.files import file_error
from tfmini.ops.string_values import as_text

_MODES = ("r", "w", "a", "r+", "w+", "a+")


def _named(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give ``function`` its first argument as text, and raise ``tf.errors``."""
    bind = inspect.signature(function).bind

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        name, *others = bind(*args, **kwargs).args
        path = as_text(os.fspath(name) if isinstance(name, os.PathLike) else name)
        try:
            return function(path, *others)
        except OSError as e:
            raise file_error(e, path) from e

    return call


class GFile:
    """A file: as ``open`` gives it, but opened when it is first used, with ``tf.errors``.

    Parameters
    ----------
    mode : "r", "w", "a", "r+", "w+" or "a+"; with "b" contents are bytes, else text
    """

    def __init__(self, name: Any, mode: str = "r") -> None:
        self._open_file: Any = None
        if mode.replace("b", "") not in _MODES:
            raise InvalidArgumentError(None, None, f"mode {mode!r} is none of {', '.join(_MODES)}.")
        self._name = name
        self._mode = mode

    @property
    def name(self) -> Any:
        return self._name

    @property
    def mode(self) -> str:
        return self._mode

    @property
    def _file(self) -> Any:
        if self._open_file is None:
            self._open_file = _opened(self._name, self._mode.replace("b", "") + "b")
        return self._open_file

    def _reading(self) -> Any:
        if self._mode.startswith(("w", "a")) and "+" not in self._mode:
            raise PermissionDeniedError(None, None, f"{self._name} is open for writing.")
        return self._file

    def _returned(self, data: bytes) -> Any:
        return data if "b" in self._mode else data.decode()

    def read(self, n: int = -1) -> Any:
        """Return the next ``n`` bytes, or the rest."""
        return self._returned(self._reading().read(n))

    def readline(self) -> Any:
        """Return the next line, with its end; empty at the end."""
        return self._returned(self._reading().readline())

    def readlines(self) -> list[Any]:
        """Return the remaining lines, with their ends."""
        return [self._returned(line) for line in self._reading().readlines()]

    def write(self, file_content: Any) -> None:
        """Append text or bytes."""
        if self._mode.replace("b", "") == "r":
            raise PermissionDeniedError(None, None, f"{self._name} is open for reading.")
        data = file_content if isinstance(file_content, bytes) else str(file_content).encode()
        self._file.write(data)

    def seek(self, offset: int | None = None, whence: int = 0, position: int | None = None) -> None:
        """Go to byte ``offset`` from the beginning (0), from here (1) or from the end (2)."""
        self._file.seek(position if offset is None else offset, whence)

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.tell()

    def size(self) -> int:
        """Return the number of bytes in the file."""
        self.flush()
        return stat(self._name).length

    def flush(self) -> None:
        if self._open_file is not None:
            self._open_file.flush()

    def close(self) -> None:
        if self._open_file is not None:
            self._open_file.close()
            self._open_file = None

    def __del__(self) -> None:
        self.close()  # scripts leave it to the end of the file's life, as TensorFlow does

    def __enter__(self) -> GFile:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.readline, self._returned(b""))

    def __next__(self) -> Any:
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    next = __next__  # Python 2's spelling


@_named
def _opened(name: str, mode: str) -> Any:
    return open(name, mode)


class FileStatistics(NamedTuple):
    """What ``stat`` tells of a file: bytes, time of the last change in nanoseconds, and kind."""

    length: int
    mtime_nsec: int
    is_directory: bool


def exists(path: Any) -> bool:
    """Return whether there is a file or folder ``path``."""
    return os.path.exists(as_text(path))


def isdir(path: Any) -> bool:
    """Return whether ``path`` is a folder."""
    return os.path.isdir(as_text(path))


def glob(pattern: Any) -> list[str]:
    """Return the names that match ``pattern``, or one of a list of patterns."""
    patterns = pattern if isinstance(pattern, (list, tuple)) else [pattern]
    return [name for p in patterns for name in sorted(_glob.glob(as_text(p)))]


@_named
def listdir(path: str) -> list[str]:
    """Return the names of what is in a folder; NotFoundError if it is none."""
    if not os.path.isdir(path):
        raise NotFoundError(None, None, f"no folder {path}.")
    return os.listdir(path)


@_named
def makedirs(path: str) -> None:
    """Make a folder, and those above it; nothing happens if it is there."""
    os.makedirs(path, exist_ok=True)


@_named
def mkdir(path: str) -> None:
    """Make a folder; that above it must be there."""
    try:
        os.mkdir(path)
    except FileExistsError:
        raise AlreadyExistsError(None, None, f"{path} is there already.") from None


@_named
def remove(path: str) -> None:
    """Delete a file."""
    os.remove(path)


@_named
def rmtree(path: str) -> None:
    """Delete a folder and all that is in it."""
    shutil.rmtree(path)


@_named
def rename(src: str, dst: Any, overwrite: bool = False) -> None:
    """Give a file or folder another name; AlreadyExistsError unless ``overwrite``."""
    os.replace(src, _target(dst, overwrite))


@_named
def copy(src: str, dst: Any, overwrite: bool = False) -> None:
    """Copy a file; AlreadyExistsError if the other is there, unless ``overwrite``."""
    shutil.copyfile(src, _target(dst, overwrite))


def _target(path: Any, overwrite: bool) -> str:
    name = as_text(path)
    if not overwrite and os.path.exists(name):
        raise AlreadyExistsError(None, None, f"{name} is there already; use overwrite=True.")
    return name


@_named
def stat(path: str) -> FileStatistics:
    """Return length, time of the last change and kind of a file."""
    found = os.stat(path)
    return FileStatistics(found.st_size, found.st_mtime_ns, os.path.isdir(path))


def walk(
    top: Any, topdown: bool = True, onerror: Callable[[OSError], Any] | None = None
) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield (folder, names of folders in it, names of files in it) for a folder and all below.

    ``onerror`` is called with the error for a folder that can't be read.
    """
    return os.walk(as_text(top), topdown, onerror)


# -- the names of TensorFlow 1's tf.gfile -------------------------------------------------------

Open = FastGFile = GFile


def Exists(filename: Any) -> bool:
    """Return what ``exists`` does."""
    return exists(filename)


def IsDirectory(dirname: Any) -> bool:
    """Return what ``isdir`` does."""
    return isdir(dirname)


def Glob(filename: Any) -> list[str]:
    """Return what ``glob`` does."""
    return glob(filename)


def ListDirectory(dirname: Any) -> list[str]:
    """Return what ``listdir`` does."""
    return listdir(dirname)


def MakeDirs(dirname: Any) -> None:
    """Do what ``makedirs`` does."""
    makedirs(dirname)


def MkDir(dirname: Any) -> None:
    """Do what ``mkdir`` does."""
    mkdir(dirname)


def Remove(filename: Any) -> None:
    """Do what ``remove`` does."""
    remove(filename)


def DeleteRecursively(dirname: Any) -> None:
    """Do what ``rmtree`` does."""
    rmtree(dirname)


def Rename(oldname: Any, newname: Any, overwrite: bool = False) -> None:
    """Do what ``rename`` does."""
    rename(oldname, newname, overwrite)


def Copy(oldpath: Any, newpath: Any, overwrite: bool = False) -> None:
    """Do what ``copy`` does."""
    copy(oldpath, newpath, overwrite)


def Stat(filename: Any) -> FileStatistics:
    """Return what ``stat`` does."""
    return stat(filename)


def Walk(top: Any, in_order: bool = True) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield what ``walk`` does, folders before what is in them if ``in_order``."""
    return walk(top, in_order)
