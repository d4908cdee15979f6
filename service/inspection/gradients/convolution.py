"""Turns cotangents of convolutions into cotangents of the maps that they read.

A convolution's Jacobian is transposed by the transposed convolution with the same weights, and the other way round.
Source: V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning", 2016.
"""

from collections.abc import Sequence

from onnx import NodeProto

from service.inspection.gradients.builder import Builder, Rules, attribute
from service.inspection.gradients.windows import read_axes, scattering


def _conv(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    """The windows' cotangents, each times its weights, are added up where the windows lie."""
    value, weight = node.input[:2]
    axes = read_axes(node, b.spatial(weight), b.spatial(value), b.spatial(node.output[0]))
    group = attribute(node, "group", 1)
    return [b.op("ConvTranspose", cotangent, weight, group=group, **scattering(axes)), None, None]


def _conv_transpose(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    """The convolution of the cotangent; values behind its last window are padding that had no weight."""
    value, weight = node.input[:2]
    kernel = b.spatial(weight)
    axes = read_axes(node, kernel, b.spatial(node.output[0]), b.spatial(value))
    for at, axis in enumerate(axes, start=2):
        if axis.unread > 0:
            cotangent = b.op("Slice", cotangent, b.integers(0), b.integers(axis.size - axis.unread), b.integers(at))
    gathered = b.op(
        "Conv",
        cotangent,
        weight,
        group=attribute(node, "group", 1),
        kernel_shape=kernel,
        strides=[axis.stride for axis in axes],
        dilations=[axis.dilation for axis in axes],
        pads=[axis.begin for axis in axes] + [max(0, -axis.unread) for axis in axes],
    )
    return [gathered, None, None]


RULES: Rules = {"Conv": _conv, "ConvTranspose": _conv_transpose}
