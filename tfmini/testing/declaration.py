"""Rules on what an operation's class says: docstring, samples, attributes, names."""

from __future__ import annotations

import doctest
import io
import string
from typing import Any

import numpy as np

import tfmini
from tfmini.errors import OpError
from tfmini.graph import Graph
from tfmini.registry import registry
from tfmini.testing.report import Fault, NotApplicable, rule
from tfmini.testing.samples import is_shape, materialise
from tfmini.testing.subject import Subject


@rule
def docstring(subject: Subject) -> None:
    """The class has a docstring of its own that is a sentence, and its examples run."""
    text = type(subject.opdef).__doc__ if "__doc__" in vars(type(subject.opdef)) else None
    if not text or not text.strip():
        raise Fault("the class has no docstring")
    first = text.strip().split("\n\n")[0]
    if not first.rstrip().endswith((".", ":", "::")):
        raise Fault(f"its first paragraph is no sentence: {first!r}")
    names = {"tf": tfmini, "np": np, subject.name: subject.function}
    with Graph().as_default():
        test = doctest.DocTestParser().get_doctest(text, names, subject.name, None, 0)
        output = io.StringIO()
        failed = doctest.DocTestRunner().run(test, out=output.write).failed
    if failed:
        raise Fault(f"its examples fail:\n{output.getvalue()}")


@rule
def samples(subject: Subject) -> None:
    """There are samples, each can be built, and their dimensions tell axes apart."""
    if subject.is_leaf:
        raise NotApplicable("a leaf: it computes nothing")
    if subject.opdef.tested_by and not subject.opdef.samples:
        raise NotApplicable(subject.opdef.tested_by)
    if not subject.opdef.samples:
        raise Fault("there are no samples, so nothing of it can be tested")
    for index, item in enumerate(subject.opdef.samples):
        sample = materialise(subject.opdef, index, item)
        try:
            subject.node(sample)
        except OpError as e:
            raise Fault(f"{sample.label} can't be built: {e.message}") from e
    _check_distinct(subject)


def _check_distinct(subject: Subject) -> None:
    """Raise if only square data are given although others would do: they hide swapped axes."""
    shapes = [x for item in subject.opdef.samples for x in item if is_shape(x) and len(x) > 1]
    if not shapes or any(len(set(shape)) > 1 for shape in shapes):
        return
    for index, item in enumerate(subject.opdef.samples):
        longer = tuple([_distinct(x) if is_shape(x) else x for x in item])
        try:
            sample = materialise(subject.opdef, index, longer)
            subject.compute(sample)
        except Exception:  # noqa: BLE001  it needs equal dimensions
            continue
        raise Fault(
            f"all samples have equal dimensions, such as {shapes[0]}; use different ones, "
            f"otherwise swapped axes go unseen"
        )


def _distinct(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple([n + i for i, n in enumerate(shape)])


@rule
def attributes(subject: Subject) -> None:
    """All attributes of a node can be hashed: equal nodes are found by them."""
    if not subject.opdef.schema.attrs:
        raise NotApplicable("it has no attributes")
    for sample in subject.samples:
        for name, value in subject.node(sample).attrs.items():
            try:
                hash(value)
            except TypeError:
                raise Fault(
                    f"{sample.label}: attribute {name} = {value!r} can't be hashed"
                ) from None


@rule
def name(subject: Subject) -> None:
    """Type and function name are valid, and no other installed package has them."""
    opdef = subject.opdef
    registry.load_entry_points()
    if not opdef.type or set(opdef.type) - set(string.ascii_letters + string.digits + "_>"):
        raise Fault(f"the type name {opdef.type!r} may have letters, digits and _ only")
    found: Any = registry.types().get(opdef.type)
    if found is not None and found is not opdef:
        raise Fault(f"the type {opdef.type!r} is defined by {found.package!r} already")
    function: Any = registry.function(opdef.function_name)
    if function is not None and function.opdef is not opdef:
        raise Fault(f"the function {opdef.function_name!r} is {function.opdef.package!r}'s already")
    reached = getattr(tfmini, opdef.function_name, None)
    if opdef.function_name.startswith("_") or reached is None:
        return
    if getattr(reached, "opdef", None) is not opdef and opdef.package != "tfmini":
        raise Fault(
            f"tf.{opdef.function_name} is something of tfmini's own, so it is never reached"
        )
