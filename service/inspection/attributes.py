"""Turns a node into its attributes: kernel, strides, pads and the like, with ONNX's defaults filled in."""

from onnx import AttributeProto, NodeProto, defs, helper

from service.inspection.dataflow import Dataflow
from service.inspection.layer import Attribute

WINDOWED = {"Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool"}
"""Operators that slide a window over their input."""

_UNTOLD = {"storage_order", "dtype", "seed", "training_mode"}
"""Of no consequence for what a layer computes."""


def read_attributes(node: NodeProto, flow: Dataflow) -> dict[str, Attribute]:
    """The operator's numbers and words.

    Windowed operators have `kernel_shape`, `strides`, `dilations` and `pads` (ONNX's order: top, left, bottom, right)
    whether the file says so or not; `auto_pad` is worked out to the pads that it comes to.
    """
    attributes = _defaults(node, flow.opset)
    for attribute in node.attribute:
        value = _plain(helper.get_attribute_value(attribute))
        if value is not None and attribute.name not in _UNTOLD:
            attributes[attribute.name] = value
    if node.op_type in WINDOWED:
        _complete_window(node, flow, attributes)
    if node.op_type == "Clip":
        for name, value in zip(("min", "max"), node.input[1:], strict=False):
            if value in flow.fixed:
                attributes[name] = float(flow.fixed[value])
    return attributes


def _defaults(node: NodeProto, opset: int) -> dict[str, Attribute]:
    try:
        schema = defs.get_schema(node.op_type, opset, node.domain)
    except defs.SchemaError:  # an operator of someone's own
        return {}
    found = {}
    for name, attribute in schema.attributes.items():
        default = attribute.default_value
        if default.type != AttributeProto.UNDEFINED and name not in _UNTOLD:
            value = _plain(helper.get_attribute_value(default))
            if value is not None:
                found[name] = value
    return found


def _plain(value: object) -> Attribute | None:
    """Numbers, words and lists of numbers; None for tensors and graphs."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, int | float | str):
        return value
    items = list(value) if hasattr(value, "__iter__") else []
    return items if items and all(isinstance(item, int | float) for item in items) else None


def _complete_window(node: NodeProto, flow: Dataflow, attributes: dict[str, Attribute]) -> None:
    if "kernel_shape" not in attributes and node.op_type.startswith("Conv") and node.input[1] in flow.fixed:
        attributes["kernel_shape"] = flow.fixed.shape(node.input[1])[2:]
    kernel = attributes.get("kernel_shape")
    if not isinstance(kernel, list):
        return
    ones: list[int] = [1] * len(kernel)
    attributes.setdefault("strides", list(ones))
    attributes.setdefault("dilations", list(ones))
    auto_pad = attributes.pop("auto_pad", "NOTSET")
    if auto_pad in {"SAME_UPPER", "SAME_LOWER"}:
        attributes["pads"] = _same_pads(node, flow, attributes, lower=auto_pad == "SAME_LOWER")
    elif auto_pad == "VALID":
        attributes["pads"] = [0] * (2 * len(kernel))
    attributes.setdefault("pads", [0] * (2 * len(kernel)))


def _same_pads(node: NodeProto, flow: Dataflow, attributes: dict[str, Attribute], *, lower: bool) -> list[int]:
    """The pads with which an output is as large as the input divided by the stride, rounded up.

    Source: ONNX operator specification, Conv, `auto_pad`; ConvTranspose's output is the input times the stride.
    """
    sizes = flow.shapes.get(node.input[0], [])[1:]
    kernel, strides, dilations = (integers(attributes, name) for name in ("kernel_shape", "strides", "dilations"))
    begins, ends = [], []
    for size, extent, stride, dilation in zip(sizes, kernel, strides, dilations, strict=False):
        window = (extent - 1) * dilation + 1
        if node.op_type == "ConvTranspose":
            total = max(0, window - stride)
        else:
            total = max(0, (-(-size // stride) - 1) * stride + window - size)
        begins.append(total - total // 2 if lower else total // 2)
        ends.append(total - begins[-1])
    return begins + ends


def integers(attributes: dict[str, Attribute], name: str) -> list[int]:
    """A list of whole numbers among attributes, kernel_shape say; empty where there is none."""
    value = attributes.get(name)
    return [int(item) for item in value] if isinstance(value, list) else []
