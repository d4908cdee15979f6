"""Bodies of the REST form become requests, or are refused by what is wrong with them; answers become bodies."""

import json
import resource
from typing import Any

import numpy as np
import pytest

from service.protocol.document import read_request, write_answer
from service.protocol.errors import MalformedRequest
from service.protocol.request import InferAnswer, InferRequest, OutputTensor, WantedOutput

INPUT = {"name": "pixels", "shape": [2, 1], "datatype": "UINT8"}


def read(content: bytes, head: int | None) -> InferRequest:
    return read_request(content, head, most_lists=1000)


def body(document: object, rest: bytes = b"") -> tuple[bytes, int | None]:
    head = json.dumps(document).encode()
    return head + rest, len(head) if rest else None


def sized(size: object, **more: object) -> dict[str, Any]:
    return {**INPUT, "parameters": {"binary_data_size": size}, **more}


def test_bytes_behind_the_document_are_the_inputs_in_its_order() -> None:
    request = read(*body({"id": "4", "inputs": [sized(2), {**INPUT, "data": [7, 8]}, sized(3)]}, b"abcde"))
    assert [tensor.content for tensor in request.inputs] == [b"ab", [7, 8], b"cde"]
    assert request.id == "4"
    assert request.inputs[0].shape == [2, 1]
    assert not request.binary


def test_outputs_say_how_they_are_wanted() -> None:
    outputs = [{"name": "a", "parameters": {"binary_data": True}}, {"name": "b", "parameters": {"classification": 2}}]
    document = {"inputs": [{**INPUT, "data": []}], "outputs": outputs, "parameters": {"binary_data_output": True}}
    request = read(*body(document))
    assert request.outputs == [WantedOutput("a", binary=True), WantedOutput("b", classes=2)]
    assert request.binary


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ((b"", None), "no JSON"),
        ((b"{", None), "no JSON"),
        ((b"\xff", None), "no JSON"),
        ((b'{"inputs": [NaN]}', None), "no JSON"),
        ((b"[" * 5000, None), "no JSON"),
        (body([]), "the document: Input should be"),
        (body({}), "inputs: Field required"),
        (body({"inputs": {}}), "inputs: Input should be a valid list"),
        (body({"inputs": [{}]}), r"inputs\.0\.name: Field required"),
        (body({"inputs": [{**INPUT, "shape": ["1"], "data": []}]}), r"inputs\.0\.shape\.0"),
        (body({"inputs": [{**INPUT, "shape": [1.5], "data": []}]}), r"inputs\.0\.shape\.0"),
        (body({"inputs": [{**INPUT, "shape": [True], "data": []}]}), r"inputs\.0\.shape\.0"),
        (body({"inputs": [{**INPUT, "data": "text"}]}), r"inputs\.0\.data"),
        (body({"inputs": [INPUT]}), "either 'data' or the parameter"),
        (body({"inputs": [sized(2, data=[1])]}, b"ab"), "either 'data' or the parameter"),
        (body({"inputs": [sized(2)]}), "behind the JSON document 0 are left"),
        (body({"inputs": [sized(2)]}, b"a"), "behind the JSON document 1 are left"),
        (body({"inputs": [sized(2**40)]}, b"a"), "behind the JSON document 1 are left"),
        (body({"inputs": [sized(2)]}, b"abc"), "1 bytes are left behind the inputs"),
        (body({"inputs": [sized(-1)]}, b"a"), "binary_data_size"),
        (body({"inputs": [sized("2")]}, b"ab"), "binary_data_size"),
        (body({"inputs": [{**INPUT, "data": []}], "id": 5}), "id: Input should be a valid string"),
        (body({"inputs": [{**INPUT, "data": []}], "outputs": ["a"]}), r"outputs\.0"),
        ((b'{"inputs": []}', 15), "Inference-Header-Content-Length is 15; the body has 14 bytes"),
        ((b'{"inputs": []}', 0), "no JSON"),
        ((b'{"inputs": []}', 13), "no JSON"),
    ],
)
def test_what_cannot_be_read_is_refused_by_what_is_wrong(sent: tuple[bytes, int | None], says: str) -> None:
    with pytest.raises(MalformedRequest, match=says):
        read(*sent)


def test_more_arrays_than_a_tensor_can_have_are_refused_before_they_are_made() -> None:
    many = b'{"inputs": [' + b"[]," * 3_000_000 + b"[]]}"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(MalformedRequest, match="more than 1,000 arrays"):
        read_request(many, None, most_lists=1000)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


def test_an_answer_is_json_and_what_is_wanted_as_bytes_behind_it() -> None:
    values = np.array([[0.1, np.nan], [-0.0, 1e-45]], np.float32)
    outputs = [
        OutputTensor("a", values, (2, 2), binary=True),
        OutputTensor("b", values, (2, 2), binary=False),
        OutputTensor("c", [b"x", "ü".encode()], (2,), binary=True),
        OutputTensor("d", [b"x", "ü".encode()], (2,), binary=False),
    ]
    content, head = write_answer(InferAnswer("digits", 3, "7", outputs))
    assert head is not None
    document = json.loads(content[:head])
    assert (document["model_name"], document["model_version"], document["id"]) == ("digits", "3", "7")
    a, b, c, d = document["outputs"]
    assert a == {"name": "a", "datatype": "FP32", "shape": [2, 2], "parameters": {"binary_data_size": 16}}
    assert b["data"][1] is None
    assert np.array_equal(np.array(b["data"], np.float32), values.ravel(), equal_nan=True)
    assert (c["datatype"], c["parameters"]) == ("BYTES", {"binary_data_size": 11})
    assert d["data"] == ["x", "ü"]
    assert content[head:] == values.tobytes() + b"\x01\0\0\0x\x02\0\0\0\xc3\xbc"


def test_an_answer_without_bytes_is_json_alone() -> None:
    content, head = write_answer(InferAnswer("digits", 3, "", []))
    assert head is None
    assert json.loads(content) == {"model_name": "digits", "model_version": "3", "outputs": []}
