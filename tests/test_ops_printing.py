"""``tf.print``: what is written, and where."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tfmini as tf
from tfmini import gradient_functions
from tfmini.errors import InvalidArgumentError


def run(fetch: Any, feed: Any = None) -> Any:
    with tf.Session() as session:
        return session.run(fetch, feed)


@pytest.mark.parametrize(
    ("inputs", "attrs", "text"),
    [(([1.5, 2.0],), {}, "[1.5, 2.0]\n"), ((np.arange(10),), {"summarize": 1}, None),
     (("a{}b", 3.5, None, ("t",)), {"sep": "|"}, "a{}b|3.5|None|('t',)\n"),
     ((), {"end": "."}, ".")],
)  # fmt: skip
def test_what_is_no_tensor(inputs: Any, attrs: Any, text: Any, capsys: Any) -> None:
    assert run(tf.print(*inputs, **attrs)) is None
    assert capsys.readouterr().err == (str(inputs[0]) + "\n" if text is None else text)


def test_tensors(capsys: Any) -> None:
    c = tf.constant
    # TensorFlow writes the same, but for quotes around a SparseTensor.
    cases: list[Any] = [
        ((c([1.5, 2, 3]),), "[1.5 2 3]"),
        (("a", c(1), c("text")), 'a 1 "text"'),
        ((c(np.arange(10)),), "[0 1 2 ... 7 8 9]"),
        (("x:", [c(1), c([2.5])], {"k": c(3), "j": "lit"}), "x: [1, [2.5]] {'j': 'lit', 'k': 3}"),
        ((c("only"),), "only"),
        ((tf.SparseTensor([[0]], [1.5], [2]),),
         "SparseTensor(indices=[[0]], values=[1.5], shape=[2])"),
        ((tf.Variable(2.0), c([[True]]), c(1e-9)), "2 [[1]] 1e-09"),
    ]  # fmt: skip
    for inputs, text in cases:
        run(tf.print(*inputs))
        assert capsys.readouterr().err == text + "\n"


def test_streams(capsys: Any, caplog: Any, tmp_path: Path) -> None:
    x = tf.placeholder(tf.float32)
    run(tf.print(x, output_stream=sys.stdout, end="!"), {x: 2})
    assert capsys.readouterr().out == "2!"
    path = tmp_path / "out.txt"
    for _ in range(2):
        run(tf.print("x is", x, output_stream=f"file://{path}"), {x: 3})
    assert path.read_text() == "x is 3\nx is 3\n"
    run(tf.print("to the log:", x, output_stream=tf.logging.error), {x: 4})
    assert "to the log: 4" in caplog.text
    with pytest.raises(InvalidArgumentError, match=r"tf.logging.info"):
        tf.print(x, output_stream="nowhere")


def test_before_what_comes_after(capsys: Any) -> None:
    x = tf.constant(2.0)
    with tf.control_dependencies([tf.print("x:", x)]):
        y = tf.square(x)
    assert run(y) == 4
    assert capsys.readouterr().err == "x: 2\n"


def test_numpy_functions_and_types_without_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradient_functions, "_functions", {})
    x = tf.constant([1.0, 2.0])
    y = tf.numpy_function(lambda v: v * 2, [x], tf.float32)
    tf.NotDifferentiable("PyFunc")
    assert tf.gradients(tf.reduce_sum(y) + x, x, unconnected_gradients="none")[0] is not None
    np.testing.assert_array_equal(run(y), [2, 4])
    assert tf.get_static_value(x).tolist() == [1, 2]
    with pytest.raises(TypeError, match="name"):
        tf.NoGradient(3)  # type: ignore[arg-type]
