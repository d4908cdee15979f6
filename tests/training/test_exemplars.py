"""What excites each channel: the truth of PyTorch's own hooks, under the service's names, in no more than 5 MB."""

import dataclasses
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import training.exemplars
from service.contract import PictureInput, Stretch
from service.evidence import Exemplars
from service.inspection.graph import read_layers
from service.published import read_exemplars
from tests.training.learnt import learn, small_network
from training.data.dataset import Dataset, Split
from training.exemplars import find_exemplars
from training.export import export
from training.serving_graph import Preprocessing, ServingGraph


class Block(nn.Module):
    """A way around a convolution, added at the end."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, values: Tensor) -> Tensor:
        after: Tensor = values + self.relu(self.norm(self.conv(values)))
        return after


def residual(channels: int, labels: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(channels, 6, 3, stride=2), Block(6), nn.Dropout(0.5), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(6, labels), nn.Sigmoid(), nn.Linear(labels, labels),
    )  # fmt: skip


def noise(count: int, side: int, channels: int) -> Split:
    random = np.random.default_rng(count)
    pictures = random.integers(0, 256, (count, side, side, channels), np.uint8)
    return Split(pictures, random.integers(0, 3, count))


def noisy(validation: Split, side: int, channels: int) -> Dataset:
    spec = PictureInput(height=side, width=side, channels=3 if channels == 3 else 1, resize=Stretch())
    return Dataset("noise", "", ("a", "b", "c"), spec, validation, validation, validation, ())


def graph_of(network: nn.Module, channels: int) -> ServingGraph:
    return ServingGraph(Preprocessing([0.5] * channels, [0.25] * channels), network, "softmax").eval()


def sizes_of(files: dict[str, bytes]) -> set[tuple[int, int]]:
    return {Image.open(io.BytesIO(content)).size for path, content in files.items() if path.endswith(".png")}


def test_the_exemplars_are_what_pytorch_computes(ticks: Dataset) -> None:
    graph = learn(ticks, steps=10)
    pictures = ticks.validation.pictures[slice(0, 100)]
    document, files = find_exemplars(graph, ticks)
    assert document.pictures == 100
    assert list(document.layers) == ["conv", "relu", "pool", "dense"]
    convolved: Tensor = graph.network.get_submodule("conv")(graph.preprocessing(torch.tensor(pictures)))
    values = {
        "conv": convolved,
        "relu": convolved.relu(),
        "pool": torch.max_pool2d(convolved.relu(), 4),
        "dense": graph.logits(torch.tensor(pictures))[..., None, None],
    }
    for name, channels in document.layers.items():
        truth = values[name].detach().numpy()
        assert len(channels) == truth.shape[1]
        for channel, kept in enumerate(channels):
            largest = truth[:, channel].max(axis=(1, 2))
            assert [item.value for item in kept] == pytest.approx(sorted(largest, reverse=True)[:4], rel=1e-4)
            for item in kept:
                position = int(item.file.removesuffix(".png"))
                assert item.label == ticks.labels[ticks.validation.labels[position]]
                assert truth[position, channel, item.y, item.x] == pytest.approx(item.value, rel=1e-4)
                picture = np.asarray(Image.open(io.BytesIO(files[f"exemplars/{item.file}"])))
                assert np.array_equal(picture, pictures[position, ..., 0])


def test_every_name_is_a_layer_of_the_service() -> None:
    dataset = noisy(noise(30, 20, 3), 20, 3)
    graph = graph_of(residual(3, 3), 3)
    document, _ = find_exemplars(graph, dataset)
    table = {layer.name: layer for layer in read_layers(onnx.load_model_from_string(export(graph, dataset.input).onnx))}
    # not the Dropout and the Flatten, which compute nothing
    assert list(document.layers) == ["0", "1.conv", "1.norm", "1.relu", "1", "3", "5", "6", "7"]
    for name, channels in document.layers.items():
        assert table[name].output_shape[0] == len(channels)
    assert table["1"].kind == "add"


def test_a_channel_that_nothing_excites_has_no_exemplars(ticks: Dataset) -> None:
    graph = learn(ticks, steps=0)
    with torch.no_grad():
        graph.network.get_parameter("conv.weight")[1] = 0
        graph.network.get_parameter("conv.bias")[1] = -1
    document, _ = find_exemplars(graph, ticks)
    assert document.layers["relu"][1] == document.layers["pool"][1] == ()
    assert len(document.layers["relu"][0]) == 4


class Twice(nn.Module):
    """One ReLU called twice: two layers of the service, neither of which has its name."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 3)
        self.relu = nn.ReLU()
        self.flatten = nn.Flatten()

    def forward(self, values: Tensor) -> Tensor:
        return self.flatten(self.relu(1 - self.relu(self.conv(values))).mean((2, 3), keepdim=True))  # type: ignore[no-any-return]


def test_a_module_that_is_called_twice_is_passed_by() -> None:
    document, _ = find_exemplars(graph_of(Twice(), 1), noisy(noise(9, 8, 1), 8, 1))
    assert list(document.layers) == ["conv"]


def test_the_same_network_gives_the_same_bytes_in_batches_of_any_size(
    ticks: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = learn(ticks, steps=10)
    first = find_exemplars(graph, ticks)[1]
    assert find_exemplars(graph, ticks)[1] == first
    monkeypatch.setattr(training.exemplars, "_BATCH_PIXELS", 28 * 28 * 7)
    assert find_exemplars(graph, ticks)[1].keys() == first.keys()


def test_at_most_2000_pictures_are_looked_at() -> None:
    validation = noise(4321, 8, 1)
    document, files = find_exemplars(graph_of(nn.Sequential(nn.Conv2d(1, 500, 3)), 1), noisy(validation, 8, 1))
    assert document.pictures == 2000
    positions = {int(item.file.removesuffix(".png")) for kept in document.layers["0"] for item in kept}
    assert min(positions) < 400
    assert max(positions) > 3900
    assert len(files) == len(positions) + 1


def test_an_empty_validation_split_has_none(ticks: Dataset) -> None:
    empty = dataclasses.replace(ticks, validation=noise(0, 28, 1))
    assert find_exemplars(graph_of(small_network(), 1), empty) == (Exemplars(pictures=0, layers={}), {})


def test_layers_of_very_many_channels_are_passed_by() -> None:
    network = nn.Sequential(nn.Conv2d(1, 513, 3), nn.Conv2d(513, 512, 3))
    document, _ = find_exemplars(graph_of(network, 1), noisy(noise(3, 8, 1), 8, 1))
    assert list(document.layers) == ["1"]


def wide() -> nn.Module:
    return nn.Sequential(*(nn.Conv2d(40 if index else 3, 40, 3, padding=1) for index in range(4)))


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        (5.0, lambda kept, layers: (kept, layers) == (4, 4)),
        (0.9, lambda kept, layers: (kept, layers) == (2, 4)),
        (0.6, lambda kept, layers: (kept, layers) == (1, 4)),
        (0.3, lambda kept, layers: kept == 1 and 1 <= layers < 4),
        (0.0001, lambda kept, layers: (kept, layers) == (0, 0)),
    ],
)
def test_the_folder_stays_within_its_budget(budget: float, expected: Callable[[int, int], bool]) -> None:
    torch.manual_seed(0)
    document, files = find_exemplars(graph_of(wide(), 3), noisy(noise(200, 40, 3), 40, 3), budget)
    most = max((len(kept) for channels in document.layers.values() for kept in channels), default=0)
    assert expected(most, len(document.layers)), (most, list(document.layers), sum(map(len, files.values())))
    assert list(document.layers) == ["0", "1", "2", "3"][: len(document.layers)]
    assert sum(map(len, files.values())) <= budget * 1e6


def test_what_is_written_is_what_the_contract_reads(ticks: Dataset, tmp_path: Path) -> None:
    document, files = find_exemplars(learn(ticks, steps=0), ticks)
    for path, content in files.items():
        assert path.startswith("exemplars/")
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(content)
    assert read_exemplars(tmp_path) == document
    assert sizes_of(files) == {(28, 28)}


def test_large_pictures_are_made_small() -> None:
    _, files = find_exemplars(graph_of(nn.Sequential(nn.Conv2d(3, 2, 3)), 3), noisy(noise(3, 100, 3), 100, 3))
    assert sizes_of(files) == {(64, 64)}
