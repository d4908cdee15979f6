"""Graphs of every age, and the ways in which they hold their weights."""

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from torch.nn import functional

from service.inspection.errors import NotDifferentiable
from service.inspection.gradients import gradient_model
from tests.service.inspection.gradients.comparison import hold, network, node, normal

KERNEL, BIAS, DENSE = normal(8, 3, 3, 3), normal(8, seed=1), normal(72, 128, seed=2)
"""The last is large enough to be set aside while a graph is converted."""


def chain(opset: int, *, constants: str = "initializers") -> onnx.ModelProto:
    """Of operators that all opsets have, with weights as initializers, constants or inputs."""
    nodes = [
        node("Conv", "x", "kernel", "bias", output="a", pads=[1, 1, 1, 1]),
        node("Relu", "a", output="b"),
        node("MaxPool", "b", output="c", kernel_shape=[2, 2], strides=[2, 2]),
        node("Flatten", "c", output="d"),
        node("Gemm", "d", "dense", "none", output="e"),
        node("Softmax", "e"),
    ]
    weights = {"kernel": KERNEL, "bias": BIAS, "dense": DENSE, "none": np.zeros(128, np.float32)}
    model = network(nodes, (3, 6, 6), weights, opset)
    if constants == "inputs":
        model.ir_version = 3
        model.graph.input.extend(
            helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
            for tensor in model.graph.initializer
        )
    if constants == "nodes":
        made = [helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array))
                for name, array in weights.items()]  # fmt: skip
        everything = [*made, *model.graph.node]
        del model.graph.node[:], model.graph.initializer[:]
        model.graph.node.extend(everything)
    return model


def expected(x: torch.Tensor) -> torch.Tensor:
    maps = functional.conv2d(x, torch.from_numpy(KERNEL), torch.from_numpy(BIAS), padding=1).relu()
    return (functional.max_pool2d(maps, 2).flatten(1) @ torch.from_numpy(DENSE)).softmax(1)


@pytest.mark.parametrize("opset", range(7, 26))
def test_every_opset(opset: int) -> None:
    hold(chain(opset), expected, normal(2, 3, 6, 6, seed=3, scale=0.1))


@pytest.mark.parametrize("constants", ["inputs", "nodes"])
@pytest.mark.parametrize("opset", [8, 20])
def test_wherever_the_weights_are(constants: str, opset: int) -> None:
    hold(chain(opset, constants=constants), expected, normal(2, 3, 6, 6, seed=3, scale=0.1))


def test_the_standard_operators_by_their_long_name() -> None:
    model = chain(20)
    model.opset_import[0].domain = "ai.onnx"
    hold(model, expected, normal(2, 3, 6, 6, seed=3, scale=0.1))


def test_functions_of_the_file() -> None:
    body = [node("Exp", "a", output="e"), node("Mul", "e", "a", output="b")]
    standard = [helper.make_opsetid("", 20)]
    model = network([helper.make_node("Own", ["x"], ["y"], domain="own")], (5,))
    model.opset_import.append(helper.make_opsetid("own", 1))
    model.functions.append(helper.make_function("own", "Own", ["a"], ["b"], body, standard))
    hold(model, lambda x: x.exp() * x, normal(2, 5))


def test_what_cannot_be_converted_is_refused() -> None:
    model = network([node("Nothing", "x")], (5,), opset=9)
    with pytest.raises(NotDifferentiable, match="opset 9"):
        gradient_model(model, of="y", wrt=["x"])


def test_only_operators_of_the_standard_are_written() -> None:
    made = gradient_model(chain(20), of="y", wrt=["x"])
    assert {each.domain for each in made.graph.node} == {""}


@pytest.mark.parametrize("names", ["of the file", "unknown"])
def test_sizes_that_the_file_leaves_open_are_found_out(names: str) -> None:
    """The exporter that wrote no shapes; and one that named sizes which aren't open at all."""
    model = chain(20)
    if names == "of the file":
        model.graph.value_info.extend(
            helper.make_tensor_value_info(name, 1, ["dim_0", "dim_1", "dim_2", "dim_3"]) for name in ("a", "b", "c")
        )
    batch = model.graph.input[0].type.tensor_type.shape.dim[0]
    batch.Clear()
    hold(model, expected, normal(2, 3, 6, 6, seed=3, scale=0.1))
