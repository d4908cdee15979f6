"""Gives networks twice: as the service sees them, from an ONNX file, and as PyTorch does."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from service.contract import PictureInput as Input
from service.contract import Stretch
from service.engine import Pixels, Provider
from service.inspection.activations import Inspector, load_inspector
from service.inspection.attribution.explain import Attribution, Method, Options, Question, explain
from service.published import PublishedVersion
from tests.training.inspected import published
from training.export import export
from training.networks.catalogue import NETWORKS
from training.serving_graph import Preprocessing, ServingGraph

BUDGET = 2**29


class Scorer(nn.Module):
    """(n, h, w, c) float32 from 0 to 255 -> (n, K) logits, as PyTorch computes them."""

    def __init__(self, graph: ServingGraph) -> None:
        super().__init__()
        self.graph = graph

    def forward(self, pictures: Tensor) -> Tensor:
        return self.graph.logits(pictures)


@dataclass(frozen=True)
class Twins:
    """One network in both forms, and pictures for it."""

    inspector: Inspector
    labels: tuple[str, ...]
    torch: Scorer
    pixels: Pixels
    """(n, h, w, c) uint8."""
    maps: str
    """The layer whose maps are weighed, by its name in both."""

    def explain(self, method: Method, **options: object) -> list[Attribution]:
        """The service's maps of all pictures for the classes that are predicted."""
        return explain(
            self.inspector, self.labels, self.pixels, Question(method, options=Options.model_validate(options)), BUDGET
        )

    @property
    def tensors(self) -> Tensor:
        """The pictures for PyTorch."""
        return torch.from_numpy(self.pixels.astype(np.float32))

    @property
    def classes(self) -> list[int]:
        """What PyTorch predicts."""
        with torch.no_grad():
            return [int(index) for index in self.torch(self.tensors).argmax(dim=1)]

    def module(self) -> nn.Module:
        """PyTorch's own layer."""
        return self.torch.graph.get_submodule(f"network.{self.maps}")


def twin(version: PublishedVersion, pixels: Pixels) -> Twins:
    """A published version, its weights put back into the network that it was trained as."""
    weights = {
        tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy())
        for tensor in onnx.load_model_from_string(version.onnx).graph.initializer
    }
    spec, training = version.manifest.input, version.manifest.training
    assert training is not None
    network = NETWORKS[training.network](spec.channels, spec.height, spec.width, len(version.manifest.labels))
    own = {name: weights[name] for name in network.state_dict() if name in weights}
    missing = network.load_state_dict(own, strict=False).missing_keys
    assert all(name.endswith("num_batches_tracked") for name in missing)
    preprocessing = Preprocessing(
        weights["preprocessing.mean"].ravel().tolist(), weights["preprocessing.std"].ravel().tolist()
    )
    scorer = Scorer(ServingGraph(preprocessing, network.eval(), "softmax")).eval()
    inspector = load_inspector(version, Provider.CPU, 1)
    return Twins(inspector, version.manifest.labels, scorer, pixels, _last_relu(inspector))


@cache
def random_twins() -> Twins:
    """A convolutional network for pictures in colour that has learnt nothing, and noise with a bright patch."""
    torch.manual_seed(3)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 12, 3, padding=1),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(12 * 5 * 6, 20),
        nn.Tanh(),
        nn.Linear(20, 4),
    )
    graph = ServingGraph(Preprocessing([0.1, 0.4, 0.7], [0.3] * 3), network, "softmax").eval()
    spec = Input(height=20, width=24, channels=3, resize=Stretch())
    version = published(export(graph, spec), spec, 4)
    inspector = load_inspector(version, Provider.CPU, 1)
    return Twins(inspector, version.manifest.labels, Scorer(graph).eval(), patches(3, spec), _last_relu(inspector))


def patches(count: int, spec: Input) -> Pixels:
    """Noise with a bright patch somewhere."""
    random = np.random.default_rng(5)
    pictures: NDArray[np.uint8] = random.integers(0, 160, (count, spec.height, spec.width, spec.channels), np.uint8)
    for picture in pictures:
        y, x = random.integers(0, spec.height - 8), random.integers(0, spec.width - 8)
        picture[y : y + 8, x : x + 8] = random.integers(160, 256, spec.channels)
    return pictures


def _last_relu(inspector: Inspector) -> str:
    layers = [layer for layer in inspector.layers if layer.kind == "relu" and len(layer.output_shape) == 3]
    return layers[-1].name
