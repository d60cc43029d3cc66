"""What a plan becomes for feeds of known shapes.

In: a plan, and the shapes and dtypes of its feeds.  Out: the plan with the specs of all values as
far as they follow, and without the nodes that are then identities or constants.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tfmini.build import CONST, infer_specs
from tfmini.passes.costs import all_specs
from tfmini.passes.simplify import (
    drop_identities,
    fold_constants,
    merge_common,
    prune,
    substitute,
)
from tfmini.plan import Node, Plan, Ref
from tfmini.registry import registry
from tfmini.shapes import broadcast_shapes, merge_shapes
from tfmini.spec import TensorSpec


def specialized(plan: Plan, feeds: Mapping[Ref, TensorSpec]) -> Plan:
    """Return the plan for feeds of these specs, with all that follows from them."""
    specs = {**plan.specs, **feeds}
    changed = {ref for ref, spec in feeds.items() if spec != plan.specs[ref]}
    nodes = []
    for node in plan.nodes:
        if changed and not changed.isdisjoint(node.inputs):
            node = _respecified(node, specs, changed)
        specs.update(zip(node.outputs, node.specs, strict=True))
        nodes.append(node)
    plan = plan.with_nodes(nodes, specs={r: specs[r] for r in plan.specs})
    plan = drop_identities(lift_broadcasts(plain_types(drop_known(plan))))
    return prune(merge_common(fold_constants(plan)))


def _respecified(node: Node, specs: Mapping[Ref, TensorSpec], changed: set[Ref]) -> Node:
    try:
        inferred = infer_specs(node.opdef, [specs[r] for r in node.inputs], dict(node.attrs))
        merged = tuple(
            [
                TensorSpec(merge_shapes(old.shape, new.shape), new.dtype or old.dtype, new.value)
                for old, new in zip(node.specs, inferred, strict=True)
            ]
        )
    except (ValueError, TypeError):
        return node  # the run raises it, with values to show
    changed.update([r for r, a, b in zip(node.outputs, node.specs, merged, strict=True) if a != b])
    return node.replace(specs=merged)


_SAME_SHAPE_IDENTITIES = frozenset({"SumToShape", "BroadcastTo", "Reshape"})


def drop_known(plan: Plan) -> Plan:
    """Drop nodes that known shapes make identities, and make known shape vectors constants."""
    specs = dict(plan.specs)
    constants = dict(plan.constants)
    values: dict[Ref, Ref] = {}
    waited = {i for n in plan.nodes for i in n.after}
    nodes = []
    for node in plan.nodes:
        specs.update(zip(node.outputs, node.specs, strict=True))
        movable = not (node.pinned or node.after or node.id in waited) and len(node.specs) == 1
        if movable and node.opdef.type in _SAME_SHAPE_IDENTITIES:
            mine, source = node.specs[0], specs[node.inputs[0]]
            if mine.size is not None and mine.shape == source.shape and mine.dtype is source.dtype:
                values[node.outputs[0]] = node.inputs[0]
                continue
        if movable and not node.opdef.updates and _is_known(node.specs[0]):
            constants[node.outputs[0]] = _constant(node.specs[0])
            specs[node.outputs[0]] = CONST.infer(value=constants[node.outputs[0]])
            continue
        nodes.append(node)
    leaves = {r: specs[r] for r in (*plan.feeds, *plan.variables, *constants)}
    return substitute(
        plan.with_nodes(nodes, constants=constants, specs={**plan.specs, **leaves}), values, nodes
    )


def plain_types(plan: Plan) -> Plan:
    """Say by attributes what known shapes say.

    ``SumToShape`` becomes a ``Sum`` where it sums leading dimensions; ``Squeeze`` names its axes.
    """
    specs = all_specs(plan)
    nodes = []
    for node in plan.nodes:
        if node.opdef.type == "SumToShape":
            x, out = specs[node.inputs[0]].shape, node.specs[0].shape
            if x is not None and out is not None and len(x) > len(out):
                extra = len(x) - len(out)
                if x[extra:] == out and None not in x:
                    attrs = {"axis": tuple(range(extra)), "keepdims": False}
                    total = registry.type("Sum")
                    node = node.replace(opdef=total, attrs=attrs, inputs=node.inputs[:1])
        elif node.opdef.type == "Squeeze" and node.attrs["axis"] is None:
            x = specs[node.inputs[0]].shape
            if x is not None and None not in x:
                ones = tuple([i for i, n in enumerate(x) if n == 1])
                node = node.replace(attrs={"axis": ones})
        nodes.append(node)
    return plan.with_nodes(nodes)


def lift_broadcasts(plan: Plan) -> Plan:
    """Let element-wise nodes take one number instead of an array that repeats it.

    Only where the other operands alone make the result's shape.
    """
    specs = all_specs(plan)
    source = {
        n.outputs[0]: n.inputs[0]
        for n in plan.nodes
        if n.opdef.repeats and specs[n.inputs[0]].shape == ()
    }
    if not source:
        return plan
    nodes = []
    for node in plan.nodes:
        if node.opdef.elementwise and not source.keys().isdisjoint(node.inputs):
            kept = [specs[r].shape for r in node.inputs if r not in source]
            if kept and broadcast_shapes(*kept) == node.specs[0].shape:
                node = node.replace(inputs=tuple([source.get(r, r) for r in node.inputs]))
        nodes.append(node)
    return plan.with_nodes(nodes)


def _is_known(spec: TensorSpec) -> bool:
    known = spec.value is not None and spec.dtype is not None and spec.size is not None
    return known and not (isinstance(spec.value, tuple) and None in spec.value)


def _constant(spec: TensorSpec) -> np.ndarray:
    array = np.asarray(spec.value, dtype=spec.dtype.dtype if spec.dtype else None)
    array = array.reshape(spec.shape or ())  # type: ignore[arg-type]
    array.flags.writeable = False
    return array
