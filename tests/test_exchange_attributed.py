"""TensorFlow's nodes with attributes of their own give what the functions of their names do."""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf
from tfmini.exchange.attributes import decoded, encoded
from tfmini.ops.sorting import _bucketize

rng = np.random.default_rng(3)
IMAGES = rng.uniform(-1, 1, (2, 4, 6, 3)).astype("f")
VOLUMES = rng.uniform(-1, 1, (2, 4, 4, 4, 2)).astype("f")
VECTORS = [np.array(v, "f") for v in ([0.5, 1, 2], [0.1, 0.2, 0.3], [1, 2, 3], [1, 4, 9])]
EXAMPLE = tf.train.Example()
EXAMPLE.features.feature["i"].int64_list.value.extend([3, 4])
EXAMPLE.features.feature["f"].float_list.value.extend([0.5])
TEXT = EXAMPLE.SerializeToString()


def node(kind, inputs, outputs=1, **attrs):
    """Return tensors of placeholders, and of a node of TensorFlow that takes them."""
    message, names = tf.GraphDef(), [f"in{i}" for i in range(len(inputs))]
    made = message.node.add()
    made.name, made.op = "made", kind
    made.input.extend(names)
    for name, value in attrs.items():
        made.attr[name].CopyFrom(encoded(value))
    known = [np.asarray(v).dtype.kind in "iS" for v in inputs]
    fed = [tf.constant(v) if k else tf.placeholder_with_default(v, [None] * np.ndim(v))
           for k, v in zip(known, inputs, strict=True)]  # fmt: skip
    given = dict(zip(names, fed, strict=True))
    return fed, tf.import_graph_def(message, given, [f"made:{i}" for i in range(outputs)], name="")


def compare(found, wanted):
    with tf.Session() as session:
        for a, b in zip(*session.run([list(found), list(wanted)]), strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-5)


FIRST = (0, 3, 1, 2)


@pytest.mark.parametrize("kind", ["FusedBatchNorm", "FusedBatchNormV3"])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_batch_normalization_and_its_gradient(kind, training, layout):
    x = IMAGES if layout == "NHWC" else IMAGES.transpose(FIRST).copy()
    attrs = {"epsilon": 0.01, "data_format": layout, "is_training": training}
    fed, found = node(kind, [x, *VECTORS], 6 if kind.endswith("V3") else 5, **attrs)
    moments = () if training else fed[3:]
    y, mean, variance = tf.nn.fused_batch_norm(
        *fed[:3], *moments, epsilon=0.01, data_format=layout, is_training=training
    )
    compare(found[:3], [y, mean, variance])
    weights = tf.constant(np.cos(np.arange(x.size, dtype="f")).reshape(x.shape))
    message = tf.GraphDef()
    made = message.node.add()
    made.name, made.op = "grad", kind.replace("Norm", "NormGrad", 1)
    made.input.extend(
        ["dy", "x", "scale", "mean", "variance", *(["reserved"] * kind.endswith("V3"))]
    )
    for name, value in attrs.items():
        made.attr[name].CopyFrom(encoded(value))
    given = {"dy": weights, "x": fed[0], "scale": fed[1], "mean": found[3], "variance": found[4],
             "reserved": found[-1]}  # fmt: skip
    grads = tf.import_graph_def(message, given, [f"grad:{i}" for i in range(3)])
    compare(grads, tf.gradients(y, fed[:3], weights))


def gradient_of(kind, inputs, y, x, dy, outputs=1, **attrs):
    """Compare TensorFlow's gradient node with that of ours."""
    _, found = node(kind, inputs, outputs, **attrs)
    compare(found, tf.gradients(y, x, tf.constant(dy)))


def test_local_response_normalization_and_its_gradient():
    attrs = {"depth_radius": 1, "bias": 1.5, "alpha": 0.3, "beta": 0.75}
    (x,), (found,) = node("LRN", [IMAGES], **attrs)
    wanted = tf.nn.local_response_normalization(x, 1, 1.5, 0.3, 0.75)
    compare([found], [wanted])
    dy = np.sin(np.arange(IMAGES.size, dtype="f")).reshape(IMAGES.shape)
    with tf.Session() as session:
        y = session.run(wanted)
    gradient_of("LRNGrad", [dy, IMAGES, y], wanted, x, dy, **attrs)


@pytest.mark.parametrize(
    ("kind", "function", "attrs"),
    [("ResizeBilinear", tf.image.resize_bilinear, {"align_corners": True}),
     ("ResizeBilinear", tf.image.resize_bilinear, {"half_pixel_centers": True}),
     ("ResizeNearestNeighbor", tf.image.resize_nearest_neighbor, {}),
     ("ResizeBicubic", tf.image.resize_bicubic, {"align_corners": True}),
     ("ResizeArea", tf.image.resize_area, {})],
)  # fmt: skip
def test_images_are_resized(kind, function, attrs):
    (x, _), (found,) = node(kind, [IMAGES, np.array([7, 5], np.int32)], **attrs)
    wanted = function(x, [7, 5], **attrs)
    compare([found], [wanted])
    if kind != "ResizeArea":  # TensorFlow has no gradient of it
        dy = np.sin(np.arange(210, dtype="f")).reshape(2, 7, 5, 3)
        like = np.array([4, 6], np.int32) if "Nearest" in kind else IMAGES
        gradient_of(f"{kind}Grad", [dy, like], wanted, x, dy, **attrs)


@pytest.mark.parametrize(
    ("kind", "inputs", "attrs", "wanted"),
    [("AdjustContrastv2", [IMAGES, np.float32(2)], {}, tf.image.adjust_contrast),
     ("AdjustHue", [abs(IMAGES), np.float32(0.2)], {}, tf.image.adjust_hue),
     ("AdjustSaturation", [abs(IMAGES), np.float32(0.5)], {}, tf.image.adjust_saturation),
     ("Pad", [IMAGES[0, 0], np.array([[1, 0], [0, 2]], np.int32)], {}, tf.pad),
     ("PadV2", [IMAGES[0, 0], np.array([[1, 0], [0, 2]], np.int32), np.float32(7)], {},
      lambda x, p, v: tf.pad(x, p, constant_values=v)),
     ("MirrorPad", [IMAGES[0, 0], np.array([[1, 0], [0, 2]], np.int32)], {"mode": "SYMMETRIC"},
      lambda x, p: tf.pad(x, p, "SYMMETRIC")),
     ("SpaceToBatchND", [IMAGES, np.array([2], np.int32), np.array([[1, 1]], np.int32)], {},
      tf.space_to_batch_nd),
     ("BatchToSpaceND", [IMAGES, np.array([2], np.int32), np.array([[1, 0]], np.int32)], {},
      tf.batch_to_space_nd),
     ("Conv3D", [VOLUMES, VOLUMES[0, :2, :2, :2, :, None] * np.ones(3, "f")],
      {"strides": (1, 2, 1, 1, 1), "padding": "SAME"},
      lambda x, w: tf.nn.conv3d(x, w, [1, 2, 1, 1, 1], "SAME")),
     ("MaxPool3D", [VOLUMES], {"ksize": (1, 2, 2, 2, 1), "strides": (1, 2, 2, 2, 1),
                               "padding": "VALID"}, lambda x: tf.nn.max_pool3d(x, 2, 2, "VALID")),
     ("AvgPool3D", [VOLUMES], {"ksize": (1, 2, 2, 2, 1), "strides": (1, 2, 2, 2, 1),
                               "padding": "SAME"}, lambda x: tf.nn.avg_pool3d(x, 2, 2, "SAME")),
     ("ParallelDynamicStitch", [np.array([0, 2], np.int32), np.array([1], np.int32),
                                IMAGES[0, :2], IMAGES[0, 2:3]], {},
      lambda i, j, x, y: tf.dynamic_stitch([i, j], [x, y])),
     ("VariableShape", [IMAGES], {"out_type": tf.int64}, lambda x: tf.shape(x, out_type=tf.int64)),
     ("Cross", [IMAGES[0, 0], IMAGES[0, 1]], {}, tf.cross),
     ("MatrixDiag", [IMAGES[0]], {}, tf.matrix_diag),
     ("MatrixDiagV3", [IMAGES[0], *map(np.int32, (1, -1, -1)), np.int32(0)], {},
      lambda x, *_: tf.matrix_diag(x, k=1)),
     ("MatrixDiagPart", [IMAGES[0]], {}, tf.matrix_diag_part),
     ("MatrixDiagPartV3", [IMAGES[0], np.int32(-1), np.int32(0)], {},
      lambda x, *_: tf.matrix_diag_part(x, k=-1)),
     ("MatrixSetDiag", [IMAGES[0], IMAGES[1, :, 0]], {}, tf.matrix_set_diag),
     ("MatrixSetDiagV3", [IMAGES[0], IMAGES[1, :, 0], np.int32(0)], {},
      lambda x, d, _: tf.matrix_set_diag(x, d)),
     *[(f"SparseSegment{kind}", [IMAGES[0], np.array([0, 2, 1], np.int32),
                                 np.array([0, 0, 1], np.int32)], {}, function)
       for kind, function in (("Sum", tf.sparse_segment_sum), ("Mean", tf.sparse_segment_mean),
                              ("SqrtN", tf.sparse_segment_sqrt_n))],
     ("ExtractImagePatches", [IMAGES], {"ksizes": (1, 2, 2, 1), "strides": (1, 1, 2, 1),
                                        "rates": (1, 1, 1, 1), "padding": "SAME"},
      lambda x: tf.image.extract_image_patches(x, [1, 2, 2, 1], [1, 1, 2, 1], [1] * 4, "SAME")),
     ("TensorArraySizeV3", [np.float32(0), np.array([1, 2], np.int32)], {}, lambda h, f: 2)],
)  # fmt: skip
def test_single_nodes(kind, inputs, attrs, wanted):
    fed, found = node(kind, inputs, **attrs)
    compare(found, [tf.convert_to_tensor(wanted(*fed))])


def test_every_input_of_an_identity_is_an_output():
    fed, found = node("IdentityN", [IMAGES, VOLUMES], 2)
    compare(found, fed)


@pytest.mark.parametrize("adjoints", [(False, False), (True, False), (False, True)])
def test_sparse_products(adjoints):
    indices, shape = np.array([[0, 1], [2, 0]]), np.array([3, 2])
    dense = rng.uniform(size=(3 if adjoints[0] else 2, 4)).astype("f")
    dense = dense.T.copy() if adjoints[1] else dense
    attrs = dict(zip(("adjoint_a", "adjoint_b"), adjoints, strict=True))
    values = np.array([2.0, 3.0], "f")
    _, found = node("SparseTensorDenseMatMul", [indices, values, shape, dense], **attrs)
    matrix = np.array([[0, 2], [0, 0], [3, 0]], "f")
    compare(found, [tf.constant((matrix.T if adjoints[0] else matrix)
                                @ (dense.T if adjoints[1] else dense))])  # fmt: skip


def test_parts_of_sparse_tensors():
    at = np.array([[0, 1], [2, 0], [2, 3]])
    numbers, shape = np.array([5.0, 6, 7], "f"), np.array([4, 4])
    _, found = node("SparseFillEmptyRows", [at, numbers, shape, np.float32(9)], 4)
    filled = [[[0, 1], [1, 0], [2, 0], [2, 3], [3, 0]], [5.0, 9, 6, 7, 9],
              [False, True, False, True], [0, 2, 3]]  # fmt: skip
    compare(found, map(tf.constant, filled))
    _, found = node("SparseReshape", [at, shape, np.array([2, -1])], 2)
    compare(found, map(tf.constant, [[[0, 1], [1, 0], [1, 3]], [2, 8]]))
    _, found = node("SparseReorder", [at[::-1].copy(), numbers, shape], 2)
    compare(found, map(tf.constant, [at, [7.0, 6, 5]]))
    _, found = node("SparseSlice", [at, numbers, shape, np.array([1, 1]), np.array([2, 3])], 3)
    compare(found, map(tf.constant, [[[1, 2]], [7.0], [2, 3]]))


def test_crosses_are_read_as_they_are_written():
    words = tf.SparseTensor([[0, 0], [1, 0]], tf.constant(["a", "b"]), [2, 1])
    out = tf.sparse.cross_hashed([words, tf.constant([[1], [2]])], 100, hash_key=7)
    bucket = _bucketize(tf.constant([[0.1, 3.0]]), boundaries=(0.1, 2.5))
    message = tf.get_default_graph().as_graph_def()
    (crossed,) = [n for n in message.node if n.op == "SparseCross"]
    (put,) = [n for n in message.node if n.op == "Bucketize"]
    # Each of them must be there for TensorFlow to take the file.
    assert {k: decoded(v) for k, v in crossed.attr.items() if not k.startswith("_")} == {
        "N": 1, "hashed_output": True, "num_buckets": 100, "hash_key": 7, "out_type": tf.int64,
        "internal_type": tf.int64, "sparse_types": (tf.string,), "dense_types": (tf.int64,),
    }  # fmt: skip
    assert [round(f, 6) for f in put.attr["boundaries"].list.f] == [0.1, 2.5]
    names = [out.values.name, bucket.name]
    again = tf.import_graph_def(message, return_elements=names)
    compare(again, [out.values, bucket])
    compare(again[1:], [tf.constant([[1, 2]])])


def test_numbers_as_text():
    _, (found,) = node("AsString", [np.array([1.5, -2], "f")], precision=2, width=6, fill="0")
    with tf.Session() as session:
        assert session.run(found).tolist() == [b"001.50", b"-02.00"]


@pytest.mark.parametrize(
    ("kind", "inputs", "attrs"),
    [("ParseExample", [np.array([TEXT]), np.array([], "S"), b"i", b"f", np.zeros(0, "f")],
      {"Nsparse": 1, "Ndense": 1}),
     ("ParseExampleV2", [np.array([TEXT]), np.array([], "S"), np.array([b"i"]), np.array([b"f"]),
                         np.array([], "S"), np.zeros(0, "f")], {}),
     ("ParseSingleExample", [TEXT, np.zeros(0, "f")],
      {"sparse_keys": ("i",), "dense_keys": ("f",)})],
)  # fmt: skip
def test_examples_are_parsed(kind, inputs, attrs):
    facts = {"sparse_types": (tf.int64,), "Tdense": (tf.float32,)}
    message = tf.GraphDef()
    made = message.node.add()
    made.name, made.op = "made", kind
    made.input.extend([f"in{i}" for i in range(len(inputs))])
    for name, value in {**attrs, **facts}.items():
        made.attr[name].CopyFrom(encoded(value))
    made.attr["dense_shapes"].list.shape.add().dim.add().size = 1
    given = {f"in{i}": tf.constant(v, shape=np.shape(v)) if np.size(v) else tf.constant(v)
             for i, v in enumerate(inputs)}  # fmt: skip
    found = tf.import_graph_def(message, given, [f"made:{i}" for i in range(4)])
    with tf.Session() as session:
        indices, values, shape, dense = session.run(found)
    assert indices[:, -1].tolist() == [0, 1]
    assert values.tolist() == [3, 4]
    assert shape[-1] == 2
    assert dense.ravel().tolist() == [0.5]


PIXELS = IMAGES.transpose(FIRST).copy()
FILTER = rng.uniform(-1, 1, (2, 2, 3, 4)).astype("f")
WINDOW = {"ksize": (1, 1, 2, 2), "strides": (1, 1, 2, 1), "padding": "SAME"}
STEPS = {"strides": (1, 1, 1, 2), "padding": "VALID", "dilations": (1, 1, 1, 1)}


@pytest.mark.parametrize(
    ("kind", "inputs", "attrs", "function"),
    [("Conv2D", [PIXELS, FILTER], STEPS,
      lambda x, w: tf.nn.conv2d(x, w, [1, 1, 2, 1], "VALID")),
     ("DepthwiseConv2dNative", [PIXELS, FILTER], STEPS | {"strides": (1, 1, 2, 2)},
      lambda x, w: tf.nn.depthwise_conv2d(x, w, [1, 2, 2, 1], "VALID")),
     ("MaxPool", [PIXELS], WINDOW, lambda x: tf.nn.max_pool(x, 2, [1, 2, 1, 1], "SAME")),
     ("AvgPool", [PIXELS], WINDOW, lambda x: tf.nn.avg_pool(x, 2, [1, 2, 1, 1], "SAME")),
     ("BiasAdd", [PIXELS, VECTORS[0]], {}, tf.nn.bias_add)],
)  # fmt: skip
def test_channels_may_come_first(kind, inputs, attrs, function):
    fed, (found,) = node(kind, inputs, data_format="NCHW", **attrs)
    last = tf.transpose(tf.ensure_shape(fed[0], PIXELS.shape), (0, 2, 3, 1))
    compare([found], [tf.transpose(function(last, *fed[1:]), FIRST)])


def test_transposed_convolutions_of_channels_that_come_first():
    sizes = np.array([2, 3, 4, 6], np.int32)
    dy = rng.uniform(size=(2, 4, 3, 3)).astype("f")
    (_, w, _), (found,) = node(
        "Conv2DBackpropInput", [sizes, FILTER, dy], data_format="NCHW", **STEPS
    )
    wanted = tf.nn.conv2d_transpose(
        dy.transpose(0, 2, 3, 1), w, [2, 4, 6, 3], [1, 1, 2, 1], "VALID"
    )
    compare([found], [tf.transpose(wanted, FIRST)])
