"""Gradients of networks that nobody thought of: chains and branches of random operators with random geometry."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import NodeProto
from torch import Tensor
from torch.nn import functional

from service.inspection.gradients import gradient_model
from tests.service.inspection.gradients.comparison import CLOSE, Numbers, difference, network, node, normal, run

Function = Callable[[Tensor], Tensor]

ACTIVATIONS: dict[str, Function] = {
    "Relu": torch.relu, "Tanh": torch.tanh, "Sigmoid": torch.sigmoid, "LeakyRelu": functional.leaky_relu,
    "HardSwish": functional.hardswish, "Softplus": functional.softplus, "Elu": functional.elu,
}  # fmt: skip


@dataclass
class Growing:
    """A graph while it is drawn: its nodes, and the same as PyTorch computes it from x."""

    data: st.DataObject
    nodes: list[NodeProto] = field(default_factory=list)
    weights: dict[str, Numbers] = field(default_factory=dict)

    def small(self, low: int, high: int) -> int:
        return self.data.draw(st.integers(low, high))

    def weight(self, *shape: int) -> tuple[str, Tensor]:
        name = f"w{len(self.weights)}"
        self.weights[name] = normal(*shape, seed=len(self.weights), scale=1 / max(1.0, math.sqrt(math.prod(shape[1:]))))
        return name, torch.from_numpy(self.weights[name])

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:  # noqa: ANN401 - of any type
        output = f"v{len(self.nodes)}"
        self.nodes.append(node(operator, *inputs, output=output, **attributes))
        return output


Value = tuple[str, Tensor]
"""The name of a value of the graph, and what PyTorch computed for it."""


def convolve(graph: Growing, value: Value) -> Value:
    name, x = value
    channels, height, width = x.shape[1:]
    group = graph.data.draw(st.sampled_from([each for each in range(1, channels + 1) if channels % each == 0]))
    filters = group * graph.small(1, 2)
    dilation, stride = graph.small(1, 2), graph.small(1, 3)
    top, left, bottom, right = (graph.small(0, 2) for _ in range(4))
    kh = graph.small(1, max(1, min(4, (height + top + bottom - 1) // dilation)))
    kw = graph.small(1, max(1, min(4, (width + left + right - 1) // dilation)))
    weight, tensor = graph.weight(filters, channels // group, kh, kw)
    made = graph.add(
        "Conv", name, weight, pads=[top, left, bottom, right], strides=[stride] * 2, dilations=[dilation] * 2,
        group=group,
    )  # fmt: skip
    padded = functional.pad(x, (left, right, top, bottom))
    return made, functional.conv2d(padded, tensor, None, stride, 0, dilation, group)


def pool(graph: Growing, value: Value) -> Value:
    name, x = value
    kernel, stride = graph.small(1, min(3, *x.shape[2:])), graph.small(1, 3)
    pad = graph.small(0, kernel // 2)
    last = [-(-(size + 2 * pad - kernel) // stride) * stride for size in x.shape[2:]]
    # A window wholly behind the map is left out by onnxruntime, but not where it infers shapes: it can't load that.
    may_ceil = all(start < size + pad for start, size in zip(last, x.shape[2:], strict=True))
    ceil = may_ceil and graph.data.draw(st.booleans())
    attributes = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [pad] * 4, "ceil_mode": int(ceil)}
    if graph.data.draw(st.booleans()):
        return graph.add("MaxPool", name, **attributes), functional.max_pool2d(x, kernel, stride, pad, 1, ceil)
    counted = graph.data.draw(st.booleans())
    made = graph.add("AveragePool", name, count_include_pad=int(counted), **attributes)
    return made, functional.avg_pool2d(x, kernel, stride, pad, ceil, counted)


def activate(graph: Growing, value: Value) -> Value:
    operator = graph.data.draw(st.sampled_from(sorted(ACTIVATIONS)))
    return graph.add(operator, value[0]), ACTIVATIONS[operator](value[1])


def add_branch(graph: Growing, value: Value) -> Value:
    """A residual, x + relu(conv(x)), or the product of the two."""
    name, x = value
    channels = x.shape[1]
    weight, tensor = graph.weight(channels, channels, 3, 3)
    inner = graph.add("Relu", graph.add("Conv", name, weight, pads=[1] * 4))
    branch = functional.conv2d(x, tensor, padding=1).relu()
    if graph.data.draw(st.booleans()):
        return graph.add("Add", inner, name), branch + x
    return graph.add("Mul", name, inner), x * branch


def join_branch(graph: Growing, value: Value) -> Value:
    other, y = activate(graph, value)
    return graph.add("Concat", value[0], other, axis=1), torch.cat([value[1], y], 1)


def gate(graph: Growing, value: Value) -> Value:
    """Squeeze and excite."""
    name, x = value
    mean = graph.add("GlobalAveragePool", name)
    return graph.add("Mul", graph.add("Sigmoid", mean), name), x.mean((2, 3), keepdim=True).sigmoid() * x


def normalise(graph: Growing, value: Value) -> Value:
    name, x = value
    (scale, a), (shift, b), (mean, c) = (graph.weight(x.shape[1]) for _ in range(3))
    variance, d = graph.weight(x.shape[1])
    graph.weights[variance] = np.abs(graph.weights[variance]) + np.float32(0.5)
    made = graph.add("BatchNormalization", name, scale, shift, mean, variance)
    return made, functional.batch_norm(x, c, d.abs() + 0.5, a, b)


STEPS = [convolve, convolve, pool, activate, add_branch, join_branch, gate, normalise]


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.data())
def test_random_networks(data: st.DataObject) -> None:
    graph = Growing(data)
    shape = (graph.small(1, 4), graph.small(5, 11), graph.small(5, 11))
    x = normal(2, *shape, seed=99)
    pictures = torch.from_numpy(x).requires_grad_()
    value: Value = ("x", pictures)
    middle = value
    for step in data.draw(st.lists(st.sampled_from(STEPS), min_size=1, max_size=6)):
        value = step(graph, value)
        if data.draw(st.booleans()):
            middle = value
    flat = graph.add("Flatten", value[0])
    features = value[1].flatten(1)
    weight, tensor = graph.weight(4, features.shape[1])
    graph.nodes.append(node("Gemm", flat, weight, output="y", transB=1))
    y = features @ tensor.T
    cotangent = normal(*y.shape, seed=98)
    truths = torch.autograd.grad(y, [pictures, middle[1]], torch.from_numpy(cotangent))
    wrt = list(dict.fromkeys(["x", middle[0]]))
    made = gradient_model(network(graph.nodes, shape, graph.weights), of="y", wrt=wrt)
    found = run(made, {"x": x, "cotangent": cotangent})
    assert difference(found["y"], y.detach().numpy()) <= CLOSE
    for name, truth in zip(("x", middle[0]), truths, strict=True):
        assert difference(found[f"gradient/{name}"], truth.numpy()) <= CLOSE, name
