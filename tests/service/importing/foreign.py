"""Makes small foreign classifiers for tests: as other tools write them, and as none should."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from service.engine import Engine, Provider, load_engine
from service.importing.importer import Imported, import_file
from service.importing.options import ImportOptions
from service.published import PublishedVersion, read_version

SIDE = 8
CLASSES = 5


def weight(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(sum(shape)).normal(0, 0.5, shape).astype(np.float32)


def node(operator: str, inputs: Sequence[str], output: str, name: str = "", **attributes: Any) -> NodeProto:  # noqa: ANN401
    made: NodeProto = helper.make_node(operator, list(inputs), [output], name=name, **attributes)
    return made


@dataclass
class Foreign:
    """A graph in the making: conv, relu, global average pool, then whatever a test adds."""

    opset: int = 13
    shape: Sequence[int | str | None] | None = ("n", 3, SIDE, SIDE)
    element: int = TensorProto.FLOAT
    classes: int = CLASSES
    nodes: list[NodeProto] = field(default_factory=list)
    weights: dict[str, NDArray[Any]] = field(default_factory=dict)
    last: str = "picture"
    outputs: list[str] = field(default_factory=list)

    def add(self, operator: str, *more: str, output: str = "", name: str = "", **attributes: Any) -> "Foreign":  # noqa: ANN401
        output = output or f"v{len(self.nodes)}"
        self.nodes.append(node(operator, [self.last, *more], output, name, **attributes))
        self.last = output
        return self

    def body(self, channels: int = 3) -> "Foreign":
        """(n, c, h, w) -> (n, K, 1, 1)."""
        self.weights |= {"w": weight(self.classes, channels, 3, 3), "b": weight(self.classes)}
        self.add("Conv", "w", "b", name="first/conv", kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        return self.add("Relu").add("GlobalAveragePool")

    def model(self, *, as_inputs: bool = False, ir_version: int = 8) -> ModelProto:
        inputs = [helper.make_tensor_value_info("picture", self.element, self.shape)]
        tensors = [numpy_helper.from_array(array, name) for name, array in self.weights.items()]
        if as_inputs:
            inputs += [helper.make_tensor_value_info(each.name, each.data_type, each.dims) for each in tensors]
        outputs = [helper.make_empty_tensor_value_info(name) for name in self.outputs or [self.last]]
        for output in outputs:
            output.type.tensor_type.elem_type = TensorProto.FLOAT
        graph = helper.make_graph(self.nodes, "foreign", inputs, outputs, tensors)
        made: ModelProto = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=ir_version, producer_name="tests"
        )
        return made

    def save(self, folder: Path, **how: Any) -> Path:  # noqa: ANN401
        return save(self.model(**how), folder)


def save(model: ModelProto, folder: Path) -> Path:
    path = folder / "foreign.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def bring(path: Path, folder: Path, **said: Any) -> tuple[Imported, PublishedVersion, Engine]:  # noqa: ANN401
    """Import a file: what was found, what lies on the disk, and the service's own engine for it."""
    imported = import_file(path, ImportOptions(name="net", **said), folder / "models")
    version = read_version(imported.folder)
    return imported, version, load_engine(version.manifest, version.onnx, Provider.CPU, 1)


def noise(version: PublishedVersion, count: int = 3) -> NDArray[np.uint8]:
    spec = version.manifest.input
    size = (count, spec.height, spec.width, spec.channels)
    return np.random.default_rng(7).integers(0, 256, size, np.uint8)


def ask(path: Path, pictures: NDArray[Any], output: str | None = None) -> NDArray[Any]:
    """The file as it is, through onnxruntime, one picture at a time."""
    session = ort.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    answers = [session.run([output] if output else None, {name: picture[np.newaxis]})[0] for picture in pictures]
    return np.stack([np.asarray(answer).reshape(-1) for answer in answers])


def softmax(logits: NDArray[Any]) -> NDArray[Any]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: NDArray[Any] = powers / powers.sum(axis=1, keepdims=True)
    return shares


def to_nchw(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)).astype(np.float32)
