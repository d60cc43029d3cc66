"""Monitored sessions, their hooks, and the Supervisor."""

from __future__ import annotations

import logging
import os
import threading

import numpy as np
import pytest

import tfmini as tf

train = tf.train


@pytest.fixture
def model():
    """A variable that each step halves the way to 0, its loss, and the global step."""
    w = tf.Variable(8.0, name="w")
    loss = tf.square(w, name="loss")
    step = train.get_or_create_global_step()
    return train.GradientDescentOptimizer(0.25).minimize(loss, global_step=step), loss, w


class Recorder(train.SessionRunHook):
    def __init__(self, fetches=None):
        self.calls, self.fetches, self.results = [], fetches, []

    def begin(self):
        self.calls.append("begin")

    def after_create_session(self, session, coord):
        assert isinstance(session, tf.Session)
        assert isinstance(coord, train.Coordinator)
        self.calls.append("created")

    def before_run(self, run_context):
        self.calls.append("before")
        self.asked = run_context.original_args
        return None if self.fetches is None else train.SessionRunArgs(self.fetches)

    def after_run(self, run_context, run_values):
        self.calls.append("after")
        self.results.append(run_values.results)

    def end(self, session):
        self.calls.append("end")


def test_hooks_are_called_in_order(model):
    step, loss, w = model
    silent, nested = Recorder(), Recorder({"loss": loss, "more": [w, loss]})
    with train.MonitoredSession(hooks=[silent, nested]) as session:
        assert session.run([step, w]) == [None, 8]
        assert session.run(w, {loss: 1.0}) == 4
        assert nested.asked.feed_dict == {loss: 1.0}
        assert session.graph is loss.graph
    assert silent.calls == ["begin", "created", *["before", "after"] * 2, "end"]
    assert silent.results == [None, None]
    assert nested.results == [
        {"loss": 64, "more": [8, 64]}, {"loss": 1, "more": [4, 1]}
    ]  # fmt: skip


def test_the_graph_is_final_inside(model):
    with train.MonitoredSession() as session:
        with pytest.raises(RuntimeError, match="finalized"):
            tf.constant(1.0)
        assert not session.should_stop()
    tf.constant(1.0)
    assert session.should_stop()
    with pytest.raises(RuntimeError, match="closed"):
        session.run(model[1])


def test_stop_at_step(model):
    step, _, w = model
    for hook, runs in ((train.StopAtStepHook(num_steps=3), 3), (train.StopAtStepHook(5), 5)):
        count = 0
        with train.MonitoredSession(hooks=[hook]) as session:
            while not session.should_stop():
                session.run(step)
                count += 1
            with pytest.raises(RuntimeError, match="should_stop"):
                session.run(step)
        assert count == runs
    with train.MonitoredSession(hooks=[train.StopAtStepHook(last_step=1)]) as session:
        session.run(w)
        assert not session.should_stop()  # the step has not been made
        session.run(step)
        assert session.should_stop()
    with pytest.raises(ValueError, match="exactly one"):
        train.StopAtStepHook(1, 2)


def test_a_hook_without_a_global_step_says_what_to_do():
    with pytest.raises(RuntimeError, match="get_or_create_global_step"):
        train.MonitoredSession(hooks=[train.StopAtStepHook(1)])


def test_nan(model):
    _, loss, _ = model
    session = train.MonitoredSession(hooks=[train.NanTensorHook(loss)])
    assert session.run(loss) == 64
    with pytest.raises(train.NanLossDuringTrainingError):
        session.run(loss, {loss: np.nan})
    session.close()
    hook = train.NanTensorHook(loss, fail_on_nan_loss=False)
    with train.MonitoredSession(hooks=[hook]) as session:
        session.run(loss, {loss: np.nan})
        assert session.should_stop()


def test_logging_hooks(model, caplog):
    step, loss, _ = model
    caplog.set_level(logging.INFO, "tensorflow")
    hooks = [
        train.LoggingTensorHook({"the loss": loss}, every_n_iter=2),
        train.LoggingTensorHook(["loss:0"], at_end=True, formatter=lambda v: f"end {v['loss:0']}"),
    ]
    with train.MonitoredSession(hooks=hooks) as session:
        for _ in range(4):
            session.run(step)
    said = [m for m in caplog.messages if "loss" in m or "end" in m]
    assert said[0] == "the loss = 64.0"
    assert said[1].startswith("the loss = 4.0 (")
    assert said[2:] == ["end 0.25"]
    with pytest.raises(ValueError, match="exactly one"):
        train.LoggingTensorHook([loss])


def test_feeds_and_final_values():
    x = tf.placeholder(tf.float32, [], name="x")
    y = x * 2.0
    final = train.FinalOpsHook(y, {x: 5.0})
    feeds = train.FeedFnHook(lambda: {x: 3.0})
    with train.SingularMonitoredSession(hooks=[feeds, final]) as session:
        assert session.run(y) == 6
        assert session.raw_session().run(y, {x: 1.0}) == 2
        with pytest.raises(ValueError, match="fed twice"):
            session.run(y, {x: 1.0})
    assert final.final_ops_values == 10


def test_how_the_block_ends(model):
    recorder = Recorder()
    with train.MonitoredSession(hooks=[recorder]):
        raise tf.errors.OutOfRangeError(None, None, "the end of the data")
    assert recorder.calls[-1] == "end"
    with pytest.raises(KeyError), train.MonitoredSession(hooks=[recorder]):
        raise KeyError
    assert recorder.calls[-1] == "created"


def test_step_functions(model):
    step, _, w = model
    recorder = Recorder()

    def step_fn(step_context):
        step_context.session.run(step)
        value = step_context.run_with_hooks(w)
        if value < 1:
            step_context.request_stop()
        return value

    values = []
    with train.MonitoredSession(hooks=[recorder]) as session:
        while not session.should_stop():
            values.append(session.run_step_fn(step_fn))
    assert values == [4, 2, 1]
    assert recorder.calls.count("before") == 4


def test_a_lost_cluster_is_survived(model, tmp_path):
    step, _, w = model
    lost = iter([False, True, False, False])

    class Loses(train.SessionRunHook):
        def before_run(self, run_context):
            if next(lost):
                raise tf.errors.UnavailableError(None, None, "the cluster is gone")

    recorder = Recorder()
    with train.MonitoredTrainingSession(
        checkpoint_dir=tmp_path, hooks=[recorder, Loses()], save_checkpoint_steps=1,
        save_summaries_steps=None, log_step_count_steps=None,
    ) as session:  # fmt: skip
        session.run(step)
        session.run(step)  # fails, goes on from the checkpoint after the first step
        assert session.run(w) == 2
    assert recorder.calls.count("created") == 2


def test_training_goes_on_from_the_checkpoint(model, tmp_path):
    step, _, w = model
    tf.summary.scalar("weight", w)

    def trained(steps):
        with train.MonitoredTrainingSession(
            checkpoint_dir=str(tmp_path), hooks=[train.StopAtStepHook(num_steps=steps)],
            save_checkpoint_steps=2, save_summaries_steps=1, log_step_count_steps=1,
        ) as session:  # fmt: skip
            while not session.should_stop():
                session.run(step)
            return session._sess.run(w)

    assert trained(3) == 1
    assert train.latest_checkpoint(tmp_path) == str(tmp_path / "model.ckpt-3")
    # No new nodes: the graph was final, and is the same.
    assert trained(2) == 0.25
    assert train.latest_checkpoint(tmp_path) == str(tmp_path / "model.ckpt-5")
    assert (tmp_path / "graph.pbtxt").exists()
    tf.summary.FileWriterCache.clear()
    tags = [
        value.tag
        for name in sorted(os.listdir(tmp_path)) if "tfevents" in name
        for event in train.summary_iterator(str(tmp_path / name))
        for value in event.summary.value
    ]  # fmt: skip
    assert tags.count("weight") >= 5
    assert "global_step/sec" in tags


def test_checkpoint_listeners(model, tmp_path):
    step, _, _ = model
    calls = []

    class Listener(train.CheckpointSaverListener):
        def begin(self):
            calls.append("begin")

        def before_save(self, session, global_step_value):
            calls.append(("before", global_step_value))

        def after_save(self, session, global_step_value):
            calls.append(("after", global_step_value))
            return global_step_value == 4

        def end(self, session, global_step_value):
            calls.append(("end", global_step_value))

    hook = train.CheckpointSaverHook(
        tmp_path, save_steps=2, saver=train.Saver(), listeners=[Listener()]
    )
    with train.MonitoredSession(hooks=[hook]) as session:
        while not session.should_stop():
            session.run(step)
    steps = [c for n in (0, 2, 4) for c in (("before", n), ("after", n))]
    assert calls == ["begin", *steps, ("end", 4)]
    with pytest.raises(ValueError, match="not both"):
        train.CheckpointSaverHook(tmp_path, 1, saver=train.Saver(), scaffold=train.Scaffold())
    with pytest.raises(ValueError, match="exactly one"):
        train.CheckpointSaverHook(tmp_path, 1, 2)


def test_scaffolds(model, tmp_path):
    _, _, w = model
    local = tf.Variable(0.0, collections=[tf.GraphKeys.LOCAL_VARIABLES], trainable=False)
    x = tf.placeholder(tf.float32, [])
    base = train.Scaffold(init_op=w.assign(x), init_feed_dict={x: 3.0})
    seen = []
    scaffold = train.Scaffold(
        init_fn=lambda scaffold, session: seen.append((scaffold, session.run(w))),
        local_init_op=local.assign(7.0), copy_from_scaffold=base,
    )  # fmt: skip
    creator = train.ChiefSessionCreator(scaffold)
    with train.MonitoredSession(session_creator=creator) as session:
        assert session.run([w, local]) == [3, 7]
    assert seen == [(scaffold, 3)]
    assert scaffold.summary_op is None
    assert scaffold.saver is tf.get_collection(tf.GraphKeys.SAVERS)[0]


def test_what_is_not_ready(model):
    scaffold = train.Scaffold(ready_op=tf.constant(["w"]))
    with pytest.raises(RuntimeError, match="uninitialized: w"):
        train.SingularMonitoredSession(scaffold=scaffold)


def test_session_managers(model, tmp_path):
    _, _, w = model
    saver, init = train.Saver(), tf.global_variables_initializer()
    manager = train.SessionManager()
    session, restored = manager.recover_session("", saver, tmp_path)
    assert not restored
    session.run(w.assign(5.0))
    path = saver.save(session, str(tmp_path / "model"))
    session.close()
    with manager.prepare_session("", init, saver, tmp_path) as session:
        assert session.run(w) == 5
    with manager.prepare_session("", init, saver, checkpoint_filename_with_path=path) as session:
        assert session.run(w) == 5
    with manager.prepare_session("", init) as session:
        assert session.run(w) == 8
    with manager.wait_for_session("") as session:
        assert session.run(w) == 8
    with pytest.raises(ValueError, match="not both"):
        manager.recover_session("", saver, tmp_path, path)
    with pytest.raises(RuntimeError, match="neither init_op nor init_fn"):
        manager.prepare_session("")


def test_timers():
    timer = train.SecondOrStepTimer(every_steps=3)
    assert timer.should_trigger_for_step(5)
    assert timer.update_last_triggered_step(5) == (None, None)
    assert [n for n in range(5, 10) if timer.should_trigger_for_step(n)] == [8, 9]
    assert timer.update_last_triggered_step(9)[1] == 4
    assert timer.last_triggered_step() == 9
    timer.reset()
    assert timer.should_trigger_for_step(9)
    often = train.SecondOrStepTimer(every_secs=0.0)
    often.update_last_triggered_step(1)
    assert [often.should_trigger_for_step(n) for n in (1, 2)] == [False, True]


def test_supervisors(model, tmp_path):
    step, _, w = model
    tf.summary.scalar("weight", w)
    supervisor = train.Supervisor(logdir=tmp_path, save_summaries_secs=1000, save_model_secs=0)
    ticks = []
    with supervisor.managed_session() as session:
        supervisor.loop(0.001, lambda: ticks.append(1))
        while not supervisor.should_stop():
            session.run(step)
            supervisor.summary_computed(session, session.run(supervisor.summary_op))
            if ticks and session.run(supervisor.global_step) >= 3:
                supervisor.request_stop()
        supervisor.saver.save(session, supervisor.save_path, supervisor.global_step)
        last = session.run([supervisor.global_step, w])
    assert train.latest_checkpoint(tmp_path) == f"{tmp_path / 'model.ckpt'}-{last[0]}"
    with supervisor.managed_session() as session:
        assert session.run([supervisor.global_step, w]) == last
    with pytest.raises(KeyError, match="from the block"), supervisor.managed_session():
        raise KeyError("from the block")


class Waits(tf.summary.FileWriter):
    """A writer that tells when so many summaries and logs were added."""

    def __init__(self, logdir, count):
        super().__init__(logdir)
        self.left, self.done, self.lock = count, threading.Event(), threading.Lock()

    def add_summary(self, summary, global_step=None):
        super().add_summary(summary, global_step)
        self.count()

    def add_session_log(self, session_log, global_step=None):
        super().add_session_log(session_log, global_step)
        self.count()

    def count(self):
        with self.lock:
            self.left -= 1
            if not self.left:
                self.done.set()


def test_standard_services(model, tmp_path):
    step, _, _ = model
    tf.summary.scalar("weight", tf.constant(2.0))
    # A start, a summary, the speed and a checkpoint: each at once, then by the clock.
    writer = Waits(tmp_path, 4)
    supervisor = train.Supervisor(logdir=tmp_path, summary_writer=writer)
    session = supervisor.prepare_or_wait_for_session(start_standard_services=False)
    session.run(step)
    threads = supervisor.start_standard_services(session)
    assert len(threads) == 3
    assert writer.done.wait(30)
    supervisor.stop()
    session.close()
    assert not any(t.is_alive() for t in threads)
    assert train.latest_checkpoint(tmp_path) == str(tmp_path / "model.ckpt-1")
    events = [
        event
        for path in tmp_path.glob("*tfevents*")
        for event in train.summary_iterator(str(path))
    ]  # fmt: skip
    values = {v.tag: v.simple_value for event in events for v in event.summary.value}
    assert values["weight"] == 2
    assert "global_step/sec" in values
    states = [event.session_log.status for event in events if event.HasField("session_log")]
    log = tf.SessionLog
    assert states == [log.START, log.CHECKPOINT, log.STOP]


def test_supervisors_without_a_folder(model):
    step, _, w = model
    seen = []
    supervisor = train.Supervisor(init_fn=lambda session: seen.append(session.run(w)))
    assert supervisor.save_path is None
    with supervisor.managed_session(start_standard_services=False) as session:
        with pytest.raises(RuntimeError, match="logdir"):
            supervisor.summary_computed(session, b"")
        raise tf.errors.OutOfRangeError(None, None, "the end")
    assert seen == [8]
    calls = []

    def train_step(session, limit):
        calls.append(session.run(step))
        if len(calls) == limit:
            supervisor.request_stop()

    train.basic_train_loop(supervisor, train_step, args=(2,))
    assert len(calls) == 2
