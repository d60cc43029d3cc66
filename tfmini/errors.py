"""The errors of tfmini: what went wrong, at which node, and what to do.

In: the node (or graph, or package) at fault and a cause.  Out: an exception of TensorFlow's
``tf.errors`` family.  The classes also derive from the built-in exception that TensorFlow raises
while a graph is built, so ``except ValueError`` around a shape conflict works as it did there.
Every error survives pickling: the same one arrives from a thread, a process or a worker.
"""

from __future__ import annotations

from typing import Any, NamedTuple

OK, CANCELLED, UNKNOWN, INVALID_ARGUMENT, DEADLINE_EXCEEDED = 0, 1, 2, 3, 4
NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED, RESOURCE_EXHAUSTED = 5, 6, 7, 8
FAILED_PRECONDITION, ABORTED, OUT_OF_RANGE, UNIMPLEMENTED, INTERNAL = 9, 10, 11, 12, 13
UNAVAILABLE, DATA_LOSS, UNAUTHENTICATED = 14, 15, 16


class NodeInfo(NamedTuple):
    """What an error says of a node: plain strings, so that it travels between processes."""

    type: str
    name: str
    source: tuple[str, int] | None

    @property
    def op(self) -> str:
        """The type, as messages of graphs call it."""
        return self.type

    @property
    def where(self) -> str:
        """The user's ``file:line`` that made the node."""
        return f"{self.source[0]}:{self.source[1]}" if self.source else "unknown source"

    def __str__(self) -> str:
        return f'{self.type} node "{self.name}" ({self.where})'


class OpError(Exception):
    """The base of all errors that tfmini raises on purpose.

    Attributes
    ----------
    node_def : NodeInfo or None
        The node at fault: its ``type`` (also as ``op``), ``name`` and ``source``.
    op : Operation or None
        What a run raises has it; None where no operation is at fault, and after pickling.
    message : str
    error_code : int
        TensorFlow's number for the class, e.g. 3 for ``InvalidArgumentError``.
    """

    error_code = UNKNOWN

    def __init__(
        self, node_def: NodeInfo | None, op: Any, message: str, error_code: int | None = None
    ) -> None:
        super().__init__(message)
        self.node_def = node_def
        self.op = op
        self.message = message
        if error_code is not None:
            self.error_code = error_code

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.node_def, None, self.message, self.error_code)

    def __str__(self) -> str:
        return f"{self.node_def}: {self.message}" if self.node_def else self.message


class CancelledError(OpError):
    """The operation was cancelled, e.g. because its queue was closed."""

    error_code = CANCELLED


class UnknownError(OpError):
    """An operation raised an exception of its own; the message says which."""


class InvalidArgumentError(OpError, ValueError):
    """A shape, dtype or value that the operation can't take."""

    error_code = INVALID_ARGUMENT


class InvalidTypeError(InvalidArgumentError, TypeError):
    """Something of the wrong kind: not convertible to a tensor, not fetchable, not feedable."""


class DeadlineExceededError(OpError, TimeoutError):
    """The time allowed for an operation was over."""

    error_code = DEADLINE_EXCEEDED


class NotFoundError(OpError, LookupError):
    """A name that isn't there: a node, a file, a checkpoint entry."""

    error_code = NOT_FOUND


class UnknownNameError(NotFoundError, KeyError, ValueError):
    """A name that no operation or tensor of the graph has."""


class AlreadyExistsError(OpError):
    """Something of that name is there already."""

    error_code = ALREADY_EXISTS


class PermissionDeniedError(OpError):
    """The caller may not do this."""

    error_code = PERMISSION_DENIED


class ResourceExhaustedError(OpError, MemoryError):
    """Memory, or a limit named in the message, ran out."""

    error_code = RESOURCE_EXHAUSTED


class FailedPreconditionError(OpError, RuntimeError):
    """The session or graph is in no state to do this: closed, finalized, not initialised."""

    error_code = FAILED_PRECONDITION


class AbortedError(OpError):
    """The operation was given up, typically for a conflict with another."""

    error_code = ABORTED


class OutOfRangeError(OpError):
    """An iterator or queue is at its end."""

    error_code = OUT_OF_RANGE


class UnimplementedError(OpError, NotImplementedError):
    """A rule that the operation does not have, e.g. a gradient."""

    error_code = UNIMPLEMENTED


class InternalError(OpError):
    """A fault of tfmini's own; please report it."""

    error_code = INTERNAL


class UnavailableError(OpError, ConnectionError):
    """The cluster can't be reached, or was lost."""

    error_code = UNAVAILABLE


class DataLossError(OpError):
    """A file is damaged: a checksum does not match."""

    error_code = DATA_LOSS


class UnauthenticatedError(OpError):
    """The caller could not prove who he is."""

    error_code = UNAUTHENTICATED


class PluginError(OpError, ImportError):
    """A plugin package is broken, or two define the same operation; the message names them."""

    error_code = FAILED_PRECONDITION


def node_error(info: NodeInfo | None, error: Exception, given: str) -> Exception:
    """Return what a node's kernel raised as an error that names the node and its inputs."""
    if not isinstance(error, OpError):
        kind, message = _kind(error), f"{type(error).__name__}: {error}"
    elif error.node_def is None:
        kind, message = type(error), error.message
    else:
        return error
    if not message.endswith((".", "!", "?")):
        message += "."
    return kind(info, None, f"{message} Inputs: {given}." if given else message)


def _kind(error: Exception) -> type[OpError]:
    if isinstance(error, MemoryError):
        return ResourceExhaustedError
    if isinstance(error, (ValueError, TypeError, IndexError)):
        return InvalidArgumentError
    return UnknownError
