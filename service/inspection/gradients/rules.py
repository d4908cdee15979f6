"""Turns an operator's name into the rule that differentiates it."""

from collections.abc import Callable, Mapping, Sequence

from onnx import NodeProto

from service.inspection.gradients import (
    activation,
    convolution,
    elementwise,
    indexing,
    linear,
    normalisation,
    pooling,
    reduction,
    shape,
)
from service.inspection.gradients.builder import Builder, Rules

RULES: Rules = {
    **activation.RULES,
    **convolution.RULES,
    **elementwise.RULES,
    **indexing.RULES,
    **linear.RULES,
    **normalisation.RULES,
    **pooling.RULES,
    **reduction.RULES,
    **shape.RULES,
}
"""Operators of one output, or of which only the first is read."""

RULES_OF_SEVERAL: Mapping[str, Callable[[NodeProto, Sequence[str], Builder], Sequence[str | None]]] = {
    "Split": indexing.split,
}
"""Operators of several outputs: from the cotangents of all of them."""
