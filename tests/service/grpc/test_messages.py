"""The table of fields is the protocol's: as Triton's client has it, number by number."""

from typing import Any

import pytest
from tritonclient.grpc import service_pb2

from service.grpc.messages import MESSAGES

PROPERTIES = ("properties", 6)
"""Of the model's metadata: the protocol's, but not Triton's."""


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_fields_are_those_that_tritons_client_knows(name: str) -> None:
    theirs = service_pb2
    for part in name.split("."):
        theirs = getattr(theirs, part)

    def describe(message: Any) -> set[tuple[Any, ...]]:  # noqa: ANN401 - classes made at run time
        return {
            (
                field.name,
                field.number,
                field.type,
                field.is_repeated,
                field.message_type and field.message_type.full_name,
            )
            for field in message.DESCRIPTOR.fields
            if (field.name, field.number) != PROPERTIES
        }

    assert describe(MESSAGES[name]) == describe(theirs)


def test_what_the_one_writes_the_other_reads() -> None:
    mine = MESSAGES["ModelInferRequest"](model_name="digits", raw_input_contents=[b"12"])
    mine.inputs.add(name="pixels", datatype="UINT8", shape=[1, 2]).contents.uint_contents.extend([1, 2])
    mine.outputs.add(name="label").parameters["classification"].int64_param = 3
    theirs = service_pb2.ModelInferRequest.FromString(mine.SerializeToString())
    assert theirs.outputs[0].parameters["classification"].int64_param == 3
    assert list(theirs.inputs[0].contents.uint_contents) == [1, 2]
    assert MESSAGES["ModelInferRequest"].FromString(theirs.SerializeToString()) == mine


def test_the_protocols_properties_travel_as_a_map() -> None:
    entry = MESSAGES["ModelMetadataResponse"](properties={"labels": "10"}).SerializeToString()
    assert entry == b"\x32\x0c\x0a\x06labels\x12\x0210"
