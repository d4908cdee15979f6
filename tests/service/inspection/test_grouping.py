"""Several operators that are one thing to a person are one layer; what only looks so is not."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional

from service.inspection.dataflow import run_once
from service.inspection.graph import LayerTable, read_table

Node = onnx.NodeProto


def table(nodes: Sequence[Node], constants: dict[str, np.ndarray], shape: Sequence[int], opset: int = 17) -> LayerTable:
    """Of a graph that takes float32 (n, *shape) `x` and gives `y`."""
    graph = helper.make_graph(
        list(nodes),
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", *shape])],
        [helper.make_empty_tensor_value_info("y")],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    return read_table(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9))


def kinds(read: LayerTable) -> list[str]:
    return [layer.kind for layer in read.layers]


def number(value: float) -> np.ndarray:
    return np.array(value, np.float32)


class Written(nn.Module):
    """An activation behind a convolution, as PyTorch exports it."""

    def __init__(self, activation: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.activation = activation

    def forward(self, pixels: Tensor) -> Tensor:
        values: Tensor = self.activation(self.conv(pixels)).mean((2, 3))
        return values


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize(("opset", "dynamo"), [(13, False), (20, True)])
@pytest.mark.parametrize(
    ("activation", "kind"),
    [
        (functional.silu, "silu"),
        (functional.hardswish, "hard_swish"),
        (functional.gelu, "gelu"),
        (lambda values: functional.gelu(values, approximate="tanh"), "gelu"),
        (lambda values: values * functional.relu6(values + 3) / 6, "hard_swish"),
        (lambda values: 0.5 * values * (1 + torch.erf(values * 0.5**0.5)), "gelu"),
    ],
    ids=["silu", "hard swish", "gelu", "gelu by tanh", "hard swish by hand", "gelu by hand"],
)
def test_activations_that_are_written_out_are_one_layer(
    activation: Callable[[Tensor], Tensor], kind: str, opset: int, dynamo: bool, tmp_path: Path
) -> None:
    file, network = tmp_path / "network.onnx", Written(activation).eval()
    torch.onnx.export(
        network,
        (torch.zeros(1, 3, 8, 8),),
        file,
        opset_version=opset,
        verbose=False,
        dynamo=dynamo,
        external_data=False,
    )
    read = read_table(onnx.load(file))
    assert kinds(read) == ["conv", kind, "global_average_pool"]
    assert read.layers[1].inputs == [read.layers[0].name]
    assert read.layers[1].parameters == 0
    assert read.layers[1].output_shape == [4, 6, 6]


def test_a_product_that_is_no_known_activation_stays_what_it_is() -> None:
    nodes = [
        helper.make_node("Tanh", ["x"], ["t"]),
        helper.make_node("Mul", ["x", "t"], ["y"]),
    ]
    assert kinds(table(nodes, {}, [2, 4, 4])) == ["tanh", "mul"]


def test_a_sigmoid_that_others_read_too_is_a_layer_of_its_own() -> None:
    nodes = [
        helper.make_node("Sigmoid", ["x"], ["s"]),
        helper.make_node("Mul", ["x", "s"], ["m"]),
        helper.make_node("Add", ["m", "s"], ["y"]),
    ]
    assert kinds(table(nodes, {}, [2, 4, 4])) == ["sigmoid", "mul", "add"]


def test_a_gate_is_no_activation() -> None:
    """Squeeze and excitation: the sigmoid is of something else than what it is multiplied with."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["x"], ["p"]),
        helper.make_node("Sigmoid", ["p"], ["s"]),
        helper.make_node("Mul", ["x", "s"], ["y"]),
    ]
    assert kinds(table(nodes, {}, [2, 4, 4])) == ["global_average_pool", "sigmoid", "mul"]


@pytest.mark.parametrize("bias", [(4, 1, 1), (1, 4, 1, 1)])
def test_a_bias_that_is_added_belongs_to_the_convolution(bias: tuple[int, ...]) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], strides=[2, 2]),
        helper.make_node("Add", ["b", "c"], ["y"], name="named"),
    ]
    weights = {"w": np.ones((4, 3, 3, 3), np.float32), "b": np.ones(bias, np.float32)}
    (layer,) = table(nodes, weights, [3, 9, 9]).layers
    assert (layer.name, layer.kind, layer.operator, layer.parameters) == ("named", "conv", "Conv + Add", 112)
    assert (layer.macs, layer.receptive_field, layer.attributes["strides"]) == (4 * 27 * 16, [3, 3], [2, 2])


@pytest.mark.parametrize("added", [(4,), (1, 1, 1, 1), (1, 1, 4)])
def test_what_is_added_otherwise_is_no_bias(added: tuple[int, ...]) -> None:
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node("Add", ["c", "b"], ["y"])]
    weights = {"w": np.ones((4, 3, 3, 3), np.float32), "b": np.ones(added, np.float32)}
    assert kinds(table(nodes, weights, [3, 9, 6])) == ["conv", "add"]


def test_a_bias_behind_a_convolution_that_has_one_is_a_sum() -> None:
    nodes = [helper.make_node("Conv", ["x", "w", "b"], ["c"]), helper.make_node("Add", ["c", "d"], ["y"])]
    weights = {"w": np.ones((4, 3, 3, 3), np.float32), "b": np.ones(4, np.float32), "d": np.ones((4, 1, 1), np.float32)}
    assert kinds(table(nodes, weights, [3, 9, 9])) == ["conv", "add"]


def test_identities_are_passed_through() -> None:
    nodes = [
        helper.make_node("Identity", ["x"], ["i"]),
        helper.make_node("Relu", ["i"], ["r"], name="first"),
        helper.make_node("Identity", ["r"], ["j"]),
        helper.make_node("Tanh", ["j"], ["y"], name="second"),
    ]
    read = table(nodes, {}, [2, 4, 4])
    assert [(layer.name, layer.inputs) for layer in read.layers] == [
        ("first", ["input"]),
        ("second", ["first"]),
    ]


def test_weights_that_are_computed_from_constants_are_fixed() -> None:
    nodes = [
        helper.make_node("ConstantOfShape", ["s"], ["zeros"]),
        helper.make_node("Add", ["zeros", "one"], ["w"]),
        helper.make_node("Conv", ["x", "w"], ["y"]),
    ]
    read = table(nodes, {"s": np.array([2, 3, 3, 3]), "one": number(1)}, [3, 5, 5])
    assert read.layers[0].parameters == 54
    assert np.array_equal(read.flow.fixed["w"], np.ones((2, 3, 3, 3)))


@pytest.mark.parametrize(
    ("auto_pad", "size", "stride", "pads"),
    [
        ("SAME_UPPER", 9, 1, [1, 0, 1, 1]),
        ("SAME_LOWER", 9, 1, [1, 1, 1, 0]),
        ("SAME_UPPER", 8, 2, [0, 0, 1, 0]),
        ("VALID", 9, 1, [0, 0, 0, 0]),
    ],
)
def test_automatic_padding_is_worked_out(auto_pad: str, size: int, stride: int, pads: list[int]) -> None:
    node = helper.make_node("Conv", ["x", "w"], ["y"], auto_pad=auto_pad, strides=[stride, stride])
    (layer,) = table([node], {"w": np.ones((2, 3, 3, 2), np.float32)}, [3, size, size]).layers
    assert layer.attributes["pads"] == pads
    plain = helper.make_node("Conv", ["x", "w"], ["y"], pads=pads, strides=[stride, stride])
    (same,) = table([plain], {"w": np.ones((2, 3, 3, 2), np.float32)}, [3, size, size]).layers
    assert same.output_shape == layer.output_shape


def test_sizes_that_the_file_leaves_open_are_measured() -> None:
    """The target of the Reshape is worked out from shapes in a way that inference doesn't follow."""
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Slice", ["shape", "zero", "one"], ["batch"]),
        helper.make_node("Cast", ["minus"], ["rest"], to=TensorProto.INT64),
        helper.make_node("Concat", ["batch", "rest"], ["target"], axis=0),
        helper.make_node("Reshape", ["x", "target"], ["f"]),
        helper.make_node("Relu", ["f"], ["y"]),
    ]
    constants = {"zero": np.array([0]), "one": np.array([1]), "minus": np.array([-1.0], np.float32)}
    read = table(nodes, constants, [3, 4, 4])
    assert [(layer.kind, layer.output_shape) for layer in read.layers] == [("flatten", [48]), ("relu", [48])]


def test_sizes_are_those_that_the_runtime_makes() -> None:
    """A window that would lie wholly behind the map: the runtime leaves it out, ONNX's inference counts it."""
    node = helper.make_node(
        "MaxPool", ["x"], ["y"], kernel_shape=[1, 1], strides=[3, 3], ceil_mode=1, pads=[0, 0, 0, 0]
    )
    (layer,) = table([node], {}, [2, 5, 5]).layers
    (made,) = run_once(layer_model(node), {"x": np.zeros((1, 2, 5, 5), np.float32)}, ["y"])
    assert layer.output_shape == list(made.shape[1:])


def layer_model(node: Node) -> onnx.ModelProto:
    entry = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2, 5, 5])
    graph = helper.make_graph([node], "test", [entry], [helper.make_empty_tensor_value_info("y")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
