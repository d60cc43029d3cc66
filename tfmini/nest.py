"""``tf.nest``: functions of nested structures, as TensorFlow names them.

In: lists, tuples, namedtuples and dicts, in each other; all else, ``None``, strings and arrays
included, is a leaf.  Out: their leaves in order, dicts by sorted key, and structures of the same
form.  An object made of tensors is a leaf, unless ``expand_composites`` asks for its parts.

``tf.contrib.framework.nest`` is this module too.  `tfmini.ops.nest` serves the package itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.ops import nest

__all__ = [
    "assert_same_structure", "assert_shallow_structure", "flatten", "flatten_dict_items",
    "flatten_up_to", "is_nested", "is_sequence", "map_structure", "map_structure_up_to",
    "pack_sequence_as",
]  # fmt: skip


def is_nested(seq: Any) -> bool:
    """Whether ``seq`` is a list, a tuple or a dict, and so no leaf."""
    return isinstance(seq, (list, tuple, Mapping))


is_sequence = is_nested


def flatten(structure: Any, expand_composites: bool = False) -> list[Any]:
    """Return the leaves of ``structure``, in order; ``[structure]`` if it is one."""
    return list(_leaves(structure, expand_composites))


def map_structure(func: Callable[..., Any], *structure: Any, **kwargs: Any) -> Any:
    """Return a structure of ``func(leaf of each, ...)``, of the form of the first one.

    Parameters
    ----------
    structure : one or more, all of the same form
    check_types : whether a list is no tuple, default True
    expand_composites : default False

    Raises InvalidTypeError, a TypeError and ValueError, where the forms differ.
    """
    check_types = kwargs.pop("check_types", True)
    expand = kwargs.pop("expand_composites", False)
    if kwargs:
        raise InvalidTypeError(
            None, None, f"tf.nest.map_structure takes no {', '.join(sorted(kwargs))}."
        )
    if not callable(func) or not structure:
        raise InvalidTypeError(
            None, None, "tf.nest.map_structure takes a function and one or more structures."
        )
    for other in structure[1:]:
        assert_same_structure(structure[0], other, check_types, expand)
    leaves = zip(*[_leaves(s, expand) for s in structure], strict=True)
    return _packed(structure[0], iter([func(*each) for each in leaves]), expand)


def pack_sequence_as(structure: Any, flat_sequence: Any, expand_composites: bool = False) -> Any:
    """Return a structure of the form of ``structure`` with the leaves ``flat_sequence``."""
    if not is_nested(flat_sequence):
        raise InvalidTypeError(
            None, None, f"flat_sequence must be a list or tuple, not {flat_sequence!r}."
        )
    leaves, wanted = list(flat_sequence), len(flatten(structure, expand_composites))
    if len(leaves) != wanted:
        raise InvalidArgumentError(
            None, None, f"the structure has {wanted} leaves, flat_sequence has {len(leaves)}."
        )
    return _packed(structure, iter(leaves), expand_composites)


def assert_same_structure(
    nest1: Any, nest2: Any, check_types: bool = True, expand_composites: bool = False
) -> None:
    """Raise InvalidTypeError, a TypeError and ValueError, unless both have the same form."""
    for path, a, b in _pairs(nest1, nest2, ()):
        if not is_nested(a) and not is_nested(b):
            composite = expand_composites and nest.is_composite(a) != nest.is_composite(b)
            wrong = "one is made of tensors" if composite else ""
        elif is_nested(a) != is_nested(b):
            wrong = "one is a leaf"
        elif _keys(a) != _keys(b):
            wrong = f"the keys are {_keys(a)} and {_keys(b)}"
        else:
            wrong = "" if not check_types or _kind(a) is _kind(b) else "the types differ"
        if wrong:
            raise InvalidTypeError(
                None, None,
                f"the structures differ{_at(path)}: {_shown(a)} and {_shown(b)}; {wrong}.",
            )  # fmt: skip


def assert_shallow_structure(
    shallow_tree: Any, input_tree: Any, check_types: bool = True, expand_composites: bool = False
) -> None:
    """Raise InvalidTypeError unless ``input_tree`` has the form of ``shallow_tree``, whose leaves
    may be structures there."""
    if not is_nested(shallow_tree):
        return
    if not is_nested(input_tree) or _keys(shallow_tree) != _keys(input_tree):
        wrong = "it must have the form of the shallow one"
    elif check_types and _kind(shallow_tree) is not _kind(input_tree):
        wrong = "the types differ"
    else:
        for key, part in _items(shallow_tree):
            assert_shallow_structure(part, input_tree[key], check_types, expand_composites)
        return
    raise InvalidTypeError(
        None, None, f"{_shown(input_tree)} is not like {_shown(shallow_tree)}: {wrong}."
    )


def flatten_up_to(
    shallow_tree: Any, input_tree: Any, check_types: bool = True, expand_composites: bool = False
) -> list[Any]:
    """Return what ``input_tree`` has in the places of the leaves of ``shallow_tree``."""
    assert_shallow_structure(shallow_tree, input_tree, check_types, expand_composites)
    return list(_down_to(shallow_tree, input_tree))


def map_structure_up_to(
    shallow_tree: Any, func: Callable[..., Any], *inputs: Any, **kwargs: Any
) -> Any:
    """Return a structure of the form of ``shallow_tree``, of ``func`` of what each of ``inputs``
    has in the places of its leaves."""
    if not inputs:
        raise InvalidArgumentError(None, None, "map_structure_up_to takes one or more structures.")
    parts = zip(*[flatten_up_to(shallow_tree, x, **kwargs) for x in inputs], strict=True)
    return pack_sequence_as(shallow_tree, [func(*each) for each in parts])


def flatten_dict_items(dictionary: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return ``{key: value}`` of a dict whose keys and values are alike structures: one pair for
    each leaf."""
    out: dict[Any, Any] = {}
    for keys, values in dictionary.items():
        assert_same_structure(keys, values, check_types=False)
        for key, value in zip(flatten(keys), flatten(values), strict=True):
            if key in out:
                raise InvalidArgumentError(None, None, f"the key {key!r} is there twice.")
            out[key] = value
    return out


def _items(structure: Any) -> list[tuple[Any, Any]]:
    if isinstance(structure, Mapping):
        return [(key, structure[key]) for key in sorted(structure)]
    return list(enumerate(structure))


def _keys(structure: Any) -> list[Any]:
    return [key for key, _ in _items(structure)]


def _kind(structure: Any) -> type:
    """Return what lists and tuples are told apart by; all dicts are alike."""
    return dict if isinstance(structure, Mapping) else type(structure)


def _leaves(structure: Any, expand: bool) -> Iterator[Any]:
    if is_nested(structure):
        for _, part in _items(structure):
            yield from _leaves(part, expand)
    elif expand and nest.is_composite(structure):
        yield from structure.__tf_flatten__()
    else:
        yield structure


def _down_to(shallow: Any, deep: Any) -> Iterator[Any]:
    if not is_nested(shallow):
        yield deep
        return
    for key, part in _items(shallow):
        yield from _down_to(part, deep[key])


def _packed(structure: Any, leaves: Iterator[Any], expand: bool) -> Any:
    if is_nested(structure):
        parts = {key: _packed(part, leaves, expand) for key, part in _items(structure)}
        return _rebuilt(structure, parts)
    if expand and nest.is_composite(structure):
        return structure.__tf_pack__([next(leaves) for _ in structure.__tf_flatten__()])
    return next(leaves)


def _rebuilt(structure: Any, parts: Mapping[Any, Any]) -> Any:
    """Return ``parts`` in a structure of the type and order of ``structure``."""
    kind: Any = type(structure)
    if isinstance(structure, Mapping):
        pairs = [(key, parts[key]) for key in structure]
        if isinstance(structure, defaultdict):
            return kind(structure.default_factory, pairs)
        return kind(pairs)
    return kind(*parts.values()) if hasattr(structure, "_fields") else kind(parts.values())


def _pairs(a: Any, b: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any, Any]]:
    """Yield what is in the same place of both, the whole first."""
    yield path, a, b
    if is_nested(a) and is_nested(b):
        for key, part in _items(a):
            yield from _pairs(part, b[key], (*path, key))


def _at(path: Iterable[Any]) -> str:
    place = "".join(f"[{key!r}]" for key in path)
    return f" at {place}" if place else ""


def _shown(structure: Any) -> str:
    """Return the form of ``structure``: a dot for each leaf."""
    if not is_nested(structure):
        return f"a {type(structure).__name__}"
    return str(_packed(structure, iter(["."] * len(flatten(structure))), False)).replace("'.'", ".")
