"""An ONNX file to the table of its layers."""

from collections.abc import Sequence

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from service.inspection.dataflow import tap
from service.inspection.graph import read_layers
from service.inspection.layer import Layer
from service.published import PublishedVersion


def weights(name: str, *shape: int) -> onnx.TensorProto:
    return numpy_helper.from_array(np.ones(shape, np.float32), name)


def network(
    nodes: Sequence[onnx.NodeProto], constants: Sequence[onnx.TensorProto], shape: Sequence[int], output: str = "y"
) -> list[Layer]:
    """The layers of a network that takes float32 (n, *shape)."""
    graph = helper.make_graph(
        list(nodes),
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", *shape])],
        [helper.make_empty_tensor_value_info(output)],
        list(constants),
    )
    return read_layers(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10))


def scoped(node: onnx.NodeProto, path: str) -> onnx.NodeProto:
    """A node as PyTorch's exporter notes where it comes from."""
    node.metadata_props.append(
        onnx.StringStringEntryProto(key="pkg.torch.onnx.name_scopes", value=repr(["", path, "operation"]))
    )
    return node


def test_the_first_published_digits_are_lenet(lenet: PublishedVersion) -> None:
    layers = read_layers(onnx.load_model_from_string(lenet.onnx))
    assert [(layer.name, layer.kind, layer.parameters) for layer in layers] == [
        ("preprocessing", "preprocessing", 0),
        ("conv1", "conv", 156),
        ("relu1", "relu", 0),
        ("pool1", "max_pool", 0),
        ("conv2", "conv", 2416),
        ("relu2", "relu", 0),
        ("pool2", "max_pool", 0),
        ("flatten", "flatten", 0),
        ("dense1", "dense", 48120),
        ("relu3", "relu", 0),
        ("dense2", "dense", 10164),
        ("relu4", "relu", 0),
        ("dense3", "dense", 850),
        ("softmax", "softmax", 0),
    ]
    assert [layer.inputs[0] for layer in layers[1:]] == [layer.name for layer in layers[:-1]]
    assert [layer.receptive_field for layer in layers[1:8]] == [
        [5, 5],
        [5, 5],
        [6, 6],
        [14, 14],
        [14, 14],
        [16, 16],
        None,
    ]


def test_kinds_come_from_operators_not_from_names() -> None:
    (layer,) = network([helper.make_node("Relu", ["x"], ["y"], name="conv_pool_dense")], [], [3, 4, 4])
    assert (layer.name, layer.kind) == ("conv_pool_dense", "relu")


def test_a_block_with_batch_norm_and_a_skip() -> None:
    nodes = [
        scoped(helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]), "block.conv"),
        scoped(helper.make_node("BatchNormalization", ["c", "s", "b", "m", "v"], ["n1"]), "block.norm"),
        scoped(helper.make_node("Add", ["n1", "x"], ["a"]), "block"),
        scoped(helper.make_node("Relu", ["a"], ["r"]), "block"),
        scoped(helper.make_node("ReduceMean", ["r", "axes"], ["y"]), "pool"),
    ]
    norm = [weights(name, 4) for name in "sbmv"]
    axes = numpy_helper.from_array(np.array([2, 3]), "axes")
    layers = network(nodes, [weights("w", 4, 4, 3, 3), *norm, axes], [4, 8, 8])
    assert [layer.name for layer in layers] == ["block.conv", "block.norm", "block.add", "block.relu", "pool"]
    assert [layer.kind for layer in layers] == ["conv", "batch_norm", "add", "relu", "global_average_pool"]
    assert layers[1].parameters == 8, "running statistics are not trained"
    assert layers[2].inputs == ["block.norm", "input"]
    assert layers[2].receptive_field == [3, 3]
    assert layers[4].receptive_field is None
    assert layers[0].attributes["kernel_shape"] == [3, 3]
    assert layers[0].attributes["strides"] == [1, 1]


def test_nodes_that_work_out_shapes_are_no_layers() -> None:
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["batch"]),
        helper.make_node("Concat", ["batch", "rest"], ["target"], axis=0),
        helper.make_node("Reshape", ["x", "target"], ["f"], name="flatten"),
        helper.make_node("MatMul", ["f", "w"], ["m"], name="dense"),
        helper.make_node("Add", ["m", "b"], ["y"], name="bias"),
    ]
    constants = [
        numpy_helper.from_array(np.array([0]), "zero"),
        numpy_helper.from_array(np.array([48]), "rest"),
        weights("w", 48, 5),
        weights("b", 5),
    ]
    layers = network(nodes, constants, [3, 4, 4])
    assert [(layer.name, layer.kind) for layer in layers] == [
        ("flatten", "flatten"),
        ("bias", "dense"),
    ]
    assert layers[1].operator == "MatMul + Add"
    assert layers[1].macs == 240
    assert sum(layer.parameters for layer in layers) == 245


@pytest.mark.parametrize(
    ("operator", "axes", "kind"),
    [
        ("ReduceMean", [2, 3], "global_average_pool"),
        ("ReduceMax", [2, 3], "global_max_pool"),
        ("ReduceMean", [1], "other"),
        ("ReduceMax", [3], "other"),
    ],
)
def test_reductions_to_a_value_for_each_channel_are_global_poolings(operator: str, axes: list[int], kind: str) -> None:
    node = helper.make_node(operator, ["x", "axes"], ["y"], name="reduce")
    (layer,) = network([node], [numpy_helper.from_array(np.array(axes), "axes")], [4, 6, 5])
    assert layer.kind == kind


def test_transposed_and_grouped_convolutions() -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["c"], name="depthwise", group=4, strides=[2, 2]),
        helper.make_node("ConvTranspose", ["c", "w2"], ["y"], name="up", strides=[2, 2]),
    ]
    layers = network(nodes, [weights("w1", 4, 1, 3, 3), weights("w2", 4, 2, 2, 2)], [4, 9, 9])
    assert [layer.macs for layer in layers] == [4 * 9 * 16, 4 * 2 * 4 * 16]
    assert [layer.output_shape for layer in layers] == [[4, 4, 4], [2, 8, 8]]
    assert layers[1].receptive_field is None


@pytest.mark.parametrize("note", ["not a list", "['only']", "[1, 2"])
def test_a_note_that_is_no_path_falls_back_to_the_nodes_name(note: str) -> None:
    node = helper.make_node("Relu", ["x"], ["y"], name="act")
    node.metadata_props.append(onnx.StringStringEntryProto(key="pkg.torch.onnx.name_scopes", value=note))
    assert network([node], [], [3, 4, 4])[0].name == "act"


def test_names_are_unique_and_unknown_operators_are_named() -> None:
    nodes = [
        helper.make_node("Erf", ["x"], ["a"], name="same"),
        helper.make_node("Relu", ["a"], ["b"], name="same"),
        helper.make_node("Tanh", ["b"], ["y"]),
    ]
    layers = network(nodes, [], [3, 4, 4])
    assert [layer.name for layer in layers] == ["same", "same_2", "y"]
    assert (layers[0].kind, layers[0].operator) == ("other", "Erf")


def test_every_layer_becomes_an_output_once(digits: PublishedVersion) -> None:
    model = onnx.load_model_from_string(digits.onnx)
    layers = read_layers(model)
    outputs = [output.name for output in tap(model, [layer.tensor for layer in layers]).graph.output]
    assert len(outputs) == len(set(outputs))
    assert {layer.tensor for layer in layers} <= set(outputs)
    assert len(model.graph.output) == 2, "the graph that was given is left as it was"
