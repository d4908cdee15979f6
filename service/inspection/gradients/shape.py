"""Turns cotangents of rearranged values into cotangents in the order that they had before."""

from collections.abc import Sequence

from onnx import NodeProto

from service.inspection.gradients.builder import Builder, Rules, attribute


def _reshape(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    """Reshape, Flatten, Squeeze and Unsqueeze: the numbers stay in their order."""
    return [b.reshape(cotangent, node.input[0])]


def _transpose(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    dimensions = len(b.shape(node.input[0]))
    order = attribute(node, "perm", list(range(dimensions))[::-1])
    return [b.op("Transpose", cotangent, perm=[list(order).index(axis) for axis in range(dimensions)])]


def _expand(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    return [b.unbroadcast(cotangent, node.input[0], node.output[0])]


def _space_to_depth(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    return [b.op("DepthToSpace", cotangent, blocksize=attribute(node, "blocksize", 1))]


def _depth_to_space(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    block = attribute(node, "blocksize", 1)
    deep = b.op("SpaceToDepth", cotangent, blocksize=block)
    if attribute(node, "mode", "DCR") == "DCR":
        return [deep]
    # SpaceToDepth puts the place in the block before the channel; here the channel came first.
    channels, height, width = b.sizes(node.input[0], (1, 2, 3))
    split = b.op("Reshape", deep, b.integers(-1, block * block, channels // block**2, height, width))
    return [b.reshape(b.op("Transpose", split, perm=[0, 2, 1, 3, 4]), node.input[0])]


RULES: Rules = {
    "Reshape": _reshape,
    "Flatten": _reshape,
    "Squeeze": _reshape,
    "Unsqueeze": _reshape,
    "Transpose": _transpose,
    "Expand": _expand,
    "SpaceToDepth": _space_to_depth,
    "DepthToSpace": _depth_to_space,
}
