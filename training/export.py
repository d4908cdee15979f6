"""Turns a trained network into the bytes of a serving graph: uint8 pixels in, logits and probabilities out."""

import ast
import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import onnx
import torch
from torch import Tensor, nn

from service.contract import LOGITS, PIXELS, PROBABILITIES, PictureInput
from training.serving_graph import ServingGraph

_SCOPES = "pkg.torch.onnx.name_scopes"
"""The exporter's note on a node of where in the module tree it comes from; the service names layers by it."""


@dataclass(frozen=True)
class ExportedGraph:
    """A serving graph in a file's form."""

    onnx: bytes
    opset: int


def export(graph: ServingGraph, spec: PictureInput) -> ExportedGraph:
    """Export to one self-contained ONNX file with an open batch size; the same weights give the same bytes.

    Every module's output is made an output of the graph while the exporter optimises, and ordinary again afterwards:
    so it can't fold a BatchNorm into its convolution, and the values carry their modules' names.

    Raises:
        onnx.checker.ValidationError: the exporter made a file that is no valid ONNX.
    """
    tapped = _Tapped(graph).eval()
    example = torch.zeros((2, spec.height, spec.width, spec.channels), dtype=torch.uint8)
    with torch.inference_mode():
        tapped(example)  # to learn the names of the taps
    names = [LOGITS, PROBABILITIES, *tapped.names]
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            tapped,
            (example,),
            dynamo=True,
            external_data=False,
            input_names=[PIXELS],
            output_names=names,
            dynamic_shapes=({0: torch.export.Dim("n")},),
        )
    if program is None:
        raise RuntimeError("the exporter gave no program")
    model = program.model_proto
    _drop_taps(model)
    _strip(model)
    onnx.checker.check_model(model, full_check=True)
    opset = next(entry.version for entry in model.opset_import if entry.domain in {"", "ai.onnx"})
    return ExportedGraph(model.SerializeToString(deterministic=True), opset)


class _Tapped(nn.Module):
    """A graph that also returns what each of its innermost modules gave, but for the two results themselves."""

    def __init__(self, graph: ServingGraph) -> None:
        super().__init__()
        self.serving = graph  # not `graph`: the exporter's own module has an attribute of that name
        self.names: list[str] = []

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        taps: dict[str, Tensor] = {}
        with contextlib.ExitStack() as stack:
            for name, module in self.serving.named_modules():
                if not list(module.children()):
                    stack.enter_context(_hook(module, name, taps))
            results = self.serving(pixels)
        taps = {name: tensor for name, tensor in taps.items() if not any(tensor is result for result in results)}
        self.names = [_short(name) for name in taps]
        return (*results, *taps.values())


@contextlib.contextmanager
def _hook(module: nn.Module, name: str, taps: dict[str, Tensor]) -> Iterator[None]:
    def keep(_: nn.Module, __: object, output: Tensor) -> None:
        taps[name] = output

    handle = module.register_forward_hook(keep)
    try:
        yield
    finally:
        handle.remove()


def _drop_taps(model: onnx.ModelProto) -> None:
    """Make the taps ordinary values again; their shapes stay known. What only a tap read, a Dropout's copy, goes."""
    taps = list(model.graph.output)[2:]
    del model.graph.output[2:]
    needed = {output.name for output in model.graph.output}
    for node in reversed(list(model.graph.node)):
        if needed.intersection(node.output):
            needed.update(node.input)
        else:
            model.graph.node.remove(node)
    computed = {name for node in model.graph.node for name in node.output}
    shapes = {value.name: value for value in (*model.graph.value_info, *taps) if value.name in computed}
    del model.graph.value_info[:]  # it also repeats the weights, under their old names
    model.graph.value_info.extend(shapes.values())


def _strip(model: onnx.ModelProto) -> None:
    """Remove all notes but the module paths: the exporter's hold source lines and paths of the machine it ran on."""
    graph = model.graph
    for noted in (model, graph, *graph.initializer, *graph.input, *graph.output, *graph.value_info):
        del noted.metadata_props[:]
        noted.doc_string = ""
    for node in graph.node:
        scopes = [entry.value for entry in node.metadata_props if entry.key == _SCOPES]
        del node.metadata_props[:]
        node.doc_string = ""
        if scopes:
            node.metadata_props.add(key=_SCOPES, value=repr(_short_scopes(scopes[0])))
    renamed = {tensor.name: _short(tensor.name) for tensor in graph.initializer}
    for tensor in graph.initializer:
        tensor.name = renamed[tensor.name]
    for node in graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = renamed.get(name, name)


def _short_scopes(note: str) -> list[str]:
    """The scopes of a node without the wrappers' own: `['', 'conv1', 'conv2d']`."""
    *path, operation = ast.literal_eval(note)
    shortened = [_short(scope) for scope in path]
    return ["", *(scope for scope in shortened if scope), operation]


def _short(name: str) -> str:
    """A module path as the network's author knows it: `serving.network.conv1` -> `conv1`."""
    for wrapper in ("serving", "network"):
        name = "" if name == wrapper else name.removeprefix(f"{wrapper}.")
    return name


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter prints its steps and warns of its own internals; what it makes is checked afterwards instead."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
