"""Turns a graph's one input into what pictures it takes: layout, size, channels, type, and why it is thought so."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

from service.contract import MOST_PIXELS
from service.errors import InvalidSetting
from service.importing.errors import ImportRefused, NoPictureInput, SeveralInputs
from service.importing.options import Channels, ImportOptions, Layout
from service.importing.session import run_once

_TYPES = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.UINT8}

_SIDES = (224, 28, 32, 64, 96, 112, 128, 160, 192, 227, 240, 256, 299, 320, 384, 512)
"""Tried in this order where the file leaves the size open: networks that take any are mostly trained on 224."""

_TO_NCHW, _TO_NHWC = [0, 3, 1, 2], [0, 2, 3, 1]


@dataclass(frozen=True)
class PictureForm:
    """What the file takes: (n, channels, height, width), or with the channels last."""

    name: str
    """Of the graph's input."""
    element: int
    """onnx.TensorProto's number of the type."""
    layout: Layout
    height: int
    width: int
    channels: int
    order: Channels
    batch: int | None
    """Pictures at a time; None: any number."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one picture, as the file takes it."""
        first = (self.channels, self.height, self.width)
        return first if self.layout == "nchw" else (*first[1:], first[0])

    @property
    def pixel_channels(self) -> int:
        """Of the pixels that go in front: 1 or 3."""
        return 1 if self.order == "gray" else 3


def find_form(model: ModelProto, options: ImportOptions) -> tuple[PictureForm, list[str]]:
    """Find out what pictures a graph takes, and say why.

    Args:
        model: as `read_model` gave it, tidied.
        options: what was said goes before what is found.

    Raises:
        SeveralInputs: it takes more than a picture.
        NoPictureInput: what it takes is none, or it can't be told.
        InvalidSetting: what was said contradicts the file.
    """
    value = _only_input(model)
    element, sizes = _signature(value)
    layout, why = _find_layout(model, value.name, sizes, options.layout)
    reasons = [f"layout {layout}: {why}"]
    rows = 2 if layout == "nchw" else 1
    channels = _find_channels(model, value.name, sizes[1 if layout == "nchw" else 3], options)
    order: Channels = options.channels or ("gray" if channels == 1 else "rgb")
    if channels == 1 and order != "gray":
        raise InvalidSetting(f"--channels {order}: the network takes one channel, so it can only be gray")
    otherwise = "" if options.channels or channels == 1 else " (--channels bgr otherwise)"
    reasons.append(f"channels: {channels}, taken as {order}{otherwise}")
    batch = sizes[0]
    size, why = _find_size(model, value.name, element, layout, channels, (sizes[rows], sizes[rows + 1]), batch, options)
    reasons.append(f"size {size[0]}x{size[1]}: {why}")
    return PictureForm(value.name, element, layout, *size, channels, order, batch), reasons


def _only_input(model: ModelProto) -> ValueInfoProto:
    inputs: list[ValueInfoProto] = list(model.graph.input)
    if len(inputs) > 1:
        names = ", ".join(value.name for value in inputs)
        raise SeveralInputs(f"the graph takes {len(inputs)} inputs, {names}; a classifier takes one, the picture")
    if not inputs:
        raise NoPictureInput("the graph takes no input at all")
    return inputs[0]


def _signature(value: ValueInfoProto) -> tuple[int, list[int | None]]:
    """The type, and four sizes, None where open."""
    if not value.type.HasField("tensor_type"):
        raise NoPictureInput(f"the input {value.name!r} is no tensor, so no picture")
    tensor = value.type.tensor_type
    if tensor.elem_type not in _TYPES:
        name = TensorProto.DataType.Name(tensor.elem_type).lower() if tensor.elem_type else "of no type"
        raise NoPictureInput(f"the input {value.name!r} is {name}; pictures are float or uint8")
    if not tensor.HasField("shape"):
        return tensor.elem_type, [None] * 4
    sizes = [dimension.dim_value if dimension.dim_value > 0 else None for dimension in tensor.shape.dim]
    if len(sizes) != 4:
        spelt = " x ".join(str(size or "?") for size in sizes)
        raise NoPictureInput(
            f"the input {value.name!r} has {len(sizes)} dimensions ({spelt or 'one number'}); a batch of pictures has 4"
        )
    return tensor.elem_type, sizes


def _find_layout(model: ModelProto, name: str, sizes: list[int | None], said: Layout | None) -> tuple[Layout, str]:
    if said is not None:
        return said, "as you said"
    first, last = sizes[1] in {1, 3}, sizes[3] in {1, 3}
    spelt = " x ".join(str(size or "?") for size in sizes)
    if first and not last:
        return "nchw", f"the input is {spelt}"
    if last and not first:
        return "nhwc", f"the input is {spelt}"
    traced = _trace(model, name)
    if traced.conv is not None:
        return traced.layout, f"the first convolution ({traced.conv.name}) has the channels so"
    if first and last:
        return "nchw", f"the input is {spelt}, which could be either; --layout nhwc otherwise"
    raise NoPictureInput(
        f"the input {name!r} is {spelt}: neither the second nor the last dimension is 1 or 3 channels; if it is a"
        " picture nevertheless, say --layout"
    )


@dataclass(frozen=True)
class _Trace:
    """What the way from the input to the first convolution tells."""

    conv: NodeProto | None
    layout: Layout
    channels: int | None


def _trace(model: ModelProto, name: str) -> _Trace:
    shapes = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    layout: Layout = "nchw"
    for node in follow(model, name):
        if node.op_type == "Transpose":
            permutation = next((list(entry.ints) for entry in node.attribute if entry.name == "perm"), [])
            layout = "nhwc" if permutation == _TO_NCHW else layout
        if node.op_type == "Conv":
            group = next((entry.i for entry in node.attribute if entry.name == "group"), 1)
            weights = shapes.get(node.input[1])
            return _Trace(node, layout, weights[1] * group if weights and len(weights) == 4 else None)
    return _Trace(None, layout, None)


def follow(model: ModelProto, name: str) -> Iterator[NodeProto]:
    """The nodes that the picture goes through first, as long as it stays one value."""
    value = name
    for node in model.graph.node:
        if value in node.input and node.op_type not in {"Shape", "Size"}:
            yield node
            value = node.output[0]


def _find_channels(model: ModelProto, name: str, size: int | None, options: ImportOptions) -> int:
    channels = size or _trace(model, name).channels
    if channels is None and options.channels:
        channels = 1 if options.channels == "gray" else 3
    if channels is None:
        raise NoPictureInput(f"nothing in the file tells how many channels {name!r} has: say --channels rgb or gray")
    if channels not in {1, 3}:
        raise NoPictureInput(f"the input {name!r} has {channels} channels; a picture has 1 or 3")
    return channels


def _find_size(  # noqa: PLR0913, PLR0917 - what an input consists of
    model: ModelProto,
    name: str,
    element: int,
    layout: Layout,
    channels: int,
    sizes: tuple[int | None, int | None],
    batch: int | None,
    options: ImportOptions,
) -> tuple[tuple[int, int], str]:
    height, width = sizes
    if options.size is not None:
        for found, said in zip(sizes, options.size, strict=True):
            if found not in {None, said}:
                raise InvalidSetting(
                    f"--input-size {options.size[0]}x{options.size[1]}: the file takes {height or '?'}x{width or '?'}"
                )
        return _checked(name, batch, options.size), "as you said"
    if height and width:
        return _checked(name, batch, (height, width)), "the file says it"
    preset = options.chosen_preset().size
    candidates = [preset] if preset else [(height or width or side, width or height or side) for side in _SIDES]
    dtype = helper.tensor_dtype_to_np_dtype(element)
    outputs = [output.name for output in model.graph.output]
    for size in dict.fromkeys(candidates):
        _checked(name, batch, size)
        shape = (batch or 1, channels, *size) if layout == "nchw" else (batch or 1, *size, channels)
        try:
            run_once(model, {name: np.zeros(shape, dtype)}, outputs)
        except ImportRefused:
            continue
        return size, f"the file leaves it open; {'the preset says so' if preset else 'it works'} (--input-size)"
    raise NoPictureInput("the file leaves height and width open, and none that was tried works: say --input-size")


def _checked(name: str, batch: int | None, size: tuple[int, int]) -> tuple[int, int]:
    """The size, unless nobody could hold such pictures in memory."""
    height, width = size
    if (batch or 1) * height * width > MOST_PIXELS:
        raise NoPictureInput(
            f"the input {name!r} is {batch or 1:,} picture(s) of {height:,} x {width:,} pixels; together they may have"
            f" {MOST_PIXELS:,}"
        )
    return size
