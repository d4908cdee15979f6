"""Turns a graph into the nodes between what is fed and what is wanted of it."""

from collections.abc import Iterator, Sequence

import numpy as np
from onnx import NodeProto, helper, numpy_helper

from service.inspection.gradients.facts import Facts, between, needed_nodes, reads


def cut_at(facts: Facts, fed: Sequence[str], wanted: Sequence[str]) -> list[NodeProto]:
    """The nodes that compute what is wanted from what is fed.

    Where they ask for the shape of something before the feeds, usually the number of pictures, they get it from the
    first feed.

    Raises:
        ValueError: a value isn't there, or can't be computed.
    """
    known = {*facts.makers, *facts.source.weights, *(value.name for value in facts.source.inputs)}
    missing = [value for value in (*fed, *wanted) if value not in known]
    if missing:
        raise ValueError(f"the graph has no value {', '.join(map(repr, missing))}")
    available = {*fed, *facts.source.weights}
    nodes = []
    for node in needed_nodes(facts.source.nodes, wanted, fed):
        if all(value in available for value in reads(node)):
            nodes.append(node)
        elif node.op_type == "Shape" and fed and not node.domain:
            nodes.extend(_shape_of_batch(facts, node, fed[0]))
        else:
            continue  # what a shape was asked of, or what it takes to compute it
        available.update(node.output)
    unreachable = [value for value in wanted if value not in available]
    if unreachable:
        raise ValueError(f"{', '.join(map(repr, unreachable))} can't be computed from {', '.join(map(repr, fed))}")
    return nodes


def _shape_of_batch(facts: Facts, node: NodeProto, feed: str) -> Iterator[NodeProto]:
    """What a Shape node gives, for as many pictures as there are in a feed."""
    shape = facts.shapes.get(node.input[0])
    if shape is None or None in shape[1:]:
        raise ValueError(f"the shape of {node.input[0]!r} can't be told from {feed!r}")
    (output,) = node.output
    batch, parts = f"{output}/batch", []
    yield helper.make_node("Shape", [feed], [batch], start=0, end=1)
    for at, size in list(enumerate(shape))[between(node)]:
        name = f"{output}/{at}"
        constant = numpy_helper.from_array(np.array([size or 0], np.int64))
        if size is not None:
            yield helper.make_node("Constant", [], [name], value=constant)
        parts.append(batch if size is None else name)
    if parts:
        yield helper.make_node("Concat", parts, [output], axis=0)
    else:
        empty = numpy_helper.from_array(np.zeros(0, np.int64))
        yield helper.make_node("Constant", [], [output], value=empty)
