"""Operation types: everything that the framework knows of one kind of operation.

In: a class with ``compute`` and, where they exist, the rules ``infer``, ``gradient``, ``cost`` and
``dims``.  Out: one stateless ``OpDef`` object per type, which graphs, plans and workers share.

``compute`` is the schema: its positional parameters are tensors (``*values``: a list of them),
its keyword-only parameters attributes.  Three keywords are reserved and given by the engine:
``rng``, a ``numpy.random.Generator``; ``out``, an array that the result may be written to; and
``resources``, what the running session holds besides variables (``store.Resources``).

Rules take what ``compute`` takes, with a ``TensorSpec`` in the place of each array:

``infer(self, x, y, *, axis)``
    The spec of the output, or a tuple of them.  Raise ``ValueError`` on a conflict.
``cost(self, x, y, *, axis)``
    A ``Cost``: arithmetic operations and bytes moved.  Never negative.
``dims(self, x, y, *, axis)``, or a string
    How dimensions flow, as for einsum: ``"mk,kn->mn"``.  A letter missing on the right is summed
    over; one in brackets, ``"[c]"``, can't be split; ``...`` stands for broadcast dimensions.
``gradient(self, node, grad)``
    Tensors (or None), one per input of ``node``, made from ``node.inputs``, ``node.outputs`` and
    ``grad`` with ordinary tf functions.  ``gradient = None``: not differentiable.
"""

from __future__ import annotations

import importlib
import inspect
import math
import sys
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np

from tfmini.dtypes import DType, promote
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.shapes import Shape, broadcast_shapes, format_shape
from tfmini.spec import TensorSpec

RESERVED = ("rng", "out", "resources")


class Cost(NamedTuple):
    """What one execution takes: arithmetic operations (a multiply or add is one) and bytes."""

    flops: float
    bytes: float


class Missing:
    """The rule is absent, as opposed to declared impossible by None."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "missing"


MISSING = Missing()


class Schema(NamedTuple):
    """What ``compute`` takes: names of tensors and attributes, the latter with their defaults."""

    inputs: tuple[str, ...]
    optional: int  # how many of the last inputs may be left out
    variadic: bool  # the one input is a list of tensors
    attrs: Mapping[str, Any]  # name -> default, or inspect.Parameter.empty
    reserved: frozenset[str]


class OpDef:
    """The base of all operation types; subclasses are decorated with ``@op("Type")``."""

    # Identity, set by the decorator.
    type: str = ""
    function_name: str = ""
    node_name: str = ""  # of nodes that get no other name, where it is not the type
    package: str = ""
    schema: Schema

    # Rules that a subclass may give.
    infer: ClassVar[Any] = None
    cost: ClassVar[Any] = None
    dims: ClassVar[Any] = None
    gradient: ClassVar[Any] = MISSING
    samples: ClassVar[list[Any]] = []
    tested_by: str = ""  # what tests it instead of samples, which can't give its values

    # Facts for the conformance kit: `bad_samples` are tuples (inputs..., attributes, error class),
    # `expected_failures` maps rules that the operation can't keep to the reason.
    bad_samples: ClassVar[list[Any]] = []
    expected_failures: ClassVar[Mapping[str, str]] = {}
    symmetric: ClassVar[tuple[int, ...]] = ()  # inputs that must be symmetric matrices

    # Facts that the engine acts on.
    same_dtype = False  # Python numbers take the dtype of the tensors beside them
    kinds: str | None = None  # NumPy's dtype kinds ("iufc") that tensor inputs may have
    view = False  # the output may share memory with the first input
    random = False  # compute takes ``rng``
    stateful = False  # must run in each run: never folded, merged or dropped for its value
    resource = False  # stateful, compute takes ``resources``: it runs in the session's process
    updates: ClassVar[Mapping[int, int]] = {}  # variable at input i gets output j
    commutes = False  # its updates of one variable may come in any order: they add up
    reads_updated = True  # False: the variable at such an input need not have a value yet
    ufunc: Any = None  # a NumPy ufunc that is compute, for direct calls
    repeats = False  # the output is the first input, repeated along dimensions
    blas = False  # spends its time in BLAS or LAPACK, which may use threads of their own
    stacks = False  # does the same to each array of a stack, in NumPy's linear algebra
    threaded = False  # cuts large work into blocks, which all free cores take
    shape_input: int | None = None  # the input that is the output's shape, not data
    elementwise = False  # each output element depends on the matching input elements only
    aliases: ClassVar[Mapping[str, str]] = {}  # older spellings of attributes
    late: ClassVar[tuple[str, ...]] = ("axis", "dimension", "perm")  # attributes: tensors will do
    checked = False  # compute would take inputs that infer refuses: each run asks it first
    listed = False  # compute and the function return a list of outputs, even of one
    result: Any = None  # a namedtuple type for several outputs

    # Kinds of leaves: nodes without inputs that the session gives a value.
    is_placeholder = False
    is_variable = False
    is_constant = False

    def __init__(self, type: str, function_name: str) -> None:
        self.type = type
        self.node_name = self.node_name or type
        self.function_name = function_name
        if not self.has_compute:
            raise InvalidTypeError(None, None, f"operation type {type!r} needs a compute method.")
        self.schema = read_schema(self.compute)

    @property
    def has_compute(self) -> bool:
        return type(self).compute is not OpDef.compute

    @property
    def runs_as_ufunc(self) -> bool:
        """Whether calling ``ufunc`` is all that ``compute`` does."""
        return False

    @property
    def computed_by(self) -> Any:
        """What to call with values: ``compute``, or the ufunc that is all of it."""
        if self.checked:
            return self._compute_checked
        return self.ufunc if self.runs_as_ufunc else self.compute

    def _compute_checked(self, *inputs: Any, **attrs: Any) -> Any:
        facts = {k: v for k, v in attrs.items() if k not in self.schema.reserved}
        self.infer(*[TensorSpec.of(x) for x in inputs], **facts)
        return self.compute(*inputs, **attrs)

    def compute(self, *args: Any, **kwargs: Any) -> Any:
        """Return the value of the output (a tuple for several) for values of the inputs."""
        raise NotImplementedError

    def check_kinds(self, dtypes: tuple[DType | None, ...]) -> None:
        """Raise if a known dtype is not of the kinds that the operation takes."""
        for dtype in dtypes:
            if dtype is not None and self.kinds is not None and dtype.dtype.kind not in self.kinds:
                wanted = ", ".join(_KIND_NAMES[k] for k in self.kinds)
                raise InvalidTypeError(
                    None,
                    None,
                    f"{dtype.name} given where {wanted} is needed; convert with tf.cast.",
                )

    def __reduce__(self) -> Any:
        module = self.__class__.__module__
        if module != "__main__" and _at(module, self.function_name) is self:
            return _by_reference, (module, self.function_name)
        places = vars(sys.modules[module]) if module in sys.modules else {}
        for name, value in list(places.items()) if module != "__main__" else ():
            if value is self:
                return _by_name, (module, name)
        return _by_value, (type(self), self.type, self.function_name)

    def __repr__(self) -> str:
        return f"<op type {self.type!r} of {self.package or self.__class__.__module__}>"


_KIND_NAMES = {"i": "int", "u": "uint", "f": "float", "c": "complex", "b": "bool", "O": "string"}


def _at(module: str, name: str) -> Any:
    try:
        return getattr(getattr(importlib.import_module(module), name, None), "opdef", None)
    except ImportError:
        return None


def _by_reference(module: str, name: str) -> OpDef:
    return getattr(importlib.import_module(module), name).opdef


def _by_name(module: str, name: str) -> OpDef:
    found: OpDef = getattr(importlib.import_module(module), name)
    return found


def _by_value(cls: type[OpDef], type: str, function_name: str) -> OpDef:
    return cls(type, function_name)


def read_schema(compute: Any) -> Schema:
    """Return what ``compute`` (a bound method) takes."""
    inputs: list[str] = []
    attrs: dict[str, Any] = {}
    optional, variadic, reserved = 0, False, set()
    for name, p in inspect.signature(compute).parameters.items():
        if p.kind is p.VAR_POSITIONAL:
            inputs.append(name)
            variadic = True
        elif p.kind is p.KEYWORD_ONLY and name in RESERVED:
            reserved.add(name)
        elif p.kind is p.KEYWORD_ONLY:
            attrs[name] = p.default
        elif p.kind is p.VAR_KEYWORD:
            continue
        else:
            inputs.append(name)
            optional += p.default is not p.empty
    return Schema(tuple(inputs), optional, variadic, attrs, frozenset(reserved))


def nbytes(*specs: TensorSpec) -> float:
    """Return the bytes of all ``specs``; unknown ones count infinite."""
    return sum(math.inf if s.nbytes is None else s.nbytes for s in specs)


class Elementwise(OpDef):
    """Each output element is a function of the input elements at its place, after broadcasting.

    Give ``ufunc = np.something`` alone, or ``compute`` with a keyword ``out=None``: the result
    then may be written into ``out``, which may be one of the inputs.  Such operations are grouped
    and evaluated block by block.  The sum of gradients over broadcast dimensions is taken by
    the framework, so ``gradient`` need not know of broadcasting.
    """

    same_dtype = True
    elementwise = True
    dims = "..."
    weight = 1.0  # time of one element, in those of an addition
    output: DType | None = None  # a fixed output dtype, as bool for comparisons

    def __init__(self, type: str, function_name: str) -> None:
        super().__init__(type, function_name)
        if self.ufunc is not None and self.__class__.compute is Elementwise.compute:
            names = ("x", "y")[: self.ufunc.nin]
            self.schema = Schema(names, 0, False, {}, frozenset({"out"}))

    def compute(self, *args: Any, out: Any = None) -> Any:
        result = self.ufunc(*args, out=out)
        if result.dtype.kind == "f" and _all_half(args):
            return result.astype(np.float16, copy=False)  # the ufunc has no loop for it
        return result

    @property
    def has_compute(self) -> bool:
        return self.ufunc is not None or type(self).compute is not Elementwise.compute

    @property
    def runs_as_ufunc(self) -> bool:
        """Whether calling ``ufunc`` is all that ``compute`` does.

        Not so for those of other libraries that have no loop for float16.
        """
        if self.ufunc is None or type(self).compute is not Elementwise.compute:
            return False
        taken = "".join([t.partition("->")[0] for t in self.ufunc.types])
        return "e" in taken or "f" not in taken

    def infer(self, *specs: TensorSpec, **_attrs: Any) -> TensorSpec:
        dtypes = tuple([s.dtype for s in specs])
        self.check_kinds(dtypes)
        first = specs[0].shape
        shape = first if len(specs) == 1 else _broadcast(specs)
        dtype = self.output_dtype(*dtypes)
        value = None
        # Small ints wrap around; what is known while building are shapes and positions.
        wide = dtype is None or (dtype.dtype.kind == "i" and dtype.size >= 4)
        if wide and self.ufunc is not None and all([s.value is not None for s in specs]):
            value = _static_value(self.ufunc, specs)
        same = specs[0]
        # Specs never change: large graphs share what they can.
        if same.shape is shape and same.dtype is dtype and same.value is value:
            return same
        return TensorSpec(shape, dtype, value)

    def output_dtype(self, *dtypes: DType | None) -> DType | None:
        """Return the output's dtype for those of the inputs; by default NumPy's common type."""
        return self.output or (dtypes[0] if len(dtypes) == 1 else promote(*dtypes))

    def cost(self, *specs: TensorSpec, **_attrs: Any) -> Cost:
        shape = _broadcast(specs)
        size = math.inf if shape is None or None in shape else math.prod(shape)  # type: ignore[arg-type]
        width = specs[0].dtype.size if specs[0].dtype else 8
        return Cost(size * self.weight, nbytes(*specs) + size * width)


def _all_half(args: tuple[Any, ...]) -> bool:
    return all([getattr(a, "dtype", None) == np.float16 for a in args])


def _broadcast(specs: tuple[TensorSpec, ...]) -> Shape:
    first = specs[0].shape
    for spec in specs:
        if spec.shape != first:
            return broadcast_shapes(*[s.shape for s in specs])
    return first


def _static_value(ufunc: Any, specs: tuple[TensorSpec, ...]) -> Any:
    """Evaluate ``ufunc`` on small integers known while building; unknown elements stay None."""
    values = [s.value for s in specs]
    length = max((len(v) for v in values if isinstance(v, tuple)), default=None)
    columns = [v if isinstance(v, tuple) else (v,) * (length or 1) for v in values]
    if any(len(c) not in (1, length or 1) for c in columns):
        return None
    columns = [c * ((length or 1) // len(c)) if len(c) == 1 else c for c in columns]
    out = []
    for elements in zip(*columns, strict=True):
        known = None not in elements
        with np.errstate(all="ignore"):
            result = ufunc(*elements) if known else None
        if result is not None and not isinstance(result, (int, np.integer)):
            return None
        out.append(None if result is None else int(result))
    return tuple(out) if length is not None else out[0]


def normalize_axis(axis: Any, rank: int | None) -> tuple[int, ...] | None:
    """Return ``axis`` (None: all, an int, ints) as a tuple of axes in 0..rank-1, or None if the
    rank is unknown and negative axes can't be resolved; ValueError if out of range."""
    if rank is None:
        return None
    if axis is None:
        return tuple(range(rank))
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    for a in axes:
        if not isinstance(a, int):
            raise ValueError(f"axis must be an int or ints, not {axis!r}")
        if not -rank <= a < rank:
            raise ValueError(f"axis {a} is out of range for rank {rank}")
    out = tuple(a % rank for a in axes)
    if len(set(out)) != len(out):
        raise ValueError(f"axis {axis} names a dimension twice")
    return out


class Reduction(OpDef):
    """Reduces dimensions by ``axis`` (None: all) and ``keepdims``, as NumPy's reductions do."""

    aliases = {"reduction_indices": "axis", "keep_dims": "keepdims"}
    bad_samples = [((2, 3), {"axis": 2}, InvalidArgumentError)]
    weight = 1.0
    output: DType | None = None

    def infer(self, x: TensorSpec, *, axis: Any = None, keepdims: bool = False) -> TensorSpec:
        self.check_kinds((x.dtype,))
        dtype = self.output or x.dtype
        if x.shape is None:
            known = () if axis is None and not keepdims else None
            return TensorSpec(known, dtype)
        axes = normalize_axis(axis, len(x.shape)) or ()
        kept = [1 if i in axes else d for i, d in enumerate(x.shape)]
        shape = kept if keepdims else [d for i, d in enumerate(x.shape) if i not in axes]
        return TensorSpec(tuple(shape), dtype)

    def cost(self, x: TensorSpec, **_attrs: Any) -> Cost:
        size = math.inf if x.size is None else x.size
        return Cost(size * self.weight, nbytes(x))

    def dims(self, x: TensorSpec, *, axis: Any = None, keepdims: bool = False) -> str | None:
        if x.shape is None or len(x.shape) > 26:
            return None
        letters = "abcdefghijklmnopqrstuvwxyz"[: len(x.shape)]
        axes = normalize_axis(axis, len(x.shape)) or ()
        gone = {i: f"[{letters[i].upper()}]" if keepdims else "" for i in axes}
        return f"{letters}->{''.join(gone.get(i, c) for i, c in enumerate(letters))}"


class Contraction(OpDef):
    """Sums products over dimensions that ``dims`` names: the operations that reach BLAS."""

    same_dtype = True
    kinds = "iufc"
    blas = True

    def cost(self, *specs: TensorSpec, **attrs: Any) -> Cost:
        out = self.infer(*specs, **attrs)
        flops = 2.0 * math.inf if out.size is None else 2.0 * out.size * self.depth(*specs, **attrs)
        return Cost(flops, nbytes(*specs, out))

    def depth(self, *specs: TensorSpec, **attrs: Any) -> float:
        """Return how many products are summed for one output element."""
        raise InvalidArgumentError(None, None, f"{self.type} gives no depth for its cost.")


def conflict(what: str, **shapes: Shape) -> ValueError:
    """Return the error of a shape rule: what is wrong, and the shapes by input name."""
    listed = ", ".join(f"{name} is {format_shape(shape)}" for name, shape in shapes.items())
    return ValueError(f"{what}: {listed}")
