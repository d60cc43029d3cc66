"""``tf.train.Saver``: the variables of a session to a checkpoint and back.

In: a session and a prefix.  Out: TensorFlow's V2 checkpoint files, the graph beside them, and the
folder's state file; or the session with values from such files.  The values leave and enter the
session through its ``run``, so it may be anywhere; the files are here.

A ``Saver`` also adds to the graph the nodes that TensorFlow's has (``saver_nodes``), so that an
exported graph can be restored there as well.
"""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tfmini.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    InvalidTypeError,
    NotFoundError,
)
from tfmini.exchange.metagraph import (
    export_meta_graph,
    import_scoped_meta_graph,
    read_meta_graph,
)
from tfmini.formats.bundle import BundleReader, write_bundle
from tfmini.formats.graphdef import SaverDef
from tfmini.graph import Graph, GraphKeys, get_default_graph
from tfmini.nodes import Operation, Tensor
from tfmini.ops.files import file_error
from tfmini.ops.state import Variable
from tfmini.shapes import compatible, format_shape
from tfmini.train.checkpoints import (
    checkpoint_exists,
    get_checkpoint_mtimes,
    meta_graph_filename,
    remove_checkpoint,
    some,
    update_checkpoint_state,
    write_text,
)
from tfmini.train.saver_nodes import build_nodes, restored_by


class Saver:
    """Saves and restores variables.

    Parameters
    ----------
    var_list : variables, or a dict of names in the checkpoint to variables
        Default: the global variables and ``SAVEABLE_OBJECTS``, under their names.
    reshape : bool
        Whether a stored value of another shape and equal size is reshaped.
    max_to_keep : int
        How many checkpoints are kept; older ones are deleted.  0 or None: all.
    keep_checkpoint_every_n_hours : float
        One in so many hours is not deleted.
    saver_def : the names of the nodes of a Saver that the graph has already
    defer_build, allow_empty, pad_step_number, save_relative_paths : as TensorFlow's
    sharded, restore_sequentially, builder, write_version, filename : accepted and without effect
    """

    def __init__(
        self, var_list: Any = None, reshape: bool = False, sharded: bool = False,
        max_to_keep: int | None = 5, keep_checkpoint_every_n_hours: float = 10000.0,
        name: str | None = None, restore_sequentially: bool = False, saver_def: Any = None,
        builder: Any = None, defer_build: bool = False, allow_empty: bool = False,
        write_version: int = SaverDef.CheckpointFormatVersion.V2, pad_step_number: bool = False,
        save_relative_paths: bool = False, filename: str | None = None,
    ) -> None:  # fmt: skip
        if defer_build and var_list is not None:
            raise InvalidArgumentError(
                None, None, "with defer_build the variables are chosen by build(); leave var_list."
            )
        self._var_list = var_list
        self._reshape = reshape
        self._name = name
        self._allow_empty = allow_empty
        self._pad_step_number = pad_step_number
        self._save_relative_paths = save_relative_paths
        self._max_to_keep = max_to_keep
        self._every_n_hours = keep_checkpoint_every_n_hours
        self._next_kept = time.time() + keep_checkpoint_every_n_hours * 3600
        self._last_checkpoints: list[tuple[str, float]] = []
        self._variables: dict[str, Variable] | None = None
        self._restored: dict[str, Tensor] = {}
        self.saver_def: SaverDef | None = saver_def
        self._graph_bytes: tuple[Any, bytes] | None = None
        if not defer_build:
            self.build()

    # -- what it saves --------------------------------------------------------------------------

    def build(self) -> None:
        """Choose the variables, and add the nodes that save and restore to the graph."""
        if self._variables is not None:
            return
        if self._var_list is None:
            self._var_list = _saveable()  # an attribute that scripts read
        variables = _named_variables(self._var_list)
        if not variables and not self._allow_empty:
            raise InvalidArgumentError(
                None, None, "No variables to save: make them before the Saver, or give var_list."
            )
        self._variables = variables
        if self.saver_def is not None:
            self._restored = _restoring(self.saver_def, variables)
        elif variables:
            self.saver_def, self._restored = build_nodes(
                variables, self._name or "save", max_to_keep=self._max_to_keep or 0,
                keep_checkpoint_every_n_hours=self._every_n_hours,
            )  # fmt: skip

    def _built(self) -> dict[str, Variable]:
        if self._variables is None:
            raise FailedPreconditionError(
                None, None, "the Saver was made with defer_build: call build() first."
            )
        return self._variables

    def as_saver_def(self) -> SaverDef | None:
        """Return the names of the Saver's nodes, and its options."""
        return self.saver_def

    @classmethod
    def from_proto(cls, saver_def: SaverDef, import_scope: str | None = None) -> Saver:
        """Return a Saver for the nodes that ``saver_def`` names."""
        scoped = SaverDef()
        scoped.CopyFrom(saver_def)
        if import_scope:
            for field in ("filename_tensor_name", "save_tensor_name", "restore_op_name"):
                setattr(scoped, field, f"{import_scope}/{getattr(saver_def, field)}")
        variables = {name: variable for name, variable, _ in restored_by(scoped)}
        return cls(
            variables, saver_def=scoped, max_to_keep=saver_def.max_to_keep,
            keep_checkpoint_every_n_hours=saver_def.keep_checkpoint_every_n_hours or 10000.0,
        )  # fmt: skip

    def to_proto(self, export_scope: str | None = None) -> SaverDef | None:
        return self.saver_def

    # -- saving ---------------------------------------------------------------------------------

    def save(
        self, sess: Any, save_path: Any, global_step: Any = None,
        latest_filename: str | None = None, meta_graph_suffix: str = "meta",
        write_meta_graph: bool = True, write_state: bool = True,
        strip_default_attrs: bool = False, save_debug_info: bool = False,
    ) -> str:  # fmt: skip
        """Write the variables of ``sess`` and return the checkpoint's prefix.

        The prefix is ``save_path``, with ``-global_step`` if that is given (a number, or a tensor
        or variable of the session).  The graph is written beside it, and the folder's state file
        (``latest_filename``, "checkpoint") updated.
        """
        variables = self._built()
        if not hasattr(sess, "run"):
            raise InvalidTypeError(None, None, f"save takes a session first, not {sess!r:.60}.")
        path = os.fspath(save_path)
        latest_filename = latest_filename or "checkpoint"
        if not path or os.path.basename(path) == latest_filename:
            raise InvalidArgumentError(
                None, None, f"save_path {path!r} must end in a name, not {latest_filename!r}."
            )
        if os.path.split(latest_filename)[0]:
            raise InvalidArgumentError(
                None, None, f"latest_filename {latest_filename!r} must be a name, no path."
            )
        prefix = path if global_step is None else self._numbered(sess, path, global_step)
        names = list(variables)
        values = sess.run([variables[n] for n in names])
        try:
            os.makedirs(os.path.dirname(prefix) or ".", exist_ok=True)
            write_bundle(prefix, dict(zip(names, values, strict=True)))
            if write_meta_graph:
                self._write_graph(sess.graph, meta_graph_filename(prefix, meta_graph_suffix))
            if write_state:
                self._record(prefix, meta_graph_suffix)
                update_checkpoint_state(
                    os.path.dirname(path), prefix, self.last_checkpoints, latest_filename,
                    save_relative_paths=self._save_relative_paths,
                )  # fmt: skip
        except OSError as e:
            raise file_error(e, prefix) from e
        return prefix

    def _numbered(self, sess: Any, path: str, global_step: Any) -> str:
        if isinstance(global_step, (Tensor, Operation)):
            global_step = sess.run(global_step)
        step = int(global_step)
        return f"{path}-{step:08d}" if self._pad_step_number else f"{path}-{step}"

    def _write_graph(self, graph: Graph, path: str) -> None:
        # A graph only grows, and seldom between two checkpoints.
        sizes = [len(graph.get_collection(k)) for k in graph.get_all_collection_keys()]
        version = (weakref.ref(graph), len(graph._operations), tuple(sizes))
        if self._graph_bytes is None or self._graph_bytes[0] != version:
            message = export_meta_graph(graph=graph, saver_def=self.saver_def)
            self._graph_bytes = version, message.SerializeToString()
        write_text(path, self._graph_bytes[1])

    def export_meta_graph(
        self, filename: str | None = None, collection_list: Iterable[str] | None = None,
        as_text: bool = False, export_scope: str | None = None, clear_devices: bool = False,
        clear_extraneous_savers: bool = False, strip_default_attrs: bool = False,
        save_debug_info: bool = False,
    ) -> Any:  # fmt: skip
        """Write the default graph with this Saver to ``filename`` and return the message."""
        return export_meta_graph(
            filename, collection_list=collection_list, as_text=as_text, saver_def=self.saver_def,
            export_scope=export_scope, clear_devices=clear_devices,
        )  # fmt: skip

    def _record(self, prefix: str, meta_graph_suffix: str) -> None:
        """Note a new checkpoint, and delete what is too old."""
        if not self._max_to_keep:
            return
        kept = [p for p in self._last_checkpoints if p[0] != prefix]
        self._last_checkpoints = [*kept, (prefix, time.time())]
        while len(self._last_checkpoints) > self._max_to_keep:
            old, written = self._last_checkpoints.pop(0)
            if written > self._next_kept:
                self._next_kept += self._every_n_hours * 3600
            else:
                remove_checkpoint(old, meta_graph_suffix=meta_graph_suffix)

    @property
    def last_checkpoints(self) -> list[str]:
        """The prefixes of the checkpoints that are there and will be deleted, the oldest first."""
        return [p for p, _ in self._last_checkpoints]

    def set_last_checkpoints(self, last_checkpoints: Iterable[Any]) -> None:
        """Take charge of checkpoints of an earlier run, the oldest first."""
        self.set_last_checkpoints_with_time([(p, time.time()) for p in last_checkpoints])

    def set_last_checkpoints_with_time(
        self, last_checkpoints_with_time: Iterable[tuple[Any, float]]
    ) -> None:
        """Take charge of checkpoints, given with the seconds since 1970 of their writing."""
        self._last_checkpoints = [(os.fspath(p), t) for p, t in last_checkpoints_with_time]

    def recover_last_checkpoints(self, checkpoint_paths: Iterable[Any]) -> None:
        """Take charge of those of the checkpoints that are there."""
        found = [os.fspath(p) for p in checkpoint_paths if checkpoint_exists(p)]
        self.set_last_checkpoints_with_time(zip(found, get_checkpoint_mtimes(found), strict=True))

    # -- restoring ------------------------------------------------------------------------------

    def restore(self, sess: Any, save_path: Any) -> None:
        """Set the variables in ``sess`` to the values of checkpoint ``save_path``.

        All of them, or none: NotFoundError lists the names that are not in the checkpoint and
        those that it has instead, InvalidArgumentError shapes and dtypes that differ.
        """
        variables = self._built()
        if save_path is None:
            raise InvalidArgumentError(
                None, None, "can't restore from None; did latest_checkpoint find no checkpoint?"
            )
        prefix = os.fspath(save_path)
        if not checkpoint_exists(prefix):
            # The reader's error says what is there instead.
            try:
                BundleReader(prefix)
            except NotFoundError as e:
                raise InvalidArgumentError(
                    None, None, f"the passed save_path is not a valid checkpoint: {e.message}"
                ) from None
        bundle = BundleReader(prefix)
        self._check(bundle, variables)
        values = {self._restored[n]: self._value(bundle, n, v) for n, v in variables.items()}
        if self.saver_def is not None and values:
            restore: Any = sess.graph.get_operation_by_name(self.saver_def.restore_op_name)
            sess.run(restore, values)

    def _value(self, bundle: BundleReader, name: str, variable: Variable) -> np.ndarray:
        value = bundle.read(name)
        shape = variable.spec.shape
        if self._reshape and shape is not None and None not in shape:
            value = value.reshape(shape)
        return value

    def _check(self, bundle: BundleReader, variables: dict[str, Variable]) -> None:
        """Raise if a variable is not in the checkpoint, or is another kind of tensor there."""
        missing = [n for n in variables if n not in bundle]
        if missing:
            others = [n for n in bundle.names if n not in variables]
            raise NotFoundError(
                None,
                None,
                f"Key {missing[0]} not found in checkpoint: "  # what scripts look for
                f"{bundle.prefix} lacks {len(missing)} of {len(variables)} variables: "
                f"{some(missing)}. It has, not asked for: {some(others)}. Give the Saver a "
                f"var_list of those to restore, or a dict of names in the checkpoint to variables.",
            )
        wrong = [w for n, v in variables.items() if (w := self._mismatch(bundle, n, v))]
        if wrong:
            raise InvalidArgumentError(
                None, None, f"checkpoint {bundle.prefix} does not fit the graph: {some(wrong)}."
            )

    def _mismatch(self, bundle: BundleReader, name: str, variable: Variable) -> str | None:
        shape, dtype = tuple(bundle.shape(name)), bundle.dtype(name)
        wanted = variable.spec.shape
        sized = self._reshape and variable.spec.size == int(np.prod(shape))
        if not sized and not compatible(wanted, shape):
            return f"{name} is {format_shape(shape)} there, {format_shape(wanted)} here"
        if variable.dtype is not None and variable.dtype is not dtype:
            return f"{name} is {dtype.name} there, {variable.dtype.name} here"
        return None


def _restoring(saver_def: SaverDef, variables: dict[str, Variable]) -> dict[str, Tensor]:
    """Return the tensor to feed for each name when the restoring operation runs."""
    found = {name: tensor for name, _, tensor in restored_by(saver_def)}
    unknown = [n for n in variables if n not in found]
    if unknown:
        raise InvalidArgumentError(
            None,
            None,
            f"operation {saver_def.restore_op_name!r}, which the saver_def names, does not "
            f"restore {some(unknown)}.",
        )
    return found


def import_meta_graph(
    meta_graph_or_file: Any, clear_devices: bool = False, import_scope: str | None = None,
    **kwargs: Any,
) -> Saver | None:  # fmt: skip
    """Add the graph of a ``.meta`` file to the default graph and return its Saver.

    The file is TensorFlow's or this package's; ``saver.restore`` then sets the variables.  Nodes
    that are not understood raise when they are run, and are listed in a warning.  None: the graph
    has no variables.
    """
    message = read_meta_graph(meta_graph_or_file)
    variables = import_scoped_meta_graph(message, clear_devices, None, import_scope, **kwargs)
    if message.HasField("saver_def"):
        return Saver.from_proto(message.saver_def, import_scope)
    return Saver(variables) if variables else None


def _saveable() -> list[Any]:
    graph = get_default_graph()
    keys = (GraphKeys.GLOBAL_VARIABLES, GraphKeys.SAVEABLE_OBJECTS)
    return [v for k in keys for v in graph.get_collection(k)]


def _named_variables(var_list: Any) -> dict[str, Variable]:
    """Return variables by the names that a checkpoint has for them: those of their operations."""
    if isinstance(var_list, Mapping):
        pairs = list(var_list.items())
    elif isinstance(var_list, (list, tuple, set, frozenset)):
        pairs = [(v.op.name if isinstance(v, Variable) else "", v) for v in var_list]
    else:
        raise InvalidTypeError(
            None, None, f"a Saver takes a list or dict of variables, not {var_list!r:.60}."
        )
    found: dict[str, Variable] = {}
    for name, variable in pairs:
        if isinstance(variable, Operation) and variable.opdef.is_variable:
            variable = variable.outputs[0]
        if not isinstance(variable, Variable):
            raise InvalidTypeError(
                None, None, f"a Saver saves variables; {variable!r:.60} is none."
            )
        key = name or variable.op.name
        if found.setdefault(key, variable) is not variable:
            raise InvalidArgumentError(
                None, None, f"At least two variables have the same name: {key}."
            )
    return found
