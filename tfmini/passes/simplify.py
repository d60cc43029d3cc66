"""Passes that need no shapes: prune, drop identities, fold constants, merge common nodes.

In: a plan as ``build_plan`` made it.  Out: one with fewer nodes, the same bits in each result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tfmini.build import CONST
from tfmini.opdef import OpDef
from tfmini.plan import Node, Plan, Ref
from tfmini.spec import TensorSpec

# A folded value lives as long as the plan; larger ones are computed in each run.
FOLD_LIMIT_BYTES = 1 << 20
_MERGE_LIMIT_BYTES = 1 << 10


def prune(plan: Plan) -> Plan:
    """Drop nodes whose values nobody takes, and leaves that nobody reads."""
    used = set(plan.results)
    kept_ids: set[int] = set()
    kept: list[Node] = []
    for node in reversed(plan.nodes):
        if node.pinned or node.id in kept_ids or any([r in used for r in node.outputs]):
            kept.append(node)
            used.update(node.inputs)
            kept_ids.update(node.after)
    return plan.with_nodes(
        reversed(kept),
        variables=tuple([v for v in plan.variables if v in used]),
        constants={r: c for r, c in plan.constants.items() if r in used},
    )


def substitute(plan: Plan, values: Mapping[Ref, Ref], nodes: list[Node]) -> Plan:
    """Return the plan of ``nodes`` with each ref in ``values`` replaced by what it maps to."""
    if not values:
        return plan.with_nodes(nodes)

    def final(ref: Ref) -> Ref:
        while ref in values:
            ref = values[ref]
        return ref

    return plan.with_nodes(
        [
            n.replace(inputs=tuple([final(r) for r in n.inputs]))
            if any([r in values for r in n.inputs])
            else n
            for n in nodes
        ],
        fetches=tuple([final(r) for r in plan.fetches]),
        updates=tuple([(v, final(r)) for v, r in plan.updates]),
    )


def drop_identities(plan: Plan) -> Plan:
    """Drop nodes that return their input unchanged: identities, casts to the same dtype, ``x*1``.

    Only what keeps every bit: ``x + 0`` does not (``-0.0 + 0`` is ``0.0``), ``x * 1`` does.
    """
    specs = dict(plan.specs)
    for node in plan.nodes:
        specs.update(zip(node.outputs, node.specs, strict=True))
    values: dict[Ref, Ref] = {}
    waited_for = {i for n in plan.nodes for i in n.after}
    nodes = []
    for node in plan.nodes:
        same = None
        if not node.after and node.id not in waited_for and len(node.specs) == 1:
            # An imported node that can't run has the type's name, but must say so.
            rule = None if node.opdef.stateful else _IDENTITIES.get(node.opdef.type)
            same = rule(node, plan.constants, specs) if rule else None
        if same is None:
            nodes.append(node)
        else:
            values[node.outputs[0]] = same
    return substitute(plan, values, nodes)


Constants = Mapping[Ref, Any]
Specs = Mapping[Ref, TensorSpec]


def _first(node: Node, constants: Constants, specs: Specs) -> Ref:
    return node.inputs[0]


def _same_cast(node: Node, constants: Constants, specs: Specs) -> Ref | None:
    x = node.inputs[0]
    return x if specs[x].dtype is node.attrs["dtype"] else None


def _same_conjugate(node: Node, constants: Constants, specs: Specs) -> Ref | None:
    x = node.inputs[0]
    dtype = specs[x].dtype
    return None if dtype is None or dtype.is_complex else x


def _neutral(right_only: bool, number: int) -> Callable[..., Ref | None]:
    """Return the rule that drops a scalar constant operand equal to ``number``."""

    def rule(node: Node, constants: Constants, specs: Specs) -> Ref | None:
        pairs = [(0, 1)] if right_only else [(0, 1), (1, 0)]
        for kept, dropped in pairs:
            value = constants.get(node.inputs[dropped])
            if value is None or np.ndim(value) or value != number:
                continue
            mine, theirs = specs[node.inputs[kept]], specs[node.inputs[dropped]]
            if mine.dtype is not None and mine.dtype in (theirs.dtype, node.specs[0].dtype):
                return node.inputs[kept] if node.specs[0].dtype is mine.dtype else None
        return None

    return rule


_IDENTITIES: dict[str, Callable[..., Ref | None]] = {
    "Identity": _first,
    "StopGradient": _first,
    "PreventGradient": _first,
    "PlaceholderWithDefault": _first,
    "Cast": _same_cast,
    "Conj": _same_conjugate,
    "Mul": _neutral(right_only=False, number=1),
    "RealDiv": _neutral(right_only=True, number=1),
}


def fold_constants(plan: Plan) -> Plan:
    """Compute nodes whose inputs are all constants, up to ``FOLD_LIMIT_BYTES`` a result."""
    constants = dict(plan.constants)
    specs = dict(plan.specs)
    nodes = []
    gone: set[int] = set()
    for node in plan.nodes:
        if not gone.isdisjoint(node.after):
            node = node.replace(after=tuple([i for i in node.after if i not in gone]))
        folded = None
        if not (node.pinned or node.after or node.opdef.updates) and node.inputs:
            folded = _folded(node, constants)
        if folded is None:
            nodes.append(node)
            continue
        gone.add(node.id)
        for ref, value in zip(node.outputs, folded, strict=True):
            constants[ref] = value
            specs[ref] = CONST.infer(value=value)
    return plan.with_nodes(nodes, constants=constants, specs=specs)


def _folded(node: Node, constants: Constants) -> list[np.ndarray] | None:
    if not all([isinstance(constants.get(r), np.ndarray) for r in node.inputs]):
        return None
    if any([s.nbytes is None or s.nbytes > FOLD_LIMIT_BYTES for s in node.specs]):
        return None
    try:
        with np.errstate(all="ignore"):
            result = node.opdef.compute(*[constants[r] for r in node.inputs], **node.attrs)
    except Exception:  # noqa: BLE001 - the run raises it again, with the node's place
        return None
    listed = [result] if len(node.specs) == 1 and not node.opdef.listed else list(result)
    out = []
    for value in listed:
        array = np.array(value)
        array.flags.writeable = False
        out.append(array)
    return out


def merge_common(plan: Plan) -> Plan:
    """Compute equal nodes once: same type, attributes, inputs and order; equal constants too."""
    values = _equal_constants(plan.constants)
    seen: dict[Any, Node] = {}
    nodes = []
    merged: dict[int, int] = {}
    for node in plan.nodes:
        if not merged.keys().isdisjoint(node.after):
            after = dict.fromkeys([merged.get(i, i) for i in node.after])
            node = node.replace(after=tuple(after))
        inputs = tuple([values.get(r, r) for r in node.inputs])
        first = None
        if not (node.pinned or node.opdef.updates):
            key = work_key(node)
            first = key and seen.setdefault((key, inputs, node.after), node)
        if first is None or first is node:
            nodes.append(node if inputs == node.inputs else node.replace(inputs=inputs))
        else:
            values.update(zip(node.outputs, first.outputs, strict=True))
            merged[node.id] = first.id
    return substitute(plan, values, nodes)


def work_key(node: Node) -> Any:
    """Return what nodes share that do the same to their inputs; None if it can't be compared."""
    opdef: OpDef = node.opdef
    try:
        attrs = tuple(node.attrs.items())
        hash(attrs)
    except TypeError:
        return None
    # 1, 1.0 and True are equal keys but not equal attributes.
    kinds = tuple([type(v) for v in node.attrs.values()])
    return opdef, attrs, kinds


def _equal_constants(constants: Constants) -> dict[Ref, Ref]:
    seen: dict[Any, Ref] = {}
    values: dict[Ref, Ref] = {}
    for ref, value in constants.items():
        if isinstance(value, np.ndarray) and value.dtype != object:
            if value.nbytes > _MERGE_LIMIT_BYTES:
                continue
            key: Any = (value.dtype, value.shape, value.tobytes())
        elif value is None:
            continue
        else:
            key = (type(value), repr(value))
        first = seen.setdefault(key, ref)
        if first != ref:
            values[ref] = first
    return values
