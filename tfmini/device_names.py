"""The names of devices: ``/job:ps/task:1``, ``/gpu:0``, ``/device:CPU:0``.

In: names as scripts write them.  Out: their parts, and the one spelling that TensorFlow keeps.
Here a device is a note on a node and in exported graphs: where nodes run, each run decides.
"""

from __future__ import annotations

from typing import Any

from tfmini.errors import InvalidArgumentError, InvalidTypeError

_NUMBERED = ("replica", "task")
_FIELDS = ("job", *_NUMBERED, "device_type", "device_index")


class DeviceSpec:
    """The parts of a device's name; None stands for what is not said.

    Parameters
    ----------
    job : str, e.g. "worker"
    replica, task : int
    device_type : str, "CPU" or "GPU", in any case
    device_index : int; None or "*" for any
    """

    def __init__(
        self,
        job: str | None = None,
        replica: int | None = None,
        task: int | None = None,
        device_type: str | None = None,
        device_index: int | str | None = None,
    ) -> None:
        self.job = job or None
        self.replica = None if replica is None else int(replica)
        self.task = None if task is None else int(task)
        short = device_type is not None and device_type.lower() in ("cpu", "gpu", "tpu")
        self.device_type = device_type.upper() if device_type and short else device_type
        self.device_index = None if device_index in (None, "*") else int(device_index or 0)

    @classmethod
    def from_string(cls, spec: str) -> DeviceSpec:
        """Return the parts of a name."""
        if not isinstance(spec, str):
            raise InvalidTypeError(
                None, None, f"a device is given by its name or a function, not by {spec!r}."
            )
        found: dict[str, Any] = {}
        for part in filter(None, spec.split("/")):
            read = _read(part, spec)
            if "device_type" in read and "device_type" in found:
                raise InvalidArgumentError(None, None, f"{spec!r} names several types of devices.")
            found |= read
        return cls(**found)

    def parse_from_string(self, spec: str) -> DeviceSpec:
        """Take the parts of a name instead of one's own, and return self."""
        found = DeviceSpec.from_string(spec)
        for field in _FIELDS:
            setattr(self, field, getattr(found, field))
        return self

    def merge_from(self, dev: DeviceSpec) -> None:
        """Take over the parts that ``dev`` has."""
        for field in _FIELDS:
            value = getattr(dev, field)
            if value is not None:
                setattr(self, field, value)

    def make_merged_spec(self, dev: DeviceSpec) -> DeviceSpec:
        """Return these parts with those that ``dev`` has in their place."""
        out = self.replace()
        out.merge_from(dev)
        return out

    def replace(self, **parts: Any) -> DeviceSpec:
        """Return these parts with others in their place."""
        return DeviceSpec(**{**dict(zip(_FIELDS, self._parts(), strict=True)), **parts})

    def to_string(self) -> str:
        """Return the name, e.g. ``"/job:worker/task:1/device:GPU:0"``."""
        out = "" if self.job is None else f"/job:{self.job}"
        for field in _NUMBERED:
            value = getattr(self, field)
            out += "" if value is None else f"/{field}:{value}"
        if self.device_type is not None:
            index = "*" if self.device_index is None else self.device_index
            out += f"/device:{self.device_type}:{index}"
        return out

    def _parts(self) -> tuple[Any, ...]:
        return tuple([getattr(self, field) for field in _FIELDS])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DeviceSpec) and self._parts() == other._parts()

    def __hash__(self) -> int:
        return hash(self._parts())

    def __repr__(self) -> str:
        parts = zip(_FIELDS, self._parts(), strict=True)
        return f"<DeviceSpec({', '.join([f'{k}={v}' for k, v in parts])})>"


def _read(part: str, name: str) -> dict[str, Any]:
    """Return what one part of a name says."""
    key, *values = part.split(":")
    try:
        if key in ("job", *_NUMBERED) and len(values) == 1:
            return {key: values[0] if key == "job" else int(values[0])}
        if key.upper() in ("CPU", "GPU", "TPU") and len(values) <= 1:
            key, values = "device", [key, *(values or "*")]
        if key == "device" and len(values) == 2:
            index = None if values[1] == "*" else int(values[1])
            return {"device_type": values[0], "device_index": index}
    except ValueError:
        pass
    raise InvalidArgumentError(
        None,
        None,
        f"{part!r} of the device {name!r} is not understood: write e.g. '/cpu:0' or "
        f"'/job:worker/task:1/device:GPU:0'.",
    )


def placed(device: str, around: Any, op: Any) -> str:
    """Return the device of ``op``, which has ``device`` so far, in a block ``tf.device(around)``.

    What is said already stays.  A function is given the operation, and what it returns is final.
    """
    if callable(around):
        found = around(op)
        if not isinstance(found, str):
            raise InvalidTypeError(
                None, None, f"a function for tf.device must return a name, not {found!r}."
            )
        return found
    return around.make_merged_spec(DeviceSpec.from_string(device)).to_string()
