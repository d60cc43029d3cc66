"""From strings to tensors: CSV, Examples, raw bytes, images."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest

import tfmini as tf
from tfmini.formats import png


def run(fetches):
    with tf.Session() as session:
        return session.run(fetches)


# -- CSV -------------------------------------------------------------------------------------------


def test_csv_columns_have_the_types_of_their_defaults():
    lines = ["1,2.5,x", ',,"a ""b"", c"', " 3,1e3,"]
    n, x, s = tf.decode_csv(lines, [[9], [7.0], ["d"]])
    assert (n.dtype, x.dtype, s.dtype) == (tf.int32, tf.float32, tf.string)
    assert n.shape.as_list() == [3]
    n, x, s = run([n, x, s])
    assert (n.tolist(), x.tolist()) == ([1, 9, 3], [2.5, 7.0, 1000.0])
    assert s.tolist() == [b"x", b'a "b", c', b"d"]
    scalars = run(tf.decode_csv("5;NA", [[0], [1.5]], field_delim=";", na_value="NA"))
    assert scalars == [5, 1.5]
    assert run(tf.decode_csv("1,2,3", [[0]], select_cols=[2])) == [3]
    assert run(tf.decode_csv('1,"2"', [[0], [""]], use_quote_delim=False)) == [1, b'"2"']
    big = run(tf.decode_csv("5000000000", [tf.constant([], tf.int64)]))
    assert big == [5_000_000_000]


@pytest.mark.parametrize(
    ("line", "defaults", "match"),
    [
        ("1,2,3", [[0], [0]], "3 fields, 2 are expected"),
        ("1,", [[0], tf.int32], "required, but missing"),
        ("1,a", [[0], [0]], "no int32"),
        ("5000000000", [[0]], "no int32"),
        ('"1"x', [[""]], "quote is out of place"),
        ('x"1"', [[""]], "quote is out of place"),
        ('"1', [[""]], "quote is out of place"),
    ],
)
def test_csv_errors(line, defaults, match):
    defaults = [tf.constant([], d) if d is tf.int32 else d for d in defaults]
    with pytest.raises(tf.errors.InvalidArgumentError, match=match):
        run(tf.decode_csv(line, defaults))


def test_csv_files(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('n,x,label\n1,0.5,"a\nb"\n2,,c\n')
    d = tf.data.experimental.CsvDataset(str(path), [tf.int32, [9.0], tf.string], header=True)
    row = d.make_one_shot_iterator().get_next()
    with tf.Session() as session:
        assert session.run(row) == (1, 0.5, b"a\nb")
        assert session.run(row) == (2, 9.0, b"c")
    made = tf.data.experimental.make_csv_dataset(
        str(path), 2, label_name="label", num_epochs=1, shuffle=False
    )
    features, label = run(made.make_one_shot_iterator().get_next())
    assert sorted(features) == ["n", "x"]
    assert (features["n"].tolist(), features["x"].tolist()) == ([1, 2], [0.5, 0.0])
    assert label.tolist() == [b"a\nb", b"c"]
    assert made.output_types[0] == {"n": tf.int32, "x": tf.float32}


# -- Examples --------------------------------------------------------------------------------------


def example(**features):
    out = tf.train.Example()
    for name, values in features.items():
        feature = out.features.feature[name]
        kind = type(values[0]) if values else float
        lists = {int: feature.int64_list, float: feature.float_list, bytes: feature.bytes_list}
        lists[kind].value.extend(values)
    return out.SerializeToString()


ONE = example(a=[1, -(2**40)], b=[b"x"], c=[0.5, 1.5, 2.5])
TWO = example(a=[-3, 4], c=[7.5])


def test_features_of_one_length():
    wanted = {
        "a": tf.FixedLenFeature([2], tf.int64),
        "b": tf.FixedLenFeature([], tf.string, "missing"),
    }
    parsed = tf.parse_example([ONE, TWO], wanted)
    assert parsed["a"].shape.as_list() == [2, 2]
    got = run(parsed)
    assert got["a"].tolist() == [[1, -(2**40)], [-3, 4]]
    assert got["b"].tolist() == [b"x", b"missing"]
    shaped = tf.FixedLenFeature([3, 1], tf.float32)
    assert run(tf.parse_single_example(ONE, {"c": shaped}))["c"].tolist() == [[0.5], [1.5], [2.5]]
    default = tf.FixedLenFeature([2], tf.int64, [5, 6])
    assert run(tf.parse_single_example(ONE, {"z": default}))["z"].tolist() == [5, 6]


def test_sequences_are_padded():
    wanted = {"c": tf.FixedLenSequenceFeature([], tf.float32, allow_missing=True)}
    assert run(tf.parse_example([ONE, TWO], wanted))["c"].tolist() == [
        [0.5, 1.5, 2.5], [7.5, 0.0, 0.0]
    ]  # fmt: skip
    assert run(tf.parse_single_example(ONE, wanted))["c"].tolist() == [0.5, 1.5, 2.5]


def test_lists_that_are_not_packed():
    # Field 1 of the Int64List twice, as some writers have it.
    feature = b"\x1a\x04\x08\x05\x08\x06"
    entry = b"\x0a\x01k\x12" + bytes([len(feature)]) + feature
    features = b"\x0a" + bytes([len(entry)]) + entry
    serialized = b"\x0a" + bytes([len(features)]) + features
    wanted = {"k": tf.FixedLenFeature([2], tf.int64)}
    assert run(tf.parse_single_example(serialized, wanted))["k"].tolist() == [5, 6]


@pytest.mark.parametrize(
    ("feature", "match"),
    [
        ({"b": tf.FixedLenFeature([], tf.float32)}, "string values, float32 is wanted"),
        ({"zz": tf.FixedLenFeature([], tf.float32)}, "required, but missing"),
        ({"c": tf.FixedLenFeature([2], tf.float32)}, "3 values"),
        ({"c": tf.FixedLenFeature([2], tf.float64)}, "tf.cast"),
        ({"c": tf.FixedLenFeature([None], tf.float32)}, "VarLenFeature"),
        ({"c": tf.float32}, "use tf.FixedLenFeature"),
        ({}, "empty"),
    ],
)
def test_example_errors(feature, match):
    with pytest.raises(tf.errors.InvalidArgumentError, match=match):
        run(tf.parse_single_example(ONE, feature))


def test_what_is_no_example_says_so():
    with pytest.raises(tf.errors.InvalidArgumentError, match="no serialized Example"):
        run(tf.parse_single_example(b"garbage!", {"a": tf.FixedLenFeature([], tf.int64)}))


def test_records_of_examples_to_batches(tmp_path):
    path = str(tmp_path / "examples")
    with tf.python_io.TFRecordWriter(path) as writer:
        for i in range(6):
            writer.write(example(n=[i], x=[i * 0.5, i * 2.0]))

    def parse(serialized):
        return tf.parse_single_example(
            serialized,
            {"n": tf.FixedLenFeature([], tf.int64), "x": tf.FixedLenFeature([2], tf.float32)},
        )

    batch = tf.data.TFRecordDataset(path).map(parse).batch(4).make_one_shot_iterator().get_next()
    with tf.Session() as session:
        first, second = session.run(batch), session.run(batch)
    assert first["n"].tolist() + second["n"].tolist() == list(range(6))
    assert second["x"].tolist() == [[2.0, 8.0], [2.5, 10.0]]
    whole = tf.data.experimental.make_batched_features_dataset(
        path, 3, {"n": tf.FixedLenFeature([], tf.int64)}, num_epochs=1, shuffle=False
    )
    assert run(whole.make_one_shot_iterator().get_next())["n"].tolist() == [0, 1, 2]


def test_tensors_as_messages():
    for value in (np.arange(6.0).reshape(2, 3), np.int32(4), np.array([b"a", b"bc"], object)):
        text = tf.serialize_tensor(tf.constant(value))
        back = run(tf.parse_tensor(text, tf.as_dtype(value.dtype)))
        assert np.array_equal(back, value)
    with pytest.raises(tf.errors.InvalidArgumentError, match="is wanted"):
        run(tf.parse_tensor(tf.serialize_tensor(tf.constant(1.0)), tf.int32))


# -- raw bytes -------------------------------------------------------------------------------------


def test_raw_numbers():
    data = np.array([[1, -2], [300, 4]], np.int16)
    strings = [row.tobytes() for row in data]
    decoded = tf.decode_raw(strings, tf.int16)
    assert decoded.shape.as_list() == [2, None]
    assert np.array_equal(run(decoded), data)
    assert run(tf.decode_raw(b"\x00\x00\x01\x02", tf.int32, little_endian=False)).tolist() == [258]
    for bad, match in ((["a", "bc"], "differ in length"), ("abc", "no whole number")):
        with pytest.raises(tf.errors.InvalidArgumentError, match=match):
            run(tf.decode_raw(bad, tf.int16))


# -- images ----------------------------------------------------------------------------------------

IMAGE = np.random.default_rng(0).integers(0, 256, (9, 7, 4)).astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_png_round_trip(channels, dtype):
    image = IMAGE[..., :channels].astype(dtype) * dtype(200)
    text = tf.image.encode_png(image)
    back = tf.image.decode_png(text, dtype=dtype)
    assert back.shape.as_list() == [None, None, None]
    assert np.array_equal(run(back), image)


def test_png_files_of_pillow():
    images = pytest.importorskip("PIL.Image")
    smooth = np.add.outer(np.arange(40), np.arange(30) * 2).astype(np.uint8)
    smooth = np.stack([smooth, smooth.T.copy().reshape(smooth.shape), 255 - smooth], 2)
    for mode in ("L", "RGB", "RGBA", "LA", "P", "1", "I;16"):
        if mode == "I;16":
            picture = images.fromarray(smooth[..., 0].astype(np.uint16) * 250)
        else:
            picture = images.fromarray(smooth).convert(mode)
        file = io.BytesIO()
        picture.save(file, "PNG")  # it chooses filters line by line
        pixels = png.png_pixels(file.getvalue())
        plain = {"P": "RGB", "1": "L"}.get(mode)
        expected = np.array(picture.convert(plain) if plain else picture)
        assert np.array_equal(pixels.reshape(expected.shape), expected), mode


def test_png_filters_of_the_left_and_of_both():
    rows = IMAGE[:4, :, :3].reshape(4, -1).astype(int)
    left = np.pad(rows, ((0, 0), (3, 0)))[:, :-3]
    above = np.pad(rows, ((1, 0), (0, 0)))[:-1]
    corner = np.pad(left, ((1, 0), (0, 0)))[:-1]
    guess = left + above - corner
    distances = np.abs([guess - left, guess - above, guess - corner])
    paeth = np.choose(distances.argmin(0), [left, above, corner])
    for kind, predicted in enumerate([0 * rows, left, above, (left + above) // 2, paeth]):
        lines = np.column_stack([np.full(4, kind), (rows - predicted) % 256]).astype(np.uint8)
        file = png_file(7, 4, 8, 2, lines.tobytes())
        assert np.array_equal(png.png_pixels(file), IMAGE[:4, :, :3]), kind


def png_file(width, height, depth, color, body, interlace=0, extra=b""):
    def chunk(kind, content):
        crc = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + crc

    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace)
    parts = chunk(b"IHDR", header), extra, chunk(b"IDAT", zlib.compress(body)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_interlaced_png():
    image = IMAGE[..., 0]
    order = [  # the pattern in the specification, an 8 by 8 square
        "16462646", "77777777", "56565656", "77777777",
        "36463646", "77777777", "56565656", "77777777",
    ]  # fmt: skip
    passes = np.array([list(map(int, row)) for row in order])
    passes = np.tile(passes, (2, 1))[:9, :7]
    body = b""
    for number in range(1, 8):
        for row, mask in zip(image, passes == number, strict=True):
            if mask.any():
                body += b"\0" + row[mask].tobytes()
    assert np.array_equal(png.png_pixels(png_file(7, 9, 8, 0, body, 1))[..., 0], image)


def test_channels_and_types_of_images():
    grey = run(tf.image.decode_png(tf.image.encode_png(IMAGE[..., :1]), channels=3))
    assert np.array_equal(grey, np.repeat(IMAGE[..., :1], 3, 2))
    with_alpha = run(tf.image.decode_png(tf.image.encode_png(IMAGE[..., :3]), channels=4))
    assert (with_alpha[..., 3] == 255).all()
    assert np.array_equal(run(tf.image.decode_png(tf.image.encode_png(IMAGE), 3)), IMAGE[..., :3])
    scaled = run(tf.image.decode_image(tf.image.encode_png(IMAGE), dtype=tf.float32))
    assert np.allclose(scaled, IMAGE / 255.0, atol=1e-7)
    luma = run(tf.image.decode_png(tf.image.encode_png(IMAGE[..., :3]), channels=1))[..., 0]
    weights = [0.299, 0.587, 0.114]  # ITU-R BT.601
    assert np.abs(luma - IMAGE[..., :3] @ weights).max() <= 1.0


def test_jpeg_gif_and_bmp_by_pillow():
    images = pytest.importorskip("PIL.Image")
    smooth = np.add.outer(np.arange(32), np.arange(24) * 2).astype(np.uint8)
    smooth = np.stack([smooth, smooth // 2, 255 - smooth], 2)
    jpeg = run(tf.image.encode_jpeg(smooth, quality=95))
    decoded = run(tf.image.decode_jpeg(jpeg))
    assert decoded.shape == (32, 24, 3)
    assert np.abs(decoded.astype(int) - smooth).mean() < 3
    assert run(tf.image.decode_jpeg(jpeg, channels=1, ratio=2)).shape == (16, 12, 1)
    file = io.BytesIO()
    images.fromarray(smooth).save(file, "BMP")
    assert np.array_equal(run(tf.image.decode_bmp(file.getvalue())), smooth)
    file = io.BytesIO()
    frames = [images.fromarray(smooth), images.fromarray(255 - smooth)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    assert run(tf.image.decode_image(file.getvalue())).shape == (2, 32, 24, 3)
    still = tf.image.decode_image(file.getvalue(), expand_animations=False)
    assert run(still).shape == (32, 24, 3)


@pytest.mark.parametrize(
    ("data", "error", "match"),
    [
        (b"no image", tf.errors.InvalidArgumentError, "unknown image format"),
        (b"\xff\xd8\xffbroken", tf.errors.OpError, "JPEG"),
        (png.png_bytes(IMAGE)[:-20], tf.errors.DataLossError, "cut off|damaged"),
        (png.png_bytes(IMAGE)[:40] + b"!" + png.png_bytes(IMAGE)[41:],
         tf.errors.DataLossError, "damaged"),
    ],
)  # fmt: skip
def test_image_errors(data, error, match):
    with pytest.raises(error, match=match):
        run(tf.image.decode_image(data))


def test_features_of_any_length():
    wanted = {"c": tf.VarLenFeature(tf.float32), "z": tf.VarLenFeature(tf.string)}
    got = run(tf.parse_example([ONE, TWO], wanted))
    assert got["c"].indices.tolist() == [[0, 0], [0, 1], [0, 2], [1, 0]]
    assert got["c"].values.tolist() == [0.5, 1.5, 2.5, 7.5]
    assert got["c"].dense_shape.tolist() == [2, 3]
    assert got["z"].dense_shape.tolist() == [2, 0]
    one = tf.parse_single_example(TWO, wanted)["c"]
    assert isinstance(one, tf.SparseTensor)
    assert run(tf.sparse_tensor_to_dense(one)).tolist() == [7.5]
