"""Turns what is served into what the protocol tells of it: the server, and a model's tensors.

A model's outputs are told as they are given where a request names none. What else it can be asked for, encoded pictures
in, labels and layers out, stands in its properties: a client that sends all inputs and asks for all outputs that it is
told of would send every picture twice and get every number of the network.
"""

from importlib.metadata import version

from typing_extensions import TypedDict

from service.contract import LOGITS, PIXELS, PROBABILITIES
from service.protocol.infer import LABEL
from service.protocol.tensors import IMAGE
from service.registry import Registry
from service.served import ServedVersion

NAME = "convscope"

EXTENSIONS = ("binary_tensor_data", "classification", "model_repository")

PLATFORM = "onnxruntime_onnx"
"""Triton's name of an ONNX graph that onnxruntime runs."""


class ServerMetadata(TypedDict):
    """What the server is."""

    name: str
    version: str
    extensions: list[str]


class TensorMetadata(TypedDict):
    """What a tensor is."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(TypedDict):
    """What a model takes and gives."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]
    properties: dict[str, str]


def describe_server() -> ServerMetadata:
    """What the server is."""
    return ServerMetadata(name=NAME, version=version("convscope"), extensions=list(EXTENSIONS))


def describe_model(registry: Registry, served: ServedVersion) -> ModelMetadata:
    """What a version takes and gives; -1 stands for the number of pictures."""
    manifest, number = served.published.manifest, served.published.version
    spec, labels = manifest.input, len(manifest.labels)
    model = registry.models.get(manifest.name)
    versions = model.versions if model else (number,)
    return ModelMetadata(
        name=manifest.name,
        versions=[str(known) for known in versions],
        platform=PLATFORM,
        inputs=[TensorMetadata(name=PIXELS, datatype="UINT8", shape=[-1, spec.height, spec.width, spec.channels])],
        outputs=[TensorMetadata(name=name, datatype="FP32", shape=[-1, labels]) for name in (LOGITS, PROBABILITIES)],
        properties={
            "version": str(number),
            "labels": str(labels),
            "other_inputs": f"{IMAGE} BYTES [-1]: encoded pictures, in place of {PIXELS}",
            "other_outputs": f"{LABEL} BYTES [-1]; every layer of /v1/models/{manifest.name}/layers by its name, FP32",
        },
    )
