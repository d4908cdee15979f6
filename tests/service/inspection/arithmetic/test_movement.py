"""Layers that only move numbers: each is found where it was."""

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import NodeProto, helper

from service.inspection.arithmetic.number import trace
from service.inspection.arithmetic.reading import MOVING
from service.inspection.arithmetic.trace import Source
from tests.service.inspection.arithmetic.graphs import CENTRE, WIDTH, check, network, picture

SHAPE = (4, 4, 6)

Constants = dict[str, NDArray[np.generic]]


def ints(*values: int) -> NDArray[np.int64]:
    return np.array(values)


CASES: list[tuple[str, dict[str, object], Constants, int]] = [
    ("DepthToSpace", {"blocksize": 2, "mode": "CRD"}, {}, 20),
    ("Dropout", {}, {}, 20),
    ("Expand", {}, {"shape": ints(1, 4, 4, 6)}, 20),
    ("Flatten", {}, {}, 20),
    ("Gather", {"axis": 1}, {"at": ints(3, 0, 0)}, 20),
    ("Gather", {"axis": 3}, {"at": np.array(2)}, 20),
    ("GatherElements", {"axis": 2}, {"at": np.arange(96).reshape(1, 4, 4, 6) % 4}, 20),
    ("GatherND", {"batch_dims": 1}, {"at": ints(1, 2).reshape(1, 1, 2)}, 20),
    ("Pad", {}, {"pads": ints(0, 0, 1, 2, 0, 0, 2, 1)}, 20),
    ("Pad", {}, {"pads": ints(0, 0, 1, 2, 0, 0, 2, 1), "fill": np.array(0.5, np.float32)}, 20),
    ("Pad", {"mode": "reflect"}, {"pads": ints(0, 0, 1, 2, 0, 0, 2, 1)}, 20),
    ("Pad", {"mode": "edge"}, {"pads": ints(0, 0, 1, 0, 0, 0, -1, 1)}, 20),
    ("Pad", {"pads": [0, 1, 0, 0, 0, 0, 0, 2], "value": 7.0}, {}, 10),
    ("Reshape", {}, {"shape": ints(0, 6, -1)}, 20),
    ("Slice", {}, {"starts": ints(1, -1), "ends": ints(3, -5), "axes": ints(2, 3), "steps": ints(1, -2)}, 20),
    ("Slice", {"starts": [1], "ends": [3], "axes": [1]}, {}, 9),
    ("SpaceToDepth", {"blocksize": 2}, {}, 20),
    ("Split", {"axis": 1}, {"split": ints(4)}, 20),
    ("Squeeze", {}, {"axes": ints(1)}, 20),
    ("Tile", {}, {"times": ints(1, 1, 2, 1)}, 20),
    ("Transpose", {"perm": [0, 2, 3, 1]}, {}, 20),
    ("Unsqueeze", {}, {"axes": ints(1)}, 20),
]


def test_every_moving_operator_is_tried() -> None:
    assert {operator for operator, *_ in CASES} | {"Concat", "Identity"} == MOVING


def distinct(shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """No two pixels are alike, so that a wrong place is a wrong number."""
    channels, *size = shape
    return np.random.default_rng(0).permutation(256)[: int(np.prod(shape))].reshape(*size, channels).astype(np.uint8)


def number_at(pixels: NDArray[np.uint8], source: Source) -> float:
    assert source.channels is not None
    assert source.y is not None
    assert source.x is not None
    assert [first == last for first, last in (source.channels, source.y, source.x)] == [True] * 3
    return (float(pixels[source.y[0], source.x[0], source.channels[0]]) - CENTRE) / WIDTH


@pytest.mark.parametrize(("operator", "attributes", "constants", "opset"), CASES)
def test_a_moved_number_is_found_where_it_was(
    operator: str, attributes: dict[str, object], constants: Constants, opset: int
) -> None:
    """A layer in front keeps it from being taken for preprocessing."""
    shape = (1, 4, 6) if operator == "Squeeze" else SHAPE
    node = helper.make_node(operator, ["a", *constants], ["out"])
    node.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
    nodes = [helper.make_node("LeakyRelu", ["x"], ["a"], alpha=1.0), node]
    if operator == "Unsqueeze":  # that has too many dimensions to be named, so it is looked at from behind
        node.output[0] = "b"
        nodes.append(helper.make_node("Squeeze", ["b", "axes"], ["out"]))
    pixels = distinct(shape)
    for each in check(network(nodes, shape, constants, opset), pixels):
        assert each.terms.form == "moved"
        if each.terms.constant:
            assert operator == "Pad"
            assert each.value in {0, 0.5, 7}
            assert each.sources == []
        else:
            (source,) = each.sources
            assert source.layer == "a"
            assert number_at(pixels, source) == each.value


def test_padding_and_picture_both_show() -> None:
    nodes = [helper.make_node("Neg", ["x"], ["a"]), helper.make_node("Pad", ["a", "pads"], ["out"])]
    found = check(network(nodes, (1, 4, 4), {"pads": ints(0, 0, 1, 1, 0, 0, 1, 1)}), picture((1, 4, 4)))
    constants = [each.terms.constant for each in found if each.terms.form == "moved"]
    assert (len(found), sum(constants)) == (36, 20)


def test_a_joined_number_comes_from_one_branch() -> None:
    nodes = [
        helper.make_node("Neg", ["x"], ["a"]),
        helper.make_node("Abs", ["x"], ["b"]),
        helper.make_node("Concat", ["a", "b", "c", "a"], ["out"], axis=1),
    ]
    constants = {"c": np.full((1, 1, 2, 2), 0.25, np.float32)}
    for each in check(network(nodes, (2, 2, 2), constants), picture((2, 2, 2))):
        assert each.terms.form == "moved"
        if each.channel == 4:
            assert (each.terms.constant, each.value, each.sources) == (True, 0.25, [])
            continue
        (source,) = each.sources
        assert source.layer == ("b" if each.channel in {2, 3} else "a")
        assert source.channels == [[0, 1, 0, 1, -1, 0, 1][each.channel]] * 2
        assert (source.y, source.x) == ([each.y] * 2, [each.x] * 2)


def split(*outputs: str) -> list[NodeProto]:
    return [
        helper.make_node("Neg", ["x"], ["a"]),
        helper.make_node("Split", ["a", "sizes"], list(outputs), axis=1),
    ]


def test_a_second_output_is_followed_to_what_it_was_split_from() -> None:
    """Channels 1 to 3 of `a`, and of these the last two rows: the window covers them all."""
    nodes = [*split("left", "right"), helper.make_node("Conv", ["right", "w"], ["out"])]
    constants: Constants = {"sizes": ints(1, 3), "w": np.ones((1, 3, 2, 2), np.float32)}
    (found,) = [
        each for each in check(network(nodes, (4, 3, 3), constants), picture((4, 3, 3))) if (each.y, each.x) == (1, 0)
    ]
    assert [source.model_dump() for source in found.sources] == [
        {"layer": "a", "channels": [1, 3], "y": [1, 2], "x": [0, 1]}
    ]


def test_channels_that_are_shuffled_through_five_dimensions_are_found() -> None:
    """ShuffleNet: as (groups, channels), transposed, and back; the layers between can't be named by three numbers."""
    nodes = [
        helper.make_node("Neg", ["x"], ["a"]),
        helper.make_node("Reshape", ["a", "apart"], ["groups"]),
        helper.make_node("Transpose", ["groups"], ["turned"], perm=[0, 2, 1, 3, 4]),
        helper.make_node("Reshape", ["turned", "together"], ["shuffled"]),
        helper.make_node("Relu", ["shuffled"], ["out"]),
    ]
    constants: Constants = {"apart": ints(0, 2, 3, 2, 2), "together": ints(0, 6, 2, 2)}
    inspector = network(nodes, (6, 2, 2), constants)
    for each in check(inspector, picture((6, 2, 2)), "shuffled"):
        assert [source.model_dump() for source in each.sources] == [
            {"layer": "a", "channels": [[0, 3, 1, 4, 2, 5][each.channel]] * 2, "y": [each.y] * 2, "x": [each.x] * 2}
        ]
    assert {each.sources[0].layer for each in check(inspector, picture((6, 2, 2)))} == {"shuffled"}


def test_a_shape_that_is_worked_out_on_the_way_is_no_obstacle() -> None:
    """The target of the Reshape comes from the picture's own shape."""
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Slice", ["shape", "zero", "one"], ["batch"]),
        helper.make_node("Concat", ["batch", "minus"], ["target"], axis=0),
        helper.make_node("Neg", ["x"], ["a"]),
        helper.make_node("Reshape", ["a", "target"], ["out"]),
    ]
    constants: Constants = {"zero": ints(0), "one": ints(1), "minus": ints(-1)}
    pixels = picture((2, 3, 4))
    for each in check(network(nodes, (2, 3, 4), constants), pixels):
        (source,) = each.sources
        assert -number_at(pixels, source) == each.value


def test_an_identity_is_looked_through() -> None:
    nodes = [
        helper.make_node("Neg", ["x"], ["a"]),
        helper.make_node("Identity", ["a"], ["same"]),
        helper.make_node("Relu", ["same"], ["out"]),
    ]
    found = trace(network(nodes, SHAPE), picture(SHAPE), "out", 1, 2, 3)
    assert [source.model_dump() for source in found.sources] == [
        {"layer": "a", "channels": [1, 1], "y": [2, 2], "x": [3, 3]}
    ]
