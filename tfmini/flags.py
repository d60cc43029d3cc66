"""``tf.flags``: options of a script, declared one by one and read as ``FLAGS.name``.

In: declarations, and the command line.  Out: values.  The command line is read when the first
value is asked for, or by ``tf.app.run``; ``--name=value``, ``--name value``, ``--switch`` and
``--noswitch`` are understood, with one dash or two.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tfmini.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError


class Error(InvalidArgumentError):
    """A flag of the command line that is unknown, has a wrong value or no value."""

    def __init__(self, message: str) -> None:
        super().__init__(None, None, message)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message,)


class Flag:
    """One option: its name, its default, what its text becomes, and its present value."""

    def __init__(
        self, name: str, default: Any, help: str | None, parse: Callable[[str], Any],
        is_switch: bool = False, is_list: bool = False,
    ) -> None:  # fmt: skip
        self.name = name
        self.help = help or ""
        self.parse = parse
        self.is_switch = is_switch
        self.is_list = is_list  # each occurrence adds an item
        self.required = False
        self.default = self.value = self._checked(default)
        self.present = False

    def __str__(self) -> str:
        """Return the value's text: before TensorFlow 1.5, ``FLAGS.__flags`` held values."""
        return str(self.value)

    def _checked(self, default: Any) -> Any:
        if default is None or self.is_list:
            return default
        return self._parsed(default if isinstance(default, str) else str(default))

    def _parsed(self, text: str) -> Any:
        try:
            return self.parse(text)
        except ValueError as e:
            raise IllegalFlagValueError(f"flag --{self.name}={text}: {e}") from None

    def read(self, text: str) -> None:
        """Take the value from the command line."""
        value = self._parsed(text)
        before = self.value if self.is_list and self.present else []
        self.value = [*before, value] if self.is_list else value
        self.present = True


class FlagValues:
    """The flags of this process; their values are its attributes."""

    def __init__(self) -> None:
        object.__setattr__(self, "_flags", {})
        self.__dict__["__flags"] = self._flags  # absl's name for it, which scripts list flags by
        object.__setattr__(self, "_parsed", False)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if not self._parsed:
            self(sys.argv, known_only=True)
        return self._flag(name).value

    def __setattr__(self, name: str, value: Any) -> None:
        self._flag(name).value = value

    def __getitem__(self, name: str) -> Flag:
        return self._flag(name)

    def __contains__(self, name: str) -> bool:
        return name in self._flags

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._flags))

    def __dir__(self) -> list[str]:
        return sorted(self._flags)

    def __len__(self) -> int:
        return len(self._flags)

    def _flag(self, name: str) -> Flag:
        try:
            found: Flag = self._flags[name]
        except KeyError:
            known = ", ".join(sorted(self._flags)) or "none"
            raise _NoFlag(None, None, f"no flag {name!r} is defined; known: {known}.") from None
        return found

    def define(self, flag: Flag) -> None:
        """Add a flag; one of that name from another line is an error."""
        before = self._flags.get(flag.name)
        if before is not None and (before.help, before.default) != (flag.help, flag.default):
            raise DuplicateFlagError(None, None, f"flag {flag.name!r} is defined twice.")
        self._flags[flag.name] = flag

    def __call__(self, argv: Sequence[str], known_only: bool = False) -> list[str]:
        """Read ``argv``, whose first item is the program, and return what is no flag."""
        program, *pending = argv or [""]
        rest = [program]
        while pending:
            text = pending.pop(0)
            if text == "--":
                rest += pending
                break
            name, given, value = text.lstrip("-").partition("=")
            name = name.replace("-", "_") if name not in self._flags else name
            flag = self._flags.get(name)
            if not text.startswith("-") or text == "-":
                rest.append(text)
            elif name in ("help", "h", "helpfull", "helpshort") and flag is None:
                print(self.get_help())
                raise SystemExit(1)  # as absl does
            elif flag is None and name.startswith("no") and self._is_switch(name[2:]):
                self._flags[name[2:]].read("false")
            elif flag is None:
                if not known_only:
                    raise UnrecognizedFlagError(f"unknown flag --{name}; --help lists the flags.")
                rest.append(text)
            elif given or flag.is_switch:
                flag.read(value if given else "true")
            elif pending:
                flag.read(pending.pop(0))
            else:
                raise Error(f"flag --{name} needs a value.")
        object.__setattr__(self, "_parsed", True)
        for flag in self._flags.values():
            if flag.required and flag.value is None:
                raise Error(f"flag --{flag.name} must be given.")
        return rest

    def _is_switch(self, name: str) -> bool:
        return name in self._flags and self._flags[name].is_switch

    def is_parsed(self) -> bool:
        return bool(self._parsed)

    def mark_as_parsed(self) -> None:
        object.__setattr__(self, "_parsed", True)

    def unparse_flags(self) -> None:
        object.__setattr__(self, "_parsed", False)

    def _parse_flags(self, args: Sequence[str] | None = None) -> None:
        """Read the command line: the spelling of 2016."""
        self(sys.argv if args is None else ["", *args], known_only=True)

    def flag_values_dict(self) -> dict[str, Any]:
        return {name: flag.value for name, flag in self._flags.items()}

    def get_help(self) -> str:
        """Return a text that lists the flags."""
        lines = [f"\n{sys.modules['__main__'].__doc__ or ''}\nflags:"]
        for name in self:
            flag = self._flags[name]
            shown = f"--[no]{name}" if flag.is_switch else f"--{name}"
            lines.append(f"  {shown}: {flag.help}\n    (default: {flag.default!r})")
        return "\n".join(lines)

    def remove_flag_values(self, names: Any) -> None:
        for name in names:
            self._flags.pop(name, None)

    def __delattr__(self, name: str) -> None:
        self._flags.pop(name, None)


class _NoFlag(NotFoundError, AttributeError):
    """A flag that was not declared."""


class DuplicateFlagError(AlreadyExistsError):
    """Two declarations of one flag that differ."""


class UnrecognizedFlagError(Error):
    """A flag on the command line that was not declared."""


class IllegalFlagValueError(Error):
    """A value that the flag does not take."""


FLAGS = FlagValues()


def _boolean(text: str) -> bool:
    lowered = text.lower()
    if lowered in ("true", "t", "1", "yes", "y"):
        return True
    if lowered in ("false", "f", "0", "no", "n"):
        return False
    raise ValueError("true or false is wanted")


def _integer(text: str) -> int:
    return int(text, 0) if text[:2].lower() in ("0x", "0o", "0b") else int(text)


def _comma_list(text: str) -> list[str]:
    return [item.strip() for item in text.split(",")] if text else []


def DEFINE_string(name: str, default: Any, help: str | None, *_a: Any, **_kw: Any) -> None:
    """Declare a flag whose value is text."""
    FLAGS.define(Flag(name, default, help, str))


def DEFINE_integer(
    name: str, default: Any, help: str | None, lower_bound: int | None = None,
    upper_bound: int | None = None, *_a: Any, **_kw: Any,
) -> None:  # fmt: skip
    """Declare a flag whose value is an int, perhaps within bounds."""
    FLAGS.define(Flag(name, default, help, _bounded(_integer, lower_bound, upper_bound)))


def DEFINE_float(
    name: str, default: Any, help: str | None, lower_bound: float | None = None,
    upper_bound: float | None = None, *_a: Any, **_kw: Any,
) -> None:  # fmt: skip
    """Declare a flag whose value is a float, perhaps within bounds."""
    FLAGS.define(Flag(name, default, help, _bounded(float, lower_bound, upper_bound)))


def _bounded(parse: Callable[[str], Any], low: Any, high: Any) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        value = parse(text)
        if (low is not None and value < low) or (high is not None and value > high):
            raise ValueError(f"not between {low} and {high}")
        return value

    return read


def DEFINE_boolean(name: str, default: Any, help: str | None, *_a: Any, **_kw: Any) -> None:
    """Declare a switch: ``--name`` and ``--noname``."""
    FLAGS.define(Flag(name, default, help, _boolean, is_switch=True))


DEFINE_bool = DEFINE_boolean


def DEFINE_enum(
    name: str, default: Any, enum_values: Sequence[str], help: str | None, *_a: Any, **_kw: Any
) -> None:
    """Declare a flag whose value is one of a few texts."""

    def read(text: str) -> str:
        if text not in enum_values:
            raise ValueError(f"one of {', '.join(enum_values)} is wanted")
        return text

    FLAGS.define(Flag(name, default, help, read))


def DEFINE_list(name: str, default: Any, help: str | None, *_a: Any, **_kw: Any) -> None:
    """Declare a flag whose value is a list of texts, with commas between."""
    given = ",".join(default) if isinstance(default, (list, tuple)) else default
    FLAGS.define(Flag(name, given, help, _comma_list))


def DEFINE_multi_string(name: str, default: Any, help: str | None, **_kw: Any) -> None:
    """Declare a flag that may be given several times; its value is a list."""
    _define_multi(name, default, help, str)


def DEFINE_multi_integer(name: str, default: Any, help: str | None, **_kw: Any) -> None:
    """Declare a flag of ints that may be given several times; its value is a list."""
    _define_multi(name, default, help, _integer)


def DEFINE_multi_float(name: str, default: Any, help: str | None, **_kw: Any) -> None:
    """Declare a flag of floats that may be given several times; its value is a list."""
    _define_multi(name, default, help, float)


def _define_multi(name: str, default: Any, help: str | None, parse: Callable[[str], Any]) -> None:
    listed = list(default) if isinstance(default, (list, tuple)) else [default]
    FLAGS.define(Flag(name, None if default is None else listed, help, parse, is_list=True))


def mark_flag_as_required(flag_name: str, flag_values: FlagValues = FLAGS) -> None:
    """Let reading the command line fail if the flag has no value."""
    flag_values[flag_name].required = True


def mark_flags_as_required(flag_names: Sequence[str], flag_values: FlagValues = FLAGS) -> None:
    for name in flag_names:
        mark_flag_as_required(name, flag_values)
