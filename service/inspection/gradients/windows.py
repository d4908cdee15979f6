"""Turns a windowed operator's attributes and shapes into where its windows lie."""

from collections.abc import Sequence
from dataclasses import dataclass

from onnx import NodeProto

from service.inspection.gradients.builder import attribute


@dataclass(frozen=True)
class Axis:
    """How windows slide along one dimension. Window o begins at o · stride - begin and covers `extent` values."""

    size: int
    """Of the map that they slide over."""
    windows: int
    """How many there are."""
    kernel: int
    stride: int
    dilation: int
    begin: int
    """Padding before the map."""
    end: int
    """Padding behind it, as the operator has it."""

    @property
    def extent(self) -> int:
        """From the first value of a window to its last."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def unread(self) -> int:
        """Values behind the last window; negative: so far does it stick out of the map, however it came to be."""
        return self.size + self.begin - ((self.windows - 1) * self.stride + self.extent)


def read_axes(node: NodeProto, kernel: Sequence[int], sizes: Sequence[int], windows: Sequence[int]) -> list[Axis]:
    """Where a node's windows lie.

    Args:
        node: Conv, ConvTranspose or a pooling.
        kernel: heights and widths of the window.
        sizes: of the map that they slide over: the input, for ConvTranspose the output.
        windows: how many there are in each dimension: the sizes of the other map.
    """
    ones = [1] * len(kernel)
    zeros = [0] * len(kernel)
    strides, dilations = attribute(node, "strides", ones), attribute(node, "dilations", ones)
    pads = attribute(node, "pads", zeros * 2)
    added = attribute(node, "output_padding", zeros)  # ConvTranspose alone has it, and output_shape
    auto_pad = attribute(node, "auto_pad", "NOTSET")
    if auto_pad == "NOTSET" and attribute(node, "output_shape", None):
        auto_pad = "SAME_LOWER"
    axes = []
    for at, size in enumerate(sizes):
        begin, end = pads[at], pads[at + len(kernel)]
        if auto_pad != "NOTSET":
            covered = (windows[at] - 1) * strides[at] + (kernel[at] - 1) * dilations[at] + 1 + added[at]
            total = max(0, covered - size) if auto_pad.startswith("SAME") else 0
            begin = total - total // 2 if auto_pad == "SAME_LOWER" else total // 2
            end = total - begin
        axes.append(Axis(size, windows[at], kernel[at], strides[at], dilations[at], begin, end))
    return axes


def scattering(axes: Sequence[Axis]) -> dict[str, list[int]]:
    """Attributes of the ConvTranspose that brings values at the windows back to the map that they slide over."""
    return {
        "kernel_shape": [axis.kernel for axis in axes],
        "strides": [axis.stride for axis in axes],
        "dilations": [axis.dilation for axis in axes],
        "pads": [axis.begin for axis in axes] + [max(0, -axis.unread) for axis in axes],
        "output_padding": [max(0, axis.unread) for axis in axes],
    }
