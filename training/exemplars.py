"""Turns a network and its validation pictures into what excites each of its channels most: `exemplars/` of a version.

The folder stays within its budget, 5 MB at most, by this rule. At most 2,000 validation pictures are looked at, layers
of more than 512 channels are passed by, and a picture that several channels answer to is stored once. Four pictures are
kept for each channel; where they are too much, two, then one; where that is still too much, only the first layers, as
many as fit.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from service.contract import EXEMPLARS_FILE, EXEMPLARS_FOLDER
from service.evidence import Exemplar, Exemplars
from training.data.dataset import Dataset, Split
from training.serving_graph import ServingGraph
from training.thumbnail import draw_thumbnail

PICTURES = 2000
"""At most so many of the validation split are looked at, evenly spread over it."""

CHANNELS = 512
"""A layer of more is passed by: nobody looks through so many."""

KEPT = (4, 2, 1)
"""Pictures for each channel, the first number with which all fits."""

BUDGET = 5.0
"""Megabytes of the folder, at most."""

SIDE = 64
"""Longer side of a stored picture in pixels, at most."""

_BATCH = 250
_BATCH_PIXELS = 250 * 64 * 64
"""Of large pictures a batch has fewer: a layer's values for all of them are in memory at once."""

_PASSING_ON = (nn.Flatten, nn.Dropout, nn.Dropout2d, nn.Identity)
"""They compute nothing, so there is nothing that a picture could excite."""


def find_exemplars(graph: ServingGraph, dataset: Dataset, budget: float = BUDGET) -> tuple[Exemplars, dict[str, bytes]]:
    """Look through the validation split; the same network and pictures give the same bytes.

    Args:
        graph: the trained network; it is left in evaluation mode.
        dataset: its validation split is looked at.
        budget: megabytes.

    Returns:
        The document, and the files of `exemplars/` (the document among them) by path in the version's folder; no file
        where there is no validation picture.
    """
    split = dataset.validation
    positions = np.unique(np.linspace(0, max(0, len(split) - 1), min(len(split), PICTURES)).astype(np.int64))
    rankings = _rank(graph, split, positions)
    shelf = _Shelf(split, dataset.labels)
    if not len(positions):
        return Exemplars(pictures=0, layers={}), {}
    for kept in KEPT:
        document = Exemplars(pictures=len(positions), layers={
            name: shelf.list_exemplars(ranking, kept) for name, ranking in rankings.items()
        })  # fmt: skip
        if shelf.weigh(document) <= budget * 1e6:
            break
    while shelf.weigh(document) > budget * 1e6 and document.layers:
        document = document.model_copy(update={"layers": dict(list(document.layers.items())[:-1])})
    return document, shelf.files(document)


@dataclass
class _Ranking:
    """The most exciting pictures of each of a layer's C channels so far, (4, C) each, best first."""

    values: Tensor
    pictures: Tensor
    """Positions in the split."""
    places: Tensor
    """Of the largest value in the flattened feature map."""
    lowest: Tensor
    """(C,): the least that any picture's largest value was; a picture that did no better excites nothing."""
    columns: int
    """Of the feature map."""

    def merge(self, later: "_Ranking") -> "_Ranking":
        """The best of both; of equals the earlier, for which the sort has to be a stable one."""
        values = torch.cat([self.values, later.values])
        order = values.argsort(dim=0, descending=True, stable=True)[: KEPT[0]]
        return _Ranking(
            values.gather(0, order),
            torch.cat([self.pictures, later.pictures]).gather(0, order),
            torch.cat([self.places, later.places]).gather(0, order),
            torch.minimum(self.lowest, later.lowest),
            self.columns,
        )


def _rank(graph: ServingGraph, split: Split, positions: NDArray[np.int64]) -> dict[str, _Ranking]:
    """By layer, in the order of computation."""
    graph.eval()
    device = graph.preprocessing.mean.device
    rankings: dict[str, _Ranking] = {}
    height, width = split.pictures[slice(0, 1)].shape[1:3] if len(positions) else (1, 1)
    size = max(1, min(_BATCH, _BATCH_PIXELS // (height * width)))
    with torch.inference_mode():
        for start in range(0, len(positions), size):
            chosen = positions[start : start + size]
            with _watching(graph.network) as seen:
                graph.logits(torch.tensor(split.pictures[chosen], device=device))
            for name, (values, places, columns) in seen.items():
                pictures = torch.from_numpy(chosen)[:, None].expand_as(places)
                some = _Ranking(values, pictures, places, values.amin(dim=0), columns)
                rankings[name] = rankings.get(name, _empty_like(some)).merge(some)
    return rankings


def _empty_like(ranking: _Ranking) -> _Ranking:
    nothing = slice(0, 0)
    return _Ranking(
        ranking.values[nothing], ranking.pictures[nothing], ranking.places[nothing], ranking.lowest, ranking.columns
    )


_Seen = dict[str, tuple[Tensor, Tensor, int]]
"""By layer: (n, C) largest values, (n, C) places in the flattened feature map, columns of it."""


@contextmanager
def _watching(network: nn.Module) -> Iterator[_Seen]:
    """Notes each layer's largest values, under the name that the service knows it by: the module's path.

    A module of modules counts where it adds something of its own at the end, such as a residual block's sum. One that
    is called several times doesn't: it is several layers, and none of its name.
    """
    seen: _Seen = {}
    calls: Counter[str] = Counter()
    last: list[Tensor] = []  # at most one

    def note(name: str, module: nn.Module, output: object) -> None:
        if not isinstance(output, Tensor):
            return
        adds_nothing = any(module.children()) and any(output is before for before in last)
        last[:] = [output]
        calls[name] += 1
        if adds_nothing or isinstance(module, _PASSING_ON):
            return
        if output.ndim in {2, 4} and output.shape[1] <= CHANNELS:
            largest = output.flatten(2).max(dim=2) if output.ndim == 4 else (output, torch.zeros_like(output).long())
            seen[name] = largest[0].float().cpu(), largest[1].cpu(), output.shape[3] if output.ndim == 4 else 1

    with ExitStack() as stack:
        for name, module in network.named_modules():
            if name:
                handle = module.register_forward_hook(lambda module, _, output, name=name: note(name, module, output))
                stack.callback(handle.remove)
        yield seen
    for name in [name for name in seen if calls[name] > 1]:
        del seen[name]


@dataclass
class _Shelf:
    """The validation pictures as small PNGs, each drawn when it is first needed."""

    split: Split
    labels: Sequence[str]
    _positions: dict[str, int] = field(default_factory=dict)
    """In the split, by file name."""
    _drawn: dict[str, bytes] = field(default_factory=dict)
    """By file name."""

    def list_exemplars(self, ranking: _Ranking, kept: int) -> tuple[tuple[Exemplar, ...], ...]:
        """For each channel its most exciting pictures, at most `kept`."""
        columns = zip(
            ranking.values[:kept].T.tolist(), ranking.pictures[:kept].T.tolist(), ranking.places[:kept].T.tolist(),
            ranking.lowest.tolist(), strict=True,
        )  # fmt: skip
        return tuple(
            tuple(
                self._exemplar(value, picture, *divmod(place, ranking.columns))
                for value, picture, place in zip(values, pictures, places, strict=True)
                if value > lowest
            )
            for values, pictures, places, lowest in columns
        )

    def weigh(self, document: Exemplars) -> int:
        """Bytes of the folder."""
        return sum(len(content) for content in self.files(document).values())

    def files(self, document: Exemplars) -> dict[str, bytes]:
        """The folder's files, by path in the version's folder."""
        names = {exemplar.file for channels in document.layers.values() for kept in channels for exemplar in kept}
        return {
            f"{EXEMPLARS_FOLDER}/{EXEMPLARS_FILE}": document.model_dump_json().encode(),
            **{f"{EXEMPLARS_FOLDER}/{name}": self._draw(name) for name in sorted(names)},
        }

    def _exemplar(self, value: float, position: int, y: int, x: int) -> Exemplar:
        file = f"{position:05d}.png"
        self._positions[file] = position
        label = self.labels[int(self.split.labels[position])]
        return Exemplar(file=file, label=label, value=float(f"{value:.5g}"), y=y, x=x)

    def _draw(self, file: str) -> bytes:
        if file not in self._drawn:
            position = self._positions[file]
            self._drawn[file] = draw_thumbnail(self.split.pictures[slice(position, position + 1)][0], SIDE)
        return self._drawn[file]
