"""Signatures: which tensors of a graph are the inputs and outputs of a model.

In: tensors by name.  Out: a ``SignatureDef`` message.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.dtypes import DType, float32, string
from tfmini.errors import InvalidArgumentError
from tfmini.formats.graphdef import SignatureDef, TensorInfo
from tfmini.saved_model import signature_constants as names
from tfmini.saved_model.tensor_info import build_tensor_info


def build_signature_def(
    inputs: Mapping[str, TensorInfo] | None = None,
    outputs: Mapping[str, TensorInfo] | None = None,
    method_name: str | None = None,
) -> SignatureDef:
    """Return a signature of ``TensorInfo`` messages by name."""
    out = SignatureDef()
    for field, given in ((out.inputs, inputs), (out.outputs, outputs)):
        for name, info in (given or {}).items():
            field[name].CopyFrom(info)
    if method_name is not None:
        out.method_name = method_name
    return out


def predict_signature_def(inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> SignatureDef:
    """Return the signature of a model from ``inputs`` to ``outputs``, tensors by name."""
    _require(inputs, "inputs")
    _require(outputs, "outputs")
    return build_signature_def(_infos(inputs), _infos(outputs), names.PREDICT_METHOD_NAME)


def regression_signature_def(examples: Any, predictions: Any) -> SignatureDef:
    """Return the signature of a model from serialized Examples to float32 ``predictions``."""
    _require(examples, "examples")
    _require(predictions, "predictions")
    return build_signature_def(
        {names.REGRESS_INPUTS: _of(examples, string, "examples")},
        {names.REGRESS_OUTPUTS: _of(predictions, float32, "predictions")},
        names.REGRESS_METHOD_NAME,
    )


def classification_signature_def(examples: Any, classes: Any, scores: Any) -> SignatureDef:
    """Return the signature of a model from serialized Examples to classes, scores or both.

    Parameters
    ----------
    examples, classes : string tensors; ``classes`` may be None
    scores : float32 tensor, or None
    """
    _require(examples, "examples")
    if classes is None and scores is None:
        raise InvalidArgumentError(None, None, "give classes, scores or both.")
    outputs = {}
    if classes is not None:
        outputs[names.CLASSIFY_OUTPUT_CLASSES] = _of(classes, string, "classes")
    if scores is not None:
        outputs[names.CLASSIFY_OUTPUT_SCORES] = _of(scores, float32, "scores")
    inputs = {names.CLASSIFY_INPUTS: _of(examples, string, "examples")}
    return build_signature_def(inputs, outputs, names.CLASSIFY_METHOD_NAME)


def is_valid_signature(signature_def: SignatureDef | None) -> bool:
    """Whether a server could answer by ``signature_def``: its method has the inputs and outputs."""
    if signature_def is None:
        return False
    inputs, outputs = signature_def.inputs, signature_def.outputs
    if signature_def.method_name == names.PREDICT_METHOD_NAME:
        return bool(inputs) and bool(outputs)
    if signature_def.method_name == names.REGRESS_METHOD_NAME:
        return _has(inputs, {names.REGRESS_INPUTS: string}) and _has(
            outputs, {names.REGRESS_OUTPUTS: float32}
        )
    if signature_def.method_name == names.CLASSIFY_METHOD_NAME:
        wanted = {names.CLASSIFY_OUTPUT_CLASSES: string, names.CLASSIFY_OUTPUT_SCORES: float32}
        given = {name: wanted[name] for name in outputs if name in wanted}
        return _has(inputs, {names.CLASSIFY_INPUTS: string}) and bool(given) and _has(
            outputs, given
        )  # fmt: skip
    return False


def _infos(tensors: Mapping[str, Any]) -> dict[str, TensorInfo]:
    return {name: build_tensor_info(tensor) for name, tensor in tensors.items()}


def _of(tensor: Any, dtype: DType, what: str) -> TensorInfo:
    tensor = convert_to_tensor(tensor)
    if tensor.dtype is not dtype:
        raise InvalidArgumentError(
            None, None, f"{what} must be a {dtype.name} tensor, not {tensor!r}."
        )
    return build_tensor_info(tensor)


def _has(infos: Mapping[str, TensorInfo], wanted: Mapping[str, DType]) -> bool:
    return set(infos) == set(wanted) and all(
        [infos[name].dtype == dtype.as_datatype_enum for name, dtype in wanted.items()]
    )


def _require(given: Any, what: str) -> None:
    if given is None or (isinstance(given, Mapping) and not given):
        raise InvalidArgumentError(None, None, f"a signature needs {what}.")
