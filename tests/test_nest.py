"""``tf.nest``: leaves and structures."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, namedtuple

import numpy as np
import pytest

import tfmini as tf

Pair = namedtuple("Pair", "first second")
DEEP = {"b": [1, (2, 3)], "a": Pair(4, {"c": None})}


def test_leaves_stand_in_order_of_the_keys():
    assert tf.nest.flatten(DEEP) == [4, None, 1, 2, 3]
    assert tf.nest.flatten("text") == ["text"]
    array = np.zeros(3)
    assert tf.nest.flatten([array])[0] is array
    assert [tf.nest.is_nested(x) for x in ([], (), {}, DEEP["a"], "ab", None, array)] == [
        True, True, True, True, False, False, False,
    ]  # fmt: skip


def test_a_structure_of_the_same_form():
    packed = tf.nest.pack_sequence_as(DEEP, list("vwxyz"))
    assert packed == {"b": ["x", ("y", "z")], "a": Pair("v", {"c": "w"})}
    assert list(packed) == ["b", "a"]
    ordered = OrderedDict([("z", 1), ("a", 2)])
    doubled = tf.nest.map_structure(lambda x: 2 * x, ordered)
    assert isinstance(doubled, OrderedDict)
    assert list(doubled.items()) == [("z", 2), ("a", 4)]
    counts = tf.nest.map_structure(lambda x: x + 1, defaultdict(list, a=1))
    assert counts == {"a": 2}
    assert counts["b"] == []
    assert tf.nest.pack_sequence_as("a leaf", [5]) == 5


def test_functions_of_several_structures():
    assert tf.nest.map_structure(lambda x, y: x + y, [1, (2,)], [10, (20,)]) == [11, (22,)]
    mixed = tf.nest.map_structure(lambda x, y: x + y, [1, 2], (10, 20), check_types=False)
    assert mixed == [11, 22]


@pytest.mark.parametrize(
    ("a", "b", "what"),
    [
        ([1, 2], (1, 2), "types differ"),
        ([1, 2], [1, 2, 3], r"keys are \[0, 1\] and \[0, 1, 2\]"),
        ({"a": 1}, {"b": 1}, "keys are"),
        ([1, [2]], [1, 2], r"at \[1\]: \[.\] and a int; one is a leaf"),
        (Pair(1, 2), (1, 2), "types differ"),
    ],
)
def test_other_forms_are_errors(a, b, what):
    with pytest.raises(TypeError, match=what):
        tf.nest.assert_same_structure(a, b)
    with pytest.raises(ValueError, match=what):
        tf.nest.map_structure(lambda x, y: x, a, b)


def test_wrong_calls_are_errors():
    with pytest.raises(ValueError, match="5 leaves, flat_sequence has 1"):
        tf.nest.pack_sequence_as(DEEP, [1])
    with pytest.raises(TypeError, match="list or tuple"):
        tf.nest.pack_sequence_as(DEEP, 1)
    with pytest.raises(TypeError, match="takes no depth"):
        tf.nest.map_structure(abs, [1], depth=2)
    with pytest.raises(TypeError, match="a function and one or more"):
        tf.nest.map_structure(abs)


def test_sparse_tensors_are_leaves_unless_their_parts_are_asked_for():
    x = tf.SparseTensor([[0, 0]], [1.0], [2, 2])
    assert tf.nest.flatten([x]) == [x]
    parts = tf.nest.flatten([x], expand_composites=True)
    assert parts == [x.indices, x.values, x.dense_shape]
    (again,) = tf.nest.pack_sequence_as([x], parts, expand_composites=True)
    assert again.values is x.values


def test_contribs_nest_goes_down_to_a_shallow_structure():
    from tfmini.contrib.framework import nest

    deep = {"x": [1, 2], "y": (3, {"z": 4})}
    assert nest.flatten_up_to({"x": 0, "y": (0, 0)}, deep) == [[1, 2], 3, {"z": 4}]
    assert nest.map_structure_up_to({"x": 0, "y": 0}, len, deep) == {"x": 2, "y": 2}
    with pytest.raises(TypeError, match="form of the shallow"):
        nest.flatten_up_to([0, 0], [1])
    with pytest.raises(TypeError, match="types differ"):
        nest.flatten_up_to([0], (1,))
    assert nest.flatten_dict_items({(1, 2): ("a", "b"), 3: "c"}) == {1: "a", 2: "b", 3: "c"}
    with pytest.raises(ValueError, match="there twice"):
        nest.flatten_dict_items({(1, 2): ("a", "b"), 2: "c"})
    assert nest.is_sequence([])


def test_tensorflows_inside_answers_with_it():
    from tfmini.compat import hook

    hook.install()
    try:
        from tensorflow.python.util import nest

        assert nest.flatten is tf.nest.flatten
        assert nest.map_structure(abs, (-1,)) == (1,)
    finally:
        hook.uninstall()
