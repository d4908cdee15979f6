"""Makes the models that the page's views are tried on: published ones, and a foreign network of many layers."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from service.importing.importer import import_file
from service.importing.options import ImportOptions
from tests.conftest import MODELS

NETWORKS = ("digits", "objects-tinyvgg", "objects", "foreign")
"""Small; plain; with branches and normalisation; foreign, with many layers and classes."""

SIDE, CLASSES = 96, 120
GROWTH, BLOCKS = 8, (6, 12, 8)


class DenseNet:
    """A DenseNet as some other tool would write it: every layer reads all before it in its block.

    Source: Huang et al., "Densely Connected Convolutional Networks", 2017.
    """

    def __init__(self) -> None:
        self._chance = np.random.default_rng(0)
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []

    def build(self) -> onnx.ModelProto:
        """123 layers, 120 classes, pictures of 3 × 96 × 96."""
        x, channels = self._conv("picture", 3, 16, 7, stride=2), 16
        x = self._add("MaxPool", [self._normalise(x, channels)], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
        for number, layers in enumerate(BLOCKS):
            for _ in range(layers):
                new = self._conv(self._normalise(x, channels), channels, GROWTH, 3)
                x, channels = self._add("Concat", [x, new], axis=1), channels + GROWTH
            if number < len(BLOCKS) - 1:
                x, channels = self._conv(self._normalise(x, channels), channels, channels // 2, 1), channels // 2
                x = self._add("AveragePool", [x], kernel_shape=[2, 2], strides=[2, 2])
        x = self._add("Flatten", [self._add("GlobalAveragePool", [self._normalise(x, channels)])])
        x = self._add("Gemm", [x, self._keep((CLASSES, channels), channels), self._keep((CLASSES,), 1)], transB=1)
        self._add("Softmax", [x], output="probabilities", axis=1)
        graph = helper.make_graph(
            self._nodes, "densenet",
            [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])],
            [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", CLASSES])],
            self._weights,
        )  # fmt: skip
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)

    def _add(self, operator: str, inputs: Sequence[str], output: str = "", **attributes: Any) -> str:  # noqa: ANN401
        output = output or f"{operator.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, list(inputs), [output], name=output, **attributes))
        return output

    def _keep(self, shape: tuple[int, ...], fan_in: int, centre: float = 0) -> str:
        """Random weights under which values stay about as large as they come in."""
        values = self._chance.normal(centre, np.sqrt(2 / fan_in) if not centre else 0.1, shape).astype(np.float32)
        name = f"weight_{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.abs(values) if centre else values, name))
        return name

    def _conv(self, x: str, channels: int, filters: int, size: int, stride: int = 1) -> str:
        weight = self._keep((filters, channels, size, size), channels * size * size)
        return self._add("Conv", [x, weight], kernel_shape=[size, size], strides=[stride, stride], pads=[size // 2] * 4)

    def _normalise(self, x: str, channels: int) -> str:
        statistics = [self._keep((channels,), 100, centre) for centre in (1, 0, 0, 1)]  # scale, bias, mean, variance
        return self._add("Relu", [self._add("BatchNormalization", [x, *statistics])])


def make_gallery(folder: Path) -> None:
    """Fill a models folder: `digits` and `objects` with skips and global pooling, a TinyVGG, `foreign`."""
    for name in ("digits", "objects", "objects-tinyvgg", "ticks"):
        shutil.copytree(MODELS / name, folder / name)
    file = folder.parent / "foreign.onnx"
    onnx.save(DenseNet().build(), file)
    import_file(file, ImportOptions("foreign", preset="imagenet"), folder)
