"""``tf.test``: test cases that compare arrays, and questions about hardware."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
import unittest
from collections.abc import Iterator
from typing import Any

import numpy as np

from tfmini.errors import OpError
from tfmini.gradient_checker import compute_gradient, compute_gradient_error
from tfmini.graph import Graph
from tfmini.missing import watch_namespace
from tfmini.nodes import Tensor, get_default_session
from tfmini.session import Session

__all__ = [
    "TestCase", "compute_gradient", "compute_gradient_error", "get_temp_dir", "gpu_device_name",
    "is_built_with_cuda", "is_built_with_gpu_support", "is_gpu_available", "main",
    "test_src_dir_path",
]  # fmt: skip


def is_gpu_available(cuda_only: bool = False, min_cuda_compute_capability: Any = None) -> bool:
    """Return False: everything runs on processors, here or on a cluster."""
    return False


def is_built_with_cuda() -> bool:
    """Return False."""
    return False


def is_built_with_gpu_support() -> bool:
    """Return False."""
    return False


def gpu_device_name() -> str:
    """Return "", the name of no device."""
    return ""


def get_temp_dir() -> str:
    """Return a folder for files of tests."""
    return tempfile.gettempdir()


def test_src_dir_path(relative_path: str) -> str:
    """Return a path below the working directory."""
    return os.path.join(os.getcwd(), relative_path)


class TestCase(unittest.TestCase):
    """A test case with comparisons of arrays, and sessions."""

    @contextlib.contextmanager
    def session(self, graph: Graph | None = None, config: Any = None, **_gpu: Any) -> Iterator[Any]:
        """Give a session that is the default in the block."""
        with Session(graph=graph, config=config) as session:
            yield session

    test_session = session

    def get_temp_dir(self) -> str:
        return get_temp_dir()

    def evaluate(self, tensors: Any) -> Any:
        """Return the values of tensors in the default session, or one of their own."""
        session = get_default_session()
        if session is not None:
            return session.run(tensors)
        with self.session() as session:
            return session.run(tensors)

    def assertAllEqual(self, a: Any, b: Any, msg: str | None = None) -> None:
        np.testing.assert_array_equal(self._value(a), self._value(b), msg or "")

    def assertAllClose(
        self, a: Any, b: Any, rtol: float = 1e-6, atol: float = 1e-6, msg: str | None = None
    ) -> None:
        """Fail if ``|a - b| > atol + rtol * |b|`` anywhere; lists and dicts item by item."""
        if isinstance(a, dict):
            assert a.keys() == b.keys(), msg
            for key in a:
                self.assertAllClose(a[key], b[key], rtol, atol, msg)
        else:
            np.testing.assert_allclose(
                self._value(a), self._value(b), rtol, atol, err_msg=msg or ""
            )

    def _value(self, item: Any) -> np.ndarray:
        """Return an array, or what a tensor is in the default session."""
        return np.asarray(self.evaluate(item) if isinstance(item, Tensor) else item)

    def assertShapeEqual(self, np_array: Any, tf_tensor: Any, msg: str | None = None) -> None:
        assert list(np_array.shape) == tf_tensor.get_shape().as_list(), msg

    @contextlib.contextmanager
    def assertRaisesWithPredicateMatch(
        self, exception_type: Any, expected_err_re_or_predicate: Any
    ) -> Iterator[None]:
        """Fail unless the block raises what a pattern is found in, or a predicate says yes to."""
        wanted = expected_err_re_or_predicate
        with self.assertRaises(exception_type) as raised:  # noqa: PT027
            yield
        error = raised.exception
        text = f"{error} {getattr(error, 'op', '')}"
        fits = wanted(error) if callable(wanted) else re.search(wanted, text)
        assert fits, f"{error!r} is not what {wanted!r} describes"

    def assertRaisesOpError(self, expected_err_re_or_predicate: Any) -> Any:
        """Fail unless the block raises a ``tf.OpError`` that fits."""
        return self.assertRaisesWithPredicateMatch(OpError, expected_err_re_or_predicate)

    def assertNear(self, f1: float, f2: float, err: float, msg: str | None = None) -> None:
        assert abs(f1 - f2) <= err, msg


def main(argv: Any = None) -> None:
    """Run the tests of the script."""
    unittest.main(argv=argv)


watch_namespace(sys.modules[__name__])
