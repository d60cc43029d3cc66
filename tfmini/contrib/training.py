"""``tf.contrib.training``: hyperparameters with names and types; and evaluations of checkpoints.

In: ``name=value`` pairs, from Python, text or JSON.  Out: one object whose attributes they are.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfmini.contrib.evaluation import (
    StopAfterNEvalsHook,
    SummaryAtEndHook,
    evaluate_once,
    evaluate_repeatedly,
    get_or_create_eval_step,
)
from tfmini.errors import InvalidArgumentError
from tfmini.train.new_checkpoints import checkpoints_iterator, wait_for_new_checkpoint

__all__ = [
    "HParams", "StopAfterNEvalsHook", "SummaryAtEndHook", "checkpoints_iterator", "evaluate_once",
    "evaluate_repeatedly", "get_or_create_eval_step", "wait_for_new_checkpoint",
]  # fmt: skip

# name=value or name=[value, value], then a comma or the end.
_SETTING = re.compile(r"\s*(?P<name>\w+)\s*=\s*(?P<value>\[[^\]]*\]|[^,\[]*)\s*(?:,|$)")
_SWITCHES = {"true": True, "false": False, "1": True, "0": False}


class HParams:
    """Hyperparameters as attributes: ints, floats, bools, texts, or lists of one of these.

    A value keeps the type that it had first: an int may become the value of a float, a text of
    digits the value of a number, but 0.5 no int.
    """

    def __init__(self, hparam_def: Any = None, model_structure: Any = None, **kwargs: Any) -> None:
        if hparam_def is not None:
            raise InvalidArgumentError(None, None, "hparam_def is not read; give name=value.")
        self._types: dict[str, tuple[type, bool]] = {}
        self._model_structure = model_structure
        for name, value in kwargs.items():
            self.add_hparam(name, value)

    def add_hparam(self, name: str, value: Any) -> None:
        """Add a hyperparameter; its name must be new."""
        if getattr(self, name, None) is not None:
            raise InvalidArgumentError(
                None, None, f"hyperparameter name is reserved: {name}; give it another."
            )
        is_list = isinstance(value, (list, tuple))
        if is_list and not value:
            raise InvalidArgumentError(None, None, f"{name}: an empty list has no type of items.")
        self._types[name] = (type(value[0]) if is_list else type(value), is_list)
        setattr(self, name, value)

    def set_hparam(self, name: str, value: Any) -> None:
        """Set a hyperparameter, in the type it has."""
        kind, is_list = self._known(name)
        if is_list != isinstance(value, (list, tuple)):
            wanted = "a list" if is_list else "one value"
            raise InvalidArgumentError(None, None, f"{name} takes {wanted}, not {value!r}.")
        typed = [_cast(name, kind, v) for v in value] if is_list else _cast(name, kind, value)
        setattr(self, name, typed)

    def del_hparam(self, name: str) -> None:
        """Take a hyperparameter away."""
        self._known(name)
        del self._types[name]
        delattr(self, name)

    def _known(self, name: str) -> tuple[type, bool]:
        if name not in self._types:
            known = ", ".join(sorted(self._types)) or "none"
            raise InvalidArgumentError(
                None, None, f"unknown hyperparameter {name!r}; known: {known}."
            )
        return self._types[name]

    def parse(self, values: str) -> HParams:
        """Set what a text like ``"rate=0.1,sizes=[3,4],name=x"`` says; return self."""
        at = 0
        while at < len(values):
            found = _SETTING.match(values, at)
            if found is None:
                raise InvalidArgumentError(
                    None, None, f"{values[at:]!r} is not name=value or name=[value,value]."
                )
            at, text = found.end(), found["value"].strip()
            if text.startswith("["):
                items = [item.strip() for item in text[1:-1].split(",")]
                self.set_hparam(found["name"], [item for item in items if item])
            else:
                self.set_hparam(found["name"], [text] if self._known(found["name"])[1] else text)
        return self

    def override_from_dict(self, values_dict: Mapping[str, Any]) -> HParams:
        """Set each of a dict's items; return self."""
        for name, value in values_dict.items():
            self.set_hparam(name, value)
        return self

    def parse_json(self, values_json: str) -> HParams:
        """Set what an object in JSON says; return self."""
        return self.override_from_dict(json.loads(values_json))

    def to_json(
        self, indent: Any = None, separators: Any = None, sort_keys: bool = False
    ) -> str:  # fmt: skip
        """Return the values as an object in JSON."""
        plain = {name: value for name, value in self.values().items() if not callable(value)}
        return json.dumps(plain, indent=indent, separators=separators, sort_keys=sort_keys)

    def values(self) -> dict[str, Any]:
        """Return the values by name."""
        return {name: getattr(self, name) for name in self._types}

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value, or ``default`` if there is none of that name."""
        return getattr(self, key) if key in self._types else default

    def get_model_structure(self) -> Any:
        return self._model_structure

    def set_model_structure(self, model_structure: Any) -> None:
        self._model_structure = model_structure

    def __contains__(self, key: str) -> bool:
        return key in self._types

    def __str__(self) -> str:
        return str(sorted(self.values().items()))

    def __repr__(self) -> str:
        return f"HParams({self})"


def _cast(name: str, kind: type, value: Any) -> Any:
    """Return ``value`` as a ``kind``: texts are read, and nothing loses digits."""
    if kind is type(None) or isinstance(value, kind):
        return value
    try:
        if kind is bool and isinstance(value, str):
            return _SWITCHES[value.lower()]
        read = ast.literal_eval(value) if isinstance(value, str) and kind is not str else value
        typed = kind(read)
    except (ValueError, KeyError, SyntaxError, TypeError):
        typed = read = None
    number = isinstance(read, (int, float, np.number)) and not isinstance(read, bool)
    if typed is None or (issubclass(kind, (int, float)) and (not number or typed != read)):
        raise InvalidArgumentError(None, None, f"{name} takes {kind.__name__}, not {value!r}.")
    return typed
