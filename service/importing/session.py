"""Turns a foreign graph and what it takes into the values it computes, through onnxruntime."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, helper

from service.cores import available_cores
from service.engine import Provider, load_session
from service.errors import ModelRefused
from service.importing.errors import ImportRefused

Array = NDArray[Any]


def run_once(model: ModelProto, feeds: Mapping[str, Array], wanted: Sequence[str]) -> list[Array]:
    """Run a graph for some of its values.

    Args:
        model: the graph; its own outputs need not be among the values.
        feeds: by input.
        wanted: values that the graph computes.

    Raises:
        ImportRefused: onnxruntime can't load or run it.
    """
    return OpenGraph(model, wanted).run(feeds)


class OpenGraph:
    """A graph loaded for some of its values."""

    def __init__(self, model: ModelProto, wanted: Sequence[str]) -> None:
        """Load it.

        Raises:
            ImportRefused: onnxruntime doesn't.
        """
        tapped = ModelProto()
        tapped.CopyFrom(model)
        present = {output.name: output for output in tapped.graph.output}
        del tapped.graph.output[:]
        for value in dict.fromkeys(wanted):
            tapped.graph.output.append(present.get(value) or helper.make_empty_tensor_value_info(value))
        try:
            self._session = load_session(
                "the file", tapped.SerializeToString(), Provider.CPU, available_cores(), optimised=True
            )
        except ModelRefused as error:
            raise ImportRefused(f"onnxruntime can't load the graph: {error.__cause__}") from error
        self._wanted = list(wanted)

    def run(self, feeds: Mapping[str, Array]) -> list[Array]:
        """The values, in the order of `wanted`.

        Raises:
            ImportRefused: onnxruntime can't compute them, or one is no array.
        """
        try:
            found = self._session.run(self._wanted, dict(feeds))
        except Exception as error:  # onnxruntime's exceptions share no base but Exception
            raise ImportRefused(f"onnxruntime can't run the graph: {error}") from error
        if not all(isinstance(value, np.ndarray) for value in found):
            raise ImportRefused("the graph gives lists or tables where a classifier gives numbers")
        return list(found)


class Original:
    """The file as it came, asked about pictures in the form that it takes; what it answers is held against."""

    def __init__(self, model: ModelProto, batch: int | None) -> None:
        """Remember it.

        Args:
            model: as `read_model` gave it; it is not changed.
            batch: pictures that the file takes at a time; None: any number.
        """
        self.model = model
        self.batch = batch
        self._picture = model.graph.input[0].name
        self._open: dict[tuple[str, ...], OpenGraph] = {}

    def run(self, pictures: Array, wanted: Sequence[str]) -> list[Array]:
        """Values for n pictures, asked one at a time, or as many at a time as the file wants.

        Args:
            pictures: (n, …) in the file's layout and type, n any number.
            wanted: values of the graph.

        Returns:
            For each value (n, …); where the graph has lost the batch, (n, K).

        Raises:
            ImportRefused: onnxruntime can't.
        """
        key = tuple(wanted)
        if key not in self._open:
            self._open[key] = OpenGraph(self.model, wanted)
        size = self.batch or 1
        rounds = []
        for start in range(0, len(pictures), size):
            some = pictures[start : start + size]
            filled = np.concatenate([some, np.repeat(some[-1:], size - len(some), axis=0)])
            answers = self._open[key].run({self._picture: filled})
            rounds.append([_per_picture(answer, size)[: len(some)] for answer in answers])
        if any(len({part.shape[1:] for part in parts}) > 1 for parts in zip(*rounds, strict=True)):
            raise ImportRefused("the graph's answers to different pictures are of different sizes: no K for all")
        return [np.concatenate(parts) for parts in zip(*rounds, strict=True)]


def _per_picture(answer: Array, size: int) -> Array:
    """The answer with the batch as its first dimension: a graph for one picture may have dropped it."""
    if answer.ndim and answer.shape[0] == size and (size > 1 or answer.ndim > 1):
        return answer
    if size == 1:
        return answer[np.newaxis]
    raise ImportRefused(f"of {size} pictures the graph gives {list(answer.shape)}: not an answer for each")
