"""What a pooling chose, or the mean that it took: by hand, and held to onnxruntime over all geometries."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from onnx import helper

from service.inspection.arithmetic.number import trace
from tests.service.inspection.arithmetic.graphs import (
    CENTRE,
    WIDTH,
    assert_nothing_else_matters,
    check,
    network,
    picture,
    with_attributes,
)
from tests.service.inspection.arithmetic.test_convolution import PADDINGS, pairs


def pixels_of(rows: list[list[float]]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return (np.array(rows)[..., np.newaxis] * WIDTH + CENTRE).astype(np.uint8)


def test_the_largest_of_four_is_told_by_its_place() -> None:
    node = helper.make_node("MaxPool", ["x"], ["out"], kernel_shape=[2, 2], strides=[2, 2])
    found = trace(network([node], (1, 2, 4)), pixels_of([[1, 2, -3, -2], [4, 3, -1, -2]]), "out", 0, 0, 1)
    assert found.terms.form == "pool"
    assert found.terms.inputs == [[-3, -2], [-1, -2]]
    assert (found.terms.chosen, found.terms.y, found.terms.x) == ([1, 0], [0, 1], [2, 3])
    assert found.formula == "max of 4 values = -1"
    assert [source.model_dump() for source in found.sources] == [
        {"layer": "preprocessing", "channels": [0, 0], "y": [1, 1], "x": [2, 2]}
    ]


@pytest.mark.parametrize(("counted", "divisor", "value"), [(0, 2, 1.5), (1, 4, 0.75)])
def test_a_mean_may_count_the_padding(counted: int, divisor: int, value: float) -> None:
    node = helper.make_node(
        "AveragePool", ["x"], ["out"], kernel_shape=[2, 2], pads=[1, 0, 0, 0], count_include_pad=counted
    )
    found = trace(network([node], (1, 2, 2)), pixels_of([[1, 2], [4, 3]]), "out", 0, 0, 0)
    assert found.terms.form == "pool"
    assert found.terms.inputs == [[None, None], [1, 2]]
    assert (found.terms.sum, found.terms.divisor, found.value) == (3, divisor, value)
    assert found.formula == f"3 / {divisor} = {value}"


@settings(max_examples=120, deadline=None)
@given(
    st.sampled_from(["MaxPool", "AveragePool"]), pairs(1, 3), pairs(1, 3), pairs(1, 2), pairs(3, 8), PADDINGS,
    st.booleans(), st.booleans(), st.sampled_from([11, 19, 22]),
)  # fmt: skip
def test_poolings_of_any_geometry(  # noqa: PLR0917 - what is drawn
    operator: str,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    size: tuple[int, int],
    padding: dict[str, list[int] | str],
    up: bool,
    counted: bool,
    opset: int,
) -> None:
    attributes: dict[str, object] = {"kernel_shape": kernel, "strides": stride, "ceil_mode": int(up), **padding}
    if operator == "AveragePool":
        attributes["count_include_pad"] = int(counted)
    if operator == "MaxPool" or opset >= 19:
        attributes["dilations"] = dilation
    else:
        dilation = (1, 1)
    spans = [(extent - 1) * spread + 1 for extent, spread in zip(kernel, dilation, strict=True)]
    assume(all(span <= extent for span, extent in zip(spans, size, strict=True)))
    pads = padding.get("pads", [0] * 4)
    assert not isinstance(pads, str)
    assume(all(pad < extent for pad, extent in zip(pads, kernel * 2, strict=True)))  # onnxruntime's own limit
    if str(padding.get("auto_pad")).startswith("SAME"):
        least = [(-(-side // step) - 1) * step for side, step in zip(size, stride, strict=True)]
        assume(all(at + extent >= side for at, extent, side in zip(least, kernel, size, strict=True)))  # likewise
    node = with_attributes(helper.make_node(operator, ["x"], ["out"]), attributes)
    inspector, pixels = network([node], (2, *size), opset=opset), picture((2, *size))
    found = check(inspector, pixels, most=30)
    if operator == "AveragePool":
        assert_nothing_else_matters(inspector, pixels, found[0])


def test_windows_that_are_wider_apart_than_they_are_wide_may_be_padded_by_less_than_none() -> None:
    """As onnxruntime does it: (1 − 1) · 3 + 1 − 3 = −2, one of which is cut off in front."""
    node = helper.make_node("AveragePool", ["x"], ["out"], kernel_shape=[1, 1], strides=[1, 3], auto_pad="SAME_UPPER")
    (found,) = check(network([node], (1, 1, 3)), pixels_of([[1, 2, 3]]))
    assert found.terms.form == "pool"
    assert (found.value, found.terms.x) == (2, [1])


GLOBAL = ["GlobalMaxPool", "GlobalAveragePool"]


@pytest.mark.parametrize("operator", GLOBAL)
def test_the_whole_map_can_be_the_window(operator: str) -> None:
    found = check(network([helper.make_node(operator, ["x"], ["out"])], (3, 4, 5)), picture((3, 4, 5)))
    assert len(found) == 3
    for each in found:
        assert each.terms.form == "pool"
        assert [len(row) for row in each.terms.inputs] == [5] * 4
        assert (each.y, each.x) == (0, 0)


@pytest.mark.parametrize("operator", ["ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum"])
@pytest.mark.parametrize("axes", [[2, 3], [-1], [1], [1, 3]])
@pytest.mark.parametrize("kept", [0, 1])
@pytest.mark.parametrize("opset", [11, 20])
def test_reductions_over_any_dimensions(operator: str, axes: list[int], kept: int, opset: int) -> None:
    told_as_input = opset >= 18 or (operator == "ReduceSum" and opset >= 13)
    inputs = ["x", "axes"] if told_as_input else ["x"]
    node = helper.make_node(operator, inputs, ["out"], keepdims=kept)
    if not told_as_input:
        node.attribute.append(helper.make_attribute("axes", axes))
    constants = {"axes": np.array(axes)} if told_as_input else {}
    inspector, pixels = network([node], (3, 4, 5), constants, opset), picture((3, 4, 5))
    found = check(inspector, pixels)
    if operator in {"ReduceMean", "ReduceSum"}:
        assert_nothing_else_matters(inspector, pixels, found[0])
    else:
        (source,) = found[0].sources
        assert source.channels is not None
        assert source.y is not None
        assert source.x is not None
        pixel = float(pixels[source.y[0], source.x[0], source.channels[0]])
        assert (pixel - CENTRE) / WIDTH == found[0].value


def test_a_window_that_lies_in_the_padding_alone_has_no_source() -> None:
    node = helper.make_node("Conv", ["x", "w"], ["out"], pads=[3, 3, 3, 3])
    inspector = network([node], (1, 4, 4), {"w": np.ones((1, 1, 2, 2), np.float32)})
    found = trace(inspector, picture((1, 4, 4)), "out", 0, 0, 0)
    assert found.sources == []
    assert found.value == found.runtime_value == 0


@pytest.mark.parametrize(("operator", "value"), [("MaxPool", float(np.finfo(np.float32).min)), ("AveragePool", 0.0)])
def test_a_pooling_of_padding_alone_is_of_no_values(operator: str, value: float) -> None:
    """Two cells two apart, around the one row: both lie in the padding."""
    node = helper.make_node(operator, ["x"], ["out"], kernel_shape=[2, 1], dilations=[2, 1], pads=[1, 0, 1, 0])
    found = trace(network([node], (1, 1, 3), opset=22), picture((1, 1, 3)), "out", 0, 0, 1)
    assert found.terms.form == "pool"
    assert found.terms.inputs == [[None], [None]]
    assert (found.terms.chosen, found.sources) == (None, [])
    assert found.value == found.runtime_value == value
    assert found.formula.startswith("m")
