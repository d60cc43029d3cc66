"""One operation as TensorFlow has it, if it is one there too.

In: a node.  Out: its type, inputs and attributes; in our own form, marked, if TensorFlow has none.
"""

from __future__ import annotations

from tfmini.dtypes import as_dtype
from tfmini.exchange.attributes import encoded
from tfmini.exchange.foreign import Foreign
from tfmini.exchange.forms import FORMS, Constant, Written, type_attrs
from tfmini.exchange.special import WRITERS
from tfmini.formats.graphdef import AttrValue, NodeDef
from tfmini.late import Late
from tfmini.nodes import Operation

NATIVE = "_tfmini"  # the attribute of nodes whose attributes and inputs are ours
LATE = "_late"  # on such a node: the attributes that its last inputs are
# Types with TensorFlow's names, but inputs or attributes of our own.
_OWN_FORM = frozenset((
    "AsString", "If", "MatrixDiagPartV2", "MatrixDiagV2", "MatrixSetDiagV2", "ParseExample",
    "ParseSingleExample", "StatelessIf", "StatelessWhile", "TensorArrayConcatV3",
    "TensorArrayGatherV3", "TensorArrayScatterV3", "TensorArraySplitV3", "TensorArrayV3", "While",
))  # fmt: skip


def written_form(node: Operation) -> Written:
    """Return how ``node`` is written."""
    if isinstance(node.opdef, Foreign):
        kept = NodeDef.FromString(node.attrs["node_def"])
        return Written(kept.op, list(node.inputs), dict(kept.attr))
    known = node.opdef.seen(node) if isinstance(node.opdef, Late) else node
    special = WRITERS.get(known.type)
    form = FORMS.get(known.type)
    written: Written | None = None
    if special is not None:
        written = special(known)
    elif form is not None:
        written = form.write(known)
    elif known is node and node.type not in _OWN_FORM:
        written = Written(node.type, list(node.inputs), _encoded(node))
    if written is None:
        return native_form(node)
    dtypes = [
        as_dtype(i.value.dtype) if isinstance(i, Constant) else i.dtype for i in written.inputs
    ]
    return written._replace(attrs={**type_attrs(written.op, dtypes), **written.attrs})


def _encoded(node: Operation) -> dict[str, AttrValue]:
    return {k: encoded(v, node.graph) for k, v in node.attrs.items()}


def native_form(node: Operation) -> Written:
    """Write a node as it is, marked; attributes that are inputs are named."""
    attrs = {**_encoded(node), NATIVE: encoded(True)}
    if not isinstance(node.opdef, Late):
        return Written(node.type, list(node.inputs), attrs)
    attrs[LATE] = encoded(node.opdef.names)
    return Written(node.opdef.inner.type, list(node.inputs), attrs)
