"""A layer's weights by role, whichever way round the file has them."""

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import NodeProto, helper

from service.inspection.activations import Inspector
from service.inspection.errors import NoWeights, UnknownChannel
from service.inspection.weights import Weights, read_weights, weigh_weights
from tests.service.inspection.arithmetic.graphs import network

SHAPE = (3, 4, 4)


def numbers(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def read(inspector: Inspector, layer: str = "out", channel: int | None = None) -> Weights:
    found = read_weights(inspector.table, inspector.table.find(layer), channel)
    if channel is None:
        assert weigh_weights(inspector.table, inspector.table.find(layer)) == sum(each.size for each in found.values())
    return found


def behind_flatten(*nodes: NodeProto, **constants: NDArray[np.float32]) -> Inspector:
    return network([helper.make_node("Flatten", ["x"], ["flat"]), *nodes], SHAPE, constants)


def test_a_convolutions_filters_and_bias() -> None:
    w, b = numbers(6, 1, 3, 3), numbers(6)
    inspector = network([helper.make_node("Conv", ["x", "w", "b"], ["out"], group=3)], SHAPE, {"w": w, "b": b})
    found = read(inspector)
    assert list(found) == ["weight", "bias"]
    assert np.array_equal(found["weight"], w)
    assert np.array_equal(found["bias"], b)
    only = read(inspector, channel=4)
    assert np.array_equal(only["weight"], w[4:5])
    assert np.array_equal(only["bias"], b[4:5])


def test_a_bias_that_a_node_of_its_own_adds_is_one_number_a_channel() -> None:
    w, b = numbers(6, 3, 3, 3), numbers(1, 6, 1, 1)
    nodes = [helper.make_node("Conv", ["x", "w"], ["inner"]), helper.make_node("Add", ["inner", "b"], ["out"])]
    found = read(network(nodes, SHAPE, {"w": w, "b": b}))
    assert np.array_equal(found["bias"], b.ravel())
    assert np.array_equal(found["weight"], w)


def test_one_channel_of_a_transposed_convolution_in_groups() -> None:
    """Six channels in, in three groups; each group makes two: channel 3 is the second one of the second group."""
    w = numbers(6, 2, 3, 3)
    nodes = [
        helper.make_node("Concat", ["x", "x"], ["six"], axis=1),
        helper.make_node("ConvTranspose", ["six", "w"], ["out"], group=3),
    ]
    inspector = network(nodes, SHAPE, {"w": w})
    assert np.array_equal(read(inspector)["weight"], w)
    assert np.array_equal(read(inspector, channel=3)["weight"], w[2:4, 1][np.newaxis])


@pytest.mark.parametrize(("transposed", "shape"), [(0, (48, 5)), (1, (5, 48))])
def test_a_dense_layer_has_its_outputs_first(transposed: int, shape: tuple[int, int]) -> None:
    w, b = numbers(*shape), numbers(5)
    inspector = behind_flatten(helper.make_node("Gemm", ["flat", "w", "b"], ["out"], transB=transposed), w=w, b=b)
    assert np.array_equal(read(inspector)["weight"], w if transposed else w.T)
    assert np.array_equal(read(inspector, channel=2)["weight"], (w if transposed else w.T)[2:3])
    assert np.array_equal(read(inspector, channel=2)["bias"], b[2:3])


def test_a_product_with_a_matrix_and_its_bias() -> None:
    w, b = numbers(48, 5), numbers(1, 5)
    nodes = [helper.make_node("MatMul", ["flat", "w"], ["inner"]), helper.make_node("Add", ["b", "inner"], ["out"])]
    found = read(behind_flatten(*nodes, w=w, b=b))
    assert np.array_equal(found["weight"], w.T)
    assert np.array_equal(found["bias"], b[0])


def test_a_matrix_in_front_has_its_outputs_first_already() -> None:
    w = numbers(7, 4)
    assert np.array_equal(
        read(network([helper.make_node("MatMul", ["w", "x"], ["out"])], SHAPE, {"w": w}))["weight"], w
    )


def test_a_normalisations_four_arrays() -> None:
    constants = {name: numbers(3) + place for place, name in enumerate("sbmv")}
    node = helper.make_node("BatchNormalization", ["x", *"sbmv"], ["out"])
    found = read(network([node], SHAPE, constants))
    assert list(found) == ["scale", "bias", "mean", "variance"]
    assert all(np.array_equal(array, constants[name[0]]) for name, array in found.items())


@pytest.mark.parametrize(
    ("operator", "role"), [("PRelu", "slope"), ("Add", "constant"), ("Mul", "constant"), ("Div", "constant")]
)
@pytest.mark.parametrize("shape", [(3, 1, 1), (1, 3, 1, 1)])
def test_one_array_is_one_number_a_channel(operator: str, role: str, shape: tuple[int, ...]) -> None:
    c = numbers(*shape)
    nodes = [helper.make_node("Neg", ["x"], ["a"]), helper.make_node(operator, ["a", "c"], ["out"])]
    inspector = network(nodes, SHAPE, {"c": c})
    assert np.array_equal(read(inspector)[role], c)
    assert read(inspector, channel=1)[role].ravel().tolist() == [c.ravel()[1]]


def test_a_number_for_all_channels_is_every_channels() -> None:
    nodes = [helper.make_node("Neg", ["x"], ["a"]), helper.make_node("Mul", ["half", "a"], ["out"])]
    inspector = network(nodes, SHAPE, {"half": np.array(0.5, np.float32)})
    assert read(inspector)["constant"] == read(inspector, channel=2)["constant"] == 0.5


def test_a_layer_without_weights_names_those_that_have_some() -> None:
    nodes = [helper.make_node("Conv", ["x", "w"], ["first"]), helper.make_node("Relu", ["first"], ["out"])]
    inspector = network(nodes, SHAPE, {"w": numbers(2, 3, 1, 1)})
    with pytest.raises(NoWeights, match=r"'out' \(relu\).*are first$"):
        read(inspector)
    with pytest.raises(NoWeights, match="'preprocessing'"):
        read_weights(inspector.table, inspector.table.find("preprocessing"))
    bare = network([helper.make_node("Relu", ["x"], ["out"])], SHAPE)
    with pytest.raises(NoWeights, match=r"are none$"):
        read_weights(bare.table, bare.table.find("out"))


@pytest.mark.parametrize("channel", [-1, 2])
def test_a_channel_that_is_not_there_is_refused(channel: int) -> None:
    inspector = network([helper.make_node("Conv", ["x", "w"], ["out"])], SHAPE, {"w": numbers(2, 3, 1, 1)})
    with pytest.raises(UnknownChannel, match="0 to 1"):
        read(inspector, channel=channel)


def test_a_weight_that_the_network_computes_is_none() -> None:
    nodes = [helper.make_node("Neg", ["x"], ["k"]), helper.make_node("Conv", ["x", "k", "b"], ["out"])]
    inspector = network(nodes, (1, 4, 4), {"b": numbers(1)})
    assert list(read(inspector)) == ["bias"]
