"""Gradients of joining, cutting and picking."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch.nn import functional

from service.inspection.errors import NotDifferentiable
from service.inspection.gradients import gradient_model
from tests.service.inspection.gradients.comparison import hold, hold_to_differences, network, node, normal

X = (6, 7, 5)


@pytest.mark.parametrize("axis", [1, 2, -1])
def test_joining(axis: int) -> None:
    constant = normal(1, *X, seed=1)
    nodes = [node("Exp", "x", output="e"), node("Concat", "x", "c", "e", "x", axis=axis)]
    fixed = torch.from_numpy(constant)
    hold(
        network(nodes, X, {"c": constant}),
        lambda x: torch.cat([x, fixed, x.exp(), x], axis),
        normal(1, *X),
    )


@pytest.mark.parametrize("axis", [1, 2, -1])
@pytest.mark.parametrize("opset", [12, 13, 18, 20])
def test_splitting(axis: int, opset: int) -> None:
    """One part is used twice, one not at all."""
    size = X[axis - 1 if axis > 0 else axis]
    sizes = [1, 2, size - 3]
    sized = node("Split", "x", axis=axis, split=sizes)
    made = sized if opset < 13 else node("Split", "x", "sizes", axis=axis)
    del made.output[:]
    made.output.extend(["a", "b", "c"])
    nodes = [made, node("Exp", "a", output="e"), node("Concat", "c", "e", "a", axis=axis)]

    def expected(x: torch.Tensor) -> torch.Tensor:
        a, _, c = torch.split(x, sizes, axis)
        return torch.cat([c, a.exp(), a], axis)

    hold(network(nodes, X, {"sizes": np.array(sizes)} if opset >= 13 else {}, opset), expected, normal(2, *X))


def test_splitting_evenly() -> None:
    made = node("Split", "x", axis=1, num_outputs=2)
    del made.output[:]
    made.output.extend(["a", "b"])
    hold(network([made, node("Mul", "a", "b")], X), lambda x: x[:, :3] * x[:, 3:], normal(2, *X))


SLICES: list[Sequence[slice]] = [
    (slice(1, 4),), (slice(None, -1), slice(2, None)), (slice(0, 6, 2),), (slice(None, None, -1),),
    (slice(5, 1, -2), slice(1, 100, 3)), (slice(-3, None), slice(None), slice(0, 1)), (slice(None), slice(4, None, -1)),
]  # fmt: skip


@pytest.mark.parametrize("cut", SLICES, ids=str)
@pytest.mark.parametrize("opset", [9, 10, 20])
def test_slicing(cut: Sequence[slice], opset: int) -> None:
    axes = list(range(1, 1 + len(cut)))
    steps = [each.step or 1 for each in cut]
    starts = [
        each.start if each.start is not None else (0 if step > 0 else 2**62)
        for each, step in zip(cut, steps, strict=True)
    ]
    ends = [
        each.stop if each.stop is not None else (2**62 if step > 0 else -(2**62))
        for each, step in zip(cut, steps, strict=True)
    ]
    if opset < 10:
        if any(step != 1 for step in steps):
            pytest.skip("slices had no steps then")
        model = network([node("Slice", "x", starts=starts, ends=ends, axes=axes)], X, opset=opset)
    else:
        weights = {name: np.array(each) for name, each in
                   {"starts": starts, "ends": ends, "axes": axes, "steps": steps}.items()}  # fmt: skip
        model = network([node("Slice", "x", *weights)], X, weights, opset)
    picked = [np.arange(size)[each] for size, each in zip(X, cut, strict=False)]

    def expected(x: torch.Tensor) -> torch.Tensor:
        for axis, places in enumerate(picked, start=1):
            x = x.index_select(axis, torch.from_numpy(places.copy()))
        return x * 1

    hold(model, expected, normal(2, *X))


def test_slicing_with_bounds_that_are_computed() -> None:
    """As old exporters write `x.chunk(2, dim=1)`: half of what Shape says."""
    nodes = [
        node("Shape", "x", output="shape"),
        node("Gather", "shape", "one", output="channels"),
        node("Div", "channels", "two", output="half"),
        node("Slice", "x", "zero", "half", "one", output="a"),
        node("Slice", "x", "half", "channels", "one", output="b"),
        node("Mul", "a", "b"),
    ]
    weights = {"zero": np.array([0]), "one": np.array([1]), "two": np.array([2])}
    hold(network(nodes, X, weights), lambda x: x[:, :3] * x[:, 3:], normal(2, *X))


@pytest.mark.parametrize("axis", [1, 2, 3])
@pytest.mark.parametrize("indices", [2, [0, 3], [4, 0, -1], [1, 1, 2, 1], [[0, 2], [4, 2]], [3]], ids=str)
def test_picking(axis: int, indices: int | list[int]) -> None:
    places = np.array(indices)
    hold(
        network([node("Gather", "x", "i", axis=axis)], X, {"i": places}),
        lambda x: pick(x, axis, places),
        normal(2, *X),
    )


def pick(x: torch.Tensor, axis: int, places: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> torch.Tensor:
    flat = x.index_select(axis, torch.from_numpy(places.reshape(-1) % x.shape[axis]))
    return flat.reshape(*x.shape[:axis], *places.shape, *x.shape[axis + 1 :])


@pytest.mark.parametrize("mode", ["constant", "reflect", "edge", "wrap"])
@pytest.mark.parametrize("pads", [(1, 2, 3, 1), (0, 0, 2, 0), (2, 0, 0, 4)])
def test_padding(mode: str, pads: tuple[int, int, int, int]) -> None:
    top, left, bottom, right = pads
    model = network([node("Pad", "x", "p", mode=mode)], X, {"p": np.array([0, 0, top, left, 0, 0, bottom, right])})
    modes = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}
    hold(model, lambda x: functional.pad(x, (left, right, top, bottom), modes[mode]), normal(2, *X))


def test_padding_with_axes_and_a_value() -> None:
    weights = {"p": np.array([1, 2, 0, 3]), "v": np.array(5, np.float32), "a": np.array([-1, 1])}
    hold(
        network([node("Pad", "x", "p", "v", "a")], X, weights),
        lambda x: functional.pad(x, (1, 0, 0, 0, 2, 3), value=5.0),
        normal(2, *X),
    )


def test_padding_of_old() -> None:
    model = network([node("Pad", "x", pads=[0, 0, 1, 0, 0, 0, 0, 2])], X, opset=9)
    hold(model, lambda x: functional.pad(x, (0, 2, 1, 0)), normal(2, *X))


@pytest.mark.parametrize("pads", [[0, 0, -1, -2, 0, 0, 0, -1], [0, 0, -1, 2, 0, 0, 3, -2]])
def test_cutting_by_negative_pads(pads: list[int]) -> None:
    hold_to_differences(network([node("Pad", "x", "p")], X, {"p": np.array(pads)}), normal(1, *X))


def test_places_that_depend_on_the_picture_are_refused() -> None:
    nodes = [
        node("ArgMax", "x", output="i", axis=1, keepdims=0),
        node("ReduceMax", "i", output="j", keepdims=0),
        node("Gather", "x", "j", axis=1),
    ]
    with pytest.raises(NotDifferentiable, match="Gather"):
        gradient_model(network(nodes, (3,)), of="y", wrt=["x"])


def test_picking_pictures_of_a_batch_is_refused() -> None:
    with pytest.raises(NotDifferentiable, match="Gather"):
        gradient_model(network([node("Gather", "x", "i")], X, {"i": np.array([0])}), of="y", wrt=["x"])
