"""Turns two published versions and a test split into what sets them apart: figures, and where they disagree."""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.table import Table

from service.engine import Provider, load_engine
from service.errors import InvalidSetting
from service.published import PublishedVersion
from training.config import TrainingConfig
from training.data.dataset import Dataset
from training.data.source import load_dataset
from training.evaluate import answer


@dataclass(frozen=True)
class Disagreement:
    """A test picture that two versions answer differently."""

    index: int
    """Its place in the test split."""
    true: str
    first: str
    second: str


@dataclass(frozen=True)
class Comparison:
    """Two versions on the same pictures."""

    names: tuple[str, str]
    """`<model>/<version>` each."""
    pictures: int
    accuracies: tuple[float, float]
    only_first_right: int
    only_second_right: int
    disagreements: tuple[Disagreement, ...]

    def table(self) -> Table:
        """The figures, for a terminal."""
        table = Table("", *self.names)
        table.add_row("accuracy", *(f"{accuracy:.2%}" for accuracy in self.accuracies))
        table.add_row("right where the other is wrong", str(self.only_first_right), str(self.only_second_right))
        return table


def compare(first: PublishedVersion, second: PublishedVersion, config: TrainingConfig) -> tuple[Comparison, Dataset]:
    """Ask both versions about every picture of the test split, each in the form that it takes.

    Args:
        first: a version.
        second: another; its labels have to be the same, in any order.
        config: names the data set.

    Returns:
        What came of it, and the data set in the first version's form.

    Raises:
        InvalidSetting: the labels differ.
        DatasetUnavailable: the pictures can't be had.
    """
    if set(first.manifest.labels) != set(second.manifest.labels):
        raise InvalidSetting("the two versions have different labels, so there is nothing to compare")
    datasets = [_load(version, config) for version in (first, second)]
    true = np.array(datasets[0].labels)[datasets[0].test.labels]
    answers = [_answer(version, dataset) for version, dataset in zip((first, second), datasets, strict=True)]
    right = [given == true for given in answers]
    differing = np.flatnonzero(answers[0] != answers[1])
    comparison = Comparison(
        names=(_spell(first), _spell(second)),
        pictures=len(true),
        accuracies=(float(right[0].mean()), float(right[1].mean())),
        only_first_right=int((right[0] & ~right[1]).sum()),
        only_second_right=int((right[1] & ~right[0]).sum()),
        disagreements=tuple(
            Disagreement(int(at), str(true[at]), str(answers[0][at]), str(answers[1][at])) for at in differing
        ),
    )
    return comparison, datasets[0]


def draw_disagreement(dataset: Dataset, disagreement: Disagreement) -> bytes:
    """The picture as the first version's network sees it, as a PNG."""
    pixels = dataset.test.pictures[slice(disagreement.index, disagreement.index + 1)][0]
    content = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(content, "PNG")
    return content.getvalue()


def _load(version: PublishedVersion, config: TrainingConfig) -> Dataset:
    spec = version.manifest.input
    size = {"height": spec.height, "width": spec.width, "channels": spec.channels}
    return load_dataset(config.model_copy(update=size))


def _answer(version: PublishedVersion, dataset: Dataset) -> NDArray[np.str_]:
    engine = load_engine(version.manifest, version.int8 or version.onnx, Provider.CPU, threads=1)
    best = answer(engine, dataset.test).logits.argmax(axis=1)
    answers: NDArray[np.str_] = np.array(version.manifest.labels)[best]
    return answers


def _spell(version: PublishedVersion) -> str:
    return f"{version.name}/{version.version}"
