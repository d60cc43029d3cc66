"""Where values live when feeds are cut into shards: derived for each value, never declared.

In: a plan with known shapes, and for some feeds the dimension along which they are cut and the
sizes of the shards.  Out: a ``Placed``: groups of nodes, of which each runs once, or once for each
shard, and how values get from one to the next.

What an operation's ``dims`` says carries placements on: a dimension that stays keeps its shards;
one that is summed over leaves a partial sum.  Partial sums are added up where somebody needs the
whole; an operation that has no rule gets its inputs whole, and ``notes`` says so.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from tfmini.build import CONST, infer_specs
from tfmini.dims import Flow, flow_of
from tfmini.errors import node_error
from tfmini.opdef import OpDef, normalize_axis
from tfmini.passes.costs import all_specs
from tfmini.passes.expansions import EXPANSIONS
from tfmini.passes.placed import (
    WHOLE,
    Group,
    Partial,
    Placed,
    Placement,
    Replicate,
    Shard,
    Sizes,
)
from tfmini.plan import Node, Plan, Ref
from tfmini.registry import registry
from tfmini.spec import TensorSpec

# Ids of nodes that this pass adds: beyond those of any graph.
_FIRST_ID = 1 << 40


class Part(OpDef):
    """The part of ``x`` along ``axis`` from ``bounds[0]`` to ``bounds[1]``."""

    view = True

    def compute(self, x: Any, bounds: Any, *, axis: int) -> Any:
        return x[(slice(None),) * axis + (slice(bounds[0], bounds[1]),)]


PART = Part("Part", "part")


@contextmanager
def _naming(node: Node, specs: Sequence[TensorSpec]) -> Iterator[None]:
    """Let an error of a rule name the node, and what it was given."""
    try:
        yield
    except (ValueError, TypeError) as e:
        error = node_error(node.info, e, ", ".join(map(repr, specs)))
        if error is e:
            raise
        raise error from e


def placed(plan: Plan, feeds: Mapping[Ref, Shard]) -> Placed:
    """Return ``plan``, whose specs are as far known as can be, cut into groups."""
    whole_draws: set[int] = set()
    while True:
        placer = _Placer(plan, feeds, whole_draws)
        result = placer.run()
        torn = placer.torn_draws(result)
        if not torn:
            return result
        whole_draws |= torn


class _Placer:
    def __init__(self, plan: Plan, feeds: Mapping[Ref, Shard], whole_draws: set[int]) -> None:
        self.plan = plan
        self.whole_draws = whole_draws  # random nodes that may not be drawn shard by shard
        self.specs = all_specs(plan)
        self.constants = dict(plan.constants)
        self.place: dict[Ref, Placement] = dict(feeds)
        self.level: dict[Ref, int] = {}
        self.made: dict[Ref, Node] = {}
        self.at: dict[int, int] = {}  # node -> level
        self.groups: dict[tuple[int, Sizes | None], Group] = {}
        self.wholes: dict[Ref, Ref] = {}
        self.whole_of: dict[Ref, Ref] = {}
        self.pieces: dict[Ref, tuple[Ref, int, Sizes]] = {}
        self.parts: dict[tuple[Ref, int, Sizes], Ref] = {}
        self.bounds: dict[Ref, Sizes] = {}
        self.shapes: dict[Ref, tuple[Ref, int]] = {}
        self.notes: dict[str, None] = {}
        self.streams: dict[int, int] = {}
        self.same: dict[Ref, Ref] = {}  # a value: what it was expanded to
        self._ids = itertools.count(_FIRST_ID)

    def run(self) -> Placed:
        for node in self.plan.nodes:
            self._take(node)
        fetches = [self._fetched(self.same.get(r, r)) for r in self.plan.fetches]
        updates = [(v, self._whole(self.same.get(r, r))) for v, r in self.plan.updates]
        plan = self.plan.with_nodes(
            self.plan.nodes,
            fetches=tuple(fetches),
            updates=tuple(updates),
            constants=self.constants,
            specs={**self.specs},
        )
        order = sorted(self.groups, key=lambda k: (k[0], k[1] or ()))
        result = Placed(
            plan, [self.groups[k] for k in order], self.place, self.wholes, self.pieces,
            self.bounds, self.shapes, self.streams, list(self.notes),
        )  # fmt: skip
        result.prune()
        result.copy_cheap()
        result.prune()
        return result

    def torn_draws(self, result: Placed) -> set[int]:
        """Return the random nodes that are drawn both whole and by shards: two different draws."""
        ids = {n.id for g in result.groups for n in g.nodes}
        return {i for clone, i in self.streams.items() if i in ids and clone in ids}

    # -- one node -------------------------------------------------------------------------------

    def _take(self, node: Node) -> None:
        if not self.same.keys().isdisjoint(node.inputs):
            node = node.replace(inputs=tuple([self.same.get(r, r) for r in node.inputs]))
        cut = [self.place[r] for r in node.inputs if isinstance(self.place.get(r), Shard)]
        flow = None
        if cut:
            self._check(node)
        if cut and not (node.opdef.updates or node.opdef.stateful):
            if self._is_split_reduction(node):
                return self._reduce_by_parts(node)
            flow = self._flow(node)
        found = None if flow is None else self._label(node, flow)
        if cut and found is None:
            made = EXPANSIONS.get(node.opdef.type, _nothing)(_Maker(self, node), node)
            if made is not None:
                self.same.update(zip(node.outputs, made, strict=True))
                return None
            self.notes[f"{node.info.type} ({node.info.name}) has its inputs whole: "
                       f"{self._reason(node)}"] = None  # fmt: skip
        if flow is None or found is None:
            return self._emit_whole(node)
        label, sizes = found
        self._emit_sharded(node, flow, label, sizes)
        return None

    def _check(self, node: Node) -> None:
        """Raise the error of inputs that do not fit each other, though their shards might."""
        specs = [self.specs[r] for r in node.inputs]
        with _naming(node, specs):
            infer_specs(node.opdef, specs, dict(node.attrs))

    def _reason(self, node: Node) -> str:
        if node.opdef.updates or node.opdef.stateful:
            return "it has an effect"
        if node.opdef.dims is None:
            return "its type has no dims"
        return "its dims do not allow this dimension to be cut"

    def _flow(self, node: Node) -> Flow | None:
        ranks = [s.rank for s in node.specs]
        if None in ranks or node.opdef.dims is None:
            return None
        specs = [self.specs[r] for r in node.inputs]
        with _naming(node, specs):
            return flow_of(node.opdef, specs, node.attrs, ranks)  # type: ignore[arg-type]

    def _label(self, node: Node, flow: Flow) -> tuple[str, Sizes] | None:
        """Return the label along which ``node`` can be computed in shards, and the sizes."""
        for i, ref in enumerate(node.inputs):
            spot = self.place.get(ref)
            if not isinstance(spot, Shard):
                continue
            label = flow.inputs[i][spot.dim]
            fits = label not in flow.fixed and self._sizes_fit(node, flow, label, sum(spot.sizes))
            if fits and self._shape_fits(node, flow, label):
                return label, spot.sizes
        return None

    def _sizes_fit(self, node: Node, flow: Flow, label: str, size: int) -> bool:
        """Whether all inputs have ``size`` along ``label``, or 1 where that is broadcast.

        Others are an error, which shards, of other sizes, might not see.
        """
        sizes = {
            (self.specs[r].shape or ())[labels.index(label)]
            for r, labels in zip(node.inputs, flow.inputs, strict=True)
            if label in labels
        }
        return sizes <= ({size, 1} if any([label in out for out in flow.outputs]) else {size})

    def _shape_fits(self, node: Node, flow: Flow, label: str) -> bool:
        """Whether every shape that the node takes can be written for a shard."""
        at = node.opdef.shape_input
        needs = at is not None and label in flow.outputs[0]
        return not needs or isinstance(self.constants.get(node.inputs[at or 0]), np.ndarray)

    def _emit_whole(self, node: Node) -> None:
        inputs = tuple([self._whole(r) for r in node.inputs])
        level = max([self.level.get(r, 0) for r in inputs], default=0)
        for before in node.after:
            level = max(level, self.at.get(before, 0))
        self._add(node.replace(inputs=inputs), level, None)
        for ref in node.outputs:
            self.made[ref] = node

    def _emit_sharded(self, node: Node, flow: Flow, label: str, sizes: Sizes) -> None:
        inputs, spots = [], []
        for i, (ref, labels) in enumerate(zip(node.inputs, flow.inputs, strict=True)):
            if i == node.opdef.shape_input and label in flow.outputs[0]:
                inputs.append(self._local_shape(ref, flow.outputs[0].index(label)))
                continue
            at = labels.index(label) if label in labels else None
            if at is not None and (self.specs[ref].shape or ())[at] == 1 != sum(sizes):
                at = None
            inputs.append(self._whole(ref) if at is None else self._piece(ref, at, sizes))
        for labels in flow.outputs:
            there = label in labels
            spots.append(Shard(labels.index(label), sizes) if there else Partial(sizes))
        self._add_sharded(node, inputs, spots, sizes)

    def _add_sharded(
        self, node: Node, inputs: Sequence[Ref], spots: Sequence[Placement], sizes: Sizes
    ) -> None:
        level = max([self.level.get(r, 0) for r in inputs], default=0)
        for before in node.after:
            level = max(level, self.at.get(before, 0))
        # Levels keep the order.
        self._add(node.replace(inputs=tuple(inputs), after=()), level, sizes)
        for ref, spot in zip(node.outputs, spots, strict=True):
            self.place[ref] = spot

    def _add(self, node: Node, level: int, sizes: Sizes | None) -> None:
        self.groups.setdefault((level, sizes), Group(level, sizes)).nodes.append(node)
        # What runs once waits for shards of the level before.
        self.at[node.id] = level if sizes is None else level + 1
        for ref, spec in zip(node.outputs, node.specs, strict=True):
            self.level[ref] = level
            self.specs[ref] = spec

    # -- from one placement to another ----------------------------------------------------------

    def _whole(self, ref: Ref) -> Ref:
        """Return ``ref`` added up or joined."""
        if isinstance(self.place.get(ref, WHOLE), Replicate):
            return ref
        if ref not in self.whole_of:
            whole = self._new(self.specs[ref])
            self.whole_of[ref] = whole
            self.wholes[whole] = ref
            self.level[whole] = self.level.get(ref, 0) + 1
        return self.whole_of[ref]

    def _piece(self, ref: Ref, dim: int, sizes: Sizes) -> Ref:
        """Return ``ref`` cut along ``dim`` into shards of ``sizes``."""
        if self.place.get(ref) == Shard(dim, sizes):
            return ref
        ref = self._whole(ref)
        key = (ref, dim, sizes)
        if key not in self.parts:
            self.parts[key] = self._cut(ref, dim, sizes)
        return self.parts[key]

    def _cut(self, ref: Ref, dim: int, sizes: Sizes) -> Ref:
        node = self.made.get(ref)
        if node is None and ref not in self.wholes and ref not in self.plan.variables:
            piece = self._new(self.specs[ref])
            self.pieces[piece] = (ref, dim, sizes)
            self.place[piece] = Shard(dim, sizes)
            return piece
        made = None if node is None else self._made_in_shards(node, ref, dim, sizes)
        if made is not None:
            return made
        bounds = next((r for r, s in self.bounds.items() if s == sizes), None)
        if bounds is None:
            bounds = self._new(TensorSpec((2,), CONST.infer(value=np.int64(0)).dtype))
            self.bounds[bounds] = sizes
        return self._clone(PART, {"axis": dim}, (ref, bounds), ref, Shard(dim, sizes))

    def _made_in_shards(self, node: Node, ref: Ref, dim: int, sizes: Sizes) -> Ref | None:
        """Compute what ``node`` makes shard by shard, if that is no more than its share of work."""
        if len(node.specs) != 1 or node.id in self.whole_draws or node.opdef.stateful:
            return None
        at = node.opdef.shape_input
        data = [r for i, r in enumerate(node.inputs) if i != at]
        scalars = all([self.specs[r].shape == () for r in data])
        flow = self._flow(node)
        if flow is not None and flow.outputs[0][dim] in flow.fixed:
            return None
        if at is not None and isinstance(self.constants.get(node.inputs[at]), np.ndarray):
            if flow is None and not scalars:
                return None
        elif not node.opdef.elementwise or flow is None:
            return None
        inputs = []
        for i, r in enumerate(node.inputs):
            if i == at:
                inputs.append(self._local_shape(r, dim))
                continue
            place = None
            if flow is not None and flow.outputs[0][dim] in flow.inputs[i]:
                place = flow.inputs[i].index(flow.outputs[0][dim])
                length = (self.specs[r].shape or ())[place]
                if length not in (1, sum(sizes)):
                    return None
                place = place if length == sum(sizes) else None
            inputs.append(self._whole(r) if place is None else self._piece(r, place, sizes))
        made = self._clone(node.opdef, node.attrs, tuple(inputs), ref, Shard(dim, sizes))
        if node.opdef.random:
            self.streams[made[0]] = node.id
        return made

    def _clone(
        self, opdef: OpDef, attrs: Mapping[str, Any], inputs: tuple[Ref, ...], ref: Ref,
        spot: Shard,
    ) -> Ref:  # fmt: skip
        model = self.made.get(ref) or self.plan.nodes[0]
        spec = self.specs[ref]
        new = Node(next(self._ids), opdef, attrs, inputs, (), (spec,), model.info, model.seed)
        self._add_sharded(new, inputs, [spot], spot.sizes)
        return new.outputs[0]

    def _local_shape(self, ref: Ref, dim: int) -> Ref:
        local = self._new(self.specs[ref])
        self.shapes[local] = (ref, dim)
        return local

    def _new(self, spec: TensorSpec) -> Ref:
        ref = (next(self._ids), 0)
        self.specs[ref] = spec
        return ref

    def _fetched(self, ref: Ref) -> Ref:
        return self._whole(ref) if isinstance(self.place.get(ref), Partial) else ref

    # -- reductions of which the parts can't simply be added ------------------------------------

    def _is_split_reduction(self, node: Node) -> bool:
        spot = self.place.get(node.inputs[0]) if len(node.inputs) == 1 else None
        if not isinstance(spot, Shard):
            return False
        dtype = node.specs[0].dtype
        mean = node.opdef.type == "Mean" and dtype is not None and not dtype.is_integer
        if not (mean or getattr(node.opdef, "of_parts", False)):
            return False
        axes = normalize_axis(node.attrs.get("axis"), self.specs[node.inputs[0]].rank)
        return axes is not None and spot.dim in axes

    def _reduce_by_parts(self, node: Node) -> None:
        """Compute a mean by its sum; a maximum and its like from those of the shards."""
        spot = self.place[node.inputs[0]]
        assert isinstance(spot, Shard)
        x, out = self.specs[node.inputs[0]], node.specs[0]
        if node.opdef.type == "Mean":
            total = Node(next(self._ids), registry.type("Sum"), node.attrs, node.inputs, (),
                         node.specs, node.info)  # fmt: skip
            self._add_sharded(total, node.inputs, [Partial(spot.sizes)], spot.sizes)
            count = (x.size or 0) / out.size if out.size else 1
            divisor = self._constant(np.asarray(count, out.dtype.dtype if out.dtype else None))
            inputs = (total.outputs[0], divisor)
            self._emit_whole(node.replace(opdef=registry.type("RealDiv"), attrs={}, inputs=inputs))
            return
        rows = (len(spot.sizes), *(out.shape or ()))
        local = node.replace(id=next(self._ids), after=())
        self._add_sharded(local, node.inputs, [Partial(spot.sizes)], spot.sizes)
        row = Node(next(self._ids), registry.type("ExpandDims"), {"axis": 0}, local.outputs, (),
                   (TensorSpec(rows, out.dtype),), node.info)  # fmt: skip
        each = Shard(0, (1,) * len(spot.sizes))
        self._add_sharded(row, local.outputs, [each], spot.sizes)
        attrs = {**node.attrs, "axis": (0,), "keepdims": False}
        self._emit_whole(node.replace(attrs=attrs, inputs=row.outputs))

    def _constant(self, value: np.ndarray) -> Ref:
        value.flags.writeable = False
        ref = self._new(CONST.infer(value=value))
        self.constants[ref] = value
        return ref


def _nothing(_make: Any, _node: Node) -> None:
    return None


class _Maker:
    """Adds the nodes that another is made of."""

    def __init__(self, placer: _Placer, node: Node) -> None:
        self._placer = placer
        self._node = node

    def __call__(self, type: str, *inputs: Ref, **attrs: Any) -> Ref:
        placer, opdef = self._placer, registry.type(type)
        specs = tuple(infer_specs(opdef, [placer.specs[r] for r in inputs], attrs))
        node = Node(next(placer._ids), opdef, attrs, inputs, (), specs, self._node.info)
        placer.specs.update(zip(node.outputs, specs, strict=True))
        placer._take(node)
        return node.outputs[0]

    def constant(self, value: float, like: Ref) -> Ref:
        dtype = self._placer.specs[like].dtype
        return self._placer._constant(np.asarray(value, dtype.dtype if dtype else None))

    def spec(self, ref: Ref) -> TensorSpec:
        return self._placer.specs[ref]
