"""``tf.logging``: messages to standard error, and notices that are given once.

In: messages, and the level from which on they are shown.  Out: lines of the Python logger
"tensorflow", the one that scripts set levels and handlers of.
"""

from __future__ import annotations

import logging
import sys
import threading
from typing import Any

DEBUG, INFO, WARN, ERROR, FATAL = (
    logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL,
)  # fmt: skip

_logger = logging.getLogger("tensorflow")
_given: set[str] = set()
_lock = threading.Lock()
_counts: dict[str, int] = {}


class _Stderr(logging.StreamHandler[Any]):
    """Writes to what ``sys.stderr`` is at the time, as ``print`` does."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(levelname)s:%(name)s:%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def _ready() -> logging.Logger:
    """Return the logger, with a handler if nobody has set one."""
    if not _logger.hasHandlers():
        _logger.addHandler(_Stderr())
    return _logger


def log(level: int, msg: str, *args: Any, **kwargs: Any) -> None:
    """Write ``msg % args`` if ``level`` is shown."""
    _ready().log(level, msg, *args, **kwargs)


def debug(msg: str, *args: Any, **kwargs: Any) -> None:
    log(DEBUG, msg, *args, **kwargs)


def info(msg: str, *args: Any, **kwargs: Any) -> None:
    log(INFO, msg, *args, **kwargs)


def warn(msg: str, *args: Any, **kwargs: Any) -> None:
    log(WARN, msg, *args, **kwargs)


warning = warn


def error(msg: str, *args: Any, **kwargs: Any) -> None:
    log(ERROR, msg, *args, **kwargs)


def fatal(msg: str, *args: Any, **kwargs: Any) -> None:
    log(FATAL, msg, *args, **kwargs)


def vlog(level: int, msg: str, *args: Any, **kwargs: Any) -> None:
    log(level, msg, *args, **kwargs)


def log_if(level: int, msg: str, condition: object, *args: Any) -> None:
    """Write the message if ``condition`` is true."""
    if condition:
        log(level, msg, *args)


def log_first_n(level: int, msg: str, n: int, *args: Any) -> None:
    """Write the message the first ``n`` times that this text comes."""
    with _lock:
        _counts[msg] = _counts.get(msg, 0) + 1
        count = _counts[msg]
    if count <= n:
        log(level, msg, *args)


def log_every_n(level: int, msg: str, n: int, *args: Any) -> None:
    """Write the message the first time that this text comes, and each ``n``-th time after."""
    with _lock:
        count = _counts.get(msg, 0)
        _counts[msg] = count + 1
    if count % n == 0:
        log(level, msg, *args)


def get_verbosity() -> int:
    """Return the level from which on messages are shown."""
    return _logger.getEffectiveLevel()


def set_verbosity(v: int | str) -> None:
    """Show messages of level ``v`` and above: ``tf.logging.INFO``, ``ERROR``, ..."""
    _logger.setLevel(v)


def flush() -> None:
    for handler in _logger.handlers:
        handler.flush()


def get_logger() -> logging.Logger:
    """Return Python's logger that the messages go through."""
    return _ready()


def notice(text: str, key: str = "") -> None:
    """Give a warning once in this process; ``key`` tells notices apart, default the text."""
    with _lock:
        if (key or text) in _given:
            return
        _given.add(key or text)
    warn("%s", text)


def forget_notices() -> None:
    """Let each notice be given once more."""
    _given.clear()
