"""Looking at values and checking them while the graph runs: ``Assert``, ``Print``, ``py_func``.

``Assert`` and its kin return operations: run them, or put them before what relies on them with
``tf.control_dependencies``.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor, create, op
from tfmini.dtypes import DType, as_dtype
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.graph import graph_of
from tfmini.nodes import Operation, Tensor
from tfmini.opdef import Cost, OpDef
from tfmini.ops import array
from tfmini.ops.grouping import group
from tfmini.ops.static import View
from tfmini.spec import TensorSpec

Grads = list[Tensor | None]


class AssertType(OpDef):
    """Raises unless its first input is true; the others tell what is wrong."""

    stateful = True
    gradient = None
    tested_by = "tests of run-time checks: it has no output"

    def compute(self, condition: Any, *data: Any, summarize: int) -> tuple[()]:
        if np.ndim(condition):
            raise InvalidArgumentError(
                None, None, f"condition must be a scalar; it has shape {np.shape(condition)}"
            )
        if not condition:
            shown = " ".join(f"[{summary(d, summarize)}]" for d in data)
            raise InvalidArgumentError(None, None, f"assertion failed: {shown}")
        return ()

    def infer(self, *specs: TensorSpec, **_attrs: Any) -> tuple[()]:
        if specs[0].dtype is not None and not specs[0].dtype.is_bool:
            raise InvalidTypeError(None, None, f"condition is {specs[0].dtype.name}, not bool")
        return ()

    def cost(self, *specs: TensorSpec, **_attrs: Any) -> Cost:
        return Cost(1.0, 8.0)


class PrintType(OpDef):
    """Passes its first input on, and writes the others to standard error."""

    stateful = True
    view = True
    tested_by = "tests of run-time checks: it writes to the terminal"

    def compute(
        self, value: Any, *data: Any, message: str, first_n: int, summarize: int, token: int
    ) -> Any:
        if first_n < 0 or _printed.get(token, 0) < first_n:
            _printed[token] = _printed.get(token, 0) + 1
            shown = "".join(f"[{summary(d, summarize)}]" for d in data)
            print(f"{message}{shown}", file=sys.stderr, flush=True)
        return value

    def infer(self, *specs: TensorSpec, **_attrs: Any) -> TensorSpec:
        return specs[0]

    def cost(self, *specs: TensorSpec, **_attrs: Any) -> Cost:
        return Cost(1.0, 8.0)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return [grad, *[None] * (len(node.inputs) - 1)]


class PurePyFuncType(OpDef):
    """Calls a Python function with values."""

    listed = True
    view = True
    gradient = None
    tested_by = "tests of py_func: a function is no sample"

    def compute(self, *values: Any, func: Callable[..., Any], dtypes: tuple[DType, ...]) -> Any:
        result = func(*[read_only(v) for v in values])
        listed = list(result) if isinstance(result, (list, tuple)) else [result]
        if result is None or not dtypes:
            listed = []
        if len(listed) != len(dtypes):
            raise InvalidArgumentError(
                None, None, f"{_named(func)} returned {len(listed)} values, Tout has {len(dtypes)}"
            )
        return [_checked(func, i, v, d)
                for i, (v, d) in enumerate(zip(listed, dtypes, strict=True))]  # fmt: skip

    def infer(self, *_specs: TensorSpec, dtypes: Any, **_attrs: Any) -> list[TensorSpec]:
        return [TensorSpec(None, as_dtype(d)) for d in dtypes]

    def cost(self, *_specs: TensorSpec, **_attrs: Any) -> Cost:
        return Cost(float("inf"), float("inf"))  # nobody knows what it does


class PyFuncType(PurePyFuncType):
    """Calls a Python function that may have effects: once in each run."""

    stateful = True


ASSERT, PRINT = AssertType("Assert", "Assert_"), PrintType("Print", "Print_")
PY_FUNC, PURE_PY_FUNC = PyFuncType("PyFunc", "_"), PurePyFuncType("PyFuncStateless", "_")

_tokens: Iterator[int] = itertools.count()
_printed: dict[int, int] = {}  # how often each Print with first_n has written, in this process


def summary(value: Any, limit: int) -> str:
    """Return the first ``limit`` elements (-1: all) of ``value`` as TensorFlow writes them."""
    array_ = np.asarray(value)
    shown = array_.size if limit < 0 else limit
    if not array_.ndim:
        return _element(array_[()])
    out: list[str] = []
    _summarize(array_, shown, [0], out, outermost=True)
    return "".join(out) + ("..." if array_.size > shown else "")


def _summarize(
    values: np.ndarray, limit: int, count: list[int], out: list[str], outermost: bool = False
) -> None:
    for i, row in enumerate(values):
        if values.ndim == 1:
            if count[0] >= limit:
                out.append("" if outermost else "...")
                return
            out.append((" " if i else "") + _element(row))
            count[0] += 1
        elif count[0] < limit:
            out.append("[")
            _summarize(row, limit, count, out)
            out.append("]")


def _element(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, (bool, np.bool_)):
        return str(int(value))
    if isinstance(value, np.floating):
        # As few digits as needed, in TensorFlow's two steps.
        short, full = (15, 17) if value.itemsize == 8 else (6, 9)
        text = f"{value:.{short}g}"
        return text if type(value)(text) == value else f"{value:.{full}g}"
    return str(value)


def Assert(
    condition: Any, data: Sequence[Any], summarize: int | None = None, name: str | None = None
) -> Operation:
    """Return an operation that raises InvalidArgumentError with ``data`` unless ``condition``.

    Parameters
    ----------
    condition : scalar bool tensor
    data : list of tensors and texts for the error's message
    summarize : how many elements of each are shown, by default 3
    """
    inputs = [convert_to_tensor(v) for v in (condition, *data)]
    return create(ASSERT, inputs, {"summarize": 3 if summarize is None else summarize}, name)


def Print(
    input_: Any,
    data: Sequence[Any],
    message: str | None = None,
    first_n: int | None = None,
    summarize: int | None = None,
    name: str | None = None,
) -> Tensor:
    """Return ``input_``, and write ``message`` and ``data`` to standard error when it runs.

    Parameters
    ----------
    first_n : write only so often, in each process that runs it
    summarize : how many elements of each of ``data`` are shown, by default 3
    """
    limit = -1 if first_n is None else first_n
    attrs = {
        "message": message or "", "first_n": limit,
        "summarize": 3 if summarize is None else summarize,
        "token": next(_tokens) if limit >= 0 else -1,
    }  # fmt: skip
    inputs = [convert_to_tensor(v) for v in (input_, *data)]
    return create(PRINT, inputs, attrs, name).outputs[0]


def py_func(
    func: Callable[..., Any],
    inp: Sequence[Any],
    Tout: Any,
    stateful: bool = True,
    name: str | None = None,
) -> Any:
    """Return what the Python function ``func`` returns for the values of ``inp`` when it runs.

    It has no gradient, unless ``gradient_override_map`` names one for ``"PyFunc"``.

    Parameters
    ----------
    func : function of arrays (which it must not write to), returning arrays
    Tout : dtype, or a list of dtypes for a list of results, which must have them
    stateful : bool
        Whether it has effects, or other results when called again.
    """
    if not callable(func):
        raise InvalidTypeError(None, None, f"py_func: {func!r} is not callable.")
    several = isinstance(Tout, (list, tuple))
    dtypes = tuple([as_dtype(d) for d in (Tout if several else [Tout])])
    opdef = PY_FUNC if stateful else PURE_PY_FUNC
    inputs = [convert_to_tensor(v) for v in inp]
    node = create(opdef, inputs, {"func": func, "dtypes": dtypes}, name)
    if not node.outputs:
        return node
    return list(node.outputs) if several else node.outputs[0]


def numpy_function(
    func: Callable[..., Any], inp: Sequence[Any], Tout: Any, name: str | None = None
) -> Any:
    """Return what ``func``, which may have effects, returns for the values of ``inp``: see
    ``py_func``."""
    return py_func(func, inp, Tout, True, name)


def read_only(value: Any) -> Any:
    """Return a view that a user's code can't write to: the array may be somebody's."""
    if not isinstance(value, np.ndarray):
        return value
    view = value.view()
    view.flags.writeable = False
    return view


def _checked(func: Any, index: int, value: Any, dtype: DType) -> Any:
    if isinstance(value, (str, bytes)) or dtype.dtype == object:
        return np.asarray(value, object)
    given = np.asarray(value)
    exact = given.dtype == dtype.dtype
    # Python's numbers have no dtype of their own.
    plain = isinstance(value, (bool, int, float, complex)) and not isinstance(value, np.generic)
    if not exact and not (plain and np.can_cast(given.dtype, dtype.dtype, "same_kind")):
        raise InvalidArgumentError(
            None, None,
            f"value {index} returned by {_named(func)} is {given.dtype}, Tout says {dtype.name}",
        )  # fmt: skip
    return given.astype(dtype.dtype, copy=False)


def _named(func: Any) -> str:
    return str(getattr(func, "__qualname__", None) or repr(func))


@op("CheckNumerics")
class check_numerics(View):
    """Return ``tensor``; InvalidArgumentError with ``message`` if it has NaN or infinity."""

    kinds = "fc"
    dims = "..."
    stateful = True
    samples = [((2, 3), {"message": "bad"}), ((), {"message": "bad"})]
    bad_samples = [(np.array([1.0, np.nan]), {"message": "bad"}, InvalidArgumentError)]

    def compute(self, tensor: Any, *, message: str) -> Any:
        if not np.isfinite(tensor).all():
            kinds = [("NaN", np.isnan(tensor).any()), ("Inf", np.isinf(tensor).any())]
            found = " and ".join(name for name, there in kinds if there)
            raise InvalidArgumentError(None, None, f"{message} : Tensor had {found} values")
        return tensor

    def infer(self, tensor: TensorSpec, *, message: str) -> TensorSpec:
        self.check_kinds((tensor.dtype,))
        return tensor

    def gradient(self, node: Operation, grad: Tensor) -> tuple[Tensor]:
        return (check_numerics(grad, "not finite in the gradient"),)


def add_check_numerics_ops() -> Operation:
    """Return an operation that checks all float tensors of the default graph, made so far, to have
    neither NaN nor infinity: InvalidArgumentError names the first that has.

    Variables, their updates, and what runs inside branches and loops are left out.
    """
    graph = graph_of(())
    nodes = graph.get_operations()
    inside = {i for n in nodes for part in n.attrs.values() for i in getattr(part, "ids", ())}
    checks: list[Operation] = []
    for node in nodes:
        updates = node.opdef.updates.values()
        if node.id in inside or node.opdef.is_variable or node.type == "BodyInput":
            continue
        for tensor in node.outputs:
            if tensor.dtype is None or not tensor.dtype.is_floating:
                continue
            if tensor.value_index not in updates:
                with graph.control_dependencies(checks[-1:]):
                    checks.append(check_numerics(tensor, tensor.name).op)
    return group(*checks)


def verify_tensor_all_finite(
    t: Any = None, msg: Any = None, name: str | None = None, x: Any = None, message: Any = None
) -> Tensor:
    """Return ``t`` (or ``x``), checked to have neither NaN nor infinity; see check_numerics."""
    tensor = convert_to_tensor(x if t is None else t)
    text = (message if msg is None else msg) or "VerifyFinite"
    with graph_of([tensor]).control_dependencies([check_numerics(tensor, text).op]):
        return array.identity(tensor, name or "VerifyFinite")
