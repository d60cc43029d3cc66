"""Variables and their assignment.

In: initial values, and later ones.  Out: leaves of the graph, and operations that change them.  A
variable's node holds no value: each session has its own.  ``Assign`` and its kin compute the next
value; the session commits it when the whole run has succeeded.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from tfmini.build import apply, convert_to_tensor, op
from tfmini.dtypes import DType
from tfmini.errors import InvalidArgumentError, InvalidTypeError, OutOfRangeError
from tfmini.graph import GraphKeys, get_default_graph, graph_of
from tfmini.nodes import Operation, Tensor, get_default_session
from tfmini.opdef import Cost, OpDef
from tfmini.ops import array, math
from tfmini.ops.creators import Created
from tfmini.ops.grouping import group
from tfmini.shapes import Shape, as_shape, compatible, format_shape
from tfmini.spec import TensorSpec


class VariableType(OpDef):
    """The type of variables' nodes: leaves whose value the session holds."""

    is_variable = True
    gradient = None

    def compute(self) -> Any:
        raise InvalidArgumentError(None, None, "a variable's value is the session's")


VARIABLE = VariableType("VariableV2", "Variable")


class _NoLength(InvalidTypeError, AttributeError):
    """The error of ``len(variable)``, by which ``hasattr(variable, "__len__")`` is False too."""


class Variable(Tensor, metaclass=Created):
    """A tensor whose value a session keeps from run to run.

    Parameters
    ----------
    initial_value : array, number, list, tensor, or a function returning one
        Evaluated in a session when the variable is first used there, or by ``initializer``.
    trainable : bool
        Whether optimizers change it by default.
    collections : list of collection names, instead of ``GLOBAL_VARIABLES``.
    validate_shape : bool
        False: later values may have other shapes.
    name, dtype
        As usual; Python floats make a float32 variable, NumPy arrays keep their dtype.
    constraint : function of the new value, applied by optimizers after an update.
    """

    __slots__ = ("initial_value", "_initializer", "trainable", "constraint", "_save_slice_info")

    # exchange/variable_defs.py gives these: they need the form of files.
    to_proto: Callable[..., Any]
    from_proto: Callable[..., Any]

    def __init__(
        self,
        initial_value: Any = None,
        trainable: bool = True,
        collections: Iterable[Any] | None = None,
        validate_shape: bool = True,
        caching_device: Any = None,
        name: str | None = None,
        variable_def: Any = None,
        dtype: Any = None,
        expected_shape: Any = None,
        import_scope: str | None = None,
        constraint: Callable[[Any], Any] | None = None,
        use_resource: bool | None = None,
        synchronization: Any = None,
        aggregation: Any = None,
        shape: Any = None,
    ) -> None:
        if initial_value is None:
            raise InvalidArgumentError(None, None, "a variable needs an initial_value.")
        graph = graph_of([initial_value])
        with graph.control_dependencies(None):
            self._build(graph, initial_value, dtype, validate_shape, shape, name)
        self.trainable = bool(trainable)
        self.constraint = constraint
        keys = [GraphKeys.GLOBAL_VARIABLES] if collections is None else list(collections)
        if trainable and GraphKeys.TRAINABLE_VARIABLES not in keys:
            keys.append(GraphKeys.TRAINABLE_VARIABLES)
        graph.add_to_collections(keys, self)

    def _build(
        self, graph: Any, value: Any, dtype: Any, validate_shape: bool, shape: Any,
        name: str | None,
    ) -> None:  # fmt: skip
        with graph.name_scope(name or "Variable") as own:  # TensorFlow's names: w/Assign, ...
            if callable(value):
                with graph.name_scope("Initializer"):
                    initial = convert_to_tensor(value(), dtype, graph=graph)
            else:
                initial = convert_to_tensor(value, dtype, "initial_value", graph=graph)
            static: Shape = initial.spec.shape if validate_shape else None
            if shape is not None:
                static = as_shape(shape)
            spec = TensorSpec(static, initial.spec.dtype)
            graph.create(VARIABLE, (), {}, (spec,), own, tensor=self)
            self.initial_value = initial
            self._initializer = assign(self, initial, validate_shape, name="Assign")

    def __repr__(self) -> str:
        return f"<tf.Variable '{self.name}' shape={self.shape} dtype={self._dtype_text()}>"

    def __str__(self) -> str:
        return repr(self)

    @property
    def initializer(self) -> Operation:
        """The operation that sets the variable to its initial value."""
        return self._initializer.op

    def initialized_value(self) -> Tensor:
        """Return the variable: sessions initialise it before it is first read."""
        return self

    def value(self) -> Tensor:
        """Return the variable's value as a tensor."""
        return self

    def __bool__(self) -> bool:
        return True  # "is there a variable?", which is what libraries ask; tensors refuse

    @property
    def __len__(self) -> Any:
        raise _NoLength(
            self.op.info, self.op, "a variable has no len(); use v.shape[0] or tf.shape(v)[0]."
        )

    def read_value(self) -> Tensor:
        """Return the value as of here: after the control dependencies that surround the call."""
        return array.identity(self, name="read")

    def eval(self, session: Any = None, feed_dict: Any = None) -> Any:
        """Return the value in ``session`` (default: the default session), here the first."""
        return super().eval(feed_dict, session)

    def assign(
        self, value: Any, use_locking: bool = False, name: str | None = None,
        read_value: bool = True,
    ) -> Tensor:  # fmt: skip
        """Return a tensor with ``value`` that, when it runs, sets the variable to it."""
        return assign(self, value, name=name)

    def assign_add(
        self, delta: Any, use_locking: bool = False, name: str | None = None,
        read_value: bool = True,
    ) -> Tensor:  # fmt: skip
        """Return a tensor that, when it runs, adds ``delta`` and has the new value."""
        return assign_add(self, delta, name=name)

    def assign_sub(
        self, delta: Any, use_locking: bool = False, name: str | None = None,
        read_value: bool = True,
    ) -> Tensor:  # fmt: skip
        """Return a tensor that, when it runs, subtracts ``delta`` and has the new value."""
        return assign_sub(self, delta, name=name)

    def load(self, value: Any, session: Any = None) -> None:
        """Set the variable to ``value`` in ``session`` without adding to the graph."""
        session = session or get_default_session()
        session.run(self.initializer, {self.initializer.inputs[1]: value})

    def count_up_to(self, limit: int) -> Tensor:
        """Return the value and add one, until ``limit``: then OutOfRangeError."""
        return count_up_to(self, limit)


class _Update(OpDef):
    """Base of operations whose first output is the next value of the variable at input 0."""

    updates = {0: 0}
    stateful = True
    gradient = None
    same_dtype = True
    ufunc_of_update: Any = None

    def compute(self, ref: Any, value: Any) -> Any:
        if np.shape(value) != ref.shape:  # the sum would have another
            raise _misfit(ref.shape, np.shape(value))
        # A new array even for ints added to floats: the variable keeps its dtype.
        return self.ufunc_of_update(ref, value, dtype=ref.dtype, casting="same_kind")

    def infer(self, ref: TensorSpec, value: TensorSpec, **_attrs: Any) -> TensorSpec:
        if not compatible(ref.shape, value.shape):
            raise _misfit(ref.shape, value.shape)
        return TensorSpec(ref.shape, ref.dtype)

    def cost(self, ref: TensorSpec, value: TensorSpec, **_attrs: Any) -> Cost:
        size = value.size if value.size is not None else float("inf")
        return Cost(size, 12.0 * size)


def _misfit(variable: Shape, value: Shape) -> ValueError:
    return ValueError(
        f"the variable has shape {format_shape(variable)}, the value {format_shape(value)}"
    )


@op("Assign")
class _assign(_Update):
    """Set a variable: the output is the value, as the variable's dtype."""

    reads_updated = False
    samples = [((2, 3), (2, 3), {"shape": (2, 3), "dtype": None}),
               ((), (), {"shape": (), "dtype": None})]  # fmt: skip

    def compute(self, ref: Any, value: Any, *, shape: Shape, dtype: DType | None) -> Any:
        # A copy: the variable's value must not change when a feed's array does.
        array = np.array(value, dtype=dtype.dtype if dtype else None)
        if not compatible(array.shape, shape):
            raise InvalidArgumentError(
                None,
                None,
                f"the value has shape {format_shape(array.shape)}, the variable "
                f"{format_shape(shape)}; use validate_shape=False to change the shape",
            )
        array.flags.writeable = False
        return array if array.ndim else array[()]

    def infer(self, ref: TensorSpec, value: TensorSpec, **attrs: Any) -> TensorSpec:
        if not compatible(attrs["shape"], value.shape):
            return super().infer(ref, value)
        return TensorSpec(attrs["shape"] and ref.shape, ref.dtype or value.dtype)


@op("AssignAdd")
class _assign_add(_Update):
    """Add to a variable."""

    commutes = True
    samples = [((2, 3), (2, 3)), ((), ())]
    ufunc_of_update = np.add


@op("AssignSub")
class _assign_sub(_Update):
    """Subtract from a variable."""

    commutes = True
    samples = [((2, 3), (2, 3)), ((), ())]
    ufunc_of_update = np.subtract


@op("CountUpTo")
class _count_up_to(OpDef):
    """Return the variable and add one to it, up to ``limit``."""

    updates = {0: 1}
    stateful = True
    gradient = None
    samples = [(3, {"limit": 5})]
    bad_samples = [(5, {"limit": 5}, OutOfRangeError)]

    def compute(self, ref: Any, *, limit: int) -> Any:
        if ref >= limit:
            raise OutOfRangeError(None, None, f"reached limit {limit}")
        return np.add(ref, 0, dtype=ref.dtype), np.add(ref, 1, dtype=ref.dtype)

    def infer(self, ref: TensorSpec, *, limit: int) -> tuple[TensorSpec, TensorSpec]:
        return TensorSpec((), ref.dtype), TensorSpec((), ref.dtype)

    def cost(self, ref: TensorSpec, *, limit: int) -> Cost:
        return Cost(2.0, 16.0)


def checked_variable(ref: Any, verb: str) -> Variable:
    if not isinstance(ref, Variable):
        raise InvalidTypeError(None, None, f"can't {verb} {ref!r}: only a tf.Variable has state.")
    return ref


def as_value(ref: Variable, value: Any) -> Any:
    """Return ``value`` in the variable's dtype; tensors of another one are cast."""
    if isinstance(value, Tensor) and None not in (value.dtype, ref.dtype):
        return value if value.dtype is ref.dtype else math.cast(value, ref.dtype)
    return value if isinstance(value, Tensor) else convert_to_tensor(value, ref.dtype)


def _after_updates(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Let ``function`` take the result of an update for its variable, which it then follows."""

    @functools.wraps(function)
    def taking_results(ref: Any, *args: Any, **kwargs: Any) -> Tensor:
        if not isinstance(ref, Tensor) or 0 not in ref.op.opdef.updates:
            return function(ref, *args, **kwargs)
        with ref.graph.control_dependencies([ref.op]):
            return function(ref.op.inputs[0], *args, **kwargs)

    return taking_results


@_after_updates
def assign(
    ref: Any,
    value: Any,
    validate_shape: bool | None = None,
    use_locking: bool | None = None,
    name: str | None = None,
) -> Tensor:
    """Return a tensor with ``value`` that, when it runs, sets variable ``ref`` to it.

    The variable changes for later runs, when the whole run has succeeded; operations that depend
    on the result, also by ``control_dependencies``, see the new value at once.  ``ref`` may be a
    slice, ``w[0]``: the result is then all of ``w``, and ``value`` is broadcast.
    """
    if not isinstance(ref, Variable) and hasattr(ref, "assign"):
        return ref.assign(value, name=name)
    ref = checked_variable(ref, "assign to")
    shape = ref.spec.shape if validate_shape in (None, True) else None
    attrs = {"shape": shape, "dtype": ref.spec.dtype}
    return apply(_assign.opdef, (ref, as_value(ref, value)), attrs, name)


@_after_updates
def assign_add(
    ref: Any, value: Any, use_locking: bool | None = None, name: str | None = None
) -> Tensor:
    """Return a tensor that, when it runs, adds ``value`` to variable ``ref``."""
    ref = checked_variable(ref, "add to")
    return apply(_assign_add.opdef, (ref, as_value(ref, value)), {}, name)


@_after_updates
def assign_sub(
    ref: Any, value: Any, use_locking: bool | None = None, name: str | None = None
) -> Tensor:
    """Return a tensor that, when it runs, subtracts ``value`` from variable ``ref``."""
    ref = checked_variable(ref, "subtract from")
    return apply(_assign_sub.opdef, (ref, as_value(ref, value)), {}, name)


def count_up_to(ref: Any, limit: int, name: str | None = None) -> Tensor:
    """Return variable ``ref`` and add one to it; OutOfRangeError at ``limit``."""
    return apply(_count_up_to.opdef, (checked_variable(ref, "count"),), {"limit": limit}, name)[0]


def global_variables(scope: str | None = None) -> list[Any]:
    """Return the variables that a session shares and a checkpoint keeps."""
    return get_default_graph().get_collection(GraphKeys.GLOBAL_VARIABLES, scope)


def local_variables(scope: str | None = None) -> list[Any]:
    """Return the variables that no checkpoint keeps, such as counters of metrics."""
    return get_default_graph().get_collection(GraphKeys.LOCAL_VARIABLES, scope)


def trainable_variables(scope: str | None = None) -> list[Any]:
    """Return the variables that optimizers change by default."""
    return get_default_graph().get_collection(GraphKeys.TRAINABLE_VARIABLES, scope)


def moving_average_variables(scope: str | None = None) -> list[Any]:
    """Return the variables of which moving averages are kept."""
    return get_default_graph().get_collection(GraphKeys.MOVING_AVERAGE_VARIABLES, scope)


def variables_initializer(var_list: Iterable[Any], name: str = "init") -> Operation:
    """Return an operation that sets the variables to their initial values."""
    return group(*[v.initializer for v in var_list], name=name)


def global_variables_initializer() -> Operation:
    """Return an operation that initialises, or resets, all global variables.

    Sessions initialise variables when they are first used, so running it is needed for a reset
    only; scripts that run it behave as they did.
    """
    return variables_initializer(global_variables())


def local_variables_initializer() -> Operation:
    """Return an operation that initialises, or resets, all local variables."""
    return variables_initializer(local_variables())
