"""Checkpoints as users find them: the latest of a folder, and what is in one.

In: folders and prefixes.  Out: prefixes, names, shapes, arrays.  A folder's file ``checkpoint``
says in text which of its checkpoints is the latest, and which others there are.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor
from tfmini.dtypes import DType
from tfmini.errors import InvalidArgumentError, NotFoundError
from tfmini.formats.bundle import BundleReader, data_path, index_path
from tfmini.formats.fields import Field
from tfmini.formats.protobuf import Message
from tfmini.formats.prototext import merge_text, to_text
from tfmini.formats.tensors import DataType
from tfmini.graph import get_default_graph
from tfmini.logging import warn
from tfmini.nodes import Tensor
from tfmini.ops.state import Variable, assign


class CheckpointState(Message):
    """What the file ``checkpoint`` says."""

    model_checkpoint_path = Field(1, "string")
    all_model_checkpoint_paths = Field(2, "string", repeated=True)
    all_model_checkpoint_timestamps = Field(3, "double", repeated=True)
    last_preserved_timestamp = Field(4, "double")


# -- the state file -----------------------------------------------------------------------------


def generate_checkpoint_state_proto(
    save_dir: str,
    model_checkpoint_path: str,
    all_model_checkpoint_paths: Sequence[str] | None = None,
    all_model_checkpoint_timestamps: Sequence[float] | None = None,
    last_preserved_timestamp: float | None = None,
) -> CheckpointState:
    """Return the state of a folder; paths become relative to it unless it is absolute."""
    paths = list(all_model_checkpoint_paths or [])
    if not paths or paths[-1] != model_checkpoint_path:
        paths.append(model_checkpoint_path)
    if not os.path.isabs(save_dir):
        paths = [p if os.path.isabs(p) else os.path.relpath(p, save_dir or ".") for p in paths]
    return CheckpointState(
        model_checkpoint_path=paths[-1],
        all_model_checkpoint_paths=paths,
        all_model_checkpoint_timestamps=all_model_checkpoint_timestamps,
        last_preserved_timestamp=last_preserved_timestamp,
    )


def update_checkpoint_state(
    save_dir: Any,
    model_checkpoint_path: Any,
    all_model_checkpoint_paths: Sequence[str] | None = None,
    latest_filename: str | None = None,
    all_model_checkpoint_timestamps: Sequence[float] | None = None,
    last_preserved_timestamp: float | None = None,
    save_relative_paths: bool = False,
) -> None:
    """Write the state file of folder ``save_dir``: ``model_checkpoint_path`` is its latest."""
    folder, latest = os.fspath(save_dir), os.fspath(model_checkpoint_path)
    paths = list(all_model_checkpoint_paths or [])
    if save_relative_paths:
        latest, *paths = [
            os.path.relpath(p, folder or ".") if os.path.isabs(p) else p for p in (latest, *paths)
        ]
    state_file = os.path.join(folder, latest_filename or "checkpoint")
    if state_file == os.path.join(folder, os.path.basename(latest)):
        raise InvalidArgumentError(
            None, None, f"checkpoint {latest} would have the name of the state file {state_file}."
        )
    state = generate_checkpoint_state_proto(
        folder, latest, paths, all_model_checkpoint_timestamps, last_preserved_timestamp
    )
    write_text(state_file, to_text(state))


def write_text(path: str, text: str | bytes) -> None:
    """Write a file that appears under its name when it is whole."""
    temporary = f"{path}.tmp{uuid.uuid4().hex[:16]}"
    try:
        with open(temporary, "wb") as file:
            file.write(text.encode() if isinstance(text, str) else text)
        os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.remove(temporary)
        raise


def get_checkpoint_state(
    checkpoint_dir: Any, latest_filename: str | None = None
) -> CheckpointState | None:
    """Return the state of a folder, its paths complete; None if it has no valid state file."""
    folder = os.fspath(checkpoint_dir)
    path = os.path.join(folder, latest_filename or "checkpoint")
    try:
        with open(path, "rb") as file:
            text = file.read()
    except OSError:
        return None
    state = CheckpointState()
    try:
        merge_text(text, state)
    except (InvalidArgumentError, UnicodeDecodeError) as e:
        warn("%s is no valid checkpoint state: %s", path, e)
        return None
    if not state.model_checkpoint_path:
        warn("%s names no checkpoint (model_checkpoint_path)", path)
        return None

    def complete(p: str) -> str:
        return p if os.path.isabs(p) else os.path.join(folder, p)

    state.model_checkpoint_path = complete(state.model_checkpoint_path)
    state.all_model_checkpoint_paths[:] = [complete(p) for p in state.all_model_checkpoint_paths]
    return state


def latest_checkpoint(checkpoint_dir: Any, latest_filename: str | None = None) -> str | None:
    """Return the prefix of a folder's latest checkpoint, or None if there is none."""
    state = get_checkpoint_state(checkpoint_dir, latest_filename)
    if state is None:
        return None
    if checkpoint_exists(state.model_checkpoint_path):
        return str(state.model_checkpoint_path)
    warn("checkpoint %s, the latest of %s, is not there", state.model_checkpoint_path,
         checkpoint_dir)  # fmt: skip
    return None


def checkpoint_exists(checkpoint_prefix: Any) -> bool:
    """Return whether there is a checkpoint with this prefix."""
    return os.path.isfile(index_path(os.fspath(checkpoint_prefix)))


def get_checkpoint_mtimes(checkpoint_prefixes: Iterable[Any]) -> list[float]:
    """Return when checkpoints were written, in seconds since 1970; those not there are left out."""
    paths = [index_path(os.fspath(p)) for p in checkpoint_prefixes]
    return [os.path.getmtime(p) for p in paths if os.path.isfile(p)]


def remove_checkpoint(
    checkpoint_prefix: Any, checkpoint_format_version: Any = None, meta_graph_suffix: str = "meta"
) -> None:
    """Delete the files of a checkpoint."""
    prefix = os.fspath(checkpoint_prefix)
    folder, base = os.path.split(data_path(prefix, 0, 0).removesuffix("00000-of-00000"))
    paths = [index_path(prefix), meta_graph_filename(prefix, meta_graph_suffix)]
    with suppress(FileNotFoundError):
        paths += [os.path.join(folder, f) for f in os.listdir(folder or ".") if f.startswith(base)]
    for path in paths:
        with suppress(FileNotFoundError):
            os.remove(path)


def meta_graph_filename(checkpoint_prefix: str, meta_graph_suffix: str = "meta") -> str:
    """Return the name of the file with the graph of a checkpoint."""
    return f"{checkpoint_prefix}.{meta_graph_suffix}"


# -- what is in one -----------------------------------------------------------------------------


_DTYPE_NAMES = DataType.names_by_value


class CheckpointReader:
    """Reads one checkpoint: names, shapes, dtypes and values of its tensors."""

    def __init__(self, filepattern: Any) -> None:
        self._bundle = BundleReader(os.fspath(filepattern))

    def has_tensor(self, name: str) -> bool:
        return name in self._bundle

    def get_tensor(self, name: str) -> Any:
        """Return a tensor's value, a scalar if it is one; NotFoundError if it is not there."""
        value = self._bundle.read(name)
        return value if value.ndim else value[()]

    def get_variable_to_shape_map(self) -> dict[str, list[int]]:
        return {name: self._bundle.shape(name) for name in self._bundle.names}

    def get_variable_to_dtype_map(self) -> dict[str, DType]:
        return {name: self._bundle.dtype(name) for name in self._bundle.names}

    def debug_string(self) -> bytes:
        """Return a line per tensor: name, dtype, shape."""
        return "\n".join(
            f"{n} ({_DTYPE_NAMES[self._bundle.dtype(n).as_datatype_enum]}) {self._bundle.shape(n)}"
            for n in self._bundle.names
        ).encode()


def NewCheckpointReader(filepattern: Any) -> CheckpointReader:
    """Return a reader of the checkpoint with this prefix."""
    return CheckpointReader(filepattern)


def _prefix(ckpt_dir_or_file: Any) -> str:
    path = os.fspath(ckpt_dir_or_file)
    if not os.path.isdir(path):
        return path
    found = latest_checkpoint(path)
    if found is None:
        raise InvalidArgumentError(
            None, None, f"couldn't find a checkpoint in folder {path}: it has no state file "
            f"'checkpoint' that names one which is there."
        )  # fmt: skip
    return found


def load_checkpoint(ckpt_dir_or_file: Any) -> CheckpointReader:
    """Return a reader of a checkpoint, or of a folder's latest one."""
    return CheckpointReader(_prefix(ckpt_dir_or_file))


def load_variable(ckpt_dir_or_file: Any, name: str) -> Any:
    """Return the value of one tensor of a checkpoint."""
    return load_checkpoint(ckpt_dir_or_file).get_tensor(name.removesuffix(":0"))


def list_variables(ckpt_dir_or_file: Any) -> list[tuple[str, list[int]]]:
    """Return names and shapes of the tensors of a checkpoint, sorted by name."""
    return list(load_checkpoint(ckpt_dir_or_file).get_variable_to_shape_map().items())


# -- initial values from one --------------------------------------------------------------------


def init_from_checkpoint(
    ckpt_dir_or_file: Any, assignment_map: Mapping[str, Any] | Iterable[tuple[str, Any]]
) -> None:
    """Make values of a checkpoint the initial values of variables.

    ``assignment_map`` has names or scopes ("scope/", "/" for all) of the checkpoint as keys, and
    variables, their names or scopes of the default graph as values.  The values are read now and
    used when the variables are initialised.
    """
    bundle = BundleReader(_prefix(ckpt_dir_or_file))
    items = assignment_map.items() if isinstance(assignment_map, Mapping) else assignment_map
    for source, target in list(items):
        for name, variable in _pairs(bundle, source, target):
            _initialize(variable, bundle, name)


def _pairs(bundle: BundleReader, source: str, target: Any) -> list[tuple[str, Variable]]:
    """Return names in the checkpoint and the variables that they initialise."""
    if isinstance(target, Tensor):
        return [(source, _as_variable(target))]
    if isinstance(target, (list, tuple)) and len(target) == 1:
        return _pairs(bundle, source, target[0])
    if not isinstance(target, str):
        raise InvalidArgumentError(
            None, None, f"{target!r}, to get {source!r}, is no variable, name of one, or scope."
        )
    variables = _variables()
    if not source.endswith("/"):
        if target not in variables:
            raise InvalidArgumentError(
                None, None, f"no variable {target!r} in the graph; it is to get {source!r}."
            )
        return [(source, variables[target])]
    if not target.endswith("/"):
        raise InvalidArgumentError(
            None, None, f"{source!r} is a scope, so must {target!r} be: end it with '/'."
        )
    inside = "" if target == "/" else target
    outside = "" if source == "/" else source
    return [
        (outside + name.removeprefix(inside), variable)
        for name, variable in variables.items()
        if name.startswith(inside)
    ]


def _variables() -> dict[str, Variable]:
    return {v.op.name: _as_variable(v) for v in get_default_graph().variables}


def _as_variable(tensor: Any) -> Variable:
    if not isinstance(tensor, Variable):
        raise InvalidArgumentError(None, None, f"{tensor!r} is no variable.")
    return tensor


def _initialize(variable: Variable, bundle: BundleReader, name: str) -> None:
    if name not in bundle:
        raise NotFoundError(
            None,
            None,
            f"variable {variable.op.name!r} is to get tensor {name!r}, which checkpoint "
            f"{bundle.prefix} does not have; it has: {some(bundle.names)}.",
        )
    value: np.ndarray = bundle.read(name)
    if not variable.shape.is_compatible_with(value.shape):
        raise InvalidArgumentError(
            None,
            None,
            f"variable {variable.op.name!r} has shape {variable.shape}, tensor {name!r} of "
            f"checkpoint {bundle.prefix} {value.shape}.",
        )
    start_with(variable, value)


def start_with(variable: Variable, value: Any) -> None:
    """Make ``value``, an array or a tensor, what ``variable`` is initialised with."""
    graph = variable.graph
    with graph.control_dependencies(None), graph.name_scope("checkpoint_initializer"):
        initial = convert_to_tensor(value, variable.dtype, graph=graph)
        variable.initial_value = initial
        variable._initializer = assign(variable, initial)


def some(names: Sequence[str], limit: int = 10) -> str:
    """Return names for a message: the first of them, and how many more there are."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return (", ".join(names[:limit]) or "nothing") + more
