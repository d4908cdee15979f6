"""What can't be told is refused by name; the rest of the network isn't touched by it."""

import numpy as np
import pytest
from onnx import helper

from service.inspection.arithmetic.number import trace
from service.inspection.arithmetic.reading import weigh
from service.inspection.errors import UnknownChannel, UnknownLayer, UnknownPosition, UntraceableOperator
from tests.service.inspection.arithmetic.graphs import check, network, picture

SHAPE = (2, 3, 4)


def test_an_operator_that_is_not_understood_is_named_and_all_others_work() -> None:
    nodes = [
        helper.make_node("CumSum", ["x", "axis"], ["sums"]),
        helper.make_node("Relu", ["sums"], ["out"]),
    ]
    inspector, pixels = network(nodes, SHAPE, {"axis": np.array(2)}), picture(SHAPE)
    with pytest.raises(UntraceableOperator, match=r"'sums' is the operator CumSum.*preprocessing"):
        trace(inspector, pixels, "sums", 0, 0, 0)
    assert {each.sources[0].layer for each in check(inspector, pixels)} == {"sums"}
    check(inspector, pixels, "preprocessing")


def test_a_second_output_of_such_an_operator_is_named_without_a_place() -> None:
    nodes = [
        helper.make_node("TopK", ["x", "two"], ["largest", "places"]),
        helper.make_node("Cast", ["places"], ["out"], to=1),
    ]
    inspector = network(nodes, SHAPE, {"two": np.array([2])})
    found = trace(inspector, picture(SHAPE), "out", 0, 0, 0)
    assert [source.model_dump() for source in found.sources] == [
        {"layer": "largest", "channels": None, "y": None, "x": None}
    ]


def test_an_operator_of_someones_own_is_none_of_onnxs() -> None:
    """Microsoft's Gelu has the name of ONNX's, and need not be the same."""
    inspector = network([helper.make_node("Gelu", ["x"], ["out"])], SHAPE)
    inspector.table.parts["out"].main.domain = "com.microsoft"
    with pytest.raises(UntraceableOperator, match="'out'"):
        trace(inspector, picture(SHAPE), "out", 0, 0, 0)


def test_too_many_dimensions_are_refused() -> None:
    nodes = [helper.make_node("Neg", ["x"], ["a"]), helper.make_node("Unsqueeze", ["a", "axes"], ["out"])]
    with pytest.raises(UntraceableOperator, match=r"\[1, 2, 3, 4\]"):
        trace(network(nodes, SHAPE, {"axes": np.array([1])}), picture(SHAPE), "out", 0, 0, 0)


@pytest.mark.parametrize(
    ("layer", "place", "error", "told"),
    [
        ("none", (0, 0, 0), UnknownLayer, "preprocessing, out"),
        ("out", (2, 0, 0), UnknownChannel, "0 to 1"),
        ("out", (-1, 0, 0), UnknownChannel, "0 to 1"),
        ("out", (0, 3, 0), UnknownPosition, "row.*0 to 2"),
        ("out", (0, -1, 0), UnknownPosition, "row.*0 to 2"),
        ("out", (0, 0, 4), UnknownPosition, "column.*0 to 3"),
        ("out", (0, 0, None), UnknownPosition, "column.*none was given"),
        ("out", (0, None, 0), UnknownPosition, "row.*none was given"),
    ],
)
def test_a_place_that_is_not_there_is_refused(
    layer: str, place: tuple[int, int | None, int | None], error: type[Exception], told: str
) -> None:
    inspector = network([helper.make_node("Relu", ["x"], ["out"])], SHAPE)
    with pytest.raises(error, match=told):
        trace(inspector, picture(SHAPE), layer, *place)


def test_a_layer_of_two_dimensions_has_rows_but_no_columns() -> None:
    nodes = [helper.make_node("Neg", ["x"], ["a"]), helper.make_node("ReduceMax", ["a", "axes"], ["out"], keepdims=0)]
    inspector = network(nodes, SHAPE, {"axes": np.array([3])})
    found = trace(inspector, picture(SHAPE), "out", 1, 2, None)
    assert (found.channel, found.y, found.x) == (1, 2, None)
    with pytest.raises(UnknownPosition, match=r"no column \(x\)"):
        trace(inspector, picture(SHAPE), "out", 1, 2, 1)


def test_what_a_trace_takes_is_known_before() -> None:
    nodes = [helper.make_node("Flatten", ["x"], ["flat"]), helper.make_node("Gemm", ["flat", "w"], ["out"])]
    inspector = network(nodes, SHAPE, {"w": np.zeros((24, 5), np.float32)})
    assert weigh(inspector, "out") == 4 * (24 + 5 + 24 * 5)
