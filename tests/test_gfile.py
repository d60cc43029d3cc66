"""Files: ``tf.gfile``, and the operations that read and write them."""

from __future__ import annotations

import pytest

import tfmini as tf


def test_text_and_bytes(tmp_path):
    path = str(tmp_path / "t.txt")
    with tf.gfile.GFile(path, "w") as file:
        file.write("one\ntwø\n")
        file.write(b"three")
        assert file.size() == 14
    assert tf.gfile.Open(path).read() == "one\ntwø\nthree"
    assert list(tf.gfile.FastGFile(path, "rb")) == [b"one\n", "twø\n".encode(), b"three"]
    with tf.gfile.GFile(path, "a") as file:
        file.write("!")
    with tf.gfile.GFile(path) as file:
        assert file.readline() == "one\n"
        assert file.tell() == 4
        file.seek(-6, 2)
        assert file.readlines() == ["three!"]
    assert (file.name, file.mode) == (path, "r")


def test_files_are_opened_when_first_used(tmp_path):
    missing = tf.gfile.GFile(str(tmp_path / "none"))
    with pytest.raises(tf.errors.NotFoundError, match="none"):
        missing.read()
    with pytest.raises(tf.errors.PermissionDeniedError):
        tf.gfile.GFile(str(tmp_path / "w"), "w").read()
    with pytest.raises(tf.errors.PermissionDeniedError):
        tf.gfile.GFile(str(tmp_path / "r"), "r").write("x")
    with pytest.raises(tf.errors.InvalidArgumentError, match="mode"):
        tf.gfile.GFile("x", "rw")


def test_folders(tmp_path):
    top = str(tmp_path / "a")
    tf.gfile.MakeDirs(top + "/b/c")
    tf.gfile.MakeDirs(top + "/b/c")
    with pytest.raises(tf.errors.AlreadyExistsError):
        tf.gfile.MkDir(top)
    for name in ("x.txt", "y.txt", "b/z.bin"):
        with tf.gfile.GFile(f"{top}/{name}", "w") as file:
            file.write(name)
    assert tf.gfile.IsDirectory(top)
    assert sorted(tf.gfile.ListDirectory(top)) == ["b", "x.txt", "y.txt"]
    assert tf.gfile.Glob([top + "/*.txt"]) == [top + "/x.txt", top + "/y.txt"]
    walked = [(d, sorted(s), sorted(f)) for d, s, f in tf.gfile.Walk(top)]
    assert walked[0] == (top, ["b"], ["x.txt", "y.txt"])
    tf.gfile.Copy(top + "/x.txt", top + "/new")
    with pytest.raises(tf.errors.AlreadyExistsError, match="overwrite"):
        tf.gfile.Rename(top + "/x.txt", top + "/new")
    tf.gfile.Rename(top + "/x.txt", top + "/new", overwrite=True)
    assert not tf.gfile.Exists(top + "/x.txt")
    status = tf.gfile.Stat(top + "/new")
    assert (status.length, status.is_directory) == (5, False)
    tf.gfile.Remove(top + "/new")
    tf.gfile.DeleteRecursively(top)
    assert not tf.gfile.Exists(top)
    for call in (tf.gfile.Remove, tf.gfile.ListDirectory, tf.gfile.Stat):
        with pytest.raises(tf.errors.NotFoundError):
            call(top)
    assert tf.io.gfile.exists(str(tmp_path))


def test_operations_on_files(tmp_path):
    path = str(tmp_path / "deep" / "f.txt")
    write = tf.write_file(path, tf.constant("contents"))
    with tf.Session() as session:
        with pytest.raises(tf.errors.NotFoundError, match=r"f\.txt"):
            session.run(tf.read_file(path))
        session.run(write)
        text = tf.read_file(path)
        assert text.shape.as_list() == []
        assert session.run(text) == b"contents"
        with tf.gfile.GFile(path, "w") as file:
            file.write("changed")
        assert session.run(text) == b"changed"
        found = session.run(tf.matching_files([str(tmp_path / "d*" / "*.txt"), path]))
        assert found.tolist() == [path.encode()]


def test_datasets_of_files(tmp_path):
    for name, text in (("b.txt", "3\n4\n"), ("a.txt", "1\r\n2")):
        (tmp_path / name).write_bytes(text.encode())
    pattern = str(tmp_path / "*.txt")
    names = tf.data.Dataset.list_files(pattern, shuffle=False)
    lines = tf.data.TextLineDataset(names)
    pairs = names.interleave(tf.data.TextLineDataset, cycle_length=2, block_length=1)
    fixed = tf.data.FixedLengthRecordDataset([str(tmp_path / "b.txt")], 2)
    with tf.Session() as session:
        for dataset, expected in (
            (lines, [b"1", b"2", b"3", b"4"]),
            (pairs, [b"1", b"3", b"2", b"4"]),
            (fixed, [b"3\n", b"4\n"]),
        ):
            following = dataset.make_one_shot_iterator().get_next()
            assert [session.run(following) for _ in expected] == expected
    shuffled = tf.data.Dataset.list_files(pattern, seed=1).batch(5)
    got = tf.Session().run(shuffled.make_one_shot_iterator().get_next())
    assert sorted(got) == [str(tmp_path / n).encode() for n in ("a.txt", "b.txt")]
    with pytest.raises(tf.errors.InvalidArgumentError, match="no file matches"):
        tf.Session().run(
            tf.data.Dataset.list_files("/nowhere/*").make_one_shot_iterator().get_next()
        )


@pytest.mark.parametrize("kind", ["GZIP", "ZLIB"])
def test_compressed_files(tmp_path, kind):
    import gzip
    import zlib

    compress = gzip.compress if kind == "GZIP" else zlib.compress
    path = tmp_path / "c"
    path.write_bytes(compress(b"one\ntwo\n"))
    following = tf.data.TextLineDataset(str(path), kind).make_one_shot_iterator().get_next()
    with tf.Session() as session:
        assert [session.run(following) for _ in range(2)] == [b"one", b"two"]
    records = str(tmp_path / "r")
    options = tf.python_io.TFRecordOptions(kind)
    with tf.python_io.TFRecordWriter(records, options) as writer:
        writer.write(b"record")
    dataset = tf.data.TFRecordDataset([records], compression_type=kind)
    with tf.Session() as session:
        assert session.run(dataset.make_one_shot_iterator().get_next()) == b"record"


def test_parameters_by_name(tmp_path):
    old, new = str(tmp_path / "old"), str(tmp_path / "new")
    tf.gfile.MakeDirs(dirname=old)
    assert tf.gfile.IsDirectory(dirname=old) == tf.io.gfile.isdir(path=old) is True
    tf.gfile.Rename(oldname=old, newname=new)
    tf.io.gfile.rename(src=new, dst=old)
    assert tf.gfile.Glob(filename=str(tmp_path / "*")) == [old]
    assert tf.gfile.ListDirectory(dirname=old) == tf.io.gfile.listdir(path=old) == []
    tf.gfile.DeleteRecursively(dirname=old)
    assert not tf.gfile.Exists(filename=old)
    failures = []
    assert list(tf.io.gfile.walk(old, onerror=failures.append)) == []
    assert isinstance(failures[0], OSError)
