"""Nested structures of values: lists, tuples, namedtuples and dicts (by sorted key).

In: a structure.  Out: its leaves as a flat list, and structures of the same form with other leaves.

An object made of tensors, such as a ``TensorArray``, is a structure too: ``__tf_flatten__()`` gives
its tensors, and ``__tf_pack__(tensors)`` makes one like it of others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tfmini.errors import InvalidTypeError


def flatten(structure: Any) -> list[Any]:
    """Return the leaves of ``structure`` in order."""
    if isinstance(structure, Mapping):
        return [leaf for key in sorted(structure) for leaf in flatten(structure[key])]
    if isinstance(structure, (list, tuple)):
        return [leaf for item in structure for leaf in flatten(item)]
    return structure.__tf_flatten__() if is_composite(structure) else [structure]


def is_composite(value: Any) -> bool:
    """Whether ``value`` is an object made of tensors."""
    return hasattr(value, "__tf_flatten__")


def pack(structure: Any, leaves: Iterable[Any]) -> Any:
    """Return a structure of the form of ``structure`` that has ``leaves``."""
    return _packed(structure, iter(leaves))


def _packed(structure: Any, leaves: Iterator[Any]) -> Any:
    if isinstance(structure, Mapping):
        packed = {key: _packed(structure[key], leaves) for key in sorted(structure)}
        return {key: packed[key] for key in structure}
    if isinstance(structure, (list, tuple)):
        items = [_packed(item, leaves) for item in structure]
        return _like(structure, items)
    if is_composite(structure):
        return structure.__tf_pack__([next(leaves) for _ in structure.__tf_flatten__()])
    return next(leaves)


def _like(structure: Any, items: list[Any]) -> Any:
    kind = type(structure)
    if hasattr(structure, "_fields"):
        return kind(*items)
    return items if isinstance(structure, list) else tuple(items)


def same_form(a: Any, b: Any) -> bool:
    """Whether both structures have the same form, lists and tuples apart."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all([same_form(a[k], b[k]) for k in a])
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        alike = isinstance(a, list) == isinstance(b, list) and len(a) == len(b)
        return alike and all([same_form(i, j) for i, j in zip(a, b, strict=True)])
    if is_composite(a) or is_composite(b):
        return type(a) is type(b)
    return not isinstance(a, (list, tuple, Mapping)) and not isinstance(b, (list, tuple, Mapping))


def require_same_form(a: Any, b: Any, what: str) -> None:
    """Raise InvalidTypeError, beginning with ``what``, unless both have the same form."""
    if not same_form(a, b):
        raise InvalidTypeError(
            None, None, f"{what} must have the same structure; they are {_form(a)} and {_form(b)}."
        )


def _form(structure: Any) -> str:
    if isinstance(structure, Mapping):
        return "{" + ", ".join(f"{k!r}: {_form(structure[k])}" for k in structure) + "}"
    if isinstance(structure, (list, tuple)):
        left, right = "[]" if isinstance(structure, list) else "()"
        return left + ", ".join(map(_form, structure)) + right
    return type(structure).__name__ if is_composite(structure) else "tensor"
