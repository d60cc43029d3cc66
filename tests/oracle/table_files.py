"""Rows for what is read and written: images as files, examples, CSV, raw bytes, tensors."""

from __future__ import annotations

import struct

import numpy as np

import tfmini as tf
from tests.oracle.draw import A, B, I, T, row

SMOOTH = (
    128 + 100 * np.sin(np.arange(9)[:, None, None] / 4 + np.arange(13)[:, None] / 6 + np.arange(3))
).astype("uint8")
GRAY = SMOOTH[..., :1]


def _run(tensor: tf.Tensor) -> np.ndarray:
    with tf.Session(graph=tensor.graph) as session:
        return np.array(session.run(tensor), object)


def _encoded(name: str, *args: object, **kwargs: object) -> np.ndarray:
    with tf.Graph().as_default():
        return _run(getattr(tf.image, name)(*args, **kwargs))


JPEG, GRAY_JPEG = _encoded("encode_jpeg", SMOOTH), _encoded("encode_jpeg", GRAY)
with tf.Graph().as_default():
    TENSOR = _run(tf.serialize_tensor(tf.constant([1.5, 2.0])))
PNG, GRAY_PNG = _encoded("encode_png", SMOOTH), _encoded("encode_png", GRAY)
PNG16 = _encoded("encode_png", SMOOTH.astype("uint16") * 200)


def _example(**features: tf.train.Feature) -> bytes:
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def _floats(*values: float) -> tf.train.Feature:
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def _ints(*values: int) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def _bytes(*values: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


EXAMPLES = B([_example(x=_floats(1, 2), n=_ints(3), s=_bytes(b"a", b"b"), t=_floats(1, 2, 3, 4)),
              _example(x=_floats(5, 6), s=_bytes(b"c"), t=_floats(7, 8))])  # fmt: skip
FEATURES = {
    "x": ("FixedLenFeature", [2], "float32"),
    "n": ("FixedLenFeature", [], "int64", -1),
    "s": ("VarLenFeature", "string"),
    "t": ("FixedLenSequenceFeature", [2], "float32", True),
}
SINGLE = {name: FEATURES[name] for name in ("x", "n", "s")}
SEQUENCE = B(
    tf.train.SequenceExample(
        context=tf.train.Features(feature={"n": _ints(3)}),
        feature_lists=tf.train.FeatureLists(
            feature_list={"x": tf.train.FeatureList(feature=[_floats(1, 2), _floats(3, 4)])}
        ),
    ).SerializeToString()
)
CONTEXT = {"n": ("FixedLenFeature", [], "int64")}
STEPS = {"x": ("FixedLenSequenceFeature", [2], "float32")}
RAGGED = {"x": ("VarLenFeature", "float32")}
GIF = B(b"GIF89a\1\0\1\0\x80\0\0\xff\0\x10\0\0\xff,\0\0\0\0\1\0\1\0\0\2\2D\1\0;")
BMP = B(b"BM" + struct.pack("<IHHIIiiHHIIiiII", 70, 0, 0, 54, 40, 2, 2, 1, 24, 0, 16, 0, 0, 0, 0)
        + bytes(range(6)) + b"\0\0" + bytes(range(100, 106)) + b"\0\0")  # fmt: skip
# fmt: off
ROWS = [
    row("image.decode_gif image.decode_image", GIF),
    row("image.decode_bmp image.decode_image", BMP), row("image.decode_bmp", BMP, 3),
    row("image.decode_png image.decode_image", PNG),
    row("image.decode_png", GRAY_PNG), row("image.decode_png", GRAY_PNG, 3),
    row("image.decode_png", PNG, 1), row("image.decode_png", PNG, 4),
    row("image.decode_png", PNG16, dtype="uint16"), row("image.decode_png", PNG16),
    row("image.decode_image", PNG, dtype="float32"), row("image.decode_image", B(b"nothing")),
    *[row("image.decode_jpeg", JPEG, **kw) for kw in (
        {}, {"channels": 1}, {"ratio": 2}, {"fancy_upscaling": False})],
    *[row("image.decode_jpeg", JPEG, dct_method="INTEGER_ACCURATE", **kw) for kw in (
        {}, {"channels": 1}, {"ratio": 2}, {"fancy_upscaling": False})],
    row("image.decode_jpeg", GRAY_JPEG), row("image.decode_jpeg", GRAY_JPEG, 3),
    row("image.decode_and_crop_jpeg", JPEG, [1, 2, 5, 6]),
    row("image.decode_and_crop_jpeg", JPEG, I([1, 2, 50, 6])),
    row("image.extract_jpeg_shape", JPEG), row("image.extract_jpeg_shape", GRAY_JPEG, "int64"),
    *[row("image.is_jpeg", x) for x in (JPEG, PNG, B(b""))],
    *[row("image.encode_png", x, "image.decode_png", program="and_back")
      for x in (SMOOTH, GRAY, A(SMOOTH[:, :, [0, 1, 2, 0]], "uint8"))],
    *[row("image.encode_jpeg", x, "image.decode_jpeg", program="and_back",
          dct_method="INTEGER_ACCURATE") for x in (SMOOTH, GRAY)],
    row("image.decode_jpeg", _encoded("encode_jpeg", SMOOTH, chroma_downsampling=False),
        fancy_upscaling=False, dct_method="INTEGER_ACCURATE"),
    row("image.adjust_jpeg_quality", SMOOTH, 50),
    row("parse_example", EXAMPLES, FEATURES, program="parsed"),
    row("parse_example", B([]), FEATURES, program="parsed"),
    row("parse_example", EXAMPLES, {"n": ("FixedLenFeature", [], "int64")}, program="parsed"),
    row("parse_single_example", B(EXAMPLES[0]), SINGLE, program="parsed"),
    row("parse_single_example", B(b"nothing"), SINGLE, program="parsed"),
    row("parse_single_sequence_example", SEQUENCE, CONTEXT, STEPS, program="parsed"),
    row("parse_single_sequence_example", SEQUENCE, CONTEXT, RAGGED, program="parsed"),
    row("io.parse_sequence_example", SEQUENCE.reshape(1), CONTEXT, STEPS, program="parsed"),
    row("decode_csv", B([b"1,2.5,a", b"3,,\"b,c\""]), [[0], [1.5], ["x"]]),
    row("decode_csv", B([b"1 2", b"3 4"]), [[0], [0.0]], field_delim=" "),
    row("decode_csv", B([b"1,2,NA", b"3,4,5"]), [[0], [0.0]], na_value="NA", select_cols=[0, 2]),
    row("decode_csv", B([b"1"]), [[0], [0]]), row("decode_csv", B([b",1"]), [[], [0]]),
    *[row("decode_raw", B([b"\1\0\2\0\3\0\4\0"]), d) for d in ("uint8", "int16", "int32", "int64")],
    row("decode_raw", B([b"\1\2", b"\3\4"]), "uint16", little_endian=False),
    row("decode_raw", B([b"\1\2\3"]), "int16"), row("decode_raw", B([]), "int16"),
    row("serialize_tensor", T(2, 3), "parse_tensor", "float32", program="and_back"),
    row("serialize_tensor", T(2, 3), "parse_tensor", "int32", program="and_back", dtypes="fi"),
    row("serialize_tensor", B([b"a", b""]), "parse_tensor", "string", program="and_back"),
    row("serialize_tensor", T(2, 3), dtypes="fdilb"),
    row("parse_tensor", TENSOR, "float32"), row("parse_tensor", TENSOR, "int32"),
    row("decode_base64 encode_base64", B([b"YWI", b""])),
    row("encode_base64", B([b"ab", b"\xff\xfe"]), pad=True),
    row("matching_files", ["/no such folder/*"]),
]
# fmt: on
