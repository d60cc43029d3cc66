"""Checkpoints: what a Saver saves, restores, keeps and refuses."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

import tfmini as tf
from tfmini.formats import bundle
from tfmini.formats.bundle import write_bundle

FILES = Path(__file__).parent / "tensorflow_files"


def model():
    """A variable with slots, and a step that changes all of them."""
    w = tf.Variable(np.arange(6, dtype=np.float32).reshape(2, 3), name="layer/w")
    step = tf.Variable(0, trainable=False, name="global_step")
    train = tf.train.AdamOptimizer(0.1).minimize(tf.reduce_sum(w * w), global_step=step)
    return w, step, train


def test_a_session_survives_with_its_slots(tmp_path):
    w, step, train = model()
    saver = tf.train.Saver()
    path = str(tmp_path / "model.ckpt")
    with tf.Session() as session:
        session.run(train)
        assert saver.save(session, path, global_step=step) == f"{path}-1"
        kept = session.run(tf.global_variables())
        session.run(train)
        after = session.run(w)
    names = ["beta1_power", "beta2_power", "global_step", "layer/w", "layer/w/Adam",
             "layer/w/Adam_1"]  # fmt: skip
    assert [n for n, _ in tf.train.list_variables(str(tmp_path))] == names
    assert sorted(os.listdir(tmp_path)) == [
        "checkpoint", "model.ckpt-1.data-00000-of-00001", "model.ckpt-1.index", "model.ckpt-1.meta"
    ]  # fmt: skip
    with tf.Session() as session:
        saver.restore(session, tf.train.latest_checkpoint(str(tmp_path)))
        found = session.run(tf.global_variables())
        assert all(np.array_equal(a, b) for a, b in zip(found, kept, strict=True))
        session.run(train)
        assert np.array_equal(session.run(w), after)


def test_scripts_read_what_a_saver_saves():
    w, _, _ = model()
    assert tf.train.Saver()._var_list == tf.global_variables()
    assert tf.train.Saver([w])._var_list == [w]


def test_names_of_the_callers(tmp_path):
    w = tf.Variable([1.0, 2.0], name="w")
    other = tf.Variable([0.0, 0.0], name="other")
    path = str(tmp_path / "c")
    with tf.Session() as session:
        assert tf.train.Saver({"inner/name": w}).save(session, path) == path
        tf.train.Saver({"inner/name": other}).restore(session, path)
        assert session.run(other).tolist() == [1.0, 2.0]
    assert tf.train.list_variables(path) == [("inner/name", [2])]
    assert tf.train.load_variable(path, "inner/name").tolist() == [1.0, 2.0]
    reader = tf.train.NewCheckpointReader(path)
    assert reader.get_variable_to_dtype_map() == {"inner/name": tf.float32}
    assert reader.has_tensor("inner/name")
    assert not reader.has_tensor("w")


def test_a_reader_gives_scalars(tmp_path):
    tf.Variable(b"text", name="text")
    tf.Variable(1.5, name="number")
    with tf.Session() as session:
        path = tf.train.Saver().save(session, str(tmp_path / "c"))
    reader = tf.train.NewCheckpointReader(path)
    assert reader.get_tensor("text") == b"text"
    assert isinstance(reader.get_tensor("text"), bytes)
    assert isinstance(reader.get_tensor("number"), np.float32)


def test_old_checkpoints_go(tmp_path):
    tf.Variable(1.0)
    saver = tf.train.Saver(max_to_keep=2)
    path = str(tmp_path / "c")
    with tf.Session() as session:
        for i in range(4):
            saver.save(session, path, global_step=i, write_meta_graph=i < 3)
        assert saver.last_checkpoints == [f"{path}-2", f"{path}-3"]
        state = tf.train.get_checkpoint_state(str(tmp_path))
        assert state.model_checkpoint_path == f"{path}-3"
        assert list(state.all_model_checkpoint_paths) == saver.last_checkpoints
        assert {f.split(".")[0] for f in os.listdir(tmp_path)} == {"checkpoint", "c-2", "c-3"}
        again = tf.train.Saver(max_to_keep=2)
        again.recover_last_checkpoints([f"{path}-1", *state.all_model_checkpoint_paths])
        again.save(session, path, global_step=4)
    assert again.last_checkpoints == [f"{path}-3", f"{path}-4"]
    assert not tf.train.checkpoint_exists(f"{path}-2")
    assert len(tf.train.get_checkpoint_mtimes(again.last_checkpoints)) == 2


def test_all_are_kept_if_that_is_wanted(tmp_path):
    tf.Variable(1.0)
    path = str(tmp_path / "c")
    with tf.Session() as session:
        every = tf.train.Saver(max_to_keep=0)
        for i in range(7):
            every.save(session, path, global_step=i)
        hourly = tf.train.Saver(max_to_keep=1, keep_checkpoint_every_n_hours=-1.0)
        for i in range(10, 13):
            hourly.save(session, path, global_step=i)
    assert every.last_checkpoints == []
    assert all(tf.train.checkpoint_exists(f"{path}-{i}") for i in range(7))
    assert all(tf.train.checkpoint_exists(f"{path}-{i}") for i in range(10, 13))


def test_relative_paths_of_the_state_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tf.Variable(1.0)
    with tf.Session() as session:
        assert tf.train.Saver().save(session, "sub/c", latest_filename="last") == "sub/c"
        assert tf.train.Saver().save(session, "./c") == "./c"
    assert Path("sub/last").read_text() == (
        'model_checkpoint_path: "c"\nall_model_checkpoint_paths: "c"\n'
    )
    assert tf.train.latest_checkpoint("sub", "last") == os.path.join("sub", "c")
    assert tf.train.latest_checkpoint(".") == os.path.join(".", "c")
    assert tf.train.latest_checkpoint("nowhere") is None
    os.remove("c.index")
    assert tf.train.latest_checkpoint(".") is None
    Path("checkpoint").write_text("no such { text")
    assert tf.train.get_checkpoint_state(".") is None
    tf.train.update_checkpoint_state(".", "x-2", ["x-1", "x-2"])
    assert tf.train.get_checkpoint_state(".").all_model_checkpoint_paths == ["./x-1", "./x-2"]


def test_errors_list_the_names(tmp_path):
    kept = tf.Variable([1.0], name="kept")
    path = str(tmp_path / "c")
    with tf.Session() as session:
        tf.train.Saver({"kept": kept, "gone": kept}).save(session, path)
        new = tf.Variable([2.0], name="new")
        session.run(kept.assign([5.0]))
        with pytest.raises(tf.errors.NotFoundError, match=r"lacks 1 of 2 variables: new\. .*gone"):
            tf.train.Saver().restore(session, path)
        assert session.run([kept, new])[0].tolist() == [5.0]
        wide = tf.Variable([1.0, 2.0], name="wide")
        whole = tf.Variable([1], name="whole")
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"\[1\] there, \[2\] here.*int32"):
            tf.train.Saver({"kept": wide, "gone": whole}).restore(session, path)


def test_reshape(tmp_path):
    w = tf.Variable(np.arange(4, dtype=np.float32))
    square = tf.Variable(np.zeros((2, 2), np.float32))
    with tf.Session() as session:
        path = tf.train.Saver({"w": w}).save(session, str(tmp_path / "c"))
        tf.train.Saver({"w": square}, reshape=True).restore(session, path)
        assert session.run(square).tolist() == [[0, 1], [2, 3]]


@pytest.mark.parametrize(
    ("path", "problem"),
    [(None, "None"), ("none", "not a valid checkpoint"), (".", "directory")],
)
def test_what_can_not_be_restored(path, problem, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tf.Variable(1.0)
    with tf.Session() as session, pytest.raises(ValueError, match=problem):
        tf.train.Saver().restore(session, path)


def test_what_can_not_be_saved(tmp_path):
    with pytest.raises(ValueError, match="No variables to save"):
        tf.train.Saver()
    tf.train.Saver(allow_empty=True)
    v = tf.Variable(1.0, name="v")
    for wrong in (v, [tf.constant(1.0)], {"a": 1}, "v"):
        with pytest.raises(TypeError):
            tf.train.Saver(wrong)
    late = tf.train.Saver(defer_build=True)
    with tf.Session() as session:
        with pytest.raises(RuntimeError, match="build"):
            late.save(session, str(tmp_path / "c"))
        late.build()
        late.save(session, str(tmp_path / "c"))
        for path in ("", str(tmp_path / "checkpoint")):
            with pytest.raises(ValueError, match="save_path"):
                late.save(session, path)
    for session in (None, "c"):
        with pytest.raises(TypeError, match="takes a session first"):
            late.save(session, str(tmp_path / "c"))


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    v = tf.Variable(1.0)
    saver = tf.train.Saver()
    with tf.Session() as session:
        path = saver.save(session, str(tmp_path / "c"))
        there = sorted(os.listdir(tmp_path))
        session.run(v.assign(2.0))

        def full(*_args):
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(bundle, "table_bytes", full)  # while the second file is written
            with pytest.raises(tf.errors.ResourceExhaustedError, match=f"{path}: No space left"):
                saver.save(session, path)
        assert sorted(os.listdir(tmp_path)) == there
        saver.restore(session, path)
        assert session.run(v) == 1


def test_a_damaged_checkpoint_changes_nothing(tmp_path):
    w, v = tf.Variable([1.0, 2.0]), tf.Variable([3.0])
    saver = tf.train.Saver([w, v])
    with tf.Session() as session:
        path = saver.save(session, str(tmp_path / "c"))
        data = Path(path + ".data-00000-of-00001")
        raw = bytearray(data.read_bytes())
        raw[-1] ^= 1
        data.write_bytes(raw)
        session.run([w.assign([7.0, 7.0]), v.assign([8.0])])
        with pytest.raises(tf.errors.DataLossError):
            saver.restore(session, path)
        assert [x.tolist() for x in session.run([w, v])] == [[7.0, 7.0], [8.0]]


def test_saving_a_finalized_graph(tmp_path):
    v = tf.Variable([1.0])
    saver = tf.train.Saver()
    tf.get_default_graph().finalize()
    with tf.Session() as session:
        path = saver.save(session, str(tmp_path / "c"))
        saver.restore(session, path)
        assert session.run(v).tolist() == [1.0]


def test_the_nodes_that_save_and_restore_run(tmp_path):
    v = tf.Variable([1.0, 2.0], name="v")
    graph = tf.get_default_graph()
    definition = tf.train.Saver().as_saver_def()
    path = str(tmp_path / "c")
    filename = graph.get_tensor_by_name(definition.filename_tensor_name)
    with tf.Session() as session:
        session.run(definition.save_tensor_name, {filename: path})
        session.run(v.assign([0.0, 0.0]))
        session.run(definition.restore_op_name, {filename: path})
        assert session.run(v).tolist() == [1.0, 2.0]
    assert [n for n, _ in tf.train.list_variables(path)] == ["v"]


def test_initial_values_from_a_checkpoint(tmp_path):
    path = str(tmp_path / "c")
    write_bundle(path, {"old/w": np.full((2, 2), 3.0, np.float32), "old/b": np.ones(2, np.float32),
                        "single": np.float32(9.0)})  # fmt: skip
    w = tf.Variable(tf.zeros([2, 2]), name="new/w")
    b = tf.Variable(tf.zeros([2]), name="new/b")
    s = tf.Variable(0.0, name="s")
    tf.train.init_from_checkpoint(path, {"old/": "new/", "single": s})
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        found = session.run([w, b, s])
    assert [np.unique(v).tolist() for v in found] == [[3.0], [1.0], [9.0]]
    with pytest.raises(tf.errors.NotFoundError, match="it has: old/b, old/w, single"):
        tf.train.init_from_checkpoint(path, {"missing": s})
    with pytest.raises(ValueError, match="shape"):
        tf.train.init_from_checkpoint(path, {"old/w": b})
    with pytest.raises(ValueError, match="no variable 'nope'"):
        tf.train.init_from_checkpoint(path, {"single": "nope"})


def test_strings_and_bools(tmp_path):
    text = tf.Variable(np.array([b"a", b""], object), name="text", trainable=False)
    flag = tf.Variable([True, False], name="flag", trainable=False)
    with tf.Session() as session:
        path = tf.train.Saver().save(session, str(tmp_path / "c"))
        session.run(flag.assign([False, False]))
        tf.train.Saver().restore(session, path)
        assert session.run(flag).tolist() == [True, False]
        assert list(session.run(text)) == [b"a", b""]


def test_checkpoints_as_they_come(tmp_path):
    w = tf.Variable(1.0, name="w")
    saver, asked = tf.train.Saver(), []

    def no_more():
        asked.append(True)
        return len(asked) == 2

    with tf.Session() as session:
        session.run(w.initializer)
        first = saver.save(session, str(tmp_path / "m"), global_step=1)
        found = tf.train.checkpoints_iterator(str(tmp_path), timeout=0, timeout_fn=no_more)
        assert next(found) == first
        saver.save(session, str(tmp_path / "m"), global_step=2)
        third = saver.save(session, str(tmp_path / "m"), global_step=3)
        assert next(found) == third
    assert list(found) == []
    assert len(asked) == 2
    assert list(tf.train.checkpoints_iterator(str(tmp_path / "none"), timeout=0)) == []
    assert tf.contrib.framework.load_variable(third, "w") == 1.0


def test_what_a_checkpoint_holds_is_printed(tmp_path, capsys):
    from tfmini.train.inspect_checkpoint import print_tensors_in_checkpoint_file

    tf.Variable([1.0, 2.0, 3.0], name="v")
    tf.Variable(4, name="step")
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        path = tf.train.Saver().save(session, str(tmp_path / "m"))
    print_tensors_in_checkpoint_file(path, "v")
    print_tensors_in_checkpoint_file(path, all_tensors=True, count_exclude_pattern="st")
    assert capsys.readouterr().out.splitlines() == [
        "tensor: v (float32) [3]", "[1. 2. 3.]", "# Total number of params: 4",
        "tensor: step (int32) []", "4", "tensor: v (float32) [3]", "[1. 2. 3.]",
        "# Total number of params: 3",
    ]  # fmt: skip
    print_tensors_in_checkpoint_file(path)
    assert "v (DT_FLOAT) [3]" in capsys.readouterr().out
    with pytest.raises(tf.errors.NotFoundError):
        print_tensors_in_checkpoint_file(path, "w")


def test_a_path_may_end_in_a_folder(tmp_path):
    v = tf.Variable([1.0, 2.0], name="v")
    saver, folder = tf.train.Saver(), f"{tmp_path}/weights/"
    with tf.Session() as session:
        session.run(v.initializer)
        assert saver.save(session, folder) == folder
        names = {".data-00000-of-00001", ".index", ".meta", "checkpoint"}
        assert {p.name for p in (tmp_path / "weights").iterdir()} == names
        session.run(v.assign([0.0, 0.0]))
        saver.restore(session, folder)
        assert session.run(v).tolist() == [1, 2]
