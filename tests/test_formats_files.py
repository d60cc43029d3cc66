"""Files: checksums, records, checkpoints, images, histograms; and files that TensorFlow wrote."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest

import tfmini as tf
from tfmini.errors import DataLossError, InvalidArgumentError, NotFoundError, UnimplementedError
from tfmini.formats.bundle import BundleReader, data_path, index_path, write_bundle
from tfmini.formats.crc32c import crc32c, masked, masked_crc32c_of_parts
from tfmini.formats.histogram import bucket_limits, histogram
from tfmini.formats.records import TFRecordOptions, TFRecordWriter, read_records
from tfmini.formats.table import table_bytes, table_items
from tfmini.formats.tensor_slices import TensorSliceProto, slice_key
from tfmini.formats.tensors import make_ndarray, make_tensor_proto

FILES = Path(__file__).parent / "tensorflow_files"


def test_checksums_are_those_of_rfc_3720():
    assert crc32c(b"") == 0
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E
    assert crc32c(bytes(range(31, -1, -1))) == 0x113FDB5C
    assert crc32c(b"123456789") == 0xE3069283


def bitwise(data):
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


@pytest.mark.parametrize("size", [1, 63, 64, 67, 511, 512, 513, 576, 1000, 2047, 2048, 5000])
def test_checksums_of_any_length(size):
    data = np.random.default_rng(size).bytes(size)
    assert crc32c(data) == bitwise(data)
    assert crc32c(data[size // 3 :], crc32c(data[: size // 3])) == crc32c(data)


def test_long_data_is_folded():
    data = np.random.default_rng(0).integers(0, 255, 400_003, np.uint8)
    parts = 0
    for start in range(0, data.size, 1000):
        parts = crc32c(data[start : start + 1000], parts)
    assert crc32c(data) == parts
    assert masked(0) == 0xA282EAD8


def test_a_table_keeps_its_items():
    items = sorted((f"layer_{i % 7}/{i}".encode(), b"v" * (i % 50)) for i in range(2000))
    data = table_bytes(items)
    assert len(data) < sum(len(k) + len(v) + 8 for k, v in items)  # prefixes are shared
    assert list(table_items(data, "t")) == items
    assert list(table_items(table_bytes([]), "t")) == []


def test_a_damaged_table_is_an_error():
    data = bytearray(table_bytes([(b"key", b"value")]))
    data[4] ^= 1
    with pytest.raises(DataLossError, match="the table is damaged"):
        list(table_items(bytes(data), "the table"))
    with pytest.raises(DataLossError, match="no table"):
        list(table_items(b"x" * 100, "the table"))


def test_a_compressed_table_is_named():
    data = bytearray(table_bytes([(b"key", b"value")]))
    # The first block: one entry, one restart, the number of restarts; then its compression.
    block = b"\x00\x03\x05keyvalue" + struct.pack("<II", 0, 1)
    assert data.startswith(block + b"\0")
    data[len(block) : len(block) + 5] = b"\1" + struct.pack("<I", masked(crc32c(block + b"\1")))
    with pytest.raises(UnimplementedError, match="compressed"):
        list(table_items(bytes(data), "t"))


ARRAYS = {
    **{f"all/{d}": np.arange(6).reshape(2, 3).astype(d)
       for d in ("float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8",
                 "uint16", "uint32", "uint64", "complex64", "complex128")},
    "all/bool": np.array([True, False, True]),
    "text": np.array([b"", b"one", b"x" * 200], object),
    "scalar": np.float32(1.5),
    "empty": np.zeros((0, 3), np.float32),
}  # fmt: skip


def same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tolist() == b.tolist()


def test_a_bundle_keeps_all_dtypes(tmp_path):
    prefix = str(tmp_path / "c")
    write_bundle(prefix, ARRAYS)
    reader = BundleReader(prefix)
    assert reader.names == sorted(ARRAYS)
    assert all(same(reader.read(k), np.asarray(v)) for k, v in ARRAYS.items())
    assert sorted(os.listdir(tmp_path)) == ["c.data-00000-of-00001", "c.index"]


def test_reading_shards_that_tensorflow_wrote():
    reader = BundleReader(str(FILES / "shards"))
    there = {k: v for k, v in ARRAYS.items() if k not in ("all/uint32", "all/uint64")}
    assert reader.names == sorted([*there, "half/bfloat16"])
    assert all(same(reader.read(k), np.asarray(v)) for k, v in there.items())
    assert reader.read("half/bfloat16").tolist() == [1.0, -2.5, 3.25]


def test_reading_parts_that_tensorflow_wrote(tmp_path):
    """Partitioned variables: 3 parts of rows, 2 of a vector, 4 of columns."""
    reader = BundleReader(str(FILES / "parts"))
    wholes = {"m/w": (150, 2), "m/b": (5,), "c": (2, 10)}
    assert reader.names == sorted(wholes)
    for name, shape in wholes.items():
        expected = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
        assert reader.shape(name) == list(shape)
        assert same(reader.read(name), expected)
    with tf.Graph().as_default(), tf.Session() as session:
        whole = tf.get_variable("m/w", [150, 2])
        tf.train.Saver().restore(session, str(FILES / "parts"))
        assert session.run(whole)[149].tolist() == [298.0, 299.0]
    copy = str(tmp_path / "parts")
    Path(index_path(copy)).write_bytes(Path(index_path(reader.prefix)).read_bytes())
    data = bytearray(Path(data_path(reader.prefix)).read_bytes())
    Path(data_path(copy)).write_bytes(bytes(b ^ 1 for b in data))
    with pytest.raises(DataLossError, match=r"m/w.*damaged"):
        BundleReader(copy).read("m/w")


@pytest.mark.parametrize(
    ("n", "key"),
    [(0, "80"), (63, "bf"), (64, "c040"), (-1, "7f"), (-65, "3fbf"), (8191, "dfff"),
     (8192, "e02000")],
)  # fmt: skip
def test_numbers_in_keys_of_parts_sort_as_numbers(n, key):
    Extent = TensorSliceProto.Extent
    part = TensorSliceProto(extent=[Extent(start=n, length=5)])
    assert slice_key("a\0\xff", part).hex() == "00" + "6100ffc3bf0001" + "0101" + key + "85"


def test_a_damaged_bundle_is_an_error(tmp_path):
    prefix = str(tmp_path / "c")
    write_bundle(prefix, {"a": np.ones(10), "s": np.array([b"text"], object)})
    raw = bytearray(Path(data_path(prefix)).read_bytes())
    raw[5] ^= 1
    raw[-1] ^= 1
    Path(data_path(prefix)).write_bytes(raw)
    reader = BundleReader(prefix)
    for name in ("a", "s"):
        with pytest.raises(DataLossError, match="checksum"):
            reader.read(name)
    Path(data_path(prefix)).write_bytes(raw[:20])
    with pytest.raises(DataLossError, match="cut off"):
        reader.read("a")
    os.remove(data_path(prefix))
    with pytest.raises(NotFoundError, match="missing"):
        reader.read("a")
    with pytest.raises(NotFoundError, match="no tensor 'b'"):
        reader.read("b")
    with pytest.raises(NotFoundError, match="does not exist"):
        BundleReader(str(tmp_path / "other"))
    with pytest.raises(NotFoundError, match="directory"):
        BundleReader(str(tmp_path))
    with pytest.raises(NotFoundError, match=r"precedes \.index"):
        BundleReader(index_path(prefix))


def test_a_failed_write_leaves_the_old_checkpoint(tmp_path):
    prefix = str(tmp_path / "c")
    write_bundle(prefix, {"a": np.ones(3)})
    with pytest.raises(TypeError):
        write_bundle(prefix, {"a": np.zeros(3), "b": np.array(["2020"], "datetime64")})
    assert BundleReader(prefix).read("a").tolist() == [1.0, 1.0, 1.0]
    assert len(os.listdir(tmp_path)) == 2


@pytest.mark.parametrize("kind", ["", "GZIP", "ZLIB"])
def test_records_survive(tmp_path, kind):
    path = tmp_path / "r"
    options = tf.python_io.TFRecordOptions(kind)
    with tf.python_io.TFRecordWriter(path, options) as writer:
        for i in range(5):
            writer.write(b"x" * i * 100)
        writer.flush()
    found = list(tf.python_io.tf_record_iterator(str(path), options))
    assert found == [b"x" * i * 100 for i in range(5)]
    if kind:
        with pytest.raises(DataLossError):
            list(read_records(path))
    raw = path.read_bytes()
    path.write_bytes(raw[:-6])
    with pytest.raises(DataLossError, match=r"cut off|not whole"):
        list(read_records(path, options))
    if not kind:  # of a file that is being written, what is whole is there
        assert len(list(read_records(path, keep_open=True))) == 4


def test_records_that_tensorflow_wrote():
    records = tf.python_io.tf_record_iterator(str(FILES / "examples.tfrecord"))
    found = [tf.train.Example.FromString(r) for r in records]
    assert [list(e.features.feature["i"].int64_list.value) for e in found] == [[0, 0], [1, -1]]
    assert [e.features.feature["f"].float_list.value[0] for e in found] == [0.0, 0.5]
    assert [e.features.feature["b"].bytes_list.value[0] for e in found] == [b"", b"x"]


def test_wrong_records(tmp_path):
    path = tmp_path / "r"
    with tf.python_io.TFRecordWriter(str(path)) as writer, pytest.raises(TypeError, match="bytes"):
        writer.write("text")
    with pytest.raises(RuntimeError, match="closed"):
        writer.write(b"late")
    path.write_bytes(b"not a record file at all")
    with pytest.raises(DataLossError, match="no TFRecord"):
        list(read_records(path))
    with pytest.raises(NotFoundError):
        list(read_records(tmp_path / "none"))
    with pytest.raises(InvalidArgumentError, match="LZMA"):
        tf.python_io.TFRecordOptions("LZMA")


def test_histogram_counts():
    values = np.array([-5.0, 0.0, 7.0, 1000.0, 7.1])
    found = histogram(values)
    assert (found.min, found.max, found.num) == (-5.0, 1000.0, 5.0)
    assert found.sum == pytest.approx(values.sum())
    assert found.sum_squares == pytest.approx((values**2).sum())
    assert sum(found.bucket) == 5.0
    limits = bucket_limits()
    for value in values:
        limit = limits[limits > value][0]  # the first limit above a value is its bucket's
        expected = 2.0 if value in (7.0, 7.1) else 1.0
        assert found.bucket[found.bucket_limit.index(limit)] == expected
    positive = limits[(limits > 0) & (limits < 1e20)]
    assert positive[0] == 1e-12
    assert np.allclose(positive[1:] / positive[:-1], 1.1)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_histograms_need_finite_values(bad):
    with pytest.raises(InvalidArgumentError, match="summary histogram for: w"):
        histogram([1.0, bad], "w")


@pytest.mark.parametrize("name", sorted(ARRAYS))
def test_tensor_messages_keep_arrays(name):
    array = np.asarray(ARRAYS[name])
    assert same(make_ndarray(make_tensor_proto(array)), array)


def test_tensor_messages_repeat_their_last_value():
    proto = make_tensor_proto(3.0, shape=[2, 2])
    assert list(proto.float_val) == [3.0]
    assert make_ndarray(proto).tolist() == [[3.0, 3.0], [3.0, 3.0]]
    with pytest.raises(InvalidArgumentError):
        make_tensor_proto([1, 2, 3], shape=[2])


@pytest.mark.parametrize("size", [0, 3, 4, 47, 48, 511, 512, 513, 1024, 65536, 65537, 140_000])
def test_checksum_of_rows_of_bytes(size):
    """Each way to take bytes together, with a register from before."""
    data = np.random.default_rng(size).integers(0, 256, size + 7, dtype=np.uint8).tobytes()
    register = crc32c(data[:7])
    for byte in data[7:]:
        register = crc32c(bytes([byte]), register)  # byte by byte
    assert crc32c(data[7:], crc32c(data[:7])) == register
    assert crc32c(data) == register


def test_checksums_of_parts():
    rng = np.random.default_rng(0)
    data = rng.integers(0, 256, 5000, dtype=np.uint8)
    lengths = np.concatenate([np.arange(20), rng.integers(0, 700, 40)])
    starts = np.array([rng.integers(0, 5000 - n + 1) for n in lengths])
    found = masked_crc32c_of_parts(data, starts, lengths)
    for crc, start, n in zip(found, starts, lengths, strict=True):
        assert crc == masked(crc32c(data[start : start + n]))
    assert masked_crc32c_of_parts(data, starts[:0], lengths[:0]).shape == (0,)


SIZES = [0, 1, 5, 300, 0, 70_000, 3, 200_000, 65_520, 10]


@pytest.mark.parametrize("compression", ["", "GZIP", "ZLIB"])
def test_records_shorter_and_longer_than_blocks(tmp_path, compression):
    options = TFRecordOptions(compression)
    rng = np.random.default_rng(0)
    records = [rng.integers(0, 256, n, dtype=np.uint8).tobytes() for n in SIZES * 3]
    with TFRecordWriter(tmp_path / "r", options) as writer:
        for record in records:
            writer.write(record)
    assert list(read_records(tmp_path / "r", options)) == records


def test_records_before_the_damage_are_read(tmp_path):
    path = tmp_path / "r"
    records = [bytes([i]) * n for i, n in enumerate(SIZES)]
    with TFRecordWriter(path) as writer:
        for record in records:
            writer.write(record)
    whole = path.read_bytes()
    starts = np.cumsum([0] + [len(r) + 16 for r in records])
    for number, start in enumerate(starts[:-1]):
        last = starts[number + 1] - 1
        for place in {start, start + 8, start + 12 if records[number] else last, last}:
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            reader = read_records(path)
            assert [next(reader) for _ in range(number)] == records[:number]
            with pytest.raises(DataLossError, match=f"at byte {start}[ ,]"):
                next(reader)
        for cut in (start + 1, start + 11, last):
            path.write_bytes(whole[:cut])
            assert list(read_records(path, keep_open=True)) == records[:number]
            reader = read_records(path)
            assert [next(reader) for _ in range(number)] == records[:number]
            with pytest.raises(DataLossError, match="cut off"):
                next(reader)
