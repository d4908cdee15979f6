"""Turns the body of a REST request into a request for an inference, and its answer into a body.

Both are a JSON document, and behind it the tensors that travel as bytes, in the document's order. Source: the Open
Inference Protocol's "inference request", and Triton's binary tensor data extension.
"""

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple, NotRequired

import numpy as np
import orjson
from pydantic import Field, PlainValidator, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from service.protocol.errors import MalformedRequest
from service.protocol.request import InferAnswer, InferRequest, InputTensor, OutputTensor, WantedOutput
from service.protocol.tensors import write_values

# Typed dictionaries, because making instances of models takes as long as a small network.


def _check_list(data: object) -> list[Any]:
    """As pydantic would, but without a copy of all that is in it."""
    if not isinstance(data, list):
        raise PydanticCustomError("list_type", "Input should be a valid list")
    return data


class InputParameters(TypedDict):
    """How a tensor travels."""

    binary_data_size: NotRequired[Annotated[int, Field(ge=0, description="its bytes, behind the JSON document")]]


class RequestInput(TypedDict):
    """A tensor that comes in."""

    name: Annotated[str, Field(examples=["pixels"])]
    shape: Annotated[list[int], Field(examples=[[1, 28, 28, 1]])]
    datatype: Annotated[str, Field(examples=["UINT8"])]
    parameters: NotRequired[InputParameters]
    data: NotRequired[
        Annotated[
            list[Any],
            PlainValidator(_check_list, json_schema_input_type=list[Any]),
            Field(description="values, flat or nested; BYTES: text in base64"),
        ]
    ]


class OutputParameters(TypedDict):
    """How an output is wanted."""

    binary_data: NotRequired[Annotated[bool, Field(description="as bytes behind the JSON document")]]
    classification: NotRequired[
        Annotated[int, Field(ge=1, description="so many of the highest, each as value:index:label")]
    ]


class RequestOutput(TypedDict):
    """A tensor that is asked for."""

    name: Annotated[str, Field(examples=["probabilities"])]
    parameters: NotRequired[OutputParameters]


class RequestParameters(TypedDict):
    """What holds for all of a request."""

    binary_data_output: NotRequired[Annotated[bool, Field(description="all outputs as bytes")]]


class InferenceRequest(TypedDict):
    """A request for an inference."""

    id: NotRequired[Annotated[str, Field(description="comes back with the answer")]]
    parameters: NotRequired[RequestParameters]
    inputs: list[RequestInput]
    outputs: NotRequired[Annotated[list[RequestOutput], Field(description="none: logits and probabilities")]]


_REQUEST = TypeAdapter(InferenceRequest)


def describe_request(ref: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The JSON schema of a request, and those that it refers to by name.

    Args:
        ref: how a schema refers to another one, with `{model}` in the place of its name.
    """
    schema = _REQUEST.json_schema(ref_template=ref)
    return schema, schema.pop("$defs")


_OTHER_LISTS = 4096
"""Arrays and objects that a document may have beside its tensors' values."""

_NO_PARAMETERS: dict[str, Any] = {}


class WrittenAnswer(NamedTuple):
    """The body of an answer."""

    content: bytes
    head: int | None
    """Bytes of the JSON document, where others follow it."""


def read_request(body: bytes, head: int | None, most_lists: int) -> InferRequest:
    """Read a request.

    Args:
        body: all of it.
        head: bytes of its JSON document; None: there is nothing else.
        most_lists: arrays that its tensors can consist of: an empty one takes thirty times as much memory as text.

    Raises:
        MalformedRequest: it can't be read, or its sizes don't add up.
    """
    if head is not None and head > len(body):
        raise MalformedRequest(f"Inference-Header-Content-Length is {head:,}; the body has {len(body):,} bytes")
    content = memoryview(body)
    end = len(body) if head is None else head
    if body.count(b"[", 0, end) + body.count(b"{", 0, end) > most_lists + _OTHER_LISTS:
        raise MalformedRequest(f"the JSON document has more than {most_lists:,} arrays, which no tensor here has")
    document = _parse(content[:end])
    rest = content[end:]
    outputs = []
    for output in document.get("outputs", ()):
        wanted = output.get("parameters", _NO_PARAMETERS)
        outputs.append(WantedOutput(output["name"], wanted.get("binary_data"), wanted.get("classification")))
    binary = document.get("parameters", _NO_PARAMETERS).get("binary_data_output", False)
    return InferRequest(_read_inputs(document["inputs"], rest), outputs, document.get("id", ""), binary)


def _read_inputs(tensors: Sequence[RequestInput], rest: memoryview) -> list[InputTensor]:
    """The inputs with their values, some of which are the bytes behind the document."""
    inputs = []
    for tensor in tensors:
        size = tensor.get("parameters", _NO_PARAMETERS).get("binary_data_size")
        if (size is None) == ("data" not in tensor):
            raise MalformedRequest(
                f"input {tensor['name']!r} has to have either 'data' or the parameter 'binary_data_size'"
            )
        if size is not None and size > len(rest):
            raise MalformedRequest(
                f"input {tensor['name']!r} is said to have {size:,} bytes; behind the JSON document {len(rest):,}"
                " are left (the header Inference-Header-Content-Length says where it ends)"
            )
        content = tensor["data"] if size is None else rest[:size]
        inputs.append(InputTensor(tensor["name"], tensor["datatype"], tensor["shape"], content))
        rest = rest[size or 0 :]
    if rest:
        raise MalformedRequest(f"{len(rest):,} bytes are left behind the inputs' own")
    return inputs


def write_answer(answer: InferAnswer) -> WrittenAnswer:
    """Write an answer; NaN and infinities, which JSON lacks, as null."""
    document: dict[str, Any] = {"model_name": answer.model, "model_version": str(answer.version)}
    if answer.id:
        document["id"] = answer.id
    contents = [write_values(output) if output.binary else None for output in answer.outputs]
    document["outputs"] = [_describe(output, content) for output, content in zip(answer.outputs, contents, strict=True)]
    head = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    pieces = [content for content in contents if content is not None]
    return WrittenAnswer(b"".join([head, *pieces]), len(head)) if pieces else WrittenAnswer(head, None)


def _parse(document: memoryview) -> InferenceRequest:
    try:
        return _REQUEST.validate_python(orjson.loads(document), strict=True)
    except orjson.JSONDecodeError as error:
        raise MalformedRequest(f"the request is no JSON document: {error}") from error
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, problem["loc"])) or "the document"
        raise MalformedRequest(f"{place}: {problem['msg']}") from error


def _describe(output: OutputTensor, content: bytes | None) -> dict[str, Any]:
    row: dict[str, Any] = {"name": output.name, "datatype": output.datatype, "shape": output.shape}
    if content is not None:
        row["parameters"] = {"binary_data_size": len(content)}
    elif isinstance(output.values, np.ndarray):
        row["data"] = np.ascontiguousarray(output.values).reshape(-1)
    else:
        row["data"] = _decode(output.values)
    return row


def _decode(texts: Sequence[bytes]) -> list[str]:
    return [text.decode() for text in texts]
