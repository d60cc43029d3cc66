"""Layers as functions: ``tf.layers.dense`` and its kin.

In: the class of a layer.  Out: a function of inputs and the class's parameters, which makes the
layer and calls it.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, getdoc, signature
from typing import Any

from tfmini.dtypes import as_dtype
from tfmini.layers.base import Layer
from tfmini.nodes import Tensor

_WHERE = Parameter.POSITIONAL_OR_KEYWORD


def functional(layer: type[Layer], name: str, variables: bool = True) -> Callable[..., Tensor]:
    """Return the function ``name`` of inputs and of what ``layer`` is made with.

    One that has ``variables`` makes new ones at each call, unless it is given a ``name``, and
    ``reuse`` says that they are there.
    """
    whole = signature(layer)
    parameters = [p for p in whole.parameters.values() if p.kind is _WHERE]
    if variables:
        parameters.append(Parameter("reuse", _WHERE, default=None, annotation="Any"))
    inputs = Parameter("inputs", _WHERE, annotation="Any")
    taken = whole.replace(parameters=[inputs, *parameters], return_annotation="Tensor")

    def function(*args: Any, **kwargs: Any) -> Tensor:
        try:
            given = taken.bind(*args, **kwargs).arguments
        except TypeError as e:
            raise TypeError(f"{name}(): {e}") from None
        inputs = given.pop("inputs")
        if variables:
            reuse = given.pop("reuse", None)
            given |= {"dtype": dtype_of(inputs), "_scope": given.get("name"), "_reuse": reuse}
        return layer(**given)(inputs)

    function.__signature__ = taken
    function.__name__ = function.__qualname__ = name
    function.__module__ = layer.__module__
    function.__doc__ = f"Return: {_described(layer)}\n\nSee `{layer.__name__}`."
    return function


def _described(layer: type[Layer]) -> str:
    """Return the docstring of ``layer``, with the parameters that a base class lists."""
    text, heading = getdoc(layer) or "", "\n\nParameters\n"
    if heading not in text:
        docs = [getdoc(kind) or "" for kind in layer.__mro__]
        listed = [doc.partition(heading) for doc in docs if heading in doc]
        text += "".join(listed[0][1:]) if listed else ""
    return text


def dtype_of(inputs: Any) -> Any:
    """Return the dtype of a tensor or array, None if it is not known."""
    dtype = getattr(inputs, "dtype", None)
    return None if dtype is None else as_dtype(dtype)
