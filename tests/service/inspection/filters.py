"""Gives networks whose filters are known: what they look for can be told beforehand."""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper

from service.engine import Provider
from service.inspection.activations import Inspector
from service.inspection.graph import read_table
from service.inspection.sessions import Making


def filter_graph(kernels: NDArray[np.float32], bias: float = 0) -> ModelProto:
    """Convolutions of a 24 x 24 picture, a ReLU, and the mean of each map as a logit."""
    count, channels = kernels.shape[:2]
    nodes = [
        helper.make_node("Cast", ["pixels"], ["cast"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["cast", "white"], ["scaled"]),
        helper.make_node("Transpose", ["scaled"], ["nchw"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["nchw", "kernels", "bias"], ["maps"], name="conv"),
        helper.make_node("Relu", ["maps"], ["cut"], name="relu"),
        helper.make_node("GlobalAveragePool", ["cut"], ["means"], name="pool"),
        helper.make_node("Flatten", ["means"], ["logits"], name="flatten"),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1, name="softmax"),
    ]
    tensors = {
        "white": np.array(255, np.float32), "kernels": kernels, "bias": np.full(count, bias, np.float32),
    }  # fmt: skip
    graph = helper.make_graph(
        nodes,
        "filters",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", 24, 24, channels])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", count]) for name in ("logits", "probabilities")],
        [numpy_helper.from_array(tensor, name) for name, tensor in tensors.items()],
    )
    model: ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def filters(kernels: NDArray[np.float32], bias: float = 0) -> Inspector:
    """The inside of that network."""
    return Inspector(read_table(filter_graph(kernels, bias)), Making("filters", Provider.CPU, 1))
