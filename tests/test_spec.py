"""dtypes, static shapes, specs, and how Python data becomes arrays."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tfmini as tf
from tfmini import dtypes, shapes, spec
from tfmini.spec import TensorSpec

# -- dtypes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", dtypes.DTYPES, ids=str)
def test_a_dtype_is_one_object(dtype):
    assert tf.as_dtype(dtype) is dtype
    assert tf.as_dtype(dtype.name) is dtype
    assert tf.as_dtype(dtype.dtype) is dtype
    assert pickle.loads(pickle.dumps(dtype)) is copy.deepcopy(dtype) is dtype
    assert dtype == dtype.name
    assert dtype != "float99"
    assert dtype is not None
    assert dtype != None  # noqa: E711
    assert hash(dtype) == hash(dtype.dtype)
    assert np.zeros(2, dtype).dtype == dtype.dtype
    if dtype is not tf.string:
        assert dtype == dtype.as_numpy_dtype
        assert dtype.size == np.dtype(dtype.as_numpy_dtype).itemsize


@pytest.mark.parametrize(
    ("spelling", "dtype"),
    [
        (float, tf.float32), (int, tf.int32), (bool, tf.bool), (complex, tf.complex128),
        (str, tf.string), ("float", tf.float32), ("double", tf.float64), ("half", tf.float16),
        (np.float64, tf.float64), (np.dtype(">i4"), tf.int32), ("S3", tf.string),
        (np.dtype(object), tf.string),
    ],
)  # fmt: skip
def test_spellings(spelling, dtype):
    assert tf.as_dtype(spelling) is dtype


@pytest.mark.parametrize("bad", ["float99", "datetime64[s]", np.datetime64, [("a", int)], 3, {}])
def test_what_is_no_dtype(bad):
    with pytest.raises(TypeError, match=r"is no dtype.*float32"):
        tf.as_dtype(bad)


def test_what_numpy_lacks_is_told_from_the_others_and_has_no_values():
    assert tf.as_dtype("bfloat16") is tf.bfloat16
    assert tf.bfloat16 == "bfloat16"
    assert tf.bfloat16 not in dtypes.DTYPES
    assert tf.bfloat16.is_floating
    assert not tf.bfloat16.is_integer
    assert pickle.loads(pickle.dumps(tf.bfloat16)) is tf.bfloat16
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"bfloat16.*tf\.float32"):
        tf.zeros([2], tf.bfloat16)


def test_kinds_and_limits():
    assert tf.float16.is_floating
    assert tf.float16.is_differentiable
    assert tf.complex64.is_complex
    assert tf.complex64.is_differentiable
    assert tf.complex64.real_dtype is tf.float32
    assert tf.float64.real_dtype is tf.float64
    assert tf.uint8.is_integer
    assert tf.uint8.is_unsigned
    assert not tf.int8.is_unsigned
    assert tf.bool.is_bool
    assert not tf.bool.is_integer
    assert (tf.int8.min, tf.int8.max) == (-128, 127)
    assert tf.float32.max == np.finfo(np.float32).max
    with pytest.raises(ValueError, match="bool"):
        _ = tf.bool.max


numbers = st.sampled_from([d for d in dtypes.DTYPES if d is not tf.string])


@given(st.lists(numbers, min_size=1, max_size=4))
def test_promotion_is_numpys(dtypes_given):
    expected = np.result_type(*[d.dtype for d in dtypes_given])
    assert dtypes.promote(*dtypes_given) == expected
    assert dtypes.promote(*dtypes_given, None) is None


# -- shapes ------------------------------------------------------------------------------------

dims = st.one_of(st.none(), st.integers(0, 3))
static = st.one_of(st.none(), st.lists(dims, max_size=3).map(tuple))


@st.composite
def refined(draw, shape):
    """A concrete shape that ``shape`` allows."""
    if shape is None:
        return tuple(draw(st.lists(st.integers(0, 3), max_size=3)))
    return tuple([draw(st.integers(0, 3)) if d is None else d for d in shape])


@given(st.data(), static, static)
def test_merged_shapes_allow_what_both_allow(data, a, b):
    concrete = data.draw(refined(a))
    both = shapes.compatible(a, concrete) and shapes.compatible(b, concrete)
    try:
        merged = shapes.merge_shapes(a, b)
    except ValueError:
        assert not both
    else:
        assert shapes.compatible(merged, concrete) == both
        assert shapes.compatible(a, b)


@given(st.data(), static, static)
def test_broadcast_shapes_are_numpys(data, a, b):
    x, y = data.draw(refined(a)), data.draw(refined(b))
    try:
        expected = np.broadcast_shapes(x, y)
    except ValueError:
        return
    assert shapes.compatible(shapes.broadcast_shapes(a, b), expected)


@given(
    st.lists(st.integers(0, 3), max_size=3).map(tuple),
    st.lists(st.integers(0, 3), max_size=3).map(tuple),
)
def test_known_shapes_broadcast_exactly(a, b):
    try:
        expected = np.broadcast_shapes(a, b)
    except ValueError:
        with pytest.raises(ValueError, match="do not broadcast"):
            shapes.broadcast_shapes(a, b)
    else:
        assert shapes.broadcast_shapes(a, b) == expected


def test_tensor_shapes_behave_as_lists_of_dimensions():
    shape = tf.TensorShape([2, None, 3])
    assert shape.as_list() == [2, None, 3]
    assert (shape.ndims, shape.rank, len(shape)) == (3, 3, 3)
    assert shape == [2, None, 3]
    assert shape != [2, None]
    assert shape != "no shape"
    assert shape[0] == 2
    assert shape[1].value is None
    assert shape[1:].as_list() == [None, 3]
    assert [d.value for d in shape] == [2, None, 3]
    assert not shape.is_fully_defined()
    assert shape.num_elements() is None
    assert tf.TensorShape([2, 3]).num_elements() == 6
    assert str(shape) == "(2, ?, 3)"
    assert str(tf.TensorShape([2])) == "(2,)"
    assert str(tf.TensorShape(None)) == "<unknown>"
    assert shape.concatenate([4]).as_list() == [2, None, 3, 4]
    assert shape.merge_with([None, 5, 3]).as_list() == [2, 5, 3]
    assert shape.is_compatible_with([2, 9, 3])
    assert bool(shape)
    assert not tf.TensorShape(None)
    with pytest.raises(ValueError, match="do not agree"):
        shape.with_rank(2)
    with pytest.raises(ValueError, match="not fully defined"):
        shape.assert_is_fully_defined()
    assert np.zeros(tf.TensorShape([2, 3])).shape == (2, 3)
    assert np.asarray(tf.TensorShape([2, 3])).tolist() == [2, 3]


def test_unknown_ranks():
    unknown = tf.TensorShape(None)
    assert unknown.ndims is None
    assert unknown.dims is None
    assert unknown[1:].ndims is None
    assert unknown[0].value is None
    assert unknown.concatenate([2]).ndims is None
    for use in (len, list, lambda s: s.as_list()):
        with pytest.raises(ValueError, match="rank"):
            use(unknown)


def test_dimensions_calculate():
    three, unknown = tf.Dimension(3), tf.Dimension(None)
    assert [(three + 1).value, (10 - three).value, (three * 2).value, (three // 2).value] == [
        4,
        7,
        6,
        1,
    ]
    assert (7 // three).value == (7 / three).value == 2
    assert (three % 2).value == 1
    assert (unknown + 1).value is None
    assert three < 4 <= tf.Dimension(4)
    assert list(range(10))[three] == 3
    assert [0] * three == [0, 0, 0]
    with pytest.raises(ValueError, match=r"tf\.shape"):
        int(unknown)
    assert three.is_compatible_with(None)
    assert not three.is_compatible_with(4)
    assert unknown.merge_with(3).value == 3
    with pytest.raises(ValueError, match="3"):
        three.assert_is_compatible_with(4)


def test_what_shapes_have_in_common():
    shape = tf.TensorShape([None, 3])
    assert shape.with_rank_at_least(2) is shape.with_rank_at_most(2) is shape
    assert tf.TensorShape(None).with_rank_at_least(5).ndims is None
    assert shape.most_specific_compatible_shape([2, 4]).as_list() == [None, None]
    assert shape.most_specific_compatible_shape([None, 3]).as_list() == [None, 3]
    assert shape.most_specific_compatible_shape([3]).ndims is None
    shape.assert_same_rank([1, 2])
    shape.assert_is_compatible_with([5, 3])
    for wrong in (
        lambda: shape.with_rank_at_least(3),
        lambda: shape.with_rank_at_most(1),
        lambda: shape.assert_same_rank([1]),
        lambda: shape.assert_is_compatible_with([5, 4]),
    ):
        with pytest.raises(ValueError, match=r"\?, 3"):
            wrong()


@pytest.mark.parametrize("bad", ["ab", [1.5], [-2], {"a": 1}, object(), [[1]]])
def test_what_is_no_shape(bad):
    with pytest.raises(TypeError, match="is no shape"):
        tf.TensorShape(bad)


# -- specs -------------------------------------------------------------------------------------


def test_specs_tell_size_and_bytes():
    known = TensorSpec((2, 3), tf.float64)
    assert (known.rank, known.size, known.nbytes) == (2, 6, 48)
    assert repr(known) == "float64[2, 3]"
    part = TensorSpec((None, 3), None)
    assert (part.rank, part.size, part.nbytes) == (2, None, None)
    assert repr(part) == "unknown[?, 3]"
    assert repr(spec.UNKNOWN) == "unknown<unknown>"
    assert TensorSpec.of(np.zeros((0, 2), np.int8)) == TensorSpec((0, 2), tf.int8)
    assert known != TensorSpec((2, 3), tf.float32)
    assert hash(known) == hash(TensorSpec((2, 3), tf.float64))


# -- values ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1, "int32"), (2**31 - 1, "int32"), (2**31, "int64"), (-(2**31), "int32"), (1.0, "float32"),
        ([1, 2.5], "float32"), (True, "bool"), (1j, "complex128"), ([], "float32"),
        (np.float64(1), "float64"), (np.zeros(2), "float64"), ([np.float64(1)], "float64"),
        (np.int64(3), "int64"), (np.arange(3), "int64"), (range(3), "int32"), ("a", "object"),
        (b"a", "object"), (["a", "bc"], "object"), ([[], []], "float32"),
        (np.array(["a"]), "object"),
    ],
)  # fmt: skip
def test_dtypes_of_python_data(value, dtype):
    assert spec.as_array(value).dtype == dtype


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1.5, tf.int32), ([1.0], tf.int64), (1j, tf.float64), (-1, tf.uint8), (True, tf.int32),
        (1, tf.bool), ("a", tf.float32), (np.float64(2.0), tf.int32), (np.array([-1]), tf.uint8),
    ],
)  # fmt: skip
def test_conversions_that_lose_are_errors(value, dtype):
    with pytest.raises(TypeError, match="without loss"):
        spec.as_array(value, dtype)


@pytest.mark.parametrize(
    ("value", "dtype", "says"),
    [
        ([1, None], None, "holds None. Write -1"),
        ([1, "a"], None, "mixes numbers and text"),
        (["a", 1], None, "1 is no text"),
        ([1, 2], tf.string, "1 is no text"),
        (2**64, None, "Give a float dtype"),
        (10**400, tf.float32, "Give a float dtype"),
    ],
)
def test_what_is_no_tensor_is_an_error(value, dtype, says):
    with pytest.raises(TypeError, match=says):
        spec.as_array(value, dtype)


@pytest.mark.parametrize(("value", "dtype"), [(300, tf.uint8), (128, tf.int8), (2**40, tf.int32)])
def test_values_out_of_range_are_errors(value, dtype):
    with pytest.raises(ValueError, match="range"):
        spec.as_array(value, dtype)


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        (1, tf.float32, 1.0), (0.1, tf.float32, np.float32(0.1)), (1, tf.complex64, 1 + 0j),
        (255, tf.uint8, 255), (np.float64(0.1), tf.float32, np.float32(0.1)),
        (np.uint8(3), tf.int32, 3), (1.5, tf.complex64, 1.5 + 0j),
    ],
)  # fmt: skip
def test_conversions_that_keep_the_value(value, dtype, expected):
    array = spec.as_array(value, dtype)
    assert array.dtype == dtype.dtype
    assert array == expected


@pytest.mark.parametrize("ragged", [[[1], [1, 2]], [1, [2]], [[1.0], 2.0]])
def test_ragged_lists_are_errors(ragged):
    with pytest.raises(ValueError, match="rows differ"):
        spec.as_array(ragged)


@pytest.mark.parametrize("bad", [object(), None, {"a": 1}, [None], np.datetime64("2020-01-01")])
def test_what_is_no_number(bad):
    with pytest.raises(TypeError, match="can't be made a tensor"):
        spec.as_array(bad)


@given(st.lists(st.one_of(st.integers(-(2**62), 2**62), st.floats(allow_nan=False)), max_size=5))
def test_python_numbers_come_through(values):
    array = spec.as_array(values)
    assert array.dtype in ("int32", "int64", "float32")
    for made, value in zip(array.tolist(), values, strict=True):
        if array.dtype.kind == "i":
            assert made == value
        else:
            with np.errstate(over="ignore"):
                assert made == np.float32(value) or math.isclose(made, value, rel_tol=1e-6)


def test_huge_floats_overflow_without_a_warning():
    assert spec.as_array([1e300]).tolist() == [math.inf]


def test_dimensions_by_function():
    shape = tf.TensorShape([3, None])
    assert tf.dimension_value(shape[0]) == tf.dimension_value(3) == 3
    assert tf.dimension_value(shape[1]) is tf.compat.dimension_value(None) is None
    assert tf.dimension_at_index(shape, 0) == 3
    assert tf.dimension_at_index(tf.TensorShape(None), 5).value is None


def test_names_below_dtypes():
    x = tf.dtypes.cast([1.5], tf.int32)
    assert x.dtype is tf.int32
    assert tf.dtypes.as_string is tf.as_string
    assert (tf.dtypes.bool, tf.dtypes.half, tf.dtypes.double) == (tf.bool, tf.half, tf.double)
