"""Trains MNIST the way that PyTorch's own example program does, to be measured against: its network, loop and pipeline.

Reproduced from what https://github.com/pytorch/examples/tree/main/mnist describes: two 3 x 3 convolutions of 32 and 64
filters, dropout, dense layers of 128 and 10; Adadelta with rate 1, a factor 0.7 each epoch; batches of 64; pictures
decoded, scaled and normalised one by one in a `Dataset`.
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset


class PerSample(Dataset[tuple[Tensor, int]]):
    """Pictures that are converted one at a time, each time anew."""

    def __init__(self, pictures: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
        self._pictures, self._labels = pictures, labels

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        picture = Image.fromarray(self._pictures[index, ..., 0])
        scaled = torch.from_numpy(np.array(picture, np.uint8)).unsqueeze(0).to(torch.float32).div(255)
        return (scaled - 0.1307) / 0.3081, int(self._labels[index])


class Network(nn.Module):
    """1,199,882 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 32, 3), nn.Conv2d(32, 64, 3)
        self.dropout1, self.dropout2 = nn.Dropout(0.25), nn.Dropout(0.5)
        self.dense1, self.dense2 = nn.Linear(9216, 128), nn.Linear(128, 10)

    def forward(self, pictures: Tensor) -> Tensor:
        """(n, 1, 28, 28) -> (n, 10) log-probabilities."""
        maps = functional.max_pool2d(functional.relu(self.conv2(functional.relu(self.conv1(pictures)))), 2)
        hidden = functional.relu(self.dense1(torch.flatten(self.dropout1(maps), 1)))
        return functional.log_softmax(self.dense2(self.dropout2(hidden)), dim=1)


def train(training: PerSample, test: PerSample, seed: int, epochs: int) -> Iterator[float]:
    """The accuracy on the test set after each epoch."""
    torch.manual_seed(seed)
    network = Network()
    optimizer = torch.optim.Adadelta(network.parameters(), lr=1.0)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.7)
    loader = DataLoader(training, batch_size=64, shuffle=True)
    for _ in range(epochs):
        network.train()
        for pictures, labels in loader:
            optimizer.zero_grad()
            functional.nll_loss(network(pictures), labels).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        schedule.step()
        yield _measure(network, test)


def _measure(network: nn.Module, test: PerSample) -> float:
    network.eval()
    right = 0
    with torch.no_grad():
        for pictures, labels in DataLoader(test, batch_size=1000):
            right += int((network(pictures).argmax(dim=1) == labels).sum())
    return right / len(test)
