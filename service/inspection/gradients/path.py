"""Turns a graph into the part of it that a gradient passes through."""

from collections.abc import Sequence
from dataclasses import dataclass

from onnx import NodeProto

from service.inspection.errors import NotDifferentiable
from service.inspection.gradients.builder import FLOATS
from service.inspection.gradients.facts import Facts, reads

_STEPS = {
    "ArgMax", "ArgMin", "Cast", "CastLike", "Equal", "Greater", "GreaterOrEqual", "IsInf", "IsNaN", "Less",
    "LessOrEqual", "NonZero", "Not", "And", "Or", "Xor", "Shape", "Size",
}  # fmt: skip
"""Operators whose results, truths and whole numbers, don't change when their inputs change a little."""


@dataclass(frozen=True)
class Path:
    """What lies between a value and those that its gradient is wanted with respect to. Made by `find_path`."""

    nodes: Sequence[NodeProto]
    """In the order of computation."""
    values: frozenset[str]
    """Those that have a cotangent."""


def find_path(facts: Facts, nodes: Sequence[NodeProto], of: str, wrt: Sequence[str]) -> Path:
    """Find what depends on `wrt` and what `of` depends on.

    Raises:
        NotDifferentiable: floats become integers on the way, other than by an operator of known meaning.
    """
    moved = set(wrt)
    moving = []
    for node in nodes:
        if moved.intersection(reads(node)):
            moving.append(node)
            moved.update(output for output in node.output if output)
    reaching = {of}
    path = []
    for node in reversed(moving):
        if reaching.intersection(node.output):
            path.append(node)
            reaching.update(reads(node))
    for node in path:
        _check_type(facts, node)
    values = {value for value in moved & reaching if facts.types.get(value) in FLOATS}
    return Path(path[::-1], frozenset(values))


def _check_type(facts: Facts, node: NodeProto) -> None:
    """An unknown operator that makes integers could be a quantisation: its gradient isn't to be taken for zero."""
    is_float = any(facts.types.get(output) in FLOATS for output in node.output)
    was_float = any(facts.types.get(value) in FLOATS for value in node.input)
    if was_float and not is_float and node.op_type not in _STEPS:
        raise NotDifferentiable(
            f"no gradient through operator {node.op_type} (node {node.name or node.output[0]!r}): it makes integers"
        )
