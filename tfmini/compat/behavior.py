"""Switches between the behaviours of TensorFlow 1 and 2, of which this package has the first."""

from __future__ import annotations

from tfmini.errors import UnimplementedError


def executing_eagerly() -> bool:
    """Return False: operations build a graph, which a session runs."""
    return False


def disable_v2_behavior() -> None:
    """Do nothing: the behaviour is TensorFlow 1's."""


def disable_eager_execution() -> None:
    """Do nothing: there is no eager execution."""


def disable_resource_variables() -> None:
    """Do nothing: reads are ordered by control dependencies, as TensorFlow 1 documents."""


def enable_resource_variables() -> None:
    """Do nothing: a run reads one version of each variable, as resource variables do."""


def disable_control_flow_v2() -> None:
    """Do nothing: there is one kind of control flow."""


def disable_v2_tensorshape() -> None:
    """Do nothing: dimensions are ``tf.Dimension`` objects."""


def enable_eager_execution(*_args: object, **_kwargs: object) -> None:
    """Raise UnimplementedError: a graph and ``tf.Session`` are what there is."""
    raise UnimplementedError(
        None,
        None,
        "tfmini runs graphs and has no eager execution; build the graph and run it with "
        "tf.Session().",
    )


enable_v2_behavior = enable_eager_execution
