"""Gradients of matrix products."""

import numpy as np
import pytest
import torch

from tests.service.inspection.gradients.comparison import hold, network, node, normal


@pytest.mark.parametrize("turned", [0, 1])
@pytest.mark.parametrize("bias", [None, (), (1,), (4,), (1, 4)], ids=str)
def test_dense_layers(turned: int, bias: tuple[int, ...] | None) -> None:
    weight = normal(*((4, 5) if turned else (5, 4)))
    weights = {"w": weight}
    added = torch.zeros(1)
    if bias is not None:
        weights["b"] = np.asarray(normal(*bias, seed=1), np.float32)
        added = torch.from_numpy(weights["b"])
    made = node("Gemm", *(["x", "w", "b"] if bias is not None else ["x", "w"]), alpha=0.7, beta=1.3, transB=turned)
    matrix = torch.from_numpy(weight.T if turned else weight)
    hold(network([made], (5,), weights), lambda x: 0.7 * x @ matrix + 1.3 * added, normal(2, 5, seed=2))


@pytest.mark.parametrize("left", [0, 1])
@pytest.mark.parametrize("right", [0, 1])
def test_products_of_the_picture_with_itself(left: int, right: int) -> None:
    """Both factors and the bias depend on x."""
    made = node("Gemm", "a", "b", "c", alpha=0.7, beta=1.3, transA=left, transB=right)
    nodes = [
        node("ReduceSum", "x", "batch", output="a", keepdims=0),
        node("Exp", "a", output="b"),
        node("Sin", "a", output="c"),
        made,
    ]

    def expected(x: torch.Tensor) -> torch.Tensor:
        total = x.sum(0)
        a, b = (total.T if left else total), (total.exp().T if right else total.exp())
        return 0.7 * a @ b + 1.3 * total.sin()

    hold(network(nodes, (4, 4), {"batch": np.array([0])}), expected, normal(3, 4, 4))


@pytest.mark.parametrize("shape", [(5, 3), (2, 5, 3), (1, 2, 5, 3), (5,)], ids=str)
def test_products_with_weights(shape: tuple[int, ...]) -> None:
    weight = normal(*shape)
    hold(
        network([node("MatMul", "x", "w")], (2, 4, 5), {"w": weight}),
        lambda x: torch.matmul(x, torch.from_numpy(weight)),
        normal(3, 2, 4, 5, seed=1),
    )


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4), (1, 3, 4), (4,)], ids=str)
def test_products_with_weights_on_the_left(shape: tuple[int, ...]) -> None:
    weight = normal(*shape)
    hold(
        network([node("MatMul", "w", "x")], (2, 4, 5), {"w": weight}),
        lambda x: torch.matmul(torch.from_numpy(weight), x),
        normal(3, 2, 4, 5, seed=1),
    )


@pytest.mark.parametrize(
    ("left", "right"), [("x", "t"), ("t", "x"), ("mean", "t"), ("t", "mean"), ("x", "row"), ("column", "x")]
)
def test_stacks_of_products_within_the_picture(left: str, right: str) -> None:
    """Attention and its like: both factors depend on x, one of them may be repeated or a vector."""
    nodes = [
        node("Transpose", "x", output="t", perm=[0, 1, 3, 2]),
        node("ReduceMean", "x", "channels", output="mean"),
        node("ReduceMean", "x", "all but rows", output="column", keepdims=0),
        node("ReduceMean", "x", "all but columns", output="row", keepdims=0),
        node("MatMul", left, right),
    ]
    axes = {"channels": [1], "all but rows": [0, 1, 3], "all but columns": [0, 1, 2]}

    def expected(x: torch.Tensor) -> torch.Tensor:
        values = {
            "x": x, "t": x.transpose(2, 3), "mean": x.mean(1, keepdim=True), "column": x.mean((0, 1, 3)),
            "row": x.mean((0, 1, 2)),
        }  # fmt: skip
        return torch.matmul(values[left], values[right])

    hold(network(nodes, (2, 4, 5), {name: np.array(each) for name, each in axes.items()}), expected, normal(3, 2, 4, 5))
