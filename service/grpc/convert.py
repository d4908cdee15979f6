"""Turns the protocol's gRPC messages into a request for an inference, and its answer into a message."""

from typing import Any

import numpy as np

from service.grpc.messages import MESSAGES
from service.protocol.errors import MalformedRequest
from service.protocol.request import Binary, InferAnswer, InferRequest, InputTensor, OutputTensor, WantedOutput
from service.protocol.tensors import write_values

_FIELDS = {"UINT8": "uint_contents", "BYTES": "bytes_contents"}
"""Of typed contents, by datatype; tensors of other datatypes are refused later on, by name."""


def read_request(message: Any) -> InferRequest:  # noqa: ANN401 - its class is made when this is imported
    """Read a `ModelInferRequest`.

    Raises:
        MalformedRequest: it doesn't fit together.
    """
    raw = message.raw_input_contents
    if raw and len(raw) != len(message.inputs):
        raise MalformedRequest(f"there are {len(message.inputs)} inputs and {len(raw)} raw_input_contents")
    if raw and any(tensor.HasField("contents") for tensor in message.inputs):
        raise MalformedRequest("an input has contents, though there are raw_input_contents")
    inputs = [
        InputTensor(tensor.name, tensor.datatype, tensor.shape, raw[number] if raw else _read_contents(tensor))
        for number, tensor in enumerate(message.inputs)
    ]
    outputs = [WantedOutput(output.name, classes=_read_classes(output)) for output in message.outputs]
    return InferRequest(inputs, outputs, message.id, _wants_bytes(message))


def write_answer(answer: InferAnswer) -> Any:  # noqa: ANN401 - as above
    """Write a `ModelInferResponse`."""
    message = MESSAGES["ModelInferResponse"](
        model_name=answer.model, model_version=str(answer.version), id=answer.id, outputs=map(_describe, answer.outputs)
    )
    message.raw_output_contents.extend(write_values(output) for output in answer.outputs if output.binary)
    return message


def _read_contents(tensor: Any) -> Binary | list[object]:  # noqa: ANN401 - as above
    field = _FIELDS.get(tensor.datatype)
    return list(getattr(tensor.contents, field)) if field else []


def _read_classes(output: Any) -> int | None:  # noqa: ANN401 - as above
    return output.parameters["classification"].int64_param if "classification" in output.parameters else None


def _wants_bytes(message: Any) -> bool:  # noqa: ANN401 - as above
    """As it came, so it goes out, unless it says otherwise."""
    if "binary_data_output" in message.parameters:
        return bool(message.parameters["binary_data_output"].bool_param)
    return bool(message.raw_input_contents)


def _describe(output: OutputTensor) -> dict[str, Any]:
    row: dict[str, Any] = {"name": output.name, "datatype": output.datatype, "shape": output.shape}
    if not output.binary and isinstance(output.values, np.ndarray):
        row["contents"] = {"fp32_contents": output.values.ravel().tolist()}
    elif not output.binary:
        row["contents"] = {"bytes_contents": output.values}
    return row
