"""Turns cotangents of poolings into cotangents of the maps that were pooled."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, helper

from service.inspection.gradients.builder import Builder, Rules, attribute
from service.inspection.gradients.windows import Axis, read_axes, scattering


def _max_pool(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    """Each window's cotangent goes to its largest value, the first of equals.

    The operator itself tells which that was, counted through the whole batch.
    """
    if attribute(node, "storage_order", 0):
        raise b.refusal("it counts columns first")
    if len(node.output) == 1:
        node.output.append(b.fresh("Indices"))
    return [_scatter(node, cotangent, node.output[1], b)]


def _global_max_pool(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    """A max pooling with one window."""
    value = node.input[0]
    indices = b.fresh("Indices")
    sizes = b.spatial(value)
    b.nodes.append(helper.make_node("MaxPool", [value], [b.fresh("MaxPool"), indices], kernel_shape=sizes))
    return [_scatter(node, cotangent, indices, b)]


def _scatter(node: NodeProto, cotangent: str, indices: str, b: Builder) -> str:
    """Add a cotangent up at the places of the flattened input that it came from."""
    value, flat = node.input[0], b.integers(-1)
    zeros = b.op("Reshape", b.zeros(value), flat)
    places = b.op("Reshape", indices, flat)
    numbers = b.op("Reshape", cotangent, flat)
    return b.reshape(b.op("ScatterElements", zeros, places, numbers, axis=0, reduction="add"), value)


def _average_pool(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    """Each window's cotangent goes in equal parts to the values that it averaged.

    As a transposed convolution of every channel on its own: channels are taken for pictures, that one kernel does.
    """
    value = node.input[0]
    kernel, positions = attribute(node, "kernel_shape", []), b.spatial(node.output[0])
    axes = read_axes(node, kernel, b.spatial(value), positions)
    shares = b.number(1 / _counts(axes, includes_pads=bool(attribute(node, "count_include_pad", 0))), value)
    maps = b.op("Reshape", b.op("Mul", cotangent, shares), b.integers(-1, 1, *positions))
    ones = b.number(np.ones((1, 1, *kernel)), value)
    return [b.reshape(b.op("ConvTranspose", maps, ones, **scattering(axes)), value)]


def _counts(axes: Sequence[Axis], *, includes_pads: bool) -> NDArray[np.float64]:
    """How many values each window averages: of one number where all are alike, else of the output map's shape."""
    counts = np.ones(())
    for axis in axes:
        places = np.arange(axis.windows)[:, np.newaxis] * axis.stride - axis.begin
        places = places + np.arange(axis.kernel) * axis.dilation
        low, high = (-axis.begin, axis.size + axis.end) if includes_pads else (0, axis.size)
        counts = counts[..., np.newaxis] * ((places >= low) & (places < high)).sum(axis=1)
    return counts.reshape(-1)[:1] if np.all(counts == counts.flat[0]) else counts


def _global_average_pool(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    value = node.input[0]
    share = b.op("Mul", cotangent, b.number(1 / np.prod(b.spatial(value)), value))
    return [b.expand(share, value)]


RULES: Rules = {
    "MaxPool": _max_pool,
    "GlobalMaxPool": _global_max_pool,
    "AveragePool": _average_pool,
    "GlobalAveragePool": _global_average_pool,
}
