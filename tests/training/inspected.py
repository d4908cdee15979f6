"""Exports networks, takes them into the service, and holds what it says of their layers to PyTorch's forward hooks."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from service.contract import Manifest, MnistForm, PictureInput, Stretch
from service.decode import Picture
from service.engine import Provider, load_engine
from service.evidence import Evidence
from service.inspection.activations import Inspector, load_inspector
from service.published import PublishedVersion
from tests.published import evidence, manifest
from training.export import ExportedGraph
from training.serving_graph import Preprocessing, ServingGraph

GREY = PictureInput(height=28, width=28, channels=1, resize=MnistForm())


def pixels_of(channels: int, height: int, width: int) -> PictureInput:
    return PictureInput(height=height, width=width, channels=3 if channels == 3 else 1, resize=Stretch())


def serving(network: nn.Module, spec: PictureInput, head: str = "softmax") -> ServingGraph:
    assert head in {"softmax", "sigmoid"}
    mean = [0.1, 0.4, 0.7][: spec.channels]
    return ServingGraph(
        Preprocessing(mean, [0.3] * spec.channels), network, "softmax" if head == "softmax" else "sigmoid"
    )


def published(exported: ExportedGraph, spec: PictureInput, labels: int) -> PublishedVersion:
    made: Manifest = manifest(exported.onnx, labels=tuple(f"label {index}" for index in range(labels)))
    kept: Evidence = evidence()
    return PublishedVersion(
        folder=Path("brightness/1"), version=1, manifest=made.model_copy(update={"input": spec}), evidence=kept,
        onnx=exported.onnx,
    )  # fmt: skip


def leaves(graph: ServingGraph) -> Iterator[tuple[str, nn.Module]]:
    for name, module in graph.named_modules():
        if not list(module.children()):
            yield name.removeprefix("network."), module


def hooked(graph: ServingGraph, pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> dict[str, Tensor]:
    """What PyTorch's own forward hooks see of every module."""
    seen: dict[str, Tensor] = {}
    handles = []
    for name, module in leaves(graph):
        handles.append(module.register_forward_hook(lambda _, __, output, name=name: seen.__setitem__(name, output)))
    with torch.inference_mode():
        graph.eval()(torch.from_numpy(pixels.copy()))
    for handle in handles:
        handle.remove()
    return seen


def compare(graph: ServingGraph, version: PublishedVersion, pictures: Sequence[Picture]) -> Inspector:
    """Hold every layer of an inspection session to PyTorch's hooks, and its end to the serving session."""
    inspector: Inspector = load_inspector(version, Provider.CPU, threads=1)
    engine = load_engine(version.manifest, version.onnx, Provider.CPU, threads=1)
    compared = [name for name, module in leaves(graph) if not isinstance(module, nn.Dropout)]
    assert set(compared) <= {layer.name for layer in inspector.layers}, "every module is a layer of its name"
    for pixels in pictures:
        expected = hooked(graph, pixels[np.newaxis])
        activations = {layer.name: values for layer, values in inspector.activations(pixels)}
        for name in compared:
            truth = expected[name][0].numpy()
            assert activations[name].shape == truth.shape
            assert np.abs(activations[name] - truth).max() <= 1e-4 * max(np.abs(truth).max(), 1e-6), name
        served = engine.run(pixels[np.newaxis])
        assert served.probabilities[0] == pytest.approx(activations["softmax"], abs=1e-5)
    return inspector
