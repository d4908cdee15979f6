"""Turns a network's name into it and its serving graph as ONNX: once, however many tests look at it."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import onnx
import torch
from torch import nn

from service.contract import PictureInput
from service.decode import Picture
from service.published import PublishedVersion
from tests.training.inspected import pixels_of, published, serving
from training.export import ExportedGraph, export
from training.networks.catalogue import NETWORKS
from training.serving_graph import ServingGraph

SIZES = {
    "tick-or-cross": (1, 28, 28), "lenet5": (1, 32, 32), "lenet5-tanh": (1, 28, 28), "keras-mnist": (1, 28, 28),
    "tiny-vgg": (3, 32, 32), "small-cnn": (1, 28, 28), "mini-resnet": (1, 28, 28), "small-resnet": (3, 32, 32),
    "alexnet": (3, 64, 64), "zfnet": (3, 64, 64), "vgg11": (3, 32, 32), "vgg16": (3, 32, 32), "vgg19": (3, 32, 32),
    "googlenet": (3, 32, 32), "googlenet-bn": (3, 32, 40), "resnet18": (3, 32, 32), "resnet34": (3, 32, 32),
    "resnet50": (3, 32, 32),
} | {name: (3, 32, 40) for name in NETWORKS if name.startswith("cat-")}  # fmt: skip
"""(c, h, w) to try each network at: small, so that it takes no time."""

LABELS = 3


@dataclass(frozen=True)
class Exported:
    """A network with random weights, as PyTorch and as ONNX know it."""

    graph: ServingGraph
    """In evaluation mode."""
    spec: PictureInput
    file: ExportedGraph

    @property
    def model(self) -> onnx.ModelProto:
        """The file, read anew."""
        return onnx.load_model_from_string(self.file.onnx)

    @property
    def version(self) -> PublishedVersion:
        """As if it were published."""
        return published(self.file, self.spec, LABELS)

    def noise(self, seed: int = 0) -> Picture:
        """(h, w, c) uint8 that the network takes."""
        shape = (self.spec.height, self.spec.width, self.spec.channels)
        return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


@cache
def exported(name: str, seed: int = 0) -> Exported:
    """The network of that name in the catalogue, at its size of `SIZES`; not to be changed."""
    torch.manual_seed(seed)
    picture = SIZES[name]
    spec = pixels_of(*picture)
    graph = serving(settled(NETWORKS[name](*picture, LABELS), picture), spec).eval()
    return Exported(graph, spec, export(graph, spec))


def settled(network: nn.Module, picture: tuple[int, int, int]) -> nn.Module:
    """The network with running statistics that are not 0 and 1."""
    if any(isinstance(module, nn.BatchNorm2d) for module in network.modules()):
        network.train()
        with torch.no_grad():
            network(torch.randn(8, *picture) * 2 + 1)
    return network
