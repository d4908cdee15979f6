"""Turns published models into what Triton reads of them: `models/<name>/config.pbtxt`, and its labels.

The models folder has Triton's own layout already; with these two files Triton serves it with onnxruntime, the same
graphs under the same names. They describe the version that answers here. Source: the ModelConfig message of Triton's
`model_config.proto`, in protobuf's text format.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx

from service.contract import INT8_FILE, LOGITS, MODEL_FILE, PIXELS, PROBABILITIES
from service.disk import replace_file
from service.errors import ExportFailed, ModelRefused, UnknownModel
from service.promotion import find_answering
from service.published import PublishedVersion, read_version
from service.versions import ModelOnDisk, list_models

CONFIG_FILE = "config.pbtxt"
LABELS_FILE = "labels.txt"


@dataclass(frozen=True)
class Exported:
    """A model that Triton can serve now."""

    path: Path
    """Of its configuration."""
    version: int
    """That it describes, and that Triton serves."""


def export(models: Path, names: Sequence[str], max_batch: int) -> list[Exported]:
    """Write the files of some models.

    Args:
        models: the models folder.
        names: of the models; none: all.
        max_batch: pictures in one run, at most.

    Raises:
        UnknownModel: there is none of that name, or none at all.
        ModelRefused: a model has no version that can be read.
        ExportFailed: the folder can't be written.
    """
    try:
        found = list_models(models)
    except OSError:
        found = {}
    unknown = [name for name in names if name not in found]
    if unknown or not found:
        raise UnknownModel(
            f"no model is called {unknown[0] if unknown else 'anything'!r} in {models};"
            f" there are: {', '.join(found) or 'none'}"
        )
    return [_export(found[name], max_batch) for name in names or found]


def describe(published: PublishedVersion, max_batch: int, *, is_latest: bool) -> str:
    """The configuration that fits a version.

    Args:
        published: the version.
        max_batch: pictures in one run, at most.
        is_latest: newer ones are to be served in its place as they come.
    """
    spec = published.manifest.input
    policy = "latest { num_versions: 1 }" if is_latest else f"specific {{ versions: [ {published.version} ] }}"
    outputs = _measure_outputs(published)
    labels = f' label_filename: "{LABELS_FILE}"' if _names_outputs(published) else ""
    return f"""\
# Written by `convscope export-triton`: run it again when another version answers.
name: "{published.name}"
backend: "onnxruntime"
default_model_filename: "{INT8_FILE if published.int8 else MODEL_FILE}"
max_batch_size: {max_batch}
input [
  {{ name: "{PIXELS}" data_type: TYPE_UINT8 dims: [ {spec.height}, {spec.width}, {spec.channels} ] }}
]
output [
  {{ name: "{LOGITS}" data_type: TYPE_FP32 dims: [ {outputs} ]{labels} }},
  {{ name: "{PROBABILITIES}" data_type: TYPE_FP32 dims: [ {outputs} ]{labels} }}
]
dynamic_batching {{ }}
version_policy {{ {policy} }}
"""


def _export(model: ModelOnDisk, max_batch: int) -> Exported:
    readable: dict[int, PublishedVersion] = {}
    refused = None
    for number in model.candidates():
        try:
            readable[number] = read_version(model.versions[number].folder)
            break
        except ModelRefused as error:
            refused = refused or error
    answering = find_answering(model, readable.__contains__)
    if answering is None:
        raise refused or ModelRefused(f"{model.folder.name} has no version")
    published = readable[answering]
    is_latest = model.state.pinned is None and answering == max(model.versions)
    try:
        if _names_outputs(published):
            replace_file(
                model.folder / LABELS_FILE, "".join(f"{label}\n" for label in published.manifest.labels).encode()
            )
        config = describe(published, max_batch, is_latest=is_latest)
        replace_file(model.folder / CONFIG_FILE, config.encode())
    except OSError as error:
        raise ExportFailed(f"can't write into {model.folder}: {error.strerror or error}") from error
    return Exported(model.folder / CONFIG_FILE, answering)


def _measure_outputs(published: PublishedVersion) -> int:
    """How many scores the graph gives: one for two labels that a single sigmoid tells apart."""
    graph = onnx.load_model_from_string(published.onnx).graph
    shape = next(output.type.tensor_type.shape for output in graph.output if output.name == LOGITS)
    return int(shape.dim[1].dim_value)


def _names_outputs(published: PublishedVersion) -> bool:
    """Whether a file of a label a line can name the graph's outputs."""
    labels = published.manifest.labels
    return _measure_outputs(published) == len(labels) and not any(len(label.splitlines()) != 1 for label in labels)
