"""Turns a picture and a list of steps into what each step makes of it, by an ONNX graph of the steps."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from service.inspection.dataflow import run_once
from service.inspection.errors import InvalidSteps, TooMuchToShow
from service.inspection.kernels import named_kernel, random_kernels
from service.inspection.steps import Activation, Convolution, Pooling, Steps

Map = NDArray[np.float32]
"""(C, H, W) float32."""

_OPSET, _IR = 20, 9

_MOST_WORK = 10**11
"""Multiplications of one request: a few seconds of one core, or tens of seconds of comparing in poolings."""

_OPERATORS = {
    "relu": "Relu",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "max_pool": "MaxPool",
    "average_pool": "AveragePool",
}


@dataclass(frozen=True)
class Outcome:
    """What one step made."""

    kind: str
    parameters: int
    """Weights and biases of a convolution."""
    maps: Map


@dataclass
class Bench:
    """The steps as a graph, with the shapes that they lead to. Made by `lay_out`."""

    shape: tuple[int, int, int]
    """(C, H, W) after the steps so far."""
    shapes: list[tuple[int, int, int]] = field(default_factory=list)
    """After each step."""
    parameters: list[int] = field(default_factory=list)
    nodes: list[NodeProto] = field(default_factory=list)
    weights: list[Callable[[], TensorProto]] = field(default_factory=list)
    """Not made before it is known that they aren't too many."""
    work: int = 0
    """Multiplications, or comparisons, of all steps together."""

    @property
    def size(self) -> int:
        """Values of all steps' maps together."""
        return sum(prod(shape) for shape in self.shapes)

    def check_work(self) -> None:
        """Refuse what would take minutes: nothing can interrupt a convolution.

        Raises:
            TooMuchToShow: it is too much.
        """
        if self.work > _MOST_WORK:
            raise TooMuchToShow(
                f"this would take {self.work / 1e9:,.0f} billion multiplications, and one request may take"
                f" {_MOST_WORK / 1e9:,.0f}: send a smaller picture, or fewer or smaller filters"
            )

    def model(self) -> ModelProto:
        """The graph: `0` is the picture, (1, C, H, W) float32, and `1`, `2` … what each step makes of it."""
        entry = helper.make_tensor_value_info("0", TensorProto.FLOAT, [1, None, None, None])
        exits = [helper.make_empty_tensor_value_info(node.output[0]) for node in self.nodes]
        graph = helper.make_graph(self.nodes, "workbench", [entry], exits, [make() for make in self.weights])
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)


def lay_out(steps: Steps, shape: tuple[int, int, int]) -> Bench:
    """Work out what the steps come to, computing nothing yet.

    Args:
        steps: one after the other.
        shape: (C, H, W) of the picture.

    Raises:
        InvalidSteps: a kernel doesn't fit its input; the message names the step.
    """
    bench = Bench(shape)
    for number, step in enumerate(steps):
        match step:
            case Convolution():
                _lay_convolution(bench, number, step)
            case Pooling():
                _lay_pooling(bench, number, step)
            case Activation():
                _add(bench, _OPERATORS[step.kind], {}, bench.shape)
    return bench


def work(bench: Bench, steps: Steps, picture: Map) -> list[Outcome]:
    """Do the steps.

    Args:
        bench: of these steps and a picture of this shape.
        steps: likewise.
        picture: (C, H, W) float32.
    """
    maps = run_once(bench.model(), {"0": picture[np.newaxis]}, [node.output[0] for node in bench.nodes])
    return [
        Outcome(step.kind, parameters, values[0])
        for step, parameters, values in zip(steps, bench.parameters, maps, strict=True)
    ]


def _lay_convolution(bench: Bench, number: int, step: Convolution) -> None:
    channels, *_ = bench.shape
    shape = filters, _, *kernel = _weights_shape(number, step, channels)
    stride, dilation = _pair(step.stride), _pair(step.dilation)
    spans = [(extent - 1) * spread for extent, spread in zip(kernel, dilation, strict=True)]
    begins = [span // 2 for span in spans] if step.padding == "same" else [step.padding] * 2
    ends = [span - span // 2 for span in spans] if step.padding == "same" else [step.padding] * 2
    size = _slide(bench, number, [span + 1 for span in spans], stride, [begins, ends])
    names = [f"weights {number}", f"bias {number}"]
    scale = np.float32(1 / prod(shape[1:]) if step.average else 1)
    bench.weights += [
        lambda: numpy_helper.from_array(_weights(step, channels) * scale, names[0]),
        lambda: numpy_helper.from_array(np.full(filters, step.bias, np.float32), names[1]),
    ]
    attributes: dict[str, int | list[int]] = {
        "strides": stride,
        "dilations": dilation,
        "pads": [*begins, *ends],
        "group": channels if step.per_channel else 1,
    }
    _add(bench, "Conv", attributes, (filters, *size), names, prod(shape) + filters, prod(shape[1:]))


def _weights_shape(number: int, step: Convolution, channels: int) -> tuple[int, int, int, int]:
    """(filters, channels that each reads, kh, kw)."""
    reads = 1 if step.per_channel else channels
    times = channels if step.per_channel else 1
    if step.kernel == "random":
        height, width = _pair(step.size)
        return step.filters * times, reads, height, width
    given = _given(step.kernel).shape
    if len(given) == 4 and given[1] != reads:
        raise InvalidSteps(f"step {number}: the kernel reads {given[1]} channels, its input has {reads}")
    filters = prod(given[:-2]) if len(given) < 4 else given[0]
    return filters * times, reads, given[-2], given[-1]


def _weights(step: Convolution, channels: int) -> NDArray[np.float32]:
    """(filters, channels that each reads, kh, kw) float32, of the shape that was laid out."""
    if step.kernel == "random":
        filters, reads, *size = _weights_shape(0, step, channels)
        return random_kernels(filters, reads, size, step.seed)
    given = _given(step.kernel)
    if given.ndim == 4:
        return np.tile(given, (channels, 1, 1, 1)) if step.per_channel else given
    flat = given.reshape(-1, 1, *given.shape[-2:])  # the same weights for every channel
    return np.tile(flat, (channels, 1, 1, 1)) if step.per_channel else np.repeat(flat, channels, axis=1)


def _given(kernel: str | list[object]) -> NDArray[np.float32]:
    return named_kernel(kernel) if isinstance(kernel, str) else np.array(kernel, np.float32)


def _lay_pooling(bench: Bench, number: int, step: Pooling) -> None:
    kernel = _pair(step.size)
    stride = kernel if step.stride is None else _pair(step.stride)
    if step.padding * 2 > min(kernel):
        raise InvalidSteps(f"step {number}: padding {step.padding} is more than half of the window {kernel}")
    size = _slide(bench, number, kernel, stride, [[step.padding] * 2] * 2)
    attributes: dict[str, int | list[int]] = {"kernel_shape": kernel, "strides": stride, "pads": [step.padding] * 4}
    if step.kind == "average_pool":
        attributes["count_include_pad"] = 1
    _add(bench, _OPERATORS[step.kind], attributes, (bench.shape[0], *size), each=prod(kernel))


def _slide(
    bench: Bench, number: int, window: Sequence[int], stride: Sequence[int], pads: Sequence[Sequence[int]]
) -> tuple[int, int]:
    """Height and width of the map that a window makes by sliding over its input.

    Raises:
        InvalidSteps: the window is larger than the padded input.
    """
    padded = [size + begin + end for size, begin, end in zip(bench.shape[1:], *pads, strict=True)]
    if any(extent > size for extent, size in zip(window, padded, strict=True)):
        raise InvalidSteps(
            f"step {number}: a window of {window[0]} × {window[1]} doesn't fit into its input,"
            f" {padded[0]} × {padded[1]} with padding"
        )
    height, width = ((size - extent) // step + 1 for size, extent, step in zip(padded, window, stride, strict=True))
    return height, width


def _add(  # noqa: PLR0913, PLR0917 - each is a part of a node
    bench: Bench, operator: str, attributes: Mapping[str, int | list[int]], shape: tuple[int, int, int],
    weights: Sequence[str] = (), parameters: int = 0, each: int = 1,
) -> None:  # fmt: skip
    """Append a step, of which each value takes so many multiplications."""
    place = len(bench.nodes)
    node = helper.make_node(operator, [str(place), *weights], [str(place + 1)])
    node.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
    bench.nodes.append(node)
    bench.shape = shape
    bench.shapes.append(shape)
    bench.parameters.append(parameters)
    bench.work += prod(shape) * each


def _pair(value: int | tuple[int, int]) -> list[int]:
    return [value, value] if isinstance(value, int) else list(value)
