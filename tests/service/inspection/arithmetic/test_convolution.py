"""A convolution's window, kernel and products: by hand, and held to onnxruntime over all geometries."""

from dataclasses import dataclass

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


def test_a_window_of_four_cells_by_hand() -> None:
    """1·1 + 2·0 + 4·(−1) + (−1)·2 = −5, and the bias 0.5; the picture of 2 × 3 has a column of padding on its left."""
    wanted = np.array([[1, 2, 3], [4, -1, -2]])
    pixels = (wanted[..., np.newaxis] * WIDTH + CENTRE).astype(np.uint8)
    kernel = np.array([[[[1, 0], [-1, 2]]]], np.float32)
    node = helper.make_node("Conv", ["x", "w", "b"], ["out"], pads=[0, 1, 0, 0])
    inspector = network([node], (1, 2, 3), {"w": kernel, "b": np.array([0.5], np.float32)})
    inner = trace(inspector, pixels, "out", 0, 0, 1)
    assert inner.terms.form == "window"
    assert inner.terms.inputs == [[[1, 2], [4, -1]]]
    assert inner.terms.kernel == [[[1, 0], [-1, 2]]]
    assert inner.terms.products == [[[1, 0], [-4, -2]]]
    assert (inner.terms.sums, inner.bias, inner.value, inner.runtime_value) == ([-5], 0.5, -4.5, -4.5)
    assert inner.formula == "-5 (sum of 4 products) + 0.5 (bias) = -4.5"
    assert inner.terms.match == pytest.approx(-5 / np.sqrt((1 + 4 + 16 + 1) * (1 + 1 + 4)))
    edge = trace(inspector, pixels, "out", 0, 0, 0)
    assert edge.terms.form == "window"
    assert edge.terms.inputs == [[[None, 1], [None, 4]]]
    assert edge.terms.products == [[[0, 0], [0, 8]]]
    assert (edge.terms.y, edge.terms.x, edge.value) == ([0, 1], [None, 0], 8.5)
    assert [source.model_dump() for source in edge.sources] == [
        {"layer": "preprocessing", "channels": [0, 0], "y": [0, 1], "x": [0, 0]}
    ]


@pytest.mark.parametrize(("sign", "match"), [(1, 1.0), (-1, -1.0)])
def test_a_window_like_its_kernel_matches_it_completely(sign: int, match: float) -> None:
    kernel = np.where(np.eye(5) > 0, 1, -1).astype(np.float32)
    pixels = (sign * kernel * WIDTH + CENTRE).astype(np.uint8)[..., np.newaxis]
    inspector = network([helper.make_node("Conv", ["x", "w"], ["out"])], (1, 5, 5), {"w": kernel[None, None]})
    found = trace(inspector, pixels, "out", 0, 0, 0)
    assert found.terms.form == "window"
    assert found.terms.match == pytest.approx(match)
    assert np.mean(found.terms.products) == pytest.approx(match), "the definition by products, which it agrees with"


def test_nothing_resembles_a_kernel_or_a_window_of_zeros() -> None:
    pixels = np.full((3, 3, 1), CENTRE, np.uint8)
    weights = {"w": np.ones((1, 1, 3, 3), np.float32)}
    found = trace(network([helper.make_node("Conv", ["x", "w"], ["out"])], (1, 3, 3), weights), pixels, "out", 0, 0, 0)
    assert found.terms.form == "window"
    assert found.terms.match is None


@dataclass(frozen=True)
class Geometry:
    groups: int
    reads: int
    makes: int
    kernel: tuple[int, int]
    stride: list[int]
    dilation: list[int]
    size: tuple[int, int]
    padding: dict[str, list[int] | str]
    bias: bool


def pairs(least: int, most: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(least, most), st.integers(least, most))


PADDINGS: st.SearchStrategy[dict[str, list[int] | str]] = st.one_of(
    st.lists(st.integers(0, 2), min_size=4, max_size=4).map(lambda pads: {"pads": pads}),
    st.sampled_from(["SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"]).map(lambda word: {"auto_pad": word}),
)
GEOMETRIES = st.builds(
    Geometry,
    groups=st.integers(1, 3),
    reads=st.integers(1, 2),
    makes=st.integers(1, 2),
    kernel=pairs(1, 3),
    stride=pairs(1, 3).map(list),
    dilation=pairs(1, 2).map(list),
    size=pairs(3, 8),
    padding=PADDINGS,
    bias=st.booleans(),
)


def window_fits(each: Geometry) -> bool:
    spans = [(extent - 1) * spread + 1 for extent, spread in zip(each.kernel, each.dilation, strict=True)]
    return all(span <= size for span, size in zip(spans, each.size, strict=True))


@settings(max_examples=80, deadline=None)
@given(GEOMETRIES)
def test_convolutions_of_any_geometry(each: Geometry) -> None:
    assume(window_fits(each))
    # onnxruntime refuses the two together.
    assume(each.dilation == [1, 1] or not str(each.padding.get("auto_pad")).startswith("SAME"))
    rng = np.random.default_rng(0)
    shape = (each.groups * each.reads, *each.size)
    filters = each.groups * each.makes
    constants = {"w": rng.standard_normal((filters, each.reads, *each.kernel)).astype(np.float32)}
    constants |= {"b": rng.standard_normal(filters).astype(np.float32)}
    node = helper.make_node(
        "Conv", ["x", "w", "b"][: 3 if each.bias else 2], ["out"], group=each.groups, strides=each.stride,
        dilations=each.dilation,
    )  # fmt: skip
    inspector, pixels = network([with_attributes(node, each.padding)], shape, constants), picture(shape)
    found = check(inspector, pixels, most=20)
    assert all((one.bias is not None) == each.bias for one in found)
    for one in found:
        assert one.terms.form == "window"
        assert one.terms.match is None or -1 - 1e-9 <= one.terms.match <= 1 + 1e-9
    assert_nothing_else_matters(inspector, pixels, found[0])


@settings(max_examples=80, deadline=None)
@given(GEOMETRIES, pairs(0, 2), st.booleans())
def test_transposed_convolutions_of_any_geometry(each: Geometry, added: tuple[int, int], told: bool) -> None:
    """With an output padding, and with the output's size told in place of the padding."""
    assume(all(more < step for more, step in zip(added, each.stride, strict=True)))
    rng = np.random.default_rng(0)
    shape = (each.groups * each.reads, *each.size)
    constants = {"w": rng.standard_normal((shape[0], each.makes, *each.kernel)).astype(np.float32)}
    constants |= {"b": rng.standard_normal(each.groups * each.makes).astype(np.float32)}
    node = helper.make_node(
        "ConvTranspose", ["x", "w", "b"][: 3 if each.bias else 2], ["out"], group=each.groups, strides=each.stride,
        dilations=each.dilation, output_padding=added,
    )  # fmt: skip
    full = [
        step * (size - 1) + more + (extent - 1) * spread + 1
        for step, size, more, extent, spread in zip(
            each.stride, each.size, added, each.kernel, each.dilation, strict=True
        )
    ]
    if told:
        node.attribute.append(helper.make_attribute("output_shape", [max(1, size - 1) for size in full]))
    elif "pads" in each.padding:
        tops, ends = np.array(each.padding["pads"]).reshape(2, 2)
        assume(all(size > top + end for size, top, end in zip(full, tops, ends, strict=True)))
    inspector, pixels = network([with_attributes(node, each.padding)], shape, constants), picture(shape)
    found = check(inspector, pixels, most=20)
    assert_nothing_else_matters(inspector, pixels, found[0])


def test_the_axis_of_a_sequence_is_its_rows() -> None:
    """A convolution of one axis, over a picture's rows, each a channel of its own."""
    weights = {"w": np.random.default_rng(0).standard_normal((4, 5, 3)).astype(np.float32)}
    nodes = [
        helper.make_node("Squeeze", ["x", "first"], ["rows"]),
        helper.make_node("Conv", ["rows", "w"], ["out"], pads=[1, 1], strides=[2]),
    ]
    inspector = network(nodes, (1, 5, 8), {**weights, "first": np.array([1])})
    found = check(inspector, picture((1, 5, 8)))
    assert len(found) == 16
    for each in found:
        assert each.terms.form == "window"
        assert each.terms.x == [0]
        assert each.x is None
        assert each.sources[0].x is None


@pytest.mark.parametrize("shape", [(4, 1, 1), (1, 4, 1, 1)])
def test_a_bias_that_a_node_of_its_own_adds_is_the_convolutions(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    bias = rng.standard_normal(shape).astype(np.float32)
    constants = {"w": rng.standard_normal((4, 3, 3, 3)).astype(np.float32), "b": bias}
    nodes = [helper.make_node("Conv", ["x", "w"], ["inner"]), helper.make_node("Add", ["b", "inner"], ["out"])]
    for each in check(network(nodes, (3, 6, 6), constants), picture((3, 6, 6))):
        assert each.operator == "Conv + Add"
        assert each.bias == pytest.approx(float(bias.ravel()[each.channel]))


def test_a_kernel_that_another_layer_computes_is_read_like_any_other() -> None:
    nodes = [
        helper.make_node("Transpose", ["x"], ["turned"], perm=[0, 1, 3, 2]),
        helper.make_node("Conv", ["x", "turned"], ["out"], pads=[1, 1, 1, 1]),
    ]
    check(network(nodes, (2, 4, 4)), picture((2, 4, 4)))
