"""Scripts and notebooks that say ``import tensorflow``, run in this process on tfmini.

In: a file and its arguments.  Out: what ``python script.py`` would do: output, exit status, and a
traceback that begins in the script.
"""

from __future__ import annotations

import ast
import importlib
import io
import json
import linecache
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from types import CodeType, ModuleType, TracebackType
from typing import Any

from tfmini.compat import hook, old_numpy
from tfmini.missing import MissingModuleError, MissingSymbolError

_CANT_OPEN = 2  # Python's status for a script that is not there
_INTERRUPTED = 130


def run(path: str, arguments: Sequence[str] = ()) -> int:
    """Run the script or notebook at ``path`` as ``__main__``; return the exit status."""
    try:
        with io.open_code(os.path.abspath(path)) as file:
            source = file.read()
    except OSError as e:
        print(f"python -m tfmini run: can't open file {os.path.abspath(path)!r}: "
              f"[Errno {e.errno}] {e.strerror}", file=sys.stderr)  # fmt: skip
        return _CANT_OPEN
    hook.install()
    old_numpy.install()
    module = _as_main(path, arguments)
    pieces = _cells(path, source) if path.endswith(".ipynb") else _script(path, source)
    return _guarded(lambda: _execute(pieces, module), path)


def _as_main(path: str, arguments: Sequence[str]) -> ModuleType:
    """Let this process look as Python makes it for a script."""
    sys.argv = [path, *arguments]
    folder = os.path.dirname(os.path.realpath(path))
    own_path = bool(sys.path) and not sys.flags.safe_path
    if own_path:
        del sys.path[0]  # the working directory, which -m puts there
    for needed in ("dask", "distributed"):  # as a script beside the one that runs may be called
        if os.path.exists(os.path.join(folder, f"{needed}.py")):
            importlib.import_module(needed)
    if own_path:
        sys.path.insert(0, folder)
    module = ModuleType("__main__")
    module.__dict__.update(__file__=path, __builtins__=__builtins__, __cached__=None)
    sys.modules["__main__"] = module
    return module


def _script(path: str, source: bytes) -> Iterator[CodeType]:
    yield compile(source, path, "exec", dont_inherit=True)


def _execute(pieces: Iterator[CodeType], module: ModuleType) -> None:
    for code in pieces:
        exec(code, module.__dict__)


def _guarded(work: Callable[[], None], path: str) -> int:
    """Do ``work``; return the status that Python would exit with."""
    try:
        work()
    except SystemExit as e:
        return _status(e.code)
    except KeyboardInterrupt as e:
        _show(e)
        return _INTERRUPTED
    except BaseException as e:  # noqa: BLE001 - the script's own, shown as Python shows it
        _show(e)
        return 1
    return 0


def _status(code: Any) -> int:
    if code is None or isinstance(code, int):
        return code or 0
    print(code, file=sys.stderr)
    return 1


def _show(error: BaseException) -> None:
    """Print the traceback, without the frames that ran the script."""
    sys.stdout.flush()
    kept = _script_part(error.__traceback__)
    if isinstance(error, (MissingSymbolError, MissingModuleError)):
        kept = _without_tail(kept)
    error.__traceback__ = kept
    if sys.excepthook is not sys.__excepthook__:
        sys.excepthook(type(error), error, kept)
        return
    traceback.print_exception(type(error), error, kept)


def _script_part(trace: TracebackType | None) -> TracebackType | None:
    """Return the traceback from the first frame that is not of this file."""
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return trace


def _without_tail(trace: TracebackType | None) -> TracebackType | None:
    """Return the traceback up to the last frame outside the package and the import system."""
    frames = []
    while trace is not None:
        frames.append(trace)
        trace = trace.tb_next
    package = os.path.dirname(os.path.dirname(__file__)) + os.sep
    while frames and frames[-1].tb_frame.f_code.co_filename.startswith((package, "<frozen ")):
        frames.pop()
    kept = None
    for frame in reversed(frames):
        kept = TracebackType(kept, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return kept


# -- notebooks --------------------------------------------------------------------------------


def _cells(path: str, source: bytes) -> Iterator[CodeType]:
    """Yield the code of each cell, compiled when its turn comes; the last value is printed."""
    try:
        cells = _code_cells(json.loads(source))
    except (ValueError, KeyError, TypeError) as e:
        raise ValueError(f"{path} is no notebook: {type(e).__name__}: {e}") from None
    for number, text in enumerate(cells, 1):
        name = f"{path}, cell {number}"
        text = _without_magics(text, name)
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        tree: Any = compile(text, name, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
        shown = _last_value(tree, text)
        if tree.body:
            yield compile(tree, name, "exec", dont_inherit=True)
        if shown is not None:
            yield compile(shown, name, "single", dont_inherit=True)


def _code_cells(notebook: Any) -> list[str]:
    """Return the text of the code cells, in order (formats 3 and 4)."""
    sheets = notebook.get("worksheets", [notebook])
    cells = [c for sheet in sheets for c in sheet["cells"] if c["cell_type"] == "code"]
    texts = [c["source"] if "source" in c else c["input"] for c in cells]
    return [t if isinstance(t, str) else "".join(t) for t in texts]


def _without_magics(text: str, name: str) -> str:
    """Return the cell without the lines that only IPython knows, saying which."""
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%") and not first.startswith(("%%time", "%%capture")):
        print(f"{name}: skipped, it is for {first.split()[0]}", file=sys.stderr)
        return ""
    for i, line in enumerate(lines):
        bare = line.lstrip()
        if bare.startswith(("%", "!")) or (bare.startswith("?") or bare.endswith("?")):
            print(f"{name}, line {i + 1}: skipped: {bare}", file=sys.stderr)
            lines[i] = line[: len(line) - len(bare)] + "pass"
    return "\n".join(lines) + "\n"


def _last_value(tree: ast.Module, text: str) -> ast.Interactive | None:
    """Take a last line that is an expression out of ``tree``: its value is shown, as in Jupyter."""
    if not tree.body or not isinstance(tree.body[-1], ast.Expr) or text.rstrip().endswith(";"):
        return None
    return ast.Interactive([tree.body.pop()])
