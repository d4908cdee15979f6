"""Turns nodes into the names of their layers: module paths where the file has them."""

import ast
from collections import Counter
from collections.abc import Sequence

from onnx import NodeProto

INPUT = "input"
"""What a layer that reads the picture itself names as its input."""


def name_layers(nodes: Sequence[NodeProto], operations: Sequence[str]) -> list[str]:
    """A name for each layer: its module path, with the operation added where several share one.

    Args:
        nodes: of each layer the one that it is named after.
        operations: what each layer does, in a word.
    """
    paths = [module_path(node) for node in nodes]
    shared = Counter(path for path in paths if path)
    names: list[str] = []
    for node, operation, path in zip(nodes, operations, paths, strict=True):
        if path and shared[path] == 1:
            name = path
        elif path:
            name = f"{path}.{operation}"
        else:
            name = node.name or node.output[0]
        names.append(_unused(name, names))
    return names


def module_path(node: NodeProto) -> str:
    """Where in the PyTorch module tree a node comes from, as its exporter noted it; empty where it didn't.

    The note is the repr of a list of scopes from the outermost in, the last of them the operation itself:
    `['', 'features', 'features.conv1', 'conv2d']`.
    """
    notes = [entry.value for entry in node.metadata_props if entry.key == "pkg.torch.onnx.name_scopes"]
    if not notes:
        return ""
    try:
        scopes = ast.literal_eval(notes[0])
    except (ValueError, SyntaxError):
        return ""
    return str(scopes[-2]) if isinstance(scopes, list) and len(scopes) > 1 else ""


def _unused(name: str, used: list[str]) -> str:
    """The name itself, or with the first number that makes it unique."""
    number, candidate = 2, name
    while candidate in used or candidate == INPUT:
        candidate = f"{name}_{number}"
        number += 1
    return candidate
