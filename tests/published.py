"""Makes small published versions for tests: real ONNX graphs that keep the contract, or break it on purpose."""

import io
from datetime import UTC, datetime
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper, load_model_from_string, numpy_helper
from PIL import Image

from service.contract import Manifest, OnnxFile, PictureInput, Stretch
from service.evidence import Evidence, Parity, Sample, TestFigures
from service.publish import sha256

LABELS = ("dark", "bright")


def brightness_graph(
    labels: int = 2, channels: int = 1, outputs: tuple[str, str] = ("logits", "probabilities")
) -> bytes:
    """A network of 4 x 4 pixels whose second logit is the mean brightness and whose others are a half."""
    weights = np.zeros((16 * channels, labels), np.float32)
    weights[:, 1:2] = 1 / (16 * channels)
    bias = np.full(labels, 0.5, np.float32)
    bias[1] = 0
    nodes = [
        helper.make_node("Cast", ["pixels"], ["cast"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["cast", "white"], ["scaled"]),
        helper.make_node("Transpose", ["scaled"], ["nchw"], perm=[0, 3, 1, 2]),
        helper.make_node("Flatten", ["nchw"], ["flat"], name="flatten"),
        helper.make_node("Gemm", ["flat", "weights", "bias"], [outputs[0]], name="dense"),
        helper.make_node("Softmax", [outputs[0]], [outputs[1]], axis=1, name="softmax"),
    ]
    graph = helper.make_graph(
        nodes,
        "brightness",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", 4, 4, channels])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", labels]) for name in outputs],
        [
            numpy_helper.from_array(np.array(255, np.float32), "white"),
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(bias, "bias"),
        ],
    )
    model: ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return bytes(model.SerializeToString())


def with_node(graph: bytes, value: str, operator: str, *weights: np.ndarray[Any, Any], **attributes: Any) -> bytes:  # noqa: ANN401
    """The graph with one more operator, which reads a value and the weights; the others read what it makes of them."""
    model = load_model_from_string(graph)
    nodes = list(model.graph.node)
    place = next(number for number, node in enumerate(nodes) if value in node.output)
    names = [f"{value} weight {number}" for number in range(len(weights))]
    nodes[place].output[0] = f"{value} before"
    inputs = [f"{value} before", *names]
    nodes.insert(place + 1, helper.make_node(operator, inputs, [value], name=operator.lower(), **attributes))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(map(numpy_helper.from_array, weights, names))
    return bytes(model.SerializeToString())


def manifest(onnx: bytes, name: str = "brightness", labels: tuple[str, ...] = LABELS) -> Manifest:
    return Manifest(
        name=name,
        description="Whether a picture is dark or bright.",
        labels=labels,
        input=PictureInput(height=4, width=4, channels=1, resize=Stretch()),
        head="softmax",
        onnx=OnnxFile(sha256=sha256(onnx), opset=20, parameters=34),
        metrics={"accuracy": 1.0},
        created=datetime(2026, 1, 1, tzinfo=UTC),
    )


def evidence(*files: str) -> Evidence:
    return Evidence(
        parity=Parity(pictures=256, max_abs_difference=0, tolerance=1e-4),
        test=TestFigures(pictures=2, accuracy=1.0, per_label=()),
        samples=tuple(Sample(file=file, label="bright", predicted="bright", probability=0.6225) for file in files),
    )


def white_png(width: int = 4, height: int = 4) -> bytes:
    content = io.BytesIO()
    Image.new("L", (width, height), 255).save(content, "PNG")
    return content.getvalue()
