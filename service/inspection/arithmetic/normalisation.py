"""Turns a place in a normalisation's output into the number that went in, and what it was measured against."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from onnx import NodeProto

from service.inspection.arithmetic.account import Account, result, show
from service.inspection.arithmetic.movement import Box, point
from service.inspection.arithmetic.reading import Index, Reading
from service.inspection.arithmetic.trace import NeighbourTerms, Step, StepTerms


def account_for_batch_norm(reading: Reading, node: NodeProto, index: Index) -> Account:
    """BatchNormalization with the mean and variance that were measured in the training."""
    names = ("scale", "bias", "mean", "variance")
    told = {name: float(reading.array(value)[index[1]]) for name, value in zip(names, node.input[1:], strict=True)}
    return _normalise(reading, node, index, told, [point(node.input[0], index)])


def account_for_instance_norm(reading: Reading, node: NodeProto, index: Index) -> Account:
    """InstanceNormalization: mean and variance are those of the channel's own map."""
    values = reading.array(node.input[0])[index[:2]].astype(np.float64)
    scale, bias = (float(reading.array(value)[index[1]]) for value in node.input[1:3])
    told = {"scale": scale, "bias": bias, "mean": float(values.mean()), "variance": float(values.var())}
    last = tuple(size - 1 for size in values.shape)
    box = Box(node.input[0], (*index[:2], *(0 for _ in last)), (*index[:2], *last))
    return _normalise(reading, node, index, told, [box])


def account_for_layer_norm(reading: Reading, node: NodeProto, index: Index) -> Account:
    """LayerNormalization: mean and variance are those of the last dimensions at this place of the others."""
    axis = int(str(reading.attributes(node).get("axis", -1))) % len(index)
    values = reading.array(node.input[0])[index[:axis]].astype(np.float64)
    told = {"mean": float(values.mean()), "variance": float(values.var())}
    told["scale"] = reading.number(node.input[1], index)
    told["bias"] = reading.number(node.input[2], index) if len(node.input) > 2 and node.input[2] else 0.0
    last = tuple(size - 1 for size in values.shape)
    box = Box(node.input[0], (*index[:axis], *(0 for _ in last)), (*index[:axis], *last))
    return _normalise(reading, node, index, told, [box])


def account_for_lrn(reading: Reading, node: NodeProto, index: Index) -> Account:
    """LRN: divided by a power of what the neighbouring channels have at the same place.

    Source: ONNX operator specification, LRN.
    """
    attributes = reading.attributes(node)
    told = {name: float(str(attributes[name])) for name in ("size", "alpha", "beta", "bias")}
    inputs, channel, size = reading.array(node.input[0]), index[1], int(told["size"])
    first = max(0, channel - (size - 1) // 2)
    last = min(inputs.shape[1] - 1, channel + size // 2)
    neighbours = np.array([float(inputs[(0, near, *index[2:])]) for near in range(first, last + 1)])
    squares = neighbours**2
    total = float(squares.sum())
    divisor = (told["bias"] + told["alpha"] / size * total) ** told["beta"]
    x = float(neighbours[channel - first])
    terms = NeighbourTerms(
        channels=[first, last],
        inputs=neighbours.tolist(),
        squares=squares.tolist(),
        sum=total,
        parameters=told,
        divisor=divisor,
    )
    value = x / divisor
    box = Box(node.input[0], (0, first, *index[2:]), (0, last, *index[2:]))
    return Account(value, terms, result(f"{x:.4g} / {divisor:.4g}", value), [box])


def _normalise(
    reading: Reading, node: NodeProto, index: Index, measured: Mapping[str, float], drawn: Sequence[Box]
) -> Account:
    """The four steps that all of them have."""
    epsilon = float(str(reading.attributes(node).get("epsilon", 1e-5)))
    told = {**measured, "epsilon": epsilon}
    x = reading.number(node.input[0], index)
    deviation = math.sqrt(told["variance"] + epsilon)
    centred = x - told["mean"]
    scaled = centred / deviation
    stretched = scaled * told["scale"]
    value = stretched + told["bias"]
    lines = [
        (f"{x:.4g} − {show(told['mean'])}", centred),
        (f"{centred:.4g} / √({told['variance']:.4g} + {epsilon:.4g})", scaled),
        (f"{scaled:.4g} × {show(told['scale'])}", stretched),
        (f"{stretched:.4g} + {show(told['bias'])}", value),
    ]
    steps = [Step(operator=node.op_type, formula=result(*line), value=line[1]) for line in lines]
    whole = f"({x:.4g} − {show(told['mean'])}) / {deviation:.4g} × {show(told['scale'])} + {show(told['bias'])}"
    return Account(value, StepTerms(x=x, parameters=told, steps=steps), result(whole, value), drawn)
