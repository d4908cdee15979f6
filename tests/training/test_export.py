"""A network to one ONNX file: every layer there, named by its module, and nothing of the machine it was made on."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from service.contract import PictureInput
from service.decode import PictureLimits, decode
from service.engine import Provider, load_engine
from service.inspection.activations import load_inspector
from service.preprocess import preprocess
from service.published import PublishedVersion, read_version
from tests.conftest import MODELS
from tests.training.inspected import GREY, compare, pixels_of, published, serving
from training.data.dataset import Dataset
from training.export import export
from training.networks.catalogue import NETWORKS
from training.networks.lenet5 import lenet5
from training.networks.own import Build
from training.networks.tick_or_cross import tick_or_cross
from training.serving_graph import Preprocessing, ServingGraph


class Block(nn.Module):
    """Convolution, BatchNorm, ReLU and a way around them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()

    def forward(self, values: Tensor) -> Tensor:
        after: Tensor = self.relu(self.norm(self.conv(values)) + values)
        return after


def residual(channels: int, height: int, width: int, outputs: int) -> nn.Module:
    """A small network with all that exporters like to fold away."""
    network = nn.Sequential(
        nn.Conv2d(channels, 4, 3), nn.BatchNorm2d(4), Block(4), Block(4), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Dropout(0.5), nn.Linear(4, outputs),
    )  # fmt: skip
    network.train()
    with torch.no_grad():
        for _ in range(3):  # running statistics that are not 0 and 1
            network(torch.randn(8, channels, height, width) * 3 + 1)
    return network


COLOUR = pixels_of(3, 20, 28)


@pytest.mark.parametrize(
    ("network", "spec", "labels"),
    [(lenet5, GREY, 10), (tick_or_cross, GREY, 2), (residual, GREY, 3), (residual, COLOUR, 5)],
    ids=["lenet5", "tick_or_cross", "residual", "residual in colour"],
)
def test_every_layer_is_what_pytorchs_hooks_see(network: Build, spec: PictureInput, labels: int) -> None:
    torch.manual_seed(0)
    graph = serving(network(spec.channels, spec.height, spec.width, labels), spec)
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 255, (spec.height, spec.width, spec.channels), np.uint8) for _ in range(5)]
    compare(graph, published(export(graph, spec), spec, labels), pictures)


@pytest.mark.parametrize("folder", sorted(MODELS.glob("*/*")), ids=lambda folder: f"{folder.parent.name} {folder.name}")
def test_every_layer_of_the_published_models_is_what_pytorchs_hooks_see(folder: Path) -> None:
    """The weights are taken out of the published file, by their names, and put back into PyTorch."""
    version = read_version(folder)
    assert version.manifest.training
    network = NETWORKS[version.manifest.training.network.replace("_", "-")]
    weights = {
        tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy())
        for tensor in onnx.load_model_from_string(version.onnx).graph.initializer
    }
    mean, std = weights["preprocessing.mean"].ravel().tolist(), weights["preprocessing.std"].ravel().tolist()
    spec = version.manifest.input
    trained = network(spec.channels, spec.height, spec.width, len(version.manifest.labels))
    counted = {key: value for key, value in trained.state_dict().items() if key.endswith("num_batches_tracked")}
    trained.load_state_dict({key: weights[key] for key in trained.state_dict().keys() - counted} | counted)
    pictures = [
        preprocess(decode((folder / "samples" / sample.file).read_bytes(), PictureLimits()), spec)
        for sample in version.evidence.samples
    ]
    temperature = float(weights.get("temperature.value", torch.tensor(1.0)))
    compare(ServingGraph(Preprocessing(mean, std), trained, "softmax", temperature), version, pictures)


def test_batch_norm_and_skips_are_layers_of_their_own() -> None:
    graph = serving(residual(1, 28, 28, 3), GREY)
    inspector = load_inspector(published(export(graph, GREY), GREY, 3), Provider.CPU, threads=1)
    kinds = {layer.name: layer.kind for layer in inspector.layers}
    assert kinds["1"] == "batch_norm"
    assert kinds["2.conv"] == "conv"
    assert kinds["2.norm"] == "batch_norm"
    assert kinds["2"] == "add"
    assert kinds["4"] == "global_average_pool"


def test_the_published_digits_graph_agrees_with_itself_optimised_and_not(digits: PublishedVersion) -> None:
    inspector = load_inspector(digits, Provider.CPU, threads=1)
    engine = load_engine(digits.manifest, digits.onnx, Provider.CPU, threads=1)
    spec = digits.manifest.input
    for seed in range(20):
        pixels = np.random.default_rng(seed).integers(0, 255, (spec.height, spec.width, spec.channels), np.uint8)
        last = inspector.activations(pixels)[-1][1]
        assert engine.run(pixels[np.newaxis]).probabilities[0] == pytest.approx(last, abs=1e-5)


def test_the_same_weights_give_the_same_bytes() -> None:
    graph = serving(tick_or_cross(1, 28, 28, 2), GREY)
    assert export(graph, GREY).onnx == export(graph, GREY).onnx


def test_the_file_tells_nothing_of_the_machine_it_was_made_on() -> None:
    content = export(serving(residual(1, 28, 28, 3), GREY), GREY).onnx
    here = Path(__file__).resolve()
    for path in (here.parts[1], here.stem, "site-packages", "torch/", ".py", "stack_trace"):
        assert path.encode() not in content
    model = onnx.load_model_from_string(content)
    assert {entry.key for node in model.graph.node for entry in node.metadata_props} == {"pkg.torch.onnx.name_scopes"}
    assert not model.metadata_props
    assert [output.name for output in model.graph.output] == ["logits", "probabilities"]
    assert {tensor.name for tensor in model.graph.initializer} >= {"7.weight", "2.norm.running_mean"}


def test_any_batch_size_and_a_sigmoid_head() -> None:
    graph = serving(tick_or_cross(1, 28, 28, 3), GREY, head="sigmoid")
    version = published(export(graph, GREY), GREY, 3)
    engine = load_engine(version.manifest, version.onnx, Provider.CPU, threads=1)
    pixels = np.random.default_rng(0).integers(0, 255, (7, 28, 28, 1), np.uint8)
    scores = engine.run(pixels)
    assert scores.probabilities == pytest.approx(1 / (1 + np.exp(-scores.logits)), abs=1e-6)
    for count in (1, 3, 7):
        assert engine.run(pixels[:count]).logits == pytest.approx(scores.logits[:count], abs=1e-5)


def test_exporting_leaves_the_network_as_it_was(ticks: Dataset) -> None:
    graph = serving(tick_or_cross(1, 28, 28, 2), ticks.input)
    pixels = torch.from_numpy(ticks.test.pictures[:4])
    before = graph.eval().logits(pixels)
    export(graph, ticks.input)
    assert torch.equal(graph.eval().logits(pixels), before)
    assert all(not module._forward_hooks for module in graph.modules())
