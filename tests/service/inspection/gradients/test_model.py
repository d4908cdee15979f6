"""What goes in and out of a gradient's graph, and what is refused."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch.nn import functional

from service.inspection.errors import NotDifferentiable
from service.inspection.gradients import float_picture, gradient_model
from service.inspection.gradients.builder import Builder
from service.inspection.gradients.rules import RULES
from service.published import PublishedVersion
from tests.service.inspection.gradients.comparison import CLOSE, Numbers, difference, network, node, normal, run

KERNEL, DENSE = normal(4, 3, 3, 3, seed=7), normal(4, 5, seed=8)


def small() -> onnx.ModelProto:
    """Pixels, uint8 (n, 6, 6, 3) -> scores (n, 5) and, beside them, probabilities."""
    nodes = [
        node("Shape", "pixels", output="n", start=0, end=1),
        node("Cast", "pixels", output="floats", to=TensorProto.FLOAT),
        node("Transpose", "floats", output="map", perm=[0, 3, 1, 2]),
        node("Conv", "map", "kernel", output="conv"),
        node("Relu", "conv", output="relu"),
        node("GlobalAveragePool", "relu", output="pool"),
        node("Concat", "n", "rest", output="shape", axis=0),
        node("Reshape", "pool", "shape", output="flat"),
        node("MatMul", "flat", "dense", output="scores"),
        node("Softmax", "scores", output="probabilities"),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", 6, 6, 3])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 5]) for name in ("scores", "probabilities")],
        [
            numpy_helper.from_array(KERNEL, "kernel"),
            numpy_helper.from_array(DENSE, "dense"),
            numpy_helper.from_array(np.array([4]), "rest"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def by_pytorch(floats: Numbers, cotangent: Numbers) -> dict[str, Numbers]:
    picture = torch.from_numpy(floats).requires_grad_()
    conv = functional.conv2d(picture.permute(0, 3, 1, 2), torch.from_numpy(KERNEL))
    relu = conv.relu()
    scores = relu.mean((2, 3)) @ torch.from_numpy(DENSE)
    values = {"floats": picture, "conv": conv, "relu": relu, "scores": scores}
    gradients = torch.autograd.grad(scores, list(values.values()), torch.from_numpy(cotangent))
    return {name: gradient.numpy() for name, gradient in zip(values, gradients, strict=True)}


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_fed_behind_the_cast_it_gives_the_gradients_of_picture_and_layers(batch: int) -> None:
    model = small()
    before = model.SerializeToString()
    wrt = ["floats", "relu", "conv", "scores"]
    made = gradient_model(model, of="scores", wrt=wrt, feeds=[float_picture(model)])
    assert model.SerializeToString() == before, "the model is left as it was"
    onnx.checker.check_model(made, full_check=True)
    assert [value.name for value in made.graph.input] == ["floats", "cotangent"]
    assert [value.name for value in made.graph.output] == ["scores", *(f"gradient/{name}" for name in wrt)]
    floats, cotangent = normal(batch, 6, 6, 3), normal(batch, 5, seed=1)
    found = run(made, {"floats": floats, "cotangent": cotangent})
    expected = by_pytorch(floats, cotangent)
    for name in wrt:
        assert difference(found[f"gradient/{name}"], expected[name]) <= CLOSE, name


def test_fed_with_pixels_layers_have_gradients_and_pixels_have_none() -> None:
    made = gradient_model(small(), of="scores", wrt=["relu", "pixels"])
    pixels = np.random.default_rng(0).integers(0, 255, (2, 6, 6, 3), np.uint8)
    cotangent = normal(2, 5, seed=1)
    found = run(made, {"pixels": pixels, "cotangent": cotangent})
    expected = by_pytorch(pixels.astype(np.float32), cotangent)
    assert difference(found["gradient/relu"], expected["relu"]) <= CLOSE
    assert found["gradient/pixels"].dtype == np.float32
    assert np.array_equal(found["gradient/pixels"], np.zeros((2, 6, 6, 3)))


def test_cut_at_a_layer_the_rest_alone_is_run() -> None:
    made = gradient_model(small(), of="scores", wrt=["relu"], feeds=["relu"])
    assert "Conv" not in {each.op_type for each in made.graph.node}
    relu, cotangent = np.abs(normal(3, 4, 4, 4)), normal(3, 5, seed=1)
    found = run(made, {"relu": relu, "cotangent": cotangent})
    assert difference(found["scores"], relu.mean((2, 3)) @ DENSE) <= CLOSE
    expected = np.broadcast_to((cotangent @ DENSE.T / 16)[:, :, None, None], relu.shape)
    assert difference(found["gradient/relu"], expected) <= CLOSE


def test_of_a_layer_too() -> None:
    made = gradient_model(small(), of="conv", wrt=["floats"], feeds=["floats"])
    assert "MatMul" not in {each.op_type for each in made.graph.node}
    floats, cotangent = normal(2, 6, 6, 3), normal(2, 4, 4, 4, seed=1)
    x = torch.from_numpy(floats).requires_grad_()
    conv = functional.conv2d(x.permute(0, 3, 1, 2), torch.from_numpy(KERNEL))
    (truth,) = torch.autograd.grad(conv, x, torch.from_numpy(cotangent))
    found = run(made, {"floats": floats, "cotangent": cotangent})
    assert difference(found["gradient/floats"], truth.numpy()) <= CLOSE


def test_what_the_output_does_not_depend_on_gets_zeros() -> None:
    made = gradient_model(small(), of="scores", wrt=["probabilities", "relu"], feeds=["floats"])
    found = run(made, {"floats": normal(2, 6, 6, 3), "cotangent": normal(2, 5)})
    assert np.array_equal(found["gradient/probabilities"], np.zeros((2, 5)))
    assert np.abs(found["gradient/relu"]).max() > 0


def test_pictures_of_a_batch_have_gradients_of_their_own() -> None:
    made = gradient_model(small(), of="scores", wrt=["floats"], feeds=["floats"])
    floats, cotangent = normal(3, 6, 6, 3), normal(3, 5, seed=1)
    together = run(made, {"floats": floats, "cotangent": cotangent})["gradient/floats"]
    alone = [
        run(made, {"floats": floats[at : at + 1], "cotangent": cotangent[at : at + 1]})["gradient/floats"]
        for at in range(3)
    ]
    assert difference(together, np.concatenate(alone)) <= CLOSE


def test_uses_add_up() -> None:
    nodes = [
        node("Exp", "x", output="e"),
        node("Sin", "x", output="s"),
        node("Mul", "e", "s", output="m"),
        node("Sum", "m", "e", "x", "x"),
    ]
    x = normal(2, 7)
    ones = np.ones_like(x)
    found = run(gradient_model(network(nodes, (7,)), of="y", wrt=["x"]), {"x": x, "cotangent": ones})
    assert difference(found["gradient/x"], np.exp(x) * (np.sin(x) + np.cos(x) + 1) + 2) <= CLOSE


def test_a_rule_may_be_replaced() -> None:
    """Guided backpropagation: what is negative on the way back is dropped at every ReLU."""

    def guided(made: onnx.NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
        return RULES["Relu"](made, b.op("Relu", cotangent), b)

    x = np.array([[1.0, 2.0, -1.0]], np.float32)
    made = gradient_model(network([node("Relu", "x")], (3,)), of="y", wrt=["x"], rules={**RULES, "Relu": guided})
    cotangent = np.array([[3.0, -4.0, 5.0]], np.float32)
    assert run(made, {"x": x, "cotangent": cotangent})["gradient/x"].tolist() == [[3.0, 0.0, 0.0]]


@pytest.mark.parametrize("kind", [np.float16, np.float64])
def test_other_floats(kind: type) -> None:
    numbers = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    nodes = [
        node("Cast", "x", output="z", to=numbers),
        node("Mul", "z", "two", output="d"),
        node("Relu", "d", output="r"),
        node("Tanh", "r"),
    ]
    model = network(nodes, (9,), {"two": np.array(2, kind)})
    x, cotangent = normal(2, 9), normal(2, 9, seed=1)
    found = run(gradient_model(model, of="y", wrt=["x", "d"]), {"x": x, "cotangent": cotangent})
    expected = np.where(x > 0, cotangent * (1 - np.tanh(2 * x) ** 2), 0)
    assert found["gradient/d"].dtype == found["gradient/x"].dtype == np.float32
    allowed = 1e-2 if kind is np.float16 else CLOSE
    assert difference(found["gradient/d"], expected) <= allowed
    assert difference(found["gradient/x"], 2 * expected) <= allowed


def test_an_operator_without_a_rule_is_named() -> None:
    model = network([node("Det", "x", output="d"), node("Relu", "d")], (3, 3))
    model.graph.node[0].name = "determinant"
    with pytest.raises(NotDifferentiable, match=r"operator Det .*'determinant'") as raised:
        gradient_model(model, of="y", wrt=["x"])
    assert (raised.value.status, raised.value.code) == (422, "not_differentiable")
    assert gradient_model(model, of="y", wrt=["d"]), "off the way it doesn't matter"


def test_an_operator_of_somebody_elses_is_refused_even_if_its_name_is_known() -> None:
    model = network([helper.make_node("Relu", ["x"], ["y"], domain="com.example")], (3,))
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    model.graph.value_info.append(helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3]))
    with pytest.raises(NotDifferentiable):
        gradient_model(model, of="y", wrt=["x"])


def test_quantised_values_have_no_gradient_rather_than_zeros() -> None:
    weights: dict[str, NDArray[Any]] = {"scale": np.array(0.1, np.float32), "zero": np.array(0, np.uint8)}
    nodes = [node("QuantizeLinear", "x", *weights, output="q"), node("DequantizeLinear", "q", *weights)]
    with pytest.raises(NotDifferentiable, match="QuantizeLinear"):
        gradient_model(network(nodes, (3,), weights), of="y", wrt=["x"])


@pytest.mark.parametrize(("start", "end"), [(0, None), (0, 2), (-1, None), (2, 2), (0, -1)])
def test_shapes_asked_of_what_lies_before_the_feeds_are_still_known(start: int, end: int | None) -> None:
    ends = {} if end is None else {"end": end}
    nodes = [
        node("Exp", "x", output="fed"),
        node("Shape", "x", output="shape", start=start, **ends),
        node("Cast", "shape", output="sizes", to=TensorProto.FLOAT),
        node("ReduceSum", "sizes", output="sum", keepdims=0),
        node("Mul", "fed", "sum"),
    ]
    made = gradient_model(network(nodes, (3, 5)), of="y", wrt=["fed"], feeds=["fed"])
    fed = normal(4, 3, 5)
    found = run(made, {"fed": fed, "cotangent": np.ones_like(fed)})
    assert found["gradient/fed"] == pytest.approx(np.full(fed.shape, sum((4, 3, 5)[start:end])))


def test_other_outputs_of_an_operator_than_its_first_are_refused() -> None:
    made = node("TopK", "x", "k", output="y")
    made.output.append("places")
    model = network([made], (5,), {"k": np.array([2])})
    with pytest.raises(NotDifferentiable, match="TopK"):
        gradient_model(model, of="y", wrt=["x"])


def test_values_that_are_not_there_are_named() -> None:
    with pytest.raises(ValueError, match="'nowhere'"):
        gradient_model(small(), of="nowhere", wrt=["relu"])
    with pytest.raises(ValueError, match="'map' can't be computed from 'relu'"):
        gradient_model(small(), of="scores", wrt=["map"], feeds=["relu"])


def test_the_float_picture_is_behind_the_cast(digits: PublishedVersion) -> None:
    assert float_picture(small()) == "floats"
    assert float_picture(network([node("Relu", "x")], (3,))) == "x"
    model = onnx.load_model_from_string(digits.onnx)
    maker = next(each for each in model.graph.node if float_picture(model) in each.output)
    assert (maker.op_type, list(maker.input)) == ("Cast", ["pixels"])


def test_pixels_that_are_looked_up_are_no_float_picture() -> None:
    graph = small()
    graph.graph.node[1].op_type = "Gather"
    with pytest.raises(NotDifferentiable, match="pixels"):
        float_picture(graph)
