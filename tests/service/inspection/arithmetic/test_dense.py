"""A dense layer's products, the largest of them and the rest."""

import numpy as np
import pytest
from onnx import helper

from service.inspection.arithmetic.number import trace
from tests.service.inspection.arithmetic.graphs import CENTRE, WIDTH, check, network, picture


def test_products_by_hand() -> None:
    """2·3 + 1·(−4) + 4·0.5 = 4, less 1.5; the two largest are told one by one."""
    pixels = (np.array([2, 1, 4]).reshape(1, 3, 1) * WIDTH + CENTRE).astype(np.uint8)
    constants = {"w": np.array([[0, 0, 0], [3, -4, 0.5]], np.float32), "b": np.array([0, -1.5], np.float32)}
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w", "b"], ["out"], transB=1),
    ]
    found = trace(network(nodes, (1, 1, 3), constants), pixels, "out", 1, None, None, top=2)
    assert found.terms.form == "weighted"
    assert [(each.index, each.input, each.weight, each.product) for each in found.terms.contributions] == [
        (0, 2, 3, 6), (1, 1, -4, -4),
    ]  # fmt: skip
    assert (found.terms.count, found.terms.rest_count, found.terms.rest_sum) == (3, 1, 2)
    assert (found.value, found.runtime_value, found.bias) == (2.5, 2.5, -1.5)
    assert found.formula == "4 (sum of 3 products) + (-1.5) (bias) = 2.5"
    assert [source.model_dump() for source in found.sources] == [
        {"layer": "flat", "channels": [0, 2], "y": None, "x": None}
    ]


@pytest.mark.parametrize("transposed", [0, 1])
@pytest.mark.parametrize("bias", [None, (), (1,), (4,), (1, 4)])
@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 1.0), (0.5, -2.0)])
def test_gemm_with_all_it_can_be_told(transposed: int, bias: tuple[int, ...] | None, alpha: float, beta: float) -> None:
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((4, 12) if transposed else (12, 4)).astype(np.float32)
    constants = {"w": weights} | ({} if bias is None else {"b": rng.standard_normal(bias).astype(np.float32)})
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("Gemm", ["flat", *constants], ["out"], transB=transposed, alpha=alpha, beta=beta),
    ]
    for each in check(network(nodes, (3, 2, 2), constants), picture((3, 2, 2))):
        assert (each.bias is None) == (bias is None)
        assert each.terms.form == "weighted"
        products = [abs(one.product) for one in each.terms.contributions]
        assert products == sorted(products, reverse=True)
        assert len(products) == 5


def test_a_picture_may_be_the_second_factor_and_stand_transposed() -> None:
    """(4, 3)ᵀ · (5, 4)ᵀ of rows that are flattened by two reshapes, for one picture."""
    constants = {"shape": np.array([4, 5]), "w": np.random.default_rng(0).standard_normal((4, 1)).astype(np.float32)}
    nodes = [
        helper.make_node("Reshape", ["x", "shape"], ["rows"]),
        helper.make_node("Gemm", ["w", "rows"], ["out"], transA=1),
    ]
    inspector = network(nodes, (1, 4, 5), constants)
    for each in check(inspector, picture((1, 4, 5))):
        assert each.terms.form == "weighted"
        assert each.terms.contributions[0].weight in constants["w"]


@pytest.mark.parametrize(
    ("shape", "left"), [((6, 3), False), ((2, 6, 3), False), ((1, 6, 3), False), ((6,), False), ((3, 4), True)]
)
def test_products_of_matrices_of_any_rank(shape: tuple[int, ...], left: bool) -> None:
    weights = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    node = helper.make_node("MatMul", ["w", "x"] if left else ["x", "w"], ["out"])
    assert check(network([node], (2, 4, 6), {"w": weights}), picture((2, 4, 6)))


def test_products_of_two_computed_values_draw_on_both() -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Transpose", ["x"], ["b"], perm=[0, 1, 3, 2]),
        helper.make_node("MatMul", ["a", "b"], ["out"]),
    ]
    for each in check(network(nodes, (2, 3, 4)), picture((2, 3, 4))):
        assert [source.model_dump() for source in each.sources] == [
            {"layer": "a", "channels": [each.channel] * 2, "y": [each.y] * 2, "x": [0, 3]},
            {"layer": "b", "channels": [each.channel] * 2, "y": [0, 3], "x": [each.x] * 2},
        ]


@pytest.mark.parametrize("shape", [(5,), (1, 5)])
def test_a_bias_that_a_node_of_its_own_adds_is_the_layers(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    bias = rng.standard_normal(shape).astype(np.float32)
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["inner"]),
        helper.make_node("Add", ["inner", "b"], ["out"]),
    ]
    constants = {"w": rng.standard_normal((12, 5)).astype(np.float32), "b": bias}
    for each in check(network(nodes, (3, 2, 2), constants), picture((3, 2, 2))):
        assert each.operator == "MatMul + Add"
        assert each.bias == pytest.approx(float(bias.ravel()[each.channel]))
