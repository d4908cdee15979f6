"""Gradients of rearrangements."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from onnx import NodeProto
from torch import Tensor
from torch.nn import functional

from tests.service.inspection.gradients.comparison import hold, named_node, network, node, normal

X = (8, 6, 2)
"""A picture's shape."""


def depth_first(s: Tensor) -> Tensor:
    """The place in the block comes before the channel."""
    return functional.pixel_unshuffle(s, 2).reshape(-1, 8, 4, 3, 1).transpose(1, 2).reshape(-1, 32, 3, 1)


def channel_last(s: Tensor) -> Tensor:
    """The channels that PyTorch would have put in this order."""
    return s.reshape(-1, 4, 2, 6, 2).transpose(1, 2).reshape(-1, 8, 6, 2)


Case = tuple[NodeProto, Mapping[str, list[int]], int, Callable[[Tensor], Tensor]]

CASES: list[Case] = [
    (node("Reshape", "s", "i"), {"i": [-1, 24, 4]}, 20, lambda s: s.reshape(-1, 24, 4)),
    (node("Reshape", "s", "i"), {"i": [0, 2, 4, -1]}, 13, lambda s: s.reshape(-1, 2, 4, 12)),
    (node("Reshape", "s", "i"), {"i": [-1, 6]}, 20, lambda s: s.reshape(-1, 6)),
    (node("Flatten", "s"), {}, 20, lambda s: s.flatten(1)),
    (node("Flatten", "s", axis=2), {}, 20, lambda s: s.reshape(-1, 12)),
    (node("Flatten", "s", axis=-1), {}, 20, lambda s: s.reshape(-1, 2)),
    (node("Transpose", "s", perm=[0, 3, 1, 2]), {}, 20, lambda s: s.permute(0, 3, 1, 2)),
    (node("Transpose", "s", perm=[2, 0, 3, 1]), {}, 20, lambda s: s.permute(2, 0, 3, 1)),
    (node("Transpose", "s"), {}, 20, lambda s: s.permute(3, 2, 1, 0)),
    (node("Unsqueeze", "s", "i"), {"i": [1, -1]}, 20, lambda s: s[:, None, ..., None]),
    (node("Unsqueeze", "s", axes=[1, 2]), {}, 11, lambda s: s[:, None, None]),
    (node("Expand", "s", "i"), {"i": [3, 1, 8, 6, 2]}, 20, lambda s: s.expand(3, -1, -1, -1, -1)),
    (node("SpaceToDepth", "s", blocksize=2), {}, 20, depth_first),
    (node("DepthToSpace", "s", blocksize=2, mode="CRD"), {}, 20, lambda s: functional.pixel_shuffle(s, 2)),
    (node("DepthToSpace", "s", blocksize=2), {}, 20, lambda s: functional.pixel_shuffle(channel_last(s), 2)),
]


@pytest.mark.parametrize(("made", "integers", "opset", "function"), CASES)
def test_rearrangements(
    made: NodeProto, integers: Mapping[str, list[int]], opset: int, function: Callable[[Tensor], Tensor]
) -> None:
    """Of squares: the gradient then depends on the place."""
    nodes = [node("Mul", "x", "x", output="s"), made]
    model = network(nodes, X, {name: np.array(each) for name, each in integers.items()}, opset)
    x = normal(1 if made.op_type == "Expand" else 2, *X)
    hold(model, lambda x: function(x * x), x)


@pytest.mark.parametrize("opset", [11, 13, 20])
@pytest.mark.parametrize("axes", [[2, 3], [-1], None])
def test_squeezing(opset: int, axes: list[int] | None) -> None:
    weights = {"i": np.array(axes)} if axes and opset >= 13 else {}
    made = named_node("Squeeze", ["m", *weights], "y", {"axes": axes} if axes and opset < 13 else {})
    model = network([node("GlobalAveragePool", "x", output="m"), made], (3, 5, 4), weights, opset)
    shape = {"[2, 3]": (2, 3), "[-1]": (2, 3, 1), "None": (2, 3)}[str(axes)]
    hold(model, lambda x: x.mean((2, 3)).reshape(shape), normal(2, 3, 5, 4))


def test_shapes_that_are_computed() -> None:
    """As exporters write `x.view(x.size(0), -1)` and `x.view(n, groups, -1, h, w)`."""
    nodes = [
        node("Mul", "x", "x", output="s"),
        node("Shape", "s", output="shape"),
        node("Gather", "shape", "zero", output="n"),
        node("Unsqueeze", "n", "first", output="n1"),
        node("Concat", "n1", "rest", output="sizes", axis=0),
        node("Reshape", "s", "sizes"),
    ]
    weights = {"zero": np.array(0), "first": np.array([0]), "rest": np.array([2, -1, 6])}
    hold(network(nodes, X, weights), lambda x: (x * x).reshape(-1, 2, 8, 6), normal(2, *X))


def test_expanding_to_the_shape_of_another() -> None:
    nodes = [
        node("GlobalAveragePool", "x", output="m"),
        node("Shape", "x", output="shape"),
        node("Expand", "m", "shape", output="e"),
        node("Mul", "e", "x"),
    ]
    hold(network(nodes, X), lambda x: x.mean((2, 3), keepdim=True).expand_as(x) * x, normal(2, *X))


def test_turning_the_batch_away_from_the_front() -> None:
    """As transformers do with (n, tokens, features): the sizes after it are known all the same."""
    nodes = [
        node("Reshape", "x", "rows", output="r"),
        node("Transpose", "r", output="t", perm=[1, 0, 2]),
        node("Softmax", "t", output="p", axis=-1),
        node("ReduceMean", "p", "axes", output="m", keepdims=0),
        node("Mul", "m", "w"),
    ]
    weights = {"rows": np.array([0, 8, 12]), "axes": np.array([0]), "w": normal(12, seed=1)}
    hold(
        network(nodes, X, weights),
        lambda x: x.reshape(-1, 8, 12).transpose(0, 1).softmax(-1).mean(0) * torch.from_numpy(weights["w"]),
        normal(2, *X),
    )
