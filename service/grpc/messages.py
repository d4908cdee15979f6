"""Turns a table of the protocol's fields into message classes.

The table is what travels, no more: numbers, names and types as the Open Inference Protocol and Triton's model
repository extension publish them. Nothing is generated, so nothing has to fit the installed protobuf, and the classes
are known to nobody else: a client's own definition of the same messages, under the same names, may live beside them.
"""

from typing import Any

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

PACKAGE = "inference"

SERVICE = f"{PACKAGE}.GRPCInferenceService"

_TYPES = {
    "double": FieldDescriptorProto.TYPE_DOUBLE,
    "float": FieldDescriptorProto.TYPE_FLOAT,
    "int64": FieldDescriptorProto.TYPE_INT64,
    "uint64": FieldDescriptorProto.TYPE_UINT64,
    "int32": FieldDescriptorProto.TYPE_INT32,
    "bool": FieldDescriptorProto.TYPE_BOOL,
    "string": FieldDescriptorProto.TYPE_STRING,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
    "uint32": FieldDescriptorProto.TYPE_UINT32,
}

_MODEL = ("1 string name", "2 string version")
_TENSOR = ("1 string name", "2 string datatype", "3 repeated int64 shape")
_VALUES = ("4 map InferParameter parameters", "5 InferTensorContents contents")
_OF_REPOSITORY = ("1 string repository_name", "2 string model_name", "3 map ModelRepositoryParameter parameters")

_TABLE: dict[str, tuple[str, ...]] = {
    "ServerLiveRequest": (),
    "ServerLiveResponse": ("1 bool live",),
    "ServerReadyRequest": (),
    "ServerReadyResponse": ("1 bool ready",),
    "ModelReadyRequest": _MODEL,
    "ModelReadyResponse": ("1 bool ready",),
    "ServerMetadataRequest": (),
    "ServerMetadataResponse": ("1 string name", "2 string version", "3 repeated string extensions"),
    "ModelMetadataRequest": _MODEL,
    "ModelMetadataResponse": (
        "1 string name",
        "2 repeated string versions",
        "3 string platform",
        "4 repeated ModelMetadataResponse.TensorMetadata inputs",
        "5 repeated ModelMetadataResponse.TensorMetadata outputs",
        "6 map string properties",
    ),
    "ModelMetadataResponse.TensorMetadata": _TENSOR,
    "ModelInferRequest": (
        "1 string model_name",
        "2 string model_version",
        "3 string id",
        "4 map InferParameter parameters",
        "5 repeated ModelInferRequest.InferInputTensor inputs",
        "6 repeated ModelInferRequest.InferRequestedOutputTensor outputs",
        "7 repeated bytes raw_input_contents",
    ),
    "ModelInferRequest.InferInputTensor": (*_TENSOR, *_VALUES),
    "ModelInferRequest.InferRequestedOutputTensor": ("1 string name", "2 map InferParameter parameters"),
    "ModelInferResponse": (
        "1 string model_name",
        "2 string model_version",
        "3 string id",
        "4 map InferParameter parameters",
        "5 repeated ModelInferResponse.InferOutputTensor outputs",
        "6 repeated bytes raw_output_contents",
    ),
    "ModelInferResponse.InferOutputTensor": (*_TENSOR, *_VALUES),
    "InferParameter": (
        "1 oneof bool bool_param",
        "2 oneof int64 int64_param",
        "3 oneof string string_param",
        "4 oneof double double_param",
        "5 oneof uint64 uint64_param",
    ),
    "InferTensorContents": (
        "1 repeated bool bool_contents",
        "2 repeated int32 int_contents",
        "3 repeated int64 int64_contents",
        "4 repeated uint32 uint_contents",
        "5 repeated uint64 uint64_contents",
        "6 repeated float fp32_contents",
        "7 repeated double fp64_contents",
        "8 repeated bytes bytes_contents",
    ),
    "RepositoryIndexRequest": ("1 string repository_name", "2 bool ready"),
    "RepositoryIndexResponse": ("1 repeated RepositoryIndexResponse.ModelIndex models",),
    "RepositoryIndexResponse.ModelIndex": ("1 string name", "2 string version", "3 string state", "4 string reason"),
    "RepositoryModelLoadRequest": _OF_REPOSITORY,
    "RepositoryModelLoadResponse": (),
    "RepositoryModelUnloadRequest": _OF_REPOSITORY,
    "RepositoryModelUnloadResponse": (),
    "ModelRepositoryParameter": (
        "1 oneof bool bool_param",
        "2 oneof int64 int64_param",
        "3 oneof string string_param",
        "4 oneof bytes bytes_param",
    ),
}
"""The fields of each message: number, perhaps a word, type, name. A map's keys are strings."""


def _build(table: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    """The classes, by name."""
    file = FileDescriptorProto(name="open_inference.proto", package=PACKAGE, syntax="proto3")
    built: dict[str, DescriptorProto] = {}
    for path, fields in table.items():  # a message's own parts come after it
        outer, _, name = path.rpartition(".")
        message = built[outer].nested_type.add(name=name) if outer else file.message_type.add(name=name)
        built[path] = message
        for field in fields:
            _add_field(message, path, field.split())
    pool = DescriptorPool()
    pool.Add(file)
    return {path: GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{path}")) for path in table}


def _add_field(message: DescriptorProto, path: str, words: list[str]) -> None:
    number, name = int(words[0]), words[-1]
    field = message.field.add(name=name, number=number, label=FieldDescriptorProto.LABEL_OPTIONAL)
    kind = words[-2]
    match words[1:-2]:
        case ["repeated"]:
            field.label = FieldDescriptorProto.LABEL_REPEATED
        case ["oneof"]:
            if not message.oneof_decl:
                message.oneof_decl.add(name="parameter_choice")
            field.oneof_index = 0
        case ["map"]:
            entry = message.nested_type.add(name=f"{name.title()}Entry")
            entry.options.map_entry = True
            _add_field(entry, f"{path}.{entry.name}", ["1", "string", "key"])
            _add_field(entry, f"{path}.{entry.name}", ["2", kind, "value"])
            field.label, kind = FieldDescriptorProto.LABEL_REPEATED, f"{path}.{entry.name}"
    if kind in _TYPES:
        field.type = _TYPES[kind]
    else:
        field.type, field.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".{PACKAGE}.{kind}"


MESSAGES = _build(_TABLE)
